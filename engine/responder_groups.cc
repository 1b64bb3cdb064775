#include "engine/responder_groups.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "engine/exemplars.h"
#include "engine/message.h"
#include "engine/receiver_log.h"
#include "engine/responder_escalations.h"
#include "engine/responder_holds.h"
#include "engine/responder_incidents.h"
#include "engine/responder_outbox.h"
#include "engine/responder_pages.h"

namespace tocsin {
namespace {

using Kind = TimelineEntry::Kind;

constexpr std::string_view kBySource = "source";
constexpr std::string_view kExhausted = "escalation exhausted";

TimerKey FlushTimer(GroupId id) {
  return {Timer::Kind::kGroupFlush, id.value()};
}
TimerKey AcknowledgeTimer(GroupId id) {
  return {Timer::Kind::kAcknowledgeTimeout, id.value()};
}

// A route without a policy.
std::string WhyRoutePagesNobody(const Route& route) {
  return route.receiver.set() ? absl::StrCat("route ", route.id.value(), " has no policy: it only tells receiver ",
                                             route.receiver.value())
                              : absl::StrCat("route ", route.id.value(), " has neither policy nor receiver");
}

void NextGeneration(Group& group) {
  group.generation = Generation(group.generation.value() + 1);
}

// The counts that decisions are made on and messages tell.
void Refresh(const Turn& turn, Group& group) {
  const LiveGroup live = turn.Live(group.key);
  if (live.any == nullptr) return;
  group.firing = live.firing;
  group.suppressed = live.suppressed;
  group.highest = live.highest;
  group.fired_total = live.fired_total;
  group.resolved_total = live.resolved_total;
  group.exemplars = CutForRow(turn.LiveExemplars(group.key));
}

// Whether what the shards say begins a new episode. `last`: the episode before, null without one.
bool Begins(const Group* last, const LiveGroup& live, bool all_reported) {
  if (live.firing == 0) return false;
  if (last == nullptr || last->firing == 0) return true;
  // A person resolved it while alerts were firing: those are settled, only a new one opens it again. A total below the
  // remembered one means that the shard's table began anew, or that another shard has yet to report.
  return live.fired_total > last->fired_total || (all_reported && live.fired_total < last->fired_total);
}

void StartFor(Turn& turn, Group& group, std::string_view why, PolicyPosition from = {}, std::vector<UserId> also = {}) {
  const Escalation* before = turn.Find<Escalation>(group.escalation);
  EscalationStart start;
  start.subject = SubjectOf(group.id);
  start.policy = before != nullptr ? before->policy : PolicyFor(turn, group.route.policy);
  start.urgency = group.urgency;
  start.why = why;
  start.from = from;
  start.also = std::move(also);
  group.quiet_reason.clear();
  StartEscalation(turn, std::move(start));
}

void OpenGroup(Turn& turn, GroupKey key, const LiveGroup& live, const Group* last) {
  const Route* found = turn.index()->FindRoute(live.any->route);
  const GroupId before = last != nullptr ? last->id : GroupId();
  Group& group = turn.CreateGroup(key);
  group.generation = Generation(1);
  group.route = found != nullptr ? *found : turn.index()->root();
  group.route.children.clear();
  group.labels = live.any->labels;
  Refresh(turn, group);
  group.peak = group.highest;
  group.service =
      group.route.service.set() ? group.route.service : turn.index()->ServiceOf(group.labels, turn.LiveExemplars(key));
  group.urgency = UrgencyOf(group.route, group.peak);
  group.opened_at = turn.now().wall;
  group.opened_engine = turn.now().engine;

  const bool waited = live.oldest_start + group.route.group_wait <= turn.now().wall;
  std::string text =
      absl::StrCat("opened by route ", group.route.id.value(), " (rules version ", turn.state().counters.rules.value(),
                   "): ", group.firing, " firing, highest severity ", ToAbsl(Name(group.highest)));
  if (found == nullptr)
    absl::StrAppend(&text, "; route ", live.any->route.value(), " is gone, the root route stands in");
  if (group.service.set()) absl::StrAppend(&text, ", service ", group.service.value());
  if (before.set()) absl::StrAppend(&text, "; fires again after G", before.value());
  absl::StrAppend(&text, waited ? "; its alerts are older than group_wait " : "; waits for group_wait ",
                  absl::FormatDuration(group.route.group_wait));
  turn.Note(Kind::kOpened, SubjectOf(group.id), std::move(text));
  const GroupId id = group.id;
  ReviewHold(turn, id);
  if (waited) {
    FlushGroup(turn, id);
  } else {
    turn.Arm(FlushTimer(id), turn.now().engine + group.route.group_wait);
  }
  ReviewIncidentRules(turn, id);
}

// `held`: nobody was to hear of it when it recovered.
void CloseGroup(Turn& turn, Group& group, std::string_view by, bool held) {
  group.state = Group::State::kResolved;
  group.resolved_at = turn.now().wall;
  group.resolved_by = by;
  group.quiet_reason.clear();
  group.held_by.clear();
  NextGeneration(group);
  const GroupId id = group.id;
  StopEscalation(turn, SubjectOf(id), absl::StrCat("resolved: ", ToAbsl(by)));
  turn.Disarm(FlushTimer(id));
  turn.Disarm(AcknowledgeTimer(id));
  turn.Disarm({Timer::Kind::kHoldEdge, id.value()});
  turn.Note(Kind::kResolved, SubjectOf(id), absl::StrCat("resolved: ", ToAbsl(by)));
  const Organisation* organisation = turn.organisation();
  const Receiver* receiver = organisation != nullptr ? organisation->Find(group.route.receiver) : nullptr;
  const bool tell_receiver =
      receiver == nullptr || (receiver->send_resolved && !(held && receiver->drop_resolved_when_held));
  QueueResolved(turn, SubjectOf(id), ResolvedMessage(group, turn.now()), tell_receiver);
  turn.Arm({Timer::Kind::kRetention, id.value()}, turn.now().engine + turn.options().keep_closed);
  GroupResolved(turn, id);
}

void Recover(Turn& turn, GroupId id) {
  NoteThresholds(turn, id);
  Group& group = turn.Edit<Group>(id);
  const bool held = IsHeld(group);
  Refresh(turn, group);
  group.firing = 0;
  group.suppressed = 0;
  CloseGroup(turn, group, "alerts recovered", held);
}

// All of its alerts are held back, or by something else than before.
void Suppress(Turn& turn, GroupId id, const LiveGroup& live) {
  const Group& before = *turn.Find<Group>(id);
  const std::string reason = live.held_by.empty() ? "held back" : live.held_by;
  if (IsSuppressed(before) && before.quiet_reason == reason) return;
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

void Acknowledge(Turn& turn, Group& group, std::string_view by) {
  group.state = Group::State::kAcknowledged;
  group.acknowledged_at = turn.now().wall;
  group.acknowledged_by = by;
  NextGeneration(group);
  const Escalation* escalation = turn.Find<Escalation>(group.escalation);
  const absl::Duration timeout = escalation != nullptr      ? escalation->policy.acknowledge_timeout
                                 : group.route.policy.set() ? PolicyFor(turn, group.route.policy).acknowledge_timeout
                                                            : absl::ZeroDuration();
  std::string text = absl::StrCat("acknowledged by ", ToAbsl(by));
  if (timeout > absl::ZeroDuration()) {
    turn.Arm(AcknowledgeTimer(group.id), turn.now().engine + timeout, group.generation);
    absl::StrAppend(&text, "; runs out after ", absl::FormatDuration(timeout));
  }
  turn.Note(Kind::kAcknowledged, SubjectOf(group.id), text);
  StopEscalation(turn, SubjectOf(group.id), absl::StrCat("acknowledged by ", ToAbsl(by)));
}

// Back to open; the escalation resumes with the step that was executed last, for the people of now and the acknowledger.
void Unacknowledge(Turn& turn, Group& group, std::string_view why) {
  group.state = Group::State::kOpen;
  NextGeneration(group);
  turn.Disarm(AcknowledgeTimer(group.id));
  turn.Note(Kind::kUnacknowledged, SubjectOf(group.id),
            absl::StrCat("no longer acknowledged by ", group.acknowledged_by, ": ", ToAbsl(why)));
  if (group.flushed && group.route.policy.set() && !IsHeld(group)) {
    const Escalation* before = turn.Find<Escalation>(group.escalation);
    std::vector<UserId> also;
    if (const UserId user = PersonBehind(group.acknowledged_by); user.set()) also.push_back(user);
    StartFor(turn, group, why, before != nullptr ? ResumePosition(*before) : PolicyPosition(), std::move(also));
  }
  ReviewIncidentRules(turn, group.id);
}

void RaisePeak(Turn& turn, GroupId id, const LiveGroup& live) {
  Group& group = turn.Edit<Group>(id);
  const std::string text = absl::StrFormat("severity rose from %s to %s", Name(group.peak), Name(live.highest));
  group.peak = live.highest;
  Refresh(turn, group);
  turn.Note(Kind::kAlertsChanged, SubjectOf(id), absl::StrFormat("%s; %d firing", text, group.firing));
  const Urgency urgency = UrgencyOf(group.route, group.peak);
  const bool raised = urgency > group.urgency;
  group.urgency = std::max(group.urgency, urgency);
  if (group.state == Group::State::kAcknowledged) {
    if (group.acknowledged_by != kBySource) Unacknowledge(turn, group, text);
    return;
  }
  const Escalation* before = turn.Find<Escalation>(group.escalation);
  if (before == nullptr || IsHeld(group)) return;
  if (before->state == Escalation::State::kExhausted) {
    StartFor(turn, group, text);
  } else if (raised && before->state == Escalation::State::kRunning) {
    Escalation& escalation = turn.Edit<Escalation>(before->id);
    escalation.urgency = group.urgency;
    const std::vector<PageId> pages = escalation.pages;
    for (const PageId page : pages)
      RaiseUrgency(turn, page);
  }
}

// Counts are not decided on each time that they change; a storm would journal nothing else. Doublings are.
void NoteGrowth(Turn& turn, GroupId id, const LiveGroup& live) {
  constexpr std::uint32_t kSmall = 10;
  const std::uint32_t before = turn.Find<Group>(id)->firing;
  if (live.firing < kSmall || live.firing < 2 * static_cast<std::uint64_t>(before)) return;
  Refresh(turn, turn.Edit<Group>(id));
  turn.Note(Kind::kAlertsChanged, SubjectOf(id),
            absl::StrFormat("%d alerts fire, %d when last looked at", live.firing, before));
}

// Nobody answered, and now something new fires: that is worth asking again, once for each time that nobody answers.
void AskAgain(Turn& turn, GroupId id, const LiveGroup& live) {
  const Group& before = *turn.Find<Group>(id);
  const Escalation* escalation = turn.Find<Escalation>(before.escalation);
  if (before.state != Group::State::kOpen || IsHeld(before) || live.fired_total <= before.fired_total) return;
  if (escalation == nullptr || escalation->state != Escalation::State::kExhausted) return;
  Group& group = turn.Edit<Group>(id);
  Refresh(turn, group);
  turn.Note(Kind::kAlertsChanged, SubjectOf(id),
            absl::StrFormat("new alerts fire although nobody has answered; %d firing", group.firing));
  StartFor(turn, group, "new alerts fire after the escalation was exhausted");
}

// Alerts may be acknowledged where they come from: when all are, so is the group, and only as long as all are.
void ReviewSourceAcknowledgement(Turn& turn, GroupId id, const LiveGroup& live) {
  const Group& before = *turn.Find<Group>(id);
  const bool all = live.acknowledged >= live.firing;
  if (before.state == Group::State::kOpen && all) {
    Group& group = turn.Edit<Group>(id);
    Refresh(turn, group);
    Acknowledge(turn, group, kBySource);
  } else if (before.state == Group::State::kAcknowledged && before.acknowledged_by == kBySource && !all) {
    Group& group = turn.Edit<Group>(id);
    Refresh(turn, group);
    Unacknowledge(turn, group,
                  absl::StrFormat("%d of %d alerts are not acknowledged at their source",
                                  live.firing - live.acknowledged, live.firing));
  }
}

void TellReceiver(Turn& turn, Group& group) {
  const Receiver* receiver = turn.organisation()->Find(group.route.receiver);
  if (receiver == nullptr) {
    turn.Note(Kind::kNotificationFailed, SubjectOf(group.id),
              absl::StrCat("receiver ", group.route.receiver.value(), " does not exist any more"));
    return;
  }
  const TellReason reason = WhyTell(group, receiver->send_resolved, turn.now().engine);
  if (reason == TellReason::kNothingNew) return;
  const MessageText message = UpdateMessage(group, Describe(reason, group), turn.now());
  group.last_notified_at = turn.now().wall;
  group.notified_engine = turn.now().engine;
  group.notified_fired_total = group.fired_total;
  group.notified_resolved_total = group.resolved_total;
  for (const ContactMethod& target : receiver->targets) {
    Notification row;
    row.subject = SubjectOf(group.id);
    row.receiver = receiver->id;
    row.method = target;
    row.purpose = Notification::Purpose::kGroupUpdate;
    row.lane = Notification::Lane::kRest;
    row.title = message.title;
    row.body = message.body;
    Queue(turn, row, absl::StrCat(turn.now().engine.ns()));
  }
}

absl::Status CheckGeneration(const Group& group, const std::optional<Generation>& seen) {
  if (!seen || *seen == group.generation) return absl::OkStatus();
  return Precondition("group G%d %s, you saw generation %d: look again", group.id.value(), Describe(group),
                      seen->value());
}

absl::StatusOr<const Group*> FindUnresolved(const Turn& turn, GroupId id, const std::optional<Generation>& seen) {
  const Group* group = turn.Find<Group>(id);
  if (group == nullptr) {
    return NotFound("group G%d is not known, or was resolved more than %s ago", id.value(),
                    absl::FormatDuration(turn.options().keep_closed));
  }
  TOCSIN_TRY(CheckGeneration(*group, seen));
  if (group->state == Group::State::kResolved) {
    return Precondition("group G%d %s: nothing is left to be done; if it fires again, it is a new group", id.value(),
                        Describe(*group));
  }
  return group;
}

}  // namespace

void ReviewGroup(Turn& turn, GroupKey key) {
  const LiveGroup live = turn.Live(key);
  const bool all_reported = turn.AllShardsReported();
  const std::optional<GroupId> current = turn.CurrentGroup(key);
  const Group* group = current ? turn.Find<Group>(*current) : nullptr;
  turn.SetActor("shard");
  if (group == nullptr || group->state == Group::State::kResolved) {
    if (Begins(group, live, all_reported)) {
      OpenGroup(turn, key, live, group);
    } else if (group != nullptr && group->firing > 0 && live.firing == 0 && all_reported) {
      turn.Edit<Group>(*current).firing = 0;  // what a person had settled is over: whatever fires now is new
    }
    return;
  }
  if (!all_reported) return;  // a part of the truth closes and quiets nothing
  if (live.firing == 0 && live.suppressed == 0) return Recover(turn, *current);
  if (live.firing == 0) return Suppress(turn, *current, live);
  ReviewHold(turn, *current);
  if (IsSuppressed(*turn.Find<Group>(*current))) Unsuppress(turn, *current);
  FollowHealth(turn, *current, live);
  if (live.highest > turn.Find<Group>(*current)->peak) RaisePeak(turn, *current, live);
  AskAgain(turn, *current, live);
  NoteGrowth(turn, *current, live);
  ReviewSourceAcknowledgement(turn, *current, live);
  ReviewIncidentRules(turn, *current);
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
  if (before == nullptr || before->state == Group::State::kResolved || turn.organisation() == nullptr) return;
  ReviewHold(turn, id);
  Group& group = turn.Edit<Group>(id);
  const bool first = !group.flushed;
  if (turn.AllShardsReported() && !IsSuppressed(group) && turn.Live(group.key).firing > 0) Refresh(turn, group);
  group.flushed = true;
  if (group.state == Group::State::kOpen && !IsHeld(group)) {
    if (first && group.route.policy.set()) {
      StartFor(turn, group, absl::StrCat("group_wait ", absl::FormatDuration(group.route.group_wait), " is over"));
    } else if (!group.route.policy.set()) {
      group.quiet_reason = WhyRoutePagesNobody(group.route);
    }
    if (group.route.receiver.set()) TellReceiver(turn, group);
  }
  if (group.route.receiver.set()) {
    turn.Arm(FlushTimer(id), turn.now().engine + std::max(group.route.group_interval, absl::Seconds(1)));
  } else {
    turn.Disarm(FlushTimer(id));
  }
}

void AcknowledgementRanOut(Turn& turn, GroupId id) {
  const Group* before = turn.Find<Group>(id);
  if (before == nullptr || before->state != Group::State::kAcknowledged) return;
  Group& group = turn.Edit<Group>(id);
  Unacknowledge(
      turn, group,
      absl::StrCat("the acknowledgement ran out ",
                   absl::FormatDuration(absl::Trunc(turn.now().wall - group.acknowledged_at, absl::Seconds(1))),
                   " after it was given"));
}

void RefreshCounts(Turn& turn, GroupId id) {
  Refresh(turn, turn.Edit<Group>(id));
}

// Before its flush, and while it is acknowledged, there is nothing to go on with.
void ResumeGroup(Turn& turn, GroupId id, std::string_view why) {
  Group& group = turn.Edit<Group>(id);
  group.quiet_reason.clear();
  if (!group.flushed || group.state != Group::State::kOpen) return;
  if (group.route.policy.set()) {
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

absl::Status AcknowledgeGroupBy(Turn& turn, const AcknowledgeGroup& command) {
  TOCSIN_ASSIGN(const Group* before, FindUnresolved(turn, command.group, command.generation));
  if (before->state == Group::State::kAcknowledged) return absl::OkStatus();
  Acknowledge(turn, turn.Edit<Group>(command.group), turn.actor());
  return absl::OkStatus();
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
    NextGeneration(group);
    turn.Disarm(AcknowledgeTimer(group.id));
    turn.Note(Kind::kUnacknowledged, SubjectOf(group.id), absl::StrCat("escalation ", why));
  }
  if (!group.flushed) {
    FlushGroup(turn, group.id);
  } else if (escalation != nullptr && escalation->state == Escalation::State::kRunning) {
    RunNextStep(turn, escalation->id, why);
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
  StopEscalation(turn, SubjectOf(id), why);
  group.flushed = true;
  if (group.route.policy.set()) {
    StartFor(turn, group, why);
  } else {
    FlushGroup(turn, id);
  }
}

}  // namespace tocsin
