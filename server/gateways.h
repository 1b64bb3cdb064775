// The engine's doors for gateways (`tocsin gateway`): the socket at which they attach, and beside it, at the same path with ".http"
// behind, the HTTP server for what they only forward.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

#include "config/vault.h"
#include "engine/pipeline.h"
#include "gateway/host.h"
#include "net/http_server.h"

namespace tocsin {

class Gateways {
 public:
  // The engine outlives it, and so does what the router leads to.
  static absl::StatusOr<std::unique_ptr<Gateways>> Start(const std::string& path,
                                                         Engine& engine,
                                                         const Vault& vault,
                                                         HttpRouter router);

 private:
  Gateways() = default;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<GatewayHost> host_;
};

}  // namespace tocsin
