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

void SlotIndex::Put(Page& page, std::uint32_t hash, std::uint32_t value) {
  std::uint32_t i = hash & kMask;
  while (page.entries[i] != kEmpty)
    i = (i + 1) & kMask;
  page.entries[i] = TagOf(hash) | value;
  ++page.count;
}

std::array<SlotIndex::Entry, SlotIndex::kEntries> SlotIndex::BeginSplit(std::uint32_t hash) {
  if (PageOf(hash)->depth == depth_) {
    std::vector<Page*> doubled(directory_.size() * 2);
    for (std::size_t i = 0; i < doubled.size(); ++i)
      doubled[i] = directory_[i / 2];
    directory_ = std::move(doubled);
    ++depth_;
  }
  Page& page = *PageOf(hash);
  pages_.push_back(std::make_unique<Page>());
  Page& upper = *pages_.back();
  upper.depth = ++page.depth;
  // The directory's run for this page: all numbers that share the page's first bits; the upper half becomes its sibling's.
  const std::size_t run = std::size_t{1} << (depth_ - page.depth);
  const std::size_t first = (DirectoryAt(hash) / (2 * run) * 2 + 1) * run;
  for (std::size_t i = first; i < first + run; ++i)
    directory_[i] = &upper;

  const std::array<Entry, kEntries> entries = page.entries;
  page.entries.fill(kEmpty);
  page.count = 0;
  return entries;
}

}  // namespace tocsin
