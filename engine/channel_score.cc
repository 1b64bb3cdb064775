#include "engine/channel_score.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "model/canary.h"

namespace tocsin {
namespace {

using Kind = ContactMethod::Kind;
using State = Notification::State;

// Of one provider, the newest first.
struct Seen {
  ChannelScore score;
  std::vector<absl::Duration> latencies;
  std::set<std::string> undelivered_to;
  std::uint32_t unconfirmed = 0;  // since the last that was delivered
  std::uint32_t lost = 0;
  absl::Time lost_since;
};

bool WasTaken(const Notification& row) {
  return row.accepted_at != absl::Time() || !row.provider_id.empty();
}
bool IsUndelivered(const Notification& row) {
  return row.state == State::kFailed && WasTaken(row);
}

// What came to nothing after the last message that arrived. That a telephone rings in vain is not its provider's doing.
void AddLoss(Seen& seen, const Notification& row) {
  const bool undelivered = IsUndelivered(row) && !row.unconfirmed && row.method.kind != Kind::kVoice;
  if (!row.unconfirmed && !undelivered) return;
  if (row.unconfirmed) ++seen.unconfirmed;
  if (undelivered) seen.undelivered_to.insert(row.method.address);
  ++seen.lost;
  seen.lost_since = row.created_at;
}

// A message that the provider took.
void AddTaken(Seen& seen, const Notification& row) {
  ChannelScore& score = seen.score;
  ++score.taken;
  const bool delivered = row.delivered_at != absl::Time();
  if (!delivered && !row.unconfirmed && !IsUndelivered(row)) return;
  ++score.awaited;
  if (delivered) {
    ++score.delivered;
    seen.latencies.push_back(std::max(row.delivered_at - row.accepted_at, absl::ZeroDuration()));
  } else if (score.delivered_at == absl::Time() || row.created_at > score.delivered_at) {
    AddLoss(seen, row);  // an older one that arrived late proves that it delivers
  }
}

void Add(Seen& seen, const Notification& row, std::uint32_t provider) {
  const bool taken = WasTaken(row) && row.provider == provider;
  const bool failed = !taken && (row.failed_by >> provider & 1U) != 0;
  const bool given_up =
      !taken && row.provider == provider && (row.state == State::kFailed || row.state == State::kDead);
  if ((taken || failed) && seen.score.tried_at == absl::Time()) {
    seen.score.tried_at = row.created_at;
    seen.score.refused_last = failed;
  }
  if (!taken && !failed && !given_up) return;
  ++seen.score.tried;
  if (taken) AddTaken(seen, row);
}

ChannelScore Finish(Seen& seen) {
  ChannelScore score = seen.score;
  // One message may be one telephone that is off; so may be several that were reported not to have arrived there.
  if (seen.unconfirmed >= 2 || seen.undelivered_to.size() >= 2) {
    score.lost = seen.lost;
    score.lost_since = seen.lost_since;
  }
  if (!seen.latencies.empty()) {
    const std::size_t at = (seen.latencies.size() * 95 + 99) / 100 - 1;
    std::ranges::nth_element(seen.latencies, seen.latencies.begin() + static_cast<std::ptrdiff_t>(at));
    score.receipt_p95 = seen.latencies[at];
  }
  return score;
}

}  // namespace

ChannelScores ScoreChannels(const ResponderState& state, std::size_t most) {
  std::array<std::array<Seen, 2>, kContactKinds> all;
  std::vector<const Notification*> newest;
  for (auto row = state.notifications.rbegin(); row != state.notifications.rend() && newest.size() < most; ++row)
    if (row->second.user.set() && !IsCanary(row->second)) newest.push_back(&row->second);
  for (const Notification* row : newest) {
    if (row->provider > 1) continue;
    absl::Time& last = all[static_cast<std::size_t>(row->method.kind)][row->provider].score.delivered_at;
    last = std::max(last, row->delivered_at);
  }
  for (const Notification* row : newest)
    for (const std::uint32_t provider : {0U, 1U})
      Add(all[static_cast<std::size_t>(row->method.kind)][provider], *row, provider);
  ChannelScores scores;
  for (std::size_t kind = 0; kind < kContactKinds; ++kind)
    std::ranges::transform(all[kind], scores[kind].begin(), Finish);
  return scores;
}

}  // namespace tocsin
