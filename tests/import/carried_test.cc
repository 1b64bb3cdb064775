// What policies, routes and people say elsewhere and can say here, too: hours, conditions, turns, pauses, standing in.
#include "absl/strings/str_format.h"

#include "import/compare.h"
#include "tests/import/support.h"

namespace tocsin::import {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const TimeInterval& Interval(const Imported& imported, const TimeIntervalId& id) {
  const TimeInterval* found = imported.organisation.Find(id);
  EXPECT_NE(found, nullptr) << id.value();
  static const TimeInterval* const none = new TimeInterval();
  return found == nullptr ? *none : *found;
}

const Route& RouteAt(const Imported& imported, std::size_t index) {
  EXPECT_LT(index, imported.organisation.route.children.size());
  return imported.organisation.route.children.at(index);
}

// --- PagerDuty ----------------------------------------------------------------------------------------------------------

Imported PagerDutyServices(const std::string& services, const std::string& more = "") {
  return ImportText("pagerduty", absl::StrFormat(R"({
    "users": [{"id": "A", "type": "user", "name": "Alice", "email": "alice@example.com", "time_zone": "UTC"}],
    "escalation_policies": [{"id": "P", "name": "Default", "num_loops": 0, "escalation_rules": [
      {"escalation_delay_in_minutes": 10, "targets": [{"id": "A", "type": "user_reference"}]}]}],
    "services": [%s]%s})",
                                                 services, more));
}

constexpr std::string_view kWebHours = R"({"id": "W", "name": "Web", "escalation_policy": {"id": "P"},
  "incident_urgency_rule": {"type": "use_support_hours", "during_support_hours": {"type": "constant", "urgency": "high"},
    "outside_support_hours": {"type": "constant", "urgency": "low"}},
  "support_hours": {"type": "fixed_time_per_day", "time_zone": "Europe/Berlin", "start_time": "08:00:00", "end_time": "18:30:00",
    "days_of_week": [1, 2, 3, 4, 5]},
  "scheduled_actions": [{"type": "urgency_change", "at": {"type": "named_time", "name": "support_hours_start"}, "to_urgency": "high"}]})";

TEST(CarriedTest, PagerDutysSupportHours) {
  const Imported imported = PagerDutyServices(std::string(kWebHours));
  EXPECT_THAT(ProblemsWhenApplied(imported), IsEmpty());
  EXPECT_THAT(Told(imported, Grade::kWho), IsEmpty());
  EXPECT_THAT(Told(imported, Grade::kHow), Not(Contains(HasSubstr("support hours"))));
  ASSERT_THAT(imported.organisation.services, SizeIs(1));
  const SupportHours& hours = imported.organisation.services[0].support_hours;
  EXPECT_EQ(hours.during, Urgency::kHigh);
  EXPECT_EQ(hours.outside, Urgency::kLow);
  EXPECT_EQ(RouteAt(imported, 0).urgency, Urgency::kLow);
  ASSERT_THAT(hours.time_intervals, SizeIs(1));
  const TimeInterval& interval = Interval(imported, hours.time_intervals[0]);
  ASSERT_THAT(interval.time_intervals, SizeIs(1));
  const RecurringTime& time = interval.time_intervals[0];
  EXPECT_THAT(time.times, ElementsAre(TimeRange{8 * 60, 18 * 60 + 30}));
  EXPECT_THAT(time.weekdays, ElementsAre(NumberRange{1, 5}));
  EXPECT_EQ(time.location, "Europe/Berlin");
}

TEST(CarriedTest, EachAlertIsPagedForByItselfUnlessItsServiceGroupsThem) {
  const Imported imported = PagerDutyServices(
      R"({"id": "W", "name": "Web", "escalation_policy": {"id": "P"}, "alert_grouping_parameters": {"type": null}},
         {"id": "D", "name": "Db", "escalation_policy": {"id": "P"}, "alert_grouping_parameters": {"type": "time", "config": {"timeout": 5}}})");
  EXPECT_THAT(ProblemsWhenApplied(imported), IsEmpty());
  EXPECT_TRUE(imported.organisation.route.group_by_all);
  EXPECT_TRUE(RouteAt(imported, 0).group_by_all);
  EXPECT_EQ(RouteAt(imported, 0).group_wait, absl::ZeroDuration());
  EXPECT_FALSE(RouteAt(imported, 1).group_by_all);
  EXPECT_THAT(RouteAt(imported, 1).group_by, ElementsAre("service"));
  EXPECT_THAT(Told(imported, Grade::kHow), Contains(HasSubstr("its alerts are grouped (time)")));
}

