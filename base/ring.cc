#include "base/ring.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "base/status.h"

namespace tocsin {
namespace {

constexpr std::uint64_t kMagic = 0x316E6952636F5435;  // names the layout below; change it with the layout
constexpr std::size_t kCacheLine = 64;

constexpr std::uint64_t Pack(RingPosition at) {
  return (std::uint64_t{at.ticket} << 32U) | at.unit;
}
constexpr RingPosition Unpack(std::uint64_t packed) {
  return {static_cast<std::uint32_t>(packed >> 32U), static_cast<std::uint32_t>(packed)};
}

std::size_t UnitsFor(std::size_t bytes) {
  return (bytes + RingLayout::kUnitBytes - 1) / RingLayout::kUnitBytes;
}

// The object that Create has made at `memory`.
template <typename T>
T* At(std::byte* memory) {
  return std::launder(static_cast<T*>(static_cast<void*>(memory)));
}

}  // namespace

struct Ring::Header {
  std::atomic<std::uint64_t> magic;  // set last by Create
  std::uint32_t slots;
  std::uint32_t data_units;
  alignas(kCacheLine) std::atomic<std::uint64_t> head;  // moved by producers, by compare and swap
  alignas(kCacheLine) std::atomic<std::uint64_t> tail;  // stored by the consumer only
};

struct Ring::Slot {
  std::atomic<std::uint32_t> turn;
  std::uint32_t offset_units;
  std::uint32_t bytes;
  std::uint32_t units;
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free,
              "an atomic with a hidden lock does not work between processes");

std::size_t RingLayout::BytesNeeded(std::size_t slots, std::size_t data_bytes) {
  const std::size_t slot_bytes = UnitsFor(slots * sizeof(Ring::Slot)) * kUnitBytes;
  return sizeof(Ring::Header) + slot_bytes + data_bytes;
}

Ring::Ring(std::byte* memory) : header_(At<Header>(memory)) {
  std::byte* slots = memory + sizeof(Header);
  slots_ = At<Slot>(slots);
  data_ = slots + UnitsFor(header_->slots * sizeof(Slot)) * RingLayout::kUnitBytes;
}

Ring Ring::Create(std::span<std::byte> memory, std::size_t slots, std::size_t data_bytes, RingPosition start) {
  const std::size_t data_units = data_bytes / RingLayout::kUnitBytes;
  TOCSIN_CHECK(std::has_single_bit(slots) && std::has_single_bit(data_bytes) && data_units >= 2, "a ring masks");
  TOCSIN_CHECK(slots <= 1U << 31U && data_units <= 1U << 31U, "a ring's counters have 32 bits");
  TOCSIN_CHECK(memory.size() >= RingLayout::BytesNeeded(slots, data_bytes), "a ring needs all of its memory");
  TOCSIN_CHECK(reinterpret_cast<std::uintptr_t>(memory.data()) % kCacheLine == 0, "a ring is aligned");

  auto* header = new (memory.data()) Header{};
  header->slots = static_cast<std::uint32_t>(slots);
  header->data_units = static_cast<std::uint32_t>(data_units);
  header->head.store(Pack(start), std::memory_order_relaxed);
  header->tail.store(Pack(start), std::memory_order_relaxed);
  Ring ring(memory.data());
  // Any turn but ticket + 1 says "not published" (I3); a slot's turn is never reset, the next lap expects another. Only in the last slot a
  // turn can be 0.
  for (std::uint32_t i = 0; i < header->slots; ++i)
    new (&ring.slots_[i]) Slot{.turn = 0, .offset_units = 0, .bytes = 0, .units = 0};
  ring.slots_[header->slots - 1].turn.store(start.ticket, std::memory_order_relaxed);
  header->magic.store(kMagic, std::memory_order_release);  // pairs with Attach
  return ring;
}

absl::StatusOr<Ring> Ring::Attach(std::span<std::byte> memory) {
  if (memory.size() < sizeof(Header) || reinterpret_cast<std::uintptr_t>(memory.data()) % kCacheLine != 0) {
    return Invalid("ring: %d bytes are no ring", memory.size());
  }
  const auto* header = At<const Header>(memory.data());
  if (header->magic.load(std::memory_order_acquire) != kMagic) return Invalid("ring: the memory holds none");
  const std::size_t slots = header->slots;
  const std::size_t data_units = header->data_units;
  if (!std::has_single_bit(slots) || !std::has_single_bit(data_units) || data_units < 2 ||
      memory.size() < RingLayout::BytesNeeded(slots, data_units * RingLayout::kUnitBytes)) {
    return Invalid("ring: %d slots and %d units do not fit into %d bytes", slots, data_units, memory.size());
  }
  return Ring(memory.data());
}

std::optional<Ring::Reservation> Ring::TryReserve(std::size_t bytes) {
  TOCSIN_CHECK(bytes > 0, "an empty record cannot be told from none");
  if (bytes > max_record_bytes()) return std::nullopt;
  const auto needed = static_cast<std::uint32_t>(UnitsFor(bytes));
  const std::uint32_t data_units = header_->data_units;

  std::uint64_t tail_before = header_->tail.load(std::memory_order_acquire);
  for (;;) {
    // A head between two equal loads of the tail belongs to that tail: without the second load, a thread that sleeps
    // here could compare a head that has gone once around with the old tail and take the full ring for an empty one.
    std::uint64_t packed_head = header_->head.load(std::memory_order_acquire);
    const std::uint64_t tail_after = header_->tail.load(std::memory_order_acquire);
    if (tail_after != tail_before) {
      tail_before = tail_after;
      continue;
    }
    const RingPosition head = Unpack(packed_head);
    const RingPosition tail = Unpack(tail_after);
    const std::uint32_t offset = head.unit & (data_units - 1);
    const std::uint32_t skipped = needed > data_units - offset ? data_units - offset : 0;
    const std::uint32_t units = skipped + needed;
    if (head.ticket - tail.ticket >= header_->slots || units > data_units - (head.unit - tail.unit))
      return std::nullopt;

    const RingPosition next{head.ticket + 1, head.unit + units};
    // Relaxed: what orders the bytes is the turn (I3). The tail may move on meanwhile: that only makes room.
    if (header_->head.compare_exchange_weak(packed_head, Pack(next), std::memory_order_relaxed)) {
      const std::uint32_t start = (offset + skipped) & (data_units - 1);
      return Reservation{
          {data_ + std::size_t{start} * RingLayout::kUnitBytes, bytes},
          head.ticket, start, units
      };
    }
  }
}

void Ring::Publish(const Reservation& reservation) {
  Slot& slot = slots_[reservation.ticket & (header_->slots - 1)];
  slot.offset_units = reservation.offset_units;
  slot.bytes = static_cast<std::uint32_t>(reservation.bytes.size());
  slot.units = reservation.units;
  slot.turn.store(reservation.ticket + 1, std::memory_order_release);  // pairs with Front
}

std::span<const std::byte> Ring::Front() const {
  const RingPosition tail = Unpack(header_->tail.load(std::memory_order_relaxed));
  const Slot& slot = slots_[tail.ticket & (header_->slots - 1)];
  if (slot.turn.load(std::memory_order_acquire) != tail.ticket + 1) return {};  // pairs with Publish
  TOCSIN_CHECK(std::size_t{slot.offset_units} + UnitsFor(slot.bytes) <= header_->data_units,
               "a ring's slot is damaged");
  return {data_ + std::size_t{slot.offset_units} * RingLayout::kUnitBytes, slot.bytes};
}

void Ring::Pop() {
  const RingPosition tail = Unpack(header_->tail.load(std::memory_order_relaxed));
  const Slot& slot = slots_[tail.ticket & (header_->slots - 1)];
  // Release: all reads of the record and of its slot come before; pairs with TryReserve.
  header_->tail.store(Pack({tail.ticket + 1, tail.unit + slot.units}), std::memory_order_release);
}

bool Ring::HasReserved() const {
  const std::uint64_t tail = header_->tail.load(std::memory_order_relaxed);
  return Unpack(header_->head.load(std::memory_order_relaxed)).ticket != Unpack(tail).ticket;
}

std::size_t Ring::UsedBytes() const {
  const RingPosition tail = Unpack(header_->tail.load(std::memory_order_acquire));
  const RingPosition head = Unpack(header_->head.load(std::memory_order_relaxed));  // not older than the tail
  const std::uint32_t used = head.unit - tail.unit;
  return std::size_t{used < header_->data_units ? used : header_->data_units} * RingLayout::kUnitBytes;
}

std::size_t Ring::data_bytes() const {
  return std::size_t{header_->data_units} * RingLayout::kUnitBytes;
}

GuardedRing::GuardedRing(std::span<std::byte> memory, std::size_t slots, std::size_t data_bytes, RingPosition start)
    : ring_(Ring::Create(memory, slots, data_bytes, start)),
      slots_(static_cast<std::uint32_t>(slots)),
      data_units_(static_cast<std::uint32_t>(data_bytes / RingLayout::kUnitBytes)),
      tail_(start) {}

GuardedRing::Taken GuardedRing::Take(std::span<const std::byte>& record) {
  // Each word of a slot is read once: what is checked is what is used.
  const auto read = [](std::uint32_t& word) {
    return std::atomic_ref<std::uint32_t>(word).load(std::memory_order_relaxed);
  };
  Ring::Slot& slot = ring_.slots_[tail_.ticket & (slots_ - 1)];
  if (slot.turn.load(std::memory_order_acquire) != tail_.ticket + 1) return Taken::kNothing;  // pairs with Publish
  const std::size_t bytes = read(slot.bytes);
  if (bytes == 0 || bytes > std::size_t{data_units_} * RingLayout::kUnitBytes / 2) return Taken::kBroken;
  // Where a record of this size lies follows from where the last one ended, as TryReserve has it.
  const auto needed = static_cast<std::uint32_t>(UnitsFor(bytes));
  const std::uint32_t offset = tail_.unit & (data_units_ - 1);
  const std::uint32_t skipped = needed > data_units_ - offset ? data_units_ - offset : 0;
  const std::uint32_t start = (offset + skipped) & (data_units_ - 1);
  if (read(slot.offset_units) != start || read(slot.units) != skipped + needed) return Taken::kBroken;
  if (bytes > copy_bytes_) {
    copy_bytes_ = std::bit_ceil(bytes);
    copy_ = std::make_unique_for_overwrite<std::byte[]>(copy_bytes_);
  }
  std::memcpy(copy_.get(), ring_.data_ + std::size_t{start} * RingLayout::kUnitBytes, bytes);
  record = {copy_.get(), bytes};
  tail_ = {tail_.ticket + 1, tail_.unit + skipped + needed};
  ring_.header_->tail.store(Pack(tail_), std::memory_order_release);  // as Pop
  return Taken::kRecord;
}

std::size_t GuardedRing::UsedBytes() const {
  const RingPosition head = Unpack(ring_.header_->head.load(std::memory_order_relaxed));
  const RingPosition tail = Unpack(ring_.header_->tail.load(std::memory_order_relaxed));
  return std::size_t{std::min(head.unit - tail.unit, data_units_)} * RingLayout::kUnitBytes;
}

}  // namespace tocsin
