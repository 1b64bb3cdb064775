#include "gateway/socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/status.h"

namespace tocsin {
namespace {

constexpr int kBacklog = 16;

struct Head {
  std::uint32_t kind = 0;
  std::uint32_t bytes = 0;
};

absl::Status Failed(const char* what, const std::string& path) {
  return Unavailable("%s %s: %s", what, path, std::strerror(errno));
}

absl::StatusOr<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return Invalid("socket %s: a path has at most %d characters", path, sizeof address.sun_path - 1);
  }
  std::copy(path.begin(), path.end(), address.sun_path);
  return address;
}

absl::StatusOr<FileDescriptor> NewSocket() {
  FileDescriptor made(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (made.get() < 0) return Failed("make a socket for", "gateways");
  return made;
}

}  // namespace

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) close(fd_);
}
FileDescriptor::FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.Release()) {}
FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
int FileDescriptor::Release() {
  return std::exchange(fd_, -1);
}

absl::StatusOr<FileDescriptor> ListenLocally(const std::string& path) {
  TOCSIN_ASSIGN(const sockaddr_un address, AddressOf(path));
  if (ConnectLocally(path).ok()) return Precondition("socket %s: another server listens there", path);
  struct stat found {};
  if (lstat(path.c_str(), &found) == 0) {
    if (!S_ISSOCK(found.st_mode)) return Precondition("socket %s: there is a file that is none", path);
    if (unlink(path.c_str()) != 0) return Failed("remove the old socket", path);
  }
  TOCSIN_ASSIGN(FileDescriptor listener, NewSocket());
  const auto* at = static_cast<const sockaddr*>(static_cast<const void*>(&address));
  if (bind(listener.get(), at, sizeof address) != 0) return Failed("bind the socket", path);
  // Nobody can connect before listen; and whoever it is, the kernel is asked for his name.
  if (chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0) return Failed("chmod 0600", path);
  if (listen(listener.get(), kBacklog) != 0) return Failed("listen at", path);
  return listener;
}

absl::StatusOr<FileDescriptor> ConnectLocally(const std::string& path) {
  TOCSIN_ASSIGN(const sockaddr_un address, AddressOf(path));
  TOCSIN_ASSIGN(FileDescriptor made, NewSocket());
  const auto* at = static_cast<const sockaddr*>(static_cast<const void*>(&address));
  if (connect(made.get(), at, sizeof address) != 0) return Failed("connect to", path);
  return made;
}

bool IsSameUser(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
}

GatewayConnection::GatewayConnection(FileDescriptor socket, std::size_t most_received)
    : socket_(std::move(socket)), most_received_(most_received) {}

void GatewayConnection::Send(GatewayMessageKind kind, std::string_view body, int fd) {
  const Head head{static_cast<std::uint32_t>(kind), static_cast<std::uint32_t>(body.size())};
  if (fd >= 0) {
    TOCSIN_CHECK(out_.empty(), "a descriptor goes with a first message");
    out_fd_ = fd;
  }
  out_.append(reinterpret_cast<const char*>(&head), sizeof head).append(body);
}

absl::Status GatewayConnection::Move() {
  TOCSIN_TRY(SendSome());
  return ReadSome();
}

absl::Status GatewayConnection::SendSome() {
  while (!out_.empty()) {
    iovec piece{.iov_base = out_.data(), .iov_len = out_.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    if (out_fd_ >= 0) {
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      cmsghdr* const part = CMSG_FIRSTHDR(&message);
      part->cmsg_level = SOL_SOCKET;
      part->cmsg_type = SCM_RIGHTS;
      part->cmsg_len = CMSG_LEN(sizeof(int));
      std::memcpy(CMSG_DATA(part), &out_fd_, sizeof(int));
    }
    const ssize_t sent = sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return absl::OkStatus();
    if (sent < 0) return Failed("send to", "the other end");
    out_fd_ = -1;
    out_.erase(0, static_cast<std::size_t>(sent));
  }
  return absl::OkStatus();
}

absl::Status GatewayConnection::ReadSome() {
  std::array<char, 16 * 1024> buffer;
  for (;;) {
    iovec piece{.iov_base = buffer.data(), .iov_len = buffer.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t read = recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (read < 0 && (errno == EAGAIN || errno == EINTR)) return absl::OkStatus();
    if (read < 0) return Failed("read from", "the other end");
    KeepLastDescriptor(message);
    if (read == 0) return Unavailable("the other end has gone");
    in_.append(buffer.data(), static_cast<std::size_t>(read));
    if (in_.size() > most_received_ + sizeof(Head)) return Exhausted("the other end says too much");
  }
}

// However many come, and there is room for more than one: all are ours to close.
void GatewayConnection::KeepLastDescriptor(msghdr& message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    for (std::size_t at = CMSG_LEN(0); at + sizeof(int) <= part->cmsg_len; at += sizeof(int)) {
      int fd = -1;
      std::memcpy(&fd, reinterpret_cast<const char*>(part) + at, sizeof fd);
      received_ = FileDescriptor(fd);
    }
  }
}

std::optional<GatewayMessage> GatewayConnection::Take() {
  Head head;
  if (in_.size() < sizeof head) return std::nullopt;
  std::memcpy(&head, in_.data(), sizeof head);
  if (in_.size() - sizeof head < head.bytes) return std::nullopt;
  GatewayMessage message{static_cast<GatewayMessageKind>(head.kind), in_.substr(sizeof head, head.bytes)};
  in_.erase(0, sizeof head + head.bytes);
  return message;
}

}  // namespace tocsin
