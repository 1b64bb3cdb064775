// What the payloads of golden/ do not show of the sources of clouds and of what watches them: recoveries of which only the beginning is
// there, missing and odd members, other versions of schemas, other ways of wrapping.
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "ingest/otlp_wire.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Now kNow{.wall = absl::FromUnixSeconds(1'795'289'000), .engine = EngineTime(0)};

Readings Read(std::string_view source, const SourceRequest& request) {
  return ReadPayload(*FindSource(source), request, kNow);
}

Readings Read(std::string_view source, std::string_view body) {
  return Read(source, SourceRequest{.body = body});
}

// The event of a body that has one.
AlertEvent EventOf(std::string_view source, std::string_view body) {
  const Readings readings = Read(source, body);
  EXPECT_THAT(readings, SizeIs(1));
  if (readings.size() != 1 || !readings[0].event || readings[0].stands_in) {
    ADD_FAILURE() << body << ": " << (readings.empty() ? "nothing" : readings[0].reason);
    return {};
  }
  return *readings[0].event;
}

std::string LabelOf(std::string_view source, std::string_view body, std::string_view name) {
  return std::string(Find(EventOf(source, body).labels, name));
}

struct KindCase {
  std::string_view name;
  std::string_view source;
  std::string_view body;
  std::string_view kind;  // "ignored", "unreadable"
  std::string_view key;
};

std::string_view OutcomeOf(const Reading& reading) {
  if (!reading.event) return "ignored";
  return reading.stands_in ? "unreadable" : Name(reading.event->kind);
}

void Check(std::span<const KindCase> cases) {
  for (const KindCase& c : cases) {
    SCOPED_TRACE(absl::StrCat(ToAbsl(c.source), ": ", ToAbsl(c.name)));
    const Readings readings = Read(c.source, c.body);
    ASSERT_THAT(readings, SizeIs(1));
    EXPECT_EQ(OutcomeOf(readings[0]), c.kind) << readings[0].reason;
    if (readings[0].event && !readings[0].stands_in) {
      EXPECT_EQ(readings[0].event->dedup_key, c.key);
    }
  }
}

// ---- Amazon ----

TEST(AmazonSourceTest, ReadsAlarmsThroughEveryWay) {
  constexpr std::string_view kArn = "arn:aws:cloudwatch:eu-west-1:1:alarm:cpu";
  const KindCase cases[] = {
      {"raw delivery",        "cloudwatch_sns",
       R"({"AlarmName":"cpu","AlarmArn":"arn:aws:cloudwatch:eu-west-1:1:alarm:cpu","NewStateValue":"OK"})",                                                                                                                          "resolve",
       kArn                                                                                                                                                                                                                                                          },
      {"a relay opened it",   "cloudwatch_sns",
       R"({"Type":"Notification","Message":{"AlarmName":"cpu","AlarmArn":"arn:aws:cloudwatch:eu-west-1:1:alarm:cpu","NewStateValue":"ALARM"}})",
       "trigger",                                                                                                                                                                                                                                  kArn              },
      {"EventBridge in it",   "cloudwatch_sns",
       R"({"Type":"Notification","Message":"{\"detail-type\":\"CloudWatch Alarm State Change\",\"resources\":[\"arn:aws:cloudwatch:eu-west-1:1:alarm:cpu\"],\"detail\":{\"alarmName\":\"cpu\",\"state\":{\"value\":\"OK\"}}}"})",
       "resolve",                                                                                                                                                                                                                                  kArn              },
      {"a new state",         "cloudwatch_sns",
       R"({"AlarmName":"cpu","AlarmArn":"arn:aws:cloudwatch:eu-west-1:1:alarm:cpu","NewStateValue":"ODD"})",                                                                                                                         "trigger",
       kArn                                                                                                                                                                                                                                                          },
      {"composite",           "cloudwatch_sns",
       R"({"Type":"Notification","Message":"{\"AlarmName\":\"all\",\"AlarmArn\":\"arn:aws:cloudwatch:eu-west-1:1:alarm:cpu\",\"NewStateValue\":\"ALARM\",\"AlarmRule\":\"ALARM(a)\",\"Trigger\":null,\"AlarmDescription\":null}"})",
       "trigger",                                                                                                                                                                                                                                  kArn              },
      {"no message",          "cloudwatch_sns", R"({"Type":"Notification"})",                                                                                                                                                        "unreadable", ""                },
      {"a record of another", "cloudwatch_sns", R"({"Records":[{"s3":{}}]})",                                                                                                                                                        "unreadable", ""                },
      {"suppressed",          "eventbridge",
       R"({"detail-type":"CloudWatch Alarm State Change","resources":["arn:x"],"detail":{"alarmName":"a","state":{"value":"ALARM","actionsSuppressedBy":"WaitPeriod"}}})",
       "ignored",                                                                                                                                                                                                                                  ""                },
      {"deleted",             "eventbridge",
       R"({"detail-type":"CloudWatch Alarm Configuration Change","resources":["arn:aws:cloudwatch:eu-west-1:1:alarm:cpu"],"detail":{"alarmName":"cpu","operation":"delete"}})",
       "resolve",                                                                                                                                                                                                                                  kArn              },
      {"changed",             "eventbridge",
       R"({"detail-type":"CloudWatch Alarm Configuration Change","detail":{"operation":"update"}})",                                                                                                                                 "ignored",    ""                },
      {"detail alone",        "eventbridge",    R"({"alarmName":"cpu","state":{"value":"ALARM"}})",                                                                                                                                  "trigger",    "//cpu"           },
      {"without an ARN",      "eventbridge",
       R"({"detail-type":"CloudWatch Alarm State Change","account":"1","region":"eu-west-1","detail":{"alarmName":"cpu","state":{"value":"ALARM"}}})",
       "trigger",                                                                                                                                                                                                                                  "1/eu-west-1/cpu" },
      {"Health",              "eventbridge",
       R"({"detail-type":"AWS Health Event","detail":{"eventArn":"arn:aws:health:1","statusCode":"closed","eventTypeCode":"AWS_EC2_X","startTime":"Sat, 05 Jun 2021 15:10:09 GMT"}})",
       "resolve",                                                                                                                                                                                                                                  "arn:aws:health:1"},
      {"GuardDuty",           "eventbridge",
       R"({"detail-type":"GuardDuty Finding","detail":{"id":"f1","severity":8,"type":"T","title":"t"}})",                                                                                                                            "trigger",
       "f1"                                                                                                                                                                                                                                                          },
      {"neither",             "eventbridge",    "{}",                                                                                                                                                                                "unreadable", ""                },
  };
  Check(cases);
}

