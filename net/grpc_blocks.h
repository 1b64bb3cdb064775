// Private to net: memory that bytes are read into, shared by the connections of an I/O thread and by whoever still reads what came.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "net/grpc_router.h"
#include "net/grpc_server.h"

namespace tocsin {

class GrpcBlocks {
 public:
  explicit GrpcBlocks(GrpcServer::Blocks source) : source_(std::move(source)), pool_(std::make_shared<Pool>()) {}

  // Where to read the next bytes to; at least 16 KiB. Good until the next call.
  std::span<char> Room();
  // The first `bytes` of it have been read into.
  void Use(std::size_t bytes) { used_ += bytes; }
  // Of what Room gave last.
  const GrpcMessage::Owner& owner() const { return owner_; }

 private:
  // Of our own. They come from the system and go back to it: malloc would keep what a flood has taken.
  struct Unmap {
    void operator()(char* block) const;
  };
  // Those that nobody reads any more, the last one first: it is in the cache.
  struct Pool {
    Mutex mutex;
    std::vector<std::unique_ptr<char, Unmap>> free ABSL_GUARDED_BY(mutex);
  };

  void Renew();
  void TakeOwn();

  const GrpcServer::Blocks source_;
  const std::shared_ptr<Pool> pool_;
  char* block_ = nullptr;
  std::size_t used_ = 0;
  GrpcMessage::Owner owner_;
};

}  // namespace tocsin
