// Opsgenie, and Jira Service Management's operations: API answers, or the folder that the configuration backup writes.
//
// Rotations are cumulative: everybody who is on call in any of them is notified, so all layers have one priority. An override
// without rotations takes the place of the whole schedule. The delays of an escalation's rules count from the alert, not from
// the rule before.
#include <algorithm>
#include <map>

#include "absl/strings/str_format.h"

#include "base/strings.h"
#include "config/text.h"
#include "import/layers.h"
#include "import/sources.h"
#include "import/stepping.h"

namespace tocsin::import {
namespace {

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

std::int64_t Seconds(const Item& delay) {
  const std::int64_t amount = delay.Number("timeAmount", 0, 1'000'000, 0);
  const std::string unit = ToLower(delay.Text("timeUnit"));
  if (unit.starts_with("second")) return amount;
  if (unit.starts_with("hour")) return amount * 3600;
  if (unit.starts_with("day")) return amount * 86'400;
  return amount * 60;
}

// --- users --------------------------------------------------------------------------------------------------------------

ContactMethodId ReadMethod(
    const Item& item, const std::string& method, const std::string& to, const UserId& user, Draft& draft) {
  if (method == "email") return draft.AddMethod(item, user, ContactMethod::Kind::kEmail, to);
  if (method == "sms") return draft.AddMethod(item, user, ContactMethod::Kind::kSms, PhoneNumber(to));
  if (method == "voice") return draft.AddMethod(item, user, ContactMethod::Kind::kVoice, PhoneNumber(to));
  item.Lose(Grade::kHow, absl::StrFormat("the contact method %s", JsonQuote(TruncateUtf8(method, 60))),
            "this person is not reached that way");
  return {};
}

void ReadNotificationRule(const Item& item, const UserId& user, Draft& draft) {
  const std::string action = item.Text("actionType");
  if (!item.Flag("enabled", true)) return;
  if (!action.empty() && action != "create-alert") {
    item.Lose(Grade::kCosmetic, absl::StrFormat("notifications of %s", JsonQuote(TruncateUtf8(action, 60))),
              "recoveries and acknowledgements are told as tocsin does");
    return;
  }
  const std::string criteria = item["criteria"].Text("type");
  if (!criteria.empty() && criteria != "match-all") {
    item.Lose(Grade::kHow, "a rule for some alerts only", "it holds for all alerts");
  }
  if (item["timeRestriction"].present()) {
    item.Lose(Grade::kHow, "a rule for some times of the day only", "it holds at all times");
  }
  for (const Item& step : item.Items("steps")) {
    if (!step.Flag("enabled", true)) continue;
    const Item contact = step["contact"];
    const ContactMethodId method =
        ReadMethod(contact, contact.FirstText({"method", "contactMethod"}), contact.Text("to"), user, draft);
    for (const Urgency urgency : {Urgency::kHigh, Urgency::kLow})
      draft.AddRule(user, urgency, absl::Seconds(Seconds(step["sendAfter"])), method);
  }
}

// `wrapped`: a backup has {user, notificationRuleList}, the API the user alone.
void ReadUser(const Item& item, const Item& rules, Draft& draft) {
  item.Expect("users", {"username", "fullName", "role", "skypeUsername", "timeZone", "locale", "userAddress", "tags",
                        "details", "userContacts", "contacts", "notificationRules", "blocked", "verified", "createdAt",
                        "mutedUntil", "invitationDisabled"});
  const std::string name = item.Text("username");
  const UserId user = draft.AddUser(item, {item.Text("id"), item.Text("fullName"), name, item.Text("timeZone")});
  if (item.Flag("blocked")) item.Lose(Grade::kWho, "the user is blocked", "the user can be paged");
  const std::string_view contacts = item["userContacts"].present() ? "userContacts" : "contacts";
  for (const Item& contact : item.Items(contacts)) {
    const Item status = contact["status"];
    if (status.is_map() && !status.Flag("enabled", true)) continue;
    ReadMethod(contact, contact.FirstText({"contactMethod", "method"}), contact.Text("to"), user, draft);
  }
  const std::vector<Item> own = item.Items("notificationRules");
  for (const Item& rule : rules.present() ? rules.Items() : own)
    ReadNotificationRule(rule, user, draft);
}

// What a participant, a recipient or a responder of type user is called by.
std::string UserKey(const Item& item) {
  return item.FirstText({"id", "username"});
}

std::optional<UserId> NeedUser(const Item& item, Draft& draft) {
  if (const auto user = draft.FindUser(item.Text("id"))) return user;
  if (const auto user = draft.FindUser(item.Text("username"))) return user;
  return draft.NeedUser(item, UserKey(item));
}

const std::string* Known(const IdBook& book, const Item& item) {
  const std::string* id = book.Find(item.Text("id"));
  return id != nullptr ? id : book.Find("name:" + item.Text("name"));
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
  void ReadRestrictions(const Item& item, Layer& layer);
  void ReadOverride(const Item& item, Schedule& schedule);
  void ReadTimeline(const Item& item, const std::string& stem);
  void ReadEscalation(const Item& item);
  void ReadRoutes(const Item& rules, const TeamId& team, const Item& of);
  // Whoever stands in a place of a rotation, a rule or an override. `depth`: escalations may name each other.
  std::vector<Target> TargetsOf(const Item& item, int depth = 0);

  Draft& draft_;
  std::map<std::string, Item, std::less<>> escalations_;                      // by id
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
    item.Lose(Grade::kWho, "a team, which is reached by its routing rules", "all members of the team");
    return {TeamTarget{TeamId(*id)}};
  }
  if (const std::string* id = Known(draft_.schedules, item); type == "schedule" && id != nullptr) {
    return {ScheduleTarget{ScheduleId(*id)}};
  }
  const auto escalation = escalations_.find(item.Text("id"));
  if (type == "escalation" && escalation != escalations_.end() && depth == 0) {
    item.Lose(Grade::kWho, "an escalation in a place of people", "whoever its first rule reaches");
    std::vector<Target> targets;
    const std::vector<Item> rules = escalation->second.Items("rules");
    if (!rules.empty()) targets = TargetsOf(rules.front()["recipient"], depth + 1);
    return targets;
  }
  item.Lose(Grade::kWho, absl::StrFormat("a %s that is not in the export", JsonQuote(TruncateUtf8(type, 60))),
            "nobody is in this place");
  return {};
}

void Reader::ReadRestrictions(const Item& item, Layer& layer) {
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
    layer.restrictions.push_back(to);
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
    layer.restrictions.push_back(to);
  }
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
  ReadRestrictions(item["timeRestriction"], layer);
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

// Rules of one offset are one step; offsets count from the beginning of a pass, here as there.
void Reader::ReadEscalation(const Item& item) {
  item.Expect("escalations", {"rules", "ownerTeam", "repeat"});
  EscalationPolicy policy;
  policy.id = PolicyId(draft_.policies.Known(item.Text("id"), item.Text("name")));
  policy.name = Line(item.Text("name"), policy.id.value());
  if (const std::string* team = Known(draft_.teams, item["ownerTeam"])) policy.team = TeamId(*team);
  std::map<std::int64_t, SourceStep> steps;  // by offset
  for (const Item& rule : item.Items("rules")) {
    rule.Expect("rules", {"condition", "notifyType", "delay", "recipient"});
    const std::string notify = rule.Text("notifyType");
    SourceStep& step = steps.try_emplace(Seconds(rule["delay"]), SourceStep{rule, {}, {}}).first->second;
    std::vector<Target> targets = TargetsOf(rule["recipient"]);
    for (Target& target : targets) {
      auto* schedule = std::get_if<ScheduleTarget>(&target);
      if (schedule != nullptr && notify == "next") schedule->turn = ScheduleTarget::Turn::kNext;
      if (schedule != nullptr && notify == "previous") schedule->turn = ScheduleTarget::Turn::kPrevious;
    }
    step.targets.insert(step.targets.end(), targets.begin(), targets.end());
    step.unless_resolved = step.unless_resolved || rule.Text("condition") == "if-not-closed";
    if (notify == "random") step.strategy = PolicyStep::Strategy::kRandom;
    if (notify == "admins" || notify == "users") {
      rule.Lose(Grade::kWho, absl::StrFormat("notifies the %s of a team", notify), "all members of it");
    }
  }
  if (!steps.empty() && steps.begin()->first > 0) {
    steps.begin()->second.item.Lose(Grade::kHow,
                                    absl::StrFormat("nobody is notified for the first %s", Span(steps.begin()->first)),
                                    "the first step is taken at once");
  }
  for (auto at = steps.begin(); at != steps.end(); ++at) {
    const auto next = std::next(at);
    at->second.delay_from = PolicyStep::DelayFrom::kBeginning;
    at->second.delay = absl::Seconds(next != steps.end() ? next->first : at->first);
    draft_.PutStep(policy, at->second);
  }
  const Item repeat = item["repeat"];
  policy.repeats = static_cast<std::int32_t>(repeat.Number("count", 0, 1000, 0));
  policy.repeat_interval = std::min(absl::Minutes(repeat.Number("waitInterval", 0, 100'000, 0)), absl::Hours(168));
  policy.resolve_when_exhausted = repeat.Flag("closeAlertAfterAll");
  policy.repeats_page_again = policy.repeats == 0 || repeat.Flag("resetRecipientStates");
  draft_.Put(std::move(policy));
}

// The alerts of a team are those with its label: an Opsgenie alert names its responders itself.
void Reader::ReadRoutes(const Item& rules, const TeamId& team, const Item& of) {
  PolicyId policy;
  for (const Item& rule : rules.Items()) {
    const std::string criteria = rule["criteria"].Text("type");
    const Item notify = rule["notify"];
    if ((!criteria.empty() && criteria != "match-all") || rule["timeRestriction"].present()) {
      rule.Lose(Grade::kWho, "a routing rule for some alerts or some times only", "left out");
      continue;
    }
    const std::string type = notify.Text("type");
    if (const std::string* id = Known(draft_.policies, notify); type == "escalation" && id != nullptr) {
      policy = PolicyId(*id);
    } else if (const std::string* schedule = Known(draft_.schedules, notify);
               type == "schedule" && schedule != nullptr) {
      EscalationPolicy direct;
      direct.id = PolicyId(draft_.policies.Claim(*schedule));
      direct.name = direct.id.value();
      direct.team = team;
      direct.steps.push_back({absl::Minutes(5), {ScheduleTarget{ScheduleId(*schedule)}}});
      policy = direct.id;
      draft_.Put(std::move(direct));
    } else if (type != "none") {
      rule.Lose(Grade::kWho, "a routing rule to something that is not in the export", "left out");
    }
  }
  if (!policy.set()) return;
  Route route = draft_.organisation().route;
  route.children.clear();
  route.id = RouteId(team.value());
  route.matchers = {
      {"team", MatchOp::kEqual, team.value()}
  };
  route.policy = policy;
  draft_.organisation().route.children.push_back(std::move(route));
  of.Lose(Grade::kHow, "alerts name the team that answers them",
          absl::StrFormat("alerts with the label team=%s go by its routing rule", JsonQuote(team.value())));
}

void Reader::ReadTeam(const Item& item) {
  item.Expect("teams", {"members", "links", "routingRules", "teamRoutingRules"});
  const TeamId id(draft_.teams.Known(item.Text("id"), item.Text("name")));
  Team team{id, Line(item.Text("name"), id.value()), {}};
  draft_.organisation().teams.push_back(std::move(team));
  for (const Item& member : item.Items("members")) {
    if (const auto user = NeedUser(member["user"], draft_)) draft_.AddMember(id, *user);
  }
}

// A backup's file has {schedule: {...}, scheduleOverrideList: [...]}: both are found, and belong together by their file.
void Reader::Read(const Gathering& found) {
  for (const Gathered& user : found.of("users")) {
    const Item& item = user.item;
    ReadUser(item["user"].is_map() ? item["user"] : item, item["notificationRuleList"], draft_);
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
  std::size_t placed = 0;
  for (const Gathered& schedule : found.of("schedules")) {
    const Item item = inner(schedule, "schedule");
    std::vector<Item> overrides = schedule.item.Items("scheduleOverrideList");
    for (const Gathered& change : found.of("overrides")) {
      const std::string of = change.item["_parent"].Text("id");
      if (of != item.Text("id") && (!of.empty() || !change.stem.ends_with(item.Text("id")))) continue;
      overrides.push_back(change.item);
      ++placed;
    }
    ReadSchedule(item, overrides);
  }
  if (const std::size_t all = found.of("overrides").size(); placed < all) {
    draft_.report().Lose(Grade::kWho, "overrides",
                         absl::StrFormat("%d of them: of which schedule is not said", all - placed),
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
      if (rules.present()) ReadRoutes(rules, id, item);
    }
  }
  for (const std::string_view kind : {"forwardings", "policies"}) {
    for (const Gathered& each : found.of(kind)) {
      each.item.Lose(kind == "forwardings" ? Grade::kWho : Grade::kHow,
                     kind == "forwardings" ? "somebody's notifications go to somebody else" : "an alert policy",
                     kind == "forwardings" ? "they do not; make an override of it" : "left out");
    }
  }
}

}  // namespace

void ReadOpsgenie(std::span<const Document> documents, Draft& draft) {
  const Gathering found(documents, Shapes(), draft.report());
  Reader(draft).Read(found);
}

}  // namespace tocsin::import
