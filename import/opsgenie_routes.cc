// Opsgenie's routing rules: the first that fits an alert and the time says where it goes.
//
// A route that is outside of its hours keeps its alerts and mutes them; it does not pass them on. So a rule with hours
// becomes a route that is active inside of them and goes on, and all rules after it are muted in the same hours.
#include <algorithm>
#include <span>

#include "absl/strings/str_format.h"

#include "base/strings.h"
#include "import/intervals.h"
#include "import/matching.h"
#include "import/opsgenie.h"

namespace tocsin::import::opsgenie {
namespace {

constexpr int kRoutesOfTeam = 200;
constexpr std::size_t kRules = 100;

struct Rule {
  Item item;
  std::vector<std::vector<Matcher>> any;  // the alert fits when it fits one of these; one that is empty fits all
  std::optional<TimeIntervalId> hours;
  PolicyId policy;
  bool nobody = false;  // what fits is told to nobody
  bool takes_all() const { return any.size() == 1 && any.front().empty(); }
};

// What an alert's fields are called as labels.
std::string LabelOf(const Item& condition) {
  const std::string field = condition.Text("field");
  if (field == "extra-properties" || field == "details") return condition.Text("key");
  if (field == "message") return "alertname";
  if (field == "tags" || field == "source" || field == "entity" || field == "priority") return field;
  return "";
}

std::optional<Matcher> MatcherOf(const Item& condition) {
  const std::string label = LabelOf(condition);
  const std::string operation = condition.Text("operation");
  const std::string value = condition.Text("expectedValue");
  const bool negated = condition.Flag("not");
  const bool list = label == "tags" && condition.Text("field") == "tags";
  if (operation == "contains-key") return import::MatcherOf(value, Likeness::kIs, "", !negated);
  if (operation == "is-empty") return import::MatcherOf(label, Likeness::kIs, "", negated);
  if (operation == "equals" && !list) return import::MatcherOf(label, Likeness::kIs, value, negated);
  if (operation == "contains" || (operation == "equals" && list)) {
    return import::MatcherOf(label, Likeness::kContains, value, negated);
  }
  if (operation == "starts-with" && !list) return import::MatcherOf(label, Likeness::kBegins, value, negated);
  if (operation == "ends-with" && !list) return import::MatcherOf(label, Likeness::kEnds, value, negated);
  if (operation == "matches") return import::MatcherOf(label, Likeness::kRegex, value, negated);
  return std::nullopt;
}

// nullopt: matchers cannot say it.
std::optional<std::vector<std::vector<Matcher>>> MatchersOf(const Item& criteria) {
  const std::string type = criteria.Text("type");
  if (type.empty() || type == "match-all") return std::vector<std::vector<Matcher>>{{}};
  std::vector<std::vector<Matcher>> any;
  for (const Item& condition : criteria.Items("conditions")) {
    const std::optional<Matcher> matcher = MatcherOf(condition);
    if (!matcher) return std::nullopt;
    if (any.empty() || type == "match-any-condition") any.emplace_back();
    any.back().push_back(*matcher);
  }
  if (any.empty() || !std::ranges::all_of(any, AreUsable)) return std::nullopt;
  return any;
}

class Tree {
 public:
  Tree(const TeamId& team, Draft& draft) : team_(team), draft_(draft) {}

  std::optional<Rule> Read(const Item& item) {
    Rule rule{item, {}, {}, {}, false};
    const auto any = MatchersOf(item["criteria"]);
    if (!any) {
      item.Lose(Grade::kWho, "a routing rule by what matchers of labels cannot say",
                "left out: its alerts go by the rules after it");
      return std::nullopt;
    }
    rule.any = *any;
    const std::vector<Restriction> windows = WindowsOf(item["timeRestriction"]);
    if (!windows.empty()) {
      const std::string zone = item["timezone"].present() ? draft_.Zone(item, "timezone") : "UTC";
      rule.hours = HoursOf(item, "routing of " + team_.value(), windows, zone, draft_);
      if (!rule.hours) return std::nullopt;
      item.Lose(Grade::kHow, "it is asked which rule holds when an alert is created",
                "what still fires when hours begin or end is told to whoever they belong to, too");
    }
    if (!ReadPolicy(item["notify"], rule)) return std::nullopt;
    const bool conditional = !rule.takes_all() && !told_;
    if (conditional) {
      told_ = true;
      item.Lose(Grade::kHow, "conditions on an alert's message, tags, source, entity, priority and details",
                "on the labels alertname, tags, source, entity, priority, and those that the details are called: send "
                "them as labels");
    }
    return rule;
  }

