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
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"

#include "base/limits.h"
#include "engine/name_sets.h"
#include "engine/router.h"
#include "engine/segmented.h"
#include "engine/short_strings.h"
#include "engine/texts.h"
#include "model/ids.h"
#include "model/labels.h"

namespace tocsin {

class RouteMemory {
 public:
  struct Target {
    std::uint32_t node = 0;
    GroupKey group;
    std::uint32_t number = kNoSlot;  // for the caller to remember what it knows the group by
  };

  RouteMemory(const Router& router, std::uint64_t seed);

  // What the router says: each node that matches, in tree order, and the alert's group there. `labels` are normalised, `names` the set
  // that begins with theirs, if it is known. Good until the next call.
  std::span<Target> Find(std::span<const LabelView> labels, NameSets::Set names = {});
  // The same of an alert whose text was the last one that was stored in `texts`: what is asked about has numbers there nearly always, by which
  // it is found without a look at the values.
  std::span<Target> Find(std::span<const LabelView> labels, NameSets::Set names, const TextStore& texts);

  std::size_t bytes() const {
    return places_.capacity() * sizeof(Place) + numbered_.capacity() * sizeof(Numbered) + remembered_bytes_;
  }

 private:
  static constexpr std::size_t kPlaces = 1U << 12;
  // What comes to the same place finds room beside it: a thousand kinds of alerts would drive one another out else.
  static constexpr std::size_t kBeside = 4;
  // A tree that asks about more labels than these is asked each time.
  static constexpr std::size_t kMostNames = 32;
  // Labels that are asked about and longer than this, all together, are routed each time; so 4,096 places stay below 2 MB.
  static constexpr std::size_t kMostAsked = 256;

  // A label that is asked about.
  struct Asked {
    std::uint32_t name = 0;  // its number in names_
    std::string_view value;
  };
  // Where a label of that name stands among the others.
  struct Stand {
    std::uint32_t name = 0;
    std::uint32_t label = 0;
  };
  struct Place {
    std::uint64_t hash = 0;
    std::string
        asked;  // Asked by Asked: number, length, value; a byte before them, since nothing means that nothing is remembered
    absl::InlinedVector<Target, 1> targets;
    std::uint64_t since = 0;  // which turn it is remembered from
  };
  // A place as it was found by numbers of values.
  static constexpr unsigned kNumberedBits = 10;
  static constexpr std::size_t kNumberedValues = 4;  // who asks about more goes the longer way
  struct Numbered {
    std::uint64_t set = 0;  // of names
    std::uint64_t forgotten = 0;
    std::array<const void*, kNumberedValues> values{};
    Place* place = nullptr;
    std::uint64_t since = 0;
  };

  // Where what is asked about stands among the labels of a set of names, or of the last alert whose names were not known.
  struct Stands {
    std::uint64_t set = 0;
    std::size_t count = 0;
    std::array<Stand, kMostNames> stands;
  };
  // What of `labels` is asked about, into asked_. False: too much.
  bool Gather(std::span<const LabelView> labels, const Stands& stands);
  const Stands& StandsOf(std::span<const LabelView> labels, NameSets::Set names);
  // Whether all names that are asked about stand where they stood last. Then no other label can be one of them.
  bool StandAsBefore(std::span<const LabelView> labels) const;
  void FindStands(std::span<const LabelView> labels, Stands& stands) const;
  bool IsAskedBy(const Place& place) const;
  void Remember(Place& place) const;
  // What it takes besides itself.
  static std::size_t BytesOf(const Place& place);
  template <typename Targets>
  void Route(std::span<const LabelView> labels, Targets& targets);

  const Router& router_;
  StringHasher hasher_;
  std::vector<std::string> names_;    // that matchers and groups ask for
  std::uint64_t likely_ = 0;          // a bit for each of them
  std::vector<Place> places_;         // empty: the tree asks about too much
  std::size_t remembered_bytes_ = 0;  // besides them
  std::array<Stands, NameSets::kSets> known_;
  Stands unknown_;
  // Of the last Gather.
  std::array<Asked, kMostNames> asked_;
  std::size_t asked_count_ = 0;
  std::size_t asked_bytes_ = 0;  // as a place has them
  std::uint64_t asked_hash_ = 0;
  std::size_t turn_ = 0;  // whose turn it is to be driven out
  std::vector<Numbered> numbered_;
  Place* found_ = nullptr;  // of the last Find, if it is remembered
  std::vector<Target> unremembered_;
  std::vector<std::uint32_t> matched_;
  std::array<LabelView, limits::kLabelsPerAlert> group_labels_;
};

}  // namespace tocsin
