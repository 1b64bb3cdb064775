#include "api/compat/alertmanager_alerts.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include "api/compat/alertmanager_wire.h"
#include "api/records.h"
#include "base/status.h"
#include "base/strings.h"

namespace tocsin::alertmanager {
namespace {

constexpr std::size_t kGroupsPerSlice = 1000;  // looked up at a time on the responder's thread
constexpr std::string_view kReceiverLabel = "receiver";
// What Alertmanager adds to an alert without an end. Whoever asks again later sees it moved on.
constexpr absl::Duration kResolveTimeout = absl::Minutes(5);

std::vector<LabelView> Views(const Labels& labels) {
  std::vector<LabelView> views;
  views.reserve(labels.size());
  for (const Label& label : labels)
    views.push_back({label.name, label.value});
  return views;
}

std::string QuotedList(const std::vector<std::string>& texts) {
  return absl::StrCat(
      "[", absl::StrJoin(texts, ",", [](std::string* out, const std::string& text) { *out += JsonQuote(text); }), "]");
}

// When the alert is taken to have recovered unless it is sent again. Leases are kept in whole seconds, rounded up; a little slack
// keeps two clocks that drift apart from showing the second before.
absl::Time EndOf(const AlertRecord& alert, const Now& now) {
  if (alert.lease_until == EngineTime::Infinite()) return now.wall + kResolveTimeout;
  const absl::Time end = now.wall + (alert.lease_until - now.engine) + absl::Milliseconds(50);
  return absl::FromUnixSeconds(absl::ToUnixSeconds(end));
}

// An alert with what is known of it before all others have been seen.
struct Listed {
  std::uint64_t fingerprint = 0;
  absl::Time updated_at;
  Labels labels;
  std::string before_status;
  std::string after_status;
  std::vector<std::string> silenced_by;
  Hold hold;
  std::vector<std::pair<GroupKey, RouteId>> groups;  // those that the query asks for
};

// Reads all alerts that fire and keeps those that a query asks for.
class Scan {
 public:
  // Which receivers an alert shows: those of all its routes, or of those that the query asks for.
  enum class Receivers : std::uint8_t {
    kAll,
    kAsked
  };
  Scan(Api& api, const ClientRules& rules, const AlertQuery& query, Receivers shown)
      : api_(api), rules_(rules), query_(query), shown_(shown), now_(api.engine.Read()) {}

  absl::Status Run() {
    // Where alerts inhibit others, all of them are looked at, for what they hold back.
    const AlertFilter filter{.matchers = rules_.inhibitions().empty() ? &query_.filter : nullptr,
                             .standing = AlertFilter::Standing::kActive};
    for (std::uint32_t shard = 0; shard < api_.engine.shard_count(); ++shard) {
      std::uint64_t cursor = 0;
      do {
        std::vector<AlertRecord> slice;
        api_.engine.ReadShardAndWait(shard, [&](const Shard& table) {
          cursor = table.List(cursor, kReadSlice, filter, [&](const AlertRecord& alert) {
            slice.push_back(alert);
            return true;
          });
        });
        for (AlertRecord& alert : slice)
          Look(std::move(alert));
        if (listed_.size() > kMostAlerts) {
          return Invalid("more than %d alerts: ask for a part of them, as with filter=severity%%3D%%22critical%%22",
                         kMostAlerts);
        }
      } while (cursor != 0);
    }
    FinishSources();
    DropTwins();
    return absl::OkStatus();
  }

  const std::vector<Listed>& listed() const { return listed_; }
  const Now& now() const { return now_; }

  std::string Render(const Listed& alert, const std::vector<std::string>& muted_by) const {
    const bool suppressed = alert.hold.set() || !muted_by.empty();
    return absl::StrCat(alert.before_status, "{\"inhibitedBy\":", QuotedList(InhibitedBy(alert)),
                        ",\"mutedBy\":", QuotedList(muted_by), ",\"silencedBy\":", QuotedList(alert.silenced_by),
                        ",\"state\":\"", suppressed ? "suppressed" : "active", "\"}", alert.after_status);
  }

