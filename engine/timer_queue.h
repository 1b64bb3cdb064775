// Armed timers, and which of them is due first: a radix heap in front of which a small ordered set stands.
//
//   near_      every timer due at `floor_` or before, in order
//   buckets_   all others; bucket b holds those whose due time first differs from `floor_` in bit b, counted from below
//
// To arm a timer is to append it to a bucket, to cancel it is to forget where it was: both take constant time, however many
// are armed. A bucket is looked into when near_ has run out: a small one becomes near_, a large one is spread over the
// buckets below it, where it is closer to its time. So a timer is moved at most once for each bit, and almost always much
// less often. What was cancelled stays behind in its bucket until that is looked into, or until half of all is such.
//
// The order is that of DueTimer and of nothing else: not of arming, nor of what was cancelled. Pure. One thread.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"

#include "base/clock.h"
#include "model/ids.h"

namespace tocsin {

// Order in which due timers fire: the earlier, then the more severe, then the older.
struct DueTimer {
  EngineTime due;
  std::uint8_t rank = 0;  // a lane: 0 critical, 1 normal, 2 the rest
  TimerId id;
  friend auto operator<=>(const DueTimer&, const DueTimer&) = default;
};

class TimerQueue {
 public:
  // A timer that is armed already is moved.
  void Arm(const DueTimer& key);
  void Cancel(TimerId id);

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // The first of all. Requires !empty().
  const DueTimer& First() const;

  // use(key) for each timer that is due at `now` or before, in order, until it returns false. `use` may not arm or cancel.
  template <typename Use>
  void ForEachDue(EngineTime now, const Use& use) const {
    if (empty()) return;
    Look();
    auto next = near_.begin();
    while (next != near_.end() && next->due <= now) {
      const DueTimer key = *next;
      if (!use(key)) return;
      if (++next != near_.end()) continue;
      if (!LookFurther()) return;
      next = near_.upper_bound(key);
    }
  }

 private:
  enum class Place : std::uint8_t {
    kNowhere,
    kBucket,
    kNear
  };
  // What is known of one timer. They lie in pages by id: ids are given in sequence, so those that are armed together, and
  // mostly come up together, lie together.
  struct Slot {
    EngineTime due;
    std::uint32_t stamp = 0;  // of the entry in a bucket that stands for it
    std::uint8_t rank = 0;
    Place place = Place::kNowhere;
  };
  static constexpr std::size_t kPage = 64;
  struct Page {
    std::array<Slot, kPage> slots;
    std::size_t armed = 0;
  };
  struct Entry {
    EngineTime due;
    TimerId id;
    std::uint32_t stamp = 0;
  };
  // In the order of due times.
  static std::uint64_t Ordinal(EngineTime due);
  // nullptr: no timer of that page is armed.
  Page* FindPage(TimerId id) const;
  // The timer that the entry stands for; nullptr: it was cancelled or moved since.
  Slot* Find(const Entry& entry) const;
  // Appends to the bucket that is the entry's. Requires that it is due after floor_.
  void File(const Entry& entry) const;
  // Makes near_ hold the first timer. Requires !empty().
  void Look() const;
  // Moves the next timers to near_, whatever that holds; false when there are none.
  bool LookFurther() const;
  void DropCancelled();

  absl::flat_hash_map<std::uint64_t, std::unique_ptr<Page>> pages_;
  std::size_t size_ = 0;
  std::uint32_t stamp_ = 0;
  // Looking sorts what it looks at: nothing that anybody could tell from outside changes by it.
  mutable absl::btree_set<DueTimer> near_;
  mutable std::array<std::vector<Entry>, 64> buckets_;
  mutable std::uint64_t floor_ = 0;
  mutable std::size_t entries_ = 0;  // of all buckets, cancelled ones included
};

}  // namespace tocsin
