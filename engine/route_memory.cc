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
  if (by_all || names_.size() > kMostNames) return;
  places_.resize(kPlaces);
  numbered_.resize(std::size_t{1} << kNumberedBits);
}

bool RouteMemory::StandAsBefore(std::span<const LabelView> labels) const {
  if (unknown_.count != names_.size()) return false;
  for (std::size_t number = 0; number < unknown_.count; ++number) {
    const std::uint32_t at = unknown_.stands[number].label;
    if (at >= labels.size() || !SameString(names_[number], labels[at].name)) return false;
  }
  return true;
}

void RouteMemory::FindStands(std::span<const LabelView> labels, Stands& stands) const {
  stands.count = 0;
  std::size_t next = 0;  // names_ and labels are both in order: what has been passed does not come any more
  for (std::size_t at = 0; at < labels.size(); ++at) {
    const std::string_view name = labels[at].name;
    if ((likely_ & LikelyBit(name)) == 0) continue;
    for (std::size_t number = next; number < names_.size(); ++number) {
      if (!SameString(names_[number], name)) continue;
      stands.stands[stands.count++] = {static_cast<std::uint32_t>(number), static_cast<std::uint32_t>(at)};
      next = number + 1;
      break;
    }
  }
}

const RouteMemory::Stands& RouteMemory::StandsOf(std::span<const LabelView> labels, NameSets::Set names) {
  if (names.number == 0) {
    if (!StandAsBefore(labels)) FindStands(labels, unknown_);
    return unknown_;
  }
  Stands& known = known_[names.place];
  if (known.set != names.number) {
    FindStands(labels, known);
    known.set = names.number;
  }
  return known;
}

bool RouteMemory::Gather(std::span<const LabelView> labels, const Stands& stands) {
  asked_bytes_ = 1;
  asked_hash_ = 0;
  asked_count_ = stands.count;
  Asked* asked = asked_.data();
  for (const Stand& stand : std::span(stands.stands).first(stands.count)) {
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
  for (const Asked& asked : std::span(asked_).first(asked_count_)) {
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
  for (const Asked& asked : std::span(asked_).first(asked_count_)) {
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

std::span<RouteMemory::Target> RouteMemory::Find(std::span<const LabelView> labels, NameSets::Set names) {
  found_ = nullptr;
  if (places_.empty() || !Gather(labels, StandsOf(labels, names))) {
    Route(labels, unremembered_);
    return unremembered_;
  }
  Place* const places = &places_[asked_hash_ & (kPlaces - kBeside)];
  for (Place& place : std::span(places, kBeside)) {
    if (!IsAskedBy(place)) continue;
    found_ = &place;
    return place.targets;
  }
  Place& place = places[turn_++ % kBeside];
  remembered_bytes_ -= BytesOf(place);
  Remember(place);
  Route(labels, place.targets);
  remembered_bytes_ += BytesOf(place);
  place.since = turn_;
  found_ = &place;
  return place.targets;
}

std::span<RouteMemory::Target> RouteMemory::Find(std::span<const LabelView> labels,
                                                 NameSets::Set names,
                                                 const TextStore& texts) {
  if (names.number == 0 || numbered_.empty()) return Find(labels, names);
  const Stands& stands = StandsOf(labels, names);
  if (stands.count > kNumberedValues) return Find(labels, names);
  std::array<const void*, kNumberedValues> values{};
  std::uint64_t mixed = names.number;
  for (std::size_t i = 0; i < stands.count; ++i) {
    values[i] = texts.ValueOf(stands.stands[i].label);
    if (values[i] == nullptr) return Find(labels, names);
    mixed = (std::rotl(mixed, 23) ^ std::bit_cast<std::uintptr_t>(values[i])) * 0x9E3779B97F4A7C15U;
  }
  Numbered& numbered = numbered_[mixed >> (64 - kNumberedBits)];
  if (numbered.values == values && numbered.set == names.number && numbered.forgotten == texts.forgotten() &&
      numbered.since == numbered.place->since) {
    return numbered.place->targets;
  }
  const std::span<Target> targets = Find(labels, names);
  if (found_ != nullptr) numbered = {names.number, texts.forgotten(), values, found_, found_->since};
  return targets;
}

std::size_t RouteMemory::BytesOf(const Place& place) {
  return place.asked.capacity() + (place.targets.capacity() > 1 ? place.targets.capacity() * sizeof(Target) : 0);
}

}  // namespace tocsin
