#include "api/compat/opsgenie_wire.h"

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace tocsin {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(OpsgeniePathTest, TheLastSegmentIsTheVerbWhenTheMethodHasIt) {
  struct Case {
    HttpMethod method;
    std::string_view rest;
    std::string_view identifier;
    std::string_view verb;
    std::string_view action;
  };
  const Case cases[] = {
      {HttpMethod::kPost,   "/my/alias%20x/acknowledge/", "my/alias x", "acknowledge", ""          },
      {HttpMethod::kGet,    "/my/alias%20x",              "my/alias x", "",            ""          },
      {HttpMethod::kGet,    "/a%2Fclose",                 "a/close",    "",            ""          },
      {HttpMethod::kGet,    "/a/close",                   "a/close",    "",            ""          },
      {HttpMethod::kPost,   "/a%2Fclose/close",           "a/close",    "close",       ""          },
      {HttpMethod::kPost,   "/close",                     "close",      "",            ""          },
      {HttpMethod::kPost,   "/a/actions/Restart%20it",    "a",          "actions",     "Restart it"},
      {HttpMethod::kDelete, "/a/tags",                    "a",          "tags",        ""          },
      {HttpMethod::kDelete, "/a/notes",                   "a/notes",    "",            ""          },
      {HttpMethod::kGet,    "/a/notes",                   "a",          "notes",       ""          },
      {HttpMethod::kPut,    "/a/message",                 "a",          "message",     ""          },
      {HttpMethod::kPost,   "/",                          "",           "",            ""          },
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.rest);
    const OpsgeniePath path = SplitOpsgeniePath(c.method, c.rest);
    EXPECT_EQ(path.identifier, c.identifier);
    EXPECT_EQ(path.verb, c.verb);
    EXPECT_EQ(path.action, c.action);
  }
}

TEST(OpsgenieBodyTest, CreatesCutAndLeaveOut) {
  const OpsgenieCall call = ReadOpsgenieCreate(
      absl::StrCat(R"({"message":")", std::string(200, 'm'), R"(","alias":"a","tags":["x","",null,"x"],
      "details":{"n":1.5,"b":true,"o":{"p":1},"s":"t"},"responders":[{"type":"team","name":""},{"type":"team","name":"ops"},{"username":"u"}],
      "teams":[{"name":"db"}],"priority":"P9","user":"u","note":"n","source":"s","unknown":[1]})"));
  ASSERT_FALSE(call.fault.any()) << call.fault.text;
  const auto* create = std::get_if<opsgenie::Create>(&call.action);
  ASSERT_NE(create, nullptr);
  const OpsgenieAlert& alert = create->alert;
  EXPECT_EQ(alert.message.size(), 130U);
  EXPECT_EQ(alert.priority, 3);
  EXPECT_THAT(alert.tags, ElementsAre("x"));
  EXPECT_THAT(alert.details,
              ElementsAre(Label{"b", "true"}, Label{"n", "1.5"}, Label{"o", R"({"p":1})"}, Label{"s", "t"}));
  ASSERT_EQ(alert.responders.size(), 3U);
  EXPECT_EQ(alert.responders[0].name, "ops");
  EXPECT_EQ(alert.responders[1].type, "user");
  EXPECT_EQ(alert.responders[2].name, "db");
  EXPECT_EQ(call.user, "u");
  EXPECT_EQ(call.note, "n");

  const Labels labels = OpsgenieLabels(alert, {
                                                  {"cluster", "eu"},
                                                  {"s",       "no"}
  });
  EXPECT_EQ(Find(labels, "team"), "ops");
  EXPECT_EQ(Find(labels, "cluster"), "eu");
  EXPECT_EQ(Find(labels, "s"), "t");
  EXPECT_EQ(Find(labels, "tags"), "x");
  EXPECT_EQ(Find(labels, "alertname").size(), 130U);
}

TEST(OpsgenieBodyTest, SaysWhatIsMissing) {
  struct Case {
    std::string_view verb;
    std::string_view body;
    int status;
    std::string_view field;
  };
  const Case cases[] = {
      {"snooze",   "",                              422, "endTime"   },
      {"snooze",   R"({"endTime":"soon"})",         422, "endTime"   },
      {"escalate", R"({"escalation":{"name":""}})", 422, "escalation"},
      {"assign",   "{}",                            422, "owner"     },
      {"tags",     R"({"tags":[""]})",              422, "tags"      },
      {"details",  R"({"details":"x"})",            422, "details"   },
      {"notes",    R"({"note":" "})",               422, "note"      },
      {"message",  R"({"message":null})",           422, "message"   },
      {"priority", R"({"priority":"P0"})",          422, "priority"  },
      {"close",    "[]",                            400, "body"      },
      {"close",    "{",                             400, "body"      },
      {"close",    "",                              0,   ""          },
      {"close",    "{}",                            0,   ""          },
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(absl::StrCat(std::string(c.verb), " ", std::string(c.body)));
    const HttpMethod method = c.verb == "message" || c.verb == "priority" ? HttpMethod::kPut : HttpMethod::kPost;
    const std::optional<OpsgenieCall> call = ReadOpsgenieVerb(method, c.verb, "", c.body, "");
    ASSERT_TRUE(call.has_value());
    EXPECT_EQ(call->fault.status, c.status) << call->fault.text;
    EXPECT_EQ(call->fault.field, c.field);
  }
  EXPECT_FALSE(ReadOpsgenieVerb(HttpMethod::kPost, "shout", "", "", "").has_value());
  EXPECT_FALSE(ReadOpsgenieVerb(HttpMethod::kPut, "close", "", "", "").has_value());
  EXPECT_TRUE(ReadOpsgenieVerb(HttpMethod::kDelete, "tags", "", "", "")->fault.any());
  const std::optional<OpsgenieCall> removes =
      ReadOpsgenieVerb(HttpMethod::kDelete, "tags", "", "", "tags=a,%20b&user=u");
  EXPECT_THAT(std::get<opsgenie::RemoveTags>(removes->action).tags, ElementsAre("a", "b"));
  EXPECT_EQ(removes->user, "u");
}

