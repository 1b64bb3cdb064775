// The views: rows, history, timelines and integrations in one RocksDB, all folded from the journal.
//
// The write-ahead log is off. Every batch carries the journal sequence that it brings the views to, and there is one column
// family, so what a crash leaves is some prefix of the batches with its own sequence: the journal is folded from there.
//
// A write that the disk refuses is no end: the views then stand still (is_behind), and whoever keeps the store lets them catch up with
// the journal when there is room again. Until then they are read as they were.
//
// Any thread. Writes take turns; Flush holds nobody up while RocksDB writes its files.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include <rocksdb/db.h>

#include "base/mutex.h"
#include "model/event.h"
#include "model/response.h"
#include "storage/audit_chain.h"
#include "storage/change_parts.h"
#include "storage/journal.h"
#include "storage/row_history.h"
#include "storage/view_batch.h"

namespace tocsin {

class Views {
 public:
  // The views of the store in `store_folder`. `env` null: the real file system. `read_only`: for verification; nothing is
  // written, what is missing is an error.
  static absl::StatusOr<std::unique_ptr<Views>> Open(rocksdb::Env* env,
                                                     const std::string& store_folder,
                                                     bool read_only);
  ~Views();

  Sequence applied() const;
  absl::StatusOr<std::vector<Row>> LoadRows() const;
  absl::Status ReadRows(absl::FunctionRef<void(Row row)> visit) const;
  absl::StatusOr<std::vector<IntegrationId>> LoadIntegrations() const;

  // An error is told once: while the views stand still what comes is passed over.
  absl::Status ApplyChanges(std::span<const DurableChange> changes);
  absl::Status ApplyIntegrations(const std::vector<IntegrationId>& names, Sequence sequence);
  // After a failed write. Resume, then CatchUp with each entry of the journal after applied(), until Rejoin says that nothing was
  // passed over meanwhile. All from one thread.
  bool is_behind() const;
  absl::Status why_behind() const;
  absl::Status Resume();
  absl::Status CatchUp(const Entry& entry);
  bool Rejoin();
  // Everything up to `sequence` that concerns the views has been applied.
  void MoveTo(Sequence sequence);
  // Returns up to where the views are durable now: what was applied before the call. Others may have applied more since.
  absl::StatusOr<Sequence> Flush();
  // Forgets rows that have left memory, with their timelines, by age and by bytes: at most `limit` rows.
  absl::Status Retain(const Retention& retention, absl::Time now, std::size_t limit);
  // Rows of the history that no index knows, of a store of before there was one: at most `limit`. True: all are indexed.
  absl::StatusOr<bool> BuildIndex(std::size_t limit);
  bool is_indexed() const;
  std::uint64_t history_bytes() const;
  AuditEnds ReadAuditEnds() const;
  absl::Duration audit_kept() const;  // what the last Retain said

  absl::StatusOr<std::vector<TimelineEntry>> ReadTimeline(Subject subject,
                                                          std::uint64_t after,
                                                          std::size_t limit,
                                                          std::uint64_t* next) const;
  absl::StatusOr<std::optional<Row>> ReadRow(RowKey key) const;
  absl::StatusOr<std::vector<Row>> ListRows(std::uint8_t table, std::uint64_t before, std::size_t limit) const;

  // Reads and decodes everything.
  struct Census {
    std::uint64_t rows = 0;
    std::uint64_t history = 0;
    std::uint64_t timeline_entries = 0;
  };
  absl::StatusOr<Census> Verify() const;

  rocksdb::DB& db() { return *db_; }
  const std::string& folder() const { return folder_; }
  // As the database is: files that are ingested must be alike.
  const rocksdb::Options& options() const { return options_; }

 private:
  Views(rocksdb::Options options, std::string folder, std::unique_ptr<rocksdb::DB> db);
  absl::Status Apply(std::span<const DurableChange> changes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Apply(const DurableChange& change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Write(ViewBatch& gathered, Sequence sequence) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Apply(const std::vector<IntegrationId>& names, Sequence sequence) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Write(rocksdb::WriteBatch& batch, Sequence sequence) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Move(Sequence sequence) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool PassesOver(Sequence sequence) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status StandStillUnless(const absl::Status& written) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<Sequence> Persisted() const;  // what of kApplied is on the disk

  rocksdb::Options options_;
  std::string folder_;
  std::unique_ptr<rocksdb::DB> db_;
  mutable Mutex mutex_;  // held by whoever writes
  RowHistory history_ ABSL_GUARDED_BY(mutex_);
  AuditChain audit_ ABSL_GUARDED_BY(mutex_);
  absl::Duration audit_kept_ ABSL_GUARDED_BY(mutex_) = Retention().audit;
  Sequence applied_ ABSL_GUARDED_BY(mutex_);
  bool moved_ ABSL_GUARDED_BY(mutex_) = false;       // applied_ is ahead of the last batch
  absl::Status why_behind_ ABSL_GUARDED_BY(mutex_);  // OK: they are not
  Sequence passed_over_ ABSL_GUARDED_BY(mutex_);     // the last, while behind
  ChangeReader missed_ ABSL_GUARDED_BY(mutex_);      // while catching up
};

}  // namespace tocsin
