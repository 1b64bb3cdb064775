// Inhibition rules, compiled: which keys an alert stands under as a source, and which rule holds it back as a target
// (specs/wire-compat.md 1.10).
//
//   T is inhibited by a rule when its target side matches T and an alert S that fires matches its source side, with the
//   same value of every `equal` label in both; a label that is missing is the same as an empty one, and as one that is
//   missing in the other, too. When T matches the source side as well, alerts that match both sides do not count: nothing
//   inhibits itself, nor do two alerts each other. A source counts even when it is silenced or inhibited itself.
//
// Immutable after construction; pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/matcher_index.h"
#include "model/hold.h"
#include "model/inhibition.h"
#include "model/labels.h"
#include "model/organisation.h"

namespace tocsin {

class Inhibitions {
 public:
  Inhibitions() = default;
  // `seed` makes keys unguessable; it is the store's, so that all shards agree. A rule that does not compile inhibits
  // nothing: when in doubt, page.
  Inhibitions(std::span<const InhibitionRule> rules, std::uint64_t seed);

  bool empty() const { return rules_.empty(); }
  // Of all that decides about keys; 0 without rules.
  std::uint64_t fingerprint() const { return fingerprint_; }

  struct Source {
    SourceKey key;
    bool two_sided = false;  // it matches the rule's target side, too
  };
  // Under which keys an alert with these labels stands while it fires. Appends.
  void SourcesOf(std::span<const LabelView> labels, std::vector<Source>& out) const;
  bool IsTarget(std::span<const LabelView> labels) const;

  struct Verdict {
    Hold hold;  // unset: nothing inhibits it
    const InhibitionRule* rule = nullptr;
    const Sources* sources = nullptr;  // that inhibit it; good as long as the set
  };
  // By the first rule, in order, that inhibits it.
  Verdict Judge(std::span<const LabelView> labels, const SourceSet& sources) const;
  // nullptr when there is no such rule any more.
  const InhibitionRule* Find(Hold hold) const;

 private:
  SourceKey KeyOf(std::uint32_t rule, std::span<const LabelView> labels) const;

  std::vector<InhibitionRule> rules_;  // by number in both indexes; those that compile
  std::vector<std::uint64_t> seeds_;   // of their keys
  MatcherIndex sources_;
  MatcherIndex targets_;
  std::uint64_t fingerprint_ = 0;
};

}  // namespace tocsin
