// The same of Grafana OnCall, GoAlert, Icinga and LinkedIn's oncall; and calendars as a source.
#include "absl/strings/str_format.h"

#include "import/compare.h"
#include "tests/import/support.h"

namespace tocsin::import {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr std::string_view kGrafanaUsers = R"("users": [
  {"id": "U1", "username": "alice", "email": "alice@example.com", "slack": [{"user_id": "W012", "team_id": "T"}]},
  {"id": "U2", "username": "bob", "email": "bob@example.com"}])";

TEST(CarriedMoreTest, GrafanasStepsThatWait) {
  const Imported imported = ImportText("grafana-oncall", absl::StrFormat(R"({%s,
    "webhooks": [{"id": "WH", "name": "Page the screen", "url": "https://hooks.example.com/x", "headers": "{}"}],
    "personal_notification_rules": [{"id": "N", "user_id": "U1", "position": 0, "type": "notify_by_slack"}],
    "escalation_chains": [{"id": "F1", "name": "default"}],
    "escalation_policies": [
      {"id": "1", "escalation_chain_id": "F1", "position": 0, "type": "wait", "duration": 300},
      {"id": "2", "escalation_chain_id": "F1", "position": 1, "type": "notify_if_time_from_to", "notify_if_time_from": "22:00:00Z", "notify_if_time_to": "06:00:00Z"},
      {"id": "3", "escalation_chain_id": "F1", "position": 2, "type": "notify_if_num_alerts_in_window", "num_alerts_in_window": 4, "num_minutes_in_window": 10},
      {"id": "4", "escalation_chain_id": "F1", "position": 3, "type": "notify_persons", "persons_to_notify": ["U1"]},
      {"id": "5", "escalation_chain_id": "F1", "position": 4, "type": "notify_if_time_from_to", "notify_if_time_from": "08:00:00Z", "notify_if_time_to": "16:00:00Z"},
      {"id": "6", "escalation_chain_id": "F1", "position": 5, "type": "wait", "duration": 60},
      {"id": "7", "escalation_chain_id": "F1", "position": 6, "type": "trigger_webhook", "action_to_trigger": "WH"},
      {"id": "8", "escalation_chain_id": "F1", "position": 7, "type": "wait", "duration": 3600},
      {"id": "9", "escalation_chain_id": "F1", "position": 8, "type": "resolve"}]})",
                                                                         kGrafanaUsers));
  EXPECT_THAT(ProblemsWhenApplied(imported), IsEmpty());
  EXPECT_THAT(Told(imported, Grade::kWho), IsEmpty());
  const EscalationPolicy& policy = imported.organisation.policies[0];
  ASSERT_THAT(policy.steps, SizeIs(4));
  EXPECT_EQ(policy.steps[0].delay, absl::Minutes(5));
  EXPECT_THAT(policy.steps[0].targets, IsEmpty());
  const PolicyStep& night = policy.steps[1];
  EXPECT_EQ(night.outside, PolicyStep::Outside::kWait);
  EXPECT_EQ(night.min_rate, (Threshold{5, absl::Minutes(10)})) << "more than four";
  const TimeInterval* hours = imported.organisation.Find(night.only_during.at(0));
  ASSERT_NE(hours, nullptr);
  EXPECT_THAT(hours->time_intervals, SizeIs(2));
  EXPECT_EQ(hours->time_intervals[0].location, "UTC") << "whatever the people's zones are";
  EXPECT_THAT(policy.steps[2].targets, IsEmpty()) << "waits for the hours, then a minute";
  EXPECT_EQ(policy.steps[2].delay, absl::Minutes(1));
  EXPECT_THAT(policy.steps[2].only_during, SizeIs(1));
  EXPECT_THAT(policy.steps[3].receivers, ElementsAre(ReceiverId("page-the-screen")));
  EXPECT_EQ(policy.steps[3].delay, absl::Hours(1));
  EXPECT_TRUE(policy.resolve_when_exhausted);
  EXPECT_EQ(imported.organisation.users[0].contact_methods[1].kind, ContactMethod::Kind::kSlack);
}