  // All routes of `rules` below `parent`, muted in `mutes`.
  void Add(Route& parent, std::span<const Rule> rules, std::vector<TimeIntervalId> mutes) {
    while (!rules.empty() && left_ > 0 && draft_.has_room_for_routes()) {
      const Rule& rule = rules.front();
      rules = rules.subspan(1);
      for (const std::vector<Matcher>& matchers : rule.any) {
        if (rule.hours && !matchers.empty()) {
          Route& node = Put(parent, rule, matchers, {});
          std::vector<TimeIntervalId> later = mutes;
          AddInHours(node, rule, mutes);
          later.push_back(*rule.hours);
          Add(node, rules, std::move(later));
        } else if (rule.hours) {
          AddInHours(parent, rule, mutes);
          mutes.push_back(*rule.hours);
        } else {
          Put(parent, rule, matchers, mutes);
        }
      }
      if (rule.takes_all() && !rule.hours) return;
    }
    if (left_ <= 0 && !rules.empty()) {
      rules.front().item.Lose(Grade::kWho, absl::StrFormat("its rules come to more than %d routes", kRoutesOfTeam),
                              "the rest is left out");
    }
  }

 private:
  bool ReadPolicy(const Item& notify, Rule& rule) {
    const std::string type = notify.Text("type");
    rule.nobody = type == "none";
    if (rule.nobody) return true;
    if (const std::string* id = Known(draft_.policies, notify); type == "escalation" && id != nullptr) {
      rule.policy = PolicyId(*id);
      return true;
    }
    const std::string* schedule = Known(draft_.schedules, notify);
    if (type != "schedule" || schedule == nullptr) {
      rule.item.Lose(Grade::kWho, "a routing rule to something that is not in the export", "left out");
      return false;
    }
    EscalationPolicy direct;
    direct.id = PolicyId(draft_.policies.Claim(*schedule));
    direct.name = direct.id.value();
    direct.team = team_;
    direct.steps.push_back({absl::Minutes(5), {ScheduleTarget{ScheduleId(*schedule)}}});
    rule.policy = direct.id;
    draft_.Put(std::move(direct));
    return true;
  }

  Route& Put(Route& parent, const Rule& rule, std::vector<Matcher> matchers, const std::vector<TimeIntervalId>& mutes) {
    --left_;
    Route route = draft_.RouteOf(team_.value(), std::move(matchers), rule.policy);
    if (!rule.policy.set()) route.policy = parent.policy;
    route.mute_time_intervals = mutes;
    if (rule.nobody) {
      if (const auto always = Always(rule.item, draft_)) route.mute_time_intervals = {*always};
    }
    return parent.children.emplace_back(std::move(route));
  }

  void AddInHours(Route& parent, const Rule& rule, const std::vector<TimeIntervalId>& mutes) {
    Route& route = Put(parent, rule, {}, mutes);
    if (!rule.nobody) route.active_time_intervals = {*rule.hours};
    route.continue_matching = true;
  }

  const TeamId& team_;
  Draft& draft_;
  int left_ = kRoutesOfTeam;
  bool told_ = false;
};

}  // namespace

void ReadRoutes(const Item& list, const TeamId& team, const Item& of, Draft& draft) {
  Tree tree(team, draft);
  std::vector<Item> items = list.Items();
  const auto order = [](const Item& item) {
    return std::pair(item.Flag("isDefault"), item.Number("order", 0, 10'000, 0));
  };
  std::ranges::stable_sort(items, {}, order);
  if (items.size() > kRules) {
    list.Lose(Grade::kWho, absl::StrFormat("more than %d routing rules", kRules), "the rest is left out");
    items.erase(items.begin() + kRules, items.end());
  }
  std::vector<Rule> rules;
  for (const Item& item : items) {
    if (auto rule = tree.Read(item)) rules.push_back(*std::move(rule));
  }
  const auto main = std::ranges::find_if(rules, [](const Rule& rule) { return rule.takes_all() && !rule.hours; });
  if (rules.empty()) return;
  const PolicyId policy = main != rules.end() ? main->policy : rules.back().policy;
  Route route = draft.RouteOf(team.value(),
                              {
                                  {"team", MatchOp::kEqual, team.value()}
  },
                              policy);
  if (rules.size() > 1 || main == rules.end() || main->nobody) tree.Add(route, rules, {});
  draft.organisation().route.children.push_back(std::move(route));
  of.Lose(Grade::kHow, "alerts name the team that answers them",
          absl::StrFormat("alerts with the label team=%s go by its routing rules", JsonQuote(team.value())));
}

}  // namespace tocsin::import::opsgenie