TEST(AmazonSourceTest, SeriesOfOneAlarmAreAlertsOfTheirOwn) {
  constexpr std::string_view kBody =
      R"({"detail-type":"CloudWatch Alarm Contributor State Change","resources":["arn:a"],"region":"cn-north-1","detail":{"alarmName":"all hosts",
      "alarmContributor":{"id":"c1","attributes":{"InstanceId":"i-1"}},"state":{"value":"ALARM"}}})";
  const AlertEvent event = EventOf("eventbridge", kBody);
  EXPECT_EQ(event.dedup_key, "arn:a/c1");
  EXPECT_EQ(Find(event.labels, "InstanceId"), "i-1");
  EXPECT_EQ(event.link,
            "https://cn-north-1.console.amazonaws.cn/cloudwatch/home?region=cn-north-1#alarmsV2:alarm/all%20hosts");
}

// ---- Azure, Google ----

TEST(AzureSourceTest, ReadsTheSchemasThatNoFixtureShows) {
  const KindCase cases[] = {
      {"classic recovery",     "azure_monitor", R"({"status":"Resolved","context":{"id":"/R/1","resourceId":"/X/2"}})",
       "resolve",                                                                                                                                                                                 "\\/r\\/1/\\/x\\/2"           },
      {"activity log",         "azure_monitor",
       R"({"schemaId":"Microsoft.Insights/activityLogs","data":{"status":"Activated","context":{"activityLog":{"operationName":"Restart","resourceId":"/a/B","level":"Error"}}}})",
       "trigger",                                                                                                                                                                                 "activitylog/restart/\\/a\\/b"},
      {"service health, over", "azure_monitor",
       R"({"data":{"essentials":{"alertId":"/new/each/time","monitorCondition":"Fired"},"alertContext":{"properties":{"trackingId":"T1","stage":"Resolved","title":"SQL"}}}})",
       "resolve",                                                                                                                                                                                 "servicehealth/T1"            },
      {"service health",       "azure_monitor",
       R"({"data":{"essentials":{"alertId":"/new","monitorCondition":"Fired"},"alertContext":{"properties":{"trackingId":"T1","stage":"Active"}}}})",
       "trigger",                                                                                                                                                                                 "servicehealth/T1"            },
      {"resource health",      "azure_monitor",
       R"({"data":{"essentials":{"alertId":"/new","monitorCondition":"Fired","alertTargetIDs":["/S/vm"]},"alertContext":{"properties":{"currentHealthStatus":"Available"}}}})",
       "resolve",                                                                                                                                                                                 "resourcehealth/\\/s\\/vm"    },
      {"log search",           "azure_monitor",
       R"({"schemaId":"Microsoft.Insights/LogAlert","data":{"SubscriptionId":"s","WorkspaceId":"w","AlertRuleName":"r","Severity":"Warning","ResultCount":2}})",
       "trigger",                                                                                                                                                                                 "logsearch/s/w/r"             },
      {"autoscale",            "azure_monitor", R"({"status":"Activated","operation":"Scale In","context":{"id":"a"}})",                                                            "ignored",
       ""                                                                                                                                                                                                                       },
      {"odd condition",        "azure_monitor", R"({"data":{"essentials":{"alertId":"a","monitorCondition":"Wobbly"}}})",
       "trigger",                                                                                                                                                                                 "a"                           },
      {"nulls",                "azure_monitor", R"({"data":{"essentials":{"alertId":null},"alertContext":null}})",                                                                  "unreadable", ""                            },
      {"another's",            "azure_monitor", R"({"data":{}})",                                                                                                                   "unreadable", ""                            },
  };
  Check(cases);
  EXPECT_EQ(EventOf("azure_monitor", R"({"data":{"essentials":{"alertId":"a","severity":"Sev0"}}})").severity,
            Severity::kCritical);
  EXPECT_EQ(EventOf("azure_monitor", R"({"data":{"context":{"id":"a","severity":1}}})").severity, Severity::kHigh);
}

