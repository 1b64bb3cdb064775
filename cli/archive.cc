// archive: what journals' archives hold, and what of it is not needed any more. On the archive's files; servers may run.
#include "cli/archive.h"

#include <cstdio>
#include <vector>

#include "absl/strings/str_format.h"

#include "base/status.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/times.h"
#include "storage/archive.h"
#include "storage/backup.h"
#include "storage/journal_image.h"
#include "storage/labelled_lines.h"

namespace tocsin {
namespace {

std::string MiB(std::uint64_t bytes) {
  return absl::StrFormat("%.1f", static_cast<double>(bytes) / (1 << 20));
}

// What may follow: why a line begins where it does, and what is wrong with it.
void PrintNotes(const std::vector<ArchiveLine>& lines) {
  for (const ArchiveLine& line : lines) {
    std::printf("%s: %s\n", line.folder.c_str(),
                Printable(line.why.empty() ? "its file LINE is missing" : line.why).c_str());
    if (!line.empty() && line.first() == Sequence(1)) {
      std::printf("  from its first entry on: it can be restored without a backup\n");
    }
    if (!line.damage.ok()) std::printf("  DAMAGED: %s\n", Printable(Message(line.damage)).c_str());
  }
}

absl::Status List(const Arguments& parsed) {
  if (parsed.positional().size() != 2) return Invalid("which archive? tocsin archive list ARCHIVE");
  TOCSIN_ASSIGN(const std::vector<ArchiveLine> lines, ReadArchive(PosixFileSystem(), parsed.positional()[1]));
  Table table({"STORE", "LINE", "ENTRIES", "FROM", "TO", "PIECES", "MIB", "STATE"});
  for (const ArchiveLine& line : lines) {
    const std::string entries =
        line.empty() ? "-" : absl::StrFormat("%d-%d", line.first().value(), line.next().value() - 1);
    table.Add({HashText(line.store), std::to_string(line.number), entries, line.empty() ? "-" : ShowTime(line.from()),
               line.empty() ? "-" : ShowTime(line.to()), std::to_string(line.pieces.size()), MiB(line.bytes()),
               line.damage.ok() ? "whole" : "damaged"});
  }
  if (lines.empty()) {
    std::printf("the archive is empty\n");
    return absl::OkStatus();
  }
  table.Print();
  std::printf(
      "\na backup that ends within a line's entries can be brought to any point up to its TO; between lines there is a "
      "gap, or another history\n");
  PrintNotes(lines);
  for (const ArchiveLine& line : lines)
    TOCSIN_TRY(line.damage);
  return absl::OkStatus();
}

absl::Status Prune(const Arguments& parsed) {
  if (parsed.positional().size() != 2 || !parsed.has("before"))
    return Invalid("which archive, and before which backup? tocsin archive prune ARCHIVE --before BACKUP");
  const std::string& archive = parsed.positional()[1];
  FileSystem& files = PosixFileSystem();
  // What cannot be read is no reason to give anything up.
  TOCSIN_ASSIGN(const BackupManifest backup, VerifyBackup(parsed.get("before")));
  TOCSIN_ASSIGN(const journal::Image image, journal::ReadImage(files, parsed.get("before") + "/journal", {}));
  TOCSIN_ASSIGN(const std::vector<ArchiveLine> lines, ReadArchive(files, archive, backup.store));
  std::uint64_t freed = 0;
  bool fits = false;
  for (const ArchiveLine& line : lines) {
    if (line.empty()) continue;
    TOCSIN_ASSIGN(const bool goes_on, GoesThrough(files, line, image.link));
    if (!goes_on) continue;
    fits = true;
    TOCSIN_ASSIGN(const std::uint64_t bytes, PruneLine(files, line, backup.sequence));
    freed += bytes;
  }
  if (!fits) {
    return Precondition(
        "%s: no line goes on where %s ends, with entry %d, or it has not come so far yet: nothing was deleted. Lines "
        "that have ended are yours to delete, folder by folder",
        archive, parsed.get("before"), backup.sequence.value());
  }
  std::printf("freed %s MiB: what the archive had before entry %llu; backups older than %s can no longer go further\n",
              MiB(freed).c_str(), static_cast<unsigned long long>(backup.sequence.value()),
              parsed.get("before").c_str());
  return absl::OkStatus();
}

}  // namespace

absl::Status VerifyArchive(const std::string& archive) {
  FileSystem& files = PosixFileSystem();
  TOCSIN_ASSIGN(const std::vector<ArchiveLine> lines, ReadArchive(files, archive));
  absl::Status first;
  for (const ArchiveLine& line : lines) {
    const absl::Status verified = VerifyLine(files, line);
    if (first.ok()) first = verified;
    if (line.empty()) {
      std::printf("%s: empty\n", line.folder.c_str());
      continue;
    }
    std::printf("%s: entries %llu to %llu, up to %s, in %zu pieces: %s\n", line.folder.c_str(),
                static_cast<unsigned long long>(line.first().value()),
                static_cast<unsigned long long>(line.next().value() - 1), ShowTime(line.to()).c_str(),
                line.pieces.size(),
                verified.ok() ? "every checksum and link is right" : Printable(Message(verified)).c_str());
  }
  return first;
}

int RunArchive(std::span<const std::string> arguments) {
  const OptionSpec own[] = {
      {"before", 0, true, "BACKUP", "prune: keep what a restore from this backup on needs"}
  };
  return WithArguments("archive", arguments, own, [](const Arguments& parsed) -> absl::Status {
    const std::string what = parsed.positional().empty() ? "" : parsed.positional()[0];
    if (what == "list") return List(parsed);
    if (what == "prune") return Prune(parsed);
    return Invalid("list or prune? tocsin archive list ARCHIVE; tocsin archive prune ARCHIVE --before BACKUP");
  });
}

}  // namespace tocsin
