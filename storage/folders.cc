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

absl::Status MakeFolders(FileSystem& files, const std::string& path) {
  std::vector<fs::path> missing;
  std::error_code error;
  for (fs::path at = path; !at.empty() && !fs::is_directory(at, error); at = at.parent_path())
    missing.push_back(at);
  for (auto at = missing.rbegin(); at != missing.rend(); ++at) {
    const fs::path above = at->parent_path();
    TOCSIN_TRY(files.MakeFolder(at->native()));
    TOCSIN_TRY(files.SyncFolder(above.empty() ? fs::path(".") : above));
  }
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
