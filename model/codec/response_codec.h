// The responder's facts and rows as bytes, for the journal and the views. Storage needs no more than this: no generated type
// is named here. The format is proto/tocsin/v1/disk.proto.
//
// Encoding is deterministic: equal values give equal bytes. Decoding never crashes on any bytes; DataLoss means that they are
// not what this version, or an older one, has written, and the message names the field; FailedPrecondition that a newer one has: a row of
// a table that is not known here. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "model/ids.h"
#include "model/response.h"
#include "model/timeline.h"

namespace tocsin {

// Without its table: that is part of the key. An OrganisationPtr must not be null.
std::string EncodeRow(const Row& row);
// `table` as in RowKey: the index of Row's alternative.
absl::StatusOr<Row> DecodeRow(std::uint8_t table, std::string_view bytes);

std::string EncodeChange(const Change& change);
absl::StatusOr<Change> DecodeChange(std::string_view bytes);

// Where the parts of an encoded Change lie in it: its rows as EncodeRow gives them, its timeline entries as EncodeTimelineEntry does,
// both in their order. Who has the Change and its bytes need not encode any of them again.
struct ChangeParts {
  std::vector<std::string_view> entries;
  std::vector<std::string_view> rows;
};
ChangeParts PartsOf(std::string_view encoded);  // by EncodeChange

std::string EncodeTimelineEntry(const TimelineEntry& entry);
absl::StatusOr<TimelineEntry> DecodeTimelineEntry(std::string_view bytes);

// The numbering of integrations: the first has index 0.
std::string EncodeIntegrations(std::span<const IntegrationId> names);
absl::StatusOr<std::vector<IntegrationId>> DecodeIntegrations(std::string_view bytes);

}  // namespace tocsin
