// For commands that root runs on the store of a service: what they write there would be root's, and the server could not open it.
#pragma once

#include <string>

#include <sys/types.h>

namespace tocsin {

// At its end all that belongs to us in the folder, and the folder, is given to who had the folder before, or, of one that was not there, the
// folder that it was made in. What cannot be given is said on standard error. Links are not followed, and what has a second name stays: whoever
// may write there could have named other files of ours so.
class FolderOwner {
 public:
  explicit FolderOwner(std::string folder);
  ~FolderOwner();
  FolderOwner(const FolderOwner&) = delete;
  FolderOwner& operator=(const FolderOwner&) = delete;

 private:
  const std::string folder_;
  bool is_ours_ = true;  // nothing is to be given
  uid_t user_ = 0;
  gid_t group_ = 0;
};

}  // namespace tocsin
