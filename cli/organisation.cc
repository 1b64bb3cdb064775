// status, oncall.
#include <charconv>
#include <cstdio>

#include "absl/strings/str_format.h"

#include "base/status.h"
#include "cli/commands.h"
#include "cli/contacts.h"
#include "cli/output.h"
#include "cli/session.h"
#include "tocsin/v1/channels.grpc.pb.h"
#include "tocsin/v1/channels.pb.h"

namespace tocsin {
namespace {

using v1::OnCallService;
using v1::StatusService;

void Put(absl::Time from, google::protobuf::Timestamp& to) {
  to.set_seconds(absl::ToUnixSeconds(from));
}

std::string Names(const v1::WhoIsOnCallResponse::Entry& entry) {
  std::string names;
  for (const v1::OnCallPerson& person : entry.people()) {
    absl::StrAppendFormat(&names, "%s%s (%s)", names.empty() ? "" : ", ", Printable(person.name()),
                          Printable(person.user()));
  }
  return names.empty() ? "nobody" : names;
}

absl::Status ShowShifts(const Arguments& arguments, const Client& client, int days) {
  v1::FinalScheduleRequest request;
  request.set_schedule(arguments.positional()[0]);
  absl::Time since = absl::Now();
  if (arguments.has("at")) {
    TOCSIN_ASSIGN(since, ParseInstant(arguments.get("at")));
  }
  Put(since, *request.mutable_since());
  Put(since + absl::Hours(24 * days), *request.mutable_until());
  TOCSIN_ASSIGN(const auto response, client.Call<OnCallService>(&OnCallService::Stub::FinalSchedule, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  Table table({"FROM", "UNTIL", "ON CALL"});
  for (const auto& shift : response.shifts()) {
    std::string users;
    for (const std::string& user : shift.users())
      users += (users.empty() ? "" : ", ") + Printable(user);
    table.Add({Show(shift.start()), Show(shift.end()), users.empty() ? "nobody: a gap" : users});
  }
  table.Print();
  return absl::OkStatus();
}

// Why nobody is on call in a schedule at an instant; empty when the server does not say.
std::string WhyNobody(const Client& client, const std::string& schedule, const google::protobuf::Timestamp& at) {
  v1::ListGapsRequest request;
  request.set_schedule(schedule);
  *request.mutable_since() = at;
  *request.mutable_until() = at;
  request.mutable_until()->set_seconds(at.seconds() + 60);
  const auto response = client.Call<OnCallService>(&OnCallService::Stub::ListGaps, request);
  return response.ok() && !response->gaps().empty() ? Printable(response->gaps(0).why()) : "";
}

absl::Status ShowOnCall(const Arguments& arguments, const Client& client) {
  v1::WhoIsOnCallRequest request;
  if (!arguments.positional().empty()) request.set_schedule(arguments.positional()[0]);
  if (arguments.has("at")) {
    TOCSIN_ASSIGN(const absl::Time at, ParseInstant(arguments.get("at")));
    Put(at, *request.mutable_at());
  }
  TOCSIN_ASSIGN(const auto response, client.Call<OnCallService>(&OnCallService::Stub::WhoIsOnCall, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  Table table({"SCHEDULE", "ON CALL", "UNTIL", "BECAUSE"});
  for (const auto& entry : response.entries()) {
    std::string until = "no change ahead";
    if (entry.has_until()) until = arguments.has("at") ? Show(entry.until()) : When(entry.until());
    const bool nobody = entry.people().empty();
    table.Add({Printable(entry.schedule()), Cell(Names(entry), nobody ? Tone::kBad : Tone::kPlain), std::move(until),
               nobody ? WhyNobody(client, entry.schedule(), response.at()) : Printable(entry.people(0).reason())});
  }
  table.Print();
  if (arguments.has("at")) return absl::OkStatus();
  for (const std::string& line : DoubtsAboutThoseOnCall(client))
    std::printf("%s\n", line.c_str());
  return absl::OkStatus();
}

// "6: 3 silenced, 2 inhibited, 1 in maintenance".
std::string HeldBack(const google::protobuf::RepeatedPtrField<v1::GetLoadResponse::Count>& counts) {
  std::uint64_t all = 0;
  std::string each_of_them;
  for (const auto& each : counts) {
    all += each.count();
    absl::StrAppendFormat(&each_of_them, "%s%d %s", each_of_them.empty() ? ": " : ", ", each.count(),
                          Printable(each.name()));
  }
  return std::to_string(all) + each_of_them;
}

std::string NameOf(const v1::ListChannelsResponse::Channel& channel) {
  return EnumWord(v1::ContactMethod::Kind_Name(channel.kind()), "KIND_");
}

// ", delivered 3 of 4 within 2s"; empty where there are no receipts.
std::string Deliveries(const v1::ListChannelsResponse::Score& score) {
  if (score.awaited() == 0) return "";
  std::string text = absl::StrFormat(", delivered %d of %d", score.delivered(), score.awaited());
  if (score.has_receipt_p95())
    absl::StrAppendFormat(&text, " within %ds",
                          score.receipt_p95().seconds() + (score.receipt_p95().nanos() > 0 ? 1 : 0));
  return text;
}

Cell HealthOf(const v1::ListChannelsResponse::Channel& channel) {
  if (channel.failing()) {
    const std::string what = channel.failed_attempts() == 0
                                 ? absl::StrFormat("taken and not delivered: %d", channel.score().lost())
                                 : absl::StrFormat("attempts: %d", channel.failed_attempts());
    return Cell(absl::StrFormat("FAILING since %s, %s", When(channel.failing_since()), what), Tone::kBad);
  }
  const std::string taken = channel.has_accepted_at() ? "taken last " + When(channel.accepted_at()) : "none taken yet";
  return Cell(taken + Deliveries(channel.score()), Tone::kGood);
}

// Of one of two providers.
Cell HealthOf(const v1::ListChannelsResponse::Score& score) {
  const std::string text = absl::StrFormat("took %d of %d%s", score.taken(), score.tried(), Deliveries(score));
  return score.fails() ? Cell("FAILING, " + text, Tone::kBad) : Cell(text, Tone::kGood);
}

// How people are told.
void AddChannels(const v1::ListChannelsResponse& response, Table& table) {
  for (const auto& channel : response.channels()) {
    table.Add({"messages by " + NameOf(channel), HealthOf(channel)});
    if (!channel.has_second()) continue;
    table.Add({"  the first provider", HealthOf(channel.score())});
    table.Add({"  the second provider", HealthOf(channel.second())});
  }
}

// What is wrong, whole: a table would cut it to fit the terminal.
void PrintTrouble(const v1::GetStatusResponse& status, const v1::ListChannelsResponse& channels) {
  if (!status.why_not_paging().empty()) {
    std::printf("\npages do NOT go out: %s\n", Printable(status.why_not_paging()).c_str());
  }
  bool fails = false;
  for (const auto& channel : channels.channels()) {
    if (!channel.failing()) continue;
    fails = true;
    std::printf("\n%s fails since %s: %s\n", NameOf(channel).c_str(), Show(channel.failing_since()).c_str(),
                Printable(channel.error()).c_str());
  }
  if (fails) {
    std::printf(
        "`tocsin contacts --doubtful` says whom it concerns, the log has each message; `tocsin page --test USER` shows "
        "whether it works again\n");
  }
  if (channels.dead_letters() > 0) {
    std::printf(
        "\njournal entries that nobody could apply and that wait for somebody: %llu (`tocsin dead-letter list`)\n",
        static_cast<unsigned long long>(channels.dead_letters()));
  }
}

absl::StatusOr<v1::ListForgottenRequest> ForgottenRequest(const Arguments& arguments) {
  v1::ListForgottenRequest request;
  if (arguments.has("silences-older")) {
    TOCSIN_ASSIGN(const absl::Duration age, ParseSpan(arguments.get("silences-older")));
    request.mutable_silence_age()->set_seconds(absl::ToInt64Seconds(age));
  }
  if (arguments.has("acks-older")) {
    TOCSIN_ASSIGN(const absl::Duration age, ParseSpan(arguments.get("acks-older")));
    request.mutable_acknowledgement_age()->set_seconds(absl::ToInt64Seconds(age));
  }
  return request;
}

absl::Status ShowForgotten(const v1::ListForgottenRequest& request, const Client& client) {
  TOCSIN_ASSIGN(const auto response, client.Call<StatusService>(&StatusService::Stub::ListForgotten, request));
  if (response.items().empty()) return absl::OkStatus();
  std::printf("\nforgotten? These keep quiet what nobody has looked at for long:\n");
  Table table({"WHAT", "BY", "SINCE", "WHY"});
  for (const auto& item : response.items())
    table.Add({Printable(item.name()), Printable(item.by()), When(item.since()), Printable(item.why())});
  table.Print();
  return absl::OkStatus();
}

}  // namespace

int RunStatus(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"silences-older", 0, true, "SPAN", "call silences forgotten from this age on (default 7d)"        },
      {"acks-older",     0, true, "SPAN", "call acknowledgements forgotten from this age on (default 1d)"}
  };
  return WithClient("status", arguments, kOwn, [](const Arguments& parsed, const Client& client) -> absl::Status {
    TOCSIN_ASSIGN(const v1::ListForgottenRequest forgotten, ForgottenRequest(parsed));
    TOCSIN_ASSIGN(const auto status,
                  client.Call<StatusService>(&StatusService::Stub::GetStatus, v1::GetStatusRequest()));
    if (WantsJson(parsed)) {
      PrintJson(status);
      return absl::OkStatus();
    }
    TOCSIN_ASSIGN(const auto load, client.Call<StatusService>(&StatusService::Stub::GetLoad, v1::GetLoadRequest()));
    TOCSIN_ASSIGN(const auto channels,
                  client.Call<v1::ChannelService>(&v1::ChannelService::Stub::ListChannels, v1::ListChannelsRequest()));
    const auto number = [](std::uint64_t n) { return std::to_string(n); };
    Table table({"tocsin " + Printable(status.version()), Printable(status.organisation())});
    table.Add({"alerts firing", number(status.firing())});
    table.Add({"alerts held back", HeldBack(status.held_alerts())});
    table.Add({"groups open", number(status.open_groups())});
    table.Add({"groups held back", HeldBack(status.held_groups())});
    table.Add({"groups acknowledged", number(status.acknowledged_groups())});
    table.Add({"incidents open", number(status.open_incidents())});
    table.Add({"notifications not yet delivered", number(status.undelivered_notifications())});
    table.Add({"journal entry", number(status.journal_sequence())});
    table.Add({"rules version", number(status.rules_version())});
    table.Add({"pages can go out",
               status.why_not_paging().empty() ? Cell("yes", Tone::kGood) : Cell("NO: see below", Tone::kBad)});
    AddChannels(channels, table);
    for (const auto* counts : {&load.refused(), &load.not_taken()}) {
      for (const auto& each : *counts) {
        if (each.count() > 0)
          table.Add({"not taken, " + Printable(each.name()), Cell(number(each.count()), Tone::kWatch)});
      }
    }
    table.Print();
    PrintTrouble(status, channels);
    return ShowForgotten(forgotten, client);
  });
}

int RunOnCall(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"at",   0, true, "TIME", "instead of now"                                 },
      {"days", 0, true, "N",    "list the shifts of so many days of one schedule"}
  };
  return WithClient("oncall", arguments, kOwn, [](const Arguments& parsed, const Client& client) -> absl::Status {
    if (!parsed.has("days")) return ShowOnCall(parsed, client);
    const std::string text = parsed.get("days");
    int days = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), days);
    const bool whole = error == std::errc() && stop == text.data() + text.size();
    if (parsed.positional().size() != 1 || !whole || days < 1 || days > 730) {
      return Invalid("--days takes 1 to 730 and the name of one schedule");
    }
    return ShowShifts(parsed, client, days);
  });
}

}  // namespace tocsin
