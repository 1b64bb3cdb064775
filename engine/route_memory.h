// Where alerts went lately. Thousands of alerts are alike in all that the routing tree asks about (a team, a cluster, what they
// are grouped by): what the router once said of such labels is remembered, and found again by their values.
//
// The values themselves are compared: whoever met another's hash would be in the other's group. Places are few and fixed; later alerts
// push out earlier ones. For one router, which it must not outlive. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"

#include "base/limits.h"
#include "engine/router.h"
#include "engine/short_strings.h"
#include "model/ids.h"
#include "model/labels.h"

namespace tocsin {

class RouteMemory {
 public:
  struct Target {
    std::uint32_t node = 0;
    GroupKey group;
  };

  RouteMemory(const Router& router, std::uint64_t seed);

  // What the router says: each node that matches, in tree order, and the alert's group there. `labels` are normalised. Good
  // until the next call.
  std::span<const Target> Find(std::span<const LabelView> labels);

  std::size_t bytes() const { return places_.capacity() * sizeof(Place) + remembered_bytes_; }

 private:
  static constexpr std::size_t kPlaces = 1U << 12;
  // A tree that asks about more labels than these is asked each time.
  static constexpr std::size_t kMostNames = 32;
  // Labels that are asked about and longer than this, all together, are routed each time; so 4,096 places stay below 2 MB.
  static constexpr std::size_t kMostAsked = 256;

  struct Place {
    std::string asked;  // what Gather said; empty: nothing is remembered
    absl::InlinedVector<Target, 1> targets;
  };

  // The labels that are asked about, in asked_: equal for equal ones, and otherwise not. How many bytes; 0: too many.
  std::size_t Gather(std::span<const LabelView> labels);
  // What it takes besides itself.
  static std::size_t BytesOf(const Place& place);
  template <typename Targets>
  void Route(std::span<const LabelView> labels, Targets& targets);

  const Router& router_;
  StringHasher hasher_;
  std::vector<std::string> names_;  // that matchers and groups ask for
  std::uint64_t likely_ = 0;        // a bit for each of them
  std::vector<Place> places_;       // empty: the tree asks about too much
  std::size_t remembered_bytes_ = 0;
  std::array<char, kMostAsked> asked_;
  std::vector<Target> unremembered_;
  std::vector<std::uint32_t> matched_;
  std::array<LabelView, limits::kLabelsPerAlert> group_labels_;
};

}  // namespace tocsin
