#include "api/auth.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kLongestSecret = 1024;

std::string Hash(std::string_view text) {
  std::string hash(crypto_generichash_BYTES, '\0');
  crypto_generichash(reinterpret_cast<unsigned char*>(hash.data()), hash.size(),
                     reinterpret_cast<const unsigned char*>(text.data()), text.size(), nullptr, 0);
  return hash;
}

std::string MakeSecret() {
  std::array<unsigned char, kSecretBytes> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  std::string text(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  text.resize(std::strlen(text.c_str()));
  return text;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

absl::Status Failed(std::string_view what, const std::string& path) {
  return Unavailable("%s %s: %s", what, path, std::strerror(errno));
}

absl::StatusOr<std::string> ReadSecret(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return errno == ENOENT ? NotFound("%s", path) : Failed("open", path);
  std::array<char, kLongestSecret> buffer{};
  const ssize_t size = read(file.get(), buffer.data(), buffer.size());
  if (size < 0) return Failed("read", path);
  std::string secret(Trim(std::string_view(buffer.data(), static_cast<std::size_t>(size))));
  if (secret.size() < 16)
    return Precondition("%s holds no secret of 16 characters or more; delete it for a new one", path);
  return secret;
}

}  // namespace

absl::StatusOr<std::string> ReadOrMakeSecret(const std::string& path) {
  absl::StatusOr<std::string> present = ReadSecret(path);
  if (present.ok() || !absl::IsNotFound(present.status())) return present;
  if (sodium_init() < 0) return absl::InternalError("libsodium does not start");
  const std::string secret = MakeSecret();
  const std::string line = secret + "\n";
  const std::string part = path + ".part";
  {
    const Descriptor file(open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (file.get() < 0) return Failed("create", part);
    if (write(file.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) return Failed("write", part);
    if (fsync(file.get()) != 0) return Failed("sync", part);
  }
  if (rename(part.c_str(), path.c_str()) != 0) return Failed("rename", part);
  return secret;
}

absl::StatusOr<Auth> Auth::Open(const std::string& folder) {
  Auth auth;
  auth.token_file_ = folder + "/admin.token";
  TOCSIN_ASSIGN(const std::string token, ReadOrMakeSecret(auth.token_file_));
  auth.token_hash_ = Hash(token);
  return auth;
}

std::optional<Caller> Auth::Check(std::string_view authorization) const {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size() || ToLower(authorization.substr(0, kScheme.size())) != kScheme) {
    return std::nullopt;
  }
  const std::string hash = Hash(Trim(authorization.substr(kScheme.size())));
  if (sodium_memcmp(hash.data(), token_hash_.data(), hash.size()) != 0) return std::nullopt;
  return Caller{"user:admin"};
}

}  // namespace tocsin
