// From a 32-bit hash to a number: which slot holds this key. Extendible hashing: pages of 512 entries of 4 bytes, found
// through a directory by the top bits of the hash; a full page is split in two, and nothing else moves. A look-up reads the
// directory and, nearly always, one cache line of a page. Pages are not merged when entries go.
//
// An entry is the number and six bits of the hash, which keep a look-up from asking the caller about most of the numbers that
// are not meant. The rest of the hash is not kept: whoever splits a page asks for it (`hash_of(value)`), as the owner of the
// numbers has it anyhow.
//
// The same hash may be inserted any number of times (the caller compares keys); hashes crafted to collide cost overflow
// pages and time, never a failure. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/arena.h"
#include "engine/segmented.h"

namespace tocsin {

class SlotIndex {
 public:
  // Values are below it.
  static constexpr std::uint32_t kMaxValues = (1U << 26) - 1;

  // Pages are the arena's, if one is given; it must outlive this.
  explicit SlotIndex(Arena* arena = nullptr) : arena_(arena != nullptr ? *arena : own_) { Clear(); }
  ~SlotIndex();
  SlotIndex(const SlotIndex&) = delete;
  SlotIndex& operator=(const SlotIndex&) = delete;

  // The first value that may have this hash and for which `equal(value)` holds, or kNoSlot.
  template <typename Equal>
  std::uint32_t Find(std::uint32_t hash, Equal equal) const {
    const Entry tag = TagOf(hash);
    for (const Page* page = PageOf(hash); page != nullptr; page = page->overflow.get()) {
      for (std::uint32_t i = hash & kMask; page->entries[i] != kEmpty; i = (i + 1) & kMask) {
        const Entry entry = page->entries[i];
        if ((entry & ~kValueMask) == tag && equal(entry & kValueMask)) return entry & kValueMask;
      }
    }
    return kNoSlot;
  }
  // Requires value < kMaxValues. `hash_of(value)` is the hash of any value that has been inserted.
  template <typename HashOf>
  void Insert(std::uint32_t hash, std::uint32_t value, HashOf hash_of);
  // No effect when the pair is not there.
  template <typename HashOf>
  void Erase(std::uint32_t hash, std::uint32_t value, HashOf hash_of);
  void Clear();
  // Asks the processor for the line where a look-up of `hash` will begin.
  [[gnu::always_inline]] void Prefetch(std::uint32_t hash) const {
    __builtin_prefetch(&PageOf(hash)->entries[hash & kMask]);
  }

  std::size_t size() const { return size_; }
  std::size_t bytes() const {
    return (pages_.size() + spare_.size()) * sizeof(Page) + directory_.capacity() * sizeof(Page*);
  }

 private:
  static constexpr std::uint32_t kEntries = 512;
  static constexpr std::uint32_t kMask = kEntries - 1;
  static constexpr std::uint32_t kFull = kEntries - kEntries / 8;  // so that every probe meets an empty entry
  static constexpr std::uint32_t kMaxDepth = 20;                   // a directory of at most 8 MiB

  using Entry = std::uint32_t;
  static constexpr Entry kEmpty = UINT32_MAX;
  static constexpr Entry kValueMask = (1U << 26) - 1;
  struct Page {
    Page() { entries.fill(kEmpty); }
    std::array<Entry, kEntries> entries;
    std::uint32_t depth = 0;
    std::uint32_t count = 0;
    std::unique_ptr<Page> overflow;  // only at kMaxDepth
  };

  // Bits that neither the place in a page nor, in most tables, the directory goes by.
  static Entry TagOf(std::uint32_t hash) { return hash >> 9U << 26U; }
  std::size_t DirectoryAt(std::uint32_t hash) const { return depth_ == 0 ? 0 : hash >> (32 - depth_); }
  Page* PageOf(std::uint32_t hash) const { return directory_[DirectoryAt(hash)]; }
  static void Put(Page& page, std::uint32_t hash, std::uint32_t value);
  // Takes the page of `hash` apart and returns its values, which go back by Put into it and its new sibling.
  std::array<Entry, kEntries> BeginSplit(std::uint32_t hash);

  Page* NewPage();

  Arena own_;
  Arena& arena_;
  std::vector<Page*> directory_;
  std::vector<Page*> pages_;
  std::vector<Page*> spare_;  // of before Clear
  std::uint32_t depth_ = 0;
  std::size_t size_ = 0;
};

template <typename HashOf>
void SlotIndex::Insert(std::uint32_t hash, std::uint32_t value, HashOf hash_of) {
  Page* page = PageOf(hash);
  while (page->count >= kFull && page->depth < kMaxDepth) {
    for (const Entry entry : BeginSplit(hash)) {
      if (entry == kEmpty) continue;
      const std::uint32_t moved = hash_of(entry & kValueMask);
      Put(*PageOf(moved), moved, entry & kValueMask);
    }
    page = PageOf(hash);
  }
  while (page->count >= kFull) {
    if (page->overflow == nullptr) {
      page->overflow = std::make_unique<Page>();
      page->overflow->depth = kMaxDepth;
    }
    page = page->overflow.get();
  }
  Put(*page, hash, value);
  ++size_;
}

template <typename HashOf>
void SlotIndex::Erase(std::uint32_t hash, std::uint32_t value, HashOf hash_of) {
  for (Page* page = PageOf(hash); page != nullptr; page = page->overflow.get()) {
    std::uint32_t hole = hash & kMask;
    while (page->entries[hole] != kEmpty && (page->entries[hole] & kValueMask) != value)
      hole = (hole + 1) & kMask;
    if (page->entries[hole] == kEmpty) continue;
    // Pull back what was displaced past the hole, so that probes need no tombstones.
    for (std::uint32_t i = (hole + 1) & kMask; page->entries[i] != kEmpty; i = (i + 1) & kMask) {
      const std::uint32_t home = hash_of(page->entries[i] & kValueMask) & kMask;
      if (((i - home) & kMask) < ((i - hole) & kMask)) continue;
      page->entries[hole] = page->entries[i];
      hole = i;
    }
    page->entries[hole] = kEmpty;
    --page->count;
    --size_;
    return;
  }
}

}  // namespace tocsin
