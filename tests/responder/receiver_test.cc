// Receivers that are told as Alertmanager tells them: engine/responder_receivers.h over real shards.
#include "gmock/gmock.h"

#include "engine/alertmanager_message.h"
#include "tests/responder/whole_world.h"

namespace tocsin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Labels kFirst = {
    {"alertname", "App"},
    {"instance",  "1"  }
};
const Labels kSecond = {
    {"alertname", "App"},
    {"instance",  "2"  }
};

Organisation TellsChat(bool send_resolved = true) {
  Organisation organisation = TableOrganisation();
  organisation.public_url = "https://alerts.example.com";
  Receiver chat;
  chat.id = ReceiverId("chat");
  chat.targets = {
      {ContactMethodId("hook"), ContactMethod::Kind::kWebhook, "https://chat.example.com", ""}
  };
  chat.send_resolved = send_resolved;
  chat.drop_resolved_when_held = true;
  organisation.receivers = {chat};
  Route& root = organisation.route;
  root.policy = PolicyId();
  root.receiver = chat.id;
  root.group_interval = absl::Minutes(5);
  root.repeat_interval = absl::Hours(4);
  root.children.clear();
  return organisation;
}

std::string LastBody(WholeWorld& world) {
  std::string body;
  for (const auto& [id, row] : world.responder().state().notifications)
    if (!row.body.empty()) body = row.body;
  return body;
}

TEST(ReceiverTest, ARecoveryIsToldWithTheNextFlushAndNotBefore) {
  WholeWorld world(TellsChat());
  world.Fire(kFirst);
  EXPECT_THAT(world.Told(), ElementsAre("page chat"));
  world.Pass(absl::Minutes(2));
  world.Resolve(kFirst);
  world.Pass(absl::Minutes(2));
  EXPECT_EQ(world.Current()->state, Group::State::kResolved) << "people see at once that it is over";
  EXPECT_THAT(world.Told(), IsEmpty());
  world.Pass(absl::Minutes(2));
  EXPECT_THAT(world.Told(), ElementsAre("resolved chat"));
  world.Pass(absl::Hours(5));
  EXPECT_THAT(world.Told(), IsEmpty());
}

TEST(ReceiverTest, WhatComesBackBeforeTheFlushIsNoNewsAndTheSameGroup) {
  WholeWorld world(TellsChat());
  world.Fire(kFirst);
  world.Told();
  const GroupId group = world.Current()->id;
  world.Pass(absl::Minutes(2));
  world.Resolve(kFirst);
  world.Pass(absl::Minutes(1));
  world.Fire(kFirst);
  world.Pass(absl::Minutes(30));
  EXPECT_THAT(world.Told(), IsEmpty());
  EXPECT_EQ(world.Current()->id, group);
  EXPECT_EQ(world.Current()->state, Group::State::kOpen);
  world.Resolve(kFirst);
  world.Pass(absl::Minutes(6));
  EXPECT_THAT(world.Told(), ElementsAre("resolved chat"));
  world.Fire(kFirst);
  EXPECT_THAT(world.Told(), ElementsAre("page chat"));
  EXPECT_NE(world.Current()->id, group) << "what comes after its end was told is another group";
}

