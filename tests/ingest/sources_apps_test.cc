// What no payload of tests/ingest/golden shows of the sources that applications, code hosts and other on-call products post to.
#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

const Now kNow{.wall = absl::FromUnixSeconds(1'795'289'000), .engine = EngineTime(0)};

Readings Read(std::string_view source, const SourceRequest& request) {
  return ReadPayload(*FindSource(source), request, kNow);
}

Reading ReadOne(std::string_view source, std::string_view body, std::span<const HttpHeader> headers = {}) {
  Readings readings = Read(source, {.body = body, .content_type = "application/json", .headers = headers});
  EXPECT_THAT(readings, SizeIs(1));
  return readings.empty() ? Reading() : readings[0];
}

AlertEvent Event(std::string_view source, std::string_view body, std::span<const HttpHeader> headers = {}) {
  const Reading reading = ReadOne(source, body, headers);
  EXPECT_TRUE(reading.event.has_value()) << reading.reason;
  EXPECT_FALSE(reading.stands_in) << reading.reason;
  return reading.event.value_or(AlertEvent());
}

// A story of bodies about one thing: all have one key, and these kinds.
struct Story {
  std::string_view source;
  std::vector<std::string_view> bodies;
  std::vector<EventKind> kinds;
};
constexpr EventKind T = EventKind::kTrigger;
constexpr EventKind A = EventKind::kAcknowledge;
constexpr EventKind R = EventKind::kResolve;

void Check(const Story& story) {
  SCOPED_TRACE(story.source);
  ASSERT_EQ(story.bodies.size(), story.kinds.size());
  const std::string key = Event(story.source, story.bodies[0]).dedup_key;
  EXPECT_FALSE(key.empty());
  for (std::size_t i = 0; i < story.bodies.size(); ++i) {
    SCOPED_TRACE(story.bodies[i]);
    const AlertEvent event = Event(story.source, story.bodies[i]);
    EXPECT_EQ(event.dedup_key, key);
    EXPECT_EQ(event.kind, story.kinds[i]);
  }
}

TEST(AppsEpisodeTest, TroubleAndItsEndAreOneAlertAtErrorTrackers) {
  const Story stories[] = {
      {"sentry",
       {R"({"action":"triggered","data":{"event":{"event_id":"e1","issue_id":17,"title":null,"message":""}}})",
        R"({"action":"triggered","data":{"event":{"event_id":"e2","issue_url":"https://s.io/api/0/issues/17/"}}})",
        R"({"action":"created","data":{"error":{"event_id":"e3","issue_id":"17","level":"fatal"}}})",
        R"({"id":"17","project":"p","event":{"id":"e4"},"culprit":"x"})",
        R"({"action":"archived","data":{"issue":{"id":17.0,"status":"ignored"}}})",
        R"({"action":"unresolved","data":{"issue":{"id":"17","status":"unresolved"}}})",
        R"({"action":"resolved","data":{"issue":{"id":"17","level":"error"}}})"},
       {T, T, T, T, R, T, R}},
      {"sentry",
       {R"({"action":"warning","data":{"metric_alert":{"id":"4","identifier":"1"}}})",
        R"({"action":"critical","data":{"metric_alert":{"id":4}}})",
        R"({"action":"resolved","data":{"metric_alert":{"id":"4","date_closed":null}}})"},
       {T, T, R}            },
      {"rollbar",
       {R"({"event_name":"new_item","data":{"item":{"id":1,"level":"critical"}}})",
        R"({"event_name":"reactivated_item","data":{"item":{"id":"1"}}})",
        R"({"event_name":"resolved_item","data":{"item":{"id":1,"title":"other","last_occurrence":null}}})"},
       {T, T, R}            },
      {"honeybadger",
       {R"({"event":"occurred","fault":{"id":9,"klass":"RuntimeError"}})",
        R"({"event":"resolved","fault":{"id":"9"}})"},
       {T, R}               },
      {"honeybadger",
       {R"({"event":"down","site":{"id":"s"},"outage":{"down_at":"2026-11-21T10:00:00Z"}})",
        R"({"event":"up","site":{"id":"s"},"outage":{"up_at":"2026-11-21T11:00:00Z"}})"},
       {T, R}               },
      {"honeybadger",
       {R"({"event":"check_in_missing","check_in":{"id":"c"}})",
        R"({"event":"check_in_reporting","check_in":{"id":"c"}})"},
       {T, R}               },
      {"raygun",
       {R"({"eventType":"NewErrorOccurred","error":{"url":"https://r/1?x=1"}})",
        R"({"eventType":"OneMinuteFollowUp","error":{"url":"https://r/1"}})",
        R"({"eventType":"StatusChanged","error":{"url":"https://r/1","status":"Resolved"}})",
        R"({"eventType":"StatusChanged","error":{"url":"https://r/1","status":"Active"}})"},
       {T, T, R, T}         },
  };
  for (const Story& story : stories)
    Check(story);
}

TEST(AppsEpisodeTest, TroubleAndItsEndAreOneAlertAtCodeHosts) {
  const Story stories[] = {
      {"github",
       {R"({"action":"completed","workflow_run":{"id":1,"workflow_id":7,"head_branch":"main","conclusion":"timed_out"},"repository":{"full_name":"o/r"}})",
        R"({"action":"completed","workflow_run":{"id":2,"workflow_id":"7","head_branch":"main","conclusion":"success"},"repository":{"full_name":"o/r"}})"},
       {T, R}      },
      {"github",
       {R"({"action":"created","alert":{"number":3,"rule":{"id":"x","severity":"error","security_severity_level":"critical"}},"repository":{"full_name":"o/r"}})",
        R"({"action":"closed_by_user","alert":{"number":3,"rule":{"id":"x"}},"repository":{"full_name":"o/r"}})"},
       {T, R}      },
      {"github",
       {R"({"action":"publicly_leaked","alert":{"number":3,"secret_type":"x"},"repository":{"full_name":"o/r"}})",
        R"({"action":"resolved","alert":{"number":3,"secret_type":"x","resolved_at":"2026-11-21T11:00:00Z"},"repository":{"full_name":"o/r"}})"},
       {T, R}      },
      {"github",
       {R"({"state":"failure","context":"ci","sha":"a","branches":[{"name":"main"}],"repository":{"full_name":"o/r"}})",
        R"({"state":"success","context":"ci","sha":"b","branches":[{"name":"main"}],"repository":{"full_name":"o/r"}})"},
       {T, R}      },
      {"gitlab",
       {R"({"object_kind":"pipeline","object_attributes":{"id":1,"ref":"main","status":"failed"},"project":{"id":5}})",
        R"({"object_kind":"pipeline","object_attributes":{"id":2,"ref":"main","status":"success"},"project":{"id":"5"}})"},
       {T, R}      },
      {"gitlab",
       {R"({"object_kind":"incident","object_attributes":{"id":8,"action":"open","severity":"high"}})",
        R"({"object_kind":"incident","object_attributes":{"id":8,"action":"close"}})"},
       {T, R}      },
      {"gitlab",
       {R"({"title":"x","fingerprint":["a",1]})", R"({"fingerprint":["a","1"],"end_time":"2026-11-21T11:00:00Z"})"},
       {T, R}      },
      {"gitlab",
       {R"({"title":"x","hosts":"db1"})",
        R"({"title":"x","hosts":["db1"],"severity":null,"end_time":"2019-09-12T06:00:55Z"})"},
       {T, R}      },
      {"jira",
       {R"({"webhookEvent":"jira:issue_created","issue":{"id":"1","key":"A-1"}})",
        R"({"id":1,"key":"B-9","fields":{"status":{"statusCategory":{"key":"indeterminate"}}}})",
        R"({"webhookEvent":"jira:issue_updated","issue":{"id":"1","fields":{"status":{"statusCategory":{"key":"done"}}}}})",
        R"({"webhookEvent":"jira:issue_deleted","issue":{"id":"1","fields":null}})"},
       {T, T, R, R}},
      {"grafana",
       {R"({"ruleName":"Disk","ruleUrl":"http://g/x","state":"no_data","tags":null,"evalMatches":null})",
        R"({"ruleName":"Disk","ruleUrl":"http://g/y","state":"OK","tags":""})"},
       {T, R}      },
      {"grafana",
       {R"({"ruleId":22.0,"orgId":1.0,"state":"alerting"})", R"({"ruleId":22,"orgId":"1","state":"ok"})"},
       {T, R}      },
  };
  for (const Story& story : stories)
    Check(story);
}

TEST(AppsEpisodeTest, TroubleAndItsEndAreOneAlertAtOtherOnCallProducts) {
  const Story stories[] = {
      {"pagerduty_webhooks",
       {R"({"event":{"id":"x","event_type":"incident.reopened","data":{"id":"P1","priority":{"summary":"P2"},"urgency":"high"}}})",
        R"({"messages":[{"event":"incident.acknowledge","incident":{"id":"P1"}}]})",
        R"({"messages":[{"type":"incident.resolve","data":{"incident":{"id":"P1"}},"created_on":"2026-11-21T10:00:00Z"}]})"},
       {T, A, R}},
      {"opsgenie_webhooks",
       {R"({"action":"Create","alert":{"alertId":"a","priority":3,"tags":null}})",
        R"({"action":"Delete","alert":{"alertId":"a"}})"},
       {T, R}   },
      {"statuspage",
       {R"({"incident":{"id":"i","status":"investigating","impact":"major"}})",
        R"({"incident":{"id":"i","status":"postmortem","impact":"major"}})"},
       {T, R}   },
      {"statuspage",
       {R"({"component":{"id":"c","name":"API"},"component_update":{"new_status":"partial_outage"}})",
        R"({"component":null,"component_update":{"component_id":"c","new_status":"operational"}})"},
       {T, R}   },
      {"freshstatus",
       {R"({"id":"7","status":"Open","event_data":{"account_id":1}})",
        R"({"id":"99","incident_id":7,"incident_status":"Closed","status":"","event_data":{"account_id":1}})"},
       {T, R}   },
      {"bigpanda",
       {R"({"app_key":"k","status":"critical","host":"h","check":"disk"})",
        R"({"alerts":[{"status":"acknowledged","primary_property":"host","host":"h","check":"disk"}]})",
        R"({"status":"ok","host":"h","check":"disk"})"},
       {T, A, R}},
  };
  for (const Story& story : stories)
    Check(story);
}

TEST(AppsIgnoredTest, WhatSaysNothingAboutAStateIsNoAlert) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"sentry",             R"({"action":"assigned","data":{"issue":{"id":"1"}}})"                                               },
      {"sentry",             R"({"action":"created","data":{"comment_id":1,"issue_id":2}})"                                       },
      {"sentry",             R"({"action":"created","data":{"installation":{"uuid":"x"}}})"                                       },
      {"rollbar",            R"({"event_name":"test","data":{"message":"This is a test payload from Rollbar."}})"                 },
      {"honeybadger",        R"({"event":"deployed"})"                                                                            },
      {"raygun",             R"({"eventType":"CommentAdded","error":{"url":"https://r/1"}})"                                      },
      {"github",             R"({"zen":"Keep it logically awesome.","hook_id":1})"                                                },
      {"github",             R"({"ref":"refs/heads/main","repository":{"full_name":"o/r"}})"                                      },
      {"github",             R"({"action":"requested","workflow_run":{"workflow_id":1,"conclusion":null},"repository":{}})"       },
      {"github",             R"({"action":"completed","workflow_run":{"workflow_id":1,"conclusion":"cancelled"},"repository":{}})"},
      {"gitlab",             R"({"object_kind":"push"})"                                                                          },
      {"gitlab",             R"({"object_kind":"build","build_status":"failed","build_allow_failure":true,"project_id":1})"       },
      {"jira",               R"({"webhookEvent":"sprint_started"})"                                                               },
      {"pagerduty_webhooks", R"({"event":{"event_type":"pagey.ping","data":{"message":"Hello"}}})"                                },
      {"pagerduty_webhooks", R"({"event":{"event_type":"incident.annotated","data":{"incident":{"id":"P"}}}})"                    },
      {"statuspage",         R"({"incident":{"id":"i","status":"in_progress"}})"                                                  },
      {"freshstatus",        R"({"id":"1","event_data":{"event_type":"MAINTENANCE_PLANNED"}})"                                    },
      {"grafana",            R"({"version":"1","alerts":[]})"                                                                     },
  };
  for (const auto& [source, body] : cases) {
    SCOPED_TRACE(body);
    const Reading reading = ReadOne(source, body);
    EXPECT_FALSE(reading.event.has_value());
    EXPECT_EQ(reading.kind, Refused::Kind::kIgnored);
    EXPECT_FALSE(reading.reason.empty());
  }
}

TEST(AppsUnreadableTest, WhatIsNotUnderstoodNamesTheFieldAndIsShown) {
  struct Case {
    std::string_view source;
    std::string_view body;
    std::string_view reason;
  };
  const Case cases[] = {
      {"sentry",             R"({"action":"triggered","data":{"event":{}}})",                 "issue_id"           },
      {"sentry",             R"({"data":[]})",                                                "data.event"         },
      {"rollbar",            R"({"event_name":"new_item","data":{"item":null}})",             "data.item.id"       },
      {"honeybadger",        R"({"event":"occurred","fault":null})",                          "fault.id"           },
      {"raygun",             R"({"eventType":"NewErrorOccurred"})",                           "error: missing"     },
      {"github",             R"({"hello":1})",                                                "X-GitHub-Event"     },
      {"gitlab",             R"({"hello":1})",                                                "object_kind"        },
      {"jira",               R"({"webhookEvent":"jira:issue_updated"})",                      "issue: missing"     },
      {"slack",              R"({"text":null,"attachments":[{"title":null}],"blocks":null})", "text"               },
      {"pagerduty_webhooks", R"({"event":{"event_type":"incident.triggered","data":{}}})",    "no id"              },
      {"opsgenie_webhooks",  R"({"action":"Create","alert":{}})",                             "alert.alertId"      },
      {"statuspage",         R"({"page":{}})",                                                "incident"           },
      {"bigpanda",           R"({"status":"ok"})",                                            "incident_identifier"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(absl::StrCat(ToAbsl(c.source), " ", ToAbsl(c.body)));
    const Reading reading = ReadOne(c.source, c.body);
    EXPECT_TRUE(reading.stands_in);
    EXPECT_THAT(reading.reason, HasSubstr(std::string(c.reason)));
  }
}

TEST(AppsBodyTest, FormsAndBatchesAreReadLikeJson) {
  const std::string_view push = "payload=%7B%22state%22%3A%22failure%22%2C%22context%22%3A%22ci%22%7D";
  const Readings form = Read("github", {.body = push, .content_type = "application/x-www-form-urlencoded"});
  ASSERT_THAT(form, SizeIs(1));
  ASSERT_TRUE(form[0].event.has_value());
  EXPECT_EQ(form[0].event->kind, EventKind::kTrigger);
  const Readings fields =
      Read("slack", {.body = "text=Disk+full&channel=%23ops&attachments=%5B%7B%22color%22%3A%22good%22%7D%5D"});
  ASSERT_THAT(fields, SizeIs(1));
  EXPECT_EQ(fields[0].event->kind, EventKind::kResolve) << "the colour, from JSON in a field";
  EXPECT_EQ(fields[0].event->dedup_key, "#ops/disk full");
  const Readings batch =
      Read("rollbar", {.body = R"([{"event_name":"new_item","data":{"item":{"id":1}}},7,{"event_name":"deploy"}])"});
  ASSERT_THAT(batch, SizeIs(3));
  EXPECT_TRUE(batch[0].event.has_value());
  EXPECT_TRUE(batch[1].stands_in);
  EXPECT_EQ(batch[2].kind, Refused::Kind::kIgnored);
}

// ---- Slack's format ----

TEST(SlackSourceTest, ReadsTheStateOffTitlesColoursAndEmoji) {
  struct Case {
    std::string_view body;
    EventKind kind;
    std::string_view key;
  };
  const Case cases[] = {
      {R"({"text":"[RESOLVED] CPU high on web-03"})",                                    R, "/cpu high on web-03"              },
      {R"({"text":"[FIRING:12] CPU high on web-03"})",                                   T, "/cpu high on web-03"              },
      {R"({"text":":fire: *Triggered: CPU high on web-03*"})",                           T, "/cpu high on web-03"              },
      {R"({"text":"Recovered: CPU high on web-03"})",                                    R, "/cpu high on web-03"              },
      {R"({"text":"Monitor is DOWN: <https://x.example|shop>"})",                        T, "/monitor shop"                    },
      {R"({"text":"Monitor is UP: <https://x.example|shop>"})",                          R, "/monitor shop"                    },
      {R"({"text":"shop is down"})",                                                     T, "/shop"                            },
      {R"({"text":"shop is back up!"})",                                                 R, "/shop"                            },
      {R"({"text":"shop is back to normal"})",                                           R, "/shop"                            },
      {R"({"text":"OK - disk on db1"})",                                                 R, "/disk on db1"                     },
      {R"({"text":"CRITICAL - disk on db1"})",                                           T, "/disk on db1"                     },
      {R"({"text":"✅ Backup","channel":"#a"})",                                        R, "#a/backup"                        },
      {R"({"attachments":[{"color":"good","title":"Backup"}],"channel":"#a"})",          R, "#a/backup"                        },
      {R"({"attachments":[{"color":"#2eb886","fallback":"Backup"}],"channel":"#a"})",    R, "#a/backup"                        },
      {R"({"attachments":[{"color":"good","title":"[FIRING] Backup"}],"channel":"#a"})", T, "#a/backup"                        },
      {R"({"text":"Failed to look up the resolved address"})",                           T, "/to look the address"             },
      {R"({"text":"Up to date check of mirrors is late"})",                              T, "/to date check of mirrors is late"},
      {R"({"text":"Service up to date check is late"})",                                 T, "/service to date check is late"   },
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.body);
    const AlertEvent event = Event("slack", c.body);
    EXPECT_EQ(event.kind, c.kind);
    EXPECT_EQ(event.dedup_key, c.key);
  }
}

TEST(SlackSourceTest, MakesLabelsOfFieldsThatRoutesKnow) {
  const AlertEvent event = Event("slack", R"({"attachments":[{"title":"CPU","fields":[
      {"title":"Host","value":"web-03"},{"title":"Severity","value":"critical"},{"title":"Load","value":"9"}]}]})");
  EXPECT_EQ(Find(event.labels, "host"), "web-03");
  EXPECT_EQ(event.severity, Severity::kCritical);
  EXPECT_THAT(std::string(Find(event.annotations, "description")), HasSubstr("Load: 9"));
}

}  // namespace
}  // namespace tocsin
