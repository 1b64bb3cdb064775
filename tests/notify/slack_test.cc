// What becomes of an attempt at Slack, which answers 200 to nearly everything.
#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "notify/exchange.h"
#include "notify/notifier.h"
#include "notify/render.h"
#include "tests/notify/attempts.h"
#include "tests/support/fake_slack.h"

namespace tocsin::notify {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using Kind = AttemptResult::Kind;
using How = FakeAnswer::How;
using Method = ContactMethod::Kind;

Organisation OrganisationWithSlack(const std::string& url, const std::string& token = FakeSlack::kToken) {
  Organisation organisation;
  organisation.slack.url = url;
  organisation.slack.token = token;
  return organisation;
}

Notification HookPage(const std::string& url) {
  Notification page = PageBy(Method::kSlackWebhook, "#alerts");
  page.method.secret = url;
  return page;
}

AttemptResult Send(const Organisation& organisation, const Notification& page, absl::Duration deadline = kGenerous) {
  Reports reports;
  Notifier notifier(LoopbackOptions(), reports.Taker());
  notifier.SetOrganisation(Shared(organisation));
  notifier.Start(page, deadline, std::make_shared<Gate>());
  AttemptResult result = reports.Of(page.id);
  EXPECT_THAT(result.detail, Not(HasSubstr(FakeSlack::kToken)));
  EXPECT_THAT(result.detail, Not(HasSubstr("/services/")));
  return result;
}

TEST(SlackTest, AMessageIsPostedAndRewritten) {
  FakeSlack slack;
  const Organisation organisation = OrganisationWithSlack(slack.url());
  const Notification page = PageBy(Method::kSlack, FakeSlack::kChannelName);
  const AttemptResult posted = Send(organisation, page);
  ASSERT_EQ(posted.kind, Kind::kAccepted) << posted.detail;
  EXPECT_EQ(posted.provider_id, absl::StrCat(FakeSlack::kChannel, "/1700000000.000001"));
  ASSERT_THAT(slack.messages(), SizeIs(1));
  EXPECT_THAT(slack.messages()[0].text, HasSubstr("*PAGE G17*: CRITICAL DiskFull on db-1"));
  EXPECT_THAT(slack.messages()[0].json, HasSubstr("https://tocsin.example.com/a/abcdef"));
  EXPECT_THAT(slack.messages()[0].json, HasSubstr("/var is 99% full"));

  Notification rewriting = PageBy(Method::kSlack, FakeSlack::kChannelName);
  rewriting.purpose = Notification::Purpose::kResolved;
  rewriting.title = "[RESOLVED] DiskFull";
  rewriting.acknowledge_url.clear();
  rewriting.rewrites = posted.provider_id;
  const AttemptResult updated = Send(organisation, rewriting);
  ASSERT_EQ(updated.kind, Kind::kAccepted) << updated.detail;
  EXPECT_EQ(updated.provider_id, posted.provider_id);
  ASSERT_THAT(slack.messages(), SizeIs(1)) << "no second message";
  EXPECT_EQ(slack.messages()[0].updates, 1);
  EXPECT_THAT(slack.messages()[0].text, HasSubstr("*RESOLVED G17*: [RESOLVED] DiskFull"));
  EXPECT_THAT(slack.messages()[0].json, Not(HasSubstr("button"))) << "nothing is left to be acknowledged";
}

TEST(SlackTest, WhatTheWebApiAnswersIsClassified) {
  struct Case {
    const char* name;
    FakeAnswer answer;
    Kind kind;
    absl::Duration pause = absl::ZeroDuration();
  };
  const auto said = [](const char* word) {
    return FakeAnswer{.body = absl::StrCat(R"({"ok":false,"error":")", word, R"("})")};
  };
  const Case cases[] = {
      {"rate limited",
       {.status = 429, .headers = {"Retry-After: 30"}, .body = R"({"ok":false,"error":"ratelimited"})"},
       Kind::kRetryLater,
       absl::Seconds(30)},
      {"rate limited without a word",
       {.status = 429, .headers = {"Retry-After: 1"}, .body = ""},
       Kind::kRetryLater,
       absl::Seconds(1)},
      {"token revoked",            said("token_revoked"),                                                                               Kind::kRetryLater                                                                                         },
      {"missing scope",          said("missing_scope"),Kind::kRetryLater},
      {"no such channel",          said("channel_not_found"),                                                                               Kind::kRejected                                                                                                                                                                       },
      {"not invited",            said("not_in_channel"), Kind::kRejected},
      {"archived",            said("is_archived"),                                                                               Kind::kRejected                                                                                                                                                                                                                                                        },
      {"a word that nobody knows",            said("something_new"), Kind::kRejected},
      {"internal error",            said("internal_error"),                                                                               Kind::kAmbiguous                                                                                                                                                                                                                                                                                                                                                },
      {"fatal error",           said("fatal_error"),Kind::kAmbiguous},
      {"server error",           {.status = 500},                                                                               Kind::kAmbiguous                                                                                                                                                                                                                                                                                                                                                                                                                              },
      {"unavailable",           {.status = 503, .headers = {"Retry-After: 9"}},Kind::kRetryLater,absl::Seconds(9)},
      {"not JSON",          {.body = "<html>"},                                                              Kind::kAmbiguous                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                        },
      {"ok without a ts",{.body = R"({"ok":true})"},Kind::kAmbiguous},
      {"hangs",  {.how = How::kHang},                                                                Kind::kAmbiguous                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                  },
      {"drops",       {.how = How::kDrop},Kind::kAmbiguous},
      {"half an answer",  {.how = How::kStall, .body = R"({"ok":true,"channel":"C","ts":"1"})"},                                                           Kind::kAmbiguous                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                  },
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    AttemptResult result;
    bool has_come = false;
    for (int patience = 1; !has_come && patience <= 64; patience *= 4) {  // until the request has come in time
      FakeSlack slack([&](const FakeRequest&) { return c.answer; });
      result = Send(OrganisationWithSlack(slack.url()), PageBy(Method::kSlack, FakeSlack::kChannel),
                    patience * DeadlineFor(c.answer.how));
      has_come = !slack.http().requests().empty();
      EXPECT_LE(slack.http().connections(), 1);
    }
    EXPECT_EQ(result.kind, c.kind) << result.detail;
    EXPECT_EQ(result.retry_after, c.pause);
    EXPECT_TRUE(has_come);
  }
}

TEST(SlackTest, AnswersOfTheRealProtocol) {
  FakeSlack slack;
  struct Case {
    const char* channel;
    const char* token;
    Kind kind;
    const char* detail;
  };
  const Case cases[] = {
      {FakeSlack::kChannel,   FakeSlack::kToken, Kind::kAccepted,   "took it"          },
      {FakeSlack::kChannel,   "xoxb-wrong",      Kind::kRetryLater, "invalid_auth"     },
      {FakeSlack::kArchived,  FakeSlack::kToken, Kind::kRejected,   "is_archived"      },
      {FakeSlack::kStrangers, FakeSlack::kToken, Kind::kRejected,   "not_in_channel"   },
      {"C0NOWHERE",           FakeSlack::kToken, Kind::kRejected,   "channel_not_found"},
      {FakeSlack::kChannel,   "",                Kind::kRejected,   "not configured"   },
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(absl::StrCat(c.channel, " ", c.token));
    const AttemptResult result = Send(OrganisationWithSlack(slack.url(), c.token), PageBy(Method::kSlack, c.channel));
    EXPECT_EQ(result.kind, c.kind);
    EXPECT_THAT(result.detail, HasSubstr(c.detail));
  }
  Notification gone = PageBy(Method::kSlack, FakeSlack::kChannel);
  gone.rewrites = absl::StrCat(FakeSlack::kChannel, "/1.0");
  const AttemptResult result = Send(OrganisationWithSlack(slack.url()), gone);
  EXPECT_EQ(result.kind, Kind::kRejected);
  EXPECT_THAT(result.detail, HasSubstr("message_not_found"));
}

TEST(SlackTest, AnIncomingWebhookTakesMessagesAndItsWordsAreClassified) {
  FakeSlack slack;
  const AttemptResult taken = Send(Organisation(), HookPage(slack.hook()));
  EXPECT_EQ(taken.kind, Kind::kAccepted) << taken.detail;
  ASSERT_THAT(slack.messages(), SizeIs(1));
  EXPECT_THAT(slack.messages()[0].text, HasSubstr("DiskFull on db-1"));
  EXPECT_EQ(Send(Organisation(), HookPage(slack.http().url() + "/services/gone")).kind, Kind::kRejected);
  EXPECT_EQ(Send(Organisation(), HookPage("")).kind, Kind::kRejected);
  struct Case {
    int status;
    const char* word;
    Kind kind;
  };
  const Case cases[] = {
      {400, "invalid_payload",     Kind::kRejected  },
      {403, "action_prohibited",   Kind::kRejected  },
      {404, "channel_not_found",   Kind::kRejected  },
      {410, "channel_is_archived", Kind::kRejected  },
      {429, "",                    Kind::kRetryLater},
      {500, "rollup_error",        Kind::kAmbiguous },
      {502, "<html>",              Kind::kAmbiguous },
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.word);
    FakeSlack troubled([&](const FakeRequest&) { return FakeAnswer{.status = c.status, .body = c.word}; });
    EXPECT_EQ(Send(Organisation(), HookPage(troubled.hook())).kind, c.kind);
  }
}

TEST(SlackTest, NothingInAnAlertCanCallEverybodyOrBreakTheMessage) {
  Notification page = PageBy(Method::kSlack, "C1");
  page.title = "<!channel> & <@U1> \"quoted\" \\ \n new";
  page.body = std::string(20'000, '&') + "<!here>";
  const std::string json = RenderSlack(page, "C1", "");
  EXPECT_THAT(json, Not(HasSubstr("<!")));
  EXPECT_THAT(json, Not(HasSubstr("<@")));
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  ASSERT_EQ(parser.parse(json).get(document), simdjson::SUCCESS) << json;
  for (const simdjson::dom::element block : document["attachments"].at(0)["blocks"].get_array()) {
    std::string_view text;
    if (block["text"]["text"].get(text) == simdjson::SUCCESS) {
      EXPECT_LE(text.size(), 3000U);
      EXPECT_THAT(std::string(text), HasSubstr("&amp;..."));
    }
  }
}

}  // namespace
}  // namespace tocsin::notify
