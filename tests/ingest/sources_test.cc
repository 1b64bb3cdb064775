#include <iostream>
#include <map>
#include <set>

#include "absl/strings/str_format.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "base/random.h"
#include "base/strings.h"
#include "ingest/json_scan.h"
#include "ingest/source.h"
#include "tests/ingest/fixtures.h"

namespace tocsin {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const Now kNow{.wall = absl::FromUnixSeconds(1'795'289'000), .engine = EngineTime(0)};

absl::StatusOr<Readings> Parse(std::string_view source,
                               std::string_view body,
                               std::string_view content_type = "application/json") {
  return FindSource(source)->parse({.body = body, .content_type = content_type}, kNow);
}

// The events of a body; what cannot be read has its stand-in.
std::vector<AlertEvent> Events(std::string_view source,
                               std::string_view body,
                               std::string_view content_type = "application/json") {
  std::vector<AlertEvent> events;
  for (const Reading& reading : ReadPayload(*FindSource(source), {.body = body, .content_type = content_type}, kNow)) {
    EXPECT_TRUE(reading.event.has_value()) << reading.reason;
    if (reading.event) events.push_back(*reading.event);
  }
  return events;
}

AlertEvent Event(std::string_view source, std::string_view body, std::string_view content_type = "application/json") {
  std::vector<AlertEvent> events = Events(source, body, content_type);
  EXPECT_THAT(events, SizeIs(1));
  return events.empty() ? AlertEvent() : events[0];
}

// The key that an engine would know the event by.
AlertKey KeyOf(const AlertEvent& event) {
  EventBatch batch(1, 1);
  const absl::Status appended = batch.Append(event);
  EXPECT_TRUE(appended.ok()) << appended;
  return appended.ok() ? batch.at(0).header().key : AlertKey();
}

TEST(SourceTableTest, EveryExampleIsUnderstoodByItsOwnSource) {
  for (const Source* source : SourceTable()) {
    SCOPED_TRACE(source->name);
    if (source->name != "datadog") Event(source->name, source->example);  // Datadog's is a template, all placeholders
    EXPECT_EQ(FindSource(source->name), source);
  }
  EXPECT_EQ(FindSource("smoke signals"), nullptr);
}

// ---- Alertmanager ----

TEST(AlertmanagerSourceTest, EachAlertHasItsOwnStatus) {
  const std::vector<AlertEvent> events = Events("alertmanager", R"({"status":"firing","truncatedAlerts":0.0,"alerts":[
      {"status":"firing","labels":{"a":"1"},"fingerprint":"f1","startsAt":"2026-01-01T00:00:00.123456789+02:00","endsAt":"0001-01-01T00:00:00Z"},
      {"status":"resolved","labels":{"a":"2"},"fingerprint":"f2","endsAt":"2026-01-01T01:00:00Z"},
      {"status":"resolved","labels":{"a":"3"},"endsAt":"0001-01-01T00:00:00Z"},
      {"labels":{"a":"4"}}]})");
  ASSERT_THAT(events, SizeIs(4));
  EXPECT_EQ(events[0].kind, EventKind::kTrigger);
  EXPECT_EQ(events[0].dedup_key, "f1");
  EXPECT_EQ(events[0].ends_at, std::nullopt);
  EXPECT_EQ(absl::ToUnixNanos(*events[0].starts_at), 1'767'218'400'123'456'789);
  EXPECT_THAT(events[0].annotations, IsEmpty()) << "0.0 alerts are no truncated alerts";
  EXPECT_EQ(events[1].kind, EventKind::kResolve);
  EXPECT_TRUE(events[1].ends_at.has_value());
  EXPECT_EQ(events[2].kind, EventKind::kResolve) << "resolved although the end is the zero time";
  EXPECT_EQ(events[3].kind, EventKind::kTrigger) << "the group's status where the alert has none";
}

TEST(AlertmanagerSourceTest, SaysThatAlertsWereCutOff) {
  const AlertEvent event =
      Event("alertmanager", R"({"truncatedAlerts":12,"alerts":[{"status":"firing","labels":{"a":"1"}}]})");
  ASSERT_THAT(event.annotations, SizeIs(1));
  EXPECT_THAT(event.annotations[0].value, HasSubstr("12 more"));
}

TEST(AlertmanagerSourceTest, RefusesOtherProductsWithAdvice) {
  struct Case {
    std::string_view body;
    std::string_view message;
  };
  const Case cases[] = {
      {"",                 "the body is empty"                      },
      {"[]",               "source prometheus"                      },
      {R"({"title":"x"})", "alerts: missing"                        },
      {R"({"alerts":{}})", "alerts: expected an array, found object"},
      {R"({"alerts":[)",   "byte 11: unexpected EOF"                },
      {"42",               "expected an object, found number"       },
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.body);
    EXPECT_THAT(std::string(Parse("alertmanager", c.body).status().message()), HasSubstr(c.message));
  }
  const auto readings = Parse("alertmanager", R"({"alerts":[7,{"labels":{}}]})");
  ASSERT_TRUE(readings.ok());
  EXPECT_EQ((*readings)[0].reason, "expected an object, found number");
  EXPECT_EQ((*readings)[1].reason, "labels: missing or empty");
}

