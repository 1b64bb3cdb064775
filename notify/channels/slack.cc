// Slack, two ways.
//
// An incoming webhook (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks): a POST to a URL that is
// itself the secret. It answers "ok", or a word that says what is wrong, and its messages stay as they were sent.
//
// The Web API (https://docs.slack.dev/reference/methods/chat.postMessage): it answers 200 with {"ok":true,"channel":...,
// "ts":...} or {"ok":false,"error":...}. Channel and ts name the message for good; a notification that `rewrites` one goes
// out by chat.update instead. Neither has an idempotency key: after a lost answer the message may be there.
#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <simdjson.h>

#include "base/status.h"
#include "base/strings.h"
#include "notify/channels/channels.h"
#include "notify/render.h"
#include "notify/text.h"

namespace tocsin::notify {
namespace {

using Kind = AttemptResult::Kind;

// What the words mean for a message. Words that are not here are about the message or its place: it never will go out.
struct Word {
  std::string_view word;
  Kind kind;
  bool loud;
};
constexpr Word kWords[] = {
    {"ratelimited",                       Kind::kRetryLater, false},
    {"rate_limited",                      Kind::kRetryLater, false},
    {"message_limit_exceeded",            Kind::kRetryLater, true },
    {"request_timeout",                   Kind::kAmbiguous,  false},
    {"service_unavailable",               Kind::kRetryLater, false},
    {"team_added_to_org",                 Kind::kRetryLater, false},
    {"rollup_error",                      Kind::kAmbiguous,  false},
    {"internal_error",                    Kind::kAmbiguous,  false}, // "some aspect of the operation" may have succeeded
    {"fatal_error",                       Kind::kAmbiguous,  false},
    {"not_authed",                        Kind::kRetryLater, true },
    {"invalid_auth",                      Kind::kRetryLater, true },
    {"access_denied",                     Kind::kRetryLater, true },
    {"account_inactive",                  Kind::kRetryLater, true },
    {"token_expired",                     Kind::kRetryLater, true },
    {"token_revoked",                     Kind::kRetryLater, true },
    {"no_permission",                     Kind::kRetryLater, true },
    {"org_login_required",                Kind::kRetryLater, true },
    {"ekm_access_denied",                 Kind::kRetryLater, true },
    {"missing_scope",                     Kind::kRetryLater, true },
    {"not_allowed_token_type",            Kind::kRetryLater, true },
    {"team_access_not_granted",           Kind::kRetryLater, true },
    {"channel_not_found",                 Kind::kRejected,   true },
    {"not_in_channel",                    Kind::kRejected,   true }, // invite the bot
    {"is_archived",                       Kind::kRejected,   true },
    {"channel_is_archived",               Kind::kRejected,   true },
    {"restricted_action",                 Kind::kRejected,   true },
    {"action_prohibited",                 Kind::kRejected,   true },
    {"no_service",                        Kind::kRejected,   true }, // the webhook was removed
    {"no_service_id",                     Kind::kRejected,   true },
    {"no_team",                           Kind::kRejected,   true },
    {"team_disabled",                     Kind::kRejected,   true },
    {"invalid_token",                     Kind::kRejected,   true },
    {"posting_to_general_channel_denied", Kind::kRejected,   true },
};

struct Fields {
  bool read = false;
  bool ok = false;
  std::string error;
  std::string channel;
  std::string ts;
};
Fields ReadFields(const std::string& body) {
  Fields fields;
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(body).get(object) != simdjson::SUCCESS) return fields;
  std::string_view text;
  fields.read = object["ok"].get(fields.ok) == simdjson::SUCCESS;
  if (object["error"].get(text) == simdjson::SUCCESS) fields.error = CleanLine(text, 80);
  if (object["channel"].get(text) == simdjson::SUCCESS) fields.channel = CleanLine(text, 40);
  if (object["ts"].get(text) == simdjson::SUCCESS) fields.ts = CleanLine(text, 40);
  return fields;
}

Verdict JudgeWord(std::string_view word, const Reply& reply) {
  Verdict verdict{.kind = Kind::kRejected,
                  .detail = absl::StrCat("Slack answered ", ToAbsl(word), " with status ", reply.status),
                  .retry_after = reply.retry_after};
  const auto* known = std::ranges::find(kWords, word, &Word::word);
  if (known != std::end(kWords)) {
    verdict.kind = known->kind;
    verdict.loud = known->loud;
  } else if (reply.status == 429) {
    verdict.kind = Kind::kRetryLater;
  } else if (reply.status == 503 && reply.retry_after > absl::ZeroDuration()) {
    verdict.kind = Kind::kRetryLater;
  } else if (reply.status >= 500 || reply.status == 408) {
    verdict.kind = Kind::kAmbiguous;
  }
  return verdict;
}

bool IsPlain(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
}

std::string_view WithoutSlash(std::string_view url) {
  while (url.ends_with('/'))
    url.remove_suffix(1);
  return url;
}

}  // namespace

