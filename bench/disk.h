// What the disk does by itself, so that a figure of ours can be told from one of its.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"

#include "bench/rig.h"

namespace tocsin {

// Writes of 4 KiB to a file in the rig's scratch whose blocks have been written before, each on the disk before the next, and `apart` from
// it: a disk, and the machine before it, answer whoever asks without a pause several times as quickly. Empty: it cannot be written.
std::vector<absl::Duration> ProbeDisk(const Rig& rig, absl::Duration apart);
// "fsync p50 0.02 ms, p99 0.10 ms", now.
std::string DescribeDisk(const Rig& rig);

}  // namespace tocsin
