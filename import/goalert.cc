// GoAlert: what its GraphQL API answers. A schedule is a list of rules, each a mask of weekdays, a window and a target; all of
// them hold at once. A rotation keeps its position in the database, so the export has to say when that position was true.
//
// A rule is meant in the schedule's zone, its rotation in the rotation's own. Where these are the same the rotation becomes
// part of the rule's layer, elsewhere it becomes a schedule of its own that the layer refers to.
#include <algorithm>
#include <map>

#include "absl/strings/str_format.h"

#include "base/strings.h"
#include "config/text.h"
#include "import/keys.h"
#include "import/layers.h"
#include "import/sources.h"

namespace tocsin::import {
namespace {

std::span<const Shape> Shapes() {
  static const std::vector<Shape>* const shapes = new std::vector<Shape>{
      {"users",     {"users", "user"}                         },
      {"rotations", {"rotations", "rotation"}                 },
      {"schedules", {"schedules", "schedule"}                 },
      {"overrides", {"userOverrides", "userOverride"}         },
      {"policies",  {"escalationPolicies", "escalationPolicy"}},
      {"services",  {"services", "service"}                   },
  };
  return *shapes;
}

class Reader {
 public:
  explicit Reader(Draft& draft) : draft_(draft) {}
  void Read(const Gathering& found);

 private:
  struct Turns {
    Item item;
    std::string zone;
    Rotation rotation;
    std::vector<Participant> participants;
    std::optional<ScheduleId> own;  // the schedule that it became
  };
  void ReadUser(const Item& item);
  void ReadRotation(const Item& item);
  void ReadSchedule(const Item& item, const std::vector<Item>& overrides);
  void ReadRule(const Item& rule, const Item& target, LayerIds& ids, Schedule& schedule);
  void ReadOverride(const Item& item, Schedule& schedule);
  void ReadTemporary(const Item& item, Schedule& schedule);
  void ReadPolicy(const Item& item);
  void ReadService(const Item& item);
  ScheduleId OwnScheduleOf(Turns& turns);
  std::vector<Target> TargetsOf(const Item& item);
  std::optional<ReceiverId> ReceiverOf(const Item& item);
  void ReadKeys(const Item& item, const ServiceId& service);

