// The doors of six integrations on loopback, in front of an engine that remembers what it was given.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include <gtest/gtest.h>

#include "ingest/doors.h"
#include "model/integration_key.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "tests/ingest/fake_inlet.h"

namespace tocsin {

inline constexpr std::string_view kOneAlert = R"([{"labels":{"alertname":"A"}}])";

class FixedClock final : public Clock {
 public:
  Now Read() const override { return {.wall = now, .engine = EngineTime(0)}; }
  absl::Time now = absl::FromUnixSeconds(1'795'289'000);  // the time of the captures
};

class DoorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto organisation = std::make_shared<Organisation>();
    organisation->integrations = {
        Door("default", "prometheus", ""),      Door("prom", "prometheus", "prom-key"),
        Door("hooks", "generic", "hooks-key"),  Door("dogs", "datadog", "dogs-key"),
        Door("nagios", "nagios", "nagios-key"), Door("stream", "stream", "stream-key"),
    };
    organisation->integrations[1].labels = {
        {"cluster", "eu"   },
        {"team",    "infra"}
    };
    Apply(organisation);
    HttpRouter router;
    doors_.Register(router);
    router.Add(HttpMethod::kGet, "/api/v2/alerts", [](const HttpRequest&, HttpResponder responder) {
      std::move(responder).Send(JsonResponse(200, "[]\n"));
    });
    absl::StatusOr<std::unique_ptr<HttpServer>> server = HttpServer::Start(
        {.threads = 1, .header_timeout = absl::Seconds(2), .body_timeout = absl::Seconds(2)}, std::move(router));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  static Integration Door(std::string_view id, std::string_view source, std::string_view key) {
    Integration door;
    door.id = IntegrationId(id);
    door.source = source;
    if (!key.empty()) door.key_hash = HashKey(key);
    return door;
  }

  void Apply(std::shared_ptr<const Organisation> organisation) {
    auto rules = std::make_shared<Rules>();
    rules->organisation = std::move(organisation);
    rules_ = rules;
  }

  HttpResponse Call(std::string_view method, std::string_view path, std::string_view body, HttpHeaders headers = {}) {
    if (FindHeader(headers, "Content-Type").empty() && !body.empty())
      headers.push_back({"Content-Type", "application/json"});
    absl::StatusOr<HttpResponse> response =
        Perform({.method = std::string(method),
                 .url = absl::StrFormat("http://127.0.0.1:%d%s", server_->port(), path),
                 .headers = std::move(headers),
                 .body = std::string(body)});
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *std::move(response) : HttpResponse{.status = 0};
  }
  HttpResponse Post(std::string_view path, std::string_view body, HttpHeaders headers = {}) {
    return Call("POST", path, body, std::move(headers));
  }

  RulesPtr rules_;
  FakeInlet inlet_;
  FixedClock clock_;
  KeyRing keys_{[this] { return rules_; },
                [this](const IntegrationId& id) -> std::optional<IntegrationIndex> {
                  const auto& all = rules_->organisation->integrations;
                  for (std::size_t i = 0; i < all.size(); ++i) {
                    if (all[i].id == id) return static_cast<IntegrationIndex>(i);
                  }
                  return std::nullopt;
                }};
  ExplainTakenAlerts explain_;  // set by tests
  IngestDoors doors_{
      inlet_,
      keys_,
      clock_,
      {.default_integration = IntegrationId("default"), .explain = [this](std::vector<AlertKey> keys, TellTaken told) {
         return explain_ && explain_(std::move(keys), std::move(told));
       }}
  };
  std::unique_ptr<HttpServer> server_;
};

}  // namespace tocsin
