// What a gateway has to know of the organisation: which key or token opens which integration, and how its messages are read. Nothing
// else goes to it: no person, no route, no provider's secret.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "model/access.h"
#include "model/ids.h"
#include "model/organisation.h"

namespace tocsin {

struct GatewayRules {
  std::vector<IntegrationId> integrations;  // by IntegrationIndex
  OrganisationPtr organisation;             // integrations alone; null: none is declared yet
  std::vector<AccessToken> tokens;          // that open an integration
};

// `organisation` and `access` whole: what a gateway needs is picked here. Either may be null.
GatewayRules PickGatewayRules(std::vector<IntegrationId> integrations,
                              const OrganisationPtr& organisation,
                              const AccessPtr& access);

// For the way over the socket: the same version of the program reads what it has written.
std::string Encode(const GatewayRules& rules);
absl::StatusOr<GatewayRules> DecodeGatewayRules(std::string_view bytes);

}  // namespace tocsin
