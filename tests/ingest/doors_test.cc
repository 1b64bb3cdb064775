// The doors on HTTP, as senders see them.
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "ingest/source.h"
#include "net/gzip.h"
#include "tests/ingest/doors_world.h"
#include "tests/ingest/fixtures.h"
#include "tests/net/raw_client.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

TEST_F(DoorsTest, AnswersAlertmanagersClientsOnlyWhenTheAlertIsDurable) {
  inlet_.Hold();
  RawClient client(server_->port());
  client.Send(
      absl::StrFormat("POST /api/v2/alerts HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                      "application/json\r\nContent-Length: %d\r\n\r\n%s",
                      kOneAlert.size(), kOneAlert));
  inlet_.Await(1);
  EXPECT_EQ(server_->ReadStatistics().responses[2], 0U) << "an answer before the fsync";
  EXPECT_EQ(doors_.ReadStatistics().accepted_events, 0U);
  ASSERT_TRUE(inlet_.Complete());
  const std::string response = client.ReadResponse();
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(response, EndsWith("\r\n\r\n"));
  EXPECT_THAT(response, Not(HasSubstr("Content-Type")));
  EXPECT_THAT(response, HasSubstr("Vary: Origin\r\n"));
  EXPECT_EQ(doors_.ReadStatistics().accepted_events, 1U);
}

TEST_F(DoorsTest, SaysAlertmanagersWords) {
  struct Case {
    std::string_view name;
    std::string_view body;
    int status;
    std::string_view answer;
    std::size_t stored;
  };
  const Case cases[] = {
      {"empty array",        "[]",                                                                               200, "",                                                         0},
      {"empty body",         "",                                                                                 422, R"({"code":602,"message":"alerts in body is required"})",   0},
      {"null",               "null",                                                                             422, R"({"code":602,"message":"alerts in body is required"})",   0},
      {"null alert",         "[null]",                                                                           400,
       R"({"code":400,"message":"parsing alerts body from \"\" failed, because json: cannot unmarshal null into Go value of type models.PostableAlert"})",
       0                                                                                                                                                                           },
      {"no labels",          R"([{"labels":{"a":"b"}},{}])",                                                     422, R"({"code":602,"message":"1.labels in body is required"})", 0},
      {"a parse error wins", R"([{},{"labels":{"a":1}}])",                                                       400,
       R"({"code":400,"message":"parsing alerts body from \"\" failed, because json: cannot unmarshal number into Go struct field Alert.labels of type string"})",
       0                                                                                                                                                                           },
      {"no label values",    R"([{"labels":{"a":""}}])",                                                         400, "\"at least one label pair required\"\n",                   0},
      {"good and bad",       R"([{"labels":{"a":"b"}},{"labels":{}},{"labels":{"":"x"}},{"labels":{"c":"d"}}])", 400,
       "\"at least one label pair required; invalid label set: invalid name \\\"\\\"\"\n",                                                                                        2},
      {"duplicate keys",     R"([{"labels":{"a":"1","a":"2"}}])",                                                200, "",                                                         1},
      {"nulls",              R"([{"labels":{"a":"b"},"startsAt":null,"annotations":null,"x":null}])",            200, "",                                                         1},
      {"huge numbers",       R"([{"labels":{"a":"b"},"x":1e999,"y":123456789012345678901234567890}])",           200, "",                                                         1},
      {"a truncated body",   R"([{"labels":{"a":"b"}})",                                                         400,
       R"({"code":400,"message":"parsing alerts body from \"\" failed, because unexpected EOF"})",                                                                                0},
      {"not UTF-8",          "[{\"labels\":{\"a\":\"\xff\"}}]",                                                  400,
       R"({"code":400,"message":"parsing alerts body from \"\" failed, because not UTF-8"})",                                                                                     0},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const std::size_t before = inlet_.events().size();
    const HttpResponse response = Post("/api/v2/alerts/", c.body,
                                       {
                                           {"Content-Type", "application/json; charset=utf-8"}
    });
    EXPECT_EQ(response.status, c.status);
    EXPECT_EQ(response.body, c.answer);
    EXPECT_EQ(inlet_.events().size() - before, c.stored);
  }
}

