#include "import/compare.h"

#include "tests/import/support.h"

namespace tocsin::import {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// Alice is on call all the time.
Roster AliceAlways() {
  auto organisation = std::make_shared<Organisation>();
  organisation->users = {
      {UserId("alice"), "Alice", "UTC", {}, {}, {}},
      {UserId("bob"),   "Bob",   "UTC", {}, {}, {}}
  };
  Schedule schedule;
  schedule.id = ScheduleId("s");
  schedule.time_zone = "UTC";
  Layer layer;
  layer.id = LayerId("l");
  layer.pattern = Rotation{.start = absl::CivilMinute(2025, 1, 6)};
  layer.participants = {{{UserTarget{UserId("alice")}}}};
  schedule.layers = {layer};
  organisation->schedules = {schedule};
  return *Roster::Compile(organisation);
}

Rendering Said(std::vector<Entry> entries) {
  return {ScheduleId("s"), "test", At("2025-02-01T00:00:00Z"), At("2025-02-02T00:00:00Z"), std::move(entries)};
}
Comparison Of(const Rendering& rendering) {
  const auto comparison = Compare(AliceAlways(), rendering, At("2025-01-01T00:00:00Z"), At("2026-01-01T00:00:00Z"));
  EXPECT_TRUE(comparison.ok());
  return *comparison;
}

TEST(CompareTest, AgreesWhereTheSameAreOn) {
  const Comparison same = Of(Said({
      {At("2025-02-01T00:00:00Z"), At("2025-02-01T12:00:00Z"), {UserId("alice")}},
      {At("2025-02-01T11:00:00Z"), At("2025-02-02T00:00:00Z"), {UserId("alice")}},
  }));
  EXPECT_EQ(same.hours, 24);
  EXPECT_EQ(same.agreeing, 24);
  EXPECT_THAT(same.differences, IsEmpty());
}

TEST(CompareTest, FindsAMinuteAndCountsItsHour) {
  const Comparison minute = Of(Said({
      {At("2025-02-01T00:00:00Z"), At("2025-02-02T00:00:00Z"), {UserId("alice")}},
      {At("2025-02-01T09:59:00Z"), At("2025-02-01T10:00:00Z"), {UserId("bob")}  },
  }));
  ASSERT_THAT(minute.differences, SizeIs(1));
  EXPECT_EQ(minute.differences[0].start, At("2025-02-01T09:59:00Z"));
  EXPECT_THAT(minute.differences[0].before, ElementsAre(UserId("alice"), UserId("bob")));
  EXPECT_THAT(minute.differences[0].after, ElementsAre(UserId("alice")));
  EXPECT_EQ(minute.agreeing, 23);
}

TEST(CompareTest, AGapDiffersToo) {
  const Comparison gap = Of(Said({
      {At("2025-02-01T06:00:00Z"), At("2025-02-02T00:00:00Z"), {UserId("alice")}}
  }));
  EXPECT_EQ(gap.agreeing, 18);
  ASSERT_THAT(gap.differences, SizeIs(1));
  EXPECT_THAT(gap.differences[0].before, IsEmpty());
}

TEST(CompareTest, WhatLiesOutsideOfTheRenderingIsNotJudged) {
  Rendering before = Said({});
  before.since = At("2020-01-01T00:00:00Z");
  before.until = At("2020-02-01T00:00:00Z");
  EXPECT_EQ(Of(before).hours, 0);
}

}  // namespace
}  // namespace tocsin::import
