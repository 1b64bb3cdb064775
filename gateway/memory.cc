#include "gateway/memory.h"

#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ring.h"
#include "base/status.h"

namespace tocsin {
namespace {

constexpr std::size_t kPage = 4096;

std::size_t WholePages(std::size_t bytes) {
  return (bytes + kPage - 1) & ~(kPage - 1);
}

std::size_t RingBytes() {
  return WholePages(RingLayout::BytesNeeded(kGatewayRingSlots, kGatewayRingBytes));
}

constexpr std::size_t kControlBytes = (sizeof(GatewayControl) + kPage - 1) & ~(kPage - 1);
constexpr std::size_t kBlocksAt = kControlBytes + kGatewayCompletionBytes;
constexpr std::size_t kRingsAt = kBlocksAt + kGatewayBlocks * kGatewayBlockBytes;

absl::Status Failed(const char* what) {
  return Unavailable("memory to share with a gateway: %s: %s", what, std::strerror(errno));
}

absl::StatusOr<std::span<std::byte>> MapShared(int fd, std::size_t bytes) {
  void* const at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) return Failed("mmap");
  return std::span(static_cast<std::byte*>(at), bytes);
}

}  // namespace

std::size_t GatewayMemory::BytesNeeded(std::uint32_t shard_count) {
  return kRingsAt + shard_count * RingBytes();
}

absl::StatusOr<GatewayMemory> GatewayMemory::Make(std::uint32_t shard_count, std::uint64_t key_seed) {
  TOCSIN_CHECK(shard_count >= 1 && shard_count <= kMostShards, "a bell for each shard");
  const int fd = memfd_create("tocsin-gateway", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return Failed("memfd_create");
  GatewayMemory memory(fd, {}, shard_count);  // closes it
  const std::size_t bytes = BytesNeeded(shard_count);
  if (ftruncate(fd, static_cast<off_t>(bytes)) != 0) return Failed("ftruncate");
  if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) return Failed("seal");
  TOCSIN_ASSIGN(memory.bytes_, MapShared(fd, bytes));
  auto* const control = new (memory.bytes_.data()) GatewayControl{};
  control->shard_count = shard_count;
  control->key_seed = key_seed;
  return memory;
}

absl::StatusOr<GatewayMemory> GatewayMemory::Map(int fd) {
  GatewayMemory memory(fd, {}, 0);
  struct stat status {};
  if (fstat(fd, &status) != 0) return Failed("fstat");
  const auto bytes = static_cast<std::size_t>(status.st_size);
  if (bytes < kControlBytes) return Invalid("the engine's memory has %d bytes", bytes);
  TOCSIN_ASSIGN(memory.bytes_, MapShared(fd, bytes));
  const GatewayControl& control = memory.control();
  memory.shard_count_ = control.shard_count;
  if (control.magic != kGatewayMagic || control.shard_count < 1 || control.shard_count > kMostShards ||
      bytes != BytesNeeded(control.shard_count)) {
    return Invalid("the engine's memory is laid out otherwise: is it of another version?");
  }
  return memory;
}

GatewayMemory::GatewayMemory(GatewayMemory&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), bytes_(std::exchange(other.bytes_, {})), shard_count_(other.shard_count_) {}

GatewayMemory::~GatewayMemory() {
  if (!bytes_.empty()) munmap(bytes_.data(), bytes_.size());
  if (fd_ >= 0) close(fd_);
}

GatewayControl& GatewayMemory::control() const {
  return *std::launder(static_cast<GatewayControl*>(static_cast<void*>(bytes_.data())));
}

std::span<std::byte> GatewayMemory::completions() const {
  return bytes_.subspan(kControlBytes, kGatewayCompletionBytes);
}

std::span<std::byte> GatewayMemory::blocks() const {
  return bytes_.subspan(kBlocksAt, kGatewayBlocks * kGatewayBlockBytes);
}

std::span<std::byte> GatewayMemory::ring(std::uint32_t shard) const {
  return bytes_.subspan(kRingsAt + shard * RingBytes(), RingBytes());
}

}  // namespace tocsin
