// Netdata: Cloud's webhook, and what the agent's alarm-notify.sh posts to Opsgenie's /v1/json/integrations/webhooks/netdata.
// https://learn.netdata.cloud/docs/alerts-&-notifications/notifications/centralized-cloud-notifications/webhook
//
// Identity: host, chart and alert in both. Cloud's body has no host of its own: it stands in the message ("ram_in_use on web-1 is
// clear"); without one, what the alert's address names. The agent's unique_id is new each time and its alarm id its host's only.
// State: severity (Cloud) or status (agent) clear, or removed: nothing is watched there any more. Reachability: status.reachable.
// The agent's JSON is pasted together by a shell: quotes in texts are not escaped.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/fields.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"
#include "ingest/webhook_parts.h"

namespace tocsin {
namespace {

// "ram_in_use on web-1 is critical" -> web-1.
std::string_view HostInMessage(std::string_view message, std::string_view alert) {
  if (alert.empty() || !message.starts_with(alert)) return {};
  message.remove_prefix(alert.size());
  if (!message.starts_with(" on ")) return {};
  message.remove_prefix(4);
  const std::size_t end = message.rfind(" is ");
  return end == std::string_view::npos ? std::string_view() : message.substr(0, end);
}

// Without the query, since that may say what the alert's state was.
std::string_view LastOfPath(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  while (url.ends_with('/'))
    url.remove_suffix(1);
  return url.substr(url.rfind('/') + 1);
}

Reading ReadReachability(const Fields& fields) {
  const std::string_view host = fields.Get({"host", "hostname", "node"});
  const std::string_view reachable = fields.Get({"status.reachable"});
  const std::string text = ToLower(fields.Get({"status.text", "status"}));
  EventBuilder event;
  if (!host.empty()) event.Key({host, "reachability"});
  const bool is_up =
      reachable.empty() ? text == "reachable" : absl::EqualsIgnoreCase(ToAbsl(reachable), "true") || reachable == "1";
  event.Kind(is_up ? EventKind::kResolve : EventKind::kTrigger).Severity(ParseSeverity(fields.Get({"severity"})));
  event.Label("alertname", "NodeUnreachable").Label("host", host).Label("space", fields.Get({"space"}));
  event.Summary(fields.Get({"message"})).Annotation("status", text).Link(fields.Get({"url", "nodeurl"}));
  return std::move(event).Finish("host: missing");
}

// Fractions of seconds and "nan" come, too.
std::string ValueText(const Fields& fields) {
  const std::string_view text = fields.Get({"valuestring", "valuewunits"});
  if (!text.empty()) return std::string(text);
  const std::string_view value = fields.Get({"value"});
  return value.empty() ? "" : absl::StrCat(ToAbsl(value), ToAbsl(fields.Get({"units"})));
}

Reading ReadAlert(const Fields& fields) {
  const std::string_view alert = fields.Get({"alert", "name", "alertname", "alarm"});
  const std::string_view chart = fields.Get({"chart", "chartid"});
  const std::string_view message = fields.Get({"message"});
  std::string_view host = fields.Get({"host", "hostname", "node", "nodename"});
  if (host.empty()) host = HostInMessage(message, alert);
  const std::string_view url = fields.Get({"alerturl", "url"});
  const std::string state = ToLower(fields.Get({"status", "severity"}));
  if (state == "uninitialized" || state == "undefined")
    return Reading::Ignored(absl::StrFormat("%s: nothing is known yet", state));
  if (state.empty()) return Reading::Rejected("severity: missing");
  EventBuilder event;
  if (!alert.empty()) event.Key({host.empty() ? LastOfPath(url) : host, chart, alert});
  const bool is_over = state == "clear" || state == "cleared" || state == "removed";
  event.Kind(is_over ? EventKind::kResolve : EventKind::kTrigger);
  event.Severity(state == "clear" ? Severity::kInfo : ParseSeverity(state)).StartsAt(fields.Get({"date", "when"}));
  event.Label("alertname", alert).Label("host", host).Label("chart", chart);
  event.Label("context", fields.Get({"context"})).Label("family", fields.Get({"family"}));
  event.Label("class", fields.Get({"class"})).Label("space", fields.Get({"space"}));
  const std::string value = ValueText(fields);
  event.Summary(!message.empty() ? std::string(message)
                                 : absl::StrCat(ToAbsl(alert), " on ", ToAbsl(host), " is ", state,
                                                value.empty() ? "" : ": ", value));
  event.Description(fields.Get({"info"})).Annotation("value", value);
  event.Annotation("duration", fields.Get({"duration"})).Annotation("old_status", fields.Get({"oldstatus"}));
  event.Annotation("src", fields.Get({"src"})).Annotation("expression", fields.Get({"calcexpression"}));
  event.Link(url);
  return std::move(event).Finish("alert: missing");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now& received) {
  TOCSIN_ASSIGN(std::vector<Fields> all, ReadFields(request, /*with_lines=*/false));
  Readings readings;
  for (Fields& fields : all) {
    fields.StripPrefix("details.");
    const bool is_reachability = fields.Get({"alert", "name", "alertname", "alarm"}).empty() &&
                                 !fields.Get({"status.reachable", "status.text", "status"}).empty();
    if (is_reachability) {
      readings.push_back(ReadReachability(fields));
    } else if (fields.all().size() <= 2 && fields.Has({"message", "text"})) {
      readings.push_back(TestAlert(kNetdataSource, fields.Get({"message", "text"}), received));
    } else {
      readings.push_back(ReadAlert(fields));
    }
  }
  return readings;
}

}  // namespace

const Source kNetdataSource = {
    .name = "netdata",
    .product = "Netdata",
    .parse = Parse,
    .example =
        R"({"message":"ram_in_use on web-1 is critical","alert":"ram_in_use","chart":"system.ram","severity":"critical"})",
    .setup =
        R"(Netdata Cloud: Space settings > Alerts & Notifications > Add configuration > Webhook, with this URL (Cloud wants https):

{url}

An agent by itself: notifications that `tocsin notify-netdata` sends; it keeps them while the server cannot be reached. Save the file below,
which says where.)",
};

}  // namespace tocsin
