#include "storage/restore.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include "base/status.h"
#include "storage/archive.h"
#include "storage/dead_letters.h"
#include "storage/folder_lock.h"
#include "storage/folders.h"
#include "storage/format_file.h"
#include "storage/journal_image.h"
#include "storage/labelled_lines.h"
#include "storage/mark.h"
#include "storage/views.h"

namespace tocsin {
namespace {

namespace fs = std::filesystem;

// What a restore moves into place before FORMAT. Backups of before have an admin.token.
constexpr std::string_view kMoved[] = {"views",        "journal",      "link.key",   "admin.token",
                                       "secrets.keys", "dead-letters", kRestoredFile};
constexpr std::string_view kStaging = "restore.partial";

std::string Show(absl::Time at) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", at, absl::UTCTimeZone());
}

// Empty, or what an interrupted restore left: its names. Anything else is somebody's.
absl::StatusOr<std::vector<std::string>> WhatAnInterruptedRestoreLeft(const std::string& data) {
  const bool interrupted = Exists(absl::StrFormat("%s/%s", data, kStaging)) && !Exists(data + "/FORMAT");
  TOCSIN_ASSIGN(const std::vector<std::string> names, PosixFileSystem().List(data));
  std::vector<std::string> left;
  for (const std::string& name : names) {
    if (name == "LOCK" || name == "lost+found" || (interrupted && name == kStaging)) continue;
    const bool moved = std::ranges::find(kMoved, name) != std::end(kMoved);
    if (!interrupted || !moved) {
      return Precondition("%s: is not empty (%s is there); restore into a new folder, or move what is there away", data,
                          name);
    }
    left.push_back(name);
  }
  return left;
}

absl::Status ClearForRestore(const std::string& data) {
  TOCSIN_ASSIGN(const std::vector<std::string> left, WhatAnInterruptedRestoreLeft(data));
  for (const std::string& name : left)
    TOCSIN_TRY(RemoveAll(data + "/" + name));
  return RemoveAll(absl::StrFormat("%s/%s", data, kStaging));
}

absl::Status CopyChecked(const std::string& from, const BackupManifest::File& file, const std::string& into) {
  TOCSIN_ASSIGN(const std::unique_ptr<File> copy, PosixFileSystem().Create(into + "/" + file.name));
  TOCSIN_TRY(ReadBackupFile(
      from, file, [&](std::uint64_t offset, std::string_view bytes) { return copy->WriteAt(offset, bytes); }));
  return copy->Sync();
}

// Highest epochs begin anew at the Unix second: whatever the store that was backed up has done since, it started fewer times.
absl::Status RaiseEpoch(const std::string& journal_folder, absl::Time now) {
  TOCSIN_ASSIGN(std::optional<journal::Mark> mark, journal::ReadMark(PosixFileSystem(), journal_folder));
  if (!mark) return DataLoss("%s/mark: is missing", journal_folder);
  const auto second = static_cast<std::uint64_t>(std::max<std::int64_t>(0, absl::ToUnixSeconds(now)));
  mark->epoch = Epoch(std::max(mark->epoch.value() + 1, second));
  return journal::CreateMark(PosixFileSystem(), journal_folder, *mark);
}

// FORMAT last: without it no server starts in a folder that has a journal.
absl::Status MoveIntoPlace(const std::string& staging, const std::string& data) {
  FileSystem& files = PosixFileSystem();
  for (const std::string_view name : kMoved) {
    const std::string from = absl::StrFormat("%s/%s", staging, name);
    if (Exists(from)) TOCSIN_TRY(files.Rename(from, absl::StrFormat("%s/%s", data, name)));
  }
  TOCSIN_TRY(files.SyncFolder(data));
  TOCSIN_TRY(files.Rename(staging + "/FORMAT", data + "/FORMAT"));
  TOCSIN_TRY(files.SyncFolder(data));
  TOCSIN_TRY(RemoveAll(staging));
  return files.SyncFolder(data);
}

// One restore, under way in a staging folder.
class Staging {
 public:
  Staging(const RestoreRequest& request, std::string folder, absl::Time now)
      : request_(request), folder_(std::move(folder)), journal_(folder_ + "/journal"), now_(now) {}

