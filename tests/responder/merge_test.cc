// Groups that are merged and split by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/responder/world.h"

namespace tocsin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr absl::Duration kWait = absl::Seconds(30);

class MergeTest : public testing::Test {
 protected:
  MergeTest() {
    world.Observe({.name = "Whole"});
    world.Observe({.name = "Part", .firing = 2});
    world.Pass(kWait);
    whole = world.Current("Whole")->id;
    part = world.Current("Part")->id;
    world.Forget();
  }
  absl::Status Merge() { return world.Do(MergeGroups{whole, {part}}, "user:bob").status; }
  const Group& Row(GroupId id) { return world.state().groups.at(id); }

  World world;
  GroupId whole;
  GroupId part;
};

TEST_F(MergeTest, E12ThePartIsHandledWithTheWhole) {
  ASSERT_TRUE(Merge().ok());
  EXPECT_EQ(Row(part).state, Group::State::kMerged);
  EXPECT_EQ(Row(whole).firing, 3U);
  world.Pass(absl::Minutes(10));
  EXPECT_THAT(world.Sent(), UnorderedElementsAre("voice alice", "email bob")) << "of the whole only";
  EXPECT_THAT(world.Audit(), IsEmpty());
  world.Crash();
  EXPECT_EQ(Row(part).state, Group::State::kMerged);
  ASSERT_TRUE(world.Acknowledge(part).ok()) << "a page about the part may still be answered";
  EXPECT_EQ(Row(whole).state, Group::State::kAcknowledged);
}

TEST_F(MergeTest, TheWholeEndsWhenAllItsPartsHave) {
  ASSERT_TRUE(Merge().ok());
  world.Observe({.name = "Whole", .firing = 0});
  EXPECT_EQ(Row(whole).state, Group::State::kOpen) << "a part of it fires";
  world.Observe({.name = "Part", .firing = 0});
  EXPECT_EQ(Row(whole).state, Group::State::kResolved);
  EXPECT_EQ(Row(part).state, Group::State::kResolved);
  EXPECT_EQ(Row(part).resolved_by, "with G" + std::to_string(whole.value()));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice resolved")) << "told of both, she is told once";
  world.Observe({.name = "Part"});
  EXPECT_NE(world.Current("Part")->id, part) << "a group of its own again";
}

TEST_F(MergeTest, ResolvedByAPersonBothStaySettled) {
  ASSERT_TRUE(Merge().ok());
  ASSERT_TRUE(world.Do(ResolveGroup{whole, std::nullopt}).status.ok());
  world.ReportAll();
  EXPECT_EQ(world.Current("Whole")->id, whole);
  EXPECT_EQ(world.Current("Part")->id, part);
  world.Observe({.name = "Part", .firing = 3});
  EXPECT_NE(world.Current("Part")->id, part);
  EXPECT_EQ(world.Current("Whole")->id, whole);
}

TEST_F(MergeTest, WhatThePartDoesIsNewsOfTheWhole) {
  ASSERT_TRUE(Merge().ok());
  ASSERT_TRUE(world.Acknowledge(whole).ok());
  world.Observe({.name = "Part", .firing = 5});
  EXPECT_EQ(Row(whole).state, Group::State::kAcknowledged) << "no higher severity";
  EXPECT_THAT(world.Sent(), IsEmpty());
}

TEST_F(MergeTest, E12SplitOffItBeginsWithTheFirstStep) {
  ASSERT_TRUE(Merge().ok());
  ASSERT_TRUE(world.Acknowledge(whole).ok());
  world.Forget();
  ASSERT_TRUE(world.Do(SplitGroup{part}, "user:bob").status.ok());
  EXPECT_EQ(Row(part).state, Group::State::kOpen);
  EXPECT_EQ(Row(whole).firing, 1U);
  EXPECT_THAT(Row(whole).merged, IsEmpty());
  EXPECT_EQ(Row(whole).state, Group::State::kAcknowledged);
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
  EXPECT_THAT(world.Audit(), IsEmpty());
}

TEST_F(MergeTest, SplitOffAfterItHasRecoveredItIsResolved) {
  ASSERT_TRUE(Merge().ok());
  world.Observe({.name = "Part", .firing = 0});
  EXPECT_EQ(Row(part).state, Group::State::kMerged);
  ASSERT_TRUE(world.Do(SplitGroup{part}).status.ok());
  EXPECT_EQ(Row(part).state, Group::State::kResolved);
  EXPECT_EQ(Row(whole).state, Group::State::kOpen);
}

TEST_F(MergeTest, PartsOfAPartGoWithIt) {
  world.Observe({.name = "Third"});
  const GroupId third = world.Current("Third")->id;
  ASSERT_TRUE(world.Do(MergeGroups{part, {third}}).status.ok());
  ASSERT_TRUE(Merge().ok());
  EXPECT_THAT(Row(whole).merged, UnorderedElementsAre(part, third));
  EXPECT_EQ(Row(third).merged_into, whole);
  EXPECT_THAT(Row(part).merged, IsEmpty());
  EXPECT_EQ(Row(whole).firing, 4U);
}

TEST_F(MergeTest, RefusalsSayWhatToDo) {
  const auto refusal = [&](Command::Body body) {
    const absl::Status status = world.Do(std::move(body)).status;
    EXPECT_FALSE(status.ok());
    return std::string(status.message());
  };
  EXPECT_THAT(refusal(MergeGroups{whole, {whole}}), HasSubstr("into itself"));
  EXPECT_THAT(refusal(MergeGroups{whole, {}}), HasSubstr("which groups"));
  EXPECT_THAT(refusal(SplitGroup{part}), HasSubstr("not a part of another group"));
  ASSERT_TRUE(Merge().ok());
  EXPECT_THAT(refusal(MergeGroups{part, {whole}}), HasSubstr("is a part of"));
  EXPECT_THAT(refusal(ResolveGroup{part, std::nullopt}), HasSubstr("split"));
  EXPECT_THAT(refusal(EscalateGroup{part}), HasSubstr("is a part of"));
}

TEST_F(MergeTest, TheAuditorSplitsOffAPartWhoseWholeIsGone) {
  ASSERT_TRUE(Merge().ok());
  Change damage;
  damage.now = world.now();
  Group row = Row(whole);
  row.merged.clear();
  damage.rows.emplace_back(row);
  world.Damage(damage);
  EXPECT_THAT(world.Audit(), ElementsAre(HasSubstr("does not answer for it")));
  EXPECT_EQ(Row(part).state, Group::State::kOpen);
  EXPECT_THAT(world.Audit(), IsEmpty());
}

}  // namespace
}  // namespace tocsin
