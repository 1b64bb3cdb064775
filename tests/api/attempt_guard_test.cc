// Who may guess passwords how often, and who is kept out by that: nobody whom strangers choose.
#include "api/attempt_guard.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tocsin {
namespace {

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

TEST_F(AttemptGuardTest, DelaysANameFromOneNetworkLongerEachTimeUpToAMinute) {
  std::vector<int> delays;
  for (int i = 0; i < 16; ++i)
    delays.push_back(Delay("alice", "10.0.0.1"));
  EXPECT_THAT(delays, testing::ElementsAre(0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60));
  EXPECT_TRUE(Try("alice", "10.0.0.2")) << "another network";
  EXPECT_TRUE(Try("bob", "10.0.0.2")) << "another account";
}

TEST_F(AttemptGuardTest, TreatsNamesThatNobodyHasLikeAnyOther) {
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(Try("no such person", "10.0.0.1"));
  EXPECT_FALSE(Try("no such person", "10.0.0.1"));
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
    EXPECT_TRUE(Try("alice", "10.0.0.1"));
  for (int i = 0; i < 200'000; ++i)
    guard_.Begin(absl::StrCat("random", i), absl::StrCat("address", i), now_).IgnoreError();
  EXPECT_FALSE(Try("alice", "10.0.0.1"));
}

// One stranger asks at every moment at which anything of his is looked at, for a day.
TEST_F(AttemptGuardTest, AStrangerKeepsNobodyOutByTheirName) {
  int kept_out = 0;
  for (int second = 0; second < 24 * 3600; ++second) {
    now_ = now_ + absl::Seconds(1);
    Try("alice", "10.66.66.66");
    // She is somewhere else each time, where she has never been.
    if (second % 60 == 30 &&
        !guard_.Enter("alice", absl::StrFormat("10.1.%d.%d", second / 3600, second % 250), now_).ok())
      ++kept_out;
  }
  EXPECT_LT(kept_out, 24 * 60 / 10);
  Try("alice", "10.66.66.66");
  EXPECT_FALSE(Try("alice", "10.66.66.66")) << "he waits";
}

TEST_F(AttemptGuardTest, ManyNetworksTogetherAreSlowedDownAndKnownOnesAreNot) {
  EXPECT_TRUE(Try("alice", "2001:db8:1:2::7"));
  guard_.Succeed("alice", "2001:db8:1:2::7");
  int guesses = 0;
  for (int i = 0; i < 10'000; ++i)
    guesses += Try("alice", absl::StrFormat("10.%d.%d.1", i / 250, i % 250)) ? 1 : 0;
  EXPECT_EQ(guesses, 100);
  EXPECT_FALSE(Try("alice", "10.200.1.1")) << "where she has never been she waits";
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(Try("alice", "2001:db8:1:2::9")) << "at home she does not, in the whole network";
  EXPECT_FALSE(Try("alice", "2001:db8:1:2::9")) << "but for guesses that come from there";
  EXPECT_TRUE(Try("bob", "2001:db8:1:2::9"));
}

TEST_F(AttemptGuardTest, WhereSomebodyHasLoggedInTheFailuresOfOthersThereDoNotCount) {
  guard_.Remember("alice", "10.0.0.1");
  for (int i = 0; Try(absl::StrCat("victim", i), "10.0.0.1"); ++i) {
  }
  EXPECT_FALSE(Try("carol", "10.0.0.1")) << "the network is closed";
  EXPECT_TRUE(Try("alice", "10.0.0.1"));
  // Logins of others, from everywhere, take that from nobody but by the rare chance that two fall together.
  for (int i = 0; i < 100; ++i)
    guard_.Succeed(absl::StrCat("other", i), absl::StrCat("10.1.0.", i));
  EXPECT_TRUE(Try("alice", "10.0.0.1"));
}

TEST_F(AttemptGuardTest, WhatIsRefusedTakesNoPlace) {
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(Try("alice", "10.0.0.1"));
  EXPECT_FALSE(guard_.Enter("alice", "10.0.0.1", now_).ok());
  std::vector<AttemptGuard::Place> places;
  for (int i = 0; i < AttemptGuard::kUnderWay; ++i) {
    absl::StatusOr<AttemptGuard::Place> place = guard_.Enter(absl::StrCat("user", i), "10.0.0.1", now_);
    ASSERT_TRUE(place.ok()) << place.status();
    EXPECT_FALSE(place->is_known());
    places.push_back(*std::move(place));
  }
  EXPECT_FALSE(guard_.Enter("carol", "10.0.0.1", now_).ok()) << "one network has its share";
  EXPECT_TRUE(guard_.Enter("carol", "10.0.0.2", now_).ok());
  guard_.Remember("dora", "10.0.0.1");
  const absl::StatusOr<AttemptGuard::Place> known = guard_.Enter("dora", "10.0.0.1", now_);
  ASSERT_TRUE(known.ok()) << "who has logged in from there has places of their own";
  EXPECT_TRUE(known->is_known());
  places.pop_back();
  EXPECT_TRUE(guard_.Enter("carol", "10.0.0.1", now_).ok()) << "a place is free again";
}

}  // namespace
}  // namespace tocsin
