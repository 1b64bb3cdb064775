#include "escalation/rotation.h"

#include <algorithm>
#include <numeric>

#include "base/status.h"

namespace tocsin {
namespace {

constexpr std::int64_t kMonthsOfCalendar = 400 * 12;  // the Gregorian calendar repeats

int DaysIn(std::int64_t month) {
  const std::int64_t year = FloorDiv(month, 12);
  const auto of_year = static_cast<int>(FloorMod(month, 12)) + 1;
  const absl::CivilMonth first(year, of_year);
  return static_cast<int>(absl::CivilDay(first + 1) - absl::CivilDay(first));
}

std::int64_t UnitSeconds(Rotation::Type type) {
  switch (type) {
    case Rotation::Type::kHourly: return kHourSeconds;
    case Rotation::Type::kDaily: return kDaySeconds;
    case Rotation::Type::kWeekly: return kWeekSeconds;
    case Rotation::Type::kMonthly:
    case Rotation::Type::kShifts: break;
  }
  TOCSIN_CHECK(false, "months and shifts have no fixed length");
}

std::variant<WallTurns, ElapsedTurns, MonthTurns, ShiftTurns> MakeTurns(const Rotation& rotation,
                                                                        std::span<const WeekWindow> week,
                                                                        const ZoneClock& zone) {
  if (rotation.type == Rotation::Type::kMonthly) return MonthTurns(rotation);
  if (rotation.type == Rotation::Type::kShifts) return ShiftTurns(rotation, week);
  const WallTime anchor = ToWallTime(absl::CivilSecond(rotation.start));
  const std::int64_t length_s = rotation.length * UnitSeconds(rotation.type);
  if (rotation.count == Rotation::Count::kElapsed) {
    return ElapsedTurns{.anchor = zone.FirstAt(anchor), .length_s = length_s};
  }
  return WallTurns{.anchor = anchor, .length_s = length_s};
}

}  // namespace

MonthTurns::MonthTurns(const Rotation& rotation)
    : length_(rotation.length),
      anchor_month_(rotation.start.year() * 12 + rotation.start.month() - 1),
      anchor_day_(rotation.start.day()),
      second_of_day_(absl::CivilSecond(rotation.start) - absl::CivilSecond(absl::CivilDay(rotation.start))),
      overflow_(rotation.month_overflow) {
  if (overflow_ != Rotation::MonthOverflow::kSkip || anchor_day_ <= 28) return;
  cycle_ = kMonthsOfCalendar / std::gcd(length_, kMonthsOfCalendar);
  for (std::int32_t n = 0; n < cycle_; ++n) {
    if (DaysIn(anchor_month_ + n * length_) >= anchor_day_) existing_.push_back(n);
  }
}

WallTime MonthTurns::Nth(std::int64_t n) const {
  const std::int64_t month = anchor_month_ + n * length_;
  const absl::CivilDay first(FloorDiv(month, 12), static_cast<int>(FloorMod(month, 12)) + 1);
  int day = anchor_day_;
  if (overflow_ == Rotation::MonthOverflow::kClamp && day > 28) day = std::min(day, DaysIn(month));
  // Under kOverflow the day may run into the next month: 31 January and a month is 2 or 3 March.
  return ToWallTime(absl::CivilSecond(first)) + ((day - 1) * kDaySeconds + second_of_day_);
}

std::int64_t MonthTurns::At(WallTime water) const {
  const absl::CivilMonth now(absl::CivilSecond(1970) + water.seconds);
  std::int64_t n = FloorDiv(now.year() * 12 + now.month() - 1 - anchor_month_, length_);
  if (cycle_ == 0) {
    // The start may come later in the month than `water`, and an overflowed one early in the next: two steps at most.
    while (Nth(n) > water)
      --n;
    return n;
  }
  const auto per_cycle = static_cast<std::int64_t>(existing_.size());
  const auto in_cycle = std::upper_bound(existing_.begin(), existing_.end(), FloorMod(n, cycle_)) - existing_.begin();
  const std::int64_t turn = FloorDiv(n, cycle_) * per_cycle + in_cycle - 1;  // the last that exists at or before n
  return Start(turn) > water ? turn - 1 : turn;
}

WallTime MonthTurns::Start(std::int64_t turn) const {
  if (cycle_ == 0) return Nth(turn);
  const auto per_cycle = static_cast<std::int64_t>(existing_.size());
  return Nth(FloorDiv(turn, per_cycle) * cycle_ + existing_[static_cast<std::size_t>(FloorMod(turn, per_cycle))]);
}

ShiftTurns::ShiftTurns(const Rotation& rotation, std::span<const WeekWindow> week)
    : starts_(week),
      first_(starts_.CountUpTo(ToWallTime(absl::CivilSecond(rotation.start)) - 1)),
      length_(rotation.length) {}

Turns::Turns(const Rotation& rotation, std::span<const WeekWindow> week, const ZoneClock& zone)
    : turns_(MakeTurns(rotation, week, zone)) {}

std::int64_t Turns::At(Instant at, WallTime water) const {
  if (const auto* wall = std::get_if<WallTurns>(&turns_)) return wall->At(water);
  if (const auto* elapsed = std::get_if<ElapsedTurns>(&turns_)) return elapsed->At(at);
  if (const auto* monthly = std::get_if<MonthTurns>(&turns_)) return monthly->At(water);
  return std::get<ShiftTurns>(turns_).At(water);
}

Instant Turns::Start(std::int64_t turn, const ZoneClock& zone) const {
  if (const auto* wall = std::get_if<WallTurns>(&turns_)) return zone.FirstAt(wall->Start(turn));
  if (const auto* elapsed = std::get_if<ElapsedTurns>(&turns_)) return elapsed->Start(turn);
  if (const auto* monthly = std::get_if<MonthTurns>(&turns_)) return zone.FirstAt(monthly->Start(turn));
  return zone.FirstAt(std::get<ShiftTurns>(turns_).Start(turn));
}

}  // namespace tocsin
