#include "gateway/port.h"

#include <utility>

#include "base/log.h"
#include "base/status.h"

namespace tocsin {

GatewayPort::GatewayPort(std::uint64_t number, GatewayMemory memory, std::uint64_t key_seed)
    : number_(number), key_seed_(key_seed), memory_(std::move(memory)), completions_(memory_) {
  for (std::uint32_t i = 0; i < memory_.shard_count(); ++i)
    readers_.push_back(std::make_unique<Reader>(memory_.ring(i)));
  memory_.control().magic = kGatewayMagic;
}

absl::StatusOr<std::shared_ptr<GatewayPort>> GatewayPort::Make(std::uint64_t number,
                                                               std::uint32_t shard_count,
                                                               std::uint64_t key_seed) {
  TOCSIN_ASSIGN(GatewayMemory memory, GatewayMemory::Make(shard_count, key_seed));
  return std::shared_ptr<GatewayPort>(new GatewayPort(number, std::move(memory), key_seed));
}

std::optional<GatewayRecord> GatewayPort::Take(std::uint32_t shard) {
  if (broken()) return std::nullopt;
  Reader& reader = *readers_[shard];
  if (reader.put_back) {
    std::optional<GatewayRecord> again = std::exchange(reader.put_back, std::nullopt);
    again->was_put_back = true;
    return again;
  }
  reader.rings += bell(shard).TakeRing() ? 1U : 0U;
  std::span<const std::byte> bytes;
  switch (reader.ring.Take(bytes)) {
    case GuardedRing::Taken::kBroken: Break("a slot of its ring is not what a gateway writes"); return std::nullopt;
    case GuardedRing::Taken::kNothing:
      // A gateway rings after it has published. One that rings for nothing would only keep the shard awake.
      if (reader.rings > reader.records.load(std::memory_order_relaxed) + kGatewayRingSlots) {
        Break("it rings again and again and brings nothing");
      }
      return std::nullopt;
    case GuardedRing::Taken::kRecord: break;
  }
  reader.records.fetch_add(1, std::memory_order_relaxed);
  absl::StatusOr<GatewayRecord> record = CheckGatewayRecord(bytes, shard, memory_.shard_count());
  if (record.ok()) return *record;
  Break(Message(record.status()));
  return std::nullopt;
}

bool GatewayPort::MayBeRead(EventView event) {
  const EventHeader& header = event.header();
  const absl::Status status = CheckRecord({reinterpret_cast<const std::byte*>(&header), header.size}, key_seed_);
  if (!status.ok()) Break(Message(status));
  return status.ok();
}

void GatewayPort::Complete(const CompletionHead& head, std::span<const Outcome> outcomes) {
  if (!broken() && completions_.Write(head, outcomes)) return;
  dropped_completions_.fetch_add(1, std::memory_order_relaxed);
  Break("it does not take note of what became of its batches: it stands still, or was stopped");
}

void GatewayPort::Break(std::string_view why) {
  if (broken_.exchange(true, std::memory_order_relaxed)) return;
  LogError(
      "a gateway is cut off: nothing more is taken from it; its senders send again what was not acknowledged. It may "
      "attach anew",
      {
          {"gateway", number_},
          {"why",     why    }
  });
}

void GatewayPort::SetAdmission(Admission admission, absl::Duration retry_after) {
  admission_.store(admission, std::memory_order_relaxed);
  GatewayControl& control = memory_.control();
  control.retry_after_ms.store(static_cast<std::uint32_t>(absl::ToInt64Milliseconds(retry_after)),
                               std::memory_order_relaxed);
  control.admission.store(static_cast<std::uint32_t>(admission), std::memory_order_relaxed);
}

bool GatewayPort::TakeRefused() {
  const std::uint64_t refused = memory_.control().refused_batches.load(std::memory_order_relaxed);
  return std::exchange(refused_seen_, refused) != refused;
}

GatewayPort::Statistics GatewayPort::ReadStatistics() const {
  Statistics statistics{.records = readers_.front()->records.load(std::memory_order_relaxed),
                        .events = events_.load(std::memory_order_relaxed),
                        .dropped_completions = dropped_completions_.load(std::memory_order_relaxed),
                        .ring_bytes_used = 0,
                        .broken = broken()};
  for (const auto& reader : readers_)
    statistics.ring_bytes_used += reader->ring.UsedBytes();
  return statistics;
}

}  // namespace tocsin
