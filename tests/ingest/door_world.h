// Doors on loopback, in front of an engine that remembers what it was given.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include <gtest/gtest.h>

#include "ingest/keys.h"
#include "model/integration_key.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "tests/ingest/fake_inlet.h"

namespace tocsin {

class FixedClock final : public Clock {
 public:
  Now Read() const override { return {.wall = now, .engine = EngineTime(0)}; }
  absl::Time now = absl::FromUnixSeconds(1'795'289'000);  // the time of the captures
};

class DoorTest : public ::testing::Test {
 protected:
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

  void Serve(HttpRouter router, HttpServer::Options options = {.threads = 1}) {
    absl::StatusOr<std::unique_ptr<HttpServer>> server = HttpServer::Start(std::move(options), std::move(router));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  HttpResponse Call(std::string_view method, std::string_view target, std::string_view body, HttpHeaders headers = {}) {
    if (FindHeader(headers, "Content-Type").empty() && !body.empty())
      headers.push_back({"Content-Type", "application/json"});
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
  FixedClock clock_;
  KeyRing keys_{[this] { return rules_; },
                [this](const IntegrationId& id) -> std::optional<IntegrationIndex> {
                  const auto& all = rules_->organisation->integrations;
                  for (std::size_t i = 0; i < all.size(); ++i) {
                    if (all[i].id == id) return static_cast<IntegrationIndex>(i);
                  }
                  return std::nullopt;
                }};
  std::unique_ptr<HttpServer> server_;
};

}  // namespace tocsin
