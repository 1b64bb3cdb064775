#include "storage/simulated_env.h"

#include <cstdarg>
#include <cstring>
#include <set>
#include <utility>

#include <rocksdb/file_system.h>

#include "base/mutex.h"
#include "base/status.h"

namespace tocsin {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

IOStatus ToRocks(const absl::Status& status) {
  if (status.ok()) return IOStatus::OK();
  if (absl::IsNotFound(status)) return IOStatus::PathNotFound(Message(status));
  if (absl::IsResourceExhausted(status)) return IOStatus::NoSpace(Message(status));
  return IOStatus::IOError(Message(status));
}

// RocksDB doubles slashes and ends folders with them.
std::string Plain(const std::string& path) {
  std::string plain;
  for (const char c : path) {
    if (c != '/' || plain.empty() || plain.back() != '/') plain.push_back(c);
  }
  if (plain.size() > 1 && plain.back() == '/') plain.pop_back();
  return plain;
}

IOStatus ReadInto(const File& file, std::uint64_t offset, std::size_t size, Slice* result, char* scratch) {
  const absl::StatusOr<std::string> bytes = file.ReadAt(offset, size);
  if (!bytes.ok()) return ToRocks(bytes.status());
  std::memcpy(scratch, bytes->data(), bytes->size());
  *result = Slice(scratch, bytes->size());
  return IOStatus::OK();
}

class SequentialFile final : public rocksdb::FSSequentialFile {
 public:
  explicit SequentialFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
  IOStatus Read(std::size_t size, const IOOptions&, Slice* result, char* scratch, IODebugContext*) override {
    IOStatus status = ReadInto(*file_, offset_, size, result, scratch);
    if (status.ok()) offset_ += result->size();
    return status;
  }
  IOStatus Skip(std::uint64_t bytes) override {
    offset_ += bytes;
    return IOStatus::OK();
  }

 private:
  std::unique_ptr<File> file_;
  std::uint64_t offset_ = 0;
};

class RandomAccessFile final : public rocksdb::FSRandomAccessFile {
 public:
  explicit RandomAccessFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
  IOStatus Read(std::uint64_t offset, std::size_t size, const IOOptions&, Slice* result, char* scratch, IODebugContext*)
      const override {
    return ReadInto(*file_, offset, size, result, scratch);
  }

 private:
  std::unique_ptr<File> file_;
};

class WritableFile final : public rocksdb::FSWritableFile {
 public:
  WritableFile(std::unique_ptr<File> file, std::uint64_t size) : file_(std::move(file)), size_(size) {}
  using rocksdb::FSWritableFile::Append;
  IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override {
    const absl::Status written = file_->WriteAt(size_, std::string_view(data.data(), data.size()));
    if (written.ok()) size_ += data.size();
    return ToRocks(written);
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions&, IODebugContext*) override {
    const absl::Status truncated = file_->Truncate(size);
    if (truncated.ok()) size_ = size;
    return ToRocks(truncated);
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return ToRocks(file_->Sync()); }
  std::uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return size_; }

 private:
  std::unique_ptr<File> file_;
  std::uint64_t size_;
};

class Directory final : public rocksdb::FSDirectory {
 public:
  Directory(SimulatedDisk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return ToRocks(disk_.SyncFolder(path_)); }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  SimulatedDisk& disk_;
  std::string path_;
};

// RocksDB's information log would make runs differ: it holds times and thread numbers.
class NoLog final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
  std::size_t GetLogFileSize() const override { return 0; }
};

struct Lock final : public rocksdb::FileLock {
  explicit Lock(std::string held) : path(std::move(held)) {}
  std::string path;
};

class SimulatedFileSystem final : public rocksdb::FileSystem {
 public:
  explicit SimulatedFileSystem(SimulatedDisk& disk) : disk_(disk) {}
  const char* Name() const override { return "tocsin::SimulatedFileSystem"; }

