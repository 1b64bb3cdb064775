// LinkedIn's oncall: teams with rosters and templates, and the events that its scheduler has already put on the calendar. What
// is on the calendar becomes fixed shifts; from where it ends, the roster takes turns by the template. One schedule for each
// role of a team.
#include <algorithm>
#include <map>

#include "absl/strings/str_format.h"

#include "base/strings.h"
#include "import/layers.h"
#include "import/sources.h"

namespace tocsin::import {
namespace {

std::span<const Shape> Shapes() {
  static const std::vector<Shape>* const shapes = new std::vector<Shape>{
      {"teams",  {"teams", "team"}  },
      {"users",  {"users", "user"}  },
      {"events", {"events", "event"}},
  };
  return *shapes;
}

class Reader {
 public:
  Reader(const Gathering& found, Draft& draft) : found_(found), draft_(draft) {}
  void Read();

 private:
  struct Template {
    Item item;
    std::string roster;
  };
  struct Role {
    std::string team;
    std::string role;
    std::string zone;
    TeamId owner;
    std::vector<FixedShift> shifts;
    std::vector<Template> templates;
    Item of;
  };
  UserId AddUser(const Item& item, const std::string& name);
  void ReadTeam(const Item& item);
  void ReadEvents();
  void AddTemplate(const Template& from, const Role& role, absl::Time horizon, LayerIds& ids, Schedule& schedule);
  std::vector<Participant> PeopleOf(const Template& from);
  void Put(const Role& role);
  void AddPolicy(const Item& item);

