#include "engine/responder_providers.h"

#include <cstddef>

#include "engine/channel_score.h"

namespace tocsin {
namespace {

// A choice is made for each attempt: so many of the newest messages are enough.
constexpr std::size_t kMessagesLookedAt = 200;

bool HasSecond(const Turn& turn, const Notification& row) {
  return turn.organisation() != nullptr && turn.organisation()->HasSecond(row.method.kind);
}

std::uint32_t Last(const Notification& row) {
  return row.provider == 0 ? 0 : 1;
}

bool HasFailedBy(const Notification& row, std::uint32_t provider) {
  return (row.failed_by >> provider & 1U) != 0;
}

}  // namespace

std::uint32_t ProviderFor(const Turn& turn, const Notification& row) {
  if (!HasSecond(turn, row)) return 0;
  if (row.attempt > 0 && HasFailedBy(row, Last(row))) return 1 - Last(row);
  const ProviderScores scores =
      ScoreChannels(turn.state(), kMessagesLookedAt)[static_cast<std::size_t>(row.method.kind)];
  if (!scores[0].fails() || scores[1].fails()) return 0;
  const bool is_due = turn.now().wall - scores[0].tried_at >= kFirstTriedAgainAfter;
  return is_due && row.lane != Notification::Lane::kCritical ? 0 : 1;
}

bool HasUntriedProvider(const Turn& turn, const Notification& row) {
  return HasSecond(turn, row) && !HasFailedBy(row, 1 - Last(row));
}

void ProviderFailed(Notification& row) {
  row.failed_by |= 1U << Last(row);
}

}  // namespace tocsin