  IOStatus NewSequentialFile(const std::string& path,
                             const FileOptions&,
                             std::unique_ptr<rocksdb::FSSequentialFile>* result,
                             IODebugContext*) override {
    return OpenAs<SequentialFile>(path, result);
  }
  IOStatus NewRandomAccessFile(const std::string& path,
                               const FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                               IODebugContext*) override {
    return OpenAs<RandomAccessFile>(path, result);
  }
  IOStatus NewWritableFile(const std::string& path,
                           const FileOptions&,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext*) override {
    if (absl::Status removed = disk_.Remove(Plain(path)); !removed.ok() && !absl::IsNotFound(removed)) {
      return ToRocks(removed);
    }
    absl::StatusOr<std::unique_ptr<File>> file = disk_.Create(Plain(path));
    if (!file.ok()) return ToRocks(file.status());
    *result = std::make_unique<WritableFile>(*std::move(file), 0);
    return IOStatus::OK();
  }
  IOStatus ReopenWritableFile(const std::string& path,
                              const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* result,
                              IODebugContext* context) override {
    absl::StatusOr<std::unique_ptr<File>> file = disk_.Open(Plain(path));
    if (absl::IsNotFound(file.status())) return NewWritableFile(path, options, result, context);
    if (!file.ok()) return ToRocks(file.status());
    const absl::StatusOr<std::uint64_t> size = (*file)->Size();
    if (!size.ok()) return ToRocks(size.status());
    *result = std::make_unique<WritableFile>(*std::move(file), *size);
    return IOStatus::OK();
  }
  IOStatus NewDirectory(const std::string& path,
                        const IOOptions&,
                        std::unique_ptr<rocksdb::FSDirectory>* result,
                        IODebugContext*) override {
    *result = std::make_unique<Directory>(disk_, Plain(path));
    return IOStatus::OK();
  }

  IOStatus FileExists(const std::string& path, const IOOptions&, IODebugContext*) override {
    if (disk_.Open(Plain(path)).ok() || disk_.List(Plain(path)).ok()) return IOStatus::OK();
    return IOStatus::NotFound(path);
  }
  IOStatus GetChildren(const std::string& path,
                       const IOOptions&,
                       std::vector<std::string>* result,
                       IODebugContext*) override {
    absl::StatusOr<std::vector<std::string>> names = disk_.List(Plain(path));
    if (!names.ok()) return IOStatus::NotFound(path);
    *result = *std::move(names);
    return IOStatus::OK();
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) override {
    return ToRocks(disk_.Remove(Plain(path)));
  }
  IOStatus CreateDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return ToRocks(disk_.MakeFolder(Plain(path)));
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions&, IODebugContext*) override {
    return ToRocks(disk_.MakeFolder(Plain(path)));
  }
  IOStatus DeleteDir(const std::string&, const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus GetFileSize(const std::string& path, const IOOptions&, std::uint64_t* size, IODebugContext*) override {
    const absl::StatusOr<std::unique_ptr<File>> file = disk_.Open(Plain(path));
    if (!file.ok()) return ToRocks(file.status());
    const absl::StatusOr<std::uint64_t> found = (*file)->Size();
    if (found.ok()) *size = *found;
    return ToRocks(found.status());
  }
  IOStatus GetFileModificationTime(const std::string&,
                                   const IOOptions&,
                                   std::uint64_t* time,
                                   IODebugContext*) override {
    *time = 0;
    return IOStatus::OK();
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&, IODebugContext*) override {
    return ToRocks(disk_.Rename(Plain(from), Plain(to)));
  }
  IOStatus IsDirectory(const std::string& path, const IOOptions&, bool* is_directory, IODebugContext*) override {
    *is_directory = disk_.List(Plain(path)).ok();
    return IOStatus::OK();
  }

  IOStatus LockFile(const std::string& path, const IOOptions&, rocksdb::FileLock** lock, IODebugContext*) override {
    MutexLock held(mutex_);
    if (!locked_.insert(path).second) return IOStatus::IOError("lock " + path + ": held");
    *lock = new Lock(path);  // RocksDB's interface owns it by pointer until UnlockFile
    return IOStatus::OK();
  }
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
    const std::unique_ptr<Lock> ours(static_cast<Lock*>(lock));
    MutexLock held(mutex_);
    locked_.erase(ours->path);
    return IOStatus::OK();
  }
  IOStatus GetTestDirectory(const IOOptions&, std::string* path, IODebugContext*) override {
    *path = "/test";
    return IOStatus::OK();
  }
  IOStatus NewLogger(const std::string&,
                     const IOOptions&,
                     std::shared_ptr<rocksdb::Logger>* result,
                     IODebugContext*) override {
    *result = std::make_shared<NoLog>();
    return IOStatus::OK();
  }
  IOStatus GetAbsolutePath(const std::string& path, const IOOptions&, std::string* result, IODebugContext*) override {
    *result = Plain(path);
    return IOStatus::OK();
  }

 private:
  template <typename Opened, typename Base>
  IOStatus OpenAs(const std::string& path, std::unique_ptr<Base>* result) {
    absl::StatusOr<std::unique_ptr<File>> file = disk_.Open(Plain(path));
    if (!file.ok()) return ToRocks(file.status());
    *result = std::make_unique<Opened>(*std::move(file));
    return IOStatus::OK();
  }

  SimulatedDisk& disk_;
  Mutex mutex_;
  std::set<std::string> locked_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<rocksdb::Env> MakeSimulatedEnv(SimulatedDisk& disk) {
  return rocksdb::NewCompositeEnv(std::make_shared<SimulatedFileSystem>(disk));
}

}  // namespace tocsin
