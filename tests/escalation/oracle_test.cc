// The evaluator against the slow and obvious one (tests/escalation/naive_roster.h), over random organisations, zones
// and instants around changes of clocks. TOCSIN_TEST_SCALE multiplies the number of rounds; each round prints its seed
// when it fails.
#include <cstdlib>
#include <memory>
#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/random.h"
#include "escalation/roster.h"
#include "escalation/zone_clock.h"
#include "tests/escalation/naive_roster.h"
#include "tests/escalation/random_schedule.h"
#include "tests/escalation/sample.h"

namespace tocsin {
namespace {

std::uint64_t Scale() {
  const char* scale = std::getenv("TOCSIN_TEST_SCALE");
  return scale == nullptr ? 1 : std::strtoull(scale, nullptr, 10);
}

constexpr std::int64_t kFrom1971 = 365 * kDaySeconds;      // before, some zones were not on whole minutes
constexpr std::int64_t kUntil2037 = 24'837 * kDaySeconds;  // the end of it

// An instant near one of the zone's changes of clocks, where there is one after a random date.
absl::Time SomeInstant(Random& random, const ZoneClock& clock) {
  const Instant date = {random.Between(kFrom1971, kUntil2037)};
  const Instant change = clock.NextTransition(date);
  return ToTime(change.seconds < kUntil2037 ? change : date);
}

// The whole minute at or before.
absl::Time Minute(absl::Time time) {
  return absl::FromUnixSeconds(FloorDiv(absl::ToUnixSeconds(time), 60) * 60);
}

bool OnWholeMinutes(const std::vector<std::string>& zones, absl::Time at) {
  for (const std::string& name : zones) {
    absl::TimeZone zone;
    if (!absl::LoadTimeZone(name, &zone) || zone.At(at).offset % 60 != 0) return false;
  }
  return true;
}

// Adds the instants that were compared to `compared`.
void Compare(
    const Roster& roster, const NaiveRoster& naive, absl::Time around, Random& random, std::uint64_t& compared) {
  for (const char* id : {"inner", "middle", "outer"}) {
    const ScheduleId schedule(id);
    SCOPED_TRACE(id);
    for (int i = 0; i < 20; ++i) {
      const absl::Time at = around + absl::Minutes(random.Between(-36 * 60, 36 * 60));
      ASSERT_EQ(Names(roster.OnCall(schedule, at)), Names(naive.OnCall(schedule, at))) << at;
      ++compared;
    }
    const absl::Time since = around - absl::Hours(30);
    const absl::Time until = around + absl::Hours(30);
    const absl::StatusOr<std::vector<Shift>> shifts = roster.FinalSchedule(schedule, since, until);
    ASSERT_TRUE(shifts.ok()) << shifts.status();
    ASSERT_FALSE(shifts->empty());
    ASSERT_EQ(shifts->front().start, since);
    ASSERT_EQ(shifts->back().end, until);
    for (std::size_t i = 0; i < shifts->size(); ++i) {
      const Shift& shift = (*shifts)[i];
      if (i > 0) {
        ASSERT_EQ(shift.start, (*shifts)[i - 1].end);
        ASSERT_NE(shift.users, (*shifts)[i - 1].users);
        ASSERT_EQ(roster.NextChange(schedule, (*shifts)[i - 1].start), shift.start);
      }
      ASSERT_LT(shift.start, shift.end);
      const absl::Time last = Minute(shift.end - absl::Minutes(1));
      const absl::Time middle =
          Minute(shift.start + absl::Seconds(random.Between(0, ToInstant(last) - ToInstant(shift.start))));
      for (const absl::Time at : {shift.start, middle, last}) {
        ASSERT_EQ(Names(shift.users), Names(naive.OnCall(schedule, at))) << at;
        ++compared;
      }
    }
  }
}

TEST(OracleTest, RandomOrganisationsAreOnCallAsMinuteByMinuteCountingSays) {
  const std::vector<std::string> zones = AllZones();
  ASSERT_FALSE(zones.empty()) << "the zone database is needed: install tzdata";
  const FirstAt first_at = ScanMinutes();
  std::uint64_t compared = 0;
  for (std::uint64_t seed = 1; seed <= 1000 * Scale(); ++seed) {
    Random random(seed);
    const std::string& zone = zones[random.Below(zones.size())];
    const std::vector<std::string> others = {zones[random.Below(zones.size())], "America/New_York",
                                             "Australia/Lord_Howe"};
    const absl::Time around = Minute(SomeInstant(random, *ZoneClock::Load(zone)));
    if (!OnWholeMinutes({zone, others[0]}, around - absl::Hours(24) * 800)) continue;
    SCOPED_TRACE(testing::Message() << "seed " << seed << " " << zone << " " << others[0] << " around " << around);
    const auto organisation = std::make_shared<const Organisation>(RandomOrganisation(random, zone, others, around));
    const absl::StatusOr<Roster> roster = Roster::Compile(organisation);
    ASSERT_TRUE(roster.ok()) << roster.status();
    Compare(*roster, NaiveRoster(*organisation, first_at), around, random, compared);
    if (testing::Test::HasFatalFailure()) return;
  }
  EXPECT_GE(compared, 100'000 * Scale()) << "schedules x instants";
  RecordProperty("compared", std::to_string(compared));
}

// Steps through one change of clocks minute by minute, from before anything of it can be felt.
void WalkThrough(const ZoneClock& clock, const absl::TimeZone& zone, Instant change) {
  const Instant from = change - 50 * kHourSeconds;
  WallTime water = clock.HighWater(from);
  Instant last_first = clock.FirstAt(water - kDaySeconds);
  for (Instant at = from; at < change + 26 * kHourSeconds; at = at + kMinuteSeconds) {
    const WallTime reading = ToWallTime(absl::ToCivilSecond(ToTime(at), zone));
    ASSERT_EQ(clock.Reading(at), reading);
    const bool is_new = reading > water;
    water = std::max(water, reading);
    // Between whole minutes just before the clock is put back it shows up to 59 seconds more.
    ASSERT_GE(clock.HighWater(at), water);
    ASSERT_LT(clock.HighWater(at), water + kMinuteSeconds);
    const Instant first = clock.FirstAt(reading);
    ASSERT_LE(last_first, clock.FirstAt(water));  // monotone
    last_first = clock.FirstAt(water);
    if (is_new) {
      ASSERT_EQ(first, at) << "a reading that is new is there for the first time";
    } else {
      ASSERT_LE(first, at);
    }
    // f(L) <= t exactly when L <= M(t), for readings all around.
    for (const std::int64_t offset_s : {-kDaySeconds, -kHourSeconds, -60L, 0L, 60L, kHourSeconds, kDaySeconds}) {
      const WallTime other = reading + offset_s;
      ASSERT_EQ(clock.FirstAt(other) <= at, other <= clock.HighWater(at));
    }
  }
}

TEST(OracleTest, TheClockOfEveryZoneIsMonotoneThroughEveryChange) {
  const std::vector<std::string> zones = AllZones();
  ASSERT_FALSE(zones.empty()) << "the zone database is needed: install tzdata";
  std::uint64_t number = 0;
  for (const std::string& name : zones) {
    SCOPED_TRACE(name);
    const ZoneClock clock = *ZoneClock::Load(name);
    absl::TimeZone zone;
    absl::LoadTimeZone(name, &zone);
    for (Instant change = clock.NextTransition({0}); change.seconds < kUntil2037;
         change = clock.NextTransition(change)) {
      ++number;
      if (change.seconds % 60 != 0) continue;  // Monrovia's, in 1972
      SCOPED_TRACE(ToTime(change));
      WalkThrough(clock, zone, change);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
  EXPECT_GT(number, 10'000U) << "that is not a whole zone database";
}

TEST(OracleTest, WindowsThatTileLocalTimeTileRealTime) {
  // Windows around the clock by as many layers, cut at random minutes: whatever the clocks do, exactly one person is
  // on.
  const std::vector<std::string> zones = AllZones();
  for (std::uint64_t seed = 1; seed <= 200 * Scale(); ++seed) {
    Random random(seed);
    const std::string& zone = zones[random.Below(zones.size())];
    const absl::Time around = SomeInstant(random, *ZoneClock::Load(zone));
    std::set<std::int32_t> cuts;
    while (cuts.size() < 4)
      cuts.insert(static_cast<std::int32_t>(random.Between(0, 1439)));
    Organisation organisation;
    Schedule& schedule = organisation.schedules.emplace_back();
    schedule.id = ScheduleId("s");
    schedule.time_zone = zone;
    for (auto cut = cuts.begin(); cut != cuts.end(); ++cut) {
      const std::int32_t next = std::next(cut) == cuts.end() ? *cuts.begin() + 1440 : *std::next(cut);
      const UserId user("user" + std::to_string(*cut));
      organisation.users.emplace_back().id = user;
      Layer& layer = schedule.layers.emplace_back();
      layer.id = LayerId(user.value());
      std::get<Rotation>(layer.pattern).start = absl::CivilMinute(1971);
      layer.restrictions.push_back({.start_minute = *cut, .duration_minutes = next - *cut});
      layer.participants.push_back({.members = {UserTarget{user}}});
    }
    SCOPED_TRACE(testing::Message() << "seed " << seed << " " << zone << " " << around);
    const absl::StatusOr<Roster> roster = Roster::Compile(std::make_shared<const Organisation>(organisation));
    ASSERT_TRUE(roster.ok()) << roster.status();
    const absl::StatusOr<std::vector<Shift>> shifts =
        roster->FinalSchedule(schedule.id, around - absl::Hours(72), around + absl::Hours(72));
    ASSERT_TRUE(shifts.ok()) << shifts.status();
    for (const Shift& shift : *shifts)
      ASSERT_EQ(shift.users.size(), 1U) << shift.start;
    EXPECT_GE(shifts->size(), 15U);
  }
}

}  // namespace
}  // namespace tocsin
