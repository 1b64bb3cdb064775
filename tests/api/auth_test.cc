#include "api/auth.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"

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

  fs::path folder_;
};

TEST_F(AuthTest, MakesATokenThatOnlyItsOwnerCanReadAndKeepsIt) {
  const absl::StatusOr<Auth> auth = Auth::Open(folder_.string());
  ASSERT_TRUE(auth.ok()) << auth.status();
  EXPECT_EQ(fs::status(auth->token_file()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  const std::string token = *ReadOrMakeSecret(auth->token_file());
  EXPECT_EQ(token.size(), 43U) << "256 bits in base64url";
  const absl::StatusOr<Auth> again = Auth::Open(folder_.string());
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->Check("Bearer " + token).has_value());
  EXPECT_NE(*ReadOrMakeSecret((folder_ / "other").string()), token);
}

TEST_F(AuthTest, TakesNothingButTheToken) {
  const absl::StatusOr<Auth> auth = Auth::Open(folder_.string());
  ASSERT_TRUE(auth.ok());
  const std::string token = *ReadOrMakeSecret(auth->token_file());
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
    const std::optional<Caller> caller = auth->Check(header);
    EXPECT_EQ(caller.has_value(), good) << name;
    if (caller) {
      EXPECT_EQ(caller->name, "user:admin");
    }
  }
}

TEST_F(AuthTest, RefusesAFileWithoutARealSecret) {
  for (const std::string& text : {std::string(), std::string("short\n"), std::string(1000, ' ')}) {
    std::ofstream(folder_ / "admin.token", std::ios::trunc) << text;
    const absl::Status status = Auth::Open(folder_.string()).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_THAT(Message(status), HasSubstr("no secret of 16 characters"));
  }
}

TEST_F(AuthTest, SaysWhyASecretCannotBeMade) {
  EXPECT_THAT(Message(ReadOrMakeSecret((folder_ / "missing/link.key").string()).status()), HasSubstr("create"));
}

}  // namespace
}  // namespace tocsin
