// The same for those that watch addresses, logs and jobs, and for Alertmanager's own templates.
#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "ingest/signature.h"
#include "ingest/source.h"
#include "ingest/webhook_parts.h"
#include "tests/ingest/read_source.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// ---- Graylog, Riemann, Healthchecks ----

TEST(GraylogSourceTest, TheKeyAndTheGroupAreTheIdentityAndNotTheEvent) {
  const Step steps[] = {
      {"keyed",   "graylog", R"({"event_definition_id":"d","event":{"id":"1","key":"web-1","priority":2}})",          kFires,
       "d/web-1"                                                                                                                         },
      {"again",   "graylog", R"({"event_definition_id":"d","event":{"id":"2","key":"web-1","priority":"3"}})",        kFires,
       "d/web-1"                                                                                                                         },
      {"grouped", "graylog", R"({"event_definition_id":"d","event":{"key":"","group_by_fields":{"b":"2","a":"1"}}})",
       kFires,                                                                                                                "d/a=1,b=2"},
      {"over",    "graylog",
       R"({"stream":{"id":"s"},"check_result":{"triggered":false,"triggered_condition":{"id":"c"}}})",                kOver,  "s/c"      },
  };
  CheckSteps(steps);
  EXPECT_THAT(WhyUnreadable("graylog", R"({"text":"x"})"), HasSubstr("check_result"));
  EXPECT_EQ(EventOf("graylog", steps[0].body).severity, Severity::kWarning);
}

TEST(RiemannSourceTest, AnyWordThatIsNotWellFires) {
  const Readings readings = ReadBody(
      "riemann", R"([{"host":"a","service":"s","state":"critical","tags":["x","env:prod"],"dc":"fra1","metric":null},
      {"host":"a","service":"s","state":"expired"},{"host":null,"service":"s","state":"ok"},{"host":"a","service":"s"}])");
  ASSERT_THAT(readings, SizeIs(4));
  EXPECT_EQ(readings[0].event->severity, Severity::kCritical);
  EXPECT_EQ(Find(readings[0].event->labels, "dc"), "fra1");
  EXPECT_EQ(Find(readings[0].event->labels, "env"), "prod");
  EXPECT_EQ(readings[1].event->kind, kFires);
  EXPECT_EQ(readings[1].event->dedup_key, readings[0].event->dedup_key);
  EXPECT_EQ(readings[2].event->kind, kOver);
  EXPECT_TRUE(readings[3].stands_in) << "no state: what it means, people must say";
}

TEST(HealthchecksSourceTest, ReadsWhateverItsUserWrote) {
  constexpr std::string_view kCode = "12345678-90ab-cdef-1234-567890abcdef";
  const Step steps[] = {
      {"JSON",             "healthchecks", R"({"code":"12345678-90ab-cdef-1234-567890abcdef","status":"up"})", kOver,  kCode           },
      {"broken by a name", "healthchecks",
       R"({"name":"the "big" backup","code":"12345678-90ab-cdef-1234-567890abcdef","status":"down"})",         kFires, kCode           },
      {"a sentence",       "healthchecks", "backup is UP (12345678-90ab-cdef-1234-567890abcdef)",              kOver,  kCode           },
      {"another",          "healthchecks", "12345678-90ab-cdef-1234-567890abcdef: down!",                      kFires, kCode           },
      {"no code",          "healthchecks", "nightly backup is down",                                           kFires, "nightly backup"},
      {"a form",           "healthchecks", "slug=backup&status=down",                                          kFires, "backup"        },
  };
  CheckSteps(steps);
  EXPECT_EQ(EventOf("healthchecks", "", "", "uuid=1&status=up&name=x").kind, kOver);
  EXPECT_THAT(WhyIgnored("healthchecks", R"({"uuid":"1","status":"grace"})"), HasSubstr("grace"));
  EXPECT_THAT(WhyUnreadable("healthchecks", "something happened"), HasSubstr("$STATUS"));
  EXPECT_THAT(WhyUnreadable("healthchecks", R"({"uuid":"1","status":"$STATUS"})"), HasSubstr("status"));
}

// ---- the uptime family ----

