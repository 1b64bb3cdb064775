// The outbox: notifications from queued to their end. An attempt is journalled (kLeased) before it starts; at most one is
// under way for a notification.
//
//   pending ──due──▶ leased ──┬─ accepted ──▶ delivered, or its receipt is overdue: the next method, once
//      ▲                      ├─ retry later, ambiguous (repeat) ──▶ pending, or dead after last_attempt
//      │                      ├─ rejected ──▶ failed
//      └── not started ◀──────┘                       anything open ── acknowledged, resolved ... ──▶ cancelled
//
// Before it is leased it may be held back, and be told together with others: engine/responder_bundles.h.
//
// A late word about an older attempt may add facts or move a row forward (it was accepted after all), never back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

#include "engine/message.h"
#include "engine/responder_turn.h"

namespace tocsin {

// "G17", "I3", "a test".
std::string NameOf(const Subject& subject);

// Whether the provider has taken it: the person was told, whatever came after.
inline bool WasTold(const Notification& notification) {
  return notification.accepted_at != absl::Time();
}
inline bool IsOpen(const Notification& notification) {
  return notification.state == Notification::State::kPending || notification.state == Notification::State::kLeased ||
         notification.state == Notification::State::kHeld;
}
// Its timer, if it has one, is for its receipt (engine/responder_receipts.h).
inline bool AwaitsReceipt(const Notification& notification) {
  return notification.state == Notification::State::kAccepted && !notification.unconfirmed;
}
// Why nobody is to be asked for attention to `subject` now: acknowledged, resolved, silenced. Empty: they are.
// `goes_on`: for somebody who is asked although it is acknowledged.
std::string WhyQuiet(const Turn& turn, const Subject& subject, bool goes_on = false);
std::string WhyQuiet(const Turn& turn, const Page& page);
std::string WhyQuiet(const Turn& turn, const Escalation& escalation);
// "sms to alice", "webhook of receiver chat".
std::string Describe(const Notification& notification);

// Why the message should not be sent any more; empty: it should.
std::string WhyNotWanted(const Turn& turn, const Notification& row);

// Queues `row` (whose subject, recipient, purpose, lane and text are set; a bundle has members instead of subject and
// text) and starts its first attempt at once, or as soon as its contact method's limits allow.
// `once` tells it from all others with the same subject, recipient and purpose; it goes into the idempotency key.
NotificationId Queue(Turn& turn, const Notification& row, std::string_view once);

// Its time has come: an attempt starts, or it is held back.
void Send(Turn& turn, NotificationId id);

// Ends an open notification: no attempt of it starts any more.
void Cancel(Turn& turn, NotificationId id, std::string_view reason);
// All open ones about `subject` that ask for attention: pages, fallbacks and updates; not notices that it is resolved.
void CancelAbout(Turn& turn, const Subject& subject, std::string_view reason);

// That it is over. `sent`: the messages about it, of which some have arrived.
struct ResolvedNotice {
  Subject subject;
  MessageText message;
  std::vector<NotificationId> sent;
  bool tell_receiver = true;
  std::string once;  // tells it from earlier notices about the same subject
};
// Tells those who were told of the problem, and nobody else: a person once, by the method that reached them first, and by a
// call only where nothing else did; a receiver on each of its targets.
void QueueResolved(Turn& turn, const ResolvedNotice& notice);

// Its timer: a pending one is due (its subject is looked at again before it is sent), a lease has run out, or a receipt is overdue.
void FireNotification(Turn& turn, NotificationId id);
// After a restart: whether the attempt was made is not known.
void TakeBackLease(Turn& turn, NotificationId id);

absl::Status HandleResult(Turn& turn, const AttemptResult& result);
absl::Status HandleReceipt(Turn& turn, const ProviderReceipt& receipt);

// Decorrelated jitter, 1 s to 60 s: the wait after attempt `attempt` has failed. Pure.
absl::Duration RetryDelay(std::uint64_t seed, NotificationId id, std::int32_t attempt);

// Of a timer of a notification: stale once the notification has moved on.
Generation TimerGeneration(const Notification& notification);

}  // namespace tocsin
