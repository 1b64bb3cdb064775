#include "ingest/repeats.h"

#include <algorithm>
#include <atomic>

namespace tocsin {
namespace {

constexpr std::size_t kBytesOfAll = std::size_t{256} << 20U;
constexpr std::uint32_t kWorthIt = 16;  // one found in so many pays for the others' hashes

std::atomic<std::size_t> bytes_of_all{0};

}  // namespace

Repeats::~Repeats() {
  Forget();
}

void Repeats::Forget() {
  bytes_of_all.fetch_sub(capacity_ * sizeof(Bucket), std::memory_order_relaxed);
  buckets_.reset();
  capacity_ = 0;
  learned_ = 0;
}

bool Repeats::Ask() {
  if (++asked_ < kWindow) return rests_left_ == 0;
  if (rests_left_ > 0) {
    --rests_left_;
  } else if (found_ >= asked_ / kWorthIt) {
    rest_ = kFirstRest;
  } else {
    rests_left_ = rest_;
    rest_ = std::min(4 * rest_, kLongestRest);
  }
  asked_ = 0;
  found_ = 0;
  return rests_left_ == 0;
}

void Repeats::Learn(const Hash128& hash, const Known& known) {
  if (learned_ >= 2 * capacity_) Grow();
  if (capacity_ == 0) return;
  ++learned_;
  auto& places = buckets_[BucketOf(hash)].places;
  const auto free = std::ranges::find(places, 0U, &Place::tag);
  // Some other one: the oldest would be the next that is asked for when a sender says all of its alerts in turn.
  Place& place = free != places.end() ? *free : places[learned_ % places.size()];
  place = {TagOf(hash), known};
}

// What was known is learned anew: to move it would need more of each hash than is kept.
void Repeats::Grow() {
  const std::size_t larger = std::max(kFirst, 2 * capacity_);
  learned_ = 0;
  if (larger > kMost) return;
  const std::size_t more = (larger - capacity_) * sizeof(Bucket);
  if (bytes_of_all.fetch_add(more, std::memory_order_relaxed) + more > kBytesOfAll) {
    bytes_of_all.fetch_sub(more, std::memory_order_relaxed);
    return;
  }
  buckets_ = std::make_unique<Bucket[]>(larger);
  capacity_ = larger;
}

}  // namespace tocsin
