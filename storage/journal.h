// The journal: one ordered, hash-chained sequence of entries in our own preallocated, checksummed segment files. All else is
// a view of it. Format: docs/journal-format.md.
//
// Append is a commit: everything given is written, then fsynced once. There is no timer; the caller starts the next commit
// when the last has returned. A failed write or fsync is final: the caller ends the process, recovery is the repair.
//
// The mark, a small file beside the segments, says durably how far the journal had come: it is at most 100 ms behind and
// exact at each segment's end. When the recovered end is before the mark, or the chain is broken below it, Open refuses
// (DataLoss) and says what is missing; so it does for damage past the mark that whole later commits follow, which no power
// cut can leave. A torn last commit past the mark is normal: it was never acknowledged, and is cut off whole and noted.
//
// One thread appends and touches the mark; one thread (it may be another) trims; any thread reads what is durable.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"

#include "base/clock.h"
#include "base/hash.h"
#include "model/ids.h"
#include "storage/file.h"

namespace tocsin {

enum class EntryKind : std::uint8_t {
  kShard = 1,          // a body of Shard::Seal
  kResponder = 2,      // an encoded Change
  kLead = 3,           // somebody took the lead: a new epoch begins; empty body
  kIntegrations = 4,   // the numbering of integrations (model/event.h IntegrationIndex): an encoded list of names
  kResponderPart = 5,  // the beginning of a Change that is larger than an entry: storage/change_parts.h
};

struct Entry {
  Sequence sequence;
  Epoch epoch;
  Now now;
  EntryKind kind = EntryKind::kShard;
  std::uint32_t shard = 0;  // of kShard
  std::string_view body;    // at most limits::kJournalEntryBytes
};

// What is to be appended; sequence and epoch are given out by the journal.
struct PendingEntry {
  EntryKind kind = EntryKind::kShard;
  std::uint32_t shard = 0;
  std::string_view body;
};

class Journal {
 public:
  struct Options {
    std::uint64_t segment_bytes = 64 * 1024 * 1024;
    absl::Duration mark_interval = absl::Milliseconds(100);
    // `tocsin recover --accept-loss`: go on from the first damage instead of refusing. Nothing is deleted: what is given up
    // keeps its bytes, in files named *.dropped. Numbers are not used again: the journal goes on after the highest known.
    bool accept_loss = false;
    // Whose journal this is: segments of another store are refused. The key is a secret of the store; it guards entries
    // against bytes from outside that look like entries. Both are written into each segment.
    Hash128 store;
    std::uint64_t key = 0;
    bool must_exist = false;  // the store has been used: an empty folder is a loss, not a beginning
    Sequence known;           // the highest that the views have seen: a journal that ends before it has lost entries
    bool keep_trimmed =
        false;  // Trim renames segments (RecordedName) instead of unlinking them; nobody here reads them
  };
  // What recovery found, for the log and for `tocsin verify`.
  struct Recovery {
    Sequence first;  // oldest entry present
    Sequence last;   // newest, before this run's own; unset when empty
    Sequence mark;
    std::uint64_t torn_bytes = 0;  // cut from the tail
    EngineTime engine;             // of the last entry: engine time goes on from here
    absl::Time wall;
    Epoch epoch;  // of the last entry
    std::uint64_t segments = 0;
    std::vector<std::string> notes;  // what an operator should know: torn tails cut, losses accepted; a sentence each
  };

  static absl::StatusOr<std::unique_ptr<Journal>> Open(FileSystem& files, std::string folder, Options options);
  virtual ~Journal() = default;

  virtual const Recovery& recovery() const = 0;
  virtual Epoch epoch() const = 0;     // of this run: one more than the last in the journal
  virtual Sequence last() const = 0;   // newest durable entry. Any thread
  virtual Sequence first() const = 0;  // oldest that Read can be asked for. Any thread

  // Writes and fsyncs `entries` as one commit; returns the sequence of the last. All or nothing, for Read and after a
  // crash. InvalidArgument: a body is too long, nothing was written. Any other error is final: all later calls fail too.
  virtual absl::StatusOr<Sequence> Append(std::span<const PendingEntry> entries, const Now& now) = 0;
  // Brings the mark up to date when it is due; call it when idle, too.
  virtual absl::Status TouchMark(const Now& now) = 0;

  // Writes the next segment ahead, so that commits need not wait for the file system to do so; call it each second or so, by one thread,
  // which need not be Append's. It takes some tenths of a second when there is something to do. An error is as final as Append's.
  virtual absl::Status TendSpare() = 0;

  // Visits durable entries from `from` on, in order, until `visit` returns an error, which is passed on. Entries are checked
  // again: DataLoss when one has been damaged since. NotFound when `from` was trimmed.
  virtual absl::Status Read(Sequence from, absl::FunctionRef<absl::Status(const Entry&)> visit) const = 0;
  // Unlinks, or with keep_trimmed renames, whole segments that hold only entries before `before`.
  virtual absl::Status Trim(Sequence before) = 0;
  virtual std::uint64_t bytes_on_disk() const = 0;  // any thread

  // What is durable now, for a copy of it: the segments' files, each with where its last commit ends, and what the chain says
  // of the last entry. Bytes before those ends never change; a segment may be trimmed. Any thread.
  struct Extent {
    Sequence first;
    Sequence next;  // first sequence that is not in it
    std::string path;
    std::uint64_t end = 0;
  };
  struct Standing {
    Sequence last;
    Hash128 hash;
    Epoch epoch;
    std::vector<Extent> segments;  // oldest first
  };
  virtual Standing Stand() const = 0;

  // Reads everything and checks every checksum, chain link and the mark, changing nothing. For `tocsin verify`.
  static absl::StatusOr<Recovery> Verify(FileSystem& files, std::string folder);
};

}  // namespace tocsin
