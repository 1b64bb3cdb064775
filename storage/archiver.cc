#include "storage/archiver.h"

#include <algorithm>
#include <memory>

#include "base/status.h"
#include "storage/archive.h"
#include "storage/backup.h"
#include "storage/mark.h"
#include "storage/segment_reader.h"

namespace tocsin {
namespace {

using journal::kBlock;
using journal::RecordedRange;

// In the store's folder: to which archive it has written.
constexpr std::string_view kArchived = "archived";
// Of an open segment; then they are put together. A piece a minute makes one of an hour.
constexpr std::size_t kMostParts = 60;

std::pair<Sequence, Sequence> Key(const RecordedRange& range) {
  return {range.first, range.next};
}

}  // namespace

Archiver::Archiver(FileSystem& files, FileSystem& archive_files, Options options, Stand stand, ArchivePace pace)
    : files_(files),
      archive_(archive_files),
      options_(std::move(options)),
      stand_(std::move(stand)),
      pace_(std::move(pace)) {}

// A segment may be trimmed, which renames it, between our looking it up and opening it.
absl::Status Archiver::Round(absl::Time now) {
  const absl::Status done = Once(now);
  return absl::IsNotFound(done) ? Once(now) : done;
}

absl::Status Archiver::Once(absl::Time now) {
  if (!line_.empty()) TOCSIN_TRY(CheckLine());
  TOCSIN_ASSIGN(const std::vector<Source> sources, FindSources());
  if (sources.empty()) return absl::OkStatus();
  if (line_.empty()) TOCSIN_TRY(Join(sources, now));
  const Source& oldest = sources.front();
  if (oldest.first() > link_.next && oldest.header.lost_from != link_.next) {
    const std::string why = absl::StrFormat("a gap: entries %d to %d were given up before they could be archived",
                                            link_.next.value(), oldest.first().value() - 1);
    TOCSIN_TRY(BeginLine(oldest, 0, why, now));
  }
  if (line_.empty()) return Unavailable("%s: somebody else writes there; it is read again", options_.archive);
  TOCSIN_TRY(CopyStoreFiles());
  for (const Source& source : sources)
    TOCSIN_TRY(Archive(source));
  return absl::OkStatus();
}

// What is read of the mark may not have reached the disk yet: synced it has.
absl::StatusOr<Sequence> Archiver::Vouched(Sequence last) {
  const std::string folder = options_.data + "/journal";
  TOCSIN_ASSIGN(const std::unique_ptr<File> file, files_.Open(folder + "/mark"));
  TOCSIN_ASSIGN(const std::optional<journal::Mark> mark, journal::ReadMark(files_, folder));
  TOCSIN_TRY(file->Sync());
  if (!mark || mark->store != options_.store) return DataLoss("%s/mark: is not of this store", folder);
  return std::min(last, mark->sequence);
}

// Oldest first: the recorded segments that lead up to the journal without a gap, then the journal's; of a line that is written, only
// those of which something is missing in it.
absl::StatusOr<std::vector<Archiver::Source>> Archiver::FindSources() {
  TOCSIN_ASSIGN(const Journal::Standing standing, stand_());
  TOCSIN_ASSIGN(const Sequence vouched, Vouched(standing.last));
  const std::string folder = options_.data + "/journal";
  TOCSIN_ASSIGN(const std::vector<std::string> names, files_.List(folder));
  std::vector<Source> sources;
  const auto add = [&](const std::string& path, const RecordedRange& range, std::uint64_t end) -> absl::Status {
    Source source{.path = path, .header = {}, .next = range.next, .end = end};
    source.header.first = range.first;
    source.is_closed = range.next.value() <= vouched.value() + 1 && range.next <= standing.segments.back().first;
    if (range.next.value() > vouched.value() + 1) {
      source.next = Sequence(vouched.value() + 1);
      source.end = 0;
    }
    const bool is_archived =
        !line_.empty() && source.next <= link_.next && (!source.is_closed || PartsOf(source).empty());
    if (is_archived || source.next <= source.first()) return absl::OkStatus();
    TOCSIN_ASSIGN(const std::unique_ptr<File> file, files_.Open(path));
    TOCSIN_ASSIGN(const std::string block, file->ReadAt(0, kBlock));
    const absl::StatusOr<journal::SegmentHeader> header = journal::DecodeSegmentHeader(block);
    if (!header.ok()) return Annotate(header.status(), path);
    source.header = *header;
    sources.push_back(std::move(source));
    return absl::OkStatus();
  };
  std::vector<RecordedRange> recorded;
  Sequence wanted = standing.segments.front().first;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    const std::optional<RecordedRange> range = journal::ParseRecordedName(*name);
    if (!range || range->next != wanted) continue;
    recorded.push_back(*range);
    wanted = range->first;
  }
  for (auto range = recorded.rbegin(); range != recorded.rend(); ++range)
    TOCSIN_TRY(add(absl::StrFormat("%s/%s", folder, journal::RecordedName(*range)), *range, 0));
  for (const Journal::Extent& extent : standing.segments)
    TOCSIN_TRY(add(extent.path, {extent.first, extent.next}, extent.end));
  return sources;
}

