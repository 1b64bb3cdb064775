// Checkly's webhook: a template, whose default has these names.
// https://www.checklyhq.com/docs/alerting-and-retries/webhooks/
//
// Identity: check_id; a certificate that runs out (ALERT_SSL) is an alert of its own. State: alert_type, in which RECOVERY resolves, but
// not DEGRADED to FAILURE and back. Severity: degraded is less than failing.
// Signature: HMAC-SHA256 of the body in x-checkly-signature, as hexadecimal digits.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/fields.h"
#include "ingest/signature.h"
#include "ingest/source.h"
#include "ingest/webhook_parts.h"

namespace tocsin {
namespace {

// A template without alert_type has its words in the title: "API Check #1 has recovered".
EventKind KindOf(std::string_view type, std::string_view title) {
  if (!type.empty())
    return absl::EndsWithIgnoreCase(ToAbsl(type), "recovery") ? EventKind::kResolve : EventKind::kTrigger;
  return absl::StrContains(ToLower(title), "has recovered") ? EventKind::kResolve : EventKind::kTrigger;
}

Severity SeverityOf(std::string_view type) {
  const std::string word = ToLower(type);
  if (word.ends_with("_ssl")) return Severity::kWarning;
  if (word.ends_with("recovery")) return Severity::kInfo;
  if (word.ends_with("degraded") || word.ends_with("degraded_remain")) return Severity::kWarning;
  return absl::StrContains(word, "failure") ? Severity::kCritical : Severity::kUnknown;
}

Reading ReadOne(const Fields& fields) {
  const std::string_view type = fields.Get({"alerttype", "type"});
  const std::string_view title = fields.Get({"event", "title", "alerttitle"});
  const std::string_view id = fields.Get({"checkid"});
  const std::string_view name = fields.Get({"checkname", "name"});
  if (type.empty() && title.empty()) return Reading::Rejected("alert_type: missing; write \"{{ALERT_TYPE}}\" there");
  if (absl::EqualsIgnoreCase(ToAbsl(type), "NO_ALERT"))
    return Reading::Ignored("NO_ALERT says nothing about the check's state");
  EventBuilder event;
  const std::string_view identity = id.empty() ? name : id;
  if (absl::EndsWithIgnoreCase(ToAbsl(type), "_ssl")) {
    if (!identity.empty()) event.Key({identity, "ssl"});
  } else {
    event.Key({identity});
  }
  event.Kind(KindOf(type, title)).Severity(SeverityOf(type)).StartsAt(fields.Get({"startedat"}));
  event.Label("alertname", name.empty() ? "Checkly check" : name).Label("check_id", id);
  event.Label("check_type", fields.Get({"checktype"})).Label("group", fields.Get({"groupname"}));
  AddTags(event, fields.Get({"tags"}));
  event.Summary(title.empty() ? absl::StrCat(ToAbsl(name), ": ", ToAbsl(type)) : std::string(title));
  event.Description(fields.Get({"checkerrormessage", "description"})).Annotation("status", type);
  event.Annotation("location", fields.Get({"runlocation", "region"}));
  const std::string_view code = fields.Get({"apicheckresponsestatuscode"});
  event.Annotation(
      "value", absl::StrCat(ToAbsl(code), code.empty() ? "" : " ", ToAbsl(fields.Get({"apicheckresponsestatustext"}))));
  event.Annotation("response_time", fields.Get({"responsetime"}))
      .Annotation("ssl_days_remaining", fields.Get({"ssldaysremaining"}));
  event.Link(fields.Get({"link", "resultlink", "url"}));
  return std::move(event).Finish("neither check_id nor check_name has a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEachFields(request, /*with_lines=*/false, ReadOne);
}

absl::Status Verify(const SourceRequest& request, std::string_view secret, absl::Time) {
  return CheckHmac(request, {.name = "x-checkly-signature"}, secret);
}

}  // namespace

const Source kChecklySource = {
    .name = "checkly",
    .product = "Checkly",
    .parse = Parse,
    .verify = Verify,
    .example =
        R"({"event":"API Check #1 has failed","alert_type":"ALERT_FAILURE","check_id":"927a2982","check_name":"API Check #1","started_at":"2025-01-26T11:19:40.544Z"})",
    .setup =
        R"(Alert settings > Add channel > Webhook: method POST, this URL, this body; a webhook secret, if the integration has one.

URL   {url}
Body  {"event": "{{ALERT_TITLE}}", "alert_type": "{{ALERT_TYPE}}", "check_id": "{{CHECK_ID}}", "check_name": "{{CHECK_NAME}}",
       "check_type": "{{CHECK_TYPE}}", "group_name": "{{GROUP_NAME}}", "check_error_message": "{{CHECK_ERROR_MESSAGE}}",
       "started_at": "{{STARTED_AT}}", "run_location": "{{RUN_LOCATION}}", "tags": "{{TAGS}}", "link": "{{RESULT_LINK}}"})",
};

}  // namespace tocsin
