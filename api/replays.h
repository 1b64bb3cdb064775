// Replays under way and done: one at a time, on a thread of its own with low priority, for people who ask how far it is.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <thread>

#include "absl/status/statusor.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "replay/replay.h"

namespace tocsin {

// Any thread.
class Replays {
 public:
  struct Look {
    std::uint64_t id = 0;
    std::uint32_t permille = 0;
    // Null while it runs.
    std::shared_ptr<const absl::StatusOr<replay::Result>> result;
    absl::Duration took;
  };
  Replays() = default;
  ~Replays();  // cancels what runs
  Replays(const Replays&) = delete;
  Replays& operator=(const Replays&) = delete;

  // ResourceExhausted: another one runs. `store` outlives this.
  absl::StatusOr<std::uint64_t> Start(Store& store, replay::World::Options options, replay::Request request);
  // NotFound: it is not known, or was long ago.
  absl::StatusOr<Look> Get(std::uint64_t id);
  absl::StatusOr<Look> Cancel(std::uint64_t id);

 private:
  struct Job {
    std::uint64_t id = 0;
    replay::Control control;
    std::shared_ptr<const absl::StatusOr<replay::Result>> result;
    EngineTime began;
    EngineTime asked;  // when somebody last wanted to know
    absl::Duration took;
  };
  std::shared_ptr<Job> Find(std::uint64_t id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static Look LookAt(const Job& job);
  void Run(Store& store, const replay::World::Options& options, const replay::Request& request, Job& job);

  const SystemClock clock_{EngineTime()};
  Mutex mutex_;
  std::deque<std::shared_ptr<Job>> jobs_ ABSL_GUARDED_BY(mutex_);  // the newest last
  std::uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::thread thread_ ABSL_GUARDED_BY(mutex_);  // of the newest job
};

}  // namespace tocsin
