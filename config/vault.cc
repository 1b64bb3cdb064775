#include "config/vault.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include <fcntl.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/small_file.h"
#include "base/status.h"
#include "base/strings.h"
#include "config/master_key.h"

namespace tocsin {
namespace {

constexpr std::string_view kSealed = "sealed:1:";
constexpr std::string_view kWrapped = "tocsin data key 1 ";
constexpr std::size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::size_t kMasterBytes = 64 * 1024;
// Each is memory of its own with guards around it. A new one each week for 78 years; none is ever taken away, since journals and backups
// of any age may need it.
constexpr std::size_t kMostDataKeys = 4096;
constexpr std::size_t kLongestFile = 1 << 20;
static_assert(kMostDataKeys * 150 + 100 < kLongestFile, "a line of the file has fewer than 150 bytes");
constexpr std::size_t kShortestMaster = 32;
constexpr int kBase64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
static_assert(SecretKey::kBytes == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string ToBase64(std::string_view bytes) {
  std::string text(sodium_base64_encoded_len(bytes.size(), kBase64), '\0');
  sodium_bin2base64(text.data(), text.size(), Bytes(bytes), bytes.size(), kBase64);
  text.pop_back();
  return text;
}

std::optional<std::string> FromBase64(std::string_view text) {
  std::string bytes(text.size(), '\0');
  std::size_t size = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(), text.size(), nullptr,
                        &size, nullptr, kBase64) != 0)
    return std::nullopt;
  bytes.resize(size);
  return bytes;
}

// Nonce and ciphertext.
std::string Encrypt(const SecretKey& key, std::string_view plain, std::string_view place) {
  std::string out(kNonceBytes + plain.size() + kTagBytes, '\0');
  auto* const at = reinterpret_cast<unsigned char*>(out.data());
  randombytes_buf(at, kNonceBytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(at + kNonceBytes, nullptr, Bytes(plain), plain.size(), Bytes(place),
                                             place.size(), nullptr, at, key.bytes());
  return out;
}

std::optional<std::string> Decrypt(const SecretKey& key, std::string_view sealed, std::string_view place) {
  if (sealed.size() < kNonceBytes + kTagBytes) return std::nullopt;
  std::string plain(sealed.size() - kNonceBytes - kTagBytes, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(reinterpret_cast<unsigned char*>(plain.data()), nullptr, nullptr,
                                                 Bytes(sealed) + kNonceBytes, sealed.size() - kNonceBytes, Bytes(place),
                                                 place.size(), Bytes(sealed), key.bytes()) != 0)
    return std::nullopt;
  return plain;
}

std::string Said(int error) {
  return std::error_code(error, std::generic_category()).message();
}

// Of all who change the folder's keys at one time, one: a command and the server, or two commands, would each write what the other one
// has not read. The folder itself is locked, so that nobody leaves a file which another user cannot open.
class KeyLock {
 public:
  enum class Need : std::uint8_t {
    kWhereItCanBeHad,  // to read, and where nobody else may write
    kAlways,
  };
  static absl::StatusOr<KeyLock> Take(const std::string& folder, Need need) {
    KeyLock lock(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    int error = lock.fd_ < 0 ? errno : 0;
    while (error == 0 && flock(lock.fd_, LOCK_EX) != 0) {
      if (errno != EINTR) error = errno;
    }
    if (error != 0 && need == Need::kAlways)
      return Unavailable("%s cannot be locked, so another process might change its keys, too: %s", folder, Said(error));
    return lock;
  }
  KeyLock(KeyLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  KeyLock& operator=(KeyLock&&) = delete;
  ~KeyLock() {
    if (fd_ >= 0) close(fd_);
  }

 private:
  explicit KeyLock(int fd) : fd_(fd) {}
  int fd_;
};

std::string FolderOf(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

void SyncFolder(const std::string& path) {
  const int folder = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  fsync(folder);
  close(folder);
}

// Of the same user as the file that it replaces, or else as the folder: root changes keys for a server that is somebody else.
absl::Status GiveToOwner(int file, const std::string& path) {
  struct stat folder {};
  struct stat owner {};
  if (stat(FolderOf(path).c_str(), &folder) != 0) return Unavailable("%s: %s", FolderOf(path), Said(errno));
  const bool replaces = stat(path.c_str(), &owner) == 0;
  if (!replaces) owner = folder;
  const bool is_theirs = owner.st_uid == geteuid() && owner.st_gid == getegid();
  if (!is_theirs && fchown(file, owner.st_uid, owner.st_gid) != 0) {
    if (owner.st_uid == geteuid() || folder.st_uid == geteuid()) return absl::OkStatus();
    return Precondition(
        "%s belongs to the user with the number %d, who could not read a new one: do this as that user "
        "or as root",
        replaces ? path : FolderOf(path), owner.st_uid);
  }
  if (replaces && fchmod(file, owner.st_mode & (S_IRWXU | S_IRWXG)) != 0)
    return Unavailable("chmod %s: %s", path, Said(errno));
  return absl::OkStatus();
}

// Whole or not at all; with the owner and mode of what is `at` by then, or for the folder's owner alone. Under a KeyLock.
absl::Status WriteText(const std::string& path, std::string_view text, const std::string& at) {
  const std::string part = path + ".part";
  unlink(part.c_str());  // of one who was interrupted
  const int file = open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) return Unavailable("create %s: %s", part, Said(errno));
  absl::Status status = GiveToOwner(file, at);
  if (status.ok() && (write(file, text.data(), text.size()) != static_cast<ssize_t>(text.size()) || fsync(file) != 0))
    status = Unavailable("write %s: %s", part, Said(errno));
  close(file);
  if (status.ok() && rename(part.c_str(), path.c_str()) != 0) status = Unavailable("rename %s: %s", part, Said(errno));
  if (!status.ok()) {
    unlink(part.c_str());
    return status;
  }
  SyncFolder(FolderOf(path));
  return absl::OkStatus();
}

struct Master {
  SecretKey key;
  std::string mark;  // says which one it is, and nothing of it
  std::string source;
  int kinds = 0;  // of characters in it
};

// What of chance makes has more; what somebody typed to have anything at all has not.
constexpr int kFewestKinds = 8;

absl::Status CheckNew(const Master& master) {
  if (master.kinds >= kFewestKinds) return absl::OkStatus();
  return Precondition(
      "%s: a master key is made by chance (`openssl rand -base64 32`), this one has only %d different characters",
      master.source, master.kinds);
}

// Of a file's text: whatever it is, all of it counts.
absl::StatusOr<Master> MasterOf(std::string_view text, const std::string& source) {
  const std::string_view trimmed = Trim(text);
  if (trimmed.size() < kShortestMaster) {
    return Precondition(
        "%s: a master key has %d characters or more (`openssl rand -base64 32` makes one), this one has %d", source,
        kShortestMaster, trimmed.size());
  }
  Master master;
  master.source = source;
  master.kinds = static_cast<int>(std::set<char>(trimmed.begin(), trimmed.end()).size());
  constexpr std::string_view kUse = "tocsin master key 1";
  crypto_generichash(master.key.bytes(), SecretKey::kBytes, Bytes(trimmed), trimmed.size(), Bytes(kUse), kUse.size());
  std::array<unsigned char, crypto_generichash_BYTES_MIN> mark{};
  crypto_generichash(mark.data(), mark.size(), Bytes("which"), 5, master.key.bytes(), SecretKey::kBytes);
  std::array<char, 17> hex{};
  sodium_bin2hex(hex.data(), hex.size(), mark.data(), 8);
  master.mark = hex.data();
  return master;
}

absl::StatusOr<Master> ReadMaster(const std::string& path) {
  TOCSIN_ASSIGN(std::string text, ReadSmallFile(path, kMasterBytes));
  absl::StatusOr<Master> master = MasterOf(text, path);
  sodium_memzero(text.data(), text.size());
  return master;
}

// In `path`, to be put in the place of `at`.
absl::StatusOr<Master> MakeMaster(const std::string& path, const std::string& at) {
  std::array<unsigned char, SecretKey::kBytes> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  const std::string text = ToBase64({reinterpret_cast<const char*>(bytes.data()), bytes.size()}) + "\n";
  sodium_memzero(bytes.data(), bytes.size());
  TOCSIN_TRY(WriteText(path, text, at));
  return MasterOf(text, path);
}

std::string OwnMaster(const std::string& folder) {
  return absl::StrFormat("%s/%s", folder, kMasterKeyName);
}

// Where the master key is, and whether that is beside the store.
std::string MasterPath(const Vault::Options& options) {
  if (!options.master_file.empty()) return options.master_file;
  if (const char* credentials = std::getenv("CREDENTIALS_DIRECTORY"); credentials != nullptr) {
    std::string path = absl::StrFormat("%s/%s", credentials, kMasterKeyName);
    if (access(path.c_str(), F_OK) == 0) return path;
  }
  return OwnMaster(options.folder);
}

struct KeyFile {
  std::string mark;  // of the master key that wraps
  std::vector<std::pair<std::uint64_t, std::string>> keys;
};

absl::StatusOr<KeyFile> ReadKeyFile(const std::string& folder) {
  const std::string path = absl::StrFormat("%s/%s", folder, kDataKeysName);
  TOCSIN_ASSIGN(const std::string text, ReadSmallFile(path, kLongestFile));
  KeyFile file;
  bool is_ours = false;
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(text, '\n', absl::SkipEmpty()))) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    std::uint64_t number = 0;
    if (line == "tocsin secrets") {
      is_ours = true;
    } else if (words.size() == 2 && words[0] == "format") {
      if (words[1] != "1") return Precondition("%s: of a newer version of tocsin (format %s)", path, words[1]);
    } else if (words.size() == 2 && words[0] == "master") {
      file.mark = words[1];
    } else if (words.size() == 3 && words[0] == "key" &&
               std::from_chars(words[1].data(), words[1].data() + words[1].size(), number).ec == std::errc()) {
      file.keys.emplace_back(number, words[2]);
    } else {
      is_ours = false;
      break;
    }
  }
  if (is_ours && !file.mark.empty() && !file.keys.empty()) return file;
  return DataLoss(
      "%s is damaged: restore this file from a backup; without it the secrets of the configuration have to be applied "
      "again",
      path);
}

absl::Status WriteKeyFile(const std::string& folder,
                          const Master& master,
                          const std::map<std::uint64_t, SecretKey>& keys) {
  std::string text = absl::StrFormat("tocsin secrets\nformat 1\nmaster %s\n", master.mark);
  for (const auto& [number, key] : keys) {
    const std::string_view bytes(reinterpret_cast<const char*>(key.bytes()), SecretKey::kBytes);
    absl::StrAppendFormat(&text, "key %d %s\n", number,
                          ToBase64(Encrypt(master.key, bytes, absl::StrFormat("%s%d", kWrapped, number))));
  }
  const std::string path = absl::StrFormat("%s/%s", folder, kDataKeysName);
  return WriteText(path, text, path);
}

absl::Status Refuse(const Vault::Options& options, const std::string& why) {
  return Precondition(
      "the secrets of %s cannot be read: %s. Give the master key of the machine or the folder that this store comes "
      "from: as %s, by --secrets_key_file, or as the systemd credential %s. Is it lost for good, move %s, link.key and "
      "audit.key out of that folder, start, and apply the configuration again with all of its secrets: those in the "
      "store "
      "are lost, nothing else is",
      options.folder, why, OwnMaster(options.folder), kMasterKeyName, kDataKeysName);
}

absl::Status PutNextInPlace(const std::string& own) {
  if (rename((own + ".next").c_str(), own.c_str()) != 0) return Unavailable("rename %s.next: %s", own, Said(errno));
  SyncFolder(FolderOf(own));
  return absl::OkStatus();
}

// The master key that wraps `file`. A change of the folder's own one that was interrupted is finished.
absl::StatusOr<Master> FindMaster(const Vault::Options& options, const KeyFile& file) {
  const std::string path = MasterPath(options);
  absl::StatusOr<Master> master = ReadMaster(path);
  if (master.ok() && master->mark == file.mark) return master;
  const std::string own = OwnMaster(options.folder);
  if (path == own) {
    absl::StatusOr<Master> next = ReadMaster(own + ".next");
    if (next.ok() && next->mark == file.mark) {
      TOCSIN_TRY(PutNextInPlace(own));
      return next;
    }
  }
  if (!master.ok()) return Refuse(options, Message(master.status()));
  return Refuse(options, absl::StrFormat("%s holds another master key (%s) than the one that it needs (%s)", path,
                                         master->mark, file.mark));
}

absl::StatusOr<std::map<std::uint64_t, SecretKey>> Unwrap(const Vault::Options& options,
                                                          const Master& master,
                                                          const KeyFile& file) {
  std::map<std::uint64_t, SecretKey> keys;
  for (const auto& [number, wrapped] : file.keys) {
    const std::optional<std::string> bytes = FromBase64(wrapped);
    std::optional<std::string> plain =
        bytes ? Decrypt(master.key, *bytes, absl::StrFormat("%s%d", kWrapped, number)) : std::nullopt;
    if (!plain || plain->size() != SecretKey::kBytes)
      return DataLoss("%s/%s: key %d was changed: restore this file from a backup", options.folder, kDataKeysName,
                      number);
    SecretKey key;
    std::memcpy(key.bytes(), plain->data(), SecretKey::kBytes);
    sodium_memzero(plain->data(), plain->size());
    keys.emplace(number, std::move(key));
  }
  return keys;
}

SecretKey RandomKey() {
  SecretKey key;
  randombytes_buf(key.bytes(), SecretKey::kBytes);
  return key;
}

}  // namespace

