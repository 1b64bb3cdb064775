// What becomes of an attempt when its provider behaves in one of the ways in which providers do.
#include <filesystem>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "notify/exchange.h"
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

constexpr const char* kNumber = "+4915112345678";

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

// What comes of one SMS at a provider that gives this answer to everything. Once more, with more patience, when not even the
// request has come to it in time.
AttemptResult SendTo(const FakeAnswer& answer, int patience = 1) {
  FakeTwilio twilio([&](const FakeRequest&) { return answer; });
  Reports reports;
  Notifier notifier(LoopbackOptions(), reports.Taker());
  notifier.SetOrganisation(Shared(OrganisationWithTwilio(twilio.url())));
  const Notification page = PageBy(Method::kSms, kNumber);
  notifier.Start(page, patience * DeadlineFor(answer.how), std::make_shared<Gate>());
  AttemptResult result = reports.Of(page.id);
  if (twilio.http().requests().empty() && patience < 64) return SendTo(answer, 4 * patience);
  EXPECT_EQ(result.attempt, 1);
  EXPECT_THAT(result.detail, Not(HasSubstr(FakeTwilio::kToken)));
  EXPECT_EQ(twilio.http().connections(), 1) << "an attempt is one request";
  return result;
}

TEST(TelephoneTest, WhatAProviderAnswersIsClassified) {
  struct Case {
    const char* name;
    int status;
    std::string body;
    const char* retry_after;
    Kind kind;
    absl::Duration pause;
  };
  constexpr Kind kLater = Kind::kRetryLater;
  constexpr Kind kDoubt = Kind::kAmbiguous;
  constexpr Kind kNever = Kind::kRejected;
  const absl::Duration none = absl::ZeroDuration();
  const std::string endless(10 << 20, 'x');
  const Case cases[] = {
      {"too many requests",        429, R"({"code":20429})", "7",                             kLater, absl::Seconds(7)  },
      {"absurd pause",             429, "",                  "99999999999999999999",          kLater, kLongestRetryAfter},
      {"negative pause",           429, "",                  "-5",                            kLater, none              },
      {"a date long ago",          429, "",                  "Sun, 06 Nov 1994 08:49:37 GMT", kLater, none              },
      {"a date far away",          429, "",                  "Sat, 06 Nov 2094 08:49:37 GMT", kLater, kLongestRetryAfter},
      {"busy, says when",          503, "",                  "30",                            kLater, absl::Seconds(30) },
      {"busy, does not say when",  503, "",                  "",                              kDoubt, none              },
      {"internal error",           500, "",                  "",                              kDoubt, none              },
      {"bad gateway",              502, "<html>",            "",                              kDoubt, none              },
      {"our account is refused",   401, R"({"code":20003})", "",                              kLater, none              },
      {"our account is forbidden", 403, "",                  "",                              kLater, none              },
      {"bad request",              400, R"({"code":21602})", "",                              kNever, none              },
      {"redirect",                 302, "",                  "",                              kNever, none              },
      {"a hotel's welcome page",   200, "<html>welcome",     "",                              kDoubt, none              },
      {"taken without a sid",      201, "{}",                "",                              kDoubt, none              },
      {"a reply without end",      201, endless,             "",                              kDoubt, none              },
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    FakeAnswer answer;
    answer.status = c.status;
    answer.body = c.body;
    answer.headers = {absl::StrCat("Retry-After: ", c.retry_after), "Location: http://127.0.0.1:1/"};
    const AttemptResult result = SendTo(answer);
    EXPECT_EQ(result.kind, c.kind) << result.detail;
    EXPECT_EQ(result.retry_after, c.pause);
  }
}

TEST(TelephoneTest, AnAnswerThatIsLostLeavesDoubt) {
  for (const How how : {How::kHang, How::kDrop, How::kReset, How::kStall, How::kTrickle, How::kRaw}) {
    SCOPED_TRACE(static_cast<int>(how));
    FakeAnswer answer;
    answer.how = how;
    answer.status = 201;
    answer.body = R"({"sid": "SM00112233445566778899aabbccddeeff"})";
    EXPECT_EQ(SendTo(answer).kind, Kind::kAmbiguous);
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
    Notification page = PageBy(Method::kSms, kNumber);
    // The plain server waits for the rest of what it takes for a request: there the deadline ends the TLS greeting.
    AttemptResult result;
    for (int seconds = 2; seconds <= 32; seconds *= 4) {  // longer where it has not begun by then
      page.id = NotificationId(page.id.value() + 1'000'000);
      notifier.Start(page, absl::Seconds(seconds), std::make_shared<Gate>());
      result = reports.Of(page.id);
      if (result.kind != Kind::kNotStarted) break;
    }
    EXPECT_EQ(result.kind, Kind::kRetryLater) << result.detail;
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
}  // namespace tocsin::notify
