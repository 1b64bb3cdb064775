#include "engine/responder_outbox.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"

#include "base/hash.h"
#include "base/random.h"
#include "base/strings.h"
#include "engine/link.h"
#include "engine/responder_bundles.h"
#include "engine/responder_canary.h"
#include "engine/responder_holds.h"
#include "engine/responder_pages.h"
#include "engine/responder_providers.h"
#include "engine/responder_reach.h"
#include "engine/responder_receipts.h"
#include "engine/responder_rewrites.h"
#include "model/canary.h"

namespace tocsin {
namespace {

using State = Notification::State;
using Purpose = Notification::Purpose;
using Kind = TimelineEntry::Kind;

constexpr absl::Duration kLongestRetryAfter = absl::Minutes(5);
constexpr absl::Duration kSoon = absl::Seconds(1);
constexpr std::size_t kDetailBytes = 300;

TimerKey TimerOf(NotificationId id) {
  return {Timer::Kind::kNotification, id.value()};
}

void NoteAbout(Turn& turn, Kind kind, const Notification& row, std::string text) {
  TimelineEntry& entry = turn.Note(kind, row.subject, std::move(text));
  entry.notification = row.id;
  entry.page = row.page;
  entry.user = row.user;
}

// The time is in it because a store that was restored from a backup gives its numbers anew: another message must never look
// like one that a receiver has seen.
std::string IdempotencyKey(const Notification& row, std::string_view once) {
  const std::string whole = absl::StrCat(
      static_cast<int>(row.subject.kind), "/", row.subject.id, "/", static_cast<int>(row.purpose), "/",
      row.user.value(), "/", row.receiver.value(), "/", row.method.id.value(), "/", static_cast<int>(row.method.kind),
      "/", row.method.address, "/", absl::ToUnixNanos(row.created_at), "/", ToAbsl(once));
  const Hash128 hash = HashTo128(whole);
  return absl::StrFormat("%016x%016x", hash.high, hash.low);
}

void Lease(Turn& turn, Notification& row) {
  Charge(turn, row);
  row.state = State::kLeased;
  row.provider = ProviderFor(turn, row);
  ++row.attempt;
  row.lease_until = turn.now().engine + turn.options().lease;
  turn.Arm(TimerOf(row.id), row.lease_until, TimerGeneration(row));
  turn.StartAttempt(row.id);
  ReachTried(turn, row);
  NoteAbout(turn, Kind::kNotificationStarted, row,
            absl::StrFormat("%s: attempt %d%s%s", Describe(row), row.attempt,
                            row.provider == 0 ? "" : " by the second provider", row.repeat ? " (repeat)" : ""));
}

void BackToPending(Turn& turn, Notification& row, absl::Duration wait) {
  row.state = State::kPending;
  row.due = turn.now().engine + wait;
  row.lease_until = EngineTime();
  turn.Arm(TimerOf(row.id), row.due, TimerGeneration(row));
}

void End(Turn& turn, Notification& row, State state, std::string_view reason) {
  row.state = state;
  row.end_reason = reason;
  turn.Disarm(TimerOf(row.id));
  // Groups and incidents take theirs along; a bundle is there as long as its link is good.
  if (IsBundle(row)) turn.Arm({Timer::Kind::kRetention, row.id.value()}, turn.now().engine + kLinkLifetime);
}

// Its people's next methods are tried.
void Failed(Turn& turn, const Notification& row) {
  IsBundle(row) ? BundleFailed(turn, row) : MethodFailed(turn, row);
}

// Of what a receiver has yet to be told of a group only the newest matters.
void ReplaceHeldUpdate(Turn& turn, const Notification& newer) {
  for (const NotificationId id : turn.About(newer.subject).notifications.Copy()) {
    const Notification* row = turn.Find<Notification>(id);
    if (row == nullptr || row->state != State::kHeld || row->bundle.set()) continue;
    const bool same = row->receiver == newer.receiver && row->method == newer.method;
    if (same && row->purpose == Purpose::kGroupUpdate) Cancel(turn, id, "a newer one says more");
  }
}

// The attempt certainly or perhaps did not deliver: once more, or given up.
void TryAgain(Turn& turn, Notification& row, absl::Duration retry_after, bool ambiguous) {
  row.repeat |= ambiguous;
  ProviderFailed(row);
  const Kind kind = ambiguous ? Kind::kNotificationAmbiguous : Kind::kNotificationRetry;
  const std::string what = absl::StrFormat("%s: attempt %d %s: %s", Describe(row), row.attempt,
                                           ambiguous ? "has an unknown outcome" : "failed", row.last_error);
  // What may have arrived is not sent a hundred times over.
  const std::int32_t last = row.repeat ? turn.options().max_attempts : turn.options().last_attempt;
  if (row.attempt >= last) {
    NoteAbout(turn, kind, row, what);
    End(turn, row, State::kDead, absl::StrFormat("given up after %d attempts: %s", row.attempt, row.last_error));
    NoteAbout(turn, Kind::kNotificationFailed, row, absl::StrCat(Describe(row), ": ", row.end_reason));
    ReachFailed(turn, row, /*undelivered=*/false);
    Failed(turn, row);
    return;
  }
  const absl::Duration back_off = RetryDelay(turn.options().seed, row.id, row.attempt);
  const bool at_once = !ambiguous && HasUntriedProvider(turn, row);  // whom nobody has asked to wait
  const absl::Duration wait = ambiguous ? kSoon
                              : at_once ? absl::ZeroDuration()
                                        : std::max(back_off, std::min(retry_after, kLongestRetryAfter));
  BackToPending(turn, row, wait);
  NoteAbout(turn, kind, row,
            absl::StrCat(what, "; again in ", absl::FormatDuration(absl::Trunc(wait, absl::Milliseconds(100)))));
  // The provider may be back in an hour and the page still open: this goes on beside the person's next method.
  if (row.attempt == turn.options().max_attempts) IsBundle(row) ? BundleLate(turn, row) : MethodFailed(turn, row);
}

void Accept(Turn& turn, Notification& row, const AttemptResult& result) {
  const bool under_way = row.state == State::kLeased && row.attempt != result.attempt;
  row.provider_id = result.provider_id;
  row.accepted_at = turn.now().wall;
  ReachAccepted(turn, row);
  if (IsOpen(row)) {
    if (under_way) turn.CloseGate(row.id);  // a repeat that is perhaps not needed any more
    End(turn, row, State::kAccepted, "");
    if (const auto patience = PatienceForReceipt(turn, row))
      turn.Arm(TimerOf(row.id), turn.now().engine + *patience, TimerGeneration(row));
  }
  NoteAbout(turn, Kind::kNotificationAccepted, row,
            absl::StrFormat("%s: attempt %d was accepted%s%s", Describe(row), result.attempt,
                            result.provider_id.empty() ? "" : ", provider's id ", OneLine(result.provider_id, 100)));
  if (row.page.set()) SettlePage(turn, row.page);
  if (IsBundle(row)) BundleAccepted(turn, row);
}

// Perhaps it arrives still, perhaps its provider takes everything and delivers nothing: as though it had failed.
void ReceiptIsOverdue(Turn& turn, NotificationId id) {
  Notification& row = turn.Edit<Notification>(id);
  row.unconfirmed = true;
  std::string quiet = WhyQuiet(turn, row.subject, row.goes_on);
  if (quiet.empty()) quiet = WhyNotWanted(turn, row);
  NoteAbout(turn, Kind::kReceipt, row,
            absl::StrCat(Describe(row), ": its provider took it at ", Instant(row.accepted_at),
                         " and has not said since that it has arrived; ",
                         quiet.empty() ? "the person's next contact method is used" : quiet));
  if (quiet.empty()) IsBundle(row) ? BundleUnconfirmed(turn, row) : MethodFailed(turn, row);
}

// The message that a receipt is about.
absl::StatusOr<NotificationId> MessageOf(const Turn& turn, const ProviderReceipt& receipt) {
  if (receipt.notification.set()) {
    const Notification* row = turn.Find<Notification>(receipt.notification);
    if (row != nullptr && row->attempt > 0 && row->idempotency_key == receipt.key) return row->id;
    return NotFound("notification N%d is not in memory (any more): its receipt is dropped",
                    receipt.notification.value());
  }
  const auto found = turn.state().accepted.find(receipt.provider_id);
  if (!receipt.provider_id.empty() && found != turn.state().accepted.end()) return found->second;
  return NotFound("no notification has the provider's id \"%s\"", OneLine(receipt.provider_id, 100));
}

void TakeDelivered(Turn& turn, Notification& row, const ProviderReceipt& receipt) {
  // It has arrived although the answer is on its way, or was lost: an attempt that has not begun is not needed.
  if (row.state == State::kPending || row.state == State::kLeased) {
    if (row.state == State::kLeased) turn.CloseGate(row.id);
    Accept(turn, row, {row.id, row.attempt, AttemptResult::Kind::kAccepted, receipt.provider_id, "", {}});
  }
  if (row.state != State::kAccepted) return;
  row.state = State::kDelivered;
  row.delivered_at = turn.now().wall;
  turn.Disarm(TimerOf(row.id));
  ReachDelivered(turn, row);
}

void TakeUndelivered(Turn& turn, Notification& row, const ProviderReceipt& receipt, std::string_view detail) {
  // What became of an earlier attempt, whose answer was lost, says nothing of the one that was taken.
  const bool of_another =
      receipt.notification.set() && !receipt.provider_id.empty() && receipt.provider_id != row.provider_id;
  if (row.state != State::kAccepted || of_another) return;
  row.accepted_at = absl::Time();  // the person was not told after all
  End(turn, row, State::kFailed, absl::StrCat("accepted, but not delivered: ", ToAbsl(detail)));
  NoteAbout(turn, Kind::kNotificationFailed, row, absl::StrCat(Describe(row), ": ", row.end_reason));
  ReachFailed(turn, row, /*undelivered=*/true);
  if (!row.unconfirmed) Failed(turn, row);  // else the next method was used
}

}  // namespace

std::string NameOf(const Subject& subject) {
  switch (subject.kind) {
    case SubjectKind::kGroup: return absl::StrCat("G", subject.id);
    case SubjectKind::kIncident: return absl::StrCat("I", subject.id);
    case SubjectKind::kSilence: return absl::StrCat("S", subject.id);
    case SubjectKind::kUser: return "a test";
    case SubjectKind::kOrganisation: return "the organisation";
    case SubjectKind::kBundle: return absl::StrCat("B", subject.id);
    case SubjectKind::kNone: return "nothing";
  }
  return "";
}

std::string WhyQuiet(const Turn& turn, const Subject& subject, bool goes_on) {
  if (subject.kind == SubjectKind::kGroup) {
    const Group* group = turn.Find<Group>(GroupId(subject.id));
    if (group == nullptr || group->state == Group::State::kResolved) return "resolved";
    if (group->state == Group::State::kAcknowledged && !goes_on) {
      return absl::StrCat("acknowledged by ", group->acknowledged_by);
    }
    if (group->state == Group::State::kMerged) return group->quiet_reason;
    if (group->firing == 0 || IsHeld(*group)) return group->quiet_reason;
  } else if (subject.kind == SubjectKind::kIncident) {
    const Incident* incident = turn.Find<Incident>(IncidentId(subject.id));
    if (incident == nullptr || incident->state == Incident::State::kResolved) return "resolved";
    if (incident->state == Incident::State::kAcknowledged && !goes_on) {
      return absl::StrCat("acknowledged by ", incident->acknowledged_by);
    }
  }
  return "";
}

std::string WhyQuiet(const Turn& turn, const Page& page) {
  return WhyQuiet(turn, page.subject, page.until != Page::Until::kAnybody);
}

std::string WhyQuiet(const Turn& turn, const Escalation& escalation) {
  return WhyQuiet(turn, escalation.subject, escalation.answered);
}

std::string WhyNotWanted(const Turn& turn, const Notification& row) {
  if (row.purpose == Purpose::kResolved || row.purpose == Purpose::kTest || IsRewriting(row)) return "";
  if (row.page.set()) {
    const Page* page = turn.Find<Page>(row.page);
    if (page == nullptr || page->state == Page::State::kCancelled) return "its page is cancelled";
    if (IsOfEarlierEpisode(turn, *page)) return "its group has come back since";
  }
  return WhyQuiet(turn, row.subject, row.goes_on);
}

std::string Describe(const Notification& row) {
  const std::string method(Name(row.method.kind));
  return row.user.set() ? absl::StrCat(method, " to ", row.user.value())
                        : absl::StrCat(method, " of receiver ", row.receiver.value());
}

Generation TimerGeneration(const Notification& row) {
  return Generation(2 * static_cast<std::uint64_t>(row.attempt) + (row.state == State::kLeased ? 1 : 0));
}

absl::Duration RetryDelay(std::uint64_t seed, NotificationId id, std::int32_t attempt) {
  constexpr std::int64_t kBaseMs = 1'000;
  constexpr std::int64_t kCapMs = 60'000;
  Random random(seed ^ (id.value() * 0x9E3779B97F4A7C15));
  std::int64_t wait_ms = kBaseMs;
  for (std::int32_t i = 0; i < attempt; ++i)
    wait_ms = std::min(kCapMs, random.Between(kBaseMs, wait_ms * 3));
  return absl::Milliseconds(wait_ms);
}

NotificationId Queue(Turn& turn, const Notification& what, std::string_view once) {
  if (what.purpose == Purpose::kGroupUpdate && !IsBundle(what)) ReplaceHeldUpdate(turn, what);
  Notification& row = IsBundle(what) ? turn.Create<Notification>() : turn.Create<Notification>(what.subject);
  const NotificationId id = row.id;
  row = what;
  row.id = id;
  if (IsBundle(row)) row.subject = BundleSubject(id);
  TakePlace(turn, row);
  row.created_at = turn.now().wall;
  row.idempotency_key = IdempotencyKey(row, once);
  row.due = turn.now().engine;
  NoteAbout(turn, Kind::kNotificationQueued, row, absl::StrCat(Describe(row), ": ", row.title));
  if (IsBundle(row)) {
    Lease(turn, row);  // made because the turn has come
  } else {
    Send(turn, id);
  }
  return id;
}

void Send(Turn& turn, NotificationId id) {
  Notification& row = turn.Edit<Notification>(id);
  if (const Wait wait = WaitOf(turn, row); wait.until > turn.now().engine) {
    Postpone(turn, row, wait);
  } else {
    Lease(turn, row);
  }
}

void Cancel(Turn& turn, NotificationId id, std::string_view reason) {
  const Notification* before = turn.Find<Notification>(id);
  if (before == nullptr || !IsOpen(*before)) return;
  Notification& row = turn.Edit<Notification>(id);
  if (row.state == State::kLeased) turn.CloseGate(id);
  End(turn, row, State::kCancelled, reason);
  NoteAbout(turn, Kind::kNotificationCancelled, row, absl::StrCat(Describe(row), ": cancelled, ", ToAbsl(reason)));
  if (row.bundle.set()) MemberCancelled(turn, row.bundle, reason);
}

void CancelAbout(Turn& turn, const Subject& subject, std::string_view reason) {
  for (const NotificationId id : turn.About(subject).notifications.Copy()) {
    const Notification* row = turn.Find<Notification>(id);
    if (row != nullptr && row->purpose != Purpose::kResolved && row->purpose != Purpose::kTest && !IsRewriting(*row)) {
      Cancel(turn, id, reason);
    }
  }
}

void QueueResolved(Turn& turn, const ResolvedNotice& notice) {
  std::map<UserId, NotificationId> people;  // and the message that reached them
  std::vector<NotificationId> chosen;       // of receivers, then of people
  std::set<std::tuple<ReceiverId, ContactMethod::Kind, std::string>> targets;
  const auto is_call = [&](NotificationId id) {
    return turn.Find<Notification>(id)->method.kind == ContactMethod::Kind::kVoice;
  };
  for (const NotificationId id : notice.sent) {
    const Notification* row = turn.Find<Notification>(id);
    if (row == nullptr || !WasTold(*row) || row->purpose == Purpose::kResolved) continue;
    if (row->receiver.set()) {
      const bool first = targets.insert({row->receiver, row->method.kind, row->method.address}).second;
      if (notice.tell_receiver && first) chosen.push_back(id);
    } else if (const auto [at, first] = people.try_emplace(row->user, id); !first) {
      if (is_call(at->second) && !is_call(id)) at->second = id;
    }
  }
  for (const auto& [user, id] : people)
    chosen.push_back(id);
  for (const NotificationId id : chosen) {
    const Notification& told = *turn.Find<Notification>(id);
    Notification row;
    row.subject = notice.subject;
    row.user = told.user;
    row.receiver = told.receiver;
    row.method = told.method;
    row.purpose = Purpose::kResolved;
    row.lane = Notification::Lane::kRest;
    row.title = notice.message.title;
    row.body = notice.message.body;
    Queue(turn, row, notice.once);
  }
}

void FireNotification(Turn& turn, NotificationId id) {
  const Notification* before = turn.Find<Notification>(id);
  if (before != nullptr && AwaitsReceipt(*before)) return ReceiptIsOverdue(turn, id);
  if (before == nullptr || !IsOpen(*before)) return;
  if (before->state == State::kLeased) {
    Notification& row = turn.Edit<Notification>(id);
    turn.CloseGate(id);
    row.last_error = "no answer while the lease lasted";
    TryAgain(turn, row, absl::ZeroDuration(), true);
    return;
  }
  if (before->state == State::kHeld || (IsBundle(*before) && !TrimBundle(turn, id))) return;
  if (const std::string reason = WhyNotWanted(turn, *turn.Find<Notification>(id)); !reason.empty()) {
    Cancel(turn, id, reason);
    return;
  }
  Send(turn, id);
}

void TakeBackLease(Turn& turn, NotificationId id) {
  if (id == kCanaryNotification) return TakeBackCanary(turn);
  Notification& row = turn.Edit<Notification>(id);
  row.repeat = true;
  row.last_error = "the server stopped while an attempt was perhaps under way";
  // A page told twice beats one that is not told; that something is over is not worth waking somebody twice.
  const bool notice = row.purpose == Purpose::kNotice || (row.purpose == Purpose::kResolved && row.user.set());
  if (notice && !IsBundle(row)) {
    turn.CloseGate(id);
    End(turn, row, State::kDead, absl::StrCat(row.last_error, "; a notice is not sent again"));
    NoteAbout(turn, Kind::kNotificationAmbiguous, row,
              absl::StrFormat("%s: attempt %d has an unknown outcome: %s", Describe(row), row.attempt, row.end_reason));
    if (row.page.set()) SettlePage(turn, row.page);
    return;
  }
  NoteAbout(turn, Kind::kNotificationAmbiguous, row,
            absl::StrFormat("%s: attempt %d has an unknown outcome: %s; again at once", Describe(row), row.attempt,
                            row.last_error));
  BackToPending(turn, row, absl::ZeroDuration());
}

absl::Status HandleResult(Turn& turn, const AttemptResult& result) {
  const Notification* before = turn.Find<Notification>(result.notification);
  if (before == nullptr) {
    return NotFound("notification N%d is not in memory (any more): the result of attempt %d is dropped",
                    result.notification.value(), result.attempt);
  }
  if (IsCanary(*before)) {
    HandleCanaryResult(turn, result);
    return absl::OkStatus();
  }
  Notification& row = turn.Edit<Notification>(result.notification);
  if (result.kind == AttemptResult::Kind::kAccepted) {
    if (!WasTold(row)) Accept(turn, row, result);
    return absl::OkStatus();
  }
  if (row.attempt == result.attempt && result.kind != AttemptResult::Kind::kAmbiguous) Refund(turn, row);
  if (row.state != State::kLeased || row.attempt != result.attempt) return absl::OkStatus();  // late: nothing new
  row.last_error = OneLine(result.detail, kDetailBytes);
  switch (result.kind) {
    case AttemptResult::Kind::kAccepted: break;
    case AttemptResult::Kind::kRetryLater: TryAgain(turn, row, result.retry_after, false); break;
    case AttemptResult::Kind::kAmbiguous: TryAgain(turn, row, absl::ZeroDuration(), true); break;
    case AttemptResult::Kind::kRejected:
      End(turn, row, State::kFailed, absl::StrCat("rejected: ", row.last_error));
      NoteAbout(turn, Kind::kNotificationFailed, row,
                absl::StrFormat("%s: attempt %d was %s", Describe(row), result.attempt, row.end_reason));
      ReachFailed(turn, row, /*undelivered=*/false);
      Failed(turn, row);
      break;
    case AttemptResult::Kind::kNotStarted:
      --row.attempt;  // it was not made
      BackToPending(turn, row, kSoon);
      break;
  }
  return absl::OkStatus();
}

absl::Status HandleReceipt(Turn& turn, const ProviderReceipt& receipt) {
  TOCSIN_ASSIGN(const NotificationId id, MessageOf(turn, receipt));
  Notification& row = turn.Edit<Notification>(id);
  if (row.state == State::kDelivered || row.state == State::kFailed) return absl::OkStatus();  // told before
  const std::string detail = OneLine(receipt.detail, kDetailBytes);
  NoteAbout(turn, Kind::kReceipt, row,
            absl::StrCat(Describe(row), receipt.delivered ? ": delivered" : ": not delivered",
                         detail.empty() ? "" : ", ", detail));
  receipt.delivered ? TakeDelivered(turn, row, receipt) : TakeUndelivered(turn, row, receipt, detail);
  return absl::OkStatus();
}

}  // namespace tocsin
