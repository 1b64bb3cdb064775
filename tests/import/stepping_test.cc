// The second method of the check: a source's rules, stepped through, against the imported schedule.
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include "base/random.h"
#include "tests/import/support.h"

namespace tocsin::import {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kZones[] = {"America/New_York", "Europe/London", "Australia/Lord_Howe", "UTC", "Asia/Kolkata"};

absl::Time Since() {
  return At("2025-02-01T00:00:00Z");
}
constexpr absl::Duration kYear = absl::Hours(24 * 365);

void ExpectAgreement(const Imported& imported) {
  ASSERT_THAT(imported.problems, IsEmpty());
  ASSERT_THAT(imported.renderings, SizeIs(1));
  const auto comparison = Compare(Compiled(imported), imported.renderings[0], Since(), Since() + kYear);
  ASSERT_TRUE(comparison.ok()) << comparison.status();
  EXPECT_EQ(comparison->hours, 8760);
  EXPECT_EQ(comparison->agreeing, 8760);
  for (const Difference& each : comparison->differences) {
    ADD_FAILURE() << absl::FormatTime(each.start) << " to " << absl::FormatTime(each.end) << ": " << each.before.size()
                  << " before, " << each.after.size() << " after";
    break;
  }
}

std::string PagerDutyLayer(Random& random, absl::TimeZone zone) {
  const absl::Time start = Since() - absl::Hours(random.Between(1, 3000));
  std::vector<std::string> users;
  for (auto n = random.Between(1, 4); n > 0; --n)
    users.push_back(absl::StrFormat(R"({"user": {"id": "U%d"}})", random.Between(1, 3)));
  std::string windows;
  if (random.OneIn(2)) {
    const bool weekly = random.OneIn(2);
    windows =
        absl::StrFormat(R"({"type": "%s_restriction", "start_time_of_day": "%02d:%02d:00", "duration_seconds": %d%s})",
                        weekly ? "weekly" : "daily", random.Between(0, 23), 30 * random.Between(0, 1),
                        1800 * random.Between(1, weekly ? 336 : 48),
                        weekly ? absl::StrFormat(R"(, "start_day_of_week": %d)", random.Between(1, 7)) : "");
  }
  const std::int64_t turn = 86'400 * (random.OneIn(2) ? 7 * random.Between(1, 2) : random.Between(1, 5));
  const std::string text = absl::FormatTime("%Y-%m-%d%ET%H:00:00%Ez", start, zone);
  return absl::StrFormat(R"({"id": "L", "name": "L", "start": "%s", "end": null, "rotation_virtual_start": "%s",
    "rotation_turn_length_seconds": %d, "users": [%s], "restrictions": [%s]})",
                         text, text, turn, absl::StrJoin(users, ","), windows);
}

TEST(SteppingTest, AgreesWithImportedPagerDutySchedules) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::string zone = kZones[random.Below(std::size(kZones))];
    std::vector<std::string> layers;
    for (auto n = random.Between(1, 3); n > 0; --n)
      layers.push_back(PagerDutyLayer(random, ZoneOf(zone)));
    const absl::Time start = Since() + absl::Hours(random.Between(0, 8000));
    const std::string text = absl::StrFormat(
        R"({"users": [{"id": "U1", "name": "A", "email": "a@example.com"}, {"id": "U2", "name": "B", "email": "b@example.com"},
            {"id": "U3", "name": "C", "email": "c@example.com"}], "schedules": [{"id": "S", "name": "S", "time_zone": "%s",
            "schedule_layers": [%s], "overrides": [{"start": "%s", "end": "%s", "user": {"id": "U3"}}]}]})",
        zone, absl::StrJoin(layers, ","), Iso(start), Iso(start + absl::Hours(30)));
    ExpectAgreement(ImportFiles("pagerduty",
                                {
                                    {"pd.json", text}
    },
                                Since(), kYear));
    if (HasFailure()) return;
  }
}

TEST(SteppingTest, AgreesWithAnImportedOpsgenieSchedule) {
  const std::string text =
      R"({"users": [{"id": "u1", "username": "a@example.com"}, {"id": "u2", "username": "b@example.com"}],
    "schedules": [{"id": "s", "name": "S", "timezone": "Europe/Berlin", "enabled": true, "rotations": [
      {"id": "r1", "name": "Days", "startDate": "2025-01-06T08:00:00Z", "type": "daily", "length": 1,
       "participants": [{"type": "user", "id": "u1"}, {"type": "none"}, {"type": "user", "username": "b@example.com"}],
       "timeRestriction": {"type": "time-of-day", "restriction": {"startHour": 22, "startMin": 0, "endHour": 6, "endMin": 30}}},
      {"id": "r2", "name": "Weekend", "startDate": "2025-01-06T08:00:00Z", "endDate": "2025-12-01T00:00:00Z", "type": "weekly",
       "length": 2, "participants": [{"type": "user", "id": "u2"}, {"type": "user", "id": "u1"}],
       "timeRestriction": {"type": "weekday-and-time-of-day", "restrictions": [
         {"startDay": "friday", "startHour": 18, "startMin": 0, "endDay": "monday", "endHour": 8, "endMin": 0}]}}],
      "overrides": [{"user": {"type": "none"}, "startDate": "2025-05-01T00:00:00Z", "endDate": "2025-05-02T00:00:00Z"},
        {"user": {"type": "user", "id": "u1"}, "startDate": "2025-06-01T00:00:00Z", "endDate": "2025-06-20T00:00:00Z",
         "rotations": [{"id": "r2"}]}]}]})";
  ExpectAgreement(ImportFiles("opsgenie",
                              {
                                  {"og.json", text}
  },
                              Since(), kYear));
}

}  // namespace
}  // namespace tocsin::import
