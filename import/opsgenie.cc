// Opsgenie, and Jira Service Management's operations: API answers, or the folder that the configuration backup writes.
//
// Rotations are cumulative: everybody who is on call in any of them is notified, so all layers have one priority. An override
// without rotations takes the place of the whole schedule. The delays of an escalation's rules count from the alert, not from
// the rule before.
#include "import/opsgenie.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "absl/strings/str_format.h"

#include "base/strings.h"
#include "config/text.h"
#include "import/layers.h"
#include "import/sources.h"
#include "import/stepping.h"

namespace tocsin::import {
namespace opsgenie {

std::int64_t Seconds(const Item& delay) {
  const std::int64_t amount = delay.Number("timeAmount", 0, 1'000'000, 0);
  const std::string unit = ToLower(delay.Text("timeUnit"));
  if (unit.starts_with("second")) return amount;
  if (unit.starts_with("hour")) return amount * 3600;
  if (unit.starts_with("day")) return amount * 86'400;
  return amount * 60;
}

const std::string* Known(const IdBook& book, const Item& item) {
  const std::string* id = book.Find(item.Text("id"));
  return id != nullptr ? id : book.Find("name:" + item.Text("name"));
}

std::vector<Restriction> WindowsOf(const Item& item) {
  std::vector<Restriction> windows;
  const Item one = item["restriction"];
  const auto minutes = [](const Item& at, std::string_view hour, std::string_view minute) {
    return static_cast<std::int32_t>(at.Number(hour, 0, 24, 0) * 60 + at.Number(minute, 0, 59, 0));
  };
  if (one.present()) {
    Restriction to;
    const std::int32_t start = minutes(one, "startHour", "startMin") % 1440;
    const std::int32_t length = (minutes(one, "endHour", "endMin") - start + 1440) % 1440;
    to.start_minute = start;
    to.duration_minutes = length == 0 ? 1440 : length;
    windows.push_back(to);
  }
  for (const Item& window : item.Items("restrictions")) {
    Restriction to;
    to.type = Restriction::Type::kWeekly;
    const absl::StatusOr<std::int32_t> first = ParseWeekday(window.Text("startDay"));
    const absl::StatusOr<std::int32_t> last = ParseWeekday(window.Text("endDay"));
    if (!first.ok() || !last.ok()) {
      window.Problem("startDay and endDay must be days of the week");
      continue;
    }
    const std::int32_t start = minutes(window, "startHour", "startMin") % 1440;
    constexpr std::int32_t kWeek = 7 * 1440;
    const std::int32_t length =
        ((*last - *first) * 1440 + minutes(window, "endHour", "endMin") - start + 2 * kWeek) % kWeek;
    to.start_day_of_week = *first;
    to.start_minute = start;
    to.duration_minutes = length == 0 ? kWeek : length;
    windows.push_back(to);
  }
  return windows;
}

}  // namespace opsgenie

namespace {

using opsgenie::Known;
using opsgenie::NeedUser;
using opsgenie::Seconds;
using opsgenie::UserKey;
using opsgenie::WindowsOf;

std::span<const Shape> Shapes() {
  static const std::vector<Shape>* const shapes = new std::vector<Shape>{
      {"users",       {"users", "user"}                                         },
      {"teams",       {"teams", "team"}                                         },
      {"schedules",   {"schedules", "schedule"}                                 },
      {"overrides",   {"overrides", "scheduleOverrideList", "scheduleOverrides"}},
      {"timelines",   {"timelines", "timeline"}                                 },
      {"escalations", {"escalations", "escalation"}                             },
      {"forwardings", {"forwardings", "forwarding-rules", "forwardingRules"}    },
      {"policies",    {"policies", "policiesV2"}                                },
  };
  return *shapes;
}

void Call(IdBook& book, const Item& item) {
  const std::string id = book.Known(item.Text("id"), item.Text("name"));
  book.Call("name:" + item.Text("name"), id);
}

// --- schedules ----------------------------------------------------------------------------------------------------------

class Reader {
 public:
  explicit Reader(Draft& draft) : draft_(draft) {}

  void Read(const Gathering& found);

