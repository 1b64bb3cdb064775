// Whether a caller may put one organisation in place of another: by `apply`, by going back to a version, by POST /-/reload. All of these
// ask here, so that nobody reaches by one what another refuses.
#pragma once

#include <string_view>

#include "absl/status/status.h"

#include "api/methods.h"
#include "model/organisation.h"

namespace tocsin {

// What a person is not called who comes by themselves, or whom a manager adds: names by which the server acts, and those that look so.
bool IsReservedName(std::string_view name);

// PermissionDenied names what is not theirs to change, with its path.
absl::Status MayApply(const Caller& caller, const Organisation& before, const Organisation& after);

}  // namespace tocsin
