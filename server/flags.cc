#include "server/flags.h"

#include <algorithm>
#include <span>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/reflection.h"
#include "absl/flags/usage.h"

#include "base/status.h"
#include "base/strings.h"

ABSL_FLAG(std::string, data, "./data", "folder of the store; made when absent");
ABSL_FLAG(std::string, http, "127.0.0.1:8911", "address of webhooks, JSON API, links and metrics");
ABSL_FLAG(std::string, grpc, "127.0.0.1:8912", "address of the gRPC stream and API");
ABSL_FLAG(std::string,
          smtp,
          "",
          "address at which mails that are alerts are taken, such as 127.0.0.1:2525, on loopback or behind a relay; "
          "empty: none");
ABSL_FLAG(std::vector<std::string>,
          config,
          {},
          "YAML files of the organisation, comma-separated; applied at start when they differ from what the store has");
ABSL_FLAG(bool, sample, false, "declare the built-in sample organisation when the store has none");
ABSL_FLAG(std::uint32_t,
          shards,
          1,
          "threads that hold the alert table; fixed when the store is made; one takes over a million alerts a second");
ABSL_FLAG(
    std::uint64_t,
    max_groups,
    10'000,
    "open groups that each of these threads keeps; alerts that would make one more join their route's overflow group, "
    "which pages once. Each takes some 10 KB of memory");
ABSL_FLAG(std::string, log_level, "info", "debug, info, warning or error");
ABSL_FLAG(std::string,
          default_integration,
          "default",
          "integration to which POST /api/v2/alerts belongs; without a key it is open on loopback only");
ABSL_FLAG(std::string,
          tls_certificate,
          "",
          "PEM chain for HTTP and gRPC, read again when it changes and at SIGHUP; empty: no TLS");
ABSL_FLAG(std::string, tls_key, "", "PEM key of that certificate, without a password");
ABSL_FLAG(std::string,
          tls_client_ca,
          "",
          "PEM certificates of who signs those of clients; whoever shows none of theirs is refused at both doors");
ABSL_FLAG(std::string, tls_client_crl, "", "PEM revocation lists of these");
ABSL_FLAG(std::uint64_t,
          low_water_mib,
          1024,
          "free disk in MiB below which alerts are refused with a retry hint while paging goes on");
ABSL_FLAG(
    std::uint32_t,
    history_days,
    7,
    "days for which what came in is kept, so that `tocsin diff --replay` can try a configuration on it; 0: not at all");
ABSL_FLAG(std::uint64_t,
          history_mib,
          4096,
          "at most so many MiB of it; the oldest goes first, and when the disk fills up");
ABSL_FLAG(std::string,
          archive,
          "",
          "folder on another disk to which the journal is copied, so that `tocsin restore --archive` can go to any "
          "point in time; it has to be there; empty: none");
ABSL_FLAG(std::uint32_t, archive_seconds, 60, "what is new of the journal is copied to the archive so often");
ABSL_FLAG(std::uint32_t, retain_days, 90, "closed groups, with their pages and timelines, are kept so long");
ABSL_FLAG(std::uint32_t, retain_incident_days, 365, "closed incidents, with their timelines, are kept so long");
ABSL_FLAG(std::uint32_t, retain_audit_days, 365, "entries of the audit log are kept so long");
ABSL_FLAG(std::string,
          secrets_key_file,
          "",
          "file with the master key that secrets on the disk are encrypted by; empty: the systemd credential "
          "secrets.key, else "
          "secrets.key in the store's folder, which is made");
ABSL_FLAG(std::vector<std::string>,
          audit_heads,
          {},
          "where the signed head of the audit log is told each minute in which it has changed, beside the log: files "
          "outside of the "
          "store (/...), URLs to post to, `syslog`; `tocsin audit verify --heads` compares");
ABSL_FLAG(std::uint64_t,
          retain_mib,
          10'240,
          "closed groups and incidents may take so much (before compression); above it the oldest go; 0: no bound");
ABSL_FLAG(
    std::vector<std::string>,
    allow_webhooks_to,
    {},
    "networks such as 10.1.0.0/16 that what the organisation names may reach although they are private: webhooks, "
    "Slack, Twilio, dead_man; mail reaches private networks and this machine anyhow");
