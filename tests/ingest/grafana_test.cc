// Grafana's notifications, of unified and of classic alerting.
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ingest/source.h"
#include "tests/ingest/fixtures.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

const Now kNow{.wall = absl::FromUnixSeconds(1'795'289'000), .engine = EngineTime(0)};

absl::StatusOr<Readings> Parse(std::string_view body) {
  return kGrafanaSource.parse({.body = body, .content_type = "application/json"}, kNow);
}

std::vector<AlertEvent> Events(std::string_view body) {
  const absl::StatusOr<Readings> readings = Parse(body);
  EXPECT_TRUE(readings.ok()) << readings.status();
  std::vector<AlertEvent> events;
  if (!readings.ok()) return events;
  for (const Reading& reading : *readings) {
    EXPECT_TRUE(reading.event.has_value()) << reading.reason;
    if (reading.event) events.push_back(*reading.event);
  }
  return events;
}

AlertEvent Event(std::string_view body) {
  std::vector<AlertEvent> events = Events(body);
  EXPECT_THAT(events, SizeIs(1));
  return events.empty() ? AlertEvent() : events[0];
}

AlertKey KeyOf(const AlertEvent& event) {
  EventBatch batch(1, 1);
  EXPECT_TRUE(batch.Append(event).ok());
  return batch.count() == 1 ? batch.at(0).header().key : AlertKey();
}

TEST(GrafanaSourceTest, EachAlertHasItsOwnStatusAndIdentity) {
  const std::vector<AlertEvent> events = Events(R"({"version":"1","status":"firing","state":"alerting",
      "externalURL":"https://grafana.example.com/","title":"[FIRING:1, RESOLVED:1]","alerts":[
      {"status":"resolved","labels":{"alertname":"Queue","instance":"a"},"fingerprint":"f1","startsAt":"2022-06-17T01:04:00.782137894Z",
       "endsAt":"2022-06-17T01:08:28Z","generatorURL":"https://grafana.example.com/alerting/grafana/z/view","dashboardURL":""},
      {"status":"firing","labels":{"alertname":"Queue","instance":"b"},"fingerprint":"f2","endsAt":"0001-01-01T00:00:00Z",
       "annotations":{"summary":"s"},"valueString":"[ var='B' value=17 ]","silenceURL":"https://grafana.example.com/silence",
       "generatorURL":"/alerting/x","panelURL":"https://grafana.example.com/d/1?viewPanel=2"}]})");
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(events[0].kind, EventKind::kResolve);
  EXPECT_EQ(events[0].dedup_key, "f1");
  EXPECT_TRUE(events[0].ends_at.has_value());
  EXPECT_EQ(events[0].link, "https://grafana.example.com/alerting/grafana/z/view");
  EXPECT_EQ(events[1].kind, EventKind::kTrigger);
  EXPECT_EQ(events[1].ends_at, std::nullopt) << "a firing alert's end is the zero time";
  EXPECT_EQ(events[1].link, "https://grafana.example.com/d/1?viewPanel=2") << "the panel, not a relative link";
  EXPECT_EQ(Find(events[1].annotations, "value"), "[ var='B' value=17 ]");
  EXPECT_EQ(Find(events[1].annotations, "silence_url"), "https://grafana.example.com/silence");
}

TEST(GrafanaSourceTest, AlertsWithoutNameValuesOrLinksAreAlerts) {
  const AlertEvent bare = Event(R"({"alerts":[{"status":"firing","labels":{"rulename":"r"},"values":null}]})");
  EXPECT_EQ(bare.link, "");
  EXPECT_EQ(bare.dedup_key, "");
  const AlertEvent cut = Event(R"({"truncatedAlerts":3,"alerts":[{"status":"firing","labels":{"a":"1"}}]})");
  EXPECT_THAT(std::string(Find(cut.annotations, "truncated_alerts")), HasSubstr("3 more"));
}

TEST(GrafanaSourceTest, ClassicAlertingFiresAndRecoversUnderOneIdentity) {
  const AlertEvent firing = Event(R"({"ruleId":7,"orgId":1,"ruleName":"CPU","state":"alerting","title":"[Alerting] CPU",
      "ruleUrl":"https://G.example.com/d/x","message":"high","evalMatches":[{"value":100,"metric":"m","tags":{}}],
      "tags":{"severity":"critical"}})");
  const AlertEvent ok = Event(R"({"ruleId":7,"orgId":1,"ruleName":"CPU","state":"ok","title":"[OK] CPU",
      "ruleUrl":"https://g.example.com/d/x","evalMatches":null,"tags":null})");
  EXPECT_EQ(firing.kind, EventKind::kTrigger);
  EXPECT_EQ(ok.kind, EventKind::kResolve);
  EXPECT_EQ(KeyOf(firing), KeyOf(ok));
  EXPECT_EQ(Find(firing.labels, "severity"), "critical");
  EXPECT_EQ(Find(firing.labels, "alertname"), "CPU");
  EXPECT_THAT(std::string(Find(firing.annotations, "value")), HasSubstr("100"));
  const AlertEvent elsewhere = Event(R"({"ruleId":7,"orgId":1,"state":"alerting","ruleUrl":"https://other/d/x"})");
  EXPECT_NE(KeyOf(firing), KeyOf(elsewhere)) << "rules are numbered by each Grafana for itself";
  const auto pending = Parse(R"({"ruleId":7,"state":"pending"})");
  ASSERT_TRUE(pending.ok());
  EXPECT_EQ((*pending)[0].kind, Refused::Kind::kIgnored);
}

TEST(GrafanaSourceTest, RefusesWhatIsNotGrafanasWithAdvice) {
  EXPECT_THAT(std::string(Parse("").status().message()), HasSubstr("the body is empty"));
  EXPECT_THAT(std::string(Parse("[]").status().message()), HasSubstr("expected an object"));
  EXPECT_THAT(std::string(Parse(R"({"text":"x"})").status().message()), HasSubstr("source generic"));
  EXPECT_THAT(std::string(Parse(R"({"alerts":7})").status().message()), HasSubstr("expected an array"));
}

TEST(GrafanaSourceTest, RealNotificationsAreUnderstood) {
  const auto fixtures = FixtureFolder();
  if (!fixtures) GTEST_SKIP() << "the reference payloads are not here";
  int read = 0;
  for (const char* folder : {"payloads/grafana", "payloads/grafana_legacy"}) {
    for (const auto& file : std::filesystem::directory_iterator(*fixtures / folder)) {
      const auto readings = Parse(ReadFile(file.path()));
      ASSERT_TRUE(readings.ok()) << file.path() << readings.status();
      for (const Reading& reading : *readings) {
        const bool pending = file.path().filename() == "v7_pending.json";
        EXPECT_EQ(reading.event.has_value(), !pending) << file.path() << reading.reason;
        if (reading.event) KeyOf(*reading.event);
        ++read;
      }
    }
  }
  EXPECT_GT(read, 15);
}

}  // namespace
}  // namespace tocsin
