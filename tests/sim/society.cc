#include "tests/sim/society.h"

#include <array>
#include <memory>
#include <string>

namespace tocsin::sim {
namespace {

constexpr std::array<const char*, kServices> kNames = {"web", "db", "queue", "cache", "disk", "net", "edge", "leaf"};
constexpr std::array<const char*, kUsers> kPeople = {"ann", "bob", "cyd"};

User Person(const std::string& name, std::int64_t number) {
  User user;
  user.id = UserId(name);
  user.name = name;
  user.time_zone = "UTC";
  user.contact_methods = {
      {ContactMethodId("mail"), ContactMethod::Kind::kEmail,   name + "@example.com",                  ""      },
      {ContactMethodId("sms"),  ContactMethod::Kind::kSms,     "+1500555010" + std::to_string(number), ""      },
      {ContactMethodId("hook"), ContactMethod::Kind::kWebhook, "https://hooks.example.com/" + name,    "secret"}
  };
  const absl::Duration until_sms = number == 1 ? absl::ZeroDuration() : absl::Seconds(30);
  user.notification_rules = {
      {Urgency::kHigh, absl::ZeroDuration(), ContactMethodId("mail")},
      {Urgency::kHigh, until_sms,            ContactMethodId("sms") },
      {Urgency::kLow,  absl::ZeroDuration(), ContactMethodId("mail")},
      {Urgency::kLow,  absl::Minutes(5),     ContactMethodId("hook")}
  };
  if (number == 2) user.notification_rules.push_back({Urgency::kHigh, absl::Minutes(1), ContactMethodId("hook")});
  return user;
}

Schedule Hourly() {
  Layer layer;
  layer.id = LayerId("turns");
  layer.time_zone = "UTC";
  Rotation rotation;
  rotation.type = Rotation::Type::kHourly;
  rotation.start = absl::CivilMinute(2026, 1, 1);
  layer.pattern = rotation;
  layer.participants = {{{UserTarget{UserId("ann")}}}, {{UserTarget{UserId("bob")}}}};
  Schedule schedule;
  schedule.id = ScheduleId("hourly");
  schedule.team = TeamId("all");
  schedule.time_zone = "UTC";
  schedule.layers = {layer};
  return schedule;
}

std::vector<EscalationPolicy> Policies(std::int64_t variant) {
  const bool slow = variant % 2 == 1;
  EscalationPolicy people;
  people.id = PolicyId("people");
  people.team = TeamId("all");
  people.steps = {
      {absl::Minutes(slow ? 3 : 2), {UserTarget{UserId("ann")}}},
      {absl::Minutes(slow ? 1 : 4), {UserTarget{UserId("bob")}}}
  };
  people.repeats = slow ? 0 : 1;
  people.repeat_interval = absl::Minutes(1);
  people.catch_up = variant % 4 >= 2 ? EscalationPolicy::CatchUp::kAtOnce : EscalationPolicy::CatchUp::kRebase;
  EscalationPolicy shift = people;
  shift.id = PolicyId("shift");
  shift.steps = {
      {absl::Minutes(5),  {ScheduleTarget{ScheduleId("hourly")}}},
      {absl::Minutes(10), {TeamTarget{TeamId("all")}}           }
  };
  EscalationPolicy pressing = people;
  pressing.id = PolicyId("pressing");
  pressing.steps = {
      {absl::Minutes(1), {UserTarget{UserId("cyd")}}                           },
      {absl::Minutes(2), {UserTarget{UserId("ann")}, UserTarget{UserId("cyd")}}},
      {absl::Minutes(2), {UserTarget{UserId("bob")}}                           }
  };
  pressing.acknowledge_timeout = absl::Minutes(slow ? 5 : 12);
  return {people, shift, pressing};
}

Route RouteOf(const Route& root, const char* service) {
  Route route = root;
  route.id = RouteId(service);
  route.matchers = {
      {"service", MatchOp::kEqual, service}
  };
  return route;
}

Route Tree(std::int64_t variant) {
  Route root;
  root.id = RouteId("root");
  root.group_by = {"service"};
  root.group_wait = absl::Seconds(variant % 2 == 1 ? 10 : 2);
  root.group_interval = absl::Seconds(30);
  root.policy = PolicyId("people");
  root.reopen_window = absl::Seconds(30);
  root.break_through = {.severity = true, .labels = {}};
  Route db = RouteOf(root, "db");
  db.policy = PolicyId("shift");
  Route queue = RouteOf(root, "queue");
  queue.threshold = {.count = 3, .window = absl::Minutes(1)};
  queue.break_through.labels = {"instance"};
  queue.receiver = ReceiverId("room");
  Route cache = RouteOf(root, "cache");
  cache.flapping = {.changes = 3, .window = absl::Minutes(10), .stable_for = absl::Minutes(2)};
  Route net = RouteOf(root, "net");
  net.policy = PolicyId("pressing");
  root.children = {db, queue, cache, net};
  return root;
}

}  // namespace

const char* ServiceName(std::int64_t service) {
  return kNames[static_cast<std::size_t>(service % kServices)];
}
UserId UserNumber(std::int64_t user) {
  return UserId(kPeople[static_cast<std::size_t>(user % kUsers)]);
}
bool IsLimited(std::int64_t variant) {
  return variant == kOrganisations - 1;
}

OrganisationPtr OrganisationOf(std::int64_t variant) {
  auto organisation = std::make_shared<Organisation>();
  organisation->name = "simulation " + std::to_string(variant);
  organisation->public_url = "http://127.0.0.1:8911";
  for (std::int64_t i = 0; i < kUsers; ++i)
    organisation->users.push_back(Person(kPeople[static_cast<std::size_t>(i)], i));
  organisation->teams = {
      {TeamId("all"), "Everybody", {UserId("ann"), UserId("bob"), UserId("cyd")}}
  };
  organisation->fallback_user = UserId("bob");
  organisation->schedules = {Hourly()};
  organisation->policies = Policies(variant);
  for (const char* name : kNames)
    organisation->services.push_back({ServiceId(name), name, TeamId("all"), {{"service", MatchOp::kEqual, name}}});
  Integration stream;
  stream.id = IntegrationId("stream");
  stream.source = "stream";
  organisation->integrations = {stream};
  organisation->receivers = {
      {ReceiverId("room"),
       {{ContactMethodId("room"), ContactMethod::Kind::kWebhook, "https://room.example.com/", ""},
        {ContactMethodId("wall"), ContactMethod::Kind::kWebhook, "https://wall.example.com/", ""}}}
  };
  organisation->route = Tree(variant);
  IncidentRule rule;
  rule.id = IncidentRuleId("big");
  rule.condition.kind = IncidentCondition::Kind::kGroupSize;
  rule.condition.count = 4;
  rule.title = "Many alerts of {{labels.service}}";
  organisation->incident_rules = {rule};
  InhibitionRule inhibition;
  inhibition.id = InhibitionRuleId("edge-down");
  inhibition.source_matchers = {
      {"service", MatchOp::kEqual, "edge"}
  };
  inhibition.target_matchers = {
      {"service", MatchOp::kEqual, "leaf"}
  };
  organisation->inhibition_rules = {inhibition};
  if (variant >= kOrganisations / 2) {
    HeartbeatRule pulse;
    pulse.id = HeartbeatName("pulse");
    pulse.interval = absl::Minutes(10);
    pulse.grace = absl::Minutes(1);
    organisation->heartbeats = {pulse};
  }
  organisation->smtp = {.url = "smtp://127.0.0.1:25", .from = "tocsin@example.com", .require_tls = false};
  organisation->twilio = {.account_sid = "AC1", .auth_token = "token", .from = "+15005550006"};
  organisation->twilio.receipts = variant >= kOrganisations / 2;
  if (variant % 4 == 1) {  // is always well
    organisation->second_twilio = {.url = "https://telephone.example.com",
                                   .account_sid = "AC2",
                                   .auth_token = "token",
                                   .from = "+15005550007",
                                   .receipts = organisation->twilio.receipts};
  }
  // Nobody is paged besides: whose turn it is, is what the oracle knows.
  if (!IsLimited(variant)) organisation->self_tests = {.enabled = variant % 2 == 1, .widen_steps = false};
  if (!IsLimited(variant)) {
    organisation->limits.bundle_window = absl::ZeroDuration();
    organisation->limits.kinds = {
        {ContactMethod::Kind::kEmail,   {}},
        {ContactMethod::Kind::kSms,     {}},
        {ContactMethod::Kind::kWebhook, {}}
    };
  }
  return organisation;
}

AlertEvent EventOf(std::int64_t number, bool firing, Severity severity, std::uint64_t count) {
  const std::int64_t service = number % kServices;
  const bool low = service == static_cast<std::int64_t>(ServiceNumber::kDisk);
  AlertEvent event;
  event.kind = firing ? EventKind::kTrigger : EventKind::kResolve;
  event.severity = severity != Severity::kUnknown ? severity : low ? Severity::kWarning : Severity::kHigh;
  event.labels = {
      {"alertname", "Simulated"                       },
      {"instance",  std::to_string(number / kServices)},
      {"service",   ServiceName(service)              }
  };
  event.annotations = {
      {"number", std::to_string(count)}
  };
  return event;
}

Silence SilenceOf(std::int64_t service, absl::Time from, absl::Time until, bool maintenance) {
  Silence silence;
  silence.starts_at = from;
  silence.ends_at = until;
  silence.comment = "simulated";
  silence.maintenance = maintenance;
  if (maintenance) {
    silence.service = ServiceId(ServiceName(service));
  } else {
    silence.matchers = {
        {"service", MatchOp::kEqual, ServiceName(service)}
    };
  }
  return silence;
}

}  // namespace tocsin::sim
