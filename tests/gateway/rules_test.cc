#include "gateway/rules.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "base/status.h"

namespace tocsin {
namespace {

OrganisationPtr Sample() {
  auto organisation = std::make_shared<Organisation>();
  organisation->name = "secret plans";
  Integration web;
  web.id = IntegrationId("web");
  web.source = "generic";
  web.key_hash = "00ff";
  web.signing_secret = "what its sender signs with";
  web.labels = {
      {"team", "ops"}
  };
  organisation->integrations.push_back(web);
  User ann;
  ann.id = UserId("ann");
  organisation->users.push_back(ann);
  return organisation;
}

AccessToken Token(std::uint64_t id, Role role, const std::string& integration, const std::string& user = "") {
  AccessToken token;
  token.id = TokenId(id);
  token.hash = "hash" + std::to_string(id);
  token.role = role;
  token.integration = IntegrationId(integration);
  token.user = UserId(user);
  return token;
}

TEST(GatewayRulesTest, HoldWhatOpensADoorAndNothingElse) {
  auto access = std::make_shared<Access>();
  access->tokens = {Token(1, Role::kIntegration, "web"),          Token(2, Role::kAdmin, ""),
                    Token(3, Role::kIntegration, "gone"),         Token(4, Role::kIntegration, "web", "ann"),
                    Token(5, Role::kIntegration, "web", "zoe"),  // who has left
                    Token(6, Role::kIntegration, "calendar/user")};
  const GatewayRules picked = PickGatewayRules({IntegrationId("default"), IntegrationId("web")}, Sample(), access);
  const std::string bytes = Encode(picked);
  EXPECT_EQ(bytes.find("secret plans"), std::string::npos);
  const absl::StatusOr<GatewayRules> read = DecodeGatewayRules(bytes);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->integrations, picked.integrations);
  ASSERT_NE(read->organisation, nullptr);
  EXPECT_EQ(read->organisation->integrations, Sample()->integrations);
  EXPECT_TRUE(read->organisation->users.empty());
  ASSERT_EQ(read->tokens.size(), 2U);
  EXPECT_EQ(read->tokens[0], access->tokens[0]);
  EXPECT_EQ(read->tokens[1], access->tokens[3]);
}

TEST(GatewayRulesTest, SayWhenNothingIsDeclared) {
  const absl::StatusOr<GatewayRules> read = DecodeGatewayRules(Encode(PickGatewayRules({}, nullptr, nullptr)));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->organisation, nullptr);
}

TEST(GatewayRulesTest, CutOffBytesAreAnErrorAndNoMore) {
  const std::string bytes = Encode(PickGatewayRules({IntegrationId("web")}, Sample(), nullptr));
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(DecodeGatewayRules(std::string_view(bytes).substr(0, size)).ok()) << size;
}

}  // namespace
}  // namespace tocsin
