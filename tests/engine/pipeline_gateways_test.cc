// Gateways at a real pipeline, stepped by hand: the other mapping of the memory stands for the other process.
#include <atomic>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/log.h"
#include "base/random.h"
#include "gateway/inlet.h"
#include "gateway/record.h"
#include "tests/engine/pipeline_world.h"

namespace tocsin {
namespace {

// What a gateway's process has of it.
GatewayMemory MapAgain(const GatewayPort& port) {
  absl::StatusOr<GatewayMemory> memory = GatewayMemory::Map(dup(port.memory_fd()));
  TOCSIN_CHECK(memory.ok(), "the memory maps twice");
  return *std::move(memory);
}

GatewayPart AllOf(const EventBatch& batch, std::span<const std::byte> blocks = {}) {
  GatewayPart all;
  Divide(batch, blocks, {&all, 1});
  return all;
}

class GatewaysTest : public PipelineTest {
 protected:
  void SetUp() override {
    SetLogLevel("error");
    PipelineTest::SetUp();
  }

  std::shared_ptr<GatewayPort> Attach() {
    absl::StatusOr<std::shared_ptr<GatewayPort>> port = engine_->AttachGateway();
    EXPECT_TRUE(port.ok()) << port.status();
    return *port;
  }

  IntegrationIndex Door() { return *engine_->IndexOf(IntegrationId("stream")); }

  EventBatch BatchOf(std::uint64_t first, std::uint64_t count) {
    EventBatch batch(engine_->KeySeed(), Door());
    for (std::uint64_t i = first; i < first + count; ++i)
      EXPECT_TRUE(batch.Append(sim::SampleEvent(i, true, i)).ok());
    return batch;
  }

  // Until the gateway's own thread has told its sender.
  std::optional<Receipt> Await(std::atomic<bool>& told, const Receipt& receipt) {
    for (int round = 0; round < 10'000 && !told; ++round) {
      Settle();
      usleep(100);
    }
    return told ? std::optional(receipt) : std::nullopt;
  }

  std::optional<Receipt> SubmitAndAwait(GatewayInlet& inlet, const EventBatch& batch, bool want_outcomes) {
    std::atomic<bool> told{false};
    Receipt receipt;
    const Admission admission = inlet.Submit(batch, want_outcomes, [&](const Receipt& given) {
      receipt = given;
      told = true;
    });
    EXPECT_EQ(admission, Admission::kAccepted);
    return Await(told, receipt);
  }

  // What the first shard's only alert says of itself, and how often it has come.
  std::pair<AlertSummary, std::uint64_t> OnlyAlert() {
    std::vector<AlertRecord> all;
    engine_->ReadShardsAndWait([&](const Shard& shard) {
      shard.List(0, 10, [&](const AlertRecord& record) {
        all.push_back(record);
        return true;
      });
    });
    EXPECT_EQ(all.size(), 1U);
    return {all.at(0).summary, all.at(0).received};
  }

  void ExpectServes() {
    ASSERT_EQ(Submit(1), Admission::kAccepted);
    Settle();
    EXPECT_EQ(engine_->ReadStatistics().auditor_findings, 0U);
  }
};

TEST_F(GatewaysTest, TakesWhatAGatewayPublishesAndSaysWhatBecameOfIt) {
  const std::shared_ptr<GatewayPort> port = Attach();
  GatewayInlet inlet(clock_);
  inlet.Attach(MapAgain(*port));
  EXPECT_EQ(inlet.KeySeed(), engine_->KeySeed());

  const std::optional<Receipt> first = SubmitAndAwait(inlet, BatchOf(0, 3), true);
  ASSERT_TRUE(first.has_value());
  EXPECT_GT(first->sequence, 0U);
  EXPECT_FALSE(first->lost);
  EXPECT_EQ(first->outcomes, std::vector<Outcome>(3, Outcome::kNew));
  const std::optional<Receipt> again = SubmitAndAwait(inlet, BatchOf(2, 2), true);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->outcomes, (std::vector<Outcome>{Outcome::kDuplicate, Outcome::kNew}));
  const std::optional<Receipt> unasked = SubmitAndAwait(inlet, BatchOf(0, 1), false);
  ASSERT_TRUE(unasked.has_value());
  EXPECT_TRUE(unasked->outcomes.empty());

