// data/dead-letters: journal entries whose content nobody can apply though their checksums and links are right. Recovery passes over them,
// so that one such entry does not keep everything else from starting; their bytes stay here until a person has looked (`tocsin
// dead-letter`). What is damaged is no dead letter: that is refused (storage/journal_image.h).
//
//   tocsin dead letters
//   entry 42 kind 2 shard 0 epoch 3 wall 1795000000000000000 engine 81000000000 put_aside 1795000001000000000 incident 17 bytes 93
//   why change: rows[0]: group: id: missing
//   settled ann: the group was a test                  when somebody has dropped it: then bytes is 0
//   ...93 bytes, a line's end
//   checksum 7d41...                                   of everything above
//
// An entry that was put aside stays so for ever, also when it has been dropped: whatever was decided since rests on its absence, and every
// recovery must come to the same state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "base/mutex.h"
#include "storage/file.h"
#include "storage/journal.h"

namespace tocsin {

inline constexpr std::string_view kDeadLettersFile = "dead-letters";

struct DeadLetter {
  Sequence sequence;  // of a change in several entries: of the last
  EntryKind kind = EntryKind::kShard;
  std::uint32_t shard = 0;
  Epoch epoch;
  Now now;
  absl::Time put_aside_at;
  std::uint64_t incident = 0;  // that tells people of it; 0: not told yet
  std::string why;
  std::string settled;  // by whom and why; empty: it waits for somebody
  std::string body;     // all of it, for a change in several entries too
  friend bool operator==(const DeadLetter&, const DeadLetter&) = default;
};
std::string EncodeDeadLetters(const std::vector<DeadLetter>& letters);
// DataLoss: damaged.
absl::StatusOr<std::vector<DeadLetter>> DecodeDeadLetters(std::string_view text);

// Those of one store. Any thread. Every change is on the disk before it returns, and begins with reading what is there: the server adds,
// a person's command settles.
class DeadLetters {
 public:
  // So many at one start are no accident of one entry: then something else is wrong, and nothing more is passed over.
  static constexpr int kMostAtOnce = 8;

  DeadLetters(FileSystem& files, std::string folder) : files_(files), folder_(std::move(folder)) {}
  absl::Status Open();

  bool Holds(Sequence sequence) const;
  // DataLoss: there have been kMostAtOnce since Open.
  absl::Status PutAside(const Entry& entry, std::string_view body, std::string_view why, absl::Time now);
  absl::Status SetIncident(Sequence sequence, std::uint64_t incident);
  // Gives up the bytes. NotFound; FailedPrecondition: it was settled before.
  absl::Status Settle(Sequence sequence, std::string_view by, std::string_view reason);

  // As the file is now. Empty when there is none.
  absl::StatusOr<std::vector<DeadLetter>> Read() const;
  // How many wait for somebody. A file that cannot be read counts as one.
  std::uint64_t Waiting() const;

 private:
  absl::Status Write(const std::vector<DeadLetter>& letters) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  FileSystem& files_;
  const std::string folder_;
  mutable Mutex mutex_;
  std::vector<Sequence> held_ ABSL_GUARDED_BY(mutex_);  // sorted
  int put_aside_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace tocsin
