// Rows of every table with every field set, as bytes: what no workload comes to write is there too. A line each, the table's number and
// hexadecimal bytes; the last are a timeline entry and a list of integrations.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace tocsin {

std::string MakeSamples();
// Reads samples of this or an older program: each is understood, and written again it is what it was.
absl::Status CheckSamples(std::string_view samples);

}  // namespace tocsin
