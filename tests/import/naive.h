// What other systems mean by their schedules, worked out the slow way: each handoff and each window is stepped to from the
// beginning, and local times are looked up one by one. Shares nothing with the evaluator but the time zone database.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"

#include "import/compare.h"
#include "import/import.h"

namespace tocsin::import {

// The first instant at which the zone's clock shows `local` or later.
inline absl::Time FirstAt(absl::CivilSecond local, const absl::TimeZone& zone) {
  const absl::TimeZone::TimeInfo info = zone.At(local);
  return info.kind == absl::TimeZone::TimeInfo::SKIPPED ? info.trans : info.pre;
}

// Turns one after the other, from the first on.
class Walk {
 public:
  // Turns of `seconds` on the wall clock, or of so many that pass.
  Walk(absl::CivilSecond start, std::int64_t seconds, bool elapsed, const absl::TimeZone& zone, absl::Time until) {
    const absl::Time first = FirstAt(start, zone);
    for (std::int64_t k = 0;; ++k) {
      begins_.push_back(elapsed ? first + absl::Seconds(k * seconds) : FirstAt(start + k * seconds, zone));
      if (begins_.back() > until) break;
    }
  }
  // -1 before the first.
  std::int64_t TurnAt(absl::Time at) const {
    return std::upper_bound(begins_.begin(), begins_.end(), at) - begins_.begin() - 1;
  }

 private:
  std::vector<absl::Time> begins_;
};

// Whether `at` lies in a window that begins at minute `start` of a day on which `on(day)` and lasts `minutes` on the wall clock.
template <typename OnDay>
bool InWindow(absl::Time at, std::int64_t start, std::int64_t minutes, const absl::TimeZone& zone, const OnDay& on) {
  const absl::CivilDay today(absl::ToCivilSecond(at, zone));
  for (absl::CivilDay day = today - 9; day <= today + 1; ++day) {
    if (!on(day)) continue;
    const absl::CivilSecond from = absl::CivilSecond(day) + start * 60;
    if (FirstAt(from, zone) <= at && at < FirstAt(from + minutes * 60, zone)) return true;
  }
  return false;
}
inline int IsoDay(absl::CivilDay day) {
  return static_cast<int>(absl::GetWeekday(day)) + 1;  // Abseil's Monday is 0
}

inline absl::Time At(const std::string& text) {
  absl::Time time;
  std::string error;
  absl::ParseTime(absl::RFC3339_full, text, &time, &error);
  return time;
}
inline absl::TimeZone ZoneOf(const std::string& name) {
  absl::TimeZone zone;
  absl::LoadTimeZone(name, &zone);
  return zone;
}
// An instant as an API writes it, with the zone's offset.
inline std::string Iso(absl::Time time, const std::string& zone = "UTC") {
  return absl::FormatTime("%Y-%m-%d%ET%H:%M:%S%Ez", time, ZoneOf(zone));
}

}  // namespace tocsin::import
