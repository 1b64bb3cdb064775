// Where a replay can begin: a checkpoint of the alert table that was kept, with the responder's rows of the same moment.
#pragma once

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"

#include "model/ids.h"

namespace tocsin {

struct HistoryBase {
  std::uint64_t generation = 0;  // of the checkpoint; 0: the empty store, before its first entry
  Sequence position;             // fold shard entries after this one
  Sequence rows;                 // fold the responder's entries after this one
  Sequence complete;             // the copy is whole only together with all entries up to this one
  absl::Time at = absl::InfinitePast();
  std::uint64_t bytes = 0;  // compressed

  // The first entry that has to be looked at.
  Sequence begin() const { return Sequence(std::min(position, rows).value() + 1); }
  friend bool operator==(const HistoryBase&, const HistoryBase&) = default;
};

}  // namespace tocsin
