// Open groups keep the route and the policy that they began with, until somebody asks for the present ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/responder/world.h"

namespace tocsin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = TimelineEntry::Kind;

constexpr absl::Duration kWait = absl::Seconds(30);

// The sample's policy pages this person first instead.
Organisation FirstPages(std::string_view user) {
  Organisation organisation = SampleOrganisation();
  for (EscalationPolicy& policy : organisation.policies) {
    if (policy.id == organisation.route.policy) policy.steps.at(0).targets = {UserTarget{UserId(user)}};
  }
  return organisation;
}

TEST(PinTest, APolicyThatChangesDuringGroupWaitIsThatOfTheNextGroup) {
  Organisation organisation = FirstPages("alice");
  World world(organisation);
  world.Observe({});
  world.Apply(FirstPages("bob"));
  world.Crash();
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
  world.Forget();
  world.Observe({.name = "Other"});
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("email bob"));
}

TEST(PinTest, APolicyThatIsTakenAwayDuringGroupWaitStillPages) {
  World world(FirstPages("alice"));
  world.Observe({});
  Organisation without = SampleOrganisation();
  without.policies.clear();
  without.route.policy = PolicyId();
  world.Apply(without);
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
}

TEST(RerouteTest, AGroupGoesByThePresentConfigurationWhenSomebodySaysSo) {
  World world(FirstPages("alice"));
  world.Observe({});
  world.Pass(kWait);
  world.Apply(FirstPages("bob"));
  world.Forget();
  ASSERT_TRUE(world.Do(RerouteGroup{world.Current()->id, std::nullopt, {}}, "user:bob").status.ok());
  EXPECT_THAT(world.Sent(), ElementsAre("email bob"));
  EXPECT_THAT(world.Told(Kind::kRerouted), HasSubstr("rerouted by user:bob: route root as of rules version"));
  EXPECT_THAT(world.Audit(), IsEmpty());
}

TEST(RerouteTest, ToAnotherPolicyAndWhatIsAcknowledgedStaysSo) {
  Organisation organisation = FirstPages("alice");
  EscalationPolicy other;
  other.id = PolicyId("other");
  other.steps.emplace_back().targets = {UserTarget{UserId("bob")}};
  organisation.policies.push_back(other);
  World world(organisation);
  world.Observe({});
  world.Pass(kWait);
  const GroupId id = world.Current()->id;
  ASSERT_TRUE(world.Do(AcknowledgeGroup{id, std::nullopt}).status.ok());
  world.Forget();
  ASSERT_TRUE(world.Do(RerouteGroup{id, std::nullopt, PolicyId("other")}).status.ok());
  world.Pass(absl::Minutes(1));
  EXPECT_THAT(world.Sent(), IsEmpty());
  EXPECT_EQ(world.Current()->state, Group::State::kAcknowledged);
  world.Crash();
  ASSERT_TRUE(world.Do(UnacknowledgeGroup{id, std::nullopt}).status.ok());
  world.Pass(kWait);
  EXPECT_THAT(world.Sent(), ElementsAre("email bob", "sms alice")) << "and who had it hears that it is nobody's";
  EXPECT_THAT(world.Told(Kind::kRerouted), HasSubstr("policy other instead of policy"));
}

TEST(RerouteTest, ASnoozeEndsWhenItWouldHaveEnded) {
  World world(FirstPages("alice"));
  world.Observe({});
  world.Pass(kWait);
  const GroupId id = world.Current()->id;
  ASSERT_TRUE(world.Do(SnoozeGroup{id, world.Current()->generation, std::nullopt, absl::Minutes(10)}).status.ok());
  world.Pass(absl::Minutes(4));
  world.Apply(FirstPages("bob"));
  ASSERT_TRUE(world.Do(RerouteGroup{id, std::nullopt, {}}, "user:bob").status.ok());
  world.Forget();
  world.Pass(absl::Minutes(5));
  EXPECT_THAT(world.Sent(), IsEmpty());
  world.Pass(absl::Minutes(1) + absl::Seconds(1));
  EXPECT_THAT(world.Sent(), ElementsAre("email bob", "sms alice")) << "and who had it hears that it is nobody's";
  EXPECT_THAT(world.Audit(), IsEmpty());
}

TEST(RerouteTest, WhatCannotBeIsRefusedInWords) {
  World world;
  const auto refusal = [&](const RerouteGroup& command) { return std::string(world.Do(command).status.message()); };
  EXPECT_THAT(refusal({GroupId(77), std::nullopt, {}}), HasSubstr("G77 is not known"));
  world.Observe({});
  const GroupId id = world.Current()->id;
  EXPECT_THAT(refusal({id, std::nullopt, PolicyId("nix")}), HasSubstr("policy \"nix\" does not exist"));
  EXPECT_THAT(refusal({id, Generation(99), {}}), HasSubstr("look again"));
}

}  // namespace
}  // namespace tocsin
