// The claims: each rule with what passes and what fails.
#include "oidc/token.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "tests/oidc/signer.h"

namespace tocsin::oidc {
namespace {

using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
const std::vector<Algorithm> kAllowed = {Algorithm::kRs256, Algorithm::kEs256, Algorithm::kEs384, Algorithm::kEdDsa};
constexpr std::string_view kGood =
    R"("iss":"https://sso.example.com","sub":"s1","aud":"tocsin","exp":1800000300,"iat":1800000000,"nonce":"n1")";
constexpr std::string_view kLogout =
    R"("iss":"https://sso.example.com","sub":"s1","aud":"tocsin","iat":1800000000,"jti":"j",)"
    R"("events":{"http://schemas.openid.net/event/backchannel-logout":{}})";

Expected Wanted() {
  return {
      .issuer = "https://sso.example.com", .client_id = "tocsin", .algorithms = kAllowed, .now = kNow, .nonce = "n1"};
}

// The claims with one of them changed: "aud" -> `"aud":["x"]`, or left out.
std::string With(std::string_view claims, std::string_view name, std::string_view instead) {
  const std::string start = absl::StrCat("\"", std::string(name), "\":");
  std::string text(claims);
  const std::size_t at = text.find(start);
  if (at == text.npos) return absl::StrCat(text, ",", std::string(instead));
  const std::size_t end = std::min(text.find(",\"", at), text.size());
  text.replace(at, end - at, instead.empty() ? "\"left_out\":0" : std::string(instead));
  return text;
}

struct Case {
  std::string_view what;
  std::string_view name;
  std::string_view instead;
  std::string_view error;  // "": it passes
};

void Check(std::span<const Case> cases, std::string_view claims, auto verify) {
  const Signer signer("ES256", "k");
  for (const Case& each : cases) {
    const std::string payload = absl::StrCat("{", With(claims, each.name, each.instead), "}");
    const absl::StatusOr<Claims> read = verify(signer.Sign(payload), signer.Keys());
    if (each.error.empty()) {
      EXPECT_TRUE(read.ok()) << each.what << ": " << read.status() << payload;
    } else {
      EXPECT_THAT(Message(read.status()), HasSubstr(std::string(each.error))) << each.what << payload;
    }
  }
}

TEST(IdTokenTest, EachRulePassesAndFails) {
  constexpr Case kCases[] = {
      {"as it is",                      "more",  R"("more":1)",                                ""                       },
      {"another issuer",                "iss",   R"("iss":"https://evil.example")",            "iss: the token is of"   },
      {"an issuer with a slash more",   "iss",   R"("iss":"https://sso.example.com/")",        "iss: the token is of"   },
      {"no issuer",                     "iss",   "",                                           "iss: the token is of"   },
      {"for us as one of a list",       "aud",   R"("aud":["tocsin"])",                        ""                       },
      {"for another client",            "aud",   R"("aud":"other")",                           "aud: the token is for"  },
      {"for a client with a like name", "aud",   R"("aud":"tocsin2")",                         "aud: the token is for"  },
      {"for nobody",                    "aud",   "",                                           "aud: the token is for"  },
      {"for two without a party",       "aud",   R"("aud":["tocsin","other"])",                "azp: is missing"        },
      {"for two with us as the party",  "aud",   R"("aud":["tocsin","other"],"azp":"tocsin")", ""                       },
      {"for two with another party",    "aud",   R"("aud":["tocsin","other"],"azp":"other")",  "azp: the token was made"},
      {"another party alone",           "azp",   R"("azp":"other")",                           "azp: the token was made"},
      {"a party that is no text",       "azp",   R"("azp":1)",                                 "azp: the token was made"},
      {"ran out within the skew",       "exp",   R"("exp":1799999941)",                        ""                       },
      {"ran out",                       "exp",   R"("exp":1799999940)",                        "exp: the token ran out" },
      {"no end",                        "exp",   "",                                           "exp: is missing"        },
      {"an end that is text",           "exp",   R"("exp":"1800000300")",                      "exp: is missing"        },
      {"an end beyond all years",       "exp",   R"("exp":1e300)",                             "exp: is missing"        },
      {"an end before 1970",            "exp",   R"("exp":-1)",                                "exp: is missing"        },
      {"a fraction",                    "exp",   R"("exp":1800000300.5)",                      ""                       },
      {"made a little later than now",  "iat",   R"("iat":1800000060)",                        ""                       },
      {"made later",                    "iat",   R"("iat":1800000061)",                        "iat: the token was made"},
      {"not made at any time",          "iat",   "",                                           "iat: is missing"        },
      {"good from now on",              "nbf",   R"("nbf":1800000060)",                        ""                       },
      {"good from later on",            "nbf",   R"("nbf":1800000061)",                        "nbf: the token is good" },
      {"good from no time",             "nbf",   R"("nbf":"x")",                               "nbf: is no time"        },
      {"another login's",               "nonce", R"("nonce":"n2")",                            "nonce: the token"       },
      {"of no login",                   "nonce", "",                                           "nonce: the token"       },
      {"of nobody",                     "sub",   "",                                           "sub: is missing"        },
      {"of a number",                   "sub",   R"("sub":7)",                                 "sub: is missing"        },
  };
  Check(kCases, kGood,
        [](const std::string& token, const KeySet& keys) { return VerifyIdToken(token, keys, Wanted()); });
}

TEST(IdTokenTest, WhatIsReadOneWayHereCouldBeReadAnotherWayElsewhere) {
  const Signer signer("ES256", "k");
  const auto judge = [&](const std::string& payload) {
    return Message(VerifyIdToken(signer.Sign(payload), signer.Keys(), Wanted()).status());
  };
  EXPECT_THAT(judge(absl::StrCat("{", std::string(kGood), R"(,"sub":"s2"})")), HasSubstr("a name twice"));
  EXPECT_THAT(judge("[]"), HasSubstr("no JSON object"));
  EXPECT_THAT(judge("\xff{}"), HasSubstr("no JSON"));
  EXPECT_THAT(
      judge(absl::StrCat("{", std::string(kGood), ",\"deep\":", std::string(40, '['), std::string(40, ']'), "}")),
      HasSubstr("no JSON"));
  EXPECT_THAT(judge(absl::StrCat("{", With(kGood, "sub", "\"sub\":\"" + std::string(256, 's') + "\""), "}")),
              HasSubstr("more than 255"));
}

TEST(IdTokenTest, ATokenThatWasMadeForSomethingElseIsNone) {
  const Signer signer("ES256", "k");
  const std::string payload = absl::StrCat("{", std::string(kGood), "}");
  for (const auto& [type, good] : {
           std::pair("JWT", true),
           {"jwt",                true },
           {"application/jwt",    true },
           {"at+jwt",             false},
           {"logout+jwt",         false},
           {"application/at+jwt", false}
  }) {
    const std::string header = absl::StrFormat(R"({"alg":"ES256","kid":"k","typ":"%s"})", type);
    EXPECT_EQ(VerifyIdToken(signer.Sign(payload, header), signer.Keys(), Wanted()).ok(), good) << type;
  }
}

TEST(IdTokenTest, TheHashOfTheAccessTokenFitsItsAlgorithm) {
  // OpenID Connect Core, A.3: at_hash of an RS256 token.
  const std::string access = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
  EXPECT_EQ(EncodeBase64Url(HashOf(Algorithm::kRs256, access).substr(0, 16)), "77QmUPtjPfzWtF2AnpK9RQ");
  for (const std::string_view algorithm : {"RS256", "ES384", "EdDSA"}) {
    const Signer signer(algorithm, "k");
    const auto* row = std::ranges::find(kAlgorithms, algorithm, &AlgorithmName::name);
    const std::string whole = HashOf(row->algorithm, access);
    const std::string half = EncodeBase64Url(whole.substr(0, whole.size() / 2));
    for (const auto& [hash, good] : {
             std::pair(half, true), {EncodeBase64Url(whole), false},
               {std::string("x"),       false}
    }) {
      Expected expected = Wanted();
      expected.access_token = access;
      const std::string payload = absl::StrCat("{", std::string(kGood), R"(,"at_hash":")", hash, "\"}");
      EXPECT_EQ(VerifyIdToken(signer.Sign(payload), signer.Keys(), expected).ok(), good) << algorithm << hash;
    }
  }
}

TEST(LogoutTokenTest, EachRulePassesAndFails) {
  constexpr Case kCases[] = {
      {"as it is",            "more",   R"("more":1)",                                                            ""                              },
      {"a session",           "sid",    R"("sid":"x")",                                                           ""                              },
      {"an end to come",      "exp",    R"("exp":1800000100)",                                                    ""                              },
      {"an end that is past", "exp",    R"("exp":1799990000)",                                                    "exp: the token ran out"        },
      {"old",                 "iat",    R"("iat":1799990000)",                                                    "too old"                       },
      {"no id",               "jti",    "",                                                                       "jti: is missing"               },
      {"a nonce",             "nonce",  R"("nonce":"n1")",                                                        "nonce: a logout token has none"},
      {"nobody",              "sub",    "",                                                                       "sub, sid: both are missing"    },
      {"another client's",    "aud",    R"("aud":"other")",                                                       "aud: the token is for"         },
      {"another issuer's",    "iss",    R"("iss":"https://evil.example")",                                        "iss: the token is of"          },
      {"another event",       "events", R"("events":{"https://example.com/other":{}})",                           "events: it is no logout"       },
      {"no event",            "events", R"("events":{})",                                                         "events: it is no logout"       },
      {"an event of text",    "events", R"("events":{"http://schemas.openid.net/event/backchannel-logout":"x"})",
       "events: it is no logout"                                                                                                                  },
  };
  Check(kCases, kLogout, [](const std::string& token, const KeySet& keys) {
    Expected expected = Wanted();
    expected.nonce.clear();
    return VerifyLogoutToken(token, keys, expected);
  });
}

TEST(LogoutTokenTest, AnIdTokenIsNoLogoutAndALogoutIsNoIdToken) {
  const Signer signer("ES256", "k");
  const std::string id = signer.Sign(absl::StrCat("{", std::string(kGood), "}"));
  const std::string logout = signer.Sign(absl::StrCat("{", std::string(kLogout), R"(,"exp":1800000100})"));
  EXPECT_TRUE(VerifyIdToken(id, signer.Keys(), Wanted()).ok());
  EXPECT_FALSE(VerifyLogoutToken(id, signer.Keys(), Wanted()).ok());
  EXPECT_TRUE(VerifyLogoutToken(logout, signer.Keys(), Wanted()).ok());
  EXPECT_FALSE(VerifyIdToken(logout, signer.Keys(), Wanted()).ok());
}

}  // namespace
}  // namespace tocsin::oidc
