// Every HTTP door of the server, and who may come in by it: a row for each, over a real server; a door without a row fails. What the
// API's own methods need is in tests/api/matrix_test.cc.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/oidc_desk.h"
#include "config/load.h"
#include "model/integration_key.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "server/http_doors.h"
#include "storage/store.h"

namespace tocsin {
namespace {

constexpr std::string_view kOrganisation = R"(
name: doors
fallback_user: ann
users: [{id: ann, contact_methods: [{id: desk, kind: terminal, address: ann}]}]
policies: [{id: people, steps: [{delay: 10m, targets: [{user: ann}]}]}]
integrations:
  - {id: default, source: prometheus, key: key-of-the-default-door}
  - {id: other, source: generic, key: key-of-another-door}
  - {id: og, source: opsgenie, key: key-of-the-door-of-opsgenie}
  - {id: pd, source: pagerduty, key: 0123456789abcdef0123456789abcdef}
heartbeats: [{id: nightly, interval: 24h}]
route: {policy: people}
)";

// Who knocks, in the order of Row::opens.
enum Visitor {
  kNothing,      // shows nothing, from elsewhere
  kWrong,        // shows something that is good for nothing
  kViewer,       // a viewer's token
  kResponder,    // a responder's
  kManager,      // a manager's
  kIntegration,  // an integration's token
  kKey,          // an integration's key
  kVisitors
};

struct Row {
  std::string_view route;       // as the router has it: method and path; a prefix ends in /*
  std::string_view opens;       // for each visitor 'y' or '.'
  std::string_view needs;       // for docs/access.md
  std::string_view probe = {};  // the path that is asked; none: the route's
  std::string_view body = {};   // $shown is what the visitor shows
  std::string_view scheme = "Bearer";
};

constexpr std::string_view kAnybody = "anybody";
constexpr std::string_view kIntegrations = "an integration's key or token";
constexpr std::string_view kGenie = "an integration's key or token, as GenieKey";
constexpr std::string_view kRouting = "an integration's key or token, as the routing key";
constexpr std::string_view kApiKey = "an integration's key or token, as apiKey";
constexpr std::string_view kServiceKey = "an integration's key or token, as the service key";
constexpr std::string_view kViewers =
    "a viewer's token; on this machine nothing while the default integration has no key";
constexpr std::string_view kResponders = "a responder's token; on this machine as above";
constexpr std::string_view kAlerts = R"([{"labels":{"alertname":"Disk"}}])";
constexpr std::string_view kSilence =
    R"({"matchers":[{"name":"a","value":"b","isRegex":false}],"startsAt":"2026-01-01T00:00:00Z",)"
    R"("endsAt":"2036-01-01T00:00:00Z","createdBy":"x","comment":"y"})";
constexpr std::string_view kUuid = "/api/v2/silence/746f6373-696e-8000-8000-000000000001";
constexpr std::string_view kPage =
    R"({"routing_key":"$shown","event_action":"trigger","payload":{"summary":"s","source":"h",)"
    R"("severity":"critical"}})";
constexpr std::string_view kOldPage = R"({"service_key":"$shown","event_type":"trigger","description":"s"})";
constexpr std::string_view kDeploy = R"({"routing_key":"$shown","payload":{"summary":"s"}})";

// Visitors: nothing, nonsense, viewer, responder, manager, integration's token, integration's key.
constexpr Row kRows[] = {
    {"GET /", "yyyyyyy", "anybody: a page that says what this is, and nothing of what is here"},
    {"GET /-/healthy", "yyyyyyy", kAnybody},
    {"GET /-/ready", "yyyyyyy", kAnybody},
    {"GET /metrics", "yyyyyyy", kAnybody},
    {"POST /-/reload", "....y..", "a manager's token: who may `apply` what the files of `--config` say"},
    {"GET /ack/*", ".......", "the signed link of a page: shows, and changes nothing", "/ack/nonsense"},
    {"POST /ack/*", ".......", "the signed link of a page: acknowledges as its person", "/ack/nonsense"},
    {"GET /calendar/*", ".......", "the secret address of a calendar", "/calendar/nonsense.ics"},
    {"POST /receipts/*", ".......", "what a provider reports of a message, signed with its account's token",
     "/receipts/N1/x", "MessageSid=SM1"},
    {"GET /login", "yyyyyyy", "anybody: who may vouch for people; whose session the browser has"},
    {"POST /login", ".......", "a name and a password, from a page of this server", "/login",
     R"({"user":"ann","password":"wrong"})"},
    {"GET /login/oidc/*", ".......",
     "anybody: begins a login by a provider; or the provider's answer, and the cookie of the browser that began it",
     "/login/oidc/company/callback?code=x&state=x"},
    {"POST /login/oidc/*", ".......", "a logout token, signed by the provider", "/login/oidc/company/logout",
     "logout_token=$shown"},
    {"POST /logout", "yyyyyyy", "anybody; ends what the session's cookie opens, with its header"},
    {"GET /session", ".......", "a session's cookie, from a page of this server"},
    {"GET /api/v2/status", "..yyy..", kViewers},
    {"GET /api/v2/receivers", "..yyy..", kViewers},
    {"GET /api/v2/alerts", "..yyy..", kViewers},
    {"GET /api/v2/alerts/groups", "..yyy..", kViewers},
    {"GET /api/v2/silences", "..yyy..", kViewers},
    {"GET /api/v2/silence/*", "..yyy..", kViewers, kUuid},
    {"POST /api/v2/silences", "...yy..", kResponders, "/api/v2/silences", kSilence},
    {"DELETE /api/v2/silence/*", "...yy..", kResponders, kUuid},
    {"POST /api/v2/alerts", ".....yy", kIntegrations, "/api/v2/alerts", kAlerts},
    {"POST /api/v1/alerts", ".....yy", kIntegrations, "/api/v1/alerts", kAlerts},
    {"POST /v1/integrations/*", ".....yy", kIntegrations, "/v1/integrations", kAlerts},
    {"PUT /v1/integrations/*", ".....yy", kIntegrations, "/v1/integrations", kAlerts},
    {"GET /v1/integrations/*", ".....yy", kIntegrations, "/v1/integrations?alertname=Disk"},
    {"OPTIONS /v1/integrations/*", "yyyyyyy", "anybody: the handshake of CloudEvents, which tells nothing",
     "/v1/integrations"},
    {"GET /v1/heartbeats/*", ".....yy", kIntegrations, "/v1/heartbeats/nightly"},
    {"POST /v1/heartbeats/*", ".....yy", kIntegrations, "/v1/heartbeats/nightly"},
    {"POST /v2/enqueue", ".....yy", kRouting, "/v2/enqueue", kPage},
    {"POST /generic/2010-04-15/create_event.json", ".....yy", kServiceKey, "/generic/2010-04-15/create_event.json",
     kOldPage},
    {"POST /v2/change/enqueue", ".....yy", kRouting, "/v2/change/enqueue", kDeploy},
    {"POST /agent/2014-03-14/heartbeat", "yyyyyyy", "anybody: says how often to come, which tells nothing"},
    {"GET /v2/alerts/*", ".....yy", kGenie, "/v2/alerts", "", "GenieKey"},
    {"POST /v2/alerts/*", ".....yy", kGenie, "/v2/alerts", R"({"message":"m"})", "GenieKey"},
    {"PUT /v2/alerts/*", ".....yy", kGenie, "/v2/alerts/a/message?identifierType=alias", R"({"message":"m"})",
     "GenieKey"},
    {"PATCH /v2/alerts/*", ".....yy", kGenie, "/v2/alerts/a/notes/1?identifierType=alias", R"({"note":"m"})",
     "GenieKey"},
    {"DELETE /v2/alerts/*", ".....yy", kGenie, "/v2/alerts/a?identifierType=alias", "", "GenieKey"},
    {"GET /v2/heartbeats/*", ".....yy", kGenie, "/v2/heartbeats", "", "GenieKey"},
    {"POST /v2/heartbeats/*", ".....yy", kGenie, "/v2/heartbeats",
     R"({"name":"new","interval":5,"intervalUnit":"minutes","enabled":true})", "GenieKey"},
    {"PUT /v2/heartbeats/*", ".....yy", kGenie, "/v2/heartbeats/nothing", R"({"interval":5,"intervalUnit":"minutes"})",
     "GenieKey"},
    {"PATCH /v2/heartbeats/*", ".....yy", kGenie, "/v2/heartbeats/nothing",
     R"({"interval":5,"intervalUnit":"minutes"})", "GenieKey"},
    {"DELETE /v2/heartbeats/*", ".....yy", kGenie, "/v2/heartbeats/nothing", "", "GenieKey"},
    {"GET /v2/schedules/*", ".....yy", kGenie, "/v2/schedules", "", "GenieKey"},
    {"GET /v2/teams/*", ".....yy", kGenie, "/v2/teams", "", "GenieKey"},
    {"GET /v2/users/*", ".....yy", kGenie, "/v2/users", "", "GenieKey"},
    {"GET /v2/escalations/*", ".....yy", kGenie, "/v2/escalations", "", "GenieKey"},
    {"POST /v1/json/integrations/webhooks/netdata", ".....yy", kApiKey,
     "/v1/json/integrations/webhooks/netdata?apiKey=$shown", "{}"},
};

class DoorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "/doors_" + std::to_string(absl::ToUnixNanos(absl::Now()));
    std::filesystem::create_directories(folder_);
    Store::Options store;
    store.folder = folder_;
    store.low_water_bytes = 0;
    store.reserve_bytes = 0;
    store.key_seed = 42;
    store_ = Store::Open(PosixFileSystem(), store).value();
    Engine::Options engine;
    engine.shard_count = 1;
    engine_ = Engine::Start(engine, *store_, clock_, {[](auto&&...) {}, nullptr, nullptr}).value();
    api_ = std::make_unique<Api>(Api{*engine_, "test"});
    api_->oidc = std::make_shared<OidcDesk>(PeerRules());
    oidc::SignInFile file;
    file.providers.push_back({.name = "company", .issuer = "http://127.0.0.1:1", .client_id = "tocsin"});
    api_->oidc->Set(std::move(file));
    auth_ = Auth::Open(
                folder_, [this] { return engine_->access(); }, [this] { return clock_.Read().wall; })
                .value();
    workers_ = std::make_unique<Workers>(3, 100);
    keys_ = std::make_unique<KeyRing>([this] { return engine_->rules(); },
                                      [this](const IntegrationId& id) { return engine_->IndexOf(id); },
                                      [this](std::string_view key) { return auth_->IntegrationOf(key); });
    doors_ = std::make_unique<IngestDoors>(*engine_, *keys_, clock_,
                                           IngestDoors::Options{.default_integration = IntegrationId("default")});
    peers_ = std::make_unique<EventDoor>(*engine_, *keys_, clock_);
    instruments_ = std::make_unique<Instruments>(
        *engine_, Instruments::Readers{.notifier = [] { return Notifier::Statistics(); },
                                       .http_ingest = [this] { return doors_->ReadStatistics(); },
                                       .mail = [] { return MailDoor::Statistics(); },
                                       .grpc_ingest = [] { return GrpcIngest::Statistics(); },
                                       .http = [] { return HttpServer::Statistics(); }});
    HttpRouter router;
    AddHttpDoors(router, {.engine = *engine_,
                          .api = *api_,
                          .auth = *auth_,
                          .keys = *keys_,
                          .workers = *workers_,
                          .ingest = *doors_,
                          .peers = *peers_,
                          .instruments = *instruments_,
                          .link_key = "a-key-of-links-that-is-long-enough",
                          .alertmanager = {.default_integration = IntegrationId("default"), .address = "127.0.0.1:1"}});
    routes_ = router.Routes();
    http_ = HttpServer::Start({.threads = 1}, std::move(router)).value();
    Declare();
  }
  void TearDown() override {
    http_.reset();
    api_->oidc->Stop();
    workers_.reset();
    engine_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void Declare() {
    LoadResult loaded = Load(std::vector<SourceFile>{{"doors.yaml", std::string(kOrganisation)}});
    for (const Problem& problem : loaded.problems)
      ADD_FAILURE() << Format(problem);
    const auto organisation = std::make_shared<const Organisation>(std::move(loaded.organisation));
    ASSERT_TRUE(engine_->ExecuteAndWait({"", "test", ApplyOrganisation{organisation, "", {}, {}}, "test"}).status.ok());
    const auto token = [&](Role role, std::string_view integration = "") {
      AccessToken row;
      const std::string secret = MakeToken();
      row.hash = HashKey(secret);
      row.name = absl::StrCat(Name(role).data(), std::string(integration));
      row.role = role;
      if (role == Role::kIntegration) row.integration = IntegrationId(integration);
      EXPECT_TRUE(engine_->ExecuteAndWait({"", "test", CreateToken{row}, "test"}).status.ok());
      return secret;
    };
    shown_ = {"",
              "tocsin_nonsense-of-the-right-form-0000000000000",
              token(Role::kViewer),
              token(Role::kResponder),
              token(Role::kManager),
              token(Role::kIntegration, "default"),
              "key-of-the-default-door"};
    opsgenie_ = {token(Role::kIntegration, "og"), "key-of-the-door-of-opsgenie"};
    pagerduty_ = {token(Role::kIntegration, "pd"), "0123456789abcdef0123456789abcdef"};
  }
  // What a visitor shows at this door: whoever has an integration's token or key, those of one that belongs there.
  std::string ShownAt(const Row& row, std::size_t visitor) const {
    if (visitor < kIntegration) return shown_[visitor];
    if (row.needs == kGenie || row.needs == kApiKey) return opsgenie_[visitor - kIntegration];
    if (row.needs == kRouting || row.needs == kServiceKey) return pagerduty_[visitor - kIntegration];
    return shown_[visitor];
  }
  // Somebody who comes from elsewhere: what a proxy hands on is not of this machine.
  HttpResponse Knock(const Row& row, const std::string& shown) {
    const auto with_shown = [&](std::string_view text) {
      return absl::StrReplaceAll(std::string(text), {{"$shown", shown}});
    };
    HttpHeaders headers = {{"X-Forwarded-For", "192.0.2.1"}, {"Content-Type", "application/json"}};
    if (!shown.empty()) headers.push_back({"Authorization", absl::StrCat(std::string(row.scheme), " ", shown)});
    const std::size_t space = row.route.find(' ');
    const std::string_view path = row.probe.empty() ? row.route.substr(space + 1) : row.probe;
    absl::StatusOr<HttpResponse> response =
        Perform({.method = std::string(row.route.substr(0, space)),
                 .url = absl::StrFormat("http://127.0.0.1:%d%s", http_->port(), with_shown(path)),
                 .headers = std::move(headers),
                 .body = with_shown(row.body)});
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *std::move(response) : HttpResponse{.status = 0};
  }

  SystemClock clock_;
  std::string folder_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<Auth> auth_;
  std::unique_ptr<Workers> workers_;
  std::unique_ptr<KeyRing> keys_;
  std::unique_ptr<IngestDoors> doors_;
  std::unique_ptr<EventDoor> peers_;
  std::unique_ptr<Instruments> instruments_;
  std::unique_ptr<HttpServer> http_;
  std::vector<HttpRouter::Route> routes_;
  std::vector<std::string> shown_;      // by Visitor
  std::vector<std::string> opsgenie_;   // a token and the key of an integration of Opsgenie's kind
  std::vector<std::string> pagerduty_;  // and of PagerDuty's
};

