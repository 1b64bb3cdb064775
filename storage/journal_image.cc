#include "storage/journal_image.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/status.h"
#include "storage/mark.h"
#include "storage/segment_reader.h"

namespace tocsin::journal {
namespace {

constexpr std::string_view kWhatToDo =
    "restore a backup, or run `tocsin recover --accept-loss` to go on without what is missing";

class ImageReader {
 public:
  ImageReader(FileSystem& files, const std::string& folder, const Journal::Options& options)
      : files_(files), folder_(folder), options_(options), store_(options.store), key_(options.key) {}

  absl::StatusOr<Image> Read() {
    TOCSIN_TRY(ReadNamesAndMark());
    if (image_.fresh) return std::move(image_);
    CheckNames();
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (stopped_) {
        TOCSIN_TRY(LookBeyond(names_[i]));
      } else {
        TOCSIN_TRY(ReadSegment(names_[i], i + 1 == names_.size()));
      }
    }
    CheckEnd();
    Summarise();
    return std::move(image_);
  }

 private:
  // The first damage is what is reported.
  void Report(const std::string& what) {
    if (image_.damage.ok()) image_.damage = DataLoss("%s; %s", what, kWhatToDo);
  }
  // Entries are damaged or missing.
  template <typename... Args>
  void Damage(const absl::FormatSpec<Args...>& format, const Args&... args) {
    Report(absl::StrFormat(format, args...));
    image_.entries_damaged = true;
  }
  void MarkDamage(const std::string& what) {
    Report(what + ": without it nobody can tell whether entries are missing at the journal's end");
  }
  std::string PathOf(std::string_view name) const { return absl::StrFormat("%s/%s", folder_, name); }

  absl::Status ReadNamesAndMark() {
    TOCSIN_ASSIGN(const std::vector<std::string> all, files_.List(folder_));
    for (const std::string& name : all) {
      if (ParseSegmentName(name)) names_.push_back(name);
      if (name == "spare") image_.has_spare = true;
    }
    absl::StatusOr<std::optional<Mark>> mark = ReadMark(files_, folder_);
    if (absl::IsDataLoss(mark.status())) {
      MarkDamage(Message(mark.status()));
      return absl::OkStatus();
    }
    if (!mark.ok()) return mark.status();
    image_.mark = *mark;
    const bool unused = !image_.mark || !image_.mark->sequence.set();
    if (names_.empty() && unused && !options_.must_exist) {
      image_.fresh = true;
    } else if (!image_.mark) {
      MarkDamage(PathOf("mark") + ": the mark is missing");
    } else if (!Owns(image_.mark->store)) {
      Damage("%s: belongs to another store", PathOf("mark"));
    }
    return absl::OkStatus();
  }

  bool Owns(const Hash128& store) {
    if (store_ == Hash128()) store_ = store;
    return store == store_;
  }

  // Which segments there must be, by the mark.
  void CheckNames() {
    if (!image_.mark) return;
    const Mark& mark = *image_.mark;
    const std::string oldest = SegmentName(mark.first);
    while (!names_.empty() && names_.front() < oldest) {
      image_.trimmed.push_back(names_.front());
      names_.erase(names_.begin());
    }
    if (mark.first.set()) image_.link.next = mark.first;
    if (names_.empty() || (mark.first.set() && names_.front() != oldest)) {
      Damage("%s: the segment is missing: entries %d to %s are lost", PathOf(mark.first.set() ? oldest : "*.journal"),
             image_.link.next.value(), names_.empty() ? "the end" : "before " + names_.front());
      stopped_ = true;
    } else if (mark.active.set() && !std::ranges::binary_search(names_, SegmentName(mark.active))) {
      Damage("%s: the segment is missing: entries from %d on are lost", PathOf(SegmentName(mark.active)),
             mark.active.value());
    }
  }

