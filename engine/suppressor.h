// Which silence, if any, holds an alert back. Compiled from Rules::silences; those with an equality matcher are found by the
// alert's own labels, so ten thousand silences for single instances cost an alert no more than a few look-ups.
//
// Immutable after construction; pure.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "model/ids.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/silence.h"

namespace tocsin {

class Suppressor {
 public:
  Suppressor() = default;
  // A silence whose matchers do not compile matches nothing: when in doubt, page.
  // What `before` has compiled already is taken over: one more silence costs one compilation, not ten thousand.
  explicit Suppressor(std::span<const Silence> silences, const Suppressor& before = {});

  // The first matching silence in the order given; unset when none matches.
  SilenceId Judge(std::span<const LabelView> labels) const;
  bool empty() const { return silences_.empty(); }
  // Silences that every alert is tried against, because they have no equality matcher.
  std::size_t unindexed() const { return any_.size(); }

 private:
  struct Compiled {
    SilenceId id;
    CompiledMatchers matchers;
  };
  std::vector<Compiled> silences_;
  std::vector<std::uint32_t> any_;  // those without an equality matcher, ascending
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> by_label_;  // hash of name and value; ascending
};

}  // namespace tocsin
