// What no fixture shows of the sources that watch hosts: the recovery where only the firing is recorded, other forms, nulls, odd types.
#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/fields.h"
#include "ingest/source.h"
#include "ingest/webhook_parts.h"
#include "tests/ingest/fixtures.h"
#include "tests/ingest/read_source.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

// ---- what several share ----

TEST(WebhookPartsTest, NamedTagsAreLabelsAndTheOthersAreTogether) {
  const auto labels = [](std::string_view tags, std::string_view separators) {
    EventBuilder event;
    AddTags(event, tags, separators);
    std::string text;
    for (const Label& label : event.event().labels)
      absl::StrAppend(&text, label.name, "=", label.value, ";");
    return text;
  };
  EXPECT_EQ(labels("env:prod, team=db,nightly, weekly", ","), "env=prod;team=db;tags=nightly,weekly;");
  EXPECT_EQ(labels("prod db", " ,"), "tags=prod,db;");
  EXPECT_EQ(labels(R"([{"tag":"class","value":"os"},{"name":"bare"},"x:y",7,null])", ","), "class=os;x=y;tags=bare,7;");
  EXPECT_EQ(labels(R"({"env":"prod"})", ","), "env=prod;");
  EXPECT_EQ(labels("http://x,:,a:,", ","), "tags=http://x,:,a:;");
  EXPECT_EQ(labels("", ","), "");
  EXPECT_EQ(labels("[broken", ","), "");
}