SecretKey::SecretKey() {
  TOCSIN_CHECK(sodium_init() >= 0, "libsodium starts");
  bytes_ = static_cast<unsigned char*>(sodium_malloc(kBytes));  // guarded, locked as far as may be, MADV_DONTDUMP
  TOCSIN_CHECK(bytes_ != nullptr, "there is memory for a key");
}
SecretKey::~SecretKey() {
  sodium_free(bytes_);  // wipes
}
SecretKey::SecretKey(SecretKey&& other) noexcept : bytes_(std::exchange(other.bytes_, nullptr)) {}
SecretKey& SecretKey::operator=(SecretKey&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

absl::StatusOr<std::unique_ptr<Vault>> Vault::Open(const Options& options) {
  auto vault = std::unique_ptr<Vault>(new Vault());
  TOCSIN_ASSIGN(const KeyLock lock, KeyLock::Take(options.folder, KeyLock::Need::kWhereItCanBeHad));
  absl::StatusOr<KeyFile> file = ReadKeyFile(options.folder);
  if (!file.ok() && (!absl::IsNotFound(file.status()) || !options.may_make)) return file.status();
  std::optional<Master> master;
  if (file.ok()) {
    TOCSIN_ASSIGN(master, FindMaster(options, *file));
    TOCSIN_ASSIGN(vault->keys_, Unwrap(options, *master, *file));
  } else {
    const std::string path = MasterPath(options);
    absl::StatusOr<Master> found = ReadMaster(path);
    if (absl::IsNotFound(found.status()) && path == OwnMaster(options.folder)) found = MakeMaster(path, path);
    if (!found.ok()) return found.status();
    TOCSIN_TRY(CheckNew(*found));
    master = *std::move(found);
    vault->keys_.emplace(1, RandomKey());
    TOCSIN_TRY(WriteKeyFile(options.folder, *master, vault->keys_));
    vault->was_made_ = true;
  }
  vault->source_ = master->source;
  vault->lies_beside_ = master->source == OwnMaster(options.folder);
  return vault;
}

bool Vault::IsSealed(std::string_view text) {
  return text.starts_with(kSealed);
}

std::string Vault::Seal(std::string_view secret, std::string_view place) const {
  const auto& [number, key] = *keys_.rbegin();
  return absl::StrFormat("%s%d:%s", kSealed, number, ToBase64(Encrypt(key, secret, place)));
}

absl::StatusOr<std::string> Vault::Unseal(std::string_view text, std::string_view place) const {
  if (!IsSealed(text)) return std::string(text);
  text.remove_prefix(kSealed.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto key = keys_.find(number);
  if (error != std::errc() || end == text.data() + text.size() || *end != ':' || key == keys_.end())
    return DataLoss("%s: is sealed by a key that is not in %s: apply it again", place, kDataKeysName);
  const std::optional<std::string> bytes = FromBase64(text.substr(static_cast<std::size_t>(end - text.data()) + 1));
  std::optional<std::string> plain = bytes ? Decrypt(key->second, *bytes, place) : std::nullopt;
  if (!plain) return DataLoss("%s: was sealed elsewhere, for another place, or was changed: apply it again", place);
  return *std::move(plain);
}

bool Vault::IsCurrent(std::string_view text) const {
  return text.starts_with(absl::StrFormat("%s%d:", kSealed, newest()));
}

absl::Status Vault::AddDataKey(const Options& options) {
  TOCSIN_ASSIGN(const KeyLock lock, KeyLock::Take(options.folder, KeyLock::Need::kAlways));
  TOCSIN_ASSIGN(const KeyFile file, ReadKeyFile(options.folder));
  if (file.keys.size() >= kMostDataKeys) {
    return Exhausted(
        "%s/%s has %d data keys, as many as there may be: none was added. They are never taken away, since the journal "
        "and older backups may need any of them; --master changes the key that wraps them",
        options.folder, kDataKeysName, file.keys.size());
  }
  TOCSIN_ASSIGN(const Master master, FindMaster(options, file));
  TOCSIN_ASSIGN(auto keys, Unwrap(options, master, file));
  keys.emplace(keys.rbegin()->first + 1, RandomKey());
  return WriteKeyFile(options.folder, master, keys);
}

absl::Status Vault::ChangeMaster(const Options& options, const std::string& new_master_file) {
  TOCSIN_ASSIGN(const KeyLock lock, KeyLock::Take(options.folder, KeyLock::Need::kAlways));
  TOCSIN_ASSIGN(const KeyFile file, ReadKeyFile(options.folder));
  TOCSIN_ASSIGN(const Master master, FindMaster(options, file));
  TOCSIN_ASSIGN(const auto keys, Unwrap(options, master, file));
  if (!new_master_file.empty()) {
    TOCSIN_ASSIGN(const Master other, ReadMaster(new_master_file));
    TOCSIN_TRY(CheckNew(other));
    return WriteKeyFile(options.folder, other, keys);
  }
  // Two files change: whoever is interrupted in between finds the new key beside the old one (FindMaster).
  const std::string own = OwnMaster(options.folder);
  TOCSIN_ASSIGN(const Master other, MakeMaster(own + ".next", own));
  TOCSIN_TRY(WriteKeyFile(options.folder, other, keys));
  return PutNextInPlace(own);
}

std::string WarningOfMasterKey(const Vault& vault) {
  struct stat info {};
  if (stat(vault.source().c_str(), &info) == 0 && (info.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0) {
    return absl::StrFormat("others than its owner can read or change it (mode %03o): chmod 400, and make a new one",
                           info.st_mode & 0777U);
  }
  const absl::StatusOr<Master> master = ReadMaster(vault.source());
  return master.ok() ? Message(CheckNew(*master)) : "";
}

absl::StatusOr<std::string> ReadOrMakeSealed(const Vault& vault, const std::string& folder, const std::string& name) {
  const std::string path = folder + "/" + name;
  TOCSIN_ASSIGN(const KeyLock lock, KeyLock::Take(folder, KeyLock::Need::kWhereItCanBeHad));
  const absl::StatusOr<std::string> text = ReadSmallFile(path, kMasterBytes);
  if (!text.ok() && !absl::IsNotFound(text.status())) return text.status();
  std::string secret;
  if (text.ok()) {
    const std::string_view trimmed = Trim(*text);
    absl::StatusOr<std::string> opened = vault.Unseal(trimmed, name);
    if (!opened.ok()) {
      return DataLoss(
          "%s cannot be read: it was changed, or is sealed by a key that is not in %s. Restore both from one "
          "backup, or delete this one: a new one is made, and what the old one signed counts no more",
          path, kDataKeysName);
    }
    secret = *std::move(opened);
    if (secret.size() < 16)
      return Precondition("%s holds no secret of 16 characters or more; delete it for a new one", path);
    if (vault.IsCurrent(trimmed)) return secret;
  } else {
    const SecretKey key = RandomKey();
    secret = ToBase64({reinterpret_cast<const char*>(key.bytes()), SecretKey::kBytes});
  }
  TOCSIN_TRY(WriteText(path, vault.Seal(secret, name) + "\n", path));
  return secret;
}

}  // namespace tocsin
