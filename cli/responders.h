// People on the command line: alice, user:alice, team:db, schedule:primary, policy:managers.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "tocsin/v1/common.pb.h"

namespace tocsin {

absl::StatusOr<v1::Target> ParseTarget(const std::string& text);
// "alice, team db".
std::string ShowTargets(const std::vector<v1::Target>& targets);

}  // namespace tocsin
