// What holds an alert or a group back: who did that, why it fits, until when, and what comes then.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/explain_outlook.h"
#include "api/explain_taken.h"
#include "tests/api/world.h"

namespace tocsin {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Property;

// While ClusterDown fires, alerts of such names are inhibited.
void AddClusterDown(Organisation& organisation, MatchOp op, const char* names, std::vector<std::string> equal = {}) {
  organisation.inhibition_rules.push_back({InhibitionRuleId("cluster-down"),
                                           {{"alertname", MatchOp::kEqual, "ClusterDown"}},
                                           {{"alertname", op, names}},
                                           std::move(equal)});
}

class ExplainHoldsTest : public ApiTest {
 protected:
  using Answer = v1::ExplainResponse::Answer;

  // ann is paged for all; what holds back is the tests' to say.
  void Change(const std::function<void(Organisation&)>& change) {
    auto organisation = std::make_shared<Organisation>(*engine_->rules()->organisation);
    change(*organisation);
    const auto result = engine_->ExecuteAndWait({
        "", "user:admin", ApplyOrganisation{organisation, "test"}
    });
    ASSERT_TRUE(result.status.ok()) << result.status;
  }

  std::uint64_t Silence(const std::string& matcher,
                        absl::Duration from,
                        absl::Duration to,
                        const std::string& comment) {
    v1::CreateSilenceRequest request;
    request.add_matchers(matcher);
    request.mutable_starts_at()->set_seconds(absl::ToUnixSeconds(absl::Now() + from));
    request.mutable_ends_at()->set_seconds(absl::ToUnixSeconds(absl::Now() + to));
    request.set_comment(comment);
    v1::CommandResponse made;
    EXPECT_TRUE(Call("SilenceService/CreateSilence", request, made).ok());
    return made.id();
  }

  v1::ExplainResponse Explained(const std::string& alertname) {
    v1::ExplainRequest request;
    request.set_matchers("alertname=\"" + alertname + "\"");
    v1::ExplainResponse response;
    const absl::Status status = Call("ExplainService/Explain", request, response);
    EXPECT_TRUE(status.ok()) << status;
    return response;
  }
  Answer ExplainedGroup(std::uint64_t id) {
    v1::ExplainRequest request;
    request.set_group(id);
    v1::ExplainResponse response;
    EXPECT_TRUE(Call("ExplainService/Explain", request, response).ok());
    return response.answers(0);
  }
  // Fires until its verdict says so: shards learn of rules on their own threads.
  Answer Held(const Labels& labels, const std::string& words) {
    Answer answer;
    EXPECT_TRUE(Eventually([&] {
      Send(labels);
      answer = Explained(labels.front().value).answers(0);
      return answer.verdict().find(words) != std::string::npos;
    })) << answer.ShortDebugString();
    return answer;
  }
  std::uint64_t GroupOf(const std::string& alertname) {
    std::uint64_t id = 0;
    EXPECT_TRUE(Eventually([&] {
      for (const v1::Group& group : Groups())
        if (group.labels(0).value() == alertname) id = group.id();
      return id != 0;
    }));
    return id;
  }

