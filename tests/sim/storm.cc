#include "tests/sim/storm.h"

#include <algorithm>

#include "absl/strings/str_format.h"

#include "engine/allowance.h"

namespace tocsin::sim {
namespace {

constexpr const char* kNames[kStormPeople] = {"ann", "bob", "cid", "dee", "eve", "fay", "gus", "hal"};

User Person(std::size_t number) {
  User user;
  user.id = UserId(kNames[number]);
  user.name = kNames[number];
  user.time_zone = "UTC";
  const std::string phone = absl::StrFormat("+1500555%04d", number);
  user.contact_methods = {
      {ContactMethodId("sms"),   ContactMethod::Kind::kSms,   phone,                            ""},
      {ContactMethodId("mail"),  ContactMethod::Kind::kEmail, user.id.value() + "@example.com", ""},
      {ContactMethodId("voice"), ContactMethod::Kind::kVoice, phone,                            ""}
  };
  user.notification_rules = {
      {Urgency::kHigh, absl::ZeroDuration(), ContactMethodId("sms")  },
      {Urgency::kHigh, absl::Minutes(2),     ContactMethodId("voice")},
      {Urgency::kLow,  absl::ZeroDuration(), ContactMethodId("mail") }
  };
  return user;
}

Route RouteTo(const UserId& person) {
  Route route;
  route.id = RouteId("to-" + person.value());
  route.matchers = {
      {"owner", MatchOp::kEqual, person.value()}
  };
  route.policy = PolicyId(person.value());
  route.group_by = {"service", "severity"};
  route.group_wait = absl::ZeroDuration();
  route.urgency = Urgency::kHigh;
  return route;
}

}  // namespace

std::string StormService(std::size_t service) {
  return absl::StrFormat("service-%03d", service);
}

UserId StormPerson(std::size_t service) {
  return UserId(kNames[service % kStormPeople]);
}

Organisation StormOrganisation() {
  Organisation organisation;
  organisation.name = "storm";
  organisation.public_url = "http://127.0.0.1:8911";
  for (std::size_t i = 0; i < kStormPeople; ++i) {
    organisation.users.push_back(Person(i));
    EscalationPolicy policy;
    policy.id = PolicyId(kNames[i]);
    policy.steps = {
        {absl::Hours(12), {UserTarget{UserId(kNames[i])}}}
    };
    organisation.policies.push_back(policy);
    organisation.route.children.push_back(RouteTo(UserId(kNames[i])));
  }
  for (std::size_t i = 0; i < kStormServices; ++i) {
    organisation.services.push_back(
        {ServiceId(StormService(i)), StormService(i), TeamId(), {{"service", MatchOp::kEqual, StormService(i)}}});
  }
  organisation.fallback_user = UserId(kNames[0]);
  Integration stream;
  stream.id = IntegrationId("stream");
  stream.source = "stream";
  organisation.integrations = {stream};
  organisation.route.id = RouteId("root");
  organisation.route.policy = PolicyId(kNames[0]);
  return organisation;
}

std::size_t StormServiceOf(std::size_t i) {
  return i * 7919 % kStormServices;
}

bool StormIsCritical(std::size_t i, std::size_t count) {
  return i >= count / 3 && i / kStormServices % 10 == 0;
}

AlertEvent StormEvent(std::size_t i, std::size_t count) {
  const std::size_t service = StormServiceOf(i);
  const bool critical = StormIsCritical(i, count);
  AlertEvent event;
  event.kind = EventKind::kTrigger;
  event.severity = critical ? Severity::kCritical : Severity::kHigh;
  event.labels = {
      {"alertname", "StormHit"                 },
      {"instance",  absl::StrFormat("host-%06d", i)},
      {"owner",           StormPerson(service).value()                               },
      {"service",           StormService(service)},
      {"severity",           critical ? "critical" : "warning"                              }
  };
  event.annotations = {
      {"summary", "the storm has hit"}
  };
  return event;
}

void StormLog::Started(const Notification& notification, EngineTime at) {
  sent_[{notification.method.kind, notification.method.address}].push_back(at);
  if (notification.lane == Notification::Lane::kCritical) first_critical_.try_emplace(notification.user, at);
  if (notification.members.empty()) {
    told_[notification.user].insert(notification.subject.id);
    return;
  }
  ++bundles_;
  for (const BundleMember& member : notification.members)
    told_[notification.user].insert(member.subject.id);
}

std::string StormLog::Excess(const Organisation& organisation) const {
  for (const auto& [key, sent] : sent_) {
    ContactMethod method;
    method.kind = key.first;
    for (const MessageLimit& limit : LimitsOf(&organisation, method)) {
      for (std::size_t first = 0; first < sent.size(); ++first) {
        const auto within = std::ranges::count_if(
            sent, [&](EngineTime at) { return at >= sent[first] && at - sent[first] < limit.window; });
        if (within <= limit.messages) continue;
        return absl::StrFormat("%s %s was sent %d messages in %s, at most %d", Name(key.first), key.second, within,
                               absl::FormatDuration(limit.window), limit.messages);
      }
    }
  }
  return "";
}

std::size_t StormLog::messages() const {
  std::size_t all = 0;
  for (const auto& [key, sent] : sent_)
    all += sent.size();
  return all;
}

std::size_t StormLog::most_messages() const {
  std::size_t most = 0;
  for (const auto& [key, sent] : sent_)
    most = std::max(most, sent.size());
  return most;
}

}  // namespace tocsin::sim
