// SMS and voice calls by Twilio's REST protocol (https://www.twilio.com/docs/usage/api), which others speak too.
// Requests are not idempotent there: after a lost answer or an unexplained 5xx the message may be on its way.
#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/strings/str_cat.h"
#include <simdjson.h>

#include "base/status.h"
#include "base/strings.h"
#include "notify/channels/channels.h"
#include "notify/receipts.h"
#include "notify/render.h"
#include "notify/text.h"

namespace tocsin::notify {
namespace {

using Kind = AttemptResult::Kind;

struct Fields {
  std::string sid;
  std::int64_t code = 0;
  std::string message;
};

// The fields of a JSON answer that we use; empty where the body is not JSON.
Fields ReadFields(const std::string& body) {
  Fields fields;
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(body).get(object) != simdjson::SUCCESS) return fields;
  std::string_view text;
  if (object["sid"].get(text) == simdjson::SUCCESS) fields.sid = CleanLine(text, 64);
  if (object["message"].get(text) == simdjson::SUCCESS) fields.message = CleanLine(text, 120);
  std::int64_t code = 0;
  if (object["code"].get(code) == simdjson::SUCCESS) fields.code = code;
  return fields;
}

// https://www.twilio.com/docs/api/errors: what is neither this person's fault nor a passing state of the network.
struct Code {
  std::int64_t code;
  Kind kind;
  bool loud;
};
constexpr Code kCodes[] = {
    {14107, Kind::kRetryLater, false}, // rate limit for this number
    {20001, Kind::kRetryLater, true }, // unknown parameters
    {20003, Kind::kRetryLater, true }, // authentication failed
    {20005, Kind::kRetryLater, true }, // account not active
    {20008, Kind::kRetryLater, true }, // test credentials
    {20404, Kind::kRetryLater, true }, // no such account
    {20429, Kind::kRetryLater, false}, // too many requests
    {20500, Kind::kAmbiguous,  false}, // internal error
    {20503, Kind::kRetryLater, false}, // service unavailable
    {21210, Kind::kRetryLater, true }, // `from` is not verified
    {21212, Kind::kRetryLater, true }, // `from` is not a number
    {21408, Kind::kRejected,   true }, // this region is not enabled
    {21215, Kind::kRejected,   true }, // this region is not enabled for calls
    {21219, Kind::kRejected,   true }, // `to` is not verified (trial account)
    {21603, Kind::kRetryLater, true }, // `from` is missing
    {21606, Kind::kRetryLater, true }, // `from` cannot send
    {21608, Kind::kRejected,   true }, // `to` is not verified (trial account)
    {21609, Kind::kRejected,   true }, // it cannot report to public_url
    {21611, Kind::kRetryLater, false}, // this `from` has too many queued
    {30022, Kind::kRetryLater, false}, // rate limit of the carrier
    {63038, Kind::kRetryLater, true }, // daily limit of the account
};

// E.164: a plus sign, then 7 to 15 digits of which the first is not zero.
bool IsNumber(std::string_view text) {
  return text.size() >= 8 && text.size() <= 16 && text[0] == '+' && text[1] != '0' &&
         std::ranges::all_of(text.substr(1), [](char c) { return c >= '0' && c <= '9'; });
}

// Checks all that SMS and calls share, and addresses the request: `resource` is "Messages" or "Calls".
absl::StatusOr<WebRequest> Address(const Notification& notification,
                                   const Organisation& organisation,
                                   std::string_view resource) {
  const Twilio& twilio = organisation.TwilioOf(notification.provider);
  if (twilio.account_sid.empty() || twilio.auth_token.empty() || twilio.from.empty()) {
    return Precondition("no SMS and voice provider is configured (twilio.account_sid, auth_token, from)");
  }
  const bool plain = std::ranges::all_of(twilio.account_sid, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
  if (!plain) return Precondition("twilio.account_sid may hold letters and digits only");
  if (!IsNumber(notification.method.address)) {
    return Invalid("the contact method's address is not a telephone number in E.164 form (+14155550123)");
  }
  std::string_view base = twilio.url;
  while (base.ends_with('/'))
    base.remove_suffix(1);
  WebRequest request{
      .url = absl::StrCat(ToAbsl(base), "/2010-04-01/Accounts/", twilio.account_sid, "/", ToAbsl(resource), ".json"),
      .headers = {"Content-Type: application/x-www-form-urlencoded", "Accept: application/json"},
      .username = twilio.account_sid,
      .password = twilio.auth_token,
  };
  const std::string_view sender =
      twilio.from.starts_with("MG") && resource == "Messages" ? "MessagingServiceSid" : "From";
  request.body =
      absl::StrCat("To=", FormEscape(notification.method.address), "&", ToAbsl(sender), "=", FormEscape(twilio.from));
  if (twilio.receipts)
    absl::StrAppend(&request.body, "&StatusCallback=", FormEscape(ReceiptUrl(organisation, notification)));
  return request;
}

}  // namespace

std::string TwilioDestination(const Notification& notification, const Organisation& organisation) {
  return organisation.TwilioOf(notification.provider).url;
}

absl::StatusOr<Exchange> ComposeSms(const Notification& notification,
                                    const Organisation& organisation,
                                    absl::Time /*now*/) {
  TOCSIN_ASSIGN(WebRequest request, Address(notification, organisation, "Messages"));
  absl::StrAppend(&request.body, "&Body=", FormEscape(RenderSms(notification)));
  return request;
}

absl::StatusOr<Exchange> ComposeVoice(const Notification& notification,
                                      const Organisation& organisation,
                                      absl::Time /*now*/) {
  TOCSIN_ASSIGN(WebRequest request, Address(notification, organisation, "Calls"));
  absl::StrAppend(&request.body, "&Twiml=", FormEscape(RenderVoice(notification)));
  // That somebody has picked up is known then, and not only when they have hung up.
  if (organisation.TwilioOf(notification.provider).receipts)
    request.body += "&StatusCallbackEvent=answered&StatusCallbackEvent=completed";
  return request;
}

Verdict JudgeTwilio(const Reply& reply) {
  if (reply.reached != Reply::Reached::kAnswered) return JudgeUnanswered(reply);
  const Fields fields = ReadFields(reply.body);
  if (reply.status / 100 == 2) {
    if (!fields.sid.empty()) return {.kind = Kind::kAccepted, .provider_id = fields.sid, .detail = "provider took it"};
    return {.kind = Kind::kAmbiguous,
            .detail = absl::StrCat("provider answered ", reply.status, " without a message id")};
  }
  Verdict verdict{.detail = absl::StrCat("provider answered with status ", reply.status),
                  .retry_after = reply.retry_after};
  if (fields.code != 0) absl::StrAppend(&verdict.detail, ", code ", fields.code, ": ", fields.message);

  const auto* known = std::ranges::find(kCodes, fields.code, &Code::code);
  if (known != std::end(kCodes)) {
    verdict.kind = known->kind;
    verdict.loud = known->loud;
  } else if (reply.status == 401 || reply.status == 403) {
    verdict.kind = Kind::kRetryLater;
    verdict.loud = true;
  } else if (reply.status == 429 || (reply.status == 503 && reply.retry_after > absl::ZeroDuration())) {
    verdict.kind = Kind::kRetryLater;
  } else {
    verdict.kind = reply.status >= 500 ? Kind::kAmbiguous : Kind::kRejected;
  }
  return verdict;
}

}  // namespace tocsin::notify
