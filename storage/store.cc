#include "storage/store.h"

#include <algorithm>
#include <utility>

#include "base/mutex.h"
#include "base/status.h"
#include "model/codec/response_codec.h"
#include "storage/audit_verify.h"
#include "storage/backup.h"
#include "storage/checkpoints.h"
#include "storage/folder_lock.h"
#include "storage/format_file.h"
#include "storage/recovery_watch.h"
#include "storage/restore.h"
#include "storage/views.h"

namespace tocsin {
namespace {

// Several write buffers of the views (storage/views.cc) and what their files' ends take.
constexpr std::uint64_t kRoomToFreeze = std::uint64_t{128} << 20U;

std::string ParentOf(const std::string& folder) {
  const std::size_t slash = folder.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : folder.substr(0, slash);
}

// What is in the folder, or a new store's.
absl::StatusOr<StoreFormat> FindOrMakeFormat(FileSystem& files, const Store::Options& options) {
  TOCSIN_ASSIGN(const std::optional<StoreFormat> found, ReadFormat(files, options.folder));
  if (found) return *found;
  const absl::StatusOr<std::vector<std::string>> journal = files.List(options.folder + "/journal");
  if (journal.ok() && !journal->empty()) {
    return DataLoss(
        "%s/FORMAT is missing, but there is a journal: restore the file from a backup, its keys never change",
        options.folder);
  }
  TOCSIN_ASSIGN(const StoreFormat made, NewFormat(options.key_seed));
  TOCSIN_TRY(WriteFormat(files, options.folder, made));
  return made;
}

}  // namespace

class Store::Impl {
 public:
  Impl(FileSystem& files, Options options)
      : files_(files),
        options_(std::move(options)),
        space_(files, options_.folder, options_.low_water_bytes, options_.reserve_bytes),
        dead_letters_(files, options_.folder) {}

  absl::Status Open() {
    TOCSIN_TRY(files_.MakeFolder(options_.folder));
    // A simulated disk belongs to one process anyway.
    if (&files_ == &PosixFileSystem()) {
      TOCSIN_ASSIGN(lock_, FolderLock::Take(options_.folder));
    }
    TOCSIN_TRY(files_.SyncFolder(ParentOf(options_.folder)));
    TOCSIN_TRY(RefuseBackups(files_, options_.folder));
    if (&files_ == &PosixFileSystem()) TOCSIN_TRY(FrozenStore::Sweep(options_.folder));
    TOCSIN_ASSIGN(format_, FindOrMakeFormat(files_, options_));
    TOCSIN_TRY(dead_letters_.Open());
    TOCSIN_TRY(space_.Open());
    if (&files_ == &PosixFileSystem()) watch_ = std::make_unique<RecoveryWatch>(options_.folder);
    TOCSIN_ASSIGN(views_, Views::Open(options_.views_env, options_.folder, /*read_only=*/false));
    TOCSIN_ASSIGN(checkpoints_, Checkpoints::Open(*views_, /*read_only=*/false));
    TOCSIN_TRY(OpenJournal());
    TOCSIN_TRY(JoinPositions());
    history_.emplace(files_, options_.folder + "/journal", options_.history, *journal_, *checkpoints_);
    upgraded_from_ = format_.version;
    if (format_.used && format_.version == kStoreFormatVersion) return absl::OkStatus();
    format_.used = true;
    format_.version = kStoreFormatVersion;
    return WriteFormat(files_, options_.folder, format_);
  }

  Sequence position() const { return std::min(views_->applied(), checkpoints_->position()); }

  // What RocksDB has refused once is not asked of it again.
  absl::Status RefuseBehind() const { return Annotate(views_->why_behind(), "the views stand still"); }

  absl::Status CatchUp() {
    if (!views_->is_behind()) return absl::OkStatus();
    TOCSIN_TRY(views_->Resume());
    do {
      const Sequence from(views_->applied().value() + 1);
      if (from > journal_->last()) continue;
      TOCSIN_TRY(journal_->Read(from, [&](const Entry& entry) {
        return dead_letters_.Holds(entry.sequence) ? absl::OkStatus() : views_->CatchUp(entry);
      }));
    } while (!views_->Rejoin());
    return absl::OkStatus();
  }

  absl::Status BeginCheckpoint() {
    TOCSIN_TRY(RefuseBehind());
    TOCSIN_ASSIGN(const std::uint64_t free, space_.FreeBytes());
    const std::uint64_t expected = checkpoints_->bytes() > 0 ? checkpoints_->bytes() * 2 : journal_->bytes_on_disk();
    if (free < expected + options_.reserve_bytes) {
      return Exhausted("%s: %d bytes are free, a checkpoint may need %d", options_.folder, free,
                       expected + options_.reserve_bytes);
    }
    return checkpoints_->Begin();
  }

  // The journal's entries up to now are those whose changes the copy may have seen.
  absl::Status CommitCheckpoint(Sequence position, const Now& now) {
    TOCSIN_TRY(RefuseBehind());
    TOCSIN_ASSIGN(const bool wants_base, history_->WantsBase(now));
    TOCSIN_ASSIGN(const std::uint64_t free, space_.FreeBytes());
    if (!wants_base || free < WantedFree()) return checkpoints_->Commit(position);
    return checkpoints_->Commit(position, Checkpoints::AsBase{now.wall, journal_->last()});
  }

