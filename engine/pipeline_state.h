// The state hash: one number for everything that the engine remembers as of one journal entry, alerts, groups, pages, silences
// and all, whatever the memory's layout, the number of shards, or when checkpoints were written. Equal hashes after a
// restore mean that nothing was lost on the way.
//
// Of a live engine: every stage, at a moment of its choosing, seals what it has done and then hashes itself, on its own thread.
// The committer takes nothing more from a stage that has sealed so until all have: what it has committed then is the entry
// that all hashes are of. No stage waits for another one; each stands still only while it hashes itself.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"

#include "base/hash.h"
#include "base/mutex.h"
#include "storage/file.h"
#include "storage/journal.h"

namespace rocksdb {
class Env;
}

namespace tocsin {

struct StateAt {
  Sequence sequence;
  std::uint64_t hash = 0;
  Journal::Standing standing;  // of a live engine: where the journal stood after `sequence`
};

// What the parts of an engine say of themselves. Sums, so that neither the order nor the number of shards matters.
struct StateParts {
  std::uint64_t shards = 0;
  std::uint64_t responder = 0;
  std::uint64_t integrations = 0;
  std::uint64_t Hash() const;
};

// One request for the live engine's hash, on its way through the stages. Any thread.
class StatePoint {
 public:
  // `done` is called once, on an engine thread.
  StatePoint(std::size_t shards, std::function<void(StateAt)> done) : missing_(shards + 2), done_(std::move(done)) {}

  void AddShard(std::uint64_t hash);
  void AddResponder(std::uint64_t hash, std::uint64_t integrations);
  // The committer's: all stages' seals are durable, and nothing after them.
  void Reached(Journal::Standing standing);

 private:
  void Arrive(StateParts part, Journal::Standing* standing);

  Mutex mutex_;
  StateParts parts_ ABSL_GUARDED_BY(mutex_);
  StateAt at_ ABSL_GUARDED_BY(mutex_);
  std::size_t missing_ ABSL_GUARDED_BY(mutex_);
  std::function<void(StateAt)> done_;
};

// The state hash of a store that no server uses, after its last entry. Reads and folds everything; changes nothing.
absl::StatusOr<StateAt> HashStore(FileSystem& files, const std::string& folder, rocksdb::Env* views_env = nullptr);

}  // namespace tocsin
