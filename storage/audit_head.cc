#include "storage/audit_head.h"

#include <charconv>
#include <optional>
#include <utility>

#include "absl/strings/str_format.h"
#include <sodium.h>

#include "base/status.h"
#include "base/strings.h"
#include "storage/audit_claim.h"

namespace tocsin {
namespace {

constexpr std::string_view kBegin = "tocsin-audit 1 ";
constexpr std::string_view kSignature = " signature=";
constexpr std::string_view kTime = "%Y-%m-%dT%H:%M:%E*SZ";
constexpr std::size_t kSignatureBytes = crypto_sign_BYTES;

std::string Hex(const unsigned char* bytes, std::size_t size) {
  std::string hex(2 * size + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), bytes, size);
  hex.pop_back();
  return hex;
}

bool FromHex(std::string_view hex, unsigned char* bytes, std::size_t size) {
  std::size_t read = 0;
  return hex.size() == 2 * size && sodium_hex2bin(bytes, size, hex.data(), hex.size(), nullptr, &read, nullptr) == 0 &&
         read == size;
}

std::string Said(const AuditHead& head) {
  return absl::StrFormat("%sstore=%s entry=%d id=%d at=%s hash=%s key=%s", kBegin, head.store, head.entry,
                         head.id.value(), absl::FormatTime(std::string(kTime), head.at, absl::UTCTimeZone()),
                         HexOf(head.hash), head.key);
}

// The value of `name` in "name=value name=value ...".
std::optional<std::string_view> Field(std::string_view text, std::string_view name) {
  const std::string wanted = absl::StrFormat(" %s=", name);
  const std::size_t at = text.find(wanted);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view value = text.substr(at + wanted.size());
  return value.substr(0, value.find(' '));
}

std::optional<std::uint64_t> NumberIn(std::string_view text, std::string_view name) {
  const std::optional<std::string_view> field = Field(text, name);
  std::uint64_t number = 0;
  if (!field) return std::nullopt;
  const auto [end, error] = std::from_chars(field->data(), field->data() + field->size(), number);
  return error == std::errc() && end == field->data() + field->size() ? std::optional(number) : std::nullopt;
}

}  // namespace

std::string HexOf(const AuditHash& hash) {
  return Hex(hash.data(), hash.size());
}

AuditSigner::AuditSigner(std::string_view seed) {
  TOCSIN_CHECK(sodium_init() >= 0, "libsodium starts");
  std::array<unsigned char, crypto_sign_SEEDBYTES> whole{};
  crypto_generichash(whole.data(), whole.size(), reinterpret_cast<const unsigned char*>(seed.data()), seed.size(),
                     nullptr, 0);
  secret_ = static_cast<unsigned char*>(sodium_malloc(crypto_sign_SECRETKEYBYTES));
  TOCSIN_CHECK(secret_ != nullptr, "there is memory for a key");
  crypto_sign_seed_keypair(public_.data(), secret_, whole.data());
  sodium_memzero(whole.data(), whole.size());
}

AuditSigner::~AuditSigner() {
  sodium_free(secret_);
}

AuditSigner::AuditSigner(AuditSigner&& other) noexcept
    : secret_(std::exchange(other.secret_, nullptr)), public_(other.public_) {}

std::string AuditSigner::public_key() const {
  return Hex(public_.data(), public_.size());
}

std::string AuditSigner::Sign(const AuditHead& head) const {
  AuditHead ours = head;
  ours.key = public_key();
  const std::string said = Said(ours);
  std::array<unsigned char, kSignatureBytes> signature{};
  crypto_sign_detached(signature.data(), nullptr, reinterpret_cast<const unsigned char*>(said.data()), said.size(),
                       secret_);
  return said + std::string(kSignature) + Hex(signature.data(), signature.size());
}

absl::StatusOr<ClaimedHead> ReadClaim(std::string_view line) {
  const std::size_t begin = line.find(kBegin);
  if (begin == std::string_view::npos) return NotFound("no head of an audit log");
  line.remove_prefix(begin);
  const std::size_t end = line.find(kSignature);
  if (end == std::string_view::npos) return Invalid("a head of an audit log without a signature");
  const std::string_view said = line.substr(0, end);
  std::array<unsigned char, kSignatureBytes> signature{};
  std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> key{};
  AuditHead head;
  std::string problem;
  const std::optional<std::uint64_t> entry = NumberIn(said, "entry");
  const std::optional<std::uint64_t> id = NumberIn(said, "id");
  const std::string at(Field(said, "at").value_or(""));
  const bool is_whole = entry && id && FromHex(Field(said, "hash").value_or(""), head.hash.data(), head.hash.size()) &&
                        FromHex(Field(said, "key").value_or(""), key.data(), key.size()) &&
                        FromHex(line.substr(end + kSignature.size()).substr(0, 2 * signature.size()), signature.data(),
                                signature.size()) &&
                        absl::ParseTime(std::string(kTime), at, absl::UTCTimeZone(), &head.at, &problem);
  if (!is_whole) return Invalid("a head of an audit log that cannot be read: %s", JsonQuote(said));
  head.store = std::string(Field(said, "store").value_or(""));
  head.entry = *entry;
  head.id = AuditId(*id);
  head.key = Hex(key.data(), key.size());
  return ClaimedHead{std::move(head), line.substr(0, end + kSignature.size() + 2 * signature.size())};
}

absl::StatusOr<AuditHead> ParseHead(std::string_view line) {
  TOCSIN_ASSIGN(ClaimedHead claim, ReadClaim(line));
  std::array<unsigned char, kSignatureBytes> signature{};
  std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> key{};
  const std::string_view said = claim.text.substr(0, claim.text.size() - kSignature.size() - 2 * signature.size());
  FromHex(claim.text.substr(said.size() + kSignature.size()), signature.data(), signature.size());
  FromHex(claim.head.key, key.data(), key.size());
  if (crypto_sign_verify_detached(signature.data(), reinterpret_cast<const unsigned char*>(said.data()), said.size(),
                                  key.data()) != 0) {
    return DataLoss("the signature is not of what this head says: %s", JsonQuote(said));
  }
  return std::move(claim.head);
}

}  // namespace tocsin
