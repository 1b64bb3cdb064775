// Roles and teams: who may call what, and whose things they may change, on both faces.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "model/integration_key.h"
#include "tests/api/world.h"

namespace tocsin {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Two teams: web (ann) and db (bob), each with a service, a policy and a route; carol is in both, dave in none.
constexpr std::string_view kTwoTeams = R"(
name: two teams
fallback_user: dave
users:
  - {id: ann, contact_methods: [{id: desk, kind: terminal, address: ann}]}
  - {id: bob, contact_methods: [{id: desk, kind: terminal, address: bob}]}
  - {id: carol, contact_methods: [{id: desk, kind: terminal, address: carol}]}
  - {id: dave, contact_methods: [{id: desk, kind: terminal, address: dave}]}
teams: [{id: web, members: [ann, carol]}, {id: db, members: [bob, carol]}]
policies:
  - {id: web, team: web, steps: [{delay: 10m, targets: [{user: ann}]}]}
  - {id: db, team: db, steps: [{delay: 10m, targets: [{user: bob}]}]}
  - {id: all, steps: [{delay: 10m, targets: [{user: dave}]}]}
services:
  - {id: shop, team: web, matchers: ['service="shop"']}
  - {id: store, team: db, matchers: ['service=~"store|db.*"']}
integrations: [{id: stream, source: stream, key: stream-key-which-nobody-may-see}]
route:
  policy: all
  group_by: [alertname]
  group_wait: 0s
  routes:
    - {id: web, matchers: ['service="shop"'], policy: web}
    - {id: db, matchers: ['service=~"store|db.*"'], policy: db}
)";

class AccessTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    admin_ = token_;
    ASSERT_EQ(Apply(std::string(kTwoTeams)).problems_size(), 0);
  }

  v1::ApplyOrganisationResponse Apply(const std::string& text, absl::Status* refused = nullptr) {
    v1::ApplyOrganisationRequest request;
    auto& file = *request.add_files();
    file.set_name("o.yaml");
    file.set_text(text);
    v1::ApplyOrganisationResponse response;
    const absl::Status status = Call("OrganisationService/ApplyOrganisation", request, response);
    if (refused != nullptr) {
      *refused = status;
    } else {
      EXPECT_TRUE(status.ok()) << status;
    }
    return response;
  }
  // Makes a token as the caller who is set; "" when it is refused.
  std::string Make(v1::Role role,
                   const std::string& user,
                   const std::vector<std::string>& teams = {},
                   absl::Status* refused = nullptr) {
    v1::CreateTokenRequest request;
    request.set_role(role);
    request.set_user(user);
    request.set_name(absl::StrFormat("n%d", ++names_));
    if (role == v1::ROLE_INTEGRATION) request.set_integration("stream");
    for (const std::string& team : teams)
      request.add_teams(team);
    v1::CreateTokenResponse response;
    const absl::Status status = Call("AccessService/CreateToken", request, response);
    if (refused != nullptr) *refused = status;
    last_ = response.id();
    return response.token();
  }
  absl::Status Acknowledge(std::uint64_t group) {
    v1::GroupCommand request;
    request.set_id(group);
    v1::CommandResponse response;
    return Call("GroupService/AcknowledgeGroup", request, response);
  }
  std::uint64_t Fire(const std::string& name, const std::string& service) {
    const std::string caller = std::exchange(token_, admin_);
    Send({
        {"alertname", name   },
        {"service",   service}
    });
    std::uint64_t id = 0;
    EXPECT_TRUE(Eventually([&] {
      for (const v1::Group& group : Groups()) {
        if (group.labels_size() == 1 && group.labels(0).value() == name && group.flushed()) id = group.id();
      }
      return id != 0;
    }));
    token_ = caller;
    return id;
  }
  std::string admin_;
  int names_ = 0;
  std::uint64_t last_ = 0;  // the token that was made last
};

