#include "api/compat/opsgenie_door.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/compat/opsgenie_wire.h"
#include "base/random.h"
#include "base/strings.h"
#include "ingest/json.h"
#include "tests/api/world.h"
#include "tests/ingest/fixtures.h"

namespace tocsin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kKey = "00000000-1111-2222-3333-444444444444";

class OpsgenieDoorTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    ApplySample(absl::StrReplaceAll(
        OrganisationYaml(), {
                                {"integrations: [", absl::StrCat("integrations: [{id: og, source: opsgenie, key: ",
                                 ToAbsl(kKey), "}, ")}
    }));
    keys_ = std::make_unique<KeyRing>([this] { return engine_->rules(); },
                                      [this](const IntegrationId& id) { return engine_->IndexOf(id); });
    events_ = std::make_unique<EventDoor>(*engine_, *keys_, clock_);
    HttpRouter router;
    AddOpsgenieRoutes(router, *api_, *events_, *workers_);
    absl::StatusOr<std::unique_ptr<HttpServer>> server = HttpServer::Start({.threads = 1}, std::move(router));
    ASSERT_TRUE(server.ok()) << server.status();
    door_ = *std::move(server);
  }
  void TearDown() override {
    door_.reset();
    ApiTest::TearDown();
  }

  HttpResponse Ask(std::string_view method,
                   std::string_view target,
                   std::string_view body = "",
                   std::string_view key = kKey) {
    HttpHeaders headers;
    if (!key.empty()) headers.push_back({"Authorization", absl::StrCat("GenieKey ", ToAbsl(key))});
    absl::StatusOr<HttpResponse> response =
        Perform({.method = std::string(method),
                 .url = absl::StrFormat("http://127.0.0.1:%d%s", door_->port(), target),
                 .headers = std::move(headers),
                 .body = std::string(body)});
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *std::move(response) : HttpResponse{.status = 0};
  }
  // A 202, and what became of it, which is known by then.
  std::string Status(const HttpResponse& answer) {
    EXPECT_EQ(answer.status, 202) << answer.body;
    const HttpResponse status =
        Ask("GET", absl::StrCat("/v2/alerts/requests/", ToAbsl(FindHeader(answer.headers, "X-Request-Id"))));
    EXPECT_EQ(status.status, 200) << status.body;
    return status.body;
  }
  std::string Get(std::string_view alias) {
    return Ask("GET", absl::StrCat("/v2/alerts/", ToAbsl(alias), "?identifierType=alias")).body;
  }
  std::size_t Firing() {
    v1::ListAlertsRequest request;
    request.set_state(v1::ListAlertsRequest::STATE_ACTIVE);
    request.set_page_size(1000);
    v1::ListAlertsResponse response;
    EXPECT_TRUE(Call("AlertService/ListAlerts", request, response).ok());
    return static_cast<std::size_t>(response.alerts_size());
  }

  std::unique_ptr<KeyRing> keys_;
  std::unique_ptr<EventDoor> events_;
  std::unique_ptr<HttpServer> door_;
};

