// What can be known to be wrong with a start before anything is written: a first start that fails leaves no folder behind that is half a
// store.
#pragma once

#include "absl/status/status.h"

#include "server/flags.h"

namespace tocsin {

// Addresses that are none or that another program has; a data folder that cannot be written. Says what to do.
absl::Status CheckBeforeStart(const ServeOptions& options);

// Of `--flag`, where nobody can listen: who has the port, how to find out, and what to do.
absl::Status CannotListen(std::string_view flag, const std::string& address, const absl::Status& why);

}  // namespace tocsin
