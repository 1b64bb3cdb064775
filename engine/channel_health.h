// How each channel does, as the rows of what was sent to people tell: since when it delivers nothing, and what its provider said
// last. Pure: a look at the responder's state.
//
// What a receiver, such as a chat room, is told does not count: a page is for a person.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "engine/responder_state.h"

namespace tocsin {

struct ChannelHealth {
  ContactMethod::Kind kind = ContactMethod::Kind::kEmail;
  absl::Time accepted_at;      // a provider took a message for somebody last; unset: never
  absl::Time failing_since;    // nothing was taken from then on, and some was tried; unset: not failing
  std::uint64_t attempts = 0;  // that have failed since then
  std::string error;           // of the newest message among them
  bool is_failing() const { return attempts > 0; }
};

// Of the kinds by which anything was ever sent to somebody, in their order.
std::vector<ChannelHealth> HealthOfChannels(const ResponderState& state);

// Why pages reach nobody: for longer than `tolerance` attempts at people's messages were made, by whatever channel, and no provider
// has taken any. Empty: some get through, or nothing was tried. Tests do not count: they are how a broken method is found.
std::string WhyNobodyIsTold(const ResponderState& state, absl::Time now, absl::Duration tolerance);

}  // namespace tocsin
