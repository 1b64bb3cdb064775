// A whole server but for its notifier: engine with threads over a store in a temporary folder, both faces of the API on
// loopback, the acknowledge door. Attempts are recorded and never answered.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_format.h"
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "api/acknowledge_door.h"
#include "api/auth.h"
#include "api/calendar_door.h"
#include "api/connect.h"
#include "api/grpc_services.h"
#include "api/grpc_standard.h"
#include "api/receipt_door.h"
#include "api/session_door.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/strings.h"
#include "net/grpc_server.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "tocsin/v1/api.pb.h"

namespace tocsin {

// Texts that must never be shown.
inline constexpr std::string_view kHookSecret = "hook-secret-which-nobody-may-see";
inline constexpr std::string_view kStreamKey = "stream-key-which-nobody-may-see";
inline constexpr std::string_view kSmtpPassword = "smtp-password-which-nobody-may-see";
inline constexpr std::string_view kTwilioToken = "twilio-token-which-nobody-may-see";

// Every alert pages ann, those of one alertname together.
inline std::string OrganisationYaml() {
  return absl::StrFormat(R"(
name: api-test
public_url: 'http://127.0.0.1:8911'
fallback_user: bob
users:
  - {id: ann, name: Ann, time_zone: UTC, contact_methods: [{id: hook, kind: webhook, address: 'http://127.0.0.1:1/', secret: %s}]}
  - {id: bob, name: Bob, time_zone: UTC, contact_methods: [{id: desk, kind: terminal, address: bob}]}
teams: [{id: ops, name: Operations, members: [ann, bob]}]
schedules:
  - id: primary
    team: ops
    time_zone: UTC
    layers: [{id: always, rotation: {type: weekly, start: '2024-01-01 09:00'}, participants: [[{user: ann}]]}]
policies:
  - id: default
    team: ops
    steps: [{delay: 10m, targets: [{schedule: primary}]}, {delay: 10m, targets: [{user: bob}]}]
integrations: [{id: stream, source: stream, key: %s}]
route: {policy: default, group_by: [alertname], group_wait: 0s}
limits: {bundle_window: 0s, webhook: [], terminal: []}
smtp: {url: 'smtp://127.0.0.1:1', from: 'tocsin@example.com', username: tocsin, password: %s, require_tls: false}
twilio: {account_sid: 'AC00000000000000000000000000000000', auth_token: %s, from: '+15005550006'}
)",
                         kHookSecret, kStreamKey, kSmtpPassword, kTwilioToken);
}

