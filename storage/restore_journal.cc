#include "storage/restore_journal.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/status.h"
#include "storage/mark.h"

namespace tocsin {
namespace {

using journal::kBlock;

constexpr std::size_t kCopyBytes = 1 << 20;

std::string PathOf(const ArchiveLine& line, const ArchivePiece& piece) {
  return absl::StrFormat("%s/%s", line.folder, piece.name());
}

std::string Show(absl::Time at) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", at, absl::UTCTimeZone());
}

// Walks a line's commits from where a journal ends, and remembers the last one that is to be taken.
class Walk {
 public:
  Walk(const journal::Link& from, absl::Time from_at, const RestorePoint& point) : point_(point) {
    stretch_.from = from;
    stretch_.to = from;
    stretch_.at = from_at;
    link_ = from;
  }

  absl::Status See(const std::string& path, const journal::RawEntry& raw) {
    if (raw.entry.sequence < stretch_.from.next) return absl::OkStatus();
    // The first of ours; the pieces have checked the rest of the chain.
    if (link_.next == stretch_.from.next && raw.previous != stretch_.from.hash) {
      return DataLoss("%s: entry %d does not continue entry %d of the backup: they are of different chains", path,
                      raw.entry.sequence.value(), stretch_.from.next.value() - 1);
    }
    if (raw.entry.sequence == raw.commit) commit_ = raw.entry.sequence;
    journal::Advance(link_, raw);
    if (raw.ends_commit) EndCommit(raw.entry);
    return absl::OkStatus();
  }

  // Nothing that comes now can be taken.
  bool is_done() const { return point_.until_entry && link_.next > *point_.until_entry; }
  // What comes now is taken only if the clock was put back.
  bool has_passed() const { return passed_.set() || is_done(); }

  absl::StatusOr<Stretch> Finish(const ArchiveLine& line) {
    stretch_.line_last = Sequence(line.next().value() - 1);
    stretch_.line_to = line.to();
    const Sequence last(stretch_.to.next.value() - 1);
    if (point_.until_entry && *point_.until_entry != last) {
      if (last.value() + 1 >= link_.next.value()) {
        return Precondition("%s ends with entry %d: entry %d is not in it", line.folder, last.value(),
                            point_.until_entry->value());
      }
      stretch_.notes.push_back(
          absl::StrFormat("entry %d was committed together with others: it ends before all of them, with entry %d",
                          point_.until_entry->value(), last.value()));
    }
    if (passed_.set() && passed_ <= last) {
      stretch_.notes.push_back(absl::StrFormat(
          "the clock was put back: entry %d and others in it say times after %s, and entry %d, later, says %s; "
          "--until-entry %d ends before the first of them",
          passed_.value(), Show(*point_.until), last.value(), Show(stretch_.at), passed_.value() - 1));
    }
    if (point_.until && !passed_.set()) {
      stretch_.notes.push_back(
          absl::StrFormat("the archive ends at %s, before the time that was asked for", Show(stretch_.at)));
    }
    return std::move(stretch_);
  }
  void Note(std::string note) { stretch_.notes.push_back(std::move(note)); }

 private:
  void EndCommit(const Entry& last) {
    if (point_.until_entry && last.sequence > *point_.until_entry) return;
    if (point_.until && last.now.wall > *point_.until) {
      if (!passed_.set()) passed_ = commit_;
      return;
    }
    stretch_.to = link_;
    stretch_.at = last.now.wall;
  }

