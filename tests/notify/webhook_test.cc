// Webhooks: what becomes of them, where they may lead, and how they are signed.

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <simdjson.h>

#include "notify/notifier.h"
#include "tests/notify/attempts.h"
#include "tests/support/fake_twilio.h"

namespace tocsin::notify {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;
using Kind = AttemptResult::Kind;
using How = FakeAnswer::How;
using Method = ContactMethod::Kind;

TEST(WebhookTest, CarriesItsKeyAndASignatureThatTheReceiverCanCheck) {
  FakeHttp receiver([](const FakeRequest&) { return FakeAnswer{}; });
  Reports reports;
  Notifier notifier(LoopbackOptions(), reports.Taker());
  Notification page = PageBy(Method::kWebhook, receiver.url() + "/hook?x=1");
  page.method.secret = "whsec";
  page.title = "quote \" and \x1b[31m and \xff";
  notifier.Start(page, kGenerous, nullptr);
  ASSERT_EQ(reports.Of(page.id).kind, Kind::kAccepted);
  const FakeRequest request = receiver.requests().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/hook?x=1");
  EXPECT_EQ(request.headers.at("idempotency-key"), page.idempotency_key);
  EXPECT_EQ(request.headers.at("content-type"), "application/json");

  simdjson::dom::parser parser;
  simdjson::dom::element json;
  ASSERT_EQ(parser.parse(request.body).get(json), simdjson::SUCCESS) << request.body;
  EXPECT_EQ(std::string_view(json["id"]), absl::StrCat("N", page.id.value()));
  EXPECT_EQ(std::string_view(json["subject"]), "G17");
  EXPECT_EQ(std::string_view(json["title"]), "quote \" and [31m and \xEF\xBF\xBD");

  // By OpenSSL, as a receiver would: t=<seconds>,v1=<hex of the HMAC of "<seconds>.<body>">.
  const std::string signature = request.headers.at("tocsin-signature");
  const std::size_t comma = signature.find(",v1=");
  ASSERT_NE(comma, std::string::npos);
  const std::string time = signature.substr(2, comma - 2);
  const std::string text = absl::StrCat(time, ".", request.body);
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), "whsec", 5, reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac, &size);
  EXPECT_EQ(signature.substr(comma + 4), absl::BytesToHexString({reinterpret_cast<const char*>(mac), size}));
  EXPECT_LT(absl::AbsDuration(absl::Now() - absl::FromUnixSeconds(std::stol(time))), absl::Minutes(5));
}

// A handle of libcurl's goes from one webhook to the next.
TEST(WebhookTest, ASequenceOfWebhooksIsSentAsEachOfThemAlone) {
  FakeHttp receiver([](const FakeRequest& request) {
    FakeAnswer answer;
    answer.status = request.target == "/gone" ? 410 : 200;
    if (request.target == "/drop") answer.how = How::kDrop;
    return answer;
  });
  Reports reports;
  Notifier notifier(LoopbackOptions(), reports.Taker());
  struct Case {
    const char* path;
    std::string secret;
    std::string body;
    Kind kind;
  };
  const Case cases[] = {
      {"/signed", "whsec", std::string(5000, 'x'),            Kind::kAccepted},
      {"/plain",         "",         "short",               Kind::kAccepted              },
      {"/gone",         "",          "",                Kind::kRejected     },
      {"/drop",         "whsec",          "never answered",           Kind::kAmbiguous},
      {"/after",         "",         "all is well again",               Kind::kAccepted       },
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.path);
    Notification page = PageBy(Method::kWebhook, receiver.url() + c.path);
    page.method.secret = c.secret;
    page.body = c.body;
    notifier.Start(page, kGenerous, nullptr);
    EXPECT_EQ(reports.Of(page.id).kind, c.kind);
    const FakeRequest request = receiver.requests().back();
    EXPECT_EQ(request.target, c.path);
    EXPECT_EQ(request.headers.contains("tocsin-signature"), !c.secret.empty());
    EXPECT_EQ(request.headers.at("idempotency-key"), page.idempotency_key);
    EXPECT_EQ(request.headers.at("content-length"), absl::StrCat(request.body.size()));
    EXPECT_THAT(request.body, HasSubstr(absl::StrCat("\"body\":\"", c.body, "\"")));
  }
}

