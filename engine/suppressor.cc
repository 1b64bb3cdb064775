#include "engine/suppressor.h"

#include <unordered_map>

namespace tocsin {

Suppressor::Suppressor(std::span<const Silence> silences, const Suppressor& before) {
  std::unordered_map<std::uint64_t, std::uint32_t> known;  // by the silence's id
  for (std::uint32_t number = 0; number < before.ids_.size(); ++number)
    known.emplace(before.ids_[number].value(), number);
  for (const Silence& silence : silences) {
    if (silence.matchers.empty()) continue;
    const auto found = known.find(silence.id.value());
    const bool same = found != known.end() && before.index_.at(found->second).matchers() == silence.matchers;
    absl::StatusOr<CompiledMatchers> compiled = same ? absl::StatusOr<CompiledMatchers>(before.index_.at(found->second))
                                                     : CompiledMatchers::Compile(silence.matchers);
    if (!compiled.ok()) continue;
    ids_.push_back(silence.id);
    if (silence.maintenance) maintenance_.insert(silence.id);
    index_.Add(*std::move(compiled));
  }
}

SilenceId Suppressor::Judge(std::span<const LabelView> labels) const {
  const std::uint32_t first = index_.First(labels, [](std::uint32_t) { return true; });
  return first == MatcherIndex::kNone ? SilenceId() : ids_[first];
}

}  // namespace tocsin