TEST(CarriedTest, WhatSupportHoursCannotSayIsTold) {
  std::string service(kWebHours);
  service.replace(service.find("\"scheduled_actions\""), 19, "\"none\"");
  EXPECT_THAT(Told(PagerDutyServices(service), Grade::kHow), Contains(HasSubstr("stays at low urgency")));
  service.replace(service.find("\"support_hours\": {\"type\""), 15, "\"gone\"");
  EXPECT_THAT(Told(PagerDutyServices(service), Grade::kHow), Contains(HasSubstr("which are not in the export")));
}

TEST(CarriedTest, PagerDutysDisabledServicesAndMaintenance) {
  const Imported imported =
      PagerDutyServices(R"({"id": "W", "name": "Web", "status": "disabled", "escalation_policy": {"id": "P"}})",
                        R"(, "maintenance_windows": [
        {"id": "M1", "type": "maintenance_window", "start_time": "2026-01-10T00:00:00Z", "end_time": "2026-01-12T00:00:00Z",
         "description": "the disk is changed", "services": [{"id": "W", "type": "service_reference"}]},
        {"id": "M2", "start_time": "2025-01-10T00:00:00Z", "end_time": "2025-01-12T00:00:00Z", "services": [{"id": "W"}]}],
        "orchestrations": [{"id": "O", "name": "all"}])");
  EXPECT_THAT(ProblemsWhenApplied(imported), IsEmpty());
  ASSERT_THAT(RouteAt(imported, 0).mute_time_intervals, SizeIs(1));
  EXPECT_THAT(Interval(imported, RouteAt(imported, 0).mute_time_intervals[0]).time_intervals[0].times,
              ElementsAre(TimeRange{0, 1440}));
  ASSERT_THAT(imported.organisation.maintenance, SizeIs(1)) << "the other one is over";
  EXPECT_EQ(imported.organisation.maintenance[0].service, ServiceId("web"));
  EXPECT_EQ(imported.organisation.maintenance[0].comment, "the disk is changed");
  EXPECT_THAT(Told(imported, Grade::kWho), ElementsAre(HasSubstr("rules over events")));
}

// --- Opsgenie -----------------------------------------------------------------------------------------------------------

Imported OpsgenieTeam(const std::string& escalation, const std::string& routing, const std::string& more = "") {
  return ImportText("opsgenie", absl::StrFormat(R"({
    "users": [{"id": "u1", "username": "alice@example.com", "fullName": "Alice", "timeZone": "Europe/Berlin", "notificationRules": [
        {"name": "P1", "actionType": "create-alert", "criteria": {"type": "match-any-condition", "conditions": [
          {"field": "priority", "operation": "equals", "expectedValue": "P1"}, {"field": "priority", "operation": "equals", "expectedValue": "P2"}]},
         "steps": [{"contact": {"method": "sms", "to": "1-5005550100"}, "sendAfter": {"timeAmount": 0, "timeUnit": "minutes"}}]},
        {"name": "rest", "actionType": "create-alert", "criteria": {"type": "match-all"}, "timeRestriction": {"type": "time-of-day",
         "restriction": {"startHour": 22, "startMin": 0, "endHour": 6, "endMin": 0}},
         "steps": [{"contact": {"method": "email", "to": "alice@example.com"}, "sendAfter": {"timeAmount": 2, "timeUnit": "minutes"}}]}]},
      {"id": "u2", "username": "bob@example.com", "fullName": "Bob", "timeZone": "UTC"}],
    "teams": [{"id": "t1", "name": "ops", "members": [{"user": {"id": "u1"}, "role": "admin"}, {"user": {"id": "u2"}, "role": "user"}],
      "routingRules": [%s]}],
    "schedules": [{"id": "s1", "name": "Days", "timezone": "UTC", "enabled": true, "rotations": [{"id": "r1", "name": "R",
      "startDate": "2025-01-06T00:00:00Z", "type": "daily", "length": 1, "participants": [{"type": "user", "id": "u1"}, {"type": "user", "id": "u2"}]}]}],
    "escalations": [{"id": "e1", "name": "esc", "rules": [%s], "repeat": {"count": 0}}]%s})",
                                                routing, escalation, more));
}

constexpr std::string_view kNow2 =
    R"({"condition": "if-not-acked", "notifyType": "default", "delay": {"timeAmount": 0, "timeUnit": "minutes"},
  "recipient": {"type": "schedule", "id": "s1"}})";
