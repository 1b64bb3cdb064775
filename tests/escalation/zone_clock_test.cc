#include "escalation/zone_clock.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/status.h"
#include "tests/escalation/sample.h"

namespace tocsin {
namespace {

absl::Time FirstAtIn(const char* zone, const char* reading) {
  const absl::StatusOr<ZoneClock> clock = ZoneClock::Load(zone);
  EXPECT_TRUE(clock.ok()) << clock.status();
  return ToTime(clock->FirstAt(ToWallTime(absl::CivilSecond(Civil(reading)))));
}

TEST(ZoneClockTest, ALocalTimeIsTheFirstInstantThatShowsItOrLater) {
  struct Row {
    const char* what;
    const char* zone;
    const char* reading;
    const char* first;
  };
  const Row rows[] = {
      {"winter",                                        "America/New_York",    "2024-01-15T09:00", "2024-01-15T14:00Z"},
      {"summer",                                        "America/New_York",    "2024-07-15T09:00", "2024-07-15T13:00Z"},
      {"last minute before a gap",                      "America/New_York",    "2024-03-10T01:59", "2024-03-10T06:59Z"},
      {"in a gap: the jump",                            "America/New_York",    "2024-03-10T02:30", "2024-03-10T07:00Z"},
      {"end of a gap",                                  "America/New_York",    "2024-03-10T03:00", "2024-03-10T07:00Z"},
      {"lived twice: the first",                        "America/New_York",    "2024-11-03T01:30", "2024-11-03T05:30Z"},
      {"past the repeated hour: after the second pass", "America/New_York",    "2024-11-03T02:00", "2024-11-03T07:00Z"},
      {"a gap of half an hour",                         "Australia/Lord_Howe", "2024-10-06T02:15", "2024-10-05T15:30Z"},
      {"a repeated half hour",                          "Australia/Lord_Howe", "2024-04-07T01:45", "2024-04-06T14:45Z"},
      {"a gap of two hours",                            "Antarctica/Troll",    "2024-03-31T02:30", "2024-03-31T01:00Z"},
      {"a midnight that does not exist",                "America/Sao_Paulo",   "2018-11-04T00:00", "2018-11-04T03:00Z"},
      {"a midnight reached late",                       "America/Sao_Paulo",   "2019-02-17T00:00", "2019-02-17T03:00Z"},
      {"a day that does not exist",                     "Pacific/Apia",        "2011-12-30T12:00", "2011-12-30T10:00Z"},
      {"a day lived twice",                             "Pacific/Kwajalein",   "1969-09-30T12:00", "1969-09-30T01:00Z"},
      {"and what comes after it",                       "Pacific/Kwajalein",   "1969-10-01T00:00", "1969-10-01T12:00Z"},
      {"another day that does not exist",               "Pacific/Kwajalein",   "1993-08-21T12:00", "1993-08-21T12:00Z"},
      {"a change at one minute past midnight",          "America/St_Johns",    "2010-03-14T00:30", "2010-03-14T03:31Z"},
      {"negative daylight saving",                      "Europe/Dublin",       "2024-10-27T01:30", "2024-10-27T00:30Z"},
      {"a clock that goes back for Ramadan",            "Africa/Casablanca",   "2024-03-10T02:30", "2024-03-10T01:30Z"},
      {"an offset of a quarter",                        "Asia/Kathmandu",      "1986-01-01T00:05", "1985-12-31T18:30Z"},
      {"long after the last listed change",             "Europe/London",       "2190-07-01T12:00", "2190-07-01T11:00Z"},
      {"before the zone had an offset",                 "Europe/London",       "1905-07-01T12:00", "1905-07-01T12:00Z"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(FirstAtIn(row.zone, row.reading), At(row.first)) << row.what;
}

TEST(ZoneClockTest, TheHighWaterStaysWhileTheClockIsPutBack) {
  const ZoneClock clock = *ZoneClock::Load("America/New_York");
  const auto water = [&](const char* at) { return clock.HighWater(ToInstant(At(at))); };
  EXPECT_EQ(water("2024-11-03T05:59:59Z"), ToWallTime(absl::CivilSecond(2024, 11, 3, 1, 59, 59)));
  EXPECT_EQ(water("2024-11-03T06:00Z"), ToWallTime(absl::CivilSecond(2024, 11, 3, 1, 59, 59)));
  EXPECT_EQ(water("2024-11-03T06:59Z"), ToWallTime(absl::CivilSecond(2024, 11, 3, 1, 59, 59)));
  EXPECT_EQ(water("2024-11-03T07:00Z"), ToWallTime(absl::CivilSecond(2024, 11, 3, 2, 0, 0)));
  EXPECT_EQ(clock.Reading(ToInstant(At("2024-11-03T06:00Z"))), ToWallTime(absl::CivilSecond(2024, 11, 3, 1, 0, 0)));
}

TEST(ZoneClockTest, InstantsOutOfReachAreTakenAsTheNearestWithin) {
  const ZoneClock clock = *ZoneClock::Load("Asia/Tokyo");
  EXPECT_EQ(clock.HighWater(ToInstant(absl::InfiniteFuture())), clock.HighWater(kEndInstant));
  EXPECT_EQ(clock.HighWater(ToInstant(absl::InfinitePast())), clock.HighWater(kFirstInstant));
  EXPECT_EQ(clock.NextTransition(kEndInstant), kNever);
}

TEST(ZoneClockTest, OnlyNamesOfZonesAreZones) {
  for (const char* name : {"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+12", "US/Eastern"}) {
    EXPECT_TRUE(ZoneClock::Load(name).ok()) << name;
  }
  const std::string with_zero("Europe/Berlin\0", 14);
  for (const std::string& name :
       {std::string(), std::string("Mars/Olympus"), std::string("europe/berlin"), std::string("/etc/localtime"),
        std::string("/usr/share/zoneinfo/Europe/Berlin"), std::string("Europe/../Europe/Berlin"),
        std::string("../passwd"), std::string("file:Europe/Berlin"), std::string("localtime"),
        std::string("Fixed/UTC+05:00:00"), std::string("right/Europe/Berlin"), std::string("posix/Europe/Berlin"),
        std::string("Europe"), std::string("tzdata.zi"), std::string("leapseconds"), std::string("Europe/Berlin "),
        with_zero, std::string(5000, 'A'), std::string("\xff\xfe")}) {
    EXPECT_FALSE(ZoneClock::Load(name).ok()) << name;
  }
  EXPECT_EQ(Message(ZoneClock::Load("Mars/Olympus").status()), "time zone \"Mars/Olympus\" is unknown");
}

}  // namespace
}  // namespace tocsin
