#include "ingest/keys.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "absl/strings/match.h"
#include <sodium.h>

#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::size_t kDigestBytes = 32;
constexpr std::size_t kMaxKeyBytes = 1024;
using Digest = std::array<unsigned char, kDigestBytes>;

Digest DigestOf(std::string_view key) {
  Digest digest;
  const auto* bytes = reinterpret_cast<const unsigned char*>(key.data());
  crypto_generichash(digest.data(), digest.size(), bytes, key.size(), nullptr, 0);
  return digest;
}

std::optional<Digest> DigestFromHex(std::string_view hex) {
  Digest digest;
  std::size_t size = 0;
  const int failed = sodium_hex2bin(digest.data(), digest.size(), hex.data(), hex.size(), nullptr, &size, nullptr);
  if (failed != 0 || size != digest.size()) return std::nullopt;
  return digest;
}

std::uint64_t Prefix(const Digest& digest) {
  std::uint64_t prefix = 0;
  std::memcpy(&prefix, digest.data(), sizeof prefix);
  return prefix;
}

// The password of base64("name:password"), else the name.
std::string KeyOfBasic(std::string_view encoded) {
  std::string plain(encoded.size(), '\0');
  std::size_t size = 0;
  const int failed = sodium_base642bin(reinterpret_cast<unsigned char*>(plain.data()), plain.size(), encoded.data(),
                                       encoded.size(), nullptr, &size, nullptr, sodium_base64_VARIANT_ORIGINAL);
  if (failed != 0) return "";
  plain.resize(size);
  const std::size_t colon = plain.find(':');
  if (colon == std::string::npos || colon + 1 == plain.size()) return plain.substr(0, colon);
  return plain.substr(colon + 1);
}

}  // namespace

struct KeyRing::Table {
  struct Entry {
    Digest digest;
    const Integration* integration = nullptr;
  };
  RulesPtr rules;
  std::unordered_multimap<std::uint64_t, Entry> entries;  // by the digest's first bytes
};

std::string KeyOfAuthorization(std::string_view header) {
  header = Trim(header);
  const std::size_t blank = header.find(' ');
  if (blank == std::string_view::npos) return "";
  const std::string_view scheme = header.substr(0, blank);
  const std::string_view rest = Trim(header.substr(blank + 1));
  if (absl::EqualsIgnoreCase(ToAbsl(scheme), "bearer")) return std::string(rest);
  if (absl::EqualsIgnoreCase(ToAbsl(scheme), "basic")) return KeyOfBasic(rest);
  return "";
}

KeyRing::KeyRing(ReadRules read_rules, FindIndex find_index, FindToken find_token)
    : read_rules_(std::move(read_rules)), find_index_(std::move(find_index)), find_token_(std::move(find_token)) {
  TOCSIN_CHECK(sodium_init() >= 0, "libsodium");
}
KeyRing::~KeyRing() = default;

std::shared_ptr<const KeyRing::Table> KeyRing::Current() const {
  RulesPtr rules = read_rules_();
  {
    const MutexLock lock(mutex_);
    if (table_ && table_->rules == rules) return table_;
  }
  auto table = std::make_shared<Table>();
  table->rules = rules;
  if (rules && rules->organisation) {
    for (const Integration& integration : rules->organisation->integrations) {
      if (const std::optional<Digest> digest = DigestFromHex(integration.key_hash)) {
        table->entries.emplace(Prefix(*digest), Table::Entry{*digest, &integration});
      }
    }
  }
  const MutexLock lock(mutex_);
  table_ = table;
  return table;
}

std::optional<OpenDoor> KeyRing::Open(RulesPtr rules, const Integration* integration) const {
  const std::optional<IntegrationIndex> index = find_index_(integration->id);
  if (!index) return std::nullopt;
  return OpenDoor{std::move(rules), integration, *index};
}

bool KeyRing::ready() const {
  const RulesPtr rules = read_rules_();
  return rules != nullptr && rules->organisation != nullptr;
}

std::optional<OpenDoor> KeyRing::Find(std::string_view key) const {
  if (key.empty() || key.size() > kMaxKeyBytes) return std::nullopt;
  const std::shared_ptr<const Table> table = Current();
  const Digest digest = DigestOf(key);
  const auto [begin, end] = table->entries.equal_range(Prefix(digest));
  const auto found = std::find_if(begin, end, [&](const auto& entry) {
    return sodium_memcmp(entry.second.digest.data(), digest.data(), digest.size()) == 0;
  });
  if (found != end) return Open(table->rules, found->second.integration);
  const std::optional<IntegrationId> by_token = find_token_ ? find_token_(key) : std::nullopt;
  return by_token ? FindById(*by_token) : std::nullopt;
}

std::optional<OpenDoor> KeyRing::FindById(const IntegrationId& id) const {
  RulesPtr rules = read_rules_();
  const Integration* integration = rules && rules->organisation ? rules->organisation->Find(id) : nullptr;
  if (integration != nullptr) return Open(std::move(rules), integration);
  const std::optional<IntegrationIndex> index = find_index_(id);
  if (!index) return std::nullopt;
  return OpenDoor{std::move(rules), nullptr, *index};
}

std::optional<OpenDoor> KeyRing::FindKeyless(std::string_view source) const {
  RulesPtr rules = read_rules_();
  if (!rules || !rules->organisation) return std::nullopt;
  for (const Integration& integration : rules->organisation->integrations) {
    if (integration.source == source && integration.key_hash.empty()) return Open(std::move(rules), &integration);
  }
  return std::nullopt;
}

}  // namespace tocsin
