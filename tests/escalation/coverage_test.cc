// Whether somebody is always on call: the exact gap, and why.
#include "escalation/coverage.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/escalation/sample.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

OrganisationPtr With(const Schedule& schedule) {
  auto organisation = std::make_shared<Organisation>();
  for (const char* id : {"alice", "bob"})
    organisation->users.push_back({.id = UserId(id), .name = id, .time_zone = "UTC"});
  organisation->schedules.push_back(schedule);
  return organisation;
}

std::vector<Gap> Find(const Schedule& schedule, const char* since, const char* until, std::size_t most = 1000) {
  const absl::StatusOr<Roster> roster = Roster::Compile(With(schedule));
  EXPECT_TRUE(roster.ok()) << roster.status();
  if (!roster.ok()) return {};
  const absl::StatusOr<std::vector<Gap>> gaps = Coverage(*roster).Gaps(schedule.id, At(since), At(until), most);
  EXPECT_TRUE(gaps.ok()) << gaps.status();
  return gaps.ok() ? *gaps : std::vector<Gap>();
}

Layer Windows(const char* id, const char* zone, int start_hour, int hours) {
  Layer layer = MakeLayer(id, Rotation::Type::kWeekly, "2026-01-05T00:00", {ToUser("alice"), ToUser("bob")});
  layer.time_zone = zone;
  layer.restrictions = {
      {.start_minute = start_hour * 60, .duration_minutes = hours * 60}
  };
  return layer;
}

// 24 hours of Berlin are 24 hours of Berlin on the days of 23 and 25 hours, too.
TEST(CoverageTest, WindowsThatTileTheLocalDayHaveNoGapWhenTheClocksChange) {
  const Schedule schedule =
      MakeSchedule("s", "Europe/Berlin", {Windows("day", "", 2, 12), Windows("night", "", 14, 12)});
  EXPECT_THAT(Find(schedule, "2026-01-05T12:00Z", "2027-06-01T00:00Z"), IsEmpty());
}

// Berlin hands over to New York at 15:00 there, which is 09:00 New York but for the weeks in which only one has changed its
// clocks: then an hour is nobody's, or both's.
TEST(CoverageTest, TwoZonesLeaveTheHourThatTheirClocksDisagreeAbout) {
  const Schedule schedule = MakeSchedule(
      "s", "UTC", {Windows("europe", "Europe/Berlin", 3, 12), Windows("america", "America/New_York", 9, 12)});
  const std::vector<Gap> gaps = Find(schedule, "2026-03-01T00:00Z", "2026-04-01T00:00Z");
  ASSERT_EQ(gaps.size(), 20U);  // each night after the 8th, when New York changes, until the 29th, when Berlin does
  EXPECT_EQ(gaps.front(),
            (Gap{At("2026-03-09T01:00Z"), At("2026-03-09T02:00Z"), Gap::Cause::kNoLayer, "no layer is on"}));
}

TEST(CoverageTest, SaysWhyNobodyIsOn) {
  Layer layer = MakeLayer("weekly", Rotation::Type::kWeekly, "2026-11-02T09:00", {ToUser("alice"), ToUser("bob")});
  layer.participants.push_back({});  // the third week is nobody's
  layer.effective_until = At("2026-12-07T00:00Z");
  Schedule schedule = MakeSchedule("s", "UTC", {layer});
  schedule.overrides.push_back({.id = "o7",
                                .seq = 1,
                                .start = At("2026-11-10T00:00Z"),
                                .end = At("2026-11-11T00:00Z"),
                                .type = Override::Type::kAssign});
  const std::vector<Gap> gaps = Find(schedule, "2026-11-02T09:00Z", "2026-12-10T00:00Z");
  EXPECT_THAT(
      gaps, ElementsAre(Gap{At("2026-11-10T00:00Z"), At("2026-11-11T00:00Z"), Gap::Cause::kSilenced,
                            "override o7 instead of bob"},
                        Gap{At("2026-11-16T09:00Z"), At("2026-11-23T09:00Z"), Gap::Cause::kEmptySlot,
                            "layer weekly, turn 2: nobody's turn"},
                        Gap{At("2026-12-07T00:00Z"), At("2026-12-10T00:00Z"), Gap::Cause::kNoLayer, "no layer is on"}));
}

// One stretch in which nobody is on, for two causes in a row.
TEST(CoverageTest, TakesAStretchApartWhereItsCauseChanges) {
  Layer layer = MakeLayer("daily", Rotation::Type::kDaily, "2026-11-02T00:00", {ToUser("alice")});
  layer.effective_until = At("2026-11-10T00:00Z");
  Schedule schedule = MakeSchedule("s", "UTC", {layer});
  schedule.temporary_schedules.push_back(
      {.start = At("2026-11-09T00:00Z"), .end = At("2026-11-11T00:00Z"), .shifts = {}});
  const std::vector<Gap> gaps = Find(schedule, "2026-11-08T00:00Z", "2026-11-12T00:00Z");
  ASSERT_EQ(gaps.size(), 2U);
  EXPECT_EQ(gaps[0].cause, Gap::Cause::kSilenced);
  EXPECT_THAT(gaps[0].why, HasSubstr("a temporary schedule instead of alice"));
  EXPECT_EQ(gaps[1].cause, Gap::Cause::kNoLayer);
  EXPECT_EQ(gaps[0].end, gaps[1].start);
}

TEST(CoverageTest, LooksAtNoMoreStretchesThanAsked) {
  const Schedule schedule = MakeSchedule("s", "UTC", {Windows("day", "", 9, 8)});
  EXPECT_EQ(Find(schedule, "2026-02-01T00:00Z", "2026-03-01T00:00Z", 3).size(), 3U);
}

}  // namespace
}  // namespace tocsin
