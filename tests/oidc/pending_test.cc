// Logins under way: what a cookie may be, that an answer counts once, and that a code is for its own terminal.
#include "oidc/pending.h"

#include <set>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"

namespace tocsin::oidc {
namespace {

using ::testing::HasSubstr;

const EngineTime kNow(1'000'000'000'000);

TEST(PendingTest, ALoginIsKnownByItsOwnServerForTenMinutes) {
  const Seal seal;
  const Pending begun = Begin("company", "", kNow);
  const std::string cookie = seal.Close(begun);
  EXPECT_EQ(cookie.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), cookie.npos);
  EXPECT_EQ(cookie.find(begun.verifier), cookie.npos);
  const Pending read = seal.Open(cookie, kNow + absl::Minutes(10) - absl::Seconds(1)).value();
  EXPECT_EQ(read.provider, "company");
  EXPECT_EQ(read.state, begun.state);
  EXPECT_EQ(read.nonce, begun.nonce);
  EXPECT_EQ(read.verifier, begun.verifier);
  EXPECT_FALSE(seal.Open(cookie, kNow + absl::Minutes(10)).ok());
  EXPECT_FALSE(Seal().Open(cookie, kNow).ok()) << "another server's, or this one's before a restart";
  EXPECT_NE(seal.Close(begun), cookie) << "the same twice says that it is the same";
}

TEST(PendingTest, WhatWasChangedIsNoLogin) {
  const Seal seal;
  const std::string cookie = seal.Close(Begin("company", ChallengeOf("v"), kNow));
  ASSERT_TRUE(seal.Open(cookie, kNow).ok());
  for (std::size_t i = 0; i < cookie.size(); ++i) {
    std::string changed = cookie;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(seal.Open(changed, kNow).ok()) << i;
    EXPECT_FALSE(seal.Open(cookie.substr(0, i), kNow).ok()) << i;
  }
  EXPECT_FALSE(seal.Open(cookie + "A", kNow).ok());
  EXPECT_FALSE(seal.Open(std::string(5000, 'A'), kNow).ok());
}

TEST(PendingTest, AllThatIsRandomIsSo) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const Pending begun = Begin("p", "", kNow);
    for (const std::string& each : {begun.state, begun.nonce, begun.verifier}) {
      EXPECT_EQ(each.size(), 43U);
      EXPECT_TRUE(seen.insert(each).second);
    }
  }
}

TEST(PendingTest, TheChallengeIsThatOfTheStandard) {
  // RFC 7636, appendix B.
  EXPECT_EQ(ChallengeOf("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
  EXPECT_TRUE(IsChallenge("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
  for (const std::string& bad :
       {std::string(), std::string(42, 'A'), std::string(44, 'A'), std::string(43, '='), std::string(42, 'A') + "\n"})
    EXPECT_FALSE(IsChallenge(bad)) << bad;
}

TEST(ComeBackTest, ALoginComesBackOnce) {
  ComeBack come_back;
  const Pending one = Begin("p", "", kNow);
  const Pending two = Begin("p", "", kNow);
  EXPECT_TRUE(come_back.Take(one, kNow));
  EXPECT_TRUE(come_back.Take(two, kNow));
  EXPECT_FALSE(come_back.Take(one, kNow));
  EXPECT_FALSE(come_back.Take(one, kNow + absl::Minutes(9)));
}

TEST(ComeBackTest, HoweverManyComeBackTheLatestAreRemembered) {
  ComeBack come_back;
  Pending pending = Begin("p", "", kNow);
  for (int i = 0; i < 50'000; ++i) {
    pending.state = absl::StrCat(i);
    EXPECT_TRUE(come_back.Take(pending, kNow));
  }
  EXPECT_FALSE(come_back.Take(pending, kNow));
  pending.state = absl::StrCat(50'000 - 10'000);
  EXPECT_FALSE(come_back.Take(pending, kNow));
}

Codes::Ready Of(std::string_view user, std::string_view verifier) {
  return {
      UserId(std::string(user)), {"company", {"https://sso.example.com", "s"}, "", {}},
       ChallengeOf(verifier), kNow
  };
}

TEST(CodesTest, ACodeIsGoodOnceForItsOwnTerminal) {
  Codes codes;
  const std::string code = codes.Put(Of("ann", "v"), kNow).value();
  EXPECT_EQ(code.size(), 23U) << code;
  const absl::StatusOr<Codes::Ready> ready = codes.Take(code, "v", kNow);
  ASSERT_TRUE(ready.ok());
  EXPECT_EQ(ready->user, UserId("ann"));
  EXPECT_EQ(ready->voucher.provider, "company");
  EXPECT_TRUE(absl::IsNotFound(codes.Take(code, "v", kNow).status()));
  const std::string second = codes.Put(Of("ann", "v"), kNow).value();
  EXPECT_TRUE(absl::IsNotFound(codes.Take(second, "w", kNow).status())) << "another terminal";
  EXPECT_TRUE(absl::IsNotFound(codes.Take(second, "v", kNow).status())) << "and it is gone";
  const std::string third = codes.Put(Of("ann", "v"), kNow).value();
  EXPECT_TRUE(absl::IsNotFound(codes.Take(third, "v", kNow + absl::Minutes(5)).status())) << "too late";
}

TEST(CodesTest, PeopleCopyCodesAsTheyLike) {
  Codes codes;
  std::string code = codes.Put(Of("ann", "v"), kNow).value();
  std::string spaced = "  ";
  for (const char c : code)
    spaced += c == '-' ? ' ' : c;
  EXPECT_TRUE(codes.Take(spaced + "\n", "v", kNow).ok());
  for (const std::string_view bad : {"", "-", "aaaaa-aaaaa-aaaaa-aaaaa"})
    EXPECT_FALSE(codes.Take(bad, "v", kNow).ok()) << bad;
}

TEST(CodesTest, FewWaitAndTheirOldestMakesRoom) {
  Codes codes;
  const std::string first = codes.Put(Of("ann", "v"), kNow).value();
  std::string last;
  for (int i = 1; i <= 5; ++i)
    last = codes.Put(Of("ann", "v"), kNow + absl::Seconds(i)).value();
  EXPECT_FALSE(codes.Take(first, "v", kNow + absl::Seconds(5)).ok());
  EXPECT_TRUE(codes.Take(last, "v", kNow + absl::Seconds(5)).ok());
  Codes full;
  for (int i = 0; i < 1000; ++i)
    ASSERT_TRUE(full.Put(Of(absl::StrCat("user-", i), "v"), kNow).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(full.Put(Of("one more", "v"), kNow).status()));
  EXPECT_TRUE(full.Put(Of("one more", "v"), kNow + absl::Minutes(5)).ok()) << "the others have run out";
}

}  // namespace
}  // namespace tocsin::oidc
