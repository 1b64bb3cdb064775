#include "escalation/interval_index.h"

#include <algorithm>

namespace tocsin {

IntervalIndex::IntervalIndex(std::span<const Interval> intervals) {
  nodes_.reserve(intervals.size());
  for (const Interval& interval : intervals) {
    nodes_.push_back({.start = interval.start,
                      .end = interval.end,
                      .last_end = interval.end,
                      .position = static_cast<std::uint32_t>(nodes_.size())});
  }
  std::sort(nodes_.begin(), nodes_.end(), [](const Node& a, const Node& b) { return a.start < b.start; });
  SetLastEnds(0, nodes_.size());
}

Instant IntervalIndex::SetLastEnds(std::size_t first, std::size_t last) {
  if (first == last) return {INT64_MIN};
  const std::size_t middle = first + (last - first) / 2;
  Node& root = nodes_[middle];
  root.last_end = std::max({root.end, SetLastEnds(first, middle), SetLastEnds(middle + 1, last)});
  return root.last_end;
}

void IntervalIndex::Collect(std::size_t first, std::size_t last, Instant at, Hits& hits) const {
  while (first != last) {
    const std::size_t middle = first + (last - first) / 2;
    const Node& root = nodes_[middle];
    if (root.last_end <= at) return;
    Collect(first, middle, at, hits);
    if (root.start > at) return;  // and so do all to the right
    if (at < root.end) hits.push_back(root.position);
    first = middle + 1;
  }
}

IntervalIndex::Hits IntervalIndex::At(Instant at) const {
  Hits hits;
  Collect(0, nodes_.size(), at, hits);
  std::sort(hits.begin(), hits.end());
  return hits;
}

}  // namespace tocsin
