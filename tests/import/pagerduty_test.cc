#include <map>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include "base/random.h"
#include "base/strings.h"
#include "tests/import/support.h"

namespace tocsin::import {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::string_view kUsers = R"json([
  {"id": "PALICE", "type": "user", "name": "Alice Ångström", "email": "Alice@example.com", "time_zone": "Europe/Berlin",
   "contact_methods": [
     {"id": "M1", "type": "email_contact_method", "address": "alice@example.com"},
     {"id": "M2", "type": "sms_contact_method", "address": "1512345678", "country_code": 49},
     {"id": "M3", "type": "push_notification_contact_method", "address": "abcdef"}],
   "notification_rules": [
     {"type": "assignment_notification_rule", "start_delay_in_minutes": 0, "urgency": "high", "contact_method": {"id": "M2"}},
     {"type": "assignment_notification_rule", "start_delay_in_minutes": 5, "urgency": "low", "contact_method": {"id": "M1"}}],
   "teams": [{"id": "T1"}]},
  {"id": "PBOB", "type": "user", "name": "Bob", "email": "bob@example.com", "time_zone": "Eastern Time (US & Canada)"},
  {"id": "PCAROL", "type": "user", "name": "Carol", "email": "carol@example.com"}])json";

std::string Export(const std::string& schedules, const std::string& more = "") {
  return absl::StrFormat(R"({"users": %s, "teams": [{"id": "T1", "name": "Database!"}], "schedules": [%s]%s})", kUsers,
                         schedules, more);
}

// The last layer, which hides the first, comes first.
constexpr std::string_view kPrimary = R"({
  "id": "PS1", "type": "schedule", "name": "Primary", "time_zone": "America/New_York", "teams": [{"id": "T1"}],
  "schedule_layers": [
    {"id": "L2", "name": "Nights", "start": "2025-03-01T00:00:00-05:00", "end": null,
     "rotation_virtual_start": "2025-01-06T20:00:00-05:00", "rotation_turn_length_seconds": 1209600,
     "users": [{"user": {"id": "PCAROL"}}, {"user": {"id": "PBOB"}}],
     "restrictions": [{"type": "daily_restriction", "start_time_of_day": "20:00:00", "duration_seconds": 43200}]},
    {"id": "L1", "name": "Weekly", "start": "2025-01-01T00:00:00-05:00", "end": null,
     "rotation_virtual_start": "2025-01-06T09:00:00-05:00", "rotation_turn_length_seconds": 604800,
     "users": [{"user": {"id": "PALICE"}}, {"user": {"id": "PBOB"}}], "restrictions": []}],
  "overrides": [
    {"id": "O1", "start": "2025-07-04T00:00:00-04:00", "end": "2025-07-05T00:00:00-04:00", "user": {"id": "PCAROL"}}],
  "final_schedule": {"name": "Final Schedule", "rendered_schedule_entries": [
    {"start": "2025-03-08T08:00:00-05:00", "end": "2025-03-08T20:00:00-05:00", "user": {"id": "PALICE"}},
    {"start": "2025-03-08T20:00:00-05:00", "end": "2025-03-09T08:00:00-04:00", "user": {"id": "PCAROL"}},
    {"start": "2025-03-09T08:00:00-04:00", "end": "2025-03-09T20:00:00-04:00", "user": {"id": "PALICE"}}]}})";

