#include "ingest/refusals.h"

#include <algorithm>

#include "base/strings.h"

namespace tocsin {

void Refusals::Note(absl::Time at, Reason reason, std::string_view text) {
  Refusal refusal{at, reason, std::string(TruncateUtf8(text, kTextBytes))};
  const MutexLock lock(mutex_);
  std::deque<Refusal>& same = lately_.at(static_cast<std::size_t>(reason));
  if (same.size() == kKept) same.pop_front();
  same.push_back(std::move(refusal));
}

std::vector<Refusals::Refusal> Refusals::Read() const {
  std::vector<Refusal> all;
  {
    const MutexLock lock(mutex_);
    for (const std::deque<Refusal>& same : lately_)
      all.insert(all.end(), same.begin(), same.end());
  }
  std::ranges::stable_sort(all, {}, &Refusal::at);
  return all;
}

}  // namespace tocsin
