// apply, diff, export, versions, rollback, audit.
#include "cli/configuration.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iostream>

#include "absl/strings/str_format.h"

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "cli/audit_verify.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/replay.h"
#include "cli/session.h"
#include "cli/times.h"

namespace tocsin {
namespace {

using v1::AuditService;
using v1::OrganisationService;

constexpr std::size_t kLargeFirst = std::size_t{1} << 20U;

// At most as much as the server would take; `path` may also be a pipe or a device that never ends.
absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file) return NotFound("cannot read %s", path);
  }
  std::istream& in = path == "-" ? std::cin : file;
  constexpr std::size_t kPiece = 1 << 20;
  std::string text;
  while (in && text.size() <= limits::kConfigurationBytes) {
    const std::size_t before = text.size();
    text.resize(before + kPiece);
    in.read(text.data() + before, kPiece);
    text.resize(before + static_cast<std::size_t>(in.gcount()));
  }
  if (in.bad()) return Invalid("cannot read %s: is it a file?", path);
  if (text.size() > limits::kConfigurationBytes) {
    return Invalid("%s: more than %d bytes; one organisation has at most so many", path, limits::kConfigurationBytes);
  }
  return text;
}

}  // namespace

void PrintProblems(const google::protobuf::RepeatedPtrField<v1::ApplyOrganisationResponse::Problem>& problems,
                   std::string_view kind) {
  for (const auto& problem : problems) {
    std::string where(kind);
    where += problem.file();
    if (problem.line() > 0) absl::StrAppendFormat(&where, ":%d:%d", problem.line(), problem.column());
    if (!problem.file().empty()) where += ": ";
    if (!problem.path().empty()) where += problem.path() + ": ";
    std::fprintf(stderr, "%s%s\n", Printable(where).c_str(), Printable(problem.message()).c_str());
  }
}

void ShowTokenFirst(const Client& client, std::size_t bytes) {
  if (bytes < kLargeFirst) return;
  // Whether it worked the call itself will say.
  client.Call<v1::AccessService>(&v1::AccessService::Stub::WhoAmI, v1::WhoAmIRequest()).IgnoreError();
}

absl::StatusOr<v1::ApplyOrganisationRequest> ReadFiles(const std::vector<std::string>& paths) {
  if (paths.empty()) return Invalid("which YAML files? - is standard input");
  v1::ApplyOrganisationRequest request;
  std::size_t bytes = 0;
  for (const std::string& path : paths) {
    TOCSIN_ASSIGN(std::string text, ReadFile(path));
    bytes += text.size();
    if (bytes > limits::kConfigurationBytes) {
      return Invalid("%s: with it the files have more than %d bytes; one organisation has at most so many", path,
                     limits::kConfigurationBytes);
    }
    auto& file = *request.add_files();
    file.set_name(path == "-" ? "standard input" : path);
    file.set_text(std::move(text));
  }
  return request;
}

absl::Status ReadTransition(const Arguments& arguments, v1::ScheduleTransition& to) {
  const std::string from = arguments.get("schedules-from", "now");
  to.set_let_holder_go(arguments.has("no-keep-holder"));
  if (from == "now") {
    to.set_from(v1::ScheduleTransition::FROM_NOW);
  } else if (from == "next-handoff") {
    to.set_from(v1::ScheduleTransition::FROM_NEXT_HANDOFF);
  } else if (from == "full-rotation") {
    to.set_from(v1::ScheduleTransition::FROM_FULL_ROTATION);
  } else {
    const absl::StatusOr<absl::Time> at = ParseInstant(from);
    if (!at.ok())
      return Invalid("--schedules-from: neither now, next-handoff nor full-rotation: %s", Message(at.status()));
    to.set_from(v1::ScheduleTransition::FROM_TIME);
    to.mutable_at()->set_seconds(absl::ToUnixSeconds(*at));
  }
  return absl::OkStatus();
}

