// Private to ingest: which alerts a stream has sent before, byte for byte but for their times. Most of what a sender says it has said
// already; for that its bytes need not be taken apart, put in order and checked again.
//
// A table of fixed places, found by the hash of the bytes; where all are taken, what comes takes the place of some other. A wrong find
// would need two of the stream's own alerts whose hashes agree in 72 bits or more, and would cost no more than the sender's own alert. It
// grows with what it is taught, up to 8 MiB a stream and 256 MiB in all, and rests the longer the longer it finds nothing.
//
// One a stream. One thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/hash.h"
#include "model/event.h"

namespace tocsin {

class Repeats {
 public:
  struct Known {
    AlertKey key;
    std::uint64_t content = 0;
  };

  Repeats() = default;
  ~Repeats();
  Repeats(const Repeats&) = delete;
  Repeats& operator=(const Repeats&) = delete;

  // Whether hashing the next alert is worth it. To be asked once for each.
  bool Ask();
  void Prefetch(const Hash128& hash) const {
    if (capacity_ == 0) return;
    const Bucket& bucket = buckets_[BucketOf(hash)];
    __builtin_prefetch(&bucket.places[0]);
    __builtin_prefetch(&bucket.places[2]);
  }
  const Known* Find(const Hash128& hash) {
    if (capacity_ == 0) return nullptr;
    for (const Place& place : buckets_[BucketOf(hash)].places) {
      if (place.tag != TagOf(hash)) continue;
      ++found_;
      return &place.known;
    }
    return nullptr;
  }
  void Learn(const Hash128& hash, const Known& known);
  // Everything, and gives its memory back.
  void Forget();

 private:
  struct Place {
    std::uint64_t tag = 0;  // 0: free
    Known known;
  };
  struct alignas(128) Bucket {
    std::array<Place, 4> places;
  };
  static_assert(sizeof(Bucket) == 128, "two cache lines, which come together");
  static constexpr std::size_t kFirst = 1U << 8U;
  static constexpr std::size_t kMost = 1U << 16U;
  static constexpr std::uint32_t kWindow = 1U << 18U;  // alerts after which it is judged
  // In windows. Whoever never says the same again pays less and less for it.
  static constexpr std::uint32_t kFirstRest = 4;
  static constexpr std::uint32_t kLongestRest = 16;

  static std::uint64_t TagOf(const Hash128& hash) { return hash.low | 1U; }
  std::size_t BucketOf(const Hash128& hash) const { return hash.high & (capacity_ - 1); }
  void Grow();

  std::unique_ptr<Bucket[]> buckets_;
  std::size_t capacity_ = 0;
  std::size_t learned_ = 0;  // since it last grew
  std::uint32_t asked_ = 0;  // in this window
  std::uint32_t found_ = 0;
  std::uint32_t rests_left_ = 0;
  std::uint32_t rest_ = kFirstRest;  // the next one
};

}  // namespace tocsin
