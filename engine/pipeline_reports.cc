// What waits between the shards and the responder.
#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/pipeline_stages.h"

namespace tocsin {

void WaitingReports::Add(std::uint32_t shard, GroupReport report) {
  const GroupKey key = report.key;
  const bool critical = report.firing > 0 && report.highest == Severity::kCritical;
  const auto [at, is_new] = reports_.try_emplace(key);
  Waiting& waiting = at->second;
  const auto same = std::ranges::find(waiting.reports, shard, &GroupReport::shard);
  if (same != waiting.reports.end()) {
    *same = std::move(report);
  } else {
    waiting.reports.push_back(std::move(report));
  }
  if (is_new || (critical && !waiting.critical)) (critical ? critical_ : others_).keys.push_back(key);
  waiting.critical |= critical;
}

void WaitingReports::AddEnd(std::uint32_t shard) {
  ends_.push_back({shard, critical_.taken + critical_.keys.size(), others_.taken + others_.keys.size()});
}

bool WaitingReports::TakeFrom(Lane& lane, std::vector<GroupReport>& taken) {
  while (!lane.keys.empty()) {
    const auto at = reports_.find(lane.keys.front());
    lane.keys.pop_front();
    ++lane.taken;
    if (at == reports_.end()) continue;
    std::ranges::move(at->second.reports, std::back_inserter(taken));
    reports_.erase(at);
    return true;
  }
  return false;
}

std::vector<GroupReport> WaitingReports::Take(std::size_t groups) {
  std::vector<GroupReport> taken;
  for (std::size_t i = 0; i < groups; ++i)
    if (!TakeFrom(critical_, taken) && !TakeFrom(others_, taken)) break;
  return taken;
}

std::vector<std::uint32_t> WaitingReports::TakeEnds() {
  std::vector<std::uint32_t> shards;
  std::erase_if(ends_, [&](const End& end) {
    const bool heard = critical_.taken >= end.critical && others_.taken >= end.others;
    if (heard) shards.push_back(end.shard);
    return heard;
  });
  return shards;
}

}  // namespace tocsin
