// schedule gaps, fairness, next, diff, link, from-ical.
#include "cli/schedule.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_format.h"

#include "base/status.h"
#include "cli/commands.h"
#include "cli/configuration.h"
#include "cli/output.h"
#include "cli/session.h"

namespace tocsin {
namespace {

using v1::OnCallService;

void Put(absl::Time from, google::protobuf::Timestamp& to) {
  to.set_seconds(absl::ToUnixSeconds(from));
}

// --since and --until, or --weeks from the beginning on. What is not said the server assumes.
template <typename Request>
absl::Status PutRange(const Arguments& arguments, Request& request) {
  absl::Time since = absl::Now();
  if (arguments.has("since")) {
    TOCSIN_ASSIGN(since, ParseInstant(arguments.get("since")));
    Put(since, *request.mutable_since());
  }
  if (arguments.has("until")) {
    TOCSIN_ASSIGN(const absl::Time until, ParseInstant(arguments.get("until")));
    Put(until, *request.mutable_until());
  } else if (arguments.has("weeks")) {
    TOCSIN_ASSIGN(const std::uint32_t weeks, NumberOf(arguments, "weeks", 4, 1, 520));
    Put(since + absl::Hours(24 * 7) * weeks, *request.mutable_until());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> OneSchedule(const Arguments& arguments) {
  if (arguments.positional().size() == 2) return arguments.positional()[1];
  return Invalid("which schedule? One name: tocsin schedule %s SCHEDULE", arguments.positional()[0]);
}

template <typename Names>
std::string People(const Names& names) {
  std::string text;
  for (const std::string& name : names)
    text += (text.empty() ? "" : ", ") + Printable(name);
  return text.empty() ? "nobody" : text;
}

Cell PeopleCell(const google::protobuf::RepeatedPtrField<std::string>& names) {
  return {People(names), names.empty() ? Tone::kBad : Tone::kPlain};
}

absl::Time At(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds());
}

std::string Length(const google::protobuf::Duration& duration) {
  return absl::FormatDuration(absl::Minutes(duration.seconds() / 60));
}
std::string Length(const google::protobuf::Timestamp& start, const google::protobuf::Timestamp& end) {
  return absl::FormatDuration(At(end) - At(start));
}

absl::Status ShowGaps(const Arguments& arguments, const Client& client) {
  v1::ListGapsRequest request;
  if (arguments.positional().size() > 1) request.set_schedule(arguments.positional()[1]);
  TOCSIN_TRY(PutRange(arguments, request));
  TOCSIN_ASSIGN(const auto response, client.Call<OnCallService>(&OnCallService::Stub::ListGaps, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  if (response.gaps().empty()) {
    std::printf("no gap: somebody is on call all the time\n");
    return absl::OkStatus();
  }
  Table table({"SCHEDULE", "FROM", "UNTIL", "LENGTH", "WHY"});
  for (const auto& gap : response.gaps()) {
    table.Add({Printable(gap.schedule()), Show(gap.start()), Show(gap.end()), Length(gap.start(), gap.end()),
               Cell(Printable(gap.why()), Tone::kBad)});
  }
  table.Print();
  if (response.truncated()) std::printf("... and more; --until asks for less\n");
  return absl::OkStatus();
}

absl::Status ShowFairness(const Arguments& arguments, const Client& client) {
  v1::GetFairnessRequest request;
  TOCSIN_ASSIGN(*request.mutable_schedule(), OneSchedule(arguments));
  TOCSIN_TRY(PutRange(arguments, request));
  TOCSIN_ASSIGN(const auto response, client.Call<OnCallService>(&OnCallService::Stub::GetFairness, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  Table table({"PERSON", "SHARE", "ON CALL", "NIGHTS", "WEEKENDS", "HOLIDAYS", "SHIFTS", "NIGHT HANDOFFS", "LONGEST"});
  for (const auto& entry : response.entries()) {
    table.Add({Printable(entry.user()), absl::StrFormat("%.1f%%", 100 * entry.share()), Length(entry.total()),
               Length(entry.night()), Length(entry.weekend()), Length(entry.holiday()), std::to_string(entry.shifts()),
               std::to_string(entry.night_handoffs()), Length(entry.longest())});
  }
  table.Print();
  std::printf("from %s to %s; balance %.3f (1: all have the same), covered %.2f%%\n", Show(response.since()).c_str(),
              Show(response.until()).c_str(), response.balance(), 100 * response.covered());
  return absl::OkStatus();
}

absl::Status ShowNext(const Arguments& arguments, const Client& client) {
  v1::ListNextShiftsRequest request;
  if (arguments.positional().size() > 1) request.set_schedule(arguments.positional()[1]);
  request.set_user(arguments.get("user"));
  if (arguments.has("since")) {
    TOCSIN_ASSIGN(const absl::Time since, ParseInstant(arguments.get("since")));
    Put(since, *request.mutable_since());
  }
  TOCSIN_ASSIGN(const std::uint32_t usual, NumberOf(arguments, "limit", request.user().empty() ? 1 : 5, 1, 100));
  request.set_count(usual);
  TOCSIN_ASSIGN(const auto response, client.Call<OnCallService>(&OnCallService::Stub::ListNextShifts, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  if (response.entries().empty()) {
    std::printf(request.user().empty() ? "no handoff within 400 days\n" : "no shift within 400 days\n");
    return absl::OkStatus();
  }
  const bool is_of_person = !request.user().empty();
  Table table(is_of_person ? std::vector<std::string>{"SCHEDULE", "FROM", "UNTIL", "LENGTH"}
                           : std::vector<std::string>{"SCHEDULE", "HANDOFF", "FROM", "TO", "UNTIL"});
  for (const auto& entry : response.entries()) {
    const std::string until = entry.has_end() ? Show(entry.end()) : "no change ahead";
    if (is_of_person) {
      table.Add({Printable(entry.schedule()), Show(entry.start()), until, Length(entry.start(), entry.end())});
    } else {
      table.Add({Printable(entry.schedule()), Show(entry.start()), PeopleCell(entry.before()),
                 PeopleCell(entry.users()), until});
    }
  }
  table.Print();
  return absl::OkStatus();
}

absl::Status ShowDiff(const Arguments& arguments, const Client& client) {
  const auto& words = arguments.positional();
  TOCSIN_ASSIGN(const auto files, ReadFiles({words.begin() + 1, words.end()}));
  v1::DiffSchedulesRequest request;
  *request.mutable_files() = files.files();
  request.set_schedule(arguments.get("schedule"));
  TOCSIN_TRY(PutRange(arguments, request));
  TOCSIN_TRY(ReadTransition(arguments, *request.mutable_schedules()));
  ShowTokenFirst(client, request.ByteSizeLong());
  TOCSIN_ASSIGN(const auto response, client.Call<OnCallService>(&OnCallService::Stub::DiffSchedules, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
  } else {
    PrintProblems(response.problems(), "");
    for (const std::string& id : response.added_schedules())
      std::printf("schedule %s is new\n", Printable(id).c_str());
    for (const std::string& id : response.removed_schedules())
      std::printf("schedule %s goes\n", Printable(id).c_str());
    for (const std::string& line : response.transitions())
      std::printf("%s\n", Printable(line).c_str());
    Table table({"SCHEDULE", "FROM", "UNTIL", "NOW", "THEN"});
    for (const auto& stretch : response.stretches()) {
      table.Add({Printable(stretch.schedule()), Show(stretch.start()), Show(stretch.end()),
                 PeopleCell(stretch.before()), PeopleCell(stretch.after())});
    }
    if (!table.empty()) table.Print();
    if (response.truncated()) std::printf("... and more; --schedule or --weeks asks for less\n");
    if (table.empty() && response.problems().empty()) std::printf("nobody is on call differently\n");
  }
  if (response.problems().empty()) return absl::OkStatus();
  return Precondition("%d problem(s): nothing could be compared", response.problems_size());
}

absl::Status MakeLink(const Arguments& arguments, const Client& client) {
  v1::CreateCalendarLinkRequest request;
  if (arguments.positional().size() > 1) request.set_schedule(arguments.positional()[1]);
  request.set_user(arguments.get("user"));
  request.set_name(arguments.get("name"));
  if (arguments.has("expires")) {
    TOCSIN_ASSIGN(const absl::Duration life, ParseSpan(arguments.get("expires")));
    request.mutable_expires_in()->set_seconds(absl::ToInt64Seconds(life));
  }
  TOCSIN_ASSIGN(const auto response, client.Call<OnCallService>(&OnCallService::Stub::CreateCalendarLink, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  std::printf("%s\n", response.url().c_str());
  const auto id = static_cast<unsigned long long>(response.id());
  std::fprintf(
      stderr,
      "whoever has this address can read the calendar; it is shown this once, %s. `tocsin token revoke T%llu` "
      "takes it back\n",
      response.has_expires_at() ? ("good until " + Show(response.expires_at())).c_str() : "good until it is revoked",
      id);
  if (response.url().starts_with('/')) {
    std::fprintf(stderr, "the organisation has no public_url: put this server's https://HOST in front\n");
  }
  return absl::OkStatus();
}

absl::Status FromCalendars(const Arguments& arguments, const Client& client) {
  const auto& words = arguments.positional();
  TOCSIN_ASSIGN(const auto files, ReadFiles({words.begin() + 1, words.end()}));
  v1::ImportCalendarsRequest request;
  *request.mutable_files() = files.files();
  request.set_schedule(arguments.get("schedule", "imported"));
  request.set_time_zone(arguments.get("zone"));
  ShowTokenFirst(client, request.ByteSizeLong());
  TOCSIN_ASSIGN(const auto response, client.Call<OnCallService>(&OnCallService::Stub::ImportCalendars, request));
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  for (const std::string& problem : response.problems())
    std::fprintf(stderr, "%s\n", Printable(problem).c_str());
  std::fputs(response.yaml().c_str(), stdout);
  std::fprintf(stderr,
               "%llu events are in it; nothing is applied: save it, and `tocsin apply` it with your other files\n",
               static_cast<unsigned long long>(response.events()));
  return absl::OkStatus();
}

constexpr ScheduleVerb kVerbs[] = {
    {"show",      "SCHEDULE [--weeks N] [--zone Z]",                            &ShowScheduleCalendar},
    {"gaps",      "[SCHEDULE] [--weeks N]",                                     &ShowGaps            },
    {"fairness",  "SCHEDULE [--since T] [--until T]",                           &ShowFairness        },
    {"next",      "[SCHEDULE] [--user NAME] [--limit N]",                       &ShowNext            },
    {"diff",      "FILE... [--schedule S] [--weeks N] [--schedules-from WHEN]", &ShowDiff            },
    {"link",      "SCHEDULE | --user NAME",                                     &MakeLink            },
    {"from-ical", "FILE... [--schedule NAME] [--zone Z]",                       &FromCalendars       },
};

constexpr OptionSpec kOptions[] = {
    {"weeks",    0,   true, "N",    "show, diff: 4; gaps, fairness: 52"                                 },
    {"since",    0,   true, "TIME", "instead of now"                                                    },
    {"until",    0,   true, "TIME", "gaps, fairness, diff: until then"                                  },
    {"zone",     0,   true, "ZONE", "show: instead of the schedule's; from-ical: its zone (default UTC)"},
    {"user",     0,   true, "NAME", "next: this person's shifts; link: of all schedules"                },
    {"limit",    'l', true, "N",    "next: so many of each schedule (handoffs 1, shifts 5)"             },
    {"schedule", 0,   true, "NAME", "diff: only this one; from-ical: its id"                            },
    {"name",     0,   true, "NAME", "link: what it is for; `tocsin token list` shows it"                },
    {"expires",  0,   true, "SPAN", "link: 90d, 365d (default: good until it is revoked)"               },
    kFromOption,
    kHolderOption
};

// What one word of the two sets of options means in both.
constexpr OptionSpec kShared[] = {
    {"until", 0,   true, "TIME", "gaps, fairness, diff: until then; override, swap, take: when it ends"      },
    {"user",  'u', true, "NAME", "next, link: this person's shifts; swap, take: who it is for (default: you)"},
};

std::string Usage() {
  std::string usage;
  for (const std::span<const ScheduleVerb> verbs : {std::span<const ScheduleVerb>(kVerbs), ScheduleChangeVerbs()}) {
    for (const ScheduleVerb& each : verbs)
      absl::StrAppendFormat(&usage, "\n  tocsin schedule %-9s %s", each.name, each.usage);
  }
  return usage;
}

// Of a verb that is not said yet: those of all.
std::vector<OptionSpec> AllOptions() {
  std::vector<OptionSpec> all(std::begin(kOptions), std::end(kOptions));
  for (const OptionSpec& spec : ScheduleChangeOptions()) {
    const auto same = std::ranges::find(all, spec.name, &OptionSpec::name);
    if (same == all.end()) {
      all.push_back(spec);
    } else {
      *same = *std::ranges::find(kShared, spec.name, &OptionSpec::name);
    }
  }
  return all;
}

}  // namespace

bool IsScheduleQuestion(std::string_view verb) {
  return std::ranges::find(kVerbs, verb, &ScheduleVerb::name) != std::end(kVerbs);
}

int RunScheduleQuestion(std::span<const std::string> arguments) {
  return WithClient("schedule", arguments, kOptions,
                    [](const Arguments& parsed, const Client& client) { return RunVerb(kVerbs, parsed, client); });
}

absl::Status RunVerb(std::span<const ScheduleVerb> verbs, const Arguments& arguments, const Client& client) {
  const std::string verb = arguments.positional().empty() ? "" : arguments.positional()[0];
  const auto found = std::ranges::find(verbs, verb, &ScheduleVerb::name);
  if (found == verbs.end()) return Invalid("what about schedules?%s", Usage());
  return found->run(arguments, client);
}

int RunSchedule(std::span<const std::string> arguments) {
  // The verb is the first word, but options may stand before it.
  for (const std::string& word : arguments) {
    if (IsScheduleChange(word)) return RunScheduleChange(arguments);
    if (IsScheduleQuestion(word)) return RunScheduleQuestion(arguments);
  }
  const auto asks = [](const std::string& word) { return word == "--help" || word == "-h" || word == kListOptions; };
  if (std::ranges::none_of(arguments, asks)) {
    // No server is needed to say which verbs there are.
    return WithArguments("schedule", {}, {}, [](const Arguments& /*none*/) -> absl::Status {
      return Invalid("what about schedules?%s", Usage());
    });
  }
  return WithClient("schedule", arguments, AllOptions(),
                    [](const Arguments& parsed, const Client& client) { return RunVerb({}, parsed, client); });
}

}  // namespace tocsin
