// When which alert must be looked at: a timer wheel of four levels of 256 buckets over ticks of one second.
//
// Lazy: renewing a lease does not touch the wheel. An alert's entry stays where it is, and when it comes up the owner looks
// at the alert and puts it back if its lease has moved on. So a bucket may hold entries that are stale; the owner keeps, per
// alert, the tick of its one valid entry, and the wheel asks for it when it must move an entry.
//
// A long lease puts millions into one bucket: buckets are lists of small blocks, so that none is copied when it grows. One
// thread.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "engine/segmented.h"

namespace tocsin {

class LeaseWheel {
 public:
  static constexpr std::uint32_t kNever = UINT32_MAX;

  void Reset(std::uint32_t now) {
    for (Level& level : levels_) {
      for (Bucket& bucket : level.buckets)
        bucket.Clear();
      level.occupied = {};
    }
    now_ = now;
    size_ = 0;
    blocks_ = 0;
  }
  std::uint32_t now() const { return now_; }
  bool empty() const { return size_ == 0; }

  // Returns the tick at which it will come up: `tick`, or the next one when that is over.
  std::uint32_t Add(std::uint32_t slot, std::uint32_t tick) {
    tick = std::max(tick, now_ + 1);
    Place(slot, tick);
    ++size_;
    return tick;
  }

  // Goes on to `to`, calling `due(slot)` for every entry that comes up; at most `budget` entries are looked at, and `budget`
  // is reduced by them. `tick_of(slot)` is the tick of the slot's valid entry. `due` may Add. Returns whether `to` was
  // reached.
  template <typename TickOf, typename Due>
  bool Advance(std::uint32_t to, std::size_t& budget, TickOf tick_of, Due due) {
    for (std::uint32_t next = Next(); next <= to && next != kNever; next = Next()) {
      now_ = std::max(now_, next);
      for (unsigned l = kLevels - 1; l > 0; --l) {
        if (!Cascade(l, budget, tick_of)) return false;
      }
      Bucket& bucket = levels_[0].buckets[now_ & kMask];
      while (!bucket.empty()) {
        if (budget == 0) return false;
        --budget;
        const std::uint32_t slot = bucket.Pop(blocks_);
        --size_;
        due(slot);
      }
      Emptied(0, now_ & kMask);
    }
    now_ = std::max(now_, to);
    return true;
  }

  // A tick before which there is nothing to do; kNever when the wheel is empty.
  std::uint32_t Next() const {
    if (empty()) return kNever;
    // A bucket of an upper level that holds now_ is one whose cascade ran out of budget.
    for (unsigned l = 1; l < kLevels; ++l) {
      if (levels_[l].IsOccupied(IndexOf(l, now_))) return now_;
    }
    for (unsigned l = 0; l < kLevels; ++l) {
      const std::uint32_t found = levels_[l].FirstFrom(IndexOf(l, now_));
      if (found == kBuckets) continue;
      const unsigned shift = 8 * l;
      const std::uint32_t above = shift == 24 ? 0 : now_ >> (shift + 8) << (shift + 8);
      return above | found << shift;
    }
    return kNever;
  }

  std::size_t bytes() const { return blocks_ * Bucket::kBlockBytes; }

 private:
  static constexpr unsigned kLevels = 4;
  static constexpr std::uint32_t kBuckets = 256;
  static constexpr std::uint32_t kMask = kBuckets - 1;

  // A stack of slots. `blocks` counts those of all buckets.
  class Bucket {
   public:
    Bucket() = default;
    Bucket(Bucket&&) = delete;
    ~Bucket() { Clear(); }

    bool empty() const { return top_ == nullptr; }
    void Push(std::uint32_t slot, std::size_t& blocks) {
      if (top_ == nullptr || top_->count == Block::kSlots) {
        auto block = std::make_unique<Block>();
        block->below = std::move(top_);
        top_ = std::move(block);
        ++blocks;
      }
      top_->slots[top_->count++] = slot;
    }
    // Requires !empty().
    std::uint32_t Pop(std::size_t& blocks) {
      const std::uint32_t slot = top_->slots[--top_->count];
      if (top_->count > 0) return slot;
      Drop();
      --blocks;
      return slot;
    }
    // One after the other: blocks that end each other would nest as deep as there are blocks.
    void Clear() {
      while (top_ != nullptr)
        Drop();
    }

   private:
    struct Block {
      static constexpr std::uint32_t kSlots = 252;
      std::unique_ptr<Block> below;
      std::uint32_t count = 0;
      std::array<std::uint32_t, kSlots> slots;
    };
    static_assert(sizeof(Block) <= 1024);
    void Drop() {
      std::unique_ptr<Block> below = std::move(top_->below);
      top_ = std::move(below);
    }

    std::unique_ptr<Block> top_;

   public:
    static constexpr std::size_t kBlockBytes = sizeof(Block);
  };
  struct Level {
    std::array<Bucket, kBuckets> buckets;
    std::array<std::uint64_t, kBuckets / 64> occupied{};

    bool IsOccupied(std::uint32_t index) const { return (occupied[index / 64] >> index % 64 & 1) != 0; }
    std::uint32_t FirstFrom(std::uint32_t index) const {
      for (std::uint32_t word = index / 64; word < occupied.size(); ++word) {
        const std::uint64_t bits =
            occupied[word] & (word == index / 64 ? ~std::uint64_t{0} << index % 64 : ~std::uint64_t{0});
        if (bits != 0) return word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
      }
      return kBuckets;
    }
  };

  static std::uint32_t IndexOf(unsigned l, std::uint32_t tick) { return tick >> (8 * l) & kMask; }

  void Place(std::uint32_t slot, std::uint32_t tick) {
    const std::uint32_t differing = tick ^ now_;
    const unsigned l = differing == 0 ? 0 : static_cast<unsigned>(std::bit_width(differing) - 1) / 8;
    const std::uint32_t index = IndexOf(l, tick);
    levels_[l].buckets[index].Push(slot, blocks_);
    levels_[l].occupied[index / 64] |= std::uint64_t{1} << index % 64;
  }

  void Emptied(unsigned l, std::uint32_t index) {
    if (!levels_[l].buckets[index].empty()) return;
    levels_[l].occupied[index / 64] &= ~(std::uint64_t{1} << index % 64);
  }

  // Moves the entries of the bucket that begins at or holds now_ to lower levels. Returns false when the budget is spent.
  template <typename TickOf>
  bool Cascade(unsigned l, std::size_t& budget, TickOf tick_of) {
    const std::uint32_t index = IndexOf(l, now_);
    Bucket& bucket = levels_[l].buckets[index];
    while (!bucket.empty()) {
      if (budget == 0) return false;
      --budget;
      const std::uint32_t slot = bucket.Pop(blocks_);
      const std::uint32_t tick = tick_of(slot);
      if (tick >> (8 * l) == now_ >> (8 * l) && tick >= now_) {
        Place(slot, tick);
      } else {
        --size_;  // stale
      }
    }
    Emptied(l, index);
    return true;
  }

  std::array<Level, kLevels> levels_;
  std::uint32_t now_ = 0;
  std::size_t size_ = 0;    // entries, stale ones included
  std::size_t blocks_ = 0;  // of all buckets
};

}  // namespace tocsin
