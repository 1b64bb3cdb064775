// A simulated world around the real engine: the same stages, journal, store and recovery as in the server, in one thread, on
// a disk that loses power and with providers that fail. Everything follows from the seed.
//
// Who lives in it: senders that fire and resolve alerts and remember what was acknowledged; people who acknowledge, snooze, give back, merge and split; providers
// that take, refuse, lose and delay; and a checker that knows what was promised. Violations are sentences.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "engine/pipeline.h"
#include "storage/simulated_disk.h"

namespace tocsin::sim {

struct WorldOptions {
  std::uint64_t seed = 1;
  int lives = 10;            // the power is cut at the end of each
  int steps_per_life = 120;  // at most
  bool lying_disk = false;   // the mutant: an fsync that answers OK and does nothing
  std::uint32_t shards = 1;
};

struct WorldCounters {
  std::uint64_t power_cuts = 0;
  std::uint64_t steps = 0;
  std::uint64_t events_acknowledged = 0;
  std::uint64_t attempts_started = 0;
  std::uint64_t pages_accepted = 0;
  std::uint64_t acknowledgements = 0;  // and snoozes
  std::uint64_t given_back = 0;
  std::uint64_t merges = 0;
  std::uint64_t splits = 0;
  // Groups that were seen so after a power cut.
  std::uint64_t opened_again = 0;
  std::uint64_t flapping = 0;
  std::uint64_t held = 0;
  std::uint64_t checkpoints = 0;
};

// Runs a world to its end. Returns what went against the promises, each once; empty is good.
std::vector<std::string> RunWorld(const WorldOptions& options, WorldCounters* counters = nullptr);

}  // namespace tocsin::sim
