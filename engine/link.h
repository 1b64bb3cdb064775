// Acknowledge links: what a page carries so that one press on a phone, without logging in, acknowledges it.
//
// A token is `base64url(payload).base64url(mac)`, the mac a keyed BLAKE2b-256 over the payload. It names the episode, not
// its generation: it stays good while the episode lasts and can never touch a later one, also of the same group. It also
// says when its subject began: a store that was restored, or cut at damage, gives out the numbers anew that it does not
// remember, and a link to what was forgotten must not take what bears its number now. Whoever holds it acts as the person
// it was sent to, so it ends. Pure: the HTTP door verifies with it and answers a GET with a form that posts, so
// that mail scanners which follow links acknowledge nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "model/ids.h"
#include "model/reach.h"
#include "model/timeline.h"

namespace tocsin {

inline constexpr absl::Duration kLinkLifetime = absl::Hours(24 * 7);

struct AcknowledgeLink {
  Subject subject;  // a group, an incident or a bundle; or a person, who confirms that the message has come
  UserId user;
  absl::Time expires_at;      // whole seconds
  std::uint32_t episode = 1;  // of a group
  std::int64_t began = 0;     // the subject, in Unix seconds; 0: unknown, as in links of older versions
  ContactReachId reach = {};  // the contact method that the message went to; none: of older versions
  friend bool operator==(const AcknowledgeLink&, const AcknowledgeLink&) = default;
};

// Safe in a URL's path. Requires a key; the same key verifies.
std::string SignLink(const AcknowledgeLink& link, std::string_view key);

// InvalidArgument: not a token that this key signed. FailedPrecondition: it was good until its `expires_at`.
absl::StatusOr<AcknowledgeLink> VerifyLink(std::string_view token, std::string_view key, absl::Time now);

}  // namespace tocsin