// Where we are kinder than the Alertmanager 0.25 of the captures, and why no client minds.
const std::map<std::string, std::string_view> kKinder = {
    {"bad-labelname-008",       "names may be any UTF-8, as in Alertmanager since 0.27"     },
    {"mixed-valid-invalid-010", "names may be any UTF-8, as in Alertmanager since 0.27"     },
    {"bad-uri-014",             "the link is only shown; Alertmanager loses the whole batch"},
    {"rel-uri-015",             "the link is only shown; Alertmanager loses the whole batch"},
};

TEST_F(DoorsTest, AnswersEveryCapturedRequestAsAlertmanagerDid) {
  const auto fixtures = FixtureFolder();
  if (!fixtures) GTEST_SKIP() << "no captures here: set TOCSIN_FIXTURES";
  int compared = 0;
  for (const Capture& capture : ReadCaptures(*fixtures / "captures/am-api")) {
    const bool is_ours = capture.target.starts_with("/api/v2/alerts") &&
                         !capture.target.starts_with("/api/v2/alerts/groups") && capture.method != "GET";
    if (!is_ours && capture.target != "/api/v2/nope") continue;
    SCOPED_TRACE(capture.name);
    HttpHeaders headers;
    for (const auto& [name, value] : capture.headers) {
      if (name != "Host" && name != "Content-Length") headers.push_back({name, value});
    }
    if (FindHeader(headers, "Content-Type").empty()) headers.push_back({"Content-Type", ""});
    const HttpResponse response = Call(capture.method, capture.target, capture.body, headers);
    ++compared;
    if (kKinder.contains(capture.name)) {
      EXPECT_EQ(response.status, 200);
      continue;
    }
    EXPECT_EQ(response.status, capture.status);
    if (capture.method != "HEAD") {
      EXPECT_EQ(Trim(response.body), Trim(capture.answer));
    }
    EXPECT_EQ(FindHeader(response.headers, "Vary"), "Origin");
  }
  EXPECT_GT(compared, 30);
}

TEST_F(DoorsTest, TakesWhatPrometheusReallySends) {
  const auto fixtures = FixtureFolder();
  if (!fixtures) GTEST_SKIP() << "no captures here: set TOCSIN_FIXTURES";
  std::map<std::string, std::set<AlertKey>> keys_by_alert;
  std::set<EventKind> kinds;
  for (const Capture& capture : ReadCaptures(*fixtures / "captures/prometheus")) {
    SCOPED_TRACE(capture.name);
    EXPECT_EQ(Post(capture.target, capture.body).status, 200);
  }
  for (const FakeInlet::Batch& batch : inlet_.batches()) {
    for (std::size_t i = 0; i < batch.events.size(); ++i) {
      keys_by_alert[std::string(Find(batch.events[i].labels, "alertname"))].insert(batch.keys[i]);
      EXPECT_TRUE(batch.events[i].ends_at.has_value());
    }
  }
  EXPECT_THAT(inlet_.batches(), SizeIs(60));
  EXPECT_THAT(keys_by_alert, SizeIs(2));
  for (const auto& [alert, keys] : keys_by_alert)
    EXPECT_THAT(keys, SizeIs(1)) << alert << " changed its identity";
}

TEST_F(DoorsTest, JudgesAnEndByOurClock) {
  const auto body = [&](absl::Duration from_now) {
    return absl::StrFormat(R"([{"labels":{"a":"b"},"endsAt":"%s"}])",
                           absl::FormatTime(absl::RFC3339_full, clock_.now + from_now, absl::UTCTimeZone()));
  };
  EXPECT_EQ(Post("/api/v2/alerts", body(absl::Seconds(1))).status, 200);
  EXPECT_EQ(Post("/api/v2/alerts", body(absl::ZeroDuration())).status, 200);
  const std::vector<AlertEvent> events = inlet_.events();
  ASSERT_THAT(events, SizeIs(2));
  EXPECT_EQ(events[0].kind, EventKind::kTrigger);
  EXPECT_EQ(events[1].kind, EventKind::kResolve);
}

