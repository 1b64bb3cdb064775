// A store: one folder with everything durable in it. Journal, views in RocksDB, checkpoints of the alert table.
//
//   data/FORMAT           format version, store id and key seed; refuses newer ones in plain words
//   data/LOCK             held while open: two servers never share a folder
//   data/journal/         segments and the mark (storage/journal.h)
//   data/views/           RocksDB: the responder's rows, timelines, checkpoints of the alert table. WAL off; every batch
//                         carries the journal sequence that it brings the views to
//
// All RocksDB keys are in storage/keys.h.
//
// Threads: Commit and the journal from the committer thread only; ApplyChange, checkpoints and Flush from the thread that
// keeps the views (they may be one); reads from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

#include "model/event.h"
#include "model/response.h"
#include "storage/journal.h"

namespace rocksdb {
class Env;
}

namespace tocsin {

class Store final {
 public:
  struct Options {
    std::string folder = "data";
    Journal::Options journal;
    std::uint64_t low_water_bytes = 1ULL << 30;  // below this much free disk ingest is refused
    std::uint64_t reserve_bytes = 64ULL << 20;   // kept for paging; below it nothing is promised
    rocksdb::Env* views_env = nullptr;           // tests: NewMemEnv
    std::uint64_t key_seed = 0;                  // 0: chosen at random when the store is created; tests fix it
  };

  // Opens or creates. DataLoss: entries are missing or damaged below the mark (see Journal). FailedPrecondition: in use, or
  // of a newer format.
  static absl::StatusOr<std::unique_ptr<Store>> Open(FileSystem& files, Options options);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  Journal& journal();
  std::uint64_t key_seed() const;
  std::string store_id() const;

  // Recovery, in this order: the checkpoint's bodies for each shard, then the responder's rows, then the journal from
  // ReplayFrom on (shard entries from the checkpoint's position, responder entries from the views' position).
  absl::Status ReadCheckpoint(absl::FunctionRef<absl::Status(std::uint32_t shard, std::string_view body)> visit);
  Sequence shards_position() const;     // fold shard entries after this one
  Sequence responder_position() const;  // fold responder entries after this one
  absl::StatusOr<std::vector<Row>> LoadRows();
  absl::StatusOr<std::vector<IntegrationId>> LoadIntegrations();

  // Brings the views to `sequence`. Not synced: the journal is the truth.
  absl::Status ApplyChange(const Change& change, Sequence sequence);
  absl::Status ApplyIntegrations(const std::vector<IntegrationId>& names, Sequence sequence);

  // A checkpoint of the alert table: Begin, bodies, Commit(position): entries up to `position` need not be folded again.
  // The previous one stays valid until Commit has returned.
  absl::Status BeginCheckpoint();
  absl::Status WriteCheckpoint(std::uint32_t shard, std::string_view body);
  absl::Status CommitCheckpoint(Sequence position);

  // Makes the views durable, then trims the journal up to what both views and checkpoint have.
  absl::Status Flush();

  // History, for `explain` and lists. Oldest first; `after` is the cursor.
  absl::StatusOr<std::vector<TimelineEntry>> ReadTimeline(Subject subject,
                                                          std::uint64_t after,
                                                          std::size_t limit,
                                                          std::uint64_t* next) const;
  // A row that may have left memory.
  absl::StatusOr<std::optional<Row>> ReadRow(RowKey key) const;
  // Rows of one table with ids below `before` (0: all), newest first.
  absl::StatusOr<std::vector<Row>> ListRows(std::uint8_t table, std::uint64_t before, std::size_t limit) const;
  // Deletes closed groups, incidents and their timelines that were closed before `before`. A bounded slice.
  absl::Status Retain(absl::Time before, std::size_t limit);

  enum class Space {
    kPlenty,
    kLow,
    kNone
  };
  // Asks the file system at most once a second.
  Space FreeSpace(const Now& now);

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin
