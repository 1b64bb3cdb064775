#include "engine/route_memory.h"

#include <algorithm>

#include "base/hash.h"
#include "engine/short_strings.h"

namespace tocsin {
namespace {

// Most labels of an alert are not asked for; this tells nearly all of them apart without a comparison.
std::uint64_t LikelyBit(std::string_view name) {
  return std::uint64_t{1} << ((name.size() * 7 + static_cast<unsigned char>(name.front())) & 63U);
}

}  // namespace

RouteMemory::RouteMemory(const Router& router, std::uint64_t seed) : router_(router), seed_(seed) {
  bool by_all = false;
  for (const Router::Node& node : router.nodes()) {
    for (const Matcher& matcher : node.matchers.matchers())
      names_.push_back(matcher.name);
    names_.insert(names_.end(), node.group_by.begin(), node.group_by.end());
    by_all = by_all || node.group_by_all;
  }
  std::ranges::sort(names_);
  const auto repeated = std::ranges::unique(names_);
  names_.erase(repeated.begin(), repeated.end());
  std::erase(names_, "");  // no label has this name
  for (const std::string& name : names_)
    likely_ |= LikelyBit(name);
  if (!by_all && names_.size() <= kMostNames) places_.resize(kPlaces);
}

// Never zero; the same for the same labels among those that are asked for. As strong as the keys of groups: whoever met another
// here would be in the other's group.
std::uint64_t RouteMemory::HashOfAsked(std::span<const LabelView> labels) const {
  std::uint64_t hash = seed_;
  for (const LabelView& label : labels) {
    if ((likely_ & LikelyBit(label.name)) == 0) continue;
    for (std::size_t number = 0; number < names_.size(); ++number) {
      if (!SameString(names_[number], label.name)) continue;
      hash = Hash64(label.value, hash + (number + 1) * 0x9E3779B97F4A7C15);
      break;
    }
  }
  return hash == 0 ? 1 : hash;
}

template <typename Targets>
void RouteMemory::Route(std::span<const LabelView> labels, Targets& targets) {
  targets.clear();
  router_.Match(labels, matched_);
  for (const std::uint32_t number : matched_) {
    const Router::Node& node = router_.node(number);
    targets.push_back({number, router_.KeyOf(node, router_.GroupLabels(node, labels, group_labels_))});
  }
}

std::span<const RouteMemory::Target> RouteMemory::Find(std::span<const LabelView> labels) {
  if (places_.empty()) {
    Route(labels, unremembered_);
    return unremembered_;
  }
  const std::uint64_t hash = HashOfAsked(labels);
  Place& place = places_[hash >> 32U & (kPlaces - 1)];
  if (place.hash != hash) {
    place.hash = hash;
    Route(labels, place.targets);
  }
  return place.targets;
}

std::size_t RouteMemory::bytes() const {
  std::size_t bytes = places_.capacity() * sizeof(Place);
  for (const Place& place : places_)
    bytes += place.targets.capacity() > 1 ? place.targets.capacity() * sizeof(Target) : 0;
  return bytes;
}

}  // namespace tocsin
