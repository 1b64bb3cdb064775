#include "storage/journal.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <utility>

#include "base/limits.h"
#include "base/mutex.h"
#include "base/status.h"
#include "storage/journal_format.h"
#include "storage/journal_image.h"
#include "storage/mark.h"
#include "storage/segment_files.h"
#include "storage/segment_reader.h"

namespace tocsin {
namespace {

using journal::AlignUp;
using journal::kBlock;

constexpr std::size_t kCopyBytes = 1 << 20;
constexpr std::size_t kBufferBytes = 32 << 20;  // of a commit; one that took more is not kept for the next

class SegmentedJournal final : public Journal {
 public:
  SegmentedJournal(FileSystem& files, std::string folder, Options options, journal::Image image)
      : files_(files),
        folder_(std::move(folder)),
        options_(options),
        segment_files_(files, folder_, options.segment_bytes),
        recovery_(std::move(image.recovery)),
        link_(image.link) {}

  // Repairs what `image` found to be repairable and begins this run's epoch.
  absl::Status Begin(const journal::Image& image);
  ~SegmentedJournal() override;

  const Recovery& recovery() const override { return recovery_; }
  Epoch epoch() const override { return epoch_; }
  Sequence last() const override;
  Sequence first() const override;
  absl::StatusOr<Sequence> Append(std::span<const PendingEntry> entries, const Now& now) override;
  absl::Status TouchMark(const Now& now) override;
  absl::Status Read(Sequence from, absl::FunctionRef<absl::Status(const Entry&)> visit) const override;
  absl::Status TendSpare() override;
  absl::Status Trim(Sequence before) override;
  std::uint64_t bytes_on_disk() const override;
  Standing Stand() const override;

 private:
  // What a reader and the trimming thread need of a segment.
  struct Segment {
    Sequence first;
    Sequence next;          // first sequence that is not in it
    std::uint64_t end = 0;  // offset after the last durable commit
    std::uint64_t size = 0;
  };

  std::string PathOf(Sequence first) const { return folder_ + "/" + journal::SegmentName(first); }
  absl::Status RepairTail(const journal::Image& image);
  absl::Status AcceptLoss(const journal::Image& image);
  absl::Status RetireTrimmed(const journal::Image& image);
  absl::Status Retire(Sequence first, Sequence next);
  absl::Status StartFirst();
  absl::Status StartSegment(Sequence first, Sequence lost_from, std::uint64_t needed);
  void Enter(Sequence first, journal::NewSegment made);
  absl::Status Commit(std::span<const PendingEntry> entries, const Now& now);
  absl::Status Roll(std::uint64_t needed);
  journal::Mark CurrentMark() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_mutex_);
  absl::Status WriteMark(int copies);
  absl::Status ReadSegment(const Segment& segment,
                           Sequence from,
                           absl::FunctionRef<absl::Status(const Entry&)> visit) const;
  absl::Status Failure() const;
  absl::Status Fail(const absl::Status& status);

  // Constant after Begin.
  FileSystem& files_;
  const std::string folder_;
  const Options options_;
  Epoch epoch_;

  // Of the appending thread.
  journal::SegmentFiles segment_files_;
  Recovery recovery_;
  journal::Link link_;  // what the next entry must say
  std::unique_ptr<File> active_;
  std::uint64_t active_end_ = 0;
  std::uint64_t active_size_ = 0;
  std::string buffer_;  // one commit; kept, so that a commit allocates nothing
  EngineTime marked_at_;

  mutable Mutex state_mutex_;
  std::vector<Segment> segments_ ABSL_GUARDED_BY(state_mutex_);  // oldest first; the last is the active one
  journal::Link durable_ ABSL_GUARDED_BY(state_mutex_);          // after the last durable entry
  absl::Status failure_ ABSL_GUARDED_BY(state_mutex_);           // final
  std::atomic<bool> failed_{false};                              // there is one

