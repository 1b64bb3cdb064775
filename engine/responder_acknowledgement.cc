#include "engine/responder_acknowledgement.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "base/strings.h"
#include "engine/message.h"
#include "engine/responder_episode.h"
#include "engine/responder_escalations.h"
#include "engine/responder_groups.h"
#include "engine/responder_incidents.h"

namespace tocsin {
namespace {

using Kind = TimelineEntry::Kind;

constexpr std::string_view kBySource = "source";
constexpr absl::Duration kShortestSnooze = absl::Seconds(1);
constexpr absl::Duration kLongestSnooze = absl::Hours(24 * 31);

// After how long an acknowledgement of the group runs out, and who says so; zero: it does not.
struct Timeout {
  absl::Duration duration;
  std::string rule;
};

Timeout TimeoutOf(const Turn& turn, const Group& group) {
  if (group.route.acknowledgement.timeout) {
    return {*group.route.acknowledgement.timeout, absl::StrCat("route ", group.route.id.value())};
  }
  if (!group.route.policy.set()) return {};
  const EscalationPolicy policy = PolicyOf(turn, group);
  return {policy.acknowledge_timeout, absl::StrCat("policy ", policy.id.value())};
}

void Own(Turn& turn, Group& group, std::string_view by) {
  group.state = Group::State::kAcknowledged;
  group.acknowledged_at = turn.now().wall;
  group.acknowledged_by = by;
  group.acknowledged_until = absl::Time();
  group.snoozed = false;
  NextGeneration(group);
  turn.Disarm(AcknowledgeTimer(group.id));
}

void EndAfter(Turn& turn, Group& group, absl::Duration duration) {
  turn.Arm(AcknowledgeTimer(group.id), turn.now().engine + duration, group.generation);
  group.acknowledged_until = turn.now().wall + duration;
}

absl::StatusOr<absl::Duration> DurationOf(const Turn& turn, const SnoozeGroup& command) {
  if (command.until.has_value() == command.duration.has_value()) {
    return Invalid("say either until when, or for how long, G%d is snoozed", command.group.value());
  }
  const absl::Duration duration = command.duration ? *command.duration : *command.until - turn.now().wall;
  if (duration < kShortestSnooze && command.until) {
    return Invalid("G%d cannot be snoozed until %s: that is past; it is %s", command.group.value(),
                   Instant(*command.until), Instant(turn.now().wall));
  }
  if (duration < kShortestSnooze || duration > kLongestSnooze) {
    return Invalid("G%d can be snoozed for 1s to 31 days, not for %s", command.group.value(),
                   absl::FormatDuration(duration));
  }
  return duration;
}

}  // namespace

void Acknowledge(Turn& turn, Group& group, std::string_view by) {
  Own(turn, group, by);
  std::string text = absl::StrCat("acknowledged by ", ToAbsl(by));
  if (const Timeout timeout = TimeoutOf(turn, group); timeout.duration > absl::ZeroDuration()) {
    EndAfter(turn, group, timeout.duration);
    absl::StrAppend(&text, "; runs out after ", absl::FormatDuration(timeout.duration), " (", timeout.rule, ")");
  }
  turn.Note(Kind::kAcknowledged, SubjectOf(group.id), text);
  AnswerEscalation(turn, SubjectOf(group.id), by);
}

void Unacknowledge(Turn& turn, Group& group, std::string_view why) {
  group.state = Group::State::kOpen;
  group.snoozed = false;
  group.acknowledged_until = absl::Time();
  NextGeneration(group);
  turn.Disarm(AcknowledgeTimer(group.id));
  turn.Note(Kind::kUnacknowledged, SubjectOf(group.id),
            absl::StrCat("no longer acknowledged by ", group.acknowledged_by, ": ", ToAbsl(why)));
  const bool asks = group.route.policy.set() || IsGivenAway(turn, group);
  if (group.flushed && asks && !IsHeld(group)) {
    StopEscalation(turn, SubjectOf(group.id), why, /*besides=*/false);
    const Escalation* before = turn.Find<Escalation>(group.escalation);
    const bool resumes = group.route.acknowledgement.then == AcknowledgementRule::Then::kResume && before != nullptr;
    std::vector<UserId> also;
    if (const UserId user = PersonBehind(group.acknowledged_by); user.set()) also.push_back(user);
    StartFor(turn, group, why, resumes ? ResumePosition(*before) : PolicyPosition(), std::move(also));
  }
  ReviewIncidentRules(turn, group.id);
}

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

void AcknowledgementRanOut(Turn& turn, GroupId id) {
  const Group* before = turn.Find<Group>(id);
  if (before == nullptr || before->state != Group::State::kAcknowledged) return;
  Group& group = turn.Edit<Group>(id);
  const std::string lasted = Lasted(turn.now().wall - group.acknowledged_at);
  Unacknowledge(turn, group,
                group.snoozed ? absl::StrCat("the snooze is over, ", lasted, " after it began")
                              : absl::StrCat("the acknowledgement ran out ", lasted, " after it was given"));
}

absl::Status AcknowledgeGroupBy(Turn& turn, const AcknowledgeGroup& command) {
  // A page about a part, answered after it was merged, is meant for the whole.
  const Group* named = turn.Find<Group>(command.group);
  const bool merged = named != nullptr && named->state == Group::State::kMerged;
  if (named != nullptr && command.episode && *command.episode != named->episode) {
    return Precondition("group G%d has fired again since (episode %d): this is about episode %d", command.group.value(),
                        named->episode, *command.episode);
  }
  TOCSIN_ASSIGN(const Group* before, FindUnresolved(turn, merged ? named->merged_into : command.group,
                                                    merged ? std::nullopt : command.generation));
  if (before->state == Group::State::kAcknowledged) {
    AnswerToo(turn, SubjectOf(before->id));
    return absl::OkStatus();
  }
  Acknowledge(turn, turn.Edit<Group>(before->id), turn.actor());
  return absl::OkStatus();
}

absl::Status SnoozeGroupBy(Turn& turn, const SnoozeGroup& command) {
  TOCSIN_TRY(FindUnresolved(turn, command.group, command.generation).status());
  TOCSIN_ASSIGN(const absl::Duration asked, DurationOf(turn, command));
  Group& group = turn.Edit<Group>(command.group);
  const Timeout timeout = TimeoutOf(turn, group);
  Own(turn, group, turn.actor());
  EndAfter(turn, group, std::max(asked, timeout.duration));
  group.snoozed = true;
  std::string text =
      absl::StrCat("snoozed by ", turn.actor(), " for ", Lasted(asked), ", until ", Instant(group.acknowledged_until));
  if (timeout.duration > asked) {
    absl::StrAppend(&text, ": the acknowledgement time-out of ", timeout.rule, ", ",
                    absl::FormatDuration(timeout.duration), ", is the longer of the two");
  }
  turn.Note(Kind::kSnoozed, SubjectOf(group.id), text);
  AnswerEscalation(turn, SubjectOf(group.id), turn.actor());
  return absl::OkStatus();
}

absl::Status UnacknowledgeGroupBy(Turn& turn, const UnacknowledgeGroup& command) {
  TOCSIN_ASSIGN(const Group* before, FindUnresolved(turn, command.group, command.generation));
  if (before->state == Group::State::kOpen) {
    return Precondition("group G%d %s: nobody has acknowledged it", command.group.value(), Describe(*before));
  }
  Unacknowledge(turn, turn.Edit<Group>(command.group), absl::StrCat("given back by ", turn.actor()));
  return absl::OkStatus();
}

std::string DescribeEnd(const Group& group) {
  return group.acknowledged_until == absl::Time() ? "" : absl::StrCat(", until ", Instant(group.acknowledged_until));
}

}  // namespace tocsin
