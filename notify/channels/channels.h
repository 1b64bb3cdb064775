// What the files beside this one give to the table in notify/channel.cc.
#pragma once

#include <string>

#include "notify/channel.h"

namespace tocsin::notify {

std::string TerminalDestination(const ContactMethod& method, const Organisation& organisation);
absl::StatusOr<Exchange> ComposeTerminal(const Notification& notification,
                                         const Organisation& organisation,
                                         absl::Time now);
Verdict JudgeTerminal(const Reply& reply);

std::string EmailDestination(const ContactMethod& method, const Organisation& organisation);
absl::StatusOr<Exchange> ComposeEmail(const Notification& notification,
                                      const Organisation& organisation,
                                      absl::Time now);
Verdict JudgeEmail(const Reply& reply);

std::string TwilioDestination(const ContactMethod& method, const Organisation& organisation);
absl::StatusOr<Exchange> ComposeSms(const Notification& notification, const Organisation& organisation, absl::Time now);
absl::StatusOr<Exchange> ComposeVoice(const Notification& notification,
                                      const Organisation& organisation,
                                      absl::Time now);
Verdict JudgeTwilio(const Reply& reply);

std::string WebhookDestination(const ContactMethod& method, const Organisation& organisation);
absl::StatusOr<Exchange> ComposeWebhook(const Notification& notification,
                                        const Organisation& organisation,
                                        absl::Time now);
Verdict JudgeWebhook(const Reply& reply);

// The value of the header Tocsin-Signature: "t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">".
std::string SignWebhook(const std::string& secret, const std::string& body, absl::Time now);

}  // namespace tocsin::notify
