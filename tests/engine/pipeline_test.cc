// The shell around the pure core, stepped by hand: what the simulated worlds are too small to come by.
#include "engine/pipeline.h"

#include <memory>
#include <utility>

#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include "model/event.h"
#include "storage/simulated_disk.h"
#include "storage/store.h"
#include "tests/sim/sample.h"

namespace tocsin {
namespace {

class FixedClock final : public Clock {
 public:
  Now Read() const override { return now_; }
  void Advance(absl::Duration by) { now_ = {now_.wall + by, now_.engine + by}; }

 private:
  Now now_{absl::FromUnixSeconds(1'790'000'000), EngineTime(0)};
};

class PipelineTest : public testing::Test {
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
    engine.shard_count = 1;
    engine.checkpoint_interval = absl::Seconds(10);
    engine.responder.link_key = "the test's link key";
    auto started = Engine::Start(engine, *store_, clock_,
                                 {[](const Notification&, absl::Duration, std::shared_ptr<Gate>) {}, nullptr, nullptr});
    ASSERT_TRUE(started.ok()) << started.status();
    engine_ = *std::move(started);
    Settle();
    engine_->Execute(
        {
            "", "user:admin", ApplyOrganisation{sim::SampleOrganisationForSimulation(), "test"}
    },
        nullptr);
    Settle();
    ASSERT_NE(engine_->rules(), nullptr);
  }

  bool Commit() {
    bool any = engine_->Step(Engine::Stage::kShard);
    any = engine_->Step(Engine::Stage::kCommitter) || any;
    return engine_->Step(Engine::Stage::kResponder) || any;
  }
  void Settle() {
    bool busy = true;
    for (int round = 0; busy && round < 100'000; ++round) {
      busy = Commit();
      busy = engine_->Step(Engine::Stage::kKeeper) || busy;
    }
    ASSERT_FALSE(busy) << "the stages never come to rest";
  }

  Admission Submit(std::uint64_t number) {
    EventBatch batch(engine_->KeySeed(), *engine_->IndexOf(IntegrationId("stream")));
    EXPECT_TRUE(batch.Append(sim::SampleEvent(number % 100, true, number)).ok());
    return engine_->Submit(batch, false, nullptr);
  }

  SimulatedDisk disk_;
  std::unique_ptr<rocksdb::Env> views_;
  FixedClock clock_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(PipelineTest, FinishesACheckpointThatMetAStorm) {
  ASSERT_EQ(Submit(0), Admission::kAccepted);
  Settle();
  clock_.Advance(absl::Seconds(11));
  // The checkpoint begins and copies the table while the queues take in all that they can; it cannot ask whether what it
  // has seen is durable.
  std::uint64_t number = 0;
  for (int round = 0; round < 4; ++round) {
    while (Submit(++number) == Admission::kAccepted) {
    }
    for (int step = 0; step < 3; ++step)
      engine_->Step(Engine::Stage::kKeeper);
    engine_->Step(Engine::Stage::kShard);
    while (Submit(++number) == Admission::kAccepted) {
    }
    engine_->Step(Engine::Stage::kKeeper);
    while (Commit()) {
    }
  }
  Settle();
  EXPECT_TRUE(store_->shards_position().set());
}

}  // namespace
}  // namespace tocsin
