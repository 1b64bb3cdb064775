// Pages on the server's own standard output: for the first steps, for demonstrations, and for a person who watches a log.
#include "notify/channels/channels.h"
#include "notify/render.h"

namespace tocsin::notify {

std::string TerminalDestination(const Notification& /*notification*/, const Organisation& /*organisation*/) {
  return "terminal";
}

absl::StatusOr<Exchange> ComposeTerminal(const Notification& notification,
                                         const Organisation& organisation,
                                         absl::Time now) {
  absl::TimeZone zone = absl::UTCTimeZone();
  if (const User* user = organisation.Find(notification.user)) absl::LoadTimeZone(user->time_zone, &zone);
  return ConsolePage{RenderTerminal(notification, now, zone)};
}

Verdict JudgeTerminal(const Reply& reply) {
  if (reply.reached != Reply::Reached::kAnswered) return JudgeUnanswered(reply);
  return {.kind = AttemptResult::Kind::kAccepted, .detail = "printed"};
}

}  // namespace tocsin::notify