namespace {

template <typename Lines>
void PrintLines(const Lines& lines) {
  for (const std::string& line : lines)
    std::printf("%s\n", Printable(line).c_str());
}

// What came of apply, diff or rollback.
absl::Status Report(const Arguments& arguments, const v1::ApplyOrganisationResponse& response, bool dry_run) {
  if (WantsJson(arguments)) {
    PrintJson(response);
  } else {
    PrintProblems(response.problems(), "");
    PrintProblems(response.warnings(), "warning: ");
    PrintLines(response.differences());
    PrintLines(response.transitions());
    const auto version = static_cast<unsigned long long>(response.version());
    if (response.problems_size() > 0) {
    } else if (response.differences_size() == 0) {
      std::printf("nothing differs from version %llu, which is in force\n", version);
    } else if (dry_run) {
      std::printf("valid; not applied, version %llu stays in force\n", version);
    } else {
      std::printf("applied: version %llu is in force\n", version);
    }
  }
  if (response.problems_size() == 0) return absl::OkStatus();
  return Precondition(dry_run ? "%d problem(s): this could not be applied" : "%d problem(s); nothing was applied",
                      response.problems_size());
}

absl::StatusOr<std::uint64_t> ParseVersion(const std::string& text) {
  std::uint64_t version = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error == std::errc() && stop == text.data() + text.size() && version > 0) return version;
  return Invalid("%s is not the number of a version; `tocsin versions` lists them", text);
}

absl::StatusOr<v1::GetVersionResponse> GetVersion(const Client& client, std::uint64_t id, std::uint64_t against) {
  v1::GetVersionRequest request;
  request.set_id(id);
  request.set_against(against);
  return client.Call<OrganisationService>(&OrganisationService::Stub::GetVersion, request);
}

absl::Status ShowVersion(const Arguments& arguments, const Client& client) {
  TOCSIN_ASSIGN(const std::uint64_t id, ParseVersion(arguments.positional()[0]));
  std::uint64_t against = 0;
  if (arguments.positional().size() > 1) {
    TOCSIN_ASSIGN(against, ParseVersion(arguments.positional()[1]));
  }
  TOCSIN_ASSIGN(const auto response, GetVersion(client, id, against));
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  const v1::ConfigurationVersion& version = response.version();
  std::printf("version %llu, applied %s by %s%s%s, hash %s\n", static_cast<unsigned long long>(version.id()),
              Show(version.at()).c_str(), Printable(version.author()).c_str(), version.reason().empty() ? "" : ": ",
              Printable(version.reason()).c_str(), response.hash().c_str());
  if (response.against() == 0) {
    std::printf("the version before it is not kept\n");
  } else {
    std::printf("against version %llu:\n", static_cast<unsigned long long>(response.against()));
    PrintLines(response.differences());
    if (response.differences_size() == 0) std::printf("nothing differs\n");
  }
  return absl::OkStatus();
}

absl::Status ListVersions(const Arguments& arguments, const Client& client) {
  v1::ListVersionsRequest request;
  request.set_page_size(200);
  v1::ListVersionsResponse response;
  do {  // a page of large organisations is short
    TOCSIN_ASSIGN(auto page, client.Call<OrganisationService>(&OrganisationService::Stub::ListVersions, request));
    response.mutable_entries()->MergeFrom(page.entries());
    request.set_cursor(page.next_cursor());
  } while (!request.cursor().empty());
  if (WantsJson(arguments)) {
    PrintJson(response);
    return absl::OkStatus();
  }
  Table table({"VERSION", "APPLIED", "BY", "HASH", "WHY"});
  for (const auto& entry : response.entries()) {
    const v1::ConfigurationVersion& version = entry.version();
    std::string why = Printable(version.reason());
    if (version.repeats() != 0) {
      why = absl::StrFormat("back to version %d%s%s", version.repeats(), why.empty() ? "" : ": ", why);
    }
    table.Add({absl::StrFormat("%d%s", version.id(), entry.in_force() ? " *" : ""), Show(version.at()),
               Printable(version.author()), entry.hash().substr(0, 12), why});
  }
  if (table.empty()) {
    std::printf("nothing has been applied yet; `tocsin apply FILE...` declares an organisation\n");
    return absl::OkStatus();
  }
  table.Print();
  std::printf("* in force; `tocsin versions N` shows what a version changed, `tocsin rollback N` goes back to it\n");
  return absl::OkStatus();
}

