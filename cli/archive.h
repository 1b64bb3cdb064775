// What commands share about journals' archives.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace tocsin {

// Reads every byte and prints a line for each line of it; the first that is wrong.
absl::Status VerifyArchive(const std::string& archive);

}  // namespace tocsin
