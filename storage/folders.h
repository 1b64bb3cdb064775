// What backups and restores ask of the folders that they make and move.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "storage/file.h"

namespace tocsin {

// Whatever is there, with all that is in it; nothing there is no error.
absl::Status RemoveAll(const std::string& path);
// `path` and what is missing above it. OK if it is there; durable in the folder above each that was made.
absl::Status MakeFolders(FileSystem& files, const std::string& path);
// A link that leads nowhere is there, too.
bool Exists(const std::string& path);
// False as well when `folder` cannot be listed.
bool Holds(FileSystem& files, const std::string& folder, std::string_view name);

}  // namespace tocsin
