// A server's life in simulated time that leaves a real recording behind: the engine's stages, journal, store and recovery,
// on a disk in memory or a real one. Providers take every message after a second.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rocksdb/env.h>

#include "engine/pipeline.h"
#include "replay/replay.h"
#include "storage/simulated_disk.h"

namespace tocsin::replay {

class RecordedLife {
 public:
  struct Options {
    FileSystem* files = nullptr;  // null: a disk of its own, in memory
    std::string folder = "data";
    std::uint64_t segment_bytes = 256 * 1024;
    History::Options history = {absl::Hours(24 * 7), std::uint64_t{1} << 40U, absl::Hours(1)};
    absl::Duration checkpoint_interval = absl::Minutes(5);
    std::uint32_t shards = 1;
    absl::Duration step = absl::Milliseconds(50);  // leases run out at most so much late
  };
  explicit RecordedLife(Options options);
  ~RecordedLife();

  void Apply(OrganisationPtr organisation);
  // One batch of the integration "stream", taken in now.
  void Send(const std::vector<AlertEvent>& events);
  CommandResult Do(Command::Body body, std::string_view actor = "user:ann");
  // Time passes; whatever comes due happens when it is due.
  void Pass(absl::Duration duration);
  // The process is killed, and started again after a while.
  void Restart(absl::Duration down);

  std::vector<Group> OpenGroups();
  std::size_t PagesStarted() const { return pages_started_; }
  absl::Time now() const { return clock_.wall; }
  Store& store() { return *store_; }
  World::Options ReplayOptions() const;
  // Requires that it can be replayed.
  Result Replay(Request request);

 private:
  struct SimulatedClock final : Clock {
    Now Read() const override { return {wall, engine}; }
    absl::Time wall = absl::FromUnixSeconds(1'790'000'000);
    EngineTime engine;
  };
  struct Attempt {
    EngineTime due;
    Notification notification;
    std::shared_ptr<Gate> gate;
  };
  void Start();
  void Drain();
  void Provide();

  Options options_;
  SimulatedDisk disk_;
  std::unique_ptr<rocksdb::Env> views_;
  SimulatedClock clock_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Engine> engine_;
  std::deque<Attempt> attempts_;
  std::size_t pages_started_ = 0;
};

}  // namespace tocsin::replay