  // A quarter above the low-water mark, and room for the journal's next segments.
  std::uint64_t WantedFree() const {
    if (options_.low_water_bytes == 0) return 0;
    return options_.low_water_bytes + options_.low_water_bytes / 4 + 2 * options_.journal.segment_bytes;
  }

  absl::Status Flush() {
    TOCSIN_TRY(RefuseBehind());
    // Not position(): somebody may have applied more since, and that is not durable.
    TOCSIN_ASSIGN(const Sequence durable, views_->Flush());
    MutexLock lock(trim_mutex_);
    if (trim_holds_ > 0) return absl::OkStatus();
    return journal_->Trim(Sequence(std::min(durable, checkpoints_->position()).value() + 1));
  }

  absl::StatusOr<std::unique_ptr<FrozenStore>> Freeze(absl::FunctionRef<absl::StatusOr<Journal::Standing>()> stand) {
    if (&files_ != &PosixFileSystem()) return Precondition("%s: no files to link", options_.folder);
    TOCSIN_TRY(RefuseBehind());
    // What is frozen is first written out. Asked now: the level that ingest goes by may be a second old.
    TOCSIN_ASSIGN(const std::uint64_t free, space_.FreeBytes());
    if (free < std::max(options_.low_water_bytes, kRoomToFreeze)) {
      return Exhausted("%s: %d bytes are free, %d are needed to write out what is in memory", options_.folder, free,
                       std::max(options_.low_water_bytes, kRoomToFreeze));
    }
    HoldTrims(+1);
    absl::StatusOr<std::unique_ptr<FrozenStore>> taken =
        FrozenStore::OfRunning(options_.folder, *views_, position(), format_.store, stand);
    HoldTrims(-1);
    return taken;
  }

  FileSystem& files_;
  const Options options_;
  FolderLock lock_;
  StoreFormat format_;
  std::uint32_t upgraded_from_ = kStoreFormatVersion;
  DiskSpace space_;
  DeadLetters dead_letters_;
  std::unique_ptr<RecoveryWatch> watch_;  // until Recovered
  std::unique_ptr<Views> views_;
  std::unique_ptr<Checkpoints> checkpoints_;
  std::unique_ptr<Journal> journal_;
  std::optional<History> history_;

 private:
  void HoldTrims(int change) {
    MutexLock lock(trim_mutex_);
    trim_holds_ += change;
  }

  absl::Status OpenJournal() {
    Journal::Options options = options_.journal;
    options.store = format_.store;
    options.key = format_.journal_key;
    options.must_exist = format_.used;
    options.keep_trimmed = options_.history.on();
    options.known = std::max(views_->applied(), checkpoints_->position());
    TOCSIN_ASSIGN(journal_, Journal::Open(files_, options_.folder + "/journal", options));
    return absl::OkStatus();
  }

  // The views and the checkpoint must reach to where the journal begins.
  absl::Status JoinPositions() {
    const Sequence before_first(journal_->first().value() - 1);
    if (position() >= before_first) return absl::OkStatus();
    if (!options_.journal.accept_loss) {
      return DataLoss(
          "%s/views: they have seen entries up to %d, but the journal begins with entry %d: the views were lost or are "
          "of an "
          "older backup; restore a backup, or run `tocsin recover --accept-loss` to go on without what is missing",
          options_.folder, position().value(), journal_->first().value());
    }
    // Row images are absolute: the responder can start in the middle. What shards write builds on what came before it.
    views_->MoveTo(before_first);
    TOCSIN_TRY(views_->Flush().status());
    if (checkpoints_->position() >= before_first) return absl::OkStatus();
    return checkpoints_->MoveTo(journal_->last());
  }

