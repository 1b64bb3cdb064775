#include "escalation/zone_clock.h"

#include <algorithm>
#include <string>

#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

// About 97 days: hardly any zone changes its offset twice in one span, so that a look-up is an index and a step.
constexpr int kSpanBits = 23;
constexpr WallTime kNoWater = {INT64_MIN / 2};

std::size_t SpanOf(Instant at) {
  const Instant inside = std::clamp(at, kFirstInstant, kEndInstant);
  return static_cast<std::size_t>(inside - kFirstInstant) >> kSpanBits;
}

bool IsZoneName(std::string_view name) {
  const auto legal = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '_' ||
           c == '-' || c == '+';
  };
  if (name.empty() || name.size() > 64 || name.front() == '/' || !std::all_of(name.begin(), name.end(), legal)) {
    return false;
  }
  return name != "localtime" && !name.starts_with("Fixed/") && !name.starts_with("posix/") &&
         !name.starts_with("right/");
}

}  // namespace

absl::StatusOr<ZoneClock> ZoneClock::Load(std::string_view name) {
  absl::TimeZone zone;
  if (!IsZoneName(name) || !absl::LoadTimeZone(ToAbsl(name), &zone)) {
    return Invalid("time zone %s is unknown", JsonQuote(name));
  }
  return ZoneClock(zone);
}

ZoneClock::ZoneClock(const absl::TimeZone& zone) {
  absl::Time time = ToTime(kFirstInstant);
  periods_.push_back({.start = kFirstInstant, .offset_s = zone.At(time).offset, .water = kNoWater});
  absl::TimeZone::CivilTransition change;
  while (zone.NextTransition(time, &change)) {
    const Period& last = periods_.back();
    // `from` is what the old offset would have gone on to show: that dates the change without another look-up.
    const WallTime from = ToWallTime(change.from);
    const Instant start = {from.seconds - last.offset_s};
    if (start >= kEndInstant) break;
    TOCSIN_CHECK(start > last.start || periods_.size() == 1, "offset changes are in order");
    time = ToTime(start);
    if (change.from == change.to) continue;  // only the abbreviation changed
    periods_.push_back({.start = start,
                        .offset_s = ToWallTime(change.to).seconds - start.seconds,
                        .water = std::max(last.water, from - 1)});
  }
  const std::size_t spans = SpanOf(kEndInstant) + 1;
  by_span_.reserve(spans);
  std::uint32_t period = 0;
  for (std::size_t span = 0; span < spans; ++span) {
    const Instant begin = kFirstInstant + (static_cast<std::int64_t>(span) << kSpanBits);
    while (period + 1 < periods_.size() && periods_[period + 1].start <= begin)
      ++period;
    by_span_.push_back(period);
  }
}

const ZoneClock::Period& ZoneClock::PeriodAt(Instant at) const {
  std::size_t period = by_span_[SpanOf(at)];
  while (period + 1 < periods_.size() && periods_[period + 1].start <= at)
    ++period;
  return periods_[period];
}

WallTime ZoneClock::Reading(Instant at) const {
  return {at.seconds + PeriodAt(at).offset_s};
}

WallTime ZoneClock::HighWater(Instant at) const {
  const Period& period = PeriodAt(at);
  return std::max(period.water, WallTime{at.seconds + period.offset_s});
}

Instant ZoneClock::FirstAt(WallTime reading) const {
  // The reading was first reached in the last period before which it had not been: `water` is what was reached before.
  // No offset reaches two days, so that period is not before the one of two days earlier.
  std::size_t period = by_span_[SpanOf({reading.seconds - 2 * kDaySeconds})];
  while (period + 1 < periods_.size() && periods_[period + 1].water < reading)
    ++period;
  return std::max(periods_[period].start, Instant{reading.seconds - periods_[period].offset_s});
}

Instant ZoneClock::NextTransition(Instant at) const {
  const Period* period = &PeriodAt(at);
  return period == &periods_.back() ? kNever : (period + 1)->start;
}

}  // namespace tocsin
