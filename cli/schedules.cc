// schedule override, swap, take, history.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

#include "base/status.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/schedule.h"
#include "cli/session.h"

namespace tocsin {
namespace {

using v1::ScheduleService;
using Shifts = google::protobuf::RepeatedPtrField<v1::FinalScheduleResponse::Shift>;
using Stub = ScheduleService::Stub;

void PutTime(absl::Time time, google::protobuf::Timestamp& to) {
  to.set_seconds(absl::ToUnixSeconds(time));
}

template <typename List>
std::string Join(const List& names) {
  std::string text;
  for (const std::string& name : names)
    text += (text.empty() ? "" : ", ") + Printable(name);
  return text;
}

// --from (now), and --until or --for.
template <typename Request>
absl::Status ReadStretch(const Arguments& arguments, Request& request) {
  absl::Time start = absl::Now();
  if (arguments.has("from")) {
    TOCSIN_ASSIGN(start, ParseInstant(arguments.get("from")));
    PutTime(start, *request.mutable_start());
  }
  if (arguments.has("until") == arguments.has("for")) return Invalid("until when? --until TIME or --for SPAN");
  if (arguments.has("until")) {
    TOCSIN_ASSIGN(const absl::Time end, ParseInstant(arguments.get("until")));
    PutTime(end, *request.mutable_end());
    return absl::OkStatus();
  }
  TOCSIN_ASSIGN(const absl::Duration length, ParseSpan(arguments.get("for")));
  PutTime(start + length, *request.mutable_end());
  return absl::OkStatus();
}

void AddNames(const std::string& text, google::protobuf::RepeatedPtrField<std::string>& to) {
  const std::vector<std::string> names = absl::StrSplit(text, ',', absl::SkipWhitespace());
  for (const std::string& name : names)
    *to.Add() = std::string(Trim(name));
}

std::string WhatOf(const v1::Override& change) {
  std::vector<std::string> users;
  for (const v1::Target& target : change.users())
    users.push_back(target.user());
  const std::string names = users.empty() ? "nobody" : Join(users);
  if (change.type() == v1::Override::TYPE_ADD) return names + " as well";
  if (change.type() == v1::Override::TYPE_REMOVE) return "without " + names;
  if (change.type() != v1::Override::TYPE_SWAP) return names;
  return absl::StrCat(change.to_user().empty() ? "somebody" : Printable(change.to_user()), " for ",
                      Printable(change.from_user()));
}

void PrintShifts(const char* title, const Shifts& shifts) {
  std::printf("%s\n", title);
  Table table({"FROM", "UNTIL", "ON CALL"});
  for (const auto& shift : shifts)
    table.Add({Show(shift.start()), Show(shift.end()), shift.users().empty() ? "nobody: a gap" : Join(shift.users())});
  table.Print();
}

absl::Status Report(const Arguments& arguments, const v1::ScheduleChangeResponse& response) {
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  const v1::ScheduleChange& row = response.change();
  const std::string name = row.id() == 0 ? "it" : absl::StrFormat("O%d", row.id());
  const std::string state = row.state() == v1::ScheduleChange::STATE_OPEN        ? "open"
                            : row.state() == v1::ScheduleChange::STATE_WITHDRAWN ? "withdrawn"
                                                                                 : "in force";
  std::printf("%s%s is %s: %s on %s from %s until %s\n", arguments.has("dry-run") ? "not done; then " : "",
              name.c_str(), state.c_str(), WhatOf(row.change()).c_str(), Printable(row.schedule()).c_str(),
              Show(row.change().start()).c_str(), Show(row.change().end()).c_str());
  if (!row.volunteers().empty()) std::printf("volunteers: %s\n", Join(row.volunteers()).c_str());
  if (row.state() == v1::ScheduleChange::STATE_OPEN) return absl::OkStatus();
  if (!response.before().empty()) PrintShifts("before", response.before());
  if (!response.after().empty()) PrintShifts("after", response.after());
  for (const std::string& warning : response.warnings())
    std::printf("warning: %s\n", Printable(warning).c_str());
  return absl::OkStatus();
}

template <typename Request>
using Method = grpc::Status (Stub::*)(grpc::ClientContext*, const Request&, v1::ScheduleChangeResponse*);

template <typename Request>
absl::Status Do(const Arguments& arguments, const Client& client, Method<Request> method, Request& request) {
  request.set_dry_run(arguments.has("dry-run"));
  request.set_request_id(NewRequestId());
  TOCSIN_ASSIGN(const auto response, client.Call<ScheduleService>(method, request));
  return Report(arguments, response);
}

absl::Status ReadOverride(const Arguments& arguments, v1::OverrideScheduleRequest& request) {
  const int given = int{arguments.has("assign")} + int{arguments.has("nobody")} + int{arguments.has("add")} +
                    int{arguments.has("remove")} + int{arguments.has("swap")};
  if (given != 1) return Invalid("who? one of --assign USERS, --nobody, --add USERS, --remove USERS, --swap ALICE=BOB");
  request.set_type(v1::Override::TYPE_ASSIGN);
  AddNames(arguments.get("assign"), *request.mutable_users());
  if (arguments.has("add")) {
    request.set_type(v1::Override::TYPE_ADD);
    AddNames(arguments.get("add"), *request.mutable_users());
  } else if (arguments.has("remove")) {
    request.set_type(v1::Override::TYPE_REMOVE);
    AddNames(arguments.get("remove"), *request.mutable_users());
  } else if (arguments.has("swap")) {
    const std::vector<std::string> pair = absl::StrSplit(arguments.get("swap"), '=');
    if (pair.size() != 2) return Invalid("--swap: alice=bob means that bob is on call wherever alice would be");
    request.set_type(v1::Override::TYPE_SWAP);
    request.set_from_user(std::string(Trim(pair[0])));
    request.set_to_user(std::string(Trim(pair[1])));
  }
  if (request.type() == v1::Override::TYPE_ASSIGN && request.users().empty() && !arguments.has("nobody")) {
    return Invalid("--assign: whom? --nobody says that nobody is to be on call");
  }
  return absl::OkStatus();
}

absl::Status MakeOverride(const Arguments& arguments, const Client& client, const std::string& schedule) {
  v1::OverrideScheduleRequest request;
  request.set_schedule(schedule);
  TOCSIN_TRY(ReadOverride(arguments, request));
  TOCSIN_TRY(ReadStretch(arguments, request));
  AddNames(arguments.get("layer"), *request.mutable_layers());
  request.set_reason(arguments.get("reason"));
  return Do(arguments, client, &Stub::OverrideSchedule, request);
}

absl::Status List(const Arguments& arguments, const Client& client, const std::string& schedule, bool swaps) {
  v1::ListScheduleChangesRequest request;
  request.set_schedule(schedule);
  request.set_swaps(swaps);
  request.set_include_past(arguments.has("all"));
  TOCSIN_ASSIGN(const auto response, client.Call<ScheduleService>(&Stub::ListScheduleChanges, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  Table table({"", "STATE", "SCHEDULE", "ON CALL", "FROM", "UNTIL", "ASKED", "VOLUNTEERS", "BY", "WHY"});
  for (const auto& entry : response.entries()) {
    const v1::ScheduleChange& row = entry.change();
    table.Add({absl::StrFormat("O%d", row.id()), Printable(entry.state()), Printable(row.schedule()),
               WhatOf(row.change()), Show(row.change().start()), Show(row.change().end()),
               !row.asked()       ? ""
               : row.of().empty() ? "everybody"
                                  : Join(row.of()),
               Join(row.volunteers()), Printable(row.change().created_by()), Printable(row.change().reason())});
  }
  if (table.empty()) {
    std::printf(swaps ? "no swaps were asked for\n"
                      : "no overrides were made at run time; those of the YAML: `tocsin export`\n");
  } else {
    table.Print();
  }
  return absl::OkStatus();
}

absl::Status RunOverrides(const Arguments& arguments, const Client& client) {
  const std::vector<std::string>& words = arguments.positional();
  if (words.size() < 2) return Invalid("which schedule? or list, or end O12");
  if (words[1] == "list") return List(arguments, client, words.size() > 2 ? words[2] : "", /*swaps=*/false);
  if (words[1] != "end") return MakeOverride(arguments, client, words[1]);
  if (words.size() < 3) return Invalid("which one? for example O12; `tocsin schedule override list` lists them");
  TOCSIN_ASSIGN(const Reference reference, ParseReference(words[2], "O"));
  v1::EndOverrideRequest request;
  request.set_id(reference.id);
  return Do(arguments, client, &Stub::EndOverride, request);
}

absl::Status RequestSwap(const Arguments& arguments, const Client& client) {
  if (arguments.positional().size() < 3) return Invalid("on which schedule?");
  v1::RequestSwapRequest request;
  request.set_schedule(arguments.positional()[2]);
  request.set_user(arguments.get("user"));
  TOCSIN_TRY(ReadStretch(arguments, request));
  AddNames(arguments.get("layer"), *request.mutable_layers());
  AddNames(arguments.get("of"), *request.mutable_of());
  request.set_reason(arguments.get("reason"));
  return Do(arguments, client, &Stub::RequestSwap, request);
}

absl::Status RunSwaps(const Arguments& arguments, const Client& client) {
  const std::vector<std::string>& words = arguments.positional();
  const std::string verb = words.size() < 2 ? "list" : words[1];
  if (verb == "list") return List(arguments, client, words.size() > 2 ? words[2] : "", /*swaps=*/true);
  if (verb == "request") return RequestSwap(arguments, client);
  struct Verb {
    std::string_view name;
    Method<v1::SwapRequest> method;
  };
  const Verb verbs[] = {
      {"offer",    &Stub::OfferSwap   },
      {"take",     &Stub::TakeSwap    },
      {"accept",   &Stub::AcceptSwap  },
      {"withdraw", &Stub::WithdrawSwap}
  };
  const auto* const found = std::ranges::find(verbs, verb, &Verb::name);
  if (found == std::end(verbs)) return Invalid("%s is none of request, list, offer, take, accept, withdraw", verb);
  if (words.size() < 3) return Invalid("which one? for example O12; `tocsin schedule swap list` lists them");
  TOCSIN_ASSIGN(const Reference reference, ParseReference(words[2], "O"));
  v1::SwapRequest request;
  request.set_id(reference.id);
  request.set_user(arguments.get("user"));
  return Do(arguments, client, found->method, request);
}

absl::Status TakeShift(const Arguments& arguments, const Client& client) {
  if (arguments.positional().size() < 2) return Invalid("of which schedule?");
  v1::TakeShiftRequest request;
  request.set_schedule(arguments.positional()[1]);
  request.set_user(arguments.get("user"));
  request.set_from_user(arguments.get("whose"));
  TOCSIN_TRY(ReadStretch(arguments, request));
  request.set_reason(arguments.get("reason"));
  return Do(arguments, client, &Stub::TakeShift, request);
}

std::string LayersOf(const v1::ListEditionsResponse::Entry& entry) {
  std::string text;
  for (const v1::Layer& layer : entry.layers()) {
    absl::StrAppend(&text, text.empty() ? "" : "; ", Printable(layer.id()));
    if (layer.has_effective_since()) absl::StrAppend(&text, " from ", Show(layer.effective_since()));
    if (layer.has_effective_until()) absl::StrAppend(&text, " until ", Show(layer.effective_until()));
    std::string order;
    for (const v1::Participant& participant : layer.participants()) {
      std::vector<std::string> members;
      for (const v1::Target& target : participant.members())
        members.push_back(target.has_user() ? target.user() : target.has_team() ? target.team() : target.schedule());
      absl::StrAppend(&order, order.empty() ? "" : " > ", members.empty() ? "nobody" : Join(members));
    }
    if (!order.empty()) absl::StrAppend(&text, ": ", order);
  }
  return text.empty() ? "nobody" : text;
}

absl::Status ShowHistory(const Arguments& arguments, const Client& client) {
  if (arguments.positional().size() < 2) return Invalid("of which schedule?");
  v1::ListEditionsRequest request;
  request.set_schedule(arguments.positional()[1]);
  TOCSIN_ASSIGN(const auto response, client.Call<ScheduleService>(&Stub::ListEditions, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  for (const auto& entry : response.entries()) {
    std::printf("%s until %s: %s\n", entry.has_since() ? Show(entry.since()).c_str() : "from the beginning",
                entry.has_until() ? Show(entry.until()).c_str() : "now, and on", LayersOf(entry).c_str());
    if (!entry.has_until()) continue;
    std::printf("  then version %llu of the configuration, by %s\n", static_cast<unsigned long long>(entry.ended_by()),
                Printable(entry.ended_actor()).c_str());
    for (const std::string& line : entry.changes())
      std::printf("    %s\n", Printable(line).c_str());
  }
  return absl::OkStatus();
}

constexpr ScheduleVerb kVerbs[] = {
    {"override", "SCHEDULE --assign, --nobody, --add, --remove or --swap ... | list [SCHEDULE] | end O12",
     &RunOverrides                                                                                                                     },
    {"swap",     "request SCHEDULE [--of USERS] | list [SCHEDULE] | offer, take or withdraw O12 | accept O12 --user NAME",
     &RunSwaps                                                                                                                         },
    {"take",     "SCHEDULE --until T [--from T] [--whose NAME]",                                                           &TakeShift  },
    {"history",  "SCHEDULE",                                                                                               &ShowHistory},
};

constexpr OptionSpec kOptions[] = {
    {"from",    0,   true,  "TIME",      "override, swap, take: when it begins (default now)"               },
    {"until",   0,   true,  "TIME",      "override, swap, take: when it ends"                               },
    {"for",     0,   true,  "SPAN",      "override, swap, take: or how long, such as 8h, 7d"                },
    {"assign",  0,   true,  "USERS",     "override: these people and nobody else"                           },
    {"nobody",  0,   false, "",          "override: nobody is on call"                                      },
    {"add",     0,   true,  "USERS",     "override: these people as well"                                   },
    {"remove",  0,   true,  "USERS",     "override: without these people"                                   },
    {"swap",    0,   true,  "ALICE=BOB", "override: bob wherever alice would be on call"                    },
    {"layer",   0,   true,  "LAYERS",    "override, swap request: of these layers only"                     },
    {"user",    'u', true,  "USER",      "swap, take: who it is for (default: whose token it is)"           },
    {"of",      0,   true,  "USERS",     "swap request: whom to ask (default: everybody of the schedule)"   },
    {"whose",   0,   true,  "USER",      "take: whose shift (default: whoever is on call, or nobody: a gap)"},
    {"reason",  'm', true,  "TEXT",      "override, swap, take: why; shown with it"                         },
    {"dry-run", 'n', false, "",          "override, swap, take: show what would change, change nothing"     },
    {"all",     'a', false, "",          "override list, swap list: also what is over"                      }
};

}  // namespace

std::span<const ScheduleVerb> ScheduleChangeVerbs() {
  return kVerbs;
}

std::span<const OptionSpec> ScheduleChangeOptions() {
  return kOptions;
}

bool IsScheduleChange(std::string_view verb) {
  return std::ranges::find(kVerbs, verb, &ScheduleVerb::name) != std::end(kVerbs);
}

int RunScheduleChange(std::span<const std::string> arguments) {
  return WithClient("schedule", arguments, kOptions,
                    [](const Arguments& parsed, const Client& client) { return RunVerb(kVerbs, parsed, client); });
}

}  // namespace tocsin
