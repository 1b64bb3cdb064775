// What schedules come to: handoffs and shifts ahead, gaps, fairness, and who would be on call under other files.
#include "gmock/gmock.h"

#include "tests/api/world.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Instead of the sample's schedule another one: alternating weeks from Monday, the 2nd of January 2040, 09:00 UTC. So far
// ahead, because what is declared today says nothing of the past, and leaves the turn to whoever has it. `more` is more of it.
std::string Alternating(std::string_view more = "") {
  std::string yaml = OrganisationYaml();
  constexpr std::string_view kOld = "participants: [[{user: ann}]]}]";
  yaml.replace(yaml.find(kOld), kOld.size(), "participants: [ann, bob]}]" + std::string(more));
  constexpr std::string_view kStart = "2024-01-01 09:00";
  yaml.replace(yaml.find(kStart), kStart.size(), "2040-01-02 09:00");
  yaml.replace(yaml.find("id: primary"), 11, "id: weeks");
  yaml.replace(yaml.find("schedule: primary"), 17, "schedule: weeks");
  return yaml;
}

google::protobuf::Timestamp Stamp(const char* text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << error;
  google::protobuf::Timestamp stamp;
  stamp.set_seconds(absl::ToUnixSeconds(time));
  return stamp;
}

using ShiftsTest = ApiTest;

TEST_F(ShiftsTest, TellsHandoffsAndAPersonsShifts) {
  ApplySample(Alternating());
  v1::ListNextShiftsRequest request;
  *request.mutable_since() = Stamp("2040-01-03T00:00:00Z");
  request.set_count(2);
  v1::ListNextShiftsResponse response;
  ASSERT_TRUE(Call("OnCallService/ListNextShifts", request, response).ok());
  ASSERT_EQ(response.entries_size(), 2);
  EXPECT_EQ(response.entries(0).start().seconds(), Stamp("2040-01-09T09:00:00Z").seconds());
  EXPECT_THAT(response.entries(0).before(), ElementsAre("ann"));
  EXPECT_THAT(response.entries(0).users(), ElementsAre("bob"));
  EXPECT_EQ(response.entries(1).start().seconds(), response.entries(0).end().seconds());
  request.set_user("ann");
  ASSERT_TRUE(Call("OnCallService/ListNextShifts", request, response).ok());
  ASSERT_EQ(response.entries_size(), 2);
  EXPECT_EQ(response.entries(0).start().seconds(), request.since().seconds()) << "it has begun";
  EXPECT_EQ(response.entries(1).start().seconds(), Stamp("2040-01-16T09:00:00Z").seconds());
  request.set_user("nobody");
  EXPECT_FALSE(Call("OnCallService/ListNextShifts", request, response).ok());
}

TEST_F(ShiftsTest, TellsGapsWithTheirCauseAndFairness) {
  ApplySample(
      Alternating("\n    overrides: [{id: o7, start: '2040-01-10 00:00', end: '2040-01-11 00:00', users: []}]"));
  v1::ListGapsRequest gaps;
  *gaps.mutable_since() = Stamp("2040-01-03T00:00:00Z");
  v1::ListGapsResponse found;
  ASSERT_TRUE(Call("OnCallService/ListGaps", gaps, found).ok());
  ASSERT_EQ(found.gaps_size(), 1);
  EXPECT_EQ(found.gaps(0).kind(), v1::ListGapsResponse::Gap::KIND_SILENCED);
  EXPECT_EQ(found.gaps(0).why(), "override o7 instead of bob");
  v1::GetFairnessRequest request;
  request.set_schedule("weeks");
  *request.mutable_since() = Stamp("2040-01-02T09:00:00Z");
  *request.mutable_until() = Stamp("2040-01-16T09:00:00Z");
  v1::GetFairnessResponse response;
  ASSERT_TRUE(Call("OnCallService/GetFairness", request, response).ok());
  ASSERT_EQ(response.entries_size(), 2);
  EXPECT_EQ(response.entries(0).total().seconds(), 7 * 86400);
  EXPECT_EQ(response.entries(1).total().seconds(), 6 * 86400);
  EXPECT_EQ(response.entries(1).shifts(), 2U);
  EXPECT_EQ(response.entries(1).night_handoffs(), 1U) << "the 11th, at midnight";
  EXPECT_DOUBLE_EQ(response.balance(), 6.0 / 7);
  EXPECT_DOUBLE_EQ(response.covered(), 13.0 / 14);
  EXPECT_DOUBLE_EQ(response.entries(0).share(), 7.0 / 13);
  v1::FinalScheduleRequest final;
  final.set_schedule("weeks");
  *final.mutable_since() = Stamp("2040-01-09T09:00:00Z");
  *final.mutable_until() = Stamp("2040-01-11T09:00:00Z");
  v1::FinalScheduleResponse shifts;
  ASSERT_TRUE(Call("OnCallService/FinalSchedule", final, shifts).ok());
  ASSERT_EQ(shifts.shifts_size(), 3);
  EXPECT_FALSE(shifts.shifts(0).overridden());
  EXPECT_TRUE(shifts.shifts(1).overridden());
  EXPECT_EQ(shifts.shifts(0).people(0).reason(), "schedule weeks: layer always, turn 1");
  EXPECT_EQ(shifts.time_zone(), "UTC");
}

