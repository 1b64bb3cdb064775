#include "tests/responder/random_policies.h"

#include <utility>
#include <vector>

#include "tests/responder/world.h"

namespace tocsin {
namespace {

absl::Duration AnyMinutes(Random& random, std::int64_t most) {
  return absl::Minutes(random.Between(0, most));
}

Schedule AnySchedule(Random& random, std::string_view name) {
  std::vector<UserId> people;
  for (const char* user : {"alice", "bob", "carol", "mute"})
    if (random.OneIn(2)) people.emplace_back(user);
  Schedule schedule = SampleSchedule(name, people);
  Rotation& rotation = std::get<Rotation>(schedule.layers[0].pattern);
  rotation.type = static_cast<Rotation::Type>(random.Below(3));
  rotation.length = static_cast<std::int32_t>(random.Between(1, 3));
  rotation.start = absl::CivilMinute(2023, 12, 1, random.Between(0, 23), random.Between(0, 59));
  schedule.time_zone = random.OneIn(2) ? "UTC" : "Europe/Berlin";
  return schedule;
}

Target AnyTarget(Random& random) {
  switch (random.Below(5)) {
    case 0: return To("bob");
    case 1: return TeamTarget{TeamId("db")};
    case 2: return To("mute");
    default:
      return ScheduleTarget{ScheduleId(random.OneIn(2) ? "primary" : "nobody"),
                            static_cast<ScheduleTarget::Turn>(random.OneIn(3) ? random.Below(3) : 0)};
  }
}

PolicyStep AnyStep(Random& random) {
  PolicyStep step;
  step.delay = AnyMinutes(random, 90);
  for (std::int64_t i = random.Between(0, 3); i > 0; --i)
    step.targets.push_back(AnyTarget(random));
  step.delay_from = static_cast<PolicyStep::DelayFrom>(random.Below(2));
  step.unless = static_cast<PolicyStep::Unless>(random.Below(2));
  if (random.OneIn(3)) step.only_during = {TimeIntervalId(random.OneIn(2) ? "early" : "late")};
  step.outside = static_cast<PolicyStep::Outside>(random.Below(2));
  step.strategy = static_cast<PolicyStep::Strategy>(random.Below(3));
  step.on_empty = static_cast<PolicyStep::OnEmpty>(random.Below(3));
  step.each_acknowledges = random.OneIn(3);
  step.page_at_handoff = random.OneIn(3);
  step.important = random.OneIn(3);
  return step;
}

TimeInterval Daily(std::string_view id, std::int32_t from, std::int32_t until) {
  TimeInterval interval;
  interval.id = TimeIntervalId(id);
  interval.time_intervals.emplace_back().times.push_back({from, until});
  return interval;
}

}  // namespace

void VaryPolicies(Random& random, Organisation& organisation) {
  organisation.time_intervals = {Daily("early", 6 * 60, 13 * 60), Daily("late", 14 * 60, 22 * 60)};
  organisation.schedules = {AnySchedule(random, "primary"), AnySchedule(random, "nobody")};
  EscalationPolicy& policy = organisation.policies[0];
  policy.steps.clear();
  for (std::int64_t i = random.Between(1, 5); i > 0; --i)
    policy.steps.push_back(AnyStep(random));
  policy.repeats = static_cast<std::int32_t>(random.Below(3));
  policy.repeat_interval = absl::Minutes(1) + AnyMinutes(random, 60);
  policy.repeats_page_again = random.OneIn(2);
  policy.resolve_when_exhausted = random.OneIn(4);
  policy.low_urgency = static_cast<EscalationPolicy::LowUrgency>(random.Below(3));
  policy.low_urgency_escalates = random.OneIn(2);
  organisation.users[0].time_zone = random.OneIn(2) ? "UTC" : "America/New_York";
  if (random.OneIn(2)) organisation.users[0].notification_rules[1].only_during = {TimeIntervalId("late")};
  if (random.OneIn(2)) organisation.users[0].notification_rules[2].only_during = {TimeIntervalId("early")};
  Service service;
  service.id = ServiceId("shop");
  if (random.OneIn(2)) service.support_hours.time_intervals = {TimeIntervalId("late")};
  organisation.services = {service};
  organisation.route.service = service.id;
}

}  // namespace tocsin
