// contacts: which contact methods reach their people.
#include "cli/contacts.h"

#include <cstdio>

#include "absl/strings/str_format.h"

#include "base/status.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"
#include "tocsin/v1/reach.grpc.pb.h"
#include "tocsin/v1/reach.pb.h"

namespace tocsin {
namespace {

using v1::ReachService;
using Response = v1::ListContactMethodsResponse;

Cell StateOf(const Response::Entry& entry) {
  std::string word = EnumWord(Response::State_Name(entry.state()), "STATE_");
  const Tone tone = entry.state() == Response::STATE_VERIFIED  ? Tone::kGood
                    : entry.state() == Response::STATE_FAILING ? Tone::kBad
                                                               : Tone::kWatch;
  return Cell(std::move(word), tone);
}

std::string Schedules(const Response::Entry& entry) {
  std::string text;
  for (const std::string& schedule : entry.on_call())
    text += (text.empty() ? "" : ", ") + Printable(schedule);
  return text;
}

absl::Status ShowContacts(const Arguments& arguments, const Client& client) {
  v1::ListContactMethodsRequest request;
  if (arguments.positional().size() > 1) return Invalid("one person at most: tocsin contacts alice");
  if (!arguments.positional().empty()) request.set_user(arguments.positional()[0]);
  request.set_on_call(arguments.has("on-call"));
  request.set_doubtful(arguments.has("doubtful"));
  TOCSIN_ASSIGN(const auto response, client.Call<ReachService>(&ReachService::Stub::ListContactMethods, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  Table table({"USER", "METHOD", "STATE", "ON CALL", "BECAUSE"});
  for (const auto& entry : response.entries()) {
    table.Add(
        {Printable(entry.user()), Printable(entry.method()), StateOf(entry), Schedules(entry), Printable(entry.why())});
  }
  if (!table.empty()) table.Print();
  std::printf("%s%s",
              response.left_out() > 0 ? absl::StrFormat("%d more are left out\n", response.left_out()).c_str() : "",
              absl::StrFormat("%d verified, %d unverified, %d failing; self-tests are %s\n", response.verified(),
                              response.unverified(), response.failing(), response.self_tests() ? "sent" : "not sent")
                  .c_str());
  return absl::OkStatus();
}

}  // namespace

std::vector<std::string> DoubtsAboutThoseOnCall(const Client& client) {
  v1::ListContactMethodsRequest request;
  request.set_on_call(true);
  request.set_doubtful(true);
  std::vector<std::string> lines;
  const auto response = client.Call<ReachService>(&ReachService::Stub::ListContactMethods, request);
  if (!response.ok()) return lines;
  for (const auto& entry : response->entries()) {
    if (entry.state() != Response::STATE_FAILING && !entry.unconfirmed()) continue;
    lines.push_back(absl::StrFormat("%s may not be reached by %s: %s", Printable(entry.user()),
                                    Printable(entry.method()), Printable(entry.why())));
  }
  return lines;
}

int RunContacts(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"on-call",  0, false, "", "only of those who are on call now"},
      {"doubtful", 0, false, "", "only those that are not verified" }
  };
  return WithClient("contacts", arguments, kOwn,
                    [](const Arguments& parsed, const Client& client) { return ShowContacts(parsed, client); });
}

}  // namespace tocsin