// Goes on with the line that ends in our chain; or begins one.
absl::Status Archiver::Join(const std::vector<Source>& sources, absl::Time now) {
  const absl::StatusOr<std::vector<ArchiveLine>> read = ReadArchive(archive_, options_.archive, options_.store);
  if (absl::IsNotFound(read.status())) {
    return Precondition("%s: there is no such folder: is its disk mounted? It is not made", options_.archive);
  }
  if (!read.ok()) return read.status();
  const std::vector<ArchiveLine>& lines = *read;
  const std::string noted = absl::StrFormat("%s/%s", options_.data, kArchived);
  const absl::StatusOr<std::string> archived = ReadWholeFile(files_, noted);
  if (lines.empty() && archived.ok() && *archived == options_.archive + "\n") {
    return Precondition(
        "%s: this store has been archived here, and there is nothing of it: is the disk mounted? If the archive was "
        "deleted on purpose, delete %s, too",
        options_.archive, noted);
  }
  std::string why;
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    if (!line->damage.ok()) {
      if (why.empty()) why = absl::StrFormat("%s is damaged: %s", LineName(line->number), Message(line->damage));
      continue;
    }
    if (line->empty()) continue;
    TOCSIN_ASSIGN(const bool continues, Continues(sources, line->pieces.back().after()));
    if (continues) {
      GoTo(line->folder, line->pieces.back().after());
      for (const ArchivePiece& piece : line->pieces)
        known_.insert({piece.first(), piece.next});
      return CheckLine();
    }
    if (!why.empty()) continue;
    why = line->next() < sources.front().first()
              ? absl::StrFormat("a gap: %s ends with entry %d, and the oldest that the store still has is %d",
                                LineName(line->number), line->next().value() - 1, sources.front().first().value())
              : absl::StrFormat(
                    "the store does not go on where %s ends, with entry %d: it was restored, or has given up entries",
                    LineName(line->number), line->next().value() - 1);
  }
  if (why.empty()) why = "the first of this store";
  // One that was begun and got no entries is begun again.
  const bool begins_again = !lines.empty() && lines.back().empty() && lines.back().damage.ok();
  TOCSIN_TRY(BeginLine(sources.front(), begins_again ? lines.back().number : 0, why, now));
  return WriteFileAtomically(files_, options_.data, std::string(kArchived), options_.archive + "\n");
}

// Whether our journal has just the entry that `end` is behind.
absl::StatusOr<bool> Archiver::Continues(const std::vector<Source>& sources, const journal::Link& end) {
  for (const Source& source : sources) {
    const bool is_before = source.first() == end.next || source.header.lost_from == end.next;
    if (is_before && source.header.previous == end.hash) return true;
    if (end.next <= source.first() || end.next > source.next) continue;
    const Cursor start{
        source.first(), {source.first(), source.header.previous, source.header.epoch},
         kBlock
    };
    TOCSIN_ASSIGN(const Cursor found, Find(source, start, end.next));
    if (found.link.hash == end.hash) return true;
  }
  return false;
}

void Archiver::GoTo(const std::string& line, const journal::Link& link) {
  line_ = line;
  link_ = link;
  cursor_.reset();
  copied_.clear();
  known_.clear();
}

