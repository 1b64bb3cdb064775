// How each channel does, as the rows of what was sent to people tell: since when its provider takes nothing, or takes messages and
// delivers none, and what it said last. Pure: a look at the responder's state.
//
// What a receiver, such as a chat room, is told does not count: a page is for a person.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "engine/channel_score.h"
#include "engine/responder_state.h"

namespace tocsin {

struct ChannelHealth {
  ContactMethod::Kind kind = ContactMethod::Kind::kEmail;
  absl::Time accepted_at;      // a provider took a message for somebody last; unset: never
  absl::Time failing_since;    // nothing was taken, or delivered, from then on, and some was tried; unset: not failing
  std::uint64_t attempts = 0;  // that have failed since then
  std::string error;           // of the newest message among them, or how many were taken and not delivered
  ChannelScore score;          // of the first provider
  ChannelScore second;         // of the second, if there is one
  // Nothing that the first takes arrives, and the second does not take its place.
  bool delivers_nothing() const { return score.delivers_nothing() && (second.tried == 0 || second.fails()); }
  bool is_failing() const { return attempts > 0 || delivers_nothing(); }
};

// Of the kinds by which anything was ever sent to somebody, in their order.
std::vector<ChannelHealth> HealthOfChannels(const ResponderState& state);

// Why pages reach nobody: for longer than `tolerance` attempts at people's messages were made, by whatever channel, and no provider
// has taken any. Empty: some get through, or nothing was tried. Tests do not count: they are how a broken method is found.
std::string WhyNobodyIsTold(const ResponderState& state, absl::Time now, absl::Duration tolerance);

}  // namespace tocsin