constexpr std::string_view kDefaultRule =
    R"({"isDefault": true, "order": 9, "criteria": {"type": "match-all"}, "notify": {"type": "escalation", "id": "e1"}})";

TEST(CarriedTest, OpsgeniesConditionsOffsetsAndRoles) {
  const Imported imported = OpsgenieTeam(
      R"({"condition": "if-not-acked", "notifyType": "default", "delay": {"timeAmount": 5, "timeUnit": "minutes"}, "recipient": {"type": "schedule", "id": "s1"}},
         {"condition": "if-not-closed", "notifyType": "admins", "delay": {"timeAmount": 5, "timeUnit": "minutes"}, "recipient": {"type": "team", "id": "t1"}},
         {"condition": "if-not-acked", "notifyType": "random", "delay": {"timeAmount": 15, "timeUnit": "minutes"}, "recipient": {"type": "team", "id": "t1"}},
         {"condition": "if-not-acked", "notifyType": "users", "delay": {"timeAmount": 15, "timeUnit": "minutes"}, "recipient": {"type": "team", "id": "t1"}})",
      std::string(kDefaultRule));
  EXPECT_THAT(ProblemsWhenApplied(imported), IsEmpty());
  const std::vector<PolicyStep>& steps = imported.organisation.policies[0].steps;
  ASSERT_THAT(steps, SizeIs(5));
  EXPECT_THAT(steps[0].targets, IsEmpty()) << "nobody for five minutes";
  EXPECT_EQ(steps[0].on_empty, PolicyStep::OnEmpty::kWait);
  EXPECT_EQ(steps[0].delay, absl::Minutes(5));
  EXPECT_EQ(steps[1].delay, absl::Minutes(5)) << "the next at the same offset, at once";
  EXPECT_EQ(steps[1].delay_from, PolicyStep::DelayFrom::kBeginning);
  EXPECT_EQ(steps[1].unless, PolicyStep::Unless::kAcknowledged);
  EXPECT_EQ(steps[2].unless, PolicyStep::Unless::kResolved) << "an acknowledgement stops the other rule alone";
  EXPECT_THAT(steps[2].targets, ElementsAre(Target(UserTarget{UserId("alice")}))) << "the admins";
  EXPECT_EQ(steps[3].strategy, PolicyStep::Strategy::kAll);
  EXPECT_THAT(steps[3].targets, ElementsAre(Target(UserTarget{UserId("bob")}))) << "who are no admins";
  EXPECT_EQ(steps[4].strategy, PolicyStep::Strategy::kRandom) << "one of the team, beside those who are all told";
  EXPECT_THAT(Told(imported, Grade::kHow), Not(Contains(HasSubstr("nobody is notified for the first"))));
}

TEST(CarriedTest, OpsgeniesNotificationRulesByPriorityAndHour) {
  const Imported imported = OpsgenieTeam(std::string(kNow2), std::string(kDefaultRule));
  EXPECT_THAT(ProblemsWhenApplied(imported), IsEmpty());
  const std::vector<NotificationRule>& rules = imported.organisation.users[0].notification_rules;
  ASSERT_THAT(rules, SizeIs(3));
  EXPECT_EQ(rules[0].urgency, Urgency::kHigh) << "P1 and P2";
  EXPECT_THAT(rules[0].only_during, IsEmpty());
  EXPECT_EQ(rules[1].delay, absl::Minutes(2));
  ASSERT_THAT(rules[1].only_during, SizeIs(1));
  const TimeInterval& hours = Interval(imported, rules[1].only_during[0]);
  ASSERT_THAT(hours.time_intervals, SizeIs(2)) << "on either side of midnight";
  EXPECT_THAT(hours.time_intervals[0].times, ElementsAre(TimeRange{0, 360}));
  EXPECT_THAT(hours.time_intervals[1].times, ElementsAre(TimeRange{1320, 1440}));
  EXPECT_EQ(hours.time_intervals[0].location, "") << "the person's own zone";
}