TEST(PagerDutyTest, ReadsWhatTheApiAnswers) {
  const Imported imported = ImportText("pagerduty", Export(std::string(kPrimary), R"(,
    "escalation_policies": [{"id": "PP1", "name": "Default", "num_loops": 2, "teams": [{"id": "T1"}], "escalation_rules": [
      {"escalation_delay_in_minutes": 10, "targets": [{"id": "PS1", "type": "schedule_reference"}]},
      {"escalation_delay_in_minutes": 20, "targets": [{"id": "PBOB", "type": "user_reference"}],
       "escalation_rule_assignment_strategy": {"type": "round_robin"}}]}],
    "services": [{"id": "SV1", "name": "Web Shop", "escalation_policy": {"id": "PP1"}, "acknowledgement_timeout": 1800,
      "incident_urgency_rule": {"type": "constant", "urgency": "high"}, "teams": [{"id": "T1"}],
      "integrations": [{"id": "I1", "summary": "Nagios", "integration_key": "0123456789abcdef0123456789abcdef"}]}])"));
  const Organisation& organisation = imported.organisation;
  ASSERT_THAT(organisation.users, SizeIs(3));
  const User& alice = organisation.users[0];
  EXPECT_EQ(alice.id.value(), "alice");
  EXPECT_EQ(alice.name, "Alice Ångström");
  ASSERT_THAT(alice.contact_methods, SizeIs(2));
  EXPECT_EQ(alice.contact_methods[1].address, "+491512345678");
  ASSERT_THAT(alice.notification_rules, SizeIs(2));
  EXPECT_EQ(alice.notification_rules[1].delay, absl::Minutes(5));
  EXPECT_EQ(organisation.users[1].time_zone, "America/New_York");
  ASSERT_THAT(organisation.teams, SizeIs(1));
  EXPECT_EQ(organisation.teams[0].id.value(), "database");
  EXPECT_THAT(organisation.teams[0].members, ElementsAre(UserId("alice")));
  ASSERT_THAT(organisation.schedules, SizeIs(1));
  EXPECT_EQ(organisation.schedules[0].team.value(), "database");
  ASSERT_THAT(organisation.schedules[0].layers, SizeIs(2));
  EXPECT_GT(organisation.schedules[0].layers[0].priority, organisation.schedules[0].layers[1].priority);
  ASSERT_THAT(organisation.policies, SizeIs(1));
  EXPECT_EQ(organisation.policies[0].repeats, 2);
  ASSERT_THAT(organisation.policies[0].steps, SizeIs(2));
  EXPECT_EQ(organisation.policies[0].steps[1].delay, absl::Minutes(20));
  ASSERT_THAT(organisation.route.children, SizeIs(1));
  EXPECT_EQ(organisation.route.children[0].acknowledgement.timeout, absl::Minutes(30));
  ASSERT_THAT(organisation.integrations, SizeIs(1));
  EXPECT_THAT(organisation.integrations[0].key_hash, SizeIs(64));
  EXPECT_EQ(organisation.integrations[0].source, "pagerduty") << "its senders go on speaking the Events API";
  EXPECT_EQ(organisation.policies[0].steps[1].strategy, PolicyStep::Strategy::kRoundRobin);
  EXPECT_FALSE(organisation.policies[0].low_urgency_escalates);
  EXPECT_THAT(Told(imported, Grade::kWho), IsEmpty());
  EXPECT_THAT(Told(imported, Grade::kHow), Contains(HasSubstr("push_notification_contact_method")));
  EXPECT_THAT(ProblemsWhenApplied(imported), IsEmpty());
}

TEST(PagerDutyTest, TheImportedScheduleIsTheRenderedOne) {
  const Imported imported = ImportText("pagerduty", Export(std::string(kPrimary)));
  ASSERT_THAT(imported.renderings, SizeIs(1));
  const auto comparison =
      Compare(Compiled(imported), imported.renderings[0], At("2025-03-01T00:00:00Z"), At("2026-01-01T00:00:00Z"));
  ASSERT_TRUE(comparison.ok());
  // Clocks go forward in the night: 12 hours on the wall, 11 in fact.
  EXPECT_EQ(comparison->hours, 35);
  EXPECT_EQ(comparison->agreeing, 35);
  EXPECT_THAT(comparison->differences, IsEmpty());
  const Roster roster = Compiled(imported);
  EXPECT_THAT(roster.OnCall(ScheduleId("primary"), At("2025-07-04T18:00:00Z")), ElementsAre(UserId("carol")));
}

// Four turns of six hours, rendered over the night in which an hour is missing.
std::string SubDay(const std::string& entries) {
  return absl::StrFormat(R"({"id": "PS2", "name": "Six hours", "time_zone": "America/New_York", "schedule_layers": [
    {"id": "L1", "name": "Six", "start": "2025-03-08T00:00:00-05:00", "rotation_virtual_start": "2025-03-08T00:00:00-05:00",
     "rotation_turn_length_seconds": 21600, "users": [{"user": {"id": "PALICE"}}, {"user": {"id": "PBOB"}},
     {"user": {"id": "PCAROL"}}], "restrictions": [], "rendered_schedule_entries": [%s]}]})",
                         entries);
}