 private:
  void Look(AlertRecord alert) {
    const std::vector<LabelView> labels = Views(alert.summary.labels);
    CountSources(alert, labels);
    if (!query_.filter.Match(std::span<const LabelView>(labels))) return;
    Listed listed;
    std::vector<std::string> receivers;
    for (std::size_t i = 0; i < alert.groups.size() && i < alert.routes.size(); ++i) {
      const std::string_view receiver = rules_.ReceiverOf(alert.routes[i]);
      const bool asked = query_.Takes(receiver);
      if (asked) listed.groups.emplace_back(alert.groups[i], alert.routes[i]);
      if (asked || shown_ == Receivers::kAll) receivers.emplace_back(receiver);
    }
    if (listed.groups.empty()) return;
    listed.hold = alert.hold;
    if (!listed.hold.set() && !query_.active) return;
    if (listed.hold.set()) listed.silenced_by = SilencedBy(alert, labels);
    if (!listed.silenced_by.empty() && !query_.silenced) return;
    if (!query_.inhibited && IsTargetHeld(listed, labels)) return;
    Fill(std::move(alert), receivers, listed);
    listed_.push_back(std::move(listed));
  }

  // Whether somebody inhibits it: the rules' own word, since not all sources have been seen yet.
  bool IsTargetHeld(const Listed& listed, std::span<const LabelView> labels) const {
    if (!listed.hold.set()) return false;
    if (listed.hold.kind() == Hold::Kind::kInhibition) return true;
    const RulesPtr rules = api_.engine.rules();
    return rules && rules->inhibition && rules_.inhibitions().Judge(labels, rules->inhibition->sources).hold.set();
  }

  std::vector<std::string> SilencedBy(const AlertRecord& alert, std::span<const LabelView> labels) const {
    std::vector<SilenceId> ids = rules_.SilencesOf(labels);
    // What the shard goes by may be newer.
    const SilenceId own = alert.hold.silence();
    if (own.set() && std::ranges::find(ids, own) == ids.end()) ids.insert(ids.begin(), own);
    std::vector<std::string> names;
    for (const SilenceId id : ids)
      names.push_back(FormatUuid(id));
    return names;
  }

  void CountSources(const AlertRecord& alert, std::span<const LabelView> labels) {
    if (rules_.inhibitions().empty()) return;
    found_.clear();
    rules_.inhibitions().SourcesOf(labels, found_);
    for (const Inhibitions::Source& source : found_) {
      Sources& sources = sources_[source.key];
      const bool first_one_sided = !source.two_sided && !sources.one_sided;
      if (sources.example.empty() || first_one_sided) sources.example = absl::StrFormat("%016x", alert.fingerprint);
      (source.two_sided ? sources.two_sided : sources.one_sided) = true;
    }
  }

  void FinishSources() {
    const std::vector<std::pair<SourceKey, Sources>> all(sources_.begin(), sources_.end());
    source_set_.Set(all);
  }

  // The fingerprint of one alert that inhibits it.
  std::vector<std::string> InhibitedBy(const Listed& alert) const {
    if (!alert.hold.set() || rules_.inhibitions().empty()) return {};
    const std::vector<LabelView> labels = Views(alert.labels);
    const Inhibitions::Verdict verdict = rules_.inhibitions().Judge(labels, source_set_);
    return verdict.sources == nullptr ? std::vector<std::string>() : std::vector<std::string>{verdict.sources->example};
  }

