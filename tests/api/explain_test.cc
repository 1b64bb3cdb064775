// Why was I paged? Why was nobody paged? Both have an answer for whatever an alert came to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/api/world.h"

namespace tocsin {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Property;

class ExplainTest : public ApiTest {
 protected:
  v1::ExplainResponse Matching(const std::string& matchers) {
    v1::ExplainRequest request;
    request.set_matchers(matchers);
    v1::ExplainResponse response;
    const absl::Status status = Call("ExplainService/Explain", request, response);
    EXPECT_TRUE(status.ok()) << status;
    return response;
  }
  bool HasAlert(v1::ListAlertsRequest::State state) {
    v1::ListAlertsRequest request;
    request.set_state(state);
    v1::ListAlertsResponse response;
    EXPECT_TRUE(Call("AlertService/ListAlerts", request, response).ok());
    return response.alerts_size() > 0;
  }
  static auto Says(const std::string& text) { return Property(&v1::ExplainResponse::Line::text, HasSubstr(text)); }
};

TEST_F(ExplainTest, TellsOfAFiringAlertWhomItPagesAndWhatComesNext) {
  const std::uint64_t id = FireGroup("Disk");
  LinkOf(id);  // the page is out
  const v1::ExplainResponse response = Matching("alertname=\"Disk\"");
  ASSERT_EQ(response.answers_size(), 2) << "the alert's, then its group's";
  EXPECT_THAT(response.answers(0).verdict(), HasSubstr(absl::StrFormat("part of group G%d, which is open", id)));
  const auto& group = response.answers(1);
  EXPECT_EQ(group.verdict(), "open, and people are being paged until somebody acknowledges");
  EXPECT_THAT(group.facts(), Contains(Says("ann")));
  EXPECT_THAT(group.next(), Contains(AllOf(Says("step 2"), Says("bob"))));
  for (int i = 1; i < group.next_size(); ++i)
    EXPECT_LE(group.next(i - 1).at().seconds(), group.next(i).at().seconds()) << "in the order of time";
}

TEST_F(ExplainTest, TellsOfAnAcknowledgedGroupByWhom) {
  const std::uint64_t id = FireGroup("Disk");
  v1::GroupCommand acknowledge;
  acknowledge.set_id(id);
  v1::CommandResponse done;
  ASSERT_TRUE(Call("GroupService/AcknowledgeGroup", acknowledge, done).ok());
  v1::ExplainRequest request;
  request.set_group(id);
  v1::ExplainResponse response;
  ASSERT_TRUE(Call("ExplainService/Explain", request, response).ok());
  ASSERT_EQ(response.answers_size(), 1);
  EXPECT_THAT(response.answers(0).verdict(), HasSubstr("acknowledged by user:admin at "));
  EXPECT_EQ(response.answers(0).next_size(), 0) << response.ShortDebugString();
}

TEST_F(ExplainTest, TellsOfASilencedAlertWhichSilenceItIs) {
  v1::CreateSilenceRequest silence;
  silence.add_matchers("alertname=\"Quiet\"");
  silence.mutable_ends_at()->set_seconds(absl::ToUnixSeconds(absl::Now()) + 3600);
  silence.set_comment("maintenance");
  v1::CommandResponse made;
  ASSERT_TRUE(Call("SilenceService/CreateSilence", silence, made).ok());
  // Shards learn of the silence on their own threads.
  ASSERT_TRUE(Eventually([&] {
    Send({
        {"alertname", "Quiet"}
    });
    return HasAlert(v1::ListAlertsRequest::STATE_SUPPRESSED);
  }));
  EXPECT_EQ(Matching("alertname=\"Quiet\"").answers(0).verdict(),
            absl::StrFormat("nobody is paged for it: it is silenced by S%d", made.id()));
}

TEST_F(ExplainTest, TellsOfAnInhibitedAlertByWhichRuleAndAlert) {
  auto organisation = std::make_shared<Organisation>(*engine_->rules()->organisation);
  InhibitionRule& rule = organisation->inhibition_rules.emplace_back();
  rule.id = InhibitionRuleId("cluster-down");
  rule.source_matchers = {
      {"alertname", MatchOp::kEqual, "ClusterDown"}
  };
  rule.target_matchers = {
      {"alertname", MatchOp::kRegex, "Slow.*"}
  };
  ASSERT_TRUE(engine_
                  ->ExecuteAndWait({
                      "", "user:admin", ApplyOrganisation{organisation, "test"}
  })
                  .status.ok());
  for (const char* name : {"Slow1", "Slow2", "Slow3", "Slow4", "ClusterDown"}) {  // in several shards
    Send({
        {"alertname", name}
    });
  }
  const auto verdict = [&](std::string_view name) {
    return Matching(absl::StrFormat("alertname=\"%s\"", name)).answers(0).verdict();
  };
  for (const char* name : {"Slow1", "Slow2", "Slow3", "Slow4"}) {
    EXPECT_TRUE(Eventually([&] {
      return verdict(name) ==
             "nobody is paged for it: it is inhibited by rule cluster-down: {alertname=\"ClusterDown\"} fires";
    })) << verdict(name);
  }
  EXPECT_THAT(verdict("ClusterDown"), HasSubstr("people are being paged"));
  Send(
      {
          {"alertname", "ClusterDown"}
  },
      EventKind::kResolve);
  EXPECT_TRUE(Eventually([&] { return verdict("Slow1").find("people are being paged") != std::string::npos; }))
      << verdict("Slow1");
}

TEST_F(ExplainTest, TellsOfAnUnroutedAlertThatNobodyIsPaged) {
  // A file with such a route is refused; a store of an older version may hold one.
  auto organisation = std::make_shared<Organisation>(*engine_->rules()->organisation);
  Route nowhere = organisation->route;
  nowhere.id = RouteId("nowhere");
  nowhere.matchers = {
      {"alertname", MatchOp::kEqual, "Nobody"}
  };
  nowhere.policy = PolicyId();
  organisation->route.children = {nowhere};
  ASSERT_TRUE(engine_
                  ->ExecuteAndWait({
                      "", "user:admin", ApplyOrganisation{organisation, "test"}
  })
                  .status.ok());
  Send({
      {"alertname", "Nobody"}
  });
  std::string verdict;
  EXPECT_TRUE(Eventually([&] {
    verdict = Matching("alertname=\"Nobody\"").answers(0).verdict();
    return verdict.find("nobody is being paged") != std::string::npos;
  })) << verdict;
  EXPECT_THAT(verdict, AllOf(HasSubstr("part of group G"), HasSubstr("nowhere")));
}

TEST_F(ExplainTest, TellsOfAResolvedAlertThatItIsOver) {
  const std::uint64_t id = FireGroup("Disk");
  Send(
      {
          {"alertname", "Disk"}
  },
      EventKind::kResolve);
  const v1::ExplainResponse response = Matching("alertname=\"Disk\"");
  EXPECT_EQ(response.answers(0).verdict(), "it is over");
  EXPECT_THAT(response.answers(0).facts(), Contains(Says("resolved: event")));
  ASSERT_TRUE(Eventually([&] { return GroupNow(id).state() == v1::Group::STATE_RESOLVED; }));
  v1::ExplainRequest request;
  request.set_group(id);
  v1::ExplainResponse group;
  ASSERT_TRUE(Call("ExplainService/Explain", request, group).ok());
  EXPECT_THAT(group.answers(0).verdict(), HasSubstr("resolved by "));
}

TEST_F(ExplainTest, FindsAnAlertByItsKeyAndByItsFingerprint) {
  FireGroup("Disk");
  v1::ListAlertsResponse alerts;
  ASSERT_TRUE(Call("AlertService/ListAlerts", v1::ListAlertsRequest(), alerts).ok());
  ASSERT_EQ(alerts.alerts_size(), 1);
  for (const std::string& name : {alerts.alerts(0).fingerprint(), alerts.alerts(0).summary().key()}) {
    v1::ExplainRequest request;
    request.set_alert(" " + name + " ");
    v1::ExplainResponse response;
    const absl::Status status = Call("ExplainService/Explain", request, response);
    EXPECT_TRUE(status.ok()) << name << status;
  }
}

TEST_F(ExplainTest, SaysWhatItCannotFindOrRead) {
  const struct {
    std::string body;
    std::string_view code;
    std::string_view words;
  } cases[] = {
      {R"({"group": 99})",                    "not_found",        "group G99"         },
      {R"({"incident": 99})",                 "not_found",        "incident I99"      },
      {R"({"page": 99})",                     "not_found",        "page P99"          },
      {R"({"alert": "0123"})",                "not_found",        "0123"              },
      {R"({"matchers": "alertname=\"No\""})", "not_found",        "no alert in memory"},
      {R"({"matchers": "a=~\"(\""})",         "invalid_argument", "("                 },
      {"{}",                                  "invalid_argument", "subject"           }
  };
  for (const auto& [body, code, words] : cases) {
    const auto [got, message] = ErrorOf(Post("ExplainService/Explain", body));
    EXPECT_EQ(got, code) << body;
    EXPECT_THAT(message, HasSubstr(words)) << body;
  }
}

}  // namespace
}  // namespace tocsin
