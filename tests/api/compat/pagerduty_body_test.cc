#include "api/compat/pagerduty_body.h"

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/strings.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kFull =
    R"({"routing_key":"R0000000000000000000000000000000","dedup_key":"k","event_action":"trigger",
  "payload":{"summary":"disk is full","source":"web-3","severity":"error","timestamp":"2026-11-21T19:38:20.5+0000",
  "component":"disk","group":"prod","class":"DiskFull","custom_details":{"free":3,"mounts":["/","/var"],"note":null}},
  "client":"mon","client_url":"https://mon/1","links":[{"href":"https://l","text":"graph"},{"href":"https://m"}],
  "images":[{"src":"https://i/x.png","alt":"x"}]})";

TEST(PagerDutyEventTest, KeepsAllThatVersionTwoSays) {
  const PagerDutyEvent read = ReadPagerDutyV2(kFull, "fresh");
  ASSERT_FALSE(read.fault.any());
  EXPECT_EQ(read.routing_key, "R0000000000000000000000000000000");
  EXPECT_EQ(read.dedup_key, "k");
  const AlertEvent& event = read.event;
  EXPECT_EQ(event.kind, EventKind::kTrigger);
  EXPECT_EQ(event.severity, Severity::kHigh);
  EXPECT_EQ(event.dedup_key, "k");
  EXPECT_EQ(event.link, "https://mon/1");
  EXPECT_EQ(event.starts_at, absl::FromUnixMillis(1'795'289'900'500));
  EXPECT_EQ(Find(event.labels, "alertname"), "DiskFull");
  EXPECT_EQ(Find(event.labels, "source"), "web-3");
  EXPECT_EQ(Find(event.labels, "component"), "disk");
  EXPECT_EQ(Find(event.labels, "group"), "prod");
  EXPECT_EQ(Find(event.labels, "class"), "DiskFull");
  EXPECT_EQ(Find(event.annotations, "summary"), "disk is full");
  EXPECT_EQ(Find(event.annotations, "free"), "3");
  EXPECT_EQ(Find(event.labels, "mounts"), "/,/var");
  EXPECT_EQ(Find(event.annotations, "links"), "graph: https://l\nhttps://m");
  EXPECT_EQ(Find(event.annotations, "image_url"), "https://i/x.png");
  EXPECT_EQ(Find(event.annotations, "client"), "mon");
}

std::string Event(std::string_view rest) {
  return absl::StrCat(R"({"routing_key":"R0000000000000000000000000000000",)", ToAbsl(rest), "}");
}

TEST(PagerDutyEventTest, SaysWhatIsWrongInPagerDutysWords) {
  struct Case {
    std::string_view name;
    std::string body;
    std::vector<std::string> errors;
  };
  const std::string payload = R"("payload":{"summary":"s","source":"h","severity":"info"})";
  const Case cases[] = {
      {"short key",
       absl::StrCat(R"({"routing_key":"abc","event_action":"trigger",)",                                      payload,                                               "}"),
       {"Length of 'routing_key' is incorrect (should be 32 characters)"}},
      {"no key",
       absl::StrCat(R"({"routing_key":null,"event_action":"trigger",)",                                  payload,                                                                                "}"),
       {"Length of 'routing_key' is incorrect (should be 32 characters)"}},
      {"strange key",
       absl::StrCat(R"({"routing_key":"R000000000000000000000000000000-","event_action":"trigger",)",                                                       payload,                                                                                           "}"),
       {"'routing_key' cannot contain non-alphanumeric characters."}},
      {"no action",                                                                                       Event(payload),         {"'event_action' is missing or blank"}},
      {"strange action",
       Event(R"("event_action":"fire")"),
       {"'event_action' is invalid (must be one of the following: 'trigger', 'acknowledge' or 'resolve')"}                                                                                 },
      {"no payload",                                                             Event(R"("event_action":"trigger")"),                                                     {"'payload' is missing or blank"}                                                                                          },
      {"payload is a text", Event(R"("event_action":"trigger","payload":"x")"), {"'payload' is missing or blank"}},
      {"empty payload",
       Event(R"("event_action":"trigger","payload":{})"),
       {"'payload.summary' is missing or blank", "'payload.source' is missing or blank",
        "'payload.severity' is missing or blank"}},
      {"strange severity",
       Event(R"("event_action":"trigger","payload":{"summary":"s","source":"h","severity":"P1"})"),
       {"'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')"}                                                                                                                                               },
      {"resolve of nothing",                                                          Event(R"("event_action":"resolve","dedup_key":"")"),                                                          {"'dedup_key' is missing or blank"}                                                                                                                                       },
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const PagerDutyEvent read = ReadPagerDutyV2(c.body, "fresh");
    EXPECT_TRUE(read.fault.recognised);
    std::vector<std::string> errors = read.fault.errors;
    if (!read.fault.key.empty()) errors.insert(errors.begin(), read.fault.key);
    EXPECT_EQ(errors, c.errors);
  }
  for (const std::string_view body : {"", "null", "[]", "x", "\"x\"", "{"})
    EXPECT_FALSE(ReadPagerDutyV2(body, "fresh").fault.recognised) << body;
}

