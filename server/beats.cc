#include "server/beats.h"

#include <algorithm>

namespace tocsin {

Beats::Verdict Beats::Decide(EngineTime now, absl::Duration interval, const Seen& seen) {
  if (seen.canaries && !seen.arrived && seen.why_not.empty()) return Verdict::kNotNow;
  // A canary is half an interval late at most and not two beats: outside services count from the last.
  const absl::Duration early = seen.canaries ? std::min(*seen.canaries, interval) / 2 : absl::ZeroDuration();
  if (last_ && now - *last_ < interval - early) return Verdict::kNotNow;
  last_ = now;
  return seen.why_not.empty() ? Verdict::kSend : Verdict::kWithhold;
}

}  // namespace tocsin
