// What people change of schedules, and what an applied organisation makes of them: rows, their journal and their audit.
#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "engine/responder_schedules.h"
#include "tests/responder/world.h"

namespace tocsin {
namespace {

using Code = absl::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A day each from noon on: alice, bob, carol. Noon() is the beginning of alice's.
Organisation Daily() {
  Organisation organisation = SampleOrganisation();
  Schedule& schedule = organisation.schedules[0];
  schedule.time_zone = "UTC";
  schedule.layers.resize(1);
  Layer& layer = schedule.layers[0];
  layer = Layer();
  layer.id = LayerId("daily");
  Rotation rotation;
  rotation.type = Rotation::Type::kDaily;
  rotation.start = absl::ToCivilMinute(Noon(), absl::UTCTimeZone());
  layer.pattern = rotation;
  for (const char* user : {"alice", "bob", "carol"})
    layer.participants.push_back({{To(user)}});
  return organisation;
}

const ScheduleId kSchedule("primary");

class ScheduleTest : public ::testing::Test {
 protected:
  std::string OnCall(absl::Duration after_noon) {
    std::string text;
    for (const UserId& user : world_.responder().roster()->OnCall(kSchedule, Noon() + after_noon))
      absl::StrAppend(&text, text.empty() ? "" : " ", user.value());
    return text;
  }
  OverrideSchedule Assign(const char* user, absl::Duration from, absl::Duration until) {
    OverrideSchedule command;
    command.schedule = kSchedule;
    command.change.start = Noon() + from;
    command.change.end = Noon() + until;
    command.change.users = {To(user)};
    return command;
  }
  RequestSwap Ask(const char* user, absl::Duration from, absl::Duration until) {
    RequestSwap command;
    command.schedule = kSchedule;
    command.user = UserId(user);
    command.start = Noon() + from;
    command.end = Noon() + until;
    return command;
  }
  ScheduleChangeId Made(const Command::Body& body, std::string_view actor = "user:alice") {
    const CommandResult result = world_.Do(body, actor);
    EXPECT_TRUE(result.status.ok()) << result.status;
    return ScheduleChangeId(result.id);
  }
  std::string Refused(const Command::Body& body, Code code) {
    const CommandResult result = world_.Do(body);
    EXPECT_EQ(result.status.code(), code) << result.status;
    return Message(result.status);
  }

