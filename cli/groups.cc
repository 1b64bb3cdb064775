// alerts, groups, ack, resolve, escalate, note.
#include "cli/groups.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

#include "base/status.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"
#include "model/hold_words.h"

namespace tocsin {
namespace {

using v1::AlertService;
using v1::GroupService;
using v1::IncidentService;

// For a column: the alert's name needs no `alertname=` before it, and the service has a column of its own.
std::string ShortLabels(const v1::Group& group) {
  std::string name;
  std::string others;
  for (const v1::Label& label : group.labels()) {
    if (label.name() == "service" && label.value() == group.service()) continue;
    if (label.name() == "alertname") {
      name = label.value();
    } else {
      absl::StrAppendFormat(&others, " %s=%s", label.name(), label.value());
    }
  }
  return Printable(name.empty() && !others.empty() ? others.substr(1) : name + others);
}

// For a column: what holds it back, or `otherwise`.
std::string HoldWordOr(std::string_view reason, std::string_view otherwise) {
  const std::string_view word = HoldWord(reason);
  return std::string(word.empty() ? otherwise : word);
}

std::string Word(v1::Severity severity) {
  return EnumWord(v1::Severity_Name(severity), "SEVERITY_");
}

std::string Word(const v1::Group& group) {
  if (group.state() == v1::Group::STATE_OPEN && !group.quiet_reason().empty()) {
    if (group.quiet_reason().find("exhausted") != std::string::npos) return "UNANSWERED";
    if (group.quiet_reason().starts_with("below the threshold")) return "below threshold";
    return HoldWordOr(group.quiet_reason(), "told only");
  }
  if (group.state() == v1::Group::STATE_OPEN && group.flapping()) return "flapping";
  if (group.state() == v1::Group::STATE_ACKNOWLEDGED && group.snoozed()) return "snoozed";
  return EnumWord(v1::Group::State_Name(group.state()), "STATE_");
}

std::string Remark(const v1::Group& group) {
  std::string text;
  if (group.state() == v1::Group::STATE_ACKNOWLEDGED) {
    text = absl::StrFormat("by %s, %s", Printable(group.acknowledged_by()), When(group.acknowledged_at()));
    if (group.has_acknowledged_until()) text += ", until " + Show(group.acknowledged_until());
  } else if (group.state() == v1::Group::STATE_RESOLVED) {
    text = "by " + Printable(group.resolved_by());
  } else {
    text = Printable(group.quiet_reason());
    // The state says the rest.
    if (const std::size_t only = text.find("only tells receiver "); only != std::string::npos) text = text.substr(only);
  }
  if (group.flapping()) absl::StrAppendFormat(&text, "%s%d changes", text.empty() ? "" : "; ", group.flaps());
  if (group.episode() > 1) absl::StrAppendFormat(&text, "%sepisode %d", text.empty() ? "" : "; ", group.episode());
  for (const std::uint64_t part : group.merged())
    absl::StrAppendFormat(&text, "%swith G%d", text.empty() ? "" : " ", part);
  return text;
}

// Who was told what, by which method, and what came of it.
void PrintTold(const google::protobuf::RepeatedPtrField<v1::Notification>& notifications) {
  Table table({"TOLD", "HOW", "WHAT", "STATE", "WHEN", "REMARK"});
  for (const v1::Notification& row : notifications) {
    const std::string who = row.user().empty() ? "receiver " + row.receiver() : row.user();
    const std::string state = EnumWord(v1::Notification::State_Name(row.state()), "STATE_");
    const auto& when = row.has_accepted_at() ? row.accepted_at() : row.created_at();
    table.Add({Printable(who), EnumWord(v1::ContactMethod::Kind_Name(row.method().kind()), "KIND_"),
               EnumWord(v1::Notification::Purpose_Name(row.purpose()), "PURPOSE_"), StateCell(state), Show(when),
               Printable(row.end_reason().empty() ? row.last_error() : row.end_reason())});
  }
  if (table.empty()) {
    std::printf("nobody was told\n\n");
    return;
  }
  table.Print();
  std::printf("\n");
}

absl::StatusOr<v1::ListAlertsRequest::State> ParseState(const std::string& word) {
  if (word == "active") return v1::ListAlertsRequest::STATE_ACTIVE;
  if (word == "any") return v1::ListAlertsRequest::STATE_ANY;
  if (word == "firing") return v1::ListAlertsRequest::STATE_FIRING;
  if (word == "suppressed") return v1::ListAlertsRequest::STATE_SUPPRESSED;
  if (word == "resolved") return v1::ListAlertsRequest::STATE_RESOLVED;
  return Invalid("--state: %s is none of active, firing, suppressed, resolved, any", word);
}

absl::Status ShowGroup(const Arguments& arguments, const Client& client, std::uint64_t id) {
  v1::GetGroupRequest request;
  request.set_id(id);
  TOCSIN_ASSIGN(const auto response, client.Call<GroupService>(&GroupService::Stub::GetGroup, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  const v1::Group& group = response.group();
  std::printf("G%llu  %s  %s\n", static_cast<unsigned long long>(group.id()), Word(group).c_str(),
              FormatLabels(group.labels()).c_str());
  const std::string service = group.service().empty() ? "no service" : "service " + Printable(group.service());
  std::printf("route %s, %s, %u firing, %u held back, highest %s, opened %s\n", Printable(group.route().id()).c_str(),
              service.c_str(), group.firing(), group.suppressed(), Word(group.highest()).c_str(),
              Show(group.opened_at()).c_str());
  if (!Remark(group).empty()) std::printf("%s\n", Remark(group).c_str());
  for (const v1::AlertSummary& alert : group.exemplars()) {
    std::printf("  %-8s %s\n", Word(alert.severity()).c_str(), FormatLabels(alert.labels()).c_str());
    for (const v1::Label& annotation : alert.annotations()) {
      if (annotation.name() == "summary") std::printf("           %s\n", Printable(annotation.value()).c_str());
    }
  }
  if (response.recent_changes_size() > 0) std::printf("recent changes:\n");
  for (const v1::ChangeEvent& change : response.recent_changes()) {
    std::printf("  %s  %s%s\n", Show(change.at()).c_str(), Printable(change.summary()).c_str(),
                change.source().empty() ? "" : (" [" + Printable(change.source()) + "]").c_str());
  }
  std::printf("\n");
  PrintTold(response.notifications());
  Table timeline({"WHEN", "WHO", "WHAT"});
  for (const v1::TimelineEntry& entry : response.timeline()) {
    timeline.Add({Show(entry.at()), Printable(entry.actor()), Printable(entry.text())});
  }
  timeline.Print();
  return absl::OkStatus();
}

absl::Status ListThem(const Arguments& arguments, const Client& client) {
  v1::ListGroupsRequest request;
  request.set_include_resolved(arguments.has("all"));
  request.set_service(arguments.get("service"));
  request.set_page_size(1000);
  TOCSIN_ASSIGN(const auto response, client.Call<GroupService>(&GroupService::Stub::ListGroups, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  Table table({"GROUP", "STATE", "SEVERITY", "FIRING", "SERVICE", "OPENED", "LABELS", "REMARK"});
  for (const v1::Group& group : response.groups()) {
    table.Add({absl::StrFormat("G%d", group.id()), StateCell(Word(group)), Word(group.highest()), FiringWord(group),
               Printable(group.service()), When(group.opened_at()), ShortLabels(group), Remark(group)});
  }
  if (table.empty()) {
    TOCSIN_ASSIGN(const auto status,
                  client.Call<v1::StatusService>(&v1::StatusService::Stub::GetStatus, v1::GetStatusRequest()));
    std::printf("no open groups; %llu alerts firing, %llu held back\n",
                static_cast<unsigned long long>(status.firing()), static_cast<unsigned long long>(status.suppressed()));
  } else {
    table.Print();
  }
  if (!response.next_cursor().empty()) std::printf("... and more; -o json with the API's cursor gives all\n");
  return absl::OkStatus();
}

// A group may be part of an incident, which has an escalation of its own: whoever takes the one should know of the other.
void TellOfIncidents(const Client& client, const Reference& reference) {
  if (reference.letter != 'G') return;
  v1::GetGroupRequest get;
  get.set_id(reference.id);
  const auto found = client.Call<GroupService>(&GroupService::Stub::GetGroup, get);
  if (!found.ok()) return;
  for (const std::uint64_t id : found->group().incidents()) {
    v1::GetIncidentRequest incident;
    incident.set_id(id);
    const auto part = client.Call<IncidentService>(&IncidentService::Stub::GetIncident, incident);
    if (!part.ok() || part->incident().state() != v1::Incident::STATE_OPEN) continue;
    std::printf("it is part of incident I%llu, which is not acknowledged: tocsin ack I%llu\n",
                static_cast<unsigned long long>(id), static_cast<unsigned long long>(id));
  }
}

// Whoever takes what somebody has already taken should know it.
std::string WhoHasIt(const Client& client, const Reference& reference) {
  if (reference.letter != 'G') return "";
  v1::GetGroupRequest get;
  get.set_id(reference.id);
  const auto found = client.Call<GroupService>(&GroupService::Stub::GetGroup, get);
  if (!found.ok() || found->group().state() != v1::Group::STATE_ACKNOWLEDGED) return "";
  return absl::StrFormat("; it was acknowledged already: by %s, %s", Printable(found->group().acknowledged_by()),
                         When(found->group().acknowledged_at()));
}

// ack, resolve, escalate: one reference, one call.
int RunOnReference(std::string_view command,
                   std::span<const std::string> arguments,
                   std::string_view letters,
                   std::string_view done,
                   absl::FunctionRef<absl::StatusOr<v1::CommandResponse>(const Client&, const Reference&)> call) {
  return WithClient(command, arguments, {}, [&](const Arguments& parsed, const Client& client) -> absl::Status {
    if (parsed.positional().empty()) return Invalid("which one? for example %c17", letters[0]);
    for (const std::string& text : parsed.positional()) {
      TOCSIN_ASSIGN(const Reference reference, ParseReference(text, letters));
      const std::string before = command == "ack" ? WhoHasIt(client, reference) : "";
      const absl::StatusOr<v1::CommandResponse> response = call(client, reference);
      if (!response.ok()) return response.status();
      if (WantsJson(parsed)) {
        PrintJson(*response);
      } else {
        std::printf("%c%llu %s%s\n", reference.letter, static_cast<unsigned long long>(reference.id),
                    std::string(done).c_str(), before.c_str());
        if (command == "ack") TellOfIncidents(client, reference);
      }
    }
    return absl::OkStatus();
  });
}

v1::GroupCommand ToGroup(const Reference& reference) {
  v1::GroupCommand request;
  request.set_id(reference.id);
  request.set_request_id(NewRequestId());
  return request;
}

v1::IncidentCommand ToIncident(const Reference& reference) {
  v1::IncidentCommand request;
  request.set_id(reference.id);
  request.set_request_id(NewRequestId());
  return request;
}

}  // namespace

std::string StateWord(const v1::Group& group) {
  return Word(group);
}

std::string FiringWord(const v1::Group& group) {
  if (group.suppressed() == 0) return std::to_string(group.firing());
  return absl::StrFormat("%d, %d held", group.firing(), group.suppressed());
}

int RunAlerts(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"all",   'a', false, "",      "also resolved ones: --state any"                    },
      {"state", 0,   true,  "STATE", "active (default), firing, suppressed, resolved, any"},
      {"group", 0,   true,  "G17",   "only alerts of this group"                          },
      {"limit", 0,   true,  "N",     "at most so many (default 100)"                      }
  };
  return WithClient("alerts", arguments, kOwn, [](const Arguments& parsed, const Client& client) -> absl::Status {
    v1::ListAlertsRequest request;
    for (const std::string& matcher : parsed.positional())
      request.add_matchers(matcher);
    TOCSIN_ASSIGN(const auto state, ParseState(parsed.get("state", parsed.has("all") ? "any" : "active")));
    request.set_state(state);
    if (parsed.has("group")) {
      TOCSIN_ASSIGN(const Reference group, ParseReference(parsed.get("group"), "G"));
      request.set_group(group.id);
    }
    TOCSIN_ASSIGN(const std::uint32_t limit, NumberOf(parsed, "limit", 100, 1, 1000));
    request.set_page_size(limit);
    TOCSIN_ASSIGN(const auto response, client.Call<AlertService>(&AlertService::Stub::ListAlerts, request));
    if (WantsJson(parsed)) {
      PrintJson(response);
      return absl::OkStatus();
    }
    Table table({"KEY", "STATE", "SEVERITY", "RECEIVED", "SINCE", "GROUP", "LABELS"});
    for (const v1::AlertDetails& alert : response.alerts()) {
      const std::string alert_state = !alert.summary().firing() ? "resolved"
                                      : alert.silence() != 0    ? Printable(alert.held_by())
                                                                : HoldWordOr(alert.held_by(), "firing");
      std::string group;
      for (const std::uint64_t id : alert.groups())
        if (id != 0) absl::StrAppendFormat(&group, "%sG%d", group.empty() ? "" : " ", id);
      if (group.empty()) group = "-";
      table.Add({alert.summary().key(), StateCell(alert_state), Word(alert.summary().severity()),
                 std::to_string(alert.received()), When(alert.summary().fired_at()), group,
                 FormatLabels(alert.summary().labels())});
    }
    table.Print();
    if (!response.next_cursor().empty()) std::printf("... and more; narrow the matchers or raise --limit\n");
    return absl::OkStatus();
  });
}

int RunGroups(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"all",     'a', false, "",     "also resolved ones"  },
      {"service", 0,   true,  "NAME", "only of this service"}
  };
  return WithClient("groups", arguments, kOwn, [](const Arguments& parsed, const Client& client) -> absl::Status {
    if (parsed.positional().empty()) return ListThem(parsed, client);
    for (const std::string& text : parsed.positional()) {
      TOCSIN_ASSIGN(const Reference reference, ParseReference(text, "G"));
      TOCSIN_TRY(ShowGroup(parsed, client, reference.id));
    }
    return absl::OkStatus();
  });
}

int RunAcknowledge(std::span<const std::string> arguments) {
  return RunOnReference(
      "ack", arguments, "GIB", "acknowledged: no further send will start",
      [](const Client& client, const Reference& reference) {
        if (reference.letter == 'B') {  // all that one message names
          v1::AcknowledgeBundleRequest request;
          request.set_id(reference.id);
          return client.Call<v1::PageService>(&v1::PageService::Stub::AcknowledgeBundle, request);
        }
        return reference.letter == 'G'
                   ? client.Call<GroupService>(&GroupService::Stub::AcknowledgeGroup, ToGroup(reference))
                   : client.Call<IncidentService>(&IncidentService::Stub::AcknowledgeIncident, ToIncident(reference));
      });
}

int RunResolve(std::span<const std::string> arguments) {
  return RunOnReference("resolve", arguments, "GI", "resolved", [](const Client& client, const Reference& reference) {
    return reference.letter == 'G'
               ? client.Call<GroupService>(&GroupService::Stub::ResolveGroup, ToGroup(reference))
               : client.Call<IncidentService>(&IncidentService::Stub::ResolveIncident, ToIncident(reference));
  });
}

int RunEscalate(std::span<const std::string> arguments) {
  return RunOnReference("escalate", arguments, "G", "escalated to the next step",
                        [](const Client& client, const Reference& reference) {
                          return client.Call<GroupService>(&GroupService::Stub::EscalateGroup, ToGroup(reference));
                        });
}

int RunNote(std::span<const std::string> arguments) {
  return WithClient("note", arguments, {}, [](const Arguments& parsed, const Client& client) -> absl::Status {
    if (parsed.positional().size() < 2) return Invalid("usage: tocsin note G17 TEXT");
    TOCSIN_ASSIGN(const Reference reference, ParseReference(parsed.positional()[0], "GI"));
    v1::AddNoteRequest request;
    request.mutable_subject()->set_kind(reference.letter == 'G' ? v1::Subject::KIND_GROUP : v1::Subject::KIND_INCIDENT);
    request.mutable_subject()->set_id(reference.id);
    std::string text;
    for (std::size_t i = 1; i < parsed.positional().size(); ++i)
      text += (i > 1 ? " " : "") + parsed.positional()[i];
    request.set_text(text);
    request.set_request_id(NewRequestId());
    TOCSIN_ASSIGN(const auto response, client.Call<GroupService>(&GroupService::Stub::AddNote, request));
    if (WantsJson(parsed)) {
      PrintJson(response);
    } else {
      std::printf("noted on %c%llu\n", reference.letter, static_cast<unsigned long long>(reference.id));
    }
    return absl::OkStatus();
  });
}

std::string FormatLabels(const google::protobuf::RepeatedPtrField<v1::Label>& labels) {
  std::string text;
  for (const v1::Label& label : labels) {
    absl::StrAppendFormat(&text, "%s%s=%s", text.empty() ? "" : " ", label.name(), label.value());
  }
  return Printable(text);
}

}  // namespace tocsin