TEST(PagerDutyTest, WhatWasRenderedDecidesHowShortTurnsAreCounted) {
  struct Case {
    std::string_view name;
    std::string entries;
    Rotation::Count count;
    int told;
  };
  const std::string first =
      R"({"start": "2025-03-08T18:00:00-05:00", "end": "2025-03-09T00:00:00-05:00", "user": {"id": "PALICE"}},)";
  const Case cases[] = {
      {"the wall clock",
       first + R"({"start": "2025-03-09T00:00:00-05:00", "end": "2025-03-09T06:00:00-04:00", "user": {"id": "PBOB"}},
         {"start": "2025-03-09T06:00:00-04:00", "end": "2025-03-09T12:00:00-04:00", "user": {"id": "PCAROL"}})",
       Rotation::Count::kWall,                                                                                                                 0},
      {"time that passes",
       first + R"({"start": "2025-03-09T00:00:00-05:00", "end": "2025-03-09T07:00:00-04:00", "user": {"id": "PBOB"}},
         {"start": "2025-03-09T07:00:00-04:00", "end": "2025-03-09T13:00:00-04:00", "user": {"id": "PCAROL"}})",
       Rotation::Count::kElapsed,                                                                                                              0},
      {"nothing",          "",                                                                                         Rotation::Count::kWall, 1},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.name);
    const Imported imported = ImportText("pagerduty", Export(SubDay(each.entries)));
    ASSERT_THAT(imported.organisation.schedules[0].layers, SizeIs(1));
    EXPECT_EQ(std::get<Rotation>(imported.organisation.schedules[0].layers[0].pattern).count, each.count);
    int told = 0;
    for (const std::string& text : Told(imported, Grade::kHow))
      told += text.find("wall clock") != std::string::npos ? 1 : 0;
    EXPECT_EQ(told, each.told);
  }
}

TEST(PagerDutyTest, APersonWhoIsMissingLeavesTheOthersTheirTurns) {
  const std::string gone = R"({"id": "PS3", "name": "Gone", "time_zone": "UTC", "schedule_layers": [
    {"id": "L1", "name": "x", "start": "2025-01-06T00:00:00Z", "rotation_virtual_start": "2025-01-06T00:00:00Z",
     "rotation_turn_length_seconds": 86400, "users": [{"user": {"id": "PALICE"}}, {"user": {"id": "PGONE"}}],
     "restrictions": []}]})";
  const Imported imported = ImportText("pagerduty", Export(gone));
  EXPECT_THAT(Told(imported, Grade::kWho), ElementsAre(HasSubstr("\"PGONE\"")));
  const Roster roster = Compiled(imported);
  EXPECT_THAT(roster.OnCall(ScheduleId("gone"), At("2025-01-08T12:00:00Z")), ElementsAre(UserId("alice")));
  EXPECT_THAT(roster.OnCall(ScheduleId("gone"), At("2025-01-09T12:00:00Z")), IsEmpty());
}

TEST(PagerDutyTest, PeopleAreTheSameByTheirAddress) {
  Options options;
  options.now = At(std::string(kNow));
  options.present.users = {
      {UserId("al"),
       "Al", "UTC",
       {{ContactMethodId("email"), ContactMethod::Kind::kEmail, "ALICE@example.com", "", {}}},
       {},
       {}}
  };
  const std::vector<File> files = {
      {"pd.json", Export(std::string(kPrimary))}
  };
  const auto imported = Import("pagerduty", files, options);
  ASSERT_TRUE(imported.ok());
  EXPECT_THAT(imported->organisation.users, SizeIs(2)) << "the one who is declared already is not declared again";
  const Layer& weekly = imported->organisation.schedules[0].layers[1];
  EXPECT_EQ(std::get<UserTarget>(weekly.participants[0].members[0]).user.value(), "al");
}