TEST(UptimekumaSourceTest, ReadsEveryWayThatItSends) {
  constexpr std::string_view kJson =
      R"({"heartbeat":{"monitorID":10,"status":1,"time":"2022-01-21 14:09:38"},"monitor":{"id":10,"name":"web","basic_auth_pass":"secret",
      "tags":[{"name":"team","value":"db"},{"name":"bare","value":""}]},"msg":"[web] [Up] "})";
  const auto encoded = [](std::string_view text) { return PercentEncode(text); };
  const std::string parts =
      absl::StrCat("--x\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\n", ToAbsl(kJson), "\r\n--x--\r\n");
  const std::string form = absl::StrCat("data=", encoded(kJson));
  const std::string query =
      absl::StrCat("msg=", encoded("[web] [Up] "), "&heartbeat=", encoded(R"({"monitorID":10,"status":1})"),
                   "&monitor=", encoded(R"({"id":10,"name":"web"})"));
  for (const AlertEvent& event :
       {EventOf("uptimekuma", kJson), EventOf("uptimekuma", parts, "multipart/form-data; boundary=x"),
        EventOf("uptimekuma", form), EventOf("uptimekuma", "", "", query)}) {
    EXPECT_EQ(event.kind, kOver);
    EXPECT_EQ(event.dedup_key, "monitor/10");
    EXPECT_EQ(Find(event.labels, "alertname"), "web");
    for (const Label& annotation : event.annotations)
      EXPECT_EQ(annotation.value.find("secret"), std::string::npos);
  }
  EXPECT_EQ(Find(EventOf("uptimekuma", kJson).labels, "team"), "db");
}

