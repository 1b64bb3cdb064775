// All that a store remembers, as text: alerts, rows in memory and in the history, timelines, the numbering of integrations. A line each,
// sorted, by the names of the schema; so what an older program has written can be compared with what this one makes of it.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace tocsin {

// Opens the store in `folder` and brings its views up to the journal, as a server's start does: give it a copy.
absl::StatusOr<std::string> DescribeState(const std::string& folder);

}  // namespace tocsin
