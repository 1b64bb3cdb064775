#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include "base/random.h"
#include "base/strings.h"
#include "tests/import/support.h"

namespace tocsin::import {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::string_view kAlice = R"({"user": {"id": "u1", "username": "alice@example.com", "fullName": "Alice",
  "timeZone": "Europe/Berlin", "role": {"name": "Admin"}, "blocked": false, "userContacts": [
    {"id": "c1", "contactMethod": "voice", "to": "49-1512345678", "status": {"enabled": true}},
    {"id": "c2", "contactMethod": "mobile", "to": "phone", "status": {"enabled": true}}]},
  "notificationRuleList": [
    {"id": "n1", "name": "New", "actionType": "create-alert", "enabled": true, "criteria": {"type": "match-all"}, "steps": [
      {"contact": {"method": "email", "to": "alice@example.com"}, "sendAfter": {"timeAmount": 0, "timeUnit": "minutes"}, "enabled": true},
      {"contact": {"method": "voice", "to": "49-1512345678"}, "sendAfter": {"timeAmount": 3, "timeUnit": "minutes"}, "enabled": true}]},
    {"id": "n2", "name": "Closed", "actionType": "closed-alert", "enabled": true, "steps": []}]})";
constexpr std::string_view kBob =
    R"({"id": "u2", "username": "bob@example.com", "fullName": "Bob", "timeZone": "UTC"})";
constexpr std::string_view kCarol =
    R"({"id": "u3", "username": "carol@example.com", "fullName": "Carol", "timeZone": "UTC"})";

std::string Schedule(const std::string& zone, const std::string& rotations) {
  return absl::StrFormat(
      R"({"id": "s1", "name": "Ops", "timezone": "%s", "enabled": true, "ownerTeam": {"id": "t1", "name": "ops"},
    "rotations": [%s]})",
      zone, rotations);
}

std::vector<File> Backup(const std::string& schedule, const std::string& overrides) {
  return {
      {"backup/users/alice-u1.json",   std::string(kAlice)                                                                 },
      {"backup/users/bob-u2.json",     std::string(kBob)                                                                   },
      {"backup/users/carol-u3.json",   std::string(kCarol)                                                                 },
      {"backup/teams/ops-t1.json",     R"({"id": "t1", "name": "ops", "members": [{"user": {"id": "u1"}, "role": "admin"}],
        "routingRules": [{"id": "r1", "criteria": {"type": "match-all"}, "notify": {"type": "escalation", "id": "e1"}}]})"},
      {"backup/schedules/Ops-s1.json",
       absl::StrFormat(R"({"schedule": %s, "scheduleOverrideList": [%s]})",                                                  schedule, overrides)},
      {"backup/escalations/ops-e1.json",                    R"({"id": "e1", "name": "ops_escalation", "ownerTeam": {"id": "t1"}, "rules": [
        {"condition": "if-not-acked", "notifyType": "default", "delay": {"timeAmount": 0, "timeUnit": "minutes"},
         "recipient": {"type": "schedule", "id": "s1", "name": "Ops"}},
        {"condition": "if-not-acked", "notifyType": "next", "delay": {"timeAmount": 5, "timeUnit": "minutes"},
         "recipient": {"type": "schedule", "id": "s1", "name": "Ops"}},
        {"condition": "if-not-closed", "notifyType": "default", "delay": {"timeAmount": 20, "timeUnit": "minutes"},
         "recipient": {"type": "user", "id": "u3", "username": "carol@example.com"}}],
        "repeat": {"waitInterval": 10, "count": 3, "resetRecipientStates": false, "closeAlertAfterAll": true}})"                                                                                                       },
  };
}

TEST(OpsgenieTest, ReadsTheFolderOfABackup) {
  const Imported imported = ImportFiles(
      "opsgenie",
      Backup(
          Schedule("Europe/Berlin",
                   R"({"id": "r1", "name": "Weekly", "startDate": "2025-01-06T08:00:00Z", "type": "weekly", "length": 1,
          "participants": [{"type": "user", "id": "u1", "username": "alice@example.com"}, {"type": "none"},
                           {"type": "team", "id": "t1", "name": "ops"}]})"),
          ""));
  ASSERT_THAT(imported.problems, IsEmpty());
  const Organisation& organisation = imported.organisation;
  ASSERT_THAT(organisation.users, SizeIs(3));
  EXPECT_THAT(organisation.users[0].contact_methods, SizeIs(2));
  EXPECT_THAT(organisation.users[0].notification_rules, SizeIs(4)) << "both urgencies, two steps";
  ASSERT_THAT(organisation.policies, SizeIs(1));
  const EscalationPolicy& policy = organisation.policies[0];
  ASSERT_THAT(policy.steps, SizeIs(3));
  EXPECT_EQ(policy.steps[0].delay, absl::Minutes(5));
  EXPECT_EQ(policy.steps[1].delay, absl::Minutes(20)) << "offsets count from the beginning, here as there";
  EXPECT_EQ(policy.steps[1].delay_from, PolicyStep::DelayFrom::kBeginning);
  const Target next = ScheduleTarget{ScheduleId("ops"), ScheduleTarget::Turn::kNext};
  EXPECT_THAT(policy.steps[1].targets, ElementsAre(next));
  EXPECT_EQ(policy.steps[2].unless, PolicyStep::Unless::kResolved);
  EXPECT_TRUE(policy.resolve_when_exhausted);
  EXPECT_FALSE(policy.repeats_page_again);
  EXPECT_EQ(policy.repeats, 3);
  EXPECT_EQ(policy.repeat_interval, absl::Minutes(10));
  ASSERT_THAT(organisation.route.children, SizeIs(1));
  EXPECT_EQ(organisation.route.children[0].policy, policy.id);
  EXPECT_EQ(organisation.schedules[0].layers[0].participants[1].members.size(), 0U);
  EXPECT_THAT(Told(imported, Grade::kWho), ElementsAre(HasSubstr("a team, which is reached by its routing rules")));
  EXPECT_THAT(ProblemsWhenApplied(imported), IsEmpty());
}