TEST(UptimekumaSourceTest, TestsAndCertificatesHaveNoMonitor) {
  const AlertEvent test = EventOf("uptimekuma", R"({"heartbeat":null,"monitor":null,"msg":"My Notification Testing"})");
  EXPECT_EQ(Find(test.labels, "alertname"), "Test");
  EXPECT_TRUE(test.ends_at.has_value());
  const auto expiry = [](std::string_view days) {
    return EventOf(
        "uptimekuma",
        absl::StrCat(R"({"heartbeat":null,"monitor":null,"msg":"[web][https://x] server certificate x will expire in )",
                     ToAbsl(days), R"( days"})"));
  };
  EXPECT_EQ(expiry("14").dedup_key, expiry("7").dedup_key);
  EXPECT_EQ(expiry("14").severity, Severity::kWarning);
  EXPECT_THAT(WhyIgnored("uptimekuma", R"({"heartbeat":{"status":2},"monitor":{"id":1}})"), HasSubstr("pending"));
  EXPECT_THAT(WhyIgnored("uptimekuma", R"({"heartbeat":{"status":"3"},"monitor":{"id":1}})"), HasSubstr("maintenance"));
  EXPECT_THAT(WhyUnreadable("uptimekuma", R"({"heartbeat":null,"monitor":null,"msg":null})"), HasSubstr("monitor"));
  EXPECT_EQ(EventOf("uptimekuma", R"({"name":"web","status":"🔴 Down","msg":"x"})").dedup_key, "name/web")
      << "a body of the user's own";
}

TEST(UptimeFamilyTest, RecoveriesMeetTheirAlerts) {
  const Step steps[] = {
      {"up, id as a number",     "uptimerobot", R"({"monitorID":777,"alertType":2})",                                           kOver,  "monitor/777"},
      {"down, in a form",        "uptimerobot", "monitorID=777&alertType=1",                                                    kFires, "monitor/777"},
      {"a certificate",          "uptimerobot", R"({"monitorID":"777","alertType":"3","sslExpiryDate":"soon"})",                kFires,
       "monitor/777/expiry"                                                                                                                          },
      {"without id",             "uptimerobot",
       R"({"monitor_url":"server1.example.com","monitor_friendly_name":"Web Server","alert_type":"2"})",                        kOver,
       "server1.example.com/Web Server"                                                                                                              },
      {"a transaction fails",    "pingdom",     R"({"check_id":"7","current_state":"FAILING"})",                                kFires, "7"          },
      {"a transaction",          "pingdom",     R"({"check_id":7,"current_state":"SUCCESS","second_probe":null})",              kOver,  "7"          },
      {"a certificate is valid", "updown",      R"([{"event":"check.ssl_valid","check":{"token":"t"}}])",                       kOver,  "t/ssl"      },
      {"a false flag",           "updown",      R"({"event":"check.down","check":{"token":"t","down":false},"downtime":null})", kFires,
       "t"                                                                                                                                           },
      {"another word",           "freshping",
       R"({"webhook_event_data":{"check_id":"7","check_state_name":"Performance Degraded"}})",                                  kFires, "7"          },
      {"available",              "insping",     R"({"webhook_event_data":{"check_id":7,"check_state_name":"AVAILABLE"}})",      kOver,  "7"          },
      {"up by its name",         "site24x7",    R"({"MONITORNAME":"GoAlert Site24x7 Test","STATUS":"UP"})",                     kOver,
       "GoAlert Site24x7 Test"                                                                                                                       },
      {"trouble",                "site24x7",    "MONITOR_ID=7&STATUS=TROUBLE",                                                  kFires, "7"          },
      {"failing",                "checkly",     R"({"alert_type":"ALERT_FAILURE","check_id":"c"})",                             kFires, "c"          },
      {"degraded, not well",     "checkly",     R"({"ALERT_TYPE":"ALERT_FAILURE_DEGRADED","CHECK_ID":"c"})",                    kFires, "c"          },
      {"well after degraded",    "checkly",     R"({"alert_type":"ALERT_DEGRADED_RECOVERY","check_id":"c"})",                   kOver,  "c"          },
      {"by its title",           "checkly",     R"({"event":"API Check has recovered","check_id":"c"})",                        kOver,  "c"          },
      {"a certificate",          "checkly",     R"({"alert_type":"ALERT_SSL","check_id":"c"})",                                 kFires, "c/ssl"      },
  };
  CheckSteps(steps);
  EXPECT_THAT(WhyIgnored("updown", R"([{"event":"check.brand_new","check":{"token":"t"}}])"), HasSubstr("brand_new"));
  EXPECT_THAT(WhyIgnored("pingdom", R"({"check_id":7,"current_state":"UNCONFIRMED_DOWN"})"), HasSubstr("unconfirmed"));
  EXPECT_THAT(WhyIgnored("site24x7", R"({"MONITORNAME":"x","STATUS":"Maintenance"})"), HasSubstr("Maintenance"));
}

TEST(ChecklySourceTest, SignaturesAreOfTheBodyAsItCame) {
  const Source& checkly = *FindSource("checkly");
  const std::string_view body = checkly.example;
  std::string digits;
  for (const char c : HmacSha256("secret", body))
    absl::StrAppend(&digits, absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
  const HttpHeader header{"X-Checkly-Signature", digits};
  const std::span<const HttpHeader> headers(&header, 1);
  EXPECT_TRUE(checkly.verify({.body = body, .headers = headers}, "secret", kSourceNow.wall).ok());
  EXPECT_FALSE(checkly.verify({.body = body, .headers = headers}, "another", kSourceNow.wall).ok());
  EXPECT_FALSE(checkly.verify({.body = "{}", .headers = headers}, "secret", kSourceNow.wall).ok());
  EXPECT_FALSE(checkly.verify({.body = body}, "secret", kSourceNow.wall).ok());
}

// ---- shapes without fixtures ----

TEST(OtherShapesTest, AreReadByTheirDocumentation) {
  const Step steps[] = {
      {"critical",   "sensu",
       R"({"entity":{"metadata":{"name":"db1","namespace":"prod"}},"check":{"metadata":{"name":"disk","namespace":"prod","labels":{"team":"db"}},"status":2}})",
       kFires,                                                                                                                                                           "prod/db1/disk"},
      {"passing",    "sensu",
       R"({"entity":{"metadata":{"name":"db1","namespace":"prod"}},"check":{"metadata":{"name":"disk","namespace":"prod"},"status":0,"state":"passing"}})",
       kOver,                                                                                                                                                            "prod/db1/disk"},
      {"Core",       "sensu",        R"({"id":"x","action":"create","client":{"name":"db1"},"check":{"name":"disk","status":1}})",
       kFires,                                                                                                                                                           "/db1/disk"    },
      {"Core, over", "sensu",
       R"({"id":"y","action":"resolve","client":{"name":"db1"},"check":{"name":"disk","status":0}})",                                                            kOver,
       "/db1/disk"                                                                                                                                                                      },
      {"critical",   "rackspace",
       R"({"event_id":"en:al:ch","details":{"state":"CRITICAL","target":"null"},"entity":{"id":"en"},"alarm":{"id":"al"}})",
       kFires,                                                                                                                                                           "en/al"        },
      {"ok, by id",  "rackspace",    R"({"event_id":"en:al:ch","details":{"state":"OK"},"entity":"null","alarm":null})",
       kOver,                                                                                                                                                            "en/al"        },
      {"JSON",       "papertrail",   R"({"events":[{"hostname":"a","message":"oom"}],"saved_search":{"id":42,"name":"oom"}})",
       kFires,                                                                                                                                                           "42"           },
      {"a form",     "papertrail",   "payload=%7B%22saved_search%22%3A%7B%22id%22%3A42%7D%2C%22events%22%3A%5B%5D%7D",                                           kFires,
       "42"                                                                                                                                                                             },
      {"trigger",    "thousandeyes",
       R"({"eventId":"1","eventType":"ALERT_NOTIFICATION_TRIGGER","alert":{"alertId":123,"active":1}})",                                                         kFires,
       "alert/123"                                                                                                                                                                      },
      {"clear",      "thousandeyes",
       R"([{"eventId":"2","eventType":"ALERT_NOTIFICATION_CLEAR","alert":{"alertId":"123","active":0}}])",                                                       kOver,
       "alert/123"                                                                                                                                                                      },
      {"inactive",   "thousandeyes", R"({"alert":{"testId":7,"ruleId":8,"active":0}})",                                                                          kOver,  "7/8"          },
      {"trigger",    "coralogix",
       R"({"alert_id":"a","name":"n","alert_action":"trigger","alert_severity":"critical","fields":[{"key":"team","value":"db"},{"key":"x","value":"$X"}]})",
       kFires,                                                                                                                                                           "a/"           },
      {"resolve",    "coralogix",
       R"({"alert_id":"a","name":"n","alert_action":"resolve","alert_group_by_values":"$ALERT_GROUP_BY_VALUES"})",                                               kOver,  "a/"           },
  };
  CheckSteps(steps);
  EXPECT_EQ(Find(EventOf("sensu", steps[0].body).labels, "team"), "db");
  EXPECT_EQ(Find(EventOf("coralogix", steps[11].body).labels, "team"), "db");
  EXPECT_EQ(Find(EventOf("rackspace", steps[4].body).annotations, "target"), "") << "\"null\" is nothing";
  EXPECT_THAT(WhyIgnored("sensu", R"({"entity":{},"metrics":{"points":[]}})"), HasSubstr("metrics"));
  EXPECT_THAT(WhyUnreadable("papertrail", R"({"events":[]})"), HasSubstr("saved_search"));
}

// ---- Alertmanager's own templates ----

TEST(AlertmanagerSourceTest, ABodyOfTheUsersOwnIsReadWhereItSaysEnough) {
  const Readings readings = ReadBody(
      "alertmanager",
      R"({"status":"resolved","details":[{"labels":{"a":"1"},"since":"2026-01-01T00:00:00Z"},{"labels":{"a":"2"},"status":"firing"}]})");
  ASSERT_THAT(readings, SizeIs(2));
  EXPECT_EQ(readings[0].event->kind, kOver);
  EXPECT_EQ(readings[1].event->kind, kFires);
  EXPECT_THAT(readings[0].event->dedup_key, IsEmpty()) << "the labels are the identity";
  const AlertEvent flat = EventOf("alertmanager", R"({"status":"resolved","title":"DiskFull","instance":"db1"})");
  EXPECT_EQ(flat.kind, kOver);
  EXPECT_EQ(Find(flat.labels, "alertname"), "DiskFull");
}

}  // namespace
}  // namespace tocsin
