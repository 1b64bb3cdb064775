#include "base/arena.h"

#include <algorithm>
#include <memory>
#include <new>

#include <sys/mman.h>

#include "base/status.h"

namespace tocsin {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20U;
// Of a region. Addresses, not memory: what is not touched is not resident. One page more, so that it can begin at one's start.
constexpr std::size_t kRegion = 32 * kHugePage;
constexpr std::size_t kMapped = kRegion + kHugePage;

}  // namespace

void Arena::Free::operator()(std::byte* piece) const {
  ::operator delete (piece, std::align_val_t{kAlignment});
}

Arena::~Arena() {
  for (void* const region : regions_)
    munmap(region, kMapped);
}

void* Arena::Allocate(std::size_t bytes) {
  TOCSIN_CHECK(bytes >= 1 && bytes <= kMostBytes, "a piece of a table");
  if (in_pieces_ + bytes > kHugeFrom) return FromRegion(bytes);
  in_pieces_ += bytes;
  pieces_.emplace_back(static_cast<std::byte*>(::operator new (bytes, std::align_val_t{kAlignment})));
  return pieces_.back().get();
}

void* Arena::FromRegion(std::size_t bytes) {
  if (left_ < bytes) {
    void* const mapped =
        mmap(nullptr, kMapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    TOCSIN_CHECK(mapped != MAP_FAILED, "no memory for a table");
    regions_.push_back(mapped);
    next_ = mapped;
    std::size_t room = kMapped;
    std::align(kHugePage, kRegion, next_, room);
    left_ = kRegion;
    madvise(next_, kRegion, MADV_HUGEPAGE);  // without it everything is the same, and slower
  }
  void* const piece = next_;
  bytes = std::min(left_, (bytes + kAlignment - 1) & ~(kAlignment - 1));
  next_ = static_cast<std::byte*>(next_) + bytes;
  left_ -= bytes;
  return piece;
}

}  // namespace tocsin