  const Engine::Statistics statistics = engine_->ReadStatistics();
  EXPECT_EQ(statistics.gateways.attached, 1U);
  EXPECT_EQ(statistics.gateways.batches, 3U);
  EXPECT_EQ(statistics.gateways.events, 6U);
  EXPECT_EQ(statistics.submitted_events, 6U);
  EXPECT_EQ(statistics.shards.front().firing, 4U);
}

TEST_F(GatewaysTest, GoesRoundItsRings) {
  const std::shared_ptr<GatewayPort> port = Attach();
  GatewayInlet inlet(clock_);
  inlet.Attach(MapAgain(*port));
  std::uint64_t bytes = 0;
  int told = 0;
  const EventBatch batch = BatchOf(0, 5000);
  while (bytes < 3 * kGatewayRingBytes) {
    const std::optional<Receipt> receipt = SubmitAndAwait(inlet, batch, true);
    ASSERT_TRUE(receipt && receipt->outcomes.size() == 5000);
    EXPECT_EQ(receipt->outcomes.back(), told++ == 0 ? Outcome::kNew : Outcome::kDuplicate);
    bytes += batch.bytes().size();
  }
  EXPECT_FALSE(port->broken());
}

TEST_F(GatewaysTest, RefusesWhenTheRingsAreFullAndTheEngineKnows) {
  const std::shared_ptr<GatewayPort> port = Attach();
  GatewayInlet inlet(clock_);
  inlet.Attach(MapAgain(*port));
  const EventBatch batch = BatchOf(0, 5000);
  std::atomic<int> told{0};
  int accepted = 0;
  while (inlet.Submit(batch, false, [&](const Receipt&) { ++told; }) == Admission::kAccepted)
    ++accepted;
  EXPECT_GT(accepted, 1);
  EXPECT_TRUE(port->TakeRefused());
  for (int round = 0; round < 10'000 && told < accepted; ++round) {
    Settle();
    usleep(100);
  }
  EXPECT_EQ(told, accepted);
  EXPECT_TRUE(SubmitAndAwait(inlet, batch, false).has_value());
}

TEST_F(GatewaysTest, TakesWhatADeadGatewayHadPublished) {
  const std::shared_ptr<GatewayPort> port = Attach();
  {
    GatewayMemory memory = MapAgain(*port);
    Ring ring = *Ring::Attach(memory.ring(0));
    const EventBatch batch = BatchOf(0, 3);
    ASSERT_TRUE(PublishRecord(ring, 0, false, batch, AllOf(batch), {}));
    ASSERT_TRUE(ring.TryReserve(512).has_value());  // and it died before it published this
  }
  engine_->DetachGateway(port);
  Settle();
  EXPECT_EQ(engine_->ReadStatistics().shards.front().firing, 3U);
  EXPECT_EQ(engine_->ReadStatistics().gateways.attached, 0U);
  EXPECT_EQ(engine_->ReadStatistics().gateways.events, 3U);
  ExpectServes();
}

TEST_F(GatewaysTest, WhoWaitsWhenTheEngineGoesIsToldThatItIsLost) {
  const std::shared_ptr<GatewayPort> port = Attach();
  GatewayInlet inlet(clock_);
  inlet.Attach(MapAgain(*port));
  std::atomic<int> lost{0};
  ASSERT_EQ(inlet.Submit(BatchOf(0, 1), true, [&](const Receipt& receipt) { lost += receipt.lost ? 1 : 0; }),
            Admission::kAccepted);
  inlet.Detach();
  EXPECT_EQ(lost, 1);
  EXPECT_EQ(inlet.Submit(BatchOf(0, 1), false, nullptr), Admission::kStopping);
}

TEST_F(GatewaysTest, ABatchMadeForAnotherStoreIsRefused) {
  const std::shared_ptr<GatewayPort> port = Attach();
  GatewayInlet inlet(clock_);
  inlet.Attach(MapAgain(*port));
  EventBatch batch(engine_->KeySeed() + 1, Door());
  ASSERT_TRUE(batch.Append(sim::SampleEvent(1, true, 1)).ok());
  EXPECT_EQ(inlet.Submit(batch, false, nullptr), Admission::kStopping);
}

TEST_F(GatewaysTest, AGatewayThatTakesNoCompletionsIsCutOffAndNobodyWaits) {
  const std::shared_ptr<GatewayPort> port = Attach();
  const std::vector<Outcome> outcomes(10'000, Outcome::kNew);
  int written = 0;
  while (!port->broken() && ++written < 100'000)
    port->Complete({.sequence = 1, .submission = 0, .shard = 0, .outcomes = 10'000}, outcomes);
  EXPECT_TRUE(port->broken());
  EXPECT_EQ(port->ReadStatistics().dropped_completions, 1U);
  ExpectServes();
}

TEST_F(GatewaysTest, AnEventOfNoIntegrationIsLookedAtTwiceAndThenTheGatewayIsCutOff) {
  const std::shared_ptr<GatewayPort> port = Attach();
  GatewayMemory memory = MapAgain(*port);
  Ring ring = *Ring::Attach(memory.ring(0));
  EventBatch batch(engine_->KeySeed(), 10'000);
  ASSERT_TRUE(batch.Append(sim::SampleEvent(1, true, 1)).ok());
  ASSERT_TRUE(PublishRecord(ring, 0, false, batch, AllOf(batch), {}));
  engine_->Step(Engine::Stage::kShard);
  EXPECT_FALSE(port->broken()) << "its rules may be on their way";
  engine_->Step(Engine::Stage::kShard);
  EXPECT_TRUE(port->broken());
  ExpectServes();
}

TEST_F(GatewaysTest, AGatewayThatOnlyRingsIsCutOff) {
  const std::shared_ptr<GatewayPort> port = Attach();
  GatewayMemory memory = MapAgain(*port);
  for (std::size_t i = 0; i < 2 * kGatewayRingSlots && !port->broken(); ++i) {
    memory.control().bells[0].wakeup.Notify();
    engine_->Step(Engine::Stage::kShard);
  }
  EXPECT_TRUE(port->broken());
  ExpectServes();
}

TEST_F(GatewaysTest, ThereAreNoMoreThanFour) {
  std::vector<std::shared_ptr<GatewayPort>> ports;
  for (int i = 0; i < 4; ++i)
    ports.push_back(Attach());
  EXPECT_TRUE(absl::IsResourceExhausted(engine_->AttachGateway().status()));
  engine_->DetachGateway(ports.back());
  EXPECT_TRUE(engine_->AttachGateway().ok());
}

TEST_F(GatewaysTest, AGatewayDoesNotKeepTheEngineFromStopping) {
  const std::shared_ptr<GatewayPort> port = Attach();
  GatewayMemory memory = MapAgain(*port);
  Ring ring = *Ring::Attach(memory.ring(0));
  const EventBatch batch = BatchOf(0, 1);
  ASSERT_TRUE(PublishRecord(ring, 0, false, batch, AllOf(batch), {}));
  port->SetAdmission(Admission::kStopping, absl::Seconds(1));
  Settle();
  EXPECT_EQ(engine_->ReadStatistics().shards.front().firing, 0U);
  port->SetAdmission(Admission::kDiskLow, absl::Seconds(1));
  Settle();
  EXPECT_EQ(engine_->ReadStatistics().shards.front().firing, 0U) << "taken off the ring, but not in";
  EXPECT_EQ(engine_->ReadStatistics().ring_bytes_used, 0U);
}

// What a gateway knows by its bytes. The "bytes" are an alert's number and what it says of itself: "7 3".
class GatewayRepeatsTest : public GatewaysTest {
 protected:
  void SetUp() override {
    read_again_ = [this](const EventHeader& header, const CameBytes& came, absl::Time) -> std::optional<EventView> {
      ++read_;
      read_at_ = came.data;
      std::uint64_t alert = 0;
      std::uint64_t said = 0;
      if (std::sscanf(std::string(came.data, came.size).c_str(), "%lu %lu", &alert, &said) != 2) return std::nullopt;
      again_.emplace(engine_->KeySeed(), header.integration);
      EXPECT_TRUE(again_->Append(sim::SampleEvent(alert, true, said)).ok());
      return again_->at(0);
    };
    GatewaysTest::SetUp();
    port_ = Attach();
    inlet_.emplace(clock_);
    inlet_->Attach(MapAgain(*port_));
    ASSERT_TRUE(inlet_->TakesRepeats());
  }

  std::optional<Receipt> Say(std::uint64_t alert, std::uint64_t said) {
    EventBatch batch(engine_->KeySeed(), Door());
    EXPECT_TRUE(batch.Append(sim::SampleEvent(alert, true, said)).ok());
    return SubmitAndAwait(*inlet_, batch, true);
  }
  // As `alert`, which says `said`; but `bytes` came.
  std::optional<Receipt> Repeat(std::uint64_t alert, std::uint64_t said, std::string_view bytes) {
    EventBatch whole(engine_->KeySeed(), Door());
    EXPECT_TRUE(whole.Append(sim::SampleEvent(alert, true, said)).ok());
    EventBatch batch(engine_->KeySeed(), Door());
    batch.AppendRepeat(whole.at(0).header(), {bytes.data(), bytes.size(), nullptr});
    return SubmitAndAwait(*inlet_, batch, true);
  }

  // In a block of the engine's memory, where the gateway has read them to.
  std::string_view Came(const std::shared_ptr<char>& block, std::string_view bytes) {
    return {block.get(), bytes.copy(block.get(), bytes.size())};
  }

  std::shared_ptr<GatewayPort> port_;
  std::optional<GatewayInlet> inlet_;
  int read_ = 0;
  const char* read_at_ = nullptr;
  std::optional<EventBatch> again_;
};

TEST_F(GatewayRepeatsTest, AreNotReadWhileTheirAlertFiresAndSaysTheSame) {
  EXPECT_EQ(Say(1, 0)->outcomes, std::vector{Outcome::kNew});
  EXPECT_EQ(Repeat(1, 0, "1 0")->outcomes, std::vector{Outcome::kDuplicate});
  EXPECT_EQ(read_, 0);
}

TEST_F(GatewayRepeatsTest, AreReadFromTheBytesThatCameWithThemElse) {
  EXPECT_EQ(Repeat(1, 0, "1 0")->outcomes, std::vector{Outcome::kNew});
  EXPECT_EQ(Say(1, 1)->outcomes, std::vector{Outcome::kUpdated});
  EXPECT_EQ(Repeat(1, 0, "1 0")->outcomes, std::vector{Outcome::kUpdated});
  EXPECT_EQ(read_, 2);
}

TEST_F(GatewayRepeatsTest, AreNotTakenWhenTheirBytesAreNoAlertOfThatKey) {
  EXPECT_EQ(Say(1, 1)->outcomes, std::vector{Outcome::kNew});
  for (const std::string bytes : {"2 0", "", "no alert"}) {
    const std::optional<Receipt> receipt = Repeat(1, 0, bytes);
    ASSERT_TRUE(receipt);
    EXPECT_TRUE(receipt->lost) << bytes << ": its sender is to come again";
  }
  EXPECT_EQ(engine_->ReadStatistics().shards.front().firing, 1U) << "nothing else was applied";
  EXPECT_FALSE(port_->broken()) << "its rules may be older than ours";
  EXPECT_EQ(Say(1, 1)->outcomes, std::vector{Outcome::kDuplicate});
}

TEST_F(GatewayRepeatsTest, AreReadFromACopyOfTheBlockThatTheyLieIn) {
  const std::shared_ptr<char> block = inlet_->TakeBlock();
  ASSERT_NE(block, nullptr);
  const std::string_view came = Came(block, "1 0");
  EXPECT_EQ(Repeat(1, 0, came)->outcomes, std::vector{Outcome::kNew});
  EXPECT_EQ(Repeat(1, 0, came)->outcomes, std::vector{Outcome::kDuplicate});
  EXPECT_EQ(read_, 1);
  const auto at = reinterpret_cast<std::uintptr_t>(read_at_);
  const auto blocks = reinterpret_cast<std::uintptr_t>(port_->blocks().data());
  EXPECT_TRUE(at < blocks || at >= blocks + port_->blocks().size()) << "the gateway could change it while it is read";
  EXPECT_FALSE(port_->broken());
}

TEST_F(GatewayRepeatsTest, WhoseBlockSaysSomethingElseByNowAreNotTaken) {
  const std::shared_ptr<char> block = inlet_->TakeBlock();
  ASSERT_NE(block, nullptr);
  EventBatch whole(engine_->KeySeed(), Door());
  ASSERT_TRUE(whole.Append(sim::SampleEvent(1, true, 0)).ok());
  EventBatch batch(engine_->KeySeed(), Door());
  batch.AppendRepeat(whole.at(0).header(), {block.get(), 3, nullptr});
  for (const std::string_view later : {"2 0", "no!"}) {
    Came(block, "1 0");
    std::atomic<bool> told{false};
    Receipt receipt;
    ASSERT_EQ(inlet_->Submit(batch, true,
                             [&](const Receipt& given) {
                               receipt = given;
                               told = true;
                             }),
              Admission::kAccepted);
    Came(block, later);  // no gateway of ours does
    ASSERT_TRUE(Await(told, receipt));
    EXPECT_TRUE(receipt.lost) << later;
  }
  EXPECT_EQ(engine_->ReadStatistics().shards.front().firing, 0U);
  EXPECT_FALSE(port_->broken());
  EXPECT_EQ(Repeat(1, 0, Came(block, "1 0"))->outcomes, std::vector{Outcome::kNew});
}

TEST_F(GatewayRepeatsTest, GoWithTheirBytesWhenThereIsNoBlock) {
  std::vector<std::shared_ptr<char>> all;
  while (std::shared_ptr<char> block = inlet_->TakeBlock())
    all.push_back(std::move(block));
  EXPECT_EQ(all.size(), kGatewayBlocks);
  EXPECT_EQ(Repeat(1, 0, "1 0")->outcomes, std::vector{Outcome::kNew});
  all.clear();
  EXPECT_NE(inlet_->TakeBlock(), nullptr);
}

TEST_F(GatewayRepeatsTest, MayLieInBlocksOfAnEarlierAttachment) {
  const std::shared_ptr<char> block = inlet_->TakeBlock();
  ASSERT_NE(block, nullptr);
  const std::string_view came = Came(block, "1 0");
  inlet_->Detach();
  EXPECT_EQ(inlet_->TakeBlock(), nullptr) << "no engine is there";
  engine_->DetachGateway(port_);
  Settle();
  port_ = Attach();
  inlet_->Attach(MapAgain(*port_));
  EXPECT_EQ(Repeat(1, 0, came)->outcomes, std::vector{Outcome::kNew});
  const std::shared_ptr<char> next = inlet_->TakeBlock();
  ASSERT_NE(next, nullptr);
  EXPECT_EQ(Repeat(2, 0, Came(next, "2 0"))->outcomes, std::vector{Outcome::kNew});
  EXPECT_EQ(came, "1 0") << "is mapped as long as somebody has it";
  EXPECT_FALSE(port_->broken());
}

// An alert with its text, as a gateway writes it, and one byte of the text another one. It is `batch`'s only event.
void PublishWithOtherText(const GatewayMemory& memory, const EventBatch& batch) {
  Ring ring = *Ring::Attach(memory.ring(0));
  const GatewayPart all = AllOf(batch, memory.blocks());
  const std::optional<Ring::Reservation> reservation = ring.TryReserve(all.bytes);
  ASSERT_TRUE(reservation);
  const GatewayRecordHead head{.submission = 1, .count = 1};
  std::byte* const event = reservation->bytes.data() + sizeof head;
  std::memcpy(reservation->bytes.data(), &head, sizeof head);
  std::memcpy(event, &batch.at(0).header(), batch.at(0).header().size);
  EventHeader header = batch.at(0).header();
  header.form = EventHeader::Form::kUnchecked;
  std::memcpy(event, &header, sizeof header);
  event[sizeof header + batch.at(0).text_bytes().size() - 1] ^= std::byte{1};
  ring.Publish(*reservation);
  memory.control().bells[0].wakeup.Notify();
}

TEST_F(GatewaysTest, TheTextOfAnAlertThatFiresAndSaysTheSameIsNotLookedAt) {
  const std::shared_ptr<GatewayPort> port = Attach();
  const GatewayMemory memory = MapAgain(*port);
  ASSERT_EQ(engine_->Submit(BatchOf(1, 1), false, nullptr), Admission::kAccepted);
  Settle();
  const auto [before, came] = OnlyAlert();
  PublishWithOtherText(memory, BatchOf(1, 1));
  Settle();
  EXPECT_FALSE(port->broken()) << "nobody has to know";
  EXPECT_EQ(engine_->ReadStatistics().gateways.events, 1U);
  EXPECT_EQ(OnlyAlert(), std::pair(before, came + 1));
}

TEST_F(GatewaysTest, AnAlertWhoseTextIsNotWhatItsHeaderSaysIsNeverAppliedAndCutsOff) {
  const std::shared_ptr<GatewayPort> port = Attach();
  const GatewayMemory memory = MapAgain(*port);
  PublishWithOtherText(memory, BatchOf(1, 1));
  Settle();
  EXPECT_TRUE(port->broken());
  EXPECT_EQ(engine_->ReadStatistics().shards.front().firing, 0U);
  ExpectServes();
}

// Whatever lies in the memory: the engine neither crashes nor stops, and what it holds stays sound. Under a sanitizer it also reads
// nothing that it should not.
TEST_F(GatewaysTest, SurvivesWhateverAGatewayWrites) {
  int cut_off = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Random random(seed);
    const std::shared_ptr<GatewayPort> port = Attach();
    GatewayMemory memory = MapAgain(*port);
    Ring ring = *Ring::Attach(memory.ring(0));
    const std::span<std::byte> bytes = memory.ring(0);
    constexpr std::size_t kHeader = 3 * 64;
    constexpr std::size_t kData = kHeader + kGatewayRingSlots * 16;
    for (int round = 0; round < 10 && !port->broken(); ++round) {
      EventBatch batch = BatchOf(random.Below(50), 1 + random.Below(3));
      const std::string came(random.Below(100), 'x');
      const EventHeader first = batch.at(0).header();
      const std::size_t there = random.Below(memory.blocks().size() - came.size());
      const char* const at =
          random.OneIn(2) ? came.data() : reinterpret_cast<const char*>(memory.blocks().data()) + there;
      if (random.OneIn(2)) batch.AppendRepeat(first, {at, came.size(), nullptr});
      PublishRecord(ring, static_cast<std::uint32_t>(random.Next()), random.OneIn(2), batch,
                    AllOf(batch, memory.blocks()), memory.blocks());
      const std::size_t places[] = {random.Below(kHeader), kHeader + random.Below(16 * 16), kData + random.Below(4096)};
      for (std::uint64_t i = random.Below(3); i > 0; --i)
        bytes[places[random.Below(3)]] = static_cast<std::byte>(random.Next());
      if (random.OneIn(100)) memory.control().completions_read.store(random.Next());
      if (random.OneIn(8)) memory.control().completions_written.store(random.Next());
      // A hostile head or tail would have our own producer write where it must not: the test's, not the engine's, trouble.
      const bool is_usable = Ring::Attach(bytes).ok();
      Commit();
      if (!is_usable) break;
    }
    cut_off += port->broken() ? 1 : 0;
    engine_->DetachGateway(port);
    Settle();
  }
  EXPECT_GT(cut_off, 50);
  ExpectServes();
  engine_->ReadShardsAndWait([](const Shard& shard) {
    std::uint64_t seen = 0;
    std::uint64_t cursor = 0;
    do
      cursor = shard.List(cursor, 1000, [&](const AlertRecord&) { return ++seen > 0; });
    while (cursor != 0);
    EXPECT_LE(seen, 60U) << "no alert that nobody has sent";
  });
  const absl::Status restarted = Start();
  ASSERT_TRUE(restarted.ok()) << "what was journalled can be read: " << restarted;
  Settle();
  EXPECT_EQ(engine_->ReadStatistics().auditor_findings, 0U);
}

}  // namespace
}  // namespace tocsin
