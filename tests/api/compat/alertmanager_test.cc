// Alertmanager's API, piece by piece: what its pure parts decide, who is let in, what is beyond the captured requests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/compat/alertmanager_alerts.h"
#include "api/compat/alertmanager_config.h"
#include "api/compat/alertmanager_silences.h"
#include "api/compat/alertmanager_wire.h"
#include "model/integration_key.h"
#include "tests/api/compat/alertmanager_world.h"

namespace tocsin::alertmanager {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1'795'289'193);  // a day in November 2026

std::string Iso(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone());
}

TEST(AlertmanagerWire, GivesSilencesUuidsThatReadBack) {
  EXPECT_EQ(FormatUuid(SilenceId(1)), "746f6373-696e-8000-8000-000000000001");
  for (const std::uint64_t number : {std::uint64_t{1}, std::uint64_t{0xABCDEF}, (std::uint64_t{1} << 60U) - 1}) {
    const std::string uuid = FormatUuid(SilenceId(number));
    EXPECT_TRUE(IsUuid(uuid)) << uuid;
    EXPECT_EQ(ParseUuid(uuid), SilenceId(number));
  }
  EXPECT_EQ(ParseUuid("746F6373-696E-8000-8000-00000000000A"), SilenceId(10)) << "case does not matter";
  for (const std::string_view other : {"11111111-1111-4111-8111-111111111111", "746f6373-696e-8000-8000-000000000000",
                                       "746f6373-696e-9000-8000-000000000001"}) {
    EXPECT_TRUE(IsUuid(other));
    EXPECT_EQ(ParseUuid(other), std::nullopt) << other;
  }
  for (const std::string_view none :
       {"", "zzz", "746f6373696e800080000000000000001", "746f6373-696e-8000-8000-00000000000g"})
    EXPECT_FALSE(IsUuid(none)) << none;
}

