// The mark: a file of two blocks beside the segments, written in turn, so that a torn write always leaves the other one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

#include "storage/file.h"
#include "storage/journal_format.h"

namespace tocsin::journal {

// Absent: there is no such file. DataLoss: neither slot is whole.
absl::StatusOr<std::optional<Mark>> ReadMark(FileSystem& files, const std::string& folder);
// Makes the file, or makes it anew, atomically, both slots with `mark`.
absl::Status CreateMark(FileSystem& files, const std::string& folder, Mark mark);

// Writes marks. One thread at a time.
class MarkWriter {
 public:
  static absl::StatusOr<MarkWriter> Open(FileSystem& files, const std::string& folder, std::uint64_t counter);
  // Durable when it returns. Sets mark.counter.
  absl::Status Write(Mark mark);

 private:
  MarkWriter(std::unique_ptr<File> file, std::uint64_t counter) : file_(std::move(file)), counter_(counter) {}
  std::unique_ptr<File> file_;
  std::uint64_t counter_;
};

}  // namespace tocsin::journal
