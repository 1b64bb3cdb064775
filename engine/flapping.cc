#include "engine/flapping.h"

#include <algorithm>

namespace tocsin {

void RecordFlap(std::vector<EngineTime>& changes, const FlappingRule& rule, EngineTime now) {
  if (rule.changes == 0) {
    changes.clear();
    return;
  }
  changes.push_back(now);
  std::erase_if(changes, [&](EngineTime at) { return now - at >= rule.window; });
  if (changes.size() > rule.changes) {
    changes.erase(changes.begin(), changes.end() - static_cast<std::ptrdiff_t>(rule.changes));
  }
}

bool Flaps(const std::vector<EngineTime>& changes, const FlappingRule& rule, EngineTime now) {
  if (rule.changes == 0) return false;
  const auto recent = std::ranges::count_if(changes, [&](EngineTime at) { return now - at < rule.window; });
  return static_cast<std::uint64_t>(recent) >= rule.changes;
}

}  // namespace tocsin