  void Fill(AlertRecord alert, std::vector<std::string>& receivers, Listed& listed) const {
    listed.fingerprint = alert.fingerprint;
    listed.updated_at = alert.last_seen_at;
    std::vector<std::string> unique;
    for (std::string& receiver : receivers) {
      if (std::ranges::find(unique, receiver) == unique.end()) unique.push_back(std::move(receiver));
    }
    const auto name = [](std::string* out, const std::string& receiver) {
      absl::StrAppend(out, "{\"labels\":{},\"name\":", JsonQuote(receiver), "}");
    };
    listed.before_status = absl::StrCat(
        "{\"annotations\":", FormatLabels(alert.summary.annotations), ",\"endsAt\":\"", WireTime(EndOf(alert, now_)),
        "\",\"fingerprint\":\"", absl::StrFormat("%016x", alert.fingerprint), "\",\"receivers\":[",
        absl::StrJoin(unique, ",", name), "],\"startsAt\":\"", WireTime(alert.summary.starts_at), "\",\"status\":");
    listed.after_status = absl::StrCat(",\"updatedAt\":\"", WireTime(alert.last_seen_at), "\"");
    if (!alert.summary.link.empty())
      absl::StrAppend(&listed.after_status, ",\"generatorURL\":", JsonQuote(alert.summary.link));
    absl::StrAppend(&listed.after_status, ",\"labels\":", FormatLabels(alert.summary.labels), "}");
    listed.labels = std::move(alert.summary.labels);
  }

  // In order of fingerprints. To Alertmanager's clients a label set is one alert, whichever door it came in by: of two the one that
  // was seen last is shown.
  void DropTwins() {
    std::ranges::sort(listed_, [](const Listed& a, const Listed& b) {
      return std::tuple(a.fingerprint, b.updated_at) < std::tuple(b.fingerprint, a.updated_at);
    });
    const auto twins = std::ranges::unique(listed_, [](const Listed& a, const Listed& b) {
      return a.fingerprint == b.fingerprint && a.labels == b.labels;
    });
    listed_.erase(twins.begin(), twins.end());
  }

  Api& api_;
  const ClientRules& rules_;
  const AlertQuery& query_;
  const Receivers shown_;
  const Now now_;
  std::vector<Listed> listed_;
  std::vector<Inhibitions::Source> found_;
  absl::flat_hash_map<SourceKey, Sources> sources_;
  SourceSet source_set_;  // of all shards; each example is a fingerprint
};

// ---- groups ----

struct ListedGroup {
  RouteId route;
  Labels labels;
  std::string receiver;
  std::vector<std::string> muted_by;
  std::vector<const Listed*> alerts;
};

// Alertmanager's order of label sets: fewer labels first; then by the first name that is not the same in both, where a set without
// it comes first.
bool Before(const Labels& a, const Labels& b) {
  if (a.size() != b.size()) return a.size() < b.size();
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].name != b[i].name) return a[i].name > b[i].name;
    if (a[i].value != b[i].value) return a[i].value < b[i].value;
  }
  return false;
}

// By job, then by instance, those that have the label first; then by all labels.
bool ComesFirst(const Listed* a, const Listed* b) {
  for (const std::string_view name : {"job", "instance"}) {
    const std::string_view left = Find(a->labels, name);
    const std::string_view right = Find(b->labels, name);
    if (left == right) continue;
    if (left.empty() || right.empty()) return right.empty();
    return left < right;
  }
  return Before(a->labels, b->labels);
}

// What the responder knows of groups: their labels as they were when they were opened, and what holds a whole group back. A group
// that it does not know has those that its route makes.
void ReadGroups(Api& api, std::map<GroupKey, ListedGroup>& groups) {
  auto at = groups.begin();
  while (at != groups.end()) {
    api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
      const ResponderState& state = responder.state();
      for (std::size_t seen = 0; at != groups.end() && seen < kGroupsPerSlice; ++at, ++seen) {
        const auto current = state.current_group.find(at->first);
        if (current == state.current_group.end()) continue;
        const auto row = state.groups.find(current->second);
        if (row == state.groups.end()) continue;
        at->second.labels = row->second.labels;
        if (at->second.muted_by.empty() && !row->second.held_by.empty()) at->second.muted_by = {row->second.held_by};
      }
    });
  }
}