  World world_{Daily()};
};

constexpr absl::Duration kHour = absl::Hours(1);

TEST_F(ScheduleTest, AnOverrideCountsFromNowOnAndAPageGoesByIt) {
  world_.Pass(kHour);
  const ScheduleChangeId id = Made(Assign("carol", -kHour, 3 * kHour));
  EXPECT_EQ(OnCall(kHour / 2), "alice") << "the past is not overridden";
  EXPECT_EQ(OnCall(kHour), "carol");
  EXPECT_EQ(OnCall(3 * kHour), "alice");
  world_.Observe({});
  world_.Pass(absl::Seconds(30));
  EXPECT_THAT(world_.Sent(), ElementsAre("email carol"));
  const Target target = ScheduleTarget{kSchedule};
  EXPECT_EQ(world_.responder().roster()->Resolve({&target, 1}, Noon() + kHour)[0].reason,
            absl::StrCat("schedule primary: override O", id.value(), " by user:alice: assign"));
}

TEST_F(ScheduleTest, EndingARunningOverrideKeepsWhatIsPastAndOneToComeNeverBegins) {
  const ScheduleChangeId running = Made(Assign("carol", absl::ZeroDuration(), 5 * kHour));
  const ScheduleChangeId to_come = Made(Assign("bob", 10 * kHour, 12 * kHour));
  world_.Pass(2 * kHour);
  Made(EndOverride{running});
  Made(EndOverride{to_come});
  EXPECT_EQ(OnCall(kHour), "carol");
  EXPECT_EQ(OnCall(2 * kHour), "alice");
  EXPECT_EQ(OnCall(11 * kHour), "alice");
  EXPECT_THAT(Refused(EndOverride{running}, Code::kFailedPrecondition), HasSubstr("what is past stays"));
  EXPECT_THAT(Refused(EndOverride{ScheduleChangeId(999)}, Code::kNotFound), HasSubstr("O999"));
}

TEST_F(ScheduleTest, WhatCannotBeMeantIsRefusedAndSaysWhy) {
  OverrideSchedule nobody = Assign("carol", absl::ZeroDuration(), kHour);
  nobody.change.users.clear();
  nobody.change.type = Override::Type::kAdd;
  OverrideSchedule layer = Assign("carol", absl::ZeroDuration(), kHour);
  layer.change.layers = {LayerId("weekly")};
  OverrideSchedule team = Assign("carol", absl::ZeroDuration(), kHour);
  team.change.users = {TeamTarget{TeamId("db")}};
  const struct {
    const char* name;
    Command::Body body;
    Code code;
    const char* says;
  } cases[] = {
      {"no such person",               Assign("zoe",     absl::ZeroDuration(),   kHour),                                    Code::kNotFound, "user \"zoe\" does not exist"},
      {"past", Assign("carol",                 -3 * kHour,                                  -kHour),                                                             Code::kInvalidArgument, "which is past"},
      {"ends first",                       Assign("carol",                 3 * kHour,kHour),Code::kInvalidArgument, "not after its start"},
      {"adds nobody",nobody,Code::kInvalidArgument,           "nobody is named"                                                          },
      {"no such layer",                              layer,                                  Code::kNotFound,                                                         "no layer \"weekly\""                                                                                           },
      {"a team",                              team,                                Code::kInvalidArgument,                    "people, not teams"},
      {"not on call",                              Ask("bob",                                       absl::ZeroDuration(),                            kHour),Code::kFailedPrecondition, "nothing to swap"},
      {"no such swap",                              TakeSwap{ScheduleChangeId(999), UserId("bob")},                                  Code::kNotFound,                  "O999"                                              },
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_THAT(Refused(c.body, c.code), HasSubstr(c.says));
  }
  EXPECT_THAT(world_.state().schedule_changes, IsEmpty());
}

// Bugs 14 and 28: only what was taken counts, and only where the one who asked is on.
TEST_F(ScheduleTest, ASwapIsBoundToTheShiftOfWhoAsksAndCountsOnceItIsTaken) {
  const ScheduleChangeId id = Made(Ask("bob", 20 * kHour, 60 * kHour), "user:bob");
  const ScheduleChange& row = world_.state().schedule_changes.at(id);
  EXPECT_EQ(row.change.start, Noon() + 24 * kHour);
  EXPECT_EQ(row.change.end, Noon() + 48 * kHour);
  EXPECT_EQ(OnCall(30 * kHour), "bob");
  EXPECT_THAT(Refused(Ask("bob", 30 * kHour, 40 * kHour), Code::kAlreadyExists), HasSubstr("asks for the same"));
  EXPECT_THAT(Refused(TakeSwap{id, UserId("bob")}, Code::kInvalidArgument), HasSubstr("his own shift"));
  EXPECT_THAT(Refused(TakeSwap{id, UserId("dave")}, Code::kFailedPrecondition), HasSubstr("does not name him"));
  Made(OfferSwap{id, UserId("carol")});
  EXPECT_EQ(OnCall(30 * kHour), "bob") << "an offer is no swap";
  Made(WithdrawSwap{id, UserId("carol")});
  Made(TakeSwap{id, UserId("alice")});
  EXPECT_EQ(OnCall(23 * kHour), "alice");
  EXPECT_EQ(OnCall(30 * kHour), "alice");
  EXPECT_EQ(OnCall(50 * kHour), "carol");
  EXPECT_THAT(Refused(TakeSwap{id, UserId("carol")}, Code::kFailedPrecondition), HasSubstr("taken by alice"));
  world_.Pass(30 * kHour);
  Made(EndOverride{id});  // given back in the middle
  EXPECT_EQ(OnCall(29 * kHour), "alice");
  EXPECT_EQ(OnCall(31 * kHour), "bob");
}

TEST_F(ScheduleTest, SwapsMayBeAskedOfSomeWithdrawnAndPastDue) {
  RequestSwap of_carol = Ask("alice", absl::ZeroDuration(), 10 * kHour);
  of_carol.of = {UserId("carol")};
  const ScheduleChangeId first = Made(of_carol);
  EXPECT_THAT(Refused(TakeSwap{first, UserId("bob")}, Code::kFailedPrecondition), HasSubstr("others were asked"));
  Made(WithdrawSwap{first, {}});
  EXPECT_THAT(Refused(TakeSwap{first, UserId("carol")}, Code::kFailedPrecondition), HasSubstr("withdrawn"));
  const ScheduleChangeId second = Made(Ask("alice", absl::ZeroDuration(), 10 * kHour));
  world_.Pass(4 * kHour);
  const ScheduleChange& row = world_.state().schedule_changes.at(second);
  EXPECT_EQ(StateOf(row, world_.now().wall), "open");
  Made(TakeSwap{second, UserId("bob")});
  EXPECT_EQ(OnCall(3 * kHour), "alice") << "what is left of it was taken";
  EXPECT_EQ(OnCall(5 * kHour), "bob");
  const ScheduleChangeId third = Made(Ask("carol", 48 * kHour, 72 * kHour));
  world_.Pass(80 * kHour);
  EXPECT_EQ(StateOf(world_.state().schedule_changes.at(third), world_.now().wall), "past due");
  EXPECT_THAT(Refused(TakeSwap{third, UserId("bob")}, Code::kFailedPrecondition), HasSubstr("past due"));
}

// alice's day to bob, then bob's two days to carol: in the order in which they were made.
TEST_F(ScheduleTest, SwapsChain) {
  Made(TakeSwap{Made(Ask("alice", absl::ZeroDuration(), 24 * kHour)), UserId("bob")});
  Made(TakeSwap{Made(Ask("bob", absl::ZeroDuration(), 48 * kHour)), UserId("carol")});
  EXPECT_EQ(OnCall(kHour), "carol");
  EXPECT_EQ(OnCall(30 * kHour), "carol");
  EXPECT_EQ(OnCall(50 * kHour), "carol");
  EXPECT_EQ(OnCall(73 * kHour), "alice");
}

TEST_F(ScheduleTest, RepeatsAnswerTheSameAndCrashesForgetNothing) {
  const CommandResult first = world_.Do(Assign("carol", kHour, 3 * kHour), "user:alice", "request-1");
  const CommandResult again = world_.Do(Assign("carol", kHour, 3 * kHour), "user:alice", "request-1");
  EXPECT_EQ(first.id, again.id);
  EXPECT_EQ(world_.state().schedule_changes.size(), 1U);
  Organisation edited = Daily();
  std::ranges::rotate(edited.schedules[0].layers[0].participants,
                      edited.schedules[0].layers[0].participants.begin() + 1);
  world_.Pass(5 * kHour);
  world_.Apply(edited);
  EXPECT_EQ(OnCall(kHour), "carol");
  EXPECT_EQ(OnCall(6 * kHour), "alice") << "she has the turn";
  EXPECT_FALSE(world_.state().editions.empty());
  world_.Crash();
  EXPECT_EQ(OnCall(-kHour), "") << "before the rotation began";
  EXPECT_EQ(OnCall(kHour), "carol");
  EXPECT_EQ(OnCall(4 * kHour), "alice");
  EXPECT_EQ(OnCall(6 * kHour), "alice");
  EXPECT_EQ(OnCall(25 * kHour), "bob");
}

TEST_F(ScheduleTest, WhoIsGoneIsNotPagedByAnOverrideThatNamesHim) {
  const ScheduleChangeId id = Made(Assign("carol", absl::ZeroDuration(), 10 * kHour));
  const ScheduleChangeId asked = Made(Ask("alice", 12 * kHour, 20 * kHour));
  Made(OfferSwap{asked, UserId("carol")});
  world_.Pass(kHour);
  Organisation without = Daily();
  std::erase_if(without.users, [](const User& user) { return user.id == UserId("carol"); });
  for (Team& team : without.teams)
    std::erase(team.members, UserId("carol"));
  std::erase_if(without.schedules[0].layers[0].participants,
                [](const Participant& participant) { return participant.members == std::vector<Target>{To("carol")}; });
  for (EscalationPolicy& policy : without.policies) {
    for (PolicyStep& step : policy.steps)
      std::erase(step.targets, To("carol"));
  }
  ASSERT_TRUE(world_.Do(ApplyOrganisation{std::make_shared<const Organisation>(without), ""}).status.ok());
  EXPECT_EQ(OnCall(kHour / 2), "carol");
  EXPECT_EQ(OnCall(kHour), "alice");
  EXPECT_EQ(world_.state().schedule_changes.at(id).change.end, Noon() + kHour);
  EXPECT_THAT(world_.state().schedule_changes.at(asked).volunteers, IsEmpty());
}

TEST_F(ScheduleTest, WhatWasDoneIsInTheAuditLog) {
  const ScheduleChangeId id = Made(Assign("carol", absl::ZeroDuration(), 10 * kHour));
  Made(EndOverride{id});
  std::vector<std::string> entries;
  for (const Change& change : world_.journal()) {
    for (const Row& row : change.rows) {
      const auto* entry = std::get_if<AuditEntry>(&row);
      if (entry == nullptr || entry->object != absl::StrCat("O", id.value())) continue;
      entries.push_back(absl::StrCat(entry->action, ": ", entry->before, " -> ", entry->after));
    }
  }
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_THAT(entries[0], HasSubstr("OverrideSchedule:  -> running: assign carol on primary from 2024-01-01 12:00"));
  EXPECT_THAT(entries[1], HasSubstr("EndOverride: running: assign carol on primary"));
  EXPECT_THAT(entries[1], HasSubstr("-> withdrawn"));
}

}  // namespace
}  // namespace tocsin
