// What a gateway publishes to a shard: the part of a batch whose alerts are that shard's, whole events one after the other.
//
//   record   RecordHead, then `count` events (model/event.h)
//
// An event with its text is of the form kUnchecked: the engine looks at the text when it has to read it (EventHeader::Form). A repeat has a word behind its header that says where its sender's bytes are:
//
//   bits 0 to 31   how many
//   bit 63         0: they follow, and padding to 8
//                  1: they lie in the memory's blocks (gateway/memory.h), so far from their beginning as bits 32 to 62 say
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "base/ring.h"
#include "model/event.h"

namespace tocsin {

struct GatewayRecordHead {
  std::uint32_t submission = 0;  // the gateway's own number; comes back with the completion
  std::uint32_t count = 0;
  std::uint32_t wants_outcomes = 0;
  std::uint32_t unused = 0;
};
static_assert(sizeof(GatewayRecordHead) == 16);

// The gateway's. The events of a batch that are one shard's.
struct GatewayPart {
  std::vector<std::uint32_t> events;  // their numbers in the batch, in order
  std::size_t bytes = 0;              // of the record that says them
};
// Divides `batch` into parts, one for each shard; what was in them is forgotten. `blocks`: those of the rings' memory; what lies in them is not
// copied, and has to stay until it was answered.
void Divide(const EventBatch& batch, std::span<const std::byte> blocks, std::span<GatewayPart> parts);
// Publishes a part of `batch`, which was divided by the same `blocks`; false when the ring is full.
bool PublishRecord(Ring& ring,
                   std::uint32_t submission,
                   bool want_outcomes,
                   const EventBatch& batch,
                   const GatewayPart& part,
                   std::span<const std::byte> blocks);

// The engine's: a record that may be applied.
struct GatewayRecord {
  std::uint32_t submission = 0;
  std::uint32_t count = 0;
  bool wants_outcomes = false;
  bool was_put_back = false;
  IntegrationIndex highest_integration = 0;  // whether there is such a one the shard has to know
  std::span<const std::byte> events;
};
// What the sender of a repeat in a checked record had sent. What lies in `blocks` is copied into `copy` first, since the gateway may change it
// at any time. Whether it can be read, and is of that key, is for who reads it to see.
std::string_view RepeatedBytes(EventView repeat, std::span<const std::byte> blocks, std::string& copy);
// Checks everything but that, and the texts. `bytes` are ours alone and aligned to 8. An error: no gateway of ours has written this.
absl::StatusOr<GatewayRecord> CheckGatewayRecord(std::span<const std::byte> bytes,
                                                 std::uint32_t shard,
                                                 std::uint32_t shard_count);

}  // namespace tocsin
