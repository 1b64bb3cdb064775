// Files of an organisation, as the commands that take them read and judge them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "cli/arguments.h"
#include "cli/client.h"
#include "tocsin/v1/api.pb.h"

namespace tocsin {

// `-` is standard input. At most as much as the server would take.
absl::StatusOr<v1::ApplyOrganisationRequest> ReadFiles(const std::vector<std::string>& paths);

// Before a call of so many bytes: a connection by which nobody has shown a token yet may not send as much as the longest call has
// (net/connection_gate.h).
void ShowTokenFirst(const Client& client, std::size_t bytes);

// On standard error, a line each; `kind` goes before it.
void PrintProblems(const google::protobuf::RepeatedPtrField<v1::ApplyOrganisationResponse::Problem>& problems,
                   std::string_view kind);

// From when on edited schedules go by what is declared: of apply, rollback and schedule diff.
inline constexpr OptionSpec kFromOption = {
    "schedules-from", 0, true, "WHEN",
    "edited layers change now (default), at their next-handoff, after a full-rotation, or at TIME"};
inline constexpr OptionSpec kHolderOption = {"no-keep-holder", 0, false, "",
                                             "the new order counts at once: do not leave the turn to who has it"};
absl::Status ReadTransition(const Arguments& arguments, v1::ScheduleTransition& to);

}  // namespace tocsin
