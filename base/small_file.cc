#include "base/small_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/status.h"

namespace tocsin {
namespace {

constexpr std::size_t kPiece = 4096;

std::string Said(int error) {
  return std::error_code(error, std::generic_category()).message();
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  const int number_;
};

}  // namespace

absl::StatusOr<std::string> ReadSmallFile(const std::string& path, std::size_t limit) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (file.number() < 0) {
    const int error = errno;
    if (error == ENOENT) return NotFound("%s cannot be read: %s", path, Said(error));
    return Precondition("%s cannot be read: %s", path, Said(error));
  }
  struct stat info {};
  if (fstat(file.number(), &info) != 0) return Precondition("%s cannot be read: %s", path, Said(errno));
  if (S_ISDIR(info.st_mode)) return Precondition("%s cannot be read: a folder stands there, not a file", path);
  if (!S_ISREG(info.st_mode))
    return Precondition("%s cannot be read: a pipe or a device stands there, not a file", path);
  // What it says of its size is where to begin: a secret should not be left behind in smaller strings.
  std::string text;
  text.reserve(std::min(limit + 1, static_cast<std::size_t>(info.st_size) + kPiece));
  while (text.size() <= limit) {
    const std::size_t before = text.size();
    text.resize(std::min(limit + 1, before + kPiece));
    const ssize_t got = read(file.number(), text.data() + before, text.size() - before);
    const int error = errno;
    text.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return text;
    if (got < 0 && error != EINTR) return Precondition("%s cannot be read: %s", path, Said(error));
  }
  return Invalid("%s has more than %d bytes", path, limit);
}

}  // namespace tocsin
