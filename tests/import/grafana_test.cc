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

constexpr std::string_view kUsers = R"("users": [
  {"id": "U1", "username": "alice", "email": "alice@example.com", "role": "admin", "timezone": "Europe/Berlin", "teams": ["T1"]},
  {"id": "U2", "username": "bob", "email": "bob@example.com"}, {"id": "U3", "username": "carol", "email": "carol@example.com"}],
  "teams": [{"id": "T1", "name": "Ops"}])";

std::string Export(const std::string& zone,
                   const std::string& shifts,
                   const std::string& ids,
                   const std::string& more = "") {
  return absl::StrFormat(
      R"({%s, "schedules": [{"id": "S1", "name": "Main", "type": "web", "time_zone": "%s", "shifts": [%s]}],
    "on_call_shifts": [%s]%s})",
      kUsers, zone, ids, shifts, more);
}

std::vector<std::string> Sorted(std::vector<std::string> on) {
  std::sort(on.begin(), on.end());
  on.erase(std::unique(on.begin(), on.end()), on.end());
  return on;
}

TEST(GrafanaOnCallTest, LevelsMasksOverridesAndSwaps) {
  const std::string shifts = R"(
    {"id": "A", "name": "Weekdays", "type": "rolling_users", "level": 1, "start": "2025-02-03T09:00:00", "duration": 28800,
     "frequency": "weekly", "interval": 1, "by_day": ["MO", "TU", "WE", "TH", "FR"], "week_start": "MO",
     "rolling_users": [["U1"], ["U2", "U3"]], "start_rotation_from_user_index": 1, "time_zone": "America/New_York"},
    {"id": "B", "name": "Always", "type": "recurrent_event", "level": 0, "start": "2025-02-01T00:00:00", "duration": 86400,
     "frequency": "daily", "interval": 1, "users": ["U3"]},
    {"id": "C", "type": "override", "start": "2025-06-01T00:00:00", "duration": 86400, "users": ["U1"]},
    {"id": "D", "type": "override", "start": "2025-06-01T12:00:00", "duration": 86400, "users": ["U2"]},
    {"id": "E", "name": "One", "type": "single_event", "level": 2, "start": "2025-07-01T10:00:00", "duration": 3600, "users": ["U2"]})";
  const std::string swaps = R"(, "shift_swaps": [
    {"id": "W1", "schedule": "S1", "swap_start": "2025-08-01T00:00:00Z", "swap_end": "2025-08-04T00:00:00Z", "beneficiary": "U3", "benefactor": "U1", "status": "taken"},
    {"id": "W2", "schedule": "S1", "swap_start": "2025-09-01T00:00:00Z", "swap_end": "2025-09-04T00:00:00Z", "beneficiary": "U3", "status": "open"}])";
  const Imported imported = ImportText("grafana-oncall", Export("UTC", shifts, R"("A", "B", "C", "D", "E")", swaps));
  EXPECT_THAT(Told(imported, Grade::kWho), IsEmpty());
  EXPECT_THAT(Told(imported, Grade::kCosmetic), Contains(HasSubstr("nobody has taken")));
  EXPECT_THAT(ProblemsWhenApplied(imported), IsEmpty());
  const absl::TimeZone zone = ZoneOf("America/New_York");
  ExpectSame(imported, ScheduleId("main"), At("2025-02-01T00:00:00Z"), At("2026-02-01T00:00:00Z"), [&](absl::Time at) {
    std::vector<std::string> on;
    if (At("2025-06-01T00:00:00Z") <= at && at < At("2025-06-02T00:00:00Z")) on.emplace_back("alice");
    if (At("2025-06-01T12:00:00Z") <= at && at < At("2025-06-02T12:00:00Z")) on.emplace_back("bob");
    const absl::CivilDay day(absl::ToCivilSecond(at, zone));
    if (on.empty() && At("2025-07-01T10:00:00Z") <= at && at < At("2025-07-01T11:00:00Z")) on.emplace_back("bob");
    if (on.empty() && day >= absl::CivilDay(2025, 2, 3) &&
        InWindow(at, 9 * 60, 480, zone, [](absl::CivilDay d) { return IsoDay(d) <= 5; })) {
      const std::int64_t week = (day - absl::CivilDay(2025, 2, 3)) / 7;
      on = week % 2 == 0 ? std::vector<std::string>{"bob", "carol"} : std::vector<std::string>{"alice"};
    }
    if (on.empty()) on.emplace_back("carol");
    if (At("2025-08-01T00:00:00Z") <= at && at < At("2025-08-04T00:00:00Z")) {
      for (std::string& user : on)
        user = user == "carol" ? "alice" : user;
    }
    return Sorted(on);
  });
}

