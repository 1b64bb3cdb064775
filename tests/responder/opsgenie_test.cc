// Alerts of the Opsgenie API: what one command decides, and how they follow our groups.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "engine/responder_opsgenie.h"
#include "tests/responder/world.h"

namespace tocsin {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
namespace og = opsgenie;

class OpsgenieTest : public testing::Test {
 protected:
  OpsgenieOutcome Apply(og::Action action, OpsgenieIdentifier identifier = {}, std::string note = "") {
    ApplyToOpsgenieAlert command;
    command.integration = IntegrationId("genie");
    command.request = "request-" + std::to_string(++requests_);
    command.identifier = std::move(identifier);
    command.action = std::move(action);
    command.user = "ann@example.com";
    command.note = std::move(note);
    const CommandResult result = world_.Do(std::move(command), "integration:genie");
    EXPECT_TRUE(result.status.ok()) << result.status;
    return *result.opsgenie;
  }
  OpsgenieOutcome Create(std::string_view alias, std::string_view message = "disk full") {
    og::Create create;
    create.alert.alias = alias;
    create.alert.message = message;
    create.alert.labels = {
        {"alertname", "DiskFull"}
    };
    return Apply(std::move(create));
  }
  static OpsgenieIdentifier ByAlias(std::string_view alias) {
    return {OpsgenieIdentifier::Kind::kAlias, std::string(alias)};
  }
  const OpsgenieAlert& Row(std::string_view uuid) {
    return world_.state().opsgenie_alerts.at(world_.state().opsgenie_of_uuid.at(std::string(uuid)));
  }
  // What the shards would say of the group that the routes lead the alert to.
  void Report(const OpsgenieAlert& alert, std::uint32_t firing) {
    GroupReport report;
    report.key = alert.groups.at(0);
    report.route = RouteId("root");
    report.firing = firing;
    fired_ += firing;
    report.fired_total = fired_;
    report.highest = Severity::kCritical;
    report.oldest_start = world_.now().wall;
    world_.Take(world_.responder().Observe({report}, world_.now()));
  }
  GroupId GroupOf(const OpsgenieAlert& alert) { return world_.state().current_group.at(alert.groups.at(0)); }

