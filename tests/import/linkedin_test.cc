#include "absl/strings/str_format.h"

#include "tests/import/support.h"

namespace tocsin::import {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::string_view kTeam =
    R"({"id": 5501, "name": "Team Foo", "scheduling_timezone": "US/Pacific", "admins": [{"name": "jdoe"}],
  "rosters": {"roster-foo": {"id": 4186, "users": [{"in_rotation": true, "name": "jdoe"}, {"in_rotation": false, "name": "away"},
      {"in_rotation": true, "name": "asmith"}],
    "schedules": [{"id": 2222, "role": "primary", "events": [{"start": 122400, "duration": 604800}], "advanced_mode": 0,
      "auto_populate_threshold": 21, "timezone": "US/Pacific", "scheduler": {"name": "default"}}]}},
  "users": {"jdoe": {"id": 1, "full_name": "John Doe", "time_zone": "US/Pacific", "active": 1,
      "contacts": {"email": "jdoe@example.com", "sms": "+1 500-555-0100", "im": "jdoe"}},
    "asmith": {"id": 2, "full_name": "Anne Smith", "contacts": {"email": "asmith@example.com"}},
    "away": {"id": 3, "full_name": "Away", "contacts": {"email": "away@example.com"}}}})";

// Monday 10:00 there, a week each, on the calendar until 17 March; then by the template.
std::vector<File> Files() {
  const std::int64_t monday = absl::ToUnixSeconds(At("2025-02-03T18:00:00Z"));
  const std::int64_t last = absl::ToUnixSeconds(At("2025-03-17T17:00:00Z"));
  return {
      {"team.json", std::string(kTeam)},
      { "events.json",
       absl::StrFormat(R"([
        {"id": 1, "team": "Team Foo", "role": "primary", "user": "asmith", "start": %d, "end": %d, "full_name": "Anne Smith"},
        {"id": 2, "team": "Team Foo", "role": "primary", "user": "jdoe", "start": %d, "end": %d, "full_name": "John Doe"},
        {"id": 3, "team": "Team Foo", "role": "vacation", "user": "jdoe", "start": %d, "end": %d},
        {"id": 4, "team": "Team Foo", "role": "secondary", "user": "away", "start": %d, "end": %d}])",
       monday, monday + 604'800, monday + 604'800, last, monday, last, monday, monday + 3600)},
  };
}

TEST(LinkedInTest, TheCalendarComesFirstAndTheTemplateAfterIt) {
  const Imported imported = ImportFiles("linkedin-oncall", Files());
  ASSERT_THAT(imported.problems, IsEmpty());
  EXPECT_THAT(ProblemsWhenApplied(imported), IsEmpty());
  EXPECT_THAT(Told(imported, Grade::kWho),
              ElementsAre(HasSubstr("whoever has not been on for longest"), HasSubstr("its plan in Iris")));
  ASSERT_THAT(imported.organisation.schedules, SizeIs(2));
  const absl::TimeZone zone = ZoneOf("US/Pacific");
  const absl::Time until = At("2026-02-03T00:00:00Z");
  const Walk turns(absl::CivilSecond(2025, 3, 17, 10, 0, 0), 604'800, false, zone, until);
  ExpectSame(imported, ScheduleId("team-foo-primary"), At("2025-02-01T00:00:00Z"), until, [&](absl::Time at) {
    if (at < At("2025-02-03T18:00:00Z")) return std::vector<std::string>{};
    if (at < At("2025-02-10T18:00:00Z")) return std::vector<std::string>{"asmith"};
    if (at < At("2025-03-17T17:00:00Z")) return std::vector<std::string>{"jdoe"};
    return std::vector<std::string>{turns.TurnAt(at) % 2 == 0 ? "asmith" : "jdoe"};
  });
}

TEST(LinkedInTest, TheCalendarIsComparedWith) {
  const Imported imported = ImportFiles("linkedin-oncall", Files());
  ASSERT_THAT(imported.renderings, SizeIs(2));
  for (const Rendering& rendering : imported.renderings) {
    const auto comparison =
        Compare(Compiled(imported), rendering, At("2025-01-01T00:00:00Z"), At("2026-01-01T00:00:00Z"));
    ASSERT_TRUE(comparison.ok());
    EXPECT_GT(comparison->hours, 0);
    EXPECT_THAT(comparison->differences, IsEmpty());
  }
}

}  // namespace
}  // namespace tocsin::import