 private:
  void ReadTeam(const Item& item);
  void ReadSchedule(const Item& item, const std::vector<Item>& overrides);
  std::optional<Layer> ReadRotation(const Item& item, const std::string& zone, LayerIds& ids);
  void ReadOverride(const Item& item, Schedule& schedule);
  void ReadTimeline(const Item& item, const std::string& stem);
  void ReadEscalation(const Item& item);
  std::vector<Target> TeamTargets(const Item& item, const std::string& notify);
  // Whoever stands in a place of a rotation, a rule or an override. `depth`: escalations may name each other.
  std::vector<Target> TargetsOf(const Item& item, int depth = 0);

  Draft& draft_;
  std::map<std::string, Item, std::less<>> teams_;                            // by id here
  std::map<std::string, Item, std::less<>> escalations_;                      // by id there
  std::map<ScheduleId, std::map<std::string, LayerId, std::less<>>> layers_;  // by the rotation's id
};

std::vector<Target> Reader::TargetsOf(const Item& item, int depth) {
  const std::string type = item.Text("type");
  if (type == "none") return {};
  if (type == "user" || (type.empty() && !UserKey(item).empty())) {
    const auto user = NeedUser(item, draft_);
    if (!user) return {};
    return {UserTarget{*user}};
  }
  if (const std::string* id = Known(draft_.teams, item); type == "team" && id != nullptr) {
    item.Lose(Grade::kWho, "a team, which is reached by its routing rules",
              "all members of the team; name a schedule or people instead");
    return {TeamTarget{TeamId(*id)}};
  }
  if (const std::string* id = Known(draft_.schedules, item); type == "schedule" && id != nullptr) {
    return {ScheduleTarget{ScheduleId(*id)}};
  }
  const auto escalation = escalations_.find(item.Text("id"));
  if (type == "escalation" && escalation != escalations_.end() && depth == 0) {
    item.Lose(Grade::kWho, "an escalation in a place of people, where schedules have people only",
              "whoever its first rule reaches");
    std::vector<Target> targets;
    const std::vector<Item> rules = escalation->second.Items("rules");
    if (!rules.empty()) targets = TargetsOf(rules.front()["recipient"], depth + 1);
    return targets;
  }
  item.Lose(Grade::kWho, absl::StrFormat("a %s that is not in the export", JsonQuote(TruncateUtf8(type, 60))),
            "nobody is in this place");
  return {};
}

std::optional<Layer> Reader::ReadRotation(const Item& item, const std::string& zone, LayerIds& ids) {
  item.Expect("rotations",
              {"startDate", "endDate", "length", "participants", "timeRestriction", "order", "_parent", "enabled"});
  Layer layer;
  layer.id = ids.Claim(item.FirstText({"name", "id"}));
  layer.name = Line(item.Text("name"), layer.id.value());
  const auto start = item.NeedInstant("startDate", ZoneNamed(zone));
  if (!start) return std::nullopt;
  const std::int64_t length = item.Number("length", 1, 10'000, 1);
  const std::string type = ToLower(item.Text("type"));
  constexpr std::int64_t kHour = 3600;
  const std::int64_t unit = type == "weekly" ? 168 * kHour : type == "daily" ? 24 * kHour : kHour;
  if (type != "weekly" && type != "daily" && type != "hourly") {
    item.Problem(absl::StrFormat("a rotation of type %s: hourly, daily and weekly are known", JsonQuote(type)));
    return std::nullopt;
  }
  Rotation rotation = TurnOf(item, unit * length, LocalMinute(*start, zone));
  layer.pattern = rotation;
  layer.effective_since = WholeMinute(*start);
  if (const auto end = item.Instant("endDate", ZoneNamed(zone))) layer.effective_until = WholeMinute(*end);
  if (layer.effective_until && *layer.effective_until <= *layer.effective_since) return std::nullopt;
  for (const Item& participant : item.Items("participants"))
    layer.participants.push_back({TargetsOf(participant)});
  if (rotation.type == Rotation::Type::kHourly && layer.participants.size() > 1) {
    item.Lose(Grade::kHow, "whether turns of hours keep to the wall clock when it changes is not in the export",
              rotation.count == Rotation::Count::kWall ? "they do" : "they keep their length");
  }
  layer.restrictions = WindowsOf(item["timeRestriction"]);
  if (layer.participants.empty()) return std::nullopt;
  return layer;
}

void Reader::ReadOverride(const Item& item, Schedule& schedule) {
  const auto stretch = StretchOf(item, "startDate", "endDate", ZoneNamed(schedule.time_zone));
  if (!stretch) return;
  Override change;
  change.start = stretch->start;
  change.end = stretch->end;
  const bool somebody = item["user"].Text("type") != "none";
  change.users = TargetsOf(item["user"]);
  if (somebody && change.users.empty()) return;  // told; nobody is no replacement
  change.reason = "imported from Opsgenie";
  for (const Item& rotation : item.Items("rotations")) {
    const auto& known = layers_[schedule.id];
    auto layer = known.find(rotation.Text("id"));
    if (layer == known.end()) layer = known.find("name:" + rotation.Text("name"));
    if (layer == known.end()) {
      rotation.Lose(Grade::kWho, "an override of a rotation that is not in the export", "left out");
      continue;
    }
    change.layers.push_back(layer->second);
  }
  if (change.layers.empty() && !item.Items("rotations").empty()) return;
  Draft::Override(schedule, std::move(change));
}

void Reader::ReadSchedule(const Item& item, const std::vector<Item>& overrides) {
  item.Expect("schedules", {"timezone", "enabled", "ownerTeam", "rotations", "overrides"});
  Schedule schedule;
  schedule.id = ScheduleId(draft_.schedules.Known(item.Text("id"), item.Text("name")));
  schedule.name = Line(item.Text("name"), schedule.id.value());
  schedule.time_zone = draft_.Zone(item, "timezone");
  if (const std::string* team = Known(draft_.teams, item["ownerTeam"])) schedule.team = TeamId(*team);
  if (!item["rotations"].present()) {
    item.Lose(Grade::kWho, "its rotations, which are not in the export",
              "nobody is on call; export it with expand=rotation");
  }
  if (item.Flag("enabled", true)) {
    LayerIds ids;
    for (const Item& rotation : item.Items("rotations")) {
      std::optional<Layer> layer = ReadRotation(rotation, schedule.time_zone, ids);
      if (!layer) continue;
      layers_[schedule.id].try_emplace(rotation.Text("id"), layer->id);
      layers_[schedule.id].try_emplace("name:" + rotation.Text("name"), layer->id);
      schedule.layers.push_back(*std::move(layer));
    }
    std::vector<Item> changes = overrides;
    for (const Item& change : item.Items("overrides"))
      changes.push_back(change);
    for (const Item& change : changes)
      ReadOverride(change, schedule);
    if (item["rotations"].present()) draft_.Check(schedule.id, OpsgenieSteps(item, changes, draft_));
    if (Overlaps(schedule) > 0) {
      item.Lose(Grade::kHow, "which of two overrides that overlap wins is not documented",
                "the one that is listed last");
    }
  } else {
    item.Lose(Grade::kHow, "the schedule is disabled: nobody is on call",
              "its rotations are left out; enable it to import them");
  }
  draft_.organisation().schedules.push_back(std::move(schedule));
}

void Reader::ReadTimeline(const Item& item, const std::string& stem) {
  const std::string* id = Known(draft_.schedules, item["_parent"]);
  if (id == nullptr) {
    for (const Schedule& schedule : draft_.organisation().schedules) {
      if (stem.ends_with(schedule.id.value())) id = &schedule.id.value();
    }
  }
  if (id == nullptr) {
    item.Problem("is the timeline of no schedule that is in the export");
    return;
  }
  std::vector<Entry> entries;
  for (const Item& rotation : item["finalTimeline"].Items("rotations")) {
    for (const Item& period : rotation.Items("periods")) {
      const auto start = period.NeedInstant("startDate");
      const auto end = period.NeedInstant("endDate");
      if (!start || !end) continue;
      Entry entry{WholeMinute(*start), WholeMinute(*end), {}};
      std::vector<Item> people = period.Items("flattenedRecipients");
      if (people.empty()) people.push_back(period["recipient"]);
      for (const Item& person : people) {
        if (const auto user = draft_.FindUser(person.Text("id"))) {
          entry.users.push_back(*user);
        } else if (const auto named = draft_.FindUser(person.FirstText({"username", "name"}))) {
          entry.users.push_back(*named);
        }
      }
      entries.push_back(std::move(entry));
    }
  }
  const auto since = item.Instant("startDate");
  const auto until = item.Instant("endDate");
  Rendering rendering{ScheduleId(*id), "the final timeline", {}, {}, entries};
  if (since && until && *since < *until) {
    rendering.since = WholeMinute(*since);
    rendering.until = WholeMinute(*until);
    draft_.renderings.push_back(std::move(rendering));
  } else {
    Render(draft_, ScheduleId(*id), "the final timeline", std::move(entries));
  }
}

// --- escalations --------------------------------------------------------------------------------------------------------

// Whom a team stands for in an escalation: the first people of where its routing rules lead to, if that is to one place.
std::vector<Target> Reader::TeamTargets(const Item& item, const std::string& notify) {
  const std::string* id = Known(draft_.teams, item);
  if (id == nullptr) return TargetsOf(item);
  const auto team = teams_.find(*id);
  if (team == teams_.end()) return TargetsOf(item);
  if (notify == "admins" || notify == "users") {
    std::vector<Target> targets;
    for (const Item& member : team->second.Items("members")) {
      const bool admin = ToLower(member.Text("role")) == "admin";
      if (admin != (notify == "admins")) continue;
      if (const auto user = NeedUser(member["user"], draft_)) targets.emplace_back(UserTarget{*user});
    }
    item.Lose(Grade::kHow, absl::StrFormat("whoever is of the %s of the team", notify),
              "those who are now: change the step when the team changes");
    return targets;
  }
  if (notify == "all") return {TeamTarget{TeamId(*id)}};
  const std::vector<Item> rules = team->second.Items("routingRules");
  const Item only = rules.size() == 1 ? rules.front()["notify"] : Item(nullptr, "", nullptr);
  const std::string type = only.Text("type");
  const std::string* schedule = Known(draft_.schedules, only);
  if (type == "schedule" && schedule != nullptr) return {ScheduleTarget{ScheduleId(*schedule)}};
  const std::string* policy = Known(draft_.policies, only);
  const auto escalation = escalations_.find(only.Text("id"));
  // One that names a team itself may lead back here.
  const auto names_team = [](const Item& rule) { return rule["recipient"].Text("type") == "team"; };
  if (type == "escalation" && policy != nullptr && escalation != escalations_.end() &&
      std::ranges::none_of(escalation->second.Items("rules"), names_team)) {
    item.Lose(Grade::kHow, "a team, whose escalation begins anew", "the people of its first step alone");
    return {PolicyTarget{PolicyId(*policy)}};
  }
  return TargetsOf(item);
}

// Rules of one offset and condition are one step; offsets count from the beginning of a pass, here as there.
void Reader::ReadEscalation(const Item& item) {
  item.Expect("escalations", {"rules", "ownerTeam", "repeat"});
  EscalationPolicy policy;
  policy.id = PolicyId(draft_.policies.Known(item.Text("id"), item.Text("name")));
  policy.name = Line(item.Text("name"), policy.id.value());
  if (const std::string* team = Known(draft_.teams, item["ownerTeam"])) policy.team = TeamId(*team);
  using Key =
      std::tuple<std::int64_t, bool, std::size_t>;  // offset, after acknowledgements, whose turn it is to be random
  std::map<Key, SourceStep> steps;
  for (const Item& rule : item.Items("rules")) {
    rule.Expect("rules", {"condition", "notifyType", "delay", "recipient"});
    const std::string notify = rule.Text("notifyType");
    const bool random = notify == "random";
    const Key key{Seconds(rule["delay"]), rule.Text("condition") == "if-not-closed", random ? steps.size() + 1 : 0};
    SourceStep& step = steps.try_emplace(key, SourceStep{rule, {}, {}}).first->second;
    std::vector<Target> targets = rule["recipient"].Text("type") == "team" && !random
                                      ? TeamTargets(rule["recipient"], notify)
                                      : TargetsOf(rule["recipient"]);
    for (Target& target : targets) {
      auto* schedule = std::get_if<ScheduleTarget>(&target);
      if (schedule != nullptr && notify == "next") schedule->turn = ScheduleTarget::Turn::kNext;
      if (schedule != nullptr && notify == "previous") schedule->turn = ScheduleTarget::Turn::kPrevious;
    }
    step.targets.insert(step.targets.end(), targets.begin(), targets.end());
    step.unless_resolved = std::get<bool>(key);
    if (random) step.strategy = PolicyStep::Strategy::kRandom;
  }
  if (!steps.empty()) {
    const auto& [key, first] = *steps.begin();
    draft_.PutPause(policy, first.item, absl::Seconds(std::get<std::int64_t>(key)));
  }
  for (auto at = steps.begin(); at != steps.end(); ++at) {
    const auto next = std::next(at);
    at->second.delay_from = PolicyStep::DelayFrom::kBeginning;
    at->second.delay = absl::Seconds(std::get<std::int64_t>(next != steps.end() ? next->first : at->first));
    draft_.PutStep(policy, at->second);
  }
  const Item repeat = item["repeat"];
  policy.repeats = static_cast<std::int32_t>(repeat.Number("count", 0, 1000, 0));
  policy.repeat_interval = std::min(absl::Minutes(repeat.Number("waitInterval", 0, 100'000, 0)), absl::Hours(168));
  policy.resolve_when_exhausted = repeat.Flag("closeAlertAfterAll");
  policy.repeats_page_again = policy.repeats == 0 || repeat.Flag("resetRecipientStates");
  draft_.Put(std::move(policy));
}

void Reader::ReadTeam(const Item& item) {
  item.Expect("teams", {"members", "links", "routingRules", "teamRoutingRules"});
  const TeamId id(draft_.teams.Known(item.Text("id"), item.Text("name")));
  Team team{id, Line(item.Text("name"), id.value()), {}};
  draft_.organisation().teams.push_back(std::move(team));
  teams_.try_emplace(id.value(), item);
  for (const Item& member : item.Items("members")) {
    if (const auto user = NeedUser(member["user"], draft_)) draft_.AddMember(id, *user);
  }
}

// A backup's file has {schedule: {...}, scheduleOverrideList: [...]}: both are found, and belong together by their file.
void Reader::Read(const Gathering& found) {
  for (const Gathered& user : found.of("users")) {
    const Item& item = user.item;
    opsgenie::ReadUser(item["user"].is_map() ? item["user"] : item, item["notificationRuleList"], draft_);
  }
  const auto inner = [](const Gathered& each, std::string_view name) {
    return each.item[name].is_map() ? each.item[name] : each.item;
  };
  for (const Gathered& team : found.of("teams"))
    Call(draft_.teams, inner(team, "team"));
  for (const Gathered& schedule : found.of("schedules"))
    Call(draft_.schedules, inner(schedule, "schedule"));
  for (const Gathered& escalation : found.of("escalations")) {
    Call(draft_.policies, escalation.item);
    escalations_.try_emplace(escalation.item.Text("id"), escalation.item);
  }
  for (const Gathered& team : found.of("teams"))
    ReadTeam(inner(team, "team"));
  ByParent placed(found.of("overrides"), [](const Item& item) { return item["_parent"].Text("id"); });
  for (const Gathered& schedule : found.of("schedules")) {
    const Item item = inner(schedule, "schedule");
    std::vector<Item> overrides = schedule.item.Items("scheduleOverrideList");
    const std::vector<Item> own = placed.Of(item.Text("id"));
    overrides.insert(overrides.end(), own.begin(), own.end());
    ReadSchedule(item, overrides);
  }
  if (placed.left() > 0) {
    draft_.report().Lose(Grade::kWho, "overrides",
                         absl::StrFormat("%d of them: of which schedule is not said", placed.left()),
                         "left out; call each schedule's file overrides-<the schedule's id>.json");
  }
  for (const Gathered& timeline : found.of("timelines"))
    ReadTimeline(timeline.item, timeline.stem);
  for (const Gathered& escalation : found.of("escalations"))
    ReadEscalation(escalation.item);
  for (const Gathered& team : found.of("teams")) {
    const Item item = inner(team, "team");
    const TeamId id(draft_.teams.Known(item.Text("id"), item.Text("name")));
    for (const Item& rules : {item["routingRules"], item["teamRoutingRules"], team.item["teamRoutingRules"]}) {
      if (rules.present()) opsgenie::ReadRoutes(rules, id, item, draft_);
    }
  }
  std::vector<Item> forwardings;
  for (const Gathered& each : found.of("forwardings"))
    forwardings.push_back(each.item);
  opsgenie::ReadForwardings(forwardings, draft_);
  for (const Gathered& each : found.of("policies")) {
    each.item.Lose(Grade::kHow, "an alert or notification policy, which changes, delays or drops alerts that fit",
                   "left out: routes have thresholds, mute_time_intervals, auto_close and flapping");
  }
}

}  // namespace

void ReadOpsgenie(std::span<const Document> documents, Draft& draft) {
  const Gathering found(documents, Shapes(), draft.report());
  Reader(draft).Read(found);
}

}  // namespace tocsin::import
