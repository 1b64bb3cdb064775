#include "engine/responder_audit.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "base/hash.h"
#include "base/strings.h"
#include "engine/channel_health.h"
#include "engine/responder_episode.h"
#include "engine/responder_escalations.h"
#include "engine/responder_groups.h"
#include "engine/responder_holds.h"
#include "engine/responder_merge.h"
#include "engine/responder_outbox.h"
#include "engine/responder_pages.h"

namespace tocsin {
namespace {

using Kind = Timer::Kind;

bool HasTimer(const Turn& turn, Kind kind, std::uint64_t subject) {
  return turn.FindTimer({kind, subject}) != nullptr;
}

// It has the timer that brings it on: its own, or that of the contact method or the bundle it waits for.
bool IsMoving(const Turn& turn, const Notification& row) {
  if (row.state != Notification::State::kHeld) return HasTimer(turn, Kind::kNotification, row.id.value());
  if (row.bundle.set()) {
    const Notification* bundle = turn.Find<Notification>(row.bundle);
    return bundle != nullptr && IsOpen(*bundle) && HasTimer(turn, Kind::kNotification, row.bundle.value());
  }
  const Throttle* throttle = turn.FindThrottle(row.method);
  return throttle != nullptr && HasTimer(turn, Kind::kThrottle, throttle->id.value());
}

// It has what its next step waits for.
bool IsMoving(const Turn& turn, const Escalation& row) {
  switch (row.wait) {
    case Escalation::Wait::kTime: return HasTimer(turn, Kind::kEscalationStep, row.id.value());
    case Escalation::Wait::kHours: return HasTimer(turn, Kind::kStepHours, row.id.value());
    case Escalation::Wait::kRate:
    case Escalation::Wait::kNothing: return true;
  }
  return false;
}

// A message on its way without the timer that would bring it on.
std::optional<NotificationId> Stranded(const Turn& turn, const Subject& subject) {
  for (const NotificationId id : turn.About(subject).notifications) {
    const Notification* row = turn.Find<Notification>(id);
    if (row != nullptr && IsOpen(*row) && !IsMoving(turn, *row)) return id;
  }
  return std::nullopt;
}

// Brings on what is stranded.
void Unstrand(Turn& turn, const Subject& subject) {
  for (const NotificationId id : turn.About(subject).notifications) {
    const Notification* row = turn.Find<Notification>(id);
    if (row == nullptr || !IsOpen(*row) || IsMoving(turn, *row)) continue;
    Notification& stuck = turn.Edit<Notification>(id);
    if (stuck.state == Notification::State::kHeld) stuck.state = Notification::State::kPending;
    stuck.bundle = NotificationId();
    turn.Arm({Kind::kNotification, id.value()}, turn.now().engine, TimerGeneration(stuck));
  }
}

// An active page that will go on: a rule to come, or a message on its way.
bool HasRunningPage(const Turn& turn, const Group& group) {
  return std::ranges::any_of(turn.About(SubjectOf(group.id)).pages, [&](PageId id) {
    const Page* page = turn.Find<Page>(id);
    if (page == nullptr || page->state != Page::State::kActive) return false;
    if (HasTimer(turn, Kind::kPageRule, id.value()) || HasTimer(turn, Kind::kPageHours, id.value())) return true;
    return std::ranges::any_of(page->notifications, [&](NotificationId notification) {
      const Notification* row = turn.Find<Notification>(notification);
      return row != nullptr && IsOpen(*row);
    });
  });
}

constexpr std::int32_t kOften = 3;
// More overdue timers than this are not looked at one by one: it is late.
constexpr int kOverdueLookedAt = 1000;

// A provider that is away so long is said to be: `status` tells it, and the heartbeat to the dead-man service stops.
constexpr absl::Duration kUnreachedTolerance = absl::Minutes(5);
// In two minutes a page has gone on from a method that fails to the person's next one, and on to the next person.
constexpr absl::Duration kNobodyToldTolerance = absl::Minutes(2);
constexpr std::size_t kStaleRowsPerAudit = 2000;
constexpr absl::Duration kToldAgainAfter = absl::Hours(1);
constexpr std::size_t kFindingsTold = 10;
constexpr std::string_view kAlarm = "auditor";

// How late messages about `subject` are.
void LookAtMessages(const Turn& turn, const Subject& subject, AuditRound& round) {
  for (const NotificationId id : turn.About(subject).notifications) {
    const Notification* row = turn.Find<Notification>(id);
    if (row == nullptr) continue;
    if (row->state == Notification::State::kPending)
      round.oldest_message = std::max(round.oldest_message, turn.now().engine - row->due);
    if (row->state == Notification::State::kLeased)
      round.oldest_attempt =
          std::max(round.oldest_attempt, turn.now().engine - (row->lease_until - turn.options().lease));
  }
}

absl::Duration OldestTimer(const ResponderState& state, const Now& now) {
  absl::Duration oldest;
  if (!state.due.empty()) oldest = std::max(oldest, now.engine - state.due.First().due);
  if (!state.due_wall.empty()) oldest = std::max(oldest, now.wall - state.due_wall.begin()->first);
  return oldest;
}

// A part of a group that is not there to be handled for it.
std::optional<std::string> FaultOfPart(const Turn& turn, const Group& part, std::string_view name) {
  const Group* whole = turn.Find<Group>(part.merged_into);
  const bool sound = whole != nullptr && whole->state != Group::State::kResolved &&
                     std::ranges::find(whole->merged, part.id) != whole->merged.end();
  if (sound) return std::nullopt;
  return absl::StrFormat("%s: is a part of G%d, which does not answer for it", name, part.merged_into.value());
}

}  // namespace

std::optional<std::string> FindUnreached(const Turn& turn, const Group& group, absl::Duration tolerance) {
  const Escalation* escalation = turn.Find<Escalation>(group.escalation);
  if (group.state != Group::State::kOpen || escalation == nullptr) return std::nullopt;
  if (escalation->state == Escalation::State::kStopped) return std::nullopt;  // nobody is to be told: it is held back
  if (escalation->urgency != Urgency::kHigh || turn.now().wall - escalation->started_at <= tolerance)
    return std::nullopt;
  const Notification* tried = nullptr;
  for (const PageId id : escalation->pages) {
    const Page* page = turn.Find<Page>(id);
    if (page == nullptr) continue;
    for (const NotificationId notification : page->notifications) {
      const Notification* row = turn.Find<Notification>(notification);
      if (row == nullptr) continue;
      if (WasTold(*row)) return std::nullopt;
      const Notification* sent = row->bundle.set() ? turn.Find<Notification>(row->bundle) : row;
      if (sent != nullptr && sent->attempt >= kOften) tried = sent;
    }
  }
  if (tried == nullptr) return std::nullopt;
  const absl::Duration waited = absl::Trunc(turn.now().wall - escalation->started_at, absl::Seconds(1));
  return absl::StrFormat("%s: no provider has taken a page for %s, the last was %s: %s", NameOf(SubjectOf(group.id)),
                         absl::FormatDuration(waited), Describe(*tried), tried->last_error);
}

std::optional<std::string> FindFault(const Turn& turn, const Group& group) {
  const std::string name = NameOf(SubjectOf(group.id));
  if (const auto stranded = Stranded(turn, SubjectOf(group.id))) {
    return absl::StrFormat("%s: notification N%d is on its way without a timer", name, stranded->value());
  }
  const Escalation* escalation = turn.Find<Escalation>(group.escalation);
  const bool running = escalation != nullptr && escalation->state == Escalation::State::kRunning;
  if (running && !IsMoving(turn, *escalation)) {
    return absl::StrFormat("%s: escalation E%d runs without a timer", name, escalation->id.value());
  }
  if (group.state == Group::State::kMerged) return FaultOfPart(turn, group, name);
  if (group.flapping && !HasTimer(turn, Kind::kStable, group.id.value())) {
    return absl::StrCat(name, ": flaps, and nothing would end that");
  }
  if (group.state == Group::State::kAcknowledged || IsHeld(group)) {
    if (running && !(escalation->answered && !IsHeld(group)))
      return absl::StrFormat("%s: escalation E%d runs although the group %s", name, escalation->id.value(),
                             group.state == Group::State::kAcknowledged ? "is acknowledged" : "is held back");
    return std::nullopt;
  }
  if (running && escalation->answered) {
    return absl::StrFormat("%s: escalation E%d runs as though somebody had acknowledged", name, escalation->id.value());
  }
  if (!group.flushed) {
    if (HasTimer(turn, Kind::kGroupFlush, group.id.value()) || group.below_threshold) return std::nullopt;
    return absl::StrCat(name, ": waits to be handed to its policy without a timer");
  }
  if (!group.route.policy.set() && group.route.receiver.set() && !HasTimer(turn, Kind::kGroupFlush, group.id.value())) {
    return absl::StrCat(name, ": its receiver would not be told of anything more");
  }
  if (running || HasRunningPage(turn, group) || !group.quiet_reason.empty()) return std::nullopt;
  return absl::StrCat(name, ": is open, and nobody is paged, and no reason is stated");
}

std::optional<std::string> AuditGroup(Turn& turn, GroupId id) {
  const Group* group = turn.Find<Group>(id);
  if (group == nullptr || group->state == Group::State::kResolved) return std::nullopt;
  const std::optional<std::string> fault = FindFault(turn, *group);
  if (!fault) return std::nullopt;
  turn.SetActor("auditor");
  turn.Note(TimelineEntry::Kind::kAuditorRepaired, SubjectOf(id), *fault);
  if (Stranded(turn, SubjectOf(id))) {
    Unstrand(turn, SubjectOf(id));
    return fault;
  }
  if (group->state == Group::State::kMerged && FaultOfPart(turn, *group, NameOf(SubjectOf(id)))) {
    SplitOff(turn, id, "the auditor found it alone");
  } else if (group->flapping && !HasTimer(turn, Kind::kStable, id.value())) {
    turn.Arm(StableTimer(id), turn.now().engine + group->route.flapping.stable_for);
  } else if (!WhyQuiet(turn, SubjectOf(id)).empty()) {
    StopEscalation(turn, SubjectOf(id), WhyQuiet(turn, SubjectOf(id)));
  } else if (!group->flushed) {
    turn.Arm({Kind::kGroupFlush, id.value()}, turn.now().engine);
  } else {
    RestartEscalation(turn, id, "the auditor found it broken");
  }
  return fault;
}

std::optional<std::string> AuditIncident(Turn& turn, IncidentId id) {
  const Incident* incident = turn.Find<Incident>(id);
  if (incident == nullptr || incident->state == Incident::State::kResolved) return std::nullopt;
  const Subject subject = SubjectOf(id);
  const Escalation* escalation = turn.Find<Escalation>(incident->escalation);
  const auto stranded = Stranded(turn, subject);
  const bool stands =
      escalation != nullptr && escalation->state == Escalation::State::kRunning && !IsMoving(turn, *escalation);
  if (!stranded && !stands) return std::nullopt;
  const std::string fault =
      stranded
          ? absl::StrFormat("%s: notification N%d is on its way without a timer", NameOf(subject), stranded->value())
          : absl::StrFormat("%s: escalation E%d runs without a timer", NameOf(subject), escalation->id.value());
  turn.SetActor("auditor");
  turn.Note(TimelineEntry::Kind::kAuditorRepaired, subject, fault);
  Unstrand(turn, subject);
  if (stands) {  // its next step is executed now: late already
    Escalation& row = turn.Edit<Escalation>(escalation->id);
    row.wait = Escalation::Wait::kTime;
    row.next_at = turn.now().engine;
    turn.Arm({Kind::kEscalationStep, row.id.value()}, row.next_at, row.generation);
  }
  return fault;
}

void TellOfFindings(Turn& turn, std::span<const std::string> findings) {
  const UserId fallback = turn.organisation() != nullptr ? turn.organisation()->fallback_user : UserId();
  if (findings.empty() || !fallback.set()) return;
  for (const PageId id : turn.About({SubjectKind::kUser, Hash64(fallback.value())}).pages) {
    const Page* page = turn.Find<Page>(id);
    const bool told = page != nullptr && page->reason == kAlarm;
    if (told && turn.now().wall - page->started_at < kToldAgainAfter && page->started_at <= turn.now().wall) return;
  }
  MessageText message;
  message.title = absl::StrCat("tocsin: the auditor had to repair ", findings.size(),
                               findings.size() == 1 ? " escalation" : " escalations");
  message.body =
      "People are paged again about what is named here; nobody had been, though somebody should have been:\n";
  for (std::size_t i = 0; i < std::min(findings.size(), kFindingsTold); ++i)
    absl::StrAppend(&message.body, "- ", OneLine(findings[i], 300), "\n");
  absl::StrAppend(&message.body,
                  "This is a mistake in tocsin: keep its log and its store. Further ones are told after an hour; "
                  "tocsin_auditor_findings_total counts them, and `tocsin explain` of each has what was found.\n");
  StartNotice(turn, fallback, message, kAlarm);
}

Decision Responder::Audit(const Now& now, std::size_t limit, std::vector<std::string>& findings) {
  Turn turn = Begin(now);
  const std::size_t before = findings.size();
  AuditRound& round = audit_.now;
  const auto look = [&](const Subject& subject, std::optional<std::string> fault) {
    LookAtMessages(turn, subject, round);
    if (!fault) return;
    ++round.findings;
    audit_.finding = *fault;
    findings.push_back(*std::move(fault));
  };
  // Without an organisation nobody can be paged: that is said by CanPage, and nothing can be repaired.
  audit_.begun = index_.has_value();
  std::size_t checked = 0;
  auto group = state_.open_groups.upper_bound(audit_.group);
  for (; index_ && group != state_.open_groups.end() && checked < limit; ++checked, ++group) {
    audit_.group = *group;
    ++round.groups;
    look(SubjectOf(*group), AuditGroup(turn, *group));
    const Group* row = turn.Find<Group>(*group);
    if (row != nullptr && audit_.unreached.empty()) {
      audit_.unreached = FindUnreached(turn, *row, kUnreachedTolerance).value_or("");
    }
  }
  auto incident = state_.incidents.upper_bound(audit_.incident);
  for (; index_ && incident != state_.incidents.end() && checked < limit; ++checked, ++incident) {
    audit_.incident = incident->first;
    if (incident->second.state == Incident::State::kResolved) continue;
    ++round.incidents;
    look(SubjectOf(incident->first), AuditIncident(turn, incident->first));
  }
  if (index_ && group == state_.open_groups.end() && incident == state_.incidents.end()) EndAudit(now);
  TellOfFindings(turn, std::span(findings).subspan(before));
  Decision decision = Commit(std::move(turn));
  decision.change.now = now;
  const std::size_t some = std::min(stale_.size(), kStaleRowsPerAudit);
  decision.change.removed.insert(decision.change.removed.end(), stale_.end() - static_cast<std::ptrdiff_t>(some),
                                 stale_.end());
  stale_.resize(stale_.size() - some);
  return decision;
}

void Responder::EndAudit(const Now& now) {
  AuditState next;
  next.last = audit_.now;
  next.last.number = audit_.last.number + 1;
  next.last.ended = now.wall;
  next.last.oldest_timer = OldestTimer(state_, now);
  next.last_unreached =
      audit_.unreached.empty() ? WhyNobodyIsTold(state_, now.wall, kNobodyToldTolerance) : audit_.unreached;
  next.last_finding = audit_.finding;
  audit_ = std::move(next);
}

bool Responder::CanPage(const Now& now, absl::Duration tolerance, std::string& why_not) const {
  why_not.clear();
  if (state_.organisation == nullptr) {
    why_not = "no organisation has been applied";
  } else if (!compile_error_.empty()) {
    why_not = absl::StrCat("the organisation cannot be used: ", compile_error_);
  } else if (state_.shards_reported.size() < options_.shard_count) {
    why_not = absl::StrFormat("%d of %d shards have reported", state_.shards_reported.size(), options_.shard_count);
  } else if (const std::uint64_t found = audit_.now.findings + audit_.last.findings; found > 0) {
    why_not = absl::StrFormat("the auditor had to repair %d escalations: %s", found,
                              audit_.finding.empty() ? audit_.last_finding : audit_.finding);
  } else if (!audit_.unreached.empty() || !audit_.last_unreached.empty()) {
    why_not = audit_.unreached.empty() ? audit_.last_unreached : audit_.unreached;
  }
  int looked_at = 0;
  if (why_not.empty()) {
    state_.due.ForEachDue(now.engine, [&](const DueTimer& key) {
      if (key.due + tolerance >= now.engine) return false;
      const absl::Duration late = absl::Trunc(now.engine - key.due, absl::Seconds(1));
      if (key.rank == static_cast<std::uint8_t>(Notification::Lane::kCritical)) {
        why_not = absl::StrCat("a critical timer is overdue by ", absl::FormatDuration(late));
      } else if (++looked_at > kOverdueLookedAt) {
        why_not =
            absl::StrCat("more than ", kOverdueLookedAt, " timers are overdue, one by ", absl::FormatDuration(late));
      }
      return why_not.empty();
    });
  }
  return why_not.empty();
}

}  // namespace tocsin
