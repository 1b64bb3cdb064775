// UptimeRobot's webhook: a query string, a form, or JSON with the names that its user gave to the *variables*; all values are texts.
// https://uptimerobot.com/help/articles/how-to-send-notifications-via-webhook/
//
// Identity: *monitorID*; templates without it: address and name. State: *alertType* 1 down, 2 up, else its friendly name. A
// certificate (3) or a domain (4) that runs out is an alert of its own: no "up" ends it.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/fields.h"
#include "ingest/source.h"
#include "ingest/webhook_parts.h"

namespace tocsin {
namespace {

enum class Kind {
  kDown,
  kUp,
  kExpiry,
  kStarted,  // started, paused
  kUnknown
};

Kind KindOf(std::string_view type, std::string_view name) {
  if (type.ends_with(".0")) type.remove_suffix(2);
  if (type == "1") return Kind::kDown;
  if (type == "2") return Kind::kUp;
  if (type == "3" || type == "4") return Kind::kExpiry;
  const std::string word = ToLower(name.empty() ? type : name);
  if (absl::StrContains(word, "down")) return Kind::kDown;
  if (word == "up" || absl::EndsWith(word, " up")) return Kind::kUp;
  if (absl::StrContains(word, "ssl") || absl::StrContains(word, "domain") || absl::StrContains(word, "expir"))
    return Kind::kExpiry;
  if (word == "started" || word == "paused") return Kind::kStarted;
  return Kind::kUnknown;
}

Reading ReadOne(const Fields& fields) {
  const std::string_view id = fields.Get({"monitorid", "id"});
  const std::string_view url = fields.Get({"monitorurl", "url"});
  const std::string_view name = fields.Get({"monitorfriendlyname", "monitorname", "friendlyname", "name"});
  const std::string_view type = fields.Get({"alerttype", "type"});
  const std::string_view type_name = fields.Get({"alerttypefriendlyname", "alerttypename", "status", "state"});
  const std::string_view details = fields.Get({"alertdetails", "details", "reason", "message"});
  if (type.empty() && type_name.empty()) return Reading::Rejected("alertType: missing; write *alertType* there");
  const Kind kind = KindOf(type, type_name);
  if (kind == Kind::kStarted)
    return Reading::Ignored(absl::StrFormat("%s: the monitor is neither down nor up", type_name));
  EventBuilder event;
  const std::string_view suffix = kind == Kind::kExpiry ? std::string_view("expiry") : std::string_view();
  if (!id.empty()) {
    suffix.empty() ? event.Key({"monitor", id}) : event.Key({"monitor", id, suffix});
  } else if (!url.empty() || !name.empty()) {
    suffix.empty() ? event.Key({url, name}) : event.Key({url, name, suffix});
  }
  event.Kind(kind == Kind::kUp ? EventKind::kResolve : EventKind::kTrigger);
  event.StartsAt(fields.Get({"alertdatetime", "datetime", "timestamp"}));
  if (kind == Kind::kExpiry) event.Severity(Severity::kWarning);
  event.Label("alertname", !name.empty() ? name : !url.empty() ? url : id).Label("monitor_id", id);
  AddTags(event, fields.Get({"monitortags", "tags"}));
  const std::string_view said = type_name.empty() ? std::string_view(kind == Kind::kUp ? "Up" : "Down") : type_name;
  event.Summary(absl::StrCat(ToAbsl(name.empty() ? url : name), " is ", ToAbsl(said), details.empty() ? "" : ": ",
                             ToAbsl(details)));
  event.Annotation("duration", fields.Get({"alertfriendlyduration", "alertduration"}));
  event.Annotation("expires", fields.Get({"sslexpirydate", "domainexpirydate"}));
  if (kind == Kind::kUnknown) event.Annotation("status", said);
  event.Link(url);
  return std::move(event).Finish("neither monitorID, monitorURL nor monitorFriendlyName has a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEachFields(request, /*with_lines=*/false, ReadOne);
}

}  // namespace

const Source kUptimerobotSource = {
    .name = "uptimerobot",
    .also = "uptime-robot uptime_robot",
    .product = "UptimeRobot",
    .parse = Parse,
    .example =
        R"({"monitorID":"777712827","monitorURL":"https://example.com","monitorFriendlyName":"Example","alertType":"1"})",
    .setup =
        R"(Integrations > Webhook: this URL, "Send as JSON", for up and down events, this value; then choose it in your monitors.

URL    {url}
Value  {"monitorID": "*monitorID*", "monitorURL": "*monitorURL*", "monitorFriendlyName": "*monitorFriendlyName*",
        "alertType": "*alertType*", "alertTypeFriendlyName": "*alertTypeFriendlyName*", "alertDetails": "*alertDetails*",
        "alertDateTime": "*alertDateTime*"})",
};

}  // namespace tocsin
