#include "storage/folders.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/status.h"

namespace tocsin {

namespace fs = std::filesystem;

absl::Status RemoveAll(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) return Unavailable("remove %s: %s", path, error.message());
  return absl::OkStatus();
}

bool Exists(const std::string& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

bool Holds(FileSystem& files, const std::string& folder, std::string_view name) {
  const absl::StatusOr<std::vector<std::string>> names = files.List(folder);
  return names.ok() && std::ranges::find(*names, name) != names->end();
}

}  // namespace tocsin
