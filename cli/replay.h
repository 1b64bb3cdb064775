// What `diff --replay` and `silence preview` share: wait for a replay on the server, show how far it is, print what came of it.
#pragma once

#include "absl/status/statusor.h"

#include "cli/arguments.h"
#include "cli/client.h"
#include "tocsin/v1/replay.grpc.pb.h"

namespace tocsin {

// The span or the instants that --replay, --from and --to say.
absl::Status PutReplayTimes(const Arguments& arguments, v1::StartReplayRequest& request);

// Asks until it has ended. `started` is what Start or Preview has answered.
absl::StatusOr<v1::Replay> AwaitReplay(const Client& client, const v1::Replay& started);

void PrintReplay(const v1::ReplayResult& result);

// `tocsin silence preview MATCHER... | --service NAME`.
absl::Status PreviewSilence(const Arguments& arguments, const Client& client);

}  // namespace tocsin
