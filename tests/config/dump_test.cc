#include "config/dump.h"

#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "config/check.h"
#include "config/diff.h"
#include "config/load.h"
#include "config/yaml_writer.h"
#include "tests/config/organisation_yaml.h"
#include "tests/config/random_organisation.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(DumpTest, EveryOrganisationReadsBackAsItself) {
  Random random(1);
  for (int round = 0; round < 500; ++round) {
    const Organisation organisation = RandomOrganisation(random);
    ASSERT_THAT(Lines(Check(organisation)), IsEmpty());
    const std::string yaml = DumpWithSecrets(organisation);
    const LoadResult again = Load(std::vector<SourceFile>{
        {"dump.yaml", yaml}
    });
    ASSERT_THAT(Lines(again.problems), IsEmpty()) << yaml;
    ASSERT_THAT(Diff(organisation, again.organisation), IsEmpty()) << yaml;
    ASSERT_TRUE(organisation == again.organisation) << yaml;
    EXPECT_EQ(DumpWithSecrets(again.organisation), yaml);
  }
}

TEST(DumpTest, SecretsAreNotShownAndAreKeptWhenAppliedAgain) {
  Random random(2);
  Organisation organisation = RandomOrganisation(random);
  organisation.smtp.password = "smtp-secret";
  organisation.twilio.auth_token = "twilio-secret";
  organisation.second_smtp = {"smtp://127.0.0.2:25", "b@example.com", "v", "second-smtp-secret", true, ""};
  organisation.second_twilio = {"https://example.org", "AC2", "second-twilio-secret", "+15005550007"};
  for (User& user : organisation.users) {
    for (ContactMethod& method : user.contact_methods) {
      if (method.kind == ContactMethod::Kind::kWebhook) method.secret = "hook-secret";
      if (method.kind == ContactMethod::Kind::kSlackWebhook)
        method.secret = "https://hooks.slack.com/services/T/B/url-secret";
    }
  }
  organisation.receivers[0].targets[0].secret = "receiver-secret";
  const std::string yaml = Dump(organisation);
  EXPECT_THAT(yaml, Not(HasSubstr("-secret")));
  LoadResult again = Load(std::vector<SourceFile>{
      {"dump.yaml", yaml}
  });
  ASSERT_THAT(Lines(again.problems), IsEmpty()) << yaml;
  EXPECT_EQ(again.organisation.smtp.password, kUnchanged);
  EXPECT_THAT(Lines(KeepSecrets(organisation, again.organisation)), IsEmpty());
  EXPECT_TRUE(organisation == again.organisation);
}

TEST(DumpTest, ASecretThatIsNotThereCannotBeKept) {
  Organisation organisation;
  organisation.smtp.password = kUnchanged;
  EXPECT_THAT(Lines(KeepSecrets(Organisation(), organisation)),
              testing::ElementsAre("smtp.password: says (unchanged), but there is none yet"));
}

