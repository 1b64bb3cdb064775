// Heartbeats: signals that are expected again and again. One that stays away becomes an alert, the next one ends it.
#pragma once

#include <string>

#include "absl/time/time.h"

#include "model/ids.h"
#include "model/labels.h"
#include "model/severity.h"

namespace tocsin {

// As declared in YAML.
struct HeartbeatRule {
  HeartbeatName id;
  std::string description;
  absl::Duration interval;  // a signal is expected so often
  absl::Duration grace;     // and may be so late
  Labels labels;            // of the alert, beside alertname=HeartbeatMissed and heartbeat=ID
  Severity severity = Severity::kHigh;
  std::string summary;  // empty: says which heartbeat has stayed away for how long
  TeamId team;
  bool enabled = true;
  friend bool operator==(const HeartbeatRule&, const HeartbeatRule&) = default;
};

}  // namespace tocsin
