// The shard ring: a bounded queue of variable-size records from many producers to one consumer, in one piece of memory.
//
// The memory is the caller's and holds offsets only, so it may be shared by processes and mapped at different addresses.
// A Ring is a handle: copy it to each producer and to the consumer; the memory outlives them all.
//
//   | header: layout, head, tail | slots ... | data: units of 64 bytes ... |
//
// Producers: any thread, lock-free. Consumer: one thread. Nobody ever waits: a full ring refuses (TryReserve: nullopt).
// A record is published whole or not at all; records come out in the order in which they were reserved. A producer that
// dies between TryReserve and Publish stops the consumer at its record for good: such a ring must be made anew.
//
// `head` and `tail` each pack two counters that run modulo 2^32 and move together:
//   ticket   counts records; ticket t uses slot t % slots
//   unit     counts units of data; unit u lies at (u % data units) * 64
//
// Invariants:
//   I1  tail <= head in both counters; head.ticket - tail.ticket <= slots; head.unit - tail.unit <= data units.
//   I2  Records of tickets [tail, head) own disjoint units. A record is never split at the end of the data: the units
//       that it skips there are its own and are freed with it.
//   I3  Slot t % slots describes ticket t, and the record's bytes are complete, once its turn equals t + 1.
//
// Pairs: Publish's release store of a turn with Front's acquire load (the bytes and the slot's fields are seen, I3).
//        Pop's release store of the tail with TryReserve's acquire load (the consumer has finished with what is reused).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "absl/status/statusor.h"

namespace tocsin {

struct RingLayout {
  static constexpr std::size_t kUnitBytes = 64;
  // Memory for a ring; both arguments powers of two, data_bytes at least 2 * kUnitBytes.
  static std::size_t BytesNeeded(std::size_t slots, std::size_t data_bytes);
};

// The two counters of `head` or `tail`.
struct RingPosition {
  std::uint32_t ticket = 0;
  std::uint32_t unit = 0;
  friend bool operator==(RingPosition, RingPosition) = default;
};

class Ring {
 public:
  // Room for one record, 64-byte aligned. Fill `bytes`, then Publish; there is no way back.
  struct Reservation {
    std::span<std::byte> bytes;
    std::uint32_t ticket = 0;
    std::uint32_t offset_units = 0;
    std::uint32_t units = 0;  // with what was skipped
  };

  // Makes an empty ring at the start of `memory`: 64-byte aligned, at least BytesNeeded. The counters begin at `start`.
  static Ring Create(std::span<std::byte> memory, std::size_t slots, std::size_t data_bytes, RingPosition start = {});
  // A handle on a ring that Create has made, perhaps in another process. An error when `memory` does not hold one.
  static absl::StatusOr<Ring> Attach(std::span<std::byte> memory);

  // Producers. nullopt: there is no room now. Larger records than max_record_bytes() are always refused. bytes > 0.
  std::optional<Reservation> TryReserve(std::size_t bytes);
  void Publish(const Reservation& reservation);

  // Consumer. The oldest record, valid until Pop; empty when none is published.
  std::span<const std::byte> Front() const;
  // Frees the oldest record. Requires that Front returned it.
  void Pop();

  // Consumer. Whether a record is there, or reserved: whose reservation happened before anything that the consumer has seen is counted.
  bool HasReserved() const;

  // Any thread; a moment's truth. Bytes that are reserved or published, rounding and skipped units included.
  std::size_t UsedBytes() const;
  std::size_t data_bytes() const;
  // Half of the data: a record of that size always fits in an empty ring, wherever its end lies.
  std::size_t max_record_bytes() const { return data_bytes() / 2; }

 private:
  friend struct RingLayout;
  friend class GuardedRing;
  struct Header;
  struct Slot;

  explicit Ring(std::byte* memory);

  Header* header_;
  Slot* slots_;
  std::byte* data_;
};

// The consumer's end of a ring whose producers are not believed: another process that may write to all of the memory, at any
// time, whatever it likes. The layout and the place in the ring are kept here and never read back; of what producers say only the
// size of a record is used, once it is known to be possible. Records are copied out before anybody looks at them.
class GuardedRing {
 public:
  enum class Taken : std::uint8_t {
    kNothing,  // nothing is published
    kRecord,
    kBroken,  // no producer of ours has written this; it stays so
  };

  // Makes the ring, as Ring::Create.
  GuardedRing(std::span<std::byte> memory, std::size_t slots, std::size_t data_bytes, RingPosition start = {});

  // One thread. Takes the oldest record out of the ring; `record` is ours alone, aligned to 16 bytes and good until the next
  // Take.
  Taken Take(std::span<const std::byte>& record);
  // Any thread; what producers say, within reason.
  std::size_t UsedBytes() const;

 private:
  Ring ring_;
  const std::uint32_t slots_;
  const std::uint32_t data_units_;
  RingPosition tail_;
  std::unique_ptr<std::byte[]> copy_;
  std::size_t copy_bytes_ = 0;
};

}  // namespace tocsin
