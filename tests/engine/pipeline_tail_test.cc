#include "engine/pipeline_tail.h"

#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace tocsin {
namespace {

TimelineTail::ItemPtr Item(std::uint64_t number, std::size_t bytes = 1) {
  TimelineEntry entry;
  entry.subject = SubjectOf(GroupId(number));
  entry.text = std::string(bytes, 'x');
  return std::make_shared<TimelineTail::Item>(TimelineTail::Item{std::move(entry), {}});
}

TEST(TimelineTailTest, GoesOnWhereAReaderEnded) {
  TimelineTail tail(1);
  EXPECT_TRUE(tail.Read(0, 10).items.empty());
  tail.Add({Item(0), Item(1), Item(2)});
  const TimelineTail::Slice two = tail.Read(0, 2);
  ASSERT_EQ(two.items.size(), 2U);
  EXPECT_EQ(two.items[1]->entry.subject.id, 1U);
  const TimelineTail::Slice rest = tail.Read(2, 10);
  ASSERT_EQ(rest.items.size(), 1U);
  EXPECT_EQ(rest.end, 3U);
  EXPECT_TRUE(tail.Read(3, 10).items.empty());
}

TEST(TimelineTailTest, AReaderWhoComesTooLateSeesHowManyWentBy) {
  TimelineTail tail(1, {.items = 3, .bytes = 1 << 20});
  for (std::uint64_t i = 0; i < 10; ++i)
    tail.Add({Item(i)});
  const TimelineTail::Slice slice = tail.Read(4, 10);
  EXPECT_EQ(slice.first, 7U);  // 4, 5 and 6 are gone
  ASSERT_EQ(slice.items.size(), 3U);
  EXPECT_EQ(slice.items[0]->entry.subject.id, 7U);
  EXPECT_EQ(slice.end, 10U);
}

TEST(TimelineTailTest, IsBoundedInBytesAndKeepsTheLastOneWhateverItsSize) {
  TimelineTail tail(1, {.items = 1000, .bytes = 10'000});
  for (std::uint64_t i = 0; i < 100; ++i)
    tail.Add({Item(i, 1'000)});
  EXPECT_LE(tail.Read(0, 1000).items.size(), 10U);
  tail.Add({Item(100, 50'000)});
  ASSERT_EQ(tail.Read(0, 1000).items.size(), 1U);
  EXPECT_EQ(tail.Read(0, 1000).first, 100U);
}

TEST(TimelineTailTest, ANumberFromTheFutureReadsNothing) {
  TimelineTail tail(1);
  tail.Add({Item(0)});
  const TimelineTail::Slice slice = tail.Read(99, 10);
  EXPECT_EQ(slice.first, 1U);
  EXPECT_TRUE(slice.items.empty());
}

// Every reader sees each number once, in order, or learns that it is gone.
TEST(TimelineTailTest, ReadersSeeEveryItemOrTheGap) {
  TimelineTail tail(1, {.items = 100, .bytes = 1 << 20});
  constexpr std::uint64_t kItems = 20'000;
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < kItems; ++i)
      tail.Add({Item(i)});
  });
  std::uint64_t next = 0;
  while (next < kItems) {
    const TimelineTail::Slice slice = tail.Read(next, 16);
    ASSERT_GE(slice.first, next);
    next = slice.first;
    for (const TimelineTail::ItemPtr& item : slice.items)
      ASSERT_EQ(item->entry.subject.id, next++);
  }
  writer.join();
}

}  // namespace
}  // namespace tocsin
