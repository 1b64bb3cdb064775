// The doors of other systems' APIs on loopback, in front of an engine that remembers what it was given.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include <gtest/gtest.h>

#include "api/compat/event_door.h"
#include "model/integration_key.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "tests/ingest/fake_inlet.h"
#include "tests/ingest/fixtures.h"

namespace tocsin {

inline constexpr std::string_view kPagerDutyKey = "R0000000000000000000000000000000";
inline constexpr std::string_view kHooksKey = "H0000000000000000000000000000000";

class StoppedClock final : public Clock {
 public:
  Now Read() const override { return {.wall = absl::FromUnixSeconds(1'795'289'000), .engine = EngineTime(0)}; }
};

class PeerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto organisation = std::make_shared<Organisation>();
    organisation->integrations = {Door("pd", "pagerduty", kPagerDutyKey), Door("hooks", "generic", kHooksKey)};
    auto rules = std::make_shared<Rules>();
    rules->organisation = organisation;
    rules_ = rules;
    HttpRouter router;
    Register(router);
    absl::StatusOr<std::unique_ptr<HttpServer>> server = HttpServer::Start({.threads = 1}, std::move(router));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  virtual void Register(HttpRouter& router) = 0;

  static Integration Door(std::string_view id, std::string_view source, std::string_view key) {
    Integration door;
    door.id = IntegrationId(id);
    door.source = source;
    door.key_hash = HashKey(key);
    return door;
  }

  HttpResponse Call(std::string_view method, std::string_view target, std::string_view body, HttpHeaders headers = {}) {
    absl::StatusOr<HttpResponse> response =
        Perform({.method = std::string(method),
                 .url = absl::StrFormat("http://127.0.0.1:%d%s", server_->port(), target),
                 .headers = std::move(headers),
                 .body = std::string(body)});
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *std::move(response) : HttpResponse{.status = 0};
  }
  HttpResponse Post(std::string_view target, std::string_view body, HttpHeaders headers = {}) {
    return Call("POST", target, body, std::move(headers));
  }

  RulesPtr rules_;
  FakeInlet inlet_;
  StoppedClock clock_;
  KeyRing keys_{[this] { return rules_; },
                [this](const IntegrationId& id) -> std::optional<IntegrationIndex> {
                  const auto& all = rules_->organisation->integrations;
                  for (std::size_t i = 0; i < all.size(); ++i) {
                    if (all[i].id == id) return static_cast<IntegrationIndex>(i);
                  }
                  return std::nullopt;
                }};
  EventDoor events_{inlet_, keys_, clock_};
  std::unique_ptr<HttpServer> server_;
};

}  // namespace tocsin
