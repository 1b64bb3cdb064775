// What PagerDuty's and Opsgenie's own APIs are sent, at an integration's address.
#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ingest/pagerduty_event.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;

const Now kNow{.wall = absl::FromUnixSeconds(1'795'289'000), .engine = EngineTime(0)};

JsonView Json(std::string_view text) {
  return JsonView(*ThreadJsonReader().Read(text, JsonReader::Manner::kStrict));
}

// ---- PagerDuty ----

TEST(PagerDutyEventTest, SaysWhatIsWrongInPagerDutysWords) {
  using enum pagerduty::Api;
  struct Case {
    pagerduty::Api api;
    std::string_view body;
    std::vector<std::string> errors;
  };
  const Case cases[] = {
      {kEventsV2,     R"({"event_action":"trigger","payload":{"summary":"s","source":"h","severity":"error"}})", {}                                                                                                        },
      {kEventsV2,     R"({"event_action":"resolve","dedup_key":"k","payload":{"severity":"bad"}})",              {}                                                                                                        },
      {kEventsV2,     R"({"event_action":"acknowledge"})",                                                       {"'dedup_key' is missing or blank"}                                                                       },
      {kEventsV2,     R"({"payload":{}})",                                                                       {"'event_action' is missing or blank"}                                                                    },
      {kEventsV2,     R"({"event_action":"trigger"})",                                                           {"'payload' is missing or blank"}                                                                         },
      {kEventsV2,
       R"({"event_action":"trigger","payload":{"summary":"s","source":"h","severity":"page"}})",                 {"'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')"}},
      {kEventsV2,
       R"({"event_action":"trigger","payload":{}})",                                                             {"'payload.summary' is missing or blank", "'payload.source' is missing or blank",
        "'payload.severity' is missing or blank"}                                                                                                                      },
      {kEventsV1,     R"({"event_type":"open"})",                                                                {"event_type is invalid (must be one of: trigger acknowledge resolve)"}                                   },
      {kEventsV1,     R"({"event_type":"trigger"})",                                                             {"description is missing or blank"}                                                                       },
      {kEventsV1,     R"({"event_type":"resolve","incident_key":null})",                                         {"incident_key is missing or blank"}                                                                      },
      {kChangeEvents, R"({"payload":{"summary":"deployed"}})",                                                   {}                                                                                                        },
      {kChangeEvents, R"({"payload":{"source":"ci"}})",                                                          {"'payload.summary' is missing or blank"}                                                                 },
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.body);
    EXPECT_EQ(pagerduty::Read(Json(c.body), c.api).errors, c.errors);
  }
}

TEST(PagerDutyEventTest, KnowsKeysThatPagerDutyCouldHaveGivenOut) {
  using enum pagerduty::Api;
  EXPECT_EQ(pagerduty::KeyError("R0000000000000000000000000000000", kEventsV2), "");
  EXPECT_EQ(pagerduty::KeyError("", kEventsV1), "Length of 'service_key' is incorrect (should be 32 characters)");
  EXPECT_EQ(pagerduty::KeyError("abc", kEventsV2), "Length of 'routing_key' is incorrect (should be 32 characters)");
  EXPECT_EQ(pagerduty::KeyError("R000000000000000000000000000000-", kEventsV2),
            "'routing_key' cannot contain non-alphanumeric characters.");
}

TEST(PagerDutyEventTest, CutsSummariesAndReadsLinksOfBothVersions) {
  const std::string summary(2000, 'x');
  const auto v2 = pagerduty::Read(
      Json(absl::StrCat(R"({"event_action":"trigger","client_url":"no","payload":{"summary":")", summary,
                        R"(","timestamp":"2026-11-21T19:38:20.000","custom_details":{"region":"eu","load":"95%"}},)",
                        R"("links":[{"href":"https://r","text":"Runbook"}],"images":[{"src":"https://i"}]})")),
      pagerduty::Api::kEventsV2);
  EXPECT_EQ(v2.event.summary.size(), pagerduty::kSummaryCharacters);
  EXPECT_EQ(v2.event.alert.link, "https://r");
  EXPECT_EQ(Find(v2.event.alert.annotations, "runbook_url"), "https://r");
  EXPECT_EQ(Find(v2.event.alert.annotations, "image_url"), "https://i");
  EXPECT_EQ(Find(v2.event.alert.annotations, "load"), "95%");
  EXPECT_EQ(Find(v2.event.alert.labels, "region"), "eu");
  EXPECT_EQ(v2.event.alert.starts_at, absl::FromUnixSeconds(1'795'289'900)) << "no zone: UTC";
  const auto v1 = pagerduty::Read(Json(R"({"event_type":"trigger","description":"d","details":"plain",
      "contexts":[{"type":"link","href":"https://l","text":"t"},{"type":"image","src":"https://i"}]})"),
                                  pagerduty::Api::kEventsV1);
  EXPECT_EQ(v1.event.alert.link, "https://l");
  EXPECT_EQ(v1.event.images.size(), 1U);
  EXPECT_EQ(Find(v1.event.alert.annotations, "details"), "plain");
}

TEST(PagerDutySourceTest, ATriggerWithoutKeyIsAnAlertOfItsOwn) {
  const std::string_view body =
      R"({"event_action":"trigger","payload":{"summary":"s","source":"h","severity":"page"}})";
  const auto key = [&](absl::Time at) {
    const Readings readings =
        ReadPayload(*FindSource("pagerduty_events_v2"), {.body = body}, {.wall = at, .engine = {}});
    EXPECT_THAT(readings.at(0).reason, HasSubstr("'payload.severity' is invalid"))
        << "it is taken, and its sender told";
    return readings.at(0).event.value_or(AlertEvent()).dedup_key;
  };
  EXPECT_EQ(key(kNow.wall), key(kNow.wall));
  EXPECT_NE(key(kNow.wall), key(kNow.wall + absl::Seconds(1)));
}

// ---- Opsgenie ----

TEST(OpsgenieSourceTest, CreatesAcknowledgesAndClosesByAlias) {
  const auto read = [](std::string_view path, std::string_view body, HttpMethod method = HttpMethod::kPost) {
    const Readings readings =
        ReadPayload(*FindSource("opsgenie_api"),
                    {.body = body, .query = "identifierType=alias", .path = path, .method = method}, kNow);
    return readings.at(0);
  };
  const Reading created =
      read("v2/alerts", R"({"message":"m","alias":"my/alias x","tags":["env:prod","t"],"priority":"P1"})");
  const Reading closed = read("v2/alerts/my/alias x/close/", "");
  ASSERT_TRUE(created.event && closed.event);
  EXPECT_EQ(created.event->dedup_key, closed.event->dedup_key);
  EXPECT_EQ(created.event->severity, Severity::kCritical);
  EXPECT_EQ(Find(created.event->labels, "tags"), "env:prod,t");
  EXPECT_EQ(closed.event->kind, EventKind::kResolve);
  EXPECT_EQ(read("v2/alerts/a/acknowledge", "{}").event->kind, EventKind::kAcknowledge);
  EXPECT_FALSE(read("v2/alerts/a/notes", R"({"note":"n"})").event.has_value());
  EXPECT_FALSE(read("v2/heartbeats/x/ping", "").event.has_value());
  EXPECT_TRUE(read("v2/alerts/a/explode", "{}").stands_in);
}

}  // namespace
}  // namespace tocsin
