#include "cli/audit_verify.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

#include "base/status.h"
#include "cli/head_lines.h"
#include "cli/output.h"
#include "cli/session.h"
#include "storage/audit_verify.h"
#include "storage/format_file.h"
#include "tocsin/v1/audit.grpc.pb.h"
#include "tocsin/v1/audit.pb.h"

namespace tocsin {
namespace {

constexpr int kChanged = 3;
constexpr std::size_t kHeads = 5000;  // are sent to a server, which takes messages of 4 MiB
constexpr std::uint32_t kLongestKept = 36'500;

absl::StatusOr<std::string> ReadLines(const std::vector<std::string>& paths) {
  HeadLines lines(kHeads);
  for (const std::string& path : paths) {
    std::ifstream file;
    if (path != "-") {
      file.open(path);
      if (!file) return NotFound("--heads: cannot read %s", path);
    }
    TOCSIN_TRY(Annotate(lines.Read(path == "-" ? std::cin : file), "--heads: " + path));
  }
  if (!paths.empty() && lines.empty())
    return Invalid("--heads: there is no head of an audit log in it; they begin with tocsin-audit 1");
  return std::move(lines).Text();
}

void Print(const Arguments& parsed, const v1::VerifyAuditResponse& found, bool with_heads) {
  if (WantsJson(parsed)) {
    PrintJson(found);
    return;
  }
  for (const std::string& line : found.lines())
    std::printf("%s\n", Printable(line).c_str());
  if (!found.faults().empty()) {
    std::printf(
        "\nsomebody has changed the audit log: keep the folder and the heads as they are, and see "
        "docs/operations.md\n");
  } else if (with_heads && found.heads() == 0) {
    std::printf("\nthe chain is whole, and no head says whether all of it was written anew\n");
  } else if (with_heads) {
    std::printf(
        "\nnobody has changed the audit log: every entry is as it was written, and %llu heads that were told outside "
        "fit\n",
        static_cast<unsigned long long>(found.heads()));
  } else {
    std::printf(
        "\nthe chain is whole. Only heads that were told outside (--heads FILE) show whether all of it was written "
        "anew\n");
  }
}

absl::StatusOr<v1::VerifyAuditResponse> VerifyFolder(const std::string& data, const v1::VerifyAuditRequest& request) {
  FileSystem& files = PosixFileSystem();
  TOCSIN_ASSIGN(const std::optional<StoreFormat> format, ReadFormat(files, data));
  if (!format) return NotFound("%s: there is no store: the file FORMAT is missing", data);
  const std::string store = absl::StrFormat("%016x%016x", format->store.high, format->store.low);
  const NotedHeads noted =
      ReadHeads(request.heads(), store, {request.keys().begin(), request.keys().end()}, 2 * kHeads);
  const absl::Duration kept = absl::Hours(24) * (request.kept_days() == 0 ? 365 : request.kept_days());
  TOCSIN_ASSIGN(AuditReport report,
                VerifyAuditOf(files, data, {.heads = noted.heads, .now = absl::Now(), .kept = kept}));
  Add(noted, report);
  v1::VerifyAuditResponse response;
  PutReport(report, response);
  return response;
}

absl::StatusOr<v1::VerifyAuditRequest> RequestOf(const Arguments& parsed) {
  if (!parsed.positional().empty()) return Invalid("%s: it takes options only", parsed.positional()[0]);
  v1::VerifyAuditRequest request;
  TOCSIN_ASSIGN(std::string heads, ReadLines(parsed.all("heads")));
  request.set_heads(std::move(heads));
  for (const std::string& key : parsed.all("key"))
    request.add_keys(key);
  TOCSIN_ASSIGN(const std::uint32_t days, NumberOf(parsed, "kept-days", 0, 1, kLongestKept));
  request.set_kept_days(days);
  return request;
}

}  // namespace

int RunAuditVerify(std::span<const std::string> arguments) {
  const OptionSpec own[] = {
      {"heads",     0, true, "FILE",
       "compare with what was told outside (may be given more than once; - is standard input)"                          },
      {"data",      0, true, "DIR",
       "of this folder: the store of a stopped server, or a backup; without it the server's own"                        },
      {"key",       0, true, "HEX",  "a public key by which heads may be signed, too: of before a restore"              },
      {"kept-days", 0, true, "N",    "entries were kept so long (default: as the server is configured; with --data 365)"},
      kServerOption,
      kTokenOption,
      kTokenFileOption,
      kOutputOption
  };
  bool changed = false;
  const int code = WithArguments("audit verify", arguments, own, [&](const Arguments& parsed) -> absl::Status {
    TOCSIN_TRY(CheckOutput(parsed));
    TOCSIN_ASSIGN(const v1::VerifyAuditRequest request, RequestOf(parsed));
    v1::VerifyAuditResponse found;
    if (parsed.has("data")) {
      TOCSIN_ASSIGN(found, VerifyFolder(parsed.get("data"), request));
    } else {
      TOCSIN_ASSIGN(const Client client, Client::Make(parsed));
      TOCSIN_ASSIGN(found, client.Call<v1::AuditChainService>(&v1::AuditChainService::Stub::VerifyAudit, request));
    }
    Print(parsed, found, parsed.has("heads"));
    changed = !found.faults().empty();
    if (!changed && parsed.has("heads") && found.heads() == 0) {
      return Precondition(
          "none of the heads could be compared: they are of another store, or of entries that retention has taken");
    }
    return absl::OkStatus();
  });
  return code == 0 && changed ? kChanged : code;
}

}  // namespace tocsin