TEST_F(DoorsTest, RefusesHonestlyWhenTheEngineIsFull) {
  struct Case {
    Admission admission;
    int alertmanager;
    int webhook;
    std::string_view retry_after;
  };
  const Case cases[] = {
      {Admission::kOverloaded, 503, 429, "2"},
      {Admission::kDiskLow,    503, 503, "2"},
      {Admission::kStopping,   503, 503, "2"},
      {Admission::kTooLarge,   413, 413, "" },
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(Name(c.admission));
    inlet_.Refuse(c.admission);
    const HttpResponse prometheus = Post("/api/v2/alerts", kOneAlert);
    EXPECT_EQ(prometheus.status, c.alertmanager);
    EXPECT_EQ(FindHeader(prometheus.headers, "Retry-After"), c.retry_after);
    const HttpResponse webhook = Post("/v1/integrations/hooks-key", R"({"title":"x"})");
    EXPECT_EQ(webhook.status, c.webhook);
    EXPECT_EQ(FindHeader(webhook.headers, "Retry-After"), c.retry_after);
    EXPECT_EQ(doors_.ReadStatistics().refused_batches[static_cast<std::size_t>(c.admission)], 2U);
  }
  EXPECT_THAT(inlet_.events(), IsEmpty());
  inlet_.Refuse(Admission::kAccepted);
  EXPECT_EQ(Post("/api/v2/alerts", kOneAlert).status, 200);
}

TEST_F(DoorsTest, KeylessDoorIsForThisMachineOnly) {
  EXPECT_EQ(Post("/api/v2/alerts", kOneAlert).status, 200);
  EXPECT_EQ(Post("/api/v2/alerts", kOneAlert,
                 {
                     {"X-Forwarded-For", "203.0.113.7"}
  })
                .status,
            403);
  EXPECT_EQ(Post("/api/v2/alerts", kOneAlert,
                 {
                     {"Authorization", "Bearer wrong"}
  })
                .status,
            401);
  EXPECT_EQ(Post("/api/v2/alerts", kOneAlert,
                 {
                     {"Authorization",   "Bearer prom-key"},
                     {"X-Forwarded-For", "203.0.113.7"    }
  })
                .status,
            200);
  // base64("prometheus:prom-key")
  EXPECT_EQ(Post("/api/v2/alerts", kOneAlert,
                 {
                     {"Authorization", "Basic cHJvbWV0aGV1czpwcm9tLWtleQ=="}
  })
                .status,
            200);
  EXPECT_EQ(Post("/v1/integrations/prom-key/api/v2/alerts", kOneAlert).status, 200);
  std::vector<IntegrationIndex> doors;
  for (const FakeInlet::Batch& batch : inlet_.batches())
    doors.push_back(batch.integration);
  EXPECT_THAT(doors, ElementsAre(0U, 1U, 1U, 1U));
}

// A browser on this machine obeys whatever page is open in it, and a name may be led here.
TEST_F(DoorsTest, KeylessDoorIsNotForWebPages) {
  const HttpHeader pages[] = {
      {"Origin",         "https://evil.example"     },
      {"Origin",         "null"                     },
      {"Sec-Fetch-Site", "cross-site"               },
      {"Sec-Fetch-Site", "same-site"                },
      {"Host",           "evil.example:8911"        },
      {"Host",           "127.evil.example"         },
      {"Origin",         "http://127.0.0.1.evil.com"},
  };
  for (const HttpHeader& page : pages) {
    for (const std::string_view path : {"/api/v1/alerts", "/api/v2/alerts"}) {
      const HttpResponse refused = Post(path, kOneAlert, {page});
      EXPECT_EQ(refused.status, 403) << page.name << ": " << page.value;
      EXPECT_THAT(refused.body, HasSubstr("programs of this machine"));
    }
    EXPECT_EQ(Post("/v1/integrations/prom-key/api/v2/alerts", kOneAlert, {page}).status, 200) << "whoever has the key";
  }
  // What programs say, and what a page of this machine may: Prometheus, Alertmanager, Grafana, amtool, curl.
  const HttpHeaders programs[] = {
      {{"User-Agent", "Prometheus/2.55.0"}},
      { {"User-Agent", "Alertmanager/0.27.0"},         {"Host", "localhost:8911"}},
      { {"User-Agent", "Grafana"},             {"Host", "[::1]:8911"}},
      { {"Origin", "http://localhost:3000"},  {"Sec-Fetch-Site", "same-origin"}},
  };
  for (const HttpHeaders& program : programs)
    EXPECT_EQ(Post("/api/v2/alerts", kOneAlert, program).status, 200) << program.front().value;
}