  static auto Says(const std::string& text) { return Property(&v1::ExplainResponse::Line::text, HasSubstr(text)); }
  static auto IsDated() { return Property(&v1::ExplainResponse::Line::has_at, true); }
};

TEST_F(ExplainHoldsTest, NamesWhatFittedWhoDidItWhenItEndsAndWhoIsPagedThen) {
  const std::uint64_t id = Silence("alertname=~\"Qui.*\"", absl::ZeroDuration(), absl::Hours(1), "deploying");
  const Answer answer = Held(
      {
          {"alertname", "Quiet"}
  },
      "silenced by S");
  EXPECT_THAT(answer.verdict(), HasSubstr(absl::StrFormat("silenced by S%d, until 20", id)));
  EXPECT_THAT(answer.facts(),
              Contains(AllOf(Says("was made by user:admin (\"deploying\"): it holds until 20"), IsDated())));
  EXPECT_THAT(answer.facts(), Contains(Says(absl::StrFormat("S%d: alertname=~\"Qui.*\" fits \"Quiet\"", id))));
  ASSERT_EQ(answer.next_size(), 1) << answer.ShortDebugString();
  EXPECT_THAT(answer.next(0),
              AllOf(Says(absl::StrFormat("silence S%d ends; if it still fires then, route root opens a group for it: "
                                         "step 1 of policy default pages ann (schedule primary: layer always",
                                         id)),
                    IsDated()));
  EXPECT_THAT(answer.advice(), ElementsAre(absl::StrFormat("`tocsin silence expire S%d` ends it now", id)));
}

TEST_F(ExplainHoldsTest, KnowsWhatElseHoldsItWhenTheFirstEnds) {
  const std::uint64_t last = Silence("alertname=\"Quiet\"", absl::ZeroDuration(), absl::Hours(2), "");
  const std::uint64_t first = Silence("team!=\"db\",alertname=~\"Q.*\"", absl::ZeroDuration(), absl::Hours(1), "");
  const std::uint64_t later = Silence("alertname=\"Quiet\"", absl::Minutes(90), absl::Hours(3), "");
  Silence("alertname=\"Quiet\"", absl::Hours(5), absl::Hours(6), "too late to matter");
  Silence("alertname=\"Other\"", absl::Minutes(90), absl::Hours(9), "of another one");
  const Answer answer = Held(
      {
          {"alertname", "Quiet"}
  },
      "silenced by S");
  EXPECT_THAT(answer.facts(), Contains(Says("team!=\"db\" fits: there is no such label; alertname=~\"Q.*\" fits")));
  ASSERT_EQ(answer.next_size(), 4) << answer.ShortDebugString();
  EXPECT_THAT(answer.next(0), Says(absl::StrFormat("S%d ends; S%d still holds it back", first, last)));
  EXPECT_THAT(answer.next(1), Says(absl::StrFormat("S%d begins, and holds it back too", later)));
  EXPECT_THAT(answer.next(2), Says(absl::StrFormat("S%d ends; S%d still holds it back", last, later)));
  EXPECT_THAT(answer.next(3),
              AllOf(Says(absl::StrFormat("S%d ends; if it still fires then", later)), Says("pages ann")));
}

TEST_F(ExplainHoldsTest, TellsOfTheGroupThatAnAlertComesBackTo) {
  const std::uint64_t id = FireGroup("Disk");
  Silence("alertname=\"Disk\"", absl::ZeroDuration(), absl::Hours(1), "");
  Held(
      {
          {"alertname", "Disk"}
  },
      "silenced by S");
  ASSERT_TRUE(Eventually([&] { return ExplainedGroup(id).verdict().find("silenced by") != std::string::npos; }));
  EXPECT_THAT(Explained("Disk").answers(0).next(0),
              Says(absl::StrFormat("group G%d goes on: step 1 of policy default pages ann", id)));
  EXPECT_THAT(ExplainedGroup(id).facts(), Contains(Says("was made by user:admin"))) << "asked about the group, too";
  v1::GroupCommand acknowledge;
  acknowledge.set_id(id);
  v1::CommandResponse done;
  ASSERT_TRUE(Call("GroupService/AcknowledgeGroup", acknowledge, done).ok());
  EXPECT_THAT(Explained("Disk").answers(0).next(0), Says("stays acknowledged by user:admin, and nobody else is paged"));
}

TEST_F(ExplainHoldsTest, NamesTheSourceOfAnInhibitionTheEqualLabelsAndWhoIsPagedForIt) {
  Change([](Organisation& organisation) {
    AddClusterDown(organisation, MatchOp::kRegex, "Slow.*", {"cluster", "zone"});
  });
  Send({
      {"alertname", "ClusterDown"},
      {"cluster",   "b"          }
  });
  Send({
      {"alertname", "ClusterDown"},
      {"cluster",   "a"          }
  });
  const Answer answer = Held(
      {
          {"alertname", "Slow"},
          {"cluster",   "a"   }
  },
      "inhibited by rule cluster-down");
  EXPECT_THAT(answer.facts(),
              Contains(Says("rule cluster-down: {alertname=~\"Slow.*\"} is held back while {alertname=\"ClusterDown\"} "
                            "fires, and both have cluster=\"a\", zone=\"\" (in neither)")));
  EXPECT_THAT(answer.facts(),
              Contains(AllOf(Says("its source {alertname=\"ClusterDown\", cluster=\"a\"} fires; it is part of "
                                  "group G"),
                             Says("people are being paged"), IsDated())));
  EXPECT_THAT(answer.facts(), Not(Contains(Says("cluster=\"b\""))));
  // Its group may have been opened just before the shard heard of the source; then that one goes on.
  v1::ExplainResponse::Line next;
  EXPECT_TRUE(Eventually([&] {
    next = Explained("Slow").answers(0).next(0);
    return next.text().find("pages ann") != std::string::npos;
  })) << next.ShortDebugString();
  EXPECT_THAT(next, AllOf(Says("once none of its sources fires any more: if it still fires then, "), Not(IsDated())));
  // A silenced source holds others back all the same: then nobody hears of any of it.
  Silence("alertname=\"ClusterDown\"", absl::ZeroDuration(), absl::Hours(1), "");
  EXPECT_TRUE(Eventually([&] {
    return Explained("Slow").ShortDebugString().find("so nobody is paged for it either") != std::string::npos;
  }));
}

TEST_F(ExplainHoldsTest, AnInhibitionOutlastsTheSilence) {
  Change([](Organisation& organisation) { AddClusterDown(organisation, MatchOp::kEqual, "Slow"); });
  Send({
      {"alertname", "ClusterDown"}
  });
  Held(
      {
          {"alertname", "Slow"}
  },
      "inhibited by rule cluster-down");
  Silence("alertname=\"Slow\"", absl::ZeroDuration(), absl::Hours(1), "");
  const Answer answer = Held(
      {
          {"alertname", "Slow"}
  },
      "silenced by S");
  EXPECT_THAT(answer.next(0), Says("ends; rule cluster-down still holds it back"));
  EXPECT_THAT(answer.next(1),
              Says("once none of its sources fires any more, and no silence holds it: if it still fires"));
}

TEST_F(ExplainHoldsTest, SaysHowLongARouteIsMutedAndWhomItPagesThen) {
  // Two hours that begin half an hour ago: neither ends while this runs, whatever the time is.
  const absl::Time half_past = absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now()) / 60 * 60) - absl::Minutes(30);
  Change([&](Organisation& organisation) {
    const auto hour = [&](int offset) {
      const absl::CivilMinute begin = absl::ToCivilMinute(half_past + absl::Hours(offset), absl::UTCTimeZone());
      const int from = begin.hour() * 60 + begin.minute();
      constexpr int kMidnight = 24 * 60;
      RecurringTime recurring{.times = {{from, std::min(from + 60, kMidnight)}}};
      if (from + 60 > kMidnight) recurring.times.push_back({0, from + 60 - kMidnight});
      return recurring;
    };
    organisation.time_intervals = {
        {TimeIntervalId("this-hour"), {hour(0)}},
        {TimeIntervalId("next-hour"), {hour(1)}}
    };
    Route quiet = organisation.route;
    quiet.id = RouteId("quiet");
    quiet.matchers = {
        {"alertname", MatchOp::kEqual, "Muted"}
    };
    quiet.mute_time_intervals = {TimeIntervalId("next-hour"), TimeIntervalId("this-hour")};
    organisation.route.children = {quiet};
  });
  Send({
      {"alertname", "Muted"}
  });
  const std::uint64_t id = GroupOf("Muted");
  ASSERT_TRUE(Eventually([&] { return GroupNow(id).quiet_reason().find("muted") != std::string::npos; }));
  const Answer answer = ExplainedGroup(id);
  EXPECT_THAT(answer.verdict(), HasSubstr("muted by route quiet inside of time interval this-hour, until 20"));
  EXPECT_THAT(answer.facts(), Contains(Says("route quiet is muted inside of time interval this-hour, until 20")));
  ASSERT_EQ(answer.next_size(), 1) << answer.ShortDebugString();
  EXPECT_THAT(answer.next(0),
              AllOf(Says("route quiet is no longer muted; what still fires then: group"), Says("pages ann")));
  EXPECT_EQ(absl::FromUnixSeconds(answer.next(0).at().seconds()), half_past + absl::Hours(2))
      << "the second interval begins where the first ends";
  // A silenced alert of that route would be muted when its silence ends.
  Silence("alertname=\"Muted\",host=\"b\"", absl::ZeroDuration(), absl::Minutes(1), "");
  EXPECT_TRUE(Eventually([&] {
    Send({
        {"alertname", "Muted"},
        {"host",      "b"    }
    });
    return Explained("Muted").ShortDebugString().find("which is held back itself: muted by route quiet") !=
           std::string::npos;
  }));
}

