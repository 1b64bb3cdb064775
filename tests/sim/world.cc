#include "tests/sim/world.h"

#include <algorithm>
#include <deque>

#include "absl/strings/str_format.h"
#include <rocksdb/env.h>

#include "tests/sim/lying_disk.h"
#include "tests/sim/sample.h"

namespace tocsin::sim {
namespace {

constexpr std::size_t kKeys = 24;
constexpr absl::Duration kQuietTime = absl::Hours(6);

class SimulatedClock final : public Clock {
 public:
  Now Read() const override { return now_; }
  void Advance(absl::Duration by) { now_ = {now_.wall + by, now_.engine + by}; }
  // The machine was off for `down`; engine time goes on as a starting server would set it.
  void Restart(absl::Duration down, EngineTime resume) { now_ = {now_.wall + down, resume}; }
  absl::Time wall() const { return now_.wall; }

 private:
  Now now_{absl::FromUnixSeconds(1'790'000'000), EngineTime(0)};
};

// What a sender knows of one alert: every event it has sent since the last thing that is certain, and how far it was told
// that they are safe.
struct Sent {
  std::vector<bool> firing;           // the state after each event
  std::vector<std::uint64_t> number;  // each event's number; triggers carry it as an annotation
  std::size_t acknowledged = 0;       // events that are certain: at least the first
};

struct Attempt {
  Notification notification;
  std::shared_ptr<Gate> gate;
  EngineTime at;  // when the provider looks at it
};

class World {
 public:
  World(const WorldOptions& options, WorldCounters& counters)
      : options_(options), counters_(counters), random_(options.seed), liar_(disk_) {
    views_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
    for (std::size_t i = 0; i < kKeys; ++i)
      sent_[i] = {{false}, {0}, 1};
  }

  std::vector<std::string> Run() {
    for (int life = 0; life < options_.lives && violations_.empty(); ++life) {
      if (!Start()) break;
      const auto steps = random_.Between(1, options_.steps_per_life);
      for (std::int64_t i = 0; i < steps && !dead_; ++i)
        Step();
      Crash();
    }
    if (violations_.empty() && Start()) Settle();
    Stop();
    return {violations_.begin(), violations_.end()};
  }

 private:
  void Violate(std::string text) { violations_.insert(std::move(text)); }

  FileSystem& files() {
    if (options_.lying_disk) return liar_;
    return disk_;
  }

  bool Start() {
    Store::Options store;
    store.folder = "data";
    store.views_env = views_.get();
    store.key_seed = 42;
    store.low_water_bytes = 0;
    store.reserve_bytes = 0;
    store.journal.segment_bytes = 256 * 1024;
    absl::StatusOr<std::unique_ptr<Store>> opened = Store::Open(files(), store);
    if (!opened.ok()) {
      Violate("the store does not open after a power cut: " + std::string(opened.status().message()));
      return false;
    }
    store_ = *std::move(opened);
    const absl::Duration down = absl::Milliseconds(random_.Below(600'000));
    clock_.Restart(down, Engine::ResumeAt(*store_, clock_.wall() + down));
    dead_ = false;
    Engine::Options engine;
    engine.threads = false;
    engine.shard_count = options_.shards;
    engine.checkpoint_interval = absl::Seconds(random_.Between(5, 120));
    engine.responder.link_key = "the simulation's link key";
    auto started = Engine::Start(engine, *store_, clock_,
                                 {[this](const Notification& notification, absl::Duration, std::shared_ptr<Gate> gate) {
                                    attempts_.push_back({notification, std::move(gate), ProviderLooksAt()});
                                  },
                                  nullptr, [this](const absl::Status&) { dead_ = true; }});
    if (!started.ok()) {
      Violate("the engine does not start after a power cut: " + std::string(started.status().message()));
      return false;
    }
    engine_ = *std::move(started);
    if (!engine_->rules()) Drain();
    CheckAlerts();
    CheckAcknowledgements();
    if (!declared_) Declare();
    return true;
  }

  void Declare() {
    Execute(
        {
            "", "user:admin", ApplyOrganisation{SampleOrganisationForSimulation(), "simulation"}
    },
        [this](const CommandResult& result) { declared_ = result.status.ok(); });
    Drain();
  }

  void Execute(Command command, CommandDone done) { engine_->Execute(std::move(command), std::move(done)); }

  // Lets every stage work until none has anything to do at this instant.
  void Drain() {
    bool busy = true;
    for (int round = 0; busy && round < 10'000 && !dead_; ++round) {
      busy = false;
      for (std::uint32_t i = 0; i < options_.shards; ++i)
        busy = engine_->Step(Engine::Stage::kShard, i) || busy;
      busy = engine_->Step(Engine::Stage::kCommitter) || busy;
      busy = engine_->Step(Engine::Stage::kResponder) || busy;
      busy = engine_->Step(Engine::Stage::kKeeper) || busy;
    }
    if (busy && !dead_) Violate("the stages never come to rest");
  }

  void Step() {
    ++counters_.steps;
    switch (random_.Below(12)) {
      case 0:
      case 1: Send(); break;
      case 2: clock_.Advance(absl::Milliseconds(random_.Below(20'000))); break;
      case 3: Acknowledge(); break;
      case 4: Provide(); break;
      case 5: engine_->Step(Engine::Stage::kKeeper); break;
      case 6:
      case 7: engine_->Step(Engine::Stage::kShard, static_cast<std::uint32_t>(random_.Below(options_.shards))); break;
      case 8:
      case 9: engine_->Step(Engine::Stage::kCommitter); break;
      case 10: engine_->Step(Engine::Stage::kResponder); break;
      default:
        if (random_.OneIn(4)) Drain();
    }
  }

  void Send() {
    const std::optional<IntegrationIndex> integration = engine_->IndexOf(IntegrationId("stream"));
    if (!integration) return;
    EventBatch batch(engine_->KeySeed(), *integration);
    std::vector<std::pair<std::size_t, std::size_t>> positions;  // key, its event's position
    const std::uint64_t count = 1 + random_.Below(6);
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::size_t key = random_.Below(kKeys);
      const bool firing = !random_.OneIn(3);
      const std::uint64_t number = ++numbers_;
      AlertEvent event = SampleEvent(key, firing, number);
      if (!batch.Append(event).ok()) Violate("a well-formed event was refused");
      sent_[key].firing.push_back(firing);
      sent_[key].number.push_back(number);
      positions.emplace_back(key, sent_[key].firing.size());
    }
    const int life = life_;
    const Admission admission = engine_->Submit(batch, false, [this, positions, life](const Receipt&) {
      if (life != life_) return;
      for (const auto& [key, position] : positions) {
        sent_[key].acknowledged = std::max(sent_[key].acknowledged, position);
        ++counters_.events_acknowledged;
      }
    });
    if (admission == Admission::kAccepted) return;
    for (auto at = positions.rbegin(); at != positions.rend(); ++at) {
      sent_[at->first].firing.pop_back();
      sent_[at->first].number.pop_back();
    }
  }

  void Acknowledge() {
    std::vector<GroupId> open;
    engine_->ReadResponderAndWait([&](const Responder& responder, const Now&) {
      for (const auto& [id, group] : responder.state().groups) {
        if (group.state == Group::State::kOpen) open.push_back(id);
      }
    });
    if (open.empty()) return;
    const GroupId id = open[random_.Below(open.size())];
    const int life = life_;
    Execute(
        {
            absl::StrFormat("ack-%d-%d", life_, ++requests_), "user:ann", AcknowledgeGroup{id, std::nullopt}
    },
        [this, id, life](const CommandResult& result) {
          if (life != life_ || !result.status.ok()) return;
          acknowledged_.insert(id);
          ++counters_.acknowledgements;
        });
  }

  EngineTime ProviderLooksAt() { return clock_.Read().engine + absl::Milliseconds(random_.Below(3'000)); }

  // One provider deals with one attempt: takes it, puts it off, refuses it, loses the answer, or never answers.
  void Provide() {
    if (attempts_.empty()) return;
    const std::size_t index = random_.Below(attempts_.size());
    const Attempt attempt = attempts_[index];
    attempts_.erase(attempts_.begin() + static_cast<std::ptrdiff_t>(index));
    AttemptResult result;
    result.notification = attempt.notification.id;
    result.attempt = attempt.notification.attempt;
    if (!attempt.gate->Start()) {
      result.kind = AttemptResult::Kind::kNotStarted;
    } else {
      ++counters_.attempts_started;
      CheckStart(attempt.notification);
      const std::uint64_t dice = healthy_ ? 0 : random_.Below(10);
      if (dice == 9) return;  // never answers: the lease has to run out
      result.kind = dice == 8   ? AttemptResult::Kind::kAmbiguous
                    : dice == 7 ? AttemptResult::Kind::kRejected
                    : dice >= 5 ? AttemptResult::Kind::kRetryLater
                                : AttemptResult::Kind::kAccepted;
      if (result.kind == AttemptResult::Kind::kAccepted) {
        ++counters_.pages_accepted;
        result.provider_id = absl::StrFormat("id-%d", ++requests_);
        reached_.insert(attempt.notification.subject.id);
      }
    }
    Execute({"", "notify", result}, nullptr);
  }

  // No send starts after an acknowledgement has answered OK.
  void CheckStart(const Notification& notification) {
    if (notification.purpose != Notification::Purpose::kPage || notification.subject.kind != SubjectKind::kGroup)
      return;
    if (acknowledged_.contains(GroupId(notification.subject.id))) {
      Violate(absl::StrFormat("seed %d: N%d started after the acknowledgement of G%d had answered OK", options_.seed,
                              notification.id.value(), notification.subject.id));
    }
  }

  // Every acknowledged event has left its mark: the alert is in the state that some event at or after the last
  // acknowledged one left it in.
  void CheckAlerts() {
    if (!declared_) return;
    const std::optional<IntegrationIndex> integration = engine_->IndexOf(IntegrationId("stream"));
    for (std::size_t key = 0; key < kKeys; ++key) {
      Sent& sent = sent_[key];
      std::optional<AlertRecord> found;
      if (integration) found = Look(key, *integration);
      const bool firing = found && found->summary.firing;
      const std::uint64_t number = found ? NumberOf(found->summary) : 0;
      std::size_t match = 0;
      for (std::size_t i = sent.acknowledged; i <= sent.firing.size() && match == 0; ++i) {
        if (sent.firing[i - 1] != firing) continue;
        // Every trigger changes the annotation, so a firing alert shows its last trigger's number.
        if (firing && sent.number[i - 1] != number) continue;
        match = i;
      }
      if (match == 0) {
        Violate(absl::StrFormat(
            "seed %d: alert %d is %s with number %d after a power cut, which no event at or after the "
            "last acknowledged one (number %d) explains",
            options_.seed, key, firing ? "firing" : "not firing", number, sent.number[sent.acknowledged - 1]));
      }
      sent = {{firing}, {number}, 1};
    }
  }

  std::optional<AlertRecord> Look(std::size_t key, IntegrationIndex integration) {
    EventBatch probe(engine_->KeySeed(), integration);
    if (!probe.Append(SampleEvent(key, true, 0)).ok()) return std::nullopt;
    const AlertKey alert = probe.at(0).header().key;
    std::optional<AlertRecord> found;
    engine_->ReadShardAndWait(engine_->ShardOf(alert), [&](const Shard& shard) { found = shard.Find(alert); });
    return found;
  }

  static std::uint64_t NumberOf(const AlertSummary& summary) {
    const std::string text(tocsin::Find(std::span<const Label>(summary.annotations), "number"));
    return text.empty() ? 0 : std::stoull(text);
  }

  // An acknowledgement that answered OK is still there.
  void CheckAcknowledgements() {
    engine_->ReadResponderAndWait([&](const Responder& responder, const Now&) {
      for (const GroupId id : acknowledged_) {
        const auto found = responder.state().groups.find(id);
        if (found == responder.state().groups.end() || found->second.state != Group::State::kOpen) continue;
        Violate(absl::StrFormat("seed %d: the acknowledgement of G%d answered OK and is forgotten", options_.seed,
                                id.value()));
      }
    });
  }

  void Stop() {
    engine_.reset();
    store_.reset();
    attempts_.clear();
  }

  void Crash() {
    ++life_;
    ++counters_.power_cuts;
    disk_.StopAfter(0);  // whatever destructors try to write does not arrive
    Stop();
    disk_.CutPower(random_);
  }

  // Faults end. Then everything that fires must have reached somebody, or say why not.
  void Settle() {
    healthy_ = true;
    const EngineTime end = clock_.Read().engine + kQuietTime;
    while (clock_.Read().engine < end && !dead_ && violations_.empty()) {
      Drain();
      while (!attempts_.empty())
        Provide();
      Drain();
      clock_.Advance(absl::Seconds(5));
    }
    engine_->ReadResponderAndWait([&](const Responder& responder, const Now&) {
      for (const auto& [id, group] : responder.state().groups)
        CheckFate(responder, group);
    });
    if (engine_->ReadStatistics().auditor_findings > 0) {
      Violate(absl::StrFormat("seed %d: the auditor had to repair a group", options_.seed));
    }
  }

  void CheckFate(const Responder& responder, const Group& group) {
    if (group.state != Group::State::kOpen) return;
    const auto escalation = responder.state().escalations.find(group.escalation);
    const bool told = reached_.contains(group.id.value());
    const bool stated = !group.quiet_reason.empty();
    if (escalation == responder.state().escalations.end() || (!told && !stated)) {
      Violate(absl::StrFormat("seed %d: G%d is open, and nobody was reached and no reason is stated", options_.seed,
                              group.id.value()));
    }
  }

  const WorldOptions options_;
  WorldCounters& counters_;
  Random random_;
  SimulatedDisk disk_;
  LyingDisk liar_;
  std::unique_ptr<rocksdb::Env> views_;
  SimulatedClock clock_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Engine> engine_;
  bool dead_ = false;
  bool declared_ = false;
  bool healthy_ = false;
  int life_ = 0;
  int requests_ = 0;
  std::uint64_t numbers_ = 0;
  std::map<std::size_t, Sent> sent_;
  std::set<GroupId> acknowledged_;   // answered OK
  std::set<std::uint64_t> reached_;  // groups for which a provider has taken a page
  std::deque<Attempt> attempts_;
  std::set<std::string> violations_;
};

}  // namespace

std::vector<std::string> RunWorld(const WorldOptions& options, WorldCounters* counters) {
  WorldCounters own;
  World world(options, counters != nullptr ? *counters : own);
  return world.Run();
}

}  // namespace tocsin::sim
