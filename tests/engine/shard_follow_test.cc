// What bodies tell of what came in: Shard::Follow.
#include "absl/strings/str_format.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/shard_world.h"

namespace tocsin::shard_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Labels kDisk = {
    {"alertname", "Disk"    },
    {"severity",  "critical"}
};

// A shard that takes events in, and another table that only follows its bodies.
class FollowTest : public ::testing::Test {
 protected:
  // "trigger Disk x3 begins": what the bodies since the last call tell.
  std::vector<std::string> Told() {
    world_.Seal();
    std::vector<std::string> told;
    for (; followed_ < world_.bodies().size(); ++followed_) {
      const absl::Status status = follower_.Follow(world_.bodies()[followed_], [&](const RecordedEvent& event) {
        told.push_back(absl::StrFormat("%s %s x%d%s", Name(event.kind), Find(event.labels, "alertname"), event.events,
                                       event.begins ? " begins" : ""));
        last_ends_at_ns_ = event.ends_at_ns;
        last_severity_ = event.severity;
        last_key_ = event.key;
      });
      EXPECT_TRUE(status.ok()) << status;
    }
    return told;
  }

  ShardWorld world_;
  Shard follower_{ShardWorld::DefaultOptions()};
  std::size_t followed_ = 0;
  std::int64_t last_ends_at_ns_ = 0;
  Severity last_severity_ = Severity::kUnknown;
  AlertKey last_key_;
};

TEST_F(FollowTest, TellsTheLifeOfAnAlert) {
  world_.Apply(Firing(kDisk));
  EXPECT_THAT(Told(), ElementsAre("trigger Disk x1 begins"));
  EXPECT_EQ(last_key_, KeyOfEvent(Firing(kDisk), 0));
  EXPECT_EQ(last_severity_, Severity::kUnknown) << "its label says it";
  world_.Pass(absl::Seconds(10));
  world_.Apply(Firing(kDisk));
  EXPECT_THAT(Told(), ElementsAre("trigger Disk x1"));
  world_.Apply(OfKind(Firing(kDisk), EventKind::kAcknowledge));
  EXPECT_THAT(Told(), ElementsAre("acknowledge Disk x1"));
  world_.Pass(absl::Seconds(10));
  world_.Apply(OfKind(Firing(kDisk), EventKind::kResolve));
  EXPECT_THAT(Told(), ElementsAre("resolve Disk x1"));
  world_.Pass(absl::Seconds(10));
  world_.Apply(Firing(kDisk));
  EXPECT_THAT(Told(), ElementsAre("trigger Disk x1 begins"));
}

TEST_F(FollowTest, RepeatsOfOneCommitAreToldOnceWithTheirNumber) {
  world_.Apply(Firing(kDisk));
  Told();
  for (int i = 0; i < 5; ++i)
    world_.Apply(Firing(kDisk));
  EXPECT_THAT(Told(), ElementsAre("trigger Disk x5"));
}

TEST_F(FollowTest, WhatEndedAndBeganAgainBetweenTwoCommitsIsToldInOrder) {
  world_.Apply(Firing(kDisk));
  Told();
  world_.Pass(absl::Seconds(1));
  world_.Apply(OfKind(Firing(kDisk), EventKind::kResolve));
  world_.Apply(Firing(kDisk));
  EXPECT_THAT(Told(), ElementsAre("resolve Disk x1", "trigger Disk x1 begins"));
  world_.Pass(absl::Seconds(1));
  world_.Apply(OfKind(Firing(kDisk), EventKind::kResolve));
  world_.Apply(Firing(kDisk));
  world_.Apply(OfKind(Firing(kDisk), EventKind::kResolve));
  EXPECT_THAT(Told(), ElementsAre("resolve Disk x1", "trigger Disk x1 begins", "resolve Disk x1"));
}

TEST_F(FollowTest, ALeaseThatRanOutIsNoEvent) {
  world_.Apply(Firing(kDisk));
  world_.Work();
  Told();
  world_.Pass(absl::Minutes(6));
  world_.Work();
  ASSERT_FALSE(world_.Find(Firing(kDisk))->summary.firing);
  EXPECT_THAT(Told(), IsEmpty());
}

TEST_F(FollowTest, AnEndThatIsStillToComeIsTold) {
  const absl::Time end = kStart + absl::Minutes(20);
  world_.Apply(WithEnd(Firing(kDisk), kStart, end));
  Told();
  EXPECT_EQ(last_ends_at_ns_, absl::ToUnixNanos(end));
}

TEST_F(FollowTest, ASilenceIsNoEvent) {
  world_.Apply(Firing(kDisk));
  Told();
  world_.SetSilences({
      SilenceOf(5, {{"alertname", MatchOp::kEqual, "Disk"}}
       )
  });
  world_.Work();
  EXPECT_THAT(Told(), IsEmpty());
}

}  // namespace
}  // namespace tocsin::shard_test
