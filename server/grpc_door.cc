#include "server/grpc_door.h"

#include <cstdint>
#include <string_view>
#include <utility>

#include "base/limits.h"
#include "base/status.h"
#include "server/before_start.h"
#include "server/process.h"

namespace tocsin {
namespace {

// Of all connections that have not shown a key together: four of the longest first calls.
constexpr std::uint64_t kMostUnvouched = 4 * limits::kBatchBytes;

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcServer>> ListenForGrpc(std::string& address,
                                                          std::shared_ptr<TlsKeeper> tls,
                                                          TrustedProxies proxies,
                                                          GrpcServer::Blocks blocks) {
  TOCSIN_ASSIGN(const Address at, ParseAddress("grpc", address));
  GrpcServer::Options options;
  options.host = at.host;
  options.port = at.port;
  // One of TLS is dearer.
  options.max_connections = MostGrpcConnections() / (tls ? 2 : 1);
  options.max_unvouched_bytes = kMostUnvouched;
  options.tls = std::move(tls);
  options.proxies = std::move(proxies);
  options.blocks = std::move(blocks);
  absl::StatusOr<std::unique_ptr<GrpcServer>> server = GrpcServer::Listen(std::move(options));
  if (!server.ok()) return CannotListen("grpc", address, server.status());
  address = at.host + ":" + std::to_string((*server)->port());
  return server;
}

void AddGrpcMetrics(MetricRegistry& registry, const GrpcServer& server) {
  using Kind = MetricRegistry::Kind;
  using Statistics = GrpcServer::Statistics;
  using Gate = ConnectionGate::Statistics;
  const auto of_gate = [&](Kind kind, std::string_view name, std::string_view help, auto count,
                           MetricLabels labels = {}) {
    registry.AddSampled(
        kind, name, help, [&server, count] { return static_cast<double>(server.ReadStatistics().gate.*count); },
        std::move(labels));
  };
  of_gate(Kind::kCounter, "tocsin_grpc_connections_total", "Connections to the gRPC port.", &Gate::accepted);
  of_gate(Kind::kGauge, "tocsin_grpc_connections_open", "Connections that are served.", &Gate::open);
  of_gate(Kind::kGauge, "tocsin_grpc_connections_waiting",
          "Connections that have not begun to speak, or wait for their turn.", &Gate::waiting);
  const struct {
    std::string_view reason;
    std::uint64_t Gate::*count;
  } refused[] = {
      {"full",    &Gate::full   },
      {"address", &Gate::crowded},
      {"silent",  &Gate::silent },
      {"gone",    &Gate::gone   },
      {"foreign", &Gate::foreign},
      {"greedy",  &Gate::greedy },
  };
  for (const auto& [reason, count] : refused) {
    of_gate(
        Kind::kCounter, "tocsin_grpc_connections_refused_total",
        "Connections that were closed before they were served, by reason: full: too many, or its turn did not come; "
        "address: too many of one; silent: nothing said in time; gone: closed by the client; foreign: neither HTTP/2 "
        "nor TLS, whichever it is; greedy: cut off, since all that have shown no key had sent too much together.",
        count,
        {
            {"reason", std::string(reason)}
    });
  }
  const auto add = [&](std::string_view name, std::string_view help, std::uint64_t Statistics::*count,
                       MetricLabels labels = {}) {
    registry.AddSampled(
        Kind::kCounter, name, help, [&server, count] { return static_cast<double>(server.ReadStatistics().*count); },
        std::move(labels));
  };
  add("tocsin_grpc_calls_total", "Calls and streams that were begun.", &Statistics::calls);
  add("tocsin_grpc_calls_refused_total", "Calls that were refused by their headers: no such method, no such key.",
      &Statistics::refused);
  constexpr std::string_view kEnded = "tocsin_grpc_connections_ended_total";
  constexpr std::string_view kHelp =
      "Connections that were ended while they were served, by reason: malformed: they broke HTTP/2's rules; timeout: "
      "nothing was said, or nothing taken, for too long.";
  add(kEnded, kHelp, &Statistics::malformed,
      {
          {"reason", "malformed"}
  });
  add(kEnded, kHelp, &Statistics::timeouts,
      {
          {"reason", "timeout"}
  });
}

}  // namespace tocsin
