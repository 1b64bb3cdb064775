// How rows lie in the views: for the files of this folder that read and write them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "absl/status/statusor.h"
#include <rocksdb/db.h>

#include "base/status.h"
#include "model/codec/response_codec.h"
#include "model/response.h"
#include "storage/rocks.h"

namespace tocsin {

// The table of a kind of row: its index in Row.
template <typename T, std::size_t kIndex = 0>
constexpr std::uint8_t TableOf() {
  if constexpr (std::is_same_v<std::variant_alternative_t<kIndex, Row>, T>) {
    return kIndex;
  } else {
    return TableOf<T, kIndex + 1>();
  }
}

// Whether rows of this table are kept when they leave memory. Timers and singletons have no history; of schedules,
// changes, heartbeats, Opsgenie's alerts and contact methods memory has all that is kept.
constexpr bool HasHistory(std::uint8_t table) {
  return table != TableOf<Timer>() && table != TableOf<Counters>() && table != TableOf<OrganisationPtr>() &&
         table != TableOf<Throttle>() && table != TableOf<Round>() && table != TableOf<ScheduleEdition>() &&
         table != TableOf<ScheduleChange>() && table != TableOf<ScheduleWatch>() && table != TableOf<ChangeEvent>() &&
         table != TableOf<Heartbeat>() && table != TableOf<OpsgenieAlert>() && table != TableOf<OpsgenieRequest>() &&
         table != TableOf<ContactReach>();
}

// Rows that are history from the start: nothing decides by them.
constexpr bool IsArchived(std::uint8_t table) {
  return table == TableOf<ConfigurationVersion>() || table == TableOf<AuditEntry>();
}

inline absl::StatusOr<std::optional<std::string>> Get(rocksdb::DB& db, std::string_view key) {
  std::string value;
  const rocksdb::Status status = db.Get({}, ToSlice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return FromRocks(status, "read");
  return value;
}

// Calls `visit(key, value)` for every key with `prefix` from `from` on while it returns OK.
template <typename Visit>
absl::Status Scan(rocksdb::DB& db, std::string_view prefix, std::string_view from, Visit visit) {
  const std::unique_ptr<rocksdb::Iterator> at(db.NewIterator({}));
  for (at->Seek(ToSlice(from)); at->Valid() && ToView(at->key()).starts_with(prefix); at->Next()) {
    if (absl::Status status = visit(ToView(at->key()), ToView(at->value())); !status.ok()) return status;
  }
  return FromRocks(at->status(), "scan");
}

inline absl::StatusOr<Row> DecodeAt(RowKey key, std::string_view bytes) {
  absl::StatusOr<Row> row = DecodeRow(key.table, bytes);
  if (!row.ok()) return Annotate(row.status(), absl::StrFormat("views: row %d/%d", key.table, key.id));
  return row;
}

// Ends a scan early; never leaves the function that scans.
inline absl::Status Enough() {
  return absl::CancelledError();
}
inline absl::Status Unless(const absl::Status& status) {
  return absl::IsCancelled(status) ? absl::OkStatus() : status;
}

}  // namespace tocsin
