// Nagios, and what is like it. A notification is a set of macros; scripts send them as JSON, as a form or as NAME=value lines, with or without
// NAGIOS_ in front, in any case (HOSTNAME, NAGIOS_HOSTNAME, host_name), or in PagerDuty's agent's envelope (details.HOSTNAME).
//
// Identity: host and service, in the words of PagerDuty's agent. Not the problem id: on a recovery it is 0 in some places.
// State: NOTIFICATIONTYPE. Downtimes, flapping and custom notifications say nothing about the state: they are ignored, and the
// answer says so.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "ingest/fields.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"

namespace tocsin {
namespace {

struct Transition {
  std::string_view word;
  std::optional<EventKind> kind;  // nullopt: no change of state
};

constexpr Transition kTransitions[] = {
    {"PROBLEM",           EventKind::kTrigger    },
    {"TRIGGER",           EventKind::kTrigger    },
    {"RECOVERY",          EventKind::kResolve    },
    {"RESOLVE",           EventKind::kResolve    },
    {"ACKNOWLEDGEMENT",   EventKind::kAcknowledge},
    {"ACKNOWLEDGE",       EventKind::kAcknowledge},
    {"FLAPPINGSTART",     std::nullopt           },
    {"FLAPPINGSTOP",      std::nullopt           },
    {"FLAPPINGEND",       std::nullopt           }, // Icinga
    {"FLAPPINGDISABLED",  std::nullopt           },
    {"DOWNTIMESTART",     std::nullopt           },
    {"DOWNTIMEEND",       std::nullopt           },
    {"DOWNTIMECANCELLED", std::nullopt           },
    {"DOWNTIMEREMOVED",   std::nullopt           }, // Icinga
    {"CUSTOM",            std::nullopt           },
};

std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return upper;
}

bool IsGood(std::string_view state) {
  return state == "OK" || state == "UP";
}

constexpr std::size_t kMostCustomLabels = 32;

// Custom variables of the service and the host ($_SERVICETEAM$, $_HOSTSITE$) are what its owners want to route by: team=..., site=...
// The service's wins.
void AddCustomLabels(const Fields& fields, Labels& labels) {
  std::size_t added = 0;
  for (const std::string_view owner : {"_SERVICE", "_HOST"}) {
    for (const Field& field : fields.all()) {
      const std::string path = Upper(field.path);
      std::string_view name = path;
      if (name.starts_with("NAGIOS_")) name.remove_prefix(7);
      if (!name.starts_with(owner) || name.size() == owner.size()) continue;
      const std::string label = ToLower(name.substr(owner.size()));
      const std::string_view value = Trim(field.text);
      if (value.empty() || IsUnfilledPlaceholder(value) || !Find(labels, label).empty()) continue;
      if (label.size() > limits::kLabelNameBytes || ++added > kMostCustomLabels) continue;
      labels.push_back({label, std::string(TruncateUtf8(value, limits::kLabelValueBytes))});
    }
  }
}

// The two characters \n in long outputs are line breaks.
std::string WithLineBreaks(std::string_view text) {
  return absl::StrReplaceAll(ToAbsl(text), {
                                               {"\\n", "\n"}
  });
}

Reading ReadOne(Fields fields) {
  fields.StripPrefix("nagios");
  const std::string_view host = fields.Get({"hostname", "details.hostname", "host"});
  const std::string_view service = fields.Get({"servicedesc", "details.servicedesc", "service"});
  if (host.empty()) return Reading::Rejected("HOSTNAME: missing");
  const bool is_service = !service.empty();
  const std::string state = Upper(is_service ? fields.Get({"servicestate", "details.servicestate", "state"})
                                             : fields.Get({"hoststate", "details.hoststate", "state"}));
  std::string type = Upper(fields.Get({"notificationtype", "eventtype", "eventaction"}));
  if (type.empty()) {
    if (state.empty()) return Reading::Rejected("NOTIFICATIONTYPE: missing");
    type = IsGood(state) ? "RECOVERY" : "PROBLEM";
  }
  AlertEvent event;
  for (const Transition& transition : kTransitions) {
    if (type != transition.word) continue;
    if (!transition.kind) return Reading::Ignored(absl::StrFormat("%s says nothing about the state", type));
    event.kind = *transition.kind;
  }

  event.dedup_key =
      is_service ? absl::StrCat("event_source=service;host_name=", ToAbsl(host), ";service_desc=", ToAbsl(service))
                 : absl::StrCat("event_source=host;host_name=", ToAbsl(host));
  event.severity = ParseSeverity(state);
  const auto label = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) event.labels.push_back({std::string(name), std::string(TruncateUtf8(value, 4096))});
  };
  label("alertname", is_service ? service : std::string_view("Host"));
  label("host", host);
  label("service", service);
  label("hostgroup", fields.Get({"hostgroupname", "hostgroupnames"}));
  label("servicegroup", fields.Get({"servicegroupname", "servicegroupnames"}));
  AddCustomLabels(fields, event.labels);

  const auto annotate = [&](std::string_view name, std::string_view text) {
    if (!text.empty()) event.annotations.push_back({std::string(name), std::string(text)});
  };
  std::string_view output = is_service ? fields.Get({"serviceoutput"}) : fields.Get({"hostoutput"});
  if (output.empty()) output = fields.Get({"output", "description"});
  annotate("summary", absl::StrCat(is_service ? absl::StrCat(ToAbsl(service), " on ") : "", ToAbsl(host), " is ",
                                   state.empty() ? type : state, output.empty() ? "" : ": ", ToAbsl(output)));
  annotate("description",
           WithLineBreaks(is_service ? fields.Get({"longserviceoutput"}) : fields.Get({"longhostoutput"})));
  annotate("state", state);
  annotate("notification_type", type);
  annotate("address", fields.Get({"hostaddress"}));
  annotate("author", fields.Get({"notificationauthor", "serviceackauthor", "hostackauthor"}));
  annotate("comment", fields.Get({"notificationcomment", "serviceackcomment", "hostackcomment"}));
  annotate("runbook_url", is_service ? fields.Get({"servicenotesurl"}) : fields.Get({"hostnotesurl"}));
  event.link = is_service ? fields.Get({"serviceactionurl"}) : fields.Get({"hostactionurl"});
  if (event.link.empty()) event.link = fields.Get({"clienturl"});
  event.starts_at = ParseAnyTime(fields.Get({"timet"}));  // LONGDATETIME has no reliable zone
  return Reading::Of(std::move(event));
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  TOCSIN_ASSIGN(std::vector<Fields> all, ReadFields(request, /*with_lines=*/true));
  Readings readings;
  for (Fields& fields : all)
    readings.push_back(ReadOne(std::move(fields)));
  return readings;
}

}  // namespace

const Source kNagiosSource = {
    .name = "nagios",
    .product = "Nagios",
    .parse = Parse,
    .example = R"({"NOTIFICATIONTYPE":"PROBLEM","HOSTNAME":"db1","SERVICEDESC":"disk","SERVICESTATE":"CRITICAL"})",
    .setup =
        R"(The command `tocsin notify-nagios` sends Nagios' notifications and keeps them while the server cannot be reached:

define command {
  command_name tocsin-service
  command_line TOCSIN_KEY={key} /usr/bin/tocsin notify-nagios --url {base}
})",
};

}  // namespace tocsin
