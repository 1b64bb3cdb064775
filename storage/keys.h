// All keys of the views in RocksDB, and the only place where one is made. Numbers are big-endian, so that bytes sort as the
// numbers do; a time's sign bit is flipped for the same reason.
//
// key                                               value                      scanned in order by
// m<name>                                           see Meta                   -
// r<table:u8><id:u64>                               Row                        recovery: the rows in memory
// h<table:u8><id:u64>                               closed:i64 ns, Row         lists: rows that have left memory
// y<table:u8><closed:i64 ns><id:u64>                empty                      retention, the oldest of a kind first
// i<term:u64><opened:i64 ns><id:u64><table:u8>      empty                      search, newest first: both numbers inverted
// a<number:u64>                                     AuditLink                  the audit log's chain (audit_chain.h)
// x<closed:i64 ns><table:u8><id:u64>                empty                      as y, of stores before there was an index
// t<kind:u8><subject:u64><ordinal:u64>              TimelineEntry              explain, incident pages
// c<generation:u64><shard:u32><number:u64>          a body of Shard::Checkpoint   recovery, replay
// b<generation:u64><table:u8><id:u64>               Row                        replay: the rows beside a kept checkpoint
//
// table is the index of Row's alternative. ordinal is the journal's sequence and the entry's place in its Change: see
// TimelineOrdinal. There is no shard number in a key but a checkpoint's, which is read as a whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"

#include "model/response.h"
#include "model/timeline.h"
#include "storage/search_terms.h"

namespace tocsin::keys {

namespace internal {
template <typename T>
void AppendBigEndian(std::string& out, T value) {
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(static_cast<unsigned char>(value >> shift)));
  }
}
template <typename T>
T ReadBigEndian(std::string_view bytes, std::size_t at) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(static_cast<T>(value << 8U) | static_cast<unsigned char>(bytes[at + i]));
  }
  return value;
}
inline constexpr std::uint64_t kSignBit = 1ULL << 63U;
}  // namespace internal

// Singletons.
inline constexpr std::string_view kApplied = "mapplied";        // u64: the journal sequence the views are at
inline constexpr std::string_view kCheckpoint = "mcheckpoint";  // generation:u64, position:u64, bytes:u64
// For each, oldest first: generation:u64, position:u64, rows:u64, complete:u64, at:i64 ns, bytes:u64 (history_base.h).
inline constexpr std::string_view kBases = "mbases";
inline constexpr std::string_view kIndexVersion = "mindex";  // u64: of 'y' and 'i'; absent: they are not whole yet
inline constexpr std::string_view kIndexedUpTo =
    "mindexing";  // key of the last row of the history that has been indexed
inline constexpr std::string_view kHistoryBytes =
    "mhistory";  // u64: of the rows of the history with all that is theirs
inline constexpr std::string_view kIntegrations = "mintegrations";  // the numbering (model/codec EncodeIntegrations)

inline constexpr std::string_view kAuditEnds = "maudit";  // where the audit log's chain begins and ends
inline constexpr std::string_view kAuditLinks = "a";      // prefix
inline constexpr std::string_view kAfterAuditLinks = "b";

inline std::string Number(std::uint64_t value) {
  std::string out;
  internal::AppendBigEndian(out, value);
  return out;
}
inline std::optional<std::uint64_t> ParseNumber(std::string_view bytes, std::size_t at = 0) {
  if (bytes.size() < at + 8) return std::nullopt;
  return internal::ReadBigEndian<std::uint64_t>(bytes, at);
}
// A time as eight bytes that sort as it does.
inline std::string Time(absl::Time time) {
  return Number(static_cast<std::uint64_t>(absl::ToUnixNanos(time)) ^ internal::kSignBit);
}

// Rows in memory are under 'r', those that have left it under 'h'.
enum class Home : char {
  kMemory = 'r',
  kHistory = 'h'
};
inline constexpr std::size_t kHistoryTimeBytes = 8;

inline std::string Row(Home home, RowKey key) {
  std::string out(1, static_cast<char>(home));
  internal::AppendBigEndian(out, key.table);
  internal::AppendBigEndian(out, key.id);
  return out;
}
inline constexpr std::size_t kRowBytes = 10;
inline std::optional<RowKey> ParseRow(std::string_view key) {
  if (key.size() != kRowBytes) return std::nullopt;
  return RowKey{internal::ReadBigEndian<std::uint8_t>(key, 1), internal::ReadBigEndian<std::uint64_t>(key, 2)};
}

