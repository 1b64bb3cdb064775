#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include "base/random.h"
#include "tests/import/support.h"

namespace tocsin::import {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::string_view kUsers = R"("users": {"nodes": [
  {"id": "u1", "name": "Alice", "email": "alice@example.com", "contactMethods": [{"id": "c1", "type": "SMS", "value": "+15005550100"},
    {"id": "c2", "type": "SLACK_DM", "value": "U99"}], "notificationRules": [{"id": "n1", "delayMinutes": 2, "contactMethodID": "c1"}]},
  {"id": "u2", "name": "Bob", "email": "bob@example.com"}, {"id": "u3", "name": "Carol", "email": "carol@example.com"}]})";

std::string Export(const std::string& rotations, const std::string& schedule, const std::string& more = "") {
  return absl::StrFormat(R"({"data": {%s, "rotations": {"nodes": [%s]}, "schedules": {"nodes": [%s]}%s}})", kUsers,
                         rotations, schedule, more);
}

std::vector<std::string> Sorted(std::vector<std::string> on) {
  std::sort(on.begin(), on.end());
  on.erase(std::unique(on.begin(), on.end()), on.end());
  return on;
}

TEST(GoAlertTest, RulesOverridesAndTemporarySchedules) {
  const std::string rotation =
      R"({"id": "r1", "name": "Weekly", "type": "weekly", "shiftLength": 1, "timeZone": "America/Chicago",
    "start": "2025-01-06T15:00:00Z", "activeUserIndex": 1, "nextHandoffTimes": ["2025-02-10T15:00:00Z"], "userIDs": ["u1", "u2"]},
    {"id": "r2", "name": "Far", "type": "monthly", "shiftLength": 1, "timeZone": "Asia/Tokyo", "start": "2025-01-31T00:00:00Z",
     "activeUserIndex": 0, "nextHandoffTimes": ["2025-03-03T00:00:00Z"], "userIDs": ["u3", "u1"]})";
  const std::string schedule = R"({"id": "s1", "name": "Main", "timeZone": "America/Chicago", "targets": [
    {"target": {"id": "r1", "type": "rotation", "name": "Weekly"}, "rules": [
      {"id": "x", "start": "20:00", "end": "08:00", "weekdayFilter": [false, true, true, true, true, true, false]}]},
    {"target": {"id": "u3", "type": "user", "name": "Carol"}, "rules": [
      {"id": "y", "start": "00:00", "end": "00:00", "weekdayFilter": [true, false, false, false, false, false, true]}]},
    {"target": {"id": "r2", "type": "rotation", "name": "Far"}, "rules": [
      {"id": "z", "start": "10:00", "end": "11:00", "weekdayFilter": [true, true, true, true, true, true, true]}]}],
    "temporarySchedules": [{"start": "2025-08-01T05:00:00Z", "end": "2025-08-03T05:00:00Z", "shifts": [
      {"userID": "u2", "start": "2025-08-01T05:00:00Z", "end": "2025-08-02T05:00:00Z"}]}]})";
  const std::string overrides = R"(, "userOverrides": {"nodes": [
    {"id": "o1", "start": "2025-07-04T00:00:00Z", "end": "2025-07-06T00:00:00Z", "addUser": {"id": "u1"}, "removeUser": {"id": "u3"}, "target": {"id": "s1", "type": "schedule"}},
    {"id": "o2", "start": "2025-05-04T00:00:00Z", "end": "2025-05-06T00:00:00Z", "addUser": {"id": "u2"}, "target": {"id": "s1"}},
    {"id": "o3", "start": "2025-06-01T00:00:00Z", "end": "2025-06-03T00:00:00Z", "removeUser": {"id": "u3"}, "target": {"id": "s1"}}]})";
  const Imported imported = ImportText("goalert", Export(rotation, schedule, overrides));
  EXPECT_THAT(ProblemsWhenApplied(imported), IsEmpty());
  const absl::TimeZone zone = ZoneOf("America/Chicago");
  const absl::Time until = At("2026-02-01T00:00:00Z");
  const Walk weeks(absl::CivilSecond(2025, 1, 6, 9, 0, 0), 604'800, false, zone, until);
  ExpectSame(imported, ScheduleId("main"), At("2025-02-04T00:00:00Z"), until, [&](absl::Time at) {
    const auto in = [&](const char* from, const char* to) { return At(from) <= at && at < At(to); };
    std::vector<std::string> on;
    if (in("2025-08-01T05:00:00Z", "2025-08-02T05:00:00Z")) return std::vector<std::string>{"bob"};
    if (in("2025-08-02T05:00:00Z", "2025-08-03T05:00:00Z")) return std::vector<std::string>{};
    if (InWindow(at, 20 * 60, 720, zone, [](absl::CivilDay day) { return IsoDay(day) <= 5; })) {
      // Bob is on in the turn before 10 February, the fifth since the beginning.
      on.emplace_back((weeks.TurnAt(at) - weeks.TurnAt(At("2025-02-10T14:00:00Z"))) % 2 == 0 ? "bob" : "alice");
    }
    if (InWindow(at, 0, 1440, zone, [](absl::CivilDay day) { return IsoDay(day) >= 6; })) on.emplace_back("carol");
    if (InWindow(at, 600, 60, zone, [](absl::CivilDay) { return true; })) {
      // Months are counted from 31 January, and what a month lacks runs over into the next, as Go has it.
      std::int64_t month = 0;
      const absl::CivilSecond now = absl::ToCivilSecond(at, ZoneOf("Asia/Tokyo"));
      while (absl::CivilSecond(2025, 1 + month + 1, 31, 9, 0, 0) <= now)
        ++month;
      on.emplace_back(month % 2 == 0 ? "carol" : "alice");
    }
    on = Sorted(on);
    const auto carol = std::find(on.begin(), on.end(), "carol");
    if (in("2025-07-04T00:00:00Z", "2025-07-06T00:00:00Z") && carol != on.end()) *carol = "alice";
    if (in("2025-05-04T00:00:00Z", "2025-05-06T00:00:00Z")) on.emplace_back("bob");
    if (in("2025-06-01T00:00:00Z", "2025-06-03T00:00:00Z")) std::erase(on, "carol");
    return Sorted(on);
  });
}

