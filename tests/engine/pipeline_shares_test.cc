// Several integrations at one engine's doors, of which some want more than there is room for.
#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/engine/pipeline_world.h"

namespace tocsin {
namespace {

class SharesOfAnEngineTest : public PipelineTest {
 protected:
  void SetUp() override {
    PipelineTest::SetUp();
    auto organisation = std::make_shared<Organisation>(*sim::SampleOrganisationForSimulation());
    Integration other = organisation->integrations.front();
    other.id = IntegrationId("other");
    organisation->integrations.push_back(other);
    engine_->Execute(
        {
            "", "user:admin", ApplyOrganisation{organisation, "two senders"}
    },
        nullptr);
    Settle();
    ASSERT_TRUE(engine_->IndexOf(other.id));
  }

  EventBatch BatchOf(std::string_view integration, std::uint64_t first, std::uint64_t count) {
    EventBatch batch(engine_->KeySeed(), *engine_->IndexOf(IntegrationId(integration)));
    for (std::uint64_t i = 0; i < count; ++i)
      EXPECT_TRUE(batch.Append(sim::SampleEvent(first + i, true, first)).ok());
    return batch;
  }
  // Until no more is taken; how many were.
  std::uint64_t Fill(std::string_view integration) {
    const EventBatch batch = BatchOf(integration, 0, 500);
    std::uint64_t taken = 0;
    while (engine_->Submit(batch, false, [this](const Receipt&) { ++answered_; }) == Admission::kAccepted)
      ++taken;
    return taken;
  }

  std::uint64_t answered_ = 0;
};

TEST_F(SharesOfAnEngineTest, WhoSendsLittleIsTakenInAtOnceBesideOneWhoLeavesNoRoom) {
  const std::uint64_t taken = Fill("stream");
  ASSERT_GT(taken, 50U);
  for (std::uint64_t i = 0; i < 20; ++i) {
    bool heard = false;
    ASSERT_EQ(engine_->Submit(BatchOf("other", 100'000 + i, 1), false, [&](const Receipt&) { heard = true; }),
              Admission::kAccepted);
    Commit();
    EXPECT_TRUE(heard) << "not behind what the other one has sent";
    Fill("stream");
  }
  EXPECT_LT(answered_, taken);
  Settle();
}

TEST_F(SharesOfAnEngineTest, WhoComesLaterGetsAShareThough) {
  const std::uint64_t first = Fill("stream");
  const std::uint64_t second = Fill("other");
  EXPECT_GT(second, first / 3);
  Settle();
  EXPECT_EQ(answered_, first + second);
}

// A shard ends its round with whatever number of batches left in the bulk queue, also with one.
TEST_F(SharesOfAnEngineTest, ABatchDoesNotOvertakeTheLastOneInTheBulkQueue) {
  const EventBatch many = BatchOf("stream", 0, 500);
  for (std::uint64_t before = 10; before < 40; ++before) {
    for (std::uint64_t i = 0; i < before; ++i)
      ASSERT_EQ(engine_->Submit(many, false, nullptr), Admission::kAccepted);
    std::vector<Outcome> outcomes[2];
    for (const bool firing : {true, false}) {
      EventBatch batch(engine_->KeySeed(), *engine_->IndexOf(IntegrationId("stream")));
      ASSERT_TRUE(batch.Append(sim::SampleEvent(100'000 + before, firing, before)).ok());
      ASSERT_EQ(engine_->Submit(batch, true,
                                [&, firing](const Receipt& receipt) { outcomes[firing ? 0 : 1] = receipt.outcomes; }),
                Admission::kAccepted);
      Commit();
    }
    Settle();
    EXPECT_EQ(outcomes[0], std::vector<Outcome>{Outcome::kNew}) << before;
    EXPECT_EQ(outcomes[1], std::vector<Outcome>{Outcome::kResolved}) << before;
  }
}

// One alert fires and is resolved by turns while batches of its integration go by either queue. What becomes of each event tells the
// order in which they were applied.
void SendByTurns(Engine& engine,
                 std::uint64_t turns,
                 std::vector<std::vector<Outcome>>& outcomes,
                 std::atomic<std::uint64_t>& answered) {
  EventBatch batch(engine.KeySeed(), *engine.IndexOf(IntegrationId("stream")));
  for (std::uint64_t turn = 0; turn < turns; ++turn) {
    batch.Clear(batch.integration());
    EXPECT_TRUE(batch.Append(sim::SampleEvent(1, turn % 2 == 0, turn)).ok());
    while (engine.Submit(batch, true, [&, turn](const Receipt& receipt) {
      outcomes[turn] = receipt.outcomes;
      answered.fetch_add(1);
    }) != Admission::kAccepted)
      std::this_thread::yield();
  }
}

// Bursts that are more than the quick queue takes of one, and times without any.
void Disturb(Engine& engine, std::uint64_t first_key, const std::atomic<bool>& over) {
  EventBatch batch(engine.KeySeed(), *engine.IndexOf(IntegrationId("stream")));
  Random random(first_key);
  while (!over) {
    batch.Clear(batch.integration());
    const std::uint64_t events = 1 + random.Below(2'000);
    for (std::uint64_t i = 0; i < events; ++i)
      EXPECT_TRUE(batch.Append(sim::SampleEvent(first_key + i, true, first_key)).ok());
    (void)engine.Submit(batch, false, nullptr);
    if (random.OneIn(3)) absl::SleepFor(absl::Milliseconds(random.Below(4)));
  }
}

TEST_F(ThreadedEngineTest, NoBatchOvertakesAnotherOfItsSender) {
  constexpr std::uint64_t kTurns = 20'000;
  std::vector<std::vector<Outcome>> outcomes(kTurns);
  std::atomic<std::uint64_t> answered{0};
  std::atomic<bool> over{false};
  std::thread one([&] { Disturb(*engine_, 10'000, over); });
  std::thread two([&] { Disturb(*engine_, 20'000, over); });
  SendByTurns(*engine_, kTurns, outcomes, answered);
  over = true;
  one.join();
  two.join();
  while (answered < kTurns)
    std::this_thread::yield();
  for (std::uint64_t turn = 0; turn < kTurns; ++turn) {
    ASSERT_EQ(outcomes[turn].size(), 1U);
    const Outcome expected = turn == 0 ? Outcome::kNew : turn % 2 == 0 ? Outcome::kRefired : Outcome::kResolved;
    ASSERT_EQ(outcomes[turn][0], expected) << "of turn " << turn;
  }
}

}  // namespace
}  // namespace tocsin