TEST(WebhookTest, WhatAReceiverAnswersIsClassified) {
  struct Case {
    const char* name;
    How how;
    int status;
    std::string body;
    Kind kind;
  };
  const std::string endless(1 << 20, 'x');
  const std::string endless_head = "HTTP/1.1 200 OK\r\nX: " + endless;
  const Case cases[] = {
      {"taken",                 How::kAnswer, 204, "",            Kind::kAccepted  },
      {"taken, endless reply",  How::kAnswer, 200, endless,       Kind::kAccepted  },
      {"taken, then stalls",    How::kStall,  200, "hello there", Kind::kAccepted  },
      {"taken, endless head",   How::kRaw,    200, endless_head,  Kind::kAccepted  },
      {"server error",          How::kAnswer, 500, "",            Kind::kRetryLater},
      {"busy",                  How::kAnswer, 429, "",            Kind::kRetryLater},
      {"took too long to read", How::kAnswer, 408, "",            Kind::kRetryLater},
      {"gone",                  How::kAnswer, 410, "",            Kind::kRejected  },
      {"forbidden",             How::kAnswer, 403, "hello",       Kind::kRejected  },
      {"redirect",              How::kAnswer, 307, "",            Kind::kRejected  },
      {"hangs",                 How::kHang,   200, "",            Kind::kAmbiguous },
      {"drops",                 How::kDrop,   200, "",            Kind::kAmbiguous },
      {"resets",                How::kReset,  200, "",            Kind::kAmbiguous },
      {"not HTTP",              How::kRaw,    200, "hello",       Kind::kAmbiguous },
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    FakeHttp elsewhere([](const FakeRequest&) { return FakeAnswer{}; });
    FakeAnswer answer;
    answer.how = c.how;
    answer.status = c.status;
    answer.body = c.body;
    answer.headers = {"Location: " + elsewhere.url()};
    FakeHttp server([&](const FakeRequest&) { return answer; });
    Reports reports;
    Notifier notifier(LoopbackOptions(), reports.Taker());
    AttemptResult result;
    int attempts = 0;
    for (int patience = 1; server.requests().empty() && patience <= 64; patience *= 4) {  // until it has come in time
      const Notification page = PageBy(Method::kWebhook, server.url() + "/hook");
      notifier.Start(page, patience * DeadlineFor(c.how), std::make_shared<Gate>());
      result = reports.Of(page.id);
      ++attempts;
    }
    EXPECT_EQ(result.kind, c.kind) << result.detail;
    EXPECT_THAT(result.detail, Not(HasSubstr("hello"))) << "a webhook's reply is not shown";
    EXPECT_LE(server.connections(), attempts);
    EXPECT_EQ(elsewhere.connections(), 0) << "redirects are not followed";
  }
}

TEST(WebhookTest, WebhooksIntoOurOwnNetworkAreRefusedUnlessAllowed) {
  FakeHttp inside([](const FakeRequest&) { return FakeAnswer{}; });
  const std::string port = absl::StrCat(":", inside.port(), "/");
  const std::string urls[] = {
      "http://127.0.0.1" + port,
      "http://localhost" + port,
      "http://127.1" + port,
      "http://2130706433" + port,
      "http://0x7f.0.0.1" + port,
      "http://0177.0.0.1" + port,
      "http://[::1]" + port,
      "http://[::ffff:127.0.0.1]" + port,
      "http://0.0.0.0" + port,
      "http://example.com@127.0.0.1" + port,
      "http://example.com%2F@127.0.0.1" + port,
      "http://127.0.0.1" + port + "?u=http://example.com/",
      "http://169.254.169.254/latest/meta-data/",
      "http://10.0.0.1/",
      "http://192.168.1.1/",
      "http://[fe80::1]/",
      "http://[fd00:ec2::254]/",
  };
  for (const std::string& url : urls) {
    SCOPED_TRACE(url);
    Reports reports;
    Notifier notifier(Notifier::Options(), reports.Taker());
    const Notification page = PageBy(Method::kWebhook, url);
    notifier.Start(page, kGenerous, nullptr);
    EXPECT_EQ(reports.Of(page.id).kind, Kind::kRejected) << reports.Of(page.id).detail;
  }
  EXPECT_EQ(inside.connections(), 0);
}

