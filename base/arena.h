// Memory for tables that only grow: pieces are given back all at once, when the arena goes.
//
// A table of some MiB is made of ordinary pieces of the heap. Beyond kHugeFrom the memory comes from regions that the system is asked to
// back with pages of 2 MiB: a table of a million alerts is read all over, by addresses of which the processor knows too few at a
// time when pages have 4 KiB, and touching a page for the first time costs the same whatever its size. At most one such page is not
// wholly in use. One thread.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace tocsin {

class Arena {
 public:
  static constexpr std::size_t kHugeFrom = std::size_t{16} << 20U;
  static constexpr std::size_t kMostBytes = std::size_t{2} << 20U;  // of a piece
  static constexpr std::size_t kAlignment = 64;

  Arena() = default;
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Uninitialised, aligned to kAlignment. Requires 1 <= bytes <= kMostBytes.
  void* Allocate(std::size_t bytes);

 private:
  struct Free {
    void operator()(std::byte* piece) const;
  };
  void* FromRegion(std::size_t bytes);

  std::vector<std::unique_ptr<std::byte, Free>> pieces_;
  std::size_t in_pieces_ = 0;
  std::vector<void*> regions_;
  void* next_ = nullptr;  // the last region's unused part
  std::size_t left_ = 0;
};

}  // namespace tocsin
