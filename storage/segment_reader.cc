#include "storage/segment_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/status.h"

namespace tocsin::journal {
namespace {

constexpr std::size_t kWindowBytes = 2 << 20;

// The offset after the last byte in `bytes` that is not zero, or 0.
std::size_t EndOfContent(std::string_view bytes) {
  // Mostly all of them are: files are made longer than what is in them.
  constexpr std::size_t kStep = 64;
  static constexpr char kZeros[kStep] = {};
  while (bytes.size() >= kStep && std::memcmp(bytes.data() + bytes.size() - kStep, kZeros, kStep) == 0)
    bytes.remove_suffix(kStep);
  const std::size_t last = bytes.find_last_not_of('\0');
  return last == std::string_view::npos ? 0 : last + 1;
}

}  // namespace

absl::StatusOr<std::string_view> SegmentReader::Bytes(std::uint64_t offset, std::size_t size) {
  if (offset >= size_) return std::string_view();
  size = std::min<std::uint64_t>(size, size_ - offset);
  const bool inside = offset >= window_offset_ && offset + size <= window_offset_ + window_.size();
  if (!inside) {
    TOCSIN_ASSIGN(window_, file_.ReadAt(offset, std::min<std::uint64_t>(std::max(size, kWindowBytes), size_ - offset)));
    window_offset_ = offset;
  }
  return std::string_view(window_).substr(offset - window_offset_, size);
}

absl::StatusOr<std::optional<RawEntry>> SegmentReader::At(std::uint64_t offset) {
  TOCSIN_ASSIGN(const std::string_view header, Bytes(offset, kEntryHeaderBytes));
  const std::optional<std::size_t> size = EntryBytes(header);
  if (!size) return std::nullopt;
  TOCSIN_ASSIGN(const std::string_view bytes, Bytes(offset, *size));
  return DecodeEntry(bytes, key_);
}

absl::StatusOr<SegmentEnd> FollowSegment(
    SegmentReader& reader,
    Link link,
    absl::FunctionRef<absl::Status(const RawEntry& raw, std::uint64_t commit_offset)> visit,
    std::uint64_t offset) {
  SegmentEnd end{.link = link, .offset = offset, .now = {}};
  Sequence commit;  // under way
  while (true) {
    TOCSIN_ASSIGN(const std::optional<RawEntry> raw, reader.At(offset));
    if (!raw) return end;
    if (!Follows(*raw, link, commit)) {
      end.links_broken = true;
      return end;
    }
    if (raw->entry.kind < EntryKind::kShard || raw->entry.kind > kLastKind) {
      return Precondition("entry %d is of kind %d, which this program does not know: use a newer tocsin",
                          raw->entry.sequence.value(), static_cast<int>(raw->entry.kind));
    }
    TOCSIN_TRY(visit(*raw, end.offset));
    Advance(link, *raw);
    commit = raw->commit;
    offset += raw->bytes;
    if (!raw->ends_commit) continue;
    commit = Sequence();
    offset = AlignUp(offset, kBlock);
    end.link = link;
    end.offset = offset;
    end.now = raw->entry.now;
    end.any = true;
  }
}

absl::Status ReadSegment(FileSystem& files,
                         const std::string& path,
                         std::uint64_t end,
                         const RecordedRange& range,
                         Sequence from,
                         absl::FunctionRef<absl::Status(const Entry&)> visit) {
  TOCSIN_ASSIGN(const std::unique_ptr<File> file, files.Open(path));
  TOCSIN_ASSIGN(const std::string block, file->ReadAt(0, kBlock));
  const absl::StatusOr<SegmentHeader> header = DecodeSegmentHeader(block);
  if (!header.ok()) return Annotate(header.status(), path);
  SegmentReader reader(*file, end, header->key);
  const Link start{range.first, header->previous, header->epoch};
  TOCSIN_ASSIGN(const SegmentEnd found, FollowSegment(reader, start, [&](const RawEntry& raw, std::uint64_t) {
                  return raw.entry.sequence < from ? absl::OkStatus() : visit(raw.entry);
                }));
  if (found.link.next == range.next) return absl::OkStatus();
  return DataLoss("%s: offset %d: entry %d was durable and is damaged now", path, found.offset,
                  found.link.next.value());
}

absl::StatusOr<Remains> FindRemains(SegmentReader& reader, std::uint64_t offset, Sequence next) {
  Remains remains;
  std::uint64_t skip_to = offset;  // entries that were seen whole are not searched for entries inside
  for (std::uint64_t block = offset;; block += kBlock) {
    TOCSIN_ASSIGN(const std::string_view bytes, reader.Bytes(block, kBlock));
    if (bytes.empty()) return remains;
    const std::size_t content = EndOfContent(bytes);
    if (content == 0) continue;
    remains.end = block + content;
    for (std::uint64_t at = std::max(block, skip_to); at < block + content; at += 8) {
      TOCSIN_ASSIGN(const std::optional<RawEntry> raw, reader.At(at));
      if (!raw) continue;
      remains.whole_entries += 1;
      remains.highest = std::max(remains.highest, raw->entry.sequence);
      remains.highest_epoch = std::max(remains.highest_epoch, raw->entry.epoch);
      skip_to = at + raw->bytes;
      if (raw->commit > next && !remains.later_commit) {
        remains.later_commit = raw->commit;
        remains.later_offset = at;
      }
      at = skip_to - 8;
    }
  }
}

}  // namespace tocsin::journal
