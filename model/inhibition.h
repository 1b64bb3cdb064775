// Who keeps whom quiet, across shards. A rule's sources are alerts that fire; those whose `equal` labels have the same
// values stand under one key, and each shard says which keys its own alerts stand under. The responder puts the shards
// together and publishes the whole with the rules; whether a target is inhibited is then a look-up in its own shard.
//
// Levels, not edges: what a shard says of a key is absolute, and after a start every shard says everything again.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"

#include "model/ids.h"

namespace tocsin {

// A keyed hash of a rule and the values of its equal labels: 128 bits, so that two of them are the same by design only.
struct SourceKey {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend constexpr auto operator<=>(const SourceKey&, const SourceKey&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const SourceKey& key) {
    return H::combine(std::move(state), key.low);
  }
};

// The alerts that fire under one key.
struct Sources {
  // Some do not match the rule's target side: they inhibit every target. Those that match both sides inhibit only targets
  // that are no sources themselves, so that nothing keeps itself quiet, nor each other.
  bool one_sided = false;
  bool two_sided = false;
  std::string example;  // one of them, a one-sided one where there is one: {alertname="ClusterDown", cluster="a"}
  bool empty() const { return !one_sided && !two_sided; }
  friend bool operator==(const Sources&, const Sources&) = default;
};

// What a shard says: the keys that have changed since it last said so.
struct SourceReport {
  std::uint64_t rules = 0;   // by which rules it counted: Inhibitions::fingerprint
  bool counted_all = false;  // every alert that fires in the shard has been counted by these rules
  std::map<SourceKey, Sources> changed;
  // Takes in a later one of the same shard.
  void Merge(SourceReport later);
};

// All sources of all shards by key. A value; copies share what has not changed since, so that a snapshot for each change
// costs one part of many.
class SourceSet {
 public:
  // nullptr when nothing fires under `key`.
  const Sources* Find(const SourceKey& key) const {
    const std::shared_ptr<const Part>& part = parts_[PartOf(key)];
    if (part == nullptr) return nullptr;
    const auto found = part->find(key);
    return found == part->end() ? nullptr : &found->second;
  }
  // Sources that are empty take their key out.
  void Set(std::span<const std::pair<SourceKey, Sources>> changes);
  std::size_t size() const;

 private:
  using Part = absl::flat_hash_map<SourceKey, Sources>;
  static constexpr std::size_t kParts = 256;
  static std::size_t PartOf(const SourceKey& key) { return key.high % kParts; }

  std::array<std::shared_ptr<const Part>, kParts> parts_;
};

// A part of Rules.
struct InhibitionState {
  SourceSet sources;
  // All shards have counted. Until then, after a start or when the rules have changed, an alert that stands inhibited
  // stays so: what is not known yet ends nothing.
  bool complete = false;
};

}  // namespace tocsin