inline std::string RetentionOf(std::uint8_t table) {  // prefix of all its rows
  std::string out = "y";
  internal::AppendBigEndian(out, table);
  return out;
}
inline std::string Retention(std::string_view closed, RowKey key) {  // closed as from Time
  std::string out = RetentionOf(key.table);
  out += closed;
  internal::AppendBigEndian(out, key.id);
  return out;
}
struct RetentionKey {
  std::string_view closed;  // as from Time
  RowKey row;
};
inline std::optional<RetentionKey> ParseRetention(std::string_view key) {
  if (key.size() != 18) return std::nullopt;
  return RetentionKey{
      key.substr(2, 8),
      {internal::ReadBigEndian<std::uint8_t>(key, 1), internal::ReadBigEndian<std::uint64_t>(key, 10)}
  };
}
// What an older program wrote in their place lies in ["x", "y").
inline constexpr std::string_view kOldRetention = "x";
inline constexpr std::string_view kAfterOldRetention = "y";

inline std::string AuditLink(std::uint64_t number) {
  return std::string(kAuditLinks) + Number(number);
}

// The place of a document among results, as bytes that sort as results do.
inline std::string Place(const DocumentPlace& place) {
  std::string out = Number(~(static_cast<std::uint64_t>(absl::ToUnixNanos(place.opened_at)) ^ internal::kSignBit));
  internal::AppendBigEndian(out, ~place.key.id);
  internal::AppendBigEndian(out, place.key.table);
  return out;
}
inline std::optional<DocumentPlace> ParsePlace(std::string_view bytes) {
  if (bytes.size() != 17) return std::nullopt;
  const std::uint64_t time = ~internal::ReadBigEndian<std::uint64_t>(bytes, 0) ^ internal::kSignBit;
  return DocumentPlace{
      absl::FromUnixNanos(static_cast<std::int64_t>(time)),
      {internal::ReadBigEndian<std::uint8_t>(bytes, 16), ~internal::ReadBigEndian<std::uint64_t>(bytes, 8)}
  };
}
inline std::string Posting(Term term, std::string_view place) {  // place as from Place
  std::string out = "i";
  internal::AppendBigEndian(out, term);
  out += place;
  return out;
}
inline std::string PostingsEnd(Term term) {  // after all of the term's
  return term == UINT64_MAX ? "j" : Posting(term + 1, "");
}
inline std::string_view PlaceOf(std::string_view posting) {  // Requires a key of Posting.
  return posting.substr(9);
}

// The place of a timeline entry in the order of everything: a cursor that stays valid for ever. 20 bits are more entries than
// fit a journal entry; 44 bits of sequence last five centuries at a thousand entries a second.
inline constexpr std::uint64_t kEntriesPerChange = 1ULL << 20U;
inline std::uint64_t TimelineOrdinal(Sequence sequence, std::uint64_t index) {
  return sequence.value() * kEntriesPerChange + index;
}
inline std::string TimelineOf(Subject subject) {  // prefix of all its entries
  std::string out = "t";
  internal::AppendBigEndian(out, static_cast<std::uint8_t>(subject.kind));
  internal::AppendBigEndian(out, subject.id);
  return out;
}
inline std::string Timeline(Subject subject, std::uint64_t ordinal) {
  std::string out = TimelineOf(subject);
  internal::AppendBigEndian(out, ordinal);
  return out;
}
inline constexpr std::size_t kTimelineBytes = 18;
inline std::uint64_t ParseTimelineOrdinal(std::string_view key) {  // Requires a key of Timeline.
  return internal::ReadBigEndian<std::uint64_t>(key, 10);
}

inline std::string CheckpointOf(std::uint64_t generation) {  // prefix of all its bodies
  std::string out = "c";
  internal::AppendBigEndian(out, generation);
  return out;
}
inline std::string CheckpointBody(std::uint64_t generation, std::uint32_t shard, std::uint64_t number) {
  std::string out = CheckpointOf(generation);
  internal::AppendBigEndian(out, shard);
  internal::AppendBigEndian(out, number);
  return out;
}
struct CheckpointKey {
  std::uint64_t generation = 0;
  std::uint32_t shard = 0;
};
inline std::optional<CheckpointKey> ParseCheckpoint(std::string_view key) {
  if (key.size() != 21 || key[0] != 'c') return std::nullopt;
  return CheckpointKey{internal::ReadBigEndian<std::uint64_t>(key, 1), internal::ReadBigEndian<std::uint32_t>(key, 9)};
}
// All checkpoints lie in ["c", "d").
inline constexpr std::string_view kCheckpoints = "c";
inline constexpr std::string_view kAfterCheckpoints = "d";

inline std::string BaseOf(std::uint64_t generation) {  // prefix of all its rows
  std::string out = "b";
  internal::AppendBigEndian(out, generation);
  return out;
}
// `row` as from Row.
inline std::string BaseRow(std::uint64_t generation, std::string_view row) {
  return BaseOf(generation) + std::string(row.substr(1));
}
inline std::optional<RowKey> ParseBaseRow(std::string_view key) {
  if (key.size() != 18 || key[0] != 'b') return std::nullopt;
  return RowKey{internal::ReadBigEndian<std::uint8_t>(key, 9), internal::ReadBigEndian<std::uint64_t>(key, 10)};
}
// All rows of bases lie in ["b", "c").
inline constexpr std::string_view kBaseRows = "b";

}  // namespace tocsin::keys
