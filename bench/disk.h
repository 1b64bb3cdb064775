// What the disk does by itself, so that a figure of ours can be told from one of its.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"

#include "bench/rig.h"

namespace tocsin {

// Appends of 4 KiB to a preallocated file in the rig's scratch, each on the disk before the next. Empty: it cannot be written.
std::vector<absl::Duration> ProbeDisk(const Rig& rig);
// "fsync p50 0.02 ms, p99 0.10 ms", now.
std::string DescribeDisk(const Rig& rig);

}  // namespace tocsin