// ---- Datadog ----

TEST(DatadogSourceTest, FindsAnIdentityThatARecoveryShares) {
  struct Case {
    std::string_view name;
    std::string_view firing;
    std::string_view recovery;
  };
  const Case cases[] = {
      {"cycle key",     R"({"alert_cycle_key":"c","id":"1","alert_transition":"Triggered","title":"x"})",
       R"({"ALERT_CYCLE_KEY":"c","id":"2","alert_transition":"Recovered","title":"y"})"},
      {"aggregation",   R"({"aggreg_key":"c","alert_transition":"Re-No Data"})",
       R"({"aggreg_key":"c","transition":"recovered by someone"})"                     },
      {"id and scope",  R"({"alertid":7,"scopes":"b:2,a:1","alert_transition":"Warn"})",
       R"({"monitor_id":"7","alert_scope":"a:1, b:2","alerttransition":"Recovered"})"  },
      {"title",         R"({"title":"[P1] [Triggered on {host:a,env:b}] Disk","org":{"id":"1"}})",
       R"({"title":"[Recovered on {env:b,host:a}] Disk","org":{"id":"1"}})"            },
      {"unfilled keys", R"({"alert_cycle_key":"$ALERT_CYCLE_KEY","alert_id":"9","alert_transition":"Triggered"})",
       R"({"alert_cycle_key":"","alert_id":"9","alert_transition":"Recovered"})"       },
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const AlertEvent firing = Event("datadog", c.firing);
    const AlertEvent recovery = Event("datadog", c.recovery);
    EXPECT_EQ(firing.kind, EventKind::kTrigger);
    EXPECT_EQ(recovery.kind, EventKind::kResolve);
    EXPECT_EQ(KeyOf(firing), KeyOf(recovery));
  }
  EXPECT_NE(Event("datadog", cases[2].firing).dedup_key, Event("datadog", cases[4].firing).dedup_key);
}