// A manager writes the addresses of providers, who may not reach what only this machine reaches.
TEST(WebhookTest, ProvidersIntoOurOwnNetworkAreRefusedUnlessAllowed) {
  FakeHttp inside([](const FakeRequest&) { return FakeAnswer{}; });
  Organisation organisation = OrganisationWithTwilio(inside.url());
  organisation.slack.url = inside.url();
  organisation.slack.token = "xoxb-token";
  organisation.smtp.url = "smtp://169.254.169.254";
  organisation.smtp.from = "tocsin@example.com";
  organisation.smtp.require_tls = false;
  const struct {
    std::string_view name;
    Method kind;
    std::string address;
  } rows[] = {
      {"SMS",       Method::kSms,   "+15005550100"   },
      {"telephone", Method::kVoice, "+15005550100"   },
      {"Slack",     Method::kSlack, "C0123"          },
      {"mail",      Method::kEmail, "ann@example.com"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    Reports reports;
    Notifier notifier(Notifier::Options(), reports.Taker());
    notifier.SetOrganisation(Shared(organisation));
    const Notification page = PageBy(row.kind, row.address);
    notifier.Start(page, kGenerous, nullptr);
    const AttemptResult result = reports.Of(page.id);
    EXPECT_EQ(result.kind, Kind::kRejected) << result.detail;
    EXPECT_THAT(result.detail, HasSubstr("--allow_webhooks_to"));
  }
  EXPECT_EQ(inside.connections(), 0);
}

TEST(WebhookTest, TheDeadManOfTheOrganisationIsRefusedThereAndTheServersOwnBeatIsNot) {
  FakeHttp inside([](const FakeRequest&) { return FakeAnswer{}; });
  Reports reports;
  Notifier notifier(Notifier::Options(), reports.Taker());
  notifier.Beat(inside.url() + "/shared", /*is_own=*/false);
  notifier.Beat(inside.url() + "/shared", /*is_own=*/true);
  notifier.Beat(inside.url() + "/dead-man", /*is_own=*/false);
  notifier.Beat(inside.url() + "/last", /*is_own=*/true);
  ASSERT_TRUE(inside.WaitForRequests(2));
  EXPECT_EQ(inside.requests().size(), 2U);
  for (const FakeRequest& request : inside.requests())
    EXPECT_NE(request.target, "/dead-man");
}

TEST(WebhookTest, WebhooksSpeakNothingButHttp) {
  for (const char* url : {"file:///etc/passwd", "gopher://127.0.0.1/", "dict://127.0.0.1/", "ftp://127.0.0.1/",
                          "unix:/run/x", "smtp://127.0.0.1/", "", "http", "//127.0.0.1/",
                          "http://127.0.0.1/\r\nHost: other", "http://127.0.0.1/ HTTP/1.1", "\thttp://127.0.0.1/"}) {
    SCOPED_TRACE(url);
    Reports reports;
    Notifier notifier(LoopbackOptions(), reports.Taker());
    const Notification page = PageBy(Method::kWebhook, url);
    notifier.Start(page, kGenerous, nullptr);
    EXPECT_EQ(reports.Of(page.id).kind, Kind::kRejected) << reports.Of(page.id).detail;
  }
}

}  // namespace
}  // namespace tocsin::notify
