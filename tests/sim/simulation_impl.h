// What a simulation consists of: for the simulation_*.cc that implement it.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/random.h"
#include "engine/pipeline.h"
#include "server/beats.h"
#include "server/canary_round.h"
#include "storage/simulated_disk.h"
#include "tests/sim/checker.h"
#include "tests/sim/history.h"
#include "tests/sim/lying_disk.h"
#include "tests/sim/oracle.h"
#include "tests/sim/providers.h"
#include "tests/sim/senders.h"
#include "tests/sim/simulation.h"

namespace tocsin::sim {

// Wall time may jump, engine time goes on from where the journal says; both move with the world's own time.
class WorldClock final : public Clock {
 public:
  Now Read() const override { return now_; }  // often: much oftener than it changes
  absl::Duration elapsed() const { return elapsed_; }
  void Advance(absl::Duration by) { Set(wall_, engine_, elapsed_ + by); }
  void Jump(absl::Duration by) { Set(wall_ + by, engine_, elapsed_); }
  void ResumeAt(EngineTime time) { Set(wall_, (time - EngineTime()) - elapsed_, elapsed_); }

 private:
  void Set(absl::Time wall, absl::Duration engine, absl::Duration elapsed) {
    wall_ = wall;
    engine_ = engine;
    elapsed_ = elapsed;
    now_ = {wall_ + elapsed_, EngineTime() + (engine_ + elapsed_)};
  }

  absl::Time wall_ = absl::FromUnixSeconds(1'790'000'000);
  absl::Duration engine_;
  absl::Duration elapsed_;
  Now now_{wall_, EngineTime()};
};

struct StateHashes {
  std::uint64_t responder = 0;
  std::uint64_t shards = 0;
  friend bool operator==(const StateHashes&, const StateHashes&) = default;
};

class Simulation {
 public:
  Simulation(const Plan& plan, const SimulationOptions& options);
  ~Simulation();
  SimulationResult Run();

 private:
  void Violate(const std::string& text);
  void Trace(const std::string& text);
  void TraceTimeline();
  bool failed() const { return !result_.violations.empty(); }
  bool alive() const { return engine_ != nullptr && !dead_; }
  const Responder& responder() const { return *responder_; }

  // Time and stages: simulation.cc.
  void AdvanceTo(absl::Duration until);
  absl::Duration NextInstant(absl::Duration until);
  void Rest();
  bool StepStages();
  bool StepOne(std::size_t stage);
  void Wander(std::int64_t steps);
  bool IsStalled(std::size_t stage) const;
  bool IsAnyStalled() const;
  void Look();
  void LookAtNumbers();
  void Settle();
  void Do(const Line& line);

  // People and senders: simulation_people.cc.
  void Operate(const Line& line);
  void Execute(Command::Body body, const UserId& user, CommandDone done);
  std::optional<Group> Pick(std::int64_t pick, Group::State state);
  std::int64_t ServiceOf(const Subject& subject);
  void Apply(std::int64_t organisation);
  void Acknowledge(const Line& line);
  void Snooze(const Line& line);
  void Unacknowledge(const Line& line);
  void Merge(const Line& line);
  void DisturbGroup(const Line& line);
  void MakeSilence(const Line& line);
  void ExpireSilence(const Line& line);
  void TouchIncident(const Line& line);

  // Who watches: simulation_canary.cc.
  void StartCanary();
  void CanaryArrives(const std::string& key);
  void Watch();
  void LookAtBeats();

  // Faults and recovery: simulation_faults.cc.
  void Break(const Line& line);
  void CutPower(const Line& line);
  void Stall(std::size_t stage, absl::Duration lasts);
  bool Start();
  bool OpenStore();
  bool StartEngine();
  void Stop();
  void Crash(SimulatedDisk::Cut cut, absl::Duration down);
  bool CutWhatIsStuck();
  bool Heal();
  void Revive();
  void CheckJournal();
  void CheckForgotten();
  void CompareHashes();
  StateHashes LiveHashes();
  FileSystem& files();

  const Plan& plan_;
  const SimulationOptions options_;
  SimulationResult result_;
  Random random_;
  SimulatedDisk disk_;
  LyingDisk liar_;
  std::unique_ptr<rocksdb::Env> views_;
  WorldClock clock_;
  Providers providers_;
  Senders senders_;
  Checker checker_;
  Oracle oracle_;
  History history_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Engine> engine_;
  const Responder* responder_ = nullptr;  // the engine's: one thread may look at it whenever no stage is at work
  std::unique_ptr<CanaryRound> canary_;   // of this life; null: none is sent
  struct Watched {
    Beats beats;
    std::string key;     // of the last canary
    Sequence committed;  // before it was sent
    absl::Duration sent;
    bool came = false;                // since the last look
    std::optional<EngineTime> waits;  // since when none has come
    std::optional<EngineTime> beat;   // the last one
    EngineTime looked;
  };
  Watched watched_;
  std::uint64_t canaries_ = 0;
  bool dead_ = false;       // the journal could not be written
  bool half_done_ = false;  // the stages were not let come to rest
  std::string why_not_;     // the last start failed
  absl::Duration down_;     // how long the next start takes
  struct StuckCut {
    absl::Duration at;
    SimulatedDisk::Cut cut;
    absl::Duration down;
  };
  std::optional<StuckCut> stuck_cut_;  // ahead
  bool ill_ = false;                   // the disk is, until both of these
  absl::Duration full_until_;
  absl::Duration read_only_until_;
  absl::Duration next_look_;
  Sequence counted_;  // how far the journal was then
  absl::Duration shards_look_;
  absl::Duration next_send_;
  std::array<absl::Duration, 8> stalled_since_ = {};
  std::array<absl::Duration, 8> stalled_until_ = {};
  std::optional<StateHashes> expected_hash_;  // of the store that is opened next
  std::int64_t organisation_ = -1;            // in force
  std::int64_t wanted_organisation_ = 0;
  bool apply_again_ = false;
  std::uint64_t told_ = 0;  // of the engine's timeline
  int life_ = 0;
  std::uint64_t requests_ = 0;
  std::uint64_t entries_ = 0;
  std::map<SilenceId, std::int64_t> silences_;
};

}  // namespace tocsin::sim
