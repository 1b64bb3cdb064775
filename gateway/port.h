// The engine's end of what it shares with one gateway. Whatever the gateway does to the memory, no shard waits for it, reads beyond it
// or applies what is not well formed: then the port is broken, for good, and the gateway has to attach again.
//
// Shared by the shards' threads, the committer and the host, each with its own functions; the last who lets go unmaps the memory.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "base/ring.h"
#include "base/wakeup.h"
#include "gateway/completions.h"
#include "gateway/memory.h"
#include "gateway/record.h"
#include "model/inlet.h"

namespace tocsin {

class GatewayPort {
 public:
  struct Statistics {
    std::uint64_t records = 0;  // taken from the first shard's ring: batches
    std::uint64_t events = 0;
    std::uint64_t dropped_completions = 0;
    std::uint64_t ring_bytes_used = 0;
    bool broken = false;
  };

  // `number` is for people: the third gateway since the start is 3.
  static absl::StatusOr<std::shared_ptr<GatewayPort>> Make(std::uint64_t number,
                                                           std::uint32_t shard_count,
                                                           std::uint64_t key_seed);

  // The thread of shard `shard`. The oldest record that is published, checked; good until the next call for this shard. Absent: none
  // is there, or the port is broken.
  std::optional<GatewayRecord> Take(std::uint32_t shard);
  // Whether the text of an event of such a record, of the form kUnchecked, may be read. False: the port is broken now.
  bool MayBeRead(EventView event);
  // The next Take gives it once more.
  void PutBack(std::uint32_t shard, const GatewayRecord& record) { readers_[shard]->put_back = record; }
  // What lies there is the gateway's: it may be anything, and another thing the next moment.
  std::span<const std::byte> blocks() const { return memory_.blocks(); }
  void CountEvents(std::uint64_t events) { events_.fetch_add(events, std::memory_order_relaxed); }
  // What the shard sleeps on besides; the shard's alone.
  SharedWakeup& bell(std::uint32_t shard) { return memory_.control().bells[shard].wakeup; }

  // The committer's thread. Never waits: without room the completion is dropped, and the port is broken, for the gateway is not there.
  void Complete(const CompletionHead& head, std::span<const Outcome> outcomes);
  void Flush() { completions_.Flush(); }

  // Any thread.
  void Break(std::string_view why);
  bool broken() const { return broken_.load(std::memory_order_relaxed); }
  // Whether batches are taken; the gateway sees it, too, but nobody relies on that.
  void SetAdmission(Admission admission, absl::Duration retry_after);
  Admission admission() const { return admission_.load(std::memory_order_relaxed); }
  // Whether the gateway has refused anybody as overloaded since the last call. One thread.
  bool TakeRefused();
  Statistics ReadStatistics() const;
  std::uint64_t number() const { return number_; }
  int memory_fd() const { return memory_.fd(); }
  std::uint32_t shard_count() const { return memory_.shard_count(); }

 private:
  // One shard's ring and what it alone knows of it.
  struct Reader {
    explicit Reader(std::span<std::byte> memory) : ring(memory, kGatewayRingSlots, kGatewayRingBytes) {}
    GuardedRing ring;
    std::optional<GatewayRecord> put_back;
    std::uint64_t rings = 0;  // of the bell
    std::atomic<std::uint64_t> records{0};
  };
  GatewayPort(std::uint64_t number, GatewayMemory memory, std::uint64_t key_seed);

  const std::uint64_t number_;
  const std::uint64_t key_seed_;
  const GatewayMemory memory_;
  std::vector<std::unique_ptr<Reader>> readers_;
  CompletionWriter completions_;
  std::uint64_t refused_seen_ = 0;
  std::atomic<Admission> admission_{Admission::kAccepted};
  std::atomic<bool> broken_{false};
  std::atomic<std::uint64_t> events_{0};
  std::atomic<std::uint64_t> dropped_completions_{0};
};

}  // namespace tocsin
