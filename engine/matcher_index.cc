#include "engine/matcher_index.h"

#include <algorithm>

#include "base/hash.h"

namespace tocsin {

std::uint64_t MatcherIndex::HashOf(std::string_view name, std::string_view value) {
  return Hash64(value, Hash64(name));
}

const Matcher* MatcherIndex::KeyOf(const CompiledMatchers& matchers) {
  const std::vector<Matcher>& list = matchers.matchers();
  const auto equality =
      std::ranges::find_if(list, [](const Matcher& m) { return m.op == MatchOp::kEqual && !m.value.empty(); });
  return equality == list.end() ? nullptr : &*equality;
}

void MatcherIndex::Add(CompiledMatchers matchers) {
  const auto number = static_cast<std::uint32_t>(lists_.size());
  lists_.push_back(std::move(matchers));
  if (const Matcher* key = KeyOf(lists_.back())) {
    by_label_[HashOf(key->name, key->value)].push_back(number);
  } else {
    any_.push_back(number);
  }
}

}  // namespace tocsin