TEST(GoogleSourceTest, OpensWhatPubSubWraps) {
  constexpr std::string_view kIncident =
      R"({"incident":{"incident_id":"i1","state":"OPEN","severity":"Critical","started_at":"1675315787","policy_user_labels":{"team":"db"}},"version":"1.2"})";
  const std::string pushed = absl::StrFormat(R"({"message":{"data":"%s","messageId":"7"},"subscription":"s"})",
                                             absl::Base64Escape(ToAbsl(kIncident)));
  for (const std::string& body : {std::string(kIncident), pushed}) {
    const AlertEvent event = EventOf("gcp_monitoring", body);
    EXPECT_EQ(event.dedup_key, "i1");
    EXPECT_EQ(event.severity, Severity::kCritical);
    EXPECT_EQ(Find(event.labels, "team"), "db");
    EXPECT_EQ(event.starts_at, absl::FromUnixSeconds(1675315787));
  }
  const KindCase cases[] = {
      {"closed without an end", "gcp_monitoring",
       R"({"incident":{"incident_id":"i","state":"closed","ended_at":null}})",                         "resolve",    "i" },
      {"an odd state",          "gcp_monitoring", R"({"incident":{"incident_id":17,"state":"lost"}})", "trigger",    "17"},
      {"no id",                 "gcp_monitoring", R"({"incident":{"state":"open"}})",                  "unreadable", ""  },
      {"no base64",             "gcp_monitoring", R"({"message":{"data":"***"}})",                     "unreadable", ""  },
      {"base64 of nothing",     "gcp_monitoring", R"({"message":{"data":"aGk="}})",                    "unreadable", ""  },
  };
  Check(cases);
}

// ---- what watches applications ----

