#include "engine/inhibition.h"

#include <algorithm>

#include "base/hash.h"

namespace tocsin {
namespace {

void AppendSized(std::string& bytes, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  bytes.append(reinterpret_cast<const char*>(&size), sizeof size);
  bytes += text;
}

// Everything that decides about keys and verdicts.
std::string ContentOf(const InhibitionRule& rule) {
  std::string bytes;
  AppendSized(bytes, rule.id.value());
  AppendSized(bytes, Format(rule.source_matchers));
  AppendSized(bytes, Format(rule.target_matchers));
  for (const std::string& name : rule.equal)
    AppendSized(bytes, name);
  return bytes;
}

}  // namespace

Inhibitions::Inhibitions(std::span<const InhibitionRule> rules, std::uint64_t seed) {
  for (const InhibitionRule& rule : rules) {
    if (rule.source_matchers.empty() || rule.target_matchers.empty()) continue;
    absl::StatusOr<CompiledMatchers> sources = CompiledMatchers::Compile(rule.source_matchers);
    absl::StatusOr<CompiledMatchers> targets = CompiledMatchers::Compile(rule.target_matchers);
    if (!sources.ok() || !targets.ok()) continue;
    rules_.push_back(rule);
    sources_.Add(*std::move(sources));
    targets_.Add(*std::move(targets));
    seeds_.push_back(Hash64(ContentOf(rule), seed));
    fingerprint_ = Hash64(ContentOf(rule), fingerprint_ ^ seed) | 1U;
  }
}

// A missing label and an empty one give the same bytes; sizes keep neighbours apart.
SourceKey Inhibitions::KeyOf(std::uint32_t rule, std::span<const LabelView> labels) const {
  std::string bytes;
  for (const std::string& name : rules_[rule].equal)
    AppendSized(bytes, tocsin::Find(labels, name));
  const Hash128 hash = HashTo128(bytes, seeds_[rule]);
  return {hash.high, hash.low};
}

void Inhibitions::SourcesOf(std::span<const LabelView> labels, std::vector<Source>& out) const {
  sources_.ForEach(labels, [&](std::uint32_t rule) {
    out.push_back({KeyOf(rule, labels), targets_.Fits(rule, labels)});
  });
}

bool Inhibitions::IsTarget(std::span<const LabelView> labels) const {
  return targets_.First(labels, [](std::uint32_t) { return true; }) != MatcherIndex::kNone;
}

Inhibitions::Verdict Inhibitions::Judge(std::span<const LabelView> labels, const SourceSet& sources) const {
  Verdict verdict;
  const Sources* last = nullptr;
  const std::uint32_t first = targets_.First(labels, [&](std::uint32_t rule) {
    const Sources* found = sources.Find(KeyOf(rule, labels));
    if (found == nullptr || !(found->one_sided || !sources_.Fits(rule, labels))) return false;
    last = found;
    return true;
  });
  if (first == MatcherIndex::kNone) return verdict;
  verdict.rule = &rules_[first];
  verdict.hold = Hold::ByRule(verdict.rule->id);
  verdict.sources = last;
  return verdict;
}

const InhibitionRule* Inhibitions::Find(Hold hold) const {
  const auto found = std::ranges::find(rules_, hold, [](const InhibitionRule& rule) { return Hold::ByRule(rule.id); });
  return found == rules_.end() ? nullptr : &*found;
}

}  // namespace tocsin
