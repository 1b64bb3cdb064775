// policy: what a policy would do.
#include <algorithm>
#include <cstdio>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"

#include "base/status.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"

namespace tocsin {
namespace {

using v1::OnCallService;

void Put(absl::Duration from, google::protobuf::Duration& to) {
  to.set_seconds(absl::ToInt64Seconds(from));
}

// What people do not need to see of a run: the outbox's own business, and what stands in the line before.
bool IsTold(const v1::TimelineEntry& entry) {
  constexpr v1::TimelineEntry::Kind kTold[] = {
      v1::TimelineEntry::KIND_STEP_EXECUTED,
      v1::TimelineEntry::KIND_STEP_SKIPPED,
      v1::TimelineEntry::KIND_STEP_WAITS,
      v1::TimelineEntry::KIND_NOTIFICATION_QUEUED,
      v1::TimelineEntry::KIND_NOTIFICATION_HELD,
      v1::TimelineEntry::KIND_UNREACHABLE,
      v1::TimelineEntry::KIND_FALLBACK,
      v1::TimelineEntry::KIND_ACKNOWLEDGED,
      v1::TimelineEntry::KIND_ESCALATION_EXHAUSTED,
      v1::TimelineEntry::KIND_ESCALATION_STOPPED,
      v1::TimelineEntry::KIND_URGENCY_RAISED,
      v1::TimelineEntry::KIND_RESOLVED,
  };
  return std::ranges::find(kTold, entry.kind()) != std::end(kTold);
}

std::string After(const google::protobuf::Timestamp& at, const google::protobuf::Timestamp& from) {
  return "+" + absl::FormatDuration(absl::Seconds(at.seconds() - from.seconds()));
}

absl::StatusOr<v1::SimulatePolicyRequest> RequestFrom(const Arguments& arguments) {
  v1::SimulatePolicyRequest request;
  request.set_policy(arguments.positional()[1]);
  request.set_service(arguments.get("service"));
  if (arguments.has("at")) {
    TOCSIN_ASSIGN(const absl::Time at, ParseInstant(arguments.get("at")));
    request.mutable_at()->set_seconds(absl::ToUnixSeconds(at));
  }
  if (arguments.has("severity")) {
    v1::Severity severity = v1::SEVERITY_UNKNOWN;
    const std::string name = "SEVERITY_" + absl::AsciiStrToUpper(arguments.get("severity"));
    if (!v1::Severity_Parse(name, &severity)) return Invalid("--severity: critical, high, warning, low or info");
    request.set_severity(severity);
  }
  if (arguments.has("urgency")) {
    const std::string urgency = arguments.get("urgency");
    if (urgency != "high" && urgency != "low") return Invalid("--urgency: high or low");
    request.set_urgency(urgency == "high" ? v1::URGENCY_HIGH : v1::URGENCY_LOW);
  }
  if (arguments.has("for")) {
    TOCSIN_ASSIGN(const absl::Duration length, ParseSpan(arguments.get("for")));
    Put(length, *request.mutable_length());
  }
  if (arguments.has("answered-after")) {
    TOCSIN_ASSIGN(const absl::Duration after, ParseSpan(arguments.get("answered-after")));
    Put(after, *request.mutable_answered_after());
  }
  return request;
}

absl::Status SimulatePolicy(const Arguments& arguments, const Client& client) {
  TOCSIN_ASSIGN(const v1::SimulatePolicyRequest request, RequestFrom(arguments));
  TOCSIN_ASSIGN(const auto response, client.Call<OnCallService>(&OnCallService::Stub::SimulatePolicy, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  Table table({"AT", "AFTER", "WHAT"});
  for (const v1::TimelineEntry& entry : response.entries()) {
    if (!IsTold(entry)) continue;
    // The policy is named in the command: who is paged shall stand where a terminal still shows it.
    const std::string text = absl::StrReplaceAll(entry.text(), {
                                                                   {" of policy " + request.policy(), ""}
    });
    table.Add({Show(entry.at()), After(entry.at(), response.at()), Printable(text)});
  }
  table.Print();
  if (!response.unfinished().empty()) std::printf("then: %s\n", Printable(response.unfinished()).c_str());
  return absl::OkStatus();
}

}  // namespace

int RunPolicy(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"at",             0, true, "TIME",     "when the alert begins to fire, instead of now"        },
      {"severity",       0, true, "SEVERITY", "of the alert (default critical)"                      },
      {"urgency",        0, true, "URGENCY",  "high or low, instead of what the severity comes to"   },
      {"service",        0, true, "NAME",     "whose support hours count"                            },
      {"for",            0, true, "SPAN",     "how long to look (default 1d)"                        },
      {"answered-after", 0, true, "SPAN",     "somebody acknowledges after so long (default: nobody)"}
  };
  return WithClient("policy", arguments, kOwn, [](const Arguments& parsed, const Client& client) -> absl::Status {
    if (parsed.positional().size() != 2 || parsed.positional()[0] != "simulate") {
      const bool is_other = !parsed.positional().empty() && parsed.positional()[0] != "simulate";
      return Invalid("%ssay which policy: tocsin policy simulate NAME",
                     is_other ? JsonQuote(parsed.positional()[0]) + " is not simulate; " : "");
    }
    return SimulatePolicy(parsed, client);
  });
}

}  // namespace tocsin
