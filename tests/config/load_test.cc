#include "config/load.h"

#include <string>

#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/limits.h"
#include "model/integration_key.h"
#include "tests/config/organisation_yaml.h"

namespace tocsin {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Case {
  const char* name;
  const char* text;
  std::vector<std::string> problems;
};

void ExpectProblems(std::span<const Case> cases) {
  for (const Case& c : cases) {
    EXPECT_THAT(Lines(Load(WithBase(c.text)).problems), ElementsAreArray(c.problems)) << c.name;
  }
}

TEST(LoadTest, TheBaseOfTheseTestsIsValid) {
  EXPECT_THAT(Lines(Load(WithBase("")).problems), IsEmpty());
}

TEST(LoadTest, SaysWhereTheFormIsWrong) {
  const Case cases[] = {
      {"unknown field",
       "services:\n  - {id: a, matcher: 'x=y'}\n",                                                       {R"(x.yaml:2:13: services[1].matcher: unknown field (did you mean "matchers"?))"}                                                                          },
      {"unknown section",            "polices: []\n",                                                    {R"(x.yaml:1:1: polices: unknown field (did you mean "policies"?))"}                                                                                       },
      {"far from everything",        "qwertz: 1\n",                                                      {"x.yaml:1:1: qwertz: unknown field"}                                                                                                                      },
      {"missing field",              "teams:\n  - {name: x}\n",                                          {R"(x.yaml:2:5: teams[1]: the field "id" is missing)"}                                                                                                     },
      {"list expected",              "teams: {id: x}\n",                                                 {"x.yaml:1:8: teams: must be a list, is a map"}                                                                                                            },
      {"map expected",
       "teams: [x]\n",                                                                                   {
           "x.yaml:1:9: teams[1]: must be a map of fields, is text",
       }                                                                                                                                                                                                                                      },
      {"text expected",              "teams:\n- id: [x]\n",                                              {"x.yaml:2:7: teams[1].id: must be text, is a list"}                                                                                                       },
      {"duration",
       "policies:\n- id: p\n  steps:\n  - delay: 5 minutes\n    targets: [{user: ann}]\n",               {R"(x.yaml:4:12: policies[1].steps[0].delay: "5 minutes" is not a duration such as 30s, 5m or 1h30m)"}                                                     },
      {"number",
       "policies:\n- {id: p, repeats: many, steps: [{targets: [{user: ann}]}]}\n",                       {R"(x.yaml:2:20: policies[1].repeats: must be a whole number from 0 to 1000, is "many")"}                                                                  },
      {"choice",
       "users:\n- {id: c, contact_methods: [{kind: emial, address: a@b}]}\n",                            {R"(x.yaml:2:36: users[2].contact_methods[0].kind: "emial" is none of terminal, email, sms, voice, webhook, slack_webhook, slack (did you mean "email"?))"}},
      {"what a gap means",
       "schedules:\n- {id: s, time_zone: UTC, gaps: ignore}\n",                                          {R"(x.yaml:2:33: schedules[0].gaps: "ignore" is none of warn, allow, refuse)"}                                                                             },
      {"handoff notices",
       "users:\n- {id: c, handoff_notices: {when: always}}\n",                                           {R"(x.yaml:2:35: users[2].handoff_notices.when: "always" is none of never, begins, ends, both)"}                                                           },
      {"handoff notices of nothing",
       "users:\n- {id: c, handoff_notices: {ahead: 1h}}\n",                                              {R"(x.yaml:2:28: users[2].handoff_notices: the field "when" is missing)"}                                                                                  },
      {"flag",
       "receivers:\n- {id: r, send_resolved: yes, targets: [{kind: terminal, address: x}]}\n",           {R"(x.yaml:2:26: receivers[0].send_resolved: must be true or false, is "yes")"}                                                                            },
      {"two kinds of target",
       "policies:\n- {id: p, steps: [{targets: [{user: ann, team: db}]}]}\n",                            {"x.yaml:2:30: policies[1].steps[0].targets[0]: must have exactly one of user, team, schedule and policy"}                                                 },
      {"matcher",
       "services:\n- {id: s, matchers: ['nonsense']}\n",                                                 {"x.yaml:2:22: services[1].matchers[0]: bad matcher format: nonsense"}                                                                                     },
      {"condition of two kinds",
       "incident_rules:\n- id: r\n  when: {group_size: 5, exhausted: true}\n",                           {"x.yaml:3:9: incident_rules[0].when: must have exactly one of all, any, group_size, rate, severity, "
        "unacknowledged, exhausted and matchers"}                                                                                                                                     },
      {"rotation's start",
       "schedules:\n- id: s\n  time_zone: UTC\n  layers:\n  - id: l\n    participants: [ann]\n"
       "    rotation: {type: weekly, start: \"2024-02-30T09:00\"}\n",                                    {R"(x.yaml:7:37: schedules[0].layers[0].rotation.start: "2024-02-30T09:00" is not a local time such as 2024-03-04T09:00)"}                                 },
      {"restriction",
       "schedules:\n- id: s\n  time_zone: UTC\n  layers:\n  - id: l\n    participants: [ann]\n"
       "    rotation: {type: weekly, start: 2024-01-01 09:00}\n    restrictions:\n"
       "    - {type: daily, start: 9, duration: 90s}\n    - {type: weekly, start: 09:00, end: 10:00}\n", {R"(x.yaml:9:28: schedules[0].layers[0].restrictions[0].start: "9" is not a time of day such as 09:00)",
        "x.yaml:9:41: schedules[0].layers[0].restrictions[0].duration: must be whole minutes, at most 7d",
        R"(x.yaml:10:7: schedules[0].layers[0].restrictions[1]: the field "day" is missing)"}                                                               },
      {"short key",
       "integrations:\n- {id: i, source: generic, key: secret}\n",                                       {"x.yaml:2:33: integrations[0].key: the key has 6 characters, must have 16 to 256"}                                                                        },
      {"two keys",
       "integrations:\n- {id: i, source: generic, key: 0123456789abcdef, key_hash: 00}\n",               {"x.yaml:2:61: integrations[0].key_hash: the key is already given in another way"}                                                                         },
      {"environment",
       "integrations:\n- {id: i, source: generic, key_env: HOME}\n",                                     {"x.yaml:2:37: integrations[0].key_env: is looked up by the server alone, in the files of its --config; here "
        "write key itself (only its hash is kept) or key_hash"}                                                                                                                                 },
      {"tag",
       "services:\n- {id: !!binary aaaa}\n",                                                             {R"(x.yaml:2:8: the tag "tag:yaml.org,2002:binary" has no meaning here)"}                                                                                  },
      {"duplicate key",
       "services:\n- {id: a, name: x, id: b}\n",                                                         {R"(x.yaml:2:20: the key "id" is there twice, first in line 2)"}                                                                                           },
      {"indented by a TAB",
       "services:\n\t- {id: a}\n",                                                                       {"x.yaml:2:1: this line is indented by a TAB; YAML takes blanks only"}                                                                                     },
      {"syntax",                     "services: [\n",                                                    {"x.yaml:2:1: end of sequence flow not found"}                                                                                                             },
      {"key that is a list",         "[a]: b\n",                                                         {"x.yaml:1:1: a key must be text, here it is a list"}                                                                                                      },
      {"not a map",                  "hello\n",                                                          {"x.yaml:1:1: must be a map of fields, is text"}                                                                                                           },
  };
  ExpectProblems(cases);
}

// One pass tells of the form, of what does not make sense, and of what other rooms find.
TEST(LoadTest, TellsOfAllMistakesAtOnce) {
  const auto more = [](const Organisation& organisation) {
    EXPECT_EQ(organisation.integrations.size(), 1U);
    return std::vector<Problem>{
        {"", 0, 0, "integrations[0].source", "source \"promethus\" is unknown"}
    };
  };
  const LoadResult loaded = Load(WithBase("teams:\n- {id: t, name: x, name: y, members: [bbo]}\n"
                                          "integrations:\n- {id: i, source: promethus}\n"
                                          "users:\n- {id: c, time_zone: berlin, nmae: Carl}\n"),
                                 {}, more);
  EXPECT_THAT(Lines(loaded.problems),
              ElementsAreArray(
                  {R"(x.yaml:2:20: the key "name" is there twice, first in line 2)",
                   R"(x.yaml:2:39: teams[1].members[0]: user "bbo" is unknown (did you mean "bob"?))",
                   R"(x.yaml:4:19: integrations[0].source: source "promethus" is unknown)",
                   R"(x.yaml:6:22: users[2].time_zone: time zone "berlin" is unknown (did you mean "Europe/Berlin"?))",
                   R"(x.yaml:6:30: users[2].nmae: unknown field (did you mean "name"?))"}));
}

TEST(LoadTest, WhatIsMissingInTheOnlyFileHasItsPlace) {
  const std::vector<SourceFile> one = {
      {"mine.yaml",
       "users:\n- {id: a, contact_methods: [{kind: terminal, address: a}]}\n"
       "policies:\n- {id: p, steps: [{targets: [a]}]}\nroute: {policy: p}\n"}
  };
  EXPECT_THAT(Lines(Load(one).problems),
              testing::Contains(HasSubstr("mine.yaml:1:1: fallback_user: is missing: somebody must be paged")));
}

TEST(LoadTest, SaysWhatDoesNotMakeSense) {
  const Case cases[] = {
      {"unknown user",
       "teams:\n- id: t\n  members: [bbo]\n",                                                         {R"(x.yaml:3:13: teams[1].members[0]: user "bbo" is unknown (did you mean "bob"?))"}                                     },
      {"unknown in a target",
       "policies:\n- id: p\n  steps:\n  - targets: [{user: ann}, {schedule: x}, {team: bd}]\n",       {R"(x.yaml:4:39: policies[1].steps[0].targets[1].schedule: schedule "x" is unknown)",
        R"(x.yaml:4:50: policies[1].steps[0].targets[2].team: team "bd" is unknown (did you mean "db"?))"}                      },
      {"a name for a user",
       "policies:\n- {id: p, steps: [{targets: [ann, an]}]}\n",                                       {R"(x.yaml:2:35: policies[1].steps[0].targets[1].user: user "an" is unknown (did you mean "ann"?))"}                     },
      {"unknown participant",
       "schedules:\n- id: s\n  time_zone: UTC\n  layers:\n  - id: l\n"
       "    rotation: {type: daily, start: 2024-01-01T00:00}\n    participants: [ann, [bob, zoe]]\n", {R"(x.yaml:7:31: schedules[0].layers[0].participants[1][1].user: user "zoe" is unknown)"}                                },
      {"time zone",
       "users:\n- {id: c, time_zone: Europe/Belrin}\n- {id: d, time_zone: ../../etc/passwd}\n",       {R"(x.yaml:2:22: users[2].time_zone: time zone "Europe/Belrin" is unknown (did you mean "Europe/Berlin"?))",
        R"(x.yaml:3:22: users[3].time_zone: time zone "../../etc/passwd" is unknown)"}                                          },
      {"declared twice",
       "users:\n- id: ann\n",                                                                         {R"(x.yaml:2:7: users[2].id: user "ann" is declared twice (first: base.yaml:4:5))"}                                      },
      {"section twice",
       "fallback_user: bob\n",                                                                        {"x.yaml:1:16: fallback_user: is declared twice, first at base.yaml:2:16"}                                               },
      {"bad id",
       "teams:\n- id: 'a b'\n",                                                                       {R"(x.yaml:2:7: teams[1].id: "a b" is not an id: letters, digits, and . _ - @ after the first)"}                         },
      {"no participants",
       "schedules:\n- id: s\n  time_zone: UTC\n  layers:\n  - id: l\n"
       "    rotation: {type: daily, start: 2024-01-01T00:00}\n    participants: []\n",                {"x.yaml:7:19: schedules[0].layers[0].participants: is empty: nobody takes a turn"}                                      },
      {"unknown method",
       "users:\n- id: c\n  contact_methods: [{kind: terminal, address: c}]\n"
       "  notification_rules: [{urgency: high, method: terminl}]\n",                                  {R"(x.yaml:4:48: users[2].notification_rules[0].method: contact method "terminl" is unknown (did you mean "terminal"?))"}},
      {"no policy steps",
       "policies:\n- {id: p, steps: []}\n",                                                           {"x.yaml:2:18: policies[1].steps: is empty: there must be at least one step"}                                            },
      {"passes at once",
       "policies:\n- {id: p, steps: [{targets: [{user: ann}]}], repeats: 3}\n",                       {"x.yaml:2:55: policies[1].repeats: all passes would come at once: neither a step nor repeat_interval has a "
        "delay"}                                                                                                                                },
      {"interval without repeats",
       "policies:\n- {id: p, steps: [{targets: [{user: ann}]}], repeat_interval: 5m}\n",              {"x.yaml:2:63: policies[1].repeat_interval: has no effect without repeats"}                                              },
      {"regular expression",
       "services:\n- {id: s, matchers: ['a=~\"(\"']}\n",                                              {"x.yaml:2:22: services[1].matchers[0]: error parsing regexp: missing closing ): `^(?:()$`"}                             },
      {"same key",
       "integrations:\n- {id: i, source: generic, key: 0123456789abcdef}\n"
       "- {id: j, source: nagios, key: 0123456789abcdef}\n",                                          {"x.yaml:3:3: integrations[1]: has the key of another integration (first: x.yaml:2:3)"}                                  },
      {"two open doors",
       "integrations:\n- {id: i, source: generic}\n- {id: j, source: generic}\n",                     {"x.yaml:3:3: integrations[1]: is a second integration of this source without a key (first: x.yaml:2:3)"}                },
      {"title",
       "incident_rules:\n- {id: r, when: {exhausted: true}, title: 'a {{user}}'}\n",                  {"x.yaml:2:43: incident_rules[0].title: {{user}} is none of {{labels.NAME}}, {{group}} and {{service}}"}                 },
      {"incident policy",
       "incident_rules:\n- {id: r, when: {any: []}, policy: page-an}\n",                              {"x.yaml:2:23: incident_rules[0].when.any: is empty",
        R"(x.yaml:2:36: incident_rules[0].policy: policy "page-an" is unknown (did you mean "page-ann"?))"}                                            },
      {"empty receiver",
       "receivers:\n- {id: r, targets: []}\n",                                                        {"x.yaml:2:20: receivers[0].targets: is empty: the receiver would reach nobody"}                                         },
      {"smtp over the wire without TLS",
       "smtp: {url: smtp://mail.example.com, from: a@example.com, require_tls: false}\n",             {"x.yaml:1:72: smtp.require_tls: can be false only for a relay on this machine: pages are not for the wire to "
        "read"}                                                                                                                       },
      {"public URL",
       "public_url: ftp://example.com\n",                                                             {R"(x.yaml:1:13: public_url: "ftp://example.com" is not a URL of http:// or https://)"}                                  },
      {"several at once, in order",
       "teams:\n- {id: t, members: [zoe]}\nservices:\n- {id: s, team: x, nmae: y}\n",                 {R"(x.yaml:2:21: teams[1].members[0]: user "zoe" is unknown)",
        R"(x.yaml:4:17: services[1].team: team "x" is unknown)",
        R"(x.yaml:4:20: services[1].nmae: unknown field (did you mean "name"?))"}                                                         },
  };
  ExpectProblems(cases);
}

TEST(LoadTest, ChecksHowPeopleAreReached) {
  const Case cases[] = {
      {"header injection",
       "users:\n- {id: c, contact_methods: [{kind: email, address: \"a@b.c\\r\\nBcc: x@y.z\"}]}\n", {R"(x.yaml:2:36: users[2].contact_methods[0].kind: e-mail cannot be sent without the section smtp)",
        R"(x.yaml:2:52: users[2].contact_methods[0].address: "a@b.c\r\nBcc: x@y.z" is not an e-mail address)"}                                },
      {"phone number",
       "twilio: {account_sid: AC1, auth_token: t, from: \"+15005550006\"}\n"
       "users:\n- {id: c, contact_methods: [{kind: sms, address: 0301234567}]}\n",                  {R"(x.yaml:3:50: users[2].contact_methods[0].address: "0301234567" is not a phone number such as +4930123456 (E.164: + and 7 to 15 digits))"}},
      {"webhook",
       "users:\n- {id: c, contact_methods: [{kind: webhook, address: 'file:///etc/passwd'}]}\n",    {R"(x.yaml:2:54: users[2].contact_methods[0].address: "file:///etc/passwd" is not a URL of http:// or https://)"}                            },
      {"secret of a terminal",
       "users:\n- {id: c, contact_methods: [{kind: terminal, address: c, secret: s}]}\n",           {"x.yaml:2:66: users[2].contact_methods[0].secret: only a webhook has a secret"}                                                             },
  };
  ExpectProblems(cases);
}

TEST(LoadTest, ChecksWhoCarriesMessages) {
  const Case cases[] = {
      {"receipts, and nowhere to send them",
       "twilio: {account_sid: AC1, auth_token: t, from: \"+15005550006\", receipts: true}\n",      {"x.yaml:1:75: twilio.receipts: the provider reports to this server: public_url must say where that is"}},
      {"impatience",
       "twilio: {account_sid: AC1, auth_token: t, from: \"+15005550006\", receipt_timeout: 1s}\n", {"x.yaml:1:82: twilio.receipt_timeout: must be 10s to 10m"}                                             },
      {"a second without a first",
       "second_twilio: {account_sid: AC1, auth_token: t, from: \"+15005550006\"}\n",               {"x.yaml:1:16: second_twilio: takes the place of twilio, which is not there"}                           },
      {"a second mail server without a first",
       "second_smtp: {url: 'smtp://b.example.com', from: 'a@example.com'}\n",                      {"x.yaml:1:14: second_smtp: takes the place of smtp, which is not there"}                               },
      {"a second that is looked at as closely",
       "smtp: {url: 'smtp://a.example.com', from: 'a@example.com'}\n"
       "second_smtp: {url: 'http://b.example.com', from: 'a@example.com', require_tls: false}\n",  {R"(x.yaml:2:20: second_smtp.url: "http://b.example.com" is not a URL of smtp:// or smtps://)",
        "x.yaml:2:80: second_smtp.require_tls: can be false only for a relay on this machine: pages are not for the "
        "wire "
        "to read"}                                                                                        },
  };
  ExpectProblems(cases);
}

TEST(LoadTest, RefusesRoutesThatReachNobody) {
  const Case cases[] = {
      {"neither",
       "route: {group_by: [a]}\n",                                                                      {"x.yaml:1:8: route: has neither policy nor receiver: its alerts would reach nobody"}                                                           },
      {"policy of a team without people",
       "teams: [{id: t}]\npolicies:\n- {id: p, steps: [{targets: [{team: t}]}]}\nroute: {policy: p}\n", {R"(x.yaml:4:17: route.policy: policy "p" reaches nobody at high urgency: no person behind its steps has a notification rule for it)",
        R"(x.yaml:4:17: route.policy: policy "p" reaches nobody at low urgency: no person behind its steps has a notification rule for it)"}     },
      {"only low",
       "users:\n- {id: c, contact_methods: [{kind: terminal, address: c}], notification_rules: [{urgency: low, method: "
       "terminal}]}\n"
       "policies:\n- {id: p, steps: [{targets: [{user: c}]}]}\nroute: {policy: page-ann, routes: [{policy: p, urgency: "
       "high}, {policy: p, urgency: low}]}\n",                                                          {R"(x.yaml:5:45: route.routes[0].policy: policy "p" reaches nobody at high urgency: no person behind its steps has a notification rule for it)"}},
      {"taken away below",
       "route: {policy: page-ann, routes: [{matchers: 'a=b', policy: ''}]}\n",                          {"x.yaml:1:36: route.routes[0]: has neither policy nor receiver: its alerts would reach nobody"}                                                },
      {"root with matchers",
       "route: {policy: page-ann, matchers: 'a=b', continue: true}\n",                                  {"x.yaml:1:37: route.matchers: the root takes every alert: it can have no matchers",
        "x.yaml:1:54: route.continue: the root has no siblings to go on to"}                                                                                                      },
      {"contradictory intervals",
       "route: {policy: page-ann, group_interval: 10m, repeat_interval: 5m}\n",                         {"x.yaml:1:65: route.repeat_interval: is 5m, shorter than group_interval (10m): a repeat is only looked for "
        "then"}                                                                                                                                                          },
      {"same id",
       "route: {policy: page-ann, routes: [{id: a}, {id: a}]}\n",                                       {R"(x.yaml:1:50: route.routes[1].id: route "a" is declared twice (first: x.yaml:1:36))"}                                                        },
      {"unknown receiver",
       "route: {policy: page-ann, routes: [{receiver: chat}]}\n",                                       {R"(x.yaml:1:47: route.routes[0].receiver: receiver "chat" is unknown)"}                                                                        },
  };
  ExpectProblems(cases);
}

TEST(LoadTest, TheFallbackMustBeThereAndReachable) {
  const auto load = [](const std::string& fallback) {
    std::string text = kBase;
    text.replace(text.find("fallback_user: ann"), 18, fallback);
    return Lines(Load(std::vector<SourceFile>{
                          {"f.yaml", text + kBaseRoute + "users2: 0\n"}
    })
                     .problems);
  };
  EXPECT_THAT(load("name: x"), testing::Contains(HasSubstr("fallback_user: is missing")));
  EXPECT_THAT(load("fallback_user: zoe"), testing::Contains(HasSubstr("user \"zoe\" is unknown")));
}

TEST(LoadTest, ChildrenTakeOverWhatTheyDoNotSay) {
  const LoadResult loaded = Load(WithBase(R"(
receivers: [{id: chat, targets: [{kind: terminal, address: chat}]}]
route:
  policy: page-ann
  group_by: [a, b]
  group_wait: 1s
  group_interval: 2s
  repeat_interval: 3s
  urgency: low
  service: shop
  routes:
    - matchers: ['x="1"']
      continue: true
      receiver: chat
      group_by: ['...']
      routes:
        - {policy: '', urgency: by_severity, group_wait: 7s, service: ''}
        - {id: named, group_by: []}
)"));
  ASSERT_THAT(Lines(loaded.problems), IsEmpty());
  const Route& root = loaded.organisation.route;
  EXPECT_EQ(root.id, RouteId("root"));
  const Route& child = root.children[0];
  EXPECT_EQ(child.id, RouteId("root/0"));
  EXPECT_TRUE(child.continue_matching);
  EXPECT_EQ(child.policy, PolicyId("page-ann"));
  EXPECT_EQ(child.receiver, ReceiverId("chat"));
  EXPECT_TRUE(child.group_by_all);
  EXPECT_EQ(child.group_by, std::vector<std::string>());
  EXPECT_EQ(child.repeat_interval, absl::Seconds(3));
  EXPECT_EQ(child.service, ServiceId("shop"));
  const Route& first = child.children[0];
  EXPECT_EQ(first.id, RouteId("root/0/0"));
  EXPECT_THAT(first.matchers, IsEmpty());
  EXPECT_FALSE(first.continue_matching);
  EXPECT_FALSE(first.policy.set());
  EXPECT_EQ(first.receiver, ReceiverId("chat"));
  EXPECT_EQ(first.urgency, std::nullopt);
  EXPECT_FALSE(first.service.set());
  EXPECT_EQ(first.group_wait, absl::Seconds(7));
  EXPECT_TRUE(first.group_by_all);
  const Route& second = child.children[1];
  EXPECT_EQ(second.id, RouteId("named"));
  EXPECT_EQ(second.urgency, Urgency::kLow);
  EXPECT_FALSE(second.group_by_all);
  EXPECT_THAT(second.group_by, IsEmpty());
}

TEST(LoadTest, PeopleWithoutRulesGetEverythingOnTheirFirstMethod) {
  const LoadResult loaded = Load(WithBase(""));
  const std::vector<NotificationRule> expected = {
      {Urgency::kHigh, absl::ZeroDuration(), ContactMethodId("terminal")},
      {Urgency::kLow,  absl::ZeroDuration(), ContactMethodId("terminal")},
  };
  EXPECT_EQ(loaded.organisation.users[0].notification_rules, expected);
}

TEST(LoadTest, RestrictionsEndAtTheNextReadingOfTheClock) {
  const LoadResult loaded = Load(WithBase(R"(
schedules:
  - id: s
    time_zone: Europe/Berlin
    layers:
      - id: l
        rotation: {type: weekly, start: 2024-01-01 09:00}
        participants: [ann, {team: db}, [ann, {user: bob}], []]
        effective_since: 2024-07-01T00:00
        effective_until: 2024-12-01T00:00:00+00:00
        restrictions:
          - {type: daily, start: 22:00, end: 06:00}
          - {type: daily, start: 09:00, end: 09:00}
          - {type: weekly, day: fri, start: 18:00, end: 09:00, end_day: MONDAY}
          - {type: weekly, day: sunday, start: 00:30, duration: 1h30m}
)"));
  ASSERT_THAT(Lines(loaded.problems), IsEmpty());
  const Layer& layer = loaded.organisation.schedules[0].layers[0];
  EXPECT_EQ(std::get<Rotation>(layer.pattern).start, absl::CivilMinute(2024, 1, 1, 9, 0));
  EXPECT_EQ(layer.effective_since, absl::FromCivil(absl::CivilHour(2024, 6, 30, 22), absl::UTCTimeZone()));
  EXPECT_EQ(layer.effective_until, absl::FromCivil(absl::CivilHour(2024, 12, 1, 0), absl::UTCTimeZone()));
  ASSERT_THAT(layer.participants, SizeIs(4));
  EXPECT_THAT(layer.participants[2].members, SizeIs(2));
  EXPECT_THAT(layer.participants[3].members, IsEmpty());
  const std::vector<Restriction> expected = {
      {Restriction::Type::kDaily,  22 * 60, 1, 8 * 60                },
      {Restriction::Type::kDaily,  9 * 60,  1, 24 * 60               },
      {Restriction::Type::kWeekly, 18 * 60, 5, (6 + 24 + 24 + 9) * 60},
      {Restriction::Type::kWeekly, 30,      7, 90                    },
  };
  EXPECT_EQ(layer.restrictions, expected);
}

TEST(LoadTest, KeysAreKeptAsHashesOnly) {
  Secrets secrets;
  secrets.environment = [](const std::string& name) -> absl::StatusOr<std::string> {
    if (name == "KEY") return std::string("key-from-environment");
    return absl::NotFoundError("the environment has no such thing");
  };
  secrets.file = [](const std::string&) -> absl::StatusOr<std::string> { return std::string("token"); };
  const LoadResult loaded = Load(WithBase(R"(
integrations:
  - {id: a, source: generic, key: 0123456789abcdef}
  - {id: b, source: generic, key_env: KEY}
twilio: {account_sid: AC1, auth_token_file: /run/token, from: "+15005550006"}
)"),
                                 secrets);
  ASSERT_THAT(Lines(loaded.problems), IsEmpty());
  // b2sum -l 256
  EXPECT_EQ(loaded.organisation.integrations[0].key_hash, HashKey("0123456789abcdef"));
  EXPECT_EQ(HashKey("abc"), "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
  EXPECT_EQ(loaded.organisation.integrations[1].key_hash, HashKey("key-from-environment"));
  EXPECT_EQ(loaded.organisation.twilio.auth_token, "token");
  EXPECT_THAT(Lines(Load(WithBase("integrations: [{id: a, source: generic, key_env: NO}]\n"), secrets).problems),
              testing::ElementsAre("x.yaml:1:50: integrations[0].key_env: the environment has no such thing"));
}

TEST(LoadTest, ManyDocumentsInOneFileAreOneOrganisation) {
  const std::string text = std::string(kBase) + "---\n" + kBaseRoute + "---\n# nothing\n---\nservices: [{id: other}]\n";
  const LoadResult loaded = Load(std::vector<SourceFile>{
      {"all.yaml", text}
  });
  EXPECT_THAT(Lines(loaded.problems), IsEmpty());
  EXPECT_THAT(loaded.organisation.services, SizeIs(2));
}

TEST(LoadTest, AnchorsAreTextSavedNotABomb) {
  const LoadResult shared =
      Load(WithBase("policies:\n- {id: p, steps: &s [{delay: 1m, targets: [{user: bob}]}]}\n"
                    "- {id: q, steps: *s}\n"));
  EXPECT_THAT(Lines(shared.problems), IsEmpty());
  EXPECT_EQ(shared.organisation.policies[1].steps, shared.organisation.policies[2].steps);

  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 30; ++i) {
    bomb += absl::StrFormat("a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i, i - 1, i - 1, i - 1,
                            i - 1, i - 1, i - 1, i - 1, i - 1);
  }
  EXPECT_THAT(Lines(Load(WithBase(bomb)).problems),
              testing::ElementsAre(
                  AllOf(HasSubstr("x.yaml:"), HasSubstr("more than 8000000 values in all, aliases expanded"))));
  EXPECT_THAT(Lines(Load(WithBase("a: &a [*a]\n")).problems),
              testing::ElementsAre("x.yaml:1:8: an alias stands for something that it is a part of"));
}

TEST(LoadTest, DeepNestingIsRefusedWithoutHarm) {
  EXPECT_THAT(Lines(Load(WithBase("a: " + std::string(200, '['))).problems), SizeIs(testing::Ge(1U)));
  EXPECT_THAT(Lines(Load(WithBase("a: " + std::string(70, '[') + std::string(70, ']') + "\n")).problems),
              testing::ElementsAre(HasSubstr("nested deeper than 64")));
  EXPECT_THAT(Lines(Load(WithBase(std::string(100'000, '['))).problems), SizeIs(testing::Ge(1U)));
  EXPECT_THAT(Lines(Load(WithBase(std::string(100'000, '{'))).problems), SizeIs(testing::Ge(1U)));
  std::string deep;
  for (int i = 0; i < 1000; ++i)
    deep += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  EXPECT_THAT(Lines(Load(WithBase(deep)).problems), SizeIs(testing::Ge(1U)));
  std::string routes = "route:\n  policy: page-ann\n";
  for (std::size_t i = 1; i < 18; ++i) {
    routes += std::string(i * 2, ' ') + "routes:\n" + std::string(i * 2, ' ') + "- \n";
    routes += std::string(i * 2 + 2, ' ') + "continue: false\n";
  }
  EXPECT_THAT(Lines(Load(WithBase(routes)).problems),
              testing::ElementsAre(HasSubstr("routes are nested deeper than 16")));
}

TEST(LoadTest, TextMustBeUtf8OfABoundedSize) {
  EXPECT_THAT(Lines(Load(WithBase("name: a\nb: \xFF\n")).problems),
              testing::ElementsAre("x.yaml:2:1: this line is not UTF-8"));
  EXPECT_THAT(Lines(Load(WithBase(std::string("name: a\0b\n", 10))).problems),
              testing::ElementsAre("x.yaml:1:1: a zero byte in this line"));
  EXPECT_THAT(Lines(Load(WithBase(std::string(limits::kConfigurationBytes, '#'))).problems),
              testing::ElementsAre(HasSubstr("at most 67108864")));
}

TEST(LoadTest, AnOrganisationThatIsTooLargeForTheJournalIsRefused) {
  std::string text = "users:\n- {id: first, name: &name " + std::string(480, 'n') + "}\n";
  for (int i = 0; i < 140'000; ++i)
    text += absl::StrFormat("- {id: user-%d, name: *name}\n", i);
  EXPECT_THAT(Lines(Load(WithBase(text)).problems), testing::ElementsAre(HasSubstr("the organisation takes")));
}

TEST(LoadTest, ProblemsAreManyButNotEndless) {
  std::string text = "teams:\n- id: t\n  members:\n";
  for (int i = 0; i < 5000; ++i)
    text += "  - x" + std::to_string(i) + "\n";
  const LoadResult loaded = Load(WithBase(text));
  EXPECT_THAT(loaded.problems, SizeIs(1001));
  EXPECT_EQ(Format(loaded.problems.back()), "and 4000 more problems");
}

}  // namespace
}  // namespace tocsin
