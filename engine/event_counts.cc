#include "engine/event_counts.h"

#include <algorithm>

namespace tocsin {
namespace {

constexpr std::int64_t kGrains = 16;

}  // namespace

void RecordEvents(std::vector<EventCount>& counts, const Threshold& threshold, EngineTime now, std::uint64_t count) {
  std::erase_if(counts, [&](const EventCount& each) { return now - each.at >= threshold.window; });
  if (count == 0) return;
  if (!counts.empty() && now - counts.back().at < threshold.window / kGrains) {
    counts.back().count += count;
  } else {
    counts.push_back({now, count});
  }
}

std::uint64_t EventsWithin(const std::vector<EventCount>& counts, absl::Duration window, EngineTime now) {
  std::uint64_t total = 0;
  for (const EventCount& each : counts) {
    if (now - each.at < window) total += each.count;
  }
  return total;
}

}  // namespace tocsin
