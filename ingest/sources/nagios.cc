// Nagios, and what is like it (Naemon, Centreon). A notification is a set of macros; scripts send them as JSON, as a form or as
// NAME=value lines, with or without NAGIOS_ in front, in any case (HOSTNAME, NAGIOS_HOSTNAME, host_name): our own command, Opsgenie's
// script, PagerDuty's agent (details.HOSTNAME in an envelope).
//
// Identity: host and service, in the words of PagerDuty's agent. Not the problem id: on a recovery it is 0 in some places.
// State: NOTIFICATIONTYPE. Downtimes, flapping and custom notifications say nothing about the state: they are ignored, and the
// answer says so. PagerDuty's agent repeats the old state in a recovery.
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

// The service, "" for a host's own notification: its service macros are empty, unexpanded, or left over from something else.
std::string_view ServiceOf(const Fields& fields) {
  const std::string_view about = fields.Get({"entitytype", "pdnagiosobject"});
  if (absl::EqualsIgnoreCase(ToAbsl(about), "host")) return {};
  return fields.Get({"servicedesc", "servicename", "service"});
}

// LONGDATETIME counts only where it says its zone: its form is the installation's.
std::optional<absl::Time> TimeOf(const Fields& fields, bool is_service) {
  if (const auto time = ParseAnyTime(fields.Get({"timet"}))) return time;
  if (const auto time =
          ParseAnyTime(fields.Get({is_service ? std::string_view("lastservicestatechange") : "lasthoststatechange"})))
    return time;
  return ParseZonedTime(fields.Get({"longdatetime"}));
}

Reading ReadOne(Fields fields) {
  fields.StripPrefix("details.");
  fields.StripPrefix("nagios");
  const std::string_view host = fields.Get({"hostname", "host"});
  if (host.empty()) return Reading::Rejected("HOSTNAME: missing");
  const std::string_view service = ServiceOf(fields);
  const bool is_service = !service.empty();
  const std::optional<MacroNotification> told =
      ReadMacroNotification(fields.Get({"notificationtype", "eventtype", "eventaction"}),
                            fields.Get({is_service ? std::string_view("servicestate") : "hoststate", "state"}));
  if (!told) return Reading::Rejected("NOTIFICATIONTYPE: missing");
  if (!told->kind) return Reading::Ignored(absl::StrFormat("%s says nothing about the state", told->type));

  EventBuilder event;
  event.WholeKey(is_service
                     ? absl::StrCat("event_source=service;host_name=", ToAbsl(host), ";service_desc=", ToAbsl(service))
                     : absl::StrCat("event_source=host;host_name=", ToAbsl(host)));
  event.Kind(*told->kind).Severity(ParseSeverity(told->state)).StartsAt(TimeOf(fields, is_service));
  event.Label("alertname", is_service ? service : "Host").Label("host", host).Label("service", service);
  event.Label("hostgroup", fields.Get({"hostgroupname", "hostgroupnames"}));
  event.Label("servicegroup", fields.Get({"servicegroupname", "servicegroupnames"}));
  AddCustomLabels(fields, "NAGIOS_", {"_SERVICE", "_HOST"}, event);

  std::string_view output = fields.Get({is_service ? std::string_view("serviceoutput") : "hostoutput", "output"});
  if (output.empty()) output = fields.Get({"description"});
  event.Summary(MacroSummary(*told, host, service, output));
  event.Description(
      WithLineBreaks(fields.Get({is_service ? std::string_view("longserviceoutput") : "longhostoutput"})));
  event.Annotation("state", told->state).Annotation("notification_type", told->type);
  event.Annotation("address", fields.Get({"hostaddress"}));
  event.Annotation("author", fields.Get({"notificationauthor", "serviceackauthor", "hostackauthor"}));
  event.Annotation("comment", fields.Get({"notificationcomment", "serviceackcomment", "hostackcomment"}));
  event.Annotation("runbook_url", fields.Get({is_service ? std::string_view("servicenotesurl") : "hostnotesurl"}));
  event.Link(fields.Get({is_service ? std::string_view("serviceactionurl") : "hostactionurl"}));
  event.Link(fields.Get({"clienturl"}));
  return std::move(event).Finish("");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEachFields(request, /*with_lines=*/true, ReadOne);
}

}  // namespace

const Source kNagiosSource = {
    .name = "nagios",
    .also = "naemon centreon",
    .product = "Nagios",
    .parse = Parse,
    .example = R"({"NOTIFICATIONTYPE":"PROBLEM","HOSTNAME":"db1","SERVICEDESC":"disk","SERVICESTATE":"CRITICAL"})",
    .setup =
        R"(A contact whose notifications `tocsin notify-nagios` sends; it keeps them while the server cannot be reached. Save the file below, which
says where.)",
};

}  // namespace tocsin
