// The process's settings, from the command line. The organisation's are in YAML. The only place that knows absl flags.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "net/forwarded.h"
#include "net/tls.h"

namespace tocsin {

struct ServeOptions {
  std::string data;  // the store's folder
  std::string http;  // host:port; port 0: any free one
  std::string grpc;
  std::string smtp;                 // for mails that are alerts; empty: none are taken
  std::vector<std::string> config;  // YAML files, applied at start when they differ from what the store has
  bool sample = false;              // the built-in sample organisation, when the store has none
  std::uint32_t shards = 1;
  std::uint64_t max_groups = 10'000;  // of a shard; further alerts join their route's overflow group
  std::string log_level;
  std::string default_integration;     // to which POST /api/v2/alerts belongs
  TlsFiles tls;                        // no certificate: no TLS
  std::uint64_t low_water_mib = 1024;  // free disk below this: alerts are refused, paging goes on
  std::uint32_t history_days = 7;      // what came in is kept so long for replays; 0: not at all
  std::uint64_t history_mib = 4096;    // and at most so much of it
  std::uint32_t retain_days = 90;      // closed groups
  std::uint32_t retain_incident_days = 365;
  std::uint32_t retain_audit_days = 365;
  std::string archive;                 // folder to which the journal is copied; empty: it is not
  std::uint32_t archive_seconds = 60;  // between two rounds of that
  std::string secrets_key_file;        // the master key; empty: a credential, or the one in the folder (config/vault.h)
  std::vector<std::string> audit_heads;  // where the audit log's head is told, beside the log: files, URLs, syslog
  std::uint64_t retain_mib = 10'240;     // of closed groups and incidents
  std::vector<std::string>
      allow_webhooks_to;              // networks (CIDR) that the organisation's URLs may lead to although private
  TrustedProxies proxies;             // fronts, whose headers say whom something is from
  std::string sign_in;                // YAML file: providers by whom people log in; empty: none
  std::string gateway_socket;         // at which gateways attach; empty: none do
  std::uint32_t canary_seconds = 30;  // between two canaries; 0: none are sent
  std::string beats_file;             // URLs that get a GET while pages arrive; empty: none but dead_man's
};

struct GatewayOptions {
  std::string engine;  // the engine's --gateway_socket
  std::string http;
  std::string grpc;
  std::string default_integration;  // as the engine's
  TlsFiles tls;                     // no certificate: no TLS
  TrustedProxies proxies;           // as the engine's
  std::string log_level;
};

// For `tocsin serve --help` and `tocsin gateway --help`.
std::string DescribeServeFlags();
std::string DescribeGatewayFlags();

// Parses what follows `tocsin serve`. Invalid names the flag.
absl::StatusOr<ServeOptions> ParseServeFlags(std::vector<std::string> arguments);
// And what follows `tocsin gateway`.
absl::StatusOr<GatewayOptions> ParseGatewayFlags(std::vector<std::string> arguments);

}  // namespace tocsin
