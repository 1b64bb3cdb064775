// The state hash of a live engine against that of its own files: random histories, stepped by hand in a random order, with
// checkpoints in between; then the engine's own threads.
#include "engine/pipeline_state.h"

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <thread>

#include "absl/strings/str_format.h"
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/random.h"
#include "engine/pipeline.h"
#include "storage/backup.h"
#include "storage/store.h"
#include "tests/sim/sample.h"
#include "tests/support/held_clock.h"

namespace tocsin {
namespace {

constexpr std::uint32_t kShards = 3;

std::string FolderFor(std::string_view name) {
  const std::string folder = absl::StrFormat("%s/%s_%d", testing::TempDir(), name, getpid());
  std::filesystem::remove_all(folder);
  return folder;
}

// What `tocsin backup` does with a frozen store.
void Copy(const FrozenStore& frozen, const std::string& to) {
  auto writer = BackupWriter::Create(to);
  ASSERT_TRUE(writer.ok()) << writer.status();
  for (std::size_t file = 0; file < frozen.files().size(); ++file) {
    ASSERT_TRUE((*writer)->Begin(frozen.files()[file].name).ok());
    for (std::uint64_t at = 0; at < frozen.files()[file].size;) {
      const absl::StatusOr<std::string> piece = frozen.Read(file, at, 100'000);
      ASSERT_TRUE(piece.ok() && !piece->empty()) << piece.status();
      ASSERT_TRUE((*writer)->Append(*piece).ok());
      at += piece->size();
    }
    ASSERT_TRUE((*writer)->End().ok());
  }
  BackupManifest manifest;
  manifest.version = "test";
  manifest.store = frozen.store();
  manifest.sequence = frozen.last();
  ASSERT_TRUE((*writer)->Finish(manifest).ok());
}

struct World {
  World(const std::string& folder, const Clock& clock, bool threads) {
    Store::Options options;
    options.folder = folder;
    options.low_water_bytes = 0;
    options.reserve_bytes = 0;
    options.journal.segment_bytes = 1 << 20;
    auto opened = Store::Open(PosixFileSystem(), options);
    EXPECT_TRUE(opened.ok()) << opened.status();
    store = *std::move(opened);
    Engine::Options settings;
    settings.threads = threads;
    settings.shard_count = kShards;
    settings.checkpoint_interval = threads ? absl::Milliseconds(20) : absl::Seconds(10);
    settings.responder.link_key = "the test's link key";
    auto started =
        Engine::Start(settings, *store, clock,
                      {[](const Notification&, absl::Duration, const std::shared_ptr<Gate>&) {}, nullptr, nullptr});
    EXPECT_TRUE(started.ok()) << started.status();
    engine = *std::move(started);
  }
  std::unique_ptr<Store> store;
  std::unique_ptr<Engine> engine;
};

// Steps the engine's stages as a random scheduler would.
class RandomHistory {
 public:
  RandomHistory(std::uint64_t seed, const std::string& folder) : random_(seed), world_(folder, clock_, false) {
    Execute(ApplyOrganisation{sim::SampleOrganisationForSimulation(), "test"});
    while (!engine().rules())
      StepAny();
    for (int i = 0; i < 200; ++i)
      StepAny();
  }

  void GoOn(int steps) {
    for (int i = 0; i < steps; ++i) {
      if (random_.Below(4) == 0) Submit();
      if (random_.Below(40) == 0) Silence();
      if (random_.Below(25) == 0) clock_.Advance(absl::Seconds(static_cast<std::int64_t>(random_.Below(8))));
      StepAny();
    }
  }

  // The live hash, and a copy of the files as of its entry.
  StateAt HashAndCopy(const std::string& to) {
    StateAt live;
    auto frozen = world_.store->Freeze([&]() -> absl::StatusOr<Journal::Standing> {
      GoOn(static_cast<int>(random_.Below(50)));
      live = Hash();
      return live.standing;
    });
    EXPECT_TRUE(frozen.ok()) << frozen.status();
    GoOn(50);
    if (frozen.ok()) Copy(**frozen, to);
    return live;
  }

 private:
  StateAt Hash() {
    std::optional<StateAt> answer;
    EXPECT_TRUE(engine().HashState([&](StateAt at) { answer = std::move(at); }).ok());
    EXPECT_FALSE(engine().HashState([](const StateAt&) {}).ok()) << "one at a time";
    while (!answer) {
      if (random_.Below(3) == 0) Submit();
      StepAny();
    }
    return *answer;
  }
  Engine& engine() { return *world_.engine; }
  void StepAny() {
    const std::uint64_t which = random_.Below(kShards + 3);
    if (which < kShards) {
      engine().Step(Engine::Stage::kShard, static_cast<std::uint32_t>(which));
    } else {
      engine().Step(which == kShards       ? Engine::Stage::kCommitter
                    : which == kShards + 1 ? Engine::Stage::kResponder
                                           : Engine::Stage::kKeeper);
    }
  }
  void Submit() {
    EventBatch batch(engine().KeySeed(), *engine().IndexOf(IntegrationId("stream")));
    const std::uint64_t events = 1 + random_.Below(20);
    for (std::uint64_t i = 0; i < events; ++i)
      EXPECT_TRUE(batch.Append(sim::SampleEvent(random_.Below(300), random_.Below(3) != 0, ++number_)).ok());
    engine().Submit(batch, false, nullptr);
  }
  void Silence() {
    CreateSilence create;
    create.silence.matchers = {
        {"instance", MatchOp::kRegex, absl::StrFormat(".*%d", random_.Below(10))}
    };
    create.silence.starts_at = clock_.Read().wall;
    create.silence.ends_at = clock_.Read().wall + absl::Seconds(30);
    Execute(create);
  }
  template <typename Body>
  void Execute(Body body) {
    engine().Execute({"", "user:ann", std::move(body)}, nullptr);
  }

  Random random_;
  HeldClock clock_;
  World world_;
  std::uint64_t number_ = 0;
};

TEST(StateHashTest, IsTheSameOfALiveEngineAndOfItsFiles) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(absl::StrFormat("seed %d", seed));
    const std::string folder = FolderFor("state_hash");
    {
      RandomHistory history(seed, folder);
      for (int round = 0; round < 10; ++round) {
        history.GoOn(400);
        const std::string copy = folder + "_copy";
        const StateAt live = history.HashAndCopy(copy);
        const absl::StatusOr<StateAt> folded = HashStore(PosixFileSystem(), copy);
        std::filesystem::remove_all(copy);
        ASSERT_TRUE(folded.ok()) << folded.status();
        ASSERT_EQ(folded->sequence, live.sequence);
        ASSERT_EQ(folded->hash, live.hash) << "round " << round;
        seen.insert(live.hash);
      }
    }
    std::filesystem::remove_all(folder);
  }
  EXPECT_GT(seen.size(), 35U) << "a hash that hardly ever changes says nothing";
}

// Backups while senders, checkpoints and commands go on. Each makes the state that the live engine hashed.
TEST(StateHashTest, OfABackupUnderLoadIsTheLiveOne) {
  const SystemClock clock;
  const std::string folder = FolderFor("state_load");
  World world(folder, clock, true);
  Engine& engine = *world.engine;
  ASSERT_TRUE(engine
                  .ExecuteAndWait({
                      "", "user:ann", ApplyOrganisation{sim::SampleOrganisationForSimulation(), "test"}
  })
                  .status.ok());
  std::atomic<bool> over{false};
  std::thread sender([&] {
    EventBatch batch(engine.KeySeed(), *engine.IndexOf(IntegrationId("stream")));
    for (std::uint64_t number = 0; !over; ++number) {
      batch.Clear(batch.integration());
      for (std::uint64_t i = 0; i < 20; ++i)
        EXPECT_TRUE(batch.Append(sim::SampleEvent((number * 20 + i) % 997, number % 3 != 0, number)).ok());
      while (engine.Submit(batch, false, nullptr) != Admission::kAccepted)
        std::this_thread::yield();
    }
  });
  for (int i = 0; i < 5; ++i) {
    StateAt state;
    auto frozen = world.store->Freeze([&]() -> absl::StatusOr<Journal::Standing> {
      absl::StatusOr<StateAt> hashed = engine.HashStateAndWait();
      if (!hashed.ok()) return hashed.status();
      state = *hashed;
      return state.standing;
    });
    ASSERT_TRUE(frozen.ok()) << frozen.status();
    EXPECT_EQ((*frozen)->last(), state.sequence);
    const std::string copy = folder + "_copy";
    Copy(**frozen, copy);
    const absl::StatusOr<StateAt> folded = HashStore(PosixFileSystem(), copy);
    ASSERT_TRUE(folded.ok()) << folded.status();
    EXPECT_EQ(folded->sequence, state.sequence);
    EXPECT_EQ(folded->hash, state.hash);
    std::filesystem::remove_all(copy);
  }
  over = true;
  sender.join();
  world.engine.reset();
  EXPECT_FALSE(std::filesystem::exists(folder + "/backup"));
  world.store.reset();
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace tocsin
