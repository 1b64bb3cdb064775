// Checkmk's notification scripts. They get NOTIFY_* in their environment and post it as it is, as JSON or NAME=value lines, or under
// names of their own (host, what, notification_type, output ...).
// https://docs.checkmk.com/latest/en/notifications.html
//
// Identity: site, host, and the service where the notification is about one (WHAT=SERVICE); problem ids are 0 on a recovery. A host's
// notification may hold a literal $SERVICEDESC$.
// State: NOTIFICATIONTYPE as with Nagios, with an addition in brackets or without. States are long (WARNING) or short (WARN).
// Time: MICROTIME; the others are the site's own, without a zone. URLs are relative unless the script knows the site's address.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/fields.h"
#include "ingest/macro_notification.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"
#include "ingest/webhook_parts.h"

namespace tocsin {
namespace {

// A relative URL is told to people, for what it is worth.
void AddLink(const Fields& fields, std::string_view url, EventBuilder& event) {
  std::string_view site =
      fields.Get({"parameterurlprefix", "parameterurlprefix1", "parameterurlprefixmanual", "urlprefix"});
  if (url.starts_with('/') && !site.empty()) {
    // https://monitor/cmk/ and /cmk/check_mk/index.py... or /check_mk/index.py...
    while (site.ends_with('/'))
      site.remove_suffix(1);
    if (site.ends_with("/check_mk")) site.remove_suffix(9);
    event.Link(absl::StrCat(ToAbsl(site), ToAbsl(url)));
  }
  event.Link(url);
  event.Annotation("url", url);
}

void Describe(const Fields& fields,
              const MacroNotification& told,
              std::string_view host,
              std::string_view service,
              EventBuilder& event) {
  const bool is_service = !service.empty();
  std::string_view output = fields.Get({is_service ? std::string_view("serviceoutput") : "hostoutput", "output"});
  if (output.empty()) output = fields.Get({"summary", "description"});
  event.Summary(MacroSummary(told, host, service, output));
  event.Description(WithLineBreaks(
      fields.Get({is_service ? std::string_view("longserviceoutput") : "longhostoutput", "longoutput"})));
  event.Annotation("state", told.state).Annotation("notification_type", told.type);
  event.Annotation("address", fields.Get({"hostaddress", "address"}));
  event.Annotation("author", fields.Get({"notificationauthor"}));
  event.Annotation("comment", fields.Get({"notificationcomment"}));
  event.Annotation("runbook_url", fields.Get({is_service ? std::string_view("servicenotesurl") : "hostnotesurl"}));
  event.Annotation("local_time", fields.Get({"shortdatetime"}));
  AddLink(fields, fields.Get({is_service ? std::string_view("serviceurl") : "hosturl", "url", "link"}), event);
}

Reading ReadOne(Fields fields) {
  fields.StripPrefix("notify");
  const std::string_view host = fields.Get({"hostname", "host"});
  if (host.empty()) return Reading::Rejected("NOTIFY_HOSTNAME: missing");
  std::string_view service = fields.Get({"servicedesc", "servicedescription", "service"});
  if (absl::EqualsIgnoreCase(ToAbsl(fields.Get({"what"})), "host")) service = {};
  const bool is_service = !service.empty();
  const std::optional<MacroNotification> told =
      is_service ? ReadMacroNotification(fields.Get({"notificationtype", "type"}),
                                         fields.Get({"servicestate", "serviceshortstate", "state", "status"}))
                 : ReadMacroNotification(fields.Get({"notificationtype", "type"}),
                                         fields.Get({"hoststate", "hostshortstate", "state", "status"}));
  if (!told) return Reading::Rejected("NOTIFY_NOTIFICATIONTYPE: missing");
  if (!told->kind) return Reading::Ignored(absl::StrFormat("%s says nothing about the state", told->type));

  EventBuilder event;
  const std::string_view site = fields.Get({"omdsite", "site"});
  if (is_service) {
    event.Key({site, host, service});
  } else {
    event.Key({site, host});
  }
  event.Kind(*told->kind).Severity(ParseSeverity(told->state));
  if (const auto time = ParseAnyTime(fields.Get({"microtime"}))) {
    event.StartsAt(time);
  } else {
    event.StartsAt(ParseZonedTime(fields.Get({"longdatetime"})));
  }
  event.Label("alertname", is_service ? service : "Host").Label("host", host).Label("service", service);
  event.Label("site", site);
  event.Label("hostgroup", fields.Get({"hostgroupnames"})).Label("servicegroup", fields.Get({"servicegroupnames"}));
  AddCustomLabels(fields, "NOTIFY_", {"SERVICELABEL_", "SERVICETAG_", "HOSTLABEL_", "HOSTTAG_"}, event);
  Describe(fields, *told, host, service, event);
  return std::move(event).Finish("");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEachFields(request, /*with_lines=*/true, ReadOne);
}

}  // namespace

const Source kCheckmkSource = {
    .name = "checkmk",
    .also = "check_mk",
    .product = "Checkmk",
    .parse = Parse,
    .example =
        R"({"NOTIFY_WHAT":"SERVICE","NOTIFY_NOTIFICATIONTYPE":"PROBLEM","NOTIFY_HOSTNAME":"db1","NOTIFY_SERVICEDESC":"Filesystem /","NOTIFY_SERVICESTATE":"CRIT"})",
    .setup =
        R"(A notification script around `tocsin notify-checkmk`, which keeps what it could not send. Save the file below, which says where; what
belongs into ~/etc/tocsin.key is {key})",
};

}  // namespace tocsin