TEST(ObservabilitySourceTest, ReadsEveryStateAndShape) {
  const KindCase cases[] = {
      {"closed, lower case",      "newrelic",     R"({"issueId":"i","state":"closed"})",                                                        "resolve",     "i"                },
      {"a form",                  "newrelic",     "incident_id=7&account_id=1&current_state=acknowledged",                                      "acknowledge", "1/7"              },
      {"no id at all",            "newrelic",     R"({"state":"CREATED","issueUrl":"https://x/1"})",                                            "trigger",     "https:\\/\\/x\\/1"},
      {"deployment",              "newrelic",     R"({"deployment_id":1})",                                                                     "ignored",     ""                 },
      {"nothing",                 "newrelic",     "{}",                                                                                         "unreadable",  ""                 },
      {"resolved, spelt out",     "sumologic",    R"({"Id":"1","TriggerType":"Resolved Missing Data","AlertGroup":"host=a"})",
       "resolve",                                                                                                                                              "1/host=a"         },
      {"missing data",            "sumologic",    R"({"ID":"1","triggerType":"MissingData","alertGroup":"host=a"})",                            "trigger",
       "1/host=a"                                                                                                                                                                 },
      {"back to normal",          "sumologic",    R"({"name":"m","triggerType":"Normal"})",                                                     "resolve",     "m/"               },
      {"merged",                  "dynatrace",    R"({"PID":"p","State":"MERGED"})",                                                            "resolve",     "p"                },
      {"display id only",         "dynatrace",    R"({"ProblemID":"P-1","State":"OPEN","PID":"{PID}"})",                                        "trigger",     "P-1"              },
      {"details in a text",       "dynatrace",
       R"({"State":"RESOLVED","ProblemDetailsJSON":"{\"problemId\":\"x\",\"endTime\":1641223766597}"})",                                        "resolve",
       "x"                                                                                                                                                                        },
      {"nothing",                 "dynatrace",    R"({"State":"OPEN"})",                                                                        "unreadable",  ""                 },
      {"stopped",                 "splunk",       R"({"incidentId":"i","status":"ok","statusExtended":"manually resolved","detector":"d"})",
       "resolve",                                                                                                                                              "i"                },
      {"a search without a name", "splunk",       R"({"sid":"s1","search_name":null,"result":null})",                                           "trigger",     "s1"               },
      {"On-Call recovery",        "splunk",       R"({"message_type":"recovery","entity_id":"db1/disk"})",                                      "resolve",     "db1\\/disk"       },
      {"On-Call acknowledgement", "splunk",       R"({"message_type":"ACKNOWLEDGEMENT","entity_id":"db1"})",                                    "acknowledge",
       "db1"                                                                                                                                                                      },
      {"On-Call note",            "splunk",       R"({"message_type":"INFO","entity_id":"db1"})",                                               "ignored",     ""                 },
      {"On-Call, only a name",    "splunk",       R"({"message_type":"CRITICAL","entity_display_name":"disk"})",                                "trigger",
       "disk"                                                                                                                                                                     },
      {"another's",               "splunk",       R"({"a":1})",                                                                                 "unreadable",  ""                 },
      {"canceled",                "appdynamics",  R"({"event_type":"POLICY_CANCELED_WARNING","incident_id":"7"})",                              "resolve",     "7"                },
      {"no incident",             "appdynamics",
       R"({"event_type":"POLICY_OPEN_WARNING","app_id":"1","health_rule_id":"2","node_name":"n","incident_id":"${x}"})",                        "trigger",     "1/2/n"            },
      {"broken text",             "appdynamics",
       "{\"event_type\":\"POLICY_CONTINUES_CRITICAL\",\"incident_id\":7,\"event_message\":\"a\n\tb\",}",                                        "trigger",
       "7"                                                                                                                                                                        },
      {"only a name",             "appdynamics",  R"({"event_name":"Health Rule Violation Ended","incident_id":"7"})",                          "resolve",
       "7"                                                                                                                                                                        },
      {"resolved",                "vrealize",     R"({"alertId":"a","status":"CANCELED","cancelDate":1369757346267})",                          "resolve",     "a"                },
      {"closed",                  "axiom",        R"({"action":"Closed","event":{"monitorID":"m","groupValues":["a","b"],"groupKeys":["x"]}})",
       "resolve",                                                                                                                                              "m/a,b"            },
      {"firing",                  "dash0",        R"({"type":"alert.ongoing","data":{"issue":{"id":"i","status":"degraded","labels":null}}})",
       "trigger",                                                                                                                                              "i"                },
      {"test",                    "dash0",        R"({"type":"test","data":{}})",                                                               "ignored",     ""                 },
      {"successful",              "ansibletower", R"({"name":"n","friendly_name":"Job","status":"successful"})",                                "resolve",
       "Job/n//"                                                                                                                                                                  },
      {"running",                 "ansibletower", R"({"name":"n","status":"running"})",                                                         "ignored",     ""                 },
      {"error",                   "ansibletower", R"({"name":"n","friendly_name":"Job","status":"error","hosts":[]})",                          "trigger",
       "Job/n//"                                                                                                                                                                  },
      {"template",                "honeycomb",    R"({"alert":{"instanceID":"x","status":"OK"},"id":"t"})",                                     "resolve",     "x"                },
  };
  Check(cases);
}

