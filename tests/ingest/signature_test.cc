#include "ingest/signature.h"

#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/status.h"
#include "base/strings.h"
#include "ingest/sns.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'795'289'000);

// ---- shared secrets ----

// RFC 4231, test case 2.
TEST(SignatureTest, HmacIsTheOneThatEverybodyMeans) {
  EXPECT_EQ(absl::BytesToHexString(HmacSha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(SignatureTest, AcceptsWhatTheOwnerOfTheSecretHasSigned) {
  constexpr std::string_view kMac = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
  constexpr std::string_view kBase64 = "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=";
  struct Case {
    std::string_view name;
    HmacHeader header;
    std::string value;
    std::string_view error;  // "": accepted
  };
  const std::string mac(kMac);
  const HmacHeader prefixed = {.name = "X-Sig", .prefix = "sha256="};
  const HmacHeader list = {.name = "x-sig", .prefix = "v1=", .is_list = true};
  const HmacHeader base64 = {.name = "X-Sig", .digits = HmacHeader::Digits::kBase64};
  const Case cases[] = {
      {"plain",                      {.name = "X-Sig"}, mac,                        ""                     },
      {"upper case",                 {.name = "X-Sig"}, absl::AsciiStrToUpper(mac), ""                     },
      {"prefix",                     prefixed,          "sha256=" + mac,            ""                     },
      {"base64",                     base64,            std::string(kBase64),       ""                     },
      {"second of a list",           list,              "v1=00,v1=" + mac,          ""                     },
      {"of another version",         list,              "v2=" + mac,                "x-sig: not"           },
      {"without its prefix",         prefixed,          mac,                        "X-Sig: not"           },
      {"a list where none is taken", prefixed,          "sha256=00,sha256=" + mac,  "X-Sig: not"           },
      {"one digit is wrong",         {.name = "X-Sig"}, "0" + mac.substr(1),        "X-Sig: not"           },
      {"half of it",                 {.name = "X-Sig"}, mac.substr(0,               32),                     "X-Sig: not"},
      {"base64 in other letter case",                            base64,                 ToLower(kBase64),          "X-Sig: not"},
      {"empty",                            {.name = "X-Sig"},                                       "",                     "missing"   },
      {"in another header",                            {.name = "X-No"},                           mac,          "missing"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const HttpHeaders headers = {
        {"X-Sig", c.value}
    };
    const SourceRequest request = {.body = "what do ya want for nothing?", .headers = headers};
    const absl::Status status = CheckHmac(request, c.header, "Jefe");
    EXPECT_EQ(status.ok(), c.error.empty()) << status;
    EXPECT_THAT(Message(status), HasSubstr(std::string(c.error)));
    EXPECT_EQ(Message(status).find("5bdc"), std::string::npos) << "an error never shows what would have been right";
    EXPECT_FALSE(CheckHmac(request, c.header, "Jeff").ok());
    EXPECT_FALSE(CheckHmac(request, c.header, "").ok()) << "an empty secret signs nothing";
  }
}

TEST(SignatureTest, ComparesPlainSecretsAndTimes) {
  const HttpHeaders headers = {
      {"X-Token", "s3cret"}
  };
  const SourceRequest request = {.body = "", .headers = headers};
  EXPECT_TRUE(CheckSharedSecret(request, "x-token", "s3cret").ok());
  EXPECT_FALSE(CheckSharedSecret(request, "x-token", "s3cret2").ok());
  EXPECT_FALSE(CheckSharedSecret(request, "x-other", "s3cret").ok());
  EXPECT_FALSE(CheckSharedSecret(request, "x-token", "").ok());
  EXPECT_TRUE(CheckSignedAt("X-Time", "1795288900", kNow, absl::Minutes(5)).ok());
  EXPECT_FALSE(CheckSignedAt("X-Time", "1795280000", kNow, absl::Minutes(5)).ok());
  EXPECT_FALSE(CheckSignedAt("X-Time", "1795299000", kNow, absl::Minutes(5)).ok());
  EXPECT_FALSE(CheckSignedAt("X-Time", "", kNow, absl::Minutes(5)).ok());
}

// ---- SNS ----

// Somebody with a certificate of their own.
class Signer {
 public:
  explicit Signer(unsigned int bits = 2048) : key_(EVP_RSA_gen(bits)) {
    X509* const x509 = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    ASN1_TIME_set(X509_getm_notBefore(x509), absl::ToTimeT(kNow - absl::Hours(24)));
    ASN1_TIME_set(X509_getm_notAfter(x509), absl::ToTimeT(kNow + absl::Hours(24)));
    X509_set_pubkey(x509, key_);
    X509_sign(x509, key_, EVP_sha256());
    BIO* const bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, x509);
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio, &text);
    certificate_.assign(text, static_cast<std::size_t>(size));
    BIO_free(bio);
    X509_free(x509);
  }
  Signer(const Signer&) = delete;
  Signer& operator=(const Signer&) = delete;
  ~Signer() { EVP_PKEY_free(key_); }

  const std::string& certificate() const { return certificate_; }
  // In base64.
  std::string Sign(const std::string& text, const EVP_MD* digest) const {
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    EVP_DigestSignInit(context, nullptr, digest, nullptr, key_);
    std::string signature(512, '\0');
    std::size_t size = signature.size();
    auto* const out = static_cast<unsigned char*>(static_cast<void*>(signature.data()));
    const auto* const in = static_cast<const unsigned char*>(static_cast<const void*>(text.data()));
    EXPECT_EQ(EVP_DigestSign(context, out, &size, in, text.size()), 1);
    EVP_MD_CTX_free(context);
    return absl::Base64Escape(signature.substr(0, size));
  }

 private:
  EVP_PKEY* key_;
  std::string certificate_;
};

const Signer& Amazon() {
  static const Signer signer;
  return signer;
}

constexpr std::string_view kTopic = "arn:aws:sns:eu-west-1:123456789012:alarms";
constexpr std::string_view kCertificateUrl =
    "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem";
constexpr std::string_view kSubscribeUrl =
    "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:123456789012:alarms"
    "&Token=2336";

std::string Notification(std::string_view version, std::string_view subject, const std::string& signature) {
  const std::string subject_member = subject.empty() ? "" : absl::StrFormat(R"("Subject":"%s",)", subject);
  return absl::StrFormat(
      R"({"Type":"Notification","MessageId":"m1","TopicArn":"%s",%s"Message":"a \"b\"\nc","Timestamp":"2026-11-21T10:00:00.000Z",)"
      R"("SignatureVersion":"%s","Signature":"%s","SigningCertURL":"%s"})",
      kTopic, subject_member, version, signature, kCertificateUrl);
}

std::string SignedNotification(std::string_view version, std::string_view subject) {
  const std::string subject_lines = subject.empty() ? "" : absl::StrFormat("Subject\n%s\n", subject);
  const std::string text = absl::StrFormat(
      "Message\na \"b\"\nc\nMessageId\nm1\n%sTimestamp\n2026-11-21T10:00:00.000Z\nTopicArn\n%s\nType\nNotification\n",
      subject_lines, kTopic);
  return Notification(version, subject, Amazon().Sign(text, version == "1" ? EVP_sha1() : EVP_sha256()));
}

std::string SignedConfirmation(std::string_view type) {
  const std::string text = absl::StrFormat(
      "Message\nhello\nMessageId\nm1\nSubscribeURL\n%s\nTimestamp\nt\nToken\n2336\nTopicArn\n%s\nType\n%s\n",
      kSubscribeUrl, kTopic, type);
  return absl::StrFormat(
      R"({"Type":"%s","MessageId":"m1","Token":"2336","TopicArn":"%s","Message":"hello","SubscribeURL":"%s","Timestamp":"t",)"
      R"("SignatureVersion":"2","Signature":"%s","SigningCertURL":"%s"})",
      type, kTopic, kSubscribeUrl, Amazon().Sign(text, EVP_sha256()), kCertificateUrl);
}

absl::Status Verify(std::string_view body, std::string_view certificate, absl::Time at = kNow) {
  return VerifySns({.body = body, .content_type = "text/plain; charset=UTF-8"}, certificate, at);
}

TEST(SnsTest, AcceptsBothVersionsOfTheSignatureAndAllTypes) {
  const std::string bodies[] = {
      SignedNotification("1", "ALARM"),
      SignedNotification("2", "ALARM"),
      SignedNotification("2", ""),
      SignedConfirmation("SubscriptionConfirmation"),
      SignedConfirmation("UnsubscribeConfirmation"),
  };
  for (const std::string& body : bodies) {
    SCOPED_TRACE(body);
    EXPECT_EQ(Verify(body, Amazon().certificate()), absl::OkStatus());
    // The spelling and the wrapping of what a Lambda function gets.
    const std::string spelt =
        absl::StrReplaceAll(body, {
                                      {"SigningCertURL",  "SigningCertUrl" },
                                      {"SubscribeURL\":", "SubscribeUrl\":"}
    });
    const std::string records = absl::StrFormat(R"({"Records":[{"Sns":%s},{"Sns":%s}]})", spelt, body);
    EXPECT_EQ(Verify(records, Amazon().certificate()), absl::OkStatus());
    EXPECT_EQ(*SnsTopic({.body = records}), kTopic);
    EXPECT_EQ(*SnsCertificateUrl({.body = records}), kCertificateUrl);
  }
  EXPECT_EQ(*SnsSubscribeUrl({.body = bodies[3]}), kSubscribeUrl);
  EXPECT_EQ(*SnsMessageType({.body = bodies[4]}), SnsType::kUnsubscribeConfirmation);
  EXPECT_FALSE(SnsSubscribeUrl({.body = bodies[0]}).ok());
}

TEST(SnsTest, RefusesWhateverAmazonHasNotSigned) {
  const Signer somebody;
  const Signer weak(512);
  const std::string good = SignedNotification("2", "ALARM");
  const auto changed = [&](std::string_view from, std::string_view to) {
    return absl::StrReplaceAll(good, {
                                         {ToAbsl(from), ToAbsl(to)}
    });
  };
  struct Case {
    std::string_view name;
    std::string body;
    std::string certificate;
    absl::Time at;
    std::string_view error;
  };
  const std::string& pem = Amazon().certificate();
  const Case cases[] = {
      {"another's certificate",     good,                                                     somebody.certificate(),                                                          kNow,"not the signature"  },
      {"a short key",               good,                                                     weak.certificate(),                                                              kNow,"too short"          },
      {"no certificate",            good,                                                     "-----BEGIN",                                                                    kNow,"PEM"                },
      {"expired",                   SignedConfirmation("SubscriptionConfirmation"),           pem,                                                                             kNow + absl::Hours(48),"expired"            },
      {"not valid yet",             SignedConfirmation("SubscriptionConfirmation"),           pem,                                                                             kNow - absl::Hours(48),"expired"            },
      {"sent again",                good,                                                     pem,                                                                             kNow + absl::Hours(30),"Timestamp"          },
      {"two spellings",             changed("\"Message\":",                                   "\"message\":\"forged\",\"Message\":"),                                          pem,kNow,                  "otherwise"},
      {"records beside it",                           changed("{\"Type\"",                                                                 "{\"rec-ords\":[],\"Type\""),                                                                                                   pem,kNow,"otherwise"},
      {"another message",                changed("a \\\"b",                                                                        "a \\\"x"),                                                                                                                                       pem,kNow,                                                                                                                     "not the signature"},
      {"another topic",                       changed(":alarms",                                                            ":others"),                                                                                                                                           pem,                       kNow,"not the signature"},
      {"another subject",                        changed("ALARM",                                                                            "OK"),pem,kNow,"not the signature"},
      {"as SHA-1",                      changed("Version\":\"2","Version\":\"1"),                                                                              pem,                                                                                    kNow,                                                                                                                                                                                                                                                                                     "not the signature"},
      {"version 3",changed("Version\":\"2",                        "Version\":\"3"),                       pem,kNow,"SignatureVersion"},
      {"no base64",                 Notification("2",                                                                    "ALARM",                                                                                                            "%%%"),pem,                                                                                                                                                                     kNow, "base64"},
      {"unsigned",                           Notification("2",                                                                         "ALARM",                                                                                                                        ""),pem,kNow, "base64"},
      {"an unknown type",                       changed("\"Notification\"",                                                                       "\"Notice\""),                                                                                                                                                      pem,kNow,"Type"},
      {"raw delivery",                        R"({"AlarmName":"a","NewStateValue":"ALARM"})",                                                                             pem,                                 kNow,"raw message"                                                                                                                                                                                                                                                                                                                       },
      {"one record of two",absl::StrFormat(R"({"Records":[{"Sns":%s},{"Sns":%s}]})",good,changed("m1","m2")),                                                           pem,
       kNow, "not the signature"},
      {"no records",              R"({"Records":[]})", pem, kNow,"empty"},
      {"an odd record",         R"({"Records":[7]})",                               pem,                                                                                                                                                           kNow, "Records[0]"                                                                                                                                                                                                                                                                                         },
      {"no object",                        "[]",                                                             pem,                                                                                                                                            kNow,"array"},
      {"no JSON",                       "{",                                                                        pem,                                                                                                                                                       kNow,                                                                                                                                                                             "byte"                                                                                                                                                                                                                                                                                                                                                                                                                                                    },
  };
  ASSERT_EQ(Verify(good, pem), absl::OkStatus());
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_THAT(Message(Verify(c.body, c.certificate, c.at)), HasSubstr(std::string(c.error)));
  }
}

