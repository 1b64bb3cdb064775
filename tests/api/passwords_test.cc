// Passwords, and who may guess them how often.
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

class AttemptGuardTest : public ::testing::Test {
 protected:
  // How long until something is looked at again; zero: at once. A refusal is not counted.
  bool Try(std::string_view account, std::string_view address) { return guard_.Begin(account, address, now_).ok(); }
  // Seconds until the next attempt is let through.
  int Delay(std::string_view account, std::string_view address) {
    int seconds = 0;
    while (!Try(account, address)) {
      now_ = now_ + absl::Seconds(1);
      ++seconds;
    }
    return seconds;
  }

  AttemptGuard guard_;
  EngineTime now_ = EngineTime(3'600'000'000'000);
};

TEST_F(AttemptGuardTest, DelaysAnAccountLongerEachTimeUpToAMinuteWhereverTheGuessesComeFrom) {
  std::vector<int> delays;
  for (int i = 0; i < 16; ++i)
    delays.push_back(Delay("alice", absl::StrCat("10.0.0.", i)));
  EXPECT_THAT(delays, testing::ElementsAre(0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60));
  EXPECT_TRUE(Try("bob", "10.0.1.1")) << "another account";
}

TEST_F(AttemptGuardTest, TreatsNamesThatNobodyHasLikeAnyOther) {
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(Try("no such person", absl::StrCat("10.0.0.", i)));
  EXPECT_FALSE(Try("no such person", "10.0.0.9"));
}

TEST_F(AttemptGuardTest, DelaysAnAddressThatTriesManyAccounts) {
  int done = 0;
  while (Try(absl::StrCat("user", done), "10.0.0.1"))
    ++done;
  EXPECT_EQ(done, 20);
  EXPECT_TRUE(Try("carol", "10.0.0.2")) << "another address";
  int longest = 0;
  for (int i = 0; i < 20; ++i)
    longest = std::max(longest, Delay(absl::StrCat("more", i), "10.0.0.1"));
  EXPECT_EQ(longest, 15 * 60);
}

TEST_F(AttemptGuardTest, TakesANetworkOfIpv6AndAMappedAddressForOne) {
  for (int i = 0; i < 20; ++i)
    EXPECT_TRUE(Try(absl::StrCat("user", i), absl::StrFormat("2001:db8:1:2::%x", i)));
  EXPECT_FALSE(Try("more", "[2001:db8:1:2:ffff::1]"));
  EXPECT_TRUE(Try("more", "2001:db8:1:3::1"));
  for (int i = 0; i < 20; ++i)
    EXPECT_TRUE(Try(absl::StrCat("other", i), "::ffff:10.9.9.9"));
  EXPECT_FALSE(Try("another", "10.9.9.9"));
}

TEST_F(AttemptGuardTest, ForgetsAfterAnHourAndAtASuccess) {
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(Try("alice", "10.0.0.1"));
  EXPECT_FALSE(Try("alice", "10.0.0.1"));
  now_ = now_ + absl::Minutes(61);
  for (int i = 0; i < 4; ++i)
    EXPECT_TRUE(Try("alice", "10.0.0.1"));
  EXPECT_TRUE(Try("alice", "10.0.0.1"));
  guard_.Succeed("alice", "10.0.0.1");
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(Try("alice", "10.0.0.1"));
  EXPECT_FALSE(Try("alice", "10.0.0.1"));
}

// Whoever knows one password cannot use it to guess others for nothing.
TEST_F(AttemptGuardTest, ASuccessTakesOneFailureFromAnAddressAndNotAll) {
  int guesses = 0;
  for (; guesses < 100; ++guesses) {
    if (!Try(absl::StrCat("victim", guesses), "10.0.0.1")) break;
    if (!Try("mallory", "10.0.0.1")) break;
    guard_.Succeed("mallory", "10.0.0.1");
  }
  EXPECT_LT(guesses, 25);
}

TEST_F(AttemptGuardTest, NobodyIsForgottenBecauseManyOthersAreTried) {
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(Try("alice", absl::StrCat("10.0.0.", i)));
  for (int i = 0; i < 200'000; ++i)
    guard_.Begin(absl::StrCat("random", i), absl::StrCat("address", i), now_).IgnoreError();
  EXPECT_FALSE(Try("alice", "10.0.0.77"));
}

}  // namespace
}  // namespace tocsin
