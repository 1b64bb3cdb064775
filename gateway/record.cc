#include "gateway/record.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/limits.h"
#include "base/status.h"
#include "gateway/memory.h"

namespace tocsin {
namespace {

using Form = EventHeader::Form;
constexpr std::size_t kAlignment = alignof(EventHeader);
constexpr std::size_t kBlocksBytes = kGatewayBlocks * kGatewayBlockBytes;

// Where a repeat's bytes are: the word behind its header.
class Whereabouts {
 public:
  static constexpr std::size_t kAt = sizeof(EventHeader);
  static constexpr std::size_t kEnd = kAt + sizeof(std::uint64_t);
  static_assert(kEnd % kAlignment == 0);

  static Whereabouts Of(const CameBytes& came, std::span<const std::byte> blocks) {
    const auto begin = reinterpret_cast<std::uintptr_t>(blocks.data());
    const auto at = reinterpret_cast<std::uintptr_t>(came.data) - begin;  // huge where it lies before them
    const bool is_in_blocks = at < blocks.size() && came.size <= blocks.size() - at;
    return Whereabouts(is_in_blocks ? kInBlocks | at << kOffsetShift | came.size : came.size);
  }
  // Of a record that has at least kEnd bytes.
  static Whereabouts In(const std::byte* record) {
    std::uint64_t word = 0;
    std::memcpy(&word, record + kAt, sizeof word);
    return Whereabouts(word);
  }

  std::size_t size() const { return word_ & kSizeMask; }
  bool are_in_blocks() const { return (word_ & kInBlocks) != 0; }
  std::size_t offset() const { return (word_ & ~kInBlocks) >> kOffsetShift; }
  // Of the whole event.
  std::size_t EventBytes() const {
    return are_in_blocks() ? kEnd : (kEnd + size() + kAlignment - 1) / kAlignment * kAlignment;
  }
  // Any word may have been written: nothing else is to be asked of it before.
  bool IsPossible() const {
    if (size() > limits::kEventBytes) return false;
    return are_in_blocks() ? offset() <= kBlocksBytes - size() : offset() == 0;
  }
  void Write(std::byte* record) const { std::memcpy(record + kAt, &word_, sizeof word_); }

 private:
  static constexpr std::uint64_t kInBlocks = std::uint64_t{1} << 63U;
  static constexpr unsigned kOffsetShift = 32;
  static constexpr std::uint64_t kSizeMask = (std::uint64_t{1} << kOffsetShift) - 1;
  static_assert(kBlocksBytes < std::uint64_t{1} << 31U && limits::kEventBytes < kBlocksBytes);

  explicit Whereabouts(std::uint64_t word) : word_(word) {}
  std::uint64_t word_;
};

std::byte* Write(std::byte* to, EventView event, std::span<const std::byte> blocks) {
  const EventHeader& header = event.header();
  if (header.form == Form::kWhole) {
    std::memcpy(to, &header, header.size);
    static_cast<EventHeader*>(static_cast<void*>(to))->form = Form::kUnchecked;
    return to + header.size;
  }
  const CameBytes came = event.came();
  const auto where = Whereabouts::Of(came, blocks);
  auto* const written = new (to) EventHeader(header);
  written->size = static_cast<std::uint32_t>(where.EventBytes());
  where.Write(to);
  if (where.are_in_blocks()) [[likely]]
    return to + Whereabouts::kEnd;
  std::memcpy(to + Whereabouts::kEnd, came.data, came.size);
  std::fill(to + Whereabouts::kEnd + came.size, to + written->size, std::byte{0});
  return to + written->size;
}

// How much of a record the event takes.
std::size_t WrittenBytes(EventView event, std::span<const std::byte> blocks) {
  if (event.header().form == Form::kWhole) return event.header().size;
  return Whereabouts::Of(event.came(), blocks).EventBytes();
}

// Whether `bytes` begin with an event of a form and a size that Write makes. Key and content may be any: a shard that has an alert of them would be
// told the same by its text, and one that has not reads and checks the text.
bool IsPossible(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof(EventHeader)) return false;
  const EventHeader& header = EventView(bytes.data()).header();
  switch (header.form) {
    case Form::kWhole: return false;
    case Form::kUnchecked:
      return header.size >= sizeof(EventHeader) && header.size <= std::min(bytes.size(), limits::kEventBytes) &&
             header.size % kAlignment == 0;
    case Form::kRepeat: break;
    default: return false;
  }
  if (bytes.size() < Whereabouts::kEnd) return false;
  const auto where = Whereabouts::In(bytes.data());
  return where.IsPossible() && header.size == where.EventBytes() && header.size <= bytes.size() &&
         header.kind == EventKind::kTrigger;
}

absl::Status WhatIsWrong(std::span<const std::byte> bytes) {
  if (bytes.size() < Whereabouts::kEnd) return Invalid("%d bytes", bytes.size());
  const EventHeader& header = EventView(bytes.data()).header();
  if (header.form != Form::kRepeat) {
    return Invalid("form %d, size %d of %d bytes", static_cast<int>(header.form), header.size, bytes.size());
  }
  const auto where = Whereabouts::In(bytes.data());
  return Invalid("repeat: kind %d, size %d of %d bytes, which came as %d %s %d", static_cast<int>(header.kind),
                 header.size, bytes.size(), where.size(), where.are_in_blocks() ? "at" : "behind", where.offset());
}

}  // namespace

