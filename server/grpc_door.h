// The gRPC port of a process, by its flags; and what is measured of it.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

#include "base/metrics.h"
#include "net/grpc_server.h"
#include "net/tls.h"

namespace tocsin {

// `address`: host:port, of --grpc; becomes that with the port that it is. Null `tls`: none. `proxies` may have more connections than one
// address else. `blocks`: what it reads into, see GrpcServer.
absl::StatusOr<std::unique_ptr<GrpcServer>> ListenForGrpc(std::string& address,
                                                          std::shared_ptr<TlsKeeper> tls,
                                                          TrustedProxies proxies,
                                                          GrpcServer::Blocks blocks = {});

// `server` outlives whoever renders them.
void AddGrpcMetrics(MetricRegistry& registry, const GrpcServer& server);

}  // namespace tocsin
