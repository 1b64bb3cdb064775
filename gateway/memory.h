// The memory that the engine shares with one gateway: a memfd that the engine makes and seals in size, so that nobody can take a
// page from under it, and hands over by the gateway's socket.
//
//   | control | completions | blocks | ring of shard 0 | ring of shard 1 | ...
//
// Events go down the rings (base/ring.h, gateway/record.h), what became of them comes back as completions (gateway/completions.h). The blocks
// are what the gateway reads its sockets into (gateway/blocks.h): an event may say that its text lies there.
// The engine believes nothing that it reads here: what it has written it remembers. The gateway believes the engine.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/statusor.h"

#include "base/limits.h"
#include "base/wakeup.h"

namespace tocsin {

inline constexpr std::size_t kGatewayRingBytes = 32 * 1024 * 1024;  // pages come as they are used
inline constexpr std::size_t kGatewayRingSlots = limits::kShardRingSlots;
inline constexpr std::size_t kGatewayCompletionBytes = 4 * 1024 * 1024;
inline constexpr std::size_t kGatewayBlockBytes = 256 * 1024;
inline constexpr std::size_t kGatewayBlocks = 256;  // pages come as they are used here, too
inline constexpr std::uint32_t kMostShards = 64;    // --shards

// All zero at first.
struct GatewayControl {
  // The engine's, before the memory is handed over.
  std::uint64_t magic;
  std::uint32_t shard_count;
  std::uint32_t unused;
  std::uint64_t key_seed;
  // The engine's word: whether batches are taken now (an Admission), and what to tell senders when not.
  alignas(64) std::atomic<std::uint32_t> admission;
  std::atomic<std::uint32_t> retry_after_ms;
  // Completions: bytes that the engine has written, bytes that the gateway has read.
  alignas(64) std::atomic<std::uint64_t> completions_written;
  alignas(64) std::atomic<std::uint64_t> completions_read;
  alignas(64) SharedWakeup completions_bell;
  // The gateway's: batches that it refused as overloaded.
  alignas(64) std::atomic<std::uint64_t> refused_batches;
  struct alignas(64) Bell {
    SharedWakeup wakeup;
  };
  Bell bells[kMostShards];  // rung when a record is published
};

class GatewayMemory {
 public:
  // The engine's: a fresh one, for so many shards; `control` but for magic, which says that the rest is there.
  static absl::StatusOr<GatewayMemory> Make(std::uint32_t shard_count, std::uint64_t key_seed);
  // The gateway's: what the engine has made. Closes `fd`, whatever comes of it.
  static absl::StatusOr<GatewayMemory> Map(int fd);
  ~GatewayMemory();
  GatewayMemory(GatewayMemory&& other) noexcept;
  GatewayMemory& operator=(GatewayMemory&&) = delete;

  int fd() const { return fd_; }
  GatewayControl& control() const;
  std::span<std::byte> completions() const;
  std::span<std::byte> blocks() const;
  std::span<std::byte> ring(std::uint32_t shard) const;
  std::uint32_t shard_count() const { return shard_count_; }

 private:
  GatewayMemory(int fd, std::span<std::byte> bytes, std::uint32_t shard_count)
      : fd_(fd), bytes_(bytes), shard_count_(shard_count) {}
  static std::size_t BytesNeeded(std::uint32_t shard_count);

  int fd_ = -1;
  std::span<std::byte> bytes_;
  std::uint32_t shard_count_ = 0;
};

inline constexpr std::uint64_t kGatewayMagic = 0x3377'7467'7354'6f35;  // names the layout; change it with the layout

}  // namespace tocsin
