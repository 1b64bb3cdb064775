// What the doors tell of what they have just taken, to whoever asks, and what they remember of what they did not take.
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ingest/refusals.h"
#include "tests/ingest/doors_world.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

TEST_F(DoorsTest, TellsWhoAsksWhereTheFirstHundredAlertsWent) {
  std::size_t asked = 0;
  explain_ = [&](std::vector<AlertKey> keys, TellTaken told) {
    asked = keys.size();
    TakenAlert here{.key = keys[0], .kept = true, .firing = true, .severity = "high", .rules_version = 3};
    here.routes = {"root", "sub"};
    here.groups = {"G17", ""};
    here.text = "it \"fires\"";
    told({
        here, TakenAlert{.key = keys[1], .text = "it is not kept"}
    });
    return true;
  };
  std::string body;
  for (int i = 0; i < 150; ++i)
    body += absl::StrFormat(R"(%s{"status":"firing","labels":{"alertname":"A","number":"%d"}})", i > 0 ? "," : "[", i);
  const HttpResponse response = Post("/v1/integrations/hooks-key?explain=1", body + "]");
  EXPECT_EQ(response.status, 202);
  EXPECT_EQ(asked, kAlertsExplained);
  EXPECT_THAT(response.body, HasSubstr(R"("firing":true,"severity":"high","rules_version":3,"routes":["root","sub"],)"
                                       R"("groups":["G17",null],"held_by":"","text":"it \"fires\""})"));
  EXPECT_THAT(response.body, HasSubstr(R"("text":"it is not kept"}],"sequence":1})"));
}

TEST_F(DoorsTest, AnswersWithoutExplanationWhenTooManyAsk) {
  explain_ = [](const std::vector<AlertKey>&, const TellTaken&) { return false; };
  const HttpResponse response =
      Post("/v1/integrations/hooks-key?explain=1", R"([{"status":"firing","labels":{"alertname":"A"}}])");
  EXPECT_EQ(response.status, 202);
  EXPECT_EQ(response.body, "{\"accepted\":1,\"rejected\":[],\"sequence\":1}\n");
}

TEST_F(DoorsTest, AlertmanagersDoorExplainsOnlyWhenAsked) {
  explain_ = [&](const std::vector<AlertKey>& keys, TellTaken told) {
    told({
        TakenAlert{.key = keys[0], .text = "here"}
    });
    return true;
  };
  for (const std::string_view quiet : {"", "?explain=0", "?other=1"}) {
    const HttpResponse response = Post(absl::StrFormat("/api/v2/alerts%s", quiet), kOneAlert);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "") << "what clients of Alertmanager expect";
  }
  const HttpResponse response = Post("/api/v2/alerts?explain=1", kOneAlert);
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, StartsWith(R"({"accepted":1,"rejected":[],"explained":[{"key":")"));
  EXPECT_THAT(response.body, HasSubstr(R"("text":"here"}],"sequence":4})"));
  const HttpResponse partly = Post("/api/v2/alerts?explain=1", R"([{"labels":{"alertname":"A"}},{"labels":{}}])");
  EXPECT_EQ(partly.status, 400) << "as without the question";
  EXPECT_THAT(partly.body, HasSubstr(R"("rejected":[{"index":1,"reason":")"));
  EXPECT_THAT(partly.body, HasSubstr(R"("text":"here")"));
  EXPECT_EQ(Post("/api/v2/alerts?explain=1", "[]").body, "{\"accepted\":0,\"rejected\":[],\"sequence\":0}\n");
}

TEST_F(DoorsTest, RemembersWhatItDidNotTakeAndForgetsTheKeys) {
  Post("/v1/integrations/no-such-key", "{}");
  Post("/v1/integrations/dogs-key", R"({"alert_id": 1, nonsense})");
  Post("/v1/integrations/nagios-key", R"([{"HOSTNAME":"a","NOTIFICATIONTYPE":"CUSTOM"},{"HOSTSTATE":"DOWN"}])");
  Post("/api/v2/alerts", R"([{"labels":{}}])");
  inlet_.Refuse(Admission::kOverloaded);
  Post("/api/v2/alerts", kOneAlert);
  std::vector<std::string> texts;
  for (const Refusals::Refusal& each : doors_.ReadRefusals()) {
    EXPECT_EQ(each.at, clock_.now);
    texts.push_back(each.text);
  }
  EXPECT_THAT(texts, UnorderedElementsAre(
                         "a key that no integration has, from 127.0.0.1",
                         StartsWith("integration dogs: source datadog: byte 16"),
                         StartsWith("integration nagios: alert 1 of 2: CUSTOM"),
                         StartsWith("integration nagios: source nagios: HOSTNAME: missing; it was taken"),
                         StartsWith("integration default: alert 1 of 1: "), StartsWith("1 alerts: overloaded")));
  EXPECT_THAT(absl::StrJoin(texts, "\n"), Not(HasSubstr("no-such-key")));
}

TEST(RefusalsTest, AFloodOfOneReasonLeavesTheOthers) {
  Refusals refusals;
  const absl::Time start = absl::FromUnixSeconds(1'795'289'000);
  refusals.Note(start, Refusals::Reason::kRejected, "the one");
  for (int i = 1; i <= 1000; ++i)
    refusals.Note(start + absl::Seconds(i), Refusals::Reason::kUnknownKey, absl::StrFormat("number %d", i));
  refusals.Note(start + absl::Seconds(2), Refusals::Reason::kIgnored, std::string(5000, 'x'));
  const std::vector<Refusals::Refusal> all = refusals.Read();
  ASSERT_EQ(all.size(), 2 + Refusals::kKept);
  EXPECT_EQ(all[0].text, "the one");
  EXPECT_EQ(all[1].text.size(), Refusals::kTextBytes);
  EXPECT_EQ(all.back().text, "number 1000");
}

}  // namespace
}  // namespace tocsin
