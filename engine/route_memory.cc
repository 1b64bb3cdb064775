#include "engine/route_memory.h"

#include <algorithm>

namespace tocsin {
namespace {

// Most labels of an alert are not asked for; this tells nearly all of them apart without a comparison.
std::uint64_t LikelyBit(std::string_view name) {
  return std::uint64_t{1} << ((name.size() * 7 + static_cast<unsigned char>(name.front())) & 63U);
}

}  // namespace

RouteMemory::RouteMemory(const Router& router, std::uint64_t seed) : router_(router), hasher_(seed) {
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

std::size_t RouteMemory::Gather(std::span<const LabelView> labels) {
  char* to = asked_.data();
  *to++ = 0;             // so that something is said of labels of which none is asked about
  std::size_t next = 0;  // names_ and labels are both in order: what has been passed does not come any more
  for (const LabelView& label : labels) {
    if ((likely_ & LikelyBit(label.name)) == 0) continue;
    for (std::size_t number = next; number < names_.size(); ++number) {
      if (!SameString(names_[number], label.name)) continue;
      const auto used = static_cast<std::size_t>(to - asked_.data());
      constexpr std::size_t kHead = 3;  // number and length
      if (asked_.size() - used < kHead + label.value.size()) return 0;
      *to++ = static_cast<char>(number);
      *to++ = static_cast<char>(label.value.size());
      *to++ = static_cast<char>(label.value.size() >> 8U);
      to = CopyBytes(to, label.value.data(), label.value.size());
      next = number + 1;
      break;
    }
  }
  return static_cast<std::size_t>(to - asked_.data());
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
  const std::size_t size = places_.empty() ? 0 : Gather(labels);
  if (size == 0) {
    Route(labels, unremembered_);
    return unremembered_;
  }
  const std::string_view asked(asked_.data(), size);
  Place& place = places_[hasher_(asked) & (kPlaces - 1)];
  if (!SameString(place.asked, asked)) {
    remembered_bytes_ -= BytesOf(place);
    place.asked = asked;
    Route(labels, place.targets);
    remembered_bytes_ += BytesOf(place);
  }
  return place.targets;
}

std::size_t RouteMemory::BytesOf(const Place& place) {
  return place.asked.capacity() + (place.targets.capacity() > 1 ? place.targets.capacity() * sizeof(Target) : 0);
}

}  // namespace tocsin