std::string NameOf(const HttpRouter::Route& route) {
  return absl::StrCat(std::string(Name(route.method)), " ", route.path, route.is_prefix ? "/*" : "");
}

// 404 is an answer to whoever is let in where a thing is named in the path, and a refusal where the path is the secret. What cannot be
// done with a thing, or not a second time, is said to whoever is let in, too.
bool IsLetIn(const Row& row, int status) {
  // Alertmanager answers so to a silence that is not there.
  if (row.route.starts_with("DELETE /api/v2/silence/") && status == 500) return true;
  const bool is_secret = row.route.find("/ack/") != row.route.npos || row.route.find("/calendar/") != row.route.npos;
  return (status >= 200 && status < 300) || (status == 404 && !is_secret) || status == 405 || status == 422;
}

TEST_F(DoorsTest, EachHasARowAndEveryRowADoor) {
  std::set<std::string> there;
  for (const HttpRouter::Route& route : routes_) {
    if (!route.path.starts_with("/tocsin.v1.")) there.insert(NameOf(route));
  }
  std::set<std::string> rows;
  for (const Row& row : kRows)
    rows.insert(std::string(row.route));
  EXPECT_EQ(there, rows) << "who may come in? See kRows";
}

TEST_F(DoorsTest, OpensToThoseWhomItsRowNamesAndToNobodyElse) {
  ASSERT_EQ(shown_.size(), kVisitors);
  for (const Row& row : kRows) {
    for (std::size_t visitor = 0; visitor < shown_.size(); ++visitor) {
      const HttpResponse answer = Knock(row, ShownAt(row, visitor));
      EXPECT_EQ(IsLetIn(row, answer.status), row.opens[visitor] == 'y')
          << row.route << " by visitor " << visitor << ": " << answer.status << " " << answer.body.substr(0, 300);
      EXPECT_TRUE(answer.status < 500 || row.route.starts_with("DELETE /api/v2/silence/"))
          << row.route << answer.body.substr(0, 300);
    }
  }
}