TEST(ObservabilitySourceTest, KeepsWhatHelpsToRoute) {
  EXPECT_EQ(
      EventOf("appdynamics", R"({"event_type":"POLICY_OPEN_WARNING","severity":"ERROR","incident_id":1})").severity,
      Severity::kWarning);
  EXPECT_EQ(EventOf("vrealize", R"({"alertId":"a","criticality":"ALERT_CRITICALITY_LEVEL_IMMEDIATE"})").severity,
            Severity::kHigh);
  EXPECT_EQ(EventOf("dash0", R"({"data":{"issue":{"id":"i","status":"degraded"}}})").severity, Severity::kWarning);
  EXPECT_EQ(LabelOf("ansibletower",
                    R"({"name":"n","status":"failed","hosts":{"a":{"dark":0,"failed":false},"b":{"dark":1}}})", "host"),
            "b");
  EXPECT_EQ(LabelOf("dynatrace", R"({"PID":"p","Tags":["env:prod","x"]})", "env"), "prod");
  EXPECT_EQ(LabelOf("axiom", R"({"action":"Open","event":{"monitorID":"m","groupKeys":["host"],"groupValues":["a"]}})",
                    "host"),
            "a");
  const Readings routed =
      Read("splunk", {.body = R"({"message_type":"CRITICAL","entity_id":"e"})", .path = "database"});
  ASSERT_TRUE(routed[0].event.has_value());
  EXPECT_EQ(Find(routed[0].event->labels, "routing_key"), "database");
  EXPECT_EQ(routed[0].event->severity, Severity::kCritical);
  const Readings put = Read("vrealize", {.body = R"({"status":"CANCELED"})", .path = "a-1"});
  EXPECT_EQ(put[0].event->dedup_key, "a-1");
}

TEST(ObservabilitySourceTest, ManyEventsOfAppDynamicsInOneBody) {
  const Readings readings = Read("appdynamics", R"({"events":[{"incident_id":1,"event_type":"POLICY_OPEN_CRITICAL"},
      {"incident_id":1,"event_type":"POLICY_CLOSE_CRITICAL"},7]})");
  ASSERT_THAT(readings, SizeIs(3));
  EXPECT_EQ(OutcomeOf(readings[0]), "trigger");
  EXPECT_EQ(OutcomeOf(readings[1]), "resolve");
  EXPECT_EQ(OutcomeOf(readings[2]), "unreadable");
}

TEST(HoneycombSourceTest, ComparesItsToken) {
  const HttpHeaders headers = {
      {"X-Honeycomb-Webhook-Token", "s3cret"}
  };
  const SourceRequest request = {.body = "{}", .headers = headers};
  EXPECT_TRUE(FindSource("honeycomb")->verify(request, "s3cret", kNow.wall).ok());
  EXPECT_FALSE(FindSource("honeycomb")->verify(request, "other", kNow.wall).ok());
  EXPECT_FALSE(FindSource("honeycomb")->verify({.body = "{}"}, "s3cret", kNow.wall).ok());
}

TEST(WazuhSourceTest, ReadsItsOwnAlertsAndShufflesWrapping) {
  constexpr std::string_view kAlert =
      R"({"timestamp":"2025-02-03T21:41:42.853+0000","rule":{"id":"5712","level":10,"description":"sshd: brute force","groups":["sshd","auth"]},
      "agent":{"id":"001","name":"web-03"},"id":"1580123327.49031","full_log":"Failed password"})";
  const std::string wrapped = absl::StrFormat(
      R"({"severity":3,"pretext":"WAZUH Alert","title":"sshd: brute force","text":"x","rule_id":"5712","all_fields":%s})",
      kAlert);
  for (const std::string& body : {std::string(kAlert), wrapped}) {
    const AlertEvent event = EventOf("wazuh", body);
    EXPECT_EQ(event.dedup_key, "5712/001");
    EXPECT_EQ(event.severity, Severity::kWarning);
    EXPECT_EQ(Find(event.labels, "host"), "web-03");
    EXPECT_EQ(Find(event.labels, "groups"), "sshd,auth");
    EXPECT_TRUE(event.starts_at.has_value());
  }
}

// ---- Elastic ----