TEST_F(OpsgenieDoorTest, CreatesAndClosesAndTellsAtOnceWhatBecameOfIt) {
  const HttpResponse created =
      Ask("POST", "/v2/alerts/", R"({"message":"disk is full","alias":"my/alias x","priority":"P1",
      "tags":["a",""],"details":{"rack":12},"responders":[{"type":"team","name":""},{"type":"team","name":"ops"}]})");
  EXPECT_THAT(created.body, HasSubstr(R"("result":"Request will be processed")"));
  EXPECT_EQ(FindHeader(created.headers, "X-RateLimit-State"), "OK");
  EXPECT_FALSE(FindHeader(created.headers, "X-Response-Time").empty());
  EXPECT_THAT(Status(created), AllOf(HasSubstr(R"("success":true)"), HasSubstr(R"("status":"Created alert")"),
                                     HasSubstr(R"("alias":"my/alias x")"), HasSubstr(R"("action":"Create")")));
  EXPECT_EQ(Firing(), 1U);
  EXPECT_THAT(Get("my/alias%20x"), AllOf(HasSubstr(R"("message":"disk is full")"), HasSubstr(R"("priority":"P1")"),
                                         HasSubstr(R"("details":{"rack":"12"})"), HasSubstr(R"("tags":["a"])"),
                                         HasSubstr(R"("count":1)"), HasSubstr(R"("status":"open")")));
  EXPECT_THAT(Status(Ask("POST", "/v2/alerts", R"({"message":"another","alias":"my/alias x"})")),
              HasSubstr("Created alert"));
  EXPECT_THAT(Get("my/alias%20x"), AllOf(HasSubstr(R"("message":"disk is full")"), HasSubstr(R"("count":2)")));

  EXPECT_THAT(
      Status(Ask("POST", "/v2/alerts/my/alias%20x/acknowledge/?identifierType=alias", R"({"note":"n","user":"u"})")),
      HasSubstr("Acknowledged alert"));
  EXPECT_THAT(Status(Ask("POST", "/v2/alerts/my/alias%20x/acknowledge?identifierType=alias", "")),
              AllOf(HasSubstr(R"("success":false)"), HasSubstr("Alert is already")));
  EXPECT_THAT(Status(Ask("POST", "/v2/alerts/my/alias%20x/close/?identifierType=alias", "{}")),
              HasSubstr("Closed alert"));
  EXPECT_EQ(Firing(), 0U);
  EXPECT_THAT(Status(Ask("POST", "/v2/alerts/nothing/close?identifierType=alias")),
              AllOf(HasSubstr(R"("success":false)"), HasSubstr("does not exist")));
  EXPECT_THAT(Status(Ask("POST", "/v2/alerts", R"({"message":"disk is full","alias":"my/alias x"})")),
              HasSubstr("Created alert"));
  EXPECT_THAT(Get("my/alias%20x"), HasSubstr(R"("count":1)"));
  EXPECT_EQ(Firing(), 1U);
}

