#include "incident/rate_window.h"

namespace tocsin {
namespace {

constexpr std::int64_t kSamplesPerWindow = 64;

}  // namespace

void RateWindows::SetLongest(absl::Duration longest) {
  longest_ = longest;
  if (longest_ <= absl::ZeroDuration()) windows_.clear();
}

void RateWindows::Record(GroupKey group, EngineTime now, std::uint64_t total, std::uint64_t before) {
  if (longest_ <= absl::ZeroDuration()) return;
  const auto [found, inserted] = windows_.try_emplace(group);
  Window& window = found->second;
  if (inserted) window.before = before;
  const std::uint64_t last = window.samples.empty() ? window.before : window.samples.back().total;
  if (total < last) {  // the shard's table began anew
    window.samples.clear();
    window.before = 0;
  }
  if (total == last) return;
  if (!window.samples.empty() && now - window.samples.back().at < longest_ / kSamplesPerWindow) {
    window.samples.back().total = total;
  } else {
    window.samples.push_back({now, total});
  }
  while (!window.samples.empty() && now - window.samples.front().at >= longest_) {
    window.before = window.samples.front().total;
    window.samples.pop_front();
  }
}

std::uint64_t RateWindows::Within(GroupKey group, EngineTime now, absl::Duration window) const {
  const auto found = windows_.find(group);
  if (found == windows_.end() || found->second.samples.empty()) return 0;
  std::uint64_t before = found->second.before;
  for (const Sample& sample : found->second.samples) {
    if (now - sample.at < window) break;
    before = sample.total;
  }
  return found->second.samples.back().total - before;
}

}  // namespace tocsin
