// From a 32-bit hash to a number: which slot holds this key. Extendible hashing: pages of 512 entries of 8 bytes, found
// through a directory by the top bits of the hash; a full page is split in two, and nothing else moves. A look-up reads the
// directory and, nearly always, one cache line of a page. Pages are not merged when entries go.
//
// The same hash may be inserted any number of times (the caller compares keys); hashes crafted to collide cost overflow
// pages and time, never a failure. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/segmented.h"

namespace tocsin {

class SlotIndex {
 public:
  SlotIndex() { Clear(); }

  // The first value with this hash for which `equal(value)` holds, or kNoSlot.
  template <typename Equal>
  std::uint32_t Find(std::uint32_t hash, Equal equal) const {
    for (const Page* page = PageOf(hash); page != nullptr; page = page->overflow.get()) {
      for (std::uint32_t i = hash & kMask; page->entries[i].value != kNoSlot; i = (i + 1) & kMask) {
        if (page->entries[i].hash == hash && equal(page->entries[i].value)) return page->entries[i].value;
      }
    }
    return kNoSlot;
  }
  // Requires value != kNoSlot.
  void Insert(std::uint32_t hash, std::uint32_t value);
  // No effect when the pair is not there.
  void Erase(std::uint32_t hash, std::uint32_t value);
  void Clear();
  // Asks the processor for the line where a look-up of `hash` will begin.
  void Prefetch(std::uint32_t hash) const { __builtin_prefetch(&PageOf(hash)->entries[hash & kMask]); }

  std::size_t size() const { return size_; }
  std::size_t bytes() const { return pages_.size() * sizeof(Page) + directory_.capacity() * sizeof(Page*); }

 private:
  static constexpr std::uint32_t kEntries = 512;
  static constexpr std::uint32_t kMask = kEntries - 1;
  static constexpr std::uint32_t kFull = kEntries - kEntries / 8;  // so that every probe meets an empty entry
  static constexpr std::uint32_t kMaxDepth = 20;                   // a directory of at most 8 MiB

  struct Entry {
    std::uint32_t hash = 0;
    std::uint32_t value = kNoSlot;
  };
  struct Page {
    std::array<Entry, kEntries> entries;
    std::uint32_t depth = 0;
    std::uint32_t count = 0;
    std::unique_ptr<Page> overflow;  // only at kMaxDepth
  };

  std::size_t DirectoryAt(std::uint32_t hash) const { return depth_ == 0 ? 0 : hash >> (32 - depth_); }
  Page* PageOf(std::uint32_t hash) const { return directory_[DirectoryAt(hash)]; }
  static void InsertInto(Page& page, Entry entry);
  void Split(std::uint32_t hash);

  std::vector<Page*> directory_;
  std::vector<std::unique_ptr<Page>> pages_;
  std::uint32_t depth_ = 0;
  std::size_t size_ = 0;
};

}  // namespace tocsin
