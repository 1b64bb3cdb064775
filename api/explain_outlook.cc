#include "api/explain_outlook.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include "api/explain.h"
#include "engine/responder_holds.h"
#include "engine/responder_silences.h"
#include "escalation/roster.h"
#include "model/matcher.h"

namespace tocsin {
namespace {

constexpr absl::Duration kAhead = absl::Hours(24 * 400);
constexpr int kEdges = 1000;

// What is needed of the responder, copied out in one read.
struct View {
  std::optional<Roster> roster;
  std::vector<std::optional<Group>> groups;  // of the alert's keys, in order: the present or last one
  std::optional<EscalationPolicy> policy;    // of the one group that was asked for
  std::vector<Silence> windows;              // of services, in effect
};

View Look(Api& api, std::span<const GroupKey> keys, EscalationId escalation) {
  View view;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    const ResponderState& state = responder.state();
    if (responder.roster() != nullptr) view.roster = *responder.roster();
    for (const GroupKey key : keys) {
      const auto found = state.current_group.find(key);
      view.groups.emplace_back();
      if (found != state.current_group.end()) view.groups.back() = state.groups.at(found->second);
    }
    const auto run = state.escalations.find(escalation);
    if (run != state.escalations.end()) view.policy = run->second.policy;
    for (const auto& [service, ids] : state.windows_of) {
      for (const SilenceId id : ids)
        if (IsInEffect(state, state.silences.at(id))) view.windows.push_back(state.silences.at(id));
    }
  });
  return view;
}

// Steps with nobody behind them are skipped at once.
std::string FirstPaged(const Roster& roster, const EscalationPolicy& policy, absl::Time at) {
  for (std::size_t i = 0; i < policy.steps.size(); ++i) {
    const std::vector<Person> people = roster.Resolve(policy.steps[i].targets, at);
    if (people.empty()) continue;
    return absl::StrFormat("step %d of policy %s pages %s", i + 1, policy.id.value(), ShowPeople(people, "nobody"));
  }
  return absl::StrFormat("policy %s reaches nobody at that time, so its owners or the fallback user are paged",
                         policy.id.value());
}

std::string WhoIsTold(const View& view, const Route& route, const EscalationPolicy* pinned, absl::Time at) {
  std::string text;
  if (route.policy.set() && view.roster) {
    const EscalationPolicy* policy = pinned != nullptr ? pinned : view.roster->organisation().Find(route.policy);
    text = policy != nullptr ? FirstPaged(*view.roster, *policy, at)
                             : "policy " + route.policy.value() + " is gone, so the fallback user is paged";
  }
  if (route.receiver.set())
    absl::StrAppendFormat(&text, "%sreceiver %s is told", text.empty() ? "" : ", and ", route.receiver.value());
  return text.empty() ? "nobody is told: the route has neither policy nor receiver" : text;
}

ServiceId ServiceOf(const Organisation& organisation, const Route& route, const Labels& labels) {
  if (route.service.set()) return route.service;
  for (const Service& service : organisation.services) {
    const absl::StatusOr<CompiledMatchers> matchers = CompiledMatchers::Compile(service.matchers);
    if (matchers.ok() && !service.matchers.empty() && matchers->Match(std::span<const Label>(labels)))
      return service.id;
  }
  return {};
}

// A group that would be opened: what else could hold it then.
std::string OfNewGroup(const View& view, const Route& route, const Labels& labels, absl::Time at) {
  const Organisation& organisation = view.roster->organisation();
  std::string text = absl::StrFormat("route %s opens a group for it", route.id.value());
  const ServiceId service = ServiceOf(organisation, route, labels);
  for (const Silence& window : view.windows) {
    if (window.service != service || EndOfHold(window, at) <= at) continue;
    return absl::StrFormat("%s, but service %s is in maintenance M%d then, %s", text, service.value(),
                           window.id.value(), Until(EndOfHold(window, at)));
  }
  if (const std::optional<Muting> muting = MutedAt(organisation, route, at))
    return absl::StrFormat("%s, but it is muted then %s, %s", text, muting->why, Until(muting->until));
  if (route.threshold.count > 1) {
    absl::StrAppendFormat(&text, ", and once %d events have come within %s", route.threshold.count,
                          absl::FormatDuration(route.threshold.window));
  }
  return absl::StrFormat("%s: %s", text, WhoIsTold(view, route, nullptr, at));
}

