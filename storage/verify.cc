#include "storage/verify.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "storage/backup.h"
#include "storage/checkpoints.h"
#include "storage/folder_lock.h"
#include "storage/format_file.h"

namespace tocsin {
namespace {

absl::StatusOr<FolderLock> LockIfReal(FileSystem& files, const std::string& folder) {
  if (&files != &PosixFileSystem() || IsBackup(files, folder)) return FolderLock();
  absl::StatusOr<FolderLock> lock = FolderLock::Take(folder);
  // A backup on a read-only disk is in nobody's use.
  if (absl::IsPermissionDenied(lock.status())) return FolderLock();
  return lock;
}

}  // namespace

absl::StatusOr<StoreReport> VerifyStore(FileSystem& files, const std::string& folder, rocksdb::Env* views_env) {
  TOCSIN_ASSIGN(const std::optional<StoreFormat> format, ReadFormat(files, folder));
  if (!format) return NotFound("%s: there is no store: the file FORMAT is missing", folder);
  TOCSIN_ASSIGN(const FolderLock lock, LockIfReal(files, folder));
  StoreReport report;
  report.store_id = absl::StrFormat("%016x%016x", format->store.high, format->store.low);
  TOCSIN_ASSIGN(const std::unique_ptr<Views> views, Views::Open(views_env, folder, /*read_only=*/true));
  TOCSIN_ASSIGN(report.census, views->Verify());
  report.views = views->applied();
  TOCSIN_ASSIGN(const std::unique_ptr<Checkpoints> checkpoints, Checkpoints::Open(*views, /*read_only=*/true));
  report.checkpoint = checkpoints->position();
  TOCSIN_TRY(checkpoints->Read([&](std::uint32_t, std::string_view) {
    ++report.checkpoint_bodies;
    return absl::OkStatus();
  }));
  TOCSIN_ASSIGN(report.journal, Journal::Verify(files, folder + "/journal"));
  const Sequence seen = std::max(report.views, report.checkpoint);
  const Sequence folded = std::min(report.views, report.checkpoint);
  if (seen > report.journal.last) {
    return DataLoss("%s/journal: ends with entry %d, but the views have seen entry %d", folder,
                    report.journal.last.value(), seen.value());
  }
  if (report.journal.first.set() && report.journal.first.value() > folded.value() + 1) {
    return DataLoss("%s/views: they have seen entries up to %d, but the journal begins with entry %d", folder,
                    folded.value(), report.journal.first.value());
  }
  return report;
}

std::vector<std::string> Describe(const StoreReport& report) {
  std::vector<std::string> lines = {
      absl::StrFormat("store %s", report.store_id),
      absl::StrFormat("journal: entries %d to %d in %d segments, mark at %d, epoch %d", report.journal.first.value(),
                      report.journal.last.value(), report.journal.segments, report.journal.mark.value(),
                      report.journal.epoch.value()),
      absl::StrFormat("views: at entry %d; %d rows in memory, %d in the history, %d timeline entries",
                      report.views.value(), report.census.rows, report.census.history, report.census.timeline_entries),
      absl::StrFormat("alert table: checkpoint at entry %d, %d bodies", report.checkpoint.value(),
                      report.checkpoint_bodies),
  };
  for (const std::string& note : report.journal.notes)
    lines.push_back("note: " + note);
  return lines;
}

}  // namespace tocsin
