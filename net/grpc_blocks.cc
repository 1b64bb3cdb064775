#include "net/grpc_blocks.h"

#include <atomic>
#include <utility>

#include <sys/mman.h>

#include "base/status.h"

namespace tocsin {
namespace {

constexpr std::size_t kBlock = GrpcServer::kBlockBytes;
constexpr std::size_t kLeast = 16 * 1024;
constexpr std::size_t kMost = 64 * 1024;  // in one go
constexpr std::size_t kKept = 32;         // free blocks; what is beyond them goes back to the system

}  // namespace

void GrpcBlocks::Unmap::operator()(char* block) const {
  munmap(block, kBlock);
}

std::span<char> GrpcBlocks::Room() {
  // Who gave a block decides what becomes of it when nobody reads it any more; of our own we know.
  const bool is_ours_alone = owner_.use_count() == 1 && used_ > 0;
  std::atomic_thread_fence(std::memory_order_acquire);  // whoever read there last has read, before it is written over
  if (is_ours_alone && source_ == nullptr) {
    used_ = 0;
  } else if (is_ours_alone || owner_ == nullptr || kBlock - used_ < kLeast) {
    Renew();
  }
  return {block_ + used_, std::min(kMost, kBlock - used_)};
}

void GrpcBlocks::Renew() {
  owner_ = nullptr;  // so that it may be what is given next
  used_ = 0;
  if (std::shared_ptr<char> given = source_ != nullptr ? source_() : nullptr) {
    block_ = given.get();
    owner_ = std::move(given);
  } else {
    TakeOwn();
  }
}

void GrpcBlocks::TakeOwn() {
  std::unique_ptr<char, Unmap> next;
  {
    const MutexLock lock(pool_->mutex);
    if (!pool_->free.empty()) {
      next = std::move(pool_->free.back());
      pool_->free.pop_back();
    }
  }
  if (!next) {
    void* const memory = mmap(nullptr, kBlock, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TOCSIN_CHECK(memory != MAP_FAILED, "no memory for what comes by gRPC");
    next.reset(static_cast<char*>(memory));
  }
  block_ = next.get();
  owner_ = std::shared_ptr<const void>(next.release(), [pool = pool_](const void* memory) {
    std::unique_ptr<char, Unmap> block(static_cast<char*>(const_cast<void*>(memory)));
    const MutexLock lock(pool->mutex);
    if (pool->free.size() < kKept) pool->free.push_back(std::move(block));
  });
}

}  // namespace tocsin
