// Reads the wire bytes of an IngestRequest straight into a batch: no generated class, no allocation per label, no copy but
// the one into the batch. A test proves that it and the generated classes say the same of any bytes (but for text that is
// not UTF-8: they refuse the message, we refuse the alert).
//
// The format: protobuf.dev/programming-guides/encoding. Unknown fields are skipped, groups included; of a scalar that comes
// twice the last counts; a message that comes twice is merged.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"

#include "ingest/intake.h"
#include "ingest/label_list.h"

namespace tocsin {

struct WireRequest {
  std::uint64_t batch_id = 0;
  bool want_outcomes = false;
  bool want_explanations = false;
};

// One a stream: its buffers are reused. One thread at a time.
class WireDecoder {
 public:
  // Adds the request's alerts to `intake`, which has begun. An alert that cannot be taken is refused there with its reason;
  // InvalidArgument: the bytes are not an IngestRequest at all, and name the offset, or it has more than
  // limits::kEventsPerBatch alerts; nothing may be submitted then. The
  // views in `intake`'s batch are copies; `bytes` may go afterwards.
  absl::StatusOr<WireRequest> Decode(std::string_view bytes, Intake& intake);

 private:
  LabelList labels_;
  LabelList annotations_;
};

}  // namespace tocsin