TEST(DatadogSourceTest, MakesLabelsOfTags) {
  const AlertEvent event = Event("datadog", R"({"alert_id":"1","title":"[P2] [Triggered on {host:a}] Disk full",
      "tags":["env:prod","host:b","host:a","monitor"],"alert_scope":"host:a","alert_priority":"P2","date":"1726142400000"})");
  EXPECT_EQ(Find(event.labels, "alertname"), "Disk full");
  EXPECT_EQ(Find(event.labels, "env"), "prod");
  EXPECT_EQ(Find(event.labels, "host"), "a,b");
  EXPECT_EQ(event.severity, Severity::kHigh);
  EXPECT_THAT(event.annotations, Contains(Label{"tags", "monitor"}));
  EXPECT_EQ(event.starts_at, absl::FromUnixSeconds(1'726'142'400));
}

TEST(DatadogSourceTest, RefusesWhatHasNoIdentity) {
  const auto readings = Parse("datadog", R"({"body":"x","id":"7"})");
  ASSERT_TRUE(readings.ok());
  EXPECT_THAT((*readings)[0].reason, HasSubstr("alert_id"));
}

// ---- Nagios ----

TEST(NagiosSourceTest, UnderstandsEveryScriptsShape) {
  struct Case {
    std::string_view name;
    std::string_view body;
    std::string_view content_type;
  };
  const Case cases[] = {
      {"our own",             R"({"NOTIFICATIONTYPE":"PROBLEM","HOSTNAME":"db1","SERVICEDESC":"disk","SERVICESTATE":"CRITICAL"})",
       "application/json"                                                                                                                          },
      {"env",
       "NAGIOS_NOTIFICATIONTYPE=PROBLEM\r\nNAGIOS_HOSTNAME=db1\nNAGIOS_SERVICEDESC=disk\nNAGIOS_SERVICESTATE=CRITICAL",                "text/plain"},
      {"snake",               R"({"notification_type":"PROBLEM","host_name":"db1","service_desc":"disk","service_state":"critical"})",
       ""                                                                                                                                          },
      {"form",                "notificationtype=PROBLEM&hostname=db1&servicedesc=disk&servicestate=CRITICAL",
       "application/x-www-form-urlencoded"                                                                                                         },
      {"JSON sent as a form", R"({"hostname":"db1","servicedesc":"disk","servicestate":"CRITICAL"})",
       "application/x-www-form-urlencoded"                                                                                                         },
      {"agent",
       R"({"event_type":"trigger","details":{"HOSTNAME":"db1","SERVICEDESC":"disk","SERVICESTATE":"critical"}})",                      ""          },
      {"raw line breaks",
       "{\"HOSTNAME\":\"db1\",\"SERVICEDESC\":\"disk\",\"SERVICESTATE\":\"CRITICAL\",\"SERVICEOUTPUT\":\"a\tb\nc\",}",                 ""          },
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const AlertEvent event = Event("nagios", c.body, c.content_type);
    EXPECT_EQ(event.dedup_key, "event_source=service;host_name=db1;service_desc=disk");
    EXPECT_EQ(event.kind, EventKind::kTrigger);
    EXPECT_EQ(event.severity, Severity::kCritical);
    EXPECT_EQ(Find(event.labels, "host"), "db1");
    EXPECT_EQ(Find(event.labels, "service"), "disk");
  }
}

TEST(NagiosSourceTest, MapsNotificationTypes) {
  struct Case {
    std::string_view type;
    std::optional<EventKind> kind;
  };
  const Case cases[] = {
      {"PROBLEM",         EventKind::kTrigger    },
      {"RECOVERY",        EventKind::kResolve    },
      {"ACKNOWLEDGEMENT", EventKind::kAcknowledge},
      {"FLAPPINGSTART",   std::nullopt           },
      {"FLAPPINGEND",     std::nullopt           },
      {"DOWNTIMEREMOVED", std::nullopt           },
      {"DOWNTIMEEND",     std::nullopt           },
      {"CUSTOM",          std::nullopt           },
      {"SOMETHINGNEW",    EventKind::kTrigger    },
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.type);
    const auto readings =
        Parse("nagios", absl::StrFormat(R"({"HOSTNAME":"a","HOSTSTATE":"DOWN","NOTIFICATIONTYPE":"%s"})", c.type));
    ASSERT_TRUE(readings.ok());
    EXPECT_EQ((*readings)[0].event.has_value(), c.kind.has_value());
    if (c.kind && (*readings)[0].event) {
      EXPECT_EQ((*readings)[0].event->kind, *c.kind);
    }
  }
}

TEST(NagiosSourceTest, UnexpandedServiceMacrosMeanAHost) {
  const AlertEvent event =
      Event("nagios", R"({"HOSTNAME":"a","HOSTSTATE":"DOWN","SERVICEDESC":"$SERVICEDESC$","SERVICESTATE":""})");
  EXPECT_EQ(event.dedup_key, "event_source=host;host_name=a");
}

TEST(NagiosSourceTest, CustomVariablesBecomeLabelsToRouteBy) {
  const AlertEvent event = Event("nagios", R"({"HOSTNAME":"a","SERVICEDESC":"disk","SERVICESTATE":"CRITICAL",
      "_SERVICETEAM":"db","_HOSTTEAM":"infra","NAGIOS__HOSTSITE":"fra1","_HOSTHOST":"evil","_SERVICEX":"$_SERVICEX$","_HOST":"y"})");
  EXPECT_EQ(Find(event.labels, "team"), "db") << "the service's before the host's";
  EXPECT_EQ(Find(event.labels, "site"), "fra1");
  EXPECT_EQ(Find(event.labels, "host"), "a") << "no variable replaces what Nagios itself says";
  EXPECT_EQ(Find(event.labels, "x"), "");
}

