#include "model/reach.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "base/hash.h"

namespace tocsin {

std::string_view Name(ReachState state) {
  switch (state) {
    case ReachState::kUnverified: return "unverified";
    case ReachState::kVerified: return "verified";
    case ReachState::kFailing: return "failing";
  }
  return "";
}

ReachState StateOf(const ContactReach& reach) {
  if (reach.failing) return ReachState::kFailing;
  const bool confirmed = reach.confirmed_at != absl::Time() && !reach.unconfirmed;
  return confirmed ? ReachState::kVerified : ReachState::kUnverified;
}

ContactReachId ReachIdOf(const UserId& user, const ContactMethod& method) {
  const std::string whole =
      absl::StrCat(user.value(), "\n", method.id.value(), "\n", static_cast<int>(method.kind), "\n", method.address);
  return ContactReachId(std::max<std::uint64_t>(1, Hash64(whole)));
}

}  // namespace tocsin
