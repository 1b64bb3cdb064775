#include "absl/strings/str_format.h"

#include "api/explain.h"
#include "api/records.h"
#include "base/status.h"
#include "engine/responder_bundles.h"

namespace tocsin {
namespace {

std::string Recipient(const Notification& row) {
  return row.user.set() ? row.user.value() : "receiver " + row.receiver.value();
}

std::string_view PurposeOf(const Notification& row) {
  switch (row.purpose) {
    case Notification::Purpose::kPage: return "a page";
    case Notification::Purpose::kResolved: return "the news that it is over";
    case Notification::Purpose::kTest: return "a test";
    case Notification::Purpose::kGroupUpdate: return "news of a group";
    case Notification::Purpose::kFallback: return "a page as fallback";
    case Notification::Purpose::kNotice: return "a notice about a schedule";
  }
  return "a message";
}

std::string Because(const std::string& reason) {
  return reason.empty() ? "" : ": " + reason;
}

}  // namespace

std::string Describe(const Notification& row, const Now& now) {
  switch (row.state) {
    case Notification::State::kPending:
      if (row.attempt > 0) {
        return absl::StrFormat("attempt %d failed%s; the next is due at %s", row.attempt, Because(row.last_error),
                               ShowUtc(ExpectedWall(now, row.due)));
      }
      return "waits for its first attempt, due at " + ShowUtc(ExpectedWall(now, row.due));
    case Notification::State::kLeased: return absl::StrFormat("attempt %d is under way", row.attempt);
    case Notification::State::kAccepted: return "the provider took it at " + ShowUtc(row.accepted_at);
    case Notification::State::kDelivered: return "the provider says that it was delivered";
    case Notification::State::kFailed:
      return "failed for good" + Because(row.end_reason.empty() ? row.last_error : row.end_reason);
    case Notification::State::kCancelled: return "was not sent" + Because(row.end_reason);
    case Notification::State::kHeld:
      if (row.bundle.set()) return absl::StrFormat("is told by message B%d, together with others", row.bundle.value());
      return absl::StrFormat(
          "held back by the bundle window or the limits of its contact method, at least until %s; then "
          "told with what else waits",
          ShowUtc(ExpectedWall(now, row.due)));
    case Notification::State::kDead:
      return absl::StrFormat("given up after %d attempts%s", row.attempt, Because(row.last_error));
  }
  return "unknown";
}

absl::Status ExplainNotification(Api& api, NotificationId id, v1::ExplainResponse& response) {
  TOCSIN_ASSIGN(const Notification row, FindNotification(api, id));
  const Now now = api.engine.Read();
  ExplainAnswer& answer = *response.add_answers();
  answer.set_subject(absl::StrFormat("notification N%d: %s for %s by %s", id.value(), PurposeOf(row), Recipient(row),
                                     row.method.id.set() ? row.method.id.value() : std::string(Name(row.method.kind))));
  answer.set_verdict(Describe(row, now));
  AddFact(answer, row.created_at, absl::StrFormat("queued: \"%s\"", row.title));
  if (row.page.set()) {
    if (const absl::StatusOr<Page> page = FindPage(api, row.page); page.ok()) {
      AddFact(answer, page->started_at, absl::StrFormat("page P%d: %s", row.page.value(), page->reason));
    }
  }
  TOCSIN_ASSIGN(const std::vector<TimelineEntry> timeline, Timeline(api, row.subject, 1000));
  for (const TimelineEntry& entry : timeline) {
    if (entry.notification == id) {
      AddFact(answer, entry.at, absl::StrFormat("%s: %s", Name(entry.kind), entry.text), entry.actor);
    }
  }
  for (const BundleMember& member : row.members) {
    AddFact(answer, std::nullopt,
            absl::StrFormat("tells of N%d, about %s", member.notification.value(), ShowSubject(member.subject)));
  }
  if (row.bundle.set()) {
    AddFact(answer, std::nullopt, absl::StrFormat("told by message B%d, together with others", row.bundle.value()));
  }
  if (row.repeat) AddFact(answer, std::nullopt, "the outcome of an attempt is unknown: it may have come twice");
  AddFact(answer, std::nullopt, "it is about " + ShowSubject(row.subject));
  if (row.state == Notification::State::kHeld && !row.bundle.set()) {
    HeldUntil until;
    api.engine.ReadResponderAndWait(
        [&](const Responder& responder, const Now& at) { until = ExplainHeld(responder.state(), row, at); });
    AddNext(answer, ExpectedWall(now, until.due), "it is expected to be told, alone or with others; " + until.why);
  }
  if (row.state == Notification::State::kPending) {
    AddNext(answer, ExpectedWall(now, row.due), absl::StrFormat("attempt %d", row.attempt + 1));
  }
  return absl::OkStatus();
}

}  // namespace tocsin
