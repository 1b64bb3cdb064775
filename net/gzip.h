// gzip with bounds, for bodies that strangers send.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "base/limits.h"

namespace tocsin {

struct InflateLimits {
  std::size_t max_bytes = limits::kBodyBytes;
  int max_ratio = limits::kInflateRatio;  // of output to input; the first 64 KiB of output are free
};

// One layer of gzip, possibly of several members. ResourceExhausted beyond a limit (at most a buffer's worth past it is ever
// held); InvalidArgument when it is damaged, cut off, or followed by something else.
absl::StatusOr<std::string> Gunzip(std::string_view compressed, const InflateLimits& limits);

std::string Gzip(std::string_view plain);

}  // namespace tocsin
