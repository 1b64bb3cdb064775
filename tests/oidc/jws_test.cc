// Signatures: what the RFCs give as examples, every algorithm with its own kind of key, and everything that only looks like one.
#include "oidc/jws.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "tests/oidc/signer.h"

namespace tocsin::oidc {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<Algorithm> All() {
  std::vector<Algorithm> all;
  for (const AlgorithmName& each : kAlgorithms)
    all.push_back(each.algorithm);
  return all;
}

absl::Status Judge(std::string_view token, const KeySet& keys, const std::vector<Algorithm>& allowed = All()) {
  const absl::StatusOr<Jws> parsed = ParseJws(token);
  return parsed.ok() ? Verify(*parsed, keys, allowed) : parsed.status();
}

struct Example {
  std::string_view source;
  std::string_view key;
  std::string_view token;
};
constexpr Example kExamples[] = {
    {"RFC 7515 A.2, RS256",
     R"({"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"})",
     "eyJhbGciOiJSUzI1NiJ9."
     "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
     "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_"
     "O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_"
     "nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-"
     "eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"},
    {"RFC 7515 A.3, ES256",
     R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})",
     "eyJhbGciOiJFUzI1NiJ9."
     "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
     "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"                         },
    {"RFC 8037 A.4, EdDSA", R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})",
     "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
     "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"                         },
};

TEST(JwsTest, TheExamplesOfTheStandardsHold) {
  for (const Example& example : kExamples) {
    SCOPED_TRACE(example.source);
    const absl::StatusOr<KeySet> keys = KeySet::Parse(KeysJson(example.key));
    ASSERT_TRUE(keys.ok()) << keys.status();
    EXPECT_TRUE(Judge(example.token, *keys).ok()) << Judge(example.token, *keys);
    // One bit of any part, and it is none.
    for (const std::size_t part : {example.token.find('.') + 5, example.token.rfind('.') + 5}) {
      std::string changed(example.token);
      changed[part] = changed[part] == 'A' ? 'B' : 'A';
      EXPECT_FALSE(Judge(changed, *keys).ok()) << part;
    }
  }
}

TEST(JwsTest, EveryAlgorithmWorksWithItsOwnKindOfKeyAndWithNoOther) {
  for (const AlgorithmName& algorithm : kAlgorithms) {
    SCOPED_TRACE(algorithm.name);
    const Signer signer(algorithm.name, "k");
    const std::string token = signer.Sign("{}");
    EXPECT_TRUE(Judge(token, signer.Keys()).ok()) << Judge(token, signer.Keys());
    EXPECT_TRUE(absl::IsUnauthenticated(Judge(token, Signer(algorithm.name, "k", 2056).Keys())))
        << "another key of the same name";
    for (const AlgorithmName& other : kAlgorithms) {
      if (other.algorithm == algorithm.algorithm) continue;
      const bool both_rsa = algorithm.name.substr(1, 1) == "S" && other.name.substr(1, 1) == "S" &&
                            algorithm.name[0] != 'E' && other.name[0] != 'E';
      const absl::Status status = Judge(
          signer.Sign("{}", absl::StrCat(R"({"alg":")", std::string(other.name), R"(","kid":"k"})")), signer.Keys());
      EXPECT_TRUE(both_rsa ? absl::IsUnauthenticated(status) : absl::IsNotFound(status))
          << other.name << ": " << status;
    }
    EXPECT_THAT(Message(Judge(token, signer.Keys(), {})), HasSubstr("not among those"));
  }
}

TEST(JwsTest, NeitherNothingNorASharedSecretSigns) {
  const Signer signer("RS256", "k");
  const std::string header = EncodeBase64Url(R"({"alg":"none","kid":"k"})");
  EXPECT_THAT(Message(Judge(header + "." + EncodeBase64Url("{}") + ".", signer.Keys())),
              HasSubstr("\"none\", which is refused"));
  for (const std::string_view none :
       {"None", "NONE", "nOnE", "", "HS256", "HS384", "HS512", "A128KW", "RS1", "rs256"}) {
    const std::string token = signer.Sign("{}", absl::StrCat(R"({"alg":")", std::string(none), R"("})"));
    EXPECT_THAT(Message(Judge(token, signer.Keys())), HasSubstr("which is refused")) << none;
  }
  // The public key as the secret: whoever has read it can do that.
  const std::string confused = SignWithSecret("{}", R"({"alg":"HS256","kid":"k"})", signer.Jwk());
  EXPECT_THAT(Message(Judge(confused, signer.Keys())), HasSubstr("which is refused"));
  EXPECT_THAT(KeySet::Parse(KeysJson(R"({"kty":"oct","k":"c2VjcmV0","kid":"k"})"))->keys(), IsEmpty());
}

