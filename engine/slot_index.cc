#include "engine/slot_index.h"

#include <new>

namespace tocsin {

SlotIndex::~SlotIndex() {
  for (Page* const page : pages_)
    std::destroy_at(page);
}

SlotIndex::Page* SlotIndex::NewPage() {
  void* memory = nullptr;
  if (spare_.empty()) {
    memory = arena_.Allocate(sizeof(Page));
  } else {
    memory = spare_.back();
    spare_.pop_back();
  }
  return pages_.emplace_back(new (memory) Page());
}

void SlotIndex::Clear() {
  directory_.clear();
  for (Page* const page : pages_)
    std::destroy_at(page);
  spare_.insert(spare_.end(), pages_.begin(), pages_.end());
  pages_.clear();
  directory_.push_back(NewPage());
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
  Page& upper = *NewPage();
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
