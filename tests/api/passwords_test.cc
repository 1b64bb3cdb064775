// What a password must be, and what is kept of it.
#include "api/passwords.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(PasswordTest, IsKeptAsArgon2idWithSaltAndOnlyItsOwnFits) {
  const std::string password = "correct horse battery";
  const std::string one = HashPassword(password).value();
  const std::string two = HashPassword(password).value();
  EXPECT_THAT(one, StartsWith("$argon2id$v=19$m=65536,t=3,p=1$")) << "as docs/access.md says";
  EXPECT_NE(one, two) << "each has a salt of its own";
  EXPECT_THAT(one, Not(HasSubstr("horse")));
  EXPECT_TRUE(VerifyPassword(one, password));
  EXPECT_TRUE(VerifyPassword(two, password));
  EXPECT_FALSE(VerifyPassword(one, "correct horse batterz"));
  EXPECT_FALSE(VerifyPassword(one, ""));
  EXPECT_FALSE(VerifyPassword("", "")) << "no hash: nothing fits";
  EXPECT_FALSE(VerifyPassword("", password));
  EXPECT_FALSE(VerifyPassword("$argon2id$nonsense", password));
}

// Not by the clock, which depends on the machine: by the hash that is worked on.
TEST(PasswordTest, ANameWithoutOneCostsAsMuchAsOneWith) {
  const auto cpu = [](const std::string& hash) {
    timespec before{};
    timespec after{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    VerifyPassword(hash, "some password or other");
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    return static_cast<double>(after.tv_sec - before.tv_sec) +
           1e-9 * static_cast<double>(after.tv_nsec - before.tv_nsec);
  };
  const std::string hash = HashPassword("another one of them").value();
  cpu(hash);
  double with = 1e9;
  double without = 1e9;
  for (int i = 0; i < 5; ++i) {
    with = std::min(with, cpu(hash));
    without = std::min(without, cpu(""));
  }
  // A refusal without the work would cost a thousandth.
  EXPECT_GT(without, with / 10);
}

TEST(PasswordTest, ANewOneIsLongAndVariedAndNotTheName) {
  const struct {
    std::string_view password;
    std::string_view refused;  // empty: good
  } cases[] = {
      {"correct horse battery", ""},
      {"пароль-из-слов", ""},
      {"short", "12 characters"},
      {"ääääöööö", "12 characters"},
      {"aaaaaaaaaaaaaaaa", "different characters"},
      {"ababababababab", "different characters"},
      {"Alice in wonderland", "user's name"},
      {"correct\nhorse battery", "control characters"},
      {"correct horse\xFF battery", "UTF-8"},
      {std::string_view("abc\0def ghijklm", 15), "control characters"},
  };
  for (const auto& [password, refused] : cases) {
    const absl::Status status = CheckNewPassword(password, "alice");
    if (refused.empty()) {
      EXPECT_TRUE(status.ok()) << status;
    } else {
      EXPECT_THAT(Message(status), HasSubstr(refused)) << password;
      EXPECT_THAT(Message(status), Not(HasSubstr(password))) << "the password is never repeated";
    }
  }
  std::string long_one = "abcdef";
  long_one.resize(2000, 'x');
  EXPECT_FALSE(CheckNewPassword(long_one, "alice").ok());
}

}  // namespace
}  // namespace tocsin
