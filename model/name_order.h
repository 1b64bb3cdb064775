// Puts the labels of an alert in the order of their names. A sender uses the same few names in alert after alert, often in a
// random order (a hash map's), so the names are learned: each has a rank, and sorting is setting bits.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "model/labels.h"

namespace tocsin {

// One a sender, reused. One thread at a time. Whatever names come, it grows no larger.
class NameOrder {
 public:
  static constexpr std::size_t kNames = 64;      // a bit each
  static constexpr std::size_t kNameBytes = 64;  // longer ones are not learned
  static constexpr std::size_t kBlock = 16;      // names may be copied in blocks of so many bytes

  NameOrder() {  // NOLINT(cppcoreguidelines-pro-type-member-init): what the table does not name is not read
    table_.fill(kNone);
    known_[kNone] = {0, 0, SIZE_MAX};  // no name's
  }

  // Sorted by the bytes of the name, the last of equal names kept, empty values too. In place; allocates nothing once the
  // sender's names are known.
  std::span<LabelView> Sort(std::span<LabelView> texts) {
    if (texts.empty()) return texts;
    if (const std::size_t kept = SortKnown(texts)) return texts.first(kept);
    return SortUnknown(texts);
  }

  // The same of texts that are put in one at a time, and never copied: Begin, Put as they come, ForEach in order. False: the name
  // is not known, Sort learns it.
  void Begin() { put_ = 0; }
  bool Put(const LabelView& text) {
    const Rank rank = FindAny(text.name);
    if (rank == kNone) return false;
    PutAt(rank, text.value);
    return true;
  }
  // The same of a name of at most kBlock bytes, after whose start as many can be read.
  [[gnu::always_inline]] bool PutShort(const char* name, std::size_t name_size, std::string_view value) {
    const Head head = ReadableHeadOf(name, name_size);
    Rank rank = table_.data()[BucketOf(head)];
    if (known_.data()[rank] != head) [[unlikely]] {
      rank = FindOn(head);
      if (rank == kNone) return false;
    }
    PutAt(rank, value);
    return true;
  }
  bool Has(std::string_view name) const {
    const Rank rank = FindAny(name);
    return rank != kNone && (put_ >> rank & 1U) != 0;
  }
  std::size_t count() const { return static_cast<std::size_t>(std::popcount(put_)); }
  // The names are UTF-8, not empty, and can be read to the end of their last block.
  template <typename Do>
  [[gnu::always_inline]] void ForEach(const Do& do_with) const {
    for (std::uint64_t left = put_; left != 0; left &= left - 1) {
      const auto rank = static_cast<std::size_t>(__builtin_ctzll(left));
      do_with(std::string_view(names_.data()[rank].data(), known_.data()[rank].size), values_.data()[rank]);
    }
  }

 private:
  using Rank = std::uint8_t;
  static constexpr unsigned kBucketBits = 8;
  static constexpr std::size_t kBuckets = 1U << kBucketBits;
  static constexpr Rank kNone = kNames;
  static constexpr int kPatience = 256;  // sorts with unknown names before a full memory starts anew

  using Name = std::array<char, kNameBytes>;  // zeros follow
  static_assert(kNameBytes % kBlock == 0);

  // The first bytes of a name, and zeros: of one that is no longer they are all there is to compare.
  struct Head {
    std::uint64_t first;
    std::uint64_t second;
    std::size_t size;  // of the whole name
    friend bool operator==(const Head&, const Head&) = default;
  };
  static_assert(2 * sizeof(std::uint64_t) == kBlock);
  static Head HeadOf(std::string_view name);
  [[gnu::always_inline]] static Head ReadableHeadOf(const char* name, std::size_t size) {
    using Block = std::uint64_t __attribute__((vector_size(kBlock)));
    Block block;
    Block mask;
    std::memcpy(&block, name, sizeof block);
    std::memcpy(&mask, kMasks.data() + kBlock - size, sizeof mask);
    block &= mask;
    return {block[0], block[1], size};
  }
  static constexpr std::array<std::uint8_t, 2 * kBlock> kMasks = [] {
    std::array<std::uint8_t, 2 * kBlock> masks = {};
    for (std::size_t i = 0; i < kBlock; ++i)
      masks[i] = 0xFF;
    return masks;
  }();
  static std::size_t BucketOf(const Head& head) {
    return (head.first * 0x9E37'79B9'7F4A'7C15 + head.second * 0xC2B2'AE3D'27D4'EB4F) >> (64 - kBucketBits);
  }
  Rank FindOn(Head head) const;                // of a name of at most kBlock bytes
  Rank FindLong(std::string_view name) const;  // of any other
  Rank FindAny(std::string_view name) const { return name.size() <= kBlock ? FindOn(HeadOf(name)) : FindLong(name); }
  std::string_view NameAt(std::size_t rank) const { return {names_[rank].data(), known_[rank].size}; }
  void PutAt(Rank rank, std::string_view value) {
    put_ |= std::uint64_t{1} << rank;
    values_.data()[rank] = value;
  }
  // Zero, and nothing done: a name is not known. Else how many are left.
  std::size_t SortKnown(std::span<LabelView> texts);
  std::span<LabelView> SortUnknown(std::span<LabelView> texts);
  void Learn(std::span<const LabelView> texts);

  std::size_t count_known_ = 0;
  std::array<Name, kNames> names_;      // sorted, so many; a rank is a place in it
  std::array<Head, kNames + 1> known_;  // of each, and of none
  std::array<Rank, kBuckets> table_;
  std::array<LabelView, kNames> places_;
  int unknown_ = 0;
  // What was put, by rank.
  std::uint64_t put_ = 0;
  std::array<std::string_view, kNames> values_;
};

}  // namespace tocsin