TEST(PagerDutyTest, AnObjectThatComesTwiceIsReadOnceAndAListOfReferencesIsNotEnough) {
  const std::string reference =
      R"({"id": "PS1", "type": "schedule", "name": "Primary", "time_zone": "America/New_York"})";
  const Imported twice = ImportText("pagerduty", Export(reference + "," + std::string(kPrimary)));
  ASSERT_THAT(twice.organisation.schedules, SizeIs(1));
  EXPECT_THAT(twice.organisation.schedules[0].layers, SizeIs(2));
  EXPECT_THAT(Told(twice, Grade::kWho), IsEmpty());
  const Imported bare = ImportText("pagerduty", Export(reference));
  EXPECT_THAT(Told(bare, Grade::kWho), ElementsAre(HasSubstr("its layers"), HasSubstr("it reaches nobody")));
  EXPECT_THAT(ProblemsWhenApplied(bare), IsEmpty());
}

// --- random schedules against a naive reading of PagerDuty's rules --------------------------------------------------------

struct RandomLayer {
  absl::CivilSecond virtual_start;
  std::int64_t turn = 0;
  absl::Time start;
  absl::Time end = absl::InfiniteFuture();
  std::vector<int> users;
  struct Window {
    int day = 0;  // 0: daily
    std::int64_t start = 0;
    std::int64_t minutes = 0;
  };
  std::vector<Window> windows;
};
struct RandomOverride {
  absl::Time start;
  absl::Time end;
  int user = 0;
};
struct RandomSchedule {
  std::string zone;
  std::vector<RandomLayer> layers;  // the last hides the others
  std::vector<RandomOverride> overrides;
};

const char* const kIds[] = {"PALICE", "PBOB", "PCAROL"};
const char* const kNames[] = {"alice", "bob", "carol"};

RandomSchedule MakeSchedule(Random& random, absl::Time since) {
  const char* const zones[] = {"America/New_York",  "Europe/London", "Australia/Lord_Howe", "UTC",
                               "America/Sao_Paulo", "Asia/Kolkata",  "Pacific/Apia"};
  RandomSchedule schedule;
  schedule.zone = zones[random.Below(std::size(zones))];
  const auto layers = random.Between(1, 4);
  for (int i = 0; i < layers; ++i) {
    RandomLayer layer;
    const absl::Time origin = since - absl::Hours(random.Between(1, 2000)) + absl::Minutes(30 * random.Between(0, 1));
    layer.virtual_start =
        absl::CivilSecond(absl::ToCivilHour(origin, ZoneOf(schedule.zone))) + 1800 * random.Between(0, 1);
    const std::int64_t turns[] = {604'800, 1'209'600, 86'400, 259'200, 43'200, 28'800, 18'000};
    layer.turn = turns[random.Below(std::size(turns))];
    layer.start = random.OneIn(3) ? since + absl::Hours(random.Between(-500, 4000))
                                  : FirstAt(layer.virtual_start, ZoneOf(schedule.zone));
    if (random.OneIn(4)) layer.end = layer.start + absl::Hours(random.Between(100, 5000));
    for (auto n = random.Between(1, 4); n > 0; --n)
      layer.users.push_back(static_cast<int>(random.Below(3)));
    const bool weekly = random.OneIn(2);
    for (auto n = random.Between(0, 2); n > 0; --n) {
      RandomLayer::Window window;
      window.start = 30 * random.Between(0, 47);
      window.day = weekly ? static_cast<int>(random.Between(1, 7)) : 0;
      window.minutes = 30 * random.Between(1, weekly ? 336 : 48);
      layer.windows.push_back(window);
    }
    schedule.layers.push_back(std::move(layer));
  }
  for (auto n = random.Between(0, 4); n > 0; --n) {
    const absl::Time start = since + absl::Minutes(15 * random.Between(0, 30'000));
    schedule.overrides.push_back(
        {start, start + absl::Minutes(15 * random.Between(1, 400)), static_cast<int>(random.Below(3))});
  }
  return schedule;
}

std::string Json(const RandomSchedule& schedule) {
  std::vector<std::string> layers;
  for (const RandomLayer& layer : schedule.layers) {
    std::vector<std::string> users;
    for (const int user : layer.users)
      users.push_back(absl::StrFormat(R"({"user": {"id": "%s"}})", kIds[user]));
    std::vector<std::string> windows;
    for (const RandomLayer::Window& window : layer.windows) {
      windows.push_back(absl::StrFormat(
          R"({"type": "%s_restriction", "start_time_of_day": "%02d:%02d:00", "duration_seconds": %d%s})",
          window.day == 0 ? "daily" : "weekly", window.start / 60, window.start % 60, window.minutes * 60,
          window.day == 0 ? "" : absl::StrFormat(R"(, "start_day_of_week": %d)", window.day)));
    }
    const absl::Time origin = FirstAt(layer.virtual_start, ZoneOf(schedule.zone));
    layers.push_back(absl::StrFormat(
        R"({"id": "L%d", "name": "layer", "start": "%s", "end": %s, "rotation_virtual_start": "%s",
            "rotation_turn_length_seconds": %d, "users": [%s], "restrictions": [%s]})",
        layers.size(), Iso(layer.start, schedule.zone),
        layer.end == absl::InfiniteFuture() ? "null" : JsonQuote(Iso(layer.end, schedule.zone)),
        Iso(origin, schedule.zone), layer.turn, absl::StrJoin(users, ","), absl::StrJoin(windows, ",")));
  }
  std::reverse(layers.begin(), layers.end());  // as the API has them
  std::vector<std::string> overrides;
  for (const RandomOverride& change : schedule.overrides) {
    overrides.push_back(absl::StrFormat(R"({"id": "O%d", "start": "%s", "end": "%s", "user": {"id": "%s"}})",
                                        overrides.size(), Iso(change.start), Iso(change.end), kIds[change.user]));
  }
  return absl::StrFormat(
      R"({"id": "PR", "name": "Random", "time_zone": "%s", "schedule_layers": [%s], "overrides": [%s]})", schedule.zone,
      absl::StrJoin(layers, ","), absl::StrJoin(overrides, ","));
}

