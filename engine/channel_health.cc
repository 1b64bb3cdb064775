#include "engine/channel_health.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/strings.h"
#include "engine/message.h"
#include "engine/responder_outbox.h"
#include "model/canary.h"

namespace tocsin {
namespace {

using Kind = ContactMethod::Kind;
using State = Notification::State;

// One that was refused is a wrong number perhaps.
constexpr std::uint64_t kFewAttempts = 2;

bool IsToPerson(const Notification& row) {
  return row.user.set() && !IsCanary(row);
}

bool HasFailed(const Notification& row) {
  const bool over = row.state == State::kFailed || row.state == State::kDead;
  const bool is_tried_on = (row.state == State::kPending || row.state == State::kLeased) && !row.last_error.empty();
  return !WasTold(row) && row.attempt > 0 && (over || is_tried_on);
}

// Without the one that may be under way.
std::uint64_t FailedAttempts(const Notification& row) {
  return static_cast<std::uint64_t>(std::max(1, row.attempt - (row.state == State::kLeased ? 1 : 0)));
}

void AddFailure(ChannelHealth& health, const Notification& row) {
  const bool first = health.attempts == 0;
  health.failing_since = first ? row.created_at : std::min(health.failing_since, row.created_at);
  health.attempts += FailedAttempts(row);
  health.error = row.last_error.empty() ? row.end_reason : row.last_error;  // rows come in the order of their making
}

// Nothing was refused, and nothing has arrived.
void AddLosses(ChannelHealth& health) {
  health.failing_since = health.score.lost_since;
  health.error = absl::StrFormat(
      "the provider takes messages and delivers none: %d since the last that arrived%s", health.score.lost,
      health.score.delivered_at == absl::Time() ? "" : absl::StrCat(", at ", Instant(health.score.delivered_at)));
}

// When a provider last took something, by kind. Rows leave memory after a day, what is known of contact methods stays.
std::map<Kind, ChannelHealth> Accepted(const ResponderState& state) {
  std::map<Kind, ChannelHealth> channels;
  const auto take = [&](Kind kind, absl::Time at) {
    ChannelHealth& health = channels[kind];
    health.kind = kind;
    health.accepted_at = std::max(health.accepted_at, at);
  };
  for (const auto& [id, reach] : state.reaches)
    take(reach.kind, std::max(reach.accepted_at, reach.delivered_at));
  for (const auto& [id, row] : state.notifications)
    if (IsToPerson(row) && (WasTold(row) || HasFailed(row))) take(row.method.kind, row.accepted_at);
  return channels;
}

}  // namespace

std::vector<ChannelHealth> HealthOfChannels(const ResponderState& state) {
  std::map<Kind, ChannelHealth> channels = Accepted(state);
  // Which of them has failed for good is known for longer than a day.
  for (const auto& [id, reach] : state.reaches) {
    ChannelHealth& health = channels[reach.kind];
    if (!reach.failing || reach.undelivered || reach.failed_at <= health.accepted_at) continue;
    if (health.attempts == 0 || reach.failed_at < health.failing_since) health.failing_since = reach.failed_at;
    health.attempts = std::max<std::uint64_t>(1, health.attempts);
    health.error = reach.failure;
  }
  for (auto& [kind, health] : channels) {
    ChannelHealth newest;
    for (const auto& [id, row] : state.notifications) {
      const bool counts = IsToPerson(row) && row.method.kind == kind && HasFailed(row);
      if (counts && row.created_at > health.accepted_at) AddFailure(newest, row);
    }
    if (newest.attempts == 0) continue;
    health.failing_since =
        health.attempts > 0 ? std::min(health.failing_since, newest.failing_since) : newest.failing_since;
    health.attempts = newest.attempts;
    health.error = std::move(newest.error);
  }
  const ChannelScores scores = ScoreChannels(state);
  std::vector<ChannelHealth> all;
  for (auto& [kind, health] : channels) {
    health.score = scores[static_cast<std::size_t>(kind)][0];
    health.second = scores[static_cast<std::size_t>(kind)][1];
    if (health.attempts == 0 && health.delivers_nothing()) AddLosses(health);
    all.push_back(std::move(health));
  }
  return all;
}

std::string WhyNobodyIsTold(const ResponderState& state, absl::Time now, absl::Duration tolerance) {
  absl::Time told;
  for (const auto& [id, reach] : state.reaches)
    told = std::max({told, reach.accepted_at, reach.delivered_at});
  for (const auto& [id, row] : state.notifications)
    if (row.accepted_at > told && IsToPerson(row) && (WasTold(row) || HasFailed(row))) told = row.accepted_at;
  std::map<Kind, ChannelHealth> failed;
  ChannelHealth whole;
  for (const auto& [id, row] : state.notifications) {
    if (row.created_at <= told || row.purpose == Notification::Purpose::kTest) continue;
    if (!IsToPerson(row) || !HasFailed(row)) continue;
    AddFailure(failed[row.method.kind], row);
    AddFailure(whole, row);
  }
  if (whole.attempts < kFewAttempts || now - whole.failing_since <= tolerance) return "";
  std::string why = absl::StrCat("no provider has taken a page since ", Instant(whole.failing_since));
  for (const auto& [kind, health] : failed) {
    absl::StrAppend(&why, "; ", ToAbsl(Name(kind)), " has failed ", health.attempts,
                    health.attempts == 1 ? " time: " : " times, the last: ", health.error);
  }
  return why;
}

}  // namespace tocsin
