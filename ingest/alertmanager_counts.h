// Private to ingest: alerts at Alertmanager's doors as Alertmanager counts them, for its metrics.
#pragma once

#include <atomic>

#include "ingest/doors.h"
#include "ingest/intake.h"

namespace tocsin {

// Which version of Alertmanager's API is spoken: an index of IngestDoors::Statistics::alertmanager.
enum class AlertmanagerVersion : std::uint8_t {
  kFirst = 0,
  kSecond = 1
};

// Any thread.
class AlertmanagerCounts {
 public:
  // An alert whose end has come at `now` is resolved.
  void Add(AlertmanagerVersion version, const Intake& intake, absl::Time now) {
    const std::int64_t now_ns = absl::ToUnixNanos(now);
    std::uint64_t resolved = 0;
    for (std::size_t i = 0; i < intake.batch().count(); ++i) {
      const std::int64_t ends_at_ns = intake.batch().at(i).header().ends_at_ns;
      resolved += ends_at_ns != EventHeader::kAbsent && ends_at_ns <= now_ns ? 1U : 0U;
    }
    Counters& counters = counters_[static_cast<std::size_t>(version)];
    counters.firing.fetch_add(intake.batch().count() - resolved, std::memory_order_relaxed);
    counters.resolved.fetch_add(resolved, std::memory_order_relaxed);
    counters.invalid.fetch_add(intake.rejected(), std::memory_order_relaxed);
  }
  void Read(IngestDoors::Statistics& statistics) const {
    for (std::size_t i = 0; i < std::size(counters_); ++i) {
      statistics.alertmanager[i] = {.firing = counters_[i].firing.load(std::memory_order_relaxed),
                                    .resolved = counters_[i].resolved.load(std::memory_order_relaxed),
                                    .invalid = counters_[i].invalid.load(std::memory_order_relaxed)};
    }
  }

 private:
  struct Counters {
    std::atomic<std::uint64_t> firing{0};
    std::atomic<std::uint64_t> resolved{0};
    std::atomic<std::uint64_t> invalid{0};
  };
  Counters counters_[2];
};

}  // namespace tocsin
