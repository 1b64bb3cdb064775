// heartbeats: signals that are expected.
#include <cstdio>

#include "absl/strings/str_format.h"

#include "base/status.h"
#include "cli/commands.h"
#include "cli/door_address.h"
#include "cli/groups.h"
#include "cli/output.h"
#include "cli/session.h"
#include "model/codec/common_proto.h"

namespace tocsin {
namespace {

using v1::HeartbeatService;
using Standing = v1::ListHeartbeatsResponse::Standing;

std::string Span(const google::protobuf::Duration& span) {
  absl::Duration duration;
  return FromProto(span, duration).ok() ? absl::FormatDuration(duration) : "?";
}

std::string StateOf(const v1::Heartbeat& heartbeat) {
  if (!heartbeat.rule().enabled()) return "disabled";
  if (heartbeat.has_expired_at()) return "expired";
  return heartbeat.awaited() ? "alive" : "never heard of";
}

absl::StatusOr<v1::ListHeartbeatsResponse> Ask(const Client& client, const std::string& name) {
  v1::ListHeartbeatsRequest request;
  request.set_name(name);
  return client.Call<HeartbeatService>(&HeartbeatService::Stub::ListHeartbeats, request);
}

absl::Status ListAll(const Arguments& arguments, const Client& client) {
  TOCSIN_ASSIGN(const auto response, Ask(client, ""));
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  Table table({"HEARTBEAT", "STATE", "LAST SIGNAL", "EVERY", "EXPIRES", "TEAM"});
  for (const Standing& standing : response.heartbeats()) {
    const v1::Heartbeat& heartbeat = standing.heartbeat();
    table.Add({Printable(heartbeat.rule().id()), StateOf(heartbeat), When(heartbeat.last_ping()),
               Span(heartbeat.rule().interval()), When(standing.expires_at()), Printable(heartbeat.rule().team())});
  }
  if (table.empty()) {
    std::printf("no heartbeats: declare them under `heartbeats` in the organisation\n");
  } else {
    table.Print();
  }
  return absl::OkStatus();
}

absl::Status ShowOne(const Arguments& arguments, const Client& client) {
  if (arguments.positional().size() != 2) return Invalid("which one? tocsin heartbeats show NAME");
  TOCSIN_ASSIGN(const auto response, Ask(client, arguments.positional()[1]));
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  TOCSIN_ASSIGN(const DoorAddress address, AskDoorAddress(arguments, client));
  for (const Standing& standing : response.heartbeats()) {
    const v1::Heartbeat& heartbeat = standing.heartbeat();
    const v1::HeartbeatRule& rule = heartbeat.rule();
    std::printf("%s is %s\n", Printable(rule.id()).c_str(), StateOf(heartbeat).c_str());
    if (!rule.description().empty()) std::printf("  %s\n", Printable(rule.description()).c_str());
    std::printf("  a signal every %s, %s late at most; %s\n", Span(rule.interval()).c_str(), Span(rule.grace()).c_str(),
                heartbeat.declared() ? "declared" : "made while the server runs");
    std::printf("  last signal  %s\n", Show(heartbeat.last_ping()).c_str());
    if (heartbeat.has_expired_at()) std::printf("  expired      %s\n", Show(heartbeat.expired_at()).c_str());
    if (standing.has_expires_at()) std::printf("  expires      %s\n", Show(standing.expires_at()).c_str());
    const std::string labels = FormatLabels(rule.labels());
    std::printf("  its alert    %s%s%s\n", EnumWord(v1::Severity_Name(rule.severity()), "SEVERITY_").c_str(),
                labels.empty() ? "" : ", ", labels.c_str());
    std::printf("  to signal    curl -fsS '%s/v1/heartbeats/%s?key=KEY'\n", Printable(address.base).c_str(),
                Printable(rule.id()).c_str());
  }
  return absl::OkStatus();
}

absl::Status PingAll(const Arguments& arguments, const Client& client) {
  if (arguments.positional().size() < 2) return Invalid("which one? tocsin heartbeats ping NAME");
  for (std::size_t i = 1; i < arguments.positional().size(); ++i) {
    v1::PingHeartbeatRequest request;
    request.set_name(arguments.positional()[i]);
    request.set_request_id(NewRequestId());
    TOCSIN_ASSIGN(const auto response, client.Call<HeartbeatService>(&HeartbeatService::Stub::PingHeartbeat, request));
    if (WantsJson(arguments)) {
      PrintJson(response);
    } else {
      std::printf("%s was heard\n", Printable(arguments.positional()[i]).c_str());
    }
  }
  return absl::OkStatus();
}

}  // namespace

int RunHeartbeats(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {kBaseOption};
  return WithClient("heartbeats", arguments, kOwn, [](const Arguments& parsed, const Client& client) -> absl::Status {
    const std::string verb = parsed.positional().empty() ? "list" : parsed.positional()[0];
    if (verb == "list") return ListAll(parsed, client);
    if (verb == "show") return ShowOne(parsed, client);
    if (verb == "ping") return PingAll(parsed, client);
    return Invalid("%s is none of list, show NAME, ping NAME", verb);
  });
}

}  // namespace tocsin