TEST_F(ExplainHoldsTest, SaysWhoPlannedTheMaintenanceOfAServiceAndWhenItIsOver) {
  Change([](Organisation& organisation) {
    Service& service = organisation.services.emplace_back();
    service.id = ServiceId("web");
    service.team = TeamId("ops");
    service.matchers = {
        {"service", MatchOp::kEqual, "web"}
    };
    organisation.route.group_by = {"alertname", "service"};
  });
  v1::CreateMaintenanceRequest window;
  window.set_service("web");
  window.mutable_ends_at()->set_seconds(absl::ToUnixSeconds(absl::Now()) + 3600);
  window.set_comment("patching");
  v1::CommandResponse made;
  ASSERT_TRUE(Call("MaintenanceService/CreateMaintenance", window, made).ok());
  Send({
      {"alertname", "Patched"},
      {"service",   "web"    }
  });
  const std::uint64_t id = GroupOf("Patched");
  ASSERT_TRUE(Eventually([&] { return GroupNow(id).quiet_reason().find("in maintenance") != std::string::npos; }));
  const Answer answer = ExplainedGroup(id);
  EXPECT_THAT(answer.facts(),
              Contains(Says(absl::StrFormat(
                  "maintenance window M%d was made by user:admin (\"patching\"): it holds until", made.id()))));
  EXPECT_THAT(answer.facts(), Contains(Says("the group is one of service web")));
  EXPECT_THAT(answer.next(), Contains(AllOf(Says("maintenance of its service is over; what still fires then"),
                                            Says("pages ann"), IsDated())));
  EXPECT_THAT(answer.advice(), Contains(absl::StrFormat("`tocsin maintenance end M%d` ends it now", made.id())));
  // An alert of it that is silenced until before that.
  Silence("alertname=\"Hidden\"", absl::ZeroDuration(), absl::Minutes(10), "");
  const Answer hidden = Held(
      {
          {"alertname", "Hidden"},
          {"service",   "web"   }
  },
      "silenced by S");
  EXPECT_THAT(hidden.next(0), Says(absl::StrFormat("but service web is in maintenance M%d then, until", made.id())));
}