// Whoever applies an export has not seen its secrets, and does not see them by having them sent to a machine of their own.
TEST(DumpTest, ASecretIsKeptOnlyForWhatItWasGivenFor) {
  Organisation present;
  present.smtp = {"smtps://mail.example.com", "a@example.com", "me", "smtp-secret", true, ""};
  present.twilio.account_sid = "AC1";
  present.twilio.auth_token = "twilio-secret";
  present.slack.token = "slack-secret";
  present.second_smtp = {"smtps://b.example.com", "a@example.com", "me", "smtp-secret", true, ""};
  present.second_twilio = {"https://b.example.com", "AC2", "twilio-secret", "+15005550007"};
  User ann;
  ann.id = UserId("ann");
  ann.contact_methods = {
      {ContactMethodId("hook"), ContactMethod::Kind::kWebhook, "https://a.example.com", "hook-secret"}
  };
  present.users = {ann};
  Receiver all;
  all.id = ReceiverId("all");
  all.targets = ann.contact_methods;
  present.receivers = {all};
  const auto problems = [&](auto change) {
    Organisation wanted = Redacted(present);
    change(wanted);
    return Lines(KeepSecrets(present, wanted));
  };
  EXPECT_THAT(problems([](Organisation& o) { o.smtp.from = "b@example.com", o.twilio.from = "+1"; }), IsEmpty());
  const struct {
    std::string_view named;
    std::function<void(Organisation&)> change;
  } cases[] = {
      {"smtp.password: says (unchanged), but the url",                    [](Organisation& o) { o.smtp.url = "smtps://evil.example"; } },
      {"smtp.password: says (unchanged)",                                 [](Organisation& o) { o.smtp.username = "other"; }           },
      {"smtp.password: says (unchanged)",                                 [](Organisation& o) { o.smtp.require_tls = false; }          },
      {"smtp.password: says (unchanged)",                                 [](Organisation& o) { o.smtp.ca_file = "mine.pem"; }         },
      {"twilio.auth_token: says (unchanged), but the url or account_sid",
       [](Organisation& o) { o.twilio.url = "http://evil.example"; }                                                                   },
      {"twilio.auth_token: says (unchanged)",                             [](Organisation& o) { o.twilio.account_sid = "AC2"; }        },
      {"second_smtp.password: says (unchanged), but the url",
       [](Organisation& o) { o.second_smtp.url = "smtps://evil.example"; }                                                             },
      {"second_twilio.auth_token: says (unchanged), but the url",
       [](Organisation& o) { o.second_twilio.url = "https://evil.example"; }                                                           },
      {"slack.token: says (unchanged), but the url",                      [](Organisation& o) { o.slack.url = "https://evil.example"; }},
      {"users[ann].contact_methods[hook].secret: says (unchanged)",
       [](Organisation& o) { o.users[0].contact_methods[0].address = "https://evil.example"; }                                         },
      {"users[ann].contact_methods[hook].secret: says (unchanged)",
       [](Organisation& o) { o.users[0].contact_methods[0].kind = ContactMethod::Kind::kSlackWebhook; }                                },
      {"receivers[all].targets[hook].secret: says (unchanged)",
       [](Organisation& o) { o.receivers[0].targets[0].address = "https://evil.example"; }                                             },
  };
  for (const auto& [named, change] : cases)
    EXPECT_THAT(problems(change), testing::ElementsAre(HasSubstr(std::string(named))));
}

TEST(DumpTest, IsMadeForPeople) {
  const LoadResult loaded = Load(WithBase("route: {policy: page-ann, routes: [{matchers: 'a=b', group_wait: 1m}]}\n"));
  EXPECT_EQ(Dump(loaded.organisation), R"(fallback_user: ann
users:
  - id: ann
    contact_methods:
      - {kind: terminal, address: ann}
    notification_rules:
      - {urgency: high, method: terminal}
      - {urgency: low, method: terminal}
  - id: bob
    contact_methods:
      - {kind: terminal, address: bob}
    notification_rules:
      - {urgency: high, method: terminal}
      - {urgency: low, method: terminal}
teams:
  - id: db
    members: [ann, bob]
policies:
  - {id: page-ann, steps: [{delay: 5m, targets: [{user: ann}]}]}
services:
  - {id: shop, matchers: ["service=\"shop\""]}
route: {policy: page-ann, routes: [{matchers: ["a=\"b\""], group_wait: 1m}]}
)");
}

