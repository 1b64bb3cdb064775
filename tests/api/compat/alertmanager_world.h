// A server's whole HTTP face over a real engine and store, on a clock that stands where it is put: requests that were captured
// once are sent at the instants at which they were sent then.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include <gtest/gtest.h>

#include "api/compat/alertmanager_door.h"
#include "base/mutex.h"
#include "config/load.h"
#include "ingest/doors.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "server/instruments.h"
#include "storage/store.h"

namespace tocsin {

class SetClock final : public Clock {
 public:
  explicit SetClock(absl::Time start) : wall_(start), start_(start) {}
  Now Read() const override {
    const MutexLock lock(mutex_);
    return {wall_, EngineTime(absl::ToInt64Nanoseconds(wall_ - start_))};
  }
  void Set(absl::Time wall) {
    const MutexLock lock(mutex_);
    wall_ = std::max(wall_, wall);
  }

 private:
  mutable Mutex mutex_;
  absl::Time wall_ ABSL_GUARDED_BY(mutex_);
  const absl::Time start_;
};

// What the captured Alertmanager was configured with, as an organisation.
inline constexpr std::string_view kCapturedOrganisation = R"(
name: captured
fallback_user: ann
users: [{id: ann, contact_methods: [{id: desk, kind: terminal, address: ann}]}]
policies: [{id: people, steps: [{delay: 10m, targets: [{user: ann}]}]}]
integrations:
  - {id: default, source: prometheus}
  - {id: stream, source: stream, key: a-key-of-another-door}
receivers:
  - {id: default, targets: [{kind: terminal, address: default}]}
  - {id: db, targets: [{kind: terminal, address: db}]}
  - {id: db-crit, targets: [{kind: terminal, address: db-crit}]}
  - {id: team-any, targets: [{kind: terminal, address: team-any}]}
  - {id: legacy, targets: [{kind: terminal, address: legacy}]}
route:
  receiver: default
  group_by: [alertname, cluster]
  group_wait: 1s
  group_interval: 5s
  repeat_interval: 1h
  routes:
    - id: db
      matchers: ['severity=~"crit.*|warn.*"', 'team="db"']
      receiver: db
      group_by: ['...']
      continue: true
      routes:
        - {id: db-crit, matchers: ['severity="critical"'], receiver: db-crit, mute_time_intervals: [nights]}
    - {id: team-any, matchers: ['severity!~"info"', 'team!=""'], receiver: team-any}
    - {id: legacy, matchers: ['legacy="yes"', 'svc=~"a|b"'], receiver: legacy}
inhibition_rules:
  - {id: critical, source_matchers: ['severity="critical"'], target_matchers: ['severity="warning"'], equal: [alertname, dc]}
time_intervals:
  - id: nights
    time_intervals: [{times: [{start_time: '00:00', end_time: '06:00'}], weekdays: ['monday:friday'], location: Europe/Vienna}]
)";

inline OrganisationPtr LoadCaptured(std::string_view yaml = kCapturedOrganisation) {
  LoadResult loaded = Load(std::vector<SourceFile>{
      {"captured.yaml", std::string(yaml)}
  });
  for (const Problem& problem : loaded.problems)
    ADD_FAILURE() << Format(problem);
  return std::make_shared<const Organisation>(std::move(loaded.organisation));
}

