// Puts the labels of an alert in the order of their names. A sender uses the same few names in alert after alert, often in a
// random order (a hash map's), so the names are learned: each has a rank, and sorting is setting bits.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/labels.h"

namespace tocsin {

// One a sender, reused. One thread at a time. Whatever names come, it grows no larger.
class NameOrder {
 public:
  NameOrder() { table_.fill(kNone); }

  // Sorted by the bytes of the name, the last of equal names kept, empty values too. In place; allocates nothing once the
  // sender's names are known.
  std::span<LabelView> Sort(std::span<LabelView> texts) {
    if (texts.empty()) return texts;
    if (const std::size_t kept = SortKnown(texts)) return texts.first(kept);
    return SortUnknown(texts);
  }

 private:
  using Rank = std::uint8_t;
  static constexpr std::size_t kNames = 64;  // a bit each
  static constexpr std::size_t kNameBytes = 64;
  static constexpr std::size_t kBuckets = 256;
  static constexpr Rank kNone = 0xFF;
  static constexpr int kPatience = 256;  // sorts with unknown names before a full memory starts anew

  static std::size_t BucketOf(std::string_view name) {
    const auto first = static_cast<unsigned char>(name.front());
    const auto last = static_cast<unsigned char>(name.back());
    return (first * 7U + last * 31U + name.size() * 61U) % kBuckets;
  }
  Rank Find(std::string_view name) const {
    if (name.empty()) return kNone;
    std::size_t bucket = BucketOf(name);
    while (table_[bucket] != kNone && names_[table_[bucket]] != name)
      bucket = (bucket + 1) % kBuckets;
    return table_[bucket];
  }
  // Zero, and nothing done: a name is not known. Else how many are left.
  std::size_t SortKnown(std::span<LabelView> texts) {
    std::uint64_t seen = 0;
    for (const LabelView& text : texts) {
      const Rank rank = Find(text.name);
      if (rank == kNone) return 0;
      seen |= std::uint64_t{1} << rank;
      places_[rank] = text;
    }
    std::size_t kept = 0;
    for (; seen != 0; seen &= seen - 1)
      texts[kept++] = places_[static_cast<std::size_t>(__builtin_ctzll(seen))];
    return kept;
  }
  std::span<LabelView> SortUnknown(std::span<LabelView> texts);
  void Learn(std::span<const LabelView> texts);

  std::vector<std::string> names_;  // sorted; a rank is a place in it
  std::array<Rank, kBuckets> table_;
  std::array<LabelView, kNames> places_;
  int unknown_ = 0;
};

}  // namespace tocsin