TEST(WebhookPartsTest, TimesNeedAZoneThatIsClear) {
  const absl::Time noon = absl::FromUnixSeconds(1'726'142'400);
  for (const std::string_view text :
       {"2024-09-12 12:00:00 +0000", "2024-09-12 14:00:00 +0200", "Thu Sep 12 12:00:00 UTC 2024",
        "Thu Sep 12 12:00:00 GMT 2024", "2024-09-12 12:00:00 UTC"})
    EXPECT_EQ(ParseZonedTime(text), noon) << text;
  for (const std::string_view text :
       {"2024-09-12 12:00:00", "Thu Sep 12 12:00:00 IST 2024", "09-12-2024 12:00:00", "", "now"})
    EXPECT_EQ(ParseZonedTime(text), std::nullopt) << text;
}

TEST(FieldsTest, ReadsPartsQueriesAndLinesWhateverTheyAreCalled) {
  struct Case {
    std::string_view name, body, content_type, query;
  };
  const Case cases[] = {
      {"parts",
       "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b\r\nContent-Disposition: form-data; "
       "name=\"b\"\r\n"
       "Content-Type: text/plain\r\n\r\n2\r\n--b--\r\n", "multipart/form-data; boundary=b",   ""       },
      {"parts, LF",
       "--b\nContent-Disposition: form-data; name=\"a\"\n\n1\n--b\nContent-Disposition: form-data; "
       "name=\"b\"\n\n2\n--b--\n",                       "",                                  ""       },
      {"query",         "",                              "",                                  "a=1&b=2"},
      {"lines as form", "A=1\nB=2\n",                    "application/x-www-form-urlencoded", ""       },
      {"form",          "a=1&b=2",                       "",                                  ""       },
      {"JSON as text",  R"({"a":1,"b":"2"})",            "text/plain",                        ""       },
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const auto all =
        ReadFields({.body = c.body, .content_type = c.content_type, .query = c.query}, /*with_lines=*/true);
    ASSERT_TRUE(all.ok()) << all.status();
    EXPECT_EQ((*all)[0].Get({"a"}), "1");
    EXPECT_EQ((*all)[0].Get({"b"}), "2");
  }
}

TEST(FieldsTest, UnfoldsJsonThatStandsInATextAndNothingElse) {
  Fields fields = Fields::FromForm("data=%7B%22a%22%3A%7B%22b%22%3A7%7D%7D&text=%7B%22c%22%3A1%7D&list=%5B1%5D");
  fields.Unfold({"data", "list"});
  EXPECT_EQ(fields.Get({"data.a.b"}), "7");
  EXPECT_EQ(fields.Get({"text.c"}), "");
}

// ---- Nagios and its relatives ----

TEST(NagiosSourceTest, AHostsNotificationIsTheHostsWhateverItsServiceMacrosHold) {
  const Step steps[] = {
      {"what Opsgenie's script says",               "nagios",
       R"({"entity_type":"host","notification_type":"PROBLEM","host_name":"a","host_state":"DOWN","service_desc":"old"})",
       kFires,                                                                                                                     "event_source=host;host_name=a"},
      {"what PagerDuty's agent says",               "nagios",
       R"({"event_type":"acknowledge","details":{"HOSTNAME":"a","HOSTSTATE":"down","pd_nagios_object":"host"}})",          kAcked, "event_source=host;host_name=a"},
      {"a type with an addition",                   "nagios",
       R"j({"NOTIFICATIONTYPE":"PROBLEM (CRITICAL)","HOSTNAME":"a","SERVICEDESC":"b"})j",                                  kFires,
       "event_source=service;host_name=a;service_desc=b"                                                                                                          },
      {"an acknowledgement that is critical still", "nagios",
       R"({"NOTIFICATIONTYPE":"ACKNOWLEDGEMENT","HOSTNAME":"a","SERVICEDESC":"b","SERVICESTATE":"CRITICAL"})",             kAcked,
       "event_source=service;host_name=a;service_desc=b"                                                                                                          },
      {"a script without quotes around quotes",     "nagios",
       R"({"HOSTNAME":"a","SERVICEDESC":"b","SERVICESTATE":"OK","SERVICEOUTPUT":"disk "C:" is fine"})",                    kOver,
       "event_source=service;host_name=a;service_desc=b"                                                                                                          },
  };
  CheckSteps(steps);
}

TEST(Icinga2SourceTest, AllThreeFormsMeetOnOneKey) {
  const Step steps[] = {
      {"a command",          "icinga2",
       R"({"notification.type":"PROBLEM","host.name":"db1","service.name":"disk","service.state":"CRITICAL"})",                kFires,
       "db1!disk"                                                                                                                                },
      {"the stream, hard",   "icinga2",
       R"({"type":"StateChange","timestamp":1697188278.202986,"host":"db1","service":"disk","state":2.0,"state_type":1.0})",
       kFires,                                                                                                                         "db1!disk"},
      {"the stream, well",   "icinga2",
       R"({"type":"StateChange","host":"db1","service":"disk","state":0,"state_type":1})",                                     kOver,  "db1!disk"},
      {"acknowledged",       "icinga2",
       R"({"type":"AcknowledgementSet","host":"db1","service":"disk","state":2,"author":"bob","comment":"mine"})",             kAcked, "db1!disk"},
      {"a notification",     "icinga2",
       R"({"type":"Notification","notification_type":"RECOVERY","host":"db1","service":"disk","check_result":{"state":0.0}})",
       kOver,                                                                                                                          "db1!disk"},
      {"process-event",      "icinga2",
       R"({"name":"x","tags":{"host":"db1","service":"disk"},"type":"state","severity":"crit","message":"m"})",                kFires,
       "db1!disk"                                                                                                                                },
      {"acknowledgement",    "icinga2",
       R"({"name":"x","tags":{"host":"db1","service":"disk"},"type":"acknowledgement-set","severity":null})",                  kAcked,
       "db1!disk"                                                                                                                                },
      {"a host, no service", "icinga2",
       R"({"type":"StateChange","host":"db1","service":null,"state":1,"state_type":1})",                                       kFires, "db1"     },
      {"other tags",         "icinga2", R"({"name":"x","tags":{"b":"2","a":"1"},"type":"state","severity":"alert"})",          kFires,
       "a=1,b=2"                                                                                                                                 },
  };
  CheckSteps(steps);
}

TEST(Icinga2SourceTest, WhatSaysNothingIsIgnoredAndWhatIsBrokenIsNot) {
  EXPECT_THAT(WhyIgnored("icinga2", R"({"type":"StateChange","host":"a","state":1,"state_type":0})"),
              HasSubstr("soft"));
  EXPECT_THAT(WhyIgnored("icinga2", R"({"type":"CheckResult","host":"a"})"), HasSubstr("CheckResult"));
  EXPECT_THAT(WhyIgnored("icinga2", R"({"tags":{"host":"a"},"type":"downtime-start","severity":"crit"})"),
              HasSubstr("downtime-start"));
  EXPECT_THAT(WhyUnreadable("icinga2", R"({"error":401,"status":"Unauthorized. Please check your user credentials."})"),
              HasSubstr("401"));
  EXPECT_THAT(WhyUnreadable("icinga2", R"({"type":"StateChange","host":"a"})"), HasSubstr("state: missing"));
  EXPECT_THAT(WhyUnreadable("icinga2", R"({"type":"StateChange","state":1,"state_type":1})"),
              HasSubstr("host: missing"));
}

TEST(Icinga2SourceTest, AHostIsDownThoughItsCheckWasCritical) {
  const AlertEvent event = EventOf(
      "icinga2",
      R"({"type":"StateChange","host":"a","state":1,"state_type":1,"check_result":{"state":2,"output":"down\nlong"}})");
  EXPECT_EQ(event.severity, Severity::kCritical);
  EXPECT_EQ(Find(event.annotations, "state"), "DOWN");
  EXPECT_EQ(Find(event.annotations, "summary"), "a is DOWN: down");
  EXPECT_EQ(Find(event.annotations, "description"), "down\nlong");
}

TEST(Icinga2SourceTest, ReadsTheStreamLineByLine) {
  const Readings readings =
      ReadBody("icinga2", R"({"type":"StateChange","host":"a","service":"s","state":2,"state_type":1}
{"type":"CommentAdded","host":"a"}

{"type":"StateChange","host":
{"type":"StateChange","host":"a","service":"s","state":0,"state_type":1})");
  ASSERT_THAT(readings, SizeIs(4));
  EXPECT_EQ(readings[0].event->kind, kFires);
  EXPECT_FALSE(readings[1].event.has_value());
  EXPECT_TRUE(readings[2].stands_in) << "a broken line is told, and spoils no other";
  EXPECT_EQ(readings[3].event->kind, kOver);
}

TEST(Icinga2SourceTest, SaysThatAStreamWasTooLong) {
  std::string body;
  for (int i = 0; i < 10'005; ++i)
    body += "{\"type\":\"CheckResult\"}\n";
  const Readings readings = ReadBody("icinga2", body);
  ASSERT_THAT(readings, SizeIs(10'000));
  EXPECT_TRUE(readings.back().stands_in);
  EXPECT_THAT(readings.back().reason, HasSubstr("more than 10000 alerts in one message"));
}

TEST(CheckmkSourceTest, ReadsItsOwnForms) {
  const Step steps[] = {
      {"short states",   "checkmk",
       R"({"NOTIFY_WHAT":"SERVICE","NOTIFY_NOTIFICATIONTYPE":"RECOVERY","NOTIFY_HOSTNAME":"h","NOTIFY_SERVICEDESC":"s","NOTIFY_OMD_SITE":"x"})",
       kOver,                                                                                                                                                    "x/h/s"},
      {"acknowledged",   "checkmk",
       R"({"what":"SERVICE","notification_type":"ACKNOWLEDGEMENT","host":"h","service":"s","state":"CRIT","site":"x"})",                                 kAcked, "x/h/s"},
      {"literal macro",  "checkmk",
       R"({"NOTIFY_WHAT":"HOST","NOTIFY_NOTIFICATIONTYPE":"PROBLEM","NOTIFY_HOSTNAME":"h","NOTIFY_SERVICEDESC":"$SERVICEDESC$","NOTIFY_OMD_SITE":"x"})",
       kFires,                                                                                                                                                   "x/h"  },
      {"without a type", "checkmk",
       R"({"NOTIFY_WHAT":"HOST","NOTIFY_HOSTNAME":"h","NOTIFY_HOSTSTATE":"UP","NOTIFY_OMD_SITE":"x"})",                                                  kOver,  "x/h"  },
  };
  CheckSteps(steps);
  EXPECT_THAT(WhyIgnored("checkmk", R"j({"NOTIFY_HOSTNAME":"h","NOTIFY_NOTIFICATIONTYPE":"ALERTHANDLER (OK)"})j"),
              HasSubstr("ALERTHANDLER"));
  EXPECT_THAT(WhyUnreadable("checkmk", R"({"NOTIFY_WHAT":"HOST"})"), HasSubstr("NOTIFY_HOSTNAME"));
}

TEST(CheckmkSourceTest, RoutesByTagsAndLinksToTheSiteThatItKnows) {
  const AlertEvent event = EventOf(
      "checkmk",
      "NOTIFY_WHAT=SERVICE\nNOTIFY_NOTIFICATIONTYPE=PROBLEM\nNOTIFY_HOSTNAME=h\nNOTIFY_SERVICEDESC=s\n"
      "NOTIFY_SERVICESTATE=UNKN\nNOTIFY_HOSTTAG_criticality=prod\nNOTIFY_SERVICELABEL_team=db\nNOTIFY_SERVICEURL="
      "/check_mk/index.py?x\n"
      "NOTIFY_PARAMETER_URL_PREFIX=https://mon.example.com/cmk/check_mk/\n",
      "application/x-www-form-urlencoded");
  EXPECT_EQ(Find(event.labels, "criticality"), "prod");
  EXPECT_EQ(Find(event.labels, "team"), "db");
  EXPECT_EQ(event.link, "https://mon.example.com/cmk/check_mk/index.py?x");
}

// ---- Zabbix ----

TEST(ZabbixSourceTest, FindsTheProblemInEveryForm) {
  const Step steps[] = {
      {"acknowledged update",  "zabbix",
       R"({"event_id":"7","event_value":"1","event_update_status":"1","event_update_action":"acknowledged"})",                                                        kAcked,
       "event/7"                                                                                                                                                                                },
      {"taken back",           "zabbix",
       R"({"event_id":"7","event_value":"1","event_update_status":"1","event_update_action":"unacknowledged"})",                                                      kFires,
       "event/7"                                                                                                                                                                                },
      {"another update",       "zabbix",
       R"({"event_id":7,"event_value":1,"event_update_status":1,"event_update_action":"changed severity"})",                                                          kFires,
       "event/7"                                                                                                                                                                                },
      {"status alone",         "zabbix", R"({"event":{"id":"7","status":"RESOLVED","recovery_id":"9"}})",                                                             kOver,  "event/7"         },
      {"trigger and host",     "zabbix", R"({"trigger_id":"22","host_name":"h","trigger_status":"OK"})",                                                              kOver,  "22-h"            },
      {"name and host",        "zabbix", R"({"hostname":"h","trigger":"disk full","status":"OK"})",                                                                   kOver,  "name/h/disk full"},
      {"its own message",      "zabbix",
       R"({"subject":"Resolved in 5m: disk full","message":"Problem has been resolved at 1:2\r\nProblem name: disk full\r\nHost: h\r\nOriginal problem ID: 7\r\n"})",
       kOver,                                                                                                                                                                 "event/7"         },
      {"PagerDuty's script",   "zabbix",
       R"({"subject":"resolve","message":"name:disk full\r\nid:22\r\nstatus:OK\r\nhostname:h\r\nvalue:0\r\nevent_id:99"})",
       kOver,                                                                                                                                                                 "22-h"            },
      {"an escalation's end",  "zabbix",
       R"({"event_type":"trigger","incident_key":"22-h","description":"NOTE: Escalation cancelled: trigger deleted","details":{"value":"1"}})",
       kOver,                                                                                                                                                                 "22-h"            },
      {"values that disagree", "zabbix", R"({"event_id":"7","event_value":"0","trigger_status":"PROBLEM"})",                                                          kOver,
       "event/7"                                                                                                                                                                                },
  };
  CheckSteps(steps);
  EXPECT_THAT(WhyIgnored("zabbix", R"({"event_id":"7","event_source":"1","event_value":"1"})"), HasSubstr("discovery"));
  EXPECT_THAT(WhyUnreadable("zabbix", R"({"event_id":"{EVENT.ID}"})"), HasSubstr("event_id"));
}

TEST(ZabbixSourceTest, LevelsCountMoreThanTheirNames) {
  constexpr std::pair<std::string_view, Severity> kLevels[] = {
      {"0", Severity::kUnknown },
      {"1", Severity::kInfo    },
      {"2", Severity::kWarning },
      {"3", Severity::kWarning },
      {"4", Severity::kHigh    },
      {"5", Severity::kCritical}
  };
  for (const auto& [level, severity] : kLevels) {
    const AlertEvent event = EventOf(
        "zabbix",
        absl::StrCat(R"({"event_id":"7","event_severity":"Ganz schlimm","event_nseverity":")", ToAbsl(level), "\"}"));
    EXPECT_EQ(event.severity, severity) << level;
  }
}

// ---- PRTG, LibreNMS, LogicMonitor, Librato ----

TEST(PrtgSourceTest, UnderstandsStatesAndTheirEnds) {
  struct Case {
    std::string_view status;
    EventKind kind;
    Severity severity;
  };
  const Case cases[] = {
      {"Down",                         kFires, Severity::kCritical},
      {"Down (Acknowledged)",          kAcked, Severity::kCritical},
      {"Down (Partial)",               kFires, Severity::kHigh    },
      {"Down ESCALATION (after 600s)", kFires, Severity::kCritical},
      {"Down ended (now: Up)",         kOver,  Severity::kInfo    },
      {"Down ended (now: Warning)",    kFires, Severity::kWarning },
      {"Warning",                      kFires, Severity::kWarning },
      {"Unusual",                      kFires, Severity::kLow     },
      {"Up",                           kOver,  Severity::kInfo    },
      {"Paused (paused by user)",      kOver,  Severity::kInfo    },
      {"Fehler",                       kFires, Severity::kCritical},
      {"Fehler (Bestätigt)",          kAcked, Severity::kCritical},
      {"Unknown",                      kFires, Severity::kUnknown },
      {"Ocelot",                       kFires, Severity::kUnknown },
  };
  for (const Case& c : cases) {
    const AlertEvent event = EventOf("prtg", absl::StrCat(R"({"sensorid":2041,"status":")", ToAbsl(c.status), "\"}"));
    EXPECT_EQ(Name(event.kind), Name(c.kind)) << c.status;
    EXPECT_EQ(Name(event.severity), Name(c.severity)) << c.status;
    EXPECT_EQ(event.dedup_key, "sensor/2041");
  }
  EXPECT_EQ(EventOf("prtg", "sensorid=%sensorid&device=r1&name=Ping&status=Down").dedup_key, "r1/Ping")
      << "a placeholder is no id";
  EXPECT_THAT(WhyUnreadable("prtg", "sensorid=1"), HasSubstr("status"));
}

TEST(LibrenmsSourceTest, StatesAreTextsAndStatusIsTheDevices) {
  const Step steps[] = {
      {"alert",        "librenms", R"({"alert_id":"26","id":"37","state":"1","status":"1","severity":"critical"})", kFires,
       "alert/26"                                                                                                                     },
      {"recovered",    "librenms", R"({"alert_id":26,"id":38,"state":0,"status":"0"})",                             kOver,  "alert/26"},
      {"acknowledged", "librenms", R"({"alert_id":"26","state":"2"})",                                              kAcked, "alert/26"},
      {"worse",        "librenms", R"({"alert_id":"26","state":"3"})",                                              kFires, "alert/26"},
      {"by its title", "librenms",
       R"({"device_id":"2","rule_id":"13","title":"Device a recovered from Devices up/down"})",                     kOver,
       "device/2/rule/13"                                                                                                             },
  };
  CheckSteps(steps);
  EXPECT_EQ(EventOf("librenms", "", "", "alert_id=26&state=0&hostname=a").kind, kOver) << "GET";
  EXPECT_THAT(WhyUnreadable("librenms", "{}"), HasSubstr("alert_id"));
}

TEST(LogicmonitorSourceTest, TheLevelStaysAndTheStatusCounts) {
  const Step steps[] = {
      {"acknowledged", "logicmonitor", R"({"alert_id":"LMD1","alert_status":"ack","error_level":"critical"})",            kAcked,
       "LMD1"                                                                                                                            },
      {"cleared",      "logicmonitor", R"({"alertid":"LMD1","alertstatus":"CLEAR","level":"critical"})",                  kOver,  "LMD1" },
      {"updated",      "logicmonitor", R"({"alertid":"LMD1","alertstatus":"update"})",                                    kFires, "LMD1" },
      {"unfilled",     "logicmonitor", R"({"alertid":"##ALERTID##","host":"h","datasource":"d","alertstatus":"active"})",
       kFires,                                                                                                                    "h/d//"},
      {"a form",       "logicmonitor", "alert_id=LMD1&alert_status=clear",                                                kOver,  "LMD1" },
  };
  CheckSteps(steps);
  const AlertEvent test = EventOf("logicmonitor", R"({"alert_status":"test","message":"hello"})");
  EXPECT_EQ(test.ends_at, kSourceNow.wall + absl::Minutes(10));
}

TEST(LibratoSourceTest, AnythingInClearResolves) {
  const Step steps[] = {
      {"automatic",  "librato", R"({"alert":{"id":7},"clear":"auto"})",                                          kOver,  "alert/7"},
      {"none",       "librato", R"({"alert":{"id":"7"},"clear":null,"violations":null})",                        kFires, "alert/7"},
      {"in payload", "librato", R"({"payload":{"alert":{"id":7},"clear":"manual"}})",                            kOver,  "alert/7"},
      {"version 1",  "librato",
       R"({"alert":{"id":7},"metric":{"name":"load"},"measurement":{"value":1,"source":"a"},"trigger_time":1})", kFires,
       "alert/7"                                                                                                                  },
  };
  CheckSteps(steps);
  EXPECT_THAT(WhyIgnored("librato", R"({"snapshot":{"image_url":"http://x"}})"), HasSubstr("snapshot"));
  EXPECT_THAT(WhyUnreadable("librato", R"({"alert":{"name":null}})"), HasSubstr("incident_key"));
  EXPECT_THAT(WhyUnreadable("librato", "payload=%7B%22alert%22%3A"), HasSubstr("byte"));
}

// ---- Netdata ----

TEST(NetdataSourceTest, ReadsWhatItsScriptPastesTogether) {
  const auto fixtures = FixtureFolder();
  if (!fixtures) GTEST_SKIP() << "no captures here: set TOCSIN_FIXTURES";
  int seen = 0;
  for (const Capture& capture : ReadCaptures(*fixtures / "captures/netdata")) {
    if (!capture.target.starts_with("/v1/json/integrations/webhooks/netdata")) continue;
    SCOPED_TRACE(capture.name);
    const AlertEvent event = EventOf("netdata", capture.body, "application/json");
    EXPECT_EQ(event.kind, capture.body.find(R"("status" : "CLEAR")") == std::string::npos ? kFires : kOver);
    ++seen;
    EXPECT_EQ(event.dedup_key, "nd1/disk.var/disk_space");
    EXPECT_THAT(Find(event.annotations, "description"), HasSubstr(R"(disk "full" <x> & more)"));
    EXPECT_EQ(event.starts_at, absl::FromUnixSeconds(1'795'289'900));
  }
  EXPECT_EQ(seen, 4);
}

TEST(NetdataSourceTest, WhatIsNotWatchedAnyMoreIsOver) {
  const Step steps[] = {
      {"removed",         "netdata", R"({"host":"a","chart":"c","name":"n","status":"REMOVED"})",         kOver,  "a/c/n"},
      {"a name of words", "netdata",
       R"({"message":"x on b is c on a is clear","alert":"x on b is c","chart":"c","severity":"clear"})", kOver,
       "a/c/x on b is c"                                                                                                 },
      {"no host at all",  "netdata",
       R"({"alert":"n","chart":"c","severity":"warning","alert_url":"https://x/alerts/9b1f?state=1"})",   kFires,
       "9b1f/c/n"                                                                                                        },
      {"unreachable",     "netdata", R"({"host":"a","severity":null,"status":{"reachable":"false"}})",    kFires,
       "a/reachability"                                                                                                  },
  };
  CheckSteps(steps);
  EXPECT_THAT(WhyIgnored("netdata", R"({"host":"a","chart":"c","name":"n","status":"UNINITIALIZED"})"),
              HasSubstr("nothing is known"));
  EXPECT_THAT(WhyUnreadable("netdata", R"({"alert":"n","chart":"c","space":"s"})"), HasSubstr("severity"));
  EXPECT_EQ(Find(EventOf("netdata", R"({"message":"Test notification"})").labels, "alertname"), "Test");
}

}  // namespace
}  // namespace tocsin