class AlertmanagerWorld {
 public:
  explicit AlertmanagerWorld(absl::Time start) : clock_(start) {
    folder_ = ::testing::TempDir() + "/am_" + std::to_string(absl::ToUnixNanos(absl::Now()));
    std::filesystem::create_directories(folder_);
    Store::Options store;
    store.folder = folder_;
    store.low_water_bytes = 0;
    store.reserve_bytes = 0;
    store.key_seed = 42;
    store_ = Store::Open(PosixFileSystem(), store).value();
    Engine::Options engine;
    engine.shard_count = 3;
    engine_ = Engine::Start(engine, *store_, clock_, {[](auto&&...) {}, nullptr, nullptr}).value();
    api_ = std::make_unique<Api>(Api{*engine_, "test"});
    auth_ = Auth::Open(
                folder_, [this] { return engine_->access(); }, [this] { return clock_.Read().wall; })
                .value();
    token = *ReadOrMakeSecret(folder_ + "/admin.token");
    workers_ = std::make_unique<Workers>(3, 100);
    keys_ = std::make_unique<KeyRing>([this] { return engine_->rules(); },
                                      [this](const IntegrationId& id) { return engine_->IndexOf(id); },
                                      [this](std::string_view key) { return auth_->IntegrationOf(key); });
    doors_ = std::make_unique<IngestDoors>(*engine_, *keys_, clock_, IngestDoors::Options());
    instruments_ = std::make_unique<Instruments>(
        *engine_, Instruments::Readers{.notifier = [] { return Notifier::Statistics(); },
                                       .http_ingest = [this] { return doors_->ReadStatistics(); },
                                       .mail = [] { return MailDoor::Statistics(); },
                                       .grpc_ingest = [] { return GrpcIngest::Statistics(); },
                                       .http = [] { return HttpServer::Statistics(); }});
    HttpRouter router;
    doors_->Register(router);
    AddAlertmanagerRoutes(router, *api_, *auth_, *keys_, *workers_,
                          {.address = "127.0.0.1:9093", .reload = [this](const Caller& caller) {
                             ++reloads;
                             reloaded_by = caller.name;
                             return reload_answer;
                           }});
    instruments_->AddRoutes(router, *workers_);
    http_ = HttpServer::Start({.threads = 1}, std::move(router)).value();
  }
  ~AlertmanagerWorld() {
    http_.reset();
    workers_.reset();
    engine_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  AlertmanagerWorld(const AlertmanagerWorld&) = delete;
  AlertmanagerWorld& operator=(const AlertmanagerWorld&) = delete;

  void Apply(std::string_view yaml = kCapturedOrganisation) {
    const CommandResult result = engine_->ExecuteAndWait({
        "", "test", ApplyOrganisation{LoadCaptured(yaml), "", {}, {}},
          "test"
    });
    ASSERT_TRUE(result.status.ok()) << result.status;
    ASSERT_TRUE(Eventually([&] { return engine_->rules() != nullptr; }));
  }

  // An alert's message; what lies in it is on the disk when this returns.
  HttpResponse PostAlerts(std::string body) {
    return Http("POST", "/api/v2/alerts",
                {
                    {"Content-Type", "application/json"}
    },
                std::move(body));
  }
  HttpResponse Http(std::string_view method, std::string_view path, HttpHeaders headers = {}, std::string body = "") {
    absl::StatusOr<HttpResponse> response =
        Perform({.method = std::string(method),
                 .url = absl::StrFormat("http://127.0.0.1:%d%s", http_->port(), path),
                 .headers = std::move(headers),
                 .body = std::move(body)});
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *std::move(response) : HttpResponse{.status = 0};
  }

  // What follows from a command or an alert follows soon, on other threads.
  template <typename Condition>
  static bool Eventually(Condition condition) {
    for (int i = 0; i < 1'000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }

  SetClock& clock() { return clock_; }
  Engine& engine() { return *engine_; }
  Api& api() { return *api_; }
  std::uint16_t port() const { return http_->port(); }

  std::string token;
  int reloads = 0;
  std::string reloaded_by;
  absl::Status reload_answer;

 private:
  SetClock clock_;
  std::string folder_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<Auth> auth_;
  std::unique_ptr<Workers> workers_;
  std::unique_ptr<KeyRing> keys_;
  std::unique_ptr<IngestDoors> doors_;
  std::unique_ptr<Instruments> instruments_;
  std::unique_ptr<HttpServer> http_;
};

}  // namespace tocsin