// ---- generic ----

TEST(GenericSourceTest, ReadsOurDocumentedShape) {
  const AlertEvent event =
      Event("generic", R"({"status":"firing","dedup_key":"db1/disk","title":"disk full","description":"95%",
      "severity":"critical","link":"https://x","starts_at":"2026-11-21T10:00:00Z","labels":{"team":"db","n":7},"annotations":{"runbook_url":"r"}})");
  EXPECT_EQ(event.dedup_key, "db1/disk");
  EXPECT_EQ(event.severity, Severity::kCritical);
  EXPECT_EQ(Find(event.labels, "team"), "db");
  EXPECT_EQ(Find(event.labels, "n"), "7");
  EXPECT_EQ(Find(event.labels, "alertname"), "disk full");
  EXPECT_EQ(Find(event.annotations, "summary"), "disk full");
  EXPECT_EQ(Find(event.annotations, "runbook_url"), "r");
  EXPECT_EQ(event.link, "https://x");
}

TEST(GenericSourceTest, FiringAndRecoveryMeet) {
  struct Case {
    std::string_view name;
    std::string_view firing;
    std::string_view recovery;
  };
  const Case cases[] = {
      {"key",    R"({"dedup_key":"k","title":"disk full"})",                 R"({"dedup_key":"k","title":"disk ok","status":"RESOLVED"})"},
      {"labels", R"({"labels":{"host":"a","check":"disk"},"title":"full"})",
       R"({"labels":{"check":"disk","host":"a"},"title":"ok","state":"ok"})"                                                             },
      {"title",  R"({"title":"disk on a","host":"a","value":97})",
       R"({"title":"disk on a","host":"a","value":12,"event_action":"resolve"})"                                                         },
      {"form",   "title=disk&host=a&status=firing",                          "title=disk&host=a&status=resolved"                         },
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const AlertEvent firing = Event("generic", c.firing);
    const AlertEvent recovery = Event("generic", c.recovery);
    EXPECT_EQ(firing.kind, EventKind::kTrigger);
    EXPECT_EQ(recovery.kind, EventKind::kResolve);
    EXPECT_EQ(KeyOf(firing), KeyOf(recovery));
  }
}

