#include "notify/exchange.h"

#include <algorithm>

#include "base/strings.h"

namespace tocsin::notify {

Verdict JudgeUnanswered(const Reply& reply) {
  using Kind = AttemptResult::Kind;
  using Trouble = Reply::Trouble;
  Verdict verdict{.detail = reply.error.empty() ? "no answer" : reply.error};
  if (reply.trouble == Trouble::kPeerDenied) {
    verdict.kind = Kind::kRejected;
    return verdict;
  }
  verdict.kind = reply.reached == Reply::Reached::kNothing ? Kind::kRetryLater : Kind::kAmbiguous;
  verdict.loud = reply.trouble == Trouble::kTls || reply.trouble == Trouble::kLogin;
  return verdict;
}

absl::Duration ParseRetryAfter(std::string_view value, absl::Time now) {
  const std::string_view text = Trim(value);
  if (text.empty()) return absl::ZeroDuration();
  absl::Duration asked;
  if (std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
    // Nine digits are thirty years: enough to be clamped, and no overflow on the way.
    asked = text.size() > 9 ? kLongestRetryAfter : absl::Seconds(std::stol(std::string(text)));
  } else {
    absl::Time at;
    std::string error;
    if (!absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", ToAbsl(text), &at, &error)) return absl::ZeroDuration();
    asked = at - now;
  }
  return std::clamp(asked, absl::ZeroDuration(), kLongestRetryAfter);
}

}  // namespace tocsin::notify
