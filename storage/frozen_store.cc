#include "storage/frozen_store.h"

#include <filesystem>
#include <utility>

#include <rocksdb/utilities/checkpoint.h>

#include "base/status.h"
#include "storage/backup.h"
#include "storage/file.h"
#include "storage/format_file.h"
#include "storage/journal_image.h"
#include "storage/mark.h"
#include "storage/restore.h"
#include "storage/rocks.h"
#include "storage/views.h"

namespace tocsin {
namespace {

namespace fs = std::filesystem;

std::string FolderIn(const std::string& store) {
  return store + "/backup";
}

absl::Status RemoveAll(const std::string& folder) {
  std::error_code error;
  fs::remove_all(folder, error);
  if (error) return Unavailable("remove %s: %s", folder, error.message());
  return absl::OkStatus();
}

absl::Status Link(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::create_hard_link(from, to, error);
  if (error) return Unavailable("link %s to %s: %s", from, to, error.message());
  return absl::OkStatus();
}

// RocksDB's own log, its lock and half-written checkpoints are no part of the views.
bool IsPartOfViews(std::string_view name) {
  return !name.starts_with("LOG") && name != "LOCK" && name != "checkpoint";
}

}  // namespace

absl::Status FrozenStore::Sweep(const std::string& folder) {
  return RemoveAll(FolderIn(folder));
}

FrozenStore::~FrozenStore() {
  if (is_ours_) RemoveAll(folder_).IgnoreError();  // the next start sweeps
}

// The views are linked first: what they have seen is in the journal by the time that `stand` says where it ends.
absl::StatusOr<std::unique_ptr<FrozenStore>> FrozenStore::OfRunning(
    const std::string& folder,
    Views& views,
    Sequence position,
    Hash128 store,
    absl::FunctionRef<absl::StatusOr<Journal::Standing>()> stand) {
  TOCSIN_TRY(Sweep(folder));
  FileSystem& files = PosixFileSystem();
  auto frozen = std::unique_ptr<FrozenStore>(new FrozenStore(FolderIn(folder)));
  frozen->is_ours_ = true;
  frozen->store_ = store;
  TOCSIN_TRY(files.MakeFolder(frozen->folder_));
  TOCSIN_TRY(frozen->LinkViews(views));
  TOCSIN_ASSIGN(const Journal::Standing standing, stand());
  TOCSIN_TRY(frozen->LinkJournal(standing, position));
  TOCSIN_TRY(frozen->CopySecrets(folder));
  return frozen;
}

absl::Status FrozenStore::LinkViews(Views& views) {
  rocksdb::Checkpoint* made = nullptr;
  TOCSIN_TRY(FromRocks(rocksdb::Checkpoint::Create(&views.db(), &made), "make a checkpoint"));
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  TOCSIN_TRY(FromRocks(checkpoint->CreateCheckpoint(folder_ + "/views"), "make a checkpoint"));
  return AddFolder("views");
}

absl::Status FrozenStore::LinkJournal(const Journal::Standing& standing, Sequence position) {
  FileSystem& files = PosixFileSystem();
  TOCSIN_TRY(files.MakeFolder(folder_ + "/journal"));
  journal::Mark mark{.store = store_,
                     .counter = 0,
                     .sequence = standing.last,
                     .hash = standing.hash,
                     .epoch = standing.epoch,
                     .first = {},
                     .active = standing.segments.back().first};
  for (const Journal::Extent& segment : standing.segments) {
    const bool is_last = &segment == &standing.segments.back();
    if (!is_last && segment.next.value() <= position.value() + 1) continue;
    if (!mark.first.set()) mark.first = segment.first;
    const std::string name = "journal/" + journal::SegmentName(segment.first);
    TOCSIN_TRY(Link(segment.path, folder_ + "/" + name));
    files_.push_back({name, segment.end});
  }
  last_ = standing.last;
  TOCSIN_TRY(journal::CreateMark(files, folder_ + "/journal", mark));
  return Add("journal/mark");
}

absl::Status FrozenStore::CopySecrets(const std::string& from) {
  for (const std::string_view name : kStoreFiles) {
    const absl::StatusOr<std::string> text = ReadWholeFile(PosixFileSystem(), absl::StrFormat("%s/%s", from, name));
    if (absl::IsNotFound(text.status()) && name != kStoreFiles[0]) continue;
    if (!text.ok()) return text.status();
    TOCSIN_TRY(WriteFileAtomically(PosixFileSystem(), folder_, std::string(name), *text));
    TOCSIN_TRY(Add(std::string(name)));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<FrozenStore>> FrozenStore::OfStopped(const std::string& folder) {
  FileSystem& files = PosixFileSystem();
  TOCSIN_ASSIGN(const std::optional<StoreFormat> format, ReadFormat(files, folder));
  if (!format) return NotFound("%s: there is no store: the file FORMAT is missing", folder);
  TOCSIN_TRY(RefuseBackups(files, folder));
  auto frozen = std::unique_ptr<FrozenStore>(new FrozenStore(folder));
  TOCSIN_ASSIGN(frozen->lock_, FolderLock::Take(folder));
  frozen->store_ = format->store;
  const std::string journal_folder = folder + "/journal";
  TOCSIN_ASSIGN(const journal::Image image, journal::ReadImage(files, journal_folder, {}));
  if (!image.damage.ok()) return Annotate(image.damage, "journal");
  if (image.segments.empty()) return Precondition("%s: the store is empty", folder);
  frozen->last_ = image.recovery.last;
  TOCSIN_TRY(frozen->AddFolder("views"));
  for (const journal::Segment& segment : image.segments)
    frozen->files_.push_back({"journal/" + segment.name, segment.end});
  TOCSIN_TRY(frozen->Add("journal/mark"));
  for (const std::string_view name : kStoreFiles) {
    std::error_code error;
    if (fs::exists(absl::StrFormat("%s/%s", folder, name), error)) TOCSIN_TRY(frozen->Add(std::string(name)));
  }
  return frozen;
}

absl::Status FrozenStore::Add(const std::string& name) {
  TOCSIN_ASSIGN(const std::unique_ptr<tocsin::File> file, PosixFileSystem().Open(folder_ + "/" + name));
  TOCSIN_ASSIGN(const std::uint64_t size, file->Size());
  files_.push_back({name, size});
  return absl::OkStatus();
}

absl::Status FrozenStore::AddFolder(const std::string& name) {
  TOCSIN_ASSIGN(const std::vector<std::string> names, PosixFileSystem().List(folder_ + "/" + name));
  for (const std::string& file : names) {
    if (IsPartOfViews(file)) TOCSIN_TRY(Add(name + "/" + file));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> FrozenStore::Read(std::size_t file, std::uint64_t offset, std::size_t limit) const {
  if (file >= files_.size()) return Invalid("the frozen has %d files", files_.size());
  const auto& [name, size] = files_[file];
  if (offset >= size) return std::string();
  TOCSIN_ASSIGN(const std::unique_ptr<tocsin::File> opened, PosixFileSystem().Open(folder_ + "/" + name));
  const std::size_t wanted = std::min<std::uint64_t>(limit, size - offset);
  TOCSIN_ASSIGN(std::string bytes, opened->ReadAt(offset, wanted));
  if (bytes.size() != wanted)
    return DataLoss("%s/%s: ends at byte %d of %d", folder_, name, offset + bytes.size(), size);
  return bytes;
}

}  // namespace tocsin
