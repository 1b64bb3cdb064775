// The one way in for events. `ingest` submits batches to an Inlet: the engine (`engine/pipeline`) or, in a gateway's process, what
// leads to it (`gateway/inlet`); `server` hands it over.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

#include "model/event.h"

namespace tocsin {

// The first fate of one event. Counted by kind; their sum is the number of accepted events (a test checks it).
enum class Outcome : std::uint8_t {
  kNew = 0,              // a new firing alert, handed to its groups
  kRefired = 1,          // an alert that had been resolved fires again
  kDuplicate = 2,        // merged into a firing alert; the lease is renewed
  kUpdated = 3,          // merged; severity, annotations or link changed
  kAcknowledged = 4,     // the source acknowledged a firing alert
  kResolved = 5,         // a firing alert was resolved
  kAlreadyResolved = 6,  // a resolve for an alert that is not firing; kept as a fact, changes nothing
  kSilenced = 7,         // as kNew or kRefired, but a silence holds it back
  kUnrouted = 8,         // as kNew or kRefired, but its route has neither policy nor receiver
  kRejected = 9,         // by the shard: over the integration's budget of active alerts
};
inline constexpr std::size_t kOutcomes = 10;
std::string_view Name(Outcome outcome);

// Why a batch was not taken. Nothing of a refused batch is kept.
enum class Admission : std::uint8_t {
  kAccepted,
  kOverloaded,  // rings are full: try again after `retry_after`
  kDiskLow,     // below the free-space mark: paging goes on, ingest waits
  kTooLarge,    // more than limits::kBatchBytes in flat form
  kStopping,
};
std::string_view Name(Admission admission);

// What became of a batch; given only after all of it is in the fsynced journal.
struct Receipt {
  std::uint64_t sequence = 0;     // the journal entry that made the last of it durable
  std::vector<Outcome> outcomes;  // one per event in order, when asked for; else empty
  // No yes: the engine went away before it said what became of the batch. The sender is to send it again. Of a gateway only.
  bool lost = false;
};

class Inlet {
 public:
  // Called once, from an engine thread, after the batch is durable (or lost, see Receipt). Must not block. Never called for a refused batch, nor
  // when the process dies first.
  using Done = absl::AnyInvocable<void(const Receipt&)>;

  virtual ~Inlet() = default;
  // Any thread. Copies the batch; the caller may reuse it at once. Never blocks.
  virtual Admission Submit(const EventBatch& batch, bool want_outcomes, Done done) = 0;
  // What to tell a refused sender.
  virtual absl::Duration RetryAfter() const = 0;
  // Whether batches may hold repeats. What their bytes lie in belongs to `done` then, which is dropped when they are not needed any
  // more.
  virtual bool TakesRepeats() const { return false; }
  // Seed for EventBatch; constant for a store.
  virtual std::uint64_t KeySeed() const = 0;
};

}  // namespace tocsin