TEST_F(ShiftsTest, TellsWhoWouldBeOnCallUnderOtherFiles) {
  ApplySample(Alternating());
  std::string yaml = Alternating();
  yaml.replace(yaml.find("2040-01-02 09:00"), 16, "2040-01-02 11:00");
  v1::DiffSchedulesRequest request;
  auto& file = *request.add_files();
  file.set_name("new.yaml");
  file.set_text(yaml + "\n---\nschedules: [{id: more, time_zone: UTC}]\n");
  *request.mutable_since() = Stamp("2040-01-03T00:00:00Z");
  *request.mutable_until() = Stamp("2040-01-17T00:00:00Z");
  v1::DiffSchedulesResponse response;
  ASSERT_TRUE(Call("OnCallService/DiffSchedules", request, response).ok());
  ASSERT_EQ(response.stretches_size(), 2) << response.DebugString();
  EXPECT_EQ(response.stretches(0).start().seconds(), Stamp("2040-01-09T09:00:00Z").seconds());
  EXPECT_EQ(response.stretches(0).end().seconds(), Stamp("2040-01-09T11:00:00Z").seconds());
  EXPECT_THAT(response.stretches(0).before(), ElementsAre("bob"));
  EXPECT_THAT(response.stretches(0).after(), ElementsAre("ann"));
  EXPECT_THAT(response.added_schedules(), ElementsAre("more"));
  request.mutable_files(0)->set_text("schedules: {");
  ASSERT_TRUE(Call("OnCallService/DiffSchedules", request, response).ok());
  ASSERT_GT(response.problems_size(), 0);
  EXPECT_EQ(response.problems(0).file(), "new.yaml");
}

// It has a past, which can be asked for by its name.
TEST_F(ShiftsTest, AScheduleThatIsGoneCanStillBeShown) {
  ApplySample(Alternating());
  ApplySample();
  v1::FinalScheduleRequest request;
  request.set_schedule("weeks");
  v1::FinalScheduleResponse response;
  const absl::Status shown = Call("OnCallService/FinalSchedule", request, response);
  ASSERT_TRUE(shown.ok()) << shown;
  ASSERT_FALSE(response.shifts().empty());
  EXPECT_TRUE(response.shifts(response.shifts_size() - 1).users().empty()) << "nobody is on call by it any more";
  v1::WhoIsOnCallRequest now;
  now.set_schedule("weeks");
  v1::WhoIsOnCallResponse nobody;
  ASSERT_TRUE(Call("OnCallService/WhoIsOnCall", now, nobody).ok());
  EXPECT_TRUE(nobody.entries(0).people().empty());
  request.set_schedule("never");
  EXPECT_THAT(Message(Call("OnCallService/FinalSchedule", request, response)), HasSubstr("not_found"));
}

}  // namespace
}  // namespace tocsin
