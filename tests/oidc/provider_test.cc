// What we ask a provider, how often, and what of its answers counts. A real one on a socket is in tests/e2e/test_oidc.py.
#include "oidc/provider.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <map>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include "base/status.h"
#include "tests/oidc/signer.h"

namespace tocsin::oidc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::string_view kIssuer = "https://sso.example.com/realms/main";
constexpr std::string_view kDiscovery = "https://sso.example.com/realms/main/.well-known/openid-configuration";

class ProviderTest : public ::testing::Test {
 protected:
  ProviderTest() {
    settings_.name = "company";
    settings_.issuer = kIssuer;
    settings_.client_id = "to csin";
    settings_.client_secret = "s:cret/+";
    for (const AlgorithmName& each : kAlgorithms)
      settings_.algorithms.push_back(each.algorithm);
    answers_[std::string(kDiscovery)] = {.status = 200,
                                         .body = absl::StrFormat(R"({"issuer":"%s",
      "authorization_endpoint":"https://sso.example.com/auth","token_endpoint":"https://tokens.example.com/token",
      "jwks_uri":"https://sso.example.com/keys","userinfo_endpoint":"https://sso.example.com/me"})",
                                                                 kIssuer)};
    Publish(first_);
  }

  void Publish(const Signer& signer) {
    answers_["https://sso.example.com/keys"] = {.status = 200, .body = KeysJson(signer.Jwk())};
  }
  void Answer(const Signer& signer, std::string_view more = "") {
    const std::string claims =
        absl::StrFormat(R"({"iss":"%s","sub":"s1","aud":"to csin","exp":%d,"iat":%d,"nonce":"n"%s})", kIssuer,
                        absl::ToUnixSeconds(now_.wall) + 300, absl::ToUnixSeconds(now_.wall), more);
    answers_["https://tokens.example.com/token"] = {
        .status = 200, .body = absl::StrFormat(R"({"access_token":"at","id_token":"%s"})", signer.Sign(claims))};
  }
  std::unique_ptr<Provider> Make() {
    return std::make_unique<Provider>(
        settings_, [](const sockaddr&, socklen_t) { return false; },
        [this](const HttpCall& call) -> absl::StatusOr<HttpResponse> {
          asked_.push_back(call.url);
          calls_.push_back(call);
          const auto found = answers_.find(call.url);
          if (found == answers_.end()) return Unavailable("%s: cannot connect", call.url);
          return found->second;
        });
  }
  absl::StatusOr<Claims> SignIn(Provider& provider) {
    return provider.SignIn({.code = "c&d", .verifier = "v", .redirect_uri = "https://t.example.com/cb", .nonce = "n"},
                           now_);
  }
  void Pass(absl::Duration span) { now_ = {now_.wall + span, now_.engine + span}; }
  std::size_t Count(std::string_view url) { return static_cast<std::size_t>(std::ranges::count(asked_, url)); }

  const Signer first_{"ES256", "first"};
  const Signer second_{"ES256", "second"};
  Settings settings_;
  std::map<std::string, HttpResponse> answers_;
  std::vector<std::string> asked_;
  std::vector<HttpCall> calls_;
  Now now_{absl::FromUnixSeconds(1'800'000'000), EngineTime(1'000'000'000'000)};
};

TEST_F(ProviderTest, ACodeBecomesClaims) {
  const auto provider = Make();
  Answer(first_, R"(,"email":"a@example.com")");
  const absl::StatusOr<Claims> claims = SignIn(*provider);
  ASSERT_TRUE(claims.ok()) << claims.status();
  EXPECT_EQ(claims->subject, "s1");
  EXPECT_THAT(asked_, ElementsAre(kDiscovery, "https://tokens.example.com/token", "https://sso.example.com/keys"));
  const HttpCall& exchange = calls_[1];
  EXPECT_EQ(exchange.body,
            "grant_type=authorization_code&code=c%26d&redirect_uri=https%3A%2F%2Ft.example.com%2Fcb&code_verifier=v");
  EXPECT_EQ(FindHeader(exchange.headers, "Authorization"), "Basic " + absl::Base64Escape("to%20csin:s%3Acret%2F%2B"));
  EXPECT_EQ(exchange.max_response_bytes, kDocumentBytes);
  EXPECT_LE(exchange.timeout, absl::Seconds(10));
}

TEST_F(ProviderTest, AClientShowsItselfAsItWasRegistered) {
  Answer(first_, R"(,"email":"a@example.com")");
  settings_.client_auth = Settings::ClientAuth::kPost;
  ASSERT_TRUE(SignIn(*Make()).ok());
  EXPECT_THAT(calls_[1].body, HasSubstr("&client_id=to%20csin&client_secret=s%3Acret%2F%2B"));
  EXPECT_EQ(FindHeader(calls_[1].headers, "Authorization"), "");
  calls_.clear();
  settings_.client_auth = Settings::ClientAuth::kPublic;
  ASSERT_TRUE(SignIn(*Make()).ok());
  EXPECT_THAT(calls_[1].body, HasSubstr("&client_id=to%20csin"));
  EXPECT_THAT(calls_[1].body, Not(HasSubstr("secret")));
}

TEST_F(ProviderTest, TheIssuersHostMayBeAnywhereAndOthersMayNot) {
  const auto provider = Make();
  Answer(first_, R"(,"email":"a@example.com")");
  ASSERT_TRUE(SignIn(*provider).ok());
  sockaddr_in inside{};
  inside.sin_family = AF_INET;
  inside.sin_addr.s_addr = htonl(0x0A000001);
  for (const HttpCall& call : calls_) {
    const bool own = call.url.starts_with("https://sso.example.com/");
    EXPECT_EQ(call.permits(reinterpret_cast<const sockaddr&>(inside), sizeof inside), own) << call.url;
  }
}

TEST_F(ProviderTest, WhatIsKnownIsKeptForAnHourAndInNeedForADay) {
  const auto provider = Make();
  ASSERT_TRUE(provider->Discover(now_).ok());
  Pass(absl::Minutes(59));
  ASSERT_TRUE(provider->Discover(now_).ok());
  EXPECT_EQ(Count(kDiscovery), 1U);
  Pass(absl::Minutes(2));
  answers_.erase(std::string(kDiscovery));
  EXPECT_TRUE(provider->Discover(now_).ok()) << "it is down: what was known is good enough";
  EXPECT_EQ(Count(kDiscovery), 2U);
  ASSERT_TRUE(provider->Discover(now_).ok());
  EXPECT_EQ(Count(kDiscovery), 2U) << "it has just failed";
  Pass(absl::Seconds(6));
  ASSERT_TRUE(provider->Discover(now_).ok());
  EXPECT_EQ(Count(kDiscovery), 3U);
  Pass(absl::Hours(24));
  EXPECT_THAT(Message(provider->Discover(now_).status()), HasSubstr("cannot connect"));
}

// A provider that hangs must hold up neither who asks what is known nor who has something good enough.
TEST_F(ProviderTest, NobodyWhoHasWhatIsKnownWaitsForAProviderThatHangs) {
  std::promise<void> asked;
  std::promise<void> released;
  std::shared_future<void> may_answer = released.get_future().share();
  std::atomic<bool> hangs{false};
  Provider provider(
      settings_, [](const sockaddr&, socklen_t) { return false; },
      [&](const HttpCall& call) -> absl::StatusOr<HttpResponse> {
        if (hangs.exchange(false)) {
          asked.set_value();
          may_answer.wait();
        }
        return answers_.at(call.url);
      });
  EXPECT_FALSE(provider.Known().has_value());
  ASSERT_TRUE(provider.Discover(now_).ok());
  Pass(absl::Hours(2));
  hangs = true;
  std::future<bool> slow = std::async(std::launch::async, [&] { return provider.Discover(now_).ok(); });
  asked.get_future().wait();
  std::future<bool> known = std::async(std::launch::async, [&] { return provider.Known().has_value(); });
  std::future<bool> enough = std::async(std::launch::async, [&] { return provider.Discover(now_).ok(); });
  const bool both = known.wait_for(std::chrono::seconds(60)) == std::future_status::ready &&
                    enough.wait_for(std::chrono::seconds(60)) == std::future_status::ready;
  EXPECT_TRUE(both) << "before the provider has answered";
  released.set_value();
  EXPECT_TRUE(known.get() && enough.get() && slow.get());
}

TEST_F(ProviderTest, AnUnknownKeyIsAskedForAtOnceAndThenOnceAMinute) {
  const auto provider = Make();
  Answer(first_, R"(,"email":"a@example.com")");
  ASSERT_TRUE(SignIn(*provider).ok());
  Publish(second_);
  Answer(second_, R"(,"email":"a@example.com")");
  ASSERT_TRUE(SignIn(*provider).ok()) << "at once";
  EXPECT_EQ(Count("https://sso.example.com/keys"), 2U);
  Answer(Signer("ES256", "third"));
  for (int i = 0; i < 5; ++i)
    EXPECT_THAT(Message(SignIn(*provider).status()), HasSubstr("publishes no key"));
  EXPECT_EQ(Count("https://sso.example.com/keys"), 2U);
  Pass(absl::Minutes(1));
  EXPECT_FALSE(SignIn(*provider).ok());
  EXPECT_EQ(Count("https://sso.example.com/keys"), 3U);
  Answer(first_);
  EXPECT_FALSE(SignIn(*provider).ok()) << "a key that is published no longer";
}

TEST_F(ProviderTest, ClaimsThatTheTokenLacksComeFromTheUserinfoOfTheSameSubject) {
  const auto provider = Make();
  Answer(first_);
  answers_["https://sso.example.com/me"] = {.status = 200,
                                            .body = R"({"sub":"s1","email":"a@example.com","iss":"x","aaa":1})"};
  const absl::StatusOr<Claims> claims = SignIn(*provider);
  ASSERT_TRUE(claims.ok()) << claims.status();
  EXPECT_EQ(claims->all.TextOf("email"), "a@example.com");
  EXPECT_EQ(claims->all.TextOf("iss"), kIssuer) << "what was signed stays";
  EXPECT_EQ(FindHeader(calls_.back().headers, "Authorization"), "Bearer at");
  answers_["https://sso.example.com/me"].body = R"({"sub":"s2","email":"b@example.com"})";
  EXPECT_THAT(Message(SignIn(*provider).status()), HasSubstr("another sub"));
  answers_["https://sso.example.com/me"].body = R"({"email":"b@example.com"})";
  EXPECT_THAT(Message(SignIn(*provider).status()), HasSubstr("another sub"));
  answers_["https://sso.example.com/me"].status = 403;
  EXPECT_THAT(Message(SignIn(*provider).status()), HasSubstr("status 403"));
}

TEST_F(ProviderTest, WhatARefusalSaysIsShownAsOneShortLine) {
  const auto provider = Make();
  answers_["https://tokens.example.com/token"] = {
      .status = 400,
      .body = R"({"error":"invalid_grant","error_description":"a\nb\u001b[31m)" + std::string(5000, 'x') + "\"}"};
  const std::string message = Message(SignIn(*provider).status());
  EXPECT_THAT(message, HasSubstr("it refused the code: invalid_grant: a b [31m"));
  EXPECT_LT(message.size(), 400U);
  EXPECT_EQ(message.find('\n'), message.npos);
  EXPECT_THAT(message, Not(HasSubstr("c&d")));
  answers_["https://tokens.example.com/token"] = {.status = 500, .body = "<html>"};
  EXPECT_THAT(Message(SignIn(*provider).status()), HasSubstr("status 500"));
  answers_["https://tokens.example.com/token"] = {.status = 200, .body = R"({"access_token":"x"})"};
  EXPECT_THAT(Message(SignIn(*provider).status()), HasSubstr("has no id_token"));
}

TEST(MetadataTest, ADocumentIsOfItsIssuerAndLeadsNowhereInPlainText) {
  constexpr std::string_view kGood =
      R"({"issuer":"https://a.example","authorization_endpoint":"https://a.example/a","token_endpoint":"https://a.example/t",)"
      R"("jwks_uri":"https://a.example/j")";
  const auto read = [&](std::string_view more, std::string_view issuer = "https://a.example") {
    return ParseMetadata(absl::StrCat(std::string(kGood), std::string(more), "}"), std::string(issuer));
  };
  ASSERT_TRUE(read("").ok()) << read("").status();
  EXPECT_THAT(read("")->end_session_endpoint, IsEmpty());
  EXPECT_TRUE(read(R"(,"authorization_response_iss_parameter_supported":true)")->names_itself);
  EXPECT_THAT(Message(read("", "https://a.example/").status()), HasSubstr("byte by byte"));
  EXPECT_THAT(Message(read(R"(,"end_session_endpoint":"http://a.example/x")").status()), HasSubstr("must be https"));
  EXPECT_THAT(Message(read(R"(,"end_session_endpoint":"javascript:alert")").status()),
              HasSubstr("end_session_endpoint"));
  EXPECT_THAT(Message(read(R"(,"userinfo_endpoint":"https://a.example/#x")").status()), HasSubstr("no #"));
  const std::string endless = R"(,"userinfo_endpoint":"https://a.example/)" + std::string(3000, 'x') + "\"";
  EXPECT_THAT(Message(read(endless).status()), HasSubstr("more than 2000"));
  EXPECT_FALSE(ParseMetadata(R"({"issuer":"https://a.example"})", "https://a.example").ok());
}

}  // namespace
}  // namespace tocsin::oidc
