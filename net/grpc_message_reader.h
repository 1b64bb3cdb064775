// Private to net: the messages of one call out of the bytes of its DATA frames ("Length-Prefixed-Message" of gRPC's protocol): a byte that says
// whether it is compressed, four of length, the message.
//
// Bytes stay where they came, in blocks that many calls share, and are copied only where a message would keep much more than it holds: what
// has come of it in one go is little, or lies in very many pieces.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

#include "net/grpc_router.h"
#include "net/grpc_server.h"

namespace tocsin {

class GrpcMessageReader {
 public:
  // `keeps`: the handler may keep messages, so that small ones are laid into memory of their own.
  GrpcMessageReader(std::size_t max_message, bool keeps) : max_message_(max_message), keeps_(keeps) {}

  // Calls `take` with each message that is whole now; stops when it says no. An error ends the call.
  absl::Status Read(std::string_view bytes,
                    const GrpcMessage::Owner& owner,
                    const std::function<bool(const GrpcMessage&)>& take);
  // All bytes that came together have been read: what is left of them is copied, or keeps its block.
  void EndOfBlock();

  bool is_between_messages() const { return head_bytes_ == 0; }
  // What the unfinished message keeps: all of a block of which a piece is its.
  std::size_t kept_bytes() const {
    return partial_ == 0 ? 0 : std::max(partial_, copied_.size() + owners_.size() * GrpcServer::kBlockBytes);
  }

 private:
  absl::Status ReadHead(std::string_view& bytes);
  bool Give(const std::function<bool(const GrpcMessage&)>& take);
  void Add(std::string_view piece, const GrpcMessage::Owner& owner);
  void CopyPieces();

  const std::size_t max_message_;
  const bool keeps_;
  std::array<char, 5> head_{};
  std::size_t head_bytes_ = 0;
  std::size_t length_ = 0;   // of the message, when its head is whole
  std::size_t partial_ = 0;  // of it; that have come
  std::size_t came_ = 0;     // of these; since EndOfBlock
  std::string copied_;       // what came before the pieces
  std::vector<std::string_view> pieces_;
  std::vector<GrpcMessage::Owner> owners_;
};

}  // namespace tocsin
