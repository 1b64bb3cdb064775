// Which of many half-open intervals hold an instant. Immutable; O(log n + hits) per question, and no allocation but for
// the hits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/container/inlined_vector.h"

#include "escalation/seconds.h"

namespace tocsin {

struct Interval {
  Instant start;
  Instant end;
};

class IntervalIndex {
 public:
  // Positions in the span that the index was made of, ascending.
  using Hits = absl::InlinedVector<std::uint32_t, 8>;

  IntervalIndex() = default;
  explicit IntervalIndex(std::span<const Interval> intervals);

  Hits At(Instant at) const;

 private:
  // Ascending by start. The nodes of a range are a balanced tree: its root is the middle, and knows the range's last
  // end.
  struct Node {
    Instant start;
    Instant end;
    Instant last_end;
    std::uint32_t position = 0;
  };
  Instant SetLastEnds(std::size_t first, std::size_t last);
  void Collect(std::size_t first, std::size_t last, Instant at, Hits& hits) const;

  std::vector<Node> nodes_;
};

}  // namespace tocsin
