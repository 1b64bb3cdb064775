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
  const std::int64_t delta = absl::ToInt64Nanoseconds(d);
  std::int64_t sum = 0;
  if (__builtin_add_overflow(t.ns_, delta, &sum)) return EngineTime(delta > 0 ? INT64_MAX : INT64_MIN);
  return EngineTime(sum);
}

SystemClock::SystemClock(EngineTime resume) : offset_ns_(resume.ns() - ReadNs(CLOCK_BOOTTIME)) {}

Now SystemClock::Read() const {
  return {absl::FromUnixNanos(ReadNs(CLOCK_REALTIME)), EngineTime(ReadNs(CLOCK_BOOTTIME) + offset_ns_)};
}

}  // namespace tocsin
