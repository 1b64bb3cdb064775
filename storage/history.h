// What has come in, kept for a while after the journal could have been trimmed, so that a changed configuration can be tried
// on it (replay/). docs/adr/0004-recorded-history.md says why it is kept like this.
//
//   recorded segments   segments that the journal has trimmed, renamed beside those that are in use
//   bases               checkpoints that stay when newer ones replace them (storage/checkpoints.h)
//
// Nothing rests on it: recovery never looks at it, and it is given up, oldest first, when it is too old or too large, or
// before a nearly full disk makes us refuse alerts. A reader holds nothing back: what is given up under its hands it is
// told of. One thread keeps, any reads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "base/clock.h"
#include "model/response.h"
#include "storage/history_base.h"
#include "storage/journal.h"

namespace tocsin {

class Checkpoints;
namespace journal {
struct RecordedRange;
}

class History {
 public:
  struct Options {
    absl::Duration age;                             // zero: nothing is kept
    std::uint64_t bytes = 0;                        // of segments and bases together; zero: nothing is kept
    absl::Duration base_interval = absl::Hours(1);  // a base costs as much as a checkpoint: not each one is kept
    bool on() const { return age > absl::ZeroDuration() && bytes > 0; }
  };
  // What is borrowed outlives this.
  History(FileSystem& files, std::string journal_folder, Options options, Journal& journal, Checkpoints& checkpoints)
      : files_(files),
        folder_(std::move(journal_folder)),
        options_(options),
        journal_(journal),
        checkpoints_(checkpoints) {}

  // Where a replay may begin, oldest first: bases after which nothing is missing.
  absl::StatusOr<std::vector<HistoryBase>> Bases() const;
  // NotFound: it was given up meanwhile.
  absl::Status ReadBase(const HistoryBase& base,
                        absl::FunctionRef<absl::Status(std::uint32_t shard, std::string_view body)> visit_body,
                        absl::FunctionRef<absl::Status(Row row)> visit_row) const;
  // As Journal::Read, but reaches back to what was recorded.
  absl::Status Read(Sequence from, absl::FunctionRef<absl::Status(const Entry&)> visit) const;
  absl::StatusOr<std::uint64_t> Bytes() const;

  // The keeper's. Whether the checkpoint that is about to be committed is worth being kept as a base.
  absl::StatusOr<bool> WantsBase(const Now& now) const;
  // Gives up what is beyond the bounds, looked at once a minute; and, as soon as there are fewer free bytes on the disk than
  // `wanted_free`, more.
  absl::Status Keep(const Now& now, std::uint64_t wanted_free);

 private:
  absl::StatusOr<std::vector<journal::RecordedRange>> Segments() const;
  absl::StatusOr<std::uint64_t> BytesOf(const journal::RecordedRange& segment) const;
  absl::StatusOr<bool> IsTooMuch(const Now& now, std::uint64_t wanted_free) const;
  absl::Status GiveUpOldest();
  absl::Status GiveUpBefore(Sequence first);

  FileSystem& files_;
  const std::string folder_;
  const Options options_;
  Journal& journal_;
  Checkpoints& checkpoints_;
  std::optional<EngineTime> looked_at_;  // by Keep
};

}  // namespace tocsin
