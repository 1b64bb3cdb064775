// reassign, ask, page: people who are asked by name.
#include "cli/responders.h"

#include <cstdio>
#include <span>

#include "base/status.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"

namespace tocsin {
namespace {

using v1::GroupService;
using v1::IncidentService;
using v1::PageService;

absl::StatusOr<std::vector<v1::Target>> TargetsFrom(std::span<const std::string> texts) {
  if (texts.empty()) return Invalid("say whom: alice, team:db, schedule:primary or policy:managers");
  std::vector<v1::Target> targets;
  for (const std::string& text : texts) {
    TOCSIN_ASSIGN(targets.emplace_back(), ParseTarget(text));
  }
  return targets;
}

absl::Status SendTestPage(const Arguments& arguments, const Client& client) {
  v1::TestPageRequest request;
  request.set_user(arguments.get("test"));
  request.set_request_id(NewRequestId());
  TOCSIN_ASSIGN(const auto response, client.Call<PageService>(&PageService::Stub::TestPage, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
  } else {
    std::printf("test page P%llu is on its way; `tocsin explain P%llu` tells what became of it\n",
                static_cast<unsigned long long>(response.id()), static_cast<unsigned long long>(response.id()));
  }
  return absl::OkStatus();
}

// What is to be looked at is an incident: it has a number, an owner and an end.
absl::Status PagePeople(const Arguments& arguments, const Client& client) {
  TOCSIN_ASSIGN(const std::vector<v1::Target> targets, TargetsFrom(arguments.positional()));
  if (!arguments.has("title")) return Invalid("say what it is about: --title \"the shop does not take orders\"");
  v1::OpenIncidentRequest request;
  request.set_title(arguments.get("title"));
  TOCSIN_ASSIGN(const std::uint32_t severity, NumberOf(arguments, "severity", 3, 1, 5));
  request.set_severity(severity);
  request.set_service(arguments.get("service"));
  for (const v1::Target& target : targets)
    *request.add_responders() = target;
  request.set_request_id(NewRequestId());
  TOCSIN_ASSIGN(const auto response, client.Call<IncidentService>(&IncidentService::Stub::OpenIncident, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
  } else {
    std::printf("I%llu is opened, and %s paged; `tocsin incident show I%llu` tells what becomes of it\n",
                static_cast<unsigned long long>(response.id()), ShowTargets(targets).c_str(),
                static_cast<unsigned long long>(response.id()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::Target> ParseTarget(const std::string& text) {
  v1::Target target;
  const std::size_t colon = text.find(':');
  const std::string kind = colon == std::string::npos ? "user" : text.substr(0, colon);
  const std::string name = colon == std::string::npos ? text : text.substr(colon + 1);
  if (name.empty()) return Invalid("%s names nobody", JsonQuote(text));
  if (kind == "user") target.set_user(name);
  if (kind == "team") target.set_team(name);
  if (kind == "schedule") target.set_schedule(name);
  if (kind == "policy") target.set_policy(name);
  if (target.target_case() == v1::Target::TARGET_NOT_SET) {
    return Invalid("%s: people are named alice, team:db, schedule:primary or policy:managers", JsonQuote(text));
  }
  return target;
}

std::string ShowTargets(const std::vector<v1::Target>& targets) {
  std::string text;
  for (const v1::Target& target : targets) {
    if (!text.empty()) text += ", ";
    if (target.has_user()) text += Printable(target.user());
    if (target.has_team()) text += "team " + Printable(target.team());
    if (target.has_schedule()) text += "schedule " + Printable(target.schedule());
    if (target.has_policy()) text += "policy " + Printable(target.policy());
  }
  return text + (targets.size() == 1 && targets[0].has_user() ? " is" : " are");
}

int RunReassign(std::span<const std::string> arguments) {
  return WithClient("reassign", arguments, {}, [](const Arguments& parsed, const Client& client) -> absl::Status {
    if (parsed.positional().empty()) return Invalid("say which group: tocsin reassign G17 alice");
    TOCSIN_ASSIGN(const Reference group, ParseReference(parsed.positional()[0], "G"));
    TOCSIN_ASSIGN(const std::vector<v1::Target> targets, TargetsFrom(std::span(parsed.positional()).subspan(1)));
    v1::ReassignGroupRequest request;
    request.set_id(group.id);
    for (const v1::Target& target : targets)
      *request.add_targets() = target;
    request.set_request_id(NewRequestId());
    TOCSIN_ASSIGN(const auto response, client.Call<GroupService>(&GroupService::Stub::ReassignGroup, request));
    if (WantsJson(parsed)) {
      PrintJson(response);
    } else {
      std::printf(
          "%s paged for G%llu, and nobody follows by itself; `tocsin escalate G%llu` gives it back to its policy\n",
          ShowTargets(targets).c_str(), static_cast<unsigned long long>(group.id),
          static_cast<unsigned long long>(group.id));
    }
    return absl::OkStatus();
  });
}

int RunAsk(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"note", 0, true, "TEXT", "what they are asked for; it is in their message"}
  };
  return WithClient("ask", arguments, kOwn, [](const Arguments& parsed, const Client& client) -> absl::Status {
    if (parsed.positional().empty()) return Invalid("say about what: tocsin ask G17 alice");
    TOCSIN_ASSIGN(const Reference about, ParseReference(parsed.positional()[0], "GI"));
    TOCSIN_ASSIGN(const std::vector<v1::Target> targets, TargetsFrom(std::span(parsed.positional()).subspan(1)));
    v1::AddRespondersRequest request;
    request.mutable_subject()->set_kind(about.letter == 'G' ? v1::Subject::KIND_GROUP : v1::Subject::KIND_INCIDENT);
    request.mutable_subject()->set_id(about.id);
    for (const v1::Target& target : targets)
      *request.add_targets() = target;
    request.set_note(parsed.get("note"));
    request.set_request_id(NewRequestId());
    TOCSIN_ASSIGN(const auto response, client.Call<GroupService>(&GroupService::Stub::AddResponders, request));
    if (WantsJson(parsed)) {
      PrintJson(response);
    } else {
      std::printf("%s paged besides for %s\n", ShowTargets(targets).c_str(), parsed.positional()[0].c_str());
    }
    return absl::OkStatus();
  });
}

int RunPage(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"title",    0, true, "TEXT", "what it is about"                               },
      {"severity", 0, true, "1..5", "of the incident that it becomes (default 3)"    },
      {"service",  0, true, "NAME", "what is broken"                                 },
      {"test",     0, true, "USER", "a test page on every contact method of a person"}
  };
  return WithClient("page", arguments, kOwn, [](const Arguments& parsed, const Client& client) {
    return parsed.has("test") ? SendTestPage(parsed, client) : PagePeople(parsed, client);
  });
}

}  // namespace tocsin