TEST(OpsgenieBodyTest, NetdataMeetsItself) {
  const OpsgenieNetdata fires = ReadOpsgenieNetdata(
      R"({"host":"nd1","unique_id":"1001","alarmId":77,"name":"disk","status":"CRITICAL","value":95,"units":"%","info":"is "full" <x>"})");
  ASSERT_FALSE(fires.fault.any()) << fires.fault.text;
  EXPECT_EQ(std::get<opsgenie::Create>(fires.action).alert.priority, 1);
  EXPECT_EQ(std::get<opsgenie::Create>(fires.action).alert.message, "nd1: disk = 95% (CRITICAL)");
  const OpsgenieNetdata ends =
      ReadOpsgenieNetdata(R"({"host":"nd1","unique_id":"1002","alarmId":77,"name":"disk","status":"CLEAR"})");
  EXPECT_TRUE(std::holds_alternative<opsgenie::Close>(ends.action));
  EXPECT_EQ(fires.alias, ends.alias);
  EXPECT_EQ(ReadOpsgenieNetdata("{}").fault.status, 422);
}

TEST(OpsgenieBodyTest, ReadsHeartbeats) {
  const OpsgenieHeartbeatCall made = ReadOpsgenieHeartbeat(
      R"({"name":"b","interval":2,"intervalUnit":"hours","ownerTeam":{"name":"ops"},"alertTags":["t"]})", true);
  ASSERT_FALSE(made.fault.any()) << made.fault.text;
  EXPECT_EQ(made.interval, absl::Hours(2));
  EXPECT_EQ(made.owner_team, "ops");
  EXPECT_FALSE(made.enabled.has_value());
  for (const std::string_view wrong : {R"({"interval":1})", R"({"name":"b"})", R"({"name":"b","interval":0})",
                                       R"({"name":"b","interval":1,"intervalUnit":"weeks"})"})
    EXPECT_EQ(ReadOpsgenieHeartbeat(wrong, true).fault.status, 422) << wrong;
  EXPECT_FALSE(ReadOpsgenieHeartbeat(R"({"enabled":false})", false).fault.any());
}

TEST(OpsgenieWireTest, ShowsAlerts) {
  OpsgenieAlert alert;
  alert.id = OpsgenieAlertId(7);
  alert.uuid = "u-u";
  alert.alias = "a\"b";
  alert.created_at = absl::FromUnixMillis(1'795'289'900'500);
  alert.closed = true;
  alert.closed_at = alert.created_at + absl::Seconds(3);
  alert.closed_by = "ann";
  alert.details = {
      {"k", "v"}
  };
  EXPECT_THAT(OpsgenieJson(alert, true),
              AllOf(HasSubstr(R"("id":"u-u","tinyId":"7","alias":"a\"b")"),
                    HasSubstr(R"("createdAt":"2026-11-21T19:38:20.500Z")"),
                    HasSubstr(R"("report":{"closeTime":3000,"closedBy":"ann"})"), HasSubstr(R"("details":{"k":"v"})"),
                    HasSubstr(R"("priority":"P3")"), HasSubstr(R"("status":"closed")")));
  EXPECT_THAT(OpsgenieJson(alert, false), ::testing::Not(HasSubstr("details")));
}

TEST(OpsgenieBodyTest, AnswersMutatedBodies) {
  constexpr std::string_view kBody =
      R"({"message":"m","alias":"a","tags":["x"],"details":{"k":1},"responders":[{"type":"team","name":"ops"}],"priority":"P2"})";
  Random random(7);
  for (int i = 0; i < 5'000; ++i) {
    std::string body(kBody);
    const std::size_t at = random.Below(body.size());
    if (random.OneIn(2)) {
      body[at] = static_cast<char>(random.Below(256));
    } else {
      body.erase(at, 1 + random.Below(10));
    }
    const OpsgenieCall call = ReadOpsgenieCreate(body);
    EXPECT_TRUE(call.fault.any() || !std::get<opsgenie::Create>(call.action).alert.message.empty()) << body;
    ReadOpsgenieHeartbeat(body, true);
    ReadOpsgenieNetdata(body);
  }
}

}  // namespace
}  // namespace tocsin
