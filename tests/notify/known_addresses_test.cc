// Where a host was last reached, for while its name does not resolve.
#include "notify/known_addresses.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include <gtest/gtest.h>

#include "notify/http_transfer.h"
#include "tests/support/fake_http.h"

namespace tocsin::notify {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class KnownAddressesTest : public testing::Test {
 protected:
  KnownAddresses known_;
  const KnownAddresses::Clock::time_point start_ = KnownAddresses::Clock::now();
};

TEST_F(KnownAddressesTest, OfAHostThatWasReachedWhateverThePathAndTheCase) {
  known_.Reached("https://Provider.example/a?b", "192.0.2.1", start_);
  EXPECT_EQ(known_.Instead("https://provider.EXAMPLE:8443/c", start_), "192.0.2.1");
  EXPECT_EQ(known_.Instead("https://other.example/", start_), std::nullopt);
  EXPECT_EQ(known_.Instead("no URL at all", start_), std::nullopt);
  EXPECT_EQ(known_.used(), 1U);
}

TEST_F(KnownAddressesTest, WhatIsSpokenInTheClearIsForgottenEarlier) {
  known_.Reached("http://p.example/", "192.0.2.1", start_);
  EXPECT_EQ(known_.Instead("http://p.example/", start_ + hours(1) - seconds(1)), "192.0.2.1");
  EXPECT_EQ(known_.Instead("http://p.example/", start_ + hours(1)), std::nullopt);
  EXPECT_EQ(known_.Instead("https://p.example/", start_ + hours(24) - seconds(1)), "192.0.2.1");
  EXPECT_EQ(known_.Instead("smtps://p.example/", start_ + hours(24)), std::nullopt);
}

TEST_F(KnownAddressesTest, AfterAFailedLookUpItIsUsedAtOnceForAWhile) {
  const std::string url = "https://p.example/";
  known_.Reached(url, "192.0.2.1", start_);
  EXPECT_EQ(known_.AtOnce(url, start_), std::nullopt) << "names are asked for as long as they are answered";
  known_.Instead(url, start_);
  EXPECT_EQ(known_.AtOnce(url, start_ + seconds(44)), "192.0.2.1");
  EXPECT_EQ(known_.AtOnce(url, start_ + seconds(45)), std::nullopt);
  known_.Instead(url, start_ + seconds(60));
  known_.NobodyThere(url);
  EXPECT_EQ(known_.AtOnce(url, start_ + seconds(61)), std::nullopt);
  known_.Instead(url, start_ + seconds(62));
  known_.Reached(url, "192.0.2.2", start_ + seconds(63));
  EXPECT_EQ(known_.AtOnce(url, start_ + seconds(64)), std::nullopt);
  EXPECT_EQ(known_.Instead(url, start_ + seconds(65)), "192.0.2.2");
}

TEST_F(KnownAddressesTest, HasABoundAndForgetsWhoWasReachedTheLongestTimeAgo) {
  for (std::size_t i = 0; i <= KnownAddresses::kMostHosts; ++i)
    known_.Reached(absl::StrCat("https://h", i, ".example/"), "192.0.2.1", start_ + seconds(i));
  EXPECT_EQ(known_.Instead("https://h0.example/", start_), std::nullopt);
  EXPECT_NE(known_.Instead("https://h1.example/", start_), std::nullopt);
}

TEST_F(KnownAddressesTest, AddressesAreNoNames) {
  for (const char* url : {"https://192.0.2.7/", "https://[2001:db8::7]/"}) {
    known_.Reached(url, "192.0.2.1", start_);
    EXPECT_EQ(known_.Instead(url, start_), std::nullopt) << url;
  }
}

// What comes of a page to a name that nobody answers for (RFC 6761), which was reached at loopback before.
Reply SayTo(const std::string& url, WebRequest::Peers peers, const TransportOptions& options) {
  HttpTransfer transfer({.url = url, .body = "hello", .peers = peers}, options);
  CURLcode code = curl_easy_perform(transfer.handle());
  if (transfer.GoesOnByKnownAddress(code)) code = curl_easy_perform(transfer.handle());
  return transfer.Finish(code, absl::Now());
}

TEST_F(KnownAddressesTest, APageGoesWhereItsHostWasLastReached) {
  FakeHttp receiver([](const FakeRequest&) { return FakeAnswer{}; });
  const std::string port = receiver.url().substr(receiver.url().rfind(':'));
  const std::string url = absl::StrCat("http://provider.invalid", port, "/hook");
  const TransportOptions options;
  EXPECT_EQ(SayTo(url, WebRequest::Peers::kAny, options).reached, Reply::Reached::kNothing);
  options.addresses->Reached(url, "127.0.0.1", KnownAddresses::Clock::now());
  for (int i = 0; i < 2; ++i)  // by itself, then at once
    EXPECT_EQ(SayTo(url, WebRequest::Peers::kAny, options).reached, Reply::Reached::kAnswered);
  EXPECT_EQ(receiver.requests().at(0).headers.at("host"), absl::StrCat("provider.invalid", port));
  EXPECT_EQ(options.addresses->used(), 2U);
}

TEST_F(KnownAddressesTest, TheRulesOfNetworksCountForItAsForAnyOther) {
  FakeHttp receiver([](const FakeRequest&) { return FakeAnswer{}; });
  const std::string url =
      absl::StrCat("http://provider.invalid", receiver.url().substr(receiver.url().rfind(':')), "/hook");
  const TransportOptions options;
  options.addresses->Reached(url, "127.0.0.1", KnownAddresses::Clock::now());
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(SayTo(url, WebRequest::Peers::kPublic, options).trouble, Reply::Trouble::kPeerDenied);
  EXPECT_TRUE(receiver.requests().empty());
}

TEST_F(KnownAddressesTest, WhoIsReachedByNameIsRemembered) {
  FakeHttp receiver([](const FakeRequest&) { return FakeAnswer{}; });
  const std::string port = receiver.url().substr(receiver.url().rfind(':'));
  const TransportOptions options;
  ASSERT_EQ(SayTo(absl::StrCat("http://localhost", port, "/"), WebRequest::Peers::kAny, options).reached,
            Reply::Reached::kAnswered);
  EXPECT_EQ(options.addresses->Instead("http://localhost/", KnownAddresses::Clock::now()), "127.0.0.1");
}

}  // namespace
}  // namespace tocsin::notify
