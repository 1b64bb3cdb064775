#include "tests/config/random_organisation.h"

#include <iterator>
#include <string>

#include "absl/strings/str_format.h"

#include "config/secrets.h"
#include "model/integration_key.h"

namespace tocsin {
namespace {

constexpr std::int64_t kUsers = 6;

// One line of text with everything in it that could confuse a reader of YAML.
std::string RandomLine(Random& random) {
  constexpr const char* kPieces[] = {"a", " ",  "\"", "'",  ":",  ": ",   " #", "- ",  "{",   "}",
                                     "[", "]",  ",",  "&a", "*a", "!",    "|",  ">",   "%",   "@",
                                     "`", "\\", "ä",  "中", "😀",  "null", "~",  "0x1", "1e3", "true"};
  std::string text;
  for (std::int64_t i = random.Between(1, 6); i > 0; --i)
    text += kPieces[random.Below(std::size(kPieces))];
  return text;
}

template <typename Id>
Id NameOf(const char* kind, std::int64_t number) {
  return Id(absl::StrFormat("%s-%d", kind, number));
}

UserId AnyUser(Random& random) {
  return NameOf<UserId>("user", random.Between(0, kUsers - 1));
}

absl::Duration AnyDuration(Random& random, std::int64_t low_s, std::int64_t high_s) {
  return absl::Seconds(random.Between(low_s, high_s));
}

absl::Time AnyTime(Random& random) {
  return absl::FromUnixSeconds(60 * random.Between(28'000'000, 33'000'000));
}

std::vector<Matcher> AnyMatchers(Random& random) {
  std::vector<Matcher> matchers;
  for (std::int64_t i = random.Between(1, 3); i > 0; --i) {
    const bool regex = random.OneIn(2);
    matchers.push_back({random.OneIn(4) ? "na me-ä" : "label",
                        regex ? MatchOp::kNotRegex : static_cast<MatchOp>(random.Below(2)),
                        regex ? "a.*|b\\d+\"" : RandomLine(random)});
  }
  return matchers;
}

std::vector<MessageLimit> AnyLimits(Random& random) {
  std::vector<MessageLimit> limits;
  for (std::int64_t i = random.Between(0, 3); i > 0; --i) {
    const auto messages = static_cast<std::int32_t>(random.Between(1, 1000));
    limits.push_back({messages, static_cast<std::int32_t>(random.Below(static_cast<std::uint64_t>(messages))),
                      AnyDuration(random, 1, 86'400)});
  }
  return limits;
}

HandoffNotices AnyHandoffNotices(Random& random) {
  return {static_cast<HandoffNotices::When>(random.Below(4)), AnyDuration(random, 0, 86'400)};
}

User AnyUserNumber(Random& random, std::int64_t number) {
  User user;
  user.id = NameOf<UserId>("user", number);
  user.name = RandomLine(random);
  user.time_zone = random.OneIn(2) ? "UTC" : "Europe/Berlin";
  user.contact_methods = {
      {ContactMethodId("terminal"), ContactMethod::Kind::kTerminal,     RandomLine(random),          ""                              },
      {ContactMethodId("m"),        ContactMethod::Kind::kEmail,        "a@example.com",             ""                              },
      {ContactMethodId("s"),        ContactMethod::Kind::kSms,          "+4930123456",               ""                              },
      {ContactMethodId("h"),        ContactMethod::Kind::kWebhook,      "https://example.com/?a=#b", RandomLine(random)              },
      {ContactMethodId("w"),        ContactMethod::Kind::kSlackWebhook, "#ops",                      "https://example.com/services/x"},
      {ContactMethodId("c"),        ContactMethod::Kind::kSlack,        "C0123ABCD",                 ""                              },
  };
  for (ContactMethod& method : user.contact_methods)
    if (random.OneIn(2)) method.limits = AnyLimits(random);
  for (const Urgency urgency : {Urgency::kHigh, Urgency::kLow}) {
    const auto method = random.Below(user.contact_methods.size());
    user.notification_rules.push_back({urgency, AnyDuration(random, 0, 900), user.contact_methods[method].id});
  }
  user.notification_rules[0].important = random.OneIn(2);
  if (random.OneIn(2)) user.notification_rules[1].only_during = {TimeIntervalId("nights")};
  if (random.OneIn(2)) user.quiet_hours = {.start_minute = 60 * 23, .end_minute = static_cast<int>(random.Below(1440))};
  if (random.OneIn(3)) user.notification_rules = {};
  if (random.OneIn(2)) user.handoff_notices = AnyHandoffNotices(random);
  if (random.OneIn(2)) user.role = static_cast<Role>(random.Between(2, 5));
  return user;
}

Layer AnyLayer(Random& random, std::int64_t number) {
  Layer layer;
  layer.id = NameOf<LayerId>("layer", number);
  layer.name = RandomLine(random);
  layer.priority = static_cast<std::int32_t>(random.Between(-5, 5));
  if (random.OneIn(2)) layer.time_zone = "America/New_York";
  if (random.OneIn(2)) layer.effective_since = AnyTime(random);
  if (random.OneIn(2)) layer.effective_until = layer.effective_since.value_or(AnyTime(random)) + absl::Hours(24);
  std::get<Rotation>(layer.pattern).type = static_cast<Rotation::Type>(random.Below(4));
  std::get<Rotation>(layer.pattern).length = static_cast<std::int32_t>(random.Between(1, 30));
  std::get<Rotation>(layer.pattern).start =
      absl::CivilMinute(2024, random.Between(1, 12), random.Between(1, 28), random.Between(0, 23), 0);
  std::get<Rotation>(layer.pattern).count = static_cast<Rotation::Count>(random.Below(2));
  std::get<Rotation>(layer.pattern).month_overflow = static_cast<Rotation::MonthOverflow>(random.Below(3));
  layer.participants = {
      {{UserTarget{AnyUser(random)}}}, {{UserTarget{AnyUser(random)}, TeamTarget{TeamId("team-0")}}}, {}};
  std::get<Rotation>(layer.pattern).start_index = static_cast<std::int32_t>(random.Below(3));
  layer.restrictions.push_back({Restriction::Type::kDaily, static_cast<std::int32_t>(random.Below(1440)), 1,
                                static_cast<std::int32_t>(random.Between(1, 1440))});
  layer.restrictions.push_back({Restriction::Type::kWeekly, static_cast<std::int32_t>(random.Below(1440)),
                                static_cast<std::int32_t>(random.Between(1, 7)),
                                static_cast<std::int32_t>(random.Between(1, 10'080))});
  return layer;
}

Schedule AnySchedule(Random& random, std::int64_t number) {
  Schedule schedule;
  schedule.id = NameOf<ScheduleId>("schedule", number);
  schedule.name = RandomLine(random);
  if (random.OneIn(2)) schedule.team = TeamId("team-0");
  schedule.time_zone = "Asia/Singapore";
  schedule.gaps = static_cast<Schedule::Gaps>(random.Below(3));
  schedule.gap_notice = AnyDuration(random, 0, 3600);
  if (random.OneIn(2)) schedule.handoff_notices = AnyHandoffNotices(random);
  for (std::int64_t i = random.Between(1, 3); i > 0; --i)
    schedule.layers.push_back(AnyLayer(random, i));
  const absl::Time start = AnyTime(random);
  Override change;
  change.id = "o1";
  change.seq = random.OneIn(2) ? 1 : 77;
  change.start = start;
  change.end = start + absl::Hours(3);
  change.type = static_cast<Override::Type>(random.Below(3));
  change.users = {UserTarget{AnyUser(random)}};
  change.layers = {schedule.layers[0].id};
  change.created_by = RandomLine(random);
  change.reason = RandomLine(random);
  schedule.overrides.push_back(change);
  Override swap;
  swap.seq = 2;
  swap.start = start;
  swap.end = start + absl::Hours(1);
  swap.type = Override::Type::kSwap;
  swap.from_user = UserId("user-0");
  swap.to_user = UserId("user-1");
  schedule.overrides.push_back(swap);
  schedule.temporary_schedules.push_back(
      {start, start + absl::Hours(8), {{start, start + absl::Hours(4), {UserTarget{AnyUser(random)}}}}});
  return schedule;
}

void AnyChoices(Random& random, PolicyStep& step) {
  step.delay_from = static_cast<PolicyStep::DelayFrom>(random.Below(2));
  step.unless = static_cast<PolicyStep::Unless>(random.Below(2));
  if (random.OneIn(3)) {
    step.only_during = {TimeIntervalId("nights"), TimeIntervalId("weekends")};
    step.outside = static_cast<PolicyStep::Outside>(random.Below(2));
  }
  if (random.OneIn(3)) {
    step.min_rate = {.count = static_cast<std::uint32_t>(random.Between(1, 9)), .window = AnyDuration(random, 1, 900)};
  }
  if (random.OneIn(3)) step.receivers = {ReceiverId("chat")};
  step.strategy = static_cast<PolicyStep::Strategy>(random.Below(3));
  step.on_empty = static_cast<PolicyStep::OnEmpty>(random.Below(3));
  step.each_acknowledges = random.OneIn(2);
  step.page_at_handoff = !step.targets.empty() && step.strategy == PolicyStep::Strategy::kAll && random.OneIn(2);
  step.important = random.OneIn(2);
  if (step.targets.empty() || random.OneIn(2)) return;
  step.targets.emplace_back(PolicyTarget{PolicyId("inner")});
  step.targets.emplace_back(
      ScheduleTarget{ScheduleId("schedule-1"), static_cast<ScheduleTarget::Turn>(random.Below(3))});
}

EscalationPolicy AnyPolicy(Random& random, std::int64_t number) {
  EscalationPolicy policy;
  policy.id = NameOf<PolicyId>("policy", number);
  policy.name = RandomLine(random);
  policy.steps.push_back({
      AnyDuration(random, 1, 900), {UserTarget{UserId("sure")}, TeamTarget{TeamId("team-0")}}
  });
  policy.steps.push_back({AnyDuration(random, 0, 900), {ScheduleTarget{ScheduleId("schedule-0")}}});
  if (random.OneIn(2)) policy.steps.emplace_back();
  for (PolicyStep& step : policy.steps)
    AnyChoices(random, step);
  policy.repeats_page_again = random.OneIn(2);
  policy.resolve_when_exhausted = policy.steps.back().delay >= absl::Minutes(1) && random.OneIn(2);
  policy.catch_up = static_cast<EscalationPolicy::CatchUp>(random.Below(2));
  policy.low_urgency = static_cast<EscalationPolicy::LowUrgency>(random.Below(3));
  policy.low_urgency_escalates = random.OneIn(2);
  if (random.OneIn(2)) {
    policy.repeats = static_cast<std::int32_t>(random.Between(1, 5));
    policy.repeat_interval = AnyDuration(random, 0, 900);
  }
  policy.acknowledge_timeout = AnyDuration(random, 1, 9000);
  return policy;
}

EscalationPolicy InnerPolicy(Random& random) {
  EscalationPolicy inner;
  inner.id = PolicyId("inner");
  inner.name = RandomLine(random);
  inner.steps.push_back({absl::ZeroDuration(), {UserTarget{UserId("sure")}}});
  return inner;
}

void AnyGroupLife(Random& random, Route& route) {
  if (random.OneIn(3)) {
    route.threshold = {.count = static_cast<std::uint32_t>(random.Below(9)), .window = AnyDuration(random, 1, 900)};
  }
  if (random.OneIn(3)) {
    route.flapping = {.changes = static_cast<std::uint32_t>(random.OneIn(3) ? 0 : random.Between(3, 9)),
                      .window = AnyDuration(random, 1, 900),
                      .stable_for = AnyDuration(random, 1, 900)};
  }
  if (random.OneIn(3)) route.break_through.severity = random.OneIn(2);
  if (random.OneIn(3)) {
    route.break_through.labels =
        random.OneIn(2) ? std::vector<std::string>{"region", RandomLine(random)} : std::vector<std::string>{};
  }
  if (random.OneIn(3)) route.acknowledgement.timeout = AnyDuration(random, 1, 9000);
  if (random.OneIn(3)) route.acknowledgement.timeout = std::nullopt;
  if (random.OneIn(3)) route.acknowledgement.then = static_cast<AcknowledgementRule::Then>(random.Below(2));
  if (random.OneIn(3)) route.acknowledgement.ask_again = static_cast<AcknowledgementRule::AskAgain>(random.Below(3));
  if (random.OneIn(3)) route.reopen_window = AnyDuration(random, 1, 900);
  if (random.OneIn(3)) route.auto_close = AnyDuration(random, 1, 9000);
}

Route AnyRoute(Random& random, const Route& parent, const std::string& id, int depth) {
  Route route = parent;
  route.children.clear();
  route.id = RouteId(random.OneIn(3) ? id + "/named" : id);
  if (depth > 0) {
    route.matchers = AnyMatchers(random);
    route.continue_matching = random.OneIn(2);
  }
  if (random.OneIn(2)) route.policy = NameOf<PolicyId>("policy", random.Between(0, 1));
  if (random.OneIn(3)) route.receiver = ReceiverId(random.OneIn(2) ? "chat" : "");
  if (route.receiver.set() && random.OneIn(3)) route.policy = PolicyId();
  if (!route.receiver.set() && !route.policy.set()) route.policy = PolicyId("policy-0");
  route.mute_time_intervals.clear();
  route.active_time_intervals.clear();
  if (random.OneIn(3)) route.mute_time_intervals = {TimeIntervalId("nights")};
  if (random.OneIn(3)) route.active_time_intervals = {TimeIntervalId("weekends"), TimeIntervalId("nights")};
  if (random.OneIn(3)) route.service = ServiceId(random.OneIn(2) ? "service" : "");
  if (random.OneIn(3)) route.urgency = std::nullopt;
  if (random.OneIn(3)) route.urgency = static_cast<Urgency>(random.Below(2));
  if (random.OneIn(3)) {
    route.group_by_all = random.OneIn(3);
    route.group_by =
        route.group_by_all ? std::vector<std::string>{} : std::vector<std::string>{"b", RandomLine(random)};
  }
  if (random.OneIn(2)) route.group_wait = AnyDuration(random, 0, 60);
  if (random.OneIn(2)) route.group_interval = AnyDuration(random, 1, 600);
  if (random.OneIn(2)) route.repeat_interval = AnyDuration(random, 600, 6000);
  AnyGroupLife(random, route);
  for (std::uint64_t i = 0, n = random.Below(3); depth < 4 && i < n; ++i) {
    route.children.push_back(AnyRoute(random, route, absl::StrFormat("%s/%d", route.id.value(), i), depth + 1));
  }
  return route;
}

NumberRange AnyRange(Random& random, int low, int high) {
  const auto first = static_cast<std::int32_t>(random.Between(low, high));
  return {first, static_cast<std::int32_t>(random.Between(first, high))};
}

TimeInterval AnyInterval(Random& random, std::string_view id) {
  TimeInterval interval;
  interval.id = TimeIntervalId(id);
  for (std::uint64_t i = 1 + random.Below(2); i > 0; --i) {
    RecurringTime& time = interval.time_intervals.emplace_back();
    const NumberRange minutes = AnyRange(random, 0, 1439);
    if (random.OneIn(2)) time.times.push_back({minutes.first, minutes.last + 1});
    if (random.OneIn(2)) time.weekdays.push_back(AnyRange(random, 0, 6));
    if (random.OneIn(2)) time.days_of_month.push_back(AnyRange(random, 1, 31));
    if (random.OneIn(2)) time.days_of_month.push_back(AnyRange(random, -31, -1));
    if (random.OneIn(2)) time.months.push_back(AnyRange(random, 1, 12));
    if (random.OneIn(2)) time.years.push_back(AnyRange(random, 2024, 2040));
    if (random.OneIn(2)) time.location = "Europe/Berlin";
  }
  return interval;
}

std::vector<MaintenanceWindow> AnyMaintenance(Random& random) {
  MaintenanceWindow once;
  once.id = MaintenanceId("once");
  once.service = ServiceId("service");
  once.starts_at = absl::FromUnixSeconds(random.Between(1'700'000'000, 1'800'000'000));
  once.ends_at = *once.starts_at + absl::Seconds(random.Between(1, 100'000));
  once.comment = RandomLine(random);
  MaintenanceWindow weekly;
  weekly.id = MaintenanceId("weekly");
  weekly.matchers = {
      {"cluster", MatchOp::kEqual, RandomLine(random)}
  };
  weekly.time_intervals = {TimeIntervalId("nights"), TimeIntervalId("weekends")};
  if (random.OneIn(2)) weekly.ends_at = once.ends_at;
  return {once, weekly};
}

IncidentCondition AnyCondition(Random& random, int depth) {
  using Kind = IncidentCondition::Kind;
  IncidentCondition condition;
  condition.kind = static_cast<Kind>(random.Below(8));
  if (depth == 3 && (condition.kind == Kind::kAll || condition.kind == Kind::kAny)) condition.kind = Kind::kExhausted;
  switch (condition.kind) {
    case Kind::kAll:
    case Kind::kAny:
      for (std::int64_t i = random.Between(1, 3); i > 0; --i)
        condition.operands.push_back(AnyCondition(random, depth + 1));
      break;
    case Kind::kRate: condition.window = AnyDuration(random, 1, 600); [[fallthrough]];
    case Kind::kGroupSize: condition.count = static_cast<std::uint32_t>(random.Between(1, 1000)); break;
    case Kind::kSeverity: condition.severity = static_cast<Severity>(random.Between(1, 5)); break;
    case Kind::kUnacknowledged: condition.window = AnyDuration(random, 1, 600); break;
    case Kind::kExhausted: break;
    case Kind::kMatchers: condition.matchers = AnyMatchers(random); break;
  }
  return condition;
}

std::vector<Service> AnyServices(Random& random) {
  std::vector<Service> services;
  services.push_back({ServiceId("service"), RandomLine(random), TeamId("team-1"), AnyMatchers(random)});
  services.push_back({ServiceId("below"), "below", TeamId(), {}, {ServiceId("service")}, random.OneIn(2)});
  if (random.OneIn(2)) {
    SupportHours& hours = services[0].support_hours;
    hours.time_intervals = {TimeIntervalId("nights")};
    if (random.OneIn(2)) hours.during = static_cast<Urgency>(random.Below(2));
    hours.outside = static_cast<Urgency>(random.Below(2));
  }
  return services;
}

void DressIntegration(Random& random, Integration& integration) {
  integration.signing_secret = random.OneIn(2) ? RandomLine(random) : "";
  integration.topics = {"arn:aws:sns:eu-west-1:1:alarms"};
  if (random.OneIn(2)) {
    FieldMapping& mapping = integration.mapping.emplace();
    mapping.each = "events.list";
    mapping.key = "{{host}}/{{check|'none'}}";
    mapping.status = "{{state}}";
    mapping.severity = "{{\"odd.name\".0}}";
    mapping.title = "{{check}} on {{host}}";
    mapping.description = "all {{$header.X-Origin}}";
    mapping.link = "https://example.com/{{id}}";
    mapping.starts_at = "{{since}}";
    mapping.ends_at = "{{until}}";
    mapping.labels = {
        {"host", "{{host}}"}
    };
    mapping.annotations = {
        {"value", "{{value}}"}
    };
    mapping.firing_when = {"red", RandomLine(random)};
    mapping.resolved_when = {"green"};
    mapping.acknowledged_when = {"seen"};
    mapping.ignored_when = {"gray"};
    mapping.severities = {
        {"1", "critical"}
    };
  }
  integration.mail_rules = {
      {"ops@", "DOWN: (?P<host>.*)", "",            MailRule::Action::kTrigger, "{{host}}", "high", {{"host", "{{host}}"}}},
      {"",     "",                   "unsubscribe", MailRule::Action::kIgnore,  "",         "",     {}                    },
  };
}

HeartbeatRule AnyHeartbeat(Random& random) {
  HeartbeatRule rule;
  rule.id = HeartbeatName("backup");
  rule.description = RandomLine(random);
  rule.interval = AnyDuration(random, 1, 86'400);
  rule.grace = AnyDuration(random, 0, 86'400);
  rule.labels = {
      {"a", RandomLine(random)}
  };
  rule.severity = random.OneIn(2) ? Severity::kCritical : Severity::kHigh;
  rule.summary = RandomLine(random);
  rule.team = TeamId("team-0");
  rule.enabled = random.OneIn(2);
  return rule;
}

void FormTeams(Random& random, Organisation& organisation) {
  organisation.teams = {
      {TeamId("team-0"), RandomLine(random), {UserId("user-1"), UserId("user-0")}},
      {TeamId("team-1"), "team-1",           {}                                  },
  };
  if (random.OneIn(2)) organisation.teams[0].managers = {AnyUser(random), organisation.fallback_user};
  if (random.OneIn(2)) {
    organisation.users[1].role.reset();
    organisation.teams[0].viewers = {UserId("user-1")};
    std::erase(organisation.teams[0].managers, UserId("user-1"));
  }
}

}  // namespace

static void AddSenders(Organisation& organisation, Random& random) {
  organisation.smtp = {"smtp://127.0.0.1:25", "a@example.com", "u", RandomLine(random), random.OneIn(2), "/ca.pem"};
  organisation.twilio = {"https://example.com", "AC1",           RandomLine(random),
                         "+15005550006",        random.OneIn(2), absl::Seconds(random.Between(10, 600))};
  if (random.OneIn(2)) {
    organisation.second_smtp = {"smtp://127.0.0.2:25", "b@example.com", "v", RandomLine(random), random.OneIn(2), ""};
    organisation.second_twilio = {"https://example.org", "AC2",           RandomLine(random),
                                  "+15005550007",        random.OneIn(2), absl::Seconds(random.Between(10, 600))};
  }
  organisation.slack = {"https://example.com/api", RandomLine(random)};
}

Organisation RandomOrganisation(Random& random) {
  Organisation organisation;
  organisation.name = RandomLine(random);
  organisation.public_url = "https://tocsin.example.com/x";
  for (std::int64_t i = 0; i < kUsers; ++i)
    organisation.users.push_back(AnyUserNumber(random, i));
  User sure = AnyUserNumber(random, 99);
  sure.id = UserId("sure");
  sure.notification_rules = {
      {Urgency::kHigh, absl::ZeroDuration(), ContactMethodId("terminal")},
      {Urgency::kLow,  absl::ZeroDuration(), ContactMethodId("terminal")},
  };
  organisation.users.push_back(sure);
  organisation.fallback_user = sure.id;
  FormTeams(random, organisation);
  for (std::int64_t i = 0; i < 2; ++i)
    organisation.schedules.push_back(AnySchedule(random, i));
  for (std::int64_t i = 0; i < 2; ++i)
    organisation.policies.push_back(AnyPolicy(random, i));
  organisation.policies.push_back(InnerPolicy(random));
  organisation.services = AnyServices(random);
  organisation.integrations = {
      {IntegrationId("open"),        "generic",    "", {}, absl::ZeroDuration(), 5},
      { IntegrationId("closed"),
       "nagios", HashKey(RandomLine(random)),
       {{"a", RandomLine(random)}, {"ä b", "c"}},
       AnyDuration(random,                                              1,                                                                   600),
       1'000'000},
  };
  DressIntegration(random, organisation.integrations[1]);
  organisation.heartbeats = {AnyHeartbeat(random)};
  organisation.receivers.push_back({ReceiverId("chat"),
                                    {{ContactMethodId("x"), ContactMethod::Kind::kWebhook, "http://127.0.0.1:1/", "s"}},
                                    random.OneIn(2),
                                    random.OneIn(2)});
  organisation.time_intervals = {AnyInterval(random, "nights"), AnyInterval(random, "weekends")};
  organisation.maintenance = AnyMaintenance(random);
  organisation.route = AnyRoute(random, Route(), "root", 0);
  organisation.incident_rules.push_back({IncidentRuleId("rule"),
                                         AnyCondition(random, 0),
                                         static_cast<std::uint8_t>(random.Between(1, 5)),
                                         "t {{labels.x}}: " + std::to_string(random.Next()),
                                         random.OneIn(2) ? PolicyId("policy-1") : PolicyId(),
                                         AnyDuration(random, 0, 3600),
                                         {"a"}});
  for (int i = 0; i < 2; ++i) {
    organisation.inhibition_rules.push_back({
        InhibitionRuleId(absl::StrFormat("inhibition-%d", i)), AnyMatchers(random), AnyMatchers(random), {"a", "b"}
    });
    for (std::vector<Matcher>* side : {&organisation.inhibition_rules.back().source_matchers,
                                       &organisation.inhibition_rules.back().target_matchers}) {
      side->push_back({"severity", MatchOp::kEqual, RandomLine(random)});
    }
  }
  AddSenders(organisation, random);
  organisation.limits.bundle_window = AnyDuration(random, 0, 3600);
  for (std::size_t kind = 0; kind < kContactKinds; ++kind) {
    if (random.OneIn(2)) {
      organisation.limits.kinds.push_back({static_cast<ContactMethod::Kind>(kind), AnyLimits(random)});
    }
  }
  organisation.dead_man = {"https://example.com/d", AnyDuration(random, 1, 60)};
  organisation.self_tests = {random.OneIn(2), AnyDuration(random, 86'400, 90 * 86'400), random.OneIn(2),
                             random.OneIn(2), random.OneIn(2)};
  return organisation;
}

}  // namespace tocsin
