// An engine without threads over a store in memory, stepped by hand.
#pragma once

#include <filesystem>
#include <memory>
#include <utility>

#include "absl/strings/str_format.h"
#include <gtest/gtest.h>
#include <rocksdb/env.h>
#include <unistd.h>

#include "base/status.h"
#include "engine/pipeline.h"
#include "model/event.h"
#include "storage/simulated_disk.h"
#include "storage/store.h"
#include "tests/sim/sample.h"
#include "tests/support/held_clock.h"

namespace tocsin {

class PipelineTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!views_) views_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
    const absl::Status started = Start();
    ASSERT_TRUE(started.ok()) << started;
    Settle();
    engine_->Execute(
        {
            "", "user:admin", ApplyOrganisation{sim::SampleOrganisationForSimulation(), "test"}
    },
        nullptr);
    Settle();
    ASSERT_NE(engine_->rules(), nullptr);
  }

  // Once more is a restart.
  absl::Status Start() {
    engine_.reset();
    store_.reset();
    Store::Options options;
    options.folder = "data";
    options.views_env = views_.get();
    options.low_water_bytes = low_water_bytes_;
    options.reserve_bytes = 0;
    TOCSIN_ASSIGN(store_, Store::Open(disk_, options));
    Engine::Options engine;
    engine.threads = false;
    engine.shard_count = 1;
    engine.checkpoint_interval = absl::Seconds(10);
    engine.responder.link_key = "the test's link key";
    engine.read_again = read_again_;
    TOCSIN_ASSIGN(engine_,
                  Engine::Start(engine, *store_, clock_,
                                {[](const Notification&, absl::Duration, std::shared_ptr<Gate>) {}, nullptr, nullptr}));
    return absl::OkStatus();
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
  std::unique_ptr<rocksdb::Env> views_;  // set before SetUp: instead of one in memory
  std::uint64_t low_water_bytes_ = 0;
  Engine::ReadAgain read_again_;  // set before SetUp
  HeldClock clock_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Engine> engine_;
};

// An engine with its own threads over a store on the disk, with the sample organisation.
class ThreadedEngineTest : public testing::Test {
 protected:
  explicit ThreadedEngineTest(std::uint32_t shards = 1) : shards_(shards) {}
  ~ThreadedEngineTest() override {
    engine_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void SetUp() override {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    Store::Options options;
    options.folder = folder_;
    options.low_water_bytes = 0;
    options.reserve_bytes = 0;
    auto store = Store::Open(PosixFileSystem(), options);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    Engine::Options engine_options;
    engine_options.shard_count = shards_;
    engine_options.responder.link_key = "the test's link key";
    auto engine =
        Engine::Start(engine_options, *store_, clock_,
                      {[](const Notification&, absl::Duration, const std::shared_ptr<Gate>&) {}, nullptr, nullptr});
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
    const CommandResult applied = engine_->ExecuteAndWait({
        "", "user:admin", ApplyOrganisation{sim::SampleOrganisationForSimulation(), "test"}
    });
    ASSERT_TRUE(applied.status.ok()) << applied.status;
  }

  const SystemClock clock_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Engine> engine_;

 private:
  const std::uint32_t shards_;
  const std::filesystem::path folder_ = testing::TempDir() + absl::StrFormat("/threaded_%d", getpid());
};

}  // namespace tocsin