TEST_F(DoorsTest, DefaultDoorWithAKeyWantsIt) {
  auto organisation = std::make_shared<Organisation>();
  organisation->integrations = {Door("default", "prometheus", "secret")};
  Apply(organisation);
  EXPECT_EQ(Post("/api/v2/alerts", kOneAlert).status, 401);
  EXPECT_EQ(Post("/api/v2/alerts", kOneAlert,
                 {
                     {"Authorization", "Bearer secret"}
  })
                .status,
            200);
  EXPECT_EQ(Post("/v1/integrations/hooks-key", R"({"title":"x"})").status, 404) << "a key of the rules before";
}

TEST_F(DoorsTest, AddsTheIntegrationsLabelsWhereTheyAreMissing) {
  EXPECT_EQ(Post("/v1/integrations/prom-key", R"([{"labels":{"alertname":"A","team":"db"}}])").status, 202);
  ASSERT_THAT(inlet_.events(), SizeIs(1));
  EXPECT_THAT(inlet_.events()[0].labels,
              ElementsAre(Label{"alertname", "A"}, Label{"cluster", "eu"}, Label{"team", "db"}));
}

TEST_F(DoorsTest, TellsWebhooksWhatBecameOfEachAlert) {
  const HttpResponse response = Post("/v1/integrations/nagios-key?outcomes=1",
                                     R"([{"HOSTNAME":"a","HOSTSTATE":"DOWN"},{"HOSTSTATE":"DOWN"},
                                         {"HOSTNAME":"a","NOTIFICATIONTYPE":"DOWNTIMESTART"},{"HOSTNAME":"b","HOSTSTATE":"UP"}])");
  EXPECT_EQ(response.status, 202);
  EXPECT_EQ(
      response.body,
      R"({"accepted":3,"rejected":[],"ignored":[{"index":2,"reason":"DOWNTIMESTART says nothing about the state"}],)"
      R"("warnings":[{"index":1,"reason":"HOSTNAME: missing; it was taken as an alert with )"
      R"(alertname=UnreadablePayload"}],"example":"{\"NOTIFICATIONTYPE\":\"PROBLEM\",\"HOSTNAME\":\"db1\",)"
      R"(\"SERVICEDESC\":\"disk\",\"SERVICESTATE\":\"CRITICAL\"}",)"
      R"("outcomes":["new","new","rejected","new"],"sequence":1})"
      "\n");
  const IngestDoors::Statistics statistics = doors_.ReadStatistics();
  EXPECT_EQ(statistics.accepted_events, 3U);
  EXPECT_EQ(statistics.unreadable_bodies, 1U);
  EXPECT_EQ(statistics.ignored_events, 1U);
}

TEST_F(DoorsTest, WarnsWhoeverIsAnsweredYesThoughTheMessageCouldNotBeRead) {
  const HttpResponse response = Post("/v1/integrations/hooks-key", R"({"title": "disk full)");
  EXPECT_EQ(response.status, 202);
  EXPECT_THAT(response.body, HasSubstr(R"({"accepted":1,"rejected":[],"warnings":[{"index":0,"reason":)"));
  EXPECT_THAT(response.body, HasSubstr("alertname=UnreadablePayload"));
  EXPECT_THAT(Post("/v1/integrations/hooks-key", R"({"title":"x"})").body, Not(HasSubstr("warnings")));
}

TEST_F(DoorsTest, NothingToStoreIsAYes) {
  EXPECT_EQ(Post("/v1/integrations/nagios-key", R"({"HOSTNAME":"a","NOTIFICATIONTYPE":"CUSTOM"})").status, 202);
  EXPECT_THAT(inlet_.batches(), IsEmpty());
}

TEST_F(DoorsTest, ShowsAnExampleToWhoeverSendsNonsenseAndTellsPeople) {
  const HttpResponse response = Post("/v1/integrations/dogs-key", R"({"alert_id": 1, nonsense})");
  EXPECT_EQ(response.status, 202) << "a sender that is refused may give up for good";
  EXPECT_THAT(response.body, HasSubstr("byte 16: invalid character 'n' looking for beginning of object key string"));
  EXPECT_THAT(response.body, HasSubstr(R"(\"alert_id\":\"4711\")"));
  EXPECT_EQ(doors_.ReadStatistics().unreadable_bodies, 1U);
  ASSERT_THAT(inlet_.events(), SizeIs(1));
  EXPECT_EQ(Find(inlet_.events()[0].labels, "alertname"), kUnreadablePayload);
  EXPECT_EQ(Find(inlet_.events()[0].annotations, "payload"), R"({"alert_id": 1, nonsense})");
}

