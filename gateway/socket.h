// The Unix socket between engine and gateway: who may use it, and messages on it.
//
//   message   uint32 kind, uint32 bytes, then so many bytes; a file descriptor may come with its first byte
//
// Both ends are the same program on the same machine, and one user's: the kernel says whose the peer is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include <sys/socket.h>

namespace tocsin {

enum class GatewayMessageKind : std::uint32_t {
  kHello = 1,    // gateway: the version of its program
  kWelcome = 2,  // engine: the memory's descriptor; the socket of its HTTP server
  kRefused = 3,  // engine: why not, in words
  kRules = 4,    // engine: gateway/rules.h
};
struct GatewayMessage {
  GatewayMessageKind kind = GatewayMessageKind::kHello;
  std::string body;
};

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd = -1) : fd_(fd) {}
  ~FileDescriptor();
  FileDescriptor(FileDescriptor&& other) noexcept;
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  int get() const { return fd_; }
  int Release();

 private:
  int fd_;
};

// Listens at `path`, which nobody but this user may open. A socket that nobody listens at any more is replaced.
absl::StatusOr<FileDescriptor> ListenLocally(const std::string& path);
absl::StatusOr<FileDescriptor> ConnectLocally(const std::string& path);
// Whether who is at the other end runs as this user.
bool IsSameUser(int socket);

// One end of a connection that never waits: what cannot be sent now is kept, what has not come whole is waited for.
class GatewayConnection {
 public:
  GatewayConnection(FileDescriptor socket, std::size_t most_received);

  // Queues a message; `fd` goes along with it and stays the caller's.
  void Send(GatewayMessageKind kind, std::string_view body, int fd = -1);
  // Sends what it can and reads what is there. An error: the connection is over.
  absl::Status Move();
  // The next message that has come whole.
  std::optional<GatewayMessage> Take();
  // The descriptor that came last; the caller's from now on. -1: none.
  int TakeDescriptor() { return received_.Release(); }

  int socket() const { return socket_.get(); }
  bool wants_to_send() const { return !out_.empty(); }

 private:
  absl::Status SendSome();
  absl::Status ReadSome();
  void KeepLastDescriptor(msghdr& message);

  const FileDescriptor socket_;
  const std::size_t most_received_;
  std::string out_;
  int out_fd_ = -1;  // goes with the first byte of out_
  std::string in_;
  FileDescriptor received_;
};

}  // namespace tocsin