TEST(PagerDutyEventTest, AcknowledgeAndResolveNeedNoPayload) {
  for (const auto& [action, kind] :
       {std::pair("acknowledge", EventKind::kAcknowledge), std::pair("resolve", EventKind::kResolve)}) {
    const std::string start = absl::StrCat(R"("dedup_key":"k","event_action":")", action, "\"");
    for (const std::string_view payload : {"", R"(,"payload":null)", R"(,"payload":{"severity":"none"})"}) {
      const PagerDutyEvent read = ReadPagerDutyV2(Event(absl::StrCat(start, ToAbsl(payload))), "fresh");
      EXPECT_FALSE(read.fault.any());
      EXPECT_EQ(read.event.kind, kind);
      EXPECT_EQ(read.event.dedup_key, "k");
    }
  }
}

TEST(PagerDutyEventTest, TriggersWithoutKeyGetTheFreshOne) {
  const std::string payload = R"("event_action":"trigger","payload":{"summary":"s","source":"h","severity":"info"})";
  const PagerDutyEvent read = ReadPagerDutyV2(Event(payload), "fresh");
  EXPECT_EQ(read.dedup_key, "fresh");
  EXPECT_EQ(read.event.dedup_key, "fresh");
  EXPECT_EQ(Find(read.event.labels, "alertname"), "s");
}

TEST(PagerDutyEventTest, LongSummariesAreCutAndKeptBeside) {
  std::string summary;
  for (int i = 0; i < 1025; ++i)
    summary += "\u00e4";
  const std::string body = Event(absl::StrCat(R"("event_action":"trigger","payload":{"summary":")", summary,
                                              R"(","source":"h","severity":"info","custom_details":"plain"})"));
  const PagerDutyEvent read = ReadPagerDutyV2(body, "fresh");
  ASSERT_FALSE(read.fault.any());
  EXPECT_EQ(Find(read.event.annotations, "summary").size(), 2048U);
  EXPECT_EQ(Find(read.event.annotations, "description"), summary);
  EXPECT_EQ(Find(read.event.annotations, "details"), "plain");
}

TEST(PagerDutyEventTest, NetdataMeetsItselfWhateverItsKeys) {
  const auto v2 = [](std::string_view action, std::string_view key, std::string_view host) {
    return ReadPagerDutyV2(
               Event(absl::StrCat(R"("event_action":")", ToAbsl(action), R"(","dedup_key":")", ToAbsl(key),
                                  R"(","payload":{"summary":"s","source":")", ToAbsl(host),
                                  R"(","severity":"info","custom_details":{"alarm_id":"77","chart":"disk.var",)",
                                  R"("value_w_units":"1%"}})")),
               "fresh")
        .event.dedup_key;
  };
  EXPECT_EQ(v2("trigger", "1001", "nd1"), v2("resolve", "1002", "nd1"));
  EXPECT_NE(v2("trigger", "1001", "nd1"), v2("trigger", "1001", "nd2"));
  const auto v1 = [](std::string_view type, std::string_view description) {
    return ReadPagerDutyV1(
               absl::StrCat(R"({"service_key":"R0000000000000000000000000000000","event_type":")", ToAbsl(type),
                            R"(","incident_key":"77","description":")", ToAbsl(description),
                            R"(","details":{"alarm_id":"77","chart":"disk.var","value_w_units":"1%","family":"var",)",
                            R"("status":"CRITICAL"}})"),
               "fresh")
        .event;
  };
  const AlertEvent trigger = v1("trigger", "CRITICAL disk_space = 1% - nd1, var");
  EXPECT_EQ(trigger.severity, Severity::kCritical);
  EXPECT_EQ(trigger.dedup_key, v1("resolve", "CLEAR disk_space = 1 - 2% - nd1, var").dedup_key);
  EXPECT_NE(trigger.dedup_key, v1("trigger", "CRITICAL disk_space = 1% - nd2, var").dedup_key);
  EXPECT_EQ(v1("trigger", "written by hand").dedup_key, "77");
}

