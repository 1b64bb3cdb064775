// The shell around the pure core, stepped by hand: what the simulated worlds are too small to come by.
#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include <gtest/gtest.h>

#include "tests/engine/pipeline_world.h"

namespace tocsin {
namespace {

TEST_F(PipelineTest, FinishesACheckpointInAStormThatLeavesNoRoomInTheQueues) {
  ASSERT_EQ(Submit(0), Admission::kAccepted);
  Settle();
  clock_.Advance(absl::Seconds(11));
  ASSERT_FALSE(store_->shards_position().set());
  // Senders want more than there is room for: whenever the keeper has its turn, the queues are full.
  std::uint64_t number = 0;
  for (int round = 0; round < 20 && !store_->shards_position().set(); ++round) {
    while (Submit(++number) == Admission::kAccepted) {
    }
    engine_->Step(Engine::Stage::kKeeper);
    ASSERT_NE(Submit(++number), Admission::kAccepted);
    Commit();
  }
  EXPECT_TRUE(store_->shards_position().set());
  Settle();
}

TEST_F(PipelineTest, TellsOfAHeartbeatThatStaysAwayInAStormThatLeavesNoRoomInTheQueues) {
  const HeartbeatName name("nightly");
  PutHeartbeat put;
  put.rule.id = name;
  put.rule.interval = absl::Minutes(1);
  for (const Command::Body& body : {Command::Body(put), Command::Body(PingHeartbeat{name})})
    engine_->Execute({"", "user:ann", body}, [](const CommandResult& result) { EXPECT_TRUE(result.status.ok()); });
  Settle();
  const auto row = [this] {
    const auto rows = store_->ListRows(KeyOf(Row(Heartbeat())).table, 0, 10);
    return std::get<Heartbeat>(rows.value().at(0));
  };
  std::uint64_t number = 0;
  for (int second = 0; second < 300 && row().told == 0; ++second) {
    clock_.Advance(absl::Seconds(1));
    for (const Engine::Stage stage : {Engine::Stage::kResponder, Engine::Stage::kCommitter, Engine::Stage::kResponder,
                                      Engine::Stage::kShard, Engine::Stage::kCommitter, Engine::Stage::kResponder}) {
      while (Submit(++number) == Admission::kAccepted) {
      }
      engine_->Step(stage);
    }
  }
  EXPECT_EQ(row().turns, 1U);
  EXPECT_EQ(row().told, 1U);
  Settle();
}

void SilenceAndRead(Engine& engine, const Clock& clock, const std::atomic<bool>& over) {
  while (!over) {
    CreateSilence create;
    create.silence.matchers = {
        {"instance", MatchOp::kRegex, ".*7"}
    };
    create.silence.starts_at = clock.Read().wall;
    create.silence.ends_at = clock.Read().wall + absl::Hours(1);
    const CommandResult made = engine.ExecuteAndWait({"", "user:ann", create});
    EXPECT_TRUE(made.status.ok()) << made.status;
    EXPECT_TRUE(engine.ExecuteAndWait({"", "user:ann", ExpireSilence{SilenceId(made.id)}}).status.ok());
    engine.ReadShardsAndWait([](const Shard& shard) { EXPECT_GT(shard.Statistics().table_bytes, 0U); });
  }
}

// All threads at once: senders, silences that make the shards judge everything again, slices of work that find nothing to
// seal, readers. Every batch is answered once, with a sequence, and every event has a fate. (ThreadSanitizer watches.)
class TwoShardsTest : public ThreadedEngineTest {
 protected:
  TwoShardsTest() : ThreadedEngineTest(2) {}
};

TEST_F(TwoShardsTest, SendersCommandsAndReadersAtOnce) {
  constexpr int kSenders = 3;
  constexpr std::uint64_t kBatches = 150;
  constexpr std::uint64_t kEvents = 20;
  std::atomic<std::uint64_t> answered{0};
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int sender = 0; sender < kSenders; ++sender) {
    threads.emplace_back([&, sender] {
      EventBatch batch(engine_->KeySeed(), *engine_->IndexOf(IntegrationId("stream")));
      for (std::uint64_t b = 0; b < kBatches; ++b) {
        batch.Clear(batch.integration());
        for (std::uint64_t e = 0; e < kEvents; ++e) {
          const std::uint64_t key = (b * kEvents + e) % 97 + static_cast<std::uint64_t>(sender) * 1'000;
          EXPECT_TRUE(batch.Append(sim::SampleEvent(key, (b + e) % 3 != 0, b)).ok());
        }
        while (engine_->Submit(batch, b % 2 == 0, [&](const Receipt& receipt) {
          EXPECT_GT(receipt.sequence, 0U);
          answered.fetch_add(1);
        }) != Admission::kAccepted)
          std::this_thread::yield();
      }
    });
  }
  std::thread commands([&] { SilenceAndRead(*engine_, clock_, over); });
  for (std::thread& thread : threads)
    thread.join();
  while (answered < kSenders * kBatches)
    std::this_thread::yield();
  over = true;
  commands.join();
  const Engine::Statistics statistics = engine_->ReadStatistics();
  EXPECT_EQ(statistics.submitted_events, kSenders * kBatches * kEvents);
  std::uint64_t fates = 0;
  for (const ShardStatistics& shard : statistics.shards) {
    for (const std::uint64_t count : shard.outcomes)
      fates += count;
  }
  EXPECT_EQ(fates, kSenders * kBatches * kEvents);
  EXPECT_EQ(engine_->histograms().ingest_seconds.Read().total, kSenders * kBatches);
}

}  // namespace
}  // namespace tocsin
