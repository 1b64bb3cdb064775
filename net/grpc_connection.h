// Private to net: one connection of a GrpcServer as bytes in and bytes out, without socket and clock: HTTP/2 by nghttp2, calls by gRPC's rules
// (PROTOCOL-HTTP2). One thread, its loop's.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "net/grpc_mailbox.h"
#include "net/grpc_message_reader.h"
#include "net/grpc_router.h"
#include "net/grpc_server.h"

struct nghttp2_session;

namespace tocsin {

// What all connections of a server have in common. Outlives them.
struct GrpcShared {
  GrpcServer::Options options;
  GrpcRouter router;
  std::atomic<std::uint64_t> calls{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> malformed{0};
  std::atomic<std::uint64_t> timeouts{0};
  std::atomic<std::uint64_t> partial_bytes{0};
  std::atomic<std::uint64_t> unsent_bytes{0};
};

class GrpcConnection;

// One call.
class GrpcStream {
 public:
  GrpcStream(GrpcConnection& connection, std::int32_t id, const std::shared_ptr<GrpcMailbox>& mailbox)
      : connection_(connection), id_(id), call_(std::make_shared<OpenCall>(mailbox, this)) {}
  ~GrpcStream() { call_->Forget(); }
  GrpcStream(const GrpcStream&) = delete;
  GrpcStream& operator=(const GrpcStream&) = delete;

  GrpcConnection& connection() { return connection_; }

 private:
  friend class GrpcConnection;

  GrpcConnection& connection_;
  const std::int32_t id_;
  const std::shared_ptr<OpenCall> call_;
  // Of the headers, until the handler is there.
  HttpHeaders metadata_;
  std::string path_;
  std::size_t header_bytes_ = 0;
  bool is_post_ = false;

  std::unique_ptr<GrpcHandler> handler_;
  std::optional<GrpcMessageReader> reader_;
  std::size_t counted_partial_ = 0;  // in GrpcShared::partial_bytes
  std::uint64_t came_ = 0;           // bytes of its messages, since the beginning
  std::uint64_t noted_ = 0;          // of these; as of when it last went on by as much as is to be expected
  std::uint32_t slow_ticks_ = 0;     // since then, with a message that is not whole

  bool has_begun_ = false;    // to answer
  bool is_finished_ = false;  // what it ends with is known
  bool is_deferred_ = false;  // nghttp2 has asked for bytes and got none
  std::string out_;
  std::size_t sent_ = 0;  // of `out_`
  absl::Status status_;
};

class GrpcConnection {
 public:
  struct Peer {
    std::string address;
    std::uint16_t port = 0;
    std::function<void()> vouch;
    std::function<bool()> is_revoked;  // its certificate, by now
  };
  // `has_output` is called when there is something to send and was nothing.
  GrpcConnection(GrpcShared& shared, std::shared_ptr<GrpcMailbox> mailbox, Peer peer, std::function<void()> has_output);
  ~GrpcConnection();
  GrpcConnection(const GrpcConnection&) = delete;
  GrpcConnection& operator=(const GrpcConnection&) = delete;

  // Bytes that `owner` holds. False: whoever sent them breaks the rules, and the connection is over.
  bool Receive(std::string_view bytes, const GrpcMessage::Owner& owner);
  // An answer to one of its calls.
  void Deliver(GrpcStream& stream, GrpcMailbox::Letter& letter);
  // Appends what is to be sent, up to about `most` bytes. False: the connection is over.
  bool Send(std::string& out, std::size_t most);
  // No new calls, and those that go on for days are asked to end.
  void GoAway();
  void Ping();
  // Once a second.
  void Tick();

  // The client has said its settings, and knows ours.
  bool has_greeted() const { return has_settings_ && has_acknowledged_; }
  bool has_calls() const { return !streams_.empty(); }
  std::size_t unsent_bytes() const { return unsent_; }
  std::uint64_t sent_bytes() const { return sent_; }
  // Nothing is to be read or sent any more.
  bool is_over() const;

 private:
  struct Callbacks;

  GrpcStream* Find(std::int32_t id);
  void TakeHeader(GrpcStream& stream, std::string_view name, std::string_view value);
  void BeginCall(GrpcStream& stream);
  absl::Status OpenCallOf(GrpcStream& stream);
  void TakeData(GrpcStream& stream, std::string_view bytes);
  void HalfClose(GrpcStream& stream);
  void Count(GrpcStream& stream);
  void Write(GrpcStream& stream, std::string_view message);
  void Finish(GrpcStream& stream, absl::Status status);
  void BeginAnswer(GrpcStream& stream);
  void RefuseAsHttp(GrpcStream& stream);
  std::ptrdiff_t FillFrame(GrpcStream& stream, std::uint8_t* to, std::size_t room, std::uint32_t& flags);
  void SubmitTrailers(GrpcStream& stream);
  void Close(std::int32_t id);
  void NoteIdleFrame();
  void NoteWork() { idle_frames_ -= std::min(idle_frames_, 2U); }
  bool HasRoomFor(const GrpcStream& stream) const;
  bool MayLeaveUnsent(std::size_t before, std::uint64_t all_before) const;
  void HasOutput();

  GrpcShared& shared_;
  const std::shared_ptr<GrpcMailbox> mailbox_;
  const Peer peer_;
  const std::function<void()> vouch_;
  const std::function<void()> has_output_;
  nghttp2_session* session_ = nullptr;
  std::unordered_map<std::int32_t, std::unique_ptr<GrpcStream>> streams_;
  std::vector<std::int32_t> unfinished_;       // have got a part of a message from the bytes that are being read
  const GrpcMessage::Owner* owner_ = nullptr;  // of these
  std::size_t partial_ = 0;                    // of GrpcShared::partial_bytes
  std::size_t block_bytes_ = 0;                // of the headers that are being read, as they are unpacked
  std::size_t unsent_ = 0;
  std::uint64_t sent_ = 0;
  std::uint32_t idle_frames_ = 0;
  bool is_calmed_ = false;  // told that it says too much that means nothing
  bool is_vouched_ = false;
  bool has_settings_ = false;      // of the client
  bool has_acknowledged_ = false;  // ours
  bool is_cut_off_ = false;
};

}  // namespace tocsin