TEST(AlertmanagerWire, ReadsFlagsAsLaxlyAsAlertmanager) {
  for (const std::string_view yes :
       {"true", "TRUE", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled"})
    EXPECT_TRUE(FlagOf("active=" + std::string(yes), "active", false)) << yes;
  for (const std::string_view no : {"maybe", "0", "", "false", "2"})
    EXPECT_FALSE(FlagOf("active=" + std::string(no), "active", true)) << no;
  EXPECT_TRUE(FlagOf("silenced=0", "active", true));
}

TEST(AlertmanagerWire, KnowsWhetherJsonIsWanted) {
  for (const std::string_view yes :
       {"", "*/*", "application/json", "text/html, application/*;q=0.5", "Application/JSON; q=1"})
    EXPECT_TRUE(AcceptsJson(yes)) << yes;
  for (const std::string_view no : {"text/html", "text/*, application/xml"})
    EXPECT_FALSE(AcceptsJson(no)) << no;
}

// ---- an update keeps its id or gets another ----

Silence Silenced(absl::Time from, absl::Time to, std::string value = "a") {
  Silence silence;
  silence.matchers = {
      {"alertname", MatchOp::kEqual, std::move(value)}
  };
  silence.starts_at = from;
  silence.ends_at = to;
  return silence;
}

TEST(AlertmanagerSilences, AreUpdatedInPlaceByAlertmanagersRules) {
  const absl::Duration hour = absl::Hours(1);
  const auto in_place = [](const Silence& before, const Silence& posted) {
    return Judge(before, posted, kNow) == SilenceUpdate::kInPlace;
  };
  const Silence active = Silenced(kNow - hour, kNow + hour);
  EXPECT_TRUE(in_place(active, Silenced(kNow - hour, kNow + 3 * hour)));
  EXPECT_TRUE(in_place(active, Silenced(kNow - hour + absl::Milliseconds(900), kNow + hour))) << "the same second";
  EXPECT_FALSE(in_place(active, Silenced(kNow - hour + absl::Seconds(1), kNow + hour))) << "it has begun already";
  EXPECT_FALSE(in_place(active, Silenced(kNow - hour, kNow - absl::Seconds(1))));
  EXPECT_FALSE(in_place(active, Silenced(kNow - hour, kNow + hour, "b"))) << "other matchers are another silence";
  const Silence pending = Silenced(kNow + hour, kNow + 2 * hour);
  EXPECT_TRUE(in_place(pending, Silenced(kNow + absl::Seconds(1), kNow + 3 * hour)));
  EXPECT_FALSE(in_place(pending, Silenced(kNow - absl::Seconds(1), kNow + 3 * hour)));
  EXPECT_FALSE(in_place(Silenced(kNow - 2 * hour, kNow - hour), Silenced(kNow - 2 * hour, kNow + hour)));
}

TEST(AlertmanagerSilences, AreReadAsStrictlyAsAlertmanagerDoes) {
  const auto refusal = [](std::string_view body) {
    PostedSilence posted;
    const std::optional<HttpResponse> response = ReadSilence(body, posted);
    return response ? absl::StrFormat("%d %s", response->status, response->body) : std::string();
  };
  const std::string rest =
      R"("comment":"c","createdBy":"b","startsAt":"2026-11-21T19:26:33Z","endsAt":"2026-11-21T20:26:33Z")";
  EXPECT_EQ(refusal(R"({"matchers":[{"name":"a","value":"b","isRegex":false}],)" + rest + "}"), "");
  EXPECT_EQ(refusal(""), R"(422 {"code":602,"message":"silence in body is required"})");
  EXPECT_EQ(refusal("null"), R"(422 {"code":602,"message":"silence in body is required"})");
  EXPECT_THAT(refusal("{"), HasSubstr(R"(400 {"code":400,"message":"parsing silence body from \"\" failed, because )"));
  EXPECT_THAT(refusal("[]"), HasSubstr("cannot unmarshal array into Go value of type models.PostableSilence"));
  EXPECT_EQ(refusal(R"({"comment":null})"), R"(422 {"code":602,"message":"comment in body is required"})");
  EXPECT_THAT(refusal(R"({"comment":1})"),
              HasSubstr("cannot unmarshal number into Go struct field .comment of type string"));
  EXPECT_THAT(refusal(R"({"matchers":{}})"), HasSubstr("of type models.Matchers"));
  EXPECT_THAT(refusal(R"({"matchers":[1]})"), HasSubstr("of type models.Matcher"));
  EXPECT_THAT(refusal(R"({"matchers":[{"isRegex":"yes"}]})"), HasSubstr("of type bool"));
  EXPECT_THAT(refusal(R"({"startsAt":"soon"})"), HasSubstr(R"(parsing time \"soon\")"));
  EXPECT_EQ(refusal(R"({"matchers":[{"value":"b","isRegex":false}],)" + rest + "}"),
            R"(422 {"code":602,"message":"matchers.0.name in body is required"})");
  EXPECT_EQ(refusal(R"({"matchers":[{"name":"a","value":"b"}],)" + rest + "}"),
            R"(422 {"code":602,"message":"matchers.0.isRegex in body is required"})");
  PostedSilence posted;
  ASSERT_FALSE(ReadSilence(
      R"({"id":null,"matchers":[{"name":"a","value":"b","isRegex":true,"isEqual":false}],)" + rest + "}", posted));
  EXPECT_THAT(posted.silence.matchers, ElementsAre(Matcher{"a", MatchOp::kNotRegex, "b"}));
}

// ---- the configuration as amtool loads it ----

TEST(AlertmanagerConfig, IsWrittenAsSomebodyWouldHaveWrittenIt) {
  EXPECT_EQ(RenderConfiguration(*LoadCaptured()), R"(global:
  resolve_timeout: 5m
route:
  receiver: default
  group_by:
  - alertname
  - cluster
  continue: false
  routes:
  - receiver: db
    group_by:
    - '...'
    matchers:
    - severity=~"crit.*|warn.*"
    - team="db"
    continue: true
    routes:
    - receiver: db-crit
      matchers:
      - severity="critical"
      mute_time_intervals:
      - nights
      continue: false
  - receiver: team-any
    matchers:
    - severity!~"info"
    - team!=""
    continue: false
  - receiver: legacy
    matchers:
    - legacy="yes"
    - svc=~"a|b"
    continue: false
  group_wait: 1s
  group_interval: 5s
  repeat_interval: 1h
inhibit_rules:
- source_matchers:
  - severity="critical"
  target_matchers:
  - severity="warning"
  equal:
  - alertname
  - dc
receivers:
- name: default
- name: db
- name: db-crit
- name: team-any
- name: legacy
templates: []
time_intervals:
- name: nights
  time_intervals:
  - times:
    - start_time: "00:00"
      end_time: "06:00"
    weekdays: ['monday:friday']
    location: Europe/Vienna
)");
}

TEST(AlertmanagerConfig, QuotesWhatYamlWouldReadAsSomethingElse) {
  Organisation organisation;
  organisation.route.id = RouteId("root");
  organisation.route.policy = PolicyId("on");
  organisation.route.group_interval = absl::ZeroDuration();
  Route child;
  child.matchers = {
      {"a b", MatchOp::kRegex, "x: \"y\" # z\n"},
      {"n",   MatchOp::kEqual, "it's"          }
  };
  child.receiver = ReceiverId("7");
  child.group_wait = absl::Minutes(90) + absl::Milliseconds(5);
  child.group_interval = absl::ZeroDuration();
  organisation.route.children = {child};
  RecurringTime time;
  time.days_of_month = {
      {1,  5 },
      {-3, -1}
  };
  time.months = {
      {2, 2}
  };
  time.years = {
      {2026, 2027}
  };
  time.times = {
      {0, 1440}
  };
  organisation.time_intervals = {
      {TimeIntervalId("odd"), {time, RecurringTime()}}
  };
  const std::string text = RenderConfiguration(organisation);
  EXPECT_THAT(text, HasSubstr("  receiver: 'on'\n")) << "a policy stands for the receiver that the route has not";
  EXPECT_THAT(text, HasSubstr("  - receiver: '7'\n"));
  EXPECT_THAT(text, HasSubstr(R"(    - '"a b"=~"x: \"y\" # z\n"')"));
  EXPECT_THAT(text, HasSubstr("    - n=\"it's\"\n"));
  EXPECT_THAT(text, HasSubstr("    group_wait: 1h30m5ms\n"));
  EXPECT_THAT(text, HasSubstr("  group_interval: 1ms\n")) << "amtool loads no interval of zero";
  EXPECT_THAT(
      text,
      HasSubstr(
          "  - times:\n    - start_time: \"00:00\"\n      end_time: \"24:00\"\n    days_of_month: ['1:5', '-3:-1']\n"
          "    months: ['2']\n    years: ['2026:2027']\n  - {}\n"));
}

// ---- over HTTP ----

class AlertmanagerDoor : public ::testing::Test {
 protected:
  void SetUp() override { world_.Apply(); }

  HttpResponse Get(std::string_view path, HttpHeaders headers = {}) {
    return world_.Http("GET", path, std::move(headers));
  }
  HttpHeaders Token() const {
    return {
        {"Authorization", "Bearer " + world_.token}
    };
  }
  std::string SilenceBody(std::string_view matcher, absl::Duration length = absl::Hours(1), std::string_view id = "") {
    const absl::Time now = world_.clock().Read().wall;
    return absl::StrFormat(
        R"({"id":"%s","matchers":[%s],"startsAt":"%s","endsAt":"%s","createdBy":"me","comment":"why"})", id, matcher,
        Iso(now), Iso(now + length));
  }
  HttpResponse Silence(std::string body, HttpHeaders headers = {}) {
    headers.push_back({"Content-Type", "application/json"});
    return world_.Http("POST", "/api/v2/silences", std::move(headers), std::move(body));
  }

  AlertmanagerWorld world_{kNow};
};

constexpr std::string_view kMatcher = R"({"name":"alertname","value":"A","isRegex":false})";

TEST_F(AlertmanagerDoor, LetsInWhoeverIsOnThisMachineUntilTheDoorHasAKey) {
  EXPECT_EQ(Get("/api/v2/alerts").status, 200);
  EXPECT_EQ(Silence(SilenceBody(kMatcher)).status, 200);
  EXPECT_EQ(world_.Http("POST", "/-/reload").status, 403) << "what changes everything needs a token";
  EXPECT_EQ(world_.reloads, 0);
  EXPECT_EQ(world_.Http("POST", "/-/reload", Token()).status, 200);
  EXPECT_EQ(world_.reloaded_by, "user:admin");
  // Not what a browser sends for a page from elsewhere, nor by a name that leads here.
  for (const HttpHeader& header : {
           HttpHeader{"Origin", "http://evil.example"},
           HttpHeader{"Origin", "null"               },
           HttpHeader{"Host",   "rebound.example"    },
           HttpHeader{"Host",   "127.rebound.example"}
  }) {
    EXPECT_EQ(Get("/api/v2/alerts", {header}).status, 401) << header.value;
    EXPECT_EQ(Silence(SilenceBody(kMatcher), {header}).status, 401) << header.value;
  }
  EXPECT_EQ(Get("/api/v2/alerts",
                {
                    {"Origin", "http://localhost:3000"}
  })
                .status,
            200);
  // Nor what a proxy passes on.
  EXPECT_EQ(Get("/api/v2/alerts",
                {
                    {"X-Forwarded-For", "192.0.2.1"}
  })
                .status,
            401);
  HttpHeaders elsewhere = Token();
  elsewhere.push_back({"Origin", "http://karma.example"});
  const HttpResponse allowed = Get("/api/v2/alerts", elsewhere);
  EXPECT_EQ(allowed.status, 200) << "a token opens everywhere";
  EXPECT_EQ(FindHeader(allowed.headers, "Access-Control-Allow-Origin"), "*");

  std::string keyed(kCapturedOrganisation);
  keyed.replace(keyed.find("source: prometheus"), 18, "source: prometheus, key: now-it-has-a-key-of-its-own");
  world_.Apply(keyed);
  ASSERT_TRUE(AlertmanagerWorld::Eventually([&] { return Get("/api/v2/alerts").status == 401; }));
  const HttpResponse refused = Get("/api/v2/silences");
  EXPECT_THAT(refused.body, HasSubstr("integration default has a key"));
  EXPECT_NE(FindHeader(refused.headers, "WWW-Authenticate"), "");
  EXPECT_EQ(Get("/api/v2/alerts", Token()).status, 200);
}

TEST_F(AlertmanagerDoor, GoesByTheRolesOfTokens) {
  const auto token = [&](Role role) {
    const std::string text = MakeToken();
    AccessToken row;
    row.name = std::string(Name(role));
    row.role = role;
    row.hash = HashKey(text);
    if (role == Role::kIntegration) row.integration = IntegrationId("stream");
    const CommandResult made = world_.engine().ExecuteAndWait({"", "test", CreateToken{row}, "test"});
    EXPECT_TRUE(made.status.ok()) << made.status;
    return HttpHeaders{
        {"Authorization", "Bearer " + text}
    };
  };
  const HttpHeaders viewer = token(Role::kViewer);
  const HttpHeaders responder = token(Role::kResponder);
  EXPECT_EQ(Get("/api/v2/alerts", viewer).status, 200);
  EXPECT_EQ(Silence(SilenceBody(kMatcher), viewer).status, 403);
  EXPECT_EQ(Silence(SilenceBody(kMatcher), responder).status, 200);
  EXPECT_EQ(world_.Http("POST", "/-/reload", responder).status, 403);
  EXPECT_EQ(world_.reloads, 0);
  EXPECT_EQ(Get("/api/v2/alerts", token(Role::kIntegration)).status, 403);
  EXPECT_EQ(Get("/api/v2/alerts",
                {
                    {"Authorization", "Bearer wrong"}
  })
                .status,
            401);
}

TEST_F(AlertmanagerDoor, SpeaksAsAlertmanagerWhereNobodyAnswers) {
  EXPECT_EQ(Get("/alertmanager/api/v2/status").status, 404) << "Grafana would take us for Mimir";
  const HttpResponse head = world_.Http("HEAD", "/api/v2/alerts");
  EXPECT_EQ(head.status, 405);
  EXPECT_EQ(FindHeader(head.headers, "Allow"), "GET,POST");
  const HttpResponse listed = Get("/api/v2/silences");
  EXPECT_EQ(FindHeader(listed.headers, "Vary"), "Origin");
  EXPECT_EQ(FindHeader(listed.headers, "Cache-Control"), "no-store");
  for (const std::string_view path :
       {"/api/v1/alerts", "/api/v1/status", "/api/v1/receivers", "/api/v1/silences", "/api/v1/silence/x"}) {
    const HttpResponse gone = Get(path);
    EXPECT_EQ(gone.status, 410) << path;
    EXPECT_THAT(gone.body, HasSubstr(R"({"status":"deprecated")"));
  }
  EXPECT_EQ(world_.Http("HEAD", "/-/healthy").status, 200);
  EXPECT_EQ(Get("/-/ready").body, "OK");
  world_.reload_answer = absl::InvalidArgumentError("no such file");
  const HttpResponse failed = world_.Http("POST", "/-/reload", Token());
  EXPECT_EQ(failed.status, 500);
  EXPECT_EQ(failed.body, "failed to reload config: no such file\n");
  world_.reload_answer = absl::PermissionDeniedError("not yours");
  EXPECT_EQ(world_.Http("POST", "/-/reload", Token()).status, 403);
}

TEST_F(AlertmanagerDoor, TakesAlertsOfTheFirstVersion) {
  const auto post = [&](std::string body) { return world_.Http("POST", "/api/v1/alerts", {}, std::move(body)); };
  const HttpResponse taken = post(R"([{"labels":{"alertname":"old"}}])");
  EXPECT_EQ(taken.status, 200);
  EXPECT_EQ(taken.body, R"({"status":"success"})");
  const HttpResponse refused = post(R"([{"labels":{}}])");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.body, R"({"status":"error","errorType":"bad_data","error":"at least one label pair required"})");
  EXPECT_EQ(post("{nope").status, 400);
  EXPECT_TRUE(
      AlertmanagerWorld::Eventually([&] { return Get("/api/v2/alerts?filter=alertname%3Dold").body.size() > 10; }));
}

TEST_F(AlertmanagerDoor, NamesEverySilenceAndForgetsWhatHasRecovered) {
  ASSERT_EQ(world_.PostAlerts(R"([{"labels":{"alertname":"A","env":"x"}},{"labels":{"alertname":"B"}}])").status, 200);
  ASSERT_EQ(Silence(SilenceBody(kMatcher)).status, 200);
  ASSERT_EQ(Silence(SilenceBody(R"({"name":"env","value":"x|y","isRegex":true})")).status, 200);
  const auto count = [](const std::string& text, std::string_view part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
      ++found;
    return found;
  };
  EXPECT_TRUE(AlertmanagerWorld::Eventually([&] {
    return count(Get("/api/v2/alerts?filter=alertname%3DA").body, "746f6373-696e") == 2;
  })) << Get("/api/v2/alerts").body;
  EXPECT_THAT(Get("/api/v2/alerts?silenced=false").body, Not(HasSubstr("\"env\"")));
  EXPECT_THAT(Get("/api/v2/alerts?active=false").body, Not(HasSubstr("\"B\"")));
  const absl::Time now = world_.clock().Read().wall;
  world_.PostAlerts(absl::StrFormat(R"([{"labels":{"alertname":"B"},"startsAt":"%s","endsAt":"%s"}])",
                                    Iso(now - absl::Seconds(5)), Iso(now - absl::Seconds(1))));
  EXPECT_TRUE(AlertmanagerWorld::Eventually([&] { return Get("/api/v2/alerts?filter=alertname%3DB").body == "[]\n"; }));
}

TEST_F(AlertmanagerDoor, GroupsSayWhichTimesMuteThem) {
  std::string yaml(kCapturedOrganisation);
  yaml.replace(yaml.find("start_time: '00:00', end_time: '06:00'"), 38, "start_time: '00:00', end_time: '24:00'");
  yaml.replace(yaml.find("'monday:friday'"), 15, "'sunday:saturday'");
  world_.Apply(yaml);
  ASSERT_TRUE(AlertmanagerWorld::Eventually([&] { return world_.engine().rules()->version.value() > 1; }));
  world_.PostAlerts(R"([{"labels":{"alertname":"A","team":"db","severity":"critical"}}])");
  const auto groups = [&](std::string_view query = "") {
    return Get(absl::StrCat("/api/v2/alerts/groups", ToAbsl(query))).body;
  };
  ASSERT_TRUE(AlertmanagerWorld::Eventually([&] { return groups().find("db-crit") != std::string::npos; }));
  EXPECT_THAT(groups("?receiver=db-crit"), HasSubstr(R"("mutedBy":["nights"],"silencedBy":[],"state":"suppressed")"));
  EXPECT_THAT(groups("?receiver=team-any"), HasSubstr(R"("mutedBy":[],"silencedBy":[],"state":"active")"));
  EXPECT_EQ(groups("?receiver=db-crit&muted=false"), "[]\n");
}

TEST_F(AlertmanagerDoor, ShowsWindowsAsSilencesAndLeavesThemAlone) {
  tocsin::Silence window;
  window.maintenance = true;
  window.matchers = {
      {"alertname", MatchOp::kEqual, "A"}
  };
  window.starts_at = kNow;
  window.ends_at = kNow + absl::Hours(1);
  window.comment = "disks";
  const CommandResult made = world_.engine().ExecuteAndWait({"", "user:ann", CreateSilence{window}, "test"});
  ASSERT_TRUE(made.status.ok()) << made.status;
  const std::string uuid = FormatUuid(SilenceId(made.id));
  EXPECT_THAT(Get("/api/v2/silences").body, HasSubstr(absl::StrFormat("maintenance M%d: disks", made.id)));
  const HttpResponse refused = Silence(SilenceBody(kMatcher, absl::Hours(2), uuid));
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, HasSubstr("tocsin maintenance"));
  EXPECT_EQ(world_.Http("DELETE", "/api/v2/silence/" + uuid).status, 200) << "a person's window may be ended";
  EXPECT_EQ(Get("/api/v2/silences").body, "[]\n");
}

TEST_F(AlertmanagerDoor, CountsUnderAlertmanagersNames) {
  world_.PostAlerts(R"([{"labels":{"alertname":"A"}},{"labels":{}}])");
  world_.Http("POST", "/api/v1/alerts", {}, R"([{"labels":{"alertname":"B"},"endsAt":"2020-01-01T00:00:00Z"}])");
  ASSERT_EQ(Silence(SilenceBody(kMatcher)).status, 200);
  const std::string text = Get("/metrics").body;
  for (const std::string_view line :
       {"alertmanager_alerts_received_total{status=\"firing\",version=\"v2\"} 1\n",
        "alertmanager_alerts_received_total{status=\"resolved\",version=\"v1\"} 1\n",
        "alertmanager_alerts_invalid_total{version=\"v2\"} 1\n", "alertmanager_silences{state=\"active\"} 1\n",
        "alertmanager_alerts{state=\"unprocessed\"} 0\n", "alertmanager_marked_alerts{state=\"active\"} ",
        "alertmanager_notifications_total{integration=\"email\"} 0\n",
        "alertmanager_notifications_failed_total{integration=\"webhook\",reason=\"clientError\"} 0\n",
        "alertmanager_notification_latency_seconds_bucket{integration=\"email\",le=\"+Inf\"} 0\n",
        "alertmanager_notification_latency_seconds_sum{integration=\"sms\"} 0\n",
        "alertmanager_notification_requests_total{integration=\"slack\"} 0\n", "alertmanager_config_hash 1\n",
        "alertmanager_config_last_reload_successful 1\n", "alertmanager_config_last_reload_success_timestamp_seconds ",
        "alertmanager_cluster_members 1\n", "alertmanager_cluster_peer_info{peer=", "version=\"0.27.0\"} 1\n"}) {
    EXPECT_THAT(text, HasSubstr(std::string(line)));
  }
}

}  // namespace
}  // namespace tocsin::alertmanager
