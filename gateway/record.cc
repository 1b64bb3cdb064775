#include "gateway/record.h"

#include <algorithm>
#include <cstring>

#include "base/limits.h"
#include "base/status.h"

namespace tocsin {

bool PublishRecord(Ring& ring,
                   std::uint32_t submission,
                   bool want_outcomes,
                   const EventBatch& batch,
                   std::span<const std::uint32_t> mine) {
  const GatewayRecordHead head{submission, static_cast<std::uint32_t>(mine.size()), want_outcomes ? 1U : 0U, 0};
  const bool whole = mine.size() == batch.count();
  std::size_t size = sizeof head + (whole ? batch.bytes().size() : 0);
  for (std::size_t i = 0; !whole && i < mine.size(); ++i)
    size += batch.at(mine[i]).header().size;
  const std::optional<Ring::Reservation> reservation = ring.TryReserve(size);
  if (!reservation) return false;
  std::byte* to = reservation->bytes.data();
  std::memcpy(to, &head, sizeof head);
  to += sizeof head;
  if (whole) {
    if (!batch.empty()) std::memcpy(to, batch.bytes().data(), batch.bytes().size());
  } else {
    for (const std::uint32_t i : mine) {
      const EventHeader& header = batch.at(i).header();
      std::memcpy(to, &header, header.size);
      to += header.size;
    }
  }
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
    if (const absl::Status status = CheckRecord(rest, key_seed); !status.ok()) {
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