TEST_F(DoorsTest, FindsKeysInPathAndHeaderAndCountsUnknownOnes) {
  const std::string_view body = R"({"title":"x"})";
  EXPECT_EQ(Post("/v1/integrations/hooks-key/", body).status, 202);
  EXPECT_EQ(Post("/v1/integrations", body,
                 {
                     {"Authorization", "bearer hooks-key"}
  })
                .status,
            202);
  EXPECT_EQ(Post("/v1/integrations", body).status, 401);
  EXPECT_EQ(Post("/v1/integrations/nope", body).status, 404);
  EXPECT_THAT(Post("/v1/integrations/nope", body).body, HasSubstr("unknown integration key"));
  EXPECT_EQ(Post("/v1/integrations", body,
                 {
                     {"Authorization", "Bearer nope"}
  })
                .status,
            401);
  EXPECT_EQ(Post("/v1/integrations/stream-key", body).status, 409);
  EXPECT_EQ(Post("/v1/integrations/hooks-key/more", body).status, 404);
  const HttpHeaders key = {
      {"Authorization", "Bearer hooks-key"}
  };
  EXPECT_EQ(Post("/v1/integrations/hooks", body, key).status, 202);
  EXPECT_EQ(Post("/v1/integrations/dogs", body, key).status, 404) << "a key opens its own door only";
  EXPECT_EQ(doors_.ReadStatistics().unknown_keys, 4U);
}

TEST_F(DoorsTest, AsksToComeAgainUntilAnOrganisationIsThere) {
  const RulesPtr rules = std::exchange(rules_, nullptr);
  for (const std::string_view path : {"/api/v2/alerts", "/v1/integrations/prom-key/api/v2/alerts",
                                      "/v1/integrations/hooks-key", "/v1/integrations/nope", "/v1/integrations"}) {
    const HttpResponse refused = Post(path, kOneAlert);
    EXPECT_EQ(refused.status, 503) << path;
    EXPECT_EQ(FindHeader(refused.headers, "Retry-After"), "1") << path;
  }
  EXPECT_EQ(doors_.ReadStatistics().unknown_keys, 0U);
  rules_ = rules;
  EXPECT_EQ(Post("/api/v2/alerts", kOneAlert).status, 200);
}