constexpr const char* kZones[] = {"America/New_York", "Europe/London", "Australia/Lord_Howe", "UTC"};
constexpr const char* kFrequencies[] = {"hourly", "daily", "weekly"};
constexpr std::int64_t kUnits[] = {3600, 86'400, 604'800};
constexpr const char* kDays[] = {"MO", "TU", "WE", "TH", "FR", "SA", "SU"};

// Each group in turn, each period once, from the beginning on.
TEST(GrafanaOnCallTest, RandomRotationsHaveTheSamePeopleOnCallForAYear) {
  const char* const names[] = {"alice", "bob", "carol"};
  const absl::Time since = At("2025-02-01T00:00:00Z");
  const absl::Time until = At("2026-02-01T00:00:00Z");
  int compared = 0;
  for (std::uint64_t seed = 1; seed <= 80; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::string zone_name = kZones[random.Below(std::size(kZones))];
    const absl::TimeZone zone = ZoneOf(zone_name);
    const std::size_t frequency = random.Below(3);
    const std::int64_t interval = frequency == 0 ? std::int64_t{1} << random.Between(0, 3) : random.Between(1, 2);
    const std::int64_t period = kUnits[frequency] * interval;
    const bool masked = frequency == 2 && random.OneIn(2);
    std::int64_t duration = random.OneIn(2) ? period : 1800 * random.Between(1, period / 1800);
    if (masked) duration = 1800 * random.Between(1, 48);
    const absl::CivilSecond start(2025, 1, static_cast<int>(random.Between(1, 20)),
                                  static_cast<int>(random.Between(0, 23)), 0, 0);
    std::vector<int> mask;
    for (int day = 1; day <= 7 && masked; ++day) {
      if (random.OneIn(2) || day == IsoDay(absl::CivilDay(start))) mask.push_back(day);
    }
    const std::int64_t groups = random.Between(1, 3);
    const std::int64_t first = random.Between(0, groups - 1);
    std::vector<std::string> list;
    for (std::int64_t g = 0; g < groups; ++g)
      list.push_back(absl::StrFormat("[\"U%d\"]", g + 1));
    std::vector<std::string> by_day;
    for (const int day : mask)
      by_day.push_back(absl::StrFormat("\"%s\"", kDays[day - 1]));
    const std::string shift = absl::StrFormat(
        R"({"id": "A", "name": "A", "type": "rolling_users", "level": 0, "start": "%s", "duration": %d, "frequency": "%s",
            "interval": %d, "rolling_users": [%s], "start_rotation_from_user_index": %d, "week_start": "MO"%s})",
        absl::FormatCivilTime(start), duration, kFrequencies[frequency], interval, absl::StrJoin(list, ","), first,
        masked ? ", \"by_day\": [" + absl::StrJoin(by_day, ",") + "]" : "");
    const Imported imported = ImportText("grafana-oncall", Export(zone_name, shift, "\"A\""));
    if (!Told(imported, Grade::kWho).empty()) continue;  // hours that are not the same each day
    ++compared;
    struct Event {
      absl::Time start;
      absl::Time end;
      std::int64_t turn = 0;
    };
    std::vector<Event> events;
    const absl::CivilDay monday = absl::CivilDay(start) - (IsoDay(absl::CivilDay(start)) - 1);
    for (absl::CivilDay day = absl::CivilDay(start); masked && day < absl::CivilDay(2026, 2, 3); ++day) {
      const std::int64_t week = (day - monday) / 7;
      if (week % interval != 0 || std::find(mask.begin(), mask.end(), IsoDay(day)) == mask.end()) continue;
      const absl::CivilSecond from = absl::CivilSecond(day) + (start - absl::CivilSecond(absl::CivilDay(start)));
      events.push_back({FirstAt(from, zone), FirstAt(from + duration, zone), week / interval});
    }
    for (std::int64_t k = 0; !masked && FirstAt(start + k * period, zone) < until; ++k)
      events.push_back({FirstAt(start + k * period, zone), FirstAt(start + k * period + duration, zone), k});
    ExpectSame(imported, ScheduleId("main"), since, until, [&](absl::Time at) {
      std::vector<std::string> on;
      auto event =
          std::upper_bound(events.begin(), events.end(), at, [](absl::Time t, const Event& e) { return t < e.start; });
      for (int back = 0; back < 3 && event != events.begin(); ++back) {
        --event;
        if (event->start <= at && at < event->end) on.emplace_back(names[(event->turn + first) % groups]);
      }
      return Sorted(on);
    });
    if (HasFailure()) return;
  }
  EXPECT_GT(compared, 70);
}

