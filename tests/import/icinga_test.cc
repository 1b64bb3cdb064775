#include "absl/strings/str_format.h"

#include "tests/import/support.h"

namespace tocsin::import {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::int64_t kMonday = 1'738'537'200'000;   // 2025-02-03 00:00 in Berlin
constexpr std::int64_t kHandoff = 1'751'320'800'000;  // 2025-07-01 00:00 in Berlin
constexpr std::int64_t kHour = 3'600'000;

// Rotation 1 (priority 0): nights of two people, replaced in July; rotation 2 (priority 1): the group, always.
std::string Tables() {
  return absl::StrFormat(R"({
"contact": [{"id": 1, "full_name": "Alice", "username": "alice", "default_channel_id": 1, "deleted": "n"},
  {"id": 2, "full_name": "Bob", "username": "bob", "default_channel_id": 1, "deleted": "n"},
  {"id": 3, "full_name": "Carol", "username": "carol", "default_channel_id": 1, "deleted": "n"},
  {"id": 4, "full_name": "Gone", "username": null, "default_channel_id": 1, "deleted": "y"}],
"contact_address": [{"id": 1, "contact_id": 1, "type": "email", "address": "alice@example.com", "deleted": "n"}],
"contactgroup": [{"id": 1, "name": "Everybody", "deleted": "n"}],
"contactgroup_member": [{"contactgroup_id": 1, "contact_id": 2, "deleted": "n"}, {"contactgroup_id": 1, "contact_id": 3, "deleted": "n"}],
"schedule": [{"id": 1, "name": "Main", "timezone": "Europe/Berlin", "deleted": "n"}],
"rotation": [
  {"id": 1, "schedule_id": 1, "priority": 0, "name": "Nights", "mode": "partial", "options": "{}", "first_handoff": "2025-02-03", "actual_handoff": %d, "deleted": "n"},
  {"id": 3, "schedule_id": 1, "priority": 0, "name": "Nights", "mode": "partial", "options": "{}", "first_handoff": "2025-07-01", "actual_handoff": %d, "deleted": "n"},
  {"id": 2, "schedule_id": 1, "priority": 1, "name": "All", "mode": "24-7", "options": "{}", "first_handoff": "2025-02-03", "actual_handoff": %d, "deleted": "n"}],
"rotation_member": [{"id": 10, "rotation_id": 1, "contact_id": 1, "contactgroup_id": null, "position": 0, "deleted": "n"},
  {"id": 11, "rotation_id": 1, "contact_id": 2, "contactgroup_id": null, "position": 1, "deleted": "n"},
  {"id": 12, "rotation_id": 3, "contact_id": 3, "contactgroup_id": null, "position": 0, "deleted": "n"},
  {"id": 20, "rotation_id": 2, "contact_id": null, "contactgroup_id": 1, "position": 0, "deleted": "n"}],
"timeperiod": [{"id": 1, "owned_by_rotation_id": 1, "deleted": "n"}, {"id": 2, "owned_by_rotation_id": 2, "deleted": "n"},
  {"id": 3, "owned_by_rotation_id": 3, "deleted": "n"}],
"timeperiod_entry": [
  {"id": 1, "timeperiod_id": 1, "rotation_member_id": 10, "start_time": %d, "end_time": %d, "timezone": "Europe/Berlin", "rrule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU,WE", "deleted": "n"},
  {"id": 2, "timeperiod_id": 1, "rotation_member_id": 11, "start_time": %d, "end_time": %d, "timezone": "Europe/Berlin", "rrule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU,WE", "deleted": "n"},
  {"id": 4, "timeperiod_id": 3, "rotation_member_id": 12, "start_time": %d, "end_time": %d, "timezone": "Europe/Berlin", "rrule": "FREQ=DAILY;INTERVAL=1", "deleted": "n"},
  {"id": 3, "timeperiod_id": 2, "rotation_member_id": 20, "start_time": %d, "end_time": %d, "timezone": "Europe/Berlin", "rrule": "FREQ=DAILY", "deleted": "n"}],
"rule": [{"id": 1, "name": "Everything", "object_filter": "host.name=web*", "timeperiod_id": null, "deleted": "n"}],
"rule_escalation": [{"id": 1, "rule_id": 1, "position": 1, "condition": "incident_age>=10m&incident_severity>=crit", "deleted": "n"},
  {"id": 2, "rule_id": 1, "position": 0, "condition": null, "deleted": "n"}],
"rule_escalation_recipient": [{"id": 1, "rule_escalation_id": 1, "contact_id": 2, "deleted": "n"},
  {"id": 2, "rule_escalation_id": 2, "schedule_id": 1, "deleted": "n"}],
"channel": [{"id": 1, "name": "mail", "type": "email", "config": "{\"password\": \"SECRET\"}"}]})",
                         kMonday, kHandoff, kMonday, kMonday + 20 * kHour, kMonday + 32 * kHour, kMonday + 188 * kHour,
                         kMonday + 200 * kHour, kHandoff + 20 * kHour, kHandoff + 24 * kHour, kMonday,
                         kMonday + 24 * kHour);
}

