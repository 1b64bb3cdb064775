// Secrets at rest: what of the configuration and of the store's own keys is secret lies on the disk only sealed (XChaCha20-Poly1305), by a
// data key that is itself wrapped by a master key from elsewhere.
//
//   FOLDER/secrets.keys     the data keys, wrapped; a part of backups
//   the master key          --secrets_key_file; else the systemd credential secrets.key; else FOLDER/secrets.key, which is made with the
//                           store and is in no backup
//
// A sealed secret is text, `sealed:1:KEY:...`: the number of its data key, then nonce and ciphertext in base64. It is bound to its place
// (`smtp.password`): nobody makes a server send one where another belongs. Nonces are chosen where a secret is sealed, before any
// command is made of it; what folds the journal only ever sees the text.
//
// Any thread. Keys are in memory that is guarded, and left out of core dumps.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tocsin {

inline constexpr std::string_view kMasterKeyName = "secrets.key";
inline constexpr std::string_view kDataKeysName = "secrets.keys";

// 32 bytes in memory of their own, which is guarded, wiped at the end, and in no core.
class SecretKey {
 public:
  static constexpr std::size_t kBytes = 32;
  SecretKey();
  ~SecretKey();
  SecretKey(SecretKey&& other) noexcept;
  SecretKey& operator=(SecretKey&& other) noexcept;
  SecretKey(const SecretKey&) = delete;
  SecretKey& operator=(const SecretKey&) = delete;
  unsigned char* bytes() { return bytes_; }
  const unsigned char* bytes() const { return bytes_; }

 private:
  unsigned char* bytes_;
};

class Vault {
 public:
  struct Options {
    std::string folder;       // of the store
    std::string master_file;  // empty: the credential, or the one in the folder
    bool may_make = true;     // keys, where there are none
  };
  // NotFound: there are keys, and no master key. FailedPrecondition: it is another one. Both say what to do.
  static absl::StatusOr<std::unique_ptr<Vault>> Open(const Options& options);

  static bool IsSealed(std::string_view text);
  std::string Seal(std::string_view secret, std::string_view place) const;
  // What was sealed; what was not, as it is. DataLoss: it is not of this vault or of another place, or was changed.
  absl::StatusOr<std::string> Unseal(std::string_view text, std::string_view place) const;
  // Whether it is sealed by the newest data key.
  bool IsCurrent(std::string_view text) const;

  std::uint64_t newest() const { return keys_.rbegin()->first; }
  std::size_t count() const { return keys_.size(); }
  // Where the master key is from, for people.
  const std::string& source() const { return source_; }
  bool lies_beside() const { return lies_beside_; }  // the store and its key are on one disk
  bool was_made() const { return was_made_; }        // just now: there were no keys

  // Beginning a new data key, or another master key (a file that is there, or empty: a new one in the folder): the file is written anew.
  // Servers take it at their next start; one that runs goes on with what it has.
  static absl::Status AddDataKey(const Options& options);
  static absl::Status ChangeMaster(const Options& options, const std::string& new_master_file);

 private:
  Vault() = default;
  std::map<std::uint64_t, SecretKey> keys_;
  std::string source_;
  bool lies_beside_ = false;
  bool was_made_ = false;
};

// A key that the server makes for itself and keeps in FOLDER/NAME, sealed. One that lies there open, as former versions left it, is sealed.
absl::StatusOr<std::string> ReadOrMakeSealed(const Vault& vault, const std::string& folder, const std::string& name);

}  // namespace tocsin
