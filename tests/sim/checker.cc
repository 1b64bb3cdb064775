#include "tests/sim/checker.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"

#include "model/canary.h"
#include "tests/sim/sample.h"

namespace tocsin::sim {
namespace {

constexpr absl::Duration kBegunLately = absl::Minutes(20);
constexpr absl::Duration kUnderWay =
    absl::Minutes(2);  // what is sent now may be: every provider answers within a second
constexpr absl::Duration kHeldAtMost = absl::Hours(2);
constexpr absl::Duration kPatience = absl::Seconds(45);   // for a receipt
constexpr absl::Duration kLearnsLate = absl::Minutes(3);  // the engine, what its provider has said

bool IsOpen(Notification::State state) {
  using State = Notification::State;
  return state == State::kPending || state == State::kLeased || state == State::kHeld;
}

bool Has(const ResponderState& state, Timer::Kind kind, std::uint64_t subject) {
  return state.timer_of.contains({kind, subject});
}

std::uint32_t EpisodeOf(const ResponderState& state, GroupId id, NotificationId message) {
  const auto found = state.groups.find(id);
  if (found == state.groups.end()) return 0;
  return found->second.episode - (message.value() < found->second.episode_from ? 1 : 0);
}

}  // namespace

UserId OnCallByCounting(const Organisation& organisation, absl::Time at) {
  const Layer& layer = organisation.schedules.at(0).layers.at(0);
  const absl::Time begin = absl::FromCivil(std::get<Rotation>(layer.pattern).start, absl::UTCTimeZone());
  const std::int64_t hours = absl::ToInt64Hours(absl::Floor(at - begin, absl::Hours(1)));
  const auto turns = static_cast<std::int64_t>(layer.participants.size());
  const auto turn = static_cast<std::size_t>((hours % turns + turns) % turns);
  return std::get<UserTarget>(layer.participants[turn].members.at(0)).user;
}

void Checker::AskToOwn(GroupId id) {
  ++asked_[id];
}
void Checker::NotOwned(GroupId id) {
  --asked_[id];
}
bool Checker::IsAskedOnce(GroupId id) const {
  const auto found = asked_.find(id);
  return found != asked_.end() && found->second == 1;
}
void Checker::Own(GroupId id, const Owned& owned) {
  --asked_[id];
  const auto before = owned_.find(id);
  // Who acknowledges what somebody has just snoozed has it for as long as the snooze.
  const bool joins = !owned.snoozed && before != owned_.end() && before->second.snoozed &&
                     before->second.episode == owned.episode && before->second.until > owned.asked;
  if (!joins) owned_[id] = owned;
}
void Checker::GiveUp(GroupId id) {
  owned_.erase(id);
}

// Whoever asked and was not answered does not know whether it was done.
void Checker::Crash() {
  for (const auto& [id, asked] : asked_)
    if (asked > 0) owned_.erase(id);
  asked_.clear();
  looked_.reset();
}

bool Checker::IsOwned(const Group& group, EngineTime now) const {
  const GroupId id = group.id;
  const std::uint32_t episode = group.episode;
  const auto asked = asked_.find(id);
  if (asked != asked_.end() && asked->second > 0) return false;
  const auto found = owned_.find(id);
  if (found == owned_.end() || found->second.episode != episode || now >= found->second.until) return false;
  return group.peak <= found->second.peak;  // what has become worse asks again
}

void Checker::AttemptBegins(const Notification& notification, const Responder& responder, const Now& now) {
  begun_.push_back(
      {notification.id, notification.subject, notification.idempotency_key, notification.attempt, now.engine});
  if (notification.purpose != Notification::Purpose::kPage) return;
  for (const Subject& subject : PagedBy(notification, responder.state())) {
    const GroupId id(subject.id);
    if (subject.kind != SubjectKind::kGroup) continue;
    const auto group = responder.state().groups.find(id);
    if (group == responder.state().groups.end() || !IsOwned(group->second, now.engine)) continue;
    violate_(absl::StrFormat("I3: N%d begins although an acknowledgement of G%d has answered OK",
                             notification.id.value(), subject.id));
  }
}

void Checker::Judged(const Notification& notification,
                     AttemptResult::Kind kind,
                     const Responder& responder,
                     EngineTime now) {
  if (kind != AttemptResult::Kind::kAccepted) return;
  const bool page = notification.purpose == Notification::Purpose::kPage && notification.user.set();
  if (page && notification.method.kind == ContactMethod::Kind::kSms) taken_.try_emplace(notification.id, now);
  for (const BundleMember& told : ToldBy(notification))
    reached_.insert({told.subject.id, EpisodeOf(responder.state(), GroupId(told.subject.id), told.notification)});
}

// A lease is durable before its attempt begins. What has been over for long leaves memory with its group.
void Checker::CheckBegun(const ResponderState& state, EngineTime now) {
  for (const Begun& begun : begun_) {
    const bool of_group = begun.subject.kind == SubjectKind::kGroup && state.groups.contains(GroupId(begun.subject.id));
    if (!of_group || now - begun.at > kBegunLately) continue;
    const auto row = state.notifications.find(begun.id);
    const bool known = row != state.notifications.end() && row->second.idempotency_key == begun.key &&
                       row->second.attempt >= begun.attempt;
    if (!known) {
      violate_(absl::StrFormat("I7: attempt %d of N%d has begun, and is forgotten after a recovery", begun.attempt,
                               begun.id.value()));
    }
  }
  begun_.clear();
}

void Checker::LookAfterRecovery(const Responder& responder, const Now& now) {
  CheckBegun(responder.state(), now.engine);
  for (const auto& [id, group] : responder.state().groups) {
    if (group.state != Group::State::kOpen || !IsOwned(group, now.engine)) continue;
    violate_(
        absl::StrFormat("I3: the acknowledgement of G%d answered OK and is forgotten after a recovery", id.value()));
  }
}

// Open and nobody has it: there is a time at which something happens next, or a reason why not.
void Checker::CheckGroup(const Responder& responder, const Group& group) {
  const ResponderState& state = responder.state();
  if (group.state == Group::State::kMerged) {
    const auto whole = state.groups.find(group.merged_into);
    const bool handled = whole != state.groups.end() && whole->second.state != Group::State::kResolved &&
                         whole->second.state != Group::State::kMerged;
    if (!handled)
      violate_(absl::StrFormat("I8: G%d is a part of G%d, which is not handled for it", group.id.value(),
                               group.merged_into.value()));
    return;
  }
  if (group.state == Group::State::kAcknowledged) {
    const bool ends = group.acknowledged_until != absl::Time();
    if (ends && !Has(state, Timer::Kind::kAcknowledgeTimeout, group.id.value()))
      violate_(absl::StrFormat("I8: the acknowledgement of G%d is to end, and nothing ends it", group.id.value()));
    return;
  }
  if (group.state != Group::State::kOpen || !group.quiet_reason.empty() || group.below_threshold || group.flapping)
    return;
  if (Has(state, Timer::Kind::kGroupFlush, group.id.value())) return;
  const auto run = state.escalations.find(group.escalation);
  const bool runs = run != state.escalations.end() && run->second.state == Escalation::State::kRunning;
  const bool ahead =
      runs && (Has(state, Timer::Kind::kEscalationStep, run->first.value()) ||
               Has(state, Timer::Kind::kStepHours, run->first.value()) || run->second.wait == Escalation::Wait::kRate ||
               (run->second.wait == Escalation::Wait::kNothing && !run->second.pages.empty()));
  if (!ahead) violate_(absl::StrFormat("I8: G%d is open, and nothing is ahead of it", group.id.value()));
}

void Checker::CheckOutbox(const ResponderState& state) {
  for (const auto& [id, row] : state.notifications) {
    if (IsCanary(row)) continue;  // is reported by its deadline, and taken back at a start
    const bool under_way = row.state == Notification::State::kPending || row.state == Notification::State::kLeased;
    if (under_way && !Has(state, Timer::Kind::kNotification, id.value()))
      violate_(absl::StrFormat("I8: N%d is to be sent, and nothing will send it", id.value()));
    if (row.state != Notification::State::kHeld || row.bundle.set()) continue;
    const auto throttle = state.throttle_of.find(ThrottleKeyOf(row.method));
    if (throttle == state.throttle_of.end() || !Has(state, Timer::Kind::kThrottle, throttle->second.value()))
      violate_(absl::StrFormat("I8: N%d waits for its turn, which never comes", id.value()));
  }
  for (const auto& [id, page] : state.pages) {
    const auto next = static_cast<std::size_t>(page.next_rule);
    if (page.state != Page::State::kActive || next >= page.rules.size() || page.waits) continue;
    if (!Has(state, Timer::Kind::kPageRule, id.value()))
      violate_(absl::StrFormat("I8: P%d has rules left, and nothing follows them", id.value()));
  }
}

void Checker::CheckPolicies(const ResponderState& state) {
  for (const auto& [id, run] : state.escalations) {
    if (run.state != Escalation::State::kRunning) continue;
    const auto [known, first] = policies_.try_emplace(id, run.policy);
    if (!first && known->second != run.policy)
      violate_(absl::StrFormat("I11: E%d goes by another policy than it began with", id.value()));
  }
  std::erase_if(policies_, [&](const auto& known) { return !state.escalations.contains(known.first); });
}

void Checker::CheckSilences(const ResponderState& state, const Now& now) {
  constexpr absl::Duration kSlack = absl::Seconds(5);
  for (const auto& [id, silence] : state.silences) {
    const bool edge = Has(state, Timer::Kind::kSilenceEdge, id.value());
    if (now.wall > silence.ends_at + kSlack && edge)
      violate_(absl::StrFormat("I13: S%d holds beyond its end", id.value()));
  }
}

void Checker::CheckRoster(const Responder& responder, const Now& now) {
  const Roster* roster = responder.roster();
  if (roster == nullptr || responder.state().organisation == nullptr) return;
  const std::vector<UserId> users = roster->OnCall(ScheduleId("hourly"), now.wall);
  const UserId counted = OnCallByCounting(*responder.state().organisation, now.wall);
  if (users.size() == 1 && users[0] == counted) return;
  violate_(absl::StrFormat("I14: %s is on call, and the roster says %s", counted.value(),
                           users.empty() ? "nobody" : users[0].value()));
}

void Checker::ReceiptTold(const TimelineEntry& entry) {
  const NotificationId id = entry.notification;
  if (absl::EndsWith(entry.text, ": delivered, delivered")) confirmed_.insert(id);
  if (!absl::StrContains(entry.text, "has not said since")) return;
  if (confirmed_.contains(id)) violate_(absl::StrFormat("I17: N%d was confirmed, and is said not to be", id.value()));
  if (!overdue_.insert(id).second) violate_(absl::StrFormat("I17: N%d is found unconfirmed twice", id.value()));
  if (absl::StrContains(entry.text, "next contact method is used")) go_on_.insert(id);
}

// Everybody here has one method that no rule names, at most: it is used now, so all of them are.
void Checker::CheckNextMethod(const ResponderState& state, NotificationId id) {
  const auto row = state.notifications.find(id);
  if (row == state.notifications.end() || !row->second.members.empty() || state.organisation == nullptr) return;
  const auto page = state.pages.find(row->second.page);
  const User* user = state.organisation->Find(row->second.user);
  if (page == state.pages.end() || user == nullptr) return;
  for (const ContactMethod& method : user->contact_methods) {
    const bool used = std::ranges::any_of(page->second.notifications, [&](NotificationId other) {
      const auto found = state.notifications.find(other);
      return found != state.notifications.end() && found->second.method.id == method.id;
    });
    if (!used)
      violate_(absl::StrFormat("I17: N%d was never confirmed, and %s is not told by %s", id.value(), user->id.value(),
                               method.id.value()));
  }
}

void Checker::CheckReceipts(const ResponderState& state, EngineTime now) {
  for (const NotificationId id : std::exchange(go_on_, {}))
    CheckNextMethod(state, id);
  const bool asked = state.organisation != nullptr && state.organisation->twilio.receipts;
  receipts_since_ = asked ? std::min(receipts_since_, now) : EngineTime::Infinite();
  const bool given = std::ranges::any_of(state.reaches, [](const auto& each) {
    return each.second.kind == ContactMethod::Kind::kSms && each.second.delivered_at != absl::Time();
  });
  if (given) confirmed_since_ = std::min(confirmed_since_, now);
  std::erase_if(taken_, [&](const auto& taken) {
    const auto [id, at] = taken;
    const auto row = state.notifications.find(id);
    if (row == state.notifications.end()) return true;
    if (IsOpen(row->second.state)) return false;
    if (row->second.state != Notification::State::kAccepted || row->second.unconfirmed) return true;
    if (at <= receipts_since_ || at <= confirmed_since_) return true;
    const auto timer = state.timer_of.find({Timer::Kind::kNotification, id.value()});
    if (timer == state.timer_of.end()) {
      violate_(absl::StrFormat("I17: N%d was taken, and nobody would notice that it never arrives", id.value()));
    } else if (state.timers.at(timer->second).due > at + kPatience + kLearnsLate) {
      violate_(absl::StrFormat("I17: N%d was taken, and that it never arrives would be noticed late", id.value()));
    }
    return false;
  });
}

void Checker::Look(const Responder& responder, const Now& now, Sequence written) {
  const ResponderState& state = responder.state();
  if (std::exchange(looked_, written) != written) {
    for (const GroupId id : state.open_groups)
      CheckGroup(responder, state.groups.at(id));
    CheckOutbox(state);
    CheckPolicies(state);
    CheckReceipts(state, now.engine);
  }
  CheckRoster(responder, now);
  CheckSilences(state, now);
}

void Checker::CheckSends(const Providers& providers) {
  for (const auto& [key, told] : providers.told()) {
    if (told.taken > 1 + told.unknown)
      violate_(absl::StrFormat("I5: N%d was taken %d times, with %d unknown outcomes", told.notification.value(),
                               told.taken, told.unknown));
  }
}

void Checker::CheckFate(const Responder& responder, const Group& group) {
  if (group.state != Group::State::kOpen) return;
  const bool told = reached_.contains({group.id.value(), group.episode});
  if (group.below_threshold) {
    if (told) violate_(absl::StrFormat("I2: G%d is below its threshold, and somebody was told", group.id.value()));
    return;
  }
  if (told || (!group.quiet_reason.empty() && group.quiet_reason != "escalation exhausted")) return;
  if (responder.state().escalations.contains(group.escalation) && group.flapping) return;
  violate_(absl::StrFormat("I2: G%d is open, nobody was reached, and its reason is \"%s\"", group.id.value(),
                           group.quiet_reason));
}

void Checker::LookAtTheEnd(const Responder& responder, const Now& now, const Providers& providers) {
  looked_.reset();
  Look(responder, now, Sequence());
  CheckSends(providers);
  for (const auto& [id, group] : responder.state().groups)
    CheckFate(responder, group);
  for (const auto& [id, row] : responder.state().notifications) {
    const absl::Duration least = row.state == Notification::State::kHeld ? kHeldAtMost : kUnderWay;
    if (IsOpen(row.state) && row.created_at < now.wall - least)
      violate_(absl::StrFormat("I9: N%d has not left in hours in which every provider was well", id.value()));
  }
}

}  // namespace tocsin::sim