TEST(CarriedTest, OpsgeniesRoutingRulesByLabelAndHour) {
  const Imported imported = OpsgenieTeam(std::string(kNow2),
                                         R"({"order": 0, "criteria": {"type": "match-all-conditions", "conditions": [
            {"field": "tags", "operation": "contains", "expectedValue": "db+"}, {"field": "extra-properties", "key": "region", "operation": "equals", "expectedValue": "eu", "not": true}]},
          "timezone": "Europe/Berlin", "timeRestriction": {"type": "weekday-and-time-of-day", "restrictions": [
            {"startDay": "monday", "startHour": 9, "startMin": 0, "endDay": "monday", "endHour": 17, "endMin": 0}]},
          "notify": {"type": "schedule", "id": "s1"}},
         {"order": 1, "criteria": {"type": "match-any-condition", "conditions": [
            {"field": "message", "operation": "starts-with", "expectedValue": "Test"}]}, "notify": {"type": "none"}},
         {"order": 2, "criteria": {"type": "match-any-condition", "conditions": [
            {"field": "responders", "operation": "equals", "expectedValue": "x"}]}, "notify": {"type": "escalation", "id": "e1"}},)" +
                                             std::string(kDefaultRule));
  EXPECT_THAT(ProblemsWhenApplied(imported), IsEmpty());
  EXPECT_THAT(Told(imported, Grade::kWho), ElementsAre(HasSubstr("what matchers of labels cannot say")));
  const Route& team = RouteAt(imported, 0);
  EXPECT_EQ(Format(team.matchers), R"({team="ops"})");
  EXPECT_EQ(team.policy, PolicyId("esc"));
  ASSERT_THAT(team.children, SizeIs(3));
  const Route& node = team.children[0];
  EXPECT_EQ(Format(node.matchers), R"re({tags=~"(?s:.*)db\\+(?s:.*)",region!="eu"})re");
  // Inside of its hours to the schedule; outside of them, muted there, by the rules after it.
  ASSERT_THAT(node.children, SizeIs(3));
  const std::vector<TimeIntervalId> hours = node.children[0].active_time_intervals;
  ASSERT_THAT(hours, SizeIs(1));
  EXPECT_EQ(Interval(imported, hours[0]).time_intervals[0].location, "Europe/Berlin");
  EXPECT_TRUE(node.children[0].continue_matching);
  EXPECT_EQ(node.children[0].policy, PolicyId("days"));
  EXPECT_EQ(node.children[2].mute_time_intervals, hours);
  EXPECT_EQ(node.children[2].policy, PolicyId("esc"));
  // Nobody is told of tests.
  EXPECT_EQ(Format(team.children[1].matchers), R"re({alertname=~"Test(?s:.*)"})re");
  EXPECT_EQ(Interval(imported, team.children[1].mute_time_intervals.at(0)).time_intervals[0].times[0].end_minute, 1440);
  EXPECT_THAT(team.children[2].mute_time_intervals, IsEmpty());
}

TEST(CarriedTest, OpsgeniesForwardingsStandIn) {
  const Imported imported =
      OpsgenieTeam(std::string(kNow2), std::string(kDefaultRule),
                   R"(, "forwarding-rules": [{"alias": "f", "fromUser": {"id": "u1"}, "toUser": {"id": "u2"},
        "startDate": "2026-02-01T00:00:00Z", "endDate": "2026-02-08T00:00:00Z"}])");
  EXPECT_THAT(ProblemsWhenApplied(imported), IsEmpty());
  const Roster roster = Compiled(imported);
  for (int day = 1; day <= 8; ++day) {
    const absl::Time at = At("2026-01-31T12:00:00Z") + absl::Hours(24 * day);
    const bool alices = (at - At("2025-01-06T00:00:00Z")) / absl::Hours(24) % 2 == 0;
    EXPECT_THAT(roster.OnCall(ScheduleId("days"), at), ElementsAre(UserId(alices && day == 8 ? "alice" : "bob")))
        << day;
  }
}

TEST(CarriedTest, AnOpsgenieTeamStandsForItsRoutingUnlessThatLeadsBack) {
  const std::string rule =
      R"({"condition": "if-not-acked", "notifyType": "default", "delay": {"timeAmount": 0}, "recipient": {"type": "team", "id": "t1"}})";
  // The team's rule leads to an escalation that names the team: no way out of that but its members.
  const Imported cycle = OpsgenieTeam(rule, std::string(kDefaultRule));
  EXPECT_THAT(ProblemsWhenApplied(cycle), IsEmpty());
  EXPECT_THAT(cycle.organisation.policies[0].steps[0].targets, ElementsAre(Target(TeamTarget{TeamId("ops")})));
  const Imported other =
      OpsgenieTeam(std::string(kNow2), std::string(kDefaultRule),
                   absl::StrFormat(R"(, "escalation": [{"id": "e2", "name": "second", "rules": [%s]}])", rule));
  EXPECT_THAT(ProblemsWhenApplied(other), IsEmpty());
  EXPECT_THAT(other.organisation.policies[1].steps[0].targets, ElementsAre(Target(PolicyTarget{PolicyId("esc")})));
}

}  // namespace
}  // namespace tocsin::import