  World world_;
  int requests_ = 0;
  std::uint64_t fired_ = 0;
};

TEST_F(OpsgenieTest, AnOpenAliasIsCountedAndItsFirstMessageStays) {
  const OpsgenieOutcome first = Create("db");
  EXPECT_TRUE(first.success && first.opened);
  EXPECT_EQ(first.status, "Created alert");
  EXPECT_THAT(first.alert.uuid, SizeIs(36));
  world_.Pass(absl::Minutes(1));
  const OpsgenieOutcome again = Create("db", "disk fuller");
  EXPECT_TRUE(again.success && !again.opened);
  EXPECT_EQ(again.alert.uuid, first.alert.uuid);
  EXPECT_EQ(again.alert.message, "disk full");
  EXPECT_EQ(again.alert.count, 2U);
  EXPECT_EQ(again.alert.last_occurred_at, Noon() + absl::Minutes(1));
  world_.Crash();
  EXPECT_EQ(Row(first.alert.uuid), again.alert);
}

TEST_F(OpsgenieTest, AfterACloseTheSameAliasIsANewAlert) {
  const OpsgenieOutcome first = Create("db");
  const OpsgenieOutcome closed = Apply(og::Close{}, ByAlias("db"));
  EXPECT_EQ(closed.status, "Closed alert");
  EXPECT_EQ(Row(first.alert.uuid).closed_by, "ann@example.com");
  const OpsgenieOutcome once_more = Apply(og::Close{}, ByAlias("db"));
  EXPECT_FALSE(once_more.success);
  EXPECT_EQ(once_more.status, "Alert is already closed");
  EXPECT_EQ(once_more.alert.alias, "db") << "the door resolves it all the same";
  const OpsgenieOutcome second = Create("db");
  EXPECT_TRUE(second.opened);
  EXPECT_NE(second.alert.uuid, first.alert.uuid);
  EXPECT_EQ(second.alert.count, 1U);
}

TEST_F(OpsgenieTest, WhatIsUnknownIsSaidToBeAndNoAliasIsTheId) {
  const OpsgenieOutcome unknown = Apply(og::Close{}, ByAlias("nothing"));
  EXPECT_FALSE(unknown.success);
  EXPECT_EQ(unknown.status, "Alert does not exist");
  const OpsgenieOutcome made = Create("");
  EXPECT_EQ(made.alert.alias, made.alert.uuid);
  EXPECT_TRUE(Apply(og::Acknowledge{}, {OpsgenieIdentifier::Kind::kId, made.alert.uuid}).success);
  const OpsgenieOutcome again =
      Apply(og::Acknowledge{}, {OpsgenieIdentifier::Kind::kTiny, std::to_string(made.alert.id.value())});
  EXPECT_FALSE(again.success);
  EXPECT_EQ(again.status, "Alert is already acknowledged");
}

TEST_F(OpsgenieTest, EveryActionChangesWhatItNames) {
  const std::string uuid = Create("db").alert.uuid;
  const OpsgenieIdentifier id = ByAlias("db");
  Apply(
      og::AddTags{
          {"one", "two", "one", ""}
  },
      id);
  Apply(og::RemoveTags{{"one"}}, id);
  Apply(
      og::AddDetails{
          {{"host", "db1"}, {"host", "db2"}, {"rack", "7"}}
  },
      id);
  Apply(og::RemoveDetails{{"rack"}}, id);
  Apply(og::SetMessage{std::string(200, 'm')}, id);
  Apply(og::SetDescription{"more"}, id);
  Apply(og::SetPriority{9}, id);
  Apply(
      og::Assign{
          {"user", "", "bob@example.com"}
  },
      id);
  Apply(
      og::AddResponder{
          {"team", "", "db"}
  },
      id);
  Apply(og::AddNote{}, id, "looking at it");
  EXPECT_FALSE(Apply(og::RunAction{"restart"}, id).success);
  world_.Crash();
  const OpsgenieAlert& row = Row(uuid);
  EXPECT_THAT(row.tags, ElementsAre("two"));
  EXPECT_THAT(row.details, ElementsAre(Label{"host", "db2"}));
  EXPECT_THAT(row.message, SizeIs(limits::kOpsgenieMessageBytes));
  EXPECT_EQ(row.description, "more");
  EXPECT_EQ(row.priority, 5);
  EXPECT_EQ(row.owner, "bob@example.com");
  EXPECT_THAT(row.responders, SizeIs(1));
  ASSERT_THAT(row.notes, SizeIs(1));
  EXPECT_EQ(row.notes[0].text, "looking at it");
  EXPECT_THAT(row.log, SizeIs(11));
  EXPECT_TRUE(Apply(og::Delete{}, id).success);
  EXPECT_TRUE(world_.state().opsgenie_alerts.empty());
  EXPECT_TRUE(world_.state().opsgenie_in.empty());
  EXPECT_TRUE(world_.state().opsgenie_of_uuid.empty());
}

TEST_F(OpsgenieTest, ARequestIsAnsweredOnceAndItsAnswerIsKept) {
  ApplyToOpsgenieAlert command;
  command.request = "the one";
  command.action = og::Create{};
  std::get<og::Create>(command.action).alert.alias = "db";
  ASSERT_TRUE(world_.Do(command).opsgenie->opened);
  world_.Crash();
  const CommandResult again = world_.Do(command);
  EXPECT_TRUE(again.opsgenie->success);
  EXPECT_EQ(again.opsgenie->alert.count, 1U);
  const OpsgenieRequest& kept = world_.state().opsgenie_requests.begin()->second;
  EXPECT_EQ(kept.action, "Create");
  EXPECT_EQ(kept.alias, "db");
  command.request.clear();
  EXPECT_TRUE(absl::IsInvalidArgument(world_.Do(command).status));
}

TEST_F(OpsgenieTest, WhatBecomesOfTheGroupBecomesOfTheAlert) {
  const OpsgenieAlert alert = Create("db").alert;
  Report(alert, 1);
  world_.Pass(absl::Minutes(1));
  ASSERT_TRUE(world_.Acknowledge(GroupOf(alert)).ok());
  world_.Pass(absl::Seconds(1));
  EXPECT_TRUE(Row(alert.uuid).acknowledged);
  EXPECT_EQ(Row(alert.uuid).acknowledged_by, "alice");
  world_.Crash(/*report_all=*/false);
  ASSERT_TRUE(world_.Do(UnacknowledgeGroup{GroupOf(alert), std::nullopt}).status.ok());
  world_.Pass(absl::Seconds(1));
  EXPECT_FALSE(Row(alert.uuid).acknowledged);
  ASSERT_TRUE(world_.Do(SnoozeGroup{GroupOf(alert), std::nullopt, std::nullopt, absl::Hours(1)}).status.ok());
  world_.Pass(absl::Seconds(1));
  EXPECT_TRUE(Row(alert.uuid).snoozed);
  EXPECT_EQ(Row(alert.uuid).snoozed_until, world_.state().groups.at(GroupOf(alert)).acknowledged_until);
  ASSERT_TRUE(world_.Do(ResolveGroup{GroupOf(alert), std::nullopt}).status.ok());
  world_.Pass(absl::Seconds(1));
  EXPECT_TRUE(Row(alert.uuid).closed);
  EXPECT_EQ(Row(alert.uuid).closed_by, "alice");
  EXPECT_TRUE(Create("db").opened);
}

TEST_F(OpsgenieTest, ItsOwnAcknowledgementOutlivesTheGroups) {
  const OpsgenieAlert alert = Create("db").alert;
  Report(alert, 2);
  world_.Pass(absl::Minutes(1));
  Apply(og::Acknowledge{}, ByAlias("db"));
  ASSERT_TRUE(world_.Acknowledge(GroupOf(alert)).ok());
  ASSERT_TRUE(world_.Do(UnacknowledgeGroup{GroupOf(alert), std::nullopt}).status.ok());
  world_.Pass(absl::Seconds(1));
  EXPECT_TRUE(Row(alert.uuid).acknowledged);
  EXPECT_EQ(Row(alert.uuid).acknowledged_by, "ann@example.com");
}

TEST_F(OpsgenieTest, ASnoozeOfTheOnlyAlertSnoozesItsGroup) {
  const OpsgenieAlert alert = Create("db").alert;
  Report(alert, 1);
  world_.Pass(absl::Minutes(1));
  EXPECT_TRUE(Apply(og::Snooze{world_.now().wall + absl::Hours(2)}, ByAlias("db")).success);
  EXPECT_TRUE(world_.state().groups.at(GroupOf(alert)).snoozed);
  EXPECT_FALSE(Apply(og::Snooze{world_.now().wall}, ByAlias("db")).success);
  EXPECT_TRUE(Apply(og::Unacknowledge{}, ByAlias("db")).success);
  EXPECT_EQ(world_.state().groups.at(GroupOf(alert)).state, Group::State::kOpen);
}

TEST_F(OpsgenieTest, WhatHasJustOccurredIsNotClosedWithTheGroup) {
  const OpsgenieAlert old = Create("old").alert;
  Report(old, 1);
  world_.Pass(absl::Minutes(1));
  const OpsgenieAlert fresh = Create("fresh").alert;
  ASSERT_TRUE(world_.Do(ResolveGroup{GroupOf(old), std::nullopt}).status.ok());
  world_.Pass(absl::Seconds(1));
  EXPECT_TRUE(Row(old.uuid).closed);
  EXPECT_FALSE(Row(fresh.uuid).closed);
}

TEST_F(OpsgenieTest, ManyAlertsInOneGroupFollowItInSlices) {
  constexpr int kMany = 300;
  std::optional<OpsgenieAlert> one;
  for (int i = 0; i < kMany; ++i)
    one = Create("a" + std::to_string(i)).alert;
  Report(*one, kMany);
  world_.Pass(absl::Minutes(1));
  ASSERT_TRUE(world_.Do(ResolveGroup{GroupOf(*one), std::nullopt}).status.ok());
  world_.Crash(/*report_all=*/false);
  world_.Pass(absl::Seconds(1));
  for (const auto& [id, row] : world_.state().opsgenie_alerts)
    ASSERT_TRUE(row.closed) << row.alias;
  EXPECT_TRUE(world_.state().opsgenie_in.empty());
  world_.Sleep(absl::Hours(24 * (limits::kOpsgenieClosedDays + 1)));
  EXPECT_TRUE(world_.state().opsgenie_alerts.empty());
}

TEST_F(OpsgenieTest, NotesAndNumbersAreBounded) {
  Create("db");
  for (int i = 0; i < 20; ++i)
    Apply(og::AddNote{}, ByAlias("db"), std::string(limits::kOpsgenieNoteBytes + 5, 'n'));
  const OpsgenieAlert& row = world_.state().opsgenie_alerts.begin()->second;
  EXPECT_THAT(row.notes, SizeIs(4));
  EXPECT_EQ(row.notes_made, 20U);
  EXPECT_EQ(row.notes.back().offset, 20U);
  for (int i = 0; i < 200; ++i)
    Create("db");
  EXPECT_THAT(world_.state().opsgenie_alerts.begin()->second.log, SizeIs(limits::kOpsgenieLog));
  for (std::size_t i = 0; i < limits::kOpsgenieAlerts; ++i)
    Create("x" + std::to_string(i));
  EXPECT_EQ(world_.state().opsgenie_requests.size(), limits::kOpsgenieRequests);
  EXPECT_EQ(world_.state().opsgenie_of_uuid.size(), world_.state().opsgenie_alerts.size());
}

TEST_F(OpsgenieTest, AnOpenAlertIsClosedByItsIdHoweverManyComeAfterIt) {
  const std::string first = Create("first").alert.uuid;
  const std::string second = Create("second").alert.uuid;
  Apply(og::AddNote{}, ByAlias("first"), "a note");
  for (std::size_t i = 0; i < limits::kOpsgenieAlerts; ++i)
    Create("x" + std::to_string(i));
  EXPECT_EQ(world_.state().opsgenie_alerts.size(), limits::kOpsgenieAlerts + 2);
  for (const std::string& uuid : {first, second}) {
    EXPECT_THAT(Row(uuid).notes, IsEmpty());
    EXPECT_THAT(Row(uuid).log, IsEmpty());
    EXPECT_TRUE(Apply(og::Close{}, {OpsgenieIdentifier::Kind::kId, uuid}).success);
  }
  EXPECT_FALSE(world_.state().opsgenie_alerts.rbegin()->second.log.empty());
  // Closed ones go, two for each that comes.
  Create("last");
  EXPECT_EQ(world_.state().opsgenie_alerts.size(), limits::kOpsgenieAlerts + 1);
  EXPECT_FALSE(world_.state().opsgenie_of_uuid.contains(first));
  EXPECT_FALSE(world_.state().opsgenie_of_uuid.contains(second));
}

}  // namespace
}  // namespace tocsin
