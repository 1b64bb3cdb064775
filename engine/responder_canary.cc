#include "engine/responder_canary.h"

#include "model/canary.h"

namespace tocsin {

void StartCanary(Turn& turn, const std::string& url, const std::string& key) {
  const Notification* before = turn.Find<Notification>(kCanaryNotification);
  Notification row;
  row.id = kCanaryNotification;
  row.attempt = before != nullptr ? before->attempt + 1 : 1;
  if (before != nullptr) turn.CloseGate(kCanaryNotification);
  row.method.id = ContactMethodId(std::string(kCanaryMethod));
  row.method.kind = ContactMethod::Kind::kWebhook;
  row.method.address = url;
  row.purpose = Notification::Purpose::kTest;
  row.lane = Notification::Lane::kCritical;
  row.state = Notification::State::kLeased;
  row.due = turn.now().engine;
  row.lease_until = turn.now().engine + turn.options().lease;
  row.idempotency_key = key;
  row.created_at = turn.now().wall;
  row.title = "canary";
  turn.Put(std::move(row));
  turn.StartAttempt(kCanaryNotification);
}

void HandleCanaryResult(Turn& turn, const AttemptResult& result) {
  const Notification* row = turn.Find<Notification>(kCanaryNotification);
  if (row != nullptr && row->attempt == result.attempt) turn.Remove<Notification>(kCanaryNotification);
}

void TakeBackCanary(Turn& turn) {
  turn.CloseGate(kCanaryNotification);
  turn.Remove<Notification>(kCanaryNotification);
}

}  // namespace tocsin