TEST_F(AccessTest, WhatBelongsToAnotherTeamIsNotTheirsToAnswerFor) {
  const std::uint64_t web = Fire("Cart", "shop");
  const std::uint64_t db = Fire("Disk", "db1");
  const std::uint64_t nobodys = Fire("Noise", "elsewhere");
  token_ = Make(v1::ROLE_RESPONDER, "ann", {"web"});
  EXPECT_TRUE(Acknowledge(web).ok());
  EXPECT_TRUE(Acknowledge(nobodys).ok()) << "what is nobody's is everybody's";
  const absl::Status refused = Acknowledge(db);
  EXPECT_THAT(Message(refused), HasSubstr("permission_denied: group G"));
  EXPECT_THAT(Message(refused), HasSubstr("belongs to db; user:ann acts for web"));
  v1::GetGroupRequest get;
  get.set_id(db);
  v1::GetGroupResponse group;
  EXPECT_TRUE(Call("GroupService/GetGroup", get, group).ok()) << "everybody sees everything";
  EXPECT_EQ(group.group().state(), v1::Group::STATE_OPEN);
  get.set_id(web);
  ASSERT_TRUE(Call("GroupService/GetGroup", get, group).ok());
  EXPECT_EQ(group.group().acknowledged_by(), "user:ann");
}

TEST_F(AccessTest, WhoeverIsPagedMayAnswerWhoseverItIs) {
  const std::uint64_t db = Fire("Disk", "db1");
  token_ = Make(v1::ROLE_RESPONDER, "bob", {"web"});
  EXPECT_TRUE(Acknowledge(db).ok()) << "bob is paged by the policy of db";
}

TEST_F(AccessTest, ATeamSilencesItsOwnServicesOnly) {
  token_ = Make(v1::ROLE_RESPONDER, "bob", {"db"});
  const struct {
    std::vector<std::string> matchers;
    bool permitted;
  } cases[] = {
      {{R"(service=~"store|db.*")"},                      true },
      {{R"(service="db1")", R"(alertname="Disk")"},       true },
      {{R"(service="store")"},                            true },
      {{R"(service="shop")"},                             false},
      {{R"(alertname="Disk")"},                           false},
      {{R"(service=~"db.*")"},                            false},
      {{R"(service=~".+")"},                              false},
      {{R"(service!="shop")", R"(alertname="Disk")"},     false},
      {{R"(service="shop")", R"(service=~"store|db.*")"}, true },
  };
  for (const auto& [matchers, permitted] : cases) {
    v1::CreateSilenceRequest request;
    for (const std::string& matcher : matchers)
      request.add_matchers(matcher);
    request.mutable_ends_at()->set_seconds(absl::ToUnixSeconds(absl::Now() + absl::Hours(1)));
    v1::CommandResponse response;
    const absl::Status status = Call("SilenceService/CreateSilence", request, response);
    EXPECT_EQ(status.ok(), permitted) << matchers[0] << ": " << status;
  }
}

// The name of a token is free again when it has been revoked; what its bearer did does not pass to the next one.
TEST_F(AccessTest, ATokenThatTakesOverANameTakesOverNothingElse) {
  const auto make = [&](const std::vector<std::string>& teams) {
    v1::CreateTokenRequest request;
    request.set_role(v1::ROLE_RESPONDER);
    request.set_name("ci");
    for (const std::string& team : teams)
      request.add_teams(team);
    v1::CreateTokenResponse response;
    EXPECT_TRUE(Call("AccessService/CreateToken", request, response).ok());
    last_ = response.id();
    return response.token();
  };
  token_ = make({});
  v1::CreateSilenceRequest silence;
  silence.add_matchers(R"(service="shop")");
  silence.mutable_ends_at()->set_seconds(absl::ToUnixSeconds(absl::Now() + absl::Hours(1)));
  v1::CommandResponse made;
  ASSERT_TRUE(Call("SilenceService/CreateSilence", silence, made).ok());
  token_ = admin_;
  v1::RevokeTokenRequest revoke;
  revoke.set_id(last_);
  v1::CommandResponse done;
  ASSERT_TRUE(Call("AccessService/RevokeToken", revoke, done).ok());
  token_ = make({"db"});
  v1::ExpireSilenceRequest expire;
  expire.set_id(made.id());
  EXPECT_THAT(Message(Call("SilenceService/ExpireSilence", expire, done)), HasSubstr("permission_denied"));
}