class Naive {
 public:
  Naive(const RandomSchedule& schedule, absl::Time until) : schedule_(schedule), zone_(ZoneOf(schedule.zone)) {
    for (const RandomLayer& layer : schedule.layers) {
      const bool elapsed = layer.turn % 86'400 != 0 && 86'400 % layer.turn != 0;
      // What is in a gap was written as the instant of the jump, and is read as what the clock shows then.
      const absl::Time origin = FirstAt(layer.virtual_start, zone_);
      walks_.emplace_back(absl::ToCivilSecond(origin, zone_), layer.turn, elapsed, zone_, until);
    }
  }
  std::vector<std::string> operator()(absl::Time at) const {
    for (std::size_t i = schedule_.overrides.size(); i > 0; --i) {
      const RandomOverride& change = schedule_.overrides[i - 1];
      if (change.start <= at && at < change.end) return {kNames[change.user]};
    }
    for (std::size_t i = schedule_.layers.size(); i > 0; --i) {
      const RandomLayer& layer = schedule_.layers[i - 1];
      if (at < layer.start || at >= layer.end || !Inside(layer, at)) continue;
      const auto n = static_cast<std::int64_t>(layer.users.size());
      const std::int64_t turn = walks_[i - 1].TurnAt(at);
      return {kNames[layer.users[static_cast<std::size_t>((turn % n + n) % n)]]};
    }
    return {};
  }

 private:
  bool Inside(const RandomLayer& layer, absl::Time at) const {
    if (layer.windows.empty()) return true;
    for (const RandomLayer::Window& window : layer.windows) {
      if (InWindow(at, window.start, window.minutes, zone_,
                   [&](absl::CivilDay day) { return window.day == 0 || IsoDay(day) == window.day; })) {
        return true;
      }
    }
    return false;
  }

  const RandomSchedule& schedule_;
  absl::TimeZone zone_;
  std::vector<Walk> walks_;
};

