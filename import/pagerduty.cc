// PagerDuty: users, teams, escalation policies, v2 schedules.
//
// The API gives a schedule's layers from the last to the first; the one that was made last hides the others. Turns are counted
// from rotation_virtual_start, whatever the layer's start and end say of when it exists.
#include "import/pagerduty.h"

#include <algorithm>

#include "absl/strings/str_format.h"

#include "base/strings.h"
#include "escalation/roster.h"
#include "import/compare.h"
#include "import/layers.h"
#include "import/sources.h"
#include "import/stepping.h"

namespace tocsin::import {
namespace {

std::span<const Shape> Shapes() {
  static const std::vector<Shape>* const shapes = new std::vector<Shape>{
      {"users",     {"users", "user"}                                                                          },
      {"teams",     {"teams", "team"}                                                                          },
      {"members",   {"members", "team_members"}                                                                },
      {"schedules", {"schedules", "schedule", "schedules_v3", "schedule_v3"}                                   },
      {"overrides", {"overrides", "override"}                                                                  },
      {"policies",  {"escalation_policies", "escalation_policy"}                                               },
      {"services",  {"services", "service"}                                                                    },
      {"windows",   {"maintenance_windows", "maintenance_window"}                                              },
      {"rules",     {"event_orchestrations", "orchestrations", "rulesets", "event_rules", "orchestration_path"}},
      {"plays",     {"response_plays", "response_play", "incident_workflows"}                                  },
  };
  return *shapes;
}

// --- users --------------------------------------------------------------------------------------------------------------

ContactMethodId ReadMethod(const Item& item, const UserId& user, Draft& draft) {
  const std::string type = item.Text("type");
  const std::string address = item.Text("address");
  if (address.empty()) return {};  // a reference: the export was made without contact methods
  if (type.starts_with("email")) return draft.AddMethod(item, user, ContactMethod::Kind::kEmail, address);
  const std::string number = PhoneNumber(address, item.Text("country_code"));
  if (type.starts_with("phone")) return draft.AddMethod(item, user, ContactMethod::Kind::kVoice, number);
  if (type.starts_with("sms")) return draft.AddMethod(item, user, ContactMethod::Kind::kSms, number);
  item.Lose(Grade::kHow, absl::StrFormat("a contact method of type %s", JsonQuote(TruncateUtf8(type, 60))),
            "this person is not reached that way");
  return {};
}

void ReadUser(const Item& item, Draft& draft) {
  item.Expect("users", {"email", "time_zone", "role", "contact_methods", "notification_rules", "teams", "color",
                        "avatar_url", "billed", "invitation_sent", "job_title", "coordinated_incidents", "locale",
                        "license", "created_via_sso", "oncall_handoff_notification_rules"});
  const UserId user = draft.AddUser(
      item, {item.Text("id"), item.FirstText({"name", "summary"}), item.Text("email"), item.Text("time_zone")});
  std::map<std::string, ContactMethodId> methods;
  for (const Item& method : item.Items("contact_methods"))
    methods[method.Text("id")] = ReadMethod(method, user, draft);
  for (const Item& rule : item.Items("notification_rules")) {
    if (!rule["contact_method"].present()) continue;  // a reference
    const Urgency urgency = rule.Text("urgency") == "low" ? Urgency::kLow : Urgency::kHigh;
    const std::int64_t minutes = rule.Number("start_delay_in_minutes", 0, 100'000, 0);
    draft.AddRule(user, urgency, absl::Minutes(minutes), methods[rule["contact_method"].Text("id")]);
  }
  for (const Item& team : item.Items("teams")) {
    if (const std::string* id = draft.teams.Find(team.Text("id"))) draft.AddMember(TeamId(*id), user);
  }
}

void ReadTeam(const Item& item, Draft& draft) {
  item.Expect("teams", {"parent", "default_role", "privacy", "members"});
  const TeamId id(draft.teams.Known(item.Text("id"), item.FirstText({"name", "summary"})));
  draft.organisation().teams.push_back({id, Line(item.FirstText({"name", "summary"}), id.value()), {}});
}

void ReadMembers(const Item& member, const TeamId& team, Draft& draft) {
  const std::string key = member["user"].present() ? member["user"].Text("id") : member.Text("id");
  if (const auto user = draft.FindUser(key)) draft.AddMember(team, *user);
}

// --- policies -----------------------------------------------------------------------------------------------------------

std::vector<Target> TargetsOf(const std::vector<Item>& items, Draft& draft) {
  std::vector<Target> targets;
  for (const Item& item : items) {
    const std::string type = item.Text("type");
    if (type.starts_with("user")) {
      if (const auto user = draft.NeedUser(item, item.Text("id"))) targets.emplace_back(UserTarget{*user});
      continue;
    }
    const std::string* schedule = type.starts_with("schedule") ? draft.schedules.Find(item.Text("id")) : nullptr;
    if (schedule != nullptr) {
      targets.emplace_back(ScheduleTarget{ScheduleId(*schedule)});
    } else {
      item.Lose(Grade::kWho, absl::StrFormat("a target of type %s that is not in the export", JsonQuote(type)),
                "nobody is paged in its place");
    }
  }
  return targets;
}

void ReadPolicy(const Item& item, Draft& draft) {
  item.Expect("escalation policies",
              {"escalation_rules", "services", "num_loops", "teams", "on_call_handoff_notifications", "privilege"});
  EscalationPolicy policy;
  policy.id = PolicyId(draft.policies.Known(item.Text("id"), item.FirstText({"name", "summary"})));
  policy.name = Line(item.FirstText({"name", "summary"}), policy.id.value());
  policy.team = OwnerOf(item, draft);
  policy.repeats = static_cast<std::int32_t>(item.Number("num_loops", 0, 1000, 0));
  if (item.Text("on_call_handoff_notifications") == "always") {
    item.Lose(Grade::kCosmetic, "people are told when they go on call, also without open incidents", "they are not");
  }
  for (const Item& rule : item.Items("escalation_rules")) {
    const Item assignment = rule["escalation_rule_assignment_strategy"];
    const std::string strategy = assignment.is_map() ? assignment.Text("type") : assignment.Text();
    SourceStep step{rule, absl::Minutes(rule.Number("escalation_delay_in_minutes", 0, 100'000, 30)),
                    TargetsOf(rule.Items("targets"), draft)};
    if (strategy.find("round_robin") != std::string::npos) step.strategy = PolicyStep::Strategy::kRoundRobin;
    draft.PutStep(policy, step);
  }
  draft.Put(std::move(policy), /*low_urgency_escalates=*/false);
}

// --- v2 schedules -------------------------------------------------------------------------------------------------------

void ReadRestriction(const Item& item, Layer& layer) {
  constexpr std::int64_t kDay = 86'400;
  Restriction to;
  const bool weekly = item.Text("type") == "weekly_restriction";
  to.type = weekly ? Restriction::Type::kWeekly : Restriction::Type::kDaily;
  if (weekly) to.start_day_of_week = static_cast<std::int32_t>(item.Number("start_day_of_week", 1, 7, 1));
  const std::optional<std::int32_t> start = item.TimeOfDay("start_time_of_day");
  if (!item["duration_seconds"].present()) item["duration_seconds"].Problem("is missing: how long the window lasts");
  const std::int64_t seconds = item.Number("duration_seconds", 1, weekly ? 7 * kDay : kDay, 60);
  if (seconds % 60 != 0) {
    item.Lose(Grade::kHow, absl::StrFormat("it lasts %s, no whole minutes", Span(seconds)), "the seconds are dropped");
  }
  to.start_minute = start.value_or(0) % 1440;
  to.duration_minutes = static_cast<std::int32_t>(std::max<std::int64_t>(1, seconds / 60));
  layer.restrictions.push_back(to);
}

// How many hours of what the layer itself is said to have rendered this layer gets right.
std::int64_t Agreement(const Layer& layer, const std::string& zone, const std::vector<Entry>& entries, Draft& draft) {
  auto organisation = std::make_shared<Organisation>();
  organisation->users = draft.organisation().users;
  organisation->users.insert(organisation->users.end(), draft.options().present.users.begin(),
                             draft.options().present.users.end());
  Schedule schedule;
  schedule.id = ScheduleId("probe");
  schedule.time_zone = zone;
  schedule.layers = {layer};
  organisation->schedules.push_back(schedule);
  const absl::StatusOr<Roster> roster = Roster::Compile(organisation);
  if (!roster.ok()) return 0;
  Rendering rendering{schedule.id, "", absl::InfinitePast(), absl::InfiniteFuture(), entries};
  absl::Time since = entries.front().start;
  absl::Time until = entries.front().end;
  for (const Entry& entry : entries) {
    since = std::min(since, entry.start);
    until = std::max(until, entry.end);
  }
  const absl::StatusOr<Comparison> comparison = Compare(*roster, rendering, since, until);
  return comparison.ok() ? comparison->agreeing : 0;
}

// Nobody says whether turns shorter than a day keep to the wall clock: what was rendered over a clock change does.
void ChooseCount(const Item& item, const std::string& zone, Layer& layer, Draft& draft) {
  auto& rotation = std::get<Rotation>(layer.pattern);
  absl::TimeZone::CivilTransition transition;
  const bool changes = ZoneNamed(zone).NextTransition(draft.options().now, &transition);
  if (rotation.type != Rotation::Type::kHourly || layer.participants.size() < 2 || !changes) return;
  const std::vector<Entry> entries = RenderedEntries(item["rendered_schedule_entries"], draft);
  Layer other = layer;
  const bool wall = rotation.count == Rotation::Count::kWall;
  std::get<Rotation>(other.pattern).count = wall ? Rotation::Count::kElapsed : Rotation::Count::kWall;
  const std::int64_t as_is = entries.empty() ? 0 : Agreement(layer, zone, entries, draft);
  const std::int64_t turned = entries.empty() ? 0 : Agreement(other, zone, entries, draft);
  if (turned > as_is) {
    layer = other;
  } else if (turned == as_is) {
    item.Lose(Grade::kHow, "whether its turns keep to the wall clock when it changes is not in the export",
              wall ? "they do; export it rendered over a clock change to be sure"
                   : "they keep their length; export it rendered over a clock change to be sure");
  }
}

std::optional<Layer> ReadLayer(const Item& item, const std::string& zone, LayerIds& ids, Draft& draft) {
  item.Expect("layers", {"start", "end", "rotation_virtual_start", "rotation_turn_length_seconds", "users",
                         "restrictions", "rendered_schedule_entries", "rendered_coverage_percentage"});
  Layer layer;
  layer.id = ids.Claim(item.FirstText({"name", "summary", "id"}));
  layer.name = Line(item.FirstText({"name", "summary"}), layer.id.value());
  const std::string_view origin = item["rotation_virtual_start"].present() ? "rotation_virtual_start" : "start";
  const std::optional<absl::Time> start = item.NeedInstant(origin, ZoneNamed(zone));
  if (!item["rotation_turn_length_seconds"].present()) {
    item["rotation_turn_length_seconds"].Problem("is missing: how long a turn lasts");
  }
  const std::int64_t turn = item.Number("rotation_turn_length_seconds", 1, 365LL * 86'400, 86'400);
  layer.pattern = TurnOf(item, turn, LocalMinute(start.value_or(draft.options().now), zone));
  if (const auto since = item.Instant("start", ZoneNamed(zone))) layer.effective_since = WholeMinute(*since);
  if (const auto until = item.Instant("end", ZoneNamed(zone))) layer.effective_until = WholeMinute(*until);
  if (layer.effective_since && layer.effective_until && *layer.effective_since >= *layer.effective_until)
    return std::nullopt;
  for (const Item& member : item.Items("users")) {
    const Item reference = member["user"].present() ? member["user"] : member;
    const auto user = draft.NeedUser(reference, reference.Text("id"));
    layer.participants.push_back(user ? One(UserTarget{*user}) : Nobody());
  }
  for (const Item& restriction : item.Items("restrictions"))
    ReadRestriction(restriction, layer);
  if (layer.participants.empty()) return std::nullopt;  // nobody takes turns in it
  ChooseCount(item, zone, layer, draft);
  return layer;
}

void ReadOverride(const Item& item, Draft& draft, Schedule& schedule) {
  const std::optional<Stretch> stretch = StretchOf(item, "start", "end");
  if (!stretch) return;
  const auto user = draft.NeedUser(item["user"], item["user"].Text("id"));
  if (!user) return;
  Override change;
  change.start = stretch->start;
  change.end = stretch->end;
  change.users = {UserTarget{*user}};
  change.reason = "imported from PagerDuty";
  Draft::Override(schedule, std::move(change));
}

}  // namespace

TeamId OwnerOf(const Item& item, Draft& draft) {
  for (const Item& team : item.Items("teams")) {
    if (const std::string* id = draft.teams.Find(team.Text("id"))) return TeamId(*id);
  }
  return {};
}

std::vector<Entry> RenderedEntries(const Item& list, Draft& draft) {
  std::vector<Entry> entries;
  for (const Item& item : list.Items()) {
    const auto start = item.NeedInstant("start");
    const auto end = item.NeedInstant("end");
    const auto user = draft.FindUser(item["user"].Text("id"));
    if (start && end && *start < *end && user) entries.push_back({*start, *end, {*user}});
  }
  return entries;
}

void ReadLayeredSchedule(const Item& item, const std::vector<Item>& overrides, Draft& draft) {
  item.Expect("schedules", {"time_zone", "schedule_layers", "overrides", "overrides_subschedule", "final_schedule",
                            "escalation_policies", "users", "teams", "http_cal_url", "web_cal_url",
                            "personal_http_cal_url", "personal_web_cal_url", "next_oncall_for_user"});
  Schedule schedule;
  schedule.id = ScheduleId(draft.schedules.Known(item.Text("id"), item.FirstText({"name", "summary"})));
  schedule.name = Line(item.FirstText({"name", "summary"}), schedule.id.value());
  schedule.time_zone = draft.Zone(item, "time_zone");
  schedule.team = OwnerOf(item, draft);
  if (!item["schedule_layers"].present()) {
    item.Lose(Grade::kWho, "its layers: a list of schedules does not have them",
              "nobody is on call; export /schedules/ID for each");
  }
  LayerIds ids;
  const std::vector<Item> layers = item.Items("schedule_layers");
  for (std::size_t i = 0; i < layers.size(); ++i) {
    std::optional<Layer> layer = ReadLayer(layers[i], schedule.time_zone, ids, draft);
    if (!layer) continue;
    layer->priority = static_cast<std::int32_t>(layers.size() - i);
    schedule.layers.push_back(*std::move(layer));
  }
  std::vector<Item> changes = overrides;
  for (const Item& change : item.Items("overrides"))
    changes.push_back(change);
  const Item rendered = item["overrides_subschedule"]["rendered_schedule_entries"];
  if (changes.empty() && !rendered.Items().empty()) {
    changes = rendered.Items();
    item.Lose(Grade::kCosmetic, "overrides outside of the time that was exported", "those inside of it are there");
  }
  for (const Item& change : changes)
    ReadOverride(change, draft, schedule);
  if (Overlaps(schedule) > 0) {
    item.Lose(Grade::kHow, "which of two overrides that overlap was made last is not in the export",
              "the one that is listed last wins");
  }
  Render(draft, schedule.id, "final_schedule",
         RenderedEntries(item["final_schedule"]["rendered_schedule_entries"], draft));
  if (item["schedule_layers"].present()) draft.Check(schedule.id, PagerDutySteps(item, changes, draft));
  draft.organisation().schedules.push_back(std::move(schedule));
}

void ReadPagerDuty(std::span<const Document> documents, Draft& draft) {
  const Gathering found(documents, Shapes(), draft.report());
  for (const Gathered& team : found.of("teams"))
    ReadTeam(team.item, draft);
  for (const Gathered& user : found.of("users"))
    ReadUser(user.item, draft);
  for (const Gathered& team : found.of("teams")) {
    const TeamId id(draft.teams.Known(team.item.Text("id"), ""));
    for (const Item& member : team.item.Items("members"))
      ReadMembers(member, id, draft);
  }
  ByParent members(found.of("members"), [](const Item& /*item*/) { return std::string(); });
  for (const Gathered& team : found.of("teams")) {
    const std::string key = team.item.Text("id");
    for (const Item& member : members.Of(key))
      ReadMembers(member, TeamId(draft.teams.Known(key, "")), draft);
  }
  for (const Gathered& schedule : found.of("schedules")) {
    const Item& item = schedule.item;
    draft.schedules.Known(item.Text("id"), item.FirstText({"name", "summary"}));
  }
  ByParent placed(found.of("overrides"), [](const Item& item) { return item["schedule"].Text("id"); });
  for (const Gathered& schedule : found.of("schedules")) {
    const std::string key = schedule.item.Text("id");
    if (schedule.only_rendered) {
      Render(draft, ScheduleId(draft.schedules.Known(key, "")), "final_schedule",
             RenderedEntries(schedule.item["final_schedule"]["rendered_schedule_entries"], draft));
      continue;
    }
    const std::vector<Item> overrides = placed.Of(key);
    if (schedule.item["rotations"].present()) {
      ReadShiftSchedule(schedule.item, draft);
    } else {
      ReadLayeredSchedule(schedule.item, overrides, draft);
    }
  }
  if (placed.left() > 0) {
    draft.report().Lose(Grade::kWho, "overrides",
                        absl::StrFormat("%d of them: of which schedule is not said", placed.left()),
                        "left out; call the file of each schedule's overrides overrides-<the schedule's id>.json");
  }
  for (const Gathered& policy : found.of("policies"))
    draft.policies.Known(policy.item.Text("id"), policy.item.FirstText({"name", "summary"}));
  for (const Gathered& policy : found.of("policies"))
    ReadPolicy(policy.item, draft);
  for (const Gathered& service : found.of("services"))
    ReadService(service.item, draft);
  for (const Gathered& window : found.of("windows"))
    ReadMaintenance(window.item, draft);
  for (const Gathered& rules : found.of("rules")) {
    rules.item.Lose(Grade::kWho, "rules over events, which are written in a language of their own",
                    "left out: say by routes with matchers which alerts go to which service");
  }
  for (const Gathered& play : found.of("plays")) {
    play.item.Lose(Grade::kHow, "what is done when an incident begins", "left out: an incident rule may have a policy");
  }
}

}  // namespace tocsin::import
