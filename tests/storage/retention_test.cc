// What is over goes by its age, each kind by its own, and by how much there is of it; with it goes everything that led to it.
#include "storage/retention.h"

#include <gmock/gmock.h>

#include "storage/keys.h"
#include "storage/views.h"
#include "tests/storage/search_world.h"

namespace tocsin {
namespace {

using ::testing::IsEmpty;

class RetentionTest : public StoreTest {
 protected:
  void Live(std::uint64_t stories) {
    Random random(7);
    for (std::uint64_t id = 1; id <= stories; ++id) {
      const auto [opened, gone] = ChangesOf(RandomStory(random, id), random);
      Apply(*store_, opened);
      Apply(*store_, gone);
    }
  }
  std::size_t Found() {
    SearchRequest request;
    request.terms = {AnyTerm()};
    request.limit = 100'000;
    request.keys = 1'000'000;
    return store_->Search(request)->found.size();
  }
  std::vector<Row> Rows(const Row& like) { return *store_->ListRows(KeyOf(like).table, 0, 100'000); }
  // Closes the store and counts the keys of one kind that its views still have.
  std::size_t KeysLeft(char prefix) {
    EXPECT_TRUE(store_->Flush().ok());
    store_.reset();
    const auto views = Views::Open(env_.get(), "data", /*read_only=*/false);
    EXPECT_TRUE(views.ok()) << views.status();
    const std::unique_ptr<rocksdb::Iterator> at((*views)->db().NewIterator({}));
    std::size_t keys = 0;
    for (at->Seek(std::string(1, prefix)); at->Valid() && at->key()[0] == prefix; at->Next())
      ++keys;
    return keys;
  }

  std::unique_ptr<Store> store_ = OpenOrDie();
};

TEST_F(RetentionTest, EachKindHasItsOwnAge) {
  Live(200);
  AuditEntry entry;
  entry.id = AuditId(1'000);
  entry.at = kDayZero;
  Change audit;
  audit.rows = {entry};
  Apply(*store_, audit);
  const std::size_t incidents = Rows(Incident()).size();
  ASSERT_GT(incidents, 10U);
  Retention retention;
  retention.groups = absl::Hours(24);
  retention.incidents = absl::Hours(24 * 30);
  retention.audit = absl::Hours(24 * 60);
  const absl::Time after_all = kDayZero + absl::Minutes(10'000) + absl::Hours(3);
  ASSERT_TRUE(store_->Retain(retention, after_all + absl::Hours(25), 100'000).ok());
  EXPECT_THAT(Rows(Group()), IsEmpty());
  EXPECT_EQ(Rows(Incident()).size(), incidents);
  EXPECT_EQ(Found(), incidents);
  EXPECT_EQ(Rows(AuditEntry()).size(), 1);
  ASSERT_TRUE(store_->Retain(retention, after_all + absl::Hours(24 * 31), 100'000).ok());
  EXPECT_EQ(Found(), 0U);
  EXPECT_EQ(Rows(AuditEntry()).size(), 1);
  EXPECT_EQ(store_->history_bytes(), 0U) << "what came is what went";
  ASSERT_TRUE(store_->Retain(retention, after_all + absl::Hours(24 * 61), 100'000).ok());
  EXPECT_THAT(Rows(AuditEntry()), IsEmpty());
  EXPECT_EQ(KeysLeft('i'), 0U) << "no posting leads to what is gone";
}

TEST_F(RetentionTest, LeavesNothingBehind) {
  Live(100);
  ASSERT_TRUE(RetainBefore(*store_, absl::InfiniteFuture(), 100'000).ok());
  EXPECT_EQ(KeysLeft('t'), 0U);
  store_ = OpenOrDie();
  EXPECT_EQ(KeysLeft('h'), 0U);
  store_ = OpenOrDie();
  EXPECT_EQ(KeysLeft('y'), 0U);
}

TEST_F(RetentionTest, AboveTheBoundOnBytesTheOldestGo) {
  Live(300);
  const std::uint64_t whole = store_->history_bytes();
  Retention retention;
  retention.groups = retention.incidents = retention.audit = absl::Hours(24 * 10'000);
  retention.bytes = whole / 3;
  ASSERT_TRUE(store_->Retain(retention, kDayZero + absl::Hours(24 * 20), 10).ok());
  EXPECT_EQ(Found(), 290U) << "a slice at a time";
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(store_->Retain(retention, kDayZero + absl::Hours(24 * 20), 10).ok());
  EXPECT_LE(store_->history_bytes(), retention.bytes);
  EXPECT_GT(store_->history_bytes(), retention.bytes / 2) << "and no more than must";
  const std::size_t kept = Found();
  EXPECT_GT(kept, 50U);
  // Those that are left closed after all that went: an incident an hour, a group two after it opened.
  SearchRequest request;
  request.terms = {AnyTerm()};
  request.limit = 1'000;
  const SearchResult left = *store_->Search(request);
  EXPECT_GT(left.found.back().opened_at, kDayZero + absl::Hours(24 * 3));
}

TEST_F(RetentionTest, WhatIsOverIsCountedOnceWhateverHappensToTheServer) {
  Live(50);
  const std::uint64_t bytes = store_->history_bytes();
  ASSERT_TRUE(store_->Flush().ok());
  for (int i = 0; i < 3; ++i) {
    store_ = nullptr;
    store_ = OpenOrDie();
    EXPECT_EQ(store_->history_bytes(), bytes);
  }
}

}  // namespace
}  // namespace tocsin