TEST(PagerDutyTest, RandomSchedulesHaveTheSamePeopleOnCallForAYear) {
  const absl::Time since = At("2025-02-01T00:00:00Z");
  const absl::Time until = At("2026-02-01T00:00:00Z");
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    RandomSchedule schedule = MakeSchedule(random, since);
    for (RandomLayer& layer : schedule.layers)
      layer.start = std::max(layer.start, FirstAt(layer.virtual_start, ZoneOf(schedule.zone)));
    const Imported imported = ImportText("pagerduty", Export(Json(schedule)));
    ExpectSame(imported, ScheduleId("random"), since, until, Naive(schedule, until));
    if (HasFailure()) return;
  }
}

// --- v3 -------------------------------------------------------------------------------------------------------------------

TEST(PagerDutyTest, ShiftBasedSchedulesTurnByShift) {
  const std::string v3 = R"({"id": "PV3", "type": "schedule", "name": "Shifts", "time_zone": "America/New_York",
    "rotations": [{"id": "R1", "events": [{"id": "E1", "name": "Weekdays",
      "start_time": {"date_time": "2025-03-03T09:00:00", "time_zone": "America/New_York"},
      "end_time": {"date_time": "2025-03-03T17:00:00", "time_zone": "America/New_York"},
      "effective_since": "2025-03-03T14:00:00Z", "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"],
      "assignment_strategy": {"type": "rotating_member_assignment_strategy", "shifts_per_member": 2,
        "members": [{"type": "user_member", "user_id": "PALICE"}, {"type": "empty_member"}, {"type": "user_member", "user_id": "PBOB"}]}}]},
     {"id": "R2", "events": [{"id": "E2", "name": "All", "start_time": "2025-03-03T12:00:00-05:00",
      "end_time": "2025-03-03T13:00:00-05:00", "recurrence": ["RRULE:FREQ=DAILY"],
      "assignment_strategy": {"type": "every_member_assignment_strategy",
        "members": [{"type": "user_member", "user_id": "PCAROL"}, {"type": "user_member", "user_id": "PBOB"}]}}]}],
    "custom_shifts": [{"id": "C1", "start_time": "2025-03-04T00:00:00Z", "end_time": "2025-03-04T01:00:00Z",
      "assignments": [{"type": "user_member", "user_id": "PCAROL"}]}],
    "overrides": [{"id": "V1", "rotation_id": "R1", "start_time": "2025-03-03T14:00:00Z", "end_time": "2025-03-03T16:00:00Z",
      "overridden_member": {"type": "user_member", "user_id": "PALICE"},
      "overriding_member": {"type": "user_member", "user_id": "PCAROL"}}]})";
  const Imported imported = ImportText("pagerduty", Export(v3));
  EXPECT_THAT(Told(imported, Grade::kWho), IsEmpty());
  EXPECT_THAT(ProblemsWhenApplied(imported), IsEmpty());
  const absl::TimeZone zone = ZoneOf("America/New_York");
  ExpectSame(imported, ScheduleId("shifts"), At("2025-03-03T00:00:00Z"), At("2026-03-03T00:00:00Z"),
             [&](absl::Time at) {
               std::vector<std::string> on;
               std::int64_t shift = -1;
               for (absl::CivilDay day(2025, 3, 3);; ++day) {
                 if (IsoDay(day) > 5) continue;
                 const absl::CivilSecond start = absl::CivilSecond(day) + 9 * 3600;
                 if (FirstAt(start, zone) > at) break;
                 ++shift;
                 if (at >= FirstAt(start + 8 * 3600, zone)) continue;
                 const std::int64_t member = shift / 2 % 3;
                 const bool swapped = At("2025-03-03T14:00:00Z") <= at && at < At("2025-03-03T16:00:00Z");
                 if (member == 0) on.emplace_back(swapped ? "carol" : "alice");
                 if (member == 2) on.emplace_back("bob");
               }
               if (InWindow(at, 12 * 60, 60, zone, [](absl::CivilDay) { return true; })) {
                 on.emplace_back("bob");
                 on.emplace_back("carol");
               }
               if (At("2025-03-04T00:00:00Z") <= at && at < At("2025-03-04T01:00:00Z")) on.emplace_back("carol");
               std::sort(on.begin(), on.end());
               on.erase(std::unique(on.begin(), on.end()), on.end());
               return on;
             });
}

}  // namespace
}  // namespace tocsin::import
