#include "api/attempt_guard.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include <sodium.h>

#include "base/status.h"
#include "base/strings.h"
#include "net/network.h"

namespace tocsin {
namespace {

// One customer has a whole /64 of IPv6; ::ffff:10.1.2.3 is 10.1.2.3.
std::string NetworkOf(std::string_view address) {
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  std::optional<IpAddress> parsed = ParseIpAddress(address);
  if (!parsed) return std::string(address);
  if (!IsIpv4(*parsed)) std::fill(parsed->begin() + 8, parsed->end(), std::uint8_t{0});
  return FormatIpAddress(*parsed);
}

absl::Status Wait(absl::Duration rest) {
  return Exhausted("too many attempts failed: try again in %s",
                   absl::FormatDuration(std::max(absl::Ceil(rest, absl::Seconds(1)), absl::Seconds(1))));
}

}  // namespace

AttemptGuard::AttemptGuard()
    : anywhere_(kBuckets),
      here_(kBuckets),
      networks_(kBuckets),
      known_(kKnown),
      under_way_(kBuckets),
      under_way_known_(kKnown) {
  randombytes_buf(key_.data(), key_.size());
}

std::uint64_t AttemptGuard::Hash(std::string_view text) const {
  static_assert(crypto_shorthash_KEYBYTES == 16 && crypto_shorthash_BYTES == sizeof(std::uint64_t));
  std::array<unsigned char, crypto_shorthash_BYTES> digest{};
  crypto_shorthash(digest.data(), reinterpret_cast<const unsigned char*>(text.data()), text.size(), key_.data());
  std::uint64_t number = 0;
  std::memcpy(&number, digest.data(), sizeof number);
  return number;
}

AttemptGuard::Hashes AttemptGuard::HashesOf(std::string_view account, std::string_view address) const {
  const std::string network = NetworkOf(address);
  return {Hash(account), Hash(network), Hash(absl::StrCat(network.size(), ":", network, ToAbsl(account)))};
}

AttemptGuard::Known* AttemptGuard::FindKnown(const Hashes& hashes) {
  Known& known = known_[hashes.pair % kKnown];
  return known.tag == hashes.pair ? &known : nullptr;
}

void AttemptGuard::Count(Bucket& bucket, const Policy& policy, EngineTime now) {
  if (now - bucket.last > kForget) bucket.failures = 0;
  bucket.last = now;
  ++bucket.failures;
  if (bucket.failures < policy.free) return;
  const std::uint32_t doublings = std::min<std::uint32_t>(bucket.failures - policy.free, 20);
  bucket.open = now + std::min(absl::Seconds(1) * (1 << doublings), policy.longest);
}

absl::Status AttemptGuard::Check(std::string_view account, const Hashes& hashes, EngineTime now) {
  EngineTime open = networks_[hashes.network % kBuckets].open;
  if (const Known* known = account.empty() ? nullptr : FindKnown(hashes)) {
    open = known->bucket.open;
  } else if (!account.empty()) {
    open = std::max({open, here_[hashes.pair % kBuckets].open, anywhere_[hashes.account % kBuckets].open});
  }
  return now < open ? Wait(open - now) : absl::OkStatus();
}

absl::StatusOr<AttemptGuard::Place> AttemptGuard::Enter(std::string_view account,
                                                        std::string_view address,
                                                        EngineTime now) {
  const Hashes hashes = HashesOf(account, address);
  const MutexLock lock(mutex_);
  TOCSIN_TRY(Check(account, hashes, now));
  Place place;
  place.is_known_ = !account.empty() && FindKnown(hashes) != nullptr;
  place.slot_ = place.is_known_ ? hashes.pair % kKnown : hashes.network % kBuckets;
  std::uint8_t& under_way = (place.is_known_ ? under_way_known_ : under_way_)[place.slot_];
  if (under_way >= (place.is_known_ ? kUnderWayKnown : kUnderWay))
    return Exhausted("too many attempts from your network are waiting; try again in a second");
  ++under_way;
  place.guard_ = this;
  return place;
}

void AttemptGuard::Leave(bool is_known, std::size_t slot) {
  const MutexLock lock(mutex_);
  --(is_known ? under_way_known_ : under_way_)[slot];
}

AttemptGuard::Place::~Place() {
  if (guard_ != nullptr) guard_->Leave(is_known_, slot_);
}

absl::Status AttemptGuard::Begin(std::string_view account, std::string_view address, EngineTime now) {
  const Hashes hashes = HashesOf(account, address);
  const MutexLock lock(mutex_);
  TOCSIN_TRY(Check(account, hashes, now));
  if (Known* const known = account.empty() ? nullptr : FindKnown(hashes)) {
    Count(known->bucket, kNameHere, now);
    return absl::OkStatus();
  }
  if (!account.empty()) {
    Count(here_[hashes.pair % kBuckets], kNameHere, now);
    Count(anywhere_[hashes.account % kBuckets], kNameAnywhere, now);
  }
  Count(networks_[hashes.network % kBuckets], kNetwork, now);
  return absl::OkStatus();
}

void AttemptGuard::Succeed(std::string_view account, std::string_view address) {
  const Hashes hashes = HashesOf(account, address);
  const MutexLock lock(mutex_);
  if (Known* const known = account.empty() ? nullptr : FindKnown(hashes)) {
    known->bucket = {};
    return;  // of the network nothing was counted: whoever knows one password opens it to no guesses at others
  }
  if (!account.empty()) {
    here_[hashes.pair % kBuckets] = {};
    anywhere_[hashes.account % kBuckets] = {};
    known_[hashes.pair % kKnown] = {.tag = hashes.pair, .bucket = {}};
  }
  Bucket& network = networks_[hashes.network % kBuckets];
  if (network.failures > 0) --network.failures;
  network.open = {};
}

void AttemptGuard::Remember(std::string_view account, std::string_view address) {
  const Hashes hashes = HashesOf(account, address);
  const MutexLock lock(mutex_);
  known_[hashes.pair % kKnown] = {.tag = hashes.pair, .bucket = {}};
}

}  // namespace tocsin