TEST(CarriedMoreTest, GrafanasRoutes) {
  const Imported imported = ImportText("grafana-oncall", absl::StrFormat(R"({%s,
    "escalation_chains": [{"id": "F1", "name": "default"}, {"id": "F2", "name": "db"}],
    "escalation_policies": [{"id": "1", "escalation_chain_id": "F1", "type": "notify_persons", "persons_to_notify": ["U1"]},
      {"id": "2", "escalation_chain_id": "F2", "type": "notify_persons", "persons_to_notify": ["U2"]}],
    "routes": [
      {"id": "R4", "integration_id": "C1", "position": 3, "is_the_last_route": true, "escalation_chain_id": "F1"},
      {"id": "R1", "integration_id": "C1", "position": 0, "routing_type": "jinja2", "escalation_chain_id": "F2",
       "routing_regex": "{{ payload.commonLabels.team == 'db' and \"eu\" in payload.labels.region or payload[\"severity\"] != \"info\" }}"},
      {"id": "R2", "integration_id": "C1", "position": 1, "routing_type": "regex", "routing_regex": "\"severity\":\\s*\"critical\"", "escalation_chain_id": null},
      {"id": "R3", "integration_id": "C1", "position": 2, "routing_type": "jinja2", "routing_regex": "{{ payload.a | regex_match('x') }}", "escalation_chain_id": "F2"}]})",
                                                                         kGrafanaUsers));
  EXPECT_THAT(ProblemsWhenApplied(imported), IsEmpty());
  EXPECT_THAT(Told(imported, Grade::kWho), ElementsAre(HasSubstr("more than labels that are compared with words")));
  const Route& root = imported.organisation.route;
  EXPECT_EQ(root.policy, PolicyId("default"));
  ASSERT_THAT(root.children, SizeIs(3));
  EXPECT_EQ(Format(root.children[0].matchers), R"re({team="db",region=~"(?s:.*)eu(?s:.*)"})re");
  EXPECT_EQ(Format(root.children[1].matchers), R"({severity!="info"})");
  EXPECT_EQ(root.children[1].policy, PolicyId("db"));
  EXPECT_EQ(Format(root.children[2].matchers), R"({severity="critical"})");
  EXPECT_THAT(root.children[2].mute_time_intervals, SizeIs(1)) << "no chain: nobody is told";
}

TEST(CarriedMoreTest, GrafanasIntegrationsAreToldApart) {
  const Imported imported = ImportText("grafana-oncall", absl::StrFormat(R"({%s,
    "escalation_chains": [{"id": "F1", "name": "one"}, {"id": "F2", "name": "two"}],
    "escalation_policies": [{"id": "1", "escalation_chain_id": "F1", "type": "notify_persons", "persons_to_notify": ["U1"]},
      {"id": "2", "escalation_chain_id": "F2", "type": "notify_persons", "persons_to_notify": ["U2"]}],
    "integrations": [{"id": "C1", "name": "Prometheus", "default_route": {"id": "D1", "escalation_chain_id": "F1"}},
      {"id": "C2", "name": "Web", "default_route": {"id": "D2", "escalation_chain_id": "F2"}}]})",
                                                                         kGrafanaUsers));
  EXPECT_THAT(ProblemsWhenApplied(imported), IsEmpty());
  ASSERT_THAT(imported.organisation.route.children, SizeIs(2));
  EXPECT_EQ(Format(imported.organisation.route.children[1].matchers), R"({integration="c2"})");
  EXPECT_EQ(imported.organisation.route.children[1].policy, PolicyId("two"));
}

