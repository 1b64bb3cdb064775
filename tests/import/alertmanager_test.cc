#include "tests/import/support.h"

namespace tocsin::import {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::string_view kFile = R"(
global:
  smtp_smarthost: 127.0.0.1:2525
  smtp_from: am@example.org
  smtp_require_tls: false
  slack_api_url: https://hooks.slack.com/services/T0/B0/SECRET
route:
  receiver: all
  group_by: [alertname, cluster]
  group_wait: 1s
  group_interval: 2m
  repeat_interval: 1m
  routes:
  - matchers: [ team="db", severity=~"crit.*|warn.*" ]
    receiver: db
    group_by: ['...']
    continue: true
    routes:
    - matchers: [ severity="critical" ]
      receiver: db crit
      mute_time_intervals: [Nights Out]
  - match: { legacy: "yes" }
    match_re: { svc: "a|b" }
    receiver: db
  - matchers: [ '"utf.8 näme"="x"', 'a!~"b"' ]
inhibit_rules:
- source_matchers: [ severity="critical" ]
  target_match: { severity: warning }
  equal: [ alertname, dc ]
mute_time_intervals:
- name: Nights Out
  time_intervals:
  - times: [ { start_time: "00:00", end_time: "06:00" } ]
    weekdays: ['monday:friday']
    location: Europe/Vienna
receivers:
- name: all
  webhook_configs:
  - url: http://127.0.0.1:29099/webhook
  pagerduty_configs:
  - routing_key: R0000000000000000000000000000000
- name: db
- name: db crit
  email_configs:
  - to: oncall@example.org, second@example.org
    send_resolved: true
  slack_configs:
  - channel: '#alerts'
)";

Imported Read(const std::string& text) {
  return ImportFiles("alertmanager", {
                                         {"alertmanager.yml", text}
  });
}

TEST(AlertmanagerTest, RoutesGoWhereTheyWent) {
  const Imported imported = Read(std::string(kFile));
  ASSERT_THAT(imported.problems, IsEmpty());
  const Route& root = imported.organisation.route;
  EXPECT_EQ(root.receiver.value(), "all");
  EXPECT_THAT(root.group_by, ElementsAre("alertname", "cluster"));
  EXPECT_EQ(root.repeat_interval, absl::Minutes(2)) << "no shorter than group_interval";
  EXPECT_EQ(root.flapping, FlappingRule());
  EXPECT_FALSE(root.break_through.severity);
  EXPECT_EQ(root.reopen_window, absl::ZeroDuration());
  ASSERT_THAT(root.children, SizeIs(3));
  EXPECT_TRUE(root.children[0].group_by_all);
  EXPECT_TRUE(root.children[0].continue_matching);
  EXPECT_THAT(root.children[0].matchers, SizeIs(2));
  ASSERT_THAT(root.children[0].children, SizeIs(1));
  const Route& critical = root.children[0].children[0];
  EXPECT_EQ(critical.receiver.value(), "db-crit");
  EXPECT_FALSE(critical.continue_matching);
  EXPECT_TRUE(critical.group_by_all);
  EXPECT_THAT(critical.mute_time_intervals, ElementsAre(TimeIntervalId("nights-out")));
  EXPECT_THAT(root.children[1].matchers,
              ElementsAre(Matcher{"legacy", MatchOp::kEqual, "yes"}, Matcher{"svc", MatchOp::kRegex, "a|b"}));
  EXPECT_THAT(root.children[2].matchers,
              ElementsAre(Matcher{"utf.8 näme", MatchOp::kEqual, "x"}, Matcher{"a", MatchOp::kNotRegex, "b"}));
  EXPECT_EQ(root.children[2].receiver.value(), "all");
}

TEST(AlertmanagerTest, ReceiversRulesAndIntervalsComeAlong) {
  const Imported imported = Read(std::string(kFile));
  ASSERT_THAT(imported.problems, IsEmpty());
  const Organisation& organisation = imported.organisation;
  EXPECT_EQ(organisation.smtp.url, "smtp://127.0.0.1:2525");
  ASSERT_THAT(organisation.receivers, SizeIs(3));
  EXPECT_TRUE(organisation.receivers[0].send_resolved);
  EXPECT_TRUE(organisation.receivers[0].drop_resolved_when_held);
  EXPECT_EQ(organisation.receivers[1].targets[0].kind, ContactMethod::Kind::kTerminal);
  ASSERT_THAT(organisation.receivers[2].targets, SizeIs(3));
  EXPECT_EQ(organisation.receivers[2].targets[2].secret, "https://hooks.slack.com/services/T0/B0/SECRET");
  ASSERT_THAT(organisation.inhibition_rules, SizeIs(1));
  EXPECT_THAT(organisation.inhibition_rules[0].equal, ElementsAre("alertname", "dc"));
  EXPECT_THAT(organisation.inhibition_rules[0].target_matchers,
              ElementsAre(Matcher{"severity", MatchOp::kEqual, "warning"}));
  ASSERT_THAT(organisation.time_intervals, SizeIs(1));
  EXPECT_EQ(organisation.time_intervals[0].time_intervals[0].location, "Europe/Vienna");
  EXPECT_THAT(Told(imported, Grade::kWho), ElementsAre(HasSubstr("pagerduty")));
  EXPECT_THAT(Told(imported, Grade::kHow), Contains(HasSubstr("some of its ways")));
  EXPECT_THAT(ProblemsWhenApplied(imported), IsEmpty());
  for (const Loss& loss : imported.losses)
    EXPECT_EQ((loss.object + loss.lost + loss.instead).find("SECRET"), std::string::npos) << loss.lost;
}

TEST(AlertmanagerTest, SaysWhatCannotBeRead) {
  struct Case {
    std::string_view name;
    std::string text;
    std::string_view problem;
  };
  const Case cases[] = {
      {"no YAML",                "route: [",                                                                       "alertmanager.yml: line"},
      {"no route",               "receivers: []",                                                                  "route: is missing"     },
      {"unknown receiver",       "route: {receiver: x}",                                                           "\"x\" is not declared" },
      {"unknown interval",       "route: {receiver: a, mute_time_intervals: [n]}\nreceivers: [{name: a}]",
       "\"n\" is not declared"                                                                                                             },
      {"a matcher that is none", "route: {receiver: a, routes: [{matchers: [nonsense]}]}\nreceivers: [{name: a}]",
       "bad matcher format: nonsense"                                                                                                      },
      {"a duration",             "route: {receiver: a, group_wait: soon}\nreceivers: [{name: a}]",                 "group_wait: "          },
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.name);
    EXPECT_THAT(Read(each.text).problems, Contains(HasSubstr(std::string(each.problem))));
  }
}

}  // namespace
}  // namespace tocsin::import
