#include "engine/timer_queue.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/status.h"

namespace tocsin {
namespace {

constexpr std::size_t kSmallBucket = 64;   // is moved to near_ as a whole
constexpr std::size_t kCancelled = 1'024;  // so many are never too many

}  // namespace

std::uint64_t TimerQueue::Ordinal(EngineTime due) {
  return static_cast<std::uint64_t>(due.ns()) ^ (std::uint64_t{1} << 63U);
}

TimerQueue::Page* TimerQueue::FindPage(TimerId id) const {
  const auto found = pages_.find(id.value() / kPage);
  return found == pages_.end() ? nullptr : found->second.get();
}

TimerQueue::Slot* TimerQueue::Find(const Entry& entry) const {
  Page* page = FindPage(entry.id);
  if (page == nullptr) return nullptr;
  Slot& slot = page->slots[entry.id.value() % kPage];
  return slot.place == Place::kBucket && slot.stamp == entry.stamp ? &slot : nullptr;
}

void TimerQueue::File(const Entry& entry) const {
  const std::uint64_t differs = Ordinal(entry.due) ^ floor_;
  buckets_[static_cast<std::size_t>(std::bit_width(differs) - 1)].push_back(entry);
  ++entries_;
}

void TimerQueue::Arm(const DueTimer& key) {
  std::unique_ptr<Page>& page = pages_[key.id.value() / kPage];
  if (page == nullptr) page = std::make_unique<Page>();
  Slot& slot = page->slots[key.id.value() % kPage];
  const bool is_new = slot.place == Place::kNowhere;
  if (slot.place == Place::kNear) near_.erase({slot.due, slot.rank, key.id});
  if (is_new) {
    ++page->armed;
    ++size_;
  }
  const bool is_near = Ordinal(key.due) <= floor_;
  slot = {.due = key.due, .stamp = ++stamp_, .rank = key.rank, .place = is_near ? Place::kNear : Place::kBucket};
  if (is_near) {
    near_.insert(key);
  } else {
    File({key.due, key.id, slot.stamp});
  }
  if (!is_new) DropCancelled();
}

void TimerQueue::Cancel(TimerId id) {
  Page* page = FindPage(id);
  if (page == nullptr) return;
  Slot& slot = page->slots[id.value() % kPage];
  if (slot.place == Place::kNowhere) return;
  if (slot.place == Place::kNear) near_.erase({slot.due, slot.rank, id});
  slot.place = Place::kNowhere;
  --size_;
  if (--page->armed == 0) pages_.erase(id.value() / kPage);
  DropCancelled();
}

const DueTimer& TimerQueue::First() const {
  TOCSIN_CHECK(!empty(), "the first of some timers");
  Look();
  return *near_.begin();
}

void TimerQueue::Look() const {
  if (near_.empty()) TOCSIN_CHECK(LookFurther(), "a timer that is armed is in some bucket");
}

bool TimerQueue::LookFurther() const {
  while (true) {
    const auto bucket = std::ranges::find_if(buckets_, [](const std::vector<Entry>& each) { return !each.empty(); });
    if (bucket == buckets_.end()) return false;
    std::vector<Entry> entries;
    entries.swap(*bucket);
    entries_ -= entries.size();
    std::erase_if(entries, [&](const Entry& entry) { return Find(entry) == nullptr; });
    if (entries.empty()) continue;
    // The bits above the bucket's are those of floor_, before and after: what is in higher buckets stays there.
    const auto bit = static_cast<unsigned>(bucket - buckets_.begin());
    if (entries.size() <= kSmallBucket) {
      floor_ |= (std::uint64_t{2} << bit) - 1;
    } else {
      floor_ = Ordinal(std::ranges::min(entries, {}, &Entry::due).due);
    }
    std::vector<DueTimer> near;
    for (const Entry& entry : entries) {
      if (Ordinal(entry.due) > floor_) {
        File(entry);
        continue;
      }
      Slot& slot = *Find(entry);
      slot.place = Place::kNear;
      near.push_back({entry.due, slot.rank, entry.id});
    }
    // All of them are later than what near_ holds already.
    std::ranges::sort(near);
    for (const DueTimer& key : near)
      near_.insert(near_.end(), key);
    return true;
  }
}

void TimerQueue::DropCancelled() {
  const std::size_t standing = size_ - near_.size();
  if (entries_ <= 2 * standing + kCancelled) return;
  for (std::vector<Entry>& bucket : buckets_) {
    entries_ -= std::erase_if(bucket, [&](const Entry& entry) { return Find(entry) == nullptr; });
  }
}

}  // namespace tocsin