TEST(CarriedMoreTest, GoAlertsChannelsKeysAndMaintenance) {
  const Imported imported = ImportText("goalert", R"({"data": {
    "users": {"nodes": [{"id": "u1", "name": "Alice", "email": "alice@example.com", "contactMethods": [
      {"id": "c1", "type": "SLACK_DM", "value": "U99"}, {"id": "c2", "dest": {"type": "builtin-twilio-sms", "args": {"phone_number": "+15005550100"}}}],
      "notificationRules": [{"delayMinutes": 0, "contactMethodID": "c1"}, {"delayMinutes": 5, "contactMethodID": "c2"}]}]},
    "escalationPolicies": {"nodes": [{"id": "p1", "name": "P", "repeat": 0, "steps": [{"stepNumber": 0, "delayMinutes": 5,
      "targets": [{"id": "u1", "type": "user"}, {"id": "C0123", "type": "slackChannel", "name": "#ops"}, {"id": "https://hooks.example.com/y", "type": "chanWebhook"}]},
      {"stepNumber": 1, "delayMinutes": 5, "actions": [{"type": "builtin-slack-usergroup", "args": {"id": "G1"}}]}]}]},
    "services": {"nodes": [{"id": "v1", "name": "Web", "escalationPolicyID": "p1", "maintenanceExpiresAt": "2026-01-11T00:00:00Z",
      "heartbeatMonitors": [{"id": "h"}], "integrationKeys": [
        {"id": "6f0d1f7e-0000-4000-8000-1234567890ab", "type": "prometheusAlertmanager", "name": "prom"},
        {"id": "short", "type": "generic", "name": "g"}]}]}}})");
  EXPECT_THAT(ProblemsWhenApplied(imported), IsEmpty());
  EXPECT_THAT(Told(imported, Grade::kWho), ElementsAre(HasSubstr("builtin-slack-usergroup")));
  EXPECT_THAT(imported.organisation.users[0].contact_methods, SizeIs(2));
  const PolicyStep& step = imported.organisation.policies[0].steps[0];
  EXPECT_THAT(step.targets, SizeIs(1));
  EXPECT_THAT(step.receivers, ElementsAre(ReceiverId("ops"), ReceiverId("webhook")));
  ASSERT_THAT(imported.organisation.integrations, SizeIs(1));
  EXPECT_EQ(imported.organisation.integrations[0].source, "alertmanager");
  EXPECT_EQ(imported.organisation.maintenance.at(0).ends_at, At("2026-01-11T00:00:00Z"));
  EXPECT_THAT(Told(imported, Grade::kHow), Contains(HasSubstr("heartbeat")));
}

std::string IcingaRule(const std::string& filter, const std::string& rrule) {
  return absl::StrFormat(R"({
    "contact": [{"id": 1, "full_name": "Alice", "username": "alice", "deleted": "n"}],
    "contact_address": [{"id": 1, "contact_id": 1, "type": "email", "address": "alice@example.com", "deleted": "n"}],
    "timeperiod": [{"id": 7, "owned_by_rotation_id": null, "deleted": "n"}],
    "timeperiod_entry": [{"id": 1, "timeperiod_id": 7, "start_time": 1738569600000, "end_time": 1738602000000, "timezone": "Europe/Berlin", "rrule": "%s", "deleted": "n"}],
    "rule": [{"id": 1, "name": "Web", "timeperiod_id": 7, "object_filter": "%s", "deleted": "n"}],
    "rule_entry": [{"id": 1, "rule_id": 1, "position": 0, "condition": "incident_age>=10m", "deleted": "n"}],
    "rule_entry_recipient": [{"id": 1, "rule_entry_id": 1, "contact_id": 1, "deleted": "n"}]})",
                         rrule, filter);
}

