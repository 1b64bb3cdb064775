#include "engine/responder_timers.h"

#include <algorithm>

#include "engine/responder_acknowledgement.h"
#include "engine/responder_bundles.h"
#include "engine/responder_changes.h"
#include "engine/responder_escalations.h"
#include "engine/responder_flapping.h"
#include "engine/responder_groups.h"
#include "engine/responder_heartbeats.h"
#include "engine/responder_holds.h"
#include "engine/responder_incidents.h"
#include "engine/responder_opsgenie.h"
#include "engine/responder_outbox.h"
#include "engine/responder_pages.h"
#include "engine/responder_self_tests.h"
#include "engine/responder_silences.h"
#include "engine/responder_steps.h"
#include "engine/responder_urgency.h"
#include "engine/responder_watches.h"

namespace tocsin {
namespace {

using Kind = Timer::Kind;

// Whether the state that the timer was armed for is still there.
bool IsLive(const Turn& turn, const Timer& timer) {
  switch (timer.kind) {
    case Kind::kGroupFlush: {  // a receiver may have to be told that it is resolved
      const Group* row = turn.Find<Group>(GroupId(timer.subject));
      return row != nullptr && row->state != Group::State::kMerged;
    }
    case Kind::kHoldEdge:
    case Kind::kSupportHours:
    case Kind::kIncidentCheck: {  // a group's number is its episode's: nothing else makes these stale
      const Group* row = turn.Find<Group>(GroupId(timer.subject));
      return row != nullptr && row->state != Group::State::kResolved && row->state != Group::State::kMerged;
    }
    case Kind::kStable: {
      const Group* row = turn.Find<Group>(GroupId(timer.subject));
      return row != nullptr && row->state != Group::State::kResolved && row->flapping;
    }
    case Kind::kAcknowledgeTimeout: {
      const Group* row = turn.Find<Group>(GroupId(timer.subject));
      return row != nullptr && row->state == Group::State::kAcknowledged && row->generation == timer.generation;
    }
    case Kind::kEscalationStep: {
      const Escalation* row = turn.Find<Escalation>(EscalationId(timer.subject));
      return row != nullptr && row->state == Escalation::State::kRunning && row->generation == timer.generation;
    }
    case Kind::kStepHours: {
      const Escalation* row = turn.Find<Escalation>(EscalationId(timer.subject));
      return row != nullptr && row->state == Escalation::State::kRunning && row->wait == Escalation::Wait::kHours;
    }
    case Kind::kHandoff: {
      const Escalation* row = turn.Find<Escalation>(EscalationId(timer.subject));
      return row != nullptr && row->state != Escalation::State::kStopped;
    }
    case Kind::kPageHours: {
      const Page* row = turn.Find<Page>(PageId(timer.subject));
      return row != nullptr && row->state == Page::State::kActive && row->waits;
    }
    case Kind::kPageRule: {
      const Page* row = turn.Find<Page>(PageId(timer.subject));
      return row != nullptr && row->state == Page::State::kActive &&
             static_cast<std::uint64_t>(row->next_rule) == timer.generation.value();
    }
    case Kind::kNotification: {
      const Notification* row = turn.Find<Notification>(NotificationId(timer.subject));
      return row != nullptr && (IsOpen(*row) || AwaitsReceipt(*row)) && TimerGeneration(*row) == timer.generation;
    }
    case Kind::kSilenceEdge: return turn.Find<Silence>(SilenceId(timer.subject)) != nullptr;
    case Kind::kThrottle: return turn.Find<Throttle>(ThrottleId(timer.subject)) != nullptr;
    case Kind::kScheduleNews: return turn.Find<ScheduleWatch>(ScheduleWatchId(timer.subject)) != nullptr;
    case Kind::kHeartbeat: return turn.Find<Heartbeat>(HeartbeatId(timer.subject)) != nullptr;
    case Kind::kFollow: return timer.subject == 0 || turn.Find<Group>(GroupId(timer.subject)) != nullptr;
    case Kind::kSelfTests:
    case Kind::kReachReport:
      return turn.roster() != nullptr && turn.index() != nullptr && turn.organisation()->self_tests.enabled;
    case Kind::kOutlived:
    case Kind::kRetention: return true;
  }
  return false;
}

// Asked about nobody any more, although nobody has said so: what is left of a stall is looked at again, not replayed.
bool IsQuiet(const Turn& turn, const Timer& timer) {
  const bool of_escalation =
      timer.kind == Kind::kEscalationStep || timer.kind == Kind::kStepHours || timer.kind == Kind::kHandoff;
  if (of_escalation) return !WhyQuiet(turn, *turn.Find<Escalation>(EscalationId(timer.subject))).empty();
  const bool of_page = timer.kind == Kind::kPageRule || timer.kind == Kind::kPageHours;
  return of_page && !WhyQuiet(turn, *turn.Find<Page>(PageId(timer.subject))).empty();
}

// Rows whose messages are still on their way are kept a while longer.
bool HasOpenMessages(const Turn& turn, std::uint64_t id) {
  const auto open = [&](NotificationId notification) {
    const Notification* row = turn.Find<Notification>(notification);
    return row != nullptr && IsOpen(*row);
  };
  if (const Page* page = turn.Find<Page>(PageId(id))) return std::ranges::any_of(page->notifications, open);
  const Subject subject = turn.Find<Group>(GroupId(id)) != nullptr ? SubjectOf(GroupId(id)) : SubjectOf(IncidentId(id));
  return std::ranges::any_of(turn.About(subject).notifications, open);
}

}  // namespace

void FireTimer(Turn& turn, const Timer& timer) {
  const TimerKey key{timer.kind, timer.subject};
  const bool live = IsLive(turn, timer) && !IsQuiet(turn, timer);
  if (live && timer.kind == Kind::kRetention && HasOpenMessages(turn, timer.subject)) {
    turn.Arm(key, turn.now().engine + absl::Hours(1));
    return;
  }
  turn.SetActor("timer");
  turn.Disarm(key);
  if (!live) return;
  switch (timer.kind) {
    case Kind::kGroupFlush: FlushGroup(turn, GroupId(timer.subject)); break;
    case Kind::kEscalationStep: StepIsDue(turn, EscalationId(timer.subject)); break;
    case Kind::kStepHours: StepHoursCame(turn, EscalationId(timer.subject)); break;
    case Kind::kHandoff: FollowHandoff(turn, EscalationId(timer.subject)); break;
    case Kind::kPageHours: EndPageWait(turn, PageId(timer.subject)); break;
    case Kind::kSupportHours: ReviewSupportHours(turn, GroupId(timer.subject)); break;
    case Kind::kPageRule: RunDueRules(turn, PageId(timer.subject)); break;
    case Kind::kNotification: FireNotification(turn, NotificationId(timer.subject)); break;
    case Kind::kAcknowledgeTimeout: AcknowledgementRanOut(turn, GroupId(timer.subject)); break;
    case Kind::kStable: BecameStable(turn, GroupId(timer.subject)); break;
    case Kind::kIncidentCheck: ReviewIncidentRules(turn, GroupId(timer.subject)); break;
    case Kind::kSilenceEdge: SilenceEdge(turn, SilenceId(timer.subject)); break;
    case Kind::kHoldEdge: ReviewHold(turn, GroupId(timer.subject)); break;
    case Kind::kThrottle: FireThrottle(turn, ThrottleId(timer.subject)); break;
    case Kind::kScheduleNews: WatchSchedule(turn, ScheduleWatchId(timer.subject)); break;
    case Kind::kHeartbeat: CheckHeartbeat(turn, HeartbeatId(timer.subject)); break;
    case Kind::kOutlived: DropOutlived(turn, timer.subject); break;
    case Kind::kSelfTests: RunSelfTests(turn, timer.subject); break;
    case Kind::kReachReport: ReportReach(turn); break;
    case Kind::kFollow:
      if (timer.subject == 0) {
        FollowRoutes(turn, OpsgenieAlertId(timer.generation.value()));
      } else {
        FollowGroup(turn, GroupId(timer.subject));
      }
      break;
    case Kind::kRetention:  // folding its removal lets the closed rows go
      if (turn.Find<Notification>(NotificationId(timer.subject)) != nullptr) {
        turn.Remove<Notification>(NotificationId(timer.subject));
      }
      break;
  }
}

}  // namespace tocsin