TEST(GrafanaOnCallTest, ChainsRulesAndCalendars) {
  const Imported imported = ImportText("grafana-oncall", absl::StrFormat(R"({%s,
    "schedules": [{"id": "S2", "name": "Calendar", "type": "ical", "ical_url_primary": "https://example.com/a.ics"}],
    "personal_notification_rules": [
      {"id": "N1", "user_id": "U1", "position": 0, "type": "notify_by_email", "important": false},
      {"id": "N2", "user_id": "U1", "position": 1, "type": "wait", "duration": 300, "important": false},
      {"id": "N3", "user_id": "U1", "position": 2, "type": "notify_by_sms", "important": false}],
    "escalation_chains": [{"id": "F1", "name": "default", "team_id": "T1"}],
    "escalation_policies": [
      {"id": "E3", "escalation_chain_id": "F1", "position": 2, "type": "notify_persons", "persons_to_notify": ["U2"], "important": true},
      {"id": "E1", "escalation_chain_id": "F1", "position": 0, "type": "notify_person_next_each_time", "persons_to_notify_next_each_time": ["U1", "U3"]},
      {"id": "E2", "escalation_chain_id": "F1", "position": 1, "type": "wait", "duration": 600},
      {"id": "E4", "escalation_chain_id": "F1", "position": 3, "type": "repeat_escalation"}],
    "routes": [{"id": "R1", "escalation_chain_id": "F1", "is_the_last_route": true}]})",
                                                                         kUsers));
  ASSERT_THAT(imported.organisation.policies, SizeIs(1));
  const EscalationPolicy& policy = imported.organisation.policies[0];
  ASSERT_THAT(policy.steps, SizeIs(2));
  EXPECT_EQ(policy.steps[0].delay, absl::Minutes(10));
  EXPECT_EQ(policy.repeats, 5);
  EXPECT_EQ(policy.team.value(), "ops");
  EXPECT_EQ(imported.organisation.route.policy, policy.id);
  EXPECT_EQ(policy.steps[0].strategy, PolicyStep::Strategy::kRoundRobin);
  EXPECT_TRUE(policy.steps[1].important);
  EXPECT_THAT(Told(imported, Grade::kWho), ElementsAre(HasSubstr("https://example.com/a.ics")));
  EXPECT_THAT(Told(imported, Grade::kHow), Contains(HasSubstr("notify_by_sms")));
  EXPECT_THAT(ProblemsWhenApplied(imported), IsEmpty());
}

TEST(GrafanaOnCallTest, TerraformsStateIsReadAndFinalShiftsAreComparedWith) {
  const std::vector<File> files = {
      {"state.json",           R"({"version": 4, "resources": [
        {"type": "grafana_oncall_user", "instances": [{"attributes": {"id": "U1", "username": "alice", "email": "alice@example.com"}}]},
        {"type": "grafana_oncall_schedule", "instances": [{"attributes": {"id": "S1", "name": "Main", "type": "calendar", "time_zone": "UTC", "shifts": ["A"]}}]},
        {"type": "grafana_oncall_on_call_shift", "instances": [{"attributes": {"id": "A", "name": "A", "type": "rolling_users",
          "start": "2025-02-03T00:00:00", "duration": 86400, "frequency": "daily", "interval": 1, "rolling_users": [["U1"]]}}]},
        {"type": "aws_instance", "instances": [{"attributes": {"id": "i-1"}}]}]})"                                    },
      {"final_shifts-S1.json", R"({"results": [{"user_pk": "U1", "user_email": "alice@example.com",
        "shift_start": "2025-02-10T00:00:00Z", "shift_end": "2025-02-12T00:00:00Z"}]})"},
  };
  const Imported imported = ImportFiles("grafana-oncall", files);
  ASSERT_THAT(imported.problems, IsEmpty());
  ASSERT_THAT(imported.renderings, SizeIs(1));
  const auto comparison =
      Compare(Compiled(imported), imported.renderings[0], At("2025-01-01T00:00:00Z"), At("2026-01-01T00:00:00Z"));
  ASSERT_TRUE(comparison.ok());
  EXPECT_EQ(comparison->agreeing, 48);
}

}  // namespace
}  // namespace tocsin::import
