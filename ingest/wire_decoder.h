// Reads the wire bytes of an IngestRequest straight into a batch: no generated class, no allocation per label, no copy but
// the one into the batch. A test proves that it and the generated classes say the same of any bytes (but for text that is
// not UTF-8: they refuse the message, we refuse the alert).
//
// The format: protobuf.dev/programming-guides/encoding. Unknown fields are skipped, groups included; of a scalar that comes
// twice the last counts; a message that comes twice is merged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "ingest/intake.h"
#include "ingest/label_list.h"
#include "ingest/wire_cursor.h"

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
  // The same of a message in pieces, as it came from the network: only what lies across an edge is put together.
  absl::StatusOr<WireRequest> Decode(std::span<const std::string_view> pieces, Intake& intake);

 private:
  // Reads the fields of a piece up to one that is not complete in it, and returns how many bytes that were. `at` is where the piece
  // begins in the message.
  absl::StatusOr<std::size_t> ReadFields(
      std::string_view piece, std::size_t at, bool last, WireRequest& request, Intake& intake);
  // Reads one field; false: it is not complete.
  absl::StatusOr<bool> ReadField(WireCursor& cursor, std::size_t at, WireRequest& request, Intake& intake);
  absl::Status ReadAlert(std::string_view body, std::size_t at, Intake& intake);

  LabelList labels_;
  LabelList annotations_;
  std::string across_;  // an edge of two pieces: the fields that lie there
};

}  // namespace tocsin
