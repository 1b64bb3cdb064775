#include "engine/suppressor.h"

#include <algorithm>

#include "base/hash.h"

namespace tocsin {
namespace {

std::uint64_t HashOf(std::string_view name, std::string_view value) {
  return Hash64(value, Hash64(name));
}

}  // namespace

Suppressor::Suppressor(std::span<const Silence> silences, const Suppressor& before) {
  std::unordered_map<std::uint64_t, const CompiledMatchers*> known;  // by the silence's id
  for (const Compiled& one : before.silences_)
    known.emplace(one.id.value(), &one.matchers);
  for (const Silence& silence : silences) {
    const auto found = known.find(silence.id.value());
    const bool same = found != known.end() && found->second->matchers() == silence.matchers;
    absl::StatusOr<CompiledMatchers> compiled =
        same ? absl::StatusOr<CompiledMatchers>(*found->second) : CompiledMatchers::Compile(silence.matchers);
    if (!compiled.ok() || silence.matchers.empty()) continue;
    const auto number = static_cast<std::uint32_t>(silences_.size());
    silences_.push_back({silence.id, *std::move(compiled)});
    const auto equality = std::ranges::find_if(
        silence.matchers, [](const Matcher& m) { return m.op == MatchOp::kEqual && !m.value.empty(); });
    if (equality == silence.matchers.end()) {
      any_.push_back(number);
    } else {
      by_label_[HashOf(equality->name, equality->value)].push_back(number);
    }
  }
}

SilenceId Suppressor::Judge(std::span<const LabelView> labels) const {
  auto best = static_cast<std::uint32_t>(silences_.size());
  const auto try_all = [&](const std::vector<std::uint32_t>& candidates) {
    for (const std::uint32_t number : candidates) {
      if (number >= best) return;
      if (silences_[number].matchers.Match(labels)) best = number;
    }
  };
  try_all(any_);
  if (!by_label_.empty()) {
    for (const LabelView& label : labels) {
      const auto found = by_label_.find(HashOf(label.name, label.value));
      if (found != by_label_.end()) try_all(found->second);
    }
  }
  return best == silences_.size() ? SilenceId() : silences_[best].id;
}

}  // namespace tocsin
