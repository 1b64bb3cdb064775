// Files of an organisation, as the commands that take them read and judge them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "tocsin/v1/api.pb.h"

namespace tocsin {

// `-` is standard input. At most as much as the server would take.
absl::StatusOr<v1::ApplyOrganisationRequest> ReadFiles(const std::vector<std::string>& paths);

// On standard error, a line each; `kind` goes before it.
void PrintProblems(const google::protobuf::RepeatedPtrField<v1::ApplyOrganisationResponse::Problem>& problems,
                   std::string_view kind);

}  // namespace tocsin
