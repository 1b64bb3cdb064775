// How well a provider does what it says: of the newest messages to people, how many it took, how many of these arrived as its receipts
// tell, and how soon. Pure: a look at the newest of the responder's rows, never at more than so many.
//
// A provider that takes messages and delivers none is the worst there is: nothing has failed, and nobody is told. It is found by receipts
// that do not come (engine/responder_receipts.h), or that say of different people's messages that they did not arrive.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

#include "engine/responder_state.h"

namespace tocsin {

struct ChannelScore {
  std::uint32_t tried = 0;      // messages of which is known whether it took them
  std::uint32_t taken = 0;      // of these
  std::uint32_t awaited = 0;    // of those it took: a receipt came, or should have
  std::uint32_t delivered = 0;  // of these, in the end
  absl::Duration receipt_p95;   // from taken to delivered; meaningful with `delivered`
  absl::Time delivered_at;      // the last that was; unset: none
  // Since then it took so many and delivered none; the first of them was queued then.
  std::uint32_t lost = 0;
  absl::Time lost_since;
  absl::Time tried_at;        // the newest message with which it was tried was queued then; unset: none
  bool refused_last = false;  // an attempt at that one has failed, or had an unknown outcome
  bool delivers_nothing() const { return lost > 0; }
  bool fails() const { return refused_last || delivers_nothing(); }
};

inline constexpr std::size_t kMessagesScored = 1000;

// By kind of contact method, and of each the first and the second provider, of the newest `most` messages.
using ProviderScores = std::array<ChannelScore, 2>;
using ChannelScores = std::array<ProviderScores, kContactKinds>;
ChannelScores ScoreChannels(const ResponderState& state, std::size_t most = kMessagesScored);

}  // namespace tocsin
