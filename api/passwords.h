// Passwords of people: hashed with argon2id (RFC 9106), so that whoever reads the store cannot use what stands there. A hash takes 64
// MiB and a tenth of a second or more: call these on the Workers' lanes for hashing only.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tocsin {

inline constexpr std::size_t kLongestPassword = 1024;  // bytes

// Whether it is good enough for a new one of `user`. Invalid says what is missing, and never the password.
absl::Status CheckNewPassword(std::string_view password, std::string_view user);

// In the PHC string format. ResourceExhausted: there is no memory for it now.
absl::StatusOr<std::string> HashPassword(std::string_view password);

// Does the same work whether there is a hash or none (""), which no password fits.
bool VerifyPassword(const std::string& hash, std::string_view password);

}  // namespace tocsin