// `again`: one that is there and empty; 0: a new one.
absl::Status Archiver::BeginLine(const Source& oldest, std::uint32_t again, const std::string& why, absl::Time now) {
  const std::string store = StoreFolder(options_.archive, options_.store);
  TOCSIN_TRY(archive_.MakeFolder(store));
  TOCSIN_TRY(archive_.SyncFolder(options_.archive));
  TOCSIN_ASSIGN(const std::vector<std::string> names, archive_.List(store));
  std::uint32_t number = 1;
  for (const std::string& name : names)
    number = std::max(number, ParseLineName(name).value_or(0) + 1);
  if (again != 0) number = again;
  const std::string folder = absl::StrFormat("%s/%s", store, LineName(number));
  const std::string text =
      absl::StrFormat("begun %s at entry %d: %s", absl::FormatTime(absl::RFC3339_sec, now, absl::UTCTimeZone()),
                      oldest.first().value(), why);
  if (again == 0) {
    TOCSIN_TRY(archive_.MakeFolder(folder));
    TOCSIN_TRY(archive_.SyncFolder(store));
    // Whoever else begins one at this moment, of a copy of the same store, finds that it is there.
    TOCSIN_TRY(archive_.Create(absl::StrFormat("%s/%s", folder, kLineFile)).status());
  }
  TOCSIN_TRY(WriteFileAtomically(archive_, folder, std::string(kLineFile), text + "\n"));
  GoTo(folder, {oldest.first(), oldest.header.previous, oldest.header.epoch});
  if (number > 1) ++lines_begun_;
  news_.push_back(absl::StrFormat("%s %s", folder, text));
  return CheckLine();
}

// The line's pieces are those that we know, but for the oldest, which may be pruned at any time.
absl::Status Archiver::CheckLine() {
  const absl::StatusOr<std::vector<std::string>> names = archive_.List(line_);
  const bool is_gone = names.ok() && std::ranges::find(*names, kLineFile) == names->end();
  if (is_gone || absl::IsNotFound(names.status())) {
    return Precondition("%s: the archive's folder is gone: is its disk mounted? It is not made anew", line_);
  }
  if (!names.ok()) return names.status();
  std::set<std::pair<Sequence, Sequence>> present;
  for (const std::string& name : *names) {
    if (const auto range = ParsePieceName(name)) present.insert(Key(*range));
    if (name.ends_with(kPartial)) archive_.Remove(absl::StrFormat("%s/%s", line_, name)).IgnoreError();  // of a crash
  }
  const bool has_strangers = !std::ranges::includes(known_, present);
  const auto oldest = present.empty() ? known_.end() : known_.find(*present.begin());
  const auto present_of_known = static_cast<std::size_t>(std::distance(oldest, known_.end()));
  if (has_strangers || present_of_known != present.size()) {
    // Parts of what has been put together before a crash are ours; they go with the next piece that covers them.
    const bool are_parts = std::ranges::all_of(present, [&](const auto& piece) {
      return std::ranges::any_of(
          known_, [&](const auto& whole) { return whole.first <= piece.first && piece.second <= whole.second; });
    });
    if (!are_parts || !std::ranges::includes(present, known_)) {
      news_.push_back(line_ + ": somebody else has written or deleted pieces there; it is read again");
      line_.clear();
      return absl::OkStatus();
    }
  }
  known_ = std::move(present);
  return absl::OkStatus();
}

// Before the entries: what a key was made for comes later.
absl::Status Archiver::CopyStoreFiles() {
  for (const std::string_view view : kStoreFiles) {
    const std::string name(view);
    const absl::StatusOr<std::string> text = ReadWholeFile(files_, options_.data + "/" + name);
    if (absl::IsNotFound(text.status())) continue;
    if (!text.ok()) return text.status();
    if (!copied_.contains(name)) {
      const absl::StatusOr<std::string> there = ReadWholeFile(archive_, line_ + "/" + name);
      if (there.ok()) copied_[name] = *there;
    }
    if (copied_.contains(name) && copied_[name] == *text) continue;
    TOCSIN_TRY(WriteFileAtomically(archive_, line_, name, *text));
    copied_[name] = *text;
  }
  return absl::OkStatus();
}

std::vector<RecordedRange> Archiver::PartsOf(const Source& source) const {
  std::vector<RecordedRange> parts;
  for (const auto& [first, next] : known_) {
    const bool is_whole = first == source.first() && next == source.next;
    if (!is_whole && first >= source.first() && next <= source.next) parts.push_back({first, next});
  }
  return parts;
}