TEST(CarriedMoreTest, IcingasFiltersAndTimePeriods) {
  const Imported imported =
      ImportText("icinga-notifications",
                 IcingaRule("host.name=web%2A&service!=ping&hostgroup/linux|host=db1", "FREQ=WEEKLY;BYDAY=MO,TU"));
  EXPECT_THAT(ProblemsWhenApplied(imported), IsEmpty());
  EXPECT_THAT(Told(imported, Grade::kWho), IsEmpty());
  const Route& root = imported.organisation.route;
  ASSERT_THAT(root.children, SizeIs(2));
  EXPECT_EQ(Format(root.children[0].matchers),
            R"re({host=~"web(?s:.*)",service!="ping",hostgroup=~"(?s:.*)linux(?s:.*)"})re");
  EXPECT_EQ(Format(root.children[1].matchers), R"({host="db1"})");
  EXPECT_TRUE(root.children[0].continue_matching) << "all rules hold";
  const std::vector<PolicyStep>& steps = imported.organisation.policies[0].steps;
  ASSERT_THAT(steps, SizeIs(2));
  EXPECT_EQ(steps[0].delay, absl::Minutes(10)) << "nobody before";
  const TimeInterval* hours = imported.organisation.Find(steps[1].only_during.at(0));
  ASSERT_NE(hours, nullptr);
  EXPECT_THAT(hours->time_intervals[0].times, ElementsAre(TimeRange{9 * 60, 18 * 60}));
  EXPECT_THAT(hours->time_intervals[0].weekdays, ElementsAre(NumberRange{1, 2}));
}

TEST(CarriedMoreTest, WhatIcingaSaysBeyondIsTold) {
  const Imported imported =
      ImportText("icinga-notifications", IcingaRule("(host=a|host=b)&service=c", "FREQ=MONTHLY;BYMONTHDAY=1"));
  EXPECT_THAT(Told(imported, Grade::kWho),
              ElementsAre(HasSubstr("does not come round by days"), HasSubstr("the rule holds for")));
}

TEST(CarriedMoreTest, LinkedInsTeamsHavePoliciesAndServices) {
  const Imported imported =
      ImportText("linkedin-oncall", R"({"teams": [{"id": 1, "name": "Foo", "scheduling_timezone": "UTC",
    "iris_plan": "foo-plan", "services": ["checkout"], "rosters": {"r": {"users": [{"in_rotation": true, "name": "jdoe"}],
    "schedules": [{"role": "secondary", "events": [{"start": 0, "duration": 604800}]}, {"role": "primary", "events": [{"start": 0, "duration": 604800}]}]}},
    "users": {"jdoe": {"full_name": "John Doe", "contacts": {"email": "jdoe@example.com"}}}}]})");
  EXPECT_THAT(ProblemsWhenApplied(imported), IsEmpty());
  ASSERT_THAT(imported.organisation.policies, SizeIs(1));
  EXPECT_THAT(imported.organisation.policies[0].steps[0].targets,
              ElementsAre(Target(ScheduleTarget{ScheduleId("foo-primary")})));
  EXPECT_THAT(imported.organisation.policies[0].steps[1].targets,
              ElementsAre(Target(ScheduleTarget{ScheduleId("foo-secondary")})));
  EXPECT_THAT(imported.organisation.services, SizeIs(1));
  EXPECT_THAT(imported.organisation.route.children, SizeIs(2));
  EXPECT_THAT(Told(imported, Grade::kWho), Contains(HasSubstr("foo-plan")));
}

// --- calendars ----------------------------------------------------------------------------------------------------------

constexpr std::string_view kCalendar =
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:Database\r\nX-WR-TIMEZONE:Europe/Berlin\r\n"
    "BEGIN:VEVENT\r\nUID:1\r\nDTSTART;TZID=Europe/Berlin:20260105T090000\r\nDTEND;TZID=Europe/"
    "Berlin:20260112T090000\r\n"
    "RRULE:FREQ=WEEKLY;INTERVAL=2\r\nEXDATE;TZID=Europe/Berlin:20260202T090000\r\nSUMMARY:Alice\r\nEND:VEVENT\r\n"
    "BEGIN:VEVENT\r\nUID:2\r\nDTSTART;TZID=Europe/Berlin:20260112T090000\r\nDTEND;TZID=Europe/"
    "Berlin:20260119T090000\r\n"
    "RRULE:FREQ=WEEKLY;INTERVAL=2\r\nSUMMARY:bob@example.com\r\nEND:VEVENT\r\n"
    "BEGIN:VEVENT\r\nUID:3\r\nDTSTART:20260301T120000Z\r\nDURATION:PT4H\r\nSUMMARY:[L1] Carol\\, "
    "Alice\r\nEND:VEVENT\r\n"
    "BEGIN:VEVENT\r\nUID:2\r\nRECURRENCE-ID;TZID=Europe/Berlin:20260323T090000\r\nDTSTART;TZID=Europe/"
    "Berlin:20260324T000000\r\n"
    "DTEND;TZID=Europe/Berlin:20260330T090000\r\nSUMMARY:Carol\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