TEST(GoAlertTest, RandomRulesHaveTheSamePeopleOnCallForAYear) {
  const char* const names[] = {"alice", "bob", "carol"};
  const char* const types[] = {"hourly", "daily", "weekly"};
  const std::int64_t units[] = {3600, 86'400, 604'800};
  const absl::Time since = At("2025-02-01T00:00:00Z");
  const absl::Time until = At("2026-02-01T00:00:00Z");
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const char* const zones[] = {"America/New_York", "Europe/London", "UTC", "Australia/Lord_Howe"};
    const std::string zone_name = zones[random.Below(std::size(zones))];
    const absl::TimeZone zone = ZoneOf(zone_name);
    const std::size_t type = random.Below(3);
    const std::int64_t length = random.Between(1, 12);
    const std::int64_t people = random.Between(1, 3);
    const std::int64_t active = random.Between(0, people - 1);
    const absl::CivilSecond start(2025, 1, static_cast<int>(random.Between(1, 28)),
                                  static_cast<int>(random.Between(3, 23)), 0, 0);
    const Walk walk(start, units[type] * length, false, zone, until);
    const absl::Time known = At("2025-03-01T12:00:00Z");
    const std::int64_t present = walk.TurnAt(known);
    const absl::Time next = FirstAt(start + (present + 1) * units[type] * length, zone);
    std::vector<std::string> ids;
    for (std::int64_t i = 1; i <= people; ++i)
      ids.push_back(absl::StrFormat("\"u%d\"", i));
    const std::int64_t from = 30 * random.Between(0, 47);
    const std::int64_t to = 30 * random.Between(0, 47);
    std::vector<int> mask;  // Sunday first
    for (int day = 0; day < 7; ++day)
      mask.push_back(static_cast<int>(random.Below(2)));
    std::vector<std::string> filter;
    for (const int on : mask)
      filter.emplace_back(on == 1 ? "true" : "false");
    const Imported imported = ImportText(
        "goalert",
        Export(
            absl::StrFormat(
                R"({"id": "r1", "name": "R", "type": "%s", "shiftLength": %d, "timeZone": "%s", "start": "%s",
          "activeUserIndex": %d, "nextHandoffTimes": ["%s"], "userIDs": [%s]})",
                types[type], length, zone_name, Iso(FirstAt(start, zone)), active, Iso(next), absl::StrJoin(ids, ",")),
            absl::StrFormat(
                R"({"id": "s1", "name": "Main", "timeZone": "%s", "targets": [{"target": {"id": "r1", "type": "rotation"},
          "rules": [{"id": "x", "start": "%02d:%02d", "end": "%02d:%02d", "weekdayFilter": [%s]}]}]})",
                zone_name, from / 60, from % 60, to / 60, to % 60, absl::StrJoin(filter, ","))));
    const std::int64_t minutes = from == to ? 1440 : (to - from + 1440) % 1440;
    ExpectSame(imported, ScheduleId("main"), since, until, [&](absl::Time at) {
      std::vector<std::string> on;
      const std::int64_t turn = walk.TurnAt(at);
      if (turn >= 0 && InWindow(at, from, minutes, zone, [&](absl::CivilDay day) {
            return mask[static_cast<std::size_t>(IsoDay(day) % 7)] == 1;
          })) {
        on.emplace_back(names[((active + turn - present) % people + people) % people]);
      }
      return on;
    });
    if (HasFailure()) return;
  }
}

