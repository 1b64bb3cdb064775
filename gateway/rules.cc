#include "gateway/rules.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "base/status.h"
#include "model/codec/organisation_proto.h"
#include "model/codec/response_codec.h"
#include "model/response.h"

namespace tocsin {
namespace {

// Pieces of bytes, each with its length before it.
void Add(std::string& to, std::string_view piece) {
  const auto size = static_cast<std::uint32_t>(piece.size());
  to.append(reinterpret_cast<const char*>(&size), sizeof size).append(piece);
}

std::optional<std::string_view> Next(std::string_view& from) {
  std::uint32_t size = 0;
  if (from.size() < sizeof size) return std::nullopt;
  std::memcpy(&size, from.data(), sizeof size);
  from.remove_prefix(sizeof size);
  if (from.size() < size) return std::nullopt;
  const std::string_view piece = from.substr(0, size);
  from.remove_prefix(size);
  return piece;
}

}  // namespace

GatewayRules PickGatewayRules(std::vector<IntegrationId> integrations,
                              const OrganisationPtr& organisation,
                              const AccessPtr& access) {
  GatewayRules rules{.integrations = std::move(integrations), .organisation = nullptr, .tokens = {}};
  if (organisation) {
    auto picked = std::make_shared<Organisation>();
    picked->integrations = organisation->integrations;
    rules.organisation = std::move(picked);
  }
  if (organisation && access) {
    // Tokens of calendar feeds are of the same role and name no integration.
    std::ranges::copy_if(access->tokens, std::back_inserter(rules.tokens), [&](const AccessToken& token) {
      return token.role == Role::kIntegration && organisation->Find(token.integration) != nullptr &&
             (!token.user.set() || organisation->Find(token.user) != nullptr);
    });
  }
  return rules;
}

std::string Encode(const GatewayRules& rules) {
  std::string bytes;
  Add(bytes, EncodeIntegrations(rules.integrations));
  v1::Organisation organisation;
  if (rules.organisation) ToProto(*rules.organisation, organisation);
  Add(bytes, rules.organisation ? "declared" : "");
  Add(bytes, organisation.SerializeAsString());
  for (const AccessToken& token : rules.tokens)
    Add(bytes, EncodeRow(Row(token)));
  return bytes;
}

absl::StatusOr<GatewayRules> DecodeGatewayRules(std::string_view bytes) {
  const auto names = Next(bytes);
  const auto declared = Next(bytes);
  const auto organisation = Next(bytes);
  if (!names || !declared || !organisation) return DataLoss("rules for a gateway: cut off");
  GatewayRules rules;
  TOCSIN_ASSIGN(rules.integrations, DecodeIntegrations(*names));
  if (!declared->empty()) {
    v1::Organisation message;
    if (!message.ParseFromArray(organisation->data(), static_cast<int>(organisation->size()))) {
      return DataLoss("rules for a gateway: no organisation");
    }
    auto read = std::make_shared<Organisation>();
    TOCSIN_TRY(FromProto(message, *read));
    rules.organisation = std::move(read);
  }
  const std::uint8_t table = KeyOf(Row(AccessToken())).table;
  while (!bytes.empty()) {
    const auto piece = Next(bytes);
    if (!piece) return DataLoss("rules for a gateway: cut off");
    TOCSIN_ASSIGN(Row row, DecodeRow(table, *piece));
    rules.tokens.push_back(std::get<AccessToken>(std::move(row)));
  }
  return rules;
}

}  // namespace tocsin
