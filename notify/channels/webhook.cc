// A signed POST to a URL of the person's or receiver's own.
//
//   Content-Type: application/json
//   Idempotency-Key: <the same for all attempts at one notification>
//   Tocsin-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 with the contact method's secret of "<t>.<body>">
//
//   {"id":"N23", "idempotency_key":"...", "purpose":"page|resolved|test|group_update|fallback",
//    "priority":"critical|normal|rest", "subject":"G17|I3|B52|", "user":"alice", "receiver":"", "title":"...", "body":"...",
//    "acknowledge_url":"...", "created_at":"<RFC 3339>", "members":["G17"], "attempt":1, "repeat":false}
//
// `members` is what a message tells that tells several things at once ("subject":"B52"); otherwise it is empty.
//
// Receivers that are told as Alertmanager tells them get its body instead (engine/alertmanager_message.h), with the same
// headers.
//
// A receiver answers 2xx once it has the page safe. It should refuse a signature whose t is more than five minutes off,
// and drop a key that it has seen. What it answers beside the status is never shown or logged.
#include <algorithm>
#include <array>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include <sodium.h>

#include "base/status.h"
#include "base/strings.h"
#include "model/canary.h"
#include "notify/channels/channels.h"
#include "notify/render.h"

namespace tocsin::notify {
namespace {

std::string HeaderSafe(std::string_view text) {
  std::string out(text);
  std::erase_if(out, [](char c) { return c <= ' ' || c >= 0x7F; });
  return out;
}

}  // namespace

std::string Origin(std::string_view url) {
  const std::size_t start = url.find("://");
  if (start == std::string_view::npos) return "";
  const std::size_t end = std::min(url.size(), url.find_first_of("/?#\\", start + 3));
  std::string_view authority = url.substr(start + 3, end - start - 3);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
  return ToLower(absl::StrCat(ToAbsl(url.substr(0, start)), "://", ToAbsl(authority)));
}

std::string WebhookDestination(const Notification& notification, const Organisation& /*organisation*/) {
  return Origin(notification.method.address);
}

std::string SignWebhook(const std::string& secret, const std::string& body, absl::Time now) {
  const std::string time = absl::StrCat(absl::ToUnixSeconds(now));
  const std::string signed_text = absl::StrCat(time, ".", body);
  const auto bytes = [](const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); };
  crypto_auth_hmacsha256_state state;
  std::array<unsigned char, crypto_auth_hmacsha256_BYTES> mac{};
  crypto_auth_hmacsha256_init(&state, bytes(secret), secret.size());
  crypto_auth_hmacsha256_update(&state, bytes(signed_text), signed_text.size());
  crypto_auth_hmacsha256_final(&state, mac.data());
  const std::string raw(mac.begin(), mac.end());
  return absl::StrCat("t=", time, ",v1=", absl::BytesToHexString(raw));
}

absl::StatusOr<Exchange> ComposeWebhook(const Notification& notification,
                                        const Organisation& organisation,
                                        absl::Time now) {
  const std::string& url = notification.method.address;
  const std::string origin = Origin(url);
  if (!origin.starts_with("http://") && !origin.starts_with("https://"))
    return Invalid("the webhook's URL is neither http nor https");
  if (std::ranges::any_of(url, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7F; })) {
    return Invalid("the webhook's URL holds spaces or control characters");
  }
  const Receiver* receiver = notification.receiver.set() ? organisation.Find(notification.receiver) : nullptr;
  const bool ready = receiver != nullptr && receiver->drop_resolved_when_held &&
                     notification.subject.kind == SubjectKind::kGroup && notification.body.starts_with('{');
  WebRequest request{.url = url,
                     .body = ready ? notification.body : RenderWebhook(notification),
                     .peers = IsCanary(notification) ? WebRequest::Peers::kAny : WebRequest::Peers::kPublic,
                     .repeatable = true};
  request.headers = {"Content-Type: application/json",
                     absl::StrCat("Idempotency-Key: ", HeaderSafe(notification.idempotency_key))};
  if (const std::string& secret = notification.method.secret; !secret.empty()) {
    request.headers.push_back(absl::StrCat("Tocsin-Signature: ", SignWebhook(secret, request.body, now)));
  }
  return request;
}

// Repeats are harmless because of the key, so every answer that may change is worth another try.
Verdict JudgeWebhook(const Reply& reply) {
  using Kind = AttemptResult::Kind;
  if (reply.reached != Reply::Reached::kAnswered) return JudgeUnanswered(reply);
  Verdict verdict{.detail = absl::StrCat("the webhook answered with status ", reply.status),
                  .retry_after = reply.retry_after};
  const bool passing = reply.status >= 500 || reply.status == 408 || reply.status == 425 || reply.status == 429;
  verdict.kind = reply.status / 100 == 2 ? Kind::kAccepted : passing ? Kind::kRetryLater : Kind::kRejected;
  return verdict;
}

}  // namespace tocsin::notify
