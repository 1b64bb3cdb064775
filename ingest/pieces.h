// Private to ingest: the bytes of a gRPC message.
#pragma once

#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

namespace tocsin {

// A message as the pieces in which it came.
class Pieces {
 public:
  // Good until the next call, or as long as what Give has given. Empty when the buffer has no bytes to give.
  std::span<const std::string_view> Of(const grpc::ByteBuffer& buffer) {
    views_.clear();
    slices_.clear();
    if (!buffer.Dump(&slices_).ok()) return {};
    for (const grpc::Slice& slice : slices_)
      views_.emplace_back(reinterpret_cast<const char*>(slice.begin()), slice.size());
    return views_;
  }
  // What keeps the bytes where they are. (Not the buffer: small slices lie in the vector itself.)
  std::vector<grpc::Slice> Give() { return std::move(slices_); }

 private:
  std::vector<grpc::Slice> slices_;
  std::vector<std::string_view> views_;
};

}  // namespace tocsin
