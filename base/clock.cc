#include "base/clock.h"

#include <ctime>

namespace tocsin {
namespace {

std::int64_t ReadNs(clockid_t clock) {
  timespec ts{};
  clock_gettime(clock, &ts);
  return std::int64_t{ts.tv_sec} * 1'000'000'000 + ts.tv_nsec;
}

}  // namespace

EngineTime operator+(EngineTime t, absl::Duration d) {
  if (t == EngineTime::Infinite() || d == absl::InfiniteDuration()) return EngineTime::Infinite();
  const std::int64_t delta = absl::ToInt64Nanoseconds(d);
  std::int64_t sum = 0;
  if (__builtin_add_overflow(t.ns_, delta, &sum)) return EngineTime(delta > 0 ? INT64_MAX : INT64_MIN);
  return EngineTime(sum);
}

absl::Duration operator-(EngineTime a, EngineTime b) {
  if (a == b) return absl::ZeroDuration();
  if (a == EngineTime::Infinite()) return absl::InfiniteDuration();
  if (b == EngineTime::Infinite()) return -absl::InfiniteDuration();
  if (std::int64_t difference = 0; !__builtin_sub_overflow(a.ns_, b.ns_, &difference))
    return absl::Nanoseconds(difference);
  return absl::Nanoseconds(a.ns_) - absl::Nanoseconds(b.ns_);  // a Duration holds more than 64 bits of nanoseconds
}

SystemClock::SystemClock(EngineTime resume) : offset_ns_(resume.ns() - ReadNs(CLOCK_BOOTTIME)) {}

Now SystemClock::Read() const {
  return {absl::FromUnixNanos(ReadNs(CLOCK_REALTIME)), EngineTime(ReadNs(CLOCK_BOOTTIME) + offset_ns_)};
}

}  // namespace tocsin
