// Rows, history, timelines and checkpoints of a store that nothing bad happens to.
#include "storage/store.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/codec/response_codec.h"
#include "tests/storage/store_world.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Timer TimerOf(std::uint64_t id) {
  Timer timer;
  timer.id = TimerId(id);
  timer.due = EngineTime(5);
  return timer;
}

std::vector<std::string> Texts(const std::vector<TimelineEntry>& entries) {
  std::vector<std::string> texts;
  for (const TimelineEntry& entry : entries)
    texts.push_back(entry.text);
  return texts;
}

TEST_F(StoreTest, GivesBackRowsAfterAFlushAndASecondOpening) {
  Counters counters;
  counters.next_id = 12;
  Change change;
  change.rows = {GroupOf(3), TimerOf(4), counters};
  Sequence applied;
  {
    const auto store = OpenOrDie();
    EXPECT_EQ(store->responder_position(), Sequence());
    EXPECT_EQ(store->ReplayFrom(), Sequence(1));
    applied = Apply(*store, change);
    ASSERT_TRUE(store->Flush().ok());
  }
  const auto store = OpenOrDie();
  EXPECT_EQ(store->responder_position(), applied);
  EXPECT_EQ(*store->LoadRows(), change.rows);
  EXPECT_EQ(**store->ReadRow({0, 3}), Row(GroupOf(3)));
  EXPECT_EQ(*store->ReadRow({0, 4}), std::nullopt);
  EXPECT_EQ(store->key_seed(), 4711);
  EXPECT_EQ(store->store_id().size(), 32);
}

ConfigurationVersion VersionOf(std::uint64_t id) {
  ConfigurationVersion version;
  version.id = ConfigurationId(id);
  version.at = absl::FromUnixSeconds(100);
  version.organisation = std::make_shared<const Organisation>();
  return version;
}