  absl::StatusOr<Restored> Make(std::optional<BackupManifest> backup) {
    done_.backup = std::move(backup);
    for (const std::string& folder : {folder_, folder_ + "/views", journal_})
      TOCSIN_TRY(files_.MakeFolder(folder));
    if (done_.backup) {
      for (const BackupManifest::File& file : done_.backup->files)
        TOCSIN_TRY(CopyChecked(request_.backup, file, folder_));
      done_.store = done_.backup->store;
      done_.sequence = done_.backup->sequence;
    }
    if (!request_.archive.empty()) TOCSIN_TRY(Advance());
    TOCSIN_TRY(RaiseEpoch(journal_, now_));
    TOCSIN_TRY(WriteFileAtomically(files_, folder_, std::string(kRestoredFile), NoteText()));
    for (const std::string& folder : {folder_ + "/views", journal_, folder_})
      TOCSIN_TRY(files_.SyncFolder(folder));
    return std::move(done_);
  }

 private:
  // To the point in time.
  absl::Status Advance() {
    journal::Link from;
    absl::Time from_at = absl::InfinitePast();
    if (done_.backup) {
      TOCSIN_ASSIGN(const journal::Image image, journal::ReadImage(files_, journal_, {}));
      if (!image.damage.ok()) return Annotate(image.damage, "the backup's journal");
      from = image.link;
      from_at = image.recovery.wall;
    }
    TOCSIN_ASSIGN(const ArchiveLine line, ChooseLine(from));
    TOCSIN_ASSIGN(done_.stretch, FindStretch(files_, line, from, from_at, request_.point));
    done_.store = line.store;
    done_.line = line.folder;
    done_.sequence = Sequence(done_.stretch.to.next.value() - 1);
    if (done_.stretch.to.next == from.next && done_.backup) return absl::OkStatus();
    TOCSIN_TRY(TakeStoreFiles(line));
    if (!done_.backup) {
      // A store that has seen nothing yet: its first start folds the whole journal.
      TOCSIN_TRY(Views::Open(nullptr, folder_, /*read_only=*/false).status());
    }
    return AppendStretch(files_, line, done_.stretch, files_, journal_);
  }

  absl::StatusOr<ArchiveLine> ChooseLine(const journal::Link& from) {
    TOCSIN_ASSIGN(std::vector<ArchiveLine> lines, ReadArchive(files_, request_.archive, done_.store));
    TOCSIN_TRY(CheckOneStore(lines));
    std::optional<ArchiveLine> chosen;
    std::string refused;
    for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
      const bool is_wanted = !request_.line || *request_.line == line->number;
      if (line->empty()) {
        if (is_wanted && !line->damage.ok()) return line->damage;
        continue;
      }
      TOCSIN_ASSIGN(const bool fits, GoesThrough(files_, *line, from));
      const std::string has = absl::StrFormat("line %d: entries %d to %d, up to %s", line->number,
                                              line->first().value(), line->next().value() - 1, Show(line->to()));
      if (!fits) {
        refused += absl::StrFormat("\n  %s", has);
      } else if (is_wanted && !chosen) {
        chosen = *line;
      } else {
        done_.other_lines.push_back(has);
      }
    }
    if (chosen) return *std::move(chosen);
    const std::string wanted = request_.line ? absl::StrFormat("line %d", *request_.line) : "no line";
    if (!done_.backup) {
      return Precondition("%s: %s begins with the store's first entry: a backup is needed, too%s", request_.archive,
                          wanted, refused);
    }
    return Precondition("%s: %s of store %s continues entry %d, with which the backup ends%s%s", request_.archive,
                        wanted, HashText(done_.store), from.next.value() - 1,
                        refused.empty() ? "" : "; there is a gap, or they are of another chain:", refused);
  }

  // Without a backup the archive has to say whose store is meant.
  absl::Status CheckOneStore(const std::vector<ArchiveLine>& lines) const {
    for (const ArchiveLine& line : lines) {
      if (line.store == lines.front().store) continue;
      return Invalid("%s: has several stores' archives: %s and %s; a backup says which is meant", request_.archive,
                     HashText(lines.front().store), HashText(line.store));
    }
    return absl::OkStatus();
  }

  // The archive's are newer than the backup's: keys that were made since, and formats.
  absl::Status TakeStoreFiles(const ArchiveLine& line) {
    for (const std::string_view name : kStoreFiles) {
      absl::StatusOr<std::string> text = ReadWholeFile(files_, absl::StrFormat("%s/%s", line.folder, name));
      if (absl::IsNotFound(text.status()) && (done_.backup || name != kStoreFiles[0])) continue;
      if (!text.ok()) return text.status();
      if (name == kStoreFiles[0]) TOCSIN_TRY(CheckFormat(line, *text));
      if (name == kDeadLettersFile) {
        TOCSIN_ASSIGN(*text, LettersAt(*text));
      }
      TOCSIN_TRY(WriteFileAtomically(files_, folder_, std::string(name), *text));
    }
    return absl::OkStatus();
  }

