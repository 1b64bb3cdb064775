// Whether a contact method reaches its person: what has been seen of it, whatever was sent to it and why.
//
// There is a row for each method of each person to which anything was ever sent. Its id follows from whose it is and where it leads, so
// that a method with another address is another one, of which nothing is known.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/time/time.h"

#include "model/ids.h"
#include "model/organisation.h"

namespace tocsin {

using ContactReachId = StrongId<struct ContactReachTag>;

struct ContactReach {
  ContactReachId id;  // ReachIdOf
  UserId user;
  ContactMethodId method;
  ContactMethod::Kind kind = ContactMethod::Kind::kEmail;
  absl::Time since;  // it is known of
  // Of the last time, each; unset: never. Those of what went well are exact to a minute.
  absl::Time tried_at;       // an attempt was begun
  absl::Time accepted_at;    // the provider took a message
  absl::Time delivered_at;   // a receipt said that it has arrived
  absl::Time confirmed_at;   // the person has answered by a link that went there
  absl::Time failed_at;      // given up, rejected, or not delivered
  std::string failure;       // why then
  bool failing = false;      // what was sent last has failed for good
  bool undelivered = false;  // and only the receipt said so: that the provider takes the next one is no news
  absl::Time asked_at;       // by a self-test
  bool unconfirmed = false;  // a day has passed since then without an answer
  bool reported = false;     // whoever answers for the person was told that it fails, or was not confirmed
  friend bool operator==(const ContactReach&, const ContactReach&) = default;
};

enum class ReachState : std::uint8_t {
  kUnverified = 1,  // nobody has confirmed it, or not the last self-test
  kVerified = 2,
  kFailing = 3
};
inline constexpr std::size_t kReachStates = 3;
std::string_view Name(ReachState state);

ReachState StateOf(const ContactReach& reach);
// Never zero.
ContactReachId ReachIdOf(const UserId& user, const ContactMethod& method);

}  // namespace tocsin
