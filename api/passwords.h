// Passwords of people: hashed with argon2id (RFC 9106), so that whoever reads the store cannot use what stands there; and who may
// try how often. A hash takes 64 MiB and a tenth of a second or more: call these on Workers::Lane::kHashing only.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "base/clock.h"
#include "base/mutex.h"

namespace tocsin {

inline constexpr std::size_t kLongestPassword = 1024;  // bytes

// Whether it is good enough for a new one of `user`. Invalid says what is missing, and never the password.
absl::Status CheckNewPassword(std::string_view password, std::string_view user);

// In the PHC string format. ResourceExhausted: there is no memory for it now.
absl::StatusOr<std::string> HashPassword(std::string_view password);

// Does the same work whether there is a hash or none (""), which no password fits.
bool VerifyPassword(const std::string& hash, std::string_view password);

// How often somebody may guess, by account and by address: some times at once, then after a delay that doubles. Any thread.
//
// Names and addresses are kept as buckets of a keyed hash: however many are tried, the memory is the same, none pushes another
// out, and a name that nobody has is treated as one that somebody has. Two that fall together wait for each other.
class AttemptGuard {
 public:
  struct Policy {
    std::uint32_t free = 0;  // so many failures cost nothing
    absl::Duration longest;  // the delay doubles from a second to this
  };
  // An account's delay stays short: whoever knows a name could keep its owner out.
  static constexpr Policy kAccount = {5, absl::Minutes(1)};
  static constexpr Policy kAddress = {20, absl::Minutes(15)};
  static constexpr absl::Duration kForget = absl::Hours(1);  // without a failure

  AttemptGuard();

  // Counts an attempt, as one that fails. ResourceExhausted says for how long nothing is looked at; that is not counted. No account
  // (""): the address alone counts.
  absl::Status Begin(std::string_view account, std::string_view address, EngineTime now);
  // The attempt did not fail after all: the account's failures are forgotten, the address has one less.
  void Succeed(std::string_view account, std::string_view address);

 private:
  struct Bucket {
    std::uint32_t failures = 0;
    EngineTime last;
    EngineTime open;  // looked at again
  };
  static constexpr std::size_t kBuckets = std::size_t{1} << 16U;

  Bucket& Of(std::vector<Bucket>& buckets, std::string_view name) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static void Count(Bucket& bucket, const Policy& policy, EngineTime now);

  std::array<unsigned char, 16> key_{};
  Mutex mutex_;
  std::vector<Bucket> accounts_ ABSL_GUARDED_BY(mutex_);
  std::vector<Bucket> addresses_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tocsin
