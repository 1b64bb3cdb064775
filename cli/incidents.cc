// incident, silence.
#include <cstdio>

#include "absl/strings/str_format.h"

#include "base/status.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/replay.h"
#include "cli/session.h"

namespace tocsin {
namespace {

using v1::IncidentService;
using v1::SilenceService;

std::string Word(v1::Incident::State state) {
  return EnumWord(v1::Incident::State_Name(state), "STATE_");
}

absl::Status ListIncidents(const Arguments& arguments, const Client& client) {
  v1::ListIncidentsRequest request;
  request.set_include_resolved(arguments.has("all"));
  TOCSIN_ASSIGN(const auto response, client.Call<IncidentService>(&IncidentService::Stub::ListIncidents, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  Table table({"INCIDENT", "STATE", "SEVERITY", "SERVICE", "OPENED", "GROUPS", "TITLE"});
  for (const v1::Incident& incident : response.incidents()) {
    table.Add({absl::StrFormat("I%d", incident.id()), StateCell(Word(incident.state())),
               absl::StrFormat("SEV%d", incident.severity()), Printable(incident.service()), When(incident.opened_at()),
               std::to_string(incident.groups_size()), Printable(incident.title())});
  }
  if (table.empty()) {
    std::printf("no open incidents\n");
  } else {
    table.Print();
  }
  return absl::OkStatus();
}

absl::Status ShowIncident(const Arguments& arguments, const Client& client) {
  if (arguments.positional().size() != 2) return Invalid("usage: tocsin incident show I3");
  TOCSIN_ASSIGN(const Reference reference, ParseReference(arguments.positional()[1], "I"));
  v1::GetIncidentRequest request;
  request.set_id(reference.id);
  TOCSIN_ASSIGN(const auto response, client.Call<IncidentService>(&IncidentService::Stub::GetIncident, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  const v1::Incident& incident = response.incident();
  std::printf("I%llu  SEV%u  %s  %s\nopened %s because %s\n", static_cast<unsigned long long>(incident.id()),
              incident.severity(), Word(incident.state()).c_str(), Printable(incident.title()).c_str(),
              Show(incident.opened_at()).c_str(), Printable(incident.opened_reason()).c_str());
  for (const v1::Group& group : response.groups()) {
    std::printf("  G%llu  %u firing\n", static_cast<unsigned long long>(group.id()), group.firing());
  }
  std::printf("\n");
  Table timeline({"WHEN", "WHO", "WHAT"});
  for (const v1::TimelineEntry& entry : response.timeline()) {
    timeline.Add({Show(entry.at()), Printable(entry.actor()), Printable(entry.text())});
  }
  timeline.Print();
  return absl::OkStatus();
}

absl::Status OpenIncident(const Arguments& arguments, const Client& client) {
  v1::OpenIncidentRequest request;
  std::string title;
  for (std::size_t i = 1; i < arguments.positional().size(); ++i) {
    title += (i > 1 ? " " : "") + arguments.positional()[i];
  }
  request.set_title(title);
  TOCSIN_ASSIGN(const std::uint32_t severity, NumberOf(arguments, "severity", 3, 1, 5));
  request.set_severity(severity);
  request.set_service(arguments.get("service"));
  request.set_policy(arguments.get("policy"));
  request.set_request_id(NewRequestId());
  TOCSIN_ASSIGN(const auto response, client.Call<IncidentService>(&IncidentService::Stub::OpenIncident, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
  } else {
    std::printf("I%llu opened%s\n", static_cast<unsigned long long>(response.id()),
                request.policy().empty() ? "; it has no policy, so nobody is paged for it (--policy NAME)" : "");
  }
  return absl::OkStatus();
}

absl::Status ListSilences(const Arguments& arguments, const Client& client) {
  v1::ListSilencesRequest request;
  request.set_include_ended(arguments.has("all"));
  TOCSIN_ASSIGN(const auto response, client.Call<SilenceService>(&SilenceService::Stub::ListSilences, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  Table table({"SILENCE", "FROM", "UNTIL", "BY", "MATCHERS", "COMMENT"});
  for (const v1::Silence& silence : response.silences()) {
    std::string matchers;
    constexpr const char* kOperators[] = {"?", "=", "!=", "=~", "!~"};
    for (const v1::Matcher& matcher : silence.matchers()) {
      const int op = matcher.op() >= 0 && matcher.op() <= 4 ? static_cast<int>(matcher.op()) : 0;
      absl::StrAppendFormat(&matchers, "%s%s%s\"%s\"", matchers.empty() ? "" : ", ", matcher.name(), kOperators[op],
                            matcher.value());
    }
    table.Add({absl::StrFormat("S%d", silence.id()), When(silence.starts_at()), When(silence.ends_at()),
               Printable(silence.created_by()), Printable(matchers), Printable(silence.comment())});
  }
  if (table.empty()) {
    std::printf("no silences\n");
  } else {
    table.Print();
  }
  return absl::OkStatus();
}

// How many alerts a silence keeps quiet as of now: whoever wrote a matcher too many or too few sees it here.
std::string WhatIsQuiet(const Client& client, const v1::CreateSilenceRequest& silence) {
  v1::ListAlertsRequest request;
  request.set_state(v1::ListAlertsRequest::STATE_ACTIVE);
  request.set_page_size(200);
  const auto all = client.Call<v1::AlertService>(&v1::AlertService::Stub::ListAlerts, request);
  *request.mutable_matchers() = silence.matchers();
  const auto quiet = client.Call<v1::AlertService>(&v1::AlertService::Stub::ListAlerts, request);
  if (!all.ok() || !quiet.ok()) return "";
  const int count = quiet->alerts_size();
  if (count == 0) return "; no alert that is active now matches";
  if (!quiet->next_cursor().empty()) return absl::StrFormat("; more than %d active alerts match", count);
  const bool is_all = all->next_cursor().empty() && all->alerts_size() == count;
  const char* const what = count == 1 ? "active alert matches" : "active alerts match";
  return absl::StrFormat("; %d %s%s", count, what, is_all && count > 1 ? ": all that there are" : "");
}

absl::Status AddSilence(const Arguments& arguments, const Client& client) {
  v1::CreateSilenceRequest request;
  for (std::size_t i = 1; i < arguments.positional().size(); ++i)
    request.add_matchers(arguments.positional()[i]);
  if (request.matchers().empty()) return Invalid("which alerts? for example alertname=DiskFull");
  TOCSIN_ASSIGN(const absl::Duration length, ParseSpan(arguments.get("for", "2h")));
  request.mutable_ends_at()->set_seconds(absl::ToUnixSeconds(absl::Now() + length));
  request.set_comment(arguments.get("comment"));
  request.set_request_id(NewRequestId());
  TOCSIN_ASSIGN(const auto response, client.Call<SilenceService>(&SilenceService::Stub::CreateSilence, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
  } else {
    std::printf("S%llu silences until %s%s\n", static_cast<unsigned long long>(response.id()),
                Show(request.ends_at()).c_str(), WhatIsQuiet(client, request).c_str());
  }
  return absl::OkStatus();
}

absl::Status ExpireSilence(const Arguments& arguments, const Client& client) {
  if (arguments.positional().size() < 2) return Invalid("usage: tocsin silence expire S5");
  for (std::size_t i = 1; i < arguments.positional().size(); ++i) {
    TOCSIN_ASSIGN(const Reference reference, ParseReference(arguments.positional()[i], "S"));
    v1::ExpireSilenceRequest request;
    request.set_id(reference.id);
    request.set_request_id(NewRequestId());
    TOCSIN_ASSIGN(const auto response, client.Call<SilenceService>(&SilenceService::Stub::ExpireSilence, request));
    if (WantsJson(arguments)) {
      PrintJson(response);
    } else {
      std::printf("S%llu ended\n", static_cast<unsigned long long>(reference.id));
    }
  }
  return absl::OkStatus();
}

}  // namespace

int RunIncident(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"all",      'a', false, "",     "list: also resolved ones"           },
      {"severity", 0,   true,  "1..5", "open: SEV1 is the worst (default 3)"},
      {"service",  0,   true,  "NAME", "open: what is interrupted"          },
      {"policy",   0,   true,  "NAME", "open: who is paged for it"          }
  };
  return WithClient("incident", arguments, kOwn, [](const Arguments& parsed, const Client& client) -> absl::Status {
    const std::string verb = parsed.positional().empty() ? "list" : parsed.positional()[0];
    if (verb == "list") return ListIncidents(parsed, client);
    if (verb == "show") return ShowIncident(parsed, client);
    if (verb == "open") return OpenIncident(parsed, client);
    return Invalid("%s is none of list, show I3, open TITLE; `tocsin ack I3` and `tocsin resolve I3` do the rest",
                   verb);
  });
}

int RunSilence(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"for",     0,   true,  "SPAN", "add: how long, such as 30m, 2h (default), 1d"     },
      {"comment", 'c', true,  "TEXT", "add: why"                                         },
      {"all",     'a', false, "",     "list: also those that have ended"                 },
      {"service", 0,   true,  "NAME", "preview: of a maintenance window for this service"},
      {"since",   0,   true,  "SPAN", "preview: so far back (default 7d)"                }
  };
  return WithClient("silence", arguments, kOwn, [](const Arguments& parsed, const Client& client) -> absl::Status {
    const std::string verb = parsed.positional().empty() ? "list" : parsed.positional()[0];
    if (verb == "list") return ListSilences(parsed, client);
    if (verb == "add") return AddSilence(parsed, client);
    if (verb == "expire") return ExpireSilence(parsed, client);
    if (verb == "preview") return PreviewSilence(parsed, client);
    return Invalid("%s is none of add MATCHER..., list, expire S5, preview MATCHER...", verb);
  });
}

}  // namespace tocsin
