// The port that a gRPC server of ours is reached at. gRPC would accept whatever comes, quicker than it serves it and without a bound: so
// we listen, and hand it what a ConnectionGate lets through. TLS, addresses of peers and all else are as with a port of gRPC's own.
//
//   port = GrpcPort::Listen(...); port->AddTo(builder); server = builder.BuildAndStart(); port->Begin();
//   ...                           port->Stop(); server->Shutdown(...);
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include "base/metrics.h"
#include "net/connection_gate.h"
#include "net/tls.h"

namespace tocsin {

class GrpcPort {
 public:
  // `address`: host:port, of --grpc. Who connects waits until Begin. `proxies` may have more connections than one address else.
  static absl::StatusOr<std::unique_ptr<GrpcPort>> Listen(const std::string& address,
                                                          std::shared_ptr<TlsKeeper> tls,
                                                          TrustedProxies proxies);

  // host:port, with the port that it is.
  const std::string& address() const { return address_; }
  // Outlives whoever renders them.
  void AddMetrics(MetricRegistry& registry) const;
  void AddTo(grpc::ServerBuilder& builder);
  void Begin();
  // Whoever calls from `peer`, as gRPC spells it ("ipv4:192.0.2.1:4711"), has shown a key that opens something. Any thread.
  void Vouch(std::string_view peer);
  // Before the server is shut down.
  void Stop();

 private:
  GrpcPort() = default;

  std::string address_;
  std::shared_ptr<grpc::ServerCredentials> credentials_;  // asked as long as the server takes connections
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::unique_ptr<ConnectionGate> gate_;
};

}  // namespace tocsin
