#include "engine/responder_receipts.h"

#include <algorithm>

#include "engine/responder_reach.h"

namespace tocsin {
namespace {

using Method = ContactMethod::Kind;

bool HasConfirmedLately(const ContactReach& reach, const Now& now) {
  return reach.delivered_at != absl::Time() && now.wall - reach.delivered_at < kReceiptsRemembered;
}

// Whether receipts come by this kind of method, as far as anybody's messages tell.
bool AreReceiptsGiven(const Turn& turn, const Notification& row) {
  const ContactReach* own = FindReach(turn, row.user, row.method);
  if (own != nullptr && HasConfirmedLately(*own, turn.now())) return true;
  return std::ranges::any_of(turn.state().reaches, [&](const auto& each) {
    return each.second.kind == row.method.kind && HasConfirmedLately(each.second, turn.now());
  });
}

}  // namespace

std::optional<absl::Duration> PatienceForReceipt(const Turn& turn, const Notification& row) {
  const bool asks = row.purpose == Notification::Purpose::kPage || row.purpose == Notification::Purpose::kFallback;
  const bool reports = row.method.kind == Method::kSms || row.method.kind == Method::kVoice;
  const Organisation* organisation = turn.organisation();
  if (!asks || !reports || !row.user.set() || organisation == nullptr) return std::nullopt;
  if (!organisation->TwilioOf(row.provider).receipts) return std::nullopt;
  if (!AreReceiptsGiven(turn, row)) return std::nullopt;
  return organisation->TwilioOf(row.provider).receipt_timeout;
}

}  // namespace tocsin
