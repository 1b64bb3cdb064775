#include "storage/archive_piece.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/status.h"
#include "storage/labelled_lines.h"
#include "storage/segment_reader.h"

namespace tocsin {
namespace {

using journal::kBlock;

constexpr std::string_view kTitle = "tocsin archive piece\n";
constexpr std::string_view kSuffix = ".piece";
constexpr std::uint64_t kChecksumSeed = 0x5049454345;
constexpr std::uint64_t kPieceVersion = 1;
constexpr std::size_t kCopyBytes = 1 << 20;
constexpr std::uint64_t kSyncBytes = 8 << 20;  // so that no sync keeps the disk for long from whoever else needs it

std::string EncodeEnd(const ArchivePiece& piece) {
  std::string text = WithChecksum(
      absl::StrFormat("%sformat %d\nstore %s\nentries %d %d\nlast %s %d\ntimes %d %d %d\ncontent %s\n", kTitle,
                      kPieceVersion, HashText(piece.header.store), piece.first().value(), piece.next.value(),
                      HashText(piece.hash), piece.epoch.value(), absl::ToUnixNanos(piece.from),
                      absl::ToUnixNanos(piece.to), absl::ToUnixNanos(piece.latest), HashText(piece.content)),
      kChecksumSeed);
  text.resize(kBlock, '\n');
  return text;
}

// "17 42"
std::pair<std::string_view, std::string_view> Cut(std::string_view text) {
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return {text, ""};
  return {text.substr(0, space), text.substr(space + 1)};
}

absl::Status DecodeEnd(std::string_view block, ArchivePiece& piece) {
  const std::size_t last = block.find_last_not_of('\n');
  const std::string_view text = last == std::string_view::npos ? "" : block.substr(0, last + 2);
  const std::optional<std::string_view> checked = CheckedLines(text, kTitle, kChecksumSeed);
  if (!checked) return DataLoss("the piece's end is damaged or missing");
  LabelledLines lines(*checked);
  const std::string_view format = lines.Take("format").value_or("");
  if (format != std::to_string(kPieceVersion)) {
    return Precondition("archive format %s, this program knows %d: use a newer tocsin", format, kPieceVersion);
  }
  const auto store = ParseHash(lines.Take("store").value_or(""));
  const auto [first_text, next_text] = Cut(lines.Take("entries").value_or(""));
  const auto [hash_text, epoch_text] = Cut(lines.Take("last").value_or(""));
  const auto [from_text, rest] = Cut(lines.Take("times").value_or(""));
  const auto [to_text, latest_text] = Cut(rest);
  const auto content = ParseHash(lines.Take("content").value_or(""));
  const auto first = ParseDecimal(first_text);
  const auto next = ParseDecimal(next_text);
  const auto hash = ParseHash(hash_text);
  const auto epoch = ParseDecimal(epoch_text);
  const auto from = ParseSigned(from_text);
  const auto to = ParseSigned(to_text);
  const auto latest = ParseSigned(latest_text);
  if (!store || !content || !first || !next || !hash || !epoch || !from || !to || !latest) {
    return DataLoss("the piece's end is damaged: a line is missing");
  }
  if (*store != piece.header.store || Sequence(*first) != piece.first() || *next <= *first) {
    return DataLoss("the piece's end is of another piece than its beginning");
  }
  piece.next = Sequence(*next);
  piece.hash = *hash;
  piece.epoch = Epoch(*epoch);
  piece.from = absl::FromUnixNanos(*from);
  piece.to = absl::FromUnixNanos(*to);
  piece.latest = absl::FromUnixNanos(*latest);
  piece.content = *content;
  return absl::OkStatus();
}

absl::StatusOr<journal::SegmentEnd> Follow(
    const File& file,
    ArchivePiece& piece,
    absl::FunctionRef<absl::Status(const journal::RawEntry& raw, std::uint64_t commit_offset)> visit) {
  journal::SegmentReader reader(file, piece.end, piece.header.key);
  piece.from = absl::InfiniteFuture();
  piece.latest = absl::InfinitePast();
  return journal::FollowSegment(reader, piece.before(), [&](const journal::RawEntry& raw, std::uint64_t offset) {
    const absl::Time at = raw.entry.now.wall;
    if (piece.from == absl::InfiniteFuture()) piece.from = at;
    piece.to = at;
    piece.latest = std::max(piece.latest, at);
    return visit(raw, offset);
  });
}

// The commits' bytes after the header, and the hash of both.
absl::Status Copy(const File& from, const PieceSource& source, File& to, const ArchivePace& pace, FileHash& hash) {
  const std::string header = journal::EncodeSegmentHeader(source.header);
  TOCSIN_TRY(to.WriteAt(0, header));
  hash.Add(header);
  std::uint64_t unsynced = 0;
  for (std::uint64_t at = source.offset; at < source.end;) {
    TOCSIN_ASSIGN(const std::string bytes, from.ReadAt(at, std::min<std::uint64_t>(kCopyBytes, source.end - at)));
    if (bytes.empty()) return DataLoss("%s: ends at byte %d, %d were durable", source.path, at, source.end);
    TOCSIN_TRY(to.WriteAt(kBlock + at - source.offset, bytes));
    hash.Add(bytes);
    at += bytes.size();
    unsynced += bytes.size();
    if (unsynced >= kSyncBytes) {
      TOCSIN_TRY(to.Sync());
      unsynced = 0;
    }
    TOCSIN_TRY(pace(bytes.size()));
  }
  return absl::OkStatus();
}

// Everything but the name.
absl::StatusOr<ArchivePiece> WriteUnnamed(
    FileSystem& from, const PieceSource& source, FileSystem& to, const std::string& path, const ArchivePace& pace) {
  TOCSIN_ASSIGN(const std::unique_ptr<File> read, from.Open(source.path));
  TOCSIN_ASSIGN(const std::unique_ptr<File> file, to.Create(path));
  FileHash hash;
  TOCSIN_TRY(Copy(*read, source, *file, pace, hash));
  ArchivePiece piece;
  piece.header = source.header;
  piece.end = kBlock + source.end - source.offset;
  // What was written is read again, by its checks and its chain: what cannot be read is no archive.
  TOCSIN_ASSIGN(const journal::SegmentEnd end,
                Follow(*file, piece, [](const journal::RawEntry&, std::uint64_t) { return absl::OkStatus(); }));
  if (end.link.next != source.next || end.offset != piece.end) {
    return DataLoss(
        "%s: the copy of it in the archive cannot be read from entry %d on: the segment or the archive's disk is "
        "damaged; `tocsin verify` with the server stopped says which",
        source.path, end.link.next.value());
  }
  piece.next = source.next;
  piece.hash = end.link.hash;
  piece.epoch = end.link.epoch;
  piece.content = hash.Get();
  TOCSIN_TRY(file->WriteAt(piece.end, EncodeEnd(piece)));
  TOCSIN_TRY(file->Sync());
  return piece;
}

}  // namespace

std::string PieceName(const journal::RecordedRange& range) {
  return absl::StrFormat("%020d-%020d%s", range.first.value(), range.next.value(), kSuffix);
}

std::optional<journal::RecordedRange> ParsePieceName(std::string_view name) {
  if (name.size() != 41 + kSuffix.size() || !name.ends_with(kSuffix) || name[20] != '-') return std::nullopt;
  const auto first = ParseDecimal(name.substr(0, 20));
  const auto next = ParseDecimal(name.substr(21, 20));
  if (!first || !next || *first == 0 || *next <= *first) return std::nullopt;
  return journal::RecordedRange{Sequence(*first), Sequence(*next)};
}

std::string ArchivePiece::name() const {
  return PieceName({first(), next});
}

absl::StatusOr<ArchivePiece> ReadPieceEnds(FileSystem& files, const std::string& path) {
  TOCSIN_ASSIGN(const std::unique_ptr<File> file, files.Open(path));
  TOCSIN_ASSIGN(const std::uint64_t size, file->Size());
  if (size < 2 * kBlock) return DataLoss("%s: has %d bytes, too few for a piece of an archive", path, size);
  TOCSIN_ASSIGN(const std::string block, file->ReadAt(0, kBlock));
  const absl::StatusOr<journal::SegmentHeader> header = journal::DecodeSegmentHeader(block);
  if (!header.ok()) return Annotate(header.status(), path);
  ArchivePiece piece;
  piece.header = *header;
  piece.end = size - kBlock;
  TOCSIN_ASSIGN(const std::string end, file->ReadAt(piece.end, kBlock));
  if (const absl::Status decoded = DecodeEnd(end, piece); !decoded.ok()) return Annotate(decoded, path);
  if (path.ends_with(piece.name())) return piece;
  return DataLoss("%s: holds entries %d to %d: the file was renamed", path, piece.first().value(),
                  piece.next.value() - 1);
}

absl::Status ReadPiece(
    FileSystem& files,
    const std::string& path,
    const ArchivePiece& piece,
    absl::FunctionRef<absl::Status(const journal::RawEntry& raw, std::uint64_t commit_offset)> visit) {
  TOCSIN_ASSIGN(const std::unique_ptr<File> file, files.Open(path));
  FileHash hash;
  for (std::uint64_t at = 0; at < piece.end;) {
    TOCSIN_ASSIGN(const std::string bytes, file->ReadAt(at, std::min<std::uint64_t>(kCopyBytes, piece.end - at)));
    if (bytes.empty()) return DataLoss("%s: ends at byte %d of %d", path, at, piece.end);
    hash.Add(bytes);
    at += bytes.size();
  }
  if (hash.Get() != piece.content) return DataLoss("%s: is damaged: its hash is not the one that it ends with", path);
  ArchivePiece seen = piece;
  TOCSIN_ASSIGN(const journal::SegmentEnd end, Follow(*file, seen, visit));
  const bool is_whole = end.offset == piece.end && end.link.next == piece.next && end.link.hash == piece.hash &&
                        end.link.epoch == piece.epoch;
  if (is_whole) return absl::OkStatus();
  return DataLoss("%s: offset %d: entry %d is damaged or does not continue the chain", path, end.offset,
                  end.link.next.value());
}

absl::StatusOr<ArchivePiece> WritePiece(
    FileSystem& from, const PieceSource& source, FileSystem& to, const std::string& folder, const ArchivePace& pace) {
  const std::string path = absl::StrFormat("%s/%s", folder, PieceName({source.header.first, source.next}));
  const std::string temporary = absl::StrFormat("%s%s", path, kPartial);
  if (const absl::Status removed = to.Remove(temporary); !removed.ok() && !absl::IsNotFound(removed)) return removed;
  absl::StatusOr<ArchivePiece> piece = WriteUnnamed(from, source, to, temporary, pace);
  if (!piece.ok()) {
    to.Remove(temporary).IgnoreError();  // a full disk has better use for it; what stays is swept
    return piece;
  }
  TOCSIN_TRY(to.Rename(temporary, path));
  TOCSIN_TRY(to.SyncFolder(folder));
  return piece;
}

}  // namespace tocsin
