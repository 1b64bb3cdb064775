// A simulated world played by a plan: the real engine with its real stages, journal, store, recovery and channels in one
// thread, on a disk in memory, by a clock that jumps to whatever comes next. The same plan always gives the same trace.
//
// It goes on after the plan's end, with faults over and providers well, for hours in which all that is open must come to its
// end. What went against the promises (tests/sim/checker.h) is said in sentences.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/sim/plan.h"
#include "tests/sim/society.h"

namespace tocsin::sim {

struct SimulationCounters {
  std::uint64_t operations = 0;
  std::array<std::uint64_t, Line::kKinds> faults = {};  // by kind
  std::uint64_t restarts = 0;
  std::uint64_t power_cuts = 0;
  std::uint64_t entries = 0;  // of the journal: transitions of shards and responder
  std::uint64_t events = 0;   // acknowledged
  std::uint64_t refused = 0;
  std::uint64_t attempts = 0;
  std::uint64_t pages = 0;                                 // taken by a provider
  std::array<std::uint64_t, kMoods> provider_faults = {};  // attempts that met a provider in a mood, by mood
  std::uint64_t foretold = 0;                              // messages that the oracle expected
  std::uint64_t unforetold = 0;                            // that it did not follow
  std::uint64_t hashes = 0;                                // states compared with what recovery reads
  double hours = 0;
  std::uint64_t AllFaults() const;
  std::uint64_t AllProviderFaults() const;
  void Add(const SimulationCounters& other);
};

struct SimulationResult {
  std::vector<std::string> violations;  // in the order in which they were found; the first ends the run
  SimulationCounters counters;
  std::uint64_t trace = 0;  // a hash over everything that happened, in order
};

struct SimulationOptions {
  bool print_trace = false;  // to the standard output, line by line
};

SimulationResult RunPlan(const Plan& plan, const SimulationOptions& options = {});

}  // namespace tocsin::sim