void Divide(const EventBatch& batch, std::span<const std::byte> blocks, std::span<GatewayPart> parts) {
  for (GatewayPart& part : parts) {
    part.events.clear();
    part.bytes = sizeof(GatewayRecordHead);
  }
  for (std::uint32_t i = 0; i < batch.count(); ++i) {
    const EventView event = batch.at(i);
    GatewayPart& part = parts.size() == 1 ? parts[0] : parts[event.header().key.low % parts.size()];
    part.events.push_back(i);
    part.bytes += WrittenBytes(event, blocks);
  }
}

std::string_view RepeatedBytes(EventView repeat, std::span<const std::byte> blocks, std::string& copy) {
  const auto* const record = reinterpret_cast<const std::byte*>(&repeat.header());
  const auto where = Whereabouts::In(record);
  if (!where.are_in_blocks()) {
    return {reinterpret_cast<const char*>(record) + Whereabouts::kEnd, where.size()};
  }
  copy.resize(where.size());
  std::memcpy(copy.data(), blocks.subspan(where.offset()).data(), where.size());
  return copy;
}

bool PublishRecord(Ring& ring,
                   std::uint32_t submission,
                   bool want_outcomes,
                   const EventBatch& batch,
                   const GatewayPart& part,
                   std::span<const std::byte> blocks) {
  const auto count = static_cast<std::uint32_t>(part.events.size());
  const GatewayRecordHead head{submission, count, want_outcomes ? 1U : 0U, 0};
  const std::optional<Ring::Reservation> reservation = ring.TryReserve(part.bytes);
  if (!reservation) return false;
  std::byte* to = reservation->bytes.data();
  std::memcpy(to, &head, sizeof head);
  to += sizeof head;
  for (const std::uint32_t i : part.events)
    to = Write(to, batch.at(i), blocks);
  TOCSIN_CHECK(to == reservation->bytes.data() + part.bytes, "a part is published as it was divided");
  ring.Publish(*reservation);
  return true;
}

absl::StatusOr<GatewayRecord> CheckGatewayRecord(std::span<const std::byte> bytes,
                                                 std::uint32_t shard,
                                                 std::uint32_t shard_count) {
  GatewayRecordHead head;
  if (bytes.size() < sizeof head) return Invalid("a record of %d bytes", bytes.size());
  std::memcpy(&head, bytes.data(), sizeof head);
  if (head.count > limits::kEventsPerBatch) return Invalid("a record of %d events", head.count);
  std::span<const std::byte> rest = bytes.subspan(sizeof head);
  GatewayRecord record{.submission = head.submission,
                       .count = head.count,
                       .wants_outcomes = head.wants_outcomes != 0,
                       .highest_integration = 0,
                       .events = rest};
  for (std::uint32_t i = 0; i < head.count; ++i) {
    if (!IsPossible(rest)) [[unlikely]] {
      return Annotate(WhatIsWrong(rest), absl::StrFormat("event %d of %d", i, head.count));
    }
    const EventHeader& header = EventView(rest.data()).header();
    if (shard_count > 1 && header.key.low % shard_count != shard)
      return Invalid("event %d: an alert of another shard", i);
    record.highest_integration = std::max(record.highest_integration, header.integration);
    rest = rest.subspan(header.size);
  }
  if (!rest.empty()) return Invalid("%d bytes behind the last event", rest.size());
  return record;
}

}  // namespace tocsin
