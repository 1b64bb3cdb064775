// What is kept for replays: trimmed segments and bases, within their bounds, through power cuts.
#include "storage/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/storage/store_world.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kBody(3000, 'b');

// A store that records; a minute passes with each entry, a checkpoint comes with every fifth.
class HistoryTest : public StoreTest {
 protected:
  std::unique_ptr<Store> OpenRecording(History::Options history) {
    Store::Options options;
    options.journal = SmallOptions();
    options.low_water_bytes = 1 << 20;
    options.reserve_bytes = 1 << 16;
    options.views_env = env_.get();
    options.key_seed = 4711;
    options.history = history;
    absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(disk_, options);
    TOCSIN_CHECK(store.ok(), store.status().ToString());
    return *std::move(store);
  }

  void Live(Store& store, int entries) {
    for (int i = 0; i < entries; ++i) {
      ++minutes_;
      const PendingEntry entry{EntryKind::kResponder, 0, kBody};
      const absl::StatusOr<Sequence> sequence = store.journal().Append({&entry, 1}, now());
      ASSERT_TRUE(sequence.ok()) << sequence.status();
      Change change;
      change.rows = {GroupOf(sequence->value())};
      ASSERT_TRUE(store.ApplyChange(change, *sequence).ok());
      if (minutes_ % 5 == 0) Checkpoint(store, *sequence);
      ASSERT_TRUE(store.KeepHistory(now()).ok());
    }
  }

  void Checkpoint(Store& store, Sequence position) {
    ASSERT_TRUE(store.BeginCheckpoint().ok());
    ASSERT_TRUE(store.WriteCheckpoint(0, std::to_string(position.value())).ok());
    ASSERT_TRUE(store.CommitCheckpoint(position, now()).ok());
    ASSERT_TRUE(store.Flush().ok());
  }

  // A base is what it was when it was made, and everything after it can be read up to the last entry.
  static void CheckBase(const Store& store, const HistoryBase& base, Sequence last) {
    std::string body;
    std::uint64_t newest = 0;
    ASSERT_TRUE(store.history()
                    .ReadBase(
                        base,
                        [&](std::uint32_t, std::string_view text) {
                          body = text;
                          return absl::OkStatus();
                        },
                        [&](const Row& row) {
                          newest = std::max(newest, KeyOf(row).id);
                          return absl::OkStatus();
                        })
                    .ok());
    if (base.generation != 0) {
      EXPECT_EQ(body, std::to_string(base.position.value()));
      EXPECT_EQ(newest, base.rows.value());
    }
    std::uint64_t next = base.begin().value();
    const absl::Status read = store.history().Read(base.begin(), [&](const Entry& entry) {
      EXPECT_EQ(entry.sequence.value(), next++);
      return absl::OkStatus();
    });
    EXPECT_TRUE(read.ok()) << read;
    EXPECT_EQ(next, last.value() + 1);
  }

  static std::size_t CheckBases(const Store& store) {
    const auto bases = store.history().Bases();
    EXPECT_TRUE(bases.ok()) << bases.status();
    for (const HistoryBase& base : *bases)
      CheckBase(store, base, const_cast<Store&>(store).journal().last());
    return bases->size();
  }

  void SetFree(std::uint64_t bytes) {
    disk_.SetCapacity(UINT64_MAX / 2);
    disk_.SetCapacity(UINT64_MAX / 2 - *disk_.FreeBytes("data") + bytes);
  }