TEST(PagerDutyEventTest, VersionOneHasWordsOfItsOwn) {
  const auto errors = [](std::string_view body) { return ReadPagerDutyV1(body, "fresh").fault.errors; };
  EXPECT_THAT(errors(R"({"service_key":"R0000000000000000000000000000000","event_type":"x"})"),
              ElementsAre("event_type is invalid (must be one of: trigger acknowledge resolve)"));
  EXPECT_THAT(errors(R"({"service_key":"R0000000000000000000000000000000","event_type":"trigger"})"),
              ElementsAre("description is missing or blank"));
  EXPECT_THAT(errors(R"({"service_key":"R0000000000000000000000000000000","event_type":"resolve"})"),
              ElementsAre("incident_key is missing or blank"));
  const PagerDutyEvent read = ReadPagerDutyV1(
      R"({"service_key":"R0000000000000000000000000000000","event_type":"trigger","description":"d","payload":null,
          "details":{"severity":"High"},"contexts":[{"type":"link","href":"https://l","text":"t"},{"type":"image","src":"https://i"}]})",
      "fresh");
  EXPECT_THAT(read.fault.errors, IsEmpty());
  EXPECT_EQ(read.event.severity, Severity::kHigh);
  EXPECT_EQ(read.event.link, "https://l");
  EXPECT_EQ(Find(read.event.annotations, "links"), "t: https://l");
  EXPECT_EQ(Find(read.event.annotations, "image_url"), "https://i");
}

TEST(PagerDutyEventTest, ReadsChanges) {
  const PagerDutyChange read = ReadPagerDutyChange(Event(
      R"("payload":{"summary":"web 1.2","source":"ci","timestamp":"2026-11-21T19:38:20","custom_details":{"a":1}},)"
      R"("links":[{"href":"https://l","text":"t"}])"));
  EXPECT_FALSE(read.fault.any());
  EXPECT_EQ(read.change.summary, "web 1.2");
  EXPECT_EQ(read.change.source, "ci");
  EXPECT_EQ(read.change.at, absl::FromUnixSeconds(1'795'289'900));
  EXPECT_EQ(read.change.details, R"({"a":1})");
  ASSERT_EQ(read.change.links.size(), 1U);
  EXPECT_EQ(read.change.links[0].href, "https://l");
  EXPECT_THAT(ReadPagerDutyChange(Event(R"("payload":{"summary":" "})")).fault.errors,
              ElementsAre("'payload.summary' is missing or blank"));
}

// Whatever is done to a body, there is an answer, and what is taken has an identity.
TEST(PagerDutyEventTest, TakesMutatedBodiesOrSaysWhyNot) {
  Random random(4711);
  for (int i = 0; i < 20'000; ++i) {
    std::string body(kFull);
    for (std::uint64_t n = 1 + random.Below(4); n > 0; --n) {
      const std::size_t at = random.Below(body.size());
      switch (random.Below(3)) {
        case 0: body[at] = static_cast<char>(random.Below(256)); break;
        case 1: body.erase(at, 1 + random.Below(20)); break;
        default: body.insert(at, body.substr(random.Below(body.size()), random.Below(30))); break;
      }
    }
    for (const PagerDutyEvent& read : {ReadPagerDutyV2(body, "fresh"), ReadPagerDutyV1(body, "fresh")}) {
      EXPECT_TRUE(read.fault.any() || !read.event.dedup_key.empty()) << body;
      EXPECT_TRUE(read.fault.any() || !read.dedup_key.empty()) << body;
    }
    ReadPagerDutyChange(body);
  }
}

}  // namespace
}  // namespace tocsin
