// The seam to the disk. Everything that the journal, the mark and the checkpoints do to files goes through here, so that the
// simulation can cut the power, tear writes, flip bits, fill the disk and make fsync fail.
//
// Contract (what a POSIX file system promises, no more): bytes written are durable after Sync of the file; a created,
// renamed or removed name is durable after SyncFolder of its folder. Without a sync any subset may survive a power cut.
// A failed Sync leaves what is durable unknown: never retry it (Linux may have dropped the pages); end the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace tocsin {

class File {
 public:
  virtual ~File() = default;
  virtual absl::Status WriteAt(std::uint64_t offset, std::string_view bytes) = 0;
  // As many bytes as there are, up to `size`.
  virtual absl::StatusOr<std::string> ReadAt(std::uint64_t offset, std::size_t size) const = 0;
  virtual absl::Status Sync() = 0;  // data and size
  // Reserves space so that later writes inside cannot run out of it; the new bytes read as zero.
  virtual absl::Status Allocate(std::uint64_t size) = 0;
  virtual absl::Status Truncate(std::uint64_t size) = 0;
  virtual absl::StatusOr<std::uint64_t> Size() const = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual absl::StatusOr<std::unique_ptr<File>> Create(const std::string& path) = 0;     // fails if it exists
  virtual absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path) = 0;       // NotFound if absent
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& folder) = 0;  // names, sorted
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  virtual absl::Status Remove(const std::string& path) = 0;
  virtual absl::Status MakeFolder(const std::string& path) = 0;  // OK if it is there
  virtual absl::Status SyncFolder(const std::string& path) = 0;
  virtual absl::StatusOr<std::uint64_t> FreeBytes(const std::string& path) = 0;
};

// The real one. Thread-safe; a File is for one thread.
FileSystem& PosixFileSystem();

// The whole of a small file. NotFound if absent.
absl::StatusOr<std::string> ReadWholeFile(FileSystem& files, const std::string& path);
// Replaces `folder`/`name` by `contents`, durably: after a power cut the file is the old one or the new one, whole.
absl::Status WriteFileAtomically(FileSystem& files,
                                 const std::string& folder,
                                 const std::string& name,
                                 std::string_view contents);

}  // namespace tocsin
