// One alert as the shard keeps it: two cache lines and a text. All times are wall milliseconds but for `until` and
// `wheel_tick`, which are seconds of taken-in time (engine/taken_in.h).
#pragma once

#include <cstdint>

#include "engine/lease_wheel.h"
#include "engine/segmented.h"
#include "engine/texts.h"
#include "model/event.h"
#include "model/hold.h"
#include "model/ids.h"

namespace tocsin {

// Why an alert is not firing.
enum class ResolvedBy : std::uint8_t {
  kNone = 0,
  kEvent = 1,
  kEndsAt = 2,
  kExpired = 3,
  kNoNews = 4  // its route's auto_close
};

// What of an alert has changed since the last seal: each says all that the one before says, and more.
enum class Unsealed : std::uint8_t {
  kNothing = 0,
  kTouch = 1,
  kState = 2,
  kAll = 3
};

inline constexpr std::int64_t kNoTime = INT64_MIN;

struct alignas(64) StoredAlert {
  static constexpr std::uint32_t kNever = LeaseWheel::kNever;

  AlertKey key;
  std::uint64_t content = 0;  // hash of labels, annotations, dedup key, link and severity as they were sent
  std::int64_t last_seen_at = 0;
  std::int64_t starts_at = 0;      // the sender's word; our receipt when it gave none
  std::int64_t ends_at = kNoTime;  // the sender's last word
  std::uint32_t received = 0;      // saturates
  std::uint32_t until = kNever;    // firing: the lease's end; else: when it may be forgotten
  std::uint32_t wheel_tick = 0;    // of its valid entry in the wheel; 0: none
  Severity severity = Severity::kUnknown;
  ResolvedBy resolved_by = ResolvedBy::kNone;
  bool live : 1 = false;  // the slot holds an alert
  bool firing : 1 = false;
  bool acknowledged : 1 = false;
  bool explicit_end : 1 = false;  // the lease comes from the sender's endsAt
  bool looked_ended : 1 = false;  // its last trigger's endsAt was over at receipt; firing all the same: wrong clock
  bool starts_given : 1 = false;  // starts_at is the sender's word
  bool fired : 1 = false;         // has been firing at some time
  bool counted : 1 = false;       // this firing is in its groups' fired_total: people may have been told of it
  Unsealed unsealed : 7 = Unsealed::kNothing;
  bool watched : 1 = false;  // one of its groups is in GroupWatches; follows from the rules
  // The second cache line: not needed for duplicates.
  std::int64_t fired_at = 0;
  std::int64_t resolved_at = 0;
  std::uint64_t order = 0;  // of its last entry into a list of its groups, in the shard's count
  Hold hold;                // what holds it back while it fires
  std::uint32_t rules = 0;  // version by which its present verdict was reached
  IntegrationIndex integration = 0;
  TextRef text;
  std::uint32_t memberships = kNoSlot;  // the chain in GroupTable
  // Which rules of inhibition the two below follow from, in the shard's count since it started; not journalled.
  std::uint32_t inhibition_epoch = 0;
  bool is_source : 1 = false;  // it is counted among the sources
  bool is_target : 1 = false;
};
static_assert(sizeof(StoredAlert) == 128, "resident bytes are a promise");

inline bool IsSuppressed(const StoredAlert& alert) {
  return alert.firing && alert.hold.set();
}

}  // namespace tocsin
