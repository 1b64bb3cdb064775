// TLS of the gRPC doors, from the same keeper as that of the HTTP doors; and what is measured of it.
#pragma once

#include <memory>

#include "absl/time/time.h"
#include <grpcpp/security/server_credentials.h>

#include "base/metrics.h"
#include "net/tls.h"

namespace tocsin {

// Null: without TLS.
std::shared_ptr<grpc::ServerCredentials> MakeGrpcCredentials(std::shared_ptr<TlsKeeper> keeper);

void AddTlsMetrics(MetricRegistry& registry, const std::shared_ptr<const TlsKeeper>& keeper);

// What SIGHUP asks for. The log says what came of it.
void ReloadTls(TlsKeeper* keeper, absl::Time now);

}  // namespace tocsin
