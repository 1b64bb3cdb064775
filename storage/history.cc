#include "storage/history.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "storage/checkpoints.h"
#include "storage/journal_format.h"
#include "storage/segment_reader.h"

namespace tocsin {
namespace {

using journal::RecordedRange;

constexpr absl::Duration kLookEvery = absl::Minutes(1);
constexpr absl::Duration kLongestBetweenBases = absl::Hours(24);
// A base is due, however soon, when so large a part of the history would go with the one before it.
constexpr std::uint64_t kLeastBases = 8;

}  // namespace

// Oldest first, without a gap up to the journal's first entry. What stands before a gap serves nobody.
absl::StatusOr<std::vector<RecordedRange>> History::Segments() const {
  TOCSIN_ASSIGN(const std::vector<std::string> names, files_.List(folder_));
  std::vector<RecordedRange> segments;
  Sequence wanted = journal_.first();
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    const std::optional<RecordedRange> range = journal::ParseRecordedName(*name);
    if (!range || range->next != wanted) continue;
    segments.push_back(*range);
    wanted = range->first;
  }
  std::ranges::reverse(segments);
  return segments;
}

absl::StatusOr<std::uint64_t> History::BytesOf(const RecordedRange& segment) const {
  TOCSIN_ASSIGN(const std::unique_ptr<File> file, files_.Open(folder_ + "/" + journal::RecordedName(segment)));
  return file->Size();
}

absl::StatusOr<std::uint64_t> History::Bytes() const {
  std::uint64_t bytes = 0;
  for (const HistoryBase& base : checkpoints_.bases())
    bytes += base.bytes;
  TOCSIN_ASSIGN(const std::vector<RecordedRange> segments, Segments());
  for (const RecordedRange& segment : segments) {
    TOCSIN_ASSIGN(const std::uint64_t size, BytesOf(segment));
    bytes += size;
  }
  return bytes;
}

absl::StatusOr<std::vector<HistoryBase>> History::Bases() const {
  TOCSIN_ASSIGN(const std::vector<RecordedRange> segments, Segments());
  const Sequence first = segments.empty() ? journal_.first() : segments.front().first;
  std::vector<HistoryBase> usable;
  if (first == Sequence(1)) usable.emplace_back();  // everything that has ever come in is there
  for (const HistoryBase& base : checkpoints_.bases()) {
    if (base.begin() >= first) usable.push_back(base);
  }
  return usable;
}

absl::Status History::ReadBase(const HistoryBase& base,
                               absl::FunctionRef<absl::Status(std::uint32_t shard, std::string_view body)> visit_body,
                               absl::FunctionRef<absl::Status(Row row)> visit_row) const {
  if (base.generation == 0) return absl::OkStatus();
  return checkpoints_.ReadBase(base, visit_body, visit_row);
}

// A segment may leave the journal while we read, and then is among the recorded ones.
absl::Status History::Read(Sequence from, absl::FunctionRef<absl::Status(const Entry&)> visit) const {
  Sequence next = from;
  const auto follow = [&](const Entry& entry) -> absl::Status {
    TOCSIN_TRY(visit(entry));
    next = Sequence(entry.sequence.value() + 1);
    return absl::OkStatus();
  };
  for (;;) {
    if (next >= journal_.first()) {
      const Sequence before = next;
      const absl::Status read = journal_.Read(next, follow);
      if (!absl::IsNotFound(read) || next >= journal_.first()) return read;
      if (next != before) continue;
    }
    TOCSIN_ASSIGN(const std::vector<RecordedRange> segments, Segments());
    const auto found =
        std::ranges::find_if(segments, [&](const RecordedRange& at) { return at.first <= next && next < at.next; });
    if (found == segments.end()) {
      return NotFound("entry %d of the recorded history has been given up, to keep within its bounds", next.value());
    }
    const std::string path = folder_ + "/" + journal::RecordedName(*found);
    TOCSIN_ASSIGN(const std::uint64_t size, BytesOf(*found));
    TOCSIN_TRY(journal::ReadSegment(files_, path, size, *found, next, follow));
  }
}

