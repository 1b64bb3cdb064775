// Who may call the API. One administrator's token for now, made when the store is made; the file lies beside the data with
// mode 0600, where the command line on the same machine finds it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "api/methods.h"

namespace tocsin {

class Auth {
 public:
  // Reads `folder`/admin.token, or makes one: 256 random bits, base64url.
  static absl::StatusOr<Auth> Open(const std::string& folder);

  // `authorization` is the header's value, "Bearer <token>". Compares in constant time. Any thread.
  std::optional<Caller> Check(std::string_view authorization) const;
  const std::string& token_file() const { return token_file_; }

 private:
  std::string token_file_;
  std::string token_hash_;
};

// Random bytes kept in a file of mode 0600; made if absent. For keys that must survive a restart.
absl::StatusOr<std::string> ReadOrMakeSecret(const std::string& path);

}  // namespace tocsin