TEST(ElasticSourceTest, ReadsRulesDocumentsAndSummaries) {
  const KindCase cases[] = {
      {"flat template", "elastic", R"({"rule_id":"r","alert_id":"a","rule_name":"n","action_group":"recovered"})",
       "resolve",                                                                                                                  "r/a"    },
      {"status",        "elastic", R"({"rule":{"name":"n"},"status":"active"})",                                    "trigger",     "n/"     },
      {"nested",        "elastic",
       R"({"kibana":{"alert":{"uuid":"u","status":"active","severity":"high","rule":{"name":"n"}}}})",              "trigger",     "u"      },
      {"dotted",        "elastic",
       R"({"kibana.alert.uuid":"u","kibana.alert.status":"recovered","kibana.alert.rule.name":"n"})",               "resolve",     "u"      },
      {"acknowledged",  "elastic",
       R"({"kibana.alert.uuid":"u","kibana.alert.status":"active","kibana.alert.workflow_status":"acknowledged"})", "acknowledge", "u"      },
      {"closed",        "elastic",
       R"({"kibana.alert.uuid":"u","kibana.alert.status":"active","kibana.alert.workflow_status":"closed"})",       "resolve",
       "u"                                                                                                                                  },
      {"a watch",       "elastic", R"({"watch_id":"w","payload":{"hits":{"total":{"value":3}}}})",                  "trigger",     "watch/w"},
      {"no alerts",     "elastic", R"({"alerts":{"new":{"count":0,"data":[]}}})",                                   "ignored",     ""       },
      {"nothing",       "elastic", "{}",                                                                            "unreadable",  ""       },
  };
  Check(cases);
  const Readings summary = Read(
      "elastic",
      R"({"alerts":{"new":{"data":[{"kibana.alert.uuid":"1"}]},"ongoing":{"data":[{"kibana":{"alert":{"uuid":"2"}}}]},
      "recovered":{"data":[{"kibana.alert.uuid":"3"},7]}}})");
  ASSERT_THAT(summary, SizeIs(4));
  EXPECT_EQ(summary[0].event->dedup_key, "1");
  EXPECT_EQ(summary[1].event->dedup_key, "2");
  EXPECT_EQ(OutcomeOf(summary[1]), "trigger");
  EXPECT_EQ(OutcomeOf(summary[2]), "resolve");
  EXPECT_EQ(OutcomeOf(summary[3]), "unreadable");
}

// ---- CloudEvents ----

TEST(CloudEventsSourceTest, ReadsDataOfAnyKind) {
  const KindCase cases[] = {
      {"state in the type", "cloudevents", R"({"specversion":"1.0","id":"1","source":"/s","type":"a.b.resolved"})",
       "resolve",                                                                                                                           "\\/s/a.b"},
      {"the same, firing",  "cloudevents",
       R"({"specversion":"1.0","id":"2","source":"/s","type":"a.b.firing","data":null})",                                     "trigger",    "\\/s/a.b"},
      {"a key in the data", "cloudevents",
       R"({"specversion":"1.0","id":"3","source":"s","type":"t","data":{"dedup_key":"k","state":"ok"}})",                     "resolve",
       "s/k"                                                                                                                                          },
      {"JSON in a text",    "cloudevents",
       R"({"specversion":"1.0","id":"4","source":"s","type":"t","data":"{\"status\":\"resolved\"}"})",                        "resolve",
       "s/t"                                                                                                                                          },
      {"base64",            "cloudevents",
       R"({"specversion":"1.0","id":"5","source":"s","type":"t","data_base64":"eyJzdGF0dXMiOiJvayJ9"})",                      "resolve",
       "s/t"                                                                                                                                          },
      {"a text",            "cloudevents", R"({"specversion":"1.0","id":"6","source":"s","type":"t","data":"disk is full"})",
       "trigger",                                                                                                                           "s/t"     },
      {"version 2",         "cloudevents", R"({"specversion":"2.0","id":"7","source":"s","type":"t"})",                       "unreadable", ""        },
      {"no base64",         "cloudevents", R"({"specversion":"1.0","id":"8","source":"s","type":"t","data_base64":"*"})",
       "unreadable",                                                                                                                        ""        },
      {"nobody's",          "cloudevents", R"({"specversion":"1.0","subject":null})",                                         "unreadable", ""        },
  };
  Check(cases);
  const AlertEvent event =
      EventOf("cloudevents", R"({"specversion":"1.0","id":"1","source":"s","type":"t","region":"eu","severitynumber":21,
      "data":{"host":"a","labels":{"team":"db"},"annotations":{"runbook_url":"r"},"value":7,"ratio":0.5}})");
  EXPECT_EQ(event.severity, Severity::kCritical);
  EXPECT_EQ(Find(event.labels, "region"), "eu");
  EXPECT_EQ(Find(event.labels, "team"), "db");
  EXPECT_EQ(Find(event.labels, "ratio"), "") << "a number changes while the alert is the same";
  EXPECT_EQ(Find(event.annotations, "ratio"), "0.5");
  EXPECT_EQ(Find(event.annotations, "runbook_url"), "r");
}