absl::StatusOr<bool> History::WantsBase(const Now& now) const {
  if (!options_.on()) return false;
  const std::vector<HistoryBase> bases = checkpoints_.bases();
  if (bases.empty()) return true;
  const HistoryBase& last = bases.back();
  std::uint64_t since = journal_.bytes_on_disk();
  TOCSIN_ASSIGN(const std::vector<RecordedRange> segments, Segments());
  for (const RecordedRange& segment : segments) {
    if (segment.next <= last.begin()) continue;
    TOCSIN_ASSIGN(const std::uint64_t size, BytesOf(segment));
    since += size;
  }
  const absl::Duration age = now.wall - last.at;
  const bool clock_went_back = age < absl::ZeroDuration();
  const bool worth_it = age >= options_.base_interval && since >= last.bytes;
  return clock_went_back || worth_it || age >= kLongestBetweenBases || since >= options_.bytes / kLeastBases;
}

absl::Status History::Keep(const Now& now, std::uint64_t wanted_free) {
  TOCSIN_ASSIGN(const std::uint64_t free, files_.FreeBytes(folder_));
  if (looked_at_ && now.engine - *looked_at_ < kLookEvery && free >= wanted_free) return absl::OkStatus();
  looked_at_ = now.engine;
  for (;;) {
    TOCSIN_ASSIGN(const std::vector<RecordedRange> segments, Segments());
    const Sequence first = segments.empty() ? journal_.first() : segments.front().first;
    TOCSIN_TRY(GiveUpBefore(first));
    if (segments.empty() && checkpoints_.bases().empty()) return absl::OkStatus();
    TOCSIN_ASSIGN(const bool is_too_much, IsTooMuch(now, wanted_free));
    if (!is_too_much) return absl::OkStatus();
    TOCSIN_TRY(GiveUpOldest());
  }
}

absl::StatusOr<bool> History::IsTooMuch(const Now& now, std::uint64_t wanted_free) const {
  if (!options_.on()) return true;
  TOCSIN_ASSIGN(const std::uint64_t free, files_.FreeBytes(folder_));
  if (free < wanted_free) return true;
  TOCSIN_ASSIGN(const std::uint64_t bytes, Bytes());
  if (bytes > options_.bytes) return true;
  TOCSIN_ASSIGN(const std::vector<HistoryBase> bases, Bases());
  return bases.size() > 1 && bases[1].at <= now.wall - options_.age;
}

// The oldest base and what only serves replays from it; all, when that would free nothing.
absl::Status History::GiveUpOldest() {
  TOCSIN_ASSIGN(const std::vector<HistoryBase> bases, Bases());
  TOCSIN_ASSIGN(const std::vector<RecordedRange> segments, Segments());
  for (std::size_t i = 1; i < bases.size(); ++i) {
    const Sequence first = bases[i].begin();
    const bool frees_base = bases[i - 1].generation != 0;
    const bool frees_segment = !segments.empty() && segments.front().next <= first;
    if (frees_base || frees_segment) return GiveUpBefore(first);
  }
  TOCSIN_TRY(checkpoints_.DropBases([](const HistoryBase&) { return false; }));
  return GiveUpBefore(journal_.first());
}

// Bases go before the segments that they need.
absl::Status History::GiveUpBefore(Sequence first) {
  TOCSIN_TRY(checkpoints_.DropBases([&](const HistoryBase& base) { return base.begin() >= first; }));
  TOCSIN_ASSIGN(const std::vector<std::string> names, files_.List(folder_));
  for (const std::string& name : names) {
    const std::optional<RecordedRange> range = journal::ParseRecordedName(name);
    if (range && range->next <= first) TOCSIN_TRY(files_.Remove(folder_ + "/" + name));
  }
  return absl::OkStatus();
}

}  // namespace tocsin