TEST(YamlWriterTest, QuotesWhatCouldBeTakenForSomethingElse) {
  struct Case {
    const char* text;
    const char* yaml;
  };
  const Case cases[] = {
      {"plain",     "plain\n"            },
      {"a.b-c_d/e", "a.b-c_d/e\n"        },
      {"",          "\"\"\n"             },
      {"null",      "\"null\"\n"         },
      {"a b",       "\"a b\"\n"          },
      {"a: b",      "\"a: b\"\n"         },
      {"#x",        "\"#x\"\n"           },
      {"- x",       "\"- x\"\n"          },
      {"say \"x\"", "\"say \\\"x\\\"\"\n"},
      {"09:00",     "\"09:00\"\n"        },
  };
  for (const Case& c : cases)
    EXPECT_EQ(YamlValue::Text(c.text).Print(), c.yaml) << c.text;
}

TEST(DiffTest, NamesThingsByTheirIds) {
  Organisation before = Load(WithBase("")).organisation;
  Organisation after = before;
  EXPECT_THAT(Diff(before, after), IsEmpty());
  after.users[1].time_zone = "Europe/Berlin";
  after.users.insert(after.users.begin(), User{UserId("zoe"), "", "", {}, {}});
  ContactMethod& mail = after.users[0].contact_methods.emplace_back();
  mail.id = ContactMethodId("mail");
  mail.kind = ContactMethod::Kind::kEmail;
  mail.address = "zoe@example.com";
  mail.secret = "s";
  after.users[1].contact_methods.clear();
  after.teams[0].members = {UserId("bob"), UserId("zoe")};
  after.policies[0].steps[0].delay = absl::Minutes(2);
  after.policies[0].repeats = 2;
  after.services.clear();
  after.route.children.push_back(after.route);
  after.route.children[0].id = RouteId("root/0");
  after.route.children[0].policy = PolicyId();
  after.route.children[0].group_wait = absl::Seconds(5);
  after.route.children[0].matchers = {
      {"service", MatchOp::kEqual, "shop"}
  };
  after.route.continue_matching = true;
  after.smtp.password = "new-secret";
  after.incident_rules.push_back({});
  after.incident_rules[0].id = IncidentRuleId("r");
  EXPECT_THAT(
      Diff(before, after),
      testing::ElementsAre(
          "- users[ann].contact_methods[terminal]", "~ users[bob].time_zone: UTC -> Europe/Berlin", "+ users[zoe]",
          "+ users[zoe].contact_methods[mail]", "+ users[zoe].contact_methods[mail].kind: email",
          "+ users[zoe].contact_methods[mail].address: zoe@example.com",
          "+ users[zoe].contact_methods[mail].secret: (secret)", "- teams[db].members: ann", "+ teams[db].members: zoe",
          "~ policies[page-ann].steps[0].delay: 5m -> 2m", "~ policies[page-ann].repeats: 0 -> 2", "- services[shop]",
          "~ route.continue: false -> true", "+ route.routes[root/0]",
          "+ route.routes[root/0].matchers: service=\"shop\"", "+ route.routes[root/0].group_wait: 5s",
          "+ route.routes[root/0].policy: none", "+ incident_rules[r]", "+ incident_rules[r].when.kind: all",
          "+ incident_rules[r].severity: 3", "+ incident_rules[r].join_window: 30m",
          "+ smtp.password: (another secret)"));
}

TEST(DiffTest, SaysWhenOnlyTheOrderChanged) {
  Organisation before;
  before.services = {
      {ServiceId("a"), "a", TeamId(), {}},
      {ServiceId("b"), "b", TeamId(), {}}
  };
  Organisation after = before;
  std::swap(after.services[0], after.services[1]);
  EXPECT_THAT(Diff(before, after), testing::ElementsAre("~ services: in this order: a, b -> b, a"));
}

TEST(DiffTest, FindsEveryDifferenceOfRandomOrganisations) {
  Random random(3);
  for (int round = 0; round < 200; ++round) {
    const Organisation a = RandomOrganisation(random);
    const Organisation b = RandomOrganisation(random);
    EXPECT_THAT(Diff(a, a), IsEmpty());
    EXPECT_THAT(Diff(a, b), Not(IsEmpty()));
  }
}

}  // namespace
}  // namespace tocsin
