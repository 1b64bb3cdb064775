// The gateway's side of the blocks in the memory that the engine shares with it (gateway/memory.h). It reads its sockets into them, so that
// what a stream says again goes to the engine as a place in them and is copied by nobody.
//
// A block is its owners' until the last of them lets go, on whichever thread; only then is it handed out again. Whoever waits for a receipt
// is an owner: so what the engine was told of lies still until it has answered. The memory stays mapped until the last block is let go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "gateway/memory.h"

namespace tocsin {

class GatewayBlocks {
 public:
  explicit GatewayBlocks(std::shared_ptr<const GatewayMemory> memory);

  // Any thread. A block of kGatewayBlockBytes; null: all are in use, or it is closed.
  std::shared_ptr<char> Take();
  // Any thread. Gives no more: after it owners let go without an answer, while the engine may still be reading.
  void Close();

 private:
  struct Shared {
    std::shared_ptr<const GatewayMemory> memory;
    Mutex mutex;
    std::vector<std::uint32_t> free ABSL_GUARDED_BY(mutex);  // the last first: it is in the cache, and has its pages
    bool is_closed ABSL_GUARDED_BY(mutex) = false;
  };
  const std::shared_ptr<Shared> shared_;
};

}  // namespace tocsin
