// 200,000 alerts over 500 services towards 8 people, through the real stages, in simulated time.
#include "tests/sim/storm.h"

#include <array>
#include <deque>
#include <memory>
#include <numeric>

#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include "engine/pipeline.h"
#include "storage/simulated_disk.h"
#include "storage/store.h"
#include "tests/support/held_clock.h"

namespace tocsin::sim {
namespace {

constexpr std::size_t kAlerts = 200'000;
constexpr std::size_t kBatch = 1000;
constexpr absl::Duration kBetween = absl::Milliseconds(300);   // a batch each: the storm lasts a minute
constexpr absl::Duration kProvider = absl::Milliseconds(250);  // takes so long to answer

class StormTest : public testing::Test {
 protected:
  void SetUp() override {
    views_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
    Store::Options options;
    options.folder = "data";
    options.views_env = views_.get();
    options.low_water_bytes = 0;
    options.reserve_bytes = 0;
    auto opened = Store::Open(disk_, options);
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
    Engine::Options engine;
    engine.threads = false;
    engine.shard_count = kShards;
    engine.responder.link_key = "the storm's link key";
    auto started = Engine::Start(engine, *store_, clock_,
                                 {[this](const Notification& row, absl::Duration, std::shared_ptr<Gate> gate) {
                                    if (!gate->Start()) return;
                                    log_.Started(row, clock_.Read().engine);
                                    answers_.push_back({clock_.Read().engine + kProvider, row});
                                  },
                                  nullptr, nullptr});
    ASSERT_TRUE(started.ok()) << started.status();
    engine_ = *std::move(started);
    Settle();
    organisation_ = std::make_shared<const Organisation>(StormOrganisation());
    engine_->Execute(
        {
            "", "user:admin", ApplyOrganisation{organisation_, "storm"}
    },
        nullptr);
    Settle();
    ASSERT_NE(engine_->rules(), nullptr);
  }

  void Settle() {
    bool busy = true;
    for (int round = 0; busy && round < 100'000; ++round) {
      busy = false;
      for (std::uint32_t shard = 0; shard < kShards; ++shard)
        busy = engine_->Step(Engine::Stage::kShard, shard) || busy;
      busy = engine_->Step(Engine::Stage::kCommitter) || busy;
      busy = engine_->Step(Engine::Stage::kResponder) || busy;
    }
    ASSERT_FALSE(busy) << "the stages never come to rest";
  }

  void Pass(absl::Duration duration, absl::Duration step) {
    const EngineTime end = clock_.Read().engine + duration;
    while (clock_.Read().engine < end) {
      clock_.Advance(step);
      while (!answers_.empty() && answers_.front().first <= clock_.Read().engine) {
        AttemptResult result;
        result.notification = answers_.front().second.id;
        result.attempt = answers_.front().second.attempt;
        result.provider_id = "id-" + std::to_string(result.notification.value());
        answers_.pop_front();
        engine_->Execute({"", "notify", result}, nullptr);
      }
      Settle();
    }
  }

  void Send(std::size_t from) {
    EventBatch batch(engine_->KeySeed(), *engine_->IndexOf(IntegrationId("stream")));
    for (std::size_t i = from; i < from + kBatch; ++i)
      ASSERT_TRUE(batch.Append(StormEvent(i, kAlerts)).ok());
    const Admission admission = engine_->Submit(batch, true, [this, from](const Receipt& receipt) {
      ASSERT_EQ(receipt.outcomes.size(), kBatch);
      for (std::size_t k = 0; k < kBatch; ++k) {
        ++fates_[static_cast<std::size_t>(receipt.outcomes[k])];
        if (StormIsCritical(from + k, kAlerts)) {
          accepted_critical_.try_emplace(StormPerson(StormServiceOf(from + k)), clock_.Read().engine);
        }
      }
    });
    ASSERT_EQ(admission, Admission::kAccepted);
  }