TEST_F(ExplainHoldsTest, CountsWhatIsHeldBackByReason) {
  Change([](Organisation& organisation) { AddClusterDown(organisation, MatchOp::kRegex, "Slow.*"); });
  Silence("alertname=~\"Quiet.*\"", absl::ZeroDuration(), absl::Hours(1), "");
  v1::CreateMaintenanceRequest window;
  window.add_matchers("alertname=\"Patched\"");
  window.mutable_ends_at()->set_seconds(absl::ToUnixSeconds(absl::Now()) + 3600);
  v1::CommandResponse made;
  ASSERT_TRUE(Call("MaintenanceService/CreateMaintenance", window, made).ok());
  const std::uint64_t open = FireGroup("Slow1");  // open before its source fires
  Send({
      {"alertname", "ClusterDown"}
  });
  ASSERT_TRUE(Eventually([&] { return GroupNow(open).quiet_reason().find("inhibited") != std::string::npos; }));
  Held(
      {
          {"alertname", "Slow2"}
  },
      "inhibited");
  Held(
      {
          {"alertname", "Quiet1"}
  },
      "silenced");
  Held(
      {
          {"alertname", "Quiet2"}
  },
      "silenced");
  Held(
      {
          {"alertname", "Patched"}
  },
      "in maintenance");
  v1::GetStatusResponse status;
  ASSERT_TRUE(Call("StatusService/GetStatus", v1::GetStatusRequest(), status).ok());
  const auto shown = [](const auto& counts) {
    std::string text;
    for (const auto& each : counts)
      absl::StrAppendFormat(&text, "%d %s,", each.count(), each.name());
    return text;
  };
  EXPECT_EQ(shown(status.held_alerts()), "1 in maintenance,2 inhibited,2 silenced,");
  EXPECT_EQ(shown(status.held_groups()), "1 inhibited,");
  EXPECT_EQ(status.suppressed(), 5U) << "the same, counted otherwise";
}

TEST_F(ExplainHoldsTest, TellsWhoHasJustSentItThatItIsHeldAndUntilWhen) {
  Silence("alertname=\"Quiet\"", absl::ZeroDuration(), absl::Hours(1), "");
  Held(
      {
          {"alertname", "Quiet"}
  },
      "silenced by S");
  v1::ListAlertsResponse alerts;
  ASSERT_TRUE(Call("AlertService/ListAlerts", v1::ListAlertsRequest(), alerts).ok());
  AlertKey key;
  engine_->ReadShardsAndWait([&](const Shard& shard) {
    shard.List(0, 100, [&](const AlertRecord& alert) {
      key = alert.summary.key;
      return true;
    });
  });
  const std::vector<TakenAlert> told = ExplainTaken(*api_, std::vector<AlertKey>{
                                                               key, AlertKey{1, 2}
  });
  EXPECT_TRUE(told[0].kept);
  EXPECT_THAT(told[0].text, AllOf(HasSubstr("nobody is paged for it: it is silenced by S"), HasSubstr(", until 20")));
  EXPECT_THAT(told[0].routes, ElementsAre("root"));
  EXPECT_FALSE(told[1].kept);
  EXPECT_THAT(told[1].text, HasSubstr("it is not kept"));
}

}  // namespace
}  // namespace tocsin