TEST(SnsTest, BelievesNoAddressButAmazons) {
  struct Case {
    std::string_view url;
    bool ok;
  };
  const Case cases[] = {
      {kCertificateUrl,                                                                         true },
      {"https://sns.us-gov-west-1.amazonaws.com/SimpleNotificationService-1.pem",               true },
      {"https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-1.pem",               true },
      {"http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",                    false},
      {"https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-1.pem",              false},
      {"https://sns.eu-west-1.amazonaws.com.evil.com/SimpleNotificationService-1.pem",          false},
      {"https://evil.com/?https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem", false},
      {"https://sns.eu-west-1.amazonaws.com@evil.com/SimpleNotificationService-1.pem",          false},
      {"https://sns.eu-west-1.amazonaws.com\\\\@evil.com/SimpleNotificationService-1.pem",      false},
      {"https://sns.evil.com#.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",         false},
      {"https://sns.s3.amazonaws.com/SimpleNotificationService-1.pem",                          false},
      {"https://sns.s3-us-west-2.amazonaws.com/SimpleNotificationService-1.pem",                false},
      {"https://sns.x.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",                 false},
      {"https://sns..amazonaws.com/SimpleNotificationService-1.pem",                            false},
      {"https://sns.amazonaws.com/SimpleNotificationService-1.pem",                             false},
      {"https://sqs.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",                   false},
      {"https://sns.eu-west-1.amazonaws.com/?Action=Publish&x=SimpleNotificationService-1.pem", false},
      {"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-../x.pem",                false},
      {"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-.pem",                    false},
      {"https://sns.eu-west-1.amazonaws.com",                                                   false},
      {"",                                                                                      false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.url);
    const std::string body =
        absl::StrFormat(R"({"Type":"Notification","TopicArn":"%s","SigningCertURL":"%s"})", kTopic, c.url);
    EXPECT_EQ(SnsCertificateUrl({.body = body}).ok(), c.ok) << SnsCertificateUrl({.body = body}).status();
  }
}