TEST_F(OpsgenieDoorTest, ChangesWhatItIsAskedToChange) {
  Status(Ask("POST", "/v2/alerts", R"({"message":"m","alias":"a","actions":["Restart"]})"));
  const std::string type = "?identifierType=alias";
  struct Case {
    std::string_view method;
    std::string_view path;
    std::string_view body;
    std::string_view status;
  };
  const Case cases[] = {
      {"POST",   "/tags",            R"({"tags":["x","y"]})",                           "tags"            },
      {"DELETE", "/tags",            "",                                                "tags"            },
      {"POST",   "/details",         R"({"details":{"k":"v","l":"w"}})",                "details"         },
      {"DELETE", "/details",         "",                                                "details"         },
      {"POST",   "/notes",           R"({"note":"the disk was replaced"})",             "note"            },
      {"POST",   "/responders",      R"({"responder":{"type":"user","username":"u"}})", "responder"       },
      {"POST",   "/teams",           R"({"team":{"name":"ops"}})",                      "responder"       },
      {"POST",   "/assign",          R"({"owner":{"username":"ann"}})",                 "ownership"       },
      {"POST",   "/escalate",        R"({"escalation":{"name":"default"}})",            "Escalated"       },
      {"POST",   "/actions/Restart", "{}",                                              "action"          },
      {"PUT",    "/message",         R"({"message":"new message"})",                    "message"         },
      {"PUT",    "/description",     R"({"description":"new text"})",                   "description"     },
      {"PUT",    "/priority",        R"({"priority":"P2"})",                            "priority"        },
      {"POST",   "/unacknowledge",   "{}",                                              "not acknowledged"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.path);
    std::string target = absl::StrCat("/v2/alerts/a", ToAbsl(c.path), type);
    if (c.method == "DELETE") target += c.path == "/tags" ? "&tags=x" : "&keys=k";
    EXPECT_THAT(Status(Ask(c.method, target, c.body)), HasSubstr(std::string(c.status)));
  }
  EXPECT_THAT(Get("a"), AllOf(HasSubstr(R"("tags":["y"])"), HasSubstr(R"("details":{"l":"w"})"),
                              HasSubstr("new message"), HasSubstr("new text"), HasSubstr(R"("priority":"P2")")));
  EXPECT_THAT(Ask("GET", "/v2/alerts/a/notes?identifierType=alias").body, HasSubstr("the disk was replaced"));
  EXPECT_THAT(Ask("GET", "/v2/alerts/a/logs?identifierType=alias&limit=2&order=asc").body,
              AllOf(HasSubstr(R"("data":[{"log":")"), HasSubstr("direction=next")));
  EXPECT_EQ(Ask("GET", "/v2/alerts/a/recipients?identifierType=alias").status, 200);
  Status(Ask("DELETE", "/v2/alerts/a?identifierType=alias&user=ann"));
  EXPECT_EQ(Ask("GET", "/v2/alerts/a?identifierType=alias").status, 404);
  EXPECT_EQ(Firing(), 0U);
}

TEST_F(OpsgenieDoorTest, ListsAndCountsByQuery) {
  for (int i = 0; i < 7; ++i) {
    Status(Ask(
        "POST", "/v2/alerts",
        absl::StrFormat(R"({"message":"disk %d","alias":"a%d","tags":["%s"]})", i, i, i % 2 == 0 ? "even" : "odd")));
  }
  Status(Ask("POST", "/v2/alerts/a0/close?identifierType=alias"));
  EXPECT_THAT(Ask("GET", "/v2/alerts/count?query=status%3Aopen").body, HasSubstr(R"("data":{"count":6})"));
  EXPECT_THAT(Ask("GET", "/v2/alerts/count/?query=status%3Aopen+AND+tag%3Aeven").body, HasSubstr(R"({"count":3})"));
  const std::string page = Ask("GET", "/v2/alerts/?query=tag%3Aodd&limit=2&sort=tinyId&order=asc").body;
  EXPECT_THAT(page, AllOf(HasSubstr("disk 1"), HasSubstr("disk 3"), Not(HasSubstr("disk 5")), HasSubstr("disk 1"),
                          HasSubstr(absl::StrCat("http://127.0.0.1:", door_->port(), "/v2/alerts?limit=2&offset=2")),
                          Not(HasSubstr("\"prev\""))));
  EXPECT_THAT(Ask("GET", "/v2/alerts?limit=2&offset=2&sort=tinyId&order=asc&query=tag%3Aodd").body,
              HasSubstr("disk 5"));
  const HttpResponse wrong = Ask("GET", "/v2/alerts?query=stat%3Aopen");
  EXPECT_EQ(wrong.status, 422);
  EXPECT_THAT(wrong.body, HasSubstr(R"("errors":{"query":"at 1: there is no field)"));
  for (const std::string_view query : {"limit=0", "limit=x", "offset=19999", "sort=colour"})
    EXPECT_EQ(Ask("GET", absl::StrCat("/v2/alerts?", ToAbsl(query))).status, 422) << query;
}

TEST_F(OpsgenieDoorTest, RefusesWhatItCannotTakeInItsWords) {
  struct Case {
    std::string_view method;
    std::string_view target;
    std::string_view body;
    int status;
    std::string_view says;
  };
  const Case cases[] = {
      {"POST", "/v2/alerts",                  "{",                     400, "Could not parse request body"                                 },
      {"POST", "/v2/alerts",                  "[]",                    400, "it is no JSON object"                                         },
      {"POST", "/v2/alerts",                  R"({"alias":"x"})",      422, R"("errors":{"message":"message can not be empty"},"example":)"},
      {"POST", "/v2/alerts/x/snooze",         "{}",                    422, R"("errors":{"endTime":)"                                      },
      {"POST", "/v2/alerts/x/snooze",         R"({"endTime":"soon"})", 422, R"("errors":{"endTime":)"                                      },
      {"PUT",  "/v2/alerts/x/priority",       R"({"priority":"P9"})",  422, "P1, P2, P3, P4, P5"                                           },
      {"POST", "/v2/alerts/x/notes",          R"({"note":null})",      422, R"("errors":{"note":)"                                         },
      {"POST", "/v2/alerts/x/shout",          "{}",                    405, "nothing that can be asked of an alert"                        },
      {"GET",  "/v2/alerts/requests/unknown", "",                      404, "Request not found"                                            },
      {"GET",  "/v2/alerts/unknown",          "",                      404, "does not exist"                                               },
      {"POST", "/v2/heartbeats",              R"({"name":"x"})",       422, R"("errors":{"interval":)"                                     },
      {"GET",  "/v2/schedules/x/on-calls",    "",                      404, "does not exist"                                               },
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.target);
    const HttpResponse answer = Ask(c.method, c.target, c.body);
    EXPECT_EQ(answer.status, c.status) << answer.body;
    EXPECT_THAT(answer.body,
                AllOf(HasSubstr(std::string(c.says)), HasSubstr(R"("took":)"), HasSubstr(R"("requestId":")")));
    EXPECT_FALSE(FindHeader(answer.headers, "X-Request-Id").empty());
  }
  EXPECT_EQ(Ask("POST", "/v2/alerts", R"({"message":"m"})", "").status, 401);
  EXPECT_EQ(Ask("POST", "/v2/alerts", R"({"message":"m"})", kStreamKey).status, 401);
  EXPECT_EQ(Ask("POST", absl::StrCat("/v2/alerts?apiKey=", ToAbsl(kKey)), R"({"message":"m"})", "").status, 202);
}

TEST_F(OpsgenieDoorTest, HeartbeatsAreMadeAndHeardOf) {
  EXPECT_EQ(Ask("POST", "/v2/heartbeats",
                R"({"name":"backup","interval":2,"intervalUnit":"hours","alertPriority":"P1","alertTags":["t"]})")
                .status,
            201);
  EXPECT_EQ(Ask("POST", "/v2/heartbeats", R"({"name":"backup","interval":2})").status, 422);
  for (const std::string_view method : {"GET", "POST", "PUT", "PATCH"}) {
    for (const std::string_view name : {"backup", "unknown"}) {
      const HttpResponse pong = Ask(method, absl::StrCat("/v2/heartbeats/", ToAbsl(name), "/ping"));
      EXPECT_EQ(pong.status, 202);
      EXPECT_THAT(pong.body, HasSubstr(R"("result":"PONG - Heartbeat received")"));
    }
  }
  EXPECT_THAT(Ask("GET", "/v2/heartbeats/backup").body,
              AllOf(HasSubstr(R"("interval":2,"intervalUnit":"hours","enabled":true,"expired":false,"lastPingTime":")"),
                    HasSubstr(R"("alertTags":["t"],"alertPriority":"P1")")));
  EXPECT_THAT(Ask("POST", "/v2/heartbeats/backup/disable").body, HasSubstr(R"("enabled":false)"));
  EXPECT_THAT(
      Ask("PATCH", "/v2/heartbeats/backup", R"({"interval":3,"intervalUnit":"days","enabled":true})").body,
      AllOf(HasSubstr(R"("interval":3,"intervalUnit":"days","enabled":true)"), HasSubstr(R"("alertPriority":"P1")")));
  EXPECT_THAT(Ask("GET", "/v2/heartbeats").body, HasSubstr(R"("data":{"heartbeats":[{"name":"backup")"));
  EXPECT_EQ(Ask("DELETE", "/v2/heartbeats/backup").status, 200);
  EXPECT_EQ(Ask("GET", "/v2/heartbeats/backup").status, 404);
}

TEST_F(OpsgenieDoorTest, TellsWhoIsOnCall) {
  EXPECT_THAT(
      Ask("GET", "/v2/schedules/primary/on-calls?scheduleIdentifierType=name&flat=true").body,
      HasSubstr(R"("data":{"_parent":{"id":"primary","name":"primary","enabled":true},"onCallRecipients":["ann"]})"));
  EXPECT_THAT(Ask("GET", "/v2/schedules/on-calls").body,
              HasSubstr(R"("onCallParticipants":[{"id":"ann","name":"ann","type":"user"}])"));
  EXPECT_THAT(Ask("GET", "/v2/schedules/primary/next-on-calls?flat=true").body,
              AllOf(HasSubstr("nextOnCallRecipients"), HasSubstr("exactNextOnCallParticipants")));
  EXPECT_EQ(Ask("GET", "/v2/schedules/primary/on-calls?date=soon").status, 422);
  EXPECT_THAT(Ask("GET", "/v2/schedules").body, HasSubstr(R"("ownerTeam":{"id":"ops","name":"Operations"})"));
  EXPECT_THAT(Ask("GET", "/v2/teams/ops").body, HasSubstr(R"("members":[{"user":{"id":"ann")"));
  EXPECT_THAT(Ask("GET", "/v2/users").body, HasSubstr(R"("username":"bob")"));
  EXPECT_THAT(Ask("GET", "/v2/escalations/default").body,
              HasSubstr(R"("delay":{"timeAmount":10,"timeUnit":"minutes"},"recipient":{"type":"user","id":"bob")"));
}

// What the SDK for Node, Alertmanager and Netdata really sent.
TEST_F(OpsgenieDoorTest, TakesTheCaptures) {
  const std::optional<std::filesystem::path> folder = FixtureFolder();
  if (!folder) GTEST_SKIP() << "no fixtures: set TOCSIN_FIXTURES to their folder";
  std::size_t taken = 0;
  for (const std::string_view name : {"captures/opsgenie-sdk-node", "captures/alertmanager-out", "captures/netdata"}) {
    for (const Capture& capture : ReadCaptures(*folder / name)) {
      const std::string target = capture.target.starts_with("/opsgenie/") ? capture.target.substr(9) : capture.target;
      if (!target.starts_with("/v2/") && !target.starts_with("/v1/json/")) continue;
      if (target.starts_with("/v2/enqueue")) continue;
      SCOPED_TRACE(capture.name);
      const HttpResponse answer = Ask(capture.method, target, capture.body);
      const bool is_netdata = target.starts_with("/v1/json/");
      if (capture.method == "GET") {
        EXPECT_TRUE(answer.status == 200 || answer.status == 202 || answer.status == 404)
            << answer.status << answer.body;
      } else {
        EXPECT_EQ(answer.status, is_netdata                             ? 200
                                 : target.starts_with("/v2/heartbeats") ? answer.status
                                                                        : 202)
            << answer.body;
      }
      EXPECT_LT(answer.status, 405);
      ++taken;
    }
  }
  EXPECT_GE(taken, 8U);
}

TEST_F(OpsgenieDoorTest, AnswersMutatedBodies) {
  constexpr std::string_view kBody =
      R"({"message":"m","alias":"a","tags":["x"],"details":{"k":1},"responders":[{"type":"team","name":"ops"}],"priority":"P2"})";
  Random random(7);
  for (int i = 0; i < 300; ++i) {
    std::string body(kBody);
    const std::size_t at = random.Below(body.size());
    if (random.OneIn(2)) {
      body[at] = static_cast<char>(random.Below(256));
    } else {
      body.erase(at, 1 + random.Below(10));
    }
    const int status = Ask("POST", "/v2/alerts", body).status;
    EXPECT_TRUE(status == 202 || status == 400 || status == 422) << status << " " << body;
  }
}

}  // namespace
}  // namespace tocsin
