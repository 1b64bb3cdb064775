// data/LOCK: two servers never share a folder. The kernel lets go of it when the process ends, however it ends.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace tocsin {

class FolderLock {
 public:
  FolderLock() = default;  // holds nothing
  // FailedPrecondition: somebody else holds it; the message has the process's number.
  static absl::StatusOr<FolderLock> Take(const std::string& folder);
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&& other) noexcept;
  ~FolderLock();

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace tocsin
