#include "tests/import/samples.h"

namespace tocsin::import {
namespace {

constexpr std::string_view kPagerDuty = R"({
"users": [{"id": "A", "type": "user", "name": "Alice", "email": "alice@example.com", "time_zone": "Europe/Berlin",
  "contact_methods": [{"id": "M1", "type": "email_contact_method", "address": "alice@example.com"}],
  "notification_rules": [{"start_delay_in_minutes": 0, "urgency": "high", "contact_method": {"id": "M1"}}]},
  {"id": "B", "type": "user", "name": "Bob", "email": "bob@example.com", "time_zone": "UTC"}],
"schedules": [{"id": "S", "type": "schedule", "name": "Primary", "time_zone": "America/New_York", "schedule_layers": [
  {"id": "L1", "name": "Weekly", "start": "2025-01-01T00:00:00-05:00", "end": null,
   "rotation_virtual_start": "2025-01-06T09:00:00-05:00", "rotation_turn_length_seconds": 604800,
   "users": [{"user": {"id": "A"}}, {"user": {"id": "B"}}],
   "restrictions": [{"type": "weekly_restriction", "start_day_of_week": 5, "start_time_of_day": "18:00:00", "duration_seconds": 216000}]}],
  "overrides": [{"id": "O1", "start": "2025-07-04T00:00:00-04:00", "end": "2025-07-05T00:00:00-04:00", "user": {"id": "B"}}],
  "final_schedule": {"rendered_schedule_entries": [
    {"start": "2025-01-10T18:00:00-05:00", "end": "2025-01-13T06:00:00-05:00", "user": {"id": "A"}}]}},
 {"id": "V", "name": "Shifts", "time_zone": "UTC", "rotations": [{"id": "R", "events": [{"id": "E", "name": "Days",
  "start_time": {"date_time": "2025-03-03T09:00:00", "time_zone": "UTC"}, "end_time": {"date_time": "2025-03-03T17:00:00", "time_zone": "UTC"},
  "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=MO,TU", "EXDATE:20250304T090000Z"], "assignment_strategy":
  {"type": "rotating_member_assignment_strategy", "shifts_per_member": 2, "members": [{"type": "user_member", "user_id": "A"}]}}]}]}],
"escalation_policies": [{"id": "P", "name": "Default", "num_loops": 1, "escalation_rules": [
  {"escalation_delay_in_minutes": 10, "targets": [{"id": "S", "type": "schedule_reference"}]}]}],
"services": [{"id": "W", "name": "Web", "escalation_policy": {"id": "P"}, "acknowledgement_timeout": 600}]})";

constexpr std::string_view kOpsgenie = R"({
"users": [{"id": "u1", "username": "alice@example.com", "fullName": "Alice", "timeZone": "UTC", "userContacts": [
  {"contactMethod": "sms", "to": "1-5005550100", "status": {"enabled": true}}]}],
"teams": [{"id": "t1", "name": "ops", "members": [{"user": {"id": "u1"}}], "routingRules": [
  {"criteria": {"type": "match-all"}, "notify": {"type": "escalation", "id": "e1"}}]}],
"schedules": [{"id": "s1", "name": "Ops", "timezone": "Europe/London", "enabled": true, "rotations": [
  {"id": "r1", "name": "Daily", "startDate": "2025-01-06T00:00:00Z", "endDate": "2027-01-06T00:00:00Z", "type": "daily", "length": 2,
   "participants": [{"type": "user", "id": "u1"}, {"type": "none"}], "timeRestriction": {"type": "weekday-and-time-of-day",
   "restrictions": [{"startDay": "friday", "startHour": 18, "startMin": 30, "endDay": "monday", "endHour": 8, "endMin": 0}]}}],
  "overrides": [{"user": {"type": "user", "id": "u1"}, "startDate": "2025-03-10T00:00:00Z", "endDate": "2025-03-12T00:00:00Z",
   "rotations": [{"id": "r1"}]}]}],
"escalations": [{"id": "e1", "name": "esc", "rules": [{"condition": "if-not-acked", "notifyType": "default",
  "delay": {"timeAmount": 5, "timeUnit": "minutes"}, "recipient": {"type": "schedule", "id": "s1"}}],
  "repeat": {"waitInterval": 10, "count": 3}}]})";

constexpr std::string_view kGrafana = R"({
"users": [{"id": "U1", "username": "alice", "email": "alice@example.com", "timezone": "Europe/Berlin", "teams": ["T1"]},
  {"id": "U2", "username": "bob", "email": "bob@example.com"}],
