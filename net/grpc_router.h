// What answers calls of a GrpcServer: handlers by path, and what a handler and a server say to one another. No nghttp2 and no gRPC in here.
//
// A call begins when its headers are there: its factory looks at them and makes a handler, or refuses the call, which has cost no memory
// then. The handler is called with each message, on the I/O thread of its connection, must not block there, and answers through its
// GrpcCall, at once or later, from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "base/strings.h"
#include "net/http.h"

namespace tocsin {

// A call's headers. Good while its factory runs.
struct GrpcHead {
  std::string_view path;  // "/tocsin.v1.GroupService/ListGroups"
  const HttpHeaders&
      metadata;  // names in small letters, in the order in which they came; those of HTTP/2 itself (":path") left out
  std::string_view peer;  // the address of whoever connected to us, without port: "192.0.2.1", "::1"
  std::uint16_t peer_port = 0;
  // Tells the server that whoever calls has shown a key that opens something: its connection counts as somebody's from now on. Costs nothing the
  // second time.
  const std::function<void()>& vouch;

  // The first of that name; "" when absent.
  std::string_view value(std::string_view name) const { return FindHeader(metadata, name); }
  std::vector<std::string_view> values(std::string_view name) const;
};

// One message, as the pieces in which it came. Good while OnMessage runs, its bytes as long as what Keep has given.
class GrpcMessage {
 public:
  // What bytes lie in.
  using Owner = std::shared_ptr<const void>;

  GrpcMessage(std::span<const std::string_view> pieces, std::span<const Owner> owners)
      : pieces_(pieces), owners_(owners) {}

  std::span<const std::string_view> pieces() const { return pieces_; }
  std::size_t size() const;
  std::string Copy() const;
  std::vector<Owner> Keep() const { return {owners_.begin(), owners_.end()}; }

 private:
  std::span<const std::string_view> pieces_;
  std::span<const Owner> owners_;
};

// Where a handler's answers go. Any thread; in the order in which they were given. What comes after Finish, or after the call is over (its client
// or the server has gone), is dropped.
class GrpcCall {
 public:
  virtual ~GrpcCall() = default;
  virtual void Write(std::string message) = 0;
  // What was written goes before it. Codes are those of gRPC; a message is percent-encoded.
  virtual void Finish(absl::Status status) = 0;
  // Both: the answer of a unary call.
  virtual void Answer(absl::StatusOr<std::string> message) = 0;
};

// A call's handler, on its connection's I/O thread, one call at a time. Destroyed there when the call is over for whatever reason: whoever
// answers later holds the GrpcCall, not the handler.
class GrpcHandler {
 public:
  virtual ~GrpcHandler() = default;
  // One after the other. Some may still come after Finish was called, until the I/O thread has heard of it.
  virtual void OnMessage(const GrpcMessage& message) = 0;
  // The client will send no more. Nothing follows.
  virtual void OnHalfClose() = 0;
  // The server stops, and waits for the end of this call, though not for long: calls that go on for days end here.
  virtual void OnDrain() {}
};

struct GrpcMethod {
  using Begin =
      std::function<absl::StatusOr<std::unique_ptr<GrpcHandler>>(const GrpcHead& head, std::shared_ptr<GrpcCall> call)>;
  Begin begin;                  // an error refuses the call: it is its status
  std::size_t max_message = 0;  // bytes; a longer one ends its call with RESOURCE_EXHAUSTED before it is kept
  bool keeps = false;           // handlers may hold on to messages (Keep), so small ones lie in memory of their own
};

// Built once, then handed to the server and never changed: no locks.
class GrpcRouter {
 public:
  void Add(std::string path, GrpcMethod method);
  // A call with one message each way. `begin` looks at the headers and gives what is to happen with the message; whatever is no such call (none,
  // or two messages) is refused.
  using Unary = std::function<void(const GrpcMessage& message, std::shared_ptr<GrpcCall> call)>;
  void AddUnary(std::string path,
                std::size_t max_message,
                std::function<absl::StatusOr<Unary>(const GrpcHead& head)> begin);
  // The message of UNIMPLEMENTED for a path that nobody has added; absent: "no method <path>".
  void set_unknown(std::function<std::string(std::string_view path)> unknown) { unknown_ = std::move(unknown); }

  // Null: there is none.
  const GrpcMethod* Find(std::string_view path) const;
  std::string Unknown(std::string_view path) const;
  // All, sorted: "/tocsin.v1.GroupService/ListGroups".
  std::vector<std::string> Paths() const;

 private:
  std::unordered_map<std::string, GrpcMethod, StringHash, std::equal_to<>> methods_;
  std::function<std::string(std::string_view path)> unknown_;
};

}  // namespace tocsin
