#include "tests/sim/oracle.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"

#include "tests/sim/checker.h"

namespace tocsin::sim {
namespace {

std::int64_t NumberOf(ServiceNumber service) {
  return static_cast<std::int64_t>(service);
}

}  // namespace

std::string Oracle::Shown(EngineTime time) {
  return absl::FormatDuration(absl::Nanoseconds(time.ns()));
}

bool Oracle::Follows(std::int64_t service) const {
  return service >= 0 && service != NumberOf(ServiceNumber::kQueue) && service != NumberOf(ServiceNumber::kCache);
}

EngineTime Oracle::Limit(const Window& due) const {
  return std::max(due.to, disturbed_) + kSlack;
}

// It may have happened or not.
bool Oracle::IsFuzzy(const Service& state, EngineTime now) const {
  return state.phase != Phase::kNothing && now >= state.due.from && now <= Limit(state.due);
}

// Whether the last pass may be over: its end is due, or steps that may be followed by it at once.
bool Oracle::MayHaveEnded(std::int64_t service, EngineTime now) const {
  const Service& state = services_[static_cast<std::size_t>(service)];
  if (!state.open || !IsFuzzy(state, now)) return false;
  return state.phase == Phase::kPassEnd || PolicyOf(service).catch_up == EscalationPolicy::CatchUp::kAtOnce;
}

// Before this the last pass cannot be over, whatever is late. Infinite: it has no end ahead.
EngineTime Oracle::EarliestEnd(std::int64_t service) const {
  const Service& state = services_[static_cast<std::size_t>(service)];
  if (!state.open || state.phase == Phase::kNothing) return EngineTime::Infinite();
  const EscalationPolicy& policy = PolicyOf(service);
  if (policy.catch_up == EscalationPolicy::CatchUp::kAtOnce) return state.due.from;
  EngineTime end = state.due.from;
  const std::size_t ahead = state.phase == Phase::kStep ? static_cast<std::size_t>(state.step) : policy.steps.size();
  for (std::size_t step = ahead; step < policy.steps.size(); ++step)
    end = end + policy.steps[step].delay;
  return state.pass < policy.repeats ? end + policy.repeat_interval : end;
}

// Nothing has been told of it, and group_wait is not over.
bool Oracle::IsWaiting(const Service& state) {
  return state.phase == Phase::kStep && state.due.from == state.flush.from && state.last < 0 && state.pass == 0;
}

const EscalationPolicy& Oracle::PolicyOf(std::int64_t service) const {
  const char* name = service == NumberOf(ServiceNumber::kDb)    ? "shift"
                     : service == NumberOf(ServiceNumber::kNet) ? "pressing"
                                                                : "people";
  return *services_[static_cast<std::size_t>(service)].organisation->Find(PolicyId(name));
}

absl::Duration Oracle::WaitOf(std::int64_t service) const {
  return services_[static_cast<std::size_t>(service)].organisation->route.group_wait;
}

bool Oracle::IsHeld(std::int64_t service, absl::Time wall, bool by_maintenance) const {
  const bool inhibited = service == NumberOf(ServiceNumber::kLeaf) &&
                         !services_[static_cast<std::size_t>(ServiceNumber::kEdge)].firing.empty();
  return inhibited || std::ranges::any_of(silences_, [&](const SilenceOf& silence) {
           return silence.service == service && silence.starts <= wall && wall < silence.ends &&
                  (by_maintenance || !silence.maintenance);
         });
}

std::vector<UserId> Oracle::People(std::int64_t service, absl::Time wall) const {
  const Service& state = services_[static_cast<std::size_t>(service)];
  std::set<UserId> people(state.also.begin(), state.also.end());
  for (const Target& target : PolicyOf(service).steps[static_cast<std::size_t>(state.step)].targets) {
    if (const auto* user = std::get_if<UserTarget>(&target)) people.insert(user->user);
    if (std::holds_alternative<ScheduleTarget>(target)) people.insert(OnCallByCounting(*organisation_, wall));
    if (const auto* team = std::get_if<TeamTarget>(&target)) {
      const std::vector<UserId>& members = organisation_->Find(team->team)->members;
      people.insert(members.begin(), members.end());
    }
  }
  std::erase_if(people, [&](const UserId& user) { return state.paged.contains(user); });
  return {people.begin(), people.end()};
}

void Oracle::Applied(OrganisationPtr organisation, bool limited, EngineTime from, const Now& now) {
  Look(now);
  organisation_ = std::move(organisation);
  if (limited || limited_) LoseAll();
  limited_ = limited;
  for (std::int64_t i = 0; i < kServices; ++i)
    if (At(i).open && At(i).opened >= from) Lose(i);
}

void Oracle::Said(std::int64_t alert) {
  Service& state = At(alert % kServices);
  if (state.said.empty()) ++state.burst;
  state.said.insert(alert);
}

void Oracle::Known(const Senders::Known& known, const Now& now) {
  Look(now);
  const std::int64_t number = known.alert % kServices;
  Service& state = At(number);
  state.said.erase(known.alert);
  const bool fresh = known.firing && !state.firing.contains(known.alert);
  const bool disturbed = now.engine <= disturbed_ + kSlack;
  const EngineTime seen = std::max(now.engine, disturbed_) + kSlack;  // by whoever decides
  // It may have recovered and begun to fire again since, all in one.
  const bool unsure = known.firing ? !fresh && state.firing[known.alert].since != known.from : known.passed.has_value();
  bool ended = unsure;
  if (known.firing) {
    const std::uint64_t burst = fresh || unsure ? state.burst : state.firing[known.alert].burst;
    state.firing[known.alert] = {known.from, known.severity, burst};
  } else {
    ended = state.firing.erase(known.alert) > 0;
  }
  if (state.firing.empty() && state.said.empty()) Close(number, now.engine);
  // What was said together comes in any order: the group may have closed in between, unless something fires all the time.
  const auto steady = [&](const auto& firing) {
    return firing.second.burst != state.burst && !state.said.contains(firing.first);
  };
  if (state.open && ended && std::ranges::none_of(state.firing, steady)) Lose(number);
  if (known.firing && !state.open) {
    Open(number, known, now);
  } else if (known.firing && known.severity > state.peak) {
    state.peak = known.severity;
    Worse(number, {known.from, now.engine});
  } else if ((fresh || unsure) && (EarliestEnd(number) <= seen || (state.exhausted && !state.owned && disturbed))) {
    Lose(number);  // it may have come after the end, and asked for everybody once more, or before
  } else if (unsure && state.exhausted) {
    Lose(number);
  } else if (fresh && state.exhausted && !state.owned && !state.held) {
    StartRun(state, {known.from, now.engine});
  }
  if (state.open && known.passed.value_or(Severity::kUnknown) > state.peak) Lose(number);  // it was worse, for a moment
  if (number != NumberOf(ServiceNumber::kEdge)) return;
  if (unsure) Lose(NumberOf(ServiceNumber::kLeaf));  // for a moment it was held back, or was not
  FollowHolds(now);
}

void Oracle::Open(std::int64_t service, const Senders::Known& known, const Now& at) {
  const auto [wall, now] = at;
  Service& state = At(service);
  const bool unsure = state.closing || now <= state.grace;
  state.open = true;
  state.organisation = organisation_;
  state.opened = known.from;
  state.known = now;
  state.peak = std::max(Severity::kHigh, known.severity);
  state.last = -1;
  state.pass = 0;
  state.low = service == NumberOf(ServiceNumber::kDisk);
  if (state.low && known.severity != Severity::kUnknown) Lose(service);
  if (unsure) Lose(service);
  // group_wait counts from when it is seen, which a disturbance may put off.
  state.flush = Window{known.from, std::max(now, disturbed_)}.After(WaitOf(service));
  state.begun = !IsHeld(service, wall, /*by_maintenance=*/false);
  if (!state.held) StartRun(state, state.flush);
}

void Oracle::Close(std::int64_t service, EngineTime now) {
  Service& state = At(service);
  state.open = false;
  state.owned = false;
  state.exhausted = false;
  state.owned_until.reset();
  state.phase = Phase::kNothing;
  state.pages.clear();
  state.grace = std::max(state.grace, now + kSlack);
  state.closing = true;
}

void Oracle::StartRun(Service& state, const Window& due, std::vector<UserId> also) {
  state.phase = Phase::kStep;
  state.step = 0;
  state.pass = 0;
  state.last = -1;
  state.due = due;
  state.also = std::move(also);
  state.paged.clear();
  state.pages.clear();
  state.exhausted = false;
}

// A higher severity than before: an acknowledgement is taken back, group_wait is not waited for.
void Oracle::Worse(std::int64_t service, const Window& when) {
  Service& state = At(service);
  if (state.low || state.held) return Lose(service);
  if (state.owned) return Resume(service, when);
  if (state.exhausted) return StartRun(state, when);
  if (MayHaveEnded(service, when.to)) return Lose(service);
  if (IsWaiting(state)) {
    // What was worse when the group opened does not break into its wait.
    const EngineTime to =
        when.to <= std::max(state.known, disturbed_) + kSlack ? state.due.to : std::min(when.to, state.due.to);
    state.due = {std::min(when.from, state.due.from), to};
    state.flush = state.due;
  }
}

// The acknowledgement has ended: the step that was executed last runs again, for whoever had it, too.
void Oracle::Resume(std::int64_t service, const Window& when) {
  Service& state = At(service);
  state.owned = false;
  state.owned_until.reset();
  if (state.held || !state.open) return;
  if (when.from <= Limit(state.flush) && when.to >= state.flush.from) return Lose(service);
  if (when.to < state.flush.from) return StartRun(state, state.flush);  // it has not begun as yet
  state.phase = Phase::kStep;
  state.step = std::max(state.last, 0);
  state.exhausted = false;
  state.due = when;
  state.also = {state.owner};
  state.paged.clear();
  state.pages.clear();
}

void Oracle::Own(std::int64_t service, const UserId& user, std::optional<Window> until, EngineTime now) {
  Service& state = At(service);
  if (!state.open || IsFuzzy(state, now)) Lose(service);
  state.owned = true;
  state.owner = user;
  state.owned_until = until;
  state.grace = std::max(state.grace, now);
  state.phase = Phase::kNothing;
  state.pages.clear();
}

void Oracle::Acknowledged(std::int64_t service, const UserId& user, EngineTime from, const Now& now) {
  if (!Follows(service)) return;
  Look(now);
  Service& state = At(service);
  // Whoever acknowledges has seen it open: what was to end by now has ended, even if nobody could be told of it (it is held back).
  if (state.owned && state.owned_until && from >= state.owned_until->from) Resume(service, *state.owned_until);
  if (state.owned || state.lost) return;
  if (!state.open) return Lose(service);
  const absl::Duration timeout = PolicyOf(service).acknowledge_timeout;
  std::optional<Window> until;
  if (timeout > absl::ZeroDuration()) until = Window{from, now.engine}.After(timeout);
  Own(service, user, until, now.engine);
}

void Oracle::Snoozed(std::int64_t service, const UserId& user, absl::Duration asked, EngineTime from, const Now& now) {
  if (!Follows(service)) return;
  Look(now);
  Service& state = At(service);
  if (state.lost) return;
  if (!state.open) return Lose(service);
  const absl::Duration lasts = std::max(asked, PolicyOf(service).acknowledge_timeout);
  Own(service, user, Window{from, now.engine}.After(lasts), now.engine);
}

void Oracle::GivenBack(std::int64_t service, EngineTime from, const Now& now) {
  if (!Follows(service)) return;
  Look(now);
  if (At(service).owned) return Resume(service, {from, now.engine});
  Lose(service);
}

void Oracle::Silenced(const SilenceOf& silence, const Now& now) {
  silences_.push_back(silence);
  FollowHolds(now);
}

void Oracle::Expired(SilenceId id, const Now& now) {
  for (SilenceOf& silence : silences_)
    if (silence.id == id) silence.ends = std::min(silence.ends, now.wall);
  FollowHolds(now);
}

void Oracle::Lose(std::int64_t service) {
  if (service >= 0) At(service).lost = true;
}
void Oracle::LoseTogether(std::int64_t service, std::int64_t other) {
  if (service < 0 || other < 0) return;
  std::set<std::int64_t> all = {service, other};
  for (const std::int64_t each : {service, other})
    all.insert(At(each).lost_with.begin(), At(each).lost_with.end());
  for (const std::int64_t each : all) {
    Lose(each);
    At(each).lost_with = all;
  }
}
void Oracle::LoseAll() {
  for (std::int64_t i = 0; i < kServices; ++i)
    Lose(i);
}
void Oracle::Jumped() {
  LoseAll();
  for (const SilenceOf& silence : silences_)
    blind_.insert(silence.service);
  silences_.clear();
}

void Oracle::Change(std::int64_t service, bool silence, int by) {
  if (service < 0) return;
  (silence ? At(service).asked_to_silence : At(service).asked) += by;
}

// What was said and not answered may be known or not; it is said again.
void Oracle::Crash(EngineTime now) {
  for (std::int64_t i = 0; i < kServices; ++i) {
    Service& state = At(i);
    if (state.asked_to_silence > 0) blind_.insert(i);
    if (!state.said.empty() || state.asked > 0 || state.asked_to_silence > 0) Lose(i);
    if (!state.said.empty() && i == NumberOf(ServiceNumber::kEdge)) Lose(NumberOf(ServiceNumber::kLeaf));
    // It may have been executed without a message that has begun; then the steps of two passes may be told of at once.
    const bool due = state.open && state.phase != Phase::kNothing && state.due.from <= now;
    if (due && PolicyOf(i).catch_up == EscalationPolicy::CatchUp::kAtOnce) Lose(i);
    state.asked = 0;
    state.asked_to_silence = 0;
  }
}

void Oracle::Restarted(const Now& now) {
  for (std::int64_t i = 0; i < kServices; ++i) {
    Service& state = At(i);
    if (state.lost || !state.open || !IsWaiting(state) || state.due.to < now.engine) continue;
    state.due.to = std::max(state.due.to, now.engine + WaitOf(i));
    state.flush = state.due;
  }
}

// The step is executed at `now`: these people are told by their rules from now on.
void Oracle::Execute(std::int64_t service, EngineTime now, absl::Time wall) {
  Service& state = At(service);
  const EscalationPolicy& policy = PolicyOf(service);
  const Window executed{state.due.from, now};
  const std::vector<UserId> people = People(service, wall);
  const Urgency urgency = state.low ? Urgency::kLow : Urgency::kHigh;
  for (const UserId& user : people) {
    state.paged.insert(user);
    std::erase_if(state.pages, [&](const Page& page) { return page.user == user; });
    Page page{user, {}};
    for (const NotificationRule& rule : organisation_->Find(user)->notification_rules)
      if (rule.urgency == urgency) page.rules.push_back({rule.method, executed.After(rule.delay), false});
    state.pages.push_back(std::move(page));
  }
  state.also.clear();
  state.last = state.step;
  const absl::Duration delay = policy.steps[static_cast<std::size_t>(state.step)].delay;
  state.due = executed.After(delay);
  ++state.step;
  state.phase = state.low && !people.empty()                                  ? Phase::kNothing
                : state.step < static_cast<std::int32_t>(policy.steps.size()) ? Phase::kStep
                                                                              : Phase::kPassEnd;
}

void Oracle::EndPass(std::int64_t service, EngineTime now) {
  Service& state = At(service);
  const EscalationPolicy& policy = PolicyOf(service);
  if (state.pass >= policy.repeats) {
    state.phase = Phase::kNothing;
    state.exhausted = true;
    return;
  }
  // The pause between passes counts from the end, however late that was.
  state.due.to = std::max(state.due.to, std::min(disturbed_, now));
  ++state.pass;
  state.step = 0;
  state.last = -1;
  state.paged.clear();
  state.phase = Phase::kStep;
  state.due = state.due.After(policy.repeat_interval);
}

bool Oracle::Matches(std::int64_t service, const Notification& notification, EngineTime now, absl::Time wall) {
  Service& state = At(service);
  const auto early = [&](const Window& due) {
    if (now + absl::Milliseconds(1) >= due.from) return;
    violate_(absl::StrFormat("I4: N%d about %s to %s by %s begins at %s, before %s", notification.id.value(),
                             ServiceName(service), notification.user.value(), notification.method.id.value(),
                             Shown(now), Shown(due.from)));
  };
  const auto take = [&] {
    for (Page& page : state.pages) {
      if (page.user != notification.user) continue;
      const auto rule = std::ranges::find_if(
          page.rules, [&](const Rule& each) { return !each.done && each.method == notification.method.id; });
      if (rule == page.rules.end()) continue;
      early(rule->due);
      rule->done = true;
      return true;
    }
    return false;
  };
  const auto is_next = [&] {
    if (state.phase != Phase::kStep) return false;
    const std::vector<UserId> people = People(service, wall);
    return std::ranges::find(people, notification.user) != people.end();
  };
  const bool again = state.phase == Phase::kStep && now >= state.due.from && is_next();
  if (!again && take()) return true;
  // Steps that are overdue together are executed at one instant, and their messages begin in any order.
  while (!is_next()) {
    const bool pass_ends = state.phase == Phase::kPassEnd && state.pass < PolicyOf(service).repeats;
    if (now < state.due.from || !(pass_ends || state.phase == Phase::kStep)) return take();
    pass_ends ? EndPass(service, now) : Execute(service, now, wall);
  }
  early(state.due);
  // A step's first message goes at once, so it was executed no earlier.
  if (now > disturbed_ + kSlack) state.due.from = std::max(state.due.from, now - kSlack);
  Execute(service, now, wall);
  return take();
}

void Oracle::Began(const Notification& notification, std::int64_t service, const Now& now) {
  if (notification.purpose != Notification::Purpose::kPage || !seen_.insert(notification.id).second) return;
  if (!Follows(service)) {
    ++unforetold_;
    return;
  }
  Look(now);
  Service& state = At(service);
  const bool source_said =
      service == NumberOf(ServiceNumber::kLeaf) && !At(NumberOf(ServiceNumber::kEdge)).said.empty();
  if (!state.said.empty() || source_said) Lose(service);
  if (state.lost || now.engine <= state.grace) {
    ++unforetold_;
    if (!state.lost && state.open && !state.owned && !state.held) Lose(service);
    return;
  }
  if (state.owned && state.owned_until && now.engine >= state.owned_until->from) Resume(service, *state.owned_until);
  if (!state.lost && state.open && !state.owned && !state.held &&
      Matches(service, notification, now.engine, now.wall)) {
    ++foretold_;
    return;
  }
  if (state.lost) return;
  violate_(absl::StrFormat("I4: nobody expects N%d about %s to %s by %s at %s: %s", notification.id.value(),
                           ServiceName(service), notification.user.value(), notification.method.id.value(),
                           Shown(now.engine),
                           !state.open   ? "nothing fires"
                           : state.owned ? "somebody has acknowledged"
                           : state.held  ? "it is held back"
                                         : "no step or rule is due"));
  Lose(service);
}

}  // namespace tocsin::sim
