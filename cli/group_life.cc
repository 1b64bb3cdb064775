// snooze, unack, merge, split.
#include <cstdio>

#include "base/status.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"

namespace tocsin {
namespace {

using v1::GroupService;

constexpr std::string_view kDefaultSnooze = "2h";

v1::GroupCommand ToGroup(std::uint64_t id) {
  v1::GroupCommand request;
  request.set_id(id);
  request.set_request_id(NewRequestId());
  return request;
}

absl::StatusOr<std::vector<std::uint64_t>> ParseGroups(const Arguments& arguments) {
  if (arguments.positional().empty()) return Invalid("which one? for example G17");
  std::vector<std::uint64_t> ids;
  for (const std::string& text : arguments.positional()) {
    TOCSIN_ASSIGN(const Reference reference, ParseReference(text, "G"));
    ids.push_back(reference.id);
  }
  return ids;
}

// The group as it is after a command: what was decided is said by the server, not guessed here.
absl::StatusOr<v1::Group> Look(const Client& client, std::uint64_t id) {
  v1::GetGroupRequest request;
  request.set_id(id);
  TOCSIN_ASSIGN(const auto response, client.Call<GroupService>(&GroupService::Stub::GetGroup, request));
  return response.group();
}

absl::Status SetEnd(const Arguments& arguments, v1::SnoozeGroupRequest& request) {
  if (arguments.has("for") && arguments.has("until")) return Invalid("either --for or --until");
  if (arguments.has("until")) {
    TOCSIN_ASSIGN(const absl::Time until, ParseInstant(arguments.get("until")));
    request.mutable_until()->set_seconds(absl::ToUnixSeconds(until));
    return absl::OkStatus();
  }
  TOCSIN_ASSIGN(const absl::Duration span, ParseSpan(arguments.get("for", kDefaultSnooze)));
  request.mutable_duration()->set_seconds(absl::ToInt64Seconds(span));
  return absl::OkStatus();
}

absl::Status Snooze(const Arguments& arguments, const Client& client) {
  TOCSIN_ASSIGN(const std::vector<std::uint64_t> ids, ParseGroups(arguments));
  v1::SnoozeGroupRequest request;
  TOCSIN_TRY(SetEnd(arguments, request));
  for (const std::uint64_t id : ids) {
    request.set_id(id);
    request.set_request_id(NewRequestId());
    TOCSIN_ASSIGN(const auto response, client.Call<GroupService>(&GroupService::Stub::SnoozeGroup, request));
    if (WantsJson(arguments)) {
      PrintJson(response);
      continue;
    }
    TOCSIN_ASSIGN(const v1::Group group, Look(client, id));
    std::printf("G%llu snoozed until %s, unless it gets worse; `tocsin unack G%llu` gives it back\n",
                static_cast<unsigned long long>(id), Show(group.acknowledged_until()).c_str(),
                static_cast<unsigned long long>(id));
  }
  return absl::OkStatus();
}

}  // namespace

int RunSnooze(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"for",   0, true, "SPAN", "how long, such as 30m, 2h (default), 1d"                        },
      {"until", 0, true, "TIME", "until then: \"2026-11-21 09:00\" (local), or RFC 3339 with zone"},
  };
  return WithClient("snooze", arguments, kOwn, Snooze);
}

int RunUnacknowledge(std::span<const std::string> arguments) {
  return WithClient("unack", arguments, {}, [](const Arguments& parsed, const Client& client) -> absl::Status {
    TOCSIN_ASSIGN(const std::vector<std::uint64_t> ids, ParseGroups(parsed));
    for (const std::uint64_t id : ids) {
      TOCSIN_ASSIGN(const auto response,
                    client.Call<GroupService>(&GroupService::Stub::UnacknowledgeGroup, ToGroup(id)));
      if (WantsJson(parsed)) {
        PrintJson(response);
      } else {
        std::printf("G%llu is open: nobody owns it, the escalation goes on\n", static_cast<unsigned long long>(id));
      }
    }
    return absl::OkStatus();
  });
}

int RunMerge(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"into", 0, true, "G17", "the group that stays and is handled for all of them"}
  };
  return WithClient("merge", arguments, kOwn, [](const Arguments& parsed, const Client& client) -> absl::Status {
    TOCSIN_ASSIGN(const std::vector<std::uint64_t> ids, ParseGroups(parsed));
    if (!parsed.has("into")) return Invalid("into which one? for example --into G17");
    TOCSIN_ASSIGN(const Reference into, ParseReference(parsed.get("into"), "G"));
    v1::MergeGroupsRequest request;
    request.set_into(into.id);
    for (const std::uint64_t id : ids)
      request.add_groups(id);
    request.set_request_id(NewRequestId());
    TOCSIN_ASSIGN(const auto response, client.Call<GroupService>(&GroupService::Stub::MergeGroups, request));
    if (WantsJson(parsed)) {
      PrintJson(response);
      return absl::OkStatus();
    }
    TOCSIN_ASSIGN(const v1::Group group, Look(client, into.id));
    std::printf("G%llu has %d merged groups and %u alerts firing; `tocsin split` undoes it\n",
                static_cast<unsigned long long>(into.id), group.merged_size(), group.firing());
    return absl::OkStatus();
  });
}

int RunReroute(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"policy", 0, true, "NAME", "hand it to this policy, instead of the one of its route"}
  };
  return WithClient("reroute", arguments, kOwn, [](const Arguments& parsed, const Client& client) -> absl::Status {
    TOCSIN_ASSIGN(const std::vector<std::uint64_t> ids, ParseGroups(parsed));
    for (const std::uint64_t id : ids) {
      v1::RerouteGroupRequest request;
      request.set_id(id);
      if (parsed.has("policy")) request.set_policy(std::string(parsed.get("policy")));
      request.set_request_id(NewRequestId());
      TOCSIN_ASSIGN(const auto response, client.Call<GroupService>(&GroupService::Stub::RerouteGroup, request));
      if (WantsJson(parsed)) {
        PrintJson(response);
        continue;
      }
      TOCSIN_ASSIGN(const v1::Group group, Look(client, id));
      std::printf("G%llu goes by route %s as it is now, policy %s; `tocsin explain G%llu` says what happens next\n",
                  static_cast<unsigned long long>(id), group.route().id().c_str(),
                  group.route().policy().empty() ? "(none)" : group.route().policy().c_str(),
                  static_cast<unsigned long long>(id));
    }
    return absl::OkStatus();
  });
}

int RunSplit(std::span<const std::string> arguments) {
  return WithClient("split", arguments, {}, [](const Arguments& parsed, const Client& client) -> absl::Status {
    TOCSIN_ASSIGN(const std::vector<std::uint64_t> ids, ParseGroups(parsed));
    for (const std::uint64_t id : ids) {
      TOCSIN_ASSIGN(const auto response, client.Call<GroupService>(&GroupService::Stub::SplitGroup, ToGroup(id)));
      if (WantsJson(parsed)) {
        PrintJson(response);
      } else {
        std::printf("G%llu is a group of its own again\n", static_cast<unsigned long long>(id));
      }
    }
    return absl::OkStatus();
  });
}

}  // namespace tocsin
