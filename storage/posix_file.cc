// The real file system. Every error names the path and what the kernel said.
#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/status.h"
#include "base/strings.h"
#include "storage/file.h"

namespace tocsin {
namespace {

absl::StatusCode CodeOf(int error) {
  switch (error) {
    case ENOENT: return absl::StatusCode::kNotFound;
    case EEXIST: return absl::StatusCode::kAlreadyExists;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return absl::StatusCode::kResourceExhausted;
    case EROFS:
    case EACCES:
    case EPERM: return absl::StatusCode::kPermissionDenied;
    default: return absl::StatusCode::kUnavailable;
  }
}

absl::Status ErrnoStatus(std::string_view what, const std::string& path, int error) {
  const std::string text = std::error_code(error, std::generic_category()).message();
  return absl::Status(CodeOf(error), absl::StrFormat("%s: %s: %s", path, what, text));
}

// Calls `call` again for as long as a signal interrupts it.
template <typename Call>
auto Retry(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR)
    result = call();
  return result;
}

class PosixFile final : public File {
 public:
  PosixFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~PosixFile() override { close(fd_); }
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  absl::Status WriteAt(std::uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written =
          Retry([&] { return pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
      if (written < 0) return ErrnoStatus("write", path_, errno);
      bytes.remove_prefix(static_cast<std::size_t>(written));
      offset += static_cast<std::uint64_t>(written);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> ReadAt(std::uint64_t offset, std::size_t size) const override {
    std::string out(size, '\0');
    std::size_t filled = 0;
    while (filled < size) {
      const auto at = static_cast<off_t>(offset + filled);
      const ssize_t got = Retry([&] { return pread(fd_, out.data() + filled, size - filled, at); });
      if (got < 0) return ErrnoStatus("read", path_, errno);
      if (got == 0) break;
      filled += static_cast<std::size_t>(got);
    }
    out.resize(filled);
    return out;
  }

  absl::Status Sync() override {
    // Not retried, not even for EINTR: what a failed sync leaves behind is unknown.
    if (fdatasync(fd_) != 0) return ErrnoStatus("fdatasync", path_, errno);
    return absl::OkStatus();
  }

  absl::Status Allocate(std::uint64_t size) override {
    if (Retry([&] { return fallocate(fd_, 0, 0, static_cast<off_t>(size)); }) == 0) return absl::OkStatus();
    if (errno != EOPNOTSUPP) return ErrnoStatus("allocate", path_, errno);
    // File systems without fallocate: zeros, written out, reserve as well.
    TOCSIN_ASSIGN(std::uint64_t at, Size());
    const std::string zeros(1 << 20, '\0');
    while (at < size) {
      const std::uint64_t step = std::min<std::uint64_t>(zeros.size(), size - at);
      TOCSIN_TRY(WriteAt(at, std::string_view(zeros).substr(0, step)));
      at += step;
    }
    return absl::OkStatus();
  }

  absl::Status Truncate(std::uint64_t size) override {
    if (Retry([&] { return ftruncate(fd_, static_cast<off_t>(size)); }) != 0) {
      return ErrnoStatus("truncate", path_, errno);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::uint64_t> Size() const override {
    struct stat info {};
    if (fstat(fd_, &info) != 0) return ErrnoStatus("stat", path_, errno);
    return static_cast<std::uint64_t>(info.st_size);
  }

 private:
  int fd_;
  std::string path_;
};

class RealFileSystem final : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<File>> Create(const std::string& path) override {
    return OpenWith(path, O_RDWR | O_CREAT | O_EXCL, "create");
  }

  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path) override {
    absl::StatusOr<std::unique_ptr<File>> file = OpenWith(path, O_RDWR, "open");
    // `tocsin verify` may look at a backup that it must not or cannot write.
    if (!file.ok() && absl::IsPermissionDenied(file.status())) return OpenWith(path, O_RDONLY, "open");
    return file;
  }

  absl::StatusOr<std::vector<std::string>> List(const std::string& folder) override {
    DIR* dir = opendir(folder.c_str());
    if (dir == nullptr) return ErrnoStatus("list", folder, errno);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = readdir(dir)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    const int error = errno;
    closedir(dir);
    if (error != 0) return ErrnoStatus("list", folder, error);
    std::ranges::sort(names);
    return names;
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (rename(from.c_str(), to.c_str()) != 0) return ErrnoStatus("rename to " + to, from, errno);
    return absl::OkStatus();
  }

  absl::Status Remove(const std::string& path) override {
    if (unlink(path.c_str()) != 0) return ErrnoStatus("remove", path, errno);
    return absl::OkStatus();
  }

  absl::Status MakeFolder(const std::string& path) override {
    if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return ErrnoStatus("make folder", path, errno);
    return absl::OkStatus();
  }

  absl::Status SyncFolder(const std::string& path) override {
    const int fd = Retry([&] { return open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (fd < 0) return ErrnoStatus("open folder", path, errno);
    const int result = fsync(fd);
    const int error = errno;
    close(fd);
    if (result != 0) return ErrnoStatus("fsync folder", path, error);
    return absl::OkStatus();
  }

  absl::StatusOr<std::uint64_t> FreeBytes(const std::string& path) override {
    struct statvfs info {};
    if (Retry([&] { return statvfs(path.c_str(), &info); }) != 0) return ErrnoStatus("statvfs", path, errno);
    return std::uint64_t{info.f_bavail} * info.f_frsize;
  }

 private:
  static absl::StatusOr<std::unique_ptr<File>> OpenWith(const std::string& path, int flags, std::string_view what) {
    const int fd = Retry([&] { return open(path.c_str(), flags | O_CLOEXEC, 0600); });
    if (fd < 0) return ErrnoStatus(what, path, errno);
    return std::make_unique<PosixFile>(fd, path);
  }
};

}  // namespace

FileSystem& PosixFileSystem() {
  static RealFileSystem files;
  return files;
}

}  // namespace tocsin