TEST(OpsgenieTest, RotationsAreCumulativeAndOverridesHaveTheirScope) {
  const std::string rotations =
      R"({"id": "r1", "name": "Day", "startDate": "2025-01-06T08:00:00Z", "type": "daily", "length": 1,
          "participants": [{"type": "user", "id": "u1"}, {"type": "user", "id": "u2"}],
          "timeRestriction": {"type": "time-of-day", "restriction": {"startHour": 22, "startMin": 0, "endHour": 6, "endMin": 30}}},
         {"id": "r2", "name": "Weekend", "startDate": "2025-01-06T08:00:00Z", "endDate": "2025-12-01T00:00:00Z", "type": "weekly",
          "length": 2, "participants": [{"type": "user", "id": "u3"}, {"type": "none"}],
          "timeRestriction": {"type": "weekday-and-time-of-day", "restrictions": [
            {"startDay": "friday", "startHour": 18, "startMin": 0, "endDay": "monday", "endHour": 8, "endMin": 0}]}})";
  const std::string overrides =
      R"({"alias": "a", "user": {"type": "user", "id": "u3"}, "startDate": "2025-03-10T00:00:00Z", "endDate": "2025-03-12T00:00:00Z"},
         {"alias": "b", "user": {"type": "user", "id": "u2"}, "startDate": "2025-05-01T00:00:00Z", "endDate": "2025-05-12T00:00:00Z",
          "rotations": [{"id": "r2", "name": "Weekend"}]})";
  const Imported imported = ImportFiles("opsgenie", Backup(Schedule("Europe/Berlin", rotations), overrides));
  ASSERT_THAT(imported.problems, IsEmpty());
  const absl::TimeZone zone = ZoneOf("Europe/Berlin");
  const absl::Time until = At("2026-01-10T00:00:00Z");
  const Walk days(absl::CivilSecond(2025, 1, 6, 9, 0, 0), 86'400, false, zone, until);
  const Walk weeks(absl::CivilSecond(2025, 1, 6, 9, 0, 0), 1'209'600, false, zone, until);
  ExpectSame(imported, ScheduleId("ops"), At("2025-01-07T00:00:00Z"), until, [&](absl::Time at) {
    std::vector<std::string> on;
    if (At("2025-03-10T00:00:00Z") <= at && at < At("2025-03-12T00:00:00Z")) return std::vector<std::string>{"carol"};
    if (InWindow(at, 22 * 60, 510, zone, [](absl::CivilDay) { return true; })) {
      on.emplace_back(days.TurnAt(at) % 2 == 0 ? "alice" : "bob");
    }
    const bool weekend = at < At("2025-12-01T00:00:00Z") && weeks.TurnAt(at) % 2 == 0 &&
                         InWindow(at, 18 * 60, 62 * 60, zone, [](absl::CivilDay day) { return IsoDay(day) == 5; });
    const bool replaced = At("2025-05-01T00:00:00Z") <= at && at < At("2025-05-12T00:00:00Z");
    if (replaced) {
      on.emplace_back("bob");
    } else if (weekend) {
      on.emplace_back("carol");
    }
    std::sort(on.begin(), on.end());
    on.erase(std::unique(on.begin(), on.end()), on.end());
    return on;
  });
}

constexpr const char* kUsers[] = {"alice", "bob", "carol"};
constexpr const char* kZones[] = {"America/Chicago", "Europe/London", "Australia/Lord_Howe", "Africa/Casablanca",
                                  "UTC"};
constexpr const char* kTypes[] = {"hourly", "daily", "weekly"};
constexpr std::int64_t kUnits[] = {3600, 86'400, 604'800};

