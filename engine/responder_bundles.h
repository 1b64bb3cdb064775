// Storms: what a contact method is sent when much happens at once.
//
// A person's first page goes at once, and so does each critical one. Others about the same service within the bundle window,
// and whatever a contact method's limits (engine/allowance.h) do not let through, are held; when the method's turn comes, all
// that is held for it is told by one message, a bundle, which counts what it has no room to list. Nothing is dropped.
//
//   queued ──may go──▶ leased
//      └───not yet───▶ held ──its turn, alone────▶ leased
//                        └────its turn, several──▶ in a bundle, whose fate it shares: told, failed, or held again
//
// Limits hold for all messages that may have arrived: an attempt is charged when it is leased and refunded when it has
// certainly not delivered.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "engine/responder_turn.h"
#include "model/command.h"

namespace tocsin {

inline bool IsBundle(const Notification& row) {
  return !row.members.empty();
}

// Until when a message waits for its contact method's turn, and for which reason; until now: it may go.
struct Wait {
  enum class For : std::uint8_t {
    kBundleWindow,
    kLimits
  };
  EngineTime until;
  For what = For::kLimits;
};
Wait WaitOf(const Turn& turn, const Notification& row);
// An attempt of it begins.
void Charge(Turn& turn, const Notification& row);
// The attempt under way has certainly not delivered.
void Refund(Turn& turn, const Notification& row);
// Until then at least it waits. What a bundle tells waits each for itself.
void Postpone(Turn& turn, Notification& row, const Wait& wait);

// When a held message is expected to be told, as of now, and why not before: "held back by ...". Whatever is sent meanwhile
// counts as well, so that it may be later than what was said when it was held.
struct HeldUntil {
  EngineTime due;
  Wait::For what = Wait::For::kLimits;
  std::string why;
};
HeldUntil ExplainHeld(const ResponderState& state, const Notification& row, const Now& now);

// Its timer: sends what may go now.
void FireThrottle(Turn& turn, ThrottleId id);
// Limits may have changed: everything that waits is looked at again.
void ReviewHeld(Turn& turn);

// Before a further attempt: takes out what is settled. False when nothing is left of the bundle.
bool TrimBundle(Turn& turn, NotificationId id);
// A member was cancelled: an attempt of its bundle that has not begun is not begun with it.
void MemberCancelled(Turn& turn, NotificationId bundle, std::string_view reason);
// The bundle was taken by the provider; it has failed for good; it goes on, but the people's next methods are tried too.
void BundleAccepted(Turn& turn, const Notification& bundle);
void BundleFailed(Turn& turn, const Notification& bundle);
void BundleLate(Turn& turn, const Notification& bundle);
// It was taken, and no receipt came: the same, for what still asks for attention.
void BundleUnconfirmed(Turn& turn, const Notification& bundle);

// All that the bundle names and that still asks for attention.
absl::Status AcknowledgeBundleBy(Turn& turn, const AcknowledgeBundle& command);

}  // namespace tocsin
