#include "engine/inhibition_sources.h"

namespace tocsin {

void ShardSources::Begin(std::uint64_t rules) {
  rules_ = rules;
  counted_all_ = false;
  counted_changed_ = false;
  keys_.clear();
  changed_.clear();
}

void ShardSources::CountedAll() {
  counted_changed_ = counted_changed_ || !counted_all_;
  counted_all_ = true;
}

void ShardSources::Mark(const SourceKey& name, Key& key) {
  if (key.changed) return;
  key.changed = true;
  changed_.push_back(name);
}

void ShardSources::Add(std::uint32_t slot, std::span<const Inhibitions::Source> keys) {
  for (const Inhibitions::Source& source : keys) {
    Key& key = keys_[source.key];
    std::set<std::uint32_t>& set = source.two_sided ? key.two_sided : key.one_sided;
    set.insert(slot);
    if (key.example() == slot || set.size() == 1) Mark(source.key, key);
  }
}

void ShardSources::Remove(std::uint32_t slot, std::span<const Inhibitions::Source> keys) {
  for (const Inhibitions::Source& source : keys) {
    const auto found = keys_.find(source.key);
    if (found == keys_.end()) continue;
    Key& key = found->second;
    std::set<std::uint32_t>& set = source.two_sided ? key.two_sided : key.one_sided;
    const bool was_example = !(key.one_sided.empty() && key.two_sided.empty()) && key.example() == slot;
    if (set.erase(slot) == 0) continue;
    if (was_example || set.empty()) Mark(source.key, key);
  }
}

SourceReport ShardSources::Take(absl::FunctionRef<std::string(std::uint32_t slot)> name_of) {
  SourceReport report;
  report.rules = rules_;
  report.counted_all = counted_all_;
  for (const SourceKey& name : changed_) {
    const auto found = keys_.find(name);
    Key& key = found->second;
    key.changed = false;
    Sources sources{!key.one_sided.empty(), !key.two_sided.empty(), ""};
    if (sources.empty()) {
      keys_.erase(found);
    } else {
      sources.example = name_of(key.example());
    }
    report.changed.emplace(name, std::move(sources));
  }
  changed_.clear();
  counted_changed_ = false;
  return report;
}

void AllSources::Begin(std::uint64_t rules) {
  if (snapshot_ != nullptr && rules == rules_) return;
  rules_ = rules;
  by_shard_.clear();
  counted_.clear();
  auto state = std::make_shared<InhibitionState>();
  state->complete = rules == 0;
  snapshot_ = std::move(state);
}

bool AllSources::Observe(std::uint32_t shard, const SourceReport& report) {
  if (report.rules != rules_ || rules_ == 0) return false;
  std::vector<std::pair<SourceKey, Sources>> changes;
  for (const auto& [key, sources] : report.changed) {
    std::map<std::uint32_t, Sources>& shards = by_shard_[key];
    if (sources.empty()) {
      shards.erase(shard);
    } else {
      shards[shard] = sources;
    }
    Sources all;
    for (const auto& [number, each] : shards) {
      const bool better = each.one_sided && !all.one_sided;
      if (all.empty() || better) all.example = each.example;
      all.one_sided |= each.one_sided;
      all.two_sided |= each.two_sided;
    }
    if (shards.empty()) by_shard_.erase(key);
    const Sources* before = snapshot_->sources.Find(key);
    if (before == nullptr ? !all.empty() : *before != all) changes.emplace_back(key, std::move(all));
  }
  if (report.counted_all) counted_.insert(shard);
  const bool complete = counted_.size() >= shard_count_;
  if (changes.empty() && complete == snapshot_->complete) return false;
  auto state = std::make_shared<InhibitionState>(*snapshot_);
  state->sources.Set(changes);
  state->complete = complete;
  snapshot_ = std::move(state);
  return true;
}

}  // namespace tocsin
