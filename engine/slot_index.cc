#include "engine/slot_index.h"

namespace tocsin {

void SlotIndex::Clear() {
  directory_.clear();
  pages_.clear();
  pages_.push_back(std::make_unique<Page>());
  directory_.push_back(pages_.back().get());
  depth_ = 0;
  size_ = 0;
}

void SlotIndex::InsertInto(Page& page, Entry entry) {
  std::uint32_t i = entry.hash & kMask;
  while (page.entries[i].value != kNoSlot)
    i = (i + 1) & kMask;
  page.entries[i] = entry;
  ++page.count;
}

void SlotIndex::Split(std::uint32_t hash) {
  if (PageOf(hash)->depth == depth_) {
    std::vector<Page*> doubled(directory_.size() * 2);
    for (std::size_t i = 0; i < doubled.size(); ++i)
      doubled[i] = directory_[i / 2];
    directory_ = std::move(doubled);
    ++depth_;
  }
  Page& page = *PageOf(hash);
  const std::uint32_t bit = 31 - page.depth;  // tells the two halves apart
  pages_.push_back(std::make_unique<Page>());
  Page& upper = *pages_.back();
  upper.depth = ++page.depth;

  const std::array<Entry, kEntries> entries = page.entries;
  page.entries = {};
  page.count = 0;
  for (const Entry& entry : entries) {
    if (entry.value != kNoSlot) InsertInto((entry.hash >> bit & 1U) != 0 ? upper : page, entry);
  }
  // The directory's run for this page: all numbers that share the page's first bits.
  const std::size_t run = std::size_t{1} << (depth_ - page.depth);
  const std::size_t first = (DirectoryAt(hash) / (2 * run) * 2 + 1) * run;
  for (std::size_t i = first; i < first + run; ++i)
    directory_[i] = &upper;
}

void SlotIndex::Insert(std::uint32_t hash, std::uint32_t value) {
  Page* page = PageOf(hash);
  while (page->count >= kFull && page->depth < kMaxDepth) {
    Split(hash);
    page = PageOf(hash);
  }
  while (page->count >= kFull) {
    if (page->overflow == nullptr) {
      page->overflow = std::make_unique<Page>();
      page->overflow->depth = kMaxDepth;
    }
    page = page->overflow.get();
  }
  InsertInto(*page, {hash, value});
  ++size_;
}

void SlotIndex::Erase(std::uint32_t hash, std::uint32_t value) {
  for (Page* page = PageOf(hash); page != nullptr; page = page->overflow.get()) {
    std::uint32_t hole = hash & kMask;
    while (page->entries[hole].value != kNoSlot &&
           (page->entries[hole].hash != hash || page->entries[hole].value != value)) {
      hole = (hole + 1) & kMask;
    }
    if (page->entries[hole].value == kNoSlot) continue;
    // Pull back what was displaced past the hole, so that probes need no tombstones.
    for (std::uint32_t i = (hole + 1) & kMask; page->entries[i].value != kNoSlot; i = (i + 1) & kMask) {
      const std::uint32_t home = page->entries[i].hash & kMask;
      if (((i - home) & kMask) < ((i - hole) & kMask)) continue;
      page->entries[hole] = page->entries[i];
      hole = i;
    }
    page->entries[hole].value = kNoSlot;
    --page->count;
    --size_;
    return;
  }
}

}  // namespace tocsin