"teams": [{"id": "T1", "name": "Ops"}],
"schedules": [{"id": "S1", "name": "Main", "type": "web", "time_zone": "Europe/London", "team_id": "T1", "shifts": ["A", "B", "C", "D"]}],
"on_call_shifts": [
  {"id": "A", "name": "A", "type": "rolling_users", "level": 1, "start": "2025-02-03T09:00:00", "duration": 28800, "frequency": "weekly",
   "interval": 2, "by_day": ["MO", "WE"], "week_start": "MO", "rolling_users": [["U1"], ["U2"]], "until": "2026-01-01T00:00:00",
   "start_rotation_from_user_index": 1, "rotation_start": "2025-02-05T00:00:00"},
  {"id": "B", "name": "B", "type": "recurrent_event", "level": 0, "start": "2025-02-01T00:00:00", "duration": 43200, "frequency": "monthly",
   "interval": 1, "by_monthday": [1, 15], "users": ["U1"]},
  {"id": "C", "type": "override", "start": "2025-06-01T00:00:00", "duration": 86400, "users": ["U1"]},
  {"id": "D", "name": "D", "type": "rolling_users", "start": "2025-02-03T00:00:00", "duration": 7200, "frequency": "hourly", "interval": 4,
   "rolling_users": [["U1"], ["U2"]]}],
"shift_swaps": [{"id": "W", "schedule": "S1", "swap_start": "2025-08-01T00:00:00Z", "swap_end": "2025-08-04T00:00:00Z",
  "beneficiary": "U1", "benefactor": "U2", "status": "taken"}],
"escalation_chains": [{"id": "F1", "name": "default"}],
"escalation_policies": [{"id": "E1", "escalation_chain_id": "F1", "position": 0, "type": "notify_persons", "persons_to_notify": ["U1"]},
  {"id": "E2", "escalation_chain_id": "F1", "position": 1, "type": "wait", "duration": 600}],
"personal_notification_rules": [{"id": "N1", "user_id": "U1", "position": 0, "type": "notify_by_email"}]})";

constexpr std::string_view kGoAlert = R"({"data": {
"users": {"nodes": [{"id": "u1", "name": "Alice", "email": "alice@example.com", "contactMethods": [
  {"id": "c1", "type": "SMS", "value": "+15005550100"}], "notificationRules": [{"delayMinutes": 2, "contactMethodID": "c1"}]},
  {"id": "u2", "name": "Bob", "email": "bob@example.com"}]},
"rotations": {"nodes": [{"id": "r1", "name": "Weekly", "type": "weekly", "shiftLength": 1, "timeZone": "America/Chicago",
  "start": "2025-01-06T15:00:00Z", "activeUserIndex": 1, "nextHandoffTimes": ["2025-02-10T15:00:00Z"], "userIDs": ["u1", "u2"]},
  {"id": "r2", "name": "Monthly", "type": "monthly", "shiftLength": 2, "timeZone": "Asia/Tokyo", "start": "2025-01-31T00:00:00Z",
  "activeUserIndex": 0, "nextHandoffTimes": ["2025-03-03T00:00:00Z"], "userIDs": ["u1", "u2"]}]},
"schedules": {"nodes": [{"id": "s1", "name": "Main", "timeZone": "America/Chicago", "targets": [
  {"target": {"id": "r1", "type": "rotation", "name": "W"}, "rules": [{"start": "20:00", "end": "08:00",
   "weekdayFilter": [false, true, true, true, true, true, false]}]},
  {"target": {"id": "r2", "type": "rotation", "name": "M"}, "rules": [{"start": "08:00", "end": "20:00"}]}],
  "temporarySchedules": [{"start": "2025-08-01T05:00:00Z", "end": "2025-08-03T05:00:00Z", "shifts": [
   {"userID": "u2", "start": "2025-08-01T05:00:00Z", "end": "2025-08-02T05:00:00Z"}]}]}]},
"userOverrides": {"nodes": [{"id": "o1", "start": "2025-07-04T00:00:00Z", "end": "2025-07-06T00:00:00Z", "addUserID": "u1",
  "removeUserID": "u2", "target": {"id": "s1"}}]},
"escalationPolicies": {"nodes": [{"id": "p1", "name": "P", "repeat": 1, "steps": [{"stepNumber": 0, "delayMinutes": 5,
  "targets": [{"id": "s1", "type": "schedule"}, {"id": "r1", "type": "rotation"}]}]}]},
"services": {"nodes": [{"id": "v1", "name": "Web", "escalationPolicyID": "p1"}]}}})";

