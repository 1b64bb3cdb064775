// Messages at Slack that follow what they are about.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/responder/world.h"

namespace tocsin {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using Result = AttemptResult::Kind;

Organisation WithSlack() {
  Organisation organisation = SampleOrganisation();
  organisation.slack.token = "xoxb";
  organisation.users[1].contact_methods = {
      {ContactMethodId("slack"), ContactMethod::Kind::kSlack, "C1", ""}
  };
  organisation.policies[0].steps = {StepOf(absl::Hours(24), {To("bob")})};
  organisation.route.group_wait = absl::ZeroDuration();
  return organisation;
}

class RewriteTest : public testing::Test {
 protected:
  RewriteTest() : world_(WithSlack()) {}
  const Notification& Last() const { return world_.started().back(); }
  const Notification& Row() const { return world_.state().notifications.at(Last().id); }

  World world_;
};

TEST_F(RewriteTest, FollowsTheGroupUntilItIsResolved) {
  world_.Observe({.firing = 1});
  ASSERT_THAT(world_.started(), SizeIs(1));
  const std::string message = Row().provider_id;
  EXPECT_THAT(Last().rewrites, IsEmpty());

  world_.Observe({.firing = 12});
  ASSERT_THAT(world_.started(), SizeIs(2));
  EXPECT_EQ(Last().rewrites, message);
  EXPECT_THAT(Last().title, HasSubstr("12 alerts"));
  EXPECT_THAT(Last().acknowledge_url, HasSubstr("/ack/")) << "it still waits for somebody";

  ASSERT_TRUE(world_.Acknowledge(world_.Current()->id).ok());
  ASSERT_THAT(world_.started(), SizeIs(3));
  EXPECT_EQ(Last().rewrites, message);
  EXPECT_THAT(Last().title, HasSubstr("[ACKNOWLEDGED]"));
  EXPECT_THAT(Last().body, HasSubstr("Acknowledged by user:alice"));
  EXPECT_THAT(Last().acknowledge_url, IsEmpty());

  world_.Observe({.firing = 0});
  ASSERT_THAT(world_.started(), SizeIs(4)) << "the recovery is told by the same message, not by another";
  EXPECT_EQ(Last().rewrites, message);
  EXPECT_EQ(Last().purpose, Notification::Purpose::kResolved);
  world_.Pass(absl::Hours(1));
  EXPECT_THAT(world_.started(), SizeIs(4));
}

TEST_F(RewriteTest, OneRewritingIsUnderWayAtATimeAndTheLastWordWins) {
  world_.Observe({.firing = 1});
  world_.SetProvider([](const Notification&) { return std::nullopt; });
  world_.Observe({.firing = 12});
  ASSERT_THAT(world_.started(), SizeIs(2));
  const Notification first = Last();
  world_.Observe({.firing = 30});
  ASSERT_TRUE(world_.Acknowledge(world_.Current()->id).ok());
  EXPECT_THAT(world_.started(), SizeIs(2));
  world_.SetProvider([](const Notification&) { return Result::kAccepted; });
  world_.Answer(first, Result::kAccepted);
  ASSERT_THAT(world_.started(), SizeIs(3));
  EXPECT_THAT(Last().title, HasSubstr("[ACKNOWLEDGED]"));
  EXPECT_THAT(Last().title, HasSubstr("30 alerts"));
}

TEST_F(RewriteTest, WhatIsRetriedSaysWhatIsTrueByThen) {
  world_.Observe({.firing = 1});
  world_.SetProvider([](const Notification&) { return Result::kRetryLater; });
  world_.Observe({.firing = 12});
  ASSERT_TRUE(world_.Acknowledge(world_.Current()->id).ok());
  world_.SetProvider([](const Notification&) { return Result::kAccepted; });
  world_.Pass(absl::Minutes(2));
  EXPECT_THAT(Last().title, HasSubstr("[ACKNOWLEDGED]"));
  EXPECT_EQ(Row().state, Notification::State::kAccepted);
}

TEST_F(RewriteTest, AMessageThatIsGoneIsNotRewrittenForEver) {
  world_.Observe({.firing = 1});
  world_.SetProvider([](const Notification&) { return Result::kRejected; });
  world_.Observe({.firing = 12});
  world_.Pass(absl::Hours(1));
  EXPECT_THAT(world_.started(), SizeIs(2));
}

TEST_F(RewriteTest, RewritingsCountAgainstNoLimit) {
  Organisation organisation = WithSlack();
  organisation.limits.kinds = {
      {ContactMethod::Kind::kSlack, {{1, 0, absl::Hours(1)}}}
  };
  world_.Apply(organisation);
  world_.Observe({.firing = 1});
  world_.Observe({.firing = 12});
  ASSERT_TRUE(world_.Acknowledge(world_.Current()->id).ok());
  EXPECT_THAT(world_.started(), SizeIs(3));
}

TEST_F(RewriteTest, AReceiversChannelHasOneMessageForAGroup) {
  Organisation organisation = WithSlack();
  organisation.route.policy = PolicyId();
  organisation.route.receiver = ReceiverId("ops");
  organisation.route.group_interval = absl::Minutes(1);
  organisation.receivers = {
      {ReceiverId("ops"), {{ContactMethodId("m"), ContactMethod::Kind::kSlack, "C2", ""}}, true}
  };
  world_.Apply(organisation);
  world_.Observe({.firing = 1});
  const std::string message = Row().provider_id;
  world_.Observe({.firing = 3});
  world_.Pass(absl::Minutes(1));
  world_.Observe({.firing = 0});
  world_.Pass(absl::Minutes(1));
  ASSERT_GE(world_.started().size(), 3U);
  for (std::size_t i = 1; i < world_.started().size(); ++i)
    EXPECT_EQ(world_.started()[i].rewrites, message);
  EXPECT_EQ(Last().purpose, Notification::Purpose::kResolved);
}

TEST_F(RewriteTest, ACrashLosesNoRewriting) {
  world_.Observe({.firing = 1});
  world_.SetProvider([](const Notification&) { return std::nullopt; });
  ASSERT_TRUE(world_.Acknowledge(world_.Current()->id).ok());
  world_.SetProvider([](const Notification&) { return Result::kAccepted; });
  world_.Crash();
  world_.Pass(absl::Minutes(1));
  EXPECT_THAT(Last().title, HasSubstr("[ACKNOWLEDGED]"));
  EXPECT_EQ(Row().state, Notification::State::kAccepted);
}

}  // namespace
}  // namespace tocsin