TEST(IcingaTest, TheLowerRotationWinsAndTheLastVersionCounts) {
  const Imported imported = ImportText("icinga-notifications", Tables());
  EXPECT_THAT(ProblemsWhenApplied(imported), IsEmpty());
  const absl::TimeZone zone = ZoneOf("Europe/Berlin");
  const absl::CivilDay monday(2025, 2, 3);
  // An entry begins by the wall clock and lasts as long as it lasts.
  const auto holds = [&](absl::Time at, std::int64_t hour, std::int64_t hours, const auto& on) {
    const absl::CivilDay today(absl::ToCivilSecond(at, zone));
    for (absl::CivilDay day = today - 2; day <= today; ++day) {
      const absl::Time start = FirstAt(absl::CivilSecond(day) + hour * 3600, zone);
      if (on(day) && start <= at && at < start + absl::Hours(hours)) return true;
    }
    return false;
  };
  ExpectSame(imported, ScheduleId("main"), At("2025-02-03T00:00:00Z"), At("2026-02-03T00:00:00Z"), [&](absl::Time at) {
    const bool replaced = at >= absl::FromUnixMillis(kHandoff);
    for (int member = 0; member < 2 && !replaced; ++member) {
      const auto on = [&](absl::CivilDay day) {
        const std::int64_t days = day - monday;
        return days >= 0 && days / 7 % 2 == member && days % 7 < 3;
      };
      if (holds(at, 20, 12, on)) return std::vector<std::string>{member == 0 ? "alice" : "bob"};
    }
    if (replaced && holds(at, 20, 4, [](absl::CivilDay) { return true; })) return std::vector<std::string>{"carol"};
    // A day of 24 hours leaves an hour uncovered where the day has 25: as it was there.
    if (holds(at, 0, 24, [](absl::CivilDay) { return true; })) return std::vector<std::string>{"bob", "carol"};
    return std::vector<std::string>{};
  });
}

TEST(IcingaTest, RulesBecomePoliciesByAge) {
  const Imported imported = ImportText("icinga-notifications", Tables());
  ASSERT_THAT(imported.organisation.users, SizeIs(3));
  ASSERT_THAT(imported.organisation.policies, SizeIs(1));
  const EscalationPolicy& policy = imported.organisation.policies[0];
  ASSERT_THAT(policy.steps, SizeIs(2));
  EXPECT_EQ(policy.steps[0].delay, absl::Minutes(10));
  EXPECT_THAT(policy.steps[0].targets, ElementsAre(Target(ScheduleTarget{ScheduleId("main")})));
  EXPECT_THAT(Told(imported, Grade::kWho), ElementsAre(HasSubstr("incident_severity>=crit")));
  EXPECT_THAT(Told(imported, Grade::kHow), Contains(HasSubstr("host.name=web*")));
  for (const Loss& loss : imported.losses)
    EXPECT_EQ((loss.object + loss.lost + loss.instead).find("SECRET"), std::string::npos);
}

}  // namespace
}  // namespace tocsin::import
