// Between AlertEvent and proto/tocsin/v1/ingest.proto's Alert, for who sends. What comes in is read by ingest/wire_decoder.h, which
// copies nothing.
#pragma once

#include "absl/status/statusor.h"

#include "model/event.h"
#include "tocsin/v1/ingest.pb.h"

namespace tocsin {

void ToProto(const AlertEvent& from, v1::Alert& to);
// Invalid: no kind that this version knows. A severity that it does not know is none.
absl::StatusOr<AlertEvent> FromProto(const v1::Alert& from);

}  // namespace tocsin
