// Rows that have left memory: how they are kept, indexed for search and retention, and forgotten. A part of Views, which
// serialises the calls and writes the batches; what is added to a batch counts from then on. After a failed write, Open it again.
//
// Everything about a row, its image, its place in the order of retention and its postings, is written and deleted in one
// batch. Stores of before the index get theirs from BuildIndex, a slice at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include "model/response.h"
#include "storage/retention.h"
#include "storage/search_terms.h"

namespace tocsin {

class RowHistory {
 public:
  explicit RowHistory(rocksdb::DB& db) : db_(db) {}
  // Reads what it knows of the store.
  absl::Status Open();

  // `now`: when the row left memory. `more`: entries of its timeline that are in the batch and not in the database yet.
  absl::Status Put(rocksdb::WriteBatch& batch, const Row& row, absl::Time now, std::span<const TimelineEntry> more);
  // The same for a row as it is in memory's table, if it is there.
  absl::Status Take(rocksdb::WriteBatch& batch, RowKey key, absl::Time now, std::span<const TimelineEntry> more);
  absl::Status Remove(rocksdb::WriteBatch& batch, RowKey key);

  // Forgets what is too old, then, above the bound on bytes, what is oldest: at most `limit` rows.
  absl::Status Retain(rocksdb::WriteBatch& batch, const Retention& retention, absl::Time now, std::size_t limit);
  // Indexes at most `limit` rows that are not indexed yet. When nothing is left, IsIndexed.
  absl::Status BuildIndex(rocksdb::WriteBatch& batch, std::size_t limit);
  bool is_indexed() const { return is_indexed_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  struct Found {
    std::vector<TimelineEntry> timeline;  // its beginning and its end
    std::uint64_t bytes = 0;              // of all of it
  };
  absl::StatusOr<Found> ReadTimeline(RowKey key, std::span<const TimelineEntry> more) const;
  absl::Status Index(rocksdb::WriteBatch& batch,
                     const Row& row,
                     std::string_view closed,
                     std::size_t row_bytes,
                     std::span<const TimelineEntry> more);
  absl::Status Forget(rocksdb::WriteBatch& batch, RowKey key, std::string_view closed);
  absl::Status Unindex(rocksdb::WriteBatch& batch, const Row& row, std::string_view closed);
  absl::Status PutBytes(rocksdb::WriteBatch& batch) const;

  rocksdb::DB& db_;
  bool is_indexed_ = false;
  std::string indexed_up_to_;
  std::uint64_t bytes_ = 0;
};

}  // namespace tocsin