constexpr OptionSpec kReasonOption = {"reason", 'm', true, "TEXT", "why; kept with the change"};
constexpr OptionSpec kExpectOption = {"expect", 0, true, "N", "only if version N is still in force"};

absl::StatusOr<std::uint64_t> ExpectedVersion(const Arguments& arguments) {
  if (!arguments.has("expect")) return std::uint64_t{0};
  return ParseVersion(arguments.get("expect"));
}

absl::Status ApplyFiles(const Arguments& arguments, const Client& client, bool dry_run) {
  TOCSIN_ASSIGN(v1::ApplyOrganisationRequest request, ReadFiles(arguments.positional()));
  TOCSIN_TRY(ReadTransition(arguments, *request.mutable_schedules()));
  request.set_dry_run(dry_run);
  request.set_reason(arguments.get("reason"));
  TOCSIN_ASSIGN(const std::uint64_t expected, ExpectedVersion(arguments));
  request.set_expected_version(expected);
  request.set_request_id(NewRequestId());
  ShowTokenFirst(client, request.ByteSizeLong());
  TOCSIN_ASSIGN(const auto response,
                client.Call<OrganisationService>(&OrganisationService::Stub::ApplyOrganisation, request));
  return Report(arguments, response, dry_run);
}

// Without files or a version: through the configuration as it was, of which nothing should come out different.
absl::Status DiffByReplay(const Arguments& arguments, const Client& client) {
  v1::StartReplayRequest request;
  TOCSIN_TRY(PutReplayTimes(arguments, request));
  if (arguments.has("version")) {
    TOCSIN_ASSIGN(const std::uint64_t version, ParseVersion(arguments.get("version")));
    request.set_version(version);
  }
  if (!arguments.positional().empty()) {
    TOCSIN_ASSIGN(const v1::ApplyOrganisationRequest files, ReadFiles(arguments.positional()));
    *request.mutable_files() = files.files();
  }
  ShowTokenFirst(client, request.ByteSizeLong());
  TOCSIN_ASSIGN(const v1::Replay started,
                client.Call<v1::ReplayService>(&v1::ReplayService::Stub::StartReplay, request));
  if (!WantsJson(arguments)) {
    PrintProblems(started.problems(), "");
    PrintProblems(started.warnings(), "warning: ");
    PrintLines(started.differences());
    if (started.differences_size() > 0) std::printf("\n");
  }
  if (started.problems_size() > 0) return Precondition("%d problem(s); nothing was replayed", started.problems_size());
  TOCSIN_ASSIGN(v1::Replay replay, AwaitReplay(client, started));
  if (WantsJson(arguments)) {
    *replay.mutable_differences() = started.differences();
    *replay.mutable_warnings() = started.warnings();
    PrintJson(replay);
  } else {
    PrintReplay(replay.result());
  }
  return absl::OkStatus();
}

void PrintAudit(const v1::ListAuditResponse& response) {
  Table table({"WHEN", "WHO", "FROM", "WHAT", "OF", "BEFORE", "AFTER", "REMARK"});
  for (const v1::AuditEntry& entry : response.entries()) {
    const std::string who =
        Printable(entry.actor()) + (entry.token() == 0 ? "" : absl::StrFormat(" (T%d)", entry.token()));
    table.Add({Show(entry.at()), who, Printable(entry.origin()), Printable(entry.action()), Printable(entry.object()),
               Printable(entry.before()), Printable(entry.after()), Printable(entry.text())});
  }
  table.Print();
}

