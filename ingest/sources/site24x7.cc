// Site24x7's webhook: capital names, as JSON, a form or a query.
// https://www.site24x7.com/help/admin/third-party-integrations/webhooks.html
//
// Identity: MONITOR_ID, which not every template has; else MONITORNAME. State: STATUS UP is well; DOWN, CRITICAL, TROUBLE fire. Its own states
// (maintenance, suspended, discovery) say nothing. Severity: how bad the status is.
#include <algorithm>

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

constexpr std::string_view kNeither[] = {"maintenance", "suspended", "discovery", "discovery in progress",
                                         "configuration error"};

Reading ReadOne(const Fields& fields) {
  const std::string_view id = fields.Get({"monitorid"});
  const std::string_view name = fields.Get({"monitorname", "displayname"});
  const std::string_view status = fields.Get({"status", "monitorstatus"});
  if (status.empty()) return Reading::Rejected("STATUS: missing");
  const std::string word = ToLower(status);
  if (std::ranges::find(kNeither, std::string_view(word)) != std::end(kNeither))
    return Reading::Ignored(absl::StrFormat("STATUS %s says nothing about an outage", status));
  const std::optional<EventKind> kind = ParseStatusWord(word);
  EventBuilder event;
  event.Key({id.empty() ? name : id});
  event.Kind(kind.value_or(EventKind::kTrigger));
  event.Severity(word == "trouble" ? Severity::kWarning : ParseSeverity(word));
  event.StartsAt(ParseTimestamp(fields.Get({"incidenttimeiso"})).value_or(std::nullopt));
  if (!event.event().starts_at) event.StartsAt(fields.Get({"outagetimeunixformat", "ct"}));
  event.Label("alertname", name.empty() ? id : name)
      .Label("monitor_id", id)
      .Label("monitor_type", fields.Get({"monitortype"}));
  event.Label("group", fields.Get({"monitorgroupname"}));
  AddTags(event, fields.Get({"tags", "monitortags"}));
  const std::string_view reason = fields.Get({"incidentreason", "reason"});
  event.Summary(absl::StrCat(ToAbsl(name), " is ", ToAbsl(status), reason.empty() ? "" : ": ", ToAbsl(reason)));
  event.Description(fields.Get({"incidentdetails", "rcadetails"})).Annotation("status", status);
  event.Annotation("locations", fields.Get({"failedlocations"})).Annotation("url", fields.Get({"monitorurl"}));
  event.Annotation("rca", fields.Get({"rcalink"}));
  event.Link(fields.Get({"monitordashboardlink"})).Link(fields.Get({"rcalink"})).Link(fields.Get({"monitorurl"}));
  return std::move(event).Finish("neither MONITOR_ID nor MONITORNAME has a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEachFields(request, /*with_lines=*/false, ReadOne);
}

}  // namespace

const Source kSite24x7Source = {
    .name = "site24x7",
    .product = "Site24x7",
    .parse = Parse,
    .example =
        R"({"MONITORID":"123412341234","MONITORNAME":"web","STATUS":"DOWN","INCIDENT_TIME_ISO":"2019-07-30T10:36:59+0100"})",
    .setup =
        R"(Admin > Third-Party Integrations > Webhooks: this URL, method POST, "Post as JSON", all of Trouble, Critical, Down and Up; send
$ALARM_DETAILS or at least MONITORID, MONITORNAME, STATUS, INCIDENT_REASON and INCIDENT_TIME_ISO.

URL  {url})",
};

}  // namespace tocsin
