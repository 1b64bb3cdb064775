// Which silence, if any, holds an alert back. Compiled from Rules::silences.
//
// Immutable after construction; pure.
#pragma once

#include <span>
#include <unordered_set>
#include <vector>

#include "engine/matcher_index.h"
#include "model/ids.h"
#include "model/labels.h"
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
  // Whether this one, which is in effect, is a maintenance window.
  bool IsMaintenance(SilenceId id) const { return maintenance_.contains(id); }
  bool empty() const { return ids_.empty(); }
  // Silences that every alert is tried against, because they have no equality matcher.
  std::size_t unindexed() const { return index_.unindexed(); }

 private:
  std::vector<SilenceId> ids_;  // by number in the index
  MatcherIndex index_;
  std::unordered_set<SilenceId> maintenance_;
};

}  // namespace tocsin
