#include "server/canary_round.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "base/log.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr absl::Duration kGivenUpAfter = absl::Seconds(20);  // as an attempt's deadline
constexpr absl::Duration kMissedAfter = absl::Seconds(30);   // outside services wait for two minutes
constexpr absl::Duration kStoodStill = absl::Seconds(10);    // we did: nobody else is to be blamed

}  // namespace

CanaryRound::CanaryRound(Engine& engine, const Clock& clock, std::function<std::string()> new_key)
    : engine_(engine),
      clock_(clock),
      new_key_(std::move(new_key)),
      state_(std::make_shared<State>(clock)),
      last_tick_(clock.Read().engine) {}

std::function<void(std::string_view key)> CanaryRound::arrival() const {
  return [state = state_](std::string_view key) {
    MutexLock lock(state->mutex);
    if (state->key.empty() || key != state->key || state->arrived) return;
    state->arrived = true;
    state->seconds.Observe(absl::ToDoubleSeconds(state->clock.Read().engine - state->sent_at));
  };
}

void CanaryRound::Send(EngineTime now) {
  if (!is_waiting_) waiting_since_ = now;
  is_waiting_ = true;
  const std::string key = new_key_();
  {
    MutexLock lock(state_->mutex);
    state_->key = key;
    state_->sent_at = now;
    state_->durable = state_->arrived = false;
  }
  const Admission taken = engine_.SendCanary(url_, key, [state = state_, key] {
    MutexLock lock(state->mutex);
    if (state->key == key) state->durable = true;
  });
  under_way_ = taken == Admission::kAccepted;
  refused_ = under_way_ ? std::string() : std::string(Name(taken));
  sent_at_ = now;
}

bool CanaryRound::Tick(absl::Duration interval) {
  const EngineTime now = clock_.Read().engine;
  if (now - std::exchange(last_tick_, now) > kStoodStill && is_waiting_) waiting_since_ = now;
  bool arrived = false;
  {
    MutexLock lock(state_->mutex);
    arrived = std::exchange(state_->arrived, false);
    if (arrived) state_->key.clear();
  }
  if (arrived) {
    arrived_count_.fetch_add(1, std::memory_order_relaxed);
    under_way_ = is_waiting_ = false;
    next_ = sent_at_ + interval;
  }
  Judge(now);
  if (under_way_ && now - sent_at_ >= kGivenUpAfter) {
    missed_count_.fetch_add(1, std::memory_order_relaxed);
    under_way_ = false;
    next_ = now;
  }
  if (!under_way_ && now >= next_) Send(now);
  return arrived;
}

void CanaryRound::Judge(EngineTime now) {
  const bool missing = is_waiting_ && now - waiting_since_ >= kMissedAfter;
  if (missing) {
    bool durable = false;
    {
      MutexLock lock(state_->mutex);
      durable = state_->durable;
    }
    const std::string where = !refused_.empty() ? absl::StrCat("it is refused where alerts come in: ", refused_)
                              : durable ? "it came in and is in the journal, but no message about it has gone out"
                                        : "it came in, but is not in the journal";
    const bool known = !why_missing_.empty();
    why_missing_ = absl::StrCat("the canary has not arrived for ",
                                absl::FormatDuration(absl::Trunc(now - waiting_since_, absl::Seconds(1))), ": ", where);
    if (!known) {
      LogError(
          "the canary does not arrive: alerts that come in now would page nobody; no heartbeat goes to outside "
          "services",
          {
              {"where", where}
      });
    }
  } else if (!why_missing_.empty() && !is_waiting_) {
    why_missing_.clear();
    LogInfo("the canary arrives again", {});
  }
}

}  // namespace tocsin
