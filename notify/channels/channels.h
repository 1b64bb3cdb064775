// What the files beside this one give to the table in notify/channel.cc.
#pragma once

#include <string>
#include <string_view>

#include "notify/channel.h"

namespace tocsin::notify {

std::string TerminalDestination(const Notification& notification, const Organisation& organisation);
absl::StatusOr<Exchange> ComposeTerminal(const Notification& notification,
                                         const Organisation& organisation,
                                         absl::Time now);
Verdict JudgeTerminal(const Reply& reply);

std::string EmailDestination(const Notification& notification, const Organisation& organisation);
absl::StatusOr<Exchange> ComposeEmail(const Notification& notification,
                                      const Organisation& organisation,
                                      absl::Time now);
Verdict JudgeEmail(const Reply& reply);

std::string TwilioDestination(const Notification& notification, const Organisation& organisation);
absl::StatusOr<Exchange> ComposeSms(const Notification& notification, const Organisation& organisation, absl::Time now);
absl::StatusOr<Exchange> ComposeVoice(const Notification& notification,
                                      const Organisation& organisation,
                                      absl::Time now);
Verdict JudgeTwilio(const Reply& reply);

std::string SlackWebhookDestination(const Notification& notification, const Organisation& organisation);
absl::StatusOr<Exchange> ComposeSlackWebhook(const Notification& notification,
                                             const Organisation& organisation,
                                             absl::Time now);
Verdict JudgeSlackWebhook(const Reply& reply);

std::string SlackDestination(const Notification& notification, const Organisation& organisation);
absl::StatusOr<Exchange> ComposeSlack(const Notification& notification,
                                      const Organisation& organisation,
                                      absl::Time now);
Verdict JudgeSlack(const Reply& reply);

// scheme://host:port of a URL, without what stands before an "@"; empty without a scheme.
std::string Origin(std::string_view url);

std::string WebhookDestination(const Notification& notification, const Organisation& organisation);
absl::StatusOr<Exchange> ComposeWebhook(const Notification& notification,
                                        const Organisation& organisation,
                                        absl::Time now);
Verdict JudgeWebhook(const Reply& reply);

// The value of the header Tocsin-Signature: "t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">".
std::string SignWebhook(const std::string& secret, const std::string& body, absl::Time now);

}  // namespace tocsin::notify
