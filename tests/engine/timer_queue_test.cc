// Armed timers against an ordered set, which is what they look like from outside.
#include "engine/timer_queue.h"

#include <map>
#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/random.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;

std::vector<std::uint64_t> DueAt(const TimerQueue& queue, std::int64_t now) {
  std::vector<std::uint64_t> ids;
  queue.ForEachDue(EngineTime(now), [&](const DueTimer& key) {
    ids.push_back(key.id.value());
    return true;
  });
  return ids;
}

TEST(TimerQueueTest, OrdersByTimeThenSeverityThenAge) {
  TimerQueue queue;
  queue.Arm({EngineTime(20), 0, TimerId(1)});
  queue.Arm({EngineTime(10), 2, TimerId(2)});
  queue.Arm({EngineTime(10), 0, TimerId(4)});
  queue.Arm({EngineTime(10), 0, TimerId(3)});
  queue.Arm({EngineTime(-5), 2, TimerId(5)});
  queue.Arm({EngineTime(30), 0, TimerId(6)});
  EXPECT_THAT(DueAt(queue, 25), ElementsAre(5, 3, 4, 2, 1));
  EXPECT_EQ(queue.First().id, TimerId(5));
  queue.Arm({EngineTime(5), 1, TimerId(6)});  // moved
  queue.Cancel(TimerId(3));
  queue.Cancel(TimerId(77));
  EXPECT_THAT(DueAt(queue, 10), ElementsAre(5, 6, 4, 2));
  EXPECT_EQ(queue.size(), 5U);
}

TEST(TimerQueueTest, BearsTheEndsOfTime) {
  TimerQueue queue;
  queue.Arm({EngineTime::Infinite(), 0, TimerId(1)});
  queue.Arm({EngineTime(INT64_MIN), 0, TimerId(2)});
  queue.Arm({EngineTime(0), 0, TimerId(3)});
  EXPECT_THAT(DueAt(queue, INT64_MAX), ElementsAre(2, 3, 1));
  queue.Arm({EngineTime(INT64_MAX - 1), 0, TimerId(4)});
  EXPECT_THAT(DueAt(queue, INT64_MAX), ElementsAre(2, 3, 4, 1));
}

TEST(TimerQueueTest, WhatIsArmedAndCancelledForEverTakesNoMoreRoom) {
  TimerQueue queue;
  queue.Arm({EngineTime(1'000'000'000), 0, TimerId(1)});
  for (std::int64_t i = 0; i < 1'000'000; ++i)
    queue.Arm({EngineTime(2'000'000'000 + i), 0, TimerId(2)});
  EXPECT_EQ(queue.size(), 2U);
  EXPECT_THAT(DueAt(queue, INT64_MAX), ElementsAre(1, 2));
}

// Steps of all sizes: what is due together, and what is years away.
TEST(TimerQueueTest, DoesWhatAnOrderedSetDoes) {
  Random random(5);
  for (int round = 0; round < 60; ++round) {
    TimerQueue queue;
    std::set<DueTimer> naive;
    std::map<TimerId, DueTimer> keys;
    std::int64_t now = 0;
    const std::int64_t spread = std::int64_t{1} << random.Below(50);
    for (int step = 0; step < 3'000; ++step) {
      const TimerId id(1 + random.Below(400));
      if (random.Below(10) < 6) {
        const DueTimer key{EngineTime(now + random.Between(-spread / 8, spread)),
                           static_cast<std::uint8_t>(random.Below(3)), id};
        if (const auto found = keys.find(id); found != keys.end()) naive.erase(found->second);
        keys[id] = key;
        naive.insert(key);
        queue.Arm(key);
      } else if (const auto found = keys.find(id); found != keys.end()) {
        naive.erase(found->second);
        keys.erase(found);
        queue.Cancel(id);
      }
      ASSERT_EQ(queue.size(), naive.size());
      if (naive.empty()) continue;
      if (random.OneIn(3)) {
        ASSERT_EQ(queue.First(), *naive.begin());
      }
      if (!random.OneIn(20)) continue;
      now += random.Between(0, spread / 4);
      const std::size_t limit = random.Below(60);
      std::vector<DueTimer> due;
      queue.ForEachDue(EngineTime(now), [&](const DueTimer& key) {
        due.push_back(key);
        return due.size() < limit;
      });
      auto expected = naive.begin();
      for (const DueTimer& key : due)
        ASSERT_EQ(key, *expected++);
      if (due.size() < limit) {
        ASSERT_TRUE(expected == naive.end() || expected->due > EngineTime(now));
      }
      for (const DueTimer& key : due) {
        naive.erase(key);
        keys.erase(key.id);
        queue.Cancel(key.id);
      }
    }
  }
}

}  // namespace
}  // namespace tocsin