std::map<GroupKey, ListedGroup> Collect(Api& api, const ClientRules& rules, const Scan& scan) {
  std::map<GroupKey, ListedGroup> groups;
  for (const Listed& alert : scan.listed()) {
    for (const auto& [key, route] : alert.groups) {
      ListedGroup& group = groups[key];
      if (group.alerts.empty()) {
        group.route = route;
        group.labels = rules.GroupLabels(route, alert.labels);
        group.receiver = rules.ReceiverOf(route);
        group.muted_by = rules.MutedBy(route, scan.now().wall);
      }
      group.alerts.push_back(&alert);
    }
  }
  ReadGroups(api, groups);
  return groups;
}

std::string Render(const Scan& scan, ListedGroup& group) {
  std::ranges::stable_sort(group.alerts, ComesFirst);
  std::string json = "{\"alerts\":[";
  for (const Listed* alert : group.alerts) {
    if (alert != group.alerts.front()) json += ',';
    json += scan.Render(*alert, group.muted_by);
  }
  absl::StrAppend(&json, "],\"labels\":", FormatLabels(group.labels),
                  ",\"receiver\":{\"labels\":{},\"name\":", JsonQuote(group.receiver), "},\"routeLabels\":{}}");
  return json;
}

}  // namespace

bool AlertQuery::Takes(std::string_view receiver_name) const {
  const LabelView label{kReceiverLabel, receiver_name};
  return receiver.Match(std::span<const LabelView>(&label, 1));
}

absl::StatusOr<AlertQuery> ReadAlertQuery(std::string_view query) {
  AlertQuery read;
  read.active = FlagOf(query, "active", true);
  read.silenced = FlagOf(query, "silenced", true);
  read.inhibited = FlagOf(query, "inhibited", true);
  read.muted = FlagOf(query, "muted", true);
  std::vector<Matcher> filter;
  for (const FormField& field : ParseForm(query)) {
    if (field.name != "filter") continue;
    TOCSIN_ASSIGN(Matcher matcher, ParseMatcher(field.value));
    filter.push_back(std::move(matcher));
  }
  TOCSIN_TRY(CheckMatcherCount(filter));
  TOCSIN_ASSIGN(read.filter, CompiledMatchers::Compile(filter));
  if (const std::optional<std::string> receiver = QueryValue(query, "receiver"); receiver && !receiver->empty()) {
    const Matcher wanted{std::string(kReceiverLabel), MatchOp::kRegex, *receiver};
    absl::StatusOr<CompiledMatchers> compiled = CompiledMatchers::Compile({&wanted, 1});
    if (!compiled.ok()) return Invalid("failed to parse receiver param: %s", Message(compiled.status()));
    read.receiver = *std::move(compiled);
  }
  return read;
}

absl::StatusOr<std::string> ListAlerts(Api& api, const ClientRules& rules, const AlertQuery& query) {
  Scan scan(api, rules, query, Scan::Receivers::kAll);
  TOCSIN_TRY(scan.Run());
  std::string json = "[";
  for (const Listed& alert : scan.listed()) {
    if (json.size() > 1) json += ',';
    json += scan.Render(alert, {});
  }
  return json + "]\n";
}

absl::StatusOr<std::string> ListAlertGroups(Api& api, const ClientRules& rules, const AlertQuery& query) {
  Scan scan(api, rules, query, Scan::Receivers::kAsked);
  TOCSIN_TRY(scan.Run());
  std::map<GroupKey, ListedGroup> collected = Collect(api, rules, scan);
  std::vector<ListedGroup*> groups;
  for (auto& [key, group] : collected) {
    if (query.muted || group.muted_by.empty()) groups.push_back(&group);
  }
  std::ranges::sort(groups, [](const ListedGroup* a, const ListedGroup* b) {
    if (Before(a->labels, b->labels)) return true;
    if (Before(b->labels, a->labels)) return false;
    return std::tie(a->receiver, a->route) < std::tie(b->receiver, b->route);
  });
  std::string json = "[";
  for (ListedGroup* group : groups) {
    if (json.size() > 1) json += ',';
    json += Render(scan, *group);
  }
  return json + "]\n";
}

}  // namespace tocsin::alertmanager
