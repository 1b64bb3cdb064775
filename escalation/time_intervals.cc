#include "escalation/time_intervals.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/civil_time.h"

#include "base/status.h"
#include "escalation/zone_clock.h"

namespace tocsin {
namespace {

// Whether any range holds `number`; no ranges hold everything.
bool In(const std::vector<NumberRange>& ranges, std::int64_t number) {
  return ranges.empty() || std::ranges::any_of(ranges, [&](const NumberRange& range) {
           return range.first <= number && number <= range.last;
         });
}

bool InDays(const std::vector<NumberRange>& ranges, std::int32_t day, std::int32_t days_in_month) {
  const auto from_start = [&](std::int32_t number) { return number < 0 ? days_in_month + number + 1 : number; };
  return ranges.empty() || std::ranges::any_of(ranges, [&](const NumberRange& range) {
           return from_start(range.first) <= day && day <= from_start(range.last);
         });
}

std::int32_t DaysInMonth(absl::CivilDay day) {
  const absl::CivilMonth month(day);
  return static_cast<std::int32_t>(absl::CivilDay(month + 1) - absl::CivilDay(month));
}

}  // namespace

class TimeIntervals::Impl {
 public:
  static absl::StatusOr<Impl> Compile(std::span<const RecurringTime> times);
  bool Contains(Instant at) const;
  // The next instant at which any of the fields of any of them may read otherwise.
  Instant NextEdge(Instant at) const;

 private:
  struct Compiled {
    RecurringTime time;
    std::uint32_t zone = 0;             // in zones_
    std::vector<std::int64_t> edges_s;  // seconds of the day at which `times` begin and end, and 0; ascending
  };
  bool Contains(const Compiled& compiled, Instant at) const;
  Instant NextEdge(const Compiled& compiled, Instant at) const;

  std::vector<Compiled> times_;
  std::vector<ZoneClock> zones_;
};

absl::StatusOr<TimeIntervals::Impl> TimeIntervals::Impl::Compile(std::span<const RecurringTime> times) {
  Impl intervals;
  std::map<std::string, std::uint32_t> zones;
  for (const RecurringTime& time : times) {
    TOCSIN_TRY(CheckRecurringTime(time));
    const std::string name = time.location.empty() ? "UTC" : time.location;
    const auto [zone, is_new] = zones.try_emplace(name, static_cast<std::uint32_t>(zones.size()));
    if (is_new) {
      TOCSIN_ASSIGN(ZoneClock clock, ZoneClock::Load(name));
      intervals.zones_.push_back(std::move(clock));
    }
    Compiled& compiled = intervals.times_.emplace_back();
    compiled.time = time;
    compiled.zone = zone->second;
    compiled.edges_s.push_back(0);
    for (const TimeRange& range : time.times) {
      for (const std::int32_t minute : {range.start_minute, range.end_minute})
        compiled.edges_s.push_back(minute * kMinuteSeconds);
    }
    std::ranges::sort(compiled.edges_s);
  }
  return intervals;
}

bool TimeIntervals::Impl::Contains(const Compiled& compiled, Instant at) const {
  const std::int64_t reading = zones_[compiled.zone].Reading(at).seconds;
  const std::int64_t second = FloorMod(reading, kDaySeconds);
  const RecurringTime& time = compiled.time;
  const bool hour =
      time.times.empty() || std::ranges::any_of(time.times, [&](const TimeRange& range) {
        return range.start_minute * kMinuteSeconds <= second && second < range.end_minute * kMinuteSeconds;
      });
  if (!hour) return false;
  const absl::CivilDay day = absl::CivilDay(1970) + FloorDiv(reading, kDaySeconds);
  const std::int64_t weekday = FloorMod(FloorDiv(reading, kDaySeconds) + 4, 7);  // 1970 began on a Thursday
  return In(time.weekdays, weekday) && InDays(time.days_of_month, day.day(), DaysInMonth(day)) &&
         In(time.months, day.month()) && In(time.years, day.year());
}

bool TimeIntervals::Impl::Contains(Instant at) const {
  return std::ranges::any_of(times_, [&](const Compiled& compiled) { return Contains(compiled, at); });
}

Instant TimeIntervals::Impl::NextEdge(const Compiled& compiled, Instant at) const {
  const ZoneClock& zone = zones_[compiled.zone];
  const std::int64_t second = FloorMod(zone.Reading(at).seconds, kDaySeconds);
  const auto next = std::ranges::upper_bound(compiled.edges_s, second);
  const std::int64_t edge_s = next == compiled.edges_s.end() ? kDaySeconds : *next;
  return std::min(at + (edge_s - second), zone.NextTransition(at));
}

Instant TimeIntervals::Impl::NextEdge(Instant at) const {
  Instant next = kNever;
  for (const Compiled& compiled : times_)
    next = std::min(next, NextEdge(compiled, at));
  return next;
}

absl::StatusOr<TimeIntervals> TimeIntervals::Compile(std::span<const RecurringTime> times) {
  TOCSIN_ASSIGN(Impl impl, Impl::Compile(times));
  TimeIntervals intervals;
  intervals.impl_ = std::make_shared<const Impl>(std::move(impl));
  return intervals;
}

bool TimeIntervals::Contains(absl::Time at) const {
  return impl_ != nullptr && impl_->Contains(ToInstant(at));
}

absl::Time TimeIntervals::NextChange(absl::Time at) const {
  if (impl_ == nullptr) return at + kLookAhead;
  const Instant end = ToInstant(at + kLookAhead);
  Instant now = ToInstant(at);
  const bool before = impl_->Contains(now);
  while (now < end) {
    now = std::min(end, impl_->NextEdge(now));
    if (impl_->Contains(now) != before) break;
  }
  return ToTime(now);
}

}  // namespace tocsin