TEST(SnsTest, ConfirmsOnlyTheTopicThatTheMessageIsAbout) {
  struct Case {
    std::string_view name;
    std::string_view url;
    bool ok;
  };
  constexpr std::string_view kStem = "https://sns.eu-west-1.amazonaws.com/";
  const Case cases[] = {
      {"its own",        "?Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:123456789012:alarms&Token=1",        true },
      {"percent-coded",  "?Action=ConfirmSubscription&TopicArn=arn%3Aaws%3Asns%3Aeu-west-1%3A123456789012%3Aalarms",
       true                                                                                                                    },
      {"another topic",  "?Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:123456789012:other&Token=1",         false},
      {"two topics",
       "?Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:123456789012:alarms&TopicArn=arn:aws:sns:x",           false},
      {"another action", "?Action=DeleteTopic&TopicArn=arn:aws:sns:eu-west-1:123456789012:alarms",                        false},
      {"two actions",    "?Action=ConfirmSubscription&Action=Publish&TopicArn=arn:aws:sns:eu-west-1:123456789012:alarms",
       false                                                                                                                   },
      {"a path",         "x?Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:123456789012:alarms",               false},
      {"nothing",        "",                                                                                              false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const std::string body = absl::StrFormat(
        R"({"Type":"SubscriptionConfirmation","TopicArn":"%s","SubscribeURL":"%s%s"})", kTopic, kStem, c.url);
    EXPECT_EQ(SnsSubscribeUrl({.body = body}).ok(), c.ok) << SnsSubscribeUrl({.body = body}).status();
  }
  const std::string elsewhere = absl::StrFormat(
      R"({"Type":"SubscriptionConfirmation","TopicArn":"%s","SubscribeURL":"https://169.254.169.254/?Action=ConfirmSubscription&TopicArn=%s"})",
      kTopic, kTopic);
  EXPECT_FALSE(SnsSubscribeUrl({.body = elsewhere}).ok());
}

}  // namespace
}  // namespace tocsin