  Mutex trim_mutex_;  // held while the journal is trimmed
  int trim_holds_ ABSL_GUARDED_BY(trim_mutex_) = 0;
};

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

absl::StatusOr<std::unique_ptr<Store>> Store::Open(FileSystem& files, Options options) {
  auto impl = std::make_unique<Impl>(files, std::move(options));
  TOCSIN_TRY(impl->Open());
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Journal& Store::journal() {
  return *impl_->journal_;
}
std::uint64_t Store::key_seed() const {
  return impl_->format_.key_seed;
}
std::optional<std::uint32_t> Store::upgraded_from() const {
  if (impl_->upgraded_from_ == kStoreFormatVersion) return std::nullopt;
  return impl_->upgraded_from_;
}
std::string Store::store_id() const {
  return absl::StrFormat("%016x%016x", impl_->format_.store.high, impl_->format_.store.low);
}

absl::Status Store::ReadCheckpoint(absl::FunctionRef<absl::Status(std::uint32_t shard, std::string_view body)> visit) {
  return impl_->checkpoints_->Read(visit);
}
Sequence Store::ReplayFrom() const {
  return Sequence(impl_->position().value() + 1);
}
Sequence Store::shards_position() const {
  return impl_->checkpoints_->position();
}
Sequence Store::responder_position() const {
  return impl_->views_->applied();
}
DeadLetters& Store::dead_letters() {
  return impl_->dead_letters_;
}
std::optional<Sequence> Store::crashed_at() const {
  return impl_->watch_ == nullptr ? std::nullopt : impl_->watch_->Poison();
}
void Store::Recovered() {
  if (impl_->watch_ != nullptr) impl_->watch_->Finished();
  impl_->watch_.reset();
}
absl::Status Store::ReadRows(absl::FunctionRef<void(Row row)> visit) {
  return impl_->views_->ReadRows(visit);
}
absl::StatusOr<std::vector<Row>> Store::LoadRows() {
  return impl_->views_->LoadRows();
}
absl::StatusOr<std::vector<IntegrationId>> Store::LoadIntegrations() {
  return impl_->views_->LoadIntegrations();
}

absl::Status Store::ApplyChange(const Change& change, Sequence sequence) {
  const std::string encoded = EncodeChange(change);
  const DurableChange durable{.change = &change, .encoded = encoded, .sequence = sequence};
  return ApplyChanges(std::span(&durable, 1));
}
absl::Status Store::ApplyChanges(std::span<const DurableChange> changes) {
  return impl_->views_->ApplyChanges(changes);
}
absl::Status Store::ApplyIntegrations(const std::vector<IntegrationId>& names, Sequence sequence) {
  return impl_->views_->ApplyIntegrations(names, sequence);
}

absl::Status Store::why_behind() const {
  return impl_->views_->why_behind();
}
absl::Status Store::CatchUp() {
  return impl_->CatchUp();
}

absl::Status Store::BeginCheckpoint() {
  return impl_->BeginCheckpoint();
}
absl::Status Store::WriteCheckpoint(std::uint32_t shard, std::string_view body) {
  return impl_->checkpoints_->Write(shard, body);
}
absl::Status Store::CommitCheckpoint(Sequence position, const Now& now) {
  return impl_->CommitCheckpoint(position, now);
}
const History& Store::history() const {
  return *impl_->history_;
}
absl::Status Store::KeepHistory(const Now& now) {
  if (impl_->views_->is_behind()) return absl::OkStatus();
  return impl_->history_->Keep(now, impl_->WantedFree());
}
absl::Status Store::Flush() {
  return impl_->Flush();
}

absl::StatusOr<std::vector<TimelineEntry>> Store::ReadTimeline(Subject subject,
                                                               std::uint64_t after,
                                                               std::size_t limit,
                                                               std::uint64_t* next) const {
  return impl_->views_->ReadTimeline(subject, after, limit, next);
}
absl::StatusOr<std::optional<Row>> Store::ReadRow(RowKey key) const {
  return impl_->views_->ReadRow(key);
}
absl::StatusOr<std::vector<Row>> Store::ListRows(std::uint8_t table, std::uint64_t before, std::size_t limit) const {
  return impl_->views_->ListRows(table, before, limit);
}
absl::Status Store::Retain(const Retention& retention, absl::Time now, std::size_t limit) {
  return impl_->views_->Retain(retention, now, limit);
}
std::uint64_t Store::history_bytes() const {
  return impl_->views_->history_bytes();
}
absl::StatusOr<SearchResult> Store::Search(const SearchRequest& request) const {
  return SearchPostings(impl_->views_->db(), request);
}
absl::StatusOr<bool> Store::BuildIndex(std::size_t limit) {
  return impl_->views_->BuildIndex(limit);
}
bool Store::is_indexed() const {
  return impl_->views_->is_indexed();
}
absl::StatusOr<AuditHead> Store::ReadAuditHead() const {
  const AuditEnds ends = impl_->views_->ReadAuditEnds();
  return AuditHead{.store = store_id(), .entry = ends.last, .id = ends.last_id, .at = {}, .hash = ends.hash};
}
absl::StatusOr<AuditReport> Store::VerifyAudit(const AuditQuestion& question) const {
  AuditQuestion asked = question;
  if (asked.kept == absl::ZeroDuration()) asked.kept = impl_->views_->audit_kept();
  TOCSIN_ASSIGN(AuditCheck check, CheckFolded(impl_->views_->db(), asked));
  AuditReport report = std::move(check).Finish();
  NoteRestore(impl_->files_, impl_->options_.folder, report);
  return report;
}
absl::StatusOr<std::unique_ptr<FrozenStore>> Store::Freeze(
    absl::FunctionRef<absl::StatusOr<Journal::Standing>()> stand) {
  return impl_->Freeze(stand);
}
Store::Space Store::FreeSpace(const Now& now) {
  return impl_->space_.Read(now);
}
absl::Status Store::NoRoomToStart(const absl::Status& why) const {
  const absl::StatusOr<std::uint64_t> free = impl_->space_.FreeBytes();
  return Exhausted("%s: %d bytes are free, too few to start; nothing is lost: make room and start again (%s)",
                   impl_->options_.folder, free.value_or(0), Message(why));
}

}  // namespace tocsin