TEST(ReceiverTest, TheBodyNamesEachAlertAndIsTheLog) {
  WholeWorld world(TellsChat());
  world.Fire(kSecond);
  world.Fire(kFirst);
  world.Pass(absl::Minutes(6));
  EXPECT_THAT(world.Told(), ElementsAre("page chat", "page chat"));
  const std::string both = LastBody(world);
  const std::optional<Standing> known = StandingIn(both);
  ASSERT_TRUE(known) << both;
  EXPECT_EQ(known->firing.size(), 2U);
  EXPECT_LT(both.find(R"("instance":"1")"), both.find(R"("instance":"2")"));
  EXPECT_THAT(both,
              HasSubstr(R"("status":"firing","groupLabels":{"alertname":"App"},"commonLabels":{"alertname":"App"})"));
  EXPECT_THAT(both, HasSubstr(R"("externalURL":"https://alerts.example.com")"));
  EXPECT_THAT(both, HasSubstr(R"("groupKey":"{}:{alertname=\"App\"}","truncatedAlerts":0})"));
  EXPECT_THAT(both, HasSubstr(R"("endsAt":"0001-01-01T00:00:00Z")"));

  world.Resolve(kSecond);
  world.Pass(absl::Minutes(6));
  EXPECT_THAT(world.Told(), ElementsAre("page chat"));
  const std::optional<Standing> one = StandingIn(LastBody(world));
  ASSERT_TRUE(one);
  EXPECT_EQ(one->firing.size(), 1U);
  EXPECT_EQ(one->resolved.size(), 1U);
  world.Pass(absl::Hours(1));
  EXPECT_THAT(world.Told(), IsEmpty()) << "what has resolved is told once";
}

TEST(ReceiverTest, ARestartForgetsNeitherWhatWasToldNorWhatIsStillToBe) {
  WholeWorld world(TellsChat());
  world.Fire(kFirst);
  world.Fire(kSecond);
  world.Pass(absl::Minutes(6));
  world.Told();
  world.Restart();
  world.Pass(absl::Minutes(20));
  EXPECT_THAT(world.Told(), IsEmpty());
  world.Resolve(kFirst);
  world.Resolve(kSecond);
  world.Restart();
  world.Pass(absl::Minutes(20));
  EXPECT_THAT(world.Told(), ElementsAre("resolved chat"));
  EXPECT_EQ(StandingIn(LastBody(world))->resolved.size(), 2U);
}

TEST(ReceiverTest, WhoeverHearsOfWhatFiresOnlyHearsAgainOfWhatComesBack) {
  WholeWorld world(TellsChat(/*send_resolved=*/false));
  for (int i = 0; i < 3; ++i) {
    world.Fire(kFirst);
    EXPECT_THAT(world.Told(), ElementsAre("page chat"));
    world.Resolve(kFirst);
    world.Pass(absl::Minutes(20));
    EXPECT_THAT(world.Told(), IsEmpty());
  }
}

TEST(ReceiverTest, WhatIsSilencedAtTheFlushIsNotTold) {
  WholeWorld world(TellsChat());
  CreateSilence silence;
  silence.silence.matchers = {
      {"instance", MatchOp::kEqual, "2"}
  };
  silence.silence.starts_at = world.now().wall;
  silence.silence.ends_at = world.now().wall + absl::Minutes(30);
  silence.silence.comment = "patching";
  world.Fire(kFirst);
  world.Told();
  ASSERT_TRUE(world.Do(silence).status.ok());
  world.Fire(kSecond);
  world.Pass(absl::Minutes(25));
  EXPECT_THAT(world.Told(), IsEmpty());
  world.Pass(absl::Minutes(15));
  EXPECT_THAT(world.Told(), ElementsAre("page chat"));
  EXPECT_EQ(StandingIn(LastBody(world))->firing.size(), 2U);
}

TEST(ReceiverTest, ItIsToldAgainAtTheFlushAfterRepeatInterval) {
  WholeWorld world(TellsChat());
  world.Fire(kFirst);
  world.Told();
  world.Pass(absl::Hours(4));
  EXPECT_THAT(world.Told(), IsEmpty());
  world.Pass(absl::Minutes(6));
  EXPECT_THAT(world.Told(), ElementsAre("page chat"));
}

TEST(ReceiverTest, WhatAPersonResolvesIsNoNewsAsLongAsItFires) {
  WholeWorld world(TellsChat());
  world.Fire(kFirst);
  world.Told();
  ASSERT_TRUE(world.Do(ResolveGroup{world.Current()->id, std::nullopt}).status.ok());
  world.Pass(absl::Minutes(20));
  EXPECT_THAT(world.Told(), IsEmpty());
  world.Resolve(kFirst);
  world.Pass(absl::Minutes(6));
  EXPECT_THAT(world.Told(), ElementsAre("resolved chat"));
}

TEST(WhyTellTest, GoesByTheAlertsThatAreKnown) {
  struct Case {
    std::string_view name;
    std::optional<Standing> known;
    Standing standing;
    bool send_resolved;
    absl::Duration since;
    TellReason expected;
  };
  const absl::Duration now = absl::ZeroDuration();
  const Case cases[] = {
      {"nothing was told",            std::nullopt,         {{1}, {}},    true,  now,            TellReason::kFirst       },
      {"nothing ever fired",          std::nullopt,         {{}, {1}},    true,  now,            TellReason::kNothingNew  },
      {"another one fires",           Standing{{1}, {}},    {{1, 2}, {}}, true,  now,            TellReason::kNewAlerts   },
      {"the same fires",              Standing{{1, 2}, {}}, {{1, 2}, {}}, true,  now,            TellReason::kNothingNew  },
      {"fewer fire, one is silenced", Standing{{1, 2}, {}}, {{2}, {}},    true,  now,            TellReason::kNothingNew  },
      {"one has resolved",            Standing{{1, 2}, {}}, {{2}, {1}},   true,  now,            TellReason::kSomeResolved},
      {"it is known to have",         Standing{{2}, {1}},   {{2}, {1}},   true,  now,            TellReason::kNothingNew  },
      {"nobody wants to know",        Standing{{1, 2}, {}}, {{2}, {1}},   false, now,            TellReason::kNothingNew  },
      {"all has resolved",            Standing{{1}, {}},    {{}, {1}},    false, now,            TellReason::kAllResolved },
      {"and that is known",           Standing{{}, {1}},    {{}, {1}},    true,  absl::Hours(9), TellReason::kNothingNew  },
      {"long ago",                    Standing{{1}, {}},    {{1}, {}},    true,  absl::Hours(5), TellReason::kRepeat      },
      {"as long ago as that",         Standing{{1}, {}},    {{1}, {}},    true,  absl::Hours(4), TellReason::kNothingNew  },
  };
  for (const Case& row : cases) {
    EXPECT_EQ(WhyTell(row.known ? &*row.known : nullptr, row.standing, row.send_resolved, row.since, absl::Hours(4)),
              row.expected)
        << row.name;
  }
}

TEST(AlertmanagerMessageTest, ABodyIsReadBackWhateverItsTextsAre) {
  std::vector<AlertSummary> alerts(2);
  alerts[0].labels = {
      {"alertname", "a\"},{\"fingerprint\":\"0000000000000000\",\"status\":\"firing"},
      {"x",         "\\"                                                            }
  };
  alerts[0].firing = false;
  alerts[0].fired_at = absl::FromUnixMillis(1'500);
  alerts[1].labels = {
      {"alertname",   "}]{[\n"          },
      {"fingerprint", "0123456789abcdef"}
  };
  alerts[1].annotations = {
      {"summary", "\xff\x01"},
      {"empty",   ""        }
  };
  Group group;
  group.route.receiver = ReceiverId("r");
  const std::string body = AlertmanagerBody(Organisation(), group, alerts);
  const std::optional<Standing> read = StandingIn(body);
  ASSERT_TRUE(read) << body;
  EXPECT_EQ(*read, StandingOf(alerts));
  EXPECT_EQ(read->resolved.size(), 1U);
  EXPECT_THAT(body, HasSubstr("\"endsAt\":\"1970-01-01T00:00:01.5Z\""));
  EXPECT_FALSE(StandingIn("2 alerts firing"));
  for (std::size_t size = 0; size < body.size(); ++size)  // whatever is cut off: no crash
    StandingIn(body.substr(0, size));
}

TEST(AlertmanagerMessageTest, WhatDoesNotFitIsCounted) {
  std::vector<AlertSummary> alerts(10);
  for (std::size_t i = 0; i < alerts.size(); ++i)
    alerts[i].annotations = {
        {"description", std::string(60'000, static_cast<char>('a' + i))}
    };
  const std::string body = AlertmanagerBody(Organisation(), Group(), alerts);
  EXPECT_LT(body.size(), kAlertmanagerBodyBytes + 70'000);
  EXPECT_THAT(body, HasSubstr("\"truncatedAlerts\":6}"));
  EXPECT_EQ(StandingIn(body)->firing.size(), 4U);
}

}  // namespace
}  // namespace tocsin
