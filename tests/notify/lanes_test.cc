#include "notify/lanes.h"

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace tocsin::notify {
namespace {

using ::testing::ElementsAre;
using Lane = Lanes::Lane;

std::vector<Lanes::Ticket> PopAll(Lanes& lanes) {
  std::vector<Lanes::Ticket> out;
  while (const std::optional<Lanes::Ticket> ticket = lanes.Pop())
    out.push_back(*ticket);
  return out;
}

TEST(LanesTest, CriticalComesFirstAndTheRestLast) {
  Lanes lanes({.slots = 10, .reserved = 0, .per_destination = 10});
  lanes.Push(Lane::kRest, "a", 1);
  lanes.Push(Lane::kNormal, "a", 2);
  lanes.Push(Lane::kCritical, "a", 3);
  lanes.Push(Lane::kNormal, "b", 4);
  EXPECT_THAT(PopAll(lanes), ElementsAre(3, 2, 4, 1));
}

TEST(LanesTest, DestinationsTakeTurnsAndEachIsFirstComeFirstServed) {
  Lanes lanes({.slots = 10, .reserved = 0, .per_destination = 10});
  for (const Lanes::Ticket ticket : {1U, 2U, 3U})
    lanes.Push(Lane::kNormal, "a", ticket);
  lanes.Push(Lane::kNormal, "b", 4);
  lanes.Push(Lane::kNormal, "c", 5);
  EXPECT_THAT(PopAll(lanes), ElementsAre(1, 4, 5, 2, 3));
}

TEST(LanesTest, SlotsAreReservedForCriticalPages) {
  Lanes lanes({.slots = 4, .reserved = 2, .per_destination = 4});
  for (Lanes::Ticket ticket = 1; ticket <= 5; ++ticket)
    lanes.Push(Lane::kRest, absl::StrCat(ticket), ticket);
  EXPECT_EQ(PopAll(lanes).size(), 2U);
  for (Lanes::Ticket ticket = 11; ticket <= 15; ++ticket)
    lanes.Push(Lane::kCritical, absl::StrCat(ticket), ticket);
  EXPECT_THAT(PopAll(lanes), ElementsAre(11, 12));
  lanes.Release("11");
  EXPECT_THAT(PopAll(lanes), ElementsAre(13));
}

TEST(LanesTest, OneDestinationCannotTakeAll) {
  Lanes lanes({.slots = 100, .reserved = 0, .per_destination = 4});
  for (Lanes::Ticket ticket = 1; ticket <= 10; ++ticket)
    lanes.Push(Lane::kNormal, "slow", ticket);
  lanes.Push(Lane::kNormal, "other", 11);
  EXPECT_THAT(PopAll(lanes), ElementsAre(11, 1, 2, 3)) << "one of the four is reserved";
  lanes.Push(Lane::kCritical, "slow", 12);
  lanes.Push(Lane::kCritical, "slow", 13);
  EXPECT_THAT(PopAll(lanes), ElementsAre(12));
  lanes.SetShare("slow", 1);
  lanes.Release("slow");
  EXPECT_THAT(PopAll(lanes), ElementsAre());
}

TEST(LanesTest, OneThatIsRemovedIsNotStarted) {
  Lanes lanes({.slots = 10, .reserved = 0, .per_destination = 10});
  lanes.Push(Lane::kNormal, "a", 1);
  lanes.Push(Lane::kNormal, "a", 2);
  lanes.Remove(Lane::kNormal, "a", 1);
  lanes.Remove(Lane::kNormal, "a", 7);
  EXPECT_EQ(lanes.waiting(Lane::kNormal), 1U);
  EXPECT_THAT(PopAll(lanes), ElementsAre(2));
}

// Whatever happens: nobody is lost, nobody starts twice, no bound is broken, and no slot stays free for one who may use it.
TEST(LanesTest, KeepsItsBoundsAndLosesNobody) {
  Random random(3);
  Lanes lanes({.slots = 20, .reserved = 5, .per_destination = 8});
  std::map<Lanes::Ticket, std::pair<Lane, std::string>> waiting;
  std::map<Lanes::Ticket, std::pair<Lane, std::string>> running;
  Lanes::Ticket last = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (random.OneIn(2)) {
      const auto lane = static_cast<Lane>(random.Below(3));
      const std::string destination = absl::StrCat("d", random.Below(5));
      lanes.Push(lane, destination, ++last);
      waiting[last] = {lane, destination};
    } else if (!running.empty()) {
      auto done = running.lower_bound(random.Below(last + 1));
      if (done == running.end()) done = running.begin();
      lanes.Release(done->second.second);
      running.erase(done);
    }
    while (const std::optional<Lanes::Ticket> ticket = lanes.Pop()) {
      ASSERT_EQ(waiting.count(*ticket), 1U);
      for (const auto& [other, where] : waiting) {
        ASSERT_TRUE(where != waiting[*ticket] || other >= *ticket) << "first come, first served";
      }
      running.insert(waiting.extract(*ticket));
    }
    ASSERT_LE(running.size(), 20U);
    std::map<std::string, std::size_t> busy;
    for (const auto& [ticket, where] : running)
      ++busy[where.second];
    for (const auto& [ticket, where] : waiting) {
      const bool critical = where.first == Lane::kCritical;
      const bool full = running.size() + (critical ? 0 : 5) >= 20 || busy[where.second] + (critical ? 0 : 2) >= 8;
      ASSERT_TRUE(full) << "a free slot and somebody who waits for it";
    }
    ASSERT_EQ(lanes.in_flight(), running.size());
  }
}

}  // namespace
}  // namespace tocsin::notify