TEST(CloudEventsSourceTest, ReadsBinaryModeWhateverTheBodyIs) {
  const HttpHeaders headers = {
      {"CE-SpecVersion", "1.0"     },
      {"ce-type",        "a.firing"},
      {"ce-source",      "/s"      },
      {"ce-subject",     "a%20b"   },
  };
  for (const std::string_view body : {R"({"host":"a"})", "[1]", "disk is full", ""}) {
    const Readings readings = Read("cloudevents", {.body = body, .headers = headers});
    ASSERT_TRUE(readings[0].event.has_value());
    EXPECT_EQ(readings[0].event->dedup_key, "\\/s/a b");
    EXPECT_FALSE(readings[0].stands_in);
  }
}

// ---- OpenTelemetry ----

std::string Varint(std::uint64_t number) {
  std::string bytes;
  for (; number >= 0x80; number >>= 7U)
    bytes += static_cast<char>((number & 0x7FU) | 0x80U);
  return bytes + static_cast<char>(number);
}
std::string Field(std::uint32_t number, const std::string& bytes) {
  return Varint(number << 3U | 2U) + Varint(bytes.size()) + bytes;
}
std::string Number(std::uint32_t number, std::uint64_t value) {
  return Varint(number << 3U) + Varint(value);
}
std::string Fixed64(std::uint32_t number, std::uint64_t value) {
  std::string bytes = Varint(number << 3U | 1U);
  for (int i = 0; i < 8; ++i)
    bytes += static_cast<char>(value >> (8U * static_cast<unsigned>(i)) & 0xFFU);
  return bytes;
}
std::string Pair(const std::string& key, const std::string& any_value) {
  return Field(1, key) + Field(2, any_value);
}

std::string Export(const std::string& record) {
  const std::string resource = Field(1, Pair("service.name", Field(1, "checkout")));
  const std::string scope_logs = Field(1, Field(1, "alert.bridge")) + Field(2, record);
  return Field(1, Field(1, resource) + Field(2, scope_logs) + Field(3, "https://schema"));
}

TEST(OtlpSourceTest, ProtobufIsReadAsTheJsonOfTheSame) {
  const std::string record =
      Fixed64(1, 1'726'142'400'000'000'001) + Number(2, 17) + Field(3, "ERROR") +
      Field(5, Field(1, "5xx \"ratio\" \xFF")) + Field(6, Pair("alert.id", Field(1, "checkout-5xx"))) +
      Field(6, Pair("attempt", Number(3, 9007199254740993))) +
      Field(6, Pair("below", Number(3, static_cast<std::uint64_t>(-7)))) + Field(6, Pair("urgent", Number(2, 1))) +
      Field(6, Pair("ratio", Fixed64(4, 0x401D333333333333))) +
      Field(6, Pair("list", Field(5, Field(1, Field(1, "a")) + Field(1, Number(3, 2))))) +
      Field(6, Pair("map", Field(6, Field(1, Pair("k", Field(1, "v")))))) + Field(9, "\x01\xAB") + Number(8, 1) +
      Field(12, "alert");
  EXPECT_EQ(
      *OtlpLogsAsJson(Export(record)),
      R"({"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"checkout"}}]},"scopeLogs":[{"scope":{"name":"alert.bridge"},)"
      R"("logRecords":[{"timeUnixNano":"1726142400000000001","severityNumber":17,"severityText":"ERROR","body":{"stringValue":"5xx \"ratio\" )"
      "\xEF\xBF\xBD"
      R"("},"attributes":[{"key":"alert.id","value":{"stringValue":"checkout-5xx"}},{"key":"attempt","value":{"intValue":"9007199254740993"}},)"
      R"({"key":"below","value":{"intValue":"-7"}},{"key":"urgent","value":{"boolValue":true}},{"key":"ratio","value":{"doubleValue":7.2999999999999998}},)"
      R"({"key":"list","value":{"arrayValue":{"values":[{"stringValue":"a"},{"intValue":"2"}]}}},)"
      R"({"key":"map","value":{"kvlistValue":{"values":[{"key":"k","value":{"stringValue":"v"}}]}}}],"traceId":"01ab","eventName":"alert"}]}]}]})");
  const AlertEvent event = EventOf("otlp_logs", Export(record));
  EXPECT_EQ(event.dedup_key, "checkout/checkout-5xx");
  EXPECT_EQ(absl::ToUnixNanos(*event.starts_at), 1'726'142'400'000'000'001);
  EXPECT_EQ(Find(event.annotations, "attempt"), "9007199254740993");
  EXPECT_EQ(Find(event.annotations, "list"), R"({"values":[{"stringValue":"a"},{"intValue":"2"}]})");
}

