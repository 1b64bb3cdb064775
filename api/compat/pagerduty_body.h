// PagerDuty's Events API as its doors need it: events of v2 and v1, and change events, each with what PagerDuty would refuse it for. Pure;
// pagerduty_door.h is where they come in, ingest/pagerduty_event.h has the rules of the fields.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

#include "model/change_event.h"
#include "model/event.h"

namespace tocsin {

// What of a message is wrong, in PagerDuty's words; nothing: it is well formed.
struct PagerDutyFault {
  bool recognised = true;  // false: it is no JSON object
  std::vector<std::string> errors = {};
  // Of the key alone, and only of matter when no integration has it: ours may be longer than PagerDuty's.
  std::string key = {};
  bool any() const { return !recognised || !errors.empty(); }
};

struct PagerDutyEvent {
  std::string routing_key;  // v1's service_key
  std::string dedup_key;    // as the answer says it; v1's incident_key
  AlertEvent event;
  PagerDutyFault fault;
};
// A trigger without a key gets `fresh_key`: it is an alert of its own.
PagerDutyEvent ReadPagerDutyV2(std::string_view body, std::string_view fresh_key);
PagerDutyEvent ReadPagerDutyV1(std::string_view body, std::string_view fresh_key);

struct PagerDutyChange {
  std::string routing_key;
  ChangeEvent change;  // without id, integration and `received`; `at` is unset when its sender says none
  PagerDutyFault fault;
};
PagerDutyChange ReadPagerDutyChange(std::string_view body);

// Minimal bodies that are well formed, for answers.
extern const std::string_view kPagerDutyV2Example;
extern const std::string_view kPagerDutyV1Example;
extern const std::string_view kPagerDutyChangeExample;

}  // namespace tocsin
