// One alert as the shard keeps it: a cache line, a colder part and a text. All times are wall milliseconds but for `until`
// and `wheel_tick`, which are seconds of taken-in time (engine/taken_in.h).
#pragma once

#include <cstdint>
#include <type_traits>

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

// Times lie within 300 years of 1970 (engine/alert_body.h), so that 45 bits hold one, or kNoTime.
inline constexpr unsigned kTimeBits = 45;
inline constexpr unsigned kSpareBits = 64 - kTimeBits;
// The orders that a shard can count: a million a second for seventy years.
inline constexpr std::uint64_t kMostOrders = std::uint64_t{1} << (32 + kSpareBits);
inline constexpr std::uint64_t kTimeMask = (std::uint64_t{1} << kTimeBits) - 1;
inline constexpr std::uint64_t kSpareMask = (std::uint64_t{1} << kSpareBits) - 1;
inline constexpr std::int64_t kNoTime = -(std::int64_t{1} << (kTimeBits - 1));
// A time as it lies in such bits: counted from kNoTime.
constexpr std::uint64_t TimeInBits(std::int64_t ms) {
  return static_cast<std::uint64_t>(ms - kNoTime);
}
constexpr std::int64_t TimeFromBits(std::uint64_t bits) {
  return static_cast<std::int64_t>(bits) + kNoTime;
}

// All that a repeat of it reads and writes: one cache line.
struct alignas(64) StoredAlert {
  static constexpr std::uint32_t kNever = LeaseWheel::kNever;
  static constexpr std::uint32_t kMostEpochs = static_cast<std::uint32_t>(kSpareMask);

  std::int64_t last_seen_at() const { return TimeFromBits(last_seen_bits); }
  std::int64_t starts_at() const {
    return TimeFromBits(starts_bits);
  }                                                                 // the sender's word; our receipt when it gave none
  std::int64_t ends_at() const { return TimeFromBits(ends_bits); }  // the sender's last word, or kNoTime
  void set_last_seen_at(std::int64_t ms) { last_seen_bits = TimeInBits(ms) & kTimeMask; }
  void set_starts_at(std::int64_t ms) { starts_bits = TimeInBits(ms) & kTimeMask; }
  void set_ends_at(std::int64_t ms) { ends_bits = TimeInBits(ms) & kTimeMask; }

  AlertKey key;
  std::uint64_t content = 0;  // EventHeader::content of what it was last told by
  std::uint64_t last_seen_bits : kTimeBits = TimeInBits(0);
  Severity severity : 3 = Severity::kUnknown;
  ResolvedBy resolved_by : 3 = ResolvedBy::kNone;
  bool live : 1 = false;  // the slot holds an alert
  bool firing : 1 = false;
  bool acknowledged : 1 = false;
  bool explicit_end : 1 = false;  // the lease comes from the sender's endsAt
  bool looked_ended : 1 = false;  // its last trigger's endsAt was over at receipt; firing all the same: wrong clock
  bool starts_given : 1 = false;  // starts_at is the sender's word
  bool fired : 1 = false;         // has been firing at some time
  bool counted : 1 = false;       // this firing is in its groups' fired_total: people may have been told of it
  Unsealed unsealed : 2 = Unsealed::kNothing;
  bool watched : 1 = false;    // one of its groups is in GroupWatches; follows from the rules
  bool is_source : 1 = false;  // it is counted among the sources of inhibition
  bool is_target : 1 = false;
  std::uint64_t starts_bits : kTimeBits = TimeInBits(0);
  std::uint64_t order_high : kSpareBits = 0;  // of AlertRef::order
  std::uint64_t ends_bits : kTimeBits = TimeInBits(kNoTime);
  // Which rules of inhibition is_source and is_target follow from, in the shard's count since it started; not journalled.
  std::uint64_t inhibition_epoch : kSpareBits = 0;
  std::uint32_t received = 0;    // saturates
  std::uint32_t until = kNever;  // firing: the lease's end; else: when it may be forgotten
  std::uint32_t wheel_tick = 0;  // of its valid entry in the wheel; 0: none
  IntegrationIndex integration = 0;
};
static_assert(sizeof(StoredAlert) == 64, "resident bytes are a promise, and a repeat touches one line");

// An alert's neighbours in a list of its group, named as GroupTable names members.
struct ListLink {
  std::uint32_t previous = kNoSlot;
  std::uint32_t next = kNoSlot;
};

// What is needed of an alert when it changes, or is looked at.
struct ColdAlert {
  TextRef text() const { return {text_block, static_cast<std::uint32_t>(text_bytes)}; }
  void set_text(TextRef ref) {
    text_block = ref.block;
    text_bytes = ref.bytes & kSpareMask;
  }
  std::int64_t fired_at() const { return TimeFromBits(fired_bits); }
  void set_fired_at(std::int64_t ms) { fired_bits = TimeInBits(ms) & kTimeMask; }

  std::uint64_t fired_bits : kTimeBits = TimeInBits(0);
  std::uint64_t text_bytes : kSpareBits = 0;
  // While it fires, what holds it back (a Hold's value); else when it was resolved. AlertRef tells the two apart.
  std::uint64_t standing = 0;
  std::uint32_t order_low = 0;
  std::uint32_t rules = 0;  // version by which its present verdict was reached
  std::uint32_t text_block = kNoSlot;
  std::uint32_t groups = kNoSlot;  // its memberships, as GroupTable has them
  ListLink link;                   // when it is in one group
};
static_assert(sizeof(ColdAlert) == 40, "resident bytes are a promise");

// One alert in the table. Good until the slot is given to another alert.
template <typename Hot, typename Cold>
struct BasicAlertRef {
  Hot& hot;
  Cold& cold;
  operator BasicAlertRef<const StoredAlert, const ColdAlert>() const  // NOLINT(google-explicit-constructor)
      requires(!std::is_const_v<Hot>) {
    return {hot, cold};
  }

  // What holds it back while it fires.
  Hold hold() const { return hot.firing ? Hold::FromJournal(cold.standing) : Hold(); }
  std::int64_t resolved_at() const { return hot.firing ? 0 : static_cast<std::int64_t>(cold.standing); }
  bool suppressed() const { return hold().set(); }
  // Of its last entry into a list of its groups, in the shard's count.
  std::uint64_t order() const { return std::uint64_t{hot.order_high} << 32U | cold.order_low; }

  // Of an alert that fires.
  void set_hold(Hold hold) const { cold.standing = hold.value(); }
  // Of one that does not.
  void set_resolved_at(std::int64_t at) const { cold.standing = static_cast<std::uint64_t>(at); }
  void set_order(std::uint64_t order) const {
    hot.order_high = order >> 32U & kSpareMask;
    cold.order_low = static_cast<std::uint32_t>(order);
  }
};
using AlertRef = BasicAlertRef<StoredAlert, ColdAlert>;
using ConstAlertRef = BasicAlertRef<const StoredAlert, const ColdAlert>;

// The same as a value.
struct AlertImage {
  StoredAlert hot;
  ColdAlert cold;
  AlertRef ref() { return {hot, cold}; }
  ConstAlertRef ref() const { return {hot, cold}; }
};

}  // namespace tocsin
