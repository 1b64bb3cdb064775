// The sources of inhibition: those of one shard, and all of them together.
//
//   shard: ShardSources ──SourceReport──▶ responder: AllSources ──InhibitionState, with the rules──▶ every shard
//
// A key has a *set* of sources: it stays inhibiting until the last one of them is gone. One thread each.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"

#include "engine/inhibition.h"
#include "model/inhibition.h"

namespace tocsin {

class ShardSources {
 public:
  // Alerts are counted anew, by other rules.
  void Begin(std::uint64_t rules);
  // Every alert that fires has been counted.
  void CountedAll();

  // The alert in `slot` begins or ceases to be a source; `keys` as Inhibitions::SourcesOf gives them.
  void Add(std::uint32_t slot, std::span<const Inhibitions::Source> keys);
  void Remove(std::uint32_t slot, std::span<const Inhibitions::Source> keys);

  // What has changed since the last call. `name_of` names the alert in a slot.
  SourceReport Take(absl::FunctionRef<std::string(std::uint32_t slot)> name_of);
  bool changed() const { return counted_changed_ || !changed_.empty(); }
  std::size_t size() const { return keys_.size(); }

 private:
  struct Key {
    std::set<std::uint32_t> one_sided;  // slots
    std::set<std::uint32_t> two_sided;
    bool changed = false;
    // The example that was named: which one it is need not change before it is gone.
    std::uint32_t example() const { return one_sided.empty() ? *two_sided.begin() : *one_sided.begin(); }
  };
  void Mark(const SourceKey& name, Key& key);

  std::uint64_t rules_ = 0;
  bool counted_all_ = false;
  bool counted_changed_ = false;
  absl::flat_hash_map<SourceKey, Key> keys_;
  std::vector<SourceKey> changed_;
};

class AllSources {
 public:
  explicit AllSources(std::uint32_t shard_count) : shard_count_(shard_count) { Begin(0); }

  // By these rules from now on; the same ones change nothing. 0: there are none, and nothing is waited for.
  void Begin(std::uint64_t rules);
  // True when the snapshot has changed. What was counted by other rules is passed over.
  bool Observe(std::uint32_t shard, const SourceReport& report);
  const std::shared_ptr<const InhibitionState>& snapshot() const { return snapshot_; }

 private:
  std::uint32_t shard_count_;
  std::uint64_t rules_ = 0;
  absl::flat_hash_map<SourceKey, std::map<std::uint32_t, Sources>> by_shard_;
  std::set<std::uint32_t> counted_;
  std::shared_ptr<const InhibitionState> snapshot_;
};

}  // namespace tocsin