  Now now() const { return At(std::int64_t{minutes_} * 60'000); }

  int minutes_ = 0;
};

TEST_F(HistoryTest, EverythingThatCameInCanBeReadFromEachBase) {
  const auto store = OpenRecording({absl::Hours(24), 10 << 20, absl::Minutes(20)});
  Live(*store, 100);
  EXPECT_GT(store->journal().first(), Sequence(50)) << "the journal itself is trimmed as ever";
  EXPECT_EQ(CheckBases(*store), 6) << "the beginning, the first checkpoint, and one every twenty minutes";
}

TEST_F(HistoryTest, IsThereAfterAnotherOpening) {
  OpenRecording({absl::Hours(24), 10 << 20, absl::Minutes(20)}).reset();
  {
    const auto store = OpenRecording({absl::Hours(24), 10 << 20, absl::Minutes(20)});
    Live(*store, 60);
  }
  const auto store = OpenRecording({absl::Hours(24), 10 << 20, absl::Minutes(20)});
  EXPECT_EQ(CheckBases(*store), 4);
}

TEST_F(HistoryTest, TheOldestGoesWhenItIsTooOld) {
  const auto store = OpenRecording({absl::Hours(1), 10 << 20, absl::Minutes(10)});
  Live(*store, 200);
  const auto bases = store->history().Bases();
  EXPECT_EQ(CheckBases(*store), 7);
  EXPECT_LE((*bases)[0].at, now().wall - absl::Hours(1)) << "an hour back can be replayed";
  EXPECT_GT((*bases)[1].at, now().wall - absl::Hours(1)) << "and no more is kept";
}

TEST_F(HistoryTest, TheOldestGoesWhenItIsTooMuch) {
  constexpr std::uint64_t kBytes = 400 * 1024;
  const auto store = OpenRecording({absl::Hours(24), kBytes, absl::Minutes(10)});
  for (int i = 0; i < 20; ++i) {
    Live(*store, 20);
    EXPECT_LE(*store->history().Bytes(), kBytes);
  }
  EXPECT_GT(CheckBases(*store), 3) << "a base is due whenever an eighth has come in";
}

TEST_F(HistoryTest, GivesWayBeforeAlertsAreRefused) {
  const auto store = OpenRecording({absl::Hours(24), 10 << 20, absl::Minutes(10)});
  Live(*store, 60);
  EXPECT_GT(CheckBases(*store), 4);
  SetFree((1 << 20) - (1 << 15));
  ++minutes_;
  ASSERT_TRUE(store->KeepHistory(now()).ok());
  EXPECT_EQ(store->FreeSpace(now()), Store::Space::kPlenty) << "above the low-water mark";
  EXPECT_THAT(*store->history().Bases(), IsEmpty());
  EXPECT_EQ(*store->history().Bytes(), 0);
  Live(*store, 10);
  EXPECT_THAT(*store->history().Bases(), IsEmpty()) << "and comes back only when there is room";
  SetFree(std::uint64_t{1} << 40U);
  Live(*store, 10);
  EXPECT_GE(CheckBases(*store), 1);
}

TEST_F(HistoryTest, SwitchedOffLeavesNothing) {
  OpenRecording({absl::Hours(24), 10 << 20, absl::Minutes(10)}).reset();
  {
    const auto store = OpenRecording({absl::Hours(24), 10 << 20, absl::Minutes(10)});
    Live(*store, 40);
    EXPECT_GT(*store->history().Bytes(), 0);
  }
  const auto store = OpenRecording({});
  Live(*store, 20);
  EXPECT_EQ(*store->history().Bytes(), 0);
  const std::vector<std::string> names = *disk_.List("data/journal");
  for (const std::string& name : names)
    EXPECT_FALSE(name.ends_with(".recorded")) << name;
}

TEST_F(HistoryTest, ABaseThatWasGivenUpIsNotFoundNotHalfRead) {
  const auto store = OpenRecording({absl::Hours(24), 10 << 20, absl::Minutes(10)});
  Live(*store, 60);
  const std::vector<HistoryBase> bases = *store->history().Bases();
  SetFree((1 << 20) - (1 << 15));
  ASSERT_TRUE(store->KeepHistory(now()).ok());
  const auto ignore_body = [](std::uint32_t, std::string_view) { return absl::OkStatus(); };
  const auto ignore_row = [](const Row&) { return absl::OkStatus(); };
  EXPECT_TRUE(absl::IsNotFound(store->history().ReadBase(bases[2], ignore_body, ignore_row)));
  EXPECT_TRUE(absl::IsNotFound(store->history().Read(bases[0].begin(), [](const Entry&) { return absl::OkStatus(); })));
}

}  // namespace
}  // namespace tocsin
