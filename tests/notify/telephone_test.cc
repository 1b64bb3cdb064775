// What becomes of an attempt when its provider behaves in one of the ways in which providers do.
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
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

TEST(TelephoneTest, AnSmsGoesOutByTheTwilioProtocolAndComesBackWithItsSid) {
  FakeTwilio twilio;
  Reports reports;
  Notifier notifier(LoopbackOptions(), reports.Taker());
  notifier.SetOrganisation(Shared(OrganisationWithTwilio(twilio.url())));
  const Notification sms = PageBy(Method::kSms, kNumber);
  const Notification call = PageBy(Method::kVoice, kNumber);
  notifier.Start(sms, kGenerous, std::make_shared<Gate>());
  EXPECT_EQ(reports.Of(sms.id).kind, Kind::kAccepted);
  notifier.Start(call, kGenerous, std::make_shared<Gate>());
  EXPECT_EQ(reports.Of(call.id).kind, Kind::kAccepted);
  const std::vector<FakeTwilio::Message> messages = twilio.messages();
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_EQ(reports.Of(sms.id).provider_id, messages[0].sid);
  EXPECT_EQ(messages[0].to, kNumber);
  EXPECT_THAT(messages[0].body, HasSubstr("DiskFull on db-1"));
  EXPECT_THAT(messages[0].body, HasSubstr("https://tocsin.example.com/a/abcdef"));
  EXPECT_TRUE(messages[1].call);
  EXPECT_THAT(messages[1].twiml, HasSubstr("<Say"));
}

TEST(TelephoneTest, ANumberThatCannotBeReachedIsRejectedAtOnce) {
  struct Case {
    const char* name;
    const char* to;
    Kind kind;
  };
  const Case cases[] = {
      {"taken",               kNumber,                      Kind::kAccepted},
      {"no such number",      FakeTwilio::kInvalidNumber,   Kind::kRejected},
      {"unreachable",         FakeTwilio::kUnroutable,      Kind::kRejected},
      {"region not enabled",  FakeTwilio::kForbiddenRegion, Kind::kRejected},
      {"unsubscribed",        FakeTwilio::kUnsubscribed,    Kind::kRejected},
      {"landline",            FakeTwilio::kLandline,        Kind::kRejected},
      {"not a number at all", "0911",                       Kind::kRejected},
  };
  FakeTwilio twilio;
  Reports reports;
  Notifier notifier(LoopbackOptions(), reports.Taker());
  notifier.SetOrganisation(Shared(OrganisationWithTwilio(twilio.url())));
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Notification page = PageBy(Method::kSms, c.to);
    notifier.Start(page, kGenerous, std::make_shared<Gate>());
    EXPECT_EQ(reports.Of(page.id).kind, c.kind) << reports.Of(page.id).detail;
  }
  EXPECT_EQ(twilio.messages().size(), 1U);
}