  Draft& draft_;
  std::map<std::string, Turns, std::less<>> rotations_;
};

// A reference by id: {id, name}, or a field called ...ID.
std::string KeyOf(const Item& item, const std::string& name) {
  return item[name].is_map() ? item[name].Text("id") : item.Text(name + "ID");
}

// What a destination is reached by: {value}, or {dest: {args: {slack_channel_id}}}, {values: [{fieldID, value}]}.
std::string AddressOf(const Item& item) {
  const std::string own = item.FirstText({"value", "address"});
  if (!own.empty()) return own;
  const Item dest = item["dest"].is_map() ? item["dest"] : item;
  for (const auto& [name, field] : dest["args"].Fields()) {
    if (!field.Text().empty()) return field.Text();
  }
  for (const Item& field : dest.Items("values")) {
    if (!field.Text("value").empty()) return field.Text("value");
  }
  return "";
}

void Reader::ReadUser(const Item& item) {
  item.Expect("users", {"email", "role", "contactMethods", "notificationRules", "calendarSubscriptions", "authSubjects",
                        "statusUpdateContactMethodID", "isFavorite", "onCallSteps"});
  const UserId user = draft_.AddUser(item, {item.Text("id"), item.Text("name"), item.Text("email"), ""});
  std::map<std::string, ContactMethodId> methods;
  for (const Item& method : item.Items("contactMethods")) {
    if (method.Flag("disabled")) continue;
    const std::string type = ToLower(method["type"].present() ? method.Text("type") : method["dest"].Text("type"));
    const std::string value = AddressOf(method);
    ContactMethodId& id = methods[method.Text("id")];
    if (type.find("sms") != std::string::npos) {
      id = draft_.AddMethod(method, user, ContactMethod::Kind::kSms, value);
    } else if (type.find("voice") != std::string::npos) {
      id = draft_.AddMethod(method, user, ContactMethod::Kind::kVoice, value);
    } else if (type.find("email") != std::string::npos) {
      id = draft_.AddMethod(method, user, ContactMethod::Kind::kEmail, value);
    } else if (type.find("webhook") != std::string::npos) {
      id = draft_.AddMethod(method, user, ContactMethod::Kind::kWebhook, value);
    } else if (type.find("slack") != std::string::npos && !value.empty()) {
      id = draft_.AddMethod(method, user, ContactMethod::Kind::kSlack,
                            value);  // a message to a person's id is a direct one
    } else {
      method.Lose(Grade::kHow, absl::StrFormat("a contact method of type %s", JsonQuote(TruncateUtf8(type, 60))),
                  "this person is not reached that way");
    }
  }
  for (const Item& rule : item.Items("notificationRules")) {
    const absl::Duration delay = absl::Minutes(rule.Number("delayMinutes", 0, 100'000, 0));
    for (const Urgency urgency : {Urgency::kHigh, Urgency::kLow})
      draft_.AddRule(user, urgency, delay, methods[KeyOf(rule, "contactMethod")]);
  }
}

// --- rotations ----------------------------------------------------------------------------------------------------------

// Which participant turn 0 has, from who is on now: `turn` is the number of the present turn.
std::int32_t StartIndex(std::int64_t active, std::int64_t turn, std::int64_t participants) {
  return static_cast<std::int32_t>(((active - turn) % participants + participants) % participants);
}

// The number of the turn at `at`, stepping from the start: whole turns since it, and one less until it is not later.
std::int64_t TurnAt(const Rotation& rotation, absl::Time at, const std::string& zone) {
  const absl::CivilMinute now = LocalMinute(at, zone);
  if (rotation.type == Rotation::Type::kMonthly) {
    const auto begins = [&](std::int64_t turn) {
      const absl::CivilMonth month = absl::CivilMonth(rotation.start) + turn * rotation.length;
      return absl::CivilMinute(month.year(), month.month(), rotation.start.day(), rotation.start.hour(),
                               rotation.start.minute());
    };
    std::int64_t turn = (absl::CivilMonth(now) - absl::CivilMonth(rotation.start)) / rotation.length + 1;
    while (begins(turn) > now)
      --turn;
    return turn;
  }
  const std::int64_t unit = rotation.type == Rotation::Type::kHourly  ? 60
                            : rotation.type == Rotation::Type::kDaily ? 1440
                                                                      : 10'080;
  const std::int64_t since = now - rotation.start;
  const std::int64_t length = unit * rotation.length;
  return since >= 0 ? since / length : -((-since + length - 1) / length);
}

void Reader::ReadRotation(const Item& item) {
  item.Expect("rotations", {"timeZone", "start", "shiftLength", "activeUserIndex", "userIDs", "users",
                            "nextHandoffTimes", "isFavorite"});
  Turns turns{item, draft_.Zone(item, "timeZone"), {}, {}, {}};
  const std::string type = ToLower(item.Text("type"));
  turns.rotation.type = type == "hourly"    ? Rotation::Type::kHourly
                        : type == "daily"   ? Rotation::Type::kDaily
                        : type == "monthly" ? Rotation::Type::kMonthly
                                            : Rotation::Type::kWeekly;
  if (type != "hourly" && type != "daily" && type != "weekly" && type != "monthly") {
    item["type"].Problem(
        absl::StrFormat("%s is none of hourly, daily, weekly, monthly", JsonQuote(TruncateUtf8(type, 60))));
  }
  turns.rotation.length = static_cast<std::int32_t>(item.Number("shiftLength", 1, 10'000, 1));
  turns.rotation.month_overflow = Rotation::MonthOverflow::kOverflow;
  if (turns.rotation.type != Rotation::Type::kMonthly) turns.rotation.month_overflow = Rotation::MonthOverflow::kClamp;
  const auto start = item.NeedInstant("start", ZoneNamed(turns.zone));
  turns.rotation.start = LocalMinute(start.value_or(draft_.options().now), turns.zone);
  std::vector<std::string> keys;
  for (const Item& user : item.Items("userIDs"))
    keys.push_back(user.Text());
  if (keys.empty()) {
    for (const Item& user : item.Items("users"))
      keys.push_back(user.Text("id"));
  }
  for (const std::string& key : keys) {
    const auto user = draft_.NeedUser(item, key);
    turns.participants.push_back(user ? One(UserTarget{*user}) : Nobody());
  }
  const auto n = static_cast<std::int64_t>(turns.participants.size());
  if (n > 0) {
    // The turn that the position belongs to ends at the next handoff, if that is in the export.
    absl::Time at = draft_.options().now;
    const std::vector<Item> handoffs = item.Items("nextHandoffTimes");
    const auto next = handoffs.empty() ? std::nullopt : ParseTime(handoffs.front().Text(), ZoneNamed(turns.zone));
    if (next) at = *next - absl::Minutes(1);
    if (!next && n > 1) {
      item.Lose(Grade::kHow, "when the position of the rotation was true is not in the export (nextHandoffTimes)",
                "it is taken to be true now");
    }
    const std::int64_t active = item.Number("activeUserIndex", 0, n - 1, 0);
    turns.rotation.start_index = StartIndex(active, TurnAt(turns.rotation, at, turns.zone), n);
  }
  rotations_.emplace(item.Text("id"), std::move(turns));
}

ScheduleId Reader::OwnScheduleOf(Turns& turns) {
  if (turns.own) return *turns.own;
  Schedule schedule;
  schedule.id = ScheduleId(draft_.schedules.Claim("rotation-" + turns.item.Text("name")));
  schedule.name = Line(turns.item.Text("name"), schedule.id.value());
  schedule.time_zone = turns.zone;
  if (!turns.participants.empty()) {
    Layer layer;
    layer.id = LayerId("rotation");
    layer.name = "rotation";
    layer.pattern = turns.rotation;
    layer.participants = turns.participants;
    // A rotation has been turning ever since; nobody asks when it began.
    layer.effective_since = absl::FromCivil(absl::CivilDay(1990, 1, 1), absl::UTCTimeZone());
    schedule.layers.push_back(std::move(layer));
  }
  turns.own = schedule.id;
  draft_.organisation().schedules.push_back(std::move(schedule));
  return *turns.own;
}

// --- schedules ----------------------------------------------------------------------------------------------------------

// The mask begins with Sunday. A window that ends when it starts lasts a day.
std::vector<Restriction> WindowsOf(const Item& rule) {
  const std::vector<Item> mask = rule.Items("weekdayFilter");
  const std::int32_t start = rule.TimeOfDay("start").value_or(0) % 1440;
  const std::int32_t end = rule.TimeOfDay("end").value_or(0) % 1440;
  const std::int32_t minutes = start == end ? 1440 : (end - start + 1440) % 1440;
  std::vector<Restriction> windows;
  std::size_t days = 0;
  for (std::size_t day = 0; day < 7; ++day) {
    const std::string on = day < mask.size() ? ToLower(mask[day].Text()) : "";
    if (!mask.empty() && on != "true" && on != "1") continue;
    ++days;
    Restriction window;
    window.type = Restriction::Type::kWeekly;
    window.start_day_of_week = day == 0 ? 7 : static_cast<std::int32_t>(day);
    window.start_minute = start;
    window.duration_minutes = minutes;
    windows.push_back(window);
  }
  if (days == 7 && minutes == 1440) windows.clear();  // always
  return windows;
}

void Reader::ReadRule(const Item& rule, const Item& target, LayerIds& ids, Schedule& schedule) {
  const std::string key = target.Text("id");
  Layer layer;
  layer.id = ids.Claim(target.FirstText({"name", "id"}));
  layer.name = layer.id.value();
  layer.effective_since = absl::FromCivil(absl::CivilDay(1990, 1, 1), absl::UTCTimeZone());
  layer.restrictions = WindowsOf(rule);
  const std::vector<Item> mask = rule.Items("weekdayFilter");
  const auto off = [](const Item& day) { return ToLower(day.Text()) == "false" || day.Text() == "0"; };
  if (!mask.empty() && std::ranges::all_of(mask, off)) return;  // on no day
  const auto rotation = rotations_.find(key);
  if (target.Text("type") != "rotation") {
    const auto user = draft_.NeedUser(target, key);
    if (!user) return;
    layer.pattern = Rotation{.start = absl::CivilMinute(1990, 1, 1)};
    layer.participants = {One(UserTarget{*user})};
  } else if (rotation == rotations_.end()) {
    target.Lose(Grade::kWho, absl::StrFormat("the rotation %s, which is not in the export", JsonQuote(key)),
                "left out");
    return;
  } else if (rotation->second.zone == schedule.time_zone) {
    layer.pattern = rotation->second.rotation;
    layer.participants = rotation->second.participants;
    if (layer.participants.empty()) return;
  } else {
    layer.pattern = Rotation{.start = absl::CivilMinute(1990, 1, 1)};
    layer.participants = {One(ScheduleTarget{OwnScheduleOf(rotation->second)})};
  }
  schedule.layers.push_back(std::move(layer));
}

void Reader::ReadOverride(const Item& item, Schedule& schedule) {
  const auto stretch = StretchOf(item, "start", "end");
  if (!stretch) return;
  const std::string add = KeyOf(item, "addUser");
  const std::string remove = KeyOf(item, "removeUser");
  Override change;
  change.start = stretch->start;
  change.end = stretch->end;
  change.reason = "imported from GoAlert";
  std::optional<UserId> added;
  std::optional<UserId> removed;
  if (!add.empty() && !(added = draft_.NeedUser(item, add))) return;
  if (!remove.empty() && !(removed = draft_.NeedUser(item, remove))) return;
  if (!added && !removed) return;
  if (added && removed) {
    if (*added == *removed) return;
    change.type = Override::Type::kSwap;
    change.from_user = *removed;
    change.to_user = *added;
  } else {
    change.type = added ? Override::Type::kAdd : Override::Type::kRemove;
    change.users = {UserTarget{added ? *added : *removed}};
  }
  Draft::Override(schedule, std::move(change));
}

void Reader::ReadTemporary(const Item& item, Schedule& schedule) {
  const auto stretch = StretchOf(item, "start", "end");
  if (!stretch) return;
  TemporarySchedule temporary{stretch->start, stretch->end, {}};
  for (const Item& shift : item.Items("shifts")) {
    const auto of_shift = StretchOf(shift, "start", "end");
    const auto user = draft_.NeedUser(shift, KeyOf(shift, "user"));
    if (!of_shift || !user || of_shift->end <= temporary.start || of_shift->start >= temporary.end) continue;
    temporary.shifts.push_back({of_shift->start, of_shift->end, {UserTarget{*user}}});
  }
  schedule.temporary_schedules.push_back(std::move(temporary));
}

// Those that overlap become one, as GoAlert merges them.
void MergeTemporaries(std::vector<TemporarySchedule>& all) {
  std::ranges::sort(all, {}, &TemporarySchedule::start);
  std::vector<TemporarySchedule> merged;
  for (TemporarySchedule& each : all) {
    if (!merged.empty() && each.start < merged.back().end) {
      merged.back().end = std::max(merged.back().end, each.end);
      merged.back().shifts.insert(merged.back().shifts.end(), each.shifts.begin(), each.shifts.end());
    } else {
      merged.push_back(std::move(each));
    }
  }
  all = std::move(merged);
}

void Reader::ReadSchedule(const Item& item, const std::vector<Item>& overrides) {
  item.Expect("schedules", {"timeZone", "targets", "temporarySchedules", "shifts", "assignedTo", "isFavorite",
                            "onCallNotificationRules"});
  Schedule schedule;
  schedule.id = ScheduleId(draft_.schedules.Known(item.Text("id"), item.Text("name")));
  schedule.name = Line(item.Text("name"), schedule.id.value());
  schedule.time_zone = draft_.Zone(item, "timeZone");
  LayerIds ids;
  for (const Item& each : item.Items("targets")) {
    for (const Item& rule : each.Items("rules"))
      ReadRule(rule, each["target"], ids, schedule);
  }
  for (const Item& change : overrides)
    ReadOverride(change, schedule);
  for (const Item& temporary : item.Items("temporarySchedules"))
    ReadTemporary(temporary, schedule);
  MergeTemporaries(schedule.temporary_schedules);
  if (!item.Items("onCallNotificationRules").empty()) {
    item.Lose(Grade::kCosmetic, "channels are told who goes on call", "they are not");
  }
  draft_.organisation().schedules.push_back(std::move(schedule));
}

// --- policies -----------------------------------------------------------------------------------------------------------

std::vector<Target> Reader::TargetsOf(const Item& item) {
  const std::string type = item["type"].present() ? item.Text("type") : item["dest"].Text("type");
  const std::string key = item.Text("id");
  if (type.ends_with("user")) {
    const auto user = draft_.NeedUser(item, key);
    if (!user) return {};
    return {UserTarget{*user}};
  }
  if (const std::string* schedule = draft_.schedules.Find(key)) return {ScheduleTarget{ScheduleId(*schedule)}};
  if (const auto rotation = rotations_.find(key); rotation != rotations_.end()) {
    return {ScheduleTarget{OwnScheduleOf(rotation->second)}};
  }
  item.Lose(Grade::kWho,
            absl::StrFormat("a target of type %s, which is not in the export", JsonQuote(TruncateUtf8(type, 60))),
            "nobody is paged in its place");
  return {};
}

// A channel or a webhook: told, and nobody who could answer.
std::optional<ReceiverId> Reader::ReceiverOf(const Item& item) {
  const std::string type = ToLower(item["type"].present() ? item.Text("type") : item["dest"].Text("type"));
  const bool slack = type.find("slack") != std::string::npos && type.find("group") == std::string::npos;
  const bool webhook = type.find("webhook") != std::string::npos;
  std::string address = AddressOf(item);
  if (address.empty()) address = item.Text("id");
  if ((!slack && !webhook) || address.empty()) return std::nullopt;
  if (const std::string* known = draft_.receivers.Find(address)) return ReceiverId(*known);
  if (webhook && !CheckHttpUrl(address).ok()) return std::nullopt;
  const std::string name = item.Text("name");
  Receiver receiver;
  receiver.id = ReceiverId(draft_.receivers.Known(address, name.empty() ? (slack ? "slack" : "webhook") : name));
  const auto kind = slack ? ContactMethod::Kind::kSlack : ContactMethod::Kind::kWebhook;
  receiver.targets = {
      {ContactMethodId(slack ? "slack" : "webhook"), kind, address, "", {}}
  };
  item.Lose(Grade::kHow, slack ? "what is written in a Slack channel, and its buttons" : "the body that a webhook gets",
            "as tocsin words it (docs/configuration.md)");
  draft_.organisation().receivers.push_back(receiver);
  return receiver.id;
}

void Reader::ReadPolicy(const Item& item) {
  item.Expect("escalation policies", {"repeat", "steps", "assignedTo", "isFavorite", "notices"});
  EscalationPolicy policy;
  policy.id = PolicyId(draft_.policies.Known(item.Text("id"), item.Text("name")));
  policy.name = Line(item.Text("name"), policy.id.value());
  const std::int64_t repeat = item.Number("repeat", -1, 1000, 0);
  policy.repeats = repeat < 0 ? 1000 : static_cast<std::int32_t>(repeat);
  std::vector<Item> steps = item.Items("steps");
  std::ranges::stable_sort(steps, {}, [](const Item& step) { return step.Number("stepNumber", 0, 1000, 0); });
  for (const Item& step : steps) {
    SourceStep to{step, absl::Minutes(step.Number("delayMinutes", 0, 100'000, 15)), {}};
    to.each_acknowledges = step.Flag("multiAck");
    for (const Item& target : step.Items(step["targets"].present() ? "targets" : "actions")) {
      if (const auto receiver = ReceiverOf(target)) {
        to.receivers.push_back(*receiver);
        continue;
      }
      const std::vector<Target> targets = TargetsOf(target);
      to.targets.insert(to.targets.end(), targets.begin(), targets.end());
    }
    draft_.PutStep(policy, to);
  }
  draft_.Put(std::move(policy));
}

// The token in a key's address is the key.
void Reader::ReadKeys(const Item& item, const ServiceId& service) {
  const Item keys = item["integrationKeys"];
  for (const Item& key : (keys["nodes"].is_list() ? keys["nodes"] : keys).Items()) {
    const std::string type = ToLower(key.Text("type"));
    const bool prometheus = type.find("prometheus") != std::string::npos;
    const std::string source = prometheus ? "alertmanager" : type == "grafana" ? "grafana" : "generic";
    const std::string name = item.Text("name") + "-" + key.Text("name");
    if (type != "email" && PutKey(key, name, key.Text("id"), source, service, draft_)) continue;
    key.Lose(Grade::kHow, absl::StrFormat("a key of type %s", JsonQuote(TruncateUtf8(type, 60))),
             "left out: declare an integration, and point the sender at it");
  }
}

void Reader::ReadService(const Item& item) {
  item.Expect("services", {"escalationPolicy", "escalationPolicyID", "integrationKeys", "labels", "heartbeatMonitors",
                           "onCallUsers", "isFavorite", "maintenanceExpiresAt", "notices"});
  const ServiceId id(draft_.services.Known(item.Text("id"), item.Text("name")));
  const std::vector<Matcher> matchers = {
      {"service", MatchOp::kEqual, id.value()}
  };
  Service service;
  service.id = id;
  service.name = Line(item.Text("name"), id.value());
  service.matchers = matchers;
  draft_.organisation().services.push_back(service);
  ReadKeys(item, id);
  if (!item.Items("heartbeatMonitors").empty()) {
    item.Lose(Grade::kHow, "heartbeat monitors",
              "left out: an integration's lease says how long an alert holds without news");
  }
  const auto until = item.Instant("maintenanceExpiresAt");
  if (until && WholeMinute(*until) > draft_.options().now) {
    MaintenanceWindow window;
    window.id = MaintenanceId(draft_.maintenance.Claim(id.value()));
    window.service = id;
    window.starts_at = WholeMinute(draft_.options().now);
    window.ends_at = WholeMinute(*until);
    window.comment = "imported from GoAlert";
    draft_.organisation().maintenance.push_back(std::move(window));
  }
  const std::string* policy = draft_.policies.Find(KeyOf(item, "escalationPolicy"));
  if (policy == nullptr) {
    item.Lose(Grade::kWho, "its escalation policy, which is not in the export", "its alerts go where all others go");
    return;
  }
  draft_.AddRoute(id, matchers, PolicyId(*policy));
}

void Reader::Read(const Gathering& found) {
  for (const Gathered& user : found.of("users"))
    ReadUser(user.item);
  for (const Gathered& rotation : found.of("rotations"))
    ReadRotation(rotation.item);
  for (const Gathered& schedule : found.of("schedules"))
    draft_.schedules.Known(schedule.item.Text("id"), schedule.item.Text("name"));
  ByParent overrides(found.of("overrides"), [](const Item& item) { return KeyOf(item, "target"); });
  for (const Gathered& schedule : found.of("schedules")) {
    const std::string key = schedule.item.Text("id");
    std::vector<Entry> said;
    for (const Item& shift : schedule.item.Items("shifts")) {
      const auto stretch = StretchOf(shift, "start", "end");
      const auto user = draft_.FindUser(KeyOf(shift, "user"));
      if (stretch && user) said.push_back({stretch->start, stretch->end, {*user}});
    }
    Render(draft_, ScheduleId(draft_.schedules.Known(key, "")), "shifts", std::move(said));
    if (schedule.only_rendered) continue;
    ReadSchedule(schedule.item, overrides.Of(key));
  }
  for (const Gathered& policy : found.of("policies"))
    draft_.policies.Known(policy.item.Text("id"), policy.item.Text("name"));
  for (const Gathered& policy : found.of("policies"))
    ReadPolicy(policy.item);
  for (const Gathered& service : found.of("services"))
    ReadService(service.item);
}

}  // namespace

void ReadGoAlert(std::span<const Document> documents, Draft& draft) {
  const Gathering found(documents, Shapes(), draft.report());
  Reader(draft).Read(found);
}

}  // namespace tocsin::import