TEST(GenericSourceTest, NeverSilent) {
  const std::string noise("\x00\xff<xml/>", 8);
  for (const std::string_view body :
       {std::string_view(""), std::string_view(noise), std::string_view("disk is full"), std::string_view("{}"),
        std::string_view("[1]"), std::string_view(R"({"title":")"), std::string_view("[[[[[[")}) {
    SCOPED_TRACE(body);
    const AlertEvent event = Event("generic", body, "");
    EXPECT_EQ(Find(event.labels, "alertname"), "UnreadablePayload");
    EXPECT_EQ(Find(event.annotations, "payload"), ReplaceInvalidUtf8(body));
    EXPECT_TRUE(
        Find(event.annotations, "summary").ends_with(body.empty() ? "it was empty" : ": " + ReplaceInvalidUtf8(body)));
    EXPECT_EQ(event.ends_at, kNow.wall + absl::Hours(1)) << "over when none has come for an hour";
    KeyOf(event);
  }
}

TEST(GenericSourceTest, KeepsAnUnknownStatusWordAndFires) {
  const AlertEvent event = Event("generic", R"({"title":"x","status":"wobbly"})");
  EXPECT_EQ(event.kind, EventKind::kTrigger);
  EXPECT_EQ(Find(event.annotations, "status"), "wobbly");
}

TEST(GenericSourceTest, KeepsNumbersThatNoDoubleHolds) {
  EXPECT_EQ(Event("generic", R"({"title":"x","dedup_key":123456789012345678901234567890})").dedup_key,
            "123456789012345678901234567890");
  EXPECT_EQ(Event("generic", R"({"title":"x","dedup_key":9007199254740993})").dedup_key, "9007199254740993");
}

// ---- fixtures ----

struct Pair {
  std::string_view source;
  std::string_view firing;
  std::string_view recovery;
};

TEST(FixtureTest, FiringAndRecoveryMeetOnOneKey) {
  const auto fixtures = FixtureFolder();
  if (!fixtures) GTEST_SKIP() << "no payloads here: set TOCSIN_FIXTURES";
  const Pair pairs[] = {
      {"datadog",      "datadog/full_template_triggered.json",                   "datadog/full_template_recovered.json"             },
      {"datadog",      "datadog/default_payload_triggered.json",                 "datadog/default_payload_recovered.json"           },
      {"nagios",       "nagios/env_service_problem.txt",                         "nagios/env_service_recovery.txt"                  },
      {"nagios",       "nagios/form_service_problem.txt",                        "nagios/form_service_recovery.txt"                 },
      {"nagios",       "nagios/form_service_problem.txt",                        "nagios/env_service_recovery.txt"                  },
      {"nagios",       "nagios/opsgenie_script_service_problem.json",            "nagios/opsgenie_script_service_recovery.json"     },
      {"nagios",       "nagios/pdagent_service_trigger.json",                    "nagios/pdagent_service_resolve.json"              },
      {"nagios",       "nagios/pdagent_host_trigger.json",                       "nagios/pdagent_host_resolve.json"                 },
      {"alertmanager", "alertmanager/icmp_batch_firing.json",                    "alertmanager/icmp_batch_resolved_endsat_zero.json"},
      {"prometheus",   "prometheus_api_v2/prometheus_firing_future_endsat.json",
       "prometheus_api_v2/prometheus_resolved_past_endsat.json"                                                                     },
      {"prometheus",   "prometheus_api_v2/vmalert_firing_no_endsat.json",        "prometheus_api_v2/vmalert_resolved.json"          },
  };
  for (const Pair& pair : pairs) {
    SCOPED_TRACE(pair.firing);
    const auto read = [&](std::string_view file) {
      return Events(pair.source, ReadFile(*fixtures / "payloads" / file), "");
    };
    std::set<AlertKey> fired;
    for (const AlertEvent& event : read(pair.firing))
      fired.insert(KeyOf(event));
    for (const AlertEvent& event : read(pair.recovery)) {
      EXPECT_EQ(event.kind, EventKind::kResolve);
      EXPECT_THAT(fired, Contains(KeyOf(event)));
    }
  }
}

TEST(FixtureTest, EveryPayloadOfTheFourSourcesIsUnderstood) {
  const auto fixtures = FixtureFolder();
  if (!fixtures) GTEST_SKIP() << "no payloads here: set TOCSIN_FIXTURES";
  const std::map<std::string_view, std::string_view> folders = {
      {"alertmanager",      "alertmanager"},
      {"datadog",           "datadog"     },
      {"nagios",            "nagios"      },
      {"prometheus_api_v2", "prometheus"  }
  };
  int understood = 0;
  for (const auto& [folder, source] : folders) {
    for (const auto& entry : std::filesystem::directory_iterator(*fixtures / "payloads" / folder)) {
      SCOPED_TRACE(entry.path().string());
      const auto readings = Parse(source, ReadFile(entry.path()), "");
      ASSERT_TRUE(readings.ok()) << readings.status();
      EXPECT_THAT(*readings, Not(IsEmpty()));
      for (const Reading& reading : *readings) {
        if (reading.event) KeyOf(*reading.event);
        const bool is_downtime = entry.path().filename().string().find("downtime") != std::string::npos;
        EXPECT_EQ(reading.event.has_value(), !is_downtime) << reading.reason;
      }
      ++understood;
    }
  }
  EXPECT_GT(understood, 30);
}

TEST(FixtureTest, AlertmanagersOwnWebhooksAreUnderstood) {
  const auto fixtures = FixtureFolder();
  if (!fixtures) GTEST_SKIP() << "no captures here: set TOCSIN_FIXTURES";
  std::map<std::string, std::set<EventKind>> kinds;
  for (const Capture& capture : ReadCaptures(*fixtures / "captures/alertmanager-out")) {
    if (capture.body.find(R"("version":"4")") == std::string::npos) continue;
    for (const AlertEvent& event : Events("alertmanager", capture.body)) {
      kinds[event.dedup_key].insert(event.kind);
      EXPECT_THAT(event.dedup_key, SizeIs(16));
    }
  }
  EXPECT_THAT(kinds, Not(IsEmpty()));
  for (const auto& [key, seen] : kinds)
    EXPECT_THAT(seen, SizeIs(2)) << key << " fired and was resolved";
}

TEST(FixtureTest, TheGenericSourceSurvivesEverythingThatAnybodySends) {
  const auto fixtures = FixtureFolder();
  if (!fixtures) GTEST_SKIP() << "no payloads here: set TOCSIN_FIXTURES";
  int seen = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(*fixtures / "payloads")) {
    if (!entry.is_regular_file()) continue;
    SCOPED_TRACE(entry.path().string());
    for (const AlertEvent& event : Events("generic", ReadFile(entry.path()), "")) {
      Intake intake(1);
      intake.Begin(0, nullptr, kNow.wall, Intake::Manner::kLenient);
      intake.Add(event);
      EXPECT_THAT(intake.refused(), IsEmpty());
    }
    ++seen;
  }
  EXPECT_GT(seen, 200);
}

// ---- mutations ----

std::string Mutated(std::string text, Random& random) {
  constexpr std::string_view kBytes = "{}[]\",:\\0e-+.nutf \n\xff\x80$=&%";
  const std::uint64_t changes = 1 + random.Below(4);
  for (std::uint64_t i = 0; i < changes && !text.empty(); ++i) {
    const std::size_t at = random.Below(text.size());
    switch (random.Below(4)) {
      case 0: text[at] = kBytes[random.Below(kBytes.size())]; break;
      case 1: text.erase(at, 1 + random.Below(8)); break;
      case 2: text.insert(at, 1, kBytes[random.Below(kBytes.size())]); break;
      case 3: text.insert(at, text.substr(random.Below(text.size()), random.Below(32))); break;
    }
  }
  return text;
}

const std::map<std::string_view, std::string_view> kSeeds = {
    {"alertmanager",
     R"({"status":"firing","truncatedAlerts":1,"alerts":[{"status":"resolved","labels":{"a":"\u00e9\ud83d\ude00"},"annotations":{"s":"x"},"startsAt":"2026-01-01T00:00:00Z","fingerprint":"f"},{"labels":{"b":"c"}}]})"},
    {"datadog",
     R"({"alert_id":"1234","title":"[P2] [Triggered on {host:a}] CPU","alert_transition":"Triggered","tags":["a:b","c"],"org":{"id":123},"date":"1726142400000"})"                                                     },
    {"grafana",
     R"({"version":"1","status":"firing","truncatedAlerts":2,"alerts":[{"status":"firing","labels":{"a":"b"},"values":{"A":1.5},"silenceURL":"http://g/s"}]})"                                                         },
    {"nagios",
     R"({"NOTIFICATIONTYPE":"PROBLEM","HOSTNAME":"db1","SERVICEDESC":"disk","SERVICESTATE":"CRITICAL","SERVICEOUTPUT":"a\\nb"})"                                                                                       },
    {"generic",
     R"([{"status":"firing","dedup_key":1e5,"title":"t","labels":{"a":"b"}},{"message":"x","level":3,"nested":{"a":[1,{"b":null}]}}])"                                                                                 },
    {"prometheus",
     R"([{"labels":{"alertname":"A","x":"\"\\\/"},"annotations":{"s":""},"startsAt":"2026-01-01T00:00:00.5+01:00","endsAt":"2026-01-01T00:00:00Z","generatorURL":"http://x"}])"                                        },
};

TEST(SourceMutationTest, NoInputBreaksAParserAndEveryEventFitsABatch) {
  for (const Source* source : SourceTable()) {
    SCOPED_TRACE(source->name);
    Random random(7);
    int parsed = 0;
    for (int i = 0; i < 4000; ++i) {
      const auto seed = kSeeds.find(source->name);
      const std::string body = Mutated(std::string(seed == kSeeds.end() ? source->example : seed->second), random);
      const absl::StatusOr<Readings> readings = source->parse({.body = body}, kNow);
      if (!readings.ok()) {
        ASSERT_FALSE(readings.status().message().empty());
        continue;
      }
      ++parsed;
      for (const Reading& reading : *readings) {
        if (!reading.event) {
          ASSERT_FALSE(reading.reason.empty());
          continue;
        }
        Intake intake(1);
        intake.Begin(0, nullptr, kNow.wall, Intake::Manner::kLenient);
        intake.Add(*reading.event);
        for (const Refused& refused : intake.refused())
          ASSERT_FALSE(refused.reason.empty());
      }
    }
    EXPECT_GT(parsed, 100) << "the mutations destroy everything";
  }
}

}  // namespace
}  // namespace tocsin
