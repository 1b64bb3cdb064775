#include "server/supervisor.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/message.h"

namespace tocsin {
namespace {

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

Supervisor::Supervisor(std::string socket) : socket_(std::move(socket)) {
  if (!socket_.empty()) descriptor_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

Supervisor::Supervisor(Supervisor&& other) noexcept
    : socket_(other.socket_), descriptor_(std::exchange(other.descriptor_, -1)), status_(std::move(other.status_)) {}

Supervisor::~Supervisor() {
  if (descriptor_ >= 0) close(descriptor_);
}

Supervisor Supervisor::OfProcess() {
  return Supervisor(Environment("NOTIFY_SOCKET"));
}

absl::Duration Supervisor::WatchdogOfProcess() {
  const std::string pid = Environment("WATCHDOG_PID");
  if (!pid.empty() && pid != std::to_string(getpid())) return absl::ZeroDuration();
  const std::string text = Environment("WATCHDOG_USEC");
  std::int64_t microseconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), microseconds);
  return absl::Microseconds(std::max<std::int64_t>(0, microseconds));
}

bool Supervisor::Tell(std::string_view what) const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (descriptor_ < 0 || socket_.size() < 2 || socket_.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (socket_.front() == '@') address.sun_path[0] = '\0';  // an abstract name is as long as it is, without an end
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  const ssize_t sent = sendto(descriptor_, what.data(), what.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                              reinterpret_cast<const sockaddr*>(&address), size);
  return sent == static_cast<ssize_t>(what.size());
}

void Supervisor::TellStatus(std::string_view status) {
  if (status == status_) return;
  if (Tell(absl::StrCat("STATUS=", OneLine(status, 300)))) status_ = status;
}

}  // namespace tocsin
