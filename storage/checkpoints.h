// Checkpoints of the alert table: bodies that Shard::Fold understands, in sorted files that RocksDB takes in whole.
//
//   Begin      a new generation; its files are built beside the database
//   Write      one body; a file is closed and the next begun at 64 MiB
//   Commit     the files are taken in, then one durable write of {generation, position} switches over, then the older
//              generation is deleted, unless it is a base
//
// A base is a checkpoint that stays when a newer one replaces it, with the responder's rows as they were when it was
// committed: all that recovery would have begun with. Replays begin there (storage/history.h).
//
// Killed anywhere before the switch, the old generation is the checkpoint and what is left of the new one is swept up at
// the next start; after the switch, the same the other way round. One thread; bases are read by any.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include <rocksdb/sst_file_writer.h>

#include "base/mutex.h"
#include "model/ids.h"
#include "storage/history_base.h"
#include "storage/views.h"

namespace tocsin {

class Checkpoints {
 public:
  // Sweeps up what an unfinished checkpoint has left (unless `read_only`). `views` outlives this.
  static absl::StatusOr<std::unique_ptr<Checkpoints>> Open(Views& views, bool read_only);

  Sequence position() const { return position_; }
  std::uint64_t bytes() const { return bytes_; }  // of the last committed one, compressed
  absl::Status Read(absl::FunctionRef<absl::Status(std::uint32_t shard, std::string_view body)> visit) const;

  // A checkpoint that was begun and not committed is given up.
  absl::Status Begin();
  absl::Status Write(std::uint32_t shard, std::string_view body);
  // What makes it a base: when, and up to which entry the copy has seen changes.
  struct AsBase {
    absl::Time at;
    Sequence complete;
  };
  absl::Status Commit(Sequence position, const std::optional<AsBase>& as_base = std::nullopt);
  // After an accepted loss: nothing before `position` will ever be folded. Durable.
  absl::Status MoveTo(Sequence position);

  // Oldest first. Any thread.
  std::vector<HistoryBase> bases() const;
  // NotFound: it was given up meanwhile. Any thread.
  absl::Status ReadBase(const HistoryBase& base,
                        absl::FunctionRef<absl::Status(std::uint32_t shard, std::string_view body)> visit_body,
                        absl::FunctionRef<absl::Status(Row row)> visit_row) const;
  // Forgets those that `keep` says no to.
  absl::Status DropBases(absl::FunctionRef<bool(const HistoryBase&)> keep);

 private:
  // The file being written of one shard.
  struct Building {
    std::unique_ptr<rocksdb::SstFileWriter> writer;  // null between files
    std::string path;
    std::uint64_t next_number = 0;
  };
  explicit Checkpoints(Views& views) : views_(views) {}
  absl::Status SweepFiles();
  absl::Status LoadBases();
  // Everything that is neither the checkpoint nor a base.
  absl::Status DeleteOtherGenerations();
  absl::StatusOr<HistoryBase> WriteRows(Sequence position, const AsBase& as_base);
  absl::Status DeleteRange(std::string_view begin, std::string_view end);
  absl::StatusOr<std::uint64_t> HighestGeneration() const;
  absl::Status Finish(Building& building);
  absl::Status Switch(std::uint64_t generation,
                      Sequence position,
                      std::uint64_t bytes,
                      const std::vector<HistoryBase>& bases);

  Views& views_;
  std::uint64_t generation_ = 0;  // of the committed one; 0: there is none
  Sequence position_;
  std::uint64_t bytes_ = 0;

  bool begun_ = false;
  std::uint64_t next_generation_ = 0;
  std::uint64_t next_file_ = 0;
  std::map<std::uint32_t, Building> building_;  // by shard
  std::vector<std::string> finished_;           // files to be taken in
  std::uint64_t finished_bytes_ = 0;

  mutable Mutex bases_mutex_;
  std::vector<HistoryBase> bases_ ABSL_GUARDED_BY(bases_mutex_);
};

}  // namespace tocsin
