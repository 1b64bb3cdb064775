#include "api/auth.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "model/integration_key.h"

namespace tocsin {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class AuthTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(::testing::TempDir()) / ("auth_" + std::to_string(reinterpret_cast<std::uintptr_t>(this)));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  absl::StatusOr<std::unique_ptr<Auth>> Open() {
    return Auth::Open(
        folder_.string(), [this] { return access_; }, [this] { return now_; });
  }
  // Its hash among the tokens that there are.
  AccessToken& Give(const std::string& secret, AccessToken token = {}) {
    auto access = std::make_shared<Access>(*access_);
    token.hash = HashKey(secret);
    token.id = TokenId(access->tokens.size() + 1);
    access->tokens.push_back(token);
    access_ = access;
    return access->tokens.back();
  }
  void Revoke() {
    auto access = std::make_shared<Access>(*access_);
    access->tokens.pop_back();
    access_ = access;
  }
  void Declare(std::vector<std::string> users) {
    Organisation organisation;
    for (std::string& user : users)
      organisation.users.emplace_back().id = UserId(user);
    auto access = std::make_shared<Access>(*access_);
    access->organisation = std::make_shared<const Organisation>(std::move(organisation));
    access_ = access;
  }

  fs::path folder_;
  AccessPtr access_ = std::make_shared<const Access>();
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
};

