// How long what is over is kept, and how much of it.
#pragma once

#include <cstdint>

#include "absl/time/time.h"

namespace tocsin {

struct Retention {
  absl::Duration groups = absl::Hours(24 * 90);      // with their escalations, pages and notifications; silences too
  absl::Duration incidents = absl::Hours(24 * 365);  // with their timelines
  absl::Duration audit = absl::Hours(24 * 365);
  std::uint64_t bytes =
      0;  // of all that but the audit log, before compression; above it the oldest goes first; 0: no bound
};

}  // namespace tocsin
