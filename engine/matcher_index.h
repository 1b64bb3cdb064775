// Which of many lists of matchers an alert fits. A list with an equality matcher is found by the alert's own labels, so
// ten thousand lists for single instances cost an alert no more than a few look-ups; only the rest are tried one by one.
//
// Immutable once filled; pure.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/labels.h"
#include "model/matcher.h"

namespace tocsin {

class MatcherIndex {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  // Lists are numbered in the order in which they are added. Requires at least one matcher.
  void Add(CompiledMatchers matchers);

  // The lowest number that fits and for which `take(number)` holds; kNone when there is none.
  template <typename Take>
  std::uint32_t First(std::span<const LabelView> labels, const Take& take) const;
  // Calls visit(number) for each that fits, in no order, each once.
  template <typename Visit>
  void ForEach(std::span<const LabelView> labels, const Visit& visit) const;
  bool Fits(std::uint32_t number, std::span<const LabelView> labels) const { return lists_[number].Match(labels); }

  // The matcher by which a list is found; nullptr: every alert must be tried against it.
  static const Matcher* KeyOf(const CompiledMatchers& matchers);
  static std::uint64_t HashOf(std::string_view name, std::string_view value);

  const CompiledMatchers& at(std::uint32_t number) const { return lists_[number]; }
  std::size_t size() const { return lists_.size(); }
  // Lists that every alert is tried against, because they have no equality matcher.
  std::size_t unindexed() const { return any_.size(); }

 private:
  std::vector<CompiledMatchers> lists_;
  std::vector<std::uint32_t> any_;  // those without an equality matcher, ascending
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> by_label_;  // hash of name and value; ascending
};

template <typename Take>
std::uint32_t MatcherIndex::First(std::span<const LabelView> labels, const Take& take) const {
  std::uint32_t best = kNone;
  const auto try_all = [&](const std::vector<std::uint32_t>& candidates) {
    for (const std::uint32_t number : candidates) {
      if (number >= best) return;
      if (Fits(number, labels) && take(number)) best = number;
    }
  };
  try_all(any_);
  if (by_label_.empty()) return best;
  for (const LabelView& label : labels) {
    const auto found = by_label_.find(HashOf(label.name, label.value));
    if (found != by_label_.end()) try_all(found->second);
  }
  return best;
}

template <typename Visit>
void MatcherIndex::ForEach(std::span<const LabelView> labels, const Visit& visit) const {
  const auto try_all = [&](const std::vector<std::uint32_t>& candidates) {
    for (const std::uint32_t number : candidates)
      if (Fits(number, labels)) visit(number);
  };
  try_all(any_);
  if (by_label_.empty()) return;
  for (const LabelView& label : labels) {
    const auto found = by_label_.find(HashOf(label.name, label.value));
    if (found != by_label_.end()) try_all(found->second);
  }
}

}  // namespace tocsin