TEST(JwsTest, TheKeyIsTheProvidersAndIsNamed) {
  const Signer one("RS256", "one");
  const Signer two("RS256", "two");
  const KeySet both = KeySet::Parse(KeysJson(one.Jwk() + "," + two.Jwk())).value();
  EXPECT_TRUE(Judge(one.Sign("{}"), both).ok());
  EXPECT_TRUE(Judge(two.Sign("{}"), both).ok());
  EXPECT_TRUE(absl::IsUnauthenticated(Judge(one.Sign("{}", R"({"alg":"RS256","kid":"two"})"), both)));
  EXPECT_TRUE(absl::IsNotFound(Judge(one.Sign("{}", R"({"alg":"RS256","kid":"three"})"), both)));
  EXPECT_THAT(Message(Judge(one.Sign("{}", R"({"alg":"RS256"})"), both)), HasSubstr("which of 2 keys"));
  EXPECT_TRUE(Judge(one.Sign("{}", R"({"alg":"RS256"})"), one.Keys()).ok()) << "there is no other";
  const KeySet twice = KeySet::Parse(KeysJson(one.Jwk() + "," + Signer("RS256", "one", 2056).Jwk())).value();
  EXPECT_THAT(Message(Judge(one.Sign("{}"), twice)), HasSubstr("which of 2 keys"));
  // What a token brings along is not looked at.
  const std::string brought =
      absl::StrCat(R"({"alg":"RS256","kid":"two","jwk":)", one.Jwk(), R"(,"x5u":"https://evil.example"})");
  EXPECT_TRUE(absl::IsUnauthenticated(Judge(one.Sign("{}", brought), both)));
}

TEST(JwsTest, KeysThatAreForSomethingElseOrTooWeakAreLeftOut) {
  const Signer rsa("RS256", "k");
  const std::string one_coordinate = std::string(42, 'A') + "E";
  const std::string beside =
      absl::StrFormat(R"({"kty":"EC","crv":"P-256","x":"%s","y":"%s"})", one_coordinate, one_coordinate);
  const std::string weak = Signer("RS256", "k", 1024).Jwk();
  const std::string one_exponent = absl::StrFormat(R"({"kty":"RSA","n":"%s","e":"AQ"})", std::string(400, 'B'));
  const struct {
    std::string_view what;
    std::string key;
    std::size_t count;
  } cases[] = {
      {"as it is",                     rsa.Jwk(),                                             1},
      {"for signatures",               rsa.Jwk(R"(,"use":"sig")"),                            1},
      {"to verify",                    rsa.Jwk(R"(,"key_ops":["verify"])"),                   1},
      {"for encryption",               rsa.Jwk(R"(,"use":"enc")"),                            0},
      {"to encrypt",                   rsa.Jwk(R"(,"key_ops":["encrypt"])"),                  0},
      {"1024 bits",                    weak,                                                  0},
      {"an exponent of 1",             one_exponent,                                          0},
      {"no number",                    R"({"kty":"RSA","n":"!!","e":"AQAB"})",                0},
      {"a point beside its curve",     beside,                                                0},
      {"a curve that is not known",    R"({"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"})", 0},
      {"a short key of a known curve", R"({"kty":"OKP","crv":"Ed25519","x":"AAAA"})",         0},
      {"nothing",                      "{}",                                                  0},
  };
  for (const auto& [what, key, count] : cases) {
    const absl::StatusOr<KeySet> keys = KeySet::Parse(KeysJson(key));
    ASSERT_TRUE(keys.ok()) << what << keys.status();
    EXPECT_THAT(keys->keys(), SizeIs(count)) << what;
  }
  const KeySet pinned = KeySet::Parse(KeysJson(rsa.Jwk(R"(,"alg":"PS256")"))).value();
  EXPECT_TRUE(absl::IsNotFound(Judge(rsa.Sign("{}"), pinned))) << "published for another algorithm";
}

TEST(JwsTest, ASetOfKeysIsBoundedAndReadStrictly) {
  std::string many = "{}";
  for (int i = 0; i < 64; ++i)
    many += ",{}";
  EXPECT_THAT(Message(KeySet::Parse(KeysJson(many)).status()), HasSubstr("at most 64"));
  for (const std::string_view text :
       {"", "[]", "{}", R"({"keys":{}})", R"({"keys":[],"keys":[]})", "{\"keys\":[]", "{\"keys\":[]}x"}) {
    EXPECT_FALSE(KeySet::Parse(text).ok()) << text;
  }
}

TEST(JwsTest, WhatIsNoTokenIsRefused) {
  const Signer signer("ES256", "k");
  const std::string good = signer.Sign("{}");
  ASSERT_TRUE(Judge(good, signer.Keys()).ok());
  const std::string header = good.substr(0, good.find('.'));
  const std::string rest = good.substr(good.find('.'));
  for (const std::string& bad : {
           std::string(),
           std::string("."),
           std::string(".."),
           std::string("a.b"),
           good + ".x",
           good + "=",
           good + "\n",
           " " + good,
           header + "=" + rest,
           EncodeBase64Url("[]") + rest,
           EncodeBase64Url("{\"alg\":1}") + rest,
           EncodeBase64Url("{\"alg\":\"ES256\",\"alg\":\"ES256\"}") + rest,
           EncodeBase64Url("{\"alg\":\"ES256\",\"crit\":[\"b64\"],\"b64\":false}") + rest,
           std::string(kTokenBytes + 1, 'a'),
           good.substr(0, good.size() - 4),
       }) {
    EXPECT_FALSE(Judge(bad, signer.Keys()).ok()) << bad.substr(0, 80);
  }
}

}  // namespace
}  // namespace tocsin::oidc