TEST_F(AuthTest, MakesATokenThatOnlyItsOwnerCanReadAndKeepsIt) {
  const auto auth = Open();
  ASSERT_TRUE(auth.ok()) << auth.status();
  EXPECT_EQ(fs::status((*auth)->token_file()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  const std::string token = *ReadOrMakeSecret((*auth)->token_file());
  EXPECT_EQ(token.size(), 43U) << "256 bits in base64url";
  const auto again = Open();
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE((*again)->Check("Bearer " + token).ok());
  EXPECT_NE(*ReadOrMakeSecret((folder_ / "other").string()), token);
}

TEST_F(AuthTest, TakesNothingButTheToken) {
  const auto auth = Open();
  ASSERT_TRUE(auth.ok());
  const std::string token = *ReadOrMakeSecret((*auth)->token_file());
  std::string one_wrong = token;
  const std::string prefix = "Bearer " + token.substr(0, token.size() - 1);
  const std::string with_zero_byte = "Bearer " + token + std::string(1, '\0');
  const std::string another = "Bearer " + std::string(43, 'a');
  one_wrong.back() = one_wrong.back() == 'A' ? 'B' : 'A';
  const struct {
    std::string_view name;
    std::string header;
    bool good;
  } cases[] = {
      {"the token",                 "Bearer " + token,         true },
      {"the scheme in lower case",  "bearer " + token,         true },
      {"more white space",          "Bearer   " + token + " ", true },
      {"no header",                 "",                        false},
      {"the scheme alone",          "Bearer",                  false},
      {"an empty token",            "Bearer ",                 false},
      {"no scheme",                 token,                     false},
      {"another scheme",            "Basic " + token,          false},
      {"one character wrong",       "Bearer " + one_wrong,     false},
      {"a prefix",                  prefix,                    false},
      {"a longer one",              "Bearer " + token + "A",   false},
      {"the token and a zero byte", with_zero_byte,            false},
      {"another one",               another,                   false}
  };
  for (const auto& [name, header, good] : cases) {
    const absl::StatusOr<Caller> caller = (*auth)->Check(header);
    EXPECT_EQ(caller.ok(), good) << name;
    if (caller.ok()) {
      EXPECT_EQ(caller->name, "user:admin");
      EXPECT_EQ(caller->role, Role::kAdmin);
      EXPECT_TRUE(caller->everywhere());
    } else {
      EXPECT_TRUE(absl::IsUnauthenticated(caller.status())) << caller.status();
    }
  }
}

TEST_F(AuthTest, KnowsWhoseATokenIsAndWhatItIsFor) {
  const auto auth = Open();
  Declare({"anna"});
  AccessToken token;
  token.user = UserId("anna");
  token.role = Role::kResponder;
  token.teams = {TeamId("web")};
  const std::string secret = MakeToken();
  EXPECT_TRUE(secret.starts_with("tocsin_"));
  EXPECT_EQ(secret.size(), 7U + 43U);
  EXPECT_FALSE((*auth)->Check("Bearer " + secret).ok());
  Give(secret, token);
  const absl::StatusOr<Caller> caller = (*auth)->Check("Bearer " + secret);
  ASSERT_TRUE(caller.ok()) << caller.status();
  EXPECT_EQ(caller->name, "user:anna");
  EXPECT_EQ(caller->role, Role::kResponder);
  EXPECT_EQ(caller->teams, token.teams);
  EXPECT_EQ(caller->token, TokenId(1));
  AccessToken program;
  program.name = "deploy-bot";
  Give("the secret of a program", program);
  EXPECT_EQ((*auth)->Check("Bearer the secret of a program")->name, "token:deploy-bot");
}

TEST_F(AuthTest, ATokenOpensNothingOnceItHasRunOutIsRevokedOrItsPersonHasLeft) {
  const auto auth = Open();
  Declare({"anna"});
  AccessToken token;
  token.user = UserId("anna");
  token.expires_at = now_ + absl::Hours(1);
  const std::string secret = "Bearer " + MakeToken();
  Give(secret.substr(7), token);
  EXPECT_TRUE((*auth)->Check(secret).ok());
  now_ += absl::Hours(1) - absl::Nanoseconds(1);
  EXPECT_TRUE((*auth)->Check(secret).ok());
  now_ += absl::Nanoseconds(1);
  EXPECT_THAT(Message((*auth)->Check(secret).status()), HasSubstr("T1 ran out at"));
  now_ -= absl::Minutes(1);
  Declare({"bob"});
  EXPECT_THAT(Message((*auth)->Check(secret).status()), HasSubstr("anna, who is not in the organisation any more"));
  Declare({"anna"});
  EXPECT_TRUE((*auth)->Check(secret).ok());
  Revoke();
  EXPECT_THAT(Message((*auth)->Check(secret).status()), HasSubstr("not known, or was revoked"));
}

TEST_F(AuthTest, OfManyTokensEachOpensForItsOwnOnly) {
  const auto auth = Open();
  std::vector<std::string> secrets;
  for (int i = 0; i < 1000; ++i) {
    secrets.push_back(MakeToken());
    AccessToken token;
    token.name = std::to_string(i);
    Give(secrets.back(), token);
  }
  for (std::size_t i = 0; i < secrets.size(); ++i) {
    const absl::StatusOr<Caller> caller = (*auth)->Check("Bearer " + secrets[i]);
    ASSERT_TRUE(caller.ok()) << caller.status();
    EXPECT_EQ(caller->name, "token:" + std::to_string(i));
    std::string wrong = secrets[i];
    wrong[10] = wrong[10] == 'A' ? 'B' : 'A';
    EXPECT_FALSE((*auth)->Check("Bearer " + wrong).ok());
  }
}

TEST_F(AuthTest, GarbageIsNoToken) {
  const auto auth = Open();
  Give(MakeToken());
  std::uint64_t state = 1;
  for (int i = 0; i < 20'000; ++i) {
    std::string text(state % 80, '\0');
    for (char& c : text) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      c = static_cast<char>(state >> 56U);
    }
    EXPECT_FALSE((*auth)->Check("Bearer " + text).ok());
    EXPECT_FALSE((*auth)->Check(text).ok());
    EXPECT_EQ((*auth)->IntegrationOf(text), std::nullopt);
    state = state * 6364136223846793005U + 1442695040888963407U;
  }
  EXPECT_FALSE((*auth)->Check("Bearer " + std::string(10'000'000, 'x')).ok());
}

TEST_F(AuthTest, AnIntegrationsTokenOpensItsDoorWhileItIsGood) {
  const auto auth = Open();
  AccessToken token;
  token.role = Role::kIntegration;
  token.integration = IntegrationId("prometheus");
  token.expires_at = now_ + absl::Hours(1);
  const std::string secret = MakeToken();
  Give(secret, token);
  EXPECT_EQ((*auth)->IntegrationOf(secret), IntegrationId("prometheus"));
  now_ += absl::Hours(2);
  EXPECT_EQ((*auth)->IntegrationOf(secret), std::nullopt);
  const std::string viewer = MakeToken();
  Give(viewer);
  EXPECT_EQ((*auth)->IntegrationOf(viewer), std::nullopt) << "a person's token is no key of a door";
}

TEST_F(AuthTest, RefusesAFileWithoutARealSecret) {
  for (const std::string& text : {std::string(), std::string("short\n"), std::string(1000, ' ')}) {
    std::ofstream(folder_ / "admin.token", std::ios::trunc) << text;
    const absl::Status status = Open().status();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_THAT(Message(status), HasSubstr("no secret of 16 characters"));
  }
}

TEST_F(AuthTest, SaysWhyASecretCannotBeMade) {
  EXPECT_THAT(Message(ReadOrMakeSecret((folder_ / "missing/link.key").string()).status()), HasSubstr("create"));
}

}  // namespace
}  // namespace tocsin