  const Gathering& found_;
  Draft& draft_;
  std::map<std::pair<std::string, std::string>, Role> roles_;  // by team and role
  std::map<std::string, std::vector<std::string>> rosters_;    // people in rotation by team/roster
};

UserId Reader::AddUser(const Item& item, const std::string& name) {
  const Item contacts = item["contacts"];
  const UserId user =
      draft_.AddUser(item, {name, item.Text("full_name"), contacts.Text("email"), item.Text("time_zone")});
  for (const auto& [mode, address] : contacts.Fields()) {
    if (address.Text().empty()) continue;
    if (mode == "email") draft_.AddMethod(address, user, ContactMethod::Kind::kEmail, address.Text());
    if (mode == "sms") draft_.AddMethod(address, user, ContactMethod::Kind::kSms, PhoneNumber(address.Text()));
    if (mode == "call") draft_.AddMethod(address, user, ContactMethod::Kind::kVoice, PhoneNumber(address.Text()));
    if (mode != "email" && mode != "sms" && mode != "call") {
      address.Lose(Grade::kHow, absl::StrFormat("the contact mode %s", JsonQuote(TruncateUtf8(mode, 60))),
                   "this person is not reached that way");
    }
  }
  return user;
}

void Reader::ReadTeam(const Item& item) {
  item.Expect("teams",
              {"admins", "users", "rosters", "services", "scheduling_timezone", "slack_channel", "email", "iris_plan",
               "iris_enabled", "override_phone_number", "slack_channel_notifications", "active", "api_managed_roster"});
  const std::string name = item.Text("name");
  const TeamId id(draft_.teams.Known(name, name));
  draft_.organisation().teams.push_back({id, Line(name, id.value()), {}});
  for (const auto& [user, fields] : item["users"].Fields())
    draft_.AddMember(id, AddUser(fields, user));
  const std::string zone = item["scheduling_timezone"].present() ? draft_.Zone(item, "scheduling_timezone") : "UTC";
  roles_.try_emplace({name, ""}, Role{name, "", zone, id, {}, {}, item});
  for (const auto& [roster, fields] : item["rosters"].Fields()) {
    std::vector<std::string>& people = rosters_[name + "/" + roster];
    for (const Item& user : fields.Items("users")) {
      if (user.Flag("in_rotation", true)) people.push_back(user.Text("name"));
    }
    for (const Item& schedule : fields.Items("schedules")) {
      const std::string role = schedule.Text("role");
      Role& to = roles_.try_emplace({name, role}, Role{name, role, zone, id, {}, {}, item}).first->second;
      to.templates.push_back({schedule, name + "/" + roster});
    }
  }
}

void Reader::ReadEvents() {
  for (const Gathered& each : found_.of("events")) {
    const Item& item = each.item;
    item.Expect("events", {"start", "end", "user", "full_name", "team", "role", "schedule_id", "link_id", "note",
                           "num_events", "user_id", "team_id", "role_id"});
    const std::string team = item.Text("team");
    const std::string role = item.Text("role");
    const auto stretch = StretchOf(item, "start", "end");
    if (role == "vacation" || role == "unavailable") continue;  // nobody is on call by these
    const auto known = roles_.find({team, ""});
    if (known == roles_.end()) {
      item.Lose(Grade::kWho, absl::StrFormat("an event of the team %s, which is not in the export", JsonQuote(team)),
                "left out");
      continue;
    }
    const auto user = draft_.NeedUser(item, item.Text("user"));
    if (!stretch || !user) continue;
    Role& to = roles_
                   .try_emplace({team, role},
                                Role{team, role, known->second.zone, known->second.owner, {}, {}, known->second.of})
                   .first->second;
    to.shifts.push_back({stretch->start, stretch->end, {UserTarget{*user}}});
  }
}

// In the order in which they take turns: the round robin's own, else as the roster lists them.
std::vector<Participant> Reader::PeopleOf(const Template& from) {
  std::vector<std::string> names;
  for (const Item& person : from.item["scheduler"].Items("data"))
    names.push_back(person.Text());
  if (names.empty()) names = rosters_[from.roster];
  std::vector<Participant> people;
  for (const std::string& name : names) {
    const auto user = draft_.NeedUser(from.item, name);
    people.push_back(user ? One(UserTarget{*user}) : Nobody());
  }
  return people;
}

// One person has all events of a template once around; then comes the next.
void Reader::AddTemplate(
    const Template& from, const Role& role, absl::Time horizon, LayerIds& ids, Schedule& schedule) {
  const Item& item = from.item;
  item.Expect("schedules", {"advanced_mode", "auto_populate_threshold", "events", "role", "role_id", "roster",
                            "roster_id", "team", "team_id", "timezone", "scheduler"});
  constexpr std::int64_t kWeek = 7 * 1440;
  constexpr std::int64_t kLongest = 8 * kWeek * 60;  // seconds
  struct Event {
    std::int64_t start = 0;
    std::int64_t minutes = 0;
  };
  std::vector<Event> events;
  std::int64_t end = 0;
  std::int64_t begin = kLongest;
  for (const Item& event : item.Items("events")) {
    events.push_back({event.Number("start", 0, kLongest, 0) / 60, event.Number("duration", 60, kLongest, 60) / 60});
    end = std::max(end, events.back().start + events.back().minutes);
    begin = std::min(begin, events.back().start);
  }
  const std::vector<Participant> people = PeopleOf(from);
  if (people.empty() || events.empty()) return;
  const std::int64_t weeks = std::max<std::int64_t>(1, (end - begin + kWeek - 1) / kWeek);
  // Whoever had the last shift is followed by the next.
  const auto n = static_cast<std::int64_t>(people.size());
  std::int64_t first = 0;
  if (!role.shifts.empty()) {
    const auto found = std::ranges::find(people, role.shifts.back().members, &Participant::members);
    if (found != people.end()) first = (found - people.begin() + 1) % n;
  }
  absl::CivilDay sunday(LocalMinute(horizon, role.zone));
  while (absl::GetWeekday(sunday) != absl::Weekday::sunday)
    --sunday;
  for (const Event& event : events) {
    Layer layer;
    layer.id = ids.Claim("template");
    layer.name = layer.id.value();
    layer.effective_since = horizon;
    Recurrence recurrence;
    recurrence.start = absl::CivilMinute(sunday) + event.start;
    recurrence.end = recurrence.start + event.minutes;
    recurrence.rule = absl::StrFormat("FREQ=WEEKLY;INTERVAL=%d", weeks);
    recurrence.start_index = static_cast<std::int32_t>(first);
    layer.pattern = std::move(recurrence);
    layer.participants = people;
    schedule.layers.push_back(std::move(layer));
  }
  item.Lose(Grade::kWho, "the scheduler picks whoever has not been on for longest",
            absl::StrFormat("from %s on the roster takes turns in its order", Show(horizon)));
}

void Reader::Put(const Role& role) {
  if (role.shifts.empty() && role.templates.empty()) return;
  Schedule schedule;
  const std::string name = role.team + "-" + role.role;
  schedule.id = ScheduleId(draft_.schedules.Known(role.team + "/" + role.role, name));
  schedule.name = Line(name, schedule.id.value());
  schedule.team = role.owner;
  schedule.time_zone = role.zone;
  LayerIds ids;
  absl::Time horizon = WholeMinute(draft_.options().now);
  std::vector<Entry> said;
  if (!role.shifts.empty()) {
    Layer layer;
    layer.id = ids.Claim("calendar");
    layer.name = "calendar";
    layer.priority = 1;
    layer.pattern = FixedShifts{role.shifts};
    schedule.layers.push_back(std::move(layer));
    horizon = absl::UnixEpoch();
    for (const FixedShift& shift : role.shifts) {
      horizon = std::max(horizon, shift.end);
      said.push_back({shift.start, shift.end, {std::get<UserTarget>(shift.members.front()).user}});
    }
  }
  for (const Template& each : role.templates)
    AddTemplate(each, role, horizon, ids, schedule);
  Render(draft_, schedule.id, "events", std::move(said));
  draft_.organisation().schedules.push_back(std::move(schedule));
}

void Reader::Read() {
  for (const Gathered& user : found_.of("users"))
    AddUser(user.item, user.item.Text("name"));
  for (const Gathered& team : found_.of("teams"))
    ReadTeam(team.item);
  ReadEvents();
  for (auto& [key, role] : roles_) {
    std::ranges::sort(role.shifts, {}, &FixedShift::start);
    Put(role);
  }
  for (const Gathered& team : found_.of("teams"))
    AddPolicy(team.item);
}

// Who pages whom is Iris' affair; without it a team's roles are paged one after the other.
void Reader::AddPolicy(const Item& item) {
  const std::string name = item.Text("name");
  const TeamId team(draft_.teams.Known(name, name));
  EscalationPolicy policy;
  for (const std::string_view role : {"primary", "secondary", "manager"}) {
    const std::string* schedule = draft_.schedules.Find(name + "/" + std::string(role));
    if (schedule == nullptr) continue;
    draft_.PutStep(policy, {item, absl::Minutes(5), {ScheduleTarget{ScheduleId(*schedule)}}});
  }
  if (policy.steps.empty()) return;
  policy.id = PolicyId(draft_.policies.Known(name, name));
  policy.name = Line(name, policy.id.value());
  policy.team = team;
  const PolicyId id = policy.id;
  draft_.Put(std::move(policy));
  item.Lose(Grade::kWho,
            absl::StrFormat("its plan in Iris %s: how a page goes on is not in oncall",
                            JsonQuote(TruncateUtf8(item.Text("iris_plan"), 80))),
            "its policy pages primary, secondary and manager, five minutes after one another");
  for (const Item& each : item.Items("services")) {
    Service service;
    service.id = ServiceId(draft_.services.Known(each.Text(), each.Text()));
    service.name = Line(each.Text(), service.id.value());
    service.team = team;
    service.matchers = {
        {"service", MatchOp::kEqual, service.id.value()}
    };
    const auto& all = draft_.organisation().services;
    if (std::ranges::find(all, service.id, &Service::id) != all.end()) continue;
    draft_.organisation().services.push_back(service);
    draft_.AddRoute(service.id, service.matchers, id);
  }
  draft_.organisation().route.children.push_back(draft_.RouteOf("team-" + team.value(),
                                                                {
                                                                    {"team", MatchOp::kEqual, team.value()}
  },
                                                                id));
}

}  // namespace

void ReadLinkedInOnCall(std::span<const Document> documents, Draft& draft) {
  std::vector<Document> wrapped;
  for (const Document& document : documents) {
    wrapped.push_back(document);
    // One team, as the API answers for it: its people and rosters are part of it.
    Value& root = wrapped.back().root;
    if (root.Find("rosters") == nullptr || root.Find("name") == nullptr) continue;
    Value team = std::move(root);
    root = Value{Value::Kind::kMap, "", {}, {}};
    root.fields.push_back({
        "teams", Value{Value::Kind::kList, "", {}, {}}
    });
    root.fields.front().value.items.push_back(std::move(team));
  }
  const Gathering found(wrapped, Shapes(), draft.report());
  Reader(found, draft).Read();
}

}  // namespace tocsin::import