class ApiTest : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kShards = 3;
  static constexpr std::string_view kLinkKey = "the key of the links of these tests";

  void SetUp() override {
    folder_ = ::testing::TempDir() + "/api_" + std::to_string(reinterpret_cast<std::uintptr_t>(this)) + "_" +
              std::to_string(absl::ToUnixNanos(absl::Now()));
    std::filesystem::create_directories(folder_);
    Store::Options store;
    store.folder = folder_;
    store.low_water_bytes = 0;
    store.reserve_bytes = 0;
    store.key_seed = 42;
    absl::StatusOr<std::unique_ptr<Store>> opened = Store::Open(PosixFileSystem(), store);
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
    Engine::Options engine;
    engine.shard_count = kShards;
    engine.responder.link_key = kLinkKey;
    engine.responder.keep_closed = keep_closed_;
    auto started =
        Engine::Start(engine, *store_, clock_,
                      {[this](const Notification& notification, absl::Duration, const std::shared_ptr<Gate>&) {
                         const MutexLock lock(mutex_);
                         attempts_.push_back(notification);
                       },
                       nullptr, nullptr});
    ASSERT_TRUE(started.ok()) << started.status();
    engine_ = *std::move(started);
    api_ = std::make_unique<Api>(Api{*engine_, "test"});
    auto auth = Auth::Open(
        folder_, [this] { return engine_->access(); },
        [this] {
          const MutexLock lock(wall_mutex_);
          return wall_.value_or(clock_.Read().wall);
        });
    ASSERT_TRUE(auth.ok()) << auth.status();
    auth_ = *std::move(auth);
    token_ = *ReadOrMakeSecret(folder_ + "/admin.token");
    workers_ = std::make_unique<Workers>(2, 100);
    StartServers();
    ApplySample();
  }
  void TearDown() override {
    grpc_.reset();
    http_.reset();
    workers_.reset();
    engine_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  void StartServers() {
    HttpRouter router;
    AddConnectRoutes(router, *api_, *auth_, *workers_);
    AddSessionRoutes(router, *api_, *auth_, *workers_);
    AddAcknowledgeRoutes(router, *api_, std::string(kLinkKey), *workers_);
    AddCalendarRoutes(router, *api_, *auth_, *workers_);
    AddReceiptRoutes(router, *api_);
    absl::StatusOr<std::unique_ptr<HttpServer>> http = HttpServer::Start({.threads = 1}, std::move(router));
    ASSERT_TRUE(http.ok()) << http.status();
    http_ = *std::move(http);
    absl::StatusOr<std::unique_ptr<GrpcServer>> grpc = GrpcServer::Listen({});
    ASSERT_TRUE(grpc.ok()) << grpc.status();
    grpc_ = *std::move(grpc);
    GrpcRouter methods;
    AddGrpcMethods(methods, *api_, *auth_, *workers_);
    AddHealth(methods);
    AddReflection(methods, clock_);
    grpc_->Begin(std::move(methods));
    channel_ = grpc::CreateChannel(absl::StrFormat("127.0.0.1:%d", grpc_->port()), grpc::InsecureChannelCredentials());
  }

  void ApplySample(const std::string& yaml = OrganisationYaml()) {
    v1::ApplyOrganisationRequest request;
    auto& file = *request.add_files();
    file.set_name("organisation.yaml");
    file.set_text(yaml);
    v1::ApplyOrganisationResponse response;
    const absl::Status applied = Call("OrganisationService/ApplyOrganisation", request, response);
    ASSERT_TRUE(applied.ok()) << applied;
    ASSERT_EQ(response.problems_size(), 0) << response.ShortDebugString();
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
  HttpResponse Post(std::string_view method, std::string body, std::string_view type = "application/json") {
    return Http("POST", "/tocsin.v1." + std::string(method),
                {
                    {"Authorization", "Bearer " + token_},
                    {"Content-Type",  std::string(type) }
    },
                std::move(body));
  }

  // {"code": ..., "message": ...} of the Connect protocol.
  static std::pair<std::string, std::string> ErrorOf(const HttpResponse& response) {
    google::protobuf::Struct error;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(response.body, &error).ok()) << response.body;
    return {error.fields().at("code").string_value(), error.fields().at("message").string_value()};
  }

  // Through the JSON face. An error's message is "code: words".
  template <typename Request, typename Response>
  absl::Status Call(std::string_view method, const Request& request, Response& response) {
    std::string json;
    EXPECT_TRUE(google::protobuf::util::MessageToJsonString(request, &json).ok());
    const HttpResponse answer = Post(method, json);
    if (answer.status != 200) {
      const auto [code, message] = ErrorOf(answer);
      return absl::UnknownError(code + ": " + message);
    }
    shown_ += answer.body;
    response.Clear();
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(answer.body, &response).ok()) << answer.body;
    return absl::OkStatus();
  }

  // Returns when the alert is durable.
  void Send(const Labels& labels, EventKind kind = EventKind::kTrigger) {
    AlertEvent event;
    event.kind = kind;
    event.labels = labels;
    EventBatch batch(engine_->KeySeed(), engine_->IndexOf(IntegrationId("stream")).value());
    ASSERT_TRUE(batch.Append(event).ok());
    Mutex mutex;
    ConditionVariable changed;
    bool durable = false;
    ASSERT_EQ(engine_->Submit(batch, false,
                              [&](const Receipt&) {
                                const MutexLock lock(mutex);
                                durable = true;
                                changed.NotifyAll();
                              }),
              Admission::kAccepted);
    const MutexLock lock(mutex);
    changed.Wait(mutex, [&] { return durable; });
  }

  // What follows from an alert follows soon, on other threads. False after very long.
  template <typename Condition>
  static bool Eventually(Condition condition) {
    for (int i = 0; i < 6'000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }

  std::vector<v1::Group> Groups(bool include_resolved = false) {
    v1::ListGroupsRequest request;
    request.set_include_resolved(include_resolved);
    request.set_page_size(1000);
    v1::ListGroupsResponse response;
    EXPECT_TRUE(Call("GroupService/ListGroups", request, response).ok());
    return {response.groups().begin(), response.groups().end()};
  }
  // Fires an alert that pages and waits for its group.
  std::uint64_t FireGroup(const std::string& name) {
    Send({
        {"alertname", name}
    });
    std::uint64_t id = 0;
    EXPECT_TRUE(Eventually([&] {
      for (const v1::Group& group : Groups()) {
        if (group.labels_size() == 1 && group.labels(0).value() == name && group.flushed()) id = group.id();
      }
      return id != 0;
    }));
    return id;
  }
  v1::Group GroupNow(std::uint64_t id) {
    v1::GetGroupRequest request;
    request.set_id(id);
    v1::GetGroupResponse response;
    EXPECT_TRUE(Call("GroupService/GetGroup", request, response).ok());
    return response.group();
  }
  // The token of the link that was sent for a group.
  std::string LinkOf(std::uint64_t group) {
    std::string url;
    EXPECT_TRUE(Eventually([&] {
      const MutexLock lock(mutex_);
      for (const Notification& each : attempts_) {
        if (each.subject.id == group && !each.acknowledge_url.empty()) url = each.acknowledge_url;
      }
      return !url.empty();
    }));
    return url.substr(url.rfind('/') + 1);
  }

  absl::Duration keep_closed_ = absl::Hours(24);  // set it before SetUp
  std::string folder_;
  SystemClock clock_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<Auth> auth_;
  Mutex wall_mutex_;
  std::optional<absl::Time> wall_ ABSL_GUARDED_BY(wall_mutex_);  // of the doors; absent: the clock's
  std::string token_;
  std::unique_ptr<Workers> workers_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<GrpcServer> grpc_;
  std::shared_ptr<grpc::Channel> channel_;
  std::string shown_;  // everything that Call was answered
  Mutex mutex_;
  std::vector<Notification> attempts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tocsin
