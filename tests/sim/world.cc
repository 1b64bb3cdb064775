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

// An acknowledgement or snooze that answered OK.
struct Owned {
  std::uint32_t episode = 1;
  EngineTime until = EngineTime::Infinite();  // not before
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
    CheckGroups();
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
    switch (random_.Below(14)) {
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
      case 11: Snooze(); break;
      case 12: Rearrange(); break;
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

  // Some group in this state, with its row.
  std::optional<Group> Pick(Group::State state) {
    std::vector<Group> found;
    engine_->ReadResponderAndWait([&](const Responder& responder, const Now&) {
      for (const auto& [id, group] : responder.state().groups) {
        if (group.state == state) found.push_back(group);
      }
    });
    if (found.empty()) return std::nullopt;
    return found[random_.Below(found.size())];
  }

  std::string RequestId() { return absl::StrFormat("request-%d-%d", life_, ++requests_); }

  // From the answer on, no send about this episode may start before `owned.until`.
  void Own(Command::Body body, GroupId id, Owned owned) {
    const int life = life_;
    ++undecided_[id];
    Execute({RequestId(), "user:ann", std::move(body)}, [this, id, owned, life](const CommandResult& result) {
      if (life != life_) return;
      --undecided_[id];
      if (!result.status.ok()) return;
      // Who acknowledges what is snoozed has it as long as the snooze.
      if (owned.until == EngineTime::Infinite() && snoozed_.contains({id, owned.episode})) {
        owned_.erase(id);
        return;
      }
      owned_[id] = owned;
      ++counters_.acknowledgements;
    });
  }

  void Acknowledge() {
    const std::optional<Group> group = Pick(Group::State::kOpen);
    if (!group) return;
    Own(AcknowledgeGroup{group->id, std::nullopt, group->episode}, group->id, {.episode = group->episode});
  }

  void Snooze() {
    const std::optional<Group> group = Pick(random_.OneIn(2) ? Group::State::kOpen : Group::State::kAcknowledged);
    if (!group) return;
    const absl::Duration duration = absl::Seconds(random_.Between(1, 600));
    snoozed_.insert({group->id, group->episode});
    Own(SnoozeGroup{group->id, group->generation, std::nullopt, duration}, group->id,
        {.episode = group->episode, .until = clock_.Read().engine + duration});
  }

  // The end of a command after which nobody owns the group, if it is OK.
  CommandDone GivesUp(GroupId id, std::uint64_t& counter) {
    ++undecided_[id];
    return [&counter, id, this, life = life_](const CommandResult& result) {
      if (life != life_) return;
      --undecided_[id];
      if (!result.status.ok()) return;
      owned_.erase(id);
      ++counter;
    };
  }

  // Gives back, merges, splits.
  void Rearrange() {
    const std::uint64_t dice = random_.Below(3);
    const auto count = [this](std::uint64_t& counter) {
      return [&counter, this, life = life_](const CommandResult& result) {
        if (life == life_ && result.status.ok()) ++counter;
      };
    };
    if (dice == 0) {
      const std::optional<Group> group = Pick(Group::State::kAcknowledged);
      if (!group) return;
      Execute(
          {
              RequestId(), "user:bob", UnacknowledgeGroup{group->id, std::nullopt}
      },
          GivesUp(group->id, counters_.given_back));
    } else if (dice == 1) {
      const std::optional<Group> whole = Pick(random_.OneIn(2) ? Group::State::kOpen : Group::State::kAcknowledged);
      const std::optional<Group> part = Pick(random_.OneIn(2) ? Group::State::kOpen : Group::State::kAcknowledged);
      if (!whole || !part) return;
      Execute(
          {
              RequestId(), "user:bob", MergeGroups{whole->id, {part->id}}
      },
          count(counters_.merges));
    } else {
      const std::optional<Group> part = Pick(Group::State::kMerged);
      if (!part) return;
      Execute({RequestId(), "user:bob", SplitGroup{part->id}}, GivesUp(part->id, counters_.splits));
    }
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
        for (const BundleMember& told : ToldBy(attempt.notification))
          reached_.insert({told.subject.id, EpisodeOf(GroupId(told.subject.id), told.notification)});
      }
    }
    Execute({"", "notify", result}, nullptr);
  }

  // No send starts after an acknowledgement has answered OK, as long as it holds.
  void CheckStart(const Notification& notification) {
    if (notification.purpose != Notification::Purpose::kPage) return;
    std::vector<Subject> paged;
    engine_->ReadResponderAndWait(
        [&](const Responder& responder, const Now&) { paged = PagedBy(notification, responder.state()); });
    for (const Subject& subject : paged) {
      const GroupId id(subject.id);
      if (subject.kind != SubjectKind::kGroup || !IsOwned(id, EpisodeOf(id))) continue;
      Violate(absl::StrFormat("seed %d: N%d started after the acknowledgement of G%d had answered OK", options_.seed,
                              notification.id.value(), subject.id));
    }
  }

  bool IsOwned(GroupId id, std::uint32_t episode) const {
    const auto found = owned_.find(id);
    if (const auto asked = undecided_.find(id); asked != undecided_.end() && asked->second > 0) return false;
    return found != owned_.end() && found->second.episode == episode && clock_.Read().engine < found->second.until;
  }

  // The present one; that of a late message may be the one before.
  std::uint32_t EpisodeOf(GroupId id, NotificationId message = NotificationId(UINT64_MAX)) {
    std::uint32_t episode = 0;
    engine_->ReadResponderAndWait([&](const Responder& responder, const Now&) {
      const auto found = responder.state().groups.find(id);
      if (found == responder.state().groups.end()) return;
      episode = found->second.episode - (message.value() < found->second.episode_from ? 1 : 0);
    });
    return episode;
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
      const std::uint64_t number = found ? NumberOfSample(found->summary) : 0;
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

  // An acknowledgement that answered OK is still there, and every part has a whole that is handled for it.
  void CheckGroups() {
    engine_->ReadResponderAndWait([&](const Responder& responder, const Now&) {
      const auto& groups = responder.state().groups;
      for (const auto& [id, group] : groups) {
        if (group.state == Group::State::kOpen && IsOwned(id, group.episode)) {
          Violate(absl::StrFormat("seed %d: the acknowledgement of G%d answered OK and is forgotten", options_.seed,
                                  id.value()));
        }
        if (group.state == Group::State::kMerged) CheckPart(groups, group);
        counters_.opened_again += group.episode > 1 ? 1 : 0;
        counters_.flapping += group.flapping ? 1 : 0;
        counters_.held += group.below_threshold ? 1 : 0;
      }
    });
  }

  void CheckPart(const std::map<GroupId, Group>& groups, const Group& part) {
    const auto whole = groups.find(part.merged_into);
    if (whole != groups.end() && whole->second.state != Group::State::kResolved &&
        whole->second.state != Group::State::kMerged)
      return;
    Violate(absl::StrFormat("seed %d: G%d is a part of G%d, which is not handled for it", options_.seed,
                            part.id.value(), part.merged_into.value()));
  }

  void Stop() {
    engine_.reset();
    store_.reset();
    attempts_.clear();
  }

  void Crash() {
    ++life_;
    for (const auto& [id, asked] : undecided_) {  // nobody knows whether they were done
      if (asked > 0) owned_.erase(id);
    }
    undecided_.clear();
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
    const bool told = reached_.contains({group.id.value(), group.episode});
    if (group.below_threshold && told) {
      Violate(absl::StrFormat("seed %d: G%d is below its threshold, and somebody was told", options_.seed,
                              group.id.value()));
    }
    if (group.below_threshold) return;
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
  std::map<GroupId, Owned> owned_;                       // answered OK
  std::set<std::pair<GroupId, std::uint32_t>> snoozed_;  // episodes that somebody asked to snooze
  std::map<GroupId, int> undecided_;  // commands under way that change who owns it: the one or the other may hold
  std::set<std::pair<std::uint64_t, std::uint32_t>> reached_;  // groups and episodes for which a provider took a page
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
