#include "storage/rewrite_rows.h"

#include <algorithm>
#include <utility>

#include <rocksdb/write_batch.h>

#include "base/status.h"
#include "model/codec/response_codec.h"
#include "storage/dead_letters.h"
#include "storage/folder_lock.h"
#include "storage/keys.h"
#include "storage/store_reader.h"
#include "storage/view_rows.h"
#include "storage/views.h"

namespace tocsin {
namespace {

constexpr std::size_t kAtOnce = 1000;

rocksdb::WriteOptions NoLog() {
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  return options;
}

absl::Status Fold(FileSystem& files, const std::string& folder, absl::Time now, rocksdb::Env* env, Views& views) {
  TOCSIN_ASSIGN(const std::unique_ptr<StoreReader> journal, StoreReader::Open(files, folder, env));
  DeadLetters letters(files, folder);
  TOCSIN_TRY(letters.Open());
  std::string parts;  // of a change in several entries
  return journal->ReadJournal(Sequence(views.applied().value() + 1), [&](const Entry& entry) -> absl::Status {
    const absl::Status folded = views.CatchUp(entry);
    if (entry.kind == EntryKind::kResponderPart) parts += entry.body;
    if (entry.kind != EntryKind::kResponder) return folded;
    const std::string body = std::exchange(parts, "") + std::string(entry.body);
    // As recovery does with what nobody can apply (storage/dead_letters.h): the next start tells people of it.
    return absl::IsDataLoss(folded) ? letters.PutAside(entry, body, Message(folded), now) : folded;
  });
}

}  // namespace

absl::StatusOr<std::uint64_t> RewriteRows(FileSystem& files,
                                          const std::string& folder,
                                          absl::Time now,
                                          absl::FunctionRef<bool(Row& row)> change,
                                          rocksdb::Env* views_env) {
  FolderLock lock;
  if (&files == &PosixFileSystem()) {
    TOCSIN_ASSIGN(lock, FolderLock::Take(folder));
  }
  TOCSIN_ASSIGN(const std::unique_ptr<Views> views, Views::Open(views_env, folder, /*read_only=*/false));
  TOCSIN_TRY(Fold(files, folder, now, views_env, *views));
  rocksdb::DB& db = views->db();
  rocksdb::WriteBatch batch;
  std::uint64_t rewritten = 0;
  for (const keys::Home home : {keys::Home::kMemory, keys::Home::kHistory}) {
    const std::string prefix(1, static_cast<char>(home));
    const std::size_t before = home == keys::Home::kHistory ? keys::kHistoryTimeBytes : 0;
    const absl::Status scanned =
        Scan(db, prefix, prefix, [&](std::string_view key, std::string_view value) -> absl::Status {
          const std::optional<RowKey> parsed = keys::ParseRow(key);
          if (!parsed || value.size() < before) return DataLoss("views: a row is damaged");
          if (parsed->table == TableOf<AuditEntry>()) return absl::OkStatus();  // it is chained
          TOCSIN_ASSIGN(Row row, DecodeAt(*parsed, value.substr(before)));
          if (!change(row)) return absl::OkStatus();
          ++rewritten;
          TOCSIN_TRY(
              FromRocks(batch.Put(ToSlice(key), std::string(value.substr(0, before)) + EncodeRow(row)), "batch"));
          if (static_cast<std::size_t>(batch.Count()) < kAtOnce) return absl::OkStatus();
          TOCSIN_TRY(FromRocks(db.Write(NoLog(), &batch), "write"));
          batch.Clear();
          return absl::OkStatus();
        });
    TOCSIN_TRY(scanned);
  }
  TOCSIN_TRY(FromRocks(db.Write(NoLog(), &batch), "write"));
  TOCSIN_TRY(views->Flush().status());
  if (rewritten == 0) return 0;
  // Tables keep what was overwritten until they are merged.
  rocksdb::CompactRangeOptions all;
  all.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  TOCSIN_TRY(FromRocks(db.CompactRange(all, nullptr, nullptr), "compact"));
  return rewritten;
}

}  // namespace tocsin