absl::Status PutInstant(const Arguments& arguments,
                        std::string_view name,
                        google::protobuf::Timestamp* (*field)(v1::ListAuditRequest&),
                        v1::ListAuditRequest& request) {
  if (!arguments.has(name)) return absl::OkStatus();
  TOCSIN_ASSIGN(const absl::Time time, ParseSince(arguments.get(name)));
  field(request)->set_seconds(absl::ToUnixSeconds(time));
  return absl::OkStatus();
}

// An action that no entry can have is a slip of the pen.
absl::Status CheckAction(const Arguments& arguments) {
  const std::string wanted = arguments.get("action");
  if (wanted.empty()) return absl::OkStatus();
  std::vector<std::string_view> names;
  const google::protobuf::FileDescriptor& api = *v1::ListAuditRequest::descriptor()->file();
  for (int i = 0; i < api.service_count(); ++i) {
    for (int k = 0; k < api.service(i)->method_count(); ++k)
      names.emplace_back(api.service(i)->method(k)->name());
  }
  if (std::ranges::find(names, wanted) != names.end()) return absl::OkStatus();
  const std::string_view nearest = Nearest(wanted, names);
  return Invalid(
      "--action: there is no %s%s; actions are called as the API's methods are: AcknowledgeGroup, "
      "ApplyOrganisation, CreateSilence ...",
      JsonQuote(wanted), nearest.empty() ? "" : absl::StrFormat(" (did you mean %s?)", nearest));
}

// Follows the cursor until `limit` entries are there: a page may be short, and still not the last.
absl::Status ShowAudit(const Arguments& arguments, const Client& client) {
  v1::ListAuditRequest request;
  TOCSIN_TRY(CheckAction(arguments));
  request.set_actor(arguments.get("actor"));
  request.set_object(arguments.get("object"));
  if (!request.object().empty() && request.object() != "configuration" &&
      !ParseReference(request.object(), "GISMTPNBO").ok()) {
    return Invalid("--object: %s is neither `configuration` nor a letter and a number such as G17, I3, S5, M6, T2, O12",
                   JsonQuote(request.object()));
  }
  request.set_action(arguments.get("action"));
  TOCSIN_TRY(PutInstant(
      arguments, "since", [](v1::ListAuditRequest& r) { return r.mutable_since(); }, request));
  TOCSIN_TRY(PutInstant(
      arguments, "until", [](v1::ListAuditRequest& r) { return r.mutable_until(); }, request));
  TOCSIN_ASSIGN(const std::uint32_t most, NumberOf(arguments, "limit", 100, 1, 1'000'000));
  const int limit = static_cast<int>(most);
  v1::ListAuditResponse all;
  while (all.entries_size() < limit) {
    request.set_page_size(static_cast<std::uint32_t>(std::min(limit - all.entries_size(), 1000)));
    TOCSIN_ASSIGN(const auto response, client.Call<AuditService>(&AuditService::Stub::ListAudit, request));
    all.mutable_entries()->MergeFrom(response.entries());
    all.set_next_cursor(response.next_cursor());
    if (response.next_cursor().empty()) break;
    request.set_cursor(response.next_cursor());
  }
  if (WantsJson(arguments)) {
    PrintJson(all);
    return absl::OkStatus();
  }
  if (all.entries().empty()) {
    std::printf("no entry of the audit log is so\n");
    return absl::OkStatus();
  }
  PrintAudit(all);
  if (!all.next_cursor().empty()) std::printf("... and older ones; --limit shows more, --until goes back\n");
  return absl::OkStatus();
}

}  // namespace

int RunApply(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"dry-run", 'n', false, "", "check and show the differences, change nothing"},
      kReasonOption,
      kExpectOption,
      kFromOption,
      kHolderOption
  };
  return WithClient("apply", arguments, kOwn, [](const Arguments& parsed, const Client& client) {
    return ApplyFiles(parsed, client, parsed.has("dry-run"));
  });
}

