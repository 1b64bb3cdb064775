// Zabbix. What is posted is for the media type's script to decide: a webhook's parameters (event_id, event_value ...), nested ones
// (event.id), PagerDuty's agent's envelope, or subject and message as people read them.
// https://www.zabbix.com/documentation/current/en/manual/appendix/macros/supported_by_location
//
// Identity, the first that is there: the agent's incident_key; {EVENT.ID}, which in a recovery is still the problem's (the recovery's own
// is {EVENT.RECOVERY.ID}), also from a link to the event; trigger and host; host and name.
// State: {EVENT.VALUE} 1 or 0, else {EVENT.STATUS} or {TRIGGER.STATUS} (PROBLEM; OK, RESOLVED), else how the subject begins. An
// update ({EVENT.UPDATE.STATUS} 1) acknowledges when it says so. "NOTE: Escalation cancelled" ends what it names.
// Severity: {EVENT.NSEVERITY} 0..5, since names can be changed; else the name. Date and time are the server's, without a zone.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/fields.h"
#include "ingest/source.h"
#include "ingest/webhook_parts.h"

namespace tocsin {
namespace {

constexpr std::size_t kMostLines = 50;

// Zabbix's own messages, and those of PagerDuty's script, are lines of "Name: value".
Fields FieldsOfMessage(std::string_view message) {
  std::string lines;
  for (std::size_t count = 0; !message.empty() && count < kMostLines;) {
    const std::size_t end = std::min(message.find('\n'), message.size());
    const std::string_view line = message.substr(0, end);
    message.remove_prefix(std::min(end + 1, message.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon > 40) continue;
    ++count;
    absl::StrAppend(&lines, ToAbsl(line.substr(0, colon)), "=", ToAbsl(Trim(line.substr(colon + 1))), "\n");
  }
  return Fields::FromLines(lines);
}

// What a notification says, in whichever form it came.
struct Problem {
  std::string_view incident_key, event_id, trigger_id, host, name;
  std::string_view value;    // "1", "0", ""
  std::string_view status;   // PROBLEM, OK, RESOLVED
  std::string_view subject;  // "Resolved in 5m: disk full"
  std::string_view message;
};

// The value of a parameter in a link such as tr_events.php?triggerid=1&eventid=2.
std::string_view InLink(std::string_view link, std::string_view parameter) {
  const std::size_t at = link.find(parameter);
  if (at == std::string_view::npos) return {};
  link.remove_prefix(at + parameter.size());
  return link.substr(0, link.find_first_not_of("0123456789"));
}

Problem ProblemOf(const Fields& fields, const Fields& told) {
  const auto either = [&](std::initializer_list<std::string_view> names,
                          std::initializer_list<std::string_view> in_message) {
    const std::string_view found = fields.Get(names);
    return found.empty() ? told.Get(in_message) : found;
  };
  Problem problem;
  const std::string_view link = fields.Get({"link", "url", "eventurl", "problemurl"});
  problem.subject = fields.Get({"subject", "alertsubject", "title"});
  problem.message = fields.Get({"message", "alertmessage", "description"});
  problem.incident_key = fields.Get({"incidentkey"});
  const bool is_agent = !problem.incident_key.empty();  // its event ids are the recovery's own
  if (!is_agent) problem.event_id = either({"eventid", "event.id", "problemid", "problem.id"}, {"originalproblemid"});
  if (!is_agent && problem.event_id.empty()) problem.event_id = InLink(link, "eventid=");
  problem.trigger_id = either({"triggerid", "trigger.id"}, {"id"});
  if (problem.trigger_id.empty()) problem.trigger_id = InLink(link, "triggerid=");
  problem.host = either(
      {"hostname", "host.name", "host.visiblename", "host", "hosthost", "host.host", "details.hostname", "agenthost"},
      {"host", "hostname"});
  problem.name = either(
      {"eventname", "event.name", "triggername", "trigger.name", "problemname", "trigger", "details.name", "name"},
      {"problemname", "name"});
  problem.value =
      either({"eventvalue", "event.value", "triggervalue", "trigger.value", "details.value", "value"}, {"value"});
  if (problem.value != "0" && problem.value != "1") problem.value = {};
  problem.status = either(
      {"eventstatus", "event.status", "eventtype", "triggerstatus", "trigger.status", "status", "details.status"},
      {"status"});
  return problem;
}

bool StartsWithWord(std::string_view subject, std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) {
    if (absl::StartsWithIgnoreCase(ToAbsl(subject), ToAbsl(word))) return true;
  }
  return false;
}

EventKind KindOf(const Fields& fields, const Problem& problem) {
  for (const std::string_view text : {problem.message, problem.subject}) {
    if (absl::StrContains(ToLower(text), "note: escalation cancel")) return EventKind::kResolve;
  }
  if (problem.value == "0") return EventKind::kResolve;
  const std::optional<EventKind> status = ParseStatusWord(problem.status);
  const bool by_subject = problem.value.empty() && !status;
  if (problem.value.empty() && status == EventKind::kResolve) return EventKind::kResolve;
  if (by_subject && StartsWithWord(problem.subject, {"resolve", "recover", "ok:", "ok "})) return EventKind::kResolve;
  const std::string action = ToLower(fields.Get({"eventupdateaction", "event.updateaction", "event.update.action"}));
  const std::string acked =
      ToLower(fields.Get({"eventackstatus", "event.ackstatus", "event.ack.status", "acknowledged"}));
  const bool is_update = fields.Get({"eventupdatestatus", "event.updatestatus", "event.update.status"}) == "1";
  const bool says_ack = absl::StrContains(action, "acknowledged") && !absl::StrContains(action, "unacknowledged");
  if (is_update && (says_ack || acked == "yes")) return EventKind::kAcknowledge;
  return status == EventKind::kAcknowledge ? EventKind::kAcknowledge : EventKind::kTrigger;
}

Severity SeverityOf(const Fields& fields, const Fields& told) {
  constexpr Severity kLevels[] = {Severity::kUnknown, Severity::kInfo, Severity::kWarning,
                                  Severity::kWarning, Severity::kHigh, Severity::kCritical};
  const std::string_view level =
      fields.Get({"eventnseverity", "event.nseverity", "triggernseverity", "trigger.nseverity", "nseverity"});
  if (level.size() == 1 && level[0] >= '0' && level[0] <= '5') return kLevels[level[0] - '0'];
  std::string_view name = fields.Get(
      {"eventseverity", "event.severity", "triggerseverity", "trigger.severity", "severity", "details.severity"});
  if (name.empty()) name = told.Get({"severity"});
  if (name.size() == 1 && name[0] >= '0' && name[0] <= '5') return kLevels[name[0] - '0'];
  return ParseSeverity(name);
}

void Identify(const Problem& problem, EventBuilder& event) {
  if (!problem.incident_key.empty()) {
    event.WholeKey(problem.incident_key);
  } else if (!problem.event_id.empty()) {
    event.Key({"event", problem.event_id});
  } else if (!problem.trigger_id.empty() && !problem.host.empty()) {
    event.WholeKey(absl::StrCat(ToAbsl(problem.trigger_id), "-", ToAbsl(problem.host)));  // as PagerDuty's agent
  } else if (!problem.name.empty()) {
    event.Key({"name", problem.host, problem.name});
  }
}

void AddLink(const Fields& fields, const Problem& problem, EventBuilder& event) {
  event.Link(fields.Get({"link", "eventurl", "problemurl", "url", "triggerurl", "clienturl"}));
  std::string_view site = fields.Get({"zabbixurl", "zabbix.url"});
  while (site.ends_with('/'))
    site.remove_suffix(1);
  if (!site.empty() && !problem.trigger_id.empty() && !problem.event_id.empty()) {
    event.Link(absl::StrCat(ToAbsl(site), "/tr_events.php?triggerid=", ToAbsl(problem.trigger_id),
                            "&eventid=", ToAbsl(problem.event_id)));
  }
  event.Link(site);
}

Reading ReadOne(const Fields& fields) {
  const Fields told = FieldsOfMessage(fields.Get({"message", "alertmessage"}));
  const Problem problem = ProblemOf(fields, told);
  if (const std::string_view origin = fields.Get({"eventsource", "event.source"}); origin == "1" || origin == "2")
    return Reading::Ignored("a discovery or an autoregistration, no problem");
  EventBuilder event;
  Identify(problem, event);
  event.Kind(KindOf(fields, problem)).Severity(SeverityOf(fields, told));
  event.StartsAt(fields.Get({"eventtimestamp", "event.timestamp"}));
  const std::string_view name = problem.name.empty() ? problem.subject : problem.name;
  event.Label("alertname", name.empty() ? "Zabbix" : name).Label("host", problem.host);
  event.Label("hostgroup", fields.Get({"hostgroup", "hostgroups", "triggerhostgroupname", "trigger.hostgroup.name"}));
  event.Label("service", fields.Get({"servicename", "service.name"}));
  AddTags(event, fields.Get({"eventtagsjson", "event.tagsjson", "event.tags.json", "tagsjson"}));
  AddTags(event, fields.Get({"eventtags", "event.tags", "tags", "triggertags"}));
  event.Summary(problem.host.empty() || absl::StrContains(ToAbsl(name), ToAbsl(problem.host))
                    ? std::string(name)
                    : absl::StrCat(ToAbsl(name), " on ", ToAbsl(problem.host)));
  event.Description(absl::StrReplaceAll(ToAbsl(problem.message.empty() ? fields.Get({
                                                                             "triggerdescription"
  })
                                                                       : problem.message),
                                        {{"\r\n", "\n"}}));
  event.Annotation("trigger", fields.Get({"triggerdescription", "trigger.description"}));
  event.Annotation("value", fields.Get({"eventopdata", "event.opdata", "item.value", "item", "itemvalue"}));
  event.Annotation("status", problem.status).Annotation("address", fields.Get({"hostip", "details.ip", "hostconn"}));
  event.Annotation("update", fields.Get({"eventupdatemessage", "event.updatemessage", "eventupdateaction"}));
  const std::string_view date = fields.Get({"eventdate", "event.date"});
  if (!date.empty())
    event.Annotation("local_time", absl::StrCat(ToAbsl(date), " ", ToAbsl(fields.Get({"eventtime", "event.time"}))));
  AddLink(fields, problem, event);
  return std::move(event).Finish("none of event_id, trigger_id with host_name, and event_name has a value");
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEachFields(request, /*with_lines=*/true, ReadOne);
}

}  // namespace

const Source kZabbixSource = {
    .name = "zabbix",
    .product = "Zabbix",
    .parse = Parse,
    .example =
        R"({"event_id":"10528","event_value":"1","event_nseverity":"4","event_name":"Disk is full","host_name":"db1","trigger_id":"22391"})",
    .setup =
        R"(An alert script around `tocsin notify-zabbix`, which keeps what it could not send. Save the second file below, which says where, and
make the media type of the first; "Send to" is {key})",
};

}  // namespace tocsin