TEST(CalendarSourceTest, ACalendarBecomesAScheduleOfThoseWhomItNames) {
  const std::vector<File> files = {
      {"team.ics", std::string(kCalendar)}
  };
  const Imported imported = ImportFiles("ical", files);
  ASSERT_THAT(imported.problems, IsEmpty());
  EXPECT_THAT(ProblemsWhenApplied(imported), IsEmpty());
  ASSERT_THAT(imported.organisation.users, SizeIs(3));
  ASSERT_THAT(imported.organisation.schedules, SizeIs(1));
  EXPECT_EQ(imported.organisation.schedules[0].id, ScheduleId("database"));
  EXPECT_EQ(imported.organisation.schedules[0].time_zone, "Europe/Berlin");
  const Roster roster = Compiled(imported);
  EXPECT_THAT(roster.OnCall(ScheduleId("database"), At("2026-03-01T13:00:00Z")),
              ElementsAre(UserId("alice"), UserId("carol")));
  EXPECT_THAT(roster.OnCall(ScheduleId("database"), At("2026-02-03T13:00:00Z")), IsEmpty()) << "taken out";
  EXPECT_THAT(roster.OnCall(ScheduleId("database"), At("2026-03-25T13:00:00Z")), ElementsAre(UserId("carol")));
  // Counted out one by one the calendar says the same, for a year.
  ASSERT_THAT(imported.renderings, SizeIs(1));
  const auto comparison =
      Compare(roster, imported.renderings[0], At("2026-01-10T12:00:00Z"), At("2027-01-10T12:00:00Z"));
  ASSERT_TRUE(comparison.ok());
  EXPECT_EQ(comparison->hours, 365 * 24);
  EXPECT_THAT(comparison->differences, IsEmpty());
}

TEST(CalendarSourceTest, PeopleWhoAreDeclaredAreMeantAndNobodyElse) {
  Options options;
  options.now = At(std::string(kNow));
  options.present.users.push_back({UserId("a1"), "Alice", "UTC", {}, {}, {}});
  const std::vector<File> files = {
      {"team.ics", std::string(kCalendar)}
  };
  const auto imported = Import("ical", files, options);
  ASSERT_TRUE(imported.ok() && imported->problems.empty());
  EXPECT_THAT(Told(*imported, Grade::kWho), Contains(HasSubstr("\"bob@example.com\" names nobody")));
  for (const Layer& layer : imported->organisation.schedules[0].layers)
    ForEachCrew(layer, [](const std::vector<Target>& crew) {
      EXPECT_THAT(crew, ElementsAre(Target(UserTarget{UserId("a1")})));
    });
}

TEST(CalendarSourceTest, WhatIsNoCalendarIsAProblem) {
  for (const std::string_view text : {"", "{}", "BEGIN:VEVENT\nEND:VEVENT\n", "<html></html>"}) {
    Options options;
    options.now = At(std::string(kNow));
    const std::vector<File> files = {
        {"team.ics", std::string(text)}
    };
    const auto imported = Import("ical", files, options);
    ASSERT_TRUE(imported.ok());
    EXPECT_THAT(imported->problems, SizeIs(1)) << text;
  }
}

}  // namespace
}  // namespace tocsin::import