TEST(OpsgenieTest, RandomSchedulesHaveTheSamePeopleOnCallForAYear) {
  const absl::Time since = At("2025-02-01T00:00:00Z");
  const absl::Time until = At("2026-02-01T00:00:00Z");
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::string zone_name = kZones[random.Below(std::size(kZones))];
    const absl::TimeZone zone = ZoneOf(zone_name);
    struct Rotation {
      Walk walk;
      std::vector<int> people;
      std::int64_t window = -1;
      std::int64_t minutes = 0;
      absl::Time end;
    };
    std::vector<Rotation> rotations;
    std::vector<std::string> json;
    for (auto n = random.Between(1, 3); n > 0; --n) {
      const std::size_t type = random.Below(3);
      const std::int64_t length = type == 0 ? std::int64_t{1} << random.Between(2, 3) : random.Between(1, 3);
      const absl::Time start = absl::FromUnixSeconds(absl::ToUnixSeconds(since) - 1800 * random.Between(1, 3000));
      Rotation rotation{Walk(absl::ToCivilSecond(start, zone), kUnits[type] * length,
                             type == 0 && length % 24 != 0 && 24 % length != 0, zone, until),
                        {},
                        -1,
                        0,
                        since + absl::Hours(random.Between(100, 20'000))};
      std::vector<std::string> people;
      for (auto k = random.Between(1, 4); k > 0; --k) {
        rotation.people.push_back(static_cast<int>(random.Between(-1, 2)));
        const int who = rotation.people.back();
        people.push_back(who < 0 ? R"({"type": "none"})"
                                 : absl::StrFormat(R"({"type": "user", "id": "u%d"})", who + 1));
      }
      std::string restriction;
      if (random.OneIn(2)) {
        rotation.window = 30 * random.Between(0, 47);
        rotation.minutes = 30 * random.Between(1, 48);
        const std::int64_t end = (rotation.window + rotation.minutes) % 1440;
        restriction = absl::StrFormat(
            R"(, "timeRestriction": {"type": "time-of-day", "restriction": {"startHour": %d, "startMin": %d, "endHour": %d, "endMin": %d}})",
            rotation.window / 60, rotation.window % 60, end / 60, end % 60);
      }
      json.push_back(absl::StrFormat(R"({"id": "r%d", "name": "r%d", "startDate": "%s", "endDate": "%s", "type": "%s",
        "length": %d, "participants": [%s]%s})",
                                     json.size(), json.size(), Iso(start), Iso(rotation.end), kTypes[type], length,
                                     absl::StrJoin(people, ","), restriction));
      rotations.push_back(std::move(rotation));
    }
    const Imported imported = ImportFiles("opsgenie", Backup(Schedule(zone_name, absl::StrJoin(json, ",")), ""));
    ExpectSame(imported, ScheduleId("ops"), since, until, [&](absl::Time at) {
      std::vector<std::string> on;
      for (const Rotation& rotation : rotations) {
        const bool inside = rotation.window < 0 ||
                            InWindow(at, rotation.window, rotation.minutes, zone, [](absl::CivilDay) { return true; });
        if (at >= rotation.end || !inside) continue;
        const auto turn = static_cast<std::size_t>(rotation.walk.TurnAt(at));
        const int who = rotation.people[turn % rotation.people.size()];
        if (who >= 0) on.emplace_back(kUsers[who]);
      }
      std::sort(on.begin(), on.end());
      on.erase(std::unique(on.begin(), on.end()), on.end());
      return on;
    });
    if (HasFailure()) return;
  }
}

TEST(OpsgenieTest, TheTimelineOfTheApiIsComparedWith) {
  std::vector<File> files = Backup(
      Schedule("UTC",
               R"({"id": "r1", "name": "Daily", "startDate": "2025-01-06T00:00:00Z", "type": "daily", "length": 1,
          "participants": [{"type": "user", "id": "u1"}, {"type": "user", "id": "u2"}]})"),
      "");
  files.push_back({"timeline-s1.json",
                   R"({"data": {"_parent": {"id": "s1", "name": "Ops"}, "startDate": "2025-01-06T00:00:00Z",
    "endDate": "2025-01-09T00:00:00Z", "finalTimeline": {"rotations": [{"id": "r1", "name": "Daily", "periods": [
      {"startDate": "2025-01-06T00:00:00Z", "endDate": "2025-01-07T00:00:00Z", "type": "default", "recipient": {"id": "u1", "type": "user", "name": "alice@example.com"}},
      {"startDate": "2025-01-07T00:00:00Z", "endDate": "2025-01-09T00:00:00Z", "type": "default", "recipient": {"id": "u2", "type": "user", "name": "bob@example.com"}}]}]}}})",
                   true});
  const Imported imported = ImportFiles("opsgenie", files);
  ASSERT_THAT(imported.problems, IsEmpty());
  ASSERT_THAT(imported.renderings, SizeIs(1));
  const auto comparison =
      Compare(Compiled(imported), imported.renderings[0], At("2025-01-01T00:00:00Z"), At("2026-01-01T00:00:00Z"));
  ASSERT_TRUE(comparison.ok());
  EXPECT_EQ(comparison->hours, 72);
  EXPECT_EQ(comparison->agreeing, 48) << "the timeline was made to differ on the third day";
}

}  // namespace
}  // namespace tocsin::import