TEST(TelephoneTest, WhatATelephoneProviderDoesIsClassified) {
  struct Case {
    const char* name;
    FakeAnswer answer;
    Kind kind;
    absl::Duration retry_after;
  };
  const absl::Duration none = absl::ZeroDuration();
  const absl::Duration longest = kLongestRetryAfter;
  const std::string after = "Retry-After: ";
  const std::string endless(10 << 20, 'x');
  constexpr Kind later = Kind::kRetryLater;
  constexpr Kind doubt = Kind::kAmbiguous;
  constexpr Kind never = Kind::kRejected;
  const Case cases[] = {
      {"too many requests",                       Answers(429, R"({"code":20429})",         after + "7"),later,absl::Seconds(7)},
      {"absurd Retry-After",                                         Answers(429,                                 "",         after + "99999999999999999999"),later,longest},
      {"negative Retry-After",                                  Answers(429,                                             "",                                                   after + "-5"),later,                          none},
      {"date long ago",                                    Answers(429,                                           "",                                                                      after + "Sun, 06 Nov 1994 08:49:37 GMT"),                                                  later,none},
      {"date far away", Answers(429,       "",after + "Sun, 06 Nov 2094 08:49:37 GMT"),later,longest},
      {"busy, says when",                                       Answers(503,    "",                                                                  after + "30"),                                                                                                                                                    later,                                                                                                                                                                                                                                                                                                                                    absl::Seconds(30)},
      {"busy, does not say when",Answers(503),doubt,none},
      {"internal error",                 Answers(500),                         doubt,                                                  none },
      {"bad gateway",             Answers(502,"<html>"),doubt,none},
      {"our account is refused",                                Answers(401,                                            R"({"code":20003})"),                                                                                                   later,                                                                                                                                    none                                                                                                                                                                                                                                                                                                              },
      {"our account is forbidden",                     Answers(403),later,none},
      {"bad request",                                    Answers(400,                                                            R"({"code":21602})"),                                                                                                                                                                                   never,                                                                                                                                                                                                                                                                                                                                                                                                      none},
      {"redirect",                                    Answers(302,                                           "","Location: http://127.0.0.1:1/"),never,                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                 none},
      {"2xx that is not JSON",         Answers(200,               "<html>welcome to the hotel</html>"),                                                                                                                                                   doubt,                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                              none},
      {"2xx without a sid",     Answers(201,"{}"),doubt,none                                                                                                                                                                                                                                                                                                                                                    },
      {"hangs",                                    Does(How::kHang),                                              doubt,                                                                                                                                                                                                    none                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                               },
      {"drops after the request",                                    Does(How::kDrop),doubt,none},
      {"resets after the request",                                     Does(How::kReset),                                                doubt,                                                                                                                                                                                                                             none                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                         },
      {"stalls in the body",                                         Does(How::kStall,                                 R"({"sid":"SM1"})"),    doubt,none},
      {"a byte now and then",                                         Does(How::kTrickle,                                R"({"sid":"SM1"})"), doubt,none},
      {"speaks something else",                                         Does(How::kRaw,                              "220 ready\r\n"),   doubt,none},
      {"a reply without end",                                         Answers(201,                                endless),        doubt,none                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                  },
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    FakeTwilio twilio([&](const FakeRequest&) { return c.answer; });
    Reports reports;
    Notifier notifier(LoopbackOptions(), reports.Taker());
    notifier.SetOrganisation(Shared(OrganisationWithTwilio(twilio.url())));
    const Notification page = PageBy(Method::kSms, kNumber);
    notifier.Start(page, DeadlineFor(c.answer), std::make_shared<Gate>());
    const AttemptResult result = reports.Of(page.id);
    EXPECT_EQ(result.kind, c.kind) << result.detail;
    EXPECT_EQ(result.retry_after, c.retry_after);
    EXPECT_EQ(result.attempt, 1);
    EXPECT_THAT(result.detail, Not(HasSubstr(FakeTwilio::kToken)));
    EXPECT_LE(twilio.http().connections(), 1) << "an attempt is one request";
  }
}

TEST(TelephoneTest, WhatFailsBeforeTheRequestIsSentIsTriedAgainWithoutDoubt) {
  const std::filesystem::path folder = ::testing::TempDir() + absl::StrCat("tocsin-notifier-", getpid());
  std::filesystem::create_directories(folder);
  const Certificate self_signed(folder, "127.0.0.1");
  FakeHttp tls([](const FakeRequest&) { return FakeAnswer{}; }, &self_signed);
  FakeHttp plain([](const FakeRequest&) { return FakeAnswer{}; });
  const std::string urls[] = {
      absl::StrCat("http://127.0.0.1:", ClosedPort()),   // refused
      "https://name.invalid",                            // no such name
      tls.url(),                                         // nobody vouches for it
      absl::StrCat("https://127.0.0.1:", plain.port()),  // no TLS there
  };
  for (const std::string& url : urls) {
    SCOPED_TRACE(url);
    Reports reports;
    Notifier notifier(LoopbackOptions(), reports.Taker());
    notifier.SetOrganisation(Shared(OrganisationWithTwilio(url)));
    const Notification page = PageBy(Method::kSms, kNumber);
    // The plain server waits for the rest of what it takes for a request: there the deadline ends the TLS greeting.
    notifier.Start(page, absl::Seconds(2), std::make_shared<Gate>());
    EXPECT_EQ(reports.Of(page.id).kind, Kind::kRetryLater) << reports.Of(page.id).detail;
  }
  EXPECT_TRUE(tls.requests().empty());
  Reports reports;
  Notifier::Options trusting = LoopbackOptions();
  trusting.ca_file = self_signed.certificate_file();
  Notifier notifier(trusting, reports.Taker());
  const Notification page = PageBy(Method::kWebhook, tls.url());
  notifier.Start(page, kGenerous, nullptr);
  EXPECT_EQ(reports.Of(page.id).kind, Kind::kAccepted) << reports.Of(page.id).detail;
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace tocsin
