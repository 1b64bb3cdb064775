// Alerts that a sender has sent before, taken by their headers alone.
#include <optional>
#include <vector>

#include "gtest/gtest.h"

#include "tests/engine/pipeline_world.h"

namespace tocsin {
namespace {

class PipelineRepeatsTest : public PipelineTest {
 protected:
  void SetUp() override {
    // The "bytes" are an AlertEvent.
    read_again_ = [this](const EventHeader& header, const CameBytes& came, absl::Time) -> std::optional<EventView> {
      ++read_;
      if (came.data == nullptr) return std::nullopt;
      again_.emplace(engine_->KeySeed(), header.integration);
      EXPECT_TRUE(again_->Append(*static_cast<const AlertEvent*>(static_cast<const void*>(came.data))).ok());
      return again_->at(0);
    };
    PipelineTest::SetUp();
    for (std::uint64_t number = 0; number < 2; ++number)
      said_.push_back(sim::SampleEvent(1, true, number));
  }

  EventBatch Empty() const { return {engine_->KeySeed(), *engine_->IndexOf(IntegrationId("stream"))}; }
  Outcome Send(const EventBatch& batch) {
    std::optional<Outcome> outcome;
    EXPECT_EQ(engine_->Submit(batch, true, [&](const Receipt& receipt) { outcome = receipt.outcomes.at(0); }),
              Admission::kAccepted);
    Settle();
    EXPECT_TRUE(outcome) << "no receipt";
    return outcome.value_or(Outcome::kRejected);
  }
  Outcome Say(const AlertEvent& event) {
    EventBatch batch = Empty();
    EXPECT_TRUE(batch.Append(event).ok());
    return Send(batch);
  }
  Outcome Repeat(const AlertEvent& event) {
    EventBatch whole = Empty();
    EXPECT_TRUE(whole.Append(event).ok());
    EventBatch batch = Empty();
    batch.AppendRepeat(whole.at(0).header(), {reinterpret_cast<const char*>(&event), sizeof event, nullptr});
    return Send(batch);
  }

  std::vector<AlertEvent> said_;  // of one alert
  int read_ = 0;
  std::optional<EventBatch> again_;
};

TEST_F(PipelineRepeatsTest, AreNotReadWhileTheirAlertFiresAndSaysTheSame) {
  EXPECT_EQ(Say(said_[0]), Outcome::kNew);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(Repeat(said_[0]), Outcome::kDuplicate);
  EXPECT_EQ(read_, 0);
}

TEST_F(PipelineRepeatsTest, AreReadWhenTheirAlertSaysSomethingElseByNow) {
  EXPECT_EQ(Say(said_[0]), Outcome::kNew);
  EXPECT_EQ(Say(said_[1]), Outcome::kUpdated);
  EXPECT_EQ(Repeat(said_[0]), Outcome::kUpdated);
  EXPECT_EQ(read_, 1);
  EXPECT_EQ(Repeat(said_[0]), Outcome::kDuplicate);
  EXPECT_EQ(read_, 1);
}

TEST_F(PipelineRepeatsTest, AreReadWhenTheirAlertDoesNotFire) {
  EXPECT_EQ(Repeat(said_[0]), Outcome::kNew) << "nobody knows it yet, as after a restart without it";
  AlertEvent over = said_[0];
  over.kind = EventKind::kResolve;
  EXPECT_EQ(Say(over), Outcome::kResolved);
  EXPECT_EQ(Repeat(said_[0]), Outcome::kRefired);
  EXPECT_EQ(read_, 2);
}

TEST_F(PipelineRepeatsTest, ThatCannotBeReadAreRejectedAndTheRestIsTaken) {
  EventBatch batch = Empty();
  EventBatch whole = Empty();
  ASSERT_TRUE(whole.Append(said_[0]).ok());
  batch.AppendRepeat(whole.at(0).header(), {});
  ASSERT_TRUE(batch.Append(sim::SampleEvent(2, true, 0)).ok());
  std::vector<Outcome> outcomes;
  engine_->Submit(batch, true, [&](const Receipt& receipt) { outcomes = receipt.outcomes; });
  Settle();
  EXPECT_EQ(outcomes, (std::vector<Outcome>{Outcome::kRejected, Outcome::kNew}));
}

}  // namespace
}  // namespace tocsin
