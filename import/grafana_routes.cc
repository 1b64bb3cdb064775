// Grafana OnCall's routes: a template, or a regular expression over the alert's JSON, that says whether an alert goes by a chain.
// Of templates those are understood that compare labels with words; no template is ever evaluated.
#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"

#include "base/strings.h"
#include "import/grafana_escalation.h"
#include "import/intervals.h"
#include "import/matching.h"

namespace tocsin::import::grafana {
namespace {

constexpr std::size_t kTemplateBytes = 4096;

bool IsWord(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
}

// {{ payload.commonLabels.severity == "critical" and "db" in payload.labels.team or ... }}
class Template {
 public:
  explicit Template(std::string_view text) : rest_(Trim(text)) {}

  // Alternatives, each a conjunction; nullopt: it says more than that.
  std::optional<std::vector<std::vector<Matcher>>> Read() {
    if (!Take("{{")) return std::nullopt;
    std::vector<std::vector<Matcher>> any(1);
    while (true) {
      const std::optional<Matcher> matcher = ReadComparison();
      if (!matcher) return std::nullopt;
      any.back().push_back(*matcher);
      if (Take("}}")) break;
      if (TakeWord("or")) {
        any.emplace_back();
      } else if (!TakeWord("and")) {
        return std::nullopt;
      }
    }
    if (!Trim(rest_).empty() || !std::ranges::all_of(any, AreUsable)) return std::nullopt;
    return any;
  }

