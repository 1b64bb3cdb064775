// maintenance.
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

#include "base/status.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"
#include "config/recurring.h"
#include "config/text.h"
#include "model/codec/organisation_proto.h"

namespace tocsin {
namespace {

using v1::MaintenanceService;

std::string WhatOf(const v1::Silence& window) {
  if (!window.service().empty()) return "service " + Printable(window.service());
  std::string text;
  for (const v1::Matcher& each : window.matchers()) {
    Matcher matcher;
    if (!FromProto(each, matcher).ok()) continue;
    text += (text.empty() ? "" : ", ") + Format(matcher);
  }
  return Printable(text);
}

std::string WhenOf(const v1::Silence& window) {
  std::string text;
  for (const v1::RecurringTime& each : window.recurrence()) {
    RecurringTime time;
    if (!FromProto(each, time).ok()) continue;
    text += (text.empty() ? "" : "; ") + RecurringTimeText(time);
  }
  return text.empty() ? "once" : Printable(text);
}

absl::Status ListMaintenance(const Arguments& arguments, const Client& client) {
  v1::ListMaintenanceRequest request;
  request.set_include_ended(arguments.has("all"));
  TOCSIN_ASSIGN(const auto response,
                client.Call<MaintenanceService>(&MaintenanceService::Stub::ListMaintenance, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  Table table({"WINDOW", "NOW", "FROM", "UNTIL", "WHEN", "WHAT", "BY", "COMMENT"});
  constexpr std::int64_t kYear2400 = 13'569'465'600;
  for (const v1::Silence& window : response.windows()) {
    const bool endless = window.ends_at().seconds() >= kYear2400;
    const bool begun = window.starts_at().seconds() > 0;
    table.Add({absl::StrFormat("M%d", window.id()), window.in_effect() ? "in effect" : "waits",
               begun ? When(window.starts_at()) : "-", endless ? "no end" : When(window.ends_at()), WhenOf(window),
               WhatOf(window),
               window.declared().empty() ? Printable(window.created_by()) : "YAML: " + Printable(window.declared()),
               Printable(window.comment())});
  }
  if (table.empty()) {
    std::printf("no maintenance windows\n");
  } else {
    table.Print();
  }
  return absl::OkStatus();
}

template <typename T>
absl::Status ReadList(const Arguments& arguments,
                      const std::string& option,
                      absl::StatusOr<T> (*parse)(std::string_view),
                      std::vector<T>& to) {
  if (!arguments.has(option)) return absl::OkStatus();
  const std::vector<std::string> items = absl::StrSplit(arguments.get(option), ',');
  for (const std::string& item : items) {
    absl::StatusOr<T> range = parse(Trim(item));
    if (!range.ok()) return Annotate(range.status(), "--" + option);
    to.push_back(*range);
  }
  return absl::OkStatus();
}

// --times, --weekdays, --days and --zone make one recurring time; none of them, a window that is there once.
absl::Status ReadRecurrence(const Arguments& arguments, v1::CreateMaintenanceRequest& request) {
  RecurringTime time;
  TOCSIN_TRY(ReadList(arguments, "times", ParseTimeRange, time.times));
  TOCSIN_TRY(ReadList(arguments, "weekdays", ParseWeekdays, time.weekdays));
  TOCSIN_TRY(ReadList(arguments, "days", ParseDaysOfMonth, time.days_of_month));
  if (arguments.has("zone")) {
    TOCSIN_TRY(Annotate(CheckTimeZone(arguments.get("zone")), "--zone"));
    time.location = arguments.get("zone");
  }
  if (time != RecurringTime()) ToProto(time, *request.add_recurrence());
  if (arguments.has("during")) {
    const std::vector<std::string> names = absl::StrSplit(arguments.get("during"), ',');
    for (const std::string& name : names)
      request.add_time_intervals(name);
  }
  return absl::OkStatus();
}

absl::Status AddMaintenance(const Arguments& arguments, const Client& client) {
  v1::CreateMaintenanceRequest request;
  for (std::size_t i = 1; i < arguments.positional().size(); ++i)
    request.add_matchers(arguments.positional()[i]);
  request.set_service(arguments.get("service"));
  if (request.matchers().empty() == request.service().empty()) {
    return Invalid("what is under maintenance? either --service NAME or matchers such as cluster=db1");
  }
  TOCSIN_TRY(ReadRecurrence(arguments, request));
  const bool recurs = !request.recurrence().empty() || !request.time_intervals().empty();
  absl::Time start = absl::Now();
  if (arguments.has("from")) {
    TOCSIN_ASSIGN(start, ParseInstant(arguments.get("from")));
    request.mutable_starts_at()->set_seconds(absl::ToUnixSeconds(start));
  }
  if (arguments.has("until") && arguments.has("for")) return Invalid("--until and --for say the same: give one");
  absl::Time end = absl::InfiniteFuture();
  if (arguments.has("until")) {
    TOCSIN_ASSIGN(end, ParseInstant(arguments.get("until")));
  } else if (arguments.has("for") || !recurs) {
    TOCSIN_ASSIGN(const absl::Duration length, ParseSpan(arguments.get("for", "2h")));
    end = start + length;
  }
  if (end != absl::InfiniteFuture()) request.mutable_ends_at()->set_seconds(absl::ToUnixSeconds(end));
  request.set_comment(arguments.get("comment"));
  request.set_request_id(NewRequestId());
  TOCSIN_ASSIGN(const auto response,
                client.Call<MaintenanceService>(&MaintenanceService::Stub::CreateMaintenance, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
  } else {
    std::printf("M%llu is planned%s; `tocsin maintenance` lists it\n", static_cast<unsigned long long>(response.id()),
                recurs ? " and comes round" : (" until " + Show(request.ends_at())).c_str());
  }
  return absl::OkStatus();
}

absl::Status EndMaintenance(const Arguments& arguments, const Client& client) {
  if (arguments.positional().size() < 2) return Invalid("usage: tocsin maintenance end M5");
  for (std::size_t i = 1; i < arguments.positional().size(); ++i) {
    TOCSIN_ASSIGN(const Reference reference, ParseReference(arguments.positional()[i], "M"));
    v1::EndMaintenanceRequest request;
    request.set_id(reference.id);
    request.set_request_id(NewRequestId());
    TOCSIN_ASSIGN(const auto response,
                  client.Call<MaintenanceService>(&MaintenanceService::Stub::EndMaintenance, request));
    if (WantsJson(arguments)) {
      PrintJson(response);
    } else {
      std::printf("M%llu ended\n", static_cast<unsigned long long>(reference.id));
    }
  }
  return absl::OkStatus();
}

}  // namespace

int RunMaintenance(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"service",  's', true,  "NAME",    "add: everything that is about this service"              },
      {"from",     0,   true,  "TIME",    "add: when it begins (default now)"                       },
      {"until",    0,   true,  "TIME",    "add: when it ends"                                       },
      {"for",      0,   true,  "SPAN",    "add: or how long, such as 30m, 2h (default), 1d"         },
      {"times",    0,   true,  "RANGES",  "add: only at these hours: 22:00-24:00,00:00-02:00"       },
      {"weekdays", 0,   true,  "DAYS",    "add: only on these days: saturday or monday:friday"      },
      {"days",     0,   true,  "NUMBERS", "add: only on these days of the month: 1:7 or -1"         },
      {"zone",     0,   true,  "ZONE",    "add: where these hours and days are, such as Europe/Rome"},
      {"during",   0,   true,  "NAMES",   "add: only inside of these time intervals of the YAML"    },
      {"comment",  'c', true,  "TEXT",    "add: why"                                                },
      {"all",      'a', false, "",        "list: also those that have ended"                        }
  };
  return WithClient("maintenance", arguments, kOwn, [](const Arguments& parsed, const Client& client) -> absl::Status {
    const std::string verb = parsed.positional().empty() ? "list" : parsed.positional()[0];
    if (verb == "list") return ListMaintenance(parsed, client);
    if (verb == "add") return AddMaintenance(parsed, client);
    if (verb == "end") return EndMaintenance(parsed, client);
    return Invalid("%s is none of add MATCHER... or --service NAME, list, end M5", verb);
  });
}

}  // namespace tocsin
