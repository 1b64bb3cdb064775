// Why was I paged? Why was nobody paged? Both have an answer for whatever an alert came to.
#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/codec/common_proto.h"
#include "tests/api/world.h"

namespace tocsin {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
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
  EXPECT_THAT(Matching("alertname=\"Quiet\"").answers(0).verdict(),
              HasSubstr(absl::StrFormat("nobody is paged for it: it is silenced by S%d, until ", made.id())));
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

// What people ask is whether anybody is paged: the group that pages comes first, whatever the order of the routes.
TEST_F(ExplainTest, OfSeveralGroupsTheOneThatPagesComesFirst) {
  auto organisation = std::make_shared<Organisation>(*engine_->rules()->organisation);
  Route pages = organisation->route;
  pages.id = RouteId("pages");
  Route tells = pages;
  tells.id = RouteId("tells");
  tells.policy = PolicyId();
  tells.receiver = ReceiverId("channel");
  tells.continue_matching = true;
  organisation->receivers.push_back({ReceiverId("channel"), {}});
  organisation->route.children = {tells, pages};
  const CommandResult applied = engine_->ExecuteAndWait({
      "", "user:admin", ApplyOrganisation{organisation, "test"}
  });
  ASSERT_TRUE(applied.status.ok()) << applied.status;
  Send({
      {"alertname", "Both"}
  });
  v1::ExplainResponse response;
  EXPECT_TRUE(Eventually([&] {
    response = Matching("alertname=\"Both\"");
    return response.answers(0).verdict().find("people are being paged") != std::string::npos;
  })) << response.answers(0).verdict();
  EXPECT_THAT(
      response.answers(0).verdict(),
      testing::MatchesRegex("it is part of group G[0-9]+, which is open, and people are being paged until somebody "
                            "acknowledges; it is part of G[0-9]+ too, which is .*route tells has no policy.*"));
  ASSERT_EQ(response.answers_size(), 3);
  EXPECT_THAT(response.answers(1).subject(), HasSubstr("route pages"));
  EXPECT_THAT(response.answers(2).subject(), HasSubstr("route tells"));
}

TEST_F(ExplainTest, OfManyAlertsSaysHowManyThereAreAndTellsEachGroupOnce) {
  for (int i = 0; i < 8; ++i) {
    Send({
        {"alertname",           "Many"},
        { "instance", absl::StrCat("host-",     i)}
    });
  }
  v1::ExplainResponse response;
  ASSERT_TRUE(Eventually([&] {
    response = Matching("alertname=\"Many\"");
    return response.answers_size() == 7 && response.answers(6).subject().starts_with("group ");
  })) << response.ShortDebugString();
  EXPECT_EQ(response.answers(0).subject(), "8 alerts match");
  EXPECT_THAT(response.answers(0).verdict(), HasSubstr("5 of them are explained here"));
  for (int i = 1; i < 6; ++i)
    EXPECT_THAT(response.answers(i).subject(), HasSubstr("alert {alertname=\"Many\""));
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
  // Nobody is told the hash that alerts are found by.
  const AlertKey told = AlertKeyFromHex(alerts.alerts(0).summary().key()).value();
  engine_->ReadShardAndWait(engine_->ShardOf(told), [&](const Shard& shard) { EXPECT_FALSE(shard.Find(told)); });
  for (const std::string& name : {alerts.alerts(0).fingerprint(), alerts.alerts(0).summary().key()}) {
    v1::ExplainRequest request;
    request.set_alert(" " + name + " ");
    v1::ExplainResponse response;
    const absl::Status status = Call("ExplainService/Explain", request, response);
    EXPECT_TRUE(status.ok()) << name << status;
  }
}

TEST_F(ExplainTest, TellsOfAGroupNoneOfTheHashesThatItIsKnownBy) {
  FireGroup("Disk");
  v1::ListAlertsResponse alerts;
  ASSERT_TRUE(Call("AlertService/ListAlerts", v1::ListAlertsRequest(), alerts).ok());
  v1::ListGroupsResponse listed;
  ASSERT_TRUE(Call("GroupService/ListGroups", v1::ListGroupsRequest(), listed).ok());
  ASSERT_EQ(listed.groups_size(), 1);
  v1::GetGroupRequest request;
  request.set_id(listed.groups(0).id());
  v1::GetGroupResponse got;
  ASSERT_TRUE(Call("GroupService/GetGroup", request, got).ok());
  for (const v1::Group& group : {listed.groups(0), got.group()}) {
    EXPECT_EQ(group.key(), 0U);
    EXPECT_EQ(group.fired_size(), 0);
    EXPECT_EQ(group.firing(), 1U);
    ASSERT_EQ(group.exemplars_size(), 1);
    EXPECT_EQ(group.exemplars(0).key(), alerts.alerts(0).summary().key());
  }
}

TEST_F(ExplainTest, SaysWhatItCannotFindOrRead) {
  const struct {
    std::string body;
    std::string_view code;
    std::string_view words;
  } cases[] = {
      {R"({"group": 99})",            "not_found",        "group G99"   },
      {R"({"incident": 99})",         "not_found",        "incident I99"},
      {R"({"page": 99})",             "not_found",        "page P99"    },
      {R"({"matchers": "a=~\"(\""})", "invalid_argument", "("           },
      {"{}",                          "invalid_argument", "subject"     }
  };
  for (const auto& [body, code, words] : cases) {
    const auto [got, message] = ErrorOf(Post("ExplainService/Explain", body));
    EXPECT_EQ(got, code) << body;
    EXPECT_THAT(message, HasSubstr(words)) << body;
  }
}

TEST_F(ExplainTest, TellsOfAnAlertThatIsNotThereWhatWasNotTakenAndWhereToLook) {
  api_->outside = [] {
    Outside outside;
    outside.not_taken = {
        {"http: unknown keys",  3},
        {"grpc: beyond credit", 0}
    };
    outside.lately = {
        {absl::FromUnixSeconds(1'795'289'000), "http: a key that no integration has, from 10.1.2.3"}
    };
    return outside;
  };
  FireGroup("Disk");
  const v1::ExplainResponse response = Matching("alertname=\"Disk\",instance=\"db9\"");
  EXPECT_TRUE(response.nothing_matches());
  ASSERT_EQ(response.answers_size(), 1);
  const auto& answer = response.answers(0);
  EXPECT_THAT(answer.verdict(), HasSubstr("no alert in memory matches"));
  for (const std::string text :
       {"1 alerts are in memory", "1 of them match alertname=\"Disk\" alone", "0 of them match instance=\"db9\" alone",
        "1 events were taken in 1 batches", "http: unknown keys: 3", "a key that no integration has, from 10.1.2.3"})
    EXPECT_THAT(answer.facts(), Contains(Says(text)));
  EXPECT_THAT(answer.facts(), Not(Contains(Says("beyond credit")))) << "none";
  EXPECT_THAT(answer.advice(),
              Contains("`tocsin search 'label:alertname=Disk label:instance=db9'` finds groups that are over"));
  v1::ExplainRequest by_key;
  by_key.set_alert("0123456789abcdef");
  v1::ExplainResponse nothing;
  ASSERT_TRUE(Call("ExplainService/Explain", by_key, nothing).ok());
  EXPECT_TRUE(nothing.nothing_matches());
  EXPECT_THAT(nothing.answers(0).subject(), HasSubstr("0123456789abcdef"));
  EXPECT_FALSE(Matching("alertname=\"Disk\"").nothing_matches());
}

TEST_F(ExplainTest, TellsOfAPersonAndOfWhoWasNotPaged) {
  const std::uint64_t id = FireGroup("Disk");
  LinkOf(id);
  v1::ExplainRequest request;
  request.set_user("ann");
  v1::ExplainResponse response;
  ASSERT_TRUE(Call("ExplainService/Explain", request, response).ok());
  EXPECT_THAT(response.answers(0).verdict(), HasSubstr("on call now; 1 pages are under way"));
  EXPECT_THAT(response.answers(0).facts(), Contains(Says("step 1 of policy default would page them now")));
  request.set_group(id);
  request.set_why_not("bob");
  ASSERT_TRUE(Call("ExplainService/Explain", request, response).ok());
  EXPECT_THAT(response.answers(0).verdict(), HasSubstr("it has not come to step 2 yet, which pages them"));
  request.set_why_not("ann");
  ASSERT_TRUE(Call("ExplainService/Explain", request, response).ok());
  EXPECT_THAT(response.answers(0).verdict(), HasSubstr("was paged (P"));
  // What a policy that has run says of a person comes before what it has come to.
  v1::GroupCommand resolve;
  resolve.set_id(id);
  v1::CommandResponse resolved;
  ASSERT_TRUE(Call("GroupService/ResolveGroup", resolve, resolved).ok());
  request.set_why_not("bob");
  ASSERT_TRUE(Call("ExplainService/Explain", request, response).ok());
  EXPECT_THAT(response.answers(0).verdict(), HasSubstr("it never came to step 2, which would have paged them"));
  request.set_user("bob");
  EXPECT_FALSE(Call("ExplainService/Explain", request, response).ok()) << "why_not is asked of a group or an incident";
  request.clear_why_not();
  request.set_user("nobody");
  EXPECT_FALSE(Call("ExplainService/Explain", request, response).ok());
}

TEST_F(ExplainTest, TellsOfAMessageWhatBecameOfIt) {
  LinkOf(FireGroup("Disk"));
  v1::ListNotificationsRequest list;
  v1::ListNotificationsResponse listed;
  // Lists come from the views, which a page that is under way may be ahead of.
  ASSERT_TRUE(Eventually([&] {
    EXPECT_TRUE(Call("PageService/ListNotifications", list, listed).ok());
    return listed.notifications_size() == 1;
  }));
  v1::ExplainRequest request;
  request.set_notification(listed.notifications(0).id());
  v1::ExplainResponse response;
  ASSERT_TRUE(Call("ExplainService/Explain", request, response).ok());
  EXPECT_EQ(response.answers(0).verdict(), "attempt 1 is under way");
  EXPECT_THAT(response.answers(0).facts(), Contains(Says("step 1 of 2")));
}

class RecentTest : public ExplainTest {
 protected:
  v1::ListRecentResponse Recent(const v1::ListRecentRequest& request) {
    v1::ListRecentResponse response;
    const absl::Status status = Call("TimelineService/ListRecent", request, response);
    EXPECT_TRUE(status.ok()) << status;
    return response;
  }
};

TEST_F(RecentTest, GoesOnFromTheCursorAndKeepsToItsFilters) {
  const std::uint64_t id = FireGroup("Disk");
  LinkOf(id);
  v1::ListRecentRequest request;
  request.set_group(id);
  const v1::ListRecentResponse first = Recent(request);
  EXPECT_GE(first.entries_size(), 3);
  EXPECT_FALSE(first.more());
  request.set_cursor(first.next_cursor());
  EXPECT_EQ(Recent(request).entries_size(), 0);
  v1::GroupCommand acknowledge;
  acknowledge.set_id(id);
  v1::CommandResponse done;
  ASSERT_TRUE(Call("GroupService/AcknowledgeGroup", acknowledge, done).ok());
  request.add_kinds(v1::TimelineEntry::KIND_ACKNOWLEDGED);
  EXPECT_TRUE(Eventually([&] { return Recent(request).entries_size() == 1; }));
  request.set_group(id + 1000);
  EXPECT_EQ(Recent(request).entries_size(), 0);
  request.clear_group();
  request.set_page_size(1);
  EXPECT_EQ(Recent(request).entries_size(), 1);
}

TEST_F(RecentTest, TellsThatTheServerWasStartedAgain) {
  FireGroup("Disk");
  v1::ListRecentRequest request;
  request.set_cursor("12345.7");
  const v1::ListRecentResponse response = Recent(request);
  EXPECT_TRUE(response.restarted());
  EXPECT_EQ(response.missed(), 0U);
  EXPECT_GE(response.entries_size(), 1) << "all that is kept has come since";
}

TEST_F(RecentTest, ListsWhatMayBeForgottenAndNotWhatIsWorkedOn) {
  const std::uint64_t id = FireGroup("Disk");
  v1::GroupCommand acknowledge;
  acknowledge.set_id(id);
  v1::CommandResponse done;
  ASSERT_TRUE(Call("GroupService/AcknowledgeGroup", acknowledge, done).ok());
  v1::CreateSilenceRequest silence;
  silence.add_matchers("alertname=\"Nothing\"");
  silence.mutable_ends_at()->set_seconds(absl::ToUnixSeconds(absl::Now()) + 3600 * 24 * 400);
  ASSERT_TRUE(Call("SilenceService/CreateSilence", silence, done).ok());
  v1::ListForgottenRequest request;
  v1::ListForgottenResponse response;
  ASSERT_TRUE(Call("StatusService/ListForgotten", request, response).ok());
  ASSERT_EQ(response.items_size(), 1) << response.ShortDebugString();
  EXPECT_THAT(response.items(0).why(), AllOf(HasSubstr("ends only in"), HasSubstr("matches nothing that fires")));
  request.mutable_acknowledgement_age()->set_nanos(1);
  ASSERT_TRUE(Call("StatusService/ListForgotten", request, response).ok());
  EXPECT_EQ(response.items_size(), 2) << "the acknowledgement is older than that";
}

}  // namespace
}  // namespace tocsin