TEST(OtlpSourceTest, NoLengthMakesProtobufLookLikeJson) {
  for (std::size_t size = 0; size < 300; ++size) {
    const std::string body = Export(Number(2, 17) + Field(5, Field(1, std::string(size, 'x') + "y")));
    EXPECT_EQ(OutcomeOf(Read("otlp_logs", body).at(0)), "trigger") << size;
  }
  EXPECT_EQ(OutcomeOf(Read("otlp_logs", "\n" + std::string(FindSource("otlp_logs")->example)).at(0)), "trigger");
}

TEST(OtlpSourceTest, RefusesBytesThatAreNoExport) {
  const std::string good = Export(Number(2, 17) + Field(5, Field(1, "x")));
  EXPECT_THAT(Read("otlp_logs", good), SizeIs(1));
  for (std::size_t size = 1; size < good.size(); ++size) {
    const std::string cut = good.substr(0, size);
    if (OtlpLogsAsJson(cut).ok()) ADD_FAILURE() << size << " bytes of " << good.size();
    EXPECT_EQ(OutcomeOf(Read("otlp_logs", cut).at(0)), "unreadable");
  }
  std::string deep = Field(1, "x");
  for (int i = 0; i < 200; ++i)
    deep = Field(5, Field(1, deep));
  EXPECT_FALSE(OtlpLogsAsJson(Export(Field(5, deep))).ok()) << "lists in lists have an end";
}

std::string Log(std::string_view members) {
  return absl::StrFormat(R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[{%s}]}]}]})", members);
}

TEST(OtlpSourceTest, KnowsAlertsAmongLogs) {
  const std::string fatal =
      Log(R"("severityNumber":"SEVERITY_NUMBER_FATAL","body":{"stringValue":"timeout after 531 ms"})");
  const std::string again = Log(R"("severityNumber":21.0,"body":"timeout after 17 ms")");
  const std::string thrown =
      Log(R"("severityText":"Error","attributes":[{"key":"exception.type","value":{"stringValue":"IOError"}}])");
  const std::string warning = Log(R"("severityNumber":13,"body":{"stringValue":"slow"})");
  const std::string named = Log(
      R"("attributes":[{"key":"alert.name","value":{"stringValue":"Slow"}},{"key":"alert.severity","value":{"stringValue":"critical"}},
      {"key":"alert.label.team","value":{"stringValue":"db"}}])");
  const std::string nothing = Log(R"("severityNumber":17)");
  const KindCase cases[] = {
      {"fatal",    "otlp_logs", fatal,                     "trigger",    "///timeout after # ms"},
      {"again",    "otlp_logs", again,                     "trigger",    "///timeout after # ms"},
      {"thrown",   "otlp_logs", thrown,                    "trigger",    "///IOError"           },
      {"warning",  "otlp_logs", warning,                   "ignored",    ""                     },
      {"named",    "otlp_logs", named,                     "trigger",    "///Slow"              },
      {"nothing",  "otlp_logs", nothing,                   "unreadable", ""                     },
      {"no logs",  "otlp_logs", R"({"resourceSpans":[]})", "unreadable", ""                     },
      {"no bytes", "otlp_logs", "",                        "unreadable", ""                     },
  };
  Check(cases);
  EXPECT_EQ(EventOf("otlp_logs", fatal).severity, Severity::kCritical);
  EXPECT_EQ(EventOf("otlp_logs", named).severity, Severity::kCritical);
  EXPECT_EQ(LabelOf("otlp_logs", named, "team"), "db");
  EXPECT_THAT(Read("otlp_logs", R"({"resourceLogs":[]})"), IsEmpty());
}

}  // namespace
}  // namespace tocsin
