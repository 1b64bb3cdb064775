#include "engine/responder_news.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "base/strings.h"
#include "engine/event_counts.h"
#include "engine/message.h"
#include "engine/responder_acknowledgement.h"
#include "engine/responder_episode.h"
#include "engine/responder_escalations.h"
#include "engine/responder_fired.h"
#include "engine/responder_groups.h"
#include "engine/responder_urgency.h"

namespace tocsin {
namespace {

using Kind = TimelineEntry::Kind;
using AskAgain = AcknowledgementRule::AskAgain;

constexpr std::string_view kBySource = "source";
constexpr std::size_t kKnownValues = 256;

void RaisePeak(Turn& turn, GroupId id, const LiveGroup& live) {
  Group& group = turn.Edit<Group>(id);
  const std::string text = absl::StrFormat("severity rose from %s to %s", Name(group.peak), Name(live.highest));
  group.peak = live.highest;
  Refresh(turn, group);
  turn.Note(Kind::kAlertsChanged, SubjectOf(id), absl::StrFormat("%s; %d firing", text, group.firing));
  const Urgency urgency = UrgencyNow(turn, group);
  const bool raised = urgency > group.urgency;
  group.urgency = std::max(group.urgency, urgency);
  if (group.state == Group::State::kAcknowledged) {
    const bool asks = group.route.acknowledgement.ask_again != AskAgain::kNothing;
    if (group.acknowledged_by != kBySource && asks) Unacknowledge(turn, group, text);
    return;
  }
  if (group.route.break_through.severity) BreakWait(turn, id, text);
  const Escalation* escalation = turn.Find<Escalation>(group.escalation);
  if (escalation == nullptr || IsHeld(group)) return;
  if (escalation->state == Escalation::State::kExhausted) {
    StartFor(turn, group, text);
  } else if (raised) {
    RaiseEscalation(turn, escalation->id);
  }
}

// Values of the chosen labels that were not there before.
void ReviewValues(Turn& turn, GroupId id, const LiveGroup& live) {
  const Group& before = *turn.Find<Group>(id);
  if (before.route.break_through.labels.empty() || before.values.size() >= kKnownValues) return;
  std::vector<std::string> fresh;
  std::ranges::set_difference(live.values, before.values, std::back_inserter(fresh));
  if (fresh.empty()) return;
  Group& group = turn.Edit<Group>(id);
  group.values.insert(group.values.end(), fresh.begin(), fresh.end());
  std::ranges::sort(group.values);
  if (group.values.size() > kKnownValues) group.values.resize(kKnownValues);
  Refresh(turn, group);
  const std::string text = absl::StrCat("new here: ", OneLine(absl::StrJoin(fresh, ", "), 300));
  turn.Note(Kind::kAlertsChanged, SubjectOf(id), absl::StrFormat("%s; %d firing", text, group.firing));
  BreakWait(turn, id, text);
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
void AskUnanswered(Turn& turn, GroupId id) {
  const Escalation* escalation = turn.Find<Escalation>(turn.Find<Group>(id)->escalation);
  if (escalation == nullptr || escalation->state != Escalation::State::kExhausted) return;
  if (IsHeld(*turn.Find<Group>(id))) return;
  Group& group = turn.Edit<Group>(id);
  Refresh(turn, group);
  turn.Note(Kind::kAlertsChanged, SubjectOf(id),
            absl::StrFormat("new alerts fire although nobody has answered; %d firing", group.firing));
  StartFor(turn, group, "new alerts fire after the escalation was exhausted");
}

void ReviewNewAlerts(Turn& turn, GroupId id, const LiveGroup& live) {
  const Group& before = *turn.Find<Group>(id);
  if (before.flapping) return;  // what comes and goes is not new each time
  if (!FiresAnew(turn, before)) return ForgetRecovered(turn, id);
  if (before.state == Group::State::kOpen) return AskUnanswered(turn, id);
  if (before.route.acknowledgement.ask_again != AskAgain::kAlways || before.acknowledged_by == kBySource) return;
  Group& group = turn.Edit<Group>(id);
  const std::string fresh =
      live.fired_total > group.fired_total ? absl::StrCat(live.fired_total - group.fired_total, " alerts") : "alerts";
  Refresh(turn, group);
  Unacknowledge(turn, group,
                absl::StrFormat("%s began to fire, and route %s asks again for each", fresh, group.route.id.value()));
}

void Release(Turn& turn, GroupId id, std::string text) {
  Group& group = turn.Edit<Group>(id);
  Refresh(turn, group);
  group.below_threshold = false;
  group.events.clear();
  if (!IsHeld(group)) group.quiet_reason.clear();
  turn.Note(Kind::kThresholdMet, SubjectOf(id), std::move(text));
  // Its group_wait may be over since long ago.
  if (turn.FindTimer(FlushTimer(id)) == nullptr) FlushGroup(turn, id);
}

}  // namespace

void ReviewNews(Turn& turn, GroupId id, const LiveGroup& live) {
  if (live.highest > turn.Find<Group>(id)->peak) RaisePeak(turn, id, live);
  ReviewNewAlerts(turn, id, live);
  ReviewValues(turn, id, live);
  NoteGrowth(turn, id, live);
}

void BeginCounting(Turn& turn, Group& group, const LiveGroup& live) {
  group.values.assign(live.values.begin(), live.values.end());
  if (group.values.size() > kKnownValues) group.values.resize(kKnownValues);
  const Threshold& threshold = group.route.threshold;
  if (threshold.count <= 1 || !live.counted) {
    group.events.clear();
    return;
  }
  RecordEvents(group.events, threshold, turn.now().engine, live.fresh_events);
  if (EventsWithin(group.events, threshold.window, turn.now().engine) >= threshold.count) {
    turn.Note(Kind::kThresholdMet, SubjectOf(group.id), DescribeThreshold(turn, group));
    group.events.clear();
    return;
  }
  group.below_threshold = true;
  group.quiet_reason = absl::StrCat("below the threshold: ", DescribeThreshold(turn, group));
  turn.Note(Kind::kThresholdNotMet, SubjectOf(group.id), absl::StrCat("nobody is told as yet: ", group.quiet_reason));
}

bool StaysBelowThreshold(Turn& turn, GroupId id, const LiveGroup& live) {
  const Group& before = *turn.Find<Group>(id);
  if (!before.below_threshold) return false;
  if (!live.counted) {
    // After a start the shards report before they have the rules, by which they count.
    const Route* now = turn.index() != nullptr ? turn.index()->FindRoute(before.route.id) : nullptr;
    if (now != nullptr && now->threshold.count > 1) return true;
    Release(turn, id, absl::StrCat("route ", before.route.id.value(), " has no threshold any more"));
    return false;
  }
  if (live.fresh_events == 0) return true;
  Group& group = turn.Edit<Group>(id);
  RecordEvents(group.events, group.route.threshold, turn.now().engine, live.fresh_events);
  const std::uint64_t count = EventsWithin(group.events, group.route.threshold.window, turn.now().engine);
  if (count < group.route.threshold.count) {
    group.quiet_reason = absl::StrCat("below the threshold: ", DescribeThreshold(turn, group));
    return true;
  }
  Release(turn, id, DescribeThreshold(turn, group));
  return false;
}

std::string DescribeThreshold(const Turn& turn, const Group& group) {
  const Threshold& threshold = group.route.threshold;
  return absl::StrFormat("%d of %d events within %s (route %s)",
                         EventsWithin(group.events, threshold.window, turn.now().engine), threshold.count,
                         absl::FormatDuration(threshold.window), group.route.id.value());
}

}  // namespace tocsin