  static constexpr std::uint32_t kShards = 2;
  SimulatedDisk disk_;
  std::unique_ptr<rocksdb::Env> views_;
  HeldClock clock_;
  std::unique_ptr<Store> store_;
  std::deque<std::pair<EngineTime, Notification>> answers_;
  StormLog log_;
  std::array<std::uint64_t, kOutcomes> fates_{};
  std::map<UserId, EngineTime> accepted_critical_;
  OrganisationPtr organisation_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(StormTest, NobodyIsFloodedAndNobodyResponsibleIsLeftWithoutTheFirstCriticalPage) {
  for (std::size_t from = 0; from < kAlerts; from += kBatch) {
    Send(from);
    Pass(kBetween, absl::Milliseconds(50));
  }
  Pass(absl::Hours(4), absl::Seconds(5));

  // Nobody gets more than the limits allow.
  EXPECT_EQ(log_.Excess(*organisation_), "");
  // The first critical one is on its way within a second of its acceptance, although everybody had been sent all that
  // others may use.
  ASSERT_EQ(accepted_critical_.size(), kStormPeople);
  for (const auto& [person, accepted] : accepted_critical_) {
    const auto first = log_.first_critical().find(person);
    ASSERT_NE(first, log_.first_critical().end()) << person.value();
    EXPECT_LE(first->second - accepted, absl::Seconds(1)) << person.value();
  }
  // Every alert has exactly one first fate, and the counts add up.
  EXPECT_EQ(std::accumulate(fates_.begin(), fates_.end(), std::uint64_t{0}), kAlerts);
  EXPECT_EQ(fates_[static_cast<std::size_t>(Outcome::kNew)], kAlerts);
  std::uint64_t counted = 0;
  std::uint64_t firing = 0;
  for (const ShardStatistics& shard : engine_->ReadStatistics().shards) {
    counted += std::accumulate(std::begin(shard.outcomes), std::end(shard.outcomes), std::uint64_t{0});
    firing += shard.firing;
  }
  EXPECT_EQ(counted, kAlerts);
  EXPECT_EQ(firing, kAlerts);

  engine_->ReadResponderAndWait([&](const Responder& responder, const Now&) {
    const ResponderState& state = responder.state();
    std::uint64_t alerts = 0;
    ASSERT_EQ(state.groups.size(), 2 * kStormServices) << "one for each service and severity";
    for (const auto& [id, group] : state.groups) {
      for (const auto& [shard, report] : state.live.at(group.key))
        alerts += report.firing;
      const std::string owner(Find(group.labels, "service"));
      const UserId person = StormPerson(std::stoul(owner.substr(owner.size() - 3)));
      EXPECT_TRUE(log_.told().at(person).contains(id.value())) << "nobody was told of G" << id.value();
    }
    EXPECT_EQ(alerts, kAlerts) << "each alert is counted by exactly one group";
    // Each notification has one fate, too: sent by itself, or told by one bundle.
    std::uint64_t alone = 0;
    std::uint64_t bundled = 0;
    std::uint64_t named = 0;
    for (const auto& [id, row] : state.notifications) {
      ASSERT_EQ(row.state, Notification::State::kAccepted) << "N" << id.value() << ": " << row.end_reason;
      named += row.members.size();
      if (!row.members.empty()) continue;
      ++(row.bundle.set() ? bundled : alone);
    }
    EXPECT_EQ(named, bundled);
    EXPECT_GE(alone + bundled, 2 * kStormServices);
    EXPECT_EQ(alone + log_.bundles(), log_.messages());
    EXPECT_TRUE(state.held.empty());
    std::printf(
        "%zu alerts, %zu groups, %zu messages (%zu bundles that tell of %llu pages), at most %zu on one "
        "contact method in four hours\n",
        kAlerts, state.groups.size(), log_.messages(), log_.bundles(), static_cast<unsigned long long>(bundled),
        log_.most_messages());
  });
  EXPECT_EQ(engine_->ReadStatistics().auditor_findings, 0U);
}

}  // namespace
}  // namespace tocsin::sim
