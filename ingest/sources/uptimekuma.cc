// Uptime Kuma's webhook: JSON; multipart/form-data whose part `data` is that JSON; a query with heartbeat, monitor and msg; or a body of
// its user's own.
// https://github.com/louislam/uptime-kuma/blob/master/server/notification-providers/webhook.js
//
// Identity: the monitor's id, else its name. State: heartbeat.status 0 down, 1 up, 2 pending (it is tried again), 3 maintenance; without a
// heartbeat the message's "[name] [🔴 Down] ...". A certificate that runs out has neither heartbeat nor monitor.
// Time: UTC without a zone. Of a monitor only what people need is taken: it holds passwords, too.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/fields.h"
#include "ingest/json_scan.h"
#include "ingest/source.h"
#include "ingest/webhook_parts.h"

namespace tocsin {
namespace {

// "[Testing] [🔴 Down] timeout" -> Testing, "🔴 Down", timeout.
struct Message {
  std::string_view name;
  std::string_view status;
  std::string_view text;
};

Message ReadMessage(std::string_view raw) {
  Message message{.name = {}, .status = {}, .text = Trim(raw)};
  for (std::string_view* part : {&message.name, &message.status}) {
    if (!message.text.starts_with('[')) break;
    const std::size_t end = message.text.find(']');
    if (end == std::string_view::npos) break;
    *part = message.text.substr(1, end - 1);
    message.text = Trim(message.text.substr(end + 1));
  }
  return message;
}

enum class State {
  kNone,
  kDown,
  kUp,
  kPending,
  kMaintenance
};

State ReadState(std::string_view status) {
  if (status.empty()) return State::kNone;
  if (status.ends_with(".0")) status.remove_suffix(2);
  const std::string word = ToLower(status);
  if (word == "0" || word == "false" || absl::StrContains(word, "down")) return State::kDown;
  if (word == "1" || word == "true" || word.ends_with("up")) return State::kUp;
  if (word == "2" || absl::StrContains(word, "pending")) return State::kPending;
  if (word == "3" || absl::StrContains(word, "maintenance")) return State::kMaintenance;
  return State::kNone;
}

// "[web][https://x] Server certificate x will expire in 14 days": one alert for all its reminders.
Reading ReadExpiry(std::string_view text) {
  const std::size_t expires = text.find(" will expire");
  EventBuilder event;
  event.Key({"expiry", text.substr(0, expires)}).Severity(Severity::kWarning);
  event.Label("alertname", "CertificateExpires").Label("monitor", ReadMessage(text).name).Summary(text);
  return std::move(event).Finish("");
}

Reading ReadOne(const Fields& fields, const Now& received) {
  const std::string_view raw = fields.Get({"msg", "message", "text", "body"});
  const Message message = ReadMessage(raw);
  const std::string_view id = fields.Get({"monitor.id", "heartbeat.monitorid", "monitorid", "id"});
  std::string_view name = fields.Get({"monitor.name", "monitorname", "name", "title"});
  std::string_view status = fields.Get({"heartbeat.status", "status", "heartbeatstatus", "state"});
  if (status.empty()) status = message.status;
  const State state = ReadState(status);
  if (id.empty() && state == State::kNone) {
    if (absl::StrContains(ToAbsl(raw), " will expire")) return ReadExpiry(raw);
    if (!raw.empty()) return TestAlert(kUptimekumaSource, raw, received);
    return Reading::Rejected("monitor: missing");
  }
  if (state == State::kPending) return Reading::Ignored("pending: it is tried again first");
  if (state == State::kMaintenance) return Reading::Ignored("maintenance says nothing about the state");
  if (name.empty()) name = message.name;
  EventBuilder event;
  if (!id.empty()) {
    event.Key({"monitor", id});
  } else if (!name.empty()) {
    event.Key({"name", name});
  }
  event.Kind(state == State::kUp ? EventKind::kResolve : EventKind::kTrigger);
  event.StartsAt(fields.Get({"heartbeat.time", "time"}));
  event.Label("alertname", name.empty() ? "Uptime Kuma" : name);
  event.Label("host", fields.Get({"monitor.hostname", "hostname"}))
      .Label("monitor_type", fields.Get({"monitor.type", "type"}));
  AddTags(event, fields.Get({"monitor.tags", "tags"}));
  event.Summary(raw.empty() ? absl::StrCat(ToAbsl(name), state == State::kUp ? " is up" : " is down")
                            : std::string(raw.substr(0, raw.find('\n'))));
  event.Description(fields.Get({"heartbeat.msg"}))
      .Annotation("description_of_monitor", fields.Get({"monitor.description"}));
  event.Annotation("value", fields.Get({"heartbeat.ping"}));
  if (state == State::kNone) event.Annotation("status", status);
  const std::string_view url = fields.Get({"monitor.url", "url", "hostnameorurl"});
  if (url.find("://") + 3 < url.size()) event.Link(url);  // "https://" is what a monitor without one has
  return std::move(event).Finish("neither monitor.id nor monitor.name has a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now& received) {
  absl::StatusOr<std::vector<Fields>> all = ReadFields(request, /*with_lines=*/false);
  if (!all.ok()) {  // a text of the user's own
    const std::string text = ReplaceInvalidUtf8(Trim(request.body));
    const Message message = ReadMessage(text);
    if (LooksLikeJson(request.body) || ReadState(message.status) == State::kNone) return all.status();
    return Readings{ReadOne(Fields::FromLines("msg=" + text.substr(0, text.find('\n'))), received)};
  }
  Readings readings;
  for (Fields& fields : *all) {
    fields.Unfold({"data", "payload", "heartbeat", "monitor"});
    fields.StripPrefix("data.");
    fields.StripPrefix("payload.");
    readings.push_back(ReadOne(fields, received));
  }
  return readings;
}

}  // namespace

const Source kUptimekumaSource = {
    .name = "uptimekuma",
    .also = "uptime-kuma uptime_kuma kuma",
    .product = "Uptime Kuma",
    .parse = Parse,
    .example =
        R"({"heartbeat":{"monitorID":10,"status":0,"time":"2022-01-21 14:06:38","msg":"timeout"},"monitor":{"id":10,"name":"web"},"msg":"[web] [Down] timeout"})",
    .setup =
        R"(Settings > Notifications > Setup Notification: type Webhook, this Post URL, request body "Preset - application/json"; then choose it
in your monitors.

Post URL  {url})",
};

}  // namespace tocsin
