// The doors of other systems' APIs on loopback, in front of an engine that remembers what it was given.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "api/compat/event_door.h"
#include "tests/ingest/door_world.h"
#include "tests/ingest/fixtures.h"

namespace tocsin {

inline constexpr std::string_view kPagerDutyKey = "R0000000000000000000000000000000";
inline constexpr std::string_view kHooksKey = "H0000000000000000000000000000000";

class PeerTest : public DoorTest {
 protected:
  void SetUp() override {
    auto organisation = std::make_shared<Organisation>();
    organisation->integrations = {Door("pd", "pagerduty", kPagerDutyKey), Door("hooks", "generic", kHooksKey)};
    Apply(organisation);
    HttpRouter router;
    Register(router);
    Serve(std::move(router));
  }
  virtual void Register(HttpRouter& router) = 0;

  EventDoor events_{inlet_, keys_, clock_};
};

}  // namespace tocsin
