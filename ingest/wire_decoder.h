// Reads the wire bytes of an IngestRequest straight into a batch: no generated class, no allocation per label, no copy but
// the one into the batch. A test proves that it and the generated classes say the same of any bytes (but for text that is
// not UTF-8: they refuse the message, we refuse the alert).
//
// The format: protobuf.dev/programming-guides/encoding. Unknown fields are skipped, groups included; of a scalar that comes
// twice the last counts; a message that comes twice is merged.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "ingest/intake.h"
#include "ingest/label_list.h"
#include "ingest/repeats.h"
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
  // With `repeats`, which outlives it, alerts that it knows are added as such (Intake::AddRepeat): the bytes must stay then for as long
  // as the batch is on its way.
  explicit WireDecoder(Repeats* repeats = nullptr) : repeats_(repeats) {}

  // Adds the request's alerts to `intake`, which has begun. An alert that cannot be taken is refused there with its reason;
  // InvalidArgument: the bytes are not an IngestRequest at all, and name the offset, or it has more than
  // limits::kEventsPerBatch alerts; nothing may be submitted then. The
  // views in `intake`'s batch are copies; `bytes` may go afterwards.
  absl::StatusOr<WireRequest> Decode(std::string_view bytes, Intake& intake);
  // The same of a message in pieces, as it came from the network: only what lies across an edge is put together.
  absl::StatusOr<WireRequest> Decode(std::span<const std::string_view> pieces, Intake& intake);
  // One alert alone, without the message around it.
  absl::Status DecodeAlert(std::string_view body, Intake& intake) { return ReadAlert({.body = body}, intake); }

 private:
  // Reads the fields of a piece up to one that is not complete in it, and returns how many bytes that were. `at` is where the piece
  // begins in the message.
  absl::StatusOr<std::size_t> ReadFields(
      std::string_view piece, std::size_t at, bool last, WireRequest& request, Intake& intake);
  // Where an alert lies.
  struct Place {
    std::string_view body;
    std::size_t at = 0;      // in the message
    bool is_padded = false;  // some bytes after it can be read
  };
  absl::Status ReadAlert(const Place& place, Intake& intake);
  // The same with so many bytes after it, until the next call.
  std::string_view Padded(std::string_view body);
  // An alert that may be a repeat. It is looked up a few alerts later, when the line that says so has come from memory.
  struct Asked {
    Place place;
    Hash128 hash;
    std::int64_t starts_at_ns = EventHeader::kAbsent;
    std::int64_t ends_at_ns = EventHeader::kAbsent;
  };
  absl::Status Take(const Place& place, Intake& intake);
  absl::Status Look(const Asked& asked, Intake& intake);
  absl::Status LookUpAll(Intake& intake);

  LabelList labels_;
  LabelList annotations_;
  std::string padded_;
  std::string across_;  // an edge of two pieces: the fields that lie there
  Repeats* const repeats_;
  bool stays_ = false;  // what is read now lies in the message itself
  static constexpr std::size_t kAhead = 16;
  std::array<Asked, kAhead> asked_;
  std::size_t first_asked_ = 0;
  std::size_t asked_count_ = 0;
};

// For Engine::Options::read_again, of alerts that came as IngestRequests.
std::function<std::optional<EventView>(const EventHeader&, const CameBytes&, absl::Time)> ReadRepeatsAgain(
    std::uint64_t key_seed);

}  // namespace tocsin
