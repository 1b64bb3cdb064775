// Webhooks: what becomes of them, where they may lead, and how they are signed.
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <simdjson.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/random.h"
#include "notify/exchange.h"
#include "notify/notifier.h"
#include "tests/notify/attempts.h"
#include "tests/support/fake_twilio.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;
using Kind = AttemptResult::Kind;
using How = FakeAnswer::How;
using Method = ContactMethod::Kind;

constexpr const char* kNumber = "+4915112345678";
// For those who never answer; the others have all the time they want.
constexpr absl::Duration kShort = absl::Milliseconds(1500);

absl::Duration DeadlineFor(const FakeAnswer& answer) {
  const bool silent = answer.how == How::kHang || answer.how == How::kStall || answer.how == How::kTrickle;
  return silent ? kShort : kGenerous;
}

FakeAnswer Answers(int status, const std::string& body = "", const std::string& header = "") {
  FakeAnswer answer;
  answer.status = status;
  answer.body = body;
  if (!header.empty()) answer.headers.push_back(header);
  return answer;
}

FakeAnswer Does(How how, const std::string& body = "") {
  FakeAnswer answer = Answers(201, body);
  answer.how = how;
  return answer;
}

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

TEST(WebhookTest, WhatAWebhookDoesIsClassified) {
  struct Case {
    const char* name;
    FakeAnswer answer;
    Kind kind;
  };
  constexpr Kind taken = Kind::kAccepted;
  constexpr Kind later = Kind::kRetryLater;
  constexpr Kind doubt = Kind::kAmbiguous;
  constexpr Kind never = Kind::kRejected;
  const std::string endless(1 << 20, 'x');
  const Case cases[] = {
      {"taken",                              Answers(204),   taken                            },
      {                                                    "taken, endless reply",                         Answers(200,       endless),                             taken},
      {                                                    "taken, then stalls",                    Does(How::kStall, "hello there"),                             taken},
      {                                                    "server error",                        Answers(500),          later                                 },
      {                                               "busy",                               Answers(429),                                             later           },
      {     "took too long to read",                                    Answers(408),                                             later                                        },
      {                                            "gone",                          Answers(410),    never                        },
      {                                                                            "forbidden",                         Answers(403),        never},
      {                                       "redirect",                              Answers(307,         "",         "Location: http://127.0.0.1:1/"), never},
      {        "hangs",                    Does(How::kHang),                             doubt                                                    },
      {                                                                                   "drops", Does(How::kDrop),          doubt      },
      {                 "endless header",                            Does(How::kRaw,                                     "HTTP/1.1 200 OK\r\nX: " + endless),                                 taken},
      { "not HTTP",                       Does(How::kRaw,                                      "hello"),                                                    doubt},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    FakeHttp server([&](const FakeRequest&) { return c.answer; });
    Reports reports;
    Notifier notifier(LoopbackOptions(), reports.Taker());
    const Notification page = PageBy(Method::kWebhook, server.url() + "/hook");
    notifier.Start(page, DeadlineFor(c.answer), std::make_shared<Gate>());
    const AttemptResult result = reports.Of(page.id);
    EXPECT_EQ(result.kind, c.kind) << result.detail;
    EXPECT_THAT(result.detail, Not(HasSubstr("hello"))) << "a webhook's reply is not shown";
    EXPECT_EQ(server.connections(), 1);
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

TEST(WebhookTest, WebhooksSpeakNothingButHttp) {
  for (const char* url : {"file:///etc/passwd", "gopher://127.0.0.1/", "dict://127.0.0.1/", "ftp://127.0.0.1/",
                          "unix:/tmp/x", "smtp://127.0.0.1/", "", "http", "//127.0.0.1/",
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
}  // namespace tocsin
