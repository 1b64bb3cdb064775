// The grains of a shard's bodies that writing and reading share: runs, flags, the state of a record. The whole layout is
// docs/alert-bodies.md. Part of the format on disk: never renumber, never reorder; a new layout is a new version.
#pragma once

#include <bit>
#include <cstdint>

#include "engine/body.h"
#include "engine/group_table.h"
#include "engine/stored_alert.h"

namespace tocsin {

static_assert(std::endian::native == std::endian::little, "fixed-size numbers in bodies are little-endian");

inline constexpr std::uint8_t kAlertBodyVersion = 1;
// Wall times in records lie within 300 years of 1970: what nanoseconds in 64 bits can say.
inline constexpr std::int64_t kFarthestMs = 9'300'000'000'000;
inline constexpr std::uint32_t kMaxGroups = SlotIndex::kMaxValues;
static_assert(kFarthestMs < -kNoTime, "every time of a body fits into a record");

// The runs that a body is made of. Part of the format: never renumber.
enum class BodyRun : std::uint8_t {
  kNone = 0,  // ends the body
  kStrings = 1,
  kGroups = 2,
  kTotals = 3,
  kAlerts = 4,
  kStates = 5,
  kTouches = 6,
  kRemovals = 7,
  kDoors = 8,
};
inline constexpr std::uint8_t kLastBodyRun = 8;

// Flags of a record's state.
struct StateFlag {
  static constexpr std::uint8_t kFiring = 1;
  static constexpr std::uint8_t kAcknowledged = 2;
  static constexpr std::uint8_t kExplicitEnd = 4;
  static constexpr std::uint8_t kLookedEnded = 8;
  static constexpr std::uint8_t kStartsGiven = 16;
  static constexpr std::uint8_t kFired = 32;
  static constexpr std::uint8_t kCounted = 64;
  static constexpr std::uint8_t kAll = 127;
};

inline std::uint8_t FlagsOf(const StoredAlert& alert) {
  return static_cast<std::uint8_t>(
      (alert.firing ? StateFlag::kFiring : 0) | (alert.acknowledged ? StateFlag::kAcknowledged : 0) |
      (alert.explicit_end ? StateFlag::kExplicitEnd : 0) | (alert.looked_ended ? StateFlag::kLookedEnded : 0) |
      (alert.starts_given ? StateFlag::kStartsGiven : 0) | (alert.fired ? StateFlag::kFired : 0) |
      (alert.counted ? StateFlag::kCounted : 0));
}

inline void SetFlags(StoredAlert& alert, std::uint8_t flags) {
  alert.firing = (flags & StateFlag::kFiring) != 0;
  alert.acknowledged = (flags & StateFlag::kAcknowledged) != 0;
  alert.explicit_end = (flags & StateFlag::kExplicitEnd) != 0;
  alert.looked_ended = (flags & StateFlag::kLookedEnded) != 0;
  alert.starts_given = (flags & StateFlag::kStartsGiven) != 0;
  alert.fired = (flags & StateFlag::kFired) != 0;
  alert.counted = (flags & StateFlag::kCounted) != 0;
}

// What the numbers of a body are counted from, to be short.
struct BodyBase {
  std::int64_t wall_ms = 0;
  std::uint32_t tick = 0;
};

// Both return where they end.
inline char* WriteTouch(char* to, const StoredAlert& alert, const BodyBase& base) {
  to = WriteVarint(to, ZigZag(alert.last_seen_at() - base.wall_ms));
  to = WriteVarint(to, alert.until == StoredAlert::kNever ? 0 : ZigZag(std::int64_t{alert.until} - base.tick) + 1);
  to = WriteVarint(to, alert.received);
  return WriteVarint(to, alert.ends_at() == kNoTime ? 0 : ZigZag(alert.ends_at() - base.wall_ms) + 1);
}

inline char* WriteState(char* to, const ConstAlertRef& of, const BodyBase& base) {
  const StoredAlert& alert = of.hot;
  *to++ = static_cast<char>(FlagsOf(alert));
  *to++ = static_cast<char>(static_cast<unsigned>(alert.severity) | static_cast<unsigned>(alert.resolved_by) << 4U);
  to = WriteTouch(to, alert, base);
  to = WriteVarint(to, ZigZag(alert.starts_at() - base.wall_ms));
  if (alert.fired) to = WriteVarint(to, ZigZag(of.cold.fired_at() - base.wall_ms));
  if (!alert.firing) to = WriteVarint(to, ZigZag(of.resolved_at() - base.wall_ms));
  to = WriteVarint(to, of.order());
  to = WriteVarint(to, of.hold().value());
  return WriteVarint(to, of.cold.rules);
}

inline std::int64_t ReadTime(BodyReader& reader, const BodyBase& base) {
  const std::int64_t ms = WrappingSum(reader.Signed(), base.wall_ms);
  if (ms < -kFarthestMs || ms > kFarthestMs) reader.Fail();
  return ms;
}

inline void ReadTouch(BodyReader& reader, StoredAlert& alert, const BodyBase& base) {
  alert.set_last_seen_at(ReadTime(reader, base));
  const std::uint64_t until = reader.Varint();
  const std::int64_t tick =
      until == 0 ? std::int64_t{StoredAlert::kNever} : WrappingSum(UnZigZag(until - 1), base.tick);
  if (tick < 0 || tick > StoredAlert::kNever) reader.Fail();
  alert.until = static_cast<std::uint32_t>(tick);
  alert.received = reader.Bounded32(UINT32_MAX);
  const std::uint64_t ends = reader.Varint();
  const std::int64_t ends_at = ends == 0 ? kNoTime : WrappingSum(UnZigZag(ends - 1), base.wall_ms);
  if (ends != 0 && (ends_at < -kFarthestMs || ends_at > kFarthestMs)) reader.Fail();
  alert.set_ends_at(ends_at);
}

inline void ReadState(BodyReader& reader, const AlertRef& of, const BodyBase& base) {
  const std::uint8_t flags = reader.Byte();
  if (flags > StateFlag::kAll) reader.Fail();
  const std::uint8_t words = reader.Byte();
  if ((words & 15U) >= kSeverities || words >> 4U > static_cast<unsigned>(ResolvedBy::kNoNews)) reader.Fail();
  if (!reader.ok()) return;
  StoredAlert& alert = of.hot;
  SetFlags(alert, flags);
  alert.severity = static_cast<Severity>(words & 15U);
  alert.resolved_by = static_cast<ResolvedBy>(words >> 4U);
  ReadTouch(reader, alert, base);
  alert.set_starts_at(ReadTime(reader, base));
  of.cold.set_fired_at(alert.fired ? ReadTime(reader, base) : 0);
  const std::int64_t resolved_at = alert.firing ? 0 : ReadTime(reader, base);
  of.set_order(reader.Bounded(kMostOrders - 1));
  const Hold hold = Hold::FromJournal(reader.Varint());
  // Nothing holds back what does not fire.
  alert.firing ? of.set_hold(hold) : of.set_resolved_at(resolved_at);
  of.cold.rules = reader.Bounded32(UINT32_MAX);
  if (alert.firing && !hold.set()) alert.counted = true;  // written before the flag was
}

}  // namespace tocsin
