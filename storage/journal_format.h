// The bytes of the journal: segment headers, entries and marks. Pure: text in, values out. docs/journal-format.md has the
// grammar and the reasons.
//
// Two checks guard an entry, because they answer two questions:
//   check     keyed by a secret of the store, covers every byte. "Did we write this, here?" Nobody outside can put bytes
//             into a body that recovery would take for an entry.
//   previous  the hash of the entry before, not keyed and free of anything that belongs to one node. "Is this what
//             followed?" Equal on every node that holds the same journal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "base/hash.h"
#include "storage/journal.h"

namespace tocsin::journal {

inline constexpr std::uint32_t kFormatVersion = 1;
// Commits start at multiples of it: a torn write can harm no commit before it, whatever the disk's sector size, and the
// kernel never has to read a page before it writes one. Headers and mark slots are one block each.
inline constexpr std::uint64_t kBlock = 4096;
inline constexpr std::size_t kEntryHeaderBytes = 88;
inline constexpr EntryKind kLastKind = EntryKind::kResponderPart;

constexpr std::uint64_t AlignUp(std::uint64_t offset, std::uint64_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}

// Where the chain stands: what the next entry must say of itself.
struct Link {
  Sequence next = Sequence(1);
  Hash128 hash;  // of the entry before `next`
  Epoch epoch;   // of the same
};

struct SegmentHeader {
  Hash128 store;
  std::uint64_t key = 0;  // of the entries' checks
  Sequence first;         // sequence of the first entry
  Hash128 previous;       // hash of the entry before it
  Epoch epoch;            // of the entry before it
  Sequence lost_from;     // set: entries lost_from..first-1 were given up by `tocsin recover --accept-loss`
};
std::string EncodeSegmentHeader(const SegmentHeader& header);
// DataLoss: damaged. FailedPrecondition: whole, but of a newer version.
absl::StatusOr<SegmentHeader> DecodeSegmentHeader(std::string_view block);

// `00000000000000000017.journal`: sorted by name is sorted by sequence.
std::string SegmentName(Sequence first);
std::optional<Sequence> ParseSegmentName(std::string_view name);
// `00000000000000000017-00000000000000000042.recorded`: a segment that the journal no longer needs, with entries 17 to 41.
struct RecordedRange {
  Sequence first;
  Sequence next;
};
std::string RecordedName(const RecordedRange& range);
std::optional<RecordedRange> ParseRecordedName(std::string_view name);

// How far the journal had come, and which segments there must be.
struct Mark {
  Hash128 store;
  std::uint64_t counter = 0;  // the newer of two slots has the higher one
  Sequence sequence;          // everything up to it was durable
  Hash128 hash;               // of that entry
  Epoch epoch;
  Sequence first;   // name of the oldest segment that is kept
  Sequence active;  // name of the newest segment
};
std::string EncodeMark(const Mark& mark);
absl::StatusOr<Mark> DecodeMark(std::string_view block);

// An entry as it lies in a segment.
struct RawEntry {
  Entry entry;      // body views the bytes it was read from
  Sequence commit;  // sequence of the first entry of its commit
  bool ends_commit = false;
  Hash128 previous;
  Hash128 hash;
  std::uint64_t bytes = 0;  // with padding: to the next entry of the commit, or to the next block
};
// Appends one entry to `out`, which starts at a block's start and holds the commit so far; returns its hash.
Hash128 AppendEntry(std::string& out, std::uint64_t key, const RawEntry& entry);

// The header's own word on how long the entry is, or nullopt when these are not the first bytes of an entry.
// `header` has kEntryHeaderBytes.
std::optional<std::size_t> EntryBytes(std::string_view header);
// `bytes` is exactly one entry without padding. nullopt: the check does not fit.
std::optional<RawEntry> DecodeEntry(std::string_view bytes, std::uint64_t key);

// Whether `raw` is the entry that must follow. `commit` is the commit that is under way, unset between commits.
bool Follows(const RawEntry& raw, const Link& link, Sequence commit);
void Advance(Link& link, const RawEntry& raw);

}  // namespace tocsin::journal
