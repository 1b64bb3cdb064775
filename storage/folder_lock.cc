#include "storage/folder_lock.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/status.h"
#include "base/strings.h"

namespace tocsin {

absl::StatusOr<FolderLock> FolderLock::Take(const std::string& folder) {
  const std::string path = folder + "/LOCK";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const auto said = [] { return std::error_code(errno, std::generic_category()).message(); };
  if (fd < 0 && (errno == EROFS || errno == EACCES)) return absl::PermissionDeniedError(path + ": " + said());
  if (fd < 0) return Unavailable("%s: %s", path, said());
  FolderLock lock(fd);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return Unavailable("%s: %s", path, said());
    char holder[32] = {};
    const ssize_t got = pread(fd, holder, sizeof holder - 1, 0);
    const std::string_view text = Trim(std::string_view(holder, got > 0 ? static_cast<std::size_t>(got) : 0));
    return Precondition("%s: in use by another tocsin (process %s)", folder, text.empty() ? "unknown" : text);
  }
  // For people and for the message above; the lock does not depend on it.
  const std::string holder = absl::StrFormat("%d\n", getpid());
  if (ftruncate(fd, 0) != 0 || pwrite(fd, holder.data(), holder.size(), 0) < 0) return lock;
  return lock;
}

FolderLock::FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
FolderLock& FolderLock::operator=(FolderLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
FolderLock::~FolderLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace tocsin
