// Heartbeats: signals that are expected, and what happens when they stay away (model/heartbeat.h).
//
// A level for each: its alert fires while the heartbeat is expired. A change of that level is a turn, counted in the row; the
// effect hands the event to the alert table, and HeartbeatTold says that it is durable there. Until then the timer repeats
// it, and so does every start at once, so that neither a crash nor a refused event leaves the alert table with another
// idea; a repeat changes nothing.
//
//   silent ──▶ expired (turn n: trigger) ──told──▶ ... ──▶ ping, disabled, removed (turn n+1: resolve) ──told──▶
//
// Pings do not touch the timer: it looks when it is due whether it is still to be believed. A ping that comes within a
// sixtieth of the interval after the last one is the same ping; so much later than promised a heartbeat may expire.
#pragma once

#include <span>

#include "absl/status/statusor.h"

#include "engine/responder_turn.h"
#include "model/command.h"

namespace tocsin {

absl::Status PingHeartbeatBy(Turn& turn, const PingHeartbeat& command);
absl::StatusOr<HeartbeatId> PutHeartbeatBy(Turn& turn, const PutHeartbeat& command);
absl::Status RemoveHeartbeatBy(Turn& turn, const RemoveHeartbeat& command);
absl::Status EnableHeartbeatBy(Turn& turn, const EnableHeartbeat& command);
absl::Status HeartbeatToldBy(Turn& turn, const HeartbeatTold& command);

// Its timer is due: it expires, or is told again, or the timer waits on.
void CheckHeartbeat(Turn& turn, HeartbeatId id);

// A crash may have lost what was on its way to the alert table: whatever is not known to have arrived is told again.
void TellHeartbeatsAgain(Turn& turn);

// The organisation that this turn applies declares these. What is not declared any more goes; what is made here stays.
void ApplyDeclaredHeartbeats(Turn& turn, std::span<const HeartbeatRule> rules);

// When it expires if nothing is heard and nothing comes between; Infinite: it does not.
EngineTime ExpiresAt(const Heartbeat& heartbeat, EngineTime listening_since, const Now& now);

}  // namespace tocsin
