#include "tests/sim/sample.h"

namespace tocsin::sim {
namespace {

User Person(const std::string& name) {
  User user;
  user.id = UserId(name);
  user.name = name;
  user.time_zone = "UTC";
  user.contact_methods = {
      {ContactMethodId("mail"), ContactMethod::Kind::kEmail, name + "@example.com", ""},
      {ContactMethodId("sms"),  ContactMethod::Kind::kSms,   "+15005550100",        ""}
  };
  user.notification_rules = {
      {Urgency::kHigh, absl::ZeroDuration(), ContactMethodId("mail")},
      {Urgency::kHigh, absl::Seconds(30),    ContactMethodId("sms") },
      {Urgency::kLow,  absl::ZeroDuration(), ContactMethodId("mail")}
  };
  return user;
}

}  // namespace

OrganisationPtr SampleOrganisationForSimulation() {
  auto organisation = std::make_shared<Organisation>();
  organisation->name = "simulation";
  organisation->public_url = "http://127.0.0.1:8911";
  organisation->users = {Person("ann"), Person("bob")};
  organisation->teams = {
      {TeamId("all"), "Everybody", {UserId("ann"), UserId("bob")}}
  };
  organisation->fallback_user = UserId("bob");
  EscalationPolicy policy;
  policy.id = PolicyId("default");
  policy.team = TeamId("all");
  policy.steps = {
      {absl::Minutes(2), {UserTarget{UserId("ann")}}},
      {absl::Minutes(2), {UserTarget{UserId("bob")}}}
  };
  policy.repeats = 1;
  policy.repeat_interval = absl::Minutes(1);
  organisation->policies = {policy};
  organisation->services = {
      {ServiceId("web"), "Web", TeamId("all"), {{"service", MatchOp::kEqual, "web"}}}
  };
  Integration stream;
  stream.id = IntegrationId("stream");
  stream.source = "stream";
  organisation->integrations = {stream};
  organisation->route.id = RouteId("root");
  organisation->route.group_by = {"service"};
  organisation->route.group_wait = absl::Seconds(2);
  organisation->route.group_interval = absl::Seconds(30);
  organisation->route.policy = PolicyId("default");
  organisation->route.reopen_window = absl::Seconds(30);
  organisation->route.break_through = {.severity = true, .labels = {"instance"}};
  Route below = organisation->route;
  below.id = RouteId("from-three-on");
  below.matchers = {
      {"service", MatchOp::kEqual, "queue"}
  };
  below.threshold = {.count = 3, .window = absl::Minutes(1)};
  Route restless = organisation->route;
  restless.id = RouteId("restless");
  restless.matchers = {
      {"service", MatchOp::kEqual, "cache"}
  };
  restless.flapping = {.changes = 3, .window = absl::Minutes(10), .stable_for = absl::Minutes(2)};
  organisation->route.children = {below, restless};
  IncidentRule rule;
  rule.id = IncidentRuleId("big");
  rule.condition.kind = IncidentCondition::Kind::kGroupSize;
  rule.condition.count = 4;
  rule.title = "Many alerts of {{labels.service}}";
  organisation->incident_rules = {rule};
  return organisation;
}

AlertEvent SampleEvent(std::size_t key, bool firing, std::uint64_t number) {
  constexpr const char* kServices[] = {"web", "db", "queue", "cache"};
  AlertEvent event;
  event.kind = firing ? EventKind::kTrigger : EventKind::kResolve;
  // One severity for each service: a rise would rightly take an acknowledgement back.
  event.severity = key % 4 == 0 ? Severity::kCritical : Severity::kWarning;
  event.labels = {
      {"alertname", "Simulated"        },
      {"instance",  std::to_string(key)},
      {"service",   kServices[key % 4] }
  };
  event.annotations = {
      {"number", std::to_string(number)}
  };
  return event;
}

std::uint64_t NumberOfSample(const AlertSummary& summary) {
  const std::string text(Find(std::span<const Label>(summary.annotations), "number"));
  return text.empty() ? 0 : std::stoull(text);
}

std::vector<BundleMember> ToldBy(const Notification& notification) {
  if (!notification.members.empty()) return notification.members;
  return {
      {notification.id, notification.subject}
  };
}

std::vector<Subject> PagedBy(const Notification& notification, const ResponderState& state) {
  if (notification.members.empty()) return {notification.subject};
  std::vector<Subject> subjects;
  for (const BundleMember& member : notification.members) {
    const auto row = state.notifications.find(member.notification);
    const bool is_recovery =
        row != state.notifications.end() && row->second.purpose == Notification::Purpose::kResolved;
    if (!is_recovery) subjects.push_back(member.subject);
  }
  return subjects;
}

}  // namespace tocsin::sim