TEST(GoAlertTest, PoliciesAndServices) {
  const Imported imported = ImportText(
      "goalert",
      Export(
          R"({"id": "r1", "name": "Weekly", "type": "weekly", "shiftLength": 1, "timeZone": "UTC", "start": "2025-01-06T00:00:00Z",
          "activeUserIndex": 0, "userIDs": ["u1", "u2"]})",
          R"({"id": "s1", "name": "Main", "timeZone": "UTC", "targets": []})",
          R"(, "escalationPolicies": {"nodes": [{"id": "p1", "name": "Default", "repeat": 2, "steps": [
        {"id": "b", "stepNumber": 1, "delayMinutes": 30, "targets": [{"id": "r1", "type": "rotation"}, {"id": "c", "type": "slackChannel"}]},
        {"id": "a", "stepNumber": 0, "delayMinutes": 5, "targets": [{"id": "s1", "type": "schedule"}, {"id": "u3", "type": "user"}]}]}]},
        "services": {"nodes": [{"id": "v1", "name": "Web", "escalationPolicyID": "p1"}]})"));
  ASSERT_THAT(imported.organisation.policies, SizeIs(1));
  const EscalationPolicy& policy = imported.organisation.policies[0];
  ASSERT_THAT(policy.steps, SizeIs(2));
  EXPECT_EQ(policy.steps[0].delay, absl::Minutes(5));
  EXPECT_THAT(policy.steps[0].targets, SizeIs(2));
  EXPECT_THAT(policy.steps[1].targets, ElementsAre(Target(ScheduleTarget{ScheduleId("rotation-weekly")})));
  EXPECT_EQ(policy.repeats, 2);
  EXPECT_THAT(Told(imported, Grade::kWho), IsEmpty());
  EXPECT_THAT(policy.steps[1].receivers, SizeIs(1));
  EXPECT_THAT(Told(imported, Grade::kHow), Contains(HasSubstr("nextHandoffTimes")));
  EXPECT_THAT(ProblemsWhenApplied(imported), IsEmpty());
}

}  // namespace
}  // namespace tocsin::import