TEST_F(AccessTest, NobodyPagesAnotherTeamByAnIncidentOfTheirOwnService) {
  token_ = Make(v1::ROLE_RESPONDER, "ann", {"web"});
  v1::OpenIncidentRequest request;
  request.set_title("ours");
  request.set_severity(3);
  request.set_service("shop");
  request.set_policy("db");
  v1::CommandResponse done;
  EXPECT_THAT(Message(Call("IncidentService/OpenIncident", request, done)), HasSubstr("permission_denied"));
  request.set_policy("web");
  EXPECT_TRUE(Call("IncidentService/OpenIncident", request, done).ok());
}

TEST_F(AccessTest, NobodyAsksForMoreMatchersThanAnAlertHasLabels) {
  std::string many;
  for (int i = 0; i < 200; ++i)
    many += absl::StrFormat("%sa%d=\"\"", i == 0 ? "" : ",", i);
  v1::ExplainRequest explain;
  explain.set_matchers(many);
  v1::ExplainResponse explained;
  EXPECT_THAT(Message(Call("ExplainService/Explain", explain, explained)), HasSubstr("at most 128"));
  v1::ListAlertsRequest list;
  for (int i = 0; i < 200; ++i)
    list.add_matchers(absl::StrFormat("a%d=\"\"", i));
  v1::ListAlertsResponse listed;
  EXPECT_THAT(Message(Call("AlertService/ListAlerts", list, listed)), HasSubstr("at most 128"));
  v1::CreateSilenceRequest silence;
  silence.mutable_matchers()->CopyFrom(list.matchers());
  silence.mutable_ends_at()->set_seconds(absl::ToUnixSeconds(absl::Now() + absl::Hours(1)));
  v1::CommandResponse done;
  EXPECT_THAT(Message(Call("SilenceService/CreateSilence", silence, done)), HasSubstr("at most"));
}

