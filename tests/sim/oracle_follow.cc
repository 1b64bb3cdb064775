// What comes true as time goes on: silences and inhibitions begin and end, steps and rules are due, what was lost is quiet again.
#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"

#include "tests/sim/oracle.h"

namespace tocsin::sim {

// All of it was held back since it fires: only now does it open, with what fires now. Under maintenance it opens as ever.
void Oracle::BeginNow(std::int64_t service, EngineTime now) {
  Service& state = At(service);
  state.organisation = organisation_;
  state.opened = now;
  state.begun = true;
  Severity worst = Severity::kHigh;
  for (const auto& [alert, firing] : state.firing)
    worst = std::max(worst, firing.severity);
  state.peak = worst;
}

void Oracle::FollowHolds(const Now& now) {
  for (std::int64_t i = 0; i < kServices; ++i) {
    Service& state = At(i);
    const bool held = IsHeld(i, now.wall);
    if (state.open && !state.begun && !IsHeld(i, now.wall, /*by_maintenance=*/false)) BeginNow(i, now.engine);
    if (held == state.held) continue;
    state.held = held;
    if (held) {
      state.phase = Phase::kNothing;
      state.pages.clear();
      state.grace = std::max(state.grace, now.engine + kSlack);
    } else if (state.owned_until && now.engine >= state.owned_until->from) {
      Lose(i);  // both end at one time, and who is asked first depends on which came first
    } else if (state.open && !state.owned) {
      // What has not begun waits for group_wait first.
      StartRun(state, {now.engine - kSlack, std::max(state.flush.to, now.engine + WaitOf(i))});
      state.flush = state.due;
    }
  }
}

void Oracle::FollowLost(EngineTime now) {
  for (std::int64_t i = 0; i < kServices; ++i) {
    if (blind_.contains(i)) continue;
    Service& state = At(i);
    const auto quiet = [&](std::int64_t other) {
      return At(other).firing.empty() && At(other).said.empty() && now > At(other).grace;
    };
    const bool over = state.lost && !limited_ && now > disturbed_ + kSlack && now > state.grace &&
                      state.firing.empty() && state.said.empty() && std::ranges::all_of(state.lost_with, quiet);
    if (!over) continue;
    const Service before = std::exchange(state, Service());
    state.held = before.held;
    state.grace = before.grace;
    state.closing = before.closing;
    state.asked = before.asked;
    state.asked_to_silence = before.asked_to_silence;
  }
}

void Oracle::FollowOne(std::int64_t service, const Now& now) {
  Service& state = At(service);
  if (state.closing && now.engine > std::max(state.grace, disturbed_ + kSlack)) state.closing = false;
  if (state.lost || !state.open) return;
  if (state.owned) {
    if (state.owned_until && now.engine > Limit(*state.owned_until)) Resume(service, *state.owned_until);
    return;
  }
  if (state.held) return;
  if (state.phase == Phase::kPassEnd && now.engine > Limit(state.due)) EndPass(service, now.engine);
  if (state.phase == Phase::kStep && now.engine > Limit(state.due)) {
    const std::vector<UserId> people = People(service, now.wall);
    if (people.empty()) {  // everybody has been told in this pass
      Execute(service, std::max(state.due.to, std::min(disturbed_, now.engine)), now.wall);
    } else {
      violate_(absl::StrFormat("I4: step %d (pass %d) about %s should have told %s by %s; it is %s", state.step + 1,
                               state.pass + 1, ServiceName(service), people[0].value(), Shown(Limit(state.due)),
                               Shown(now.engine)));
      return Lose(service);
    }
  }
  for (const Page& page : state.pages) {
    for (const Rule& rule : page.rules) {
      if (rule.done || now.engine <= Limit(rule.due)) continue;
      violate_(absl::StrFormat("I4: %s should have been told about %s by %s before %s; it is %s", page.user.value(),
                               ServiceName(service), rule.method.value(), Shown(Limit(rule.due)), Shown(now.engine)));
      return Lose(service);
    }
  }
}

void Oracle::Look(const Now& now) {
  FollowHolds(now);
  FollowLost(now.engine);
  if (organisation_ == nullptr) return;
  for (std::int64_t i = 0; i < kServices; ++i)
    if (Follows(i)) FollowOne(i, now);
}

}  // namespace tocsin::sim
