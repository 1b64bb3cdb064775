#include "server/gateways.h"

#include <utility>

#include "base/status.h"
#include "server/sealing.h"

namespace tocsin {
namespace {

// The rules as gateways need them, made anew when what they are made of has changed.
class RulesForGateways {
 public:
  RulesForGateways(Engine& engine, const Vault& vault) : engine_(engine), vault_(vault) {}

  std::shared_ptr<const GatewayRules> Read() {
    const RulesPtr rules = engine_.rules();
    if (!rules) return nullptr;
    const AccessPtr access = engine_.access();
    if (made_ && rules->organisation == organisation_ && access == access_) return made_;
    organisation_ = rules->organisation;
    access_ = access;
    GatewayRules picked = PickGatewayRules(engine_.integrations(), organisation_, access_);
    // A gateway has no keys: it is told what it checks signatures by.
    picked.organisation = OpenedForUse(vault_, picked.organisation);
    made_ = std::make_shared<const GatewayRules>(std::move(picked));
    return made_;
  }

 private:
  Engine& engine_;
  const Vault& vault_;
  OrganisationPtr organisation_;
  AccessPtr access_;
  std::shared_ptr<const GatewayRules> made_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Gateways>> Gateways::Start(const std::string& path,
                                                          Engine& engine,
                                                          const Vault& vault,
                                                          HttpRouter router) {
  std::unique_ptr<Gateways> gateways(new Gateways());
  const std::string http_path = path + ".http";
  const auto rules = std::make_shared<RulesForGateways>(engine, vault);
  TOCSIN_ASSIGN(
      gateways->host_,
      GatewayHost::Start({.path = path, .http_path = http_path},
                         {.attach = [&engine] { return engine.AttachGateway(); },
                          .detach = [&engine](const std::shared_ptr<GatewayPort>& port) { engine.DetachGateway(port); },
                          .tend = [&engine] { engine.TendGateways(); },
                          .rules = [rules] { return rules->Read(); }}));
  HttpServer::Options http;
  http.unix_socket = http_path;
  http.threads = 1;
  TOCSIN_ASSIGN(gateways->http_, HttpServer::Start(http, std::move(router)));
  return gateways;
}

}  // namespace tocsin
