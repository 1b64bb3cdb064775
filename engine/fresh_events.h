// Which events that count for a threshold are new: shards say how many they have counted, and begin anew with the process.
//
// Volatile, as the shards' counts are. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <unordered_map>

#include "model/ids.h"
#include "model/report.h"

namespace tocsin {

class FreshEvents {
 public:
  // A report; before the first of a run a shard has counted nothing.
  void Take(const GroupReport& report) {
    if (!report.counted) return;
    std::uint64_t& before = counted_[report.key][report.shard];
    // A lower count than before is that of a group that has begun anew.
    const std::uint64_t fresh = report.events - (report.events >= before ? before : 0);
    before = report.events;
    if (fresh > 0) fresh_[report.key] += fresh;
  }
  // What has been taken since Clear.
  std::uint64_t Of(GroupKey key) const {
    const auto found = fresh_.find(key);
    return found == fresh_.end() ? 0 : found->second;
  }
  void Clear() { fresh_.clear(); }

  // Forgets groups for which `keep` is false, once there are enough of them to be worth the walk.
  template <typename Keep>
  void Tidy(Keep keep) {
    if (counted_.size() < tidy_at_) return;
    std::erase_if(counted_, [&](const auto& entry) { return !keep(entry.first); });
    tidy_at_ = kTidyAt + 2 * counted_.size();
  }

 private:
  static constexpr std::size_t kTidyAt = 1024;
  std::unordered_map<GroupKey, std::map<std::uint32_t, std::uint64_t>> counted_;  // by shard
  std::unordered_map<GroupKey, std::uint64_t> fresh_;
  std::size_t tidy_at_ = kTidyAt;
};

}  // namespace tocsin