  const RestorePoint& point_;
  Stretch stretch_;
  journal::Link link_;  // after what has been seen
  Sequence commit_;     // the first entry of the commit under way
  Sequence passed_;     // the first entry that is later than `until`
};

// Where in a piece the entry `wanted` begins: a commit's start.
absl::StatusOr<std::pair<std::uint64_t, journal::Link>> Find(FileSystem& archive,
                                                             const std::string& path,
                                                             const ArchivePiece& piece,
                                                             Sequence wanted) {
  std::optional<std::pair<std::uint64_t, journal::Link>> found;
  Epoch epoch = piece.header.epoch;
  TOCSIN_TRY(ReadPiece(archive, path, piece, [&](const journal::RawEntry& raw, std::uint64_t offset) {
    if (raw.entry.sequence == wanted)
      found = {
          offset, journal::Link{wanted, raw.previous, epoch}
      };
    epoch = raw.entry.epoch;
    return absl::OkStatus();
  }));
  if (found) return *found;
  return DataLoss("%s: entry %d is not in it", path, wanted.value());
}

// A segment of what is to be taken of a piece; returns its first entry.
absl::StatusOr<Sequence> CopyPiece(FileSystem& archive,
                                   const std::string& path,
                                   const ArchivePiece& piece,
                                   const Stretch& stretch,
                                   FileSystem& files,
                                   const std::string& folder) {
  journal::SegmentHeader header = piece.header;
  std::uint64_t begin = kBlock;
  std::uint64_t end = piece.end;
  if (piece.first() < stretch.from.next) {
    TOCSIN_ASSIGN(const auto found, Find(archive, path, piece, stretch.from.next));
    begin = found.first;
    header.first = found.second.next;
    header.previous = found.second.hash;
    header.epoch = found.second.epoch;
    header.lost_from = Sequence();
  }
  if (piece.next > stretch.to.next) {
    TOCSIN_ASSIGN(const auto found, Find(archive, path, piece, stretch.to.next));
    end = found.first;
  }
  TOCSIN_ASSIGN(const std::unique_ptr<File> from, archive.Open(path));
  TOCSIN_ASSIGN(const std::unique_ptr<File> to,
                files.Create(absl::StrFormat("%s/%s", folder, journal::SegmentName(header.first))));
  TOCSIN_TRY(to->WriteAt(0, journal::EncodeSegmentHeader(header)));
  for (std::uint64_t at = begin; at < end;) {
    TOCSIN_ASSIGN(const std::string bytes, from->ReadAt(at, std::min<std::uint64_t>(kCopyBytes, end - at)));
    if (bytes.empty()) return DataLoss("%s: ends at byte %d of %d", path, at, end);
    TOCSIN_TRY(to->WriteAt(kBlock + at - begin, bytes));
    at += bytes.size();
  }
  TOCSIN_TRY(to->Sync());
  return header.first;
}

}  // namespace

absl::StatusOr<Stretch> FindStretch(FileSystem& archive,
                                    const ArchiveLine& line,
                                    const journal::Link& from,
                                    absl::Time from_at,
                                    const RestorePoint& point) {
  const Sequence last(from.next.value() - 1);
  if (point.until_entry && *point.until_entry < last) {
    return Precondition("the backup holds everything up to entry %d, which is after entry %d: take an earlier backup",
                        last.value(), point.until_entry->value());
  }
  Walk walk(from, from_at, point);
  for (const ArchivePiece& piece : line.pieces) {
    if (piece.next <= from.next) continue;
    if (walk.is_done()) break;
    const std::string path = PathOf(line, piece);
    const absl::Status read = ReadPiece(
        archive, path, piece, [&](const journal::RawEntry& raw, std::uint64_t) { return walk.See(path, raw); });
    if (read.ok()) continue;
    if (!walk.has_passed()) return read;
    walk.Note(absl::StrFormat("what comes after it cannot be read: %s", Message(read)));
    break;
  }
  if (!line.damage.ok()) {
    if (!walk.has_passed()) {
      return Annotate(line.damage, absl::StrFormat("the archive is whole up to entry %d only (--until-entry %d)",
                                                   line.next().value() - 1, line.next().value() - 1));
    }
    walk.Note(absl::StrFormat("what comes after it cannot be read: %s", Message(line.damage)));
  }
  TOCSIN_ASSIGN(Stretch stretch, walk.Finish(line));
  if (!point.until || stretch.at <= *point.until) return stretch;
  return Precondition("the backup ends with entry %d of %s, which is after %s: take an earlier backup", last.value(),
                      Show(from_at), Show(*point.until));
}

absl::Status AppendStretch(FileSystem& archive,
                           const ArchiveLine& line,
                           const Stretch& stretch,
                           FileSystem& files,
                           const std::string& journal_folder) {
  TOCSIN_ASSIGN(const std::optional<journal::Mark> before, journal::ReadMark(files, journal_folder));
  journal::Mark mark = before.value_or(journal::Mark{});
  mark.store = line.store;
  mark.sequence = Sequence(stretch.to.next.value() - 1);
  mark.hash = stretch.to.hash;
  mark.epoch = stretch.to.epoch;
  for (const ArchivePiece& piece : line.pieces) {
    if (piece.next <= stretch.from.next || piece.first() >= stretch.to.next) continue;
    TOCSIN_ASSIGN(mark.active, CopyPiece(archive, PathOf(line, piece), piece, stretch, files, journal_folder));
    if (!mark.first.set()) mark.first = mark.active;
  }
  TOCSIN_TRY(files.SyncFolder(journal_folder));
  return journal::CreateMark(files, journal_folder, mark);
}

}  // namespace tocsin
