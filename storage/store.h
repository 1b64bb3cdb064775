// A store: one folder with everything durable in it. Journal, views in RocksDB, checkpoints of the alert table.
//
//   data/FORMAT           format version, store id and keys; refuses newer ones in plain words (storage/format_file.h)
//   data/LOCK             held while open: two servers never share a folder
//   data/dead-letters     entries that nobody can apply (storage/dead_letters.h); absent: there never was one
//   data/recovering       at which entry starts have crashed (storage/recovery_watch.h)
//   data/ballast          reserved space, given up when the disk is nearly full (storage/disk_space.h)
//   data/journal/         segments and the mark (storage/journal.h); recorded segments (storage/history.h)
//   data/backup/          hard links for a backup under way; swept at start (storage/frozen_store.h)
//   data/views/           RocksDB: the responder's rows, timelines, checkpoints of the alert table. WAL off; every batch
//                         carries the journal sequence that it brings the views to
//
// All RocksDB keys are in storage/keys.h.
//
// Threads: the journal's Append and TouchMark from one thread (the committer). ApplyChange and ApplyIntegrations from one
// thread, in the order of their sequences. Checkpoints, Flush and KeepHistory from one thread. They may be three. Retain,
// reads and FreeSpace from any.
//
// A failed write of the journal is final: end the process, recovery is the repair. After one of the views they stand still until
// CatchUp: the journal keeps all that they miss.
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

#include "model/event.h"
#include "model/response.h"
#include "storage/change_parts.h"
#include "storage/dead_letters.h"
#include "storage/disk_space.h"
#include "storage/frozen_store.h"
#include "storage/history.h"
#include "storage/journal.h"
#include "storage/retention.h"
#include "storage/search_index.h"

namespace rocksdb {
class Env;
}

namespace tocsin {

struct AuditHead;
struct AuditQuestion;
struct AuditReport;

class Store final {
 public:
  struct Options {
    std::string folder = "data";
    Journal::Options journal;
    std::uint64_t low_water_bytes = 1ULL << 30;  // below this much free disk ingest is refused
    std::uint64_t reserve_bytes = 64ULL << 20;   // kept for paging; below it nothing is promised
    History::Options history;                    // default: none is kept
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
  // The format that the folder had, when this opening has made it one of ours: older programs refuse it from now on.
  std::optional<std::uint32_t> upgraded_from() const;

  // Recovery, in this order: the checkpoint's bodies for each shard, then the responder's rows, then the journal from
  // ReplayFrom on (shard entries after shards_position, responder and integration entries after responder_position).
  absl::Status ReadCheckpoint(absl::FunctionRef<absl::Status(std::uint32_t shard, std::string_view body)> visit);
  Sequence ReplayFrom() const;          // the first entry that has to be looked at
  Sequence shards_position() const;     // fold shard entries after this one
  Sequence responder_position() const;  // fold responder entries after this one
  absl::StatusOr<std::vector<Row>> LoadRows();
  absl::Status ReadRows(absl::FunctionRef<void(Row row)> visit);  // as LoadRows, one at a time
  // Entries that recovery passes over, and the one at which the last starts have crashed.
  DeadLetters& dead_letters();
  std::optional<Sequence> crashed_at() const;
  void Recovered();  // recovery has come to its end: no entry has crashed it
  absl::StatusOr<std::vector<IntegrationId>> LoadIntegrations();

  // Brings the views to `sequence`. Not synced: the journal is the truth. What they have seen already is skipped. An empty
  // change says that up to `sequence` there is nothing more for the views: call it now and then while only shards write,
  // for the journal is kept from the views' position on.
  // Rows that a change removes stay readable (ReadRow, ListRows) until Retain, but for timers and singletons. Audit entries
  // and versions of the configuration are so from the start; a version ends when a change removes it, not by Retain.
  absl::Status ApplyChange(const Change& change, Sequence sequence);
  // Several at once, in the journal's order: each as above.
  absl::Status ApplyChanges(std::span<const DurableChange> changes);
  absl::Status ApplyIntegrations(const std::vector<IntegrationId>& names, Sequence sequence);

  // The views could not be written: they are read as they were, checkpoints and copies are refused, changes are passed over.
  absl::Status why_behind() const;  // OK: they are not
  // Brings them up to the journal, which takes as long as they have missed; an error leaves them where they are. On the thread of the
  // checkpoints, when there is room again.
  absl::Status CatchUp();

  // A checkpoint of the alert table: Begin, bodies, Commit(position): entries up to `position` need not be folded again.
  // The previous one stays valid until Commit has returned. ResourceExhausted from Begin: there is no room for a second
  // one beside it; try again later.
  absl::Status BeginCheckpoint();
  absl::Status WriteCheckpoint(std::uint32_t shard, std::string_view body);
  absl::Status CommitCheckpoint(Sequence position, const Now& now);

  // What came in before the journal's first entry, for replays.
  const History& history() const;
  // Gives up what is beyond the history's bounds, and more of it before the disk is so full that alerts are refused.
  absl::Status KeepHistory(const Now& now);

  // Makes the views durable, then trims the journal up to what both views and checkpoint have.
  absl::Status Flush();

  // History, for `explain` and lists. Oldest first; `after` is the cursor (0: from the beginning). `*next` is the cursor to
  // go on from, 0 when there is no more.
  absl::StatusOr<std::vector<TimelineEntry>> ReadTimeline(Subject subject,
                                                          std::uint64_t after,
                                                          std::size_t limit,
                                                          std::uint64_t* next) const;
  // A row that may have left memory.
  absl::StatusOr<std::optional<Row>> ReadRow(RowKey key) const;
  // Rows of one table with ids below `before` (0: all), newest first.
  absl::StatusOr<std::vector<Row>> ListRows(std::uint8_t table, std::uint64_t before, std::size_t limit) const;
  // Forgets rows that have left memory, with their timelines: what is too old, and above the bound on bytes what is oldest.
  // At most `limit` rows.
  absl::Status Retain(const Retention& retention, absl::Time now, std::size_t limit);
  std::uint64_t history_bytes() const;  // what the bound is on
  // Groups and incidents that have left memory, by terms (storage/search_terms.h). Bounded by what the request says.
  absl::StatusOr<SearchResult> Search(const SearchRequest& request) const;
  // A store of before there was an index gets it by calling this until it is true; until then searches find a part.
  absl::StatusOr<bool> BuildIndex(std::size_t limit);
  bool is_indexed() const;

  // The audit log's chain, and whether anybody has changed it (storage/audit_chain.h).
  absl::StatusOr<AuditHead> ReadAuditHead() const;
  absl::StatusOr<AuditReport> VerifyAudit(const AuditQuestion& question) const;

  // Everything of the store as of one journal entry, to be copied while the server goes on. `stand` is called when the views
  // have been linked, and says where the journal stands: it waits for the moment that the copy is to be of. Until this has
  // returned no journal is trimmed; the copy itself holds nothing back. One at a time: an older one's files go.
  absl::StatusOr<std::unique_ptr<FrozenStore>> Freeze(absl::FunctionRef<absl::StatusOr<Journal::Standing>()> stand);

  using Space = DiskSpace::Level;
  // Asks the file system at most once a second.
  Space FreeSpace(const Now& now);
  // For whoever starts and cannot because the disk is full: how much is free, and what to do.
  absl::Status NoRoomToStart(const absl::Status& why) const;

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin
