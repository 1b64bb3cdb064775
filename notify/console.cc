#include "notify/console.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tocsin::notify {

Console::Console(int fd) : fd_(fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0) return;
  socket_ = S_ISSOCK(status.st_mode);
  if (!S_ISFIFO(status.st_mode) && !S_ISCHR(status.st_mode)) return;
  const std::string path = absl::StrCat("/proc/self/fd/", fd);
  const int own = open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (own < 0) return;
  fd_ = own;
  owned_ = true;
}

Console::~Console() {
  if (owned_) close(fd_);
}

void Console::Print(std::uint64_t id, std::string text) {
  waiting_.push_back({id, std::move(text)});
}

bool Console::Cancel(std::uint64_t id) {
  const auto found = std::ranges::find(waiting_, id, &Text::id);
  if (found == waiting_.end()) return false;
  const bool begun = found->written > 0;
  waiting_.erase(found);
  return begun;
}

long Console::Write(const char* bytes, std::size_t size) const {
  return socket_ ? send(fd_, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL) : write(fd_, bytes, size);
}

std::optional<Console::Printed> Console::Pump() {
  while (!waiting_.empty()) {
    Text& first = waiting_.front();
    const long written = Write(first.text.data() + first.written, first.text.size() - first.written);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) return std::nullopt;
    if (written > 0) first.written += static_cast<std::size_t>(written);
    if (written > 0 && first.written < first.text.size()) continue;
    const Printed printed{first.id, written < 0};
    waiting_.pop_front();
    return printed;
  }
  return std::nullopt;
}

}  // namespace tocsin::notify
