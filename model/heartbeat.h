// Heartbeats: a signal that is expected every so often. When it stays away that raises an alert; the next signal resolves it.
//
// A heartbeat expires `interval` and `grace` after its last signal, judged by the time in which a signal could have come in:
// while the server was down, refused commands or stood still, nothing expires, and after that every heartbeat has one whole
// interval and grace again. So that a server which restarts more often than a heartbeat is due forgets nothing, twice as
// much time in pieces is enough, too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "base/clock.h"
#include "model/ids.h"
#include "model/labels.h"
#include "model/severity.h"

namespace tocsin {

// What is expected, and what the alert says when it stays away.
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

struct Heartbeat {
  HeartbeatId id;
  HeartbeatRule rule;
  bool declared = false;          // by the organisation: changed there, not by commands
  std::vector<std::string> tags;  // Opsgenie's; the alert has them as the label `tags`
  std::string priority;           // as the Opsgenie API was told: "P1"; empty: it was not
  absl::Time made_at;             // or declared
  absl::Time last_ping;           // unset: never
  EngineTime heard;               // what its deadline counts from: the last signal, or when it was made or enabled
  bool awaited = false;           // the deadline counts: it has been heard of once, or it is declared
  absl::Duration listened;        // for so long since `heard`, in pieces, a signal could have come in
  EngineTime checked;             // up to when that was counted
  absl::Time expired_at;          // unset: it has not; the alert fires
  std::uint64_t turns = 0;        // how often the alert was raised or resolved
  std::uint64_t told = 0;         // the last turn that is known to have reached the alert table
  bool removed = false;           // it goes when its alert is known to be resolved
  friend bool operator==(const Heartbeat&, const Heartbeat&) = default;
};

// Expired, disabled, removed: in words of the API.
inline bool IsExpired(const Heartbeat& heartbeat) {
  return heartbeat.expired_at != absl::Time();
}

// What its alerts come from: reserved, no organisation may declare an integration of this name.
inline constexpr std::string_view kHeartbeatIntegration = "heartbeats";
// The alert's name; its other label of ours is `heartbeat`.
inline constexpr std::string_view kHeartbeatAlert = "HeartbeatMissed";
std::string HeartbeatDedupKey(const HeartbeatName& name);  // "heartbeat/NAME"

// Whether it can be kept: name, interval, sizes. The message names the field and what is allowed.
absl::Status Check(const HeartbeatRule& rule);

}  // namespace tocsin