  // Taken before state_mutex_. Held while a mark is written, so that marks never go back.
  Mutex mark_mutex_ ABSL_ACQUIRED_BEFORE(state_mutex_);
  std::optional<journal::MarkWriter> mark_ ABSL_GUARDED_BY(mark_mutex_);
  Sequence marked_ ABSL_GUARDED_BY(mark_mutex_);
};

absl::Status SegmentedJournal::Begin(const journal::Image& image) {
  if (!image.mark) {
    // In a new folder the mark comes first: where there are segments but no mark, it was lost.
    journal::Mark nothing;
    nothing.store = options_.store;
    TOCSIN_TRY(journal::CreateMark(files_, folder_, nothing));
  }
  TOCSIN_TRY(RetireTrimmed(image));
  const bool is_first = image.segments.empty() && !image.has_spare && !image.entries_damaged;
  if (!is_first) TOCSIN_TRY(segment_files_.Begin(image.has_spare));
  {
    MutexLock lock(state_mutex_);
    for (const journal::Segment& segment : image.segments) {
      segments_.push_back({segment.first, segment.next, segment.end, segment.size});
    }
    durable_ = link_;
  }
  if (image.entries_damaged) {
    TOCSIN_TRY(AcceptLoss(image));
  } else if (is_first) {
    TOCSIN_TRY(StartFirst());
  } else if (image.segments.empty()) {
    TOCSIN_TRY(StartSegment(link_.next, Sequence(), 0));
  } else {
    TOCSIN_TRY(RepairTail(image));
  }
  TOCSIN_TRY(segment_files_.PrepareSpare());
  epoch_ = Epoch(image.highest_epoch.value() + 1);
  const PendingEntry lead{.kind = EntryKind::kLead, .shard = 0, .body = {}};
  const Now now{recovery_.wall, recovery_.engine};
  TOCSIN_TRY(Commit({&lead, 1}, now));
  {
    MutexLock mark_lock(mark_mutex_);
    TOCSIN_ASSIGN(mark_, journal::MarkWriter::Open(files_, folder_, image.mark ? image.mark->counter : 0));
  }
  TOCSIN_TRY(WriteMark(2));
  marked_at_ = now.engine;
  return absl::OkStatus();
}

// Makes the end of the last segment what the chain says it is, durably, before anything is written after it.
absl::Status SegmentedJournal::RepairTail(const journal::Image& image) {
  const journal::Segment& last = image.segments.back();
  TOCSIN_ASSIGN(active_, files_.Open(PathOf(last.first)));
  active_end_ = last.end;
  active_size_ = last.size;
  // Bytes of a torn commit are zeroed: no later recovery may meet them behind new entries.
  for (std::uint64_t at = last.end; at < image.tail_end; at += kCopyBytes)
    TOCSIN_TRY(active_->WriteAt(at, std::string(std::min<std::uint64_t>(kCopyBytes, image.tail_end - at), '\0')));
  // What the mark does not vouch for may be in memory only, and after a failed fsync Linux calls such pages clean. Written
  // again it is on the disk before anybody builds on it.
  for (std::uint64_t at = image.unmarked; at < last.end; at += kCopyBytes) {
    TOCSIN_ASSIGN(const std::string bytes, active_->ReadAt(at, std::min<std::uint64_t>(kCopyBytes, last.end - at)));
    TOCSIN_TRY(active_->WriteAt(at, bytes));
  }
  TOCSIN_TRY(active_->Sync());
  return files_.SyncFolder(folder_);
}

// Leaves what is damaged where it is, and goes on in a new segment that says what was given up. Run again after a crash at
// any step it does the same again.
absl::Status SegmentedJournal::AcceptLoss(const journal::Image& image) {
  const Sequence lost_from = image.link.next;
  const Sequence first(std::max(image.highest, options_.known).value() + 1);
  TOCSIN_TRY(StartSegment(first, lost_from, 0));
  for (auto name = image.beyond.rbegin(); name != image.beyond.rend(); ++name) {
    const std::string path = folder_ + "/" + *name;
    TOCSIN_TRY(files_.Rename(path, path + ".dropped"));
  }
  TOCSIN_TRY(files_.SyncFolder(folder_));
  recovery_.notes.push_back(absl::StrFormat("accepted the loss of entries %d to %d (%s)", lost_from.value(),
                                            first.value() - 1, Message(image.damage)));
  for (const std::string& name : image.beyond)
    recovery_.notes.push_back("kept unread: " + name + ".dropped");
  link_.next = first;
  MutexLock lock(state_mutex_);
  durable_ = link_;
  segments_.back().next = first;
  return absl::OkStatus();
}

absl::Status SegmentedJournal::StartSegment(Sequence first, Sequence lost_from, std::uint64_t needed) {
  const journal::SegmentHeader header{.store = options_.store,
                                      .key = options_.key,
                                      .first = first,
                                      .previous = link_.hash,
                                      .epoch = link_.epoch,
                                      .lost_from = lost_from};
  TOCSIN_ASSIGN(journal::NewSegment made, segment_files_.Make(header, needed));
  Enter(first, std::move(made));
  return absl::OkStatus();
}

absl::Status SegmentedJournal::StartFirst() {
  TOCSIN_ASSIGN(journal::NewSegment made, segment_files_.MakeFirst({.store = options_.store,
                                                                    .key = options_.key,
                                                                    .first = link_.next,
                                                                    .previous = link_.hash,
                                                                    .epoch = link_.epoch,
                                                                    .lost_from = Sequence()}));
  Enter(link_.next, std::move(made));
  return absl::OkStatus();
}

void SegmentedJournal::Enter(Sequence first, journal::NewSegment made) {
  active_ = std::move(made.file);
  active_end_ = kBlock;
  active_size_ = made.size;
  MutexLock lock(state_mutex_);
  segments_.push_back({first, first, active_end_, active_size_});
}

SegmentedJournal::~SegmentedJournal() {
  // A clean end leaves an exact mark. Its failure costs nothing: the mark is allowed to lag.
  if (Failure().ok()) WriteMark(1).IgnoreError();
}

Sequence SegmentedJournal::last() const {
  MutexLock lock(state_mutex_);
  return Sequence(durable_.next.value() - 1);
}

Sequence SegmentedJournal::first() const {
  MutexLock lock(state_mutex_);
  return segments_.front().first;
}

absl::StatusOr<Sequence> SegmentedJournal::Append(std::span<const PendingEntry> entries, const Now& now) {
  TOCSIN_TRY(Failure());
  for (const PendingEntry& entry : entries) {
    if (entry.body.size() <= limits::kJournalEntryBytes) continue;
    return Invalid("journal: an entry's body has %d bytes, at most %d", entry.body.size(), limits::kJournalEntryBytes);
  }
  if (!entries.empty()) {
    TOCSIN_TRY(Fail(Commit(entries, now)));
    TOCSIN_TRY(TouchMark(now));
  }
  return Sequence(link_.next.value() - 1);
}

absl::Status SegmentedJournal::Commit(std::span<const PendingEntry> entries, const Now& now) {
  buffer_.clear();
  journal::Link link = link_;
  const Sequence commit = link.next;
  for (const PendingEntry& pending : entries) {
    journal::RawEntry raw{
        .entry = {.sequence = link.next,
                  .epoch = epoch_,
                  .now = now,
                  .kind = pending.kind,
                  .shard = pending.shard,
                  .body = pending.body},
        .commit = commit,
        .ends_commit = &pending == &entries.back(),
        .previous = link.hash,
        .hash = {}
    };
    raw.hash = journal::AppendEntry(buffer_, options_.key, raw);
    journal::Advance(link, raw);
  }
  if (active_end_ + buffer_.size() > active_size_) TOCSIN_TRY(Roll(buffer_.size()));
  TOCSIN_TRY(active_->WriteAt(active_end_, buffer_));
  TOCSIN_TRY(active_->Sync());
  active_end_ += buffer_.size();
  if (buffer_.capacity() > kBufferBytes) std::string().swap(buffer_);  // assigning an empty one keeps the memory
  link_ = link;
  MutexLock lock(state_mutex_);
  durable_ = link;
  segments_.back().next = link.next;
  segments_.back().end = active_end_;
  return absl::OkStatus();
}

// The mark is exact at a segment's end, and knows of the new segment before there is an entry in it.
absl::Status SegmentedJournal::Roll(std::uint64_t needed) {
  TOCSIN_TRY(StartSegment(link_.next, Sequence(), needed));
  TOCSIN_TRY(WriteMark(1));
  return segment_files_.PrepareSpare();
}

journal::Mark SegmentedJournal::CurrentMark() const {
  return {.store = options_.store,
          .counter = 0,
          .sequence = Sequence(durable_.next.value() - 1),
          .hash = durable_.hash,
          .epoch = durable_.epoch,
          .first = segments_.front().first,
          .active = segments_.back().first};
}

absl::Status SegmentedJournal::WriteMark(int copies) {
  MutexLock mark_lock(mark_mutex_);
  if (!mark_) return absl::OkStatus();  // Begin writes it at its end
  journal::Mark mark;
  {
    MutexLock lock(state_mutex_);
    mark = CurrentMark();
  }
  for (int i = 0; i < copies; ++i)
    TOCSIN_TRY(mark_->Write(mark));
  marked_ = mark.sequence;
  return absl::OkStatus();
}

absl::Status SegmentedJournal::TouchMark(const Now& now) {
  TOCSIN_TRY(Failure());
  const absl::Duration age = now.engine - marked_at_;
  if (age >= absl::ZeroDuration() && age < options_.mark_interval) return absl::OkStatus();
  {
    MutexLock mark_lock(mark_mutex_);
    if (marked_ == Sequence(link_.next.value() - 1)) return absl::OkStatus();
  }
  TOCSIN_TRY(Fail(WriteMark(1)));
  marked_at_ = now.engine;
  return absl::OkStatus();
}

absl::Status SegmentedJournal::Read(Sequence from, absl::FunctionRef<absl::Status(const Entry&)> visit) const {
  std::vector<Segment> segments;
  {
    MutexLock lock(state_mutex_);
    segments = segments_;
  }
  if (!from.set()) from = Sequence(1);
  if (from < segments.front().first) {
    return NotFound("journal: entry %d was trimmed, the oldest is %d", from.value(), segments.front().first.value());
  }
  for (const Segment& segment : segments) {
    if (segment.next <= from) continue;
    absl::Status read = ReadSegment(segment, from, visit);
    if (!read.ok()) return read;
  }
  return absl::OkStatus();
}

absl::Status SegmentedJournal::ReadSegment(const Segment& segment,
                                           Sequence from,
                                           absl::FunctionRef<absl::Status(const Entry&)> visit) const {
  return journal::ReadSegment(files_, PathOf(segment.first), segment.end, {segment.first, segment.next}, from, visit);
}

absl::Status SegmentedJournal::TendSpare() {
  TOCSIN_TRY(Failure());
  return Fail(segment_files_.Tend());
}

absl::Status SegmentedJournal::Trim(Sequence before) {
  TOCSIN_TRY(Failure());
  std::vector<Segment> dropped;
  {
    MutexLock lock(state_mutex_);
    std::size_t keep_from = 0;
    while (keep_from + 1 < segments_.size() && segments_[keep_from].next <= before)
      ++keep_from;
    const auto end = segments_.begin() + static_cast<std::ptrdiff_t>(keep_from);
    dropped.assign(segments_.begin(), end);
    segments_.erase(segments_.begin(), end);
  }
  if (dropped.empty()) return absl::OkStatus();
  // Both slots, so that neither misses a segment that is gone.
  TOCSIN_TRY(Fail(WriteMark(2)));
  for (const Segment& segment : dropped)
    TOCSIN_TRY(Retire(segment.first, segment.next));
  return absl::OkStatus();
}

// Where a segment ends says the next one, whether that has been renamed already or not.
absl::Status SegmentedJournal::RetireTrimmed(const journal::Image& image) {
  if (image.trimmed.empty()) return absl::OkStatus();
  std::set<Sequence> firsts = {image.mark->first};
  TOCSIN_ASSIGN(const std::vector<std::string> names, files_.List(folder_));
  for (const std::string& name : names) {
    if (const auto range = journal::ParseRecordedName(name)) firsts.insert(range->first);
    if (const auto first = journal::ParseSegmentName(name)) firsts.insert(*first);
  }
  for (const std::string& name : image.trimmed) {
    const Sequence first = *journal::ParseSegmentName(name);
    TOCSIN_TRY(Retire(first, *firsts.upper_bound(first)));
  }
  return absl::OkStatus();
}

// A segment that the mark no longer knows of. A name that a power cut brings back is retired again at the next start.
absl::Status SegmentedJournal::Retire(Sequence first, Sequence next) {
  if (!options_.keep_trimmed) return files_.Remove(PathOf(first));
  return files_.Rename(PathOf(first), folder_ + "/" + journal::RecordedName({first, next}));
}

std::uint64_t SegmentedJournal::bytes_on_disk() const {
  MutexLock lock(state_mutex_);
  std::uint64_t bytes = 0;
  for (const Segment& segment : segments_)
    bytes += segment.size;
  return bytes;
}

Journal::Standing SegmentedJournal::Stand() const {
  MutexLock lock(state_mutex_);
  Standing standing{Sequence(durable_.next.value() - 1), durable_.hash, durable_.epoch, {}};
  for (const Segment& segment : segments_)
    standing.segments.push_back({segment.first, segment.next, PathOf(segment.first), segment.end});
  return standing;
}

absl::Status SegmentedJournal::Failure() const {
  if (!failed_.load(std::memory_order_acquire)) return absl::OkStatus();
  MutexLock lock(state_mutex_);
  return failure_;
}

absl::Status SegmentedJournal::Fail(const absl::Status& status) {
  if (status.ok()) return status;
  MutexLock lock(state_mutex_);
  if (failure_.ok()) failure_ = Annotate(status, "journal");
  failed_.store(true, std::memory_order_release);
  return failure_;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Journal>> Journal::Open(FileSystem& files, std::string folder, Options options) {
  TOCSIN_TRY(files.MakeFolder(folder));
  TOCSIN_ASSIGN(const journal::Image image, journal::ReadImage(files, folder, options));
  if (!image.damage.ok() && !options.accept_loss) return Annotate(image.damage, "journal");
  auto opened = std::make_unique<SegmentedJournal>(files, std::move(folder), options, image);
  if (absl::Status begun = opened->Begin(image); !begun.ok()) return Annotate(begun, "journal");
  return opened;
}

absl::StatusOr<Journal::Recovery> Journal::Verify(FileSystem& files, std::string folder) {
  Options options;
  TOCSIN_ASSIGN(const journal::Image image, journal::ReadImage(files, folder, options));
  if (!image.damage.ok()) return Annotate(image.damage, "journal");
  return image.recovery;
}

}  // namespace tocsin