  absl::Status ReadSegment(const std::string& name, bool is_last) {
    const std::string path = PathOf(name);
    TOCSIN_ASSIGN(const std::unique_ptr<File> file, files_.Open(path));
    Segment segment;
    segment.first = *ParseSegmentName(name);
    segment.name = name;
    TOCSIN_ASSIGN(segment.size, file->Size());
    TOCSIN_ASSIGN(const std::string block, file->ReadAt(0, kBlock));
    absl::StatusOr<SegmentHeader> header = DecodeSegmentHeader(block);
    if (absl::IsFailedPrecondition(header.status())) return Annotate(header.status(), path);
    if (!header.ok()) return StopAt(name, "the segment's header is damaged");
    segment.header = *header;
    if (!Owns(segment.header.store)) return StopAt(name, "the segment belongs to another store");
    if (segment.header.first != segment.first) return StopAt(name, "the segment was renamed");
    if (!image_.segments.empty() && !FollowsOn(segment.header)) return StopBefore(name);

    const Link link{segment.first, segment.header.previous, segment.header.epoch};
    SegmentReader reader(*file, segment.size, segment.header.key);
    unmarked_ = UINT64_MAX;
    absl::StatusOr<SegmentEnd> end =
        FollowSegment(reader, link, [&](const RawEntry& raw, std::uint64_t offset) { return See(raw, offset); });
    if (!end.ok()) return Annotate(end.status(), path);
    segment.end = end->offset;
    key_ = segment.header.key;
    segment.next = end->link.next;
    image_.link = end->link;
    image_.unmarked = std::min(unmarked_, segment.end);
    if (end->any) {
      image_.recovery.engine = end->now.engine;
      image_.recovery.wall = end->now.wall;
      if (!image_.recovery.first.set()) image_.recovery.first = segment.first;
    }
    image_.segments.push_back(segment);
    if (!mark_hash_fits_) {
      Damage("%s: entry %d is not the one that the mark saw: the chain is broken", path, image_.mark->sequence.value());
    }
    if (end->links_broken) {
      Damage("%s: offset %d: the entry there does not continue the chain: entries from %d on are damaged", path,
             segment.end, image_.link.next.value());
      stopped_ = true;
    }
    return is_last || stopped_ ? ReadRemains(reader, path) : absl::OkStatus();
  }

  // Whether the segment goes on where the one before ended, or says that what is missing was given up.
  bool FollowsOn(const SegmentHeader& header) const {
    if (header.previous != image_.link.hash) return false;
    return header.first == image_.link.next || header.lost_from == image_.link.next;
  }

  absl::Status See(const RawEntry& raw, std::uint64_t commit_offset) {
    if (!image_.mark || raw.commit > image_.mark->sequence) unmarked_ = std::min(unmarked_, commit_offset);
    if (image_.mark && raw.entry.sequence == image_.mark->sequence && raw.hash != image_.mark->hash) {
      mark_hash_fits_ = false;
    }
    return absl::OkStatus();
  }

  absl::Status StopAt(const std::string& name, std::string_view why) {
    Damage("%s: offset 0: %s: entries from %d on cannot be read", PathOf(name), why, ParseSegmentName(name)->value());
    stopped_ = true;
    return LookBeyond(name);
  }
  // The segment `name` is whole, the one before it is not.
  absl::Status StopBefore(const std::string& name) {
    const Segment& last = image_.segments.back();
    const Sequence next = *ParseSegmentName(name);
    if (next > image_.link.next) {
      Damage("%s: offset %d: entries %d to %d are damaged or missing before %s", PathOf(last.name), last.end,
             image_.link.next.value(), next.value() - 1, name);
    } else {
      Damage("%s: does not continue %s: the chain is broken at entry %d", PathOf(name), last.name, next.value());
    }
    stopped_ = true;
    return LookBeyond(name);
  }
  // What stands after the last whole commit of the last segment.
  absl::Status ReadRemains(SegmentReader& reader, const std::string& path) {
    const Segment& segment = image_.segments.back();
    TOCSIN_ASSIGN(const Remains remains, FindRemains(reader, segment.end, image_.link.next));
    image_.highest = std::max(image_.highest, remains.highest);
    image_.highest_epoch = std::max(image_.highest_epoch, remains.highest_epoch);
    if (remains.later_commit) {
      Damage(
          "%s: offset %d: entries from %d on are damaged, but entry %d at offset %d, which was written later, is whole",
          path, segment.end, image_.link.next.value(), remains.later_commit->value(), remains.later_offset);
    }
    if (stopped_ || remains.later_commit || remains.end == 0) return absl::OkStatus();
    image_.tail_end = remains.end;
    image_.recovery.torn_bytes = remains.end - segment.end;
    image_.recovery.notes.push_back(
        absl::StrFormat("%s: offset %d: %d bytes of a commit that was never finished (%d whole entries in it)", path,
                        segment.end, image_.recovery.torn_bytes, remains.whole_entries));
    return absl::OkStatus();
  }

