// Receipts that do not come: which messages are to be confirmed by their provider, and for how long one waits for that.
#pragma once

#include <optional>

#include "absl/time/time.h"

#include "engine/responder_turn.h"

namespace tocsin {

// How long a message that its provider has just taken may go without a receipt before the person's next method is used; nullopt: none
// is waited for. One is for a page to a person by a provider that is asked for receipts (twilio.receipts) and has given one by this
// kind of contact method within kReceiptsRemembered: without that nothing says that receipts find the way to us.
std::optional<absl::Duration> PatienceForReceipt(const Turn& turn, const Notification& row);

inline constexpr absl::Duration kReceiptsRemembered = absl::Hours(24 * 30);

}  // namespace tocsin
