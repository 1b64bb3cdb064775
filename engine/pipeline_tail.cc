#include "engine/pipeline_tail.h"

#include <algorithm>
#include <utility>

namespace tocsin {
namespace {

std::size_t BytesOf(const TimelineTail::Item& item) {
  return sizeof(item) + item.entry.text.size() + item.entry.actor.size();
}

}  // namespace

void TimelineTail::Add(std::vector<ItemPtr> items) {
  if (items.empty()) return;
  std::vector<ItemPtr> dropped;  // destroyed after the lock
  const MutexLock lock(mutex_);
  for (ItemPtr& item : items) {
    bytes_ += BytesOf(*item);
    items_.push_back(std::move(item));
  }
  while (items_.size() > options_.items || (bytes_ > options_.bytes && items_.size() > 1)) {
    bytes_ -= BytesOf(*items_.front());
    dropped.push_back(std::move(items_.front()));
    items_.pop_front();
    ++first_;
  }
}

TimelineTail::Slice TimelineTail::Read(std::uint64_t from, std::size_t limit) const {
  Slice slice;
  const MutexLock lock(mutex_);
  slice.end = first_ + items_.size();
  slice.first = std::clamp(from, first_, slice.end);
  const std::uint64_t last = std::min<std::uint64_t>(slice.end, slice.first + limit);
  for (std::uint64_t number = slice.first; number < last; ++number)
    slice.items.push_back(items_[number - first_]);
  return slice;
}

}  // namespace tocsin
