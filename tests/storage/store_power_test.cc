// Power cuts at any operation of a store's life, RocksDB's included: between any two steps of a checkpoint, in the middle of a
// flush, while segments are unlinked. RocksDB itself is never made to fail; a copy of the disk at that moment is cut.
#include <map>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "storage/simulated_disk.h"
#include "storage/simulated_env.h"
#include "storage/store.h"
#include "storage/verify.h"
#include "tests/storage/journal_world.h"

namespace tocsin {
namespace {

Store::Options OptionsOn(rocksdb::Env& env) {
  Store::Options options;
  options.journal = SmallOptions();
  options.reserve_bytes = 4096;
  options.low_water_bytes = 0;
  options.views_env = &env;
  options.key_seed = 1;
  options.history = {absl::Hours(1), 10 << 20, absl::ZeroDuration()};
  return options;
}

// The n-th change: it writes group n, and drops the one two before.
Change ChangeOf(std::uint64_t n) {
  Change change;
  Group group;
  group.id = GroupId(n);
  group.key = GroupKey(n);
  change.rows = {group};
  if (n > 2)
    change.removed = {
        {0, n - 2}
    };
  TimelineEntry entry;
  entry.subject = SubjectOf(GroupId(n));
  change.entries = {entry};
  return change;
}

// What a life promised before the copy was taken.
struct Promised {
  Sequence journal;
  Sequence flushed;
  Sequence checkpoint;
};

constexpr std::uint64_t kChanges = 12;
const std::string kBody(2000, 'b');

// Journals and applies changes; after every third, a checkpoint whose only body says where it was taken.
Promised Live(SimulatedDisk& disk) {
  const std::unique_ptr<rocksdb::Env> env = MakeSimulatedEnv(disk);
  Promised promised;
  const auto promise = [&](Sequence& what, Sequence value) {
    if (!disk.has_copy()) what = value;
  };
  absl::StatusOr<std::unique_ptr<Store>> opened = Store::Open(disk, OptionsOn(*env));
  TOCSIN_CHECK(opened.ok(), opened.status().ToString());
  Store& store = **opened;
  for (std::uint64_t n = 1; n <= kChanges; ++n) {
    const PendingEntry entries[] = {
        {EntryKind::kShard,     0, kBody},
        {EntryKind::kResponder, 0, kBody}
    };
    const absl::StatusOr<Sequence> last = store.journal().Append(entries, At(static_cast<std::int64_t>(n) * 60));
    TOCSIN_CHECK(last.ok(), last.status().ToString());
    promise(promised.journal, *last);
    TOCSIN_CHECK(store.ApplyChange(ChangeOf(n), *last).ok(), "apply");
    if (n % 3 != 0) continue;
    TOCSIN_CHECK(store.BeginCheckpoint().ok(), "begin");
    for (const std::uint32_t shard : {0U, 1U}) {
      TOCSIN_CHECK(store.WriteCheckpoint(shard, std::to_string(last->value())).ok(), "write");
    }
    TOCSIN_CHECK(store.CommitCheckpoint(*last, At(0)).ok(), "commit");
    promise(promised.checkpoint, *last);
    TOCSIN_CHECK(store.Flush().ok(), "flush");
    promise(promised.flushed, *last);
  }
  return promised;
}

// The rows as they are once the views have seen everything up to `position`. Change n is entry 2n + 1; entry 1 is the lead.
std::vector<Row> RowsAt(Sequence position) {
  const std::uint64_t seen = position.set() ? (position.value() - 1) / 2 : 0;
  std::vector<Row> rows;
  for (std::uint64_t n = seen > 2 ? seen - 1 : 1; n <= seen; ++n)
    rows.push_back(ChangeOf(n).rows[0]);
  return rows;
}

// Whatever is listed as a base is whole, and so is all that came in after it.
void CheckHistory(const Store& store) {
  const absl::StatusOr<std::vector<HistoryBase>> bases = store.history().Bases();
  ASSERT_TRUE(bases.ok()) << bases.status();
  ASSERT_FALSE(bases->empty()) << "what was recorded was never given up";
  for (const HistoryBase& base : *bases) {
    std::vector<std::string> bodies;
    std::vector<Row> rows;
    ASSERT_TRUE(store.history()
                    .ReadBase(
                        base,
                        [&](std::uint32_t, std::string_view body) {
                          bodies.emplace_back(body);
                          return absl::OkStatus();
                        },
                        [&](Row row) {
                          rows.push_back(std::move(row));
                          return absl::OkStatus();
                        })
                    .ok());
    const std::size_t shards = base.generation == 0 ? 0 : 2;
    EXPECT_EQ(bodies, std::vector<std::string>(shards, std::to_string(base.position.value())));
    EXPECT_EQ(rows, RowsAt(base.rows));
    std::uint64_t next = base.begin().value();
    const absl::Status read = store.history().Read(base.begin(), [&](const Entry& entry) {
      EXPECT_EQ(entry.sequence.value(), next++);
      return absl::OkStatus();
    });
    EXPECT_TRUE(read.ok()) << read;
  }
}

void CheckAfterCut(SimulatedDisk& disk, const Promised& promised) {
  const std::unique_ptr<rocksdb::Env> env = MakeSimulatedEnv(disk);
  const absl::StatusOr<std::unique_ptr<Store>> opened = Store::Open(disk, OptionsOn(*env));
  ASSERT_TRUE(opened.ok()) << opened.status();
  Store& store = **opened;
  EXPECT_GE(store.journal().recovery().last, promised.journal);
  EXPECT_GE(store.responder_position(), promised.flushed);
  EXPECT_GE(store.shards_position(), promised.checkpoint);
  EXPECT_EQ(*store.LoadRows(), RowsAt(store.responder_position()));

  std::vector<std::string> bodies;
  ASSERT_TRUE(store
                  .ReadCheckpoint([&](std::uint32_t, std::string_view body) {
                    bodies.emplace_back(body);
                    return absl::OkStatus();
                  })
                  .ok());
  const Sequence position = store.shards_position();
  const std::vector<std::string> expected(position.set() ? 2 : 0, std::to_string(position.value()));
  EXPECT_EQ(bodies, expected) << "the checkpoint is the one that its position says, whole";
  // What has to be folded is there.
  EXPECT_TRUE(store.journal().Read(store.ReplayFrom(), [](const Entry&) { return absl::OkStatus(); }).ok());

  CheckHistory(store);

  for (const std::string& path : disk.Paths()) {
    EXPECT_FALSE(path.starts_with("/data/views/checkpoint/")) << path << " was left by a killed checkpoint";
  }

  // Life goes on: the next checkpoint does not mix with what a killed one has left.
  ASSERT_TRUE(store.BeginCheckpoint().ok());
  ASSERT_TRUE(store.WriteCheckpoint(0, "next").ok());
  ASSERT_TRUE(store.CommitCheckpoint(store.journal().last(), At(0)).ok());
  bodies.clear();
  ASSERT_TRUE(store
                  .ReadCheckpoint([&](std::uint32_t, std::string_view body) {
                    bodies.emplace_back(body);
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_EQ(bodies, std::vector<std::string>{"next"});
}

TEST(StorePowerTest, ViewsAndCheckpointsSurviveACutAtAnyOperation) {
  std::uint64_t operations = 0;
  {
    SimulatedDisk disk;
    Live(disk);
    operations = disk.counters().operations;
  }
  ASSERT_GT(operations, 150);
  Random random(2);
  int cuts = 0;
  for (std::uint64_t after = 0; after < operations; after += 2) {
    SimulatedDisk disk;
    disk.KeepCopyAfter(after);
    const Promised promised = Live(disk);
    const std::unique_ptr<SimulatedDisk> copy = disk.TakeCopy();
    if (!copy) continue;  // RocksDB's threads made a few operations less this time
    SCOPED_TRACE(absl::StrFormat("after %d operations", after));
    copy->CutPower(random);
    CheckAfterCut(*copy, promised);
    ++cuts;
    if (HasFailure()) return;
  }
  EXPECT_GT(cuts, 50);
}

TEST(StorePowerTest, TheCheckCatchesADiskThatDoesNotSync) {
  Random random(4);
  int caught = 0;
  for (std::uint64_t after = 60; after < 260; after += 10) {
    SimulatedDisk disk;
    disk.LieAboutSyncs(true);
    disk.KeepCopyAfter(after);
    const Promised promised = Live(disk);
    const std::unique_ptr<SimulatedDisk> copy = disk.TakeCopy();
    ASSERT_TRUE(copy);
    copy->CutPower(random);
    const std::unique_ptr<rocksdb::Env> env = MakeSimulatedEnv(*copy);
    const absl::StatusOr<std::unique_ptr<Store>> opened = Store::Open(*copy, OptionsOn(*env));
    if (!opened.ok() || (*opened)->journal().recovery().last < promised.journal) ++caught;
  }
  EXPECT_GT(caught, 10);
}

TEST(StorePowerTest, VerifyAcceptsWhatACutLeaves) {
  Random random(3);
  for (const std::uint64_t after : {120U, 200U, 260U}) {
    SimulatedDisk disk;
    disk.KeepCopyAfter(after);
    Live(disk);
    const std::unique_ptr<SimulatedDisk> copy = disk.TakeCopy();
    ASSERT_TRUE(copy);
    copy->CutPower(random);
    const std::unique_ptr<rocksdb::Env> env = MakeSimulatedEnv(*copy);
    const absl::StatusOr<StoreReport> report = VerifyStore(*copy, "data", env.get());
    EXPECT_TRUE(report.ok()) << report.status();
  }
}

}  // namespace
}  // namespace tocsin