std::string TableOfDoors() {
  std::map<std::string, std::vector<std::string>> methods;  // by path and need
  std::vector<std::pair<std::string, std::string>> order;
  for (const Row& row : kRows) {
    const std::size_t space = row.route.find(' ');
    const std::pair<std::string, std::string> line(row.route.substr(space + 1), row.needs);
    if (methods[line.first + "\n" + line.second].empty()) order.push_back(line);
    methods[line.first + "\n" + line.second].emplace_back(row.route.substr(0, space));
  }
  std::string table = "| path | | needs |\n|---|---|---|\n";
  for (const auto& [path, needs] : order) {
    absl::StrAppend(&table, "| `", path, "` | ", absl::StrJoin(methods[path + "\n" + needs], ", "), " | ", needs,
                    " |\n");
  }
  return table;
}

// To write it: TOCSIN_WRITE_DOCS=1 alertmanager_test --gtest_filter=DoorsDocumentTest.*
TEST(DoorsDocumentTest, HasTheTableOfDoorsAsItIs) {
  const std::string path = std::string(TOCSIN_SOURCE_DIR) + "/docs/access.md";
  std::stringstream read;
  read << std::ifstream(path).rdbuf();
  const std::string text = read.str();
  const std::string begin = "<!-- doors: written by tests/api/compat/doors_test.cc -->\n";
  const std::size_t from = text.find(begin);
  const std::size_t to = text.find("<!-- end of doors -->");
  ASSERT_NE(from, std::string::npos);
  ASSERT_NE(to, std::string::npos);
  const std::string wanted = text.substr(0, from + begin.size()) + "\n" + TableOfDoors() + "\n" + text.substr(to);
  if (std::getenv("TOCSIN_WRITE_DOCS") != nullptr) std::ofstream(path) << wanted;
  EXPECT_EQ(text, wanted) << "docs/access.md is of another day: TOCSIN_WRITE_DOCS=1 writes it";
}

}  // namespace
}  // namespace tocsin
