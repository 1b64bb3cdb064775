// Which of two providers of a kind an attempt goes by (second_twilio and second_smtp of the organisation). Every attempt is decided on anew
// and its provider journalled with its lease, so that the answer is known to be that one's.
//
//   the first         unless its score says that it fails (engine/channel_score.h) and the second's does not
//   the other one     after an attempt that has failed, or of which nothing is known
//   the first again   now and then by a message that is not critical, so that it is known when it works
#pragma once

#include <cstdint>

#include "absl/time/time.h"

#include "engine/responder_turn.h"

namespace tocsin {

// Of the attempt at `row` that begins now; 0 where there is no second.
std::uint32_t ProviderFor(const Turn& turn, const Notification& row);
// Whether the other provider has not been tried yet with this message, so that nothing is waited for.
bool HasUntriedProvider(const Turn& turn, const Notification& row);
// An attempt with its provider has failed, or nothing is known of it.
void ProviderFailed(Notification& row);

inline constexpr absl::Duration kFirstTriedAgainAfter = absl::Minutes(5);

}  // namespace tocsin
