#include "server/grpc_port.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/numbers.h"

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "net/http.h"
#include "server/before_start.h"
#include "server/grpc_tls.h"
#include "server/process.h"

namespace tocsin {
namespace {

// Of all connections that have not shown a key together: four of the longest first calls. What gRPC 1.51 makes of such bytes is bounded by
// nothing else (docs/faults.md).
constexpr std::uint64_t kMostUnvouched = 4 * limits::kBatchBytes;

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcPort>> GrpcPort::Listen(const std::string& address,
                                                           std::shared_ptr<TlsKeeper> tls,
                                                           TrustedProxies proxies) {
  TOCSIN_ASSIGN(const Address at, ParseAddress("grpc", address));
  std::unique_ptr<GrpcPort> port(new GrpcPort);
  ConnectionGate::Options options;
  options.host = at.host;
  options.any_is_both = true;  // as gRPC itself has it
  options.port = at.port;
  options.protocol = tls ? ConnectionGate::Protocol::kTls : ConnectionGate::Protocol::kHttp2;
  options.proxies = std::move(proxies);
  options.max_unvouched_bytes = kMostUnvouched;
  // One of TLS is three times as dear.
  options.max_connections = MostGrpcConnections() / (tls ? 2 : 1);
  options.max_waiting = std::min(options.max_waiting, options.max_connections);
  auto gate = ConnectionGate::Listen(std::move(options));
  if (!gate.ok()) {
    return CannotListen("grpc", address, gate.status());
  }
  port->gate_ = *std::move(gate);
  port->address_ = at.host + ":" + std::to_string(port->gate_->port());
  port->credentials_ = MakeGrpcCredentials(std::move(tls));
  return port;
}

void GrpcPort::AddMetrics(MetricRegistry& registry) const {
  using Kind = MetricRegistry::Kind;
  const auto add = [&](Kind kind, std::string_view name, std::string_view help,
                       std::uint64_t ConnectionGate::Statistics::*count, MetricLabels labels = {}) {
    registry.AddSampled(
        kind, name, help, [gate = gate_.get(), count] { return static_cast<double>(gate->ReadStatistics().*count); },
        std::move(labels));
  };
  using Statistics = ConnectionGate::Statistics;
  add(Kind::kCounter, "tocsin_grpc_connections_total", "Connections to the gRPC port.", &Statistics::accepted);
  add(Kind::kGauge, "tocsin_grpc_connections_open", "Connections that gRPC has.", &Statistics::open);
  add(Kind::kGauge, "tocsin_grpc_connections_waiting",
      "Connections that have not begun to speak, or wait for their turn.", &Statistics::waiting);
  const struct {
    std::string_view reason;
    std::uint64_t Statistics::*count;
  } refused[] = {
      {"full",    &Statistics::full   },
      {"address", &Statistics::crowded},
      {"silent",  &Statistics::silent },
      {"gone",    &Statistics::gone   },
      {"foreign", &Statistics::foreign},
      {"greedy",  &Statistics::greedy },
  };
  for (const auto& [reason, count] : refused) {
    add(Kind::kCounter, "tocsin_grpc_connections_refused_total",
        "Connections that were closed and gRPC never saw, by reason: full: too many, or its turn did not come; "
        "address: too "
        "many of one; silent: nothing said in time; gone: closed by the client; foreign: neither HTTP/2 nor TLS, "
        "whichever it is; greedy: cut off, since all that have shown no key had sent too much together.",
        count,
        {
            {"reason", std::string(reason)}
    });
  }
}

void GrpcPort::AddTo(grpc::ServerBuilder& builder) {
  using FromOutside = grpc::ServerBuilder::experimental_type::ExternalConnectionType;
  acceptor_ = builder.experimental().AddExternalConnectionAcceptor(FromOutside::FROM_FD, credentials_);
}

void GrpcPort::Begin() {
  gate_->Begin([this](int listener, int connection) {
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters given;
    given.listener_fd = listener;
    given.fd = connection;
    acceptor_->HandleNewConnection(&given);
  });
}

void GrpcPort::Vouch(std::string_view peer) {
  const std::string text = PercentDecode(peer, /*plus_is_space=*/false);
  if (!text.starts_with("ipv4:") && !text.starts_with("ipv6:")) return;
  const std::size_t colon = text.rfind(':');
  std::string_view host = std::string_view(text).substr(5, colon - std::min<std::size_t>(colon, 5));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  std::uint32_t port = 0;
  const std::optional<IpAddress> address = ParseIpAddress(host);
  if (address && absl::SimpleAtoi(ToAbsl(std::string_view(text).substr(colon + 1)), &port))
    gate_->Vouch(*address, static_cast<std::uint16_t>(port));
}

void GrpcPort::Stop() {
  gate_->Stop();
}

}  // namespace tocsin