  absl::Status CheckFormat(const ArchiveLine& line, const std::string& text) const {
    const absl::StatusOr<StoreFormat> format = DecodeFormat(text);
    if (!format.ok()) return Annotate(format.status(), line.folder + "/FORMAT");
    TOCSIN_ASSIGN(const std::optional<StoreFormat> before, ReadFormat(files_, folder_));
    const bool fits = format->store == line.store &&
                      (!before || (before->key_seed == format->key_seed && before->journal_key == format->journal_key));
    return fits ? absl::OkStatus() : DataLoss("%s/FORMAT: is of another store", line.folder);
  }

  // Numbers of entries after the end are given out again: what stood there was put aside, what will stand there was not. An incident that
  // tells of an entry may be among what is left out: it is told anew, to the same incident if that is there.
  absl::StatusOr<std::string> LettersAt(std::string_view text) const {
    TOCSIN_ASSIGN(std::vector<DeadLetter> letters, DecodeDeadLetters(text));
    std::erase_if(letters, [&](const DeadLetter& letter) { return letter.sequence > done_.sequence; });
    for (DeadLetter& letter : letters) {
      if (letter.put_aside_at > done_.stretch.at) letter.incident = 0;
    }
    return EncodeDeadLetters(letters);
  }

  std::string NoteText() const {
    if (request_.archive.empty()) {
      return absl::StrFormat("%s to entry %d, from the backup of %s\n", Show(now_), done_.sequence.value(),
                             Show(done_.backup->taken_at));
    }
    return absl::StrFormat("%s to entry %d of %s, from %s and %s\n", Show(now_), done_.sequence.value(),
                           Show(done_.stretch.at),
                           done_.backup ? "the backup of " + Show(done_.backup->taken_at) : "no backup", done_.line);
  }

  FileSystem& files_ = PosixFileSystem();
  const RestoreRequest& request_;
  const std::string folder_;
  const std::string journal_;
  const absl::Time now_;
  Restored done_;
};

}  // namespace

absl::StatusOr<Restored> RestoreStore(const RestoreRequest& request,
                                      const std::string& data,
                                      absl::Time now,
                                      absl::FunctionRef<absl::Status(const std::string& staging)> check) {
  std::optional<BackupManifest> manifest;
  if (!request.backup.empty()) {
    TOCSIN_ASSIGN(manifest, CheckNames(request.backup));
  }
  TOCSIN_TRY(MakeFolders(PosixFileSystem(), data));
  TOCSIN_TRY(WhatAnInterruptedRestoreLeft(data).status());  // before the lock's file is left in somebody's folder
  TOCSIN_ASSIGN(const FolderLock lock, FolderLock::Take(data));
  TOCSIN_TRY(ClearForRestore(data));
  const std::string staging = absl::StrFormat("%s/%s", data, kStaging);
  absl::StatusOr<Restored> made = Staging(request, staging, now).Make(std::move(manifest));
  const absl::Status checked = made.ok() ? check(staging) : made.status();
  if (!checked.ok()) {
    RemoveAll(staging).IgnoreError();  // if that fails too, no server starts there, and the next restore removes it
    return Annotate(checked, "nothing was restored");
  }
  TOCSIN_TRY(MoveIntoPlace(staging, data));
  return made;
}

absl::Status RefuseBackups(FileSystem& files, const std::string& folder) {
  if (IsBackup(files, folder)) {
    return Precondition("%s: is a backup; restore it into another folder: tocsin restore %s DATA", folder, folder);
  }
  if (!Holds(files, folder, kStaging) || Holds(files, folder, "FORMAT")) return absl::OkStatus();
  return Precondition(
      "%s: a restore into this folder was interrupted; run it again, or delete %s/%s to begin with an empty store",
      folder, folder, kStaging);
}

std::string RestoredNote(FileSystem& files, const std::string& folder) {
  absl::StatusOr<std::string> text = ReadWholeFile(files, absl::StrFormat("%s/%s", folder, kRestoredFile));
  if (!text.ok()) return "";
  while (text->ends_with('\n'))
    text->pop_back();
  return *text;
}

}  // namespace tocsin
