#include "storage/archive.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/status.h"
#include "storage/labelled_lines.h"

namespace tocsin {
namespace {

using journal::RecordedRange;

constexpr std::string_view kLinePrefix = "line-";

// Of the same beginning the longest first: pieces that were put together stand beside their parts after a crash.
bool ComesBefore(const RecordedRange& a, const RecordedRange& b) {
  return a.first != b.first ? a.first < b.first : a.next > b.next;
}

absl::StatusOr<std::vector<RecordedRange>> ListPieces(FileSystem& files, const std::string& folder) {
  TOCSIN_ASSIGN(const std::vector<std::string> names, files.List(folder));
  std::vector<RecordedRange> ranges;
  for (const std::string& name : names) {
    if (const auto range = ParsePieceName(name)) ranges.push_back(*range);
  }
  std::ranges::sort(ranges, ComesBefore);
  return ranges;
}

// Whether the piece goes on where the line ends, or says that what is missing was given up.
bool FollowsOn(const ArchiveLine& line, const ArchivePiece& piece) {
  if (line.empty()) return true;
  const bool is_next = piece.first() == line.next() || piece.header.lost_from == line.next();
  return is_next && piece.header.previous == line.pieces.back().hash && piece.header.store == line.store;
}

absl::Status ReadPieces(FileSystem& files, ArchiveLine& line) {
  TOCSIN_ASSIGN(const std::vector<RecordedRange> ranges, ListPieces(files, line.folder));
  for (const RecordedRange& range : ranges) {
    if (!line.empty() && range.next <= line.next()) continue;  // a part of what was put together
    const std::string path = absl::StrFormat("%s/%s", line.folder, PieceName(range));
    const absl::StatusOr<ArchivePiece> piece = ReadPieceEnds(files, path);
    if (absl::IsFailedPrecondition(piece.status())) return piece.status();  // of a newer program
    if (!piece.ok()) {
      line.damage = piece.status();
      return absl::OkStatus();
    }
    if (!FollowsOn(line, *piece)) {
      line.damage = piece->first() > line.next()
                        ? DataLoss("%s: entries %d to %d are missing before this piece", path, line.next().value(),
                                   piece->first().value() - 1)
                        : DataLoss("%s: does not continue %s: it is of another chain", path, line.pieces.back().name());
      return absl::OkStatus();
    }
    line.pieces.push_back(*piece);
  }
  return absl::OkStatus();
}

absl::StatusOr<ArchiveLine> ReadLine(FileSystem& files,
                                     const std::string& folder,
                                     std::uint32_t number,
                                     Hash128 store) {
  ArchiveLine line;
  line.folder = folder;
  line.number = number;
  line.store = store;
  const absl::StatusOr<std::string> text = ReadWholeFile(files, absl::StrFormat("%s/%s", folder, kLineFile));
  line.why = text.ok() ? *text : "";
  while (line.why.ends_with('\n'))
    line.why.pop_back();
  // A server may put pieces together while we look at them one by one.
  for (int tries = 0; tries < 3; ++tries) {
    line.pieces.clear();
    line.damage = absl::OkStatus();
    TOCSIN_TRY(ReadPieces(files, line));
    if (!absl::IsNotFound(line.damage)) break;
  }
  return line;
}

}  // namespace

std::uint64_t ArchiveLine::bytes() const {
  std::uint64_t bytes = 0;
  for (const ArchivePiece& piece : pieces)
    bytes += piece.end + journal::kBlock;
  return bytes;
}

std::string StoreFolder(const std::string& archive, const Hash128& store) {
  return absl::StrFormat("%s/%s", archive, HashText(store));
}
std::string LineName(std::uint32_t number) {
  return absl::StrFormat("%s%06d", kLinePrefix, number);
}
std::optional<std::uint32_t> ParseLineName(std::string_view name) {
  if (!name.starts_with(kLinePrefix) || name.size() != kLinePrefix.size() + 6) return std::nullopt;
  const auto number = ParseDecimal(name.substr(kLinePrefix.size()));
  if (!number || *number == 0) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

absl::StatusOr<std::vector<ArchiveLine>> ReadArchive(FileSystem& files, const std::string& archive, Hash128 store) {
  TOCSIN_ASSIGN(const std::vector<std::string> names, files.List(archive));
  std::vector<ArchiveLine> lines;
  bool is_archive = std::ranges::all_of(names, [](const std::string& name) { return name == "lost+found"; });
  for (const std::string& name : names) {
    const std::optional<Hash128> id = ParseHash(name);
    if (!id) continue;
    is_archive = true;
    if (store != Hash128() && *id != store) continue;
    TOCSIN_ASSIGN(const std::vector<std::string> folders, files.List(archive + "/" + name));
    for (const std::string& folder : folders) {
      const std::optional<std::uint32_t> number = ParseLineName(folder);
      if (!number) continue;
      TOCSIN_ASSIGN(ArchiveLine line,
                    ReadLine(files, absl::StrFormat("%s/%s/%s", archive, name, folder), *number, *id));
      lines.push_back(std::move(line));
    }
  }
  if (!is_archive) return Invalid("%s: is no archive: no folder in it has a store's id for a name", archive);
  return lines;
}

absl::Status VerifyLine(FileSystem& files, const ArchiveLine& line) {
  for (const ArchivePiece& piece : line.pieces) {
    TOCSIN_TRY(ReadPiece(files, absl::StrFormat("%s/%s", line.folder, piece.name()), piece,
                         [](const journal::RawEntry&, std::uint64_t) { return absl::OkStatus(); }));
  }
  return line.damage;
}

absl::StatusOr<bool> GoesThrough(FileSystem& files, const ArchiveLine& line, const journal::Link& link) {
  for (const ArchivePiece& piece : line.pieces) {
    if (piece.next == link.next) return piece.hash == link.hash;
    if (piece.first() == link.next) return piece.header.previous == link.hash;
    if (link.next < piece.first() || link.next > piece.next) continue;
    bool found = false;
    TOCSIN_TRY(ReadPiece(files, absl::StrFormat("%s/%s", line.folder, piece.name()), piece,
                         [&](const journal::RawEntry& raw, std::uint64_t) {
                           if (raw.entry.sequence == link.next) found = raw.previous == link.hash;
                           return absl::OkStatus();
                         }));
    return found;
  }
  return false;
}

absl::StatusOr<std::uint64_t> PruneLine(FileSystem& files, const ArchiveLine& line, Sequence last) {
  std::uint64_t freed = 0;
  TOCSIN_ASSIGN(const std::vector<RecordedRange> ranges, ListPieces(files, line.folder));
  for (const RecordedRange& range : ranges) {
    if (range.next.value() > last.value() + 1) continue;
    const std::string path = absl::StrFormat("%s/%s", line.folder, PieceName(range));
    TOCSIN_ASSIGN(const std::unique_ptr<File> file, files.Open(path));
    TOCSIN_ASSIGN(const std::uint64_t size, file->Size());
    TOCSIN_TRY(files.Remove(path));
    freed += size;
  }
  TOCSIN_TRY(files.SyncFolder(line.folder));
  return freed;
}

}  // namespace tocsin
