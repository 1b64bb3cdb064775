#include "api/auth.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <unordered_map>

#include "absl/strings/str_format.h"
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/status.h"
#include "base/strings.h"
#include "model/integration_key.h"

namespace tocsin {
namespace {

constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kLongestSecret = 1024;

constexpr std::size_t kRenewalsKept = 1000;
constexpr std::string_view kTokenPrefix = "tocsin_";
constexpr std::string_view kServersName = "user:admin";  // as whom admin.token acts

// Of two hashes in hex; how long it takes says nothing about either.
bool IsEqual(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::uint64_t Prefix(std::string_view hash) {
  std::uint64_t prefix = 0;
  std::memcpy(&prefix, hash.data(), std::min(hash.size(), sizeof prefix));
  return prefix;
}

std::string MakeSecret() {
  std::array<unsigned char, kSecretBytes> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  std::string text(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  text.resize(std::strlen(text.c_str()));
  return text;
}

// Whether the person who has made something is here and not locked. Programs, and the server's own token, are no people.
bool IsOfThisOrganisation(const Access& access, std::string_view actor) {
  constexpr std::string_view kPerson = "user:";
  if (!actor.starts_with(kPerson) || actor == kServersName) return true;
  const UserId user(std::string(actor.substr(kPerson.size())));
  return access.organisation != nullptr && access.organisation->Find(user) != nullptr && !access.locked.contains(user);
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

std::string MakeToken() {
  return std::string(kTokenPrefix) + MakeSecret();
}

struct Auth::Table {
  AccessPtr access;
  std::unordered_multimap<std::uint64_t, const AccessToken*> by_hash;  // by the hash's first bytes
  std::shared_ptr<const std::map<UserId, Rights>> rights;
};

Auth::Auth(std::string token_file, std::string token_hash, ReadAccess access, ReadClock clock)
    : token_file_(std::move(token_file)),
      token_hash_(std::move(token_hash)),
      read_access_(std::move(access)),
      read_clock_(std::move(clock)) {}

absl::StatusOr<std::unique_ptr<Auth>> Auth::Open(const std::string& folder, ReadAccess access, ReadClock clock) {
  const std::string file = folder + "/admin.token";
  TOCSIN_ASSIGN(const std::string token, ReadOrMakeSecret(file));
  return std::unique_ptr<Auth>(new Auth(file, HashKey(token), std::move(access), std::move(clock)));
}

std::shared_ptr<const Auth::Table> Auth::Current() const {
  AccessPtr access = read_access_();
  auto table = std::make_shared<Table>();
  {
    const MutexLock lock(mutex_);
    if (table_ && table_->access == access) return table_;
    if (table_ && table_->access->organisation == access->organisation) table->rights = table_->rights;
  }
  if (!table->rights) {
    table->rights = std::make_shared<const std::map<UserId, Rights>>(
        access->organisation ? AllRights(*access->organisation) : std::map<UserId, Rights>());
  }
  for (const AccessToken& token : access->tokens)
    table->by_hash.emplace(Prefix(token.hash), &token);
  table->access = std::move(access);
  const MutexLock lock(mutex_);
  table_ = table;
  return table;
}

absl::StatusOr<const AccessToken*> Auth::Find(const Table& table, std::string_view token) const {
  const std::string hash = HashKey(token);
  const auto [begin, end] = table.by_hash.equal_range(Prefix(hash));
  const auto found = std::find_if(begin, end, [&](const auto& entry) { return IsEqual(entry.second->hash, hash); });
  if (found == end) return nullptr;
  const AccessToken& known = *found->second;
  if (known.ExpiredAt(read_clock_())) {
    const std::string when = absl::FormatTime(known.expires_at, absl::UTCTimeZone());
    return absl::UnauthenticatedError(
        known.session ? absl::StrFormat("session T%d ended at %s: log in again", known.id.value(), when)
                      : absl::StrFormat("token T%d ran out at %s: ask for another one", known.id.value(), when));
  }
  const Organisation* organisation = table.access->organisation.get();
  if (known.user.set() && (organisation == nullptr || organisation->Find(known.user) == nullptr)) {
    return absl::UnauthenticatedError(absl::StrFormat("token T%d is of %s, who is not in the organisation any more",
                                                      known.id.value(), known.user.value()));
  }
  if (known.user.set() && table.access->locked.contains(known.user)) {
    return absl::UnauthenticatedError(
        absl::StrFormat("token T%d is of %s, who is locked: an admin can `tocsin user unlock %s`", known.id.value(),
                        known.user.value(), known.user.value()));
  }
  return &known;
}

void Auth::KeepAlive(const AccessToken& session) const {
  const absl::Time now = read_clock_();
  const absl::Time until = std::min(now + kSessionIdle, session.created_at + kSessionLife);
  if (!renew_ || until - session.expires_at < kSessionRenewal) return;
  {
    const MutexLock lock(mutex_);
    absl::Time& asked = renewed_.try_emplace(session.id, absl::InfinitePast()).first->second;
    if (now - asked < absl::Minutes(1) && now >= asked) return;
    asked = now;
    if (renewed_.size() > kRenewalsKept) renewed_.erase(renewed_.begin());
  }
  renew_(session.id);
}

absl::StatusOr<Caller> Auth::Check(std::string_view authorization) const {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size() || ToLower(authorization.substr(0, kScheme.size())) != kScheme) {
    return absl::UnauthenticatedError("send `authorization: Bearer <token>`");
  }
  const std::string_view token = Trim(authorization.substr(kScheme.size()));
  if (token.size() > kLongestSecret) return absl::UnauthenticatedError("the token is not known");
  if (IsEqual(HashKey(token), token_hash_)) return Caller{std::string(kServersName)};
  const std::shared_ptr<const Table> table = Current();
  TOCSIN_ASSIGN(const AccessToken* known, Find(*table, token));
  if (known == nullptr) return absl::UnauthenticatedError("the token is not known, or was revoked");
  if (known->session) {
    KeepAlive(*known);
    Caller caller{known->Actor(), "", Role::kViewer, known->user, {}, known->id, /*session=*/true};
    const auto found = table->rights->find(known->user);
    Rights rights = found == table->rights->end() ? Rights() : found->second;
    if (known->voucher) rights = Union(rights, known->voucher->granted);
    caller.role = rights.everywhere;
    caller.more = std::move(rights.teams);
    return caller;
  }
  return Caller{known->Actor(), "", known->role, known->user, known->teams, known->id};
}

std::optional<IntegrationId> Auth::IntegrationOf(std::string_view token) const {
  if (!token.starts_with(kTokenPrefix) || token.size() > kLongestSecret) return std::nullopt;
  const std::shared_ptr<const Table> table = Current();
  const absl::StatusOr<const AccessToken*> known = Find(*table, token);
  if (!known.ok() || *known == nullptr || (*known)->role != Role::kIntegration) return std::nullopt;
  if (CalendarDoorOf(**known)) return std::nullopt;
  return (*known)->integration;
}

std::optional<CalendarDoor> Auth::CalendarOf(std::string_view token) const {
  if (!token.starts_with(kTokenPrefix) || token.size() > kLongestSecret) return std::nullopt;
  const std::shared_ptr<const Table> table = Current();
  const absl::StatusOr<const AccessToken*> known = Find(*table, token);
  if (!known.ok() || *known == nullptr) return std::nullopt;
  const std::optional<CalendarDoor> door = CalendarDoorOf(**known);
  return door && IsOfThisOrganisation(*table->access, (*known)->created_by) ? door : std::nullopt;
}

}  // namespace tocsin
