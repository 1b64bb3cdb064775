#include "ical/values.h"

#include "gtest/gtest.h"

namespace tocsin::ical {
namespace {

absl::TimeZone Zone(const char* name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone)) << name;
  return zone;
}

TEST(MomentTest, ReadsDatesLocalTimesAndUtc) {
  EXPECT_TRUE(ParseMoment("20261225")->date_only);
  EXPECT_EQ(ParseMoment("20261225T080001")->civil, absl::CivilSecond(2026, 12, 25, 8, 0, 1));
  EXPECT_FALSE(ParseMoment("20261225T080001")->utc);
  EXPECT_TRUE(ParseMoment("20261225T080000Z")->utc);
  for (const char* wrong : {"", "2026122", "20261325", "20260230", "20261225T", "20261225T2400", "20261225T240000",
                            "20261225T080000X", "00001225", "99991225", "2026-12-25", "20261225T08000"}) {
    EXPECT_FALSE(ParseMoment(wrong)) << wrong;
  }
}

TEST(SpanTest, ReadsDaysApartFromHours) {
  EXPECT_EQ(ParseSpan("P1W")->days, 7);
  EXPECT_EQ(ParseSpan("P1DT2H30M")->days, 1);
  EXPECT_EQ(ParseSpan("P1DT2H30M")->exact, absl::Minutes(150));
  EXPECT_EQ(ParseSpan("-PT15M")->exact, absl::Minutes(-15));
  for (const char* wrong : {"", "P", "1D", "PT", "P1H", "PT1D", "P1", "P1DT", "P-1D", "P99999999D", "P1D2"}) {
    EXPECT_FALSE(ParseSpan(wrong)) << wrong;
  }
}

// RFC 5545 3.3.5, its own examples.
TEST(WallClockTest, SkippedTimesMoveOnAndRepeatedTimesAreTheFirst) {
  const absl::TimeZone zone = Zone("America/New_York");
  EXPECT_EQ(AtWallClock(absl::CivilSecond(2007, 3, 11, 2, 30), zone),
            absl::FromCivil(absl::CivilSecond(2007, 3, 11, 7, 30), absl::UTCTimeZone()));
  EXPECT_EQ(AtWallClock(absl::CivilSecond(2007, 11, 4, 1, 30), zone),
            absl::FromCivil(absl::CivilSecond(2007, 11, 4, 5, 30), absl::UTCTimeZone()));
}

TEST(ZoneNameTest, KnowsWindowsAndPrefixedNames) {
  EXPECT_EQ(ZoneName("Europe/Berlin"), "Europe/Berlin");
  EXPECT_EQ(ZoneName("W. Europe Standard Time"), "Europe/Berlin");
  EXPECT_EQ(ZoneName("/freeassociation.sourceforge.net/Tzfile/Europe/Berlin"), "Europe/Berlin");
  EXPECT_EQ(ZoneName("/mozilla.org/20050126_1/America/Argentina/Buenos_Aires"), "America/Argentina/Buenos_Aires");
  for (const char* unknown : {"", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "Customized Time Zone"}) {
    EXPECT_EQ(ZoneName(unknown), "") << unknown;
  }
}

}  // namespace
}  // namespace tocsin::ical