TEST_F(DoorsTest, SurvivesDepthBombsAndStrangeText) {
  const std::string deep_array(100'000, '[');
  std::string deep_object;
  for (int i = 0; i < 100'000; ++i)
    deep_object += R"({"a":)";
  for (const std::string& body : {deep_array, deep_object, std::string("\xEF\xBB\xBF[]"), std::string(1, '\0')}) {
    EXPECT_THAT(Post("/api/v2/alerts", body).status, testing::AnyOf(200, 400));
    EXPECT_EQ(Post("/v1/integrations/hooks-key", body).status, 202);
    EXPECT_EQ(Post("/v1/integrations/dogs-key", body).status, 202) << "no door is ever silent";
  }
  EXPECT_EQ(Post("/api/v2/alerts", Gzip(kOneAlert),
                 {
                     {"Content-Encoding", "gzip"}
  })
                .status,
            200);
  EXPECT_EQ(Post("/api/v2/alerts", Gzip(std::string(32U << 20U, ' ')),
                 {
                     {"Content-Encoding", "gzip"}
  })
                .status,
            413);
  EXPECT_EQ(Post("/api/v2/alerts", std::string(limits::kBodyBytes + 1, ' ')).status, 413);
}

TEST_F(DoorsTest, CutsWhatIsTooLongAndKeepsTheAlert) {
  const std::string longest(70'000, 'x');
  EXPECT_EQ(Post("/api/v2/alerts",
                 absl::StrFormat(R"([{"labels":{"a":"b"},"annotations":{"summary":"%s"},"generatorURL":"%s"}])",
                                 longest, longest))
                .status,
            200);
  ASSERT_THAT(inlet_.events(), SizeIs(1));
  EXPECT_THAT(inlet_.events()[0].annotations[0].value, SizeIs(limits::kAnnotationBytes));
  EXPECT_EQ(Post("/api/v2/alerts", absl::StrFormat(R"([{"labels":{"a":"%s"}}])", longest)).status, 200)
      << "as Alertmanager, which knows no bounds";
  EXPECT_THAT(inlet_.events()[1].labels, IsEmpty());
  EXPECT_THAT(inlet_.events()[1].annotations, SizeIs(1));
}

// A way in at which nobody looks for signatures is none for an integration that wants them.
TEST_F(DoorsTest, WhatMustBeSignedComesInNowhereElse) {
  auto organisation = std::make_shared<Organisation>(*rules_->organisation);
  organisation->integrations.push_back(Door("hub", "github", "hub-key"));
  organisation->integrations.back().signing_secret = "s";
  organisation->integrations.push_back(Door("sns", "cloudwatch_sns", "sns-key"));
  organisation->integrations.back().topics = {"arn:aws:sns:eu-west-1:123456789012:alarms"};
  Apply(organisation);
  for (const std::string_view key : {"hub-key", "sns-key"}) {
    EXPECT_EQ(Post(absl::StrFormat("/v1/integrations/%s/api/v2/alerts", key), kOneAlert).status, 403);
    EXPECT_EQ(Post("/api/v2/alerts", kOneAlert,
                   {
                       {"Authorization", absl::StrFormat("Bearer %s", key)}
    })
                  .status,
              403);
  }
  EXPECT_THAT(inlet_.events(), IsEmpty());
  EXPECT_EQ(doors_.ReadStatistics().bad_signatures, 4U);
}

TEST_F(DoorsTest, BoundsTheNumberOfAlerts) {
  std::string body = "[";
  for (std::size_t i = 0; i < limits::kEventsPerBatch + 500; ++i) {
    absl::StrAppendFormat(&body, R"(%s{"labels":{"i":"%d"}})", i == 0 ? "" : ",", i);
  }
  const HttpResponse response = Post("/v1/integrations/prom-key", body + "]");
  EXPECT_EQ(response.status, 202);
  EXPECT_THAT(
      response.body,
      StartsWith(R"({"accepted":10000,"rejected":[],"warnings":[{"index":9999,"reason":"there are more than 10000 )"));
  EXPECT_LT(response.body.size(), 100'000U);
}

TEST_F(DoorsTest, TakesPutAndGetWithAQueryAndExplainsItselfToBrowsers) {
  EXPECT_EQ(Call("PUT", "/v1/integrations/hooks-key", R"({"title":"x"})").status, 202);
  EXPECT_EQ(Call("GET", "/v1/integrations/hooks-key?title=x", "").status, 202);
  EXPECT_THAT(inlet_.events(), SizeIs(2));
  const HttpResponse how = Call("GET", "/v1/integrations/hooks-key", "");
  EXPECT_EQ(how.status, 200);
  EXPECT_THAT(how.body, HasSubstr(R"("integration":"hooks","source":"generic")"));
  EXPECT_THAT(inlet_.events(), SizeIs(2));
}

TEST_F(DoorsTest, ShakesHandsWithCloudEvents) {
  const HttpResponse hello = Call("OPTIONS", "/v1/integrations/hooks-key", "",
                                  {
                                      {"WebHook-Request-Origin", "events.example.com"}
  });
  EXPECT_EQ(hello.status, 200);
  EXPECT_EQ(FindHeader(hello.headers, "WebHook-Allowed-Origin"), "events.example.com");
  EXPECT_EQ(FindHeader(hello.headers, "WebHook-Allowed-Rate"), "*");
}

TEST_F(DoorsTest, ReadsAsTheIntegrationsOwnMappingSays) {
  auto organisation = std::make_shared<Organisation>(*rules_->organisation);
  organisation->integrations[2].mapping.emplace().key = "{{what.id}}";
  Apply(organisation);
  EXPECT_EQ(Post("/v1/integrations/hooks-key", R"({"what":{"id":17},"title":"x"})").status, 202);
  EXPECT_EQ(inlet_.events()[0].dedup_key, "17");
  EXPECT_THAT(Post("/v1/integrations/hooks-key", R"({"title":"x"})").body, HasSubstr("mapping.key: nothing that"));
}

}  // namespace
}  // namespace tocsin