TEST_F(StoreTest, WhatIsArchivedIsReadFromDiskOnlyAndAVersionEndsWhenAChangeSaysSo) {
  const auto store = OpenOrDie();
  AuditEntry entry;
  entry.id = AuditId(5);
  entry.at = absl::FromUnixSeconds(100);
  Change change;
  change.rows = {VersionOf(1), VersionOf(2), entry};
  Apply(*store, change);
  EXPECT_THAT(*store->LoadRows(), IsEmpty()) << "nothing decides by them";
  EXPECT_EQ(**store->ReadRow(KeyOf(Row(VersionOf(1)))), Row(VersionOf(1)));
  EXPECT_THAT(*store->ListRows(KeyOf(Row(entry)).table, 0, 10), ElementsAre(Row(entry)));
  ASSERT_TRUE(RetainBefore(*store, absl::FromUnixSeconds(10'000), 100).ok());
  EXPECT_EQ(*store->ReadRow(KeyOf(Row(entry))), std::nullopt) << "time ends an audit entry";
  EXPECT_THAT(*store->ListRows(KeyOf(Row(VersionOf(1))).table, 0, 10),
              ElementsAre(Row(VersionOf(2)), Row(VersionOf(1))))
      << "but no version";
  Change last;
  last.rows = {VersionOf(3)};
  last.removed = {KeyOf(Row(VersionOf(1)))};
  Apply(*store, last);
  EXPECT_THAT(*store->ListRows(KeyOf(Row(VersionOf(1))).table, 0, 10),
              ElementsAre(Row(VersionOf(3)), Row(VersionOf(2))));
}

TEST_F(StoreTest, WhatWasNotFlushedIsAtAnEarlierPositionNeverHalfThere) {
  {
    const auto store = OpenOrDie();
    Change first;
    first.rows = {GroupOf(1)};
    Apply(*store, first);
    ASSERT_TRUE(store->Flush().ok());
    Change second;
    second.rows = {GroupOf(2)};
    second.removed = {
        {0, 1}
    };
    Apply(*store, second);
  }
  const auto store = OpenOrDie();
  EXPECT_EQ(store->responder_position(), Sequence(2));
  EXPECT_EQ(*store->LoadRows(), std::vector<Row>{GroupOf(1)});
}

TEST_F(StoreTest, AChangeThatTheViewsHaveSeenIsSkipped) {
  const auto store = OpenOrDie();
  Change change;
  change.rows = {GroupOf(1)};
  change.entries = {EntryOf(SubjectOf(GroupId(1)), "opened")};
  const Sequence sequence = Apply(*store, change);
  Change older;
  older.rows = {GroupOf(9)};
  ASSERT_TRUE(store->ApplyChange(older, sequence).ok());
  EXPECT_EQ(store->LoadRows()->size(), 1);
}

// A store on a disk of its own.
class Another : public StoreTest {
 public:
  using StoreTest::OpenOrDie;

 private:
  void TestBody() override {}
};

// Rows come and go, some of them within the changes that are applied together, some into the history.
std::vector<Change> ManyChanges() {
  std::vector<Change> changes;
  for (std::uint64_t i = 1; i <= 40; ++i) {
    Change change;
    change.now.wall = absl::FromUnixSeconds(static_cast<std::int64_t>(i));
    change.rows = {GroupOf(i), GroupOf(1 + i / 2, absl::FromUnixSeconds(static_cast<std::int64_t>(i))),
                   TimerOf(100 + i)};
    if (i == 20) change.rows.emplace_back(VersionOf(1));
    if (i > 3) change.removed = {KeyOf(Row(TimerOf(97 + i)))};
    if (i % 16 == 0) change.removed.push_back(KeyOf(Row(GroupOf(i / 4))));
    change.entries = {EntryOf(SubjectOf(GroupId(i)), "opened"), EntryOf(SubjectOf(GroupId(1)), "noted")};
    changes.push_back(std::move(change));
  }
  return changes;
}

TEST_F(StoreTest, ChangesThatAreAppliedTogetherLeaveWhatTheyLeaveOneByOne) {
  const std::vector<Change> changes = ManyChanges();
  const auto one_by_one = OpenOrDie();
  for (const Change& change : changes)
    Apply(*one_by_one, change);

  Another another;
  const auto together = another.OpenOrDie();
  std::vector<std::string> bytes;
  for (const Change& change : changes)
    bytes.push_back(EncodeChange(change));
  std::vector<DurableChange> durable;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const PendingEntry entry{EntryKind::kResponder, 0, std::string_view("change")};
    const absl::StatusOr<Sequence> sequence = together->journal().Append({&entry, 1}, At(0));
    ASSERT_TRUE(sequence.ok()) << sequence.status();
    durable.push_back({.change = &changes[i], .encoded = bytes[i], .sequence = *sequence});
  }
  ASSERT_TRUE(together->ApplyChanges(durable).ok());

  EXPECT_EQ(together->responder_position(), one_by_one->responder_position());
  EXPECT_EQ(*together->LoadRows(), *one_by_one->LoadRows());
  for (const RowKey& key : {KeyOf(Row(GroupOf(1))), KeyOf(Row(TimerOf(1))), KeyOf(Row(VersionOf(1)))})
    EXPECT_EQ(*together->ListRows(key.table, 0, 1000), *one_by_one->ListRows(key.table, 0, 1000));
  for (std::uint64_t id = 1; id <= changes.size(); ++id) {
    std::uint64_t next = 0;
    const Subject subject = SubjectOf(GroupId(id));
    EXPECT_EQ(*together->ReadTimeline(subject, 0, 1000, &next), *one_by_one->ReadTimeline(subject, 0, 1000, &next));
  }
}

TEST_F(StoreTest, IntegrationsKeepTheirNumbers) {
  const std::vector<IntegrationId> names = {IntegrationId("default"), IntegrationId("datadog")};
  {
    const auto store = OpenOrDie();
    EXPECT_THAT(*store->LoadIntegrations(), IsEmpty());
    const PendingEntry entry{EntryKind::kIntegrations, 0, std::string_view("names")};
    const Sequence sequence = *store->journal().Append({&entry, 1}, At(0));
    ASSERT_TRUE(store->ApplyIntegrations(names, sequence).ok());
    ASSERT_TRUE(store->Flush().ok());
  }
  const auto store = OpenOrDie();
  EXPECT_EQ(*store->LoadIntegrations(), names);
}

TEST_F(StoreTest, TimelinesAreReadInOrderByCursor) {
  const auto store = OpenOrDie();
  const Subject one = SubjectOf(GroupId(1));
  const Subject other = SubjectOf(IncidentId(1));
  Change first;
  first.entries = {EntryOf(one, "a"), EntryOf(other, "x"), EntryOf(one, "b")};
  Change second;
  second.entries = {EntryOf(one, "c"), EntryOf(one, "d")};
  Apply(*store, first);
  Apply(*store, second);
  std::uint64_t next = 7;
  EXPECT_THAT(Texts(*store->ReadTimeline(one, 0, 10, &next)), ElementsAre("a", "b", "c", "d"));
  EXPECT_EQ(next, 0);
  EXPECT_THAT(Texts(*store->ReadTimeline(one, 0, 3, &next)), ElementsAre("a", "b", "c"));
  EXPECT_THAT(Texts(*store->ReadTimeline(one, next, 3, &next)), ElementsAre("d"));
  EXPECT_EQ(next, 0);
  EXPECT_THAT(Texts(*store->ReadTimeline(one, 0, 4, &next)), ElementsAre("a", "b", "c", "d"));
  EXPECT_EQ(next, 0) << "exactly all is all";
  EXPECT_THAT(Texts(*store->ReadTimeline(other, 0, 10, &next)), ElementsAre("x"));
  EXPECT_THAT(Texts(*store->ReadTimeline(SubjectOf(GroupId(2)), 0, 10, &next)), IsEmpty());
}

TEST_F(StoreTest, RowsThatLeftMemoryAreListedUntilRetained) {
  const absl::Time day = absl::FromUnixSeconds(1'000'000);
  const auto store = OpenOrDie();
  Change opened;
  for (std::uint64_t id = 1; id <= 6; ++id) {
    opened.rows.emplace_back(GroupOf(id, day + absl::Hours(static_cast<std::int64_t>(id))));
    opened.entries.push_back(EntryOf(SubjectOf(GroupId(id)), "opened"));
  }
  opened.rows.emplace_back(TimerOf(7));
  Apply(*store, opened);
  Change dropped;
  dropped.now = At(0);
  dropped.removed = {
      {0, 1  },
      {0, 2  },
      {0, 4  },
      {6, 7  },
      {0, 999}
  };
  Apply(*store, dropped);

  EXPECT_EQ(store->LoadRows()->size(), 3);
  EXPECT_EQ(**store->ReadRow({0, 2}), Row(GroupOf(2, day + absl::Hours(2))));
  EXPECT_EQ(*store->ReadRow({6, 7}), std::nullopt) << "timers have no history";
  const auto ids = [](const std::vector<Row>& rows) {
    std::vector<std::uint64_t> result;
    for (const Row& row : rows)
      result.push_back(KeyOf(row).id);
    return result;
  };
  EXPECT_THAT(ids(*store->ListRows(0, 0, 100)), ElementsAre(6, 5, 4, 3, 2, 1));
  EXPECT_THAT(ids(*store->ListRows(0, 0, 2)), ElementsAre(6, 5));
  EXPECT_THAT(ids(*store->ListRows(0, 5, 2)), ElementsAre(4, 3));
  EXPECT_THAT(ids(*store->ListRows(6, 0, 100)), IsEmpty());

  ASSERT_TRUE(RetainBefore(*store, day + absl::Hours(3), 1).ok());
  EXPECT_THAT(ids(*store->ListRows(0, 0, 100)), ElementsAre(6, 5, 4, 3, 2)) << "one at most";
  ASSERT_TRUE(RetainBefore(*store, day + absl::Hours(3), 100).ok());
  EXPECT_THAT(ids(*store->ListRows(0, 0, 100)), ElementsAre(6, 5, 4, 3)) << "only what closed before";
  std::uint64_t next = 0;
  EXPECT_THAT(*store->ReadTimeline(SubjectOf(GroupId(2)), 0, 10, &next), IsEmpty());
  EXPECT_EQ(store->ReadTimeline(SubjectOf(GroupId(4)), 0, 10, &next)->size(), 1);
}

TEST_F(StoreTest, ARowThatIsWrittenAndRemovedInOneChangeGoesToTheHistory) {
  const auto store = OpenOrDie();
  Change change;
  change.rows = {GroupOf(1)};
  change.removed = {
      {0, 1}
  };
  Apply(*store, change);
  EXPECT_THAT(*store->LoadRows(), IsEmpty());
  EXPECT_EQ(**store->ReadRow({0, 1}), Row(GroupOf(1)));
}

TEST_F(StoreTest, ARowThatCameBackIsNotForgotten) {
  const auto store = OpenOrDie();
  Change gone;
  gone.rows = {GroupOf(1)};
  gone.removed = {
      {0, 1}
  };
  Apply(*store, gone);
  Change back;
  back.rows = {GroupOf(1, absl::FromUnixSeconds(5))};
  back.entries = {EntryOf(SubjectOf(GroupId(1)), "reopened")};
  Apply(*store, back);
  ASSERT_TRUE(RetainBefore(*store, absl::InfiniteFuture(), 100).ok());
  EXPECT_EQ(**store->ReadRow({0, 1}), Row(GroupOf(1, absl::FromUnixSeconds(5))));
  EXPECT_EQ(store->ListRows(0, 0, 10)->size(), 1);
  std::uint64_t next = 0;
  EXPECT_EQ(store->ReadTimeline(SubjectOf(GroupId(1)), 0, 10, &next)->size(), 1);
}

// As in the engine: the responder applies while the keeper flushes. What is trimmed must be durable in the views.
TEST_F(StoreTest, FlushNeverTrimsWhatAnotherThreadHasOnlyJustApplied) {
  constexpr std::uint64_t kChanges = 300;
  constexpr int kRounds = 10;
  {
    const auto store = OpenOrDie();
    std::atomic<bool> done = false;
    std::atomic<int> rounds = 0;
    std::thread keeper([&] {
      while (!done) {
        const Sequence position = store->journal().last();
        ASSERT_TRUE(store->BeginCheckpoint().ok());
        ASSERT_TRUE(store->CommitCheckpoint(position, At(0)).ok());
        ASSERT_TRUE(store->Flush().ok());
        ASSERT_TRUE(RetainBefore(*store, absl::UnixEpoch(), 10).ok());
        ++rounds;
      }
    });
    // However late the keeper starts, it works while changes arrive.
    for (std::uint64_t id = 1; id <= kChanges || (rounds < kRounds && !HasFailure()); ++id) {
      Change change;
      change.rows = {GroupOf(id)};
      Apply(*store, change);
    }
    done = true;
    keeper.join();
  }
  const auto store = OpenOrDie();  // refuses when the journal begins after the views' position
  EXPECT_EQ(store->LoadRows()->size(), store->responder_position().value() - 1);
}

TEST_F(StoreTest, ACheckpointReplacesTheOneBefore) {
  {
    const auto store = OpenOrDie();
    EXPECT_THAT(ReadCheckpoint(*store), IsEmpty());
    ASSERT_TRUE(store->BeginCheckpoint().ok());
    for (const std::uint32_t shard : {1U, 0U, 1U}) {
      ASSERT_TRUE(store->WriteCheckpoint(shard, absl::StrFormat("old %d", shard)).ok());
    }
    ASSERT_TRUE(store->CommitCheckpoint(Sequence(1), At(0)).ok());
    EXPECT_EQ(store->shards_position(), Sequence(1));
    ASSERT_TRUE(store->BeginCheckpoint().ok());
    ASSERT_TRUE(store->WriteCheckpoint(0, "given up").ok());
    ASSERT_TRUE(store->BeginCheckpoint().ok());
    ASSERT_TRUE(store->WriteCheckpoint(2, "new").ok());
    EXPECT_EQ(ReadCheckpoint(*store).size(), 3) << "until Commit the old one is valid";
    Apply(*store, Change());
    ASSERT_TRUE(store->CommitCheckpoint(Sequence(2), At(0)).ok());
  }
  const auto store = OpenOrDie();
  EXPECT_EQ(store->shards_position(), Sequence(2));
  EXPECT_THAT(ReadCheckpoint(*store), ElementsAre(std::pair(2U, "new")));
}

TEST_F(StoreTest, BodiesOfAShardComeBackInTheOrderTheyWereWritten) {
  const auto store = OpenOrDie();
  ASSERT_TRUE(store->BeginCheckpoint().ok());
  std::vector<std::pair<std::uint32_t, std::string>> expected;
  for (int i = 0; i < 300; ++i) {
    for (const std::uint32_t shard : {2U, 0U, 1U}) {
      expected.emplace_back(shard, absl::StrFormat("%d", i));
      ASSERT_TRUE(store->WriteCheckpoint(shard, expected.back().second).ok());
    }
  }
  ASSERT_TRUE(store->CommitCheckpoint(Sequence(1), At(0)).ok());
  std::ranges::stable_sort(expected, {}, &std::pair<std::uint32_t, std::string>::first);
  EXPECT_EQ(ReadCheckpoint(*store), expected);
}

TEST_F(StoreTest, AnEmptyAlertTableHasACheckpointToo) {
  const auto store = OpenOrDie();
  ASSERT_TRUE(store->BeginCheckpoint().ok());
  ASSERT_TRUE(store->CommitCheckpoint(Sequence(1), At(0)).ok());
  EXPECT_EQ(store->shards_position(), Sequence(1));
  EXPECT_TRUE(absl::IsFailedPrecondition(store->CommitCheckpoint(Sequence(1), At(0)))) << "nothing was begun";
}

TEST_F(StoreTest, FlushTrimsTheJournalUpToWhatViewsAndCheckpointBothHave) {
  const auto store = OpenOrDie();
  const std::string body(3000, 'x');
  for (int i = 0; i < 12; ++i)
    ASSERT_TRUE(AppendBodies(store->journal(), {body}).ok());
  ASSERT_TRUE(store->ApplyChange(Change(), Sequence(13)).ok()) << "there was nothing for the views";
  ASSERT_TRUE(store->Flush().ok());
  EXPECT_EQ(store->journal().first(), Sequence(1)) << "the alert table has no checkpoint yet";
  ASSERT_TRUE(store->BeginCheckpoint().ok());
  ASSERT_TRUE(store->CommitCheckpoint(Sequence(8), At(0)).ok());
  ASSERT_TRUE(store->Flush().ok());
  EXPECT_EQ(store->journal().first(), Sequence(7)) << "the segment that holds entry 9 begins with 7";
  EXPECT_EQ(store->ReplayFrom(), Sequence(9));
}

}  // namespace
}  // namespace tocsin
