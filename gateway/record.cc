#include "gateway/record.h"

#include <algorithm>
#include <cstring>

#include "base/limits.h"
#include "base/status.h"

namespace tocsin {
namespace {

using Form = EventHeader::Form;
constexpr std::size_t kBeforeBytes = sizeof(EventHeader) + sizeof(std::uint64_t);  // of a repeat

std::size_t RepeatBytes(std::uint64_t came) {
  constexpr std::size_t kAlignment = alignof(EventHeader);
  return (kBeforeBytes + came + kAlignment - 1) / kAlignment * kAlignment;
}

std::byte* Write(std::byte* to, EventView event) {
  EventHeader header = event.header();
  if (header.form == Form::kWhole) {
    std::memcpy(to, &event.header(), header.size);
    return to + header.size;
  }
  const CameBytes came = event.came();
  header.size = static_cast<std::uint32_t>(RepeatBytes(came.size));
  std::memcpy(to, &header, sizeof header);
  std::memcpy(to + sizeof header, &came.size, sizeof came.size);
  std::memcpy(to + kBeforeBytes, came.data, came.size);
  std::fill(to + kBeforeBytes + came.size, to + header.size, std::byte{0});
  return to + header.size;
}

// OK: `bytes` begin with a repeat as Write makes it. Its key and content may be any: a shard that has an alert of them would be told the
// same by its text, and one that has not reads the bytes.
absl::Status CheckRepeat(std::span<const std::byte> bytes) {
  const EventHeader& header = EventView(bytes.data()).header();
  std::uint64_t came = 0;
  if (bytes.size() < kBeforeBytes) return Invalid("repeat: %d bytes", bytes.size());
  std::memcpy(&came, bytes.data() + sizeof header, sizeof came);
  if (came > limits::kEventBytes || came > bytes.size() - kBeforeBytes || header.size != RepeatBytes(came) ||
      header.size > bytes.size()) {
    return Invalid("repeat: size %d of %d bytes, which came as %d", header.size, bytes.size(), came);
  }
  if (header.kind != EventKind::kTrigger) return Invalid("repeat: kind %d", static_cast<int>(header.kind));
  return absl::OkStatus();
}

absl::Status CheckEvent(std::span<const std::byte> bytes, std::uint64_t key_seed) {
  if (bytes.size() >= sizeof(EventHeader) && EventView(bytes.data()).header().form == Form::kRepeat) {
    return CheckRepeat(bytes);
  }
  return CheckRecord(bytes, key_seed);
}

}  // namespace

std::size_t PublishedBytes(EventView event) {
  return event.header().form == Form::kWhole ? event.header().size : RepeatBytes(event.came().size);
}

std::string_view RepeatedBytes(EventView repeat) {
  const auto* const record = reinterpret_cast<const char*>(&repeat.header());
  std::uint64_t came = 0;
  std::memcpy(&came, record + sizeof(EventHeader), sizeof came);
  return {record + kBeforeBytes, came};
}

bool PublishRecord(Ring& ring,
                   std::uint32_t submission,
                   bool want_outcomes,
                   const EventBatch& batch,
                   std::span<const std::uint32_t> mine) {
  const GatewayRecordHead head{submission, static_cast<std::uint32_t>(mine.size()), want_outcomes ? 1U : 0U, 0};
  std::size_t size = sizeof head;
  for (const std::uint32_t i : mine)
    size += PublishedBytes(batch.at(i));
  const std::optional<Ring::Reservation> reservation = ring.TryReserve(size);
  if (!reservation) return false;
  std::byte* to = reservation->bytes.data();
  std::memcpy(to, &head, sizeof head);
  to += sizeof head;
  for (const std::uint32_t i : mine)
    to = Write(to, batch.at(i));
  ring.Publish(*reservation);
  return true;
}

absl::StatusOr<GatewayRecord> CheckGatewayRecord(std::span<const std::byte> bytes,
                                                 std::uint64_t key_seed,
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
    if (const absl::Status status = CheckEvent(rest, key_seed); !status.ok()) {
      return Annotate(status, absl::StrFormat("event %d of %d", i, head.count));
    }
    const EventHeader& header = EventView(rest.data()).header();
    if (header.key.low % shard_count != shard) return Invalid("event %d: an alert of another shard", i);
    record.highest_integration = std::max(record.highest_integration, header.integration);
    rest = rest.subspan(header.size);
  }
  if (!rest.empty()) return Invalid("%d bytes behind the last event", rest.size());
  return record;
}

}  // namespace tocsin
