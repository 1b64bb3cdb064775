// What providers report of messages that they have taken: where they are asked to, and what they say. Pure.
//
//   POST PUBLIC_URL/receipts/N17/KEY      by Twilio's protocol: a form, signed with the account's auth_token
//
// The address names the message, so that a report is understood that comes before the answer to its attempt, or although that was lost.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "model/command.h"
#include "model/organisation.h"
#include "model/response.h"

namespace tocsin::notify {

// Where the provider is to report on `notification`.
std::string ReceiptUrl(const Organisation& organisation, const Notification& notification);

// What came there: `rest` is what its path has after "/receipts/", `body` a form. nullopt: something that ends nothing, such as that the
// telephone rings. PermissionDenied: not signed by an account of the organisation's. InvalidArgument: no report.
absl::StatusOr<std::optional<ProviderReceipt>> ReadReceipt(const Organisation& organisation,
                                                           std::string_view rest,
                                                           std::string_view body,
                                                           std::string_view signature);

// The value of X-Twilio-Signature (https://www.twilio.com/docs/usage/security): base64 of the HMAC-SHA1 of the address and of all fields
// of the form, sorted by name.
std::string SignTwilio(std::string_view auth_token, std::string_view url, std::string_view form);

}  // namespace tocsin::notify
