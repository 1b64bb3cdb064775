#include "engine/responder_groups.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "engine/flapping.h"
#include "engine/message.h"
#include "engine/responder_acknowledgement.h"
#include "engine/responder_episode.h"
#include "engine/responder_escalations.h"
#include "engine/responder_fired.h"
#include "engine/responder_flapping.h"
#include "engine/responder_holds.h"
#include "engine/responder_incidents.h"
#include "engine/responder_news.h"
#include "engine/responder_outbox.h"
#include "engine/responder_receivers.h"
#include "engine/responder_urgency.h"

namespace tocsin {
namespace {

using Kind = TimelineEntry::Kind;

constexpr std::string_view kExhausted = "escalation exhausted";

// Whether what the shards say begins a new episode. `last`: the episode before, null without one.
bool Begins(const Turn& turn, const Group* last, const LiveGroup& live) {
  if (live.firing == 0) return false;
  // A person resolved it while alerts were firing: those are settled, only a new one opens it again.
  return last == nullptr || last->firing == 0 || FiresAnew(turn, *last);
}

// What a group is about and by which rules, from here on until it is resolved.
void Pin(Turn& turn, Group& group, const LiveGroup& live) {
  const Route* found = turn.index()->FindRoute(live.any->route);
  group.route = found != nullptr ? *found : turn.index()->root();
  group.route.children.clear();
  PinPolicy(turn, group);
  group.labels = live.any->labels;
  Refresh(turn, group);
  group.peak = group.highest;
  group.service = group.route.service.set() ? group.route.service
                                            : turn.index()->ServiceOf(group.labels, turn.LiveExemplars(group));
  group.urgency = UrgencyNow(turn, group);
  group.opened_at = turn.now().wall;
  group.opened_engine = turn.now().engine;
}

// The first episode, or the next one: waits for what belongs to it, or is handed on at once.
void BeginEpisode(Turn& turn, Group& group, const LiveGroup& live, Kind kind, std::string_view before) {
  Pin(turn, group, live);
  const bool goes_on = HasFlushAhead(turn, group.id);
  const bool waited = !goes_on && live.oldest_start + group.route.group_wait <= turn.now().wall;
  std::string text = absl::StrCat(kind == Kind::kOpened ? "opened" : "opened again", " by route ",
                                  group.route.id.value(), " (rules version ", turn.state().counters.rules.value(),
                                  "): ", group.firing, " firing, highest severity ", ToAbsl(Name(group.highest)));
  if (group.route.id != live.any->route)
    absl::StrAppend(&text, "; route ", live.any->route.value(), " is gone, the root route stands in");
  if (group.service.set()) absl::StrAppend(&text, ", service ", group.service.value());
  absl::StrAppend(&text, ToAbsl(before),
                  goes_on  ? "; comes with the flush that is ahead, not after group_wait "
                  : waited ? "; its alerts are older than group_wait "
                           : "; waits for group_wait ",
                  absl::FormatDuration(group.route.group_wait));
  turn.Note(kind, SubjectOf(group.id), std::move(text));
  FollowSupportHours(turn, group);
  BeginCounting(turn, group, live);
  ReviewFlapping(turn, group);
  const GroupId id = group.id;
  ReviewHold(turn, id);
  if (waited) {
    FlushGroup(turn, id);
  } else if (!goes_on) {
    turn.Arm(FlushTimer(id), turn.now().engine + group.route.group_wait);
  }
  ReviewIncidentRules(turn, id);
}

void OpenGroup(Turn& turn, GroupKey key, const LiveGroup& live, const Group* last) {
  Group fresh;
  fresh.generation = Generation(1);
  std::string before;
  if (last != nullptr) {  // what it did lately is not forgotten with its number
    before = absl::StrCat("; fires again after G", last->id.value());
    fresh.changes = last->changes;
    fresh.events = last->events;
  }
  Group& group = turn.CreateGroup(key);
  fresh.id = group.id;
  fresh.key = key;
  fresh.episode_from = group.id.value();
  group = std::move(fresh);
  BeginEpisode(turn, group, live, Kind::kOpened, before);
}

// At most so many episodes of one group: its rows stay in memory as long as it comes back.
constexpr std::uint32_t kEpisodes = 100;

bool ComesBack(const Turn& turn, const Group& last) {
  // Its receiver has not been told of its end.
  if (last.state == Group::State::kResolved && HasFlushAhead(turn, last.id)) return last.episode < kEpisodes;
  return last.route.reopen_window > absl::ZeroDuration() && last.episode < kEpisodes &&
         turn.now().engine - last.resolved_engine <= last.route.reopen_window;
}

void ReopenGroup(Turn& turn, GroupId id, const LiveGroup& live) {
  Group& group = turn.Edit<Group>(id);
  Group next;
  next.id = id;
  next.key = group.key;
  next.generation = Generation(group.generation.value() + 1);
  next.episode = group.episode + 1;
  next.episode_from = turn.NextId();
  next.changes = std::move(group.changes);
  next.events = std::move(group.events);
  if (HasFlushAhead(turn, id)) {  // what its receiver was told is true until then
    next.last_notified_at = group.last_notified_at;
    next.notified_engine = group.notified_engine;
  }
  const std::string before = absl::StrFormat("; episode %d: it was resolved %s ago (%s), within reopen_window %s",
                                             next.episode, Lasted(turn.now().engine - group.resolved_engine),
                                             group.resolved_by, absl::FormatDuration(group.route.reopen_window));
  group = std::move(next);
  turn.Disarm({Timer::Kind::kRetention, id.value()});
  BeginEpisode(turn, group, live, Kind::kReopened, before);
}

// How it came that nothing of it fires any more.
std::string EndOf(const Group& group, const LiveGroup& live) {
  if (live.last_end == "no news") {
    return absl::StrCat("closed automatically: no news for ", absl::FormatDuration(group.route.auto_close));
  }
  return live.last_end == "expired" ? "alerts recovered: the last was not renewed in time" : "alerts recovered";
}

void Recover(Turn& turn, GroupId id, const LiveGroup& live) {
  NoteThresholds(turn, id);
  Group& group = turn.Edit<Group>(id);
  const bool held = IsHeld(group);
  if (group.below_threshold) {
    turn.Note(Kind::kThresholdNotMet, SubjectOf(id), absl::StrCat("nobody was told: ", DescribeThreshold(turn, group)));
  }
  Refresh(turn, group);
  group.firing = 0;
  group.suppressed = 0;
  RecordFlap(group.changes, group.route.flapping, turn.now().engine);
  std::vector<EngineTime> changes = group.changes;
  CloseGroup(turn, group, EndOf(group, live), held);
  group.changes = std::move(changes);  // it may be on its way to flap
}

// All of its alerts are held back, or by something else than before.
void Suppress(Turn& turn, GroupId id, const LiveGroup& live) {
  const Group& before = *turn.Find<Group>(id);
  const std::string reason = WhyHeldBack(live);
  // What shards do not know yet after a start, they had said before.
  if (IsSuppressed(before) && (live.held_by.empty() || before.quiet_reason == reason)) return;
  Group& group = turn.Edit<Group>(id);
  Refresh(turn, group);
  group.quiet_reason = reason;
  turn.Note(Kind::kSuppressed, SubjectOf(id),
            absl::StrFormat("all %d alerts are %s", group.suppressed, group.quiet_reason));
  StopEscalation(turn, SubjectOf(id), group.quiet_reason);
}

void Unsuppress(Turn& turn, GroupId id) {
  Group& group = turn.Edit<Group>(id);
  Refresh(turn, group);
  turn.Note(Kind::kUnsuppressed, SubjectOf(id),
            absl::StrFormat("%d alerts fire and are no longer held back", group.firing));
  if (group.held_by.empty()) {
    ResumeGroup(turn, id, "no longer held back");
  } else {
    group.quiet_reason = group.held_by;
  }
}

void ArmNextFlush(Turn& turn, const Group& group) {
  turn.Arm(FlushTimer(group.id), turn.now().engine + std::max(group.route.group_interval, absl::Seconds(1)));
}

// Of a receiver that is told by flushes. Alerts that a person has resolved may still fire.
void FlushResolved(Turn& turn, GroupId id) {
  turn.Disarm(FlushTimer(id));
  Group& group = turn.Edit<Group>(id);
  if (!IsToldByFlush(turn, group)) return;
  TellByFlush(turn, group);
  const LiveGroup live = turn.Live(group.key);
  if (live.firing + live.suppressed > 0) ArmNextFlush(turn, group);
}

// All that was sent in this episode, about its parts too.
std::vector<NotificationId> SentAbout(const Turn& turn, const Group& group) {
  std::vector<NotificationId> all;
  const auto add = [&](const Group& of) {
    for (const NotificationId id : turn.About(SubjectOf(of.id)).notifications) {
      if (id.value() >= of.episode_from) all.push_back(id);
    }
  };
  add(group);
  for (const GroupId id : group.merged) {
    if (const Group* part = turn.Find<Group>(id)) add(*part);
  }
  return all;
}

void SetResolved(Turn& turn, Group& group, std::string_view by) {
  group.state = Group::State::kResolved;
  group.resolved_at = turn.now().wall;
  group.resolved_engine = turn.now().engine;
  group.resolved_by = by;
  group.highest = group.peak;
  group.below_threshold = false;
  group.held_by.clear();
  group.snoozed = false;
  group.acknowledged_until = absl::Time();
  group.quiet_reason.clear();
  NextGeneration(group);
  ForgetFlapping(turn, group);
  turn.Disarm(FlushTimer(group.id));
  turn.Disarm(AcknowledgeTimer(group.id));
  turn.Disarm({Timer::Kind::kHoldEdge, group.id.value()});
  turn.Disarm({Timer::Kind::kSupportHours, group.id.value()});
  turn.Arm({Timer::Kind::kRetention, group.id.value()}, turn.now().engine + turn.options().keep_closed);
}

// What of it fires by itself, without its parts: only what fires anew opens it again.
void Settle(const Turn& turn, Group& group) {
  const LiveGroup own = turn.Live(group.key);
  group.firing = own.firing;
  group.suppressed = own.suppressed;
  group.fired_total = own.fired_total;
  group.resolved_total = own.resolved_total;
  group.fired = FiredNow(turn, group);
}

void CloseParts(Turn& turn, GroupId whole, const std::vector<GroupId>& parts) {
  for (const GroupId id : parts) {
    if (turn.Find<Group>(id) == nullptr) continue;
    Group& part = turn.Edit<Group>(id);
    SetResolved(turn, part, absl::StrCat("with G", whole.value()));
    part.merged_into = GroupId();
    Settle(turn, part);
    turn.Note(Kind::kResolved, SubjectOf(id),
              absl::StrCat("resolved with G", whole.value(), ", of which it is a part"));
    GroupResolved(turn, id);
  }
}

}  // namespace

void CloseGroup(Turn& turn, Group& group, std::string_view by, bool held) {
  const GroupId id = group.id;
  const Timer* flush = IsToldByFlush(turn, group) ? turn.FindTimer(FlushTimer(id)) : nullptr;
  const EngineTime due = flush != nullptr ? flush->due : EngineTime();
  SetResolved(turn, group, by);
  if (flush != nullptr) turn.Arm(FlushTimer(id), due);  // its receiver is told then
  StopEscalation(turn, SubjectOf(id), absl::StrCat("resolved: ", ToAbsl(by)));
  turn.Note(Kind::kResolved, SubjectOf(id), absl::StrCat("resolved: ", ToAbsl(by)));
  const Organisation* organisation = turn.organisation();
  const Receiver* receiver = organisation != nullptr ? organisation->Find(group.route.receiver) : nullptr;
  const bool tell_receiver =
      flush == nullptr &&
      (receiver == nullptr || (receiver->send_resolved && !(held && receiver->drop_resolved_when_held)));
  QueueResolved(turn, {SubjectOf(id), ResolvedMessage(group, turn.now()), SentAbout(turn, group), tell_receiver,
                       group.episode > 1 ? absl::StrCat("episode ", group.episode) : ""});
  if (!group.merged.empty()) {
    Settle(turn, group);
    CloseParts(turn, id, group.merged);
  }
  GroupResolved(turn, id);
}

void BreakWait(Turn& turn, GroupId id, std::string_view why) {
  const Group* before = turn.Find<Group>(id);
  if (before->state != Group::State::kOpen || IsHeld(*before) || before->below_threshold) return;
  if (before->flushed && IsToldByFlush(turn, *before)) return;  // nothing is told between two flushes
  if (!before->flushed) {
    turn.Note(Kind::kAlertsChanged, SubjectOf(id),
              absl::StrCat("does not wait for the rest of group_wait: ", ToAbsl(why)));
    FlushGroup(turn, id);
  } else if (before->route.receiver.set() && turn.organisation() != nullptr) {
    TellReceiver(turn, turn.Edit<Group>(id), why);
  }
}

namespace {

// Runs that wait for more alerts, or for something that may be otherwise now: its own, and those of its incidents.
void ReviewRates(Turn& turn, GroupId id) {
  const Group& group = *turn.Find<Group>(id);
  const std::vector<IncidentId> incidents = group.incidents;
  ReviewWaits(turn, group.escalation);
  for (const IncidentId incident : incidents) {
    if (const Incident* row = turn.Find<Incident>(incident)) ReviewWaits(turn, row->escalation);
  }
}

// What shards say of a group that is open or acknowledged, when all of them have reported.
void ReviewUnresolved(Turn& turn, GroupId id) {
  const Group& before = *turn.Find<Group>(id);
  const LiveGroup live = turn.Live(before);
  if (live.firing == 0 && live.suppressed == 0) {
    if (!HoldsWhileQuiet(before)) return Recover(turn, id, live);
    if (before.firing > 0) FlapOnce(turn, id);
    return;
  }
  if (StaysBelowThreshold(turn, id, live)) return;
  if (live.firing == 0) return Suppress(turn, id, live);
  ReviewHold(turn, id);
  ReviewSupportHours(turn, id);
  if (IsSuppressed(*turn.Find<Group>(id))) Unsuppress(turn, id);
  if (turn.Find<Group>(id)->flapping && turn.Find<Group>(id)->firing == 0) FlapOnce(turn, id);
  FollowHealth(turn, id, live);
  ReviewNews(turn, id, live);
  ReviewSourceAcknowledgement(turn, id, live);
  ReviewRates(turn, id);
  ReviewIncidentRules(turn, id);
}

}  // namespace

void ReviewGroup(Turn& turn, GroupKey key) {
  const std::optional<GroupId> current = turn.CurrentGroup(key);
  const Group* group = current ? turn.Find<Group>(*current) : nullptr;
  if (group != nullptr && group->state == Group::State::kMerged) {
    group = turn.Find<Group>(group->merged_into);
    if (group == nullptr || group->state == Group::State::kResolved) return;  // the auditor's business
  }
  const bool all_reported = turn.AllShardsReported();
  turn.SetActor("shard");
  if (group != nullptr && group->state != Group::State::kResolved) {
    if (all_reported) ReviewUnresolved(turn, group->id);  // a part of the truth closes and quiets nothing
    return;
  }
  const LiveGroup live = turn.Live(key);
  if (Begins(turn, group, live)) {
    if (group != nullptr && ComesBack(turn, *group)) {
      ReopenGroup(turn, *current, live);
    } else {
      OpenGroup(turn, key, live, group);
    }
  } else if (group != nullptr && group->firing > 0 && all_reported) {
    ForgetRecovered(turn, *current);
    if (live.firing == 0)
      turn.Edit<Group>(*current).firing = 0;  // what a person had settled is over: whatever fires now is new
  }
}

std::vector<GroupKey> AllKeys(const ResponderState& state) {
  std::set<GroupKey> keys;
  for (const auto& [key, reports] : state.live)
    keys.insert(key);
  for (const auto& [key, id] : state.current_group) {
    const Group& group = state.groups.at(id);
    if (group.state != Group::State::kResolved || group.firing > 0) keys.insert(key);
  }
  return {keys.begin(), keys.end()};
}

std::vector<GroupKey> MostSevereFirst(const Turn& turn, const std::vector<GroupKey>& keys) {
  std::vector<std::pair<int, GroupKey>> order;
  order.reserve(keys.size());
  for (const GroupKey key : keys)
    order.emplace_back(-static_cast<int>(turn.Live(key).highest), key);
  std::ranges::sort(order);
  std::vector<GroupKey> sorted;
  sorted.reserve(order.size());
  for (const auto& [severity, key] : order)
    sorted.push_back(key);
  return sorted;
}

void FlushGroup(Turn& turn, GroupId id) {
  const Group* before = turn.Find<Group>(id);
  if (before == nullptr || before->state == Group::State::kMerged || turn.organisation() == nullptr) return;
  if (IsToldByFlush(turn, *before) && WaitsForShards(turn, *before)) {
    return turn.Arm(FlushTimer(id), turn.now().engine + absl::Seconds(1));
  }
  if (before->state == Group::State::kResolved) return FlushResolved(turn, id);
  if (before->below_threshold) return turn.Disarm(FlushTimer(id));  // handed on when its threshold is met
  ReviewHold(turn, id);
  Group& group = turn.Edit<Group>(id);
  const bool first = !group.flushed;
  if (turn.AllShardsReported() && !IsSuppressed(group) && turn.Live(group).firing > 0) Refresh(turn, group);
  if (IsToldByFlush(turn, group)) TellByFlush(turn, group);
  group.flushed = true;
  if (group.state == Group::State::kOpen && !IsHeld(group)) {
    if (first && group.route.policy.set()) {
      StartFor(turn, group, absl::StrCat("group_wait ", absl::FormatDuration(group.route.group_wait), " is over"));
      if (group.state == Group::State::kResolved) return;  // at the end of a policy without delays
    } else if (!group.route.policy.set()) {
      group.quiet_reason = WhyRoutePagesNobody(group.route);
    }
    if (group.route.receiver.set() && !IsToldByFlush(turn, group)) TellReceiver(turn, group, "");
  }
  if (group.route.receiver.set()) {
    ArmNextFlush(turn, group);
  } else {
    turn.Disarm(FlushTimer(id));
  }
}

void RefreshCounts(Turn& turn, GroupId id) {
  Refresh(turn, turn.Edit<Group>(id));
}

// Before its flush, and while it is acknowledged, there is nothing to go on with.
void ResumeGroup(Turn& turn, GroupId id, std::string_view why) {
  Group& group = turn.Edit<Group>(id);
  group.quiet_reason.clear();
  if (group.state == Group::State::kAcknowledged) GoOnAnswered(turn, SubjectOf(id), why);
  if (!group.flushed || group.state != Group::State::kOpen) return;
  if (group.route.policy.set() || IsGivenAway(turn, group)) {
    StartFor(turn, group, why);
  } else {
    group.quiet_reason = WhyRoutePagesNobody(group.route);
  }
}

void GroupExhausted(Turn& turn, GroupId id) {
  Group& group = turn.Edit<Group>(id);
  Refresh(turn, group);
  group.quiet_reason = kExhausted;
  ReviewIncidentRules(turn, id);
}

absl::Status ResolveGroupBy(Turn& turn, const ResolveGroup& command) {
  TOCSIN_TRY(FindUnresolved(turn, command.group, command.generation).status());
  Group& group = turn.Edit<Group>(command.group);
  if (turn.AllShardsReported()) Refresh(turn, group);
  NoteThresholds(turn, group.id);
  CloseGroup(turn, group, turn.actor(), /*held=*/false);
  return absl::OkStatus();
}

absl::Status EscalateGroupBy(Turn& turn, const EscalateGroup& command) {
  TOCSIN_ASSIGN(const Group* before, FindUnresolved(turn, command.group, std::nullopt));
  if (!before->route.policy.set()) {
    return Precondition("group G%d cannot be escalated: its route %s has no policy", command.group.value(),
                        before->route.id.value());
  }
  if (IsHeld(*before)) {
    return Precondition("group G%d is %s: end that first", command.group.value(), before->quiet_reason);
  }
  Group& group = turn.Edit<Group>(command.group);
  const std::string why = absl::StrCat("asked for by ", turn.actor());
  const Escalation* escalation = turn.Find<Escalation>(group.escalation);
  if (group.state == Group::State::kAcknowledged) {
    group.state = Group::State::kOpen;
    group.snoozed = false;
    group.acknowledged_until = absl::Time();
    NextGeneration(group);
    turn.Disarm(AcknowledgeTimer(group.id));
    turn.Note(Kind::kUnacknowledged, SubjectOf(group.id), absl::StrCat("escalation ", why));
    if (escalation != nullptr) turn.Edit<Escalation>(escalation->id).answered = false;
  }
  group.below_threshold = false;
  if (!group.flushed) {
    FlushGroup(turn, group.id);
  } else if (escalation != nullptr && escalation->stays) {
    StopEscalation(turn, SubjectOf(group.id), why, /*besides=*/false);
    group.escalation = EscalationId();  // by the policy, which it was taken from
    StartFor(turn, group, why);
  } else if (escalation != nullptr && escalation->state == Escalation::State::kRunning) {
    RunNextStep(turn, escalation->id, why, /*at_once=*/true);
  } else if (escalation != nullptr && escalation->state == Escalation::State::kStopped) {
    const bool more = escalation->next_step < static_cast<std::int32_t>(escalation->policy.steps.size());
    StartFor(turn, group, why, more ? PolicyPosition{escalation->next_step, escalation->pass} : PolicyPosition());
  } else {
    StartFor(turn, group, why);
  }
  return absl::OkStatus();
}

void RestartEscalation(Turn& turn, GroupId id, std::string_view why) {
  Group& group = turn.Edit<Group>(id);
  StopEscalation(turn, SubjectOf(id), why, /*besides=*/false);
  group.flushed = true;
  if (group.route.policy.set()) {
    StartFor(turn, group, why);
  } else {
    FlushGroup(turn, id);
  }
}

}  // namespace tocsin