constexpr std::string_view kIcinga = R"({
"contact": [{"id": 1, "full_name": "Alice", "username": "alice", "deleted": "n"}],
"contact_address": [{"id": 1, "contact_id": 1, "type": "email", "address": "alice@example.com", "deleted": "n"}],
"contactgroup": [{"id": 1, "name": "All", "deleted": "n"}], "contactgroup_member": [{"contactgroup_id": 1, "contact_id": 1}],
"schedule": [{"id": 1, "name": "Main", "timezone": "Europe/Berlin", "deleted": "n"}],
"rotation": [{"id": 1, "schedule_id": 1, "priority": 0, "name": "Nights", "mode": "partial", "actual_handoff": 1738537200000, "deleted": "n"}],
"rotation_member": [{"id": 10, "rotation_id": 1, "contact_id": 1, "contactgroup_id": null, "position": 0, "deleted": "n"}],
"timeperiod": [{"id": 1, "owned_by_rotation_id": 1, "deleted": "n"}],
"timeperiod_entry": [{"id": 1, "timeperiod_id": 1, "rotation_member_id": 10, "start_time": 1738609200000, "end_time": 1738652400000,
  "timezone": "Europe/Berlin", "rrule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU", "deleted": "n"}],
"rule": [{"id": 1, "name": "Everything", "deleted": "n"}],
"rule_entry": [{"id": 1, "rule_id": 1, "position": 0, "condition": "incident_age>=10m", "deleted": "n"}],
"rule_entry_recipient": [{"id": 1, "rule_entry_id": 1, "schedule_id": 1, "deleted": "n"}]})";

constexpr std::string_view kLinkedIn = R"({
"teams": [{"id": 1, "name": "Foo", "scheduling_timezone": "US/Pacific", "rosters": {"r": {"users": [{"in_rotation": true, "name": "jdoe"}],
  "schedules": [{"role": "primary", "events": [{"start": 122400, "duration": 604800}, {"start": 36000, "duration": 3600}],
   "scheduler": {"name": "round-robin", "data": ["jdoe", "asmith"]}}]}},
  "users": {"jdoe": {"full_name": "John Doe", "contacts": {"email": "jdoe@example.com", "sms": "+1 500-555-0100"}},
   "asmith": {"full_name": "Anne", "contacts": {"email": "asmith@example.com"}}}}],
"events": [{"id": 1, "team": "Foo", "role": "primary", "user": "asmith", "start": 1738605600, "end": 1739210400}]})";

constexpr std::string_view kAlertmanager = R"(global: {smtp_smarthost: '127.0.0.1:25', smtp_from: a@example.com}
route:
  receiver: all
  group_by: [alertname]
  group_wait: 30s
  routes:
  - matchers: [severity="critical", 'team=~"a|b"']
    mute_time_intervals: [nights]
inhibit_rules:
- source_matchers: [severity="critical"]
  target_matchers: [severity="warning"]
  equal: [alertname]
time_intervals:
- name: nights
  time_intervals:
  - times: [{start_time: "00:00", end_time: "06:00"}]
    weekdays: ['monday:friday']
    location: Europe/Vienna
receivers:
- name: all
  webhook_configs: [{url: 'http://127.0.0.1:1/'}]
  email_configs: [{to: b@example.com}]
)";

constexpr std::string_view kCalendar = R"(BEGIN:VCALENDAR
VERSION:2.0
X-WR-CALNAME:Database
X-WR-TIMEZONE:Europe/Berlin
BEGIN:VEVENT
UID:1
DTSTART;TZID=Europe/Berlin:20260105T090000
DTEND;TZID=Europe/Berlin:20260112T090000
RRULE:FREQ=WEEKLY;INTERVAL=2;UNTIL=20270101T000000Z
EXDATE;TZID=W. Europe Standard Time:20260202T090000
RDATE;TZID=Europe/Berlin:20260203T090000
SUMMARY:[L1] Alice, bob@example.com
END:VEVENT
BEGIN:VEVENT
UID:1
RECURRENCE-ID;TZID=Europe/Berlin:20260119T090000
DTSTART:20260119T100000Z
DURATION:P1DT2H
SUMMARY:Carol
END:VEVENT
BEGIN:VEVENT
UID:2
DTSTART;VALUE=DATE:20260301
SUMMARY:Carol
END:VEVENT
END:VCALENDAR
)";

}  // namespace

const std::vector<Sample>& Samples() {
  static const std::vector<Sample>* const samples = new std::vector<Sample>{
      {"pagerduty",            std::string(kPagerDuty)   },
      {"opsgenie",             std::string(kOpsgenie)    },
      {"grafana-oncall",       std::string(kGrafana)     },
      {"goalert",              std::string(kGoAlert)     },
      {"icinga-notifications", std::string(kIcinga)      },
      {"linkedin-oncall",      std::string(kLinkedIn)    },
      {"alertmanager",         std::string(kAlertmanager)},
      {"ical",                 std::string(kCalendar)    },
  };
  return *samples;
}

}  // namespace tocsin::import