ABSL_FLAG(std::vector<std::string>,
          trusted_proxies,
          {},
          "addresses or networks of fronts and load balancers, such as 127.0.0.1 or 10.1.0.0/16: of what comes through "
          "them X-Forwarded-For or Forwarded says whom it is from; everybody else's headers count for nothing");
ABSL_FLAG(
    std::string,
    sign_in,
    "",
    "YAML: providers of OpenID Connect by whom people log in (docs/access.md); read again at SIGHUP; empty: none");
ABSL_FLAG(std::string,
          gateway_socket,
          "",
          "path of a Unix socket at which `tocsin gateway` attaches, so that alerts come in by another process; empty: "
          "none does");
ABSL_FLAG(
    std::uint32_t,
    canary_seconds,
    30,
    "a message of tocsin's own goes the whole way of a page so often, and only when it has arrived the heartbeat is "
    "sent to the dead-man services; 0: none is sent");
ABSL_FLAG(std::string,
          beats_file,
          "",
          "file with URLs of dead-man services and of other tocsins' heartbeats, one a line, beside the organisation's "
          "dead_man: each gets a GET while pages arrive; read again at SIGHUP");
ABSL_FLAG(std::string, engine, "", "the engine's --gateway_socket");

namespace tocsin {
namespace {

using Flags = std::span<const absl::CommandLineFlag* const>;

const absl::CommandLineFlag* const kServeFlags[] = {
    &absl::GetFlagReflectionHandle(FLAGS_data),
    &absl::GetFlagReflectionHandle(FLAGS_http),
    &absl::GetFlagReflectionHandle(FLAGS_grpc),
    &absl::GetFlagReflectionHandle(FLAGS_smtp),
    &absl::GetFlagReflectionHandle(FLAGS_config),
    &absl::GetFlagReflectionHandle(FLAGS_sample),
    &absl::GetFlagReflectionHandle(FLAGS_shards),
    &absl::GetFlagReflectionHandle(FLAGS_max_groups),
    &absl::GetFlagReflectionHandle(FLAGS_log_level),
    &absl::GetFlagReflectionHandle(FLAGS_default_integration),
    &absl::GetFlagReflectionHandle(FLAGS_tls_certificate),
    &absl::GetFlagReflectionHandle(FLAGS_tls_key),
    &absl::GetFlagReflectionHandle(FLAGS_tls_client_ca),
    &absl::GetFlagReflectionHandle(FLAGS_tls_client_crl),
    &absl::GetFlagReflectionHandle(FLAGS_low_water_mib),
    &absl::GetFlagReflectionHandle(FLAGS_history_days),
    &absl::GetFlagReflectionHandle(FLAGS_history_mib),
    &absl::GetFlagReflectionHandle(FLAGS_archive),
    &absl::GetFlagReflectionHandle(FLAGS_archive_seconds),
    &absl::GetFlagReflectionHandle(FLAGS_retain_days),
    &absl::GetFlagReflectionHandle(FLAGS_retain_incident_days),
    &absl::GetFlagReflectionHandle(FLAGS_retain_audit_days),
    &absl::GetFlagReflectionHandle(FLAGS_audit_heads),
    &absl::GetFlagReflectionHandle(FLAGS_secrets_key_file),
    &absl::GetFlagReflectionHandle(FLAGS_retain_mib),
    &absl::GetFlagReflectionHandle(FLAGS_allow_webhooks_to),
    &absl::GetFlagReflectionHandle(FLAGS_trusted_proxies),
    &absl::GetFlagReflectionHandle(FLAGS_sign_in),
    &absl::GetFlagReflectionHandle(FLAGS_gateway_socket),
    &absl::GetFlagReflectionHandle(FLAGS_canary_seconds),
    &absl::GetFlagReflectionHandle(FLAGS_beats_file),
};

const absl::CommandLineFlag* const kGatewayFlags[] = {
    &absl::GetFlagReflectionHandle(FLAGS_engine),
    &absl::GetFlagReflectionHandle(FLAGS_http),
    &absl::GetFlagReflectionHandle(FLAGS_grpc),
    &absl::GetFlagReflectionHandle(FLAGS_default_integration),
    &absl::GetFlagReflectionHandle(FLAGS_tls_certificate),
    &absl::GetFlagReflectionHandle(FLAGS_tls_key),
    &absl::GetFlagReflectionHandle(FLAGS_tls_client_ca),
    &absl::GetFlagReflectionHandle(FLAGS_tls_client_crl),
    &absl::GetFlagReflectionHandle(FLAGS_trusted_proxies),
    &absl::GetFlagReflectionHandle(FLAGS_log_level),
};

absl::StatusOr<TrustedProxies> GetProxies() {
  absl::StatusOr<TrustedProxies> proxies = TrustedProxies::Parse(absl::GetFlag(FLAGS_trusted_proxies));
  return proxies.ok() ? proxies : Annotate(proxies.status(), "--trusted_proxies");
}

TlsFiles GetTls() {
  return {absl::GetFlag(FLAGS_tls_certificate), absl::GetFlag(FLAGS_tls_key), absl::GetFlag(FLAGS_tls_client_ca),
          absl::GetFlag(FLAGS_tls_client_crl)};
}

std::string Describe(std::string text, Flags flags) {
  for (const absl::CommandLineFlag* flag : flags) {
    const std::string fallback = flag->DefaultValue();
    absl::StrAppendFormat(&text, "  --%-20s %s%s\n", flag->Name(), flag->Help(),
                          fallback.empty() ? "" : " (default " + fallback + ")");
  }
  return text;
}

// The library would end the process with fewer words.
absl::Status CheckNames(const std::vector<std::string>& arguments, Flags flags, std::string_view command) {
  std::vector<std::string_view> known;
  for (const absl::CommandLineFlag* flag : flags)
    known.emplace_back(ToStd(flag->Name()));
  for (const std::string& argument : arguments) {
    if (!argument.starts_with("--") || argument == "--") continue;
    const std::string name = argument.substr(2, argument.find('=') - 2);
    const std::string_view positive =
        name.starts_with("no") ? std::string_view(name).substr(2) : std::string_view(name);
    if (std::ranges::count(known, name) + std::ranges::count(known, positive) > 0) continue;
    return Invalid("there is no flag --%s; tocsin %s --help lists them", name, command);
  }
  return absl::OkStatus();
}

// Sets the flags.
absl::Status Parse(std::vector<std::string> arguments, Flags flags, std::string_view command) {
  absl::SetProgramUsageMessage(absl::StrFormat("tocsin %s [flags]", command));
  std::vector<char*> raw;
  for (std::string& argument : arguments) {
    // --low-water-mib, as the commands spell their options, is --low_water_mib.
    const std::size_t end = argument.starts_with("--") ? std::min(argument.find('='), argument.size()) : 0;
    for (std::size_t i = 2; i < end; ++i)
      argument[i] = argument[i] == '-' ? '_' : argument[i];
    raw.push_back(argument.data());
  }
  TOCSIN_TRY(CheckNames(arguments, flags, command));
  const std::vector<char*> rest = absl::ParseCommandLine(static_cast<int>(raw.size()), raw.data());
  if (rest.size() > 1) return Invalid("%s: %s takes flags only; see tocsin %s --help", rest[1], command, command);
  if (absl::GetFlag(FLAGS_tls_certificate).empty() != absl::GetFlag(FLAGS_tls_key).empty()) {
    return Invalid("--tls_certificate and --tls_key go together");
  }
  if (!absl::GetFlag(FLAGS_tls_client_ca).empty() && absl::GetFlag(FLAGS_tls_certificate).empty())
    return Invalid("--tls_client_ca needs --tls_certificate: clients show theirs when the server shows its own");
  if (!absl::GetFlag(FLAGS_tls_client_crl).empty() && absl::GetFlag(FLAGS_tls_client_ca).empty())
    return Invalid("--tls_client_crl needs --tls_client_ca: it says which of its certificates count no more");
  return absl::OkStatus();
}

// After the history's.
absl::Status ReadArchiveFlags(ServeOptions& options) {
  options.archive = absl::GetFlag(FLAGS_archive);
  options.archive_seconds = absl::GetFlag(FLAGS_archive_seconds);
  if (options.archive_seconds < 1 || options.archive_seconds > 3600)
    return Invalid("--archive_seconds: %d is not in 1..3600", options.archive_seconds);
  const bool keeps = options.history_days > 0 && options.history_mib > 0;
  if (options.archive.empty() || keeps) return absl::OkStatus();
  return Invalid(
      "--archive needs --history_days and --history_mib of at least 1: what is not archived yet is kept there");
}

}  // namespace

std::string DescribeServeFlags() {
  return Describe("tocsin serve [flags]: takes alerts in and pages people. --low-water-mib and the like work, too\n\n",
                  kServeFlags);
}

std::string DescribeGatewayFlags() {
  return Describe(
      "tocsin gateway --engine=PATH [flags]: takes alerts in for a `tocsin serve --gateway_socket=PATH` of the same "
      "user "
      "on the same machine\n\n",
      kGatewayFlags);
}

absl::StatusOr<GatewayOptions> ParseGatewayFlags(std::vector<std::string> arguments) {
  TOCSIN_TRY(Parse(std::move(arguments), kGatewayFlags, "gateway"));
  GatewayOptions options;
  options.engine = absl::GetFlag(FLAGS_engine);
  options.http = absl::GetFlag(FLAGS_http);
  options.grpc = absl::GetFlag(FLAGS_grpc);
  options.default_integration = absl::GetFlag(FLAGS_default_integration);
  options.tls = GetTls();
  TOCSIN_ASSIGN(options.proxies, GetProxies());
  options.log_level = absl::GetFlag(FLAGS_log_level);
  if (options.engine.empty()) return Invalid("--engine: which? the path that `tocsin serve --gateway_socket` has");
  return options;
}

absl::StatusOr<ServeOptions> ParseServeFlags(std::vector<std::string> arguments) {
  TOCSIN_TRY(Parse(std::move(arguments), kServeFlags, "serve"));
  ServeOptions options;
  options.data = absl::GetFlag(FLAGS_data);
  options.http = absl::GetFlag(FLAGS_http);
  options.grpc = absl::GetFlag(FLAGS_grpc);
  options.smtp = absl::GetFlag(FLAGS_smtp);
  options.config = absl::GetFlag(FLAGS_config);
  options.sample = absl::GetFlag(FLAGS_sample);
  options.shards = absl::GetFlag(FLAGS_shards);
  options.max_groups = absl::GetFlag(FLAGS_max_groups);
  if (options.max_groups < 100 || options.max_groups > 10'000'000)
    return Invalid("--max_groups: %d is not in 100..10000000", options.max_groups);
  options.log_level = absl::GetFlag(FLAGS_log_level);
  options.default_integration = absl::GetFlag(FLAGS_default_integration);
  options.tls = GetTls();
  options.low_water_mib = absl::GetFlag(FLAGS_low_water_mib);
  options.history_days = absl::GetFlag(FLAGS_history_days);
  options.history_mib = absl::GetFlag(FLAGS_history_mib);
  if (options.history_days > 3650) return Invalid("--history_days: %d is not in 0..3650", options.history_days);
  if (options.history_mib > (1ULL << 30U)) return Invalid("--history_mib: %d is more than 2^30", options.history_mib);
  TOCSIN_TRY(ReadArchiveFlags(options));
  options.canary_seconds = absl::GetFlag(FLAGS_canary_seconds);
  if (options.canary_seconds > 3600) return Invalid("--canary_seconds: %d is not in 0..3600", options.canary_seconds);
  options.beats_file = absl::GetFlag(FLAGS_beats_file);
  options.retain_days = absl::GetFlag(FLAGS_retain_days);
  options.retain_incident_days = absl::GetFlag(FLAGS_retain_incident_days);
  options.retain_audit_days = absl::GetFlag(FLAGS_retain_audit_days);
  options.audit_heads = absl::GetFlag(FLAGS_audit_heads);
  options.secrets_key_file = absl::GetFlag(FLAGS_secrets_key_file);
  options.retain_mib = absl::GetFlag(FLAGS_retain_mib);
  for (const auto days : {options.retain_days, options.retain_incident_days, options.retain_audit_days}) {
    if (days < 1 || days > 36'500) return Invalid("--retain_days and the like: %d is not in 1..36500", days);
  }
  if (options.retain_mib > (1ULL << 30U)) return Invalid("--retain_mib: %d is more than 2^30", options.retain_mib);
  options.allow_webhooks_to = absl::GetFlag(FLAGS_allow_webhooks_to);
  TOCSIN_ASSIGN(options.proxies, GetProxies());
  options.sign_in = absl::GetFlag(FLAGS_sign_in);
  if (options.shards < 1 || options.shards > 64) return Invalid("--shards: %d is not in 1..64", options.shards);
  options.gateway_socket = absl::GetFlag(FLAGS_gateway_socket);
  return options;
}

}  // namespace tocsin