 private:
  bool Take(std::string_view token) {
    rest_ = Trim(rest_);
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  bool TakeWord(std::string_view word) {
    rest_ = Trim(rest_);
    if (!rest_.starts_with(word) || (rest_.size() > word.size() && IsWord(rest_[word.size()]))) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  std::optional<std::string> TakeText() {
    rest_ = Trim(rest_);
    if (rest_.empty() || (rest_.front() != '"' && rest_.front() != '\'')) return std::nullopt;
    const std::size_t end = rest_.find(rest_.front(), 1);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view text = rest_.substr(1, end - 1);
    if (text.find('\\') != std::string_view::npos) return std::nullopt;
    rest_.remove_prefix(end + 1);
    return std::string(text);
  }

  // payload.alerts[0].labels.severity, payload["severity"], payload.get("severity"): the last name is the label's.
  std::optional<std::string> TakeLabel() {
    if (!TakeWord("payload")) return std::nullopt;
    std::string name;
    while (!rest_.empty()) {
      if (rest_.starts_with("[0]")) {
        rest_.remove_prefix(3);
      } else if (rest_.starts_with("[") || rest_.starts_with(".get(")) {
        const char close = rest_.front() == '[' ? ']' : ')';
        rest_.remove_prefix(rest_.front() == '[' ? 1 : 5);
        const auto key = TakeText();
        if (!key || !Take(std::string_view(&close, 1))) return std::nullopt;
        name = *key;
      } else if (rest_.front() == '.') {
        std::size_t end = 1;
        while (end < rest_.size() && IsWord(rest_[end]))
          ++end;
        name = std::string(rest_.substr(1, end - 1));
        rest_.remove_prefix(end);
      } else {
        break;
      }
    }
    if (name.empty()) return std::nullopt;
    return name;
  }

  std::optional<Matcher> ReadComparison() {
    if (const std::optional<std::string> text = TakeText()) {
      const bool same = Take("==");
      const bool other = !same && Take("!=");
      const bool negated = !same && !other && TakeWord("not");
      if (!same && !other && !TakeWord("in")) return std::nullopt;
      const auto label = TakeLabel();
      if (!label) return std::nullopt;
      if (same || other) return MatcherOf(*label, Likeness::kIs, *text, other);
      return MatcherOf(*label, Likeness::kContains, *text, negated);
    }
    const std::optional<std::string> label = TakeLabel();
    if (!label) return std::nullopt;
    const bool same = Take("==");
    if (!same && !Take("!=")) return std::nullopt;
    const std::optional<std::string> text = TakeText();
    if (!text) return std::nullopt;
    return MatcherOf(*label, Likeness::kIs, *text, !same);
  }

  std::string_view rest_;
};

// "severity": "critical", as it stands in the alert's JSON; other expressions may mean anything.
std::optional<Matcher> OfRegex(std::string_view regex) {
  std::string plain;
  for (std::size_t i = 0; i < regex.size(); ++i) {
    if (regex.substr(i).starts_with("\\s*") || regex.substr(i).starts_with("\\s+")) {
      i += 2;
    } else if (regex[i] != '"' && regex[i] != ' ') {
      plain += regex[i];
    }
  }
  const std::size_t colon = plain.find(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == plain.size()) return std::nullopt;
  for (std::size_t i = 0; i < plain.size(); ++i) {
    if (i != colon && !IsWord(plain[i]) && plain[i] != '-') return std::nullopt;
  }
  return MatcherOf(plain.substr(0, colon), Likeness::kIs, plain.substr(colon + 1), false);
}

std::optional<std::vector<std::vector<Matcher>>> ConditionOf(const Item& route) {
  const std::string text = route.Text("routing_regex");
  if (text.empty() || text.size() > kTemplateBytes) return std::nullopt;
  if (route.Text("routing_type") == "jinja2" || text.starts_with("{{")) return Template(text).Read();
  const std::optional<Matcher> matcher = OfRegex(text);
  if (!matcher) return std::nullopt;
  return std::vector<std::vector<Matcher>>{{*matcher}};
}

// An integration's own says no condition.
bool IsLast(const Item& route) {
  return route.Flag("is_the_last_route") || route.Text("routing_regex").empty();
}

class Router {
 public:
  explicit Router(Draft& draft) : draft_(draft) {}

  // Those of one integration, in their order.
  void Read(const std::vector<Item>& routes, Route& parent) {
    for (const Item& item : routes) {
      const std::string* policy = draft_.policies.Find(item.Text("escalation_chain_id"));
      const bool nobody = item.Text("escalation_chain_id").empty();
      if (policy == nullptr && !nobody) {
        item.Lose(Grade::kWho, "a route to a chain that is not in the export", "left out");
        continue;
      }
      if (IsLast(item)) {
        if (policy != nullptr) parent.policy = PolicyId(*policy);
        if (nobody) Put(item, {}, {}, parent);
        continue;
      }
      const auto any = ConditionOf(item);
      if (!any) {
        item.Lose(Grade::kWho, "a route by more than labels that are compared with words",
                  "left out: say by a route with matchers which alerts go to its chain");
        continue;
      }
      item.Lose(Grade::kHow, "a route by the alert's JSON", "by its labels: send as labels what it asks for");
      for (const std::vector<Matcher>& matchers : *any)
        Put(item, matchers, policy == nullptr ? PolicyId() : PolicyId(*policy), parent);
    }
  }

 private:
  void Put(const Item& item, const std::vector<Matcher>& matchers, const PolicyId& policy, Route& parent) {
    Route route = draft_.RouteOf(item.Text("id"), matchers, policy);
    if (!policy.set()) {
      if (const auto always = Always(item, draft_)) route.mute_time_intervals = {*always};
    }
    parent.children.push_back(std::move(route));
  }

  Draft& draft_;
};

}  // namespace

void ReadRoutes(const Gathering& found, Draft& draft) {
  std::map<std::string, std::vector<Item>> by_integration;
  for (const Gathered& route : found.of("routes"))
    by_integration[route.item.Text("integration_id")].push_back(route.item);
  for (const Gathered& integration : found.of("integrations")) {
    const Item& item = integration.item;
    const Item route = item["default_route"];
    std::vector<Item>& routes = by_integration[item.Text("id")];
    const bool known = std::ranges::any_of(routes, IsLast);
    if (known || !route.is_map() || draft.policies.Find(route.Text("escalation_chain_id")) == nullptr) continue;
    routes.push_back(route);
  }
  Router router(draft);
  Route& root = draft.organisation().route;
  for (auto& [id, routes] : by_integration) {
    const auto order = [](const Item& item) { return std::pair(IsLast(item), item.Number("position", 0, 100'000, 0)); };
    std::ranges::stable_sort(routes, {}, order);
    if (by_integration.size() == 1) {
      router.Read(routes, root);
      continue;
    }
    const std::string name = SafeId(id);
    Route route = draft.RouteOf("integration-" + name,
                                {
                                    {"integration", MatchOp::kEqual, name}
    },
                                PolicyId());
    router.Read(routes, route);
    if (!route.policy.set() && route.children.empty()) continue;
    routes.front().Lose(
        Grade::kHow, "which integration an alert came by",
        absl::StrFormat("alerts with the label integration=%s go by these routes: give it to the integration's labels",
                        JsonQuote(name)));
    root.children.push_back(std::move(route));
  }
}

}  // namespace tocsin::import::grafana