// A closed segment is one piece in the end; an open one is as many as there were rounds, put together now and then.
absl::Status Archiver::Archive(const Source& source) {
  const std::vector<RecordedRange> parts = PartsOf(source);
  if (source.next <= link_.next && (parts.empty() || !source.is_closed)) return absl::OkStatus();
  const bool is_whole = known_.contains({source.first(), source.next});
  const bool begins_here = link_.next <= source.first();
  const bool joins = begins_here || source.is_closed || parts.size() >= kMostParts;
  if (!is_whole) TOCSIN_TRY(Copy(source, joins));
  return joins ? RemoveParts(source) : absl::OkStatus();
}

absl::Status Archiver::Copy(const Source& source, bool from_start) {
  Cursor start{
      source.first(), {source.first(), source.header.previous, source.header.epoch},
       kBlock
  };
  if (!from_start) {
    const bool is_here = cursor_ && cursor_->segment == source.first() && cursor_->link.next == link_.next;
    if (is_here) {
      start = *cursor_;
    } else {
      TOCSIN_ASSIGN(start, Find(source, start, link_.next));
    }
  }
  if (link_.next <= start.link.next && start.link.hash != link_.hash) {
    return DataLoss("%s: its entry %d does not continue what is archived in %s", source.path, start.link.next.value(),
                    line_);
  }
  Cursor end{source.first(), {}, source.end};
  if (source.end == 0) {
    TOCSIN_ASSIGN(end, Find(source, start, source.next));
  }
  TOCSIN_ASSIGN(const std::uint64_t free, archive_.FreeBytes(options_.archive));
  const std::uint64_t keep = options_.keep_free();
  if (free < keep + end.offset - start.offset) {
    return Exhausted("%s: %d bytes are free, %d are needed besides the %d that are left to the store", options_.archive,
                     free, end.offset - start.offset, keep);
  }
  PieceSource piece{
      .path = source.path, .header = source.header, .offset = start.offset, .end = end.offset, .next = source.next};
  if (!from_start) {
    piece.header.first = start.link.next;
    piece.header.previous = start.link.hash;
    piece.header.epoch = start.link.epoch;
    piece.header.lost_from = Sequence();
  }
  TOCSIN_ASSIGN(const ArchivePiece written, WritePiece(files_, piece, archive_, line_, pace_));
  known_.insert({written.first(), written.next});
  bytes_ += written.end + kBlock;
  if (written.next <= link_.next) return absl::OkStatus();
  link_ = written.after();
  cursor_ = {source.first(), link_, end.offset};
  return absl::OkStatus();
}

absl::Status Archiver::RemoveParts(const Source& source) {
  const std::vector<RecordedRange> parts = PartsOf(source);
  if (parts.empty()) return absl::OkStatus();
  for (const RecordedRange& part : parts) {
    const absl::Status removed = archive_.Remove(absl::StrFormat("%s/%s", line_, PieceName(part)));
    if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
    known_.erase(Key(part));
  }
  return archive_.SyncFolder(line_);
}

absl::StatusOr<Archiver::Cursor> Archiver::Find(const Source& source, const Cursor& from, Sequence wanted) {
  TOCSIN_ASSIGN(const std::unique_ptr<File> file, files_.Open(source.path));
  TOCSIN_ASSIGN(const std::uint64_t size, file->Size());
  journal::SegmentReader reader(*file, source.end == 0 ? size : source.end, source.header.key);
  std::optional<Cursor> found;
  Epoch epoch = from.link.epoch;
  const absl::StatusOr<journal::SegmentEnd> end = journal::FollowSegment(
      reader, from.link,
      [&](const journal::RawEntry& raw, std::uint64_t offset) {
        if (raw.entry.sequence == wanted) {
          found = Cursor{
              from.segment, {wanted, raw.previous, epoch},
               offset
          };
          return absl::CancelledError("found");
        }
        epoch = raw.entry.epoch;
        return absl::OkStatus();
      },
      from.offset);
  if (found) return *found;
  if (!end.ok()) return end.status();
  if (end->link.next == wanted) return Cursor{from.segment, end->link, end->offset};
  return DataLoss("%s: offset %d: entry %d was durable and is damaged now: stop the server, and see `tocsin verify`",
                  source.path, end->offset, end->link.next.value());
}

}  // namespace tocsin
