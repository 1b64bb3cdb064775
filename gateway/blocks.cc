#include "gateway/blocks.h"

#include <span>
#include <utility>

namespace tocsin {

GatewayBlocks::GatewayBlocks(std::shared_ptr<const GatewayMemory> memory) : shared_(std::make_shared<Shared>()) {
  shared_->memory = std::move(memory);
  const MutexLock lock(shared_->mutex);
  for (std::uint32_t i = kGatewayBlocks; i > 0; --i)
    shared_->free.push_back(i - 1);
}

std::shared_ptr<char> GatewayBlocks::Take() {
  std::uint32_t number = 0;
  {
    const MutexLock lock(shared_->mutex);
    if (shared_->is_closed || shared_->free.empty()) return nullptr;
    number = shared_->free.back();
    shared_->free.pop_back();
  }
  const std::span<std::byte> block = shared_->memory->blocks().subspan(number * kGatewayBlockBytes, kGatewayBlockBytes);
  return {reinterpret_cast<char*>(block.data()), [shared = shared_, number](char*) {
            const MutexLock lock(shared->mutex);
            shared->free.push_back(number);
          }};
}

void GatewayBlocks::Close() {
  const MutexLock lock(shared_->mutex);
  shared_->is_closed = true;
}

}  // namespace tocsin
