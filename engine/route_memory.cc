#include "engine/route_memory.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace tocsin {
namespace {

// Most labels of an alert are not asked for; this tells nearly all of them apart without a comparison.
std::uint64_t LikelyBit(std::string_view name) {
  return std::uint64_t{1} << ((name.size() * 7 + static_cast<unsigned char>(*name.data())) & 63U);
}

// Of one label in a place: the number of its name and the length of its value.
constexpr std::size_t kHeadBytes = 4;
std::uint32_t HeadOf(std::uint32_t name, std::size_t bytes) {
  static_assert(limits::kLabelValueBytes < 1U << 16);
  return name << 16U | static_cast<std::uint32_t>(bytes);
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

bool RouteMemory::StandAsBefore(std::span<const LabelView> labels) const {
  if (stand_count_ != names_.size()) return false;
  for (std::size_t number = 0; number < stand_count_; ++number) {
    const std::uint32_t at = stands_[number].label;
    if (at >= labels.size() || !SameString(names_[number], labels[at].name)) return false;
  }
  return true;
}

void RouteMemory::FindStands(std::span<const LabelView> labels) {
  stand_count_ = 0;
  std::size_t next = 0;  // names_ and labels are both in order: what has been passed does not come any more
  for (std::size_t at = 0; at < labels.size(); ++at) {
    const std::string_view name = labels[at].name;
    if ((likely_ & LikelyBit(name)) == 0) continue;
    for (std::size_t number = next; number < names_.size(); ++number) {
      if (!SameString(names_[number], name)) continue;
      stands_[stand_count_++] = {static_cast<std::uint32_t>(number), static_cast<std::uint32_t>(at)};
      next = number + 1;
      break;
    }
  }
}

bool RouteMemory::Gather(std::span<const LabelView> labels) {
  if (!StandAsBefore(labels)) FindStands(labels);
  asked_bytes_ = 1;
  asked_hash_ = 0;
  Asked* asked = asked_.data();
  for (const Stand& stand : std::span(stands_).first(stand_count_)) {
    const std::string_view value = labels[stand.label].value;
    *asked++ = {stand.name, value};
    asked_bytes_ += kHeadBytes + value.size();
    asked_hash_ = std::rotl(asked_hash_, 29) + (hasher_(value) ^ stand.name);
  }
  return asked_bytes_ <= kMostAsked;
}

bool RouteMemory::IsAskedBy(const Place& place) const {
  if (place.hash != asked_hash_ || place.asked.size() != asked_bytes_) return false;
  const char* at = place.asked.data() + 1;
  for (const Asked& asked : std::span(asked_).first(stand_count_)) {
    if (HeadOf(asked.name, asked.value.size()) != short_strings::Load<std::uint32_t>(at)) return false;
    at += kHeadBytes;
    if (!SameBytes(at, asked.value.data(), asked.value.size())) return false;
    at += asked.value.size();
  }
  return true;
}

void RouteMemory::Remember(Place& place) const {
  place.hash = asked_hash_;
  place.asked.assign(1, '\0');
  for (const Asked& asked : std::span(asked_).first(stand_count_)) {
    const std::uint32_t head = HeadOf(asked.name, asked.value.size());
    std::array<char, kHeadBytes> bytes;
    std::memcpy(bytes.data(), &head, sizeof head);
    place.asked.append(bytes.data(), bytes.size()).append(asked.value);
  }
}

template <typename Targets>
void RouteMemory::Route(std::span<const LabelView> labels, Targets& targets) {
  targets.clear();
  router_.Match(labels, matched_);
  for (const std::uint32_t number : matched_) {
    const Router::Node& node = router_.node(number);
    targets.push_back({number, router_.KeyOf(node, router_.GroupLabels(node, labels, group_labels_)), kNoSlot});
  }
}

std::span<RouteMemory::Target> RouteMemory::Find(std::span<const LabelView> labels) {
  if (places_.empty() || !Gather(labels)) {
    Route(labels, unremembered_);
    return unremembered_;
  }
  Place* const places = &places_[asked_hash_ & (kPlaces - kBeside)];
  for (Place& place : std::span(places, kBeside))
    if (IsAskedBy(place)) return place.targets;
  Place& place = places[turn_++ % kBeside];
  remembered_bytes_ -= BytesOf(place);
  Remember(place);
  Route(labels, place.targets);
  remembered_bytes_ += BytesOf(place);
  return place.targets;
}

std::size_t RouteMemory::BytesOf(const Place& place) {
  return place.asked.capacity() + (place.targets.capacity() > 1 ? place.targets.capacity() * sizeof(Target) : 0);
}

}  // namespace tocsin