TEST_F(AccessTest, AManagerOfATeamChangesWhatIsTheTeamsAndNothingElse) {
  token_ = Make(v1::ROLE_MANAGER, "ann", {"web"});
  const auto with = [](std::string_view from, std::string_view to) {
    std::string text(kTwoTeams);
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  const struct {
    std::string_view what;
    std::string text;
    std::string_view refused;  // a path that is named; empty: permitted
  } cases[] = {
      {"her policy",              with("{id: web, team: web, steps: [{delay: 10m", "{id: web, team: web, steps: [{delay: 7m"),     ""             },
      {"another team's policy",   with("{id: db, team: db, steps: [{delay: 10m",   "{id: db, team: db, steps: [{delay: 7m"),
       "policies[db]"                                                                                                                             },
      {"nobody's policy",         with("{id: all, steps: [{delay: 10m",            "{id: all, steps: [{delay: 7m"),                "policies[all]"},
      {"a policy that she takes", with("{id: db, team: db,",                       "{id: db, team: web,"),                         "policies[db]" },
      {"her people",              with("kind: terminal, address: ann}",            "kind: terminal, address: ann at home}"),       ""             },
      {"people of two teams",     with("kind: terminal, address: carol}",          "kind: terminal, address: nowhere}"),
       "users[carol]"                                                                                                                             },
      {"another team's people",   with("kind: terminal, address: bob}",            "kind: terminal, address: nowhere}"),
       "users[bob]"                                                                                                                               },
      {"her team",                with("{id: web, members: [ann, carol]}",         "{id: web, members: [ann, carol, dave]}"),      ""             },
      {"another team",            with("{id: db, members: [bob, carol]}",          "{id: db, members: [bob, carol, ann]}"),
       "teams[db].members"                                                                                                                        },
      {"the times of her route",
       with("matchers: ['service=\"shop\"'], policy: web}",
       "matchers: ['service=\"shop\"'], policy: web, group_wait: 5s}"),
       ""                                                                                                                                         },
      {"what her route takes",
       with("matchers: ['service=\"shop\"'], policy: web}",                        "matchers: ['service=~\".+\"'], policy: web}"), "matchers"     },
      {"what her service takes",
       with("{id: shop, team: web, matchers: ['service=\"shop\"']}",
       "{id: shop, team: web, matchers: ['service=~\".+\"']}"),
       "services[shop].matchers"                                                                                                                  },
      {"another team's route",    with("policy: db}\n",                            "policy: db, group_wait: 5s}\n"),               "group_wait"   },
      {"the fallback",            with("fallback_user: dave",                      "fallback_user: ann"),                          "fallback_user"},
      {"a door",                  with("id: stream,",                              "id: strum,"),                                  "integrations["},
  };
  for (const auto& [what, text, refused] : cases) {
    absl::Status status;
    const v1::ApplyOrganisationResponse response = Apply(text, &status);
    EXPECT_EQ(response.problems_size(), 0) << what << response.ShortDebugString();
    EXPECT_EQ(status.ok(), refused.empty()) << what << ": " << status;
    if (!refused.empty()) {
      EXPECT_THAT(Message(status), HasSubstr(refused)) << what;
    }
    token_ = std::exchange(admin_, token_);
    ASSERT_EQ(Apply(std::string(kTwoTeams)).problems_size(), 0);
    token_ = std::exchange(admin_, token_);
  }
}

TEST_F(AccessTest, NobodyGivesAwayMoreThanTheyHave) {
  const std::string everywhere = Make(v1::ROLE_MANAGER, "dave");
  const std::string of_web = Make(v1::ROLE_MANAGER, "ann", {"web"});
  absl::Status status;
  token_ = everywhere;
  EXPECT_EQ(Make(v1::ROLE_ADMIN, "dave", {}, &status), "");
  EXPECT_THAT(Message(status), HasSubstr("cannot give the role admin"));
  EXPECT_NE(Make(v1::ROLE_MANAGER, "bob", {"db"}), "");
  EXPECT_NE(Make(v1::ROLE_INTEGRATION, ""), "");
  token_ = of_web;
  EXPECT_NE(Make(v1::ROLE_RESPONDER, "ann", {"web"}), "");
  EXPECT_EQ(Make(v1::ROLE_RESPONDER, "ann", {"db"}, &status), "");
  EXPECT_THAT(Message(status), HasSubstr("permission_denied: teams"));
  EXPECT_EQ(Make(v1::ROLE_RESPONDER, "ann", {}, &status), "") << "all teams";
  EXPECT_EQ(Make(v1::ROLE_VIEWER, "carol", {"web"}, &status), "")
      << "carol answers for db, too: it would be in her name";
  EXPECT_THAT(Message(status), HasSubstr("\"carol\" may do what user:ann may not"));
  EXPECT_EQ(Make(v1::ROLE_RESPONDER, "bob", {"web"}, &status), "") << "bob is of another team: it would speak for him";
  EXPECT_EQ(Make(v1::ROLE_INTEGRATION, "", {}, &status), "");
  EXPECT_EQ(Make(v1::ROLE_RESPONDER, "eve", {"web"}, &status), "");
  EXPECT_THAT(Message(status), HasSubstr("user \"eve\" does not exist"));
}

TEST_F(AccessTest, ARevokedTokenOpensNothingOnceThatIsAnswered) {
  const std::string ann = Make(v1::ROLE_RESPONDER, "ann");
  v1::RevokeTokenRequest request;
  request.set_id(last_);
  token_ = ann;
  v1::WhoAmIResponse me;
  ASSERT_TRUE(Call("AccessService/WhoAmI", v1::WhoAmIRequest(), me).ok());
  EXPECT_EQ(me.name(), "user:ann");
  EXPECT_EQ(me.token(), last_);
  v1::CommandResponse done;
  ASSERT_TRUE(Call("AccessService/RevokeToken", request, done).ok()) << "everybody may give up their own";
  EXPECT_THAT(Message(Call("AccessService/WhoAmI", v1::WhoAmIRequest(), me)), HasSubstr("unauthenticated"));
  token_ = admin_;
  EXPECT_THAT(Message(Call("AccessService/RevokeToken", request, done)), HasSubstr("not_found"));
}

TEST_F(AccessTest, ATokenRunsOutByTheClockOfTheDoors) {
  token_ = Make(v1::ROLE_VIEWER, "ann");
  v1::WhoAmIResponse me;
  ASSERT_TRUE(Call("AccessService/WhoAmI", v1::WhoAmIRequest(), me).ok());
  const absl::Time expires = absl::FromUnixSeconds(me.expires_at().seconds());
  EXPECT_NEAR(absl::ToDoubleHours(expires - clock_.Read().wall), 24 * 90, 0.1);
  const auto set_clock = [this](absl::Time now) {
    const MutexLock lock(wall_mutex_);
    wall_ = now;
  };
  set_clock(expires - absl::Seconds(1));
  EXPECT_TRUE(Call("AccessService/WhoAmI", v1::WhoAmIRequest(), me).ok());
  set_clock(expires + absl::Seconds(1));
  EXPECT_THAT(Message(Call("AccessService/WhoAmI", v1::WhoAmIRequest(), me)), HasSubstr("ran out at"));
}

TEST_F(AccessTest, ShowsEverybodyTheirOwnTokensAndManagersThoseOfTheirTeams) {
  Make(v1::ROLE_RESPONDER, "bob", {"db"});
  const std::string ann = Make(v1::ROLE_RESPONDER, "ann", {"web"});
  const std::string carol = Make(v1::ROLE_MANAGER, "carol", {"db"});
  const auto shown = [&](const std::string& token) {
    token_ = token;
    v1::ListTokensResponse list;
    EXPECT_TRUE(Call("AccessService/ListTokens", v1::ListTokensRequest(), list).ok());
    std::vector<std::string> users;
    for (const auto& entry : list.entries()) {
      users.push_back(entry.token().user());
      EXPECT_EQ(entry.token().hash(), "");
    }
    return users;
  };
  EXPECT_THAT(shown(admin_), ElementsAre("bob", "ann", "carol"));
  EXPECT_THAT(shown(ann), ElementsAre("ann"));
  EXPECT_THAT(shown(carol), ElementsAre("bob", "carol"));
}

TEST_F(AccessTest, TheAuditLogKnowsWhoShowedWhichTokenAndHoldsNone) {
  const std::string secret = Make(v1::ROLE_RESPONDER, "ann", {"web"});
  const std::uint64_t id = last_;
  const std::uint64_t web = Fire("Cart", "shop");
  token_ = secret;
  ASSERT_TRUE(Acknowledge(web).ok());
  token_ = admin_;
  v1::ListAuditResponse all;
  ASSERT_TRUE(Call("AuditService/ListAudit", v1::ListAuditRequest(), all).ok());
  ASSERT_GE(all.entries_size(), 2);
  EXPECT_EQ(all.entries(0).actor(), "user:ann");
  EXPECT_EQ(all.entries(0).token(), id);
  EXPECT_EQ(all.entries(1).action(), "CreateToken");
  EXPECT_EQ(all.entries(1).after(), "responder for web");
  EXPECT_THAT(all.ShortDebugString(), Not(HasSubstr(secret.substr(7, 20))));
  EXPECT_THAT(shown_, Not(HasSubstr(HashKey(secret))));
}

}  // namespace
}  // namespace tocsin