  // Only for numbers that must not be given out again.
  absl::Status LookBeyond(const std::string& name) {
    image_.beyond.push_back(name);
    image_.highest = std::max(image_.highest, *ParseSegmentName(name));
    TOCSIN_ASSIGN(const std::unique_ptr<File> file, files_.Open(PathOf(name)));
    TOCSIN_ASSIGN(const std::uint64_t size, file->Size());
    TOCSIN_ASSIGN(const std::string block, file->ReadAt(0, kBlock));
    const absl::StatusOr<SegmentHeader> header = DecodeSegmentHeader(block);
    SegmentReader reader(*file, size, header.ok() ? header->key : key_);
    TOCSIN_ASSIGN(const Remains remains, FindRemains(reader, kBlock, image_.link.next));
    image_.highest = std::max(image_.highest, remains.highest);
    image_.highest_epoch = std::max(image_.highest_epoch, remains.highest_epoch);
    return absl::OkStatus();
  }

  void CheckEnd() {
    const Sequence next = image_.link.next;
    if (image_.segments.empty()) Damage("%s: there are no entries, but the store has been used", folder_);
    if (options_.known >= next) {
      Damage("%s: ends with entry %d, but the views have seen entry %d", folder_, next.value() - 1,
             options_.known.value());
    }
    if (!image_.mark || image_.mark->sequence < next) return;
    const std::string where =
        image_.segments.empty()
            ? folder_
            : absl::StrFormat("%s: offset %d", PathOf(image_.segments.back().name), image_.segments.back().end);
    Damage("%s: entries %d to %d are damaged or missing: the mark says that they were durable", where, next.value(),
           image_.mark->sequence.value());
  }

  void Summarise() {
    Journal::Recovery& recovery = image_.recovery;
    recovery.segments = image_.segments.size();
    recovery.epoch = image_.link.epoch;
    if (image_.mark) recovery.mark = image_.mark->sequence;
    image_.highest = std::max({image_.highest, recovery.mark, Sequence(image_.link.next.value() - 1)});
    image_.highest_epoch =
        std::max({image_.highest_epoch, image_.link.epoch, image_.mark ? image_.mark->epoch : Epoch()});
    recovery.last = Sequence(image_.link.next.value() - 1);
    for (const Segment& segment : image_.segments) {
      if (!segment.header.lost_from.set()) continue;
      recovery.notes.push_back(absl::StrFormat("entries %d to %d were given up by an earlier recover --accept-loss",
                                               segment.header.lost_from.value(), segment.first.value() - 1));
    }
  }

  FileSystem& files_;
  const std::string& folder_;
  const Journal::Options& options_;
  Hash128 store_;
  std::uint64_t key_;
  std::vector<std::string> names_;
  std::uint64_t unmarked_ = 0;  // as Image::unmarked, of the segment under way
  bool mark_hash_fits_ = true;
  bool stopped_ = false;
  Image image_;
};

}  // namespace

absl::StatusOr<Image> ReadImage(FileSystem& files, const std::string& folder, const Journal::Options& options) {
  return ImageReader(files, folder, options).Read();
}

}  // namespace tocsin::journal