std::string OfGroup(const View& view, const Group& group, absl::Time at) {
  const std::string name = absl::StrFormat("group G%d", group.id.value());
  if (group.state == Group::State::kAcknowledged)
    return absl::StrFormat("%s stays acknowledged by %s, and nobody else is paged", name, group.acknowledged_by);
  if (group.below_threshold) return absl::StrFormat("%s is told of when its threshold is met", name);
  const EscalationPolicy* pinned = group.policy ? &*group.policy : view.policy ? &*view.policy : nullptr;
  return absl::StrFormat("%s goes on: %s", name, WhoIsTold(view, group.route, pinned, at));
}

std::string OfAlertIn(const View& view, const Group& group, absl::Time at) {
  const std::string joins = absl::StrFormat("it counts in group G%d", group.id.value());
  if (group.state == Group::State::kMerged) return joins + ", which is " + DescribeState(group);
  if (!group.held_by.empty()) return joins + ", which is held back itself: " + group.held_by;
  if (IsSuppressed(group)) return OfGroup(view, group, at);
  return joins + ", which is " + DescribeState(group);
}

}  // namespace

absl::Time FirstAfter(absl::Time at,
                      std::span<const TimeIntervals> intervals,
                      absl::FunctionRef<bool(absl::Time)> holds) {
  const absl::Time horizon = at + kAhead;
  for (int i = 0; i < kEdges && at < horizon; ++i) {
    absl::Time next = absl::InfiniteFuture();
    for (const TimeIntervals& each : intervals)
      next = std::min(next, each.NextChange(at));
    if (next == absl::InfiniteFuture()) return next;
    at = next;
    if (holds(at)) return at;
  }
  return absl::InfiniteFuture();
}

std::optional<Muting> MutedAt(const Organisation& organisation, const Route& route, absl::Time at) {
  std::vector<TimeIntervals> all;  // the mute ones, then the active ones
  std::vector<std::string> muting_names;
  std::vector<std::string> active_names;
  const auto add = [&](const std::vector<TimeIntervalId>& names, std::vector<std::string>& known) {
    for (const TimeIntervalId& name : names) {
      const TimeInterval* interval = organisation.Find(name);
      absl::StatusOr<TimeIntervals> compiled =
          TimeIntervals::Compile(interval != nullptr ? std::span<const RecurringTime>(interval->time_intervals)
                                                     : std::span<const RecurringTime>());
      if (interval == nullptr || !compiled.ok()) continue;
      all.push_back(*std::move(compiled));
      known.push_back(name.value());
    }
  };
  add(route.mute_time_intervals, muting_names);
  add(route.active_time_intervals, active_names);
  const bool all_known =
      active_names.size() == route.active_time_intervals.size();  // one that is gone is always active
  const auto why = [&](absl::Time t) -> std::string {
    for (std::size_t i = 0; i < muting_names.size(); ++i)
      if (all[i].Contains(t)) return "inside of time interval " + muting_names[i];
    if (active_names.empty() || !all_known) return "";
    for (std::size_t i = muting_names.size(); i < all.size(); ++i)
      if (all[i].Contains(t)) return "";
    return "outside of time interval " + absl::StrJoin(active_names, ", ");
  };
  std::string now = why(at);
  if (now.empty()) return std::nullopt;
  return Muting{std::move(now), FirstAfter(at, all, [&](absl::Time t) { return why(t).empty(); })};
}

std::string Outlook(Api& api, const AlertRecord& alert, absl::Time at) {
  const View view = Look(api, alert.groups, EscalationId());
  if (!view.roster) return "there is no organisation to decide by";
  std::vector<std::string> all;
  for (std::size_t i = 0; i < std::min(alert.groups.size(), alert.routes.size()); ++i) {
    const std::optional<Group>& group = view.groups[i];
    if (group && group->state != Group::State::kResolved) {
      all.push_back(OfAlertIn(view, *group, at));
      continue;
    }
    const Route* route = view.roster->organisation().Find(alert.routes[i]);
    all.push_back(
        OfNewGroup(view, route != nullptr ? *route : view.roster->organisation().route, alert.summary.labels, at));
  }
  return all.empty() ? "no route takes it" : absl::StrJoin(all, "; ");
}

std::string Outlook(Api& api, const Group& group, absl::Time at) {
  const View view = Look(api, {}, group.escalation);
  return view.roster ? OfGroup(view, group, at) : "there is no organisation to decide by";
}

}  // namespace tocsin
