#include "storage/journal_format.h"

#include <bit>
#include <charconv>
#include <cstring>

#include "base/limits.h"
#include "base/status.h"

namespace tocsin::journal {
namespace {

static_assert(std::endian::native == std::endian::little, "the journal is little endian and copied as it is");

constexpr std::uint64_t kSegmentMagic = 0x314C4E524A434F54;  // "TOCJRNL1"
constexpr std::uint64_t kMarkMagic = 0x314B52414D434F54;     // "TOCMARK1"
constexpr std::uint32_t kEntryMagic = 0x45434F54;            // "TOCE"
constexpr std::uint64_t kBlockSeed = 0x746F6373696E;         // blocks carry a plain checksum
constexpr std::size_t kBlockChecksumAt = kBlock - 8;
constexpr std::uint32_t kEndsCommit = 1;
constexpr std::string_view kRecordedSuffix = ".recorded";
constexpr std::string_view kSuffix = ".journal";
constexpr std::size_t kNameDigits = 20;

// Fields of an entry. What stands before kPortable belongs to this node; the chain hash covers what follows.
constexpr std::size_t kCheckAt = 8;
constexpr std::size_t kCommitAt = 16;
constexpr std::size_t kPortable = 32;

template <typename T>
void Put(char* out, std::size_t at, T value) {
  std::memcpy(out + at, &value, sizeof value);
}
template <typename T>
T Get(std::string_view bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}
void PutHash(char* out, std::size_t at, const Hash128& hash) {
  Put(out, at, hash.high);
  Put(out, at + 8, hash.low);
}
Hash128 GetHash(std::string_view bytes, std::size_t at) {
  return {Get<std::uint64_t>(bytes, at), Get<std::uint64_t>(bytes, at + 8)};
}

// A block: magic, version, fields, checksum in the last eight bytes.
std::string NewBlock(std::uint64_t magic) {
  std::string block(kBlock, '\0');
  Put(block.data(), 0, magic);
  Put(block.data(), 8, kFormatVersion);
  return block;
}
void SealBlock(std::string& block) {
  Put(block.data(), kBlockChecksumAt, Hash64(std::string_view(block).substr(0, kBlockChecksumAt), kBlockSeed));
}
absl::Status CheckBlock(std::string_view block, std::uint64_t magic) {
  if (block.size() != kBlock) return DataLoss("%d bytes are too short", block.size());
  if (Get<std::uint64_t>(block, kBlockChecksumAt) != Hash64(block.substr(0, kBlockChecksumAt), kBlockSeed) ||
      Get<std::uint64_t>(block, 0) != magic) {
    return DataLoss("checksum does not fit");
  }
  const auto version = Get<std::uint32_t>(block, 8);
  if (version != kFormatVersion) {
    return Precondition("journal format %d, this program knows %d: use a newer tocsin", version, kFormatVersion);
  }
  return absl::OkStatus();
}

std::uint64_t CheckOf(std::string_view entry, std::uint64_t key) {
  return Hash64(entry.substr(kCommitAt), Hash64(entry.substr(0, kCheckAt), key));
}

}  // namespace

std::string EncodeSegmentHeader(const SegmentHeader& header) {
  std::string block = NewBlock(kSegmentMagic);
  char* out = block.data();
  PutHash(out, 16, header.store);
  Put(out, 32, header.key);
  Put(out, 40, header.first.value());
  PutHash(out, 48, header.previous);
  Put(out, 64, header.epoch.value());
  Put(out, 72, header.lost_from.value());
  SealBlock(block);
  return block;
}

absl::StatusOr<SegmentHeader> DecodeSegmentHeader(std::string_view block) {
  TOCSIN_TRY(CheckBlock(block, kSegmentMagic));
  return SegmentHeader{.store = GetHash(block, 16),
                       .key = Get<std::uint64_t>(block, 32),
                       .first = Sequence(Get<std::uint64_t>(block, 40)),
                       .previous = GetHash(block, 48),
                       .epoch = Epoch(Get<std::uint64_t>(block, 64)),
                       .lost_from = Sequence(Get<std::uint64_t>(block, 72))};
}

std::string SegmentName(Sequence first) {
  return absl::StrFormat("%020d%s", first.value(), kSuffix);
}

std::optional<Sequence> ParseSegmentName(std::string_view name) {
  if (name.size() != kNameDigits + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  std::uint64_t first = 0;
  const char* end = name.data() + kNameDigits;
  const auto [parsed_to, error] = std::from_chars(name.data(), end, first);
  if (error != std::errc() || parsed_to != end || first == 0) return std::nullopt;
  return Sequence(first);
}

std::string RecordedName(const RecordedRange& range) {
  return absl::StrFormat("%020d-%020d%s", range.first.value(), range.next.value(), kRecordedSuffix);
}

std::optional<RecordedRange> ParseRecordedName(std::string_view name) {
  if (name.size() != 2 * kNameDigits + 1 + kRecordedSuffix.size() || !name.ends_with(kRecordedSuffix) ||
      name[kNameDigits] != '-') {
    return std::nullopt;
  }
  const auto first = ParseSegmentName(std::string(name.substr(0, kNameDigits)) + std::string(kSuffix));
  const auto next = ParseSegmentName(std::string(name.substr(kNameDigits + 1, kNameDigits)) + std::string(kSuffix));
  if (!first || !next || *next <= *first) return std::nullopt;
  return RecordedRange{*first, *next};
}

std::string EncodeMark(const Mark& mark) {
  std::string block = NewBlock(kMarkMagic);
  char* out = block.data();
  PutHash(out, 16, mark.store);
  Put(out, 32, mark.counter);
  Put(out, 40, mark.sequence.value());
  PutHash(out, 48, mark.hash);
  Put(out, 64, mark.epoch.value());
  Put(out, 72, mark.first.value());
  Put(out, 80, mark.active.value());
  SealBlock(block);
  return block;
}

absl::StatusOr<Mark> DecodeMark(std::string_view block) {
  TOCSIN_TRY(CheckBlock(block, kMarkMagic));
  return Mark{.store = GetHash(block, 16),
              .counter = Get<std::uint64_t>(block, 32),
              .sequence = Sequence(Get<std::uint64_t>(block, 40)),
              .hash = GetHash(block, 48),
              .epoch = Epoch(Get<std::uint64_t>(block, 64)),
              .first = Sequence(Get<std::uint64_t>(block, 72)),
              .active = Sequence(Get<std::uint64_t>(block, 80))};
}

Hash128 AppendEntry(std::string& out, std::uint64_t key, const RawEntry& raw) {
  const std::size_t start = out.size();
  const Entry& entry = raw.entry;
  out.resize(start + kEntryHeaderBytes);
  out.append(entry.body);
  char* const header = out.data() + start;
  Put(header, 0, kEntryMagic);
  Put(header, 4, static_cast<std::uint32_t>(entry.body.size()));
  Put(header, kCommitAt, raw.commit.value());
  Put(header, 24, raw.ends_commit ? kEndsCommit : 0U);
  Put(header, 28, std::uint32_t{0});
  Put(header, kPortable, entry.sequence.value());
  Put(header, 40, entry.epoch.value());
  Put(header, 48, entry.now.engine.ns());
  Put(header, 56, absl::ToUnixNanos(entry.now.wall));
  Put(header, 64, std::uint32_t{0});
  Put(header, 64, entry.kind);
  Put(header, 68, entry.shard);
  PutHash(header, 72, raw.previous);
  const std::string_view bytes = std::string_view(out).substr(start);
  Put(header, kCheckAt, CheckOf(bytes, key));
  const Hash128 hash = HashTo128(bytes.substr(kPortable));
  out.resize(AlignUp(out.size(), raw.ends_commit ? kBlock : 8), '\0');
  return hash;
}

std::optional<std::size_t> EntryBytes(std::string_view header) {
  if (header.size() < kEntryHeaderBytes || Get<std::uint32_t>(header, 0) != kEntryMagic) return std::nullopt;
  const auto body_bytes = Get<std::uint32_t>(header, 4);
  if (body_bytes > limits::kJournalEntryBytes) return std::nullopt;
  return kEntryHeaderBytes + body_bytes;
}

std::optional<RawEntry> DecodeEntry(std::string_view bytes, std::uint64_t key) {
  if (EntryBytes(bytes) != bytes.size()) return std::nullopt;
  if (Get<std::uint64_t>(bytes, kCheckAt) != CheckOf(bytes, key)) return std::nullopt;
  RawEntry raw;
  raw.entry.sequence = Sequence(Get<std::uint64_t>(bytes, kPortable));
  raw.entry.epoch = Epoch(Get<std::uint64_t>(bytes, 40));
  raw.entry.now.engine = EngineTime(Get<std::int64_t>(bytes, 48));
  raw.entry.now.wall = absl::FromUnixNanos(Get<std::int64_t>(bytes, 56));
  raw.entry.kind = Get<EntryKind>(bytes, 64);
  raw.entry.shard = Get<std::uint32_t>(bytes, 68);
  raw.entry.body = bytes.substr(kEntryHeaderBytes);
  raw.commit = Sequence(Get<std::uint64_t>(bytes, kCommitAt));
  raw.ends_commit = (Get<std::uint32_t>(bytes, 24) & kEndsCommit) != 0;
  raw.previous = GetHash(bytes, 72);
  raw.hash = HashTo128(bytes.substr(kPortable));
  raw.bytes = AlignUp(bytes.size(), 8);
  return raw;
}

bool Follows(const RawEntry& raw, const Link& link, Sequence commit) {
  return raw.entry.sequence == link.next && raw.previous == link.hash && raw.entry.epoch >= link.epoch &&
         raw.commit == (commit.set() ? commit : link.next);
}

void Advance(Link& link, const RawEntry& raw) {
  link.next = Sequence(raw.entry.sequence.value() + 1);
  link.hash = raw.hash;
  link.epoch = raw.entry.epoch;
}

}  // namespace tocsin::journal
