// The doors of six integrations on loopback, in front of an engine that remembers what it was given.
#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "ingest/doors.h"
#include "tests/ingest/door_world.h"

namespace tocsin {

inline constexpr std::string_view kOneAlert = R"([{"labels":{"alertname":"A"}}])";

class DoorsTest : public DoorTest {
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
    Serve(std::move(router), {.threads = 1, .header_timeout = absl::Minutes(2), .body_timeout = absl::Minutes(2)});
  }

  ExplainTakenAlerts explain_;  // set by tests
  IngestDoors doors_{
      inlet_,
      keys_,
      clock_,
      {.default_integration = IntegrationId("default"), .explain = [this](std::vector<AlertKey> keys, TellTaken told) {
         return explain_ && explain_(std::move(keys), std::move(told));
       }}
  };
};

}  // namespace tocsin