std::string SlackWebhookDestination(const Notification& notification, const Organisation& /*organisation*/) {
  return Origin(notification.method.secret);
}

absl::StatusOr<Exchange> ComposeSlackWebhook(const Notification& notification,
                                             const Organisation& /*organisation*/,
                                             absl::Time /*now*/) {
  const std::string& url = notification.method.secret;
  const std::string origin = Origin(url);
  if ((!origin.starts_with("https://") && !origin.starts_with("http://")) || !IsPlain(url)) {
    return Precondition("the Slack webhook has no usable URL in its secret");
  }
  WebRequest request{.url = url,
                     .body = RenderSlack(notification, "", ""),
                     .headers = {"Content-Type: application/json; charset=utf-8"}};
  request.peers = WebRequest::Peers::kPublic;
  return request;
}

Verdict JudgeSlackWebhook(const Reply& reply) {
  if (reply.reached != Reply::Reached::kAnswered) return JudgeUnanswered(reply);
  if (reply.status / 100 == 2) return {.kind = Kind::kAccepted, .detail = "Slack took it"};
  return JudgeWord(CleanLine(reply.body, 80), reply);
}

std::string SlackDestination(const Notification& /*notification*/, const Organisation& organisation) {
  return organisation.slack.url;
}

absl::StatusOr<Exchange> ComposeSlack(const Notification& notification,
                                      const Organisation& organisation,
                                      absl::Time /*now*/) {
  const Slack& slack = organisation.slack;
  if (!IsPlain(slack.token)) return Precondition("Slack's Web API is not configured (slack.token)");
  std::string channel = notification.method.address;
  std::string ts;
  std::string_view method = "chat.postMessage";
  if (const std::size_t slash = notification.rewrites.find('/'); slash != std::string::npos) {
    channel = notification.rewrites.substr(0, slash);
    ts = notification.rewrites.substr(slash + 1);
    method = "chat.update";
  }
  if (channel.empty()) return Invalid("the contact method's address is not a Slack channel");
  return WebRequest{
      .url = absl::StrCat(ToAbsl(WithoutSlash(slack.url)), "/", ToAbsl(method)),
      .body = RenderSlack(notification, channel, ts),
      .headers = {"Content-Type: application/json; charset=utf-8", absl::StrCat("Authorization: Bearer ", slack.token)},
  };
}

Verdict JudgeSlack(const Reply& reply) {
  if (reply.reached != Reply::Reached::kAnswered) return JudgeUnanswered(reply);
  const Fields fields = ReadFields(reply.body);
  if (reply.status / 100 == 2 && fields.ok) {
    if (fields.channel.empty() || fields.ts.empty()) {
      return {.kind = Kind::kAmbiguous, .detail = "Slack answered ok without naming the message"};
    }
    return {.kind = Kind::kAccepted,
            .provider_id = absl::StrCat(fields.channel, "/", fields.ts),
            .detail = "Slack took it"};
  }
  if (reply.status / 100 == 2 && !fields.read) {
    return {.kind = Kind::kAmbiguous, .detail = "Slack answered with something that is not its protocol"};
  }
  return JudgeWord(fields.error.empty() ? "without a word" : fields.error, reply);
}

}  // namespace tocsin::notify