int RunDiff(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"replay",  0, true, "SPAN", "replay the last 1h, 24h, 7d through it: who would have been paged, and who was"},
      {"from",    0, true, "TIME", "replay from then on"                                                           },
      {"to",      0, true, "TIME", "replay until then (default: now)"                                              },
      {"version", 0, true, "N",    "replay through this former version instead of files"                           },
      kFromOption,
      kHolderOption
  };
  return WithClient("diff", arguments, kOwn, [](const Arguments& parsed, const Client& client) {
    if (parsed.has("replay") || parsed.has("from")) return DiffByReplay(parsed, client);
    return ApplyFiles(parsed, client, /*dry_run=*/true);
  });
}

int RunExport(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"version", 0, true, "N", "this one instead of the one in force"}
  };
  return WithClient("export", arguments, kOwn, [](const Arguments& parsed, const Client& client) -> absl::Status {
    if (parsed.has("version")) {
      TOCSIN_ASSIGN(const std::uint64_t id, ParseVersion(parsed.get("version")));
      TOCSIN_ASSIGN(const auto response, GetVersion(client, id, 0));
      if (WantsJson(parsed)) {
        PrintJson(response);
      } else {
        std::printf("%s", response.yaml().c_str());
      }
      return absl::OkStatus();
    }
    TOCSIN_ASSIGN(const auto response, client.Call<OrganisationService>(&OrganisationService::Stub::GetOrganisation,
                                                                        v1::GetOrganisationRequest()));
    if (WantsJson(parsed)) {
      PrintJson(response);
    } else {
      std::printf("%s", response.yaml().c_str());
    }
    return absl::OkStatus();
  });
}

int RunVersions(std::span<const std::string> arguments) {
  return WithClient("versions", arguments, {}, [](const Arguments& parsed, const Client& client) {
    return parsed.positional().empty() ? ListVersions(parsed, client) : ShowVersion(parsed, client);
  });
}

int RunRollback(std::span<const std::string> arguments) {
  constexpr OptionSpec kOwn[] = {
      {"dry-run", 'n', false, "", "show the differences, change nothing"},
      kReasonOption,
      kExpectOption,
      kFromOption,
      kHolderOption
  };
  return WithClient("rollback", arguments, kOwn, [](const Arguments& parsed, const Client& client) -> absl::Status {
    if (parsed.positional().size() != 1) return Invalid("to which version? `tocsin versions` lists them");
    v1::RollBackRequest request;
    TOCSIN_ASSIGN(const std::uint64_t version, ParseVersion(parsed.positional()[0]));
    request.set_version(version);
    TOCSIN_TRY(ReadTransition(parsed, *request.mutable_schedules()));
    request.set_dry_run(parsed.has("dry-run"));
    request.set_reason(parsed.get("reason"));
    TOCSIN_ASSIGN(const std::uint64_t expected, ExpectedVersion(parsed));
    request.set_expected_version(expected);
    request.set_request_id(NewRequestId());
    TOCSIN_ASSIGN(const auto response, client.Call<OrganisationService>(&OrganisationService::Stub::RollBack, request));
    return Report(parsed, response, request.dry_run());
  });
}

int RunAudit(std::span<const std::string> arguments) {
  if (!arguments.empty() && arguments.front() == "verify") return RunAuditVerify(arguments.subspan(1));
  constexpr OptionSpec kOwn[] = {
      {"actor",  0,   true, "WHO",  "only of user:alice, token:deploy-bot ..."         },
      {"object", 0,   true, "WHAT", "only about G17, I3, S5, M6, T2, configuration"    },
      {"action", 0,   true, "NAME", "only AcknowledgeGroup, ApplyOrganisation ..."     },
      {"since",  0,   true, "TIME", "only from then on; 2h: of the last two hours"     },
      {"until",  0,   true, "TIME", "only before then"                                 },
      {"limit",  'l', true, "N",    "at most so many (default 100), the newest of them"}
  };
  return WithClient("audit", arguments, kOwn, ShowAudit);
}

}  // namespace tocsin
