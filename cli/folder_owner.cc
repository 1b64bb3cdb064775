#include "cli/folder_owner.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fts.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/output.h"

namespace tocsin {

FolderOwner::FolderOwner(std::string folder) : folder_(std::move(folder)) {
  std::error_code error;
  std::filesystem::path at = std::filesystem::absolute(folder_, error).lexically_normal();
  if (!at.has_filename()) at = at.parent_path();  // "data/"
  struct stat info {};
  while (!error && stat(at.c_str(), &info) != 0) {
    if (at == at.root_path()) return;
    at = at.parent_path();
  }
  if (error) return;
  user_ = info.st_uid;
  group_ = info.st_gid;
  is_ours_ = user_ == geteuid();
}

FolderOwner::~FolderOwner() {
  if (is_ours_) return;
  std::string root = folder_;
  std::array<char*, 2> roots = {root.data(), nullptr};
  FTS* const walk = fts_open(roots.data(), FTS_PHYSICAL | FTS_XDEV, nullptr);
  if (walk == nullptr) return;
  // fts goes into each folder and looks back whether it is still the one that it was: names here are of the folder that it stands in.
  while (const FTSENT* const each = fts_read(walk)) {
    if (each->fts_info == FTS_DP || each->fts_statp == nullptr) continue;
    const struct stat& info = *each->fts_statp;
    const bool is_file = each->fts_info == FTS_F && info.st_nlink == 1;
    if ((!is_file && each->fts_info != FTS_D) || info.st_uid != geteuid()) continue;
    const int file = open(each->fts_accpath, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat opened {};
    const bool is_it = file >= 0 && fstat(file, &opened) == 0 && opened.st_ino == info.st_ino &&
                       opened.st_dev == info.st_dev && (!S_ISREG(opened.st_mode) || opened.st_nlink == 1);
    if (is_it && fchown(file, user_, group_) != 0) {
      std::fprintf(stderr,
                   "tocsin: %s stays yours, and the server may not be able to open it: chown it to user %u (%s)\n",
                   Printable(each->fts_path).c_str(), static_cast<unsigned>(user_), std::strerror(errno));
    }
    if (file >= 0) close(file);
  }
  fts_close(walk);
}

}  // namespace tocsin
