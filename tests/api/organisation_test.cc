// Declaring the organisation: all or nothing, and its secrets stay inside.
#include "absl/strings/str_format.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "model/codec/common_proto.h"
#include "tests/api/world.h"

namespace tocsin {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class OrganisationTest : public ApiTest {
 protected:
  v1::ApplyOrganisationResponse ApplyText(const std::string& text, bool dry_run = false) {
    v1::ApplyOrganisationRequest request;
    auto& file = *request.add_files();
    file.set_name("new.yaml");
    file.set_text(text);
    request.set_dry_run(dry_run);
    v1::ApplyOrganisationResponse response;
    const absl::Status status = Call("OrganisationService/ApplyOrganisation", request, response);
    EXPECT_TRUE(status.ok()) << status;
    return response;
  }
  v1::GetOrganisationResponse Get() {
    v1::GetOrganisationResponse response;
    EXPECT_TRUE(Call("OrganisationService/GetOrganisation", v1::GetOrganisationRequest(), response).ok());
    return response;
  }
  static std::string Renamed() {
    std::string text = OrganisationYaml();
    text.replace(text.find("api-test"), 8, "renamed");
    return text;
  }
};

TEST_F(OrganisationTest, AppliesNothingOfWhatHasAProblemAndNamesTheLine) {
  const std::uint64_t before = Get().rules_version();
  std::string text = Renamed();
  text.replace(text.find("{user: ann}"), 11, "{user: eve}");
  const v1::ApplyOrganisationResponse response = ApplyText(text);
  ASSERT_GT(response.problems_size(), 0);
  EXPECT_EQ(response.problems(0).file(), "new.yaml");
  EXPECT_GT(response.problems(0).line(), 0U);
  EXPECT_THAT(response.problems(0).message(), HasSubstr("eve"));
  EXPECT_EQ(response.sequence(), 0U);
  EXPECT_EQ(Get().organisation().name(), "api-test");
  EXPECT_EQ(Get().rules_version(), before);
  EXPECT_GT(ApplyText("{").problems_size(), 0);
  EXPECT_GT(ApplyText("\xFF").problems_size(), 0);
}

TEST_F(OrganisationTest, WarnsOfASchedulesGapsAndOfAPolicyThatHasNothingElse) {
  constexpr std::string_view kSchedule =
      "\n---\nschedules:\n- id: days\n  time_zone: UTC\n  layers:\n  - id: l\n"
      "    participants: [ann]\n"
      "    rotation: {type: weekly, start: '2024-01-01T09:00'}\n"
      "    restrictions: [{type: daily, start: '09:00', end: '17:00'}]\n";
  const auto warned = [&](std::string_view targets) {
    std::string text = Renamed() + std::string(kSchedule);
    text.replace(text.find("{schedule: primary}"), 19, "{schedule: days}");
    text.replace(text.find("{user: bob}"), 11, targets);
    const v1::ApplyOrganisationResponse response = ApplyText(text, true);
    EXPECT_EQ(response.problems_size(), 0) << response.DebugString();
    EXPECT_THAT(response.ShortDebugString(), HasSubstr("): no layer is on; and 36"));
    return response.ShortDebugString().find("goes by it alone") != std::string::npos;
  };
  EXPECT_TRUE(warned("{schedule: days}"));
  EXPECT_FALSE(warned("{user: bob}"));
}

TEST_F(OrganisationTest, AGapIsSilentAWarningOrARefusalAsTheScheduleSays) {
  const auto with = [](std::string_view gaps, std::string_view until) {
    std::string text = Renamed();
    const std::string_view layer = "participants: [[{user: ann}]]";
    text.replace(text.find(layer), layer.size(), absl::StrFormat("%s, effective_until: '%s'", layer, until));
    return text.replace(text.find("    time_zone: UTC\n"), 0, absl::StrFormat("    gaps: %s\n", gaps));
  };
  const std::string soon = absl::FormatTime("%Y-%m-%d %H:%M", absl::Now() + absl::Hours(24 * 40), absl::UTCTimeZone());
  EXPECT_THAT(ApplyText(with("warn", soon), true).ShortDebugString(), HasSubstr("nobody is on call from"));
  EXPECT_THAT(ApplyText(with("allow", soon), true).ShortDebugString(), Not(HasSubstr("nobody is on call")));
  const v1::ApplyOrganisationResponse refused = ApplyText(with("refuse", soon));
  ASSERT_EQ(refused.problems_size(), 1) << refused.DebugString();
  EXPECT_THAT(refused.problems(0).message(), HasSubstr("no layer is on. It says `gaps: refuse`: close them"));
  EXPECT_EQ(refused.sequence(), 0U);
  EXPECT_EQ(Get().organisation().name(), "api-test");
  const v1::ApplyOrganisationResponse full = ApplyText(with("refuse", "2090-01-01 09:00"));
  EXPECT_EQ(full.problems_size(), 0) << full.DebugString();
  EXPECT_GT(full.sequence(), 0U);
}

TEST_F(OrganisationTest, OverridesThatOpenAGapAreRefusedOrToldByAWarning) {
  std::string text = Renamed();
  text.insert(text.find("    time_zone: UTC\n"), "    gaps: refuse\n");
  ASSERT_GT(ApplyText(text).sequence(), 0U);
  v1::OverrideScheduleRequest request;
  request.set_schedule("primary");
  request.set_type(v1::Override::TYPE_ASSIGN);
  ToProto(absl::Now() + absl::Hours(48), *request.mutable_start());
  ToProto(absl::Now() + absl::Hours(50), *request.mutable_end());
  v1::ScheduleChangeResponse made;
  const absl::Status refused = Call("ScheduleService/OverrideSchedule", request, made);
  EXPECT_THAT(Message(refused), AllOf(HasSubstr("failed_precondition"), HasSubstr("schedule primary refuses gaps")));
  text.replace(text.find("    gaps: refuse\n"), 17, "");
  ASSERT_GT(ApplyText(text).sequence(), 0U);
  const absl::Status warned = Call("ScheduleService/OverrideSchedule", request, made);
  ASSERT_TRUE(warned.ok()) << warned;
  ASSERT_EQ(made.warnings_size(), 1);
  EXPECT_THAT(made.warnings(0), HasSubstr("schedule primary: nobody is on call any more from"));
  // Now that there is a gap, the schedule cannot begin to refuse them.
  text.insert(text.find("    time_zone: UTC\n"), "    gaps: refuse\n");
  const v1::ApplyOrganisationResponse late = ApplyText(text);
  ASSERT_EQ(late.problems_size(), 1) << late.DebugString();
  EXPECT_THAT(late.problems(0).message(), HasSubstr("nobody is on call from"));
}

TEST_F(OrganisationTest, ShowsInADryRunWhatWouldDifferAndAppliesNothing) {
  const v1::ApplyOrganisationResponse response = ApplyText(Renamed(), true);
  EXPECT_EQ(response.problems_size(), 0);
  EXPECT_THAT(response.differences(), Contains(HasSubstr("renamed")));
  EXPECT_EQ(response.sequence(), 0U);
  EXPECT_EQ(Get().organisation().name(), "api-test");
  EXPECT_GT(ApplyText(Renamed()).sequence(), 0U);
  EXPECT_EQ(Get().organisation().name(), "renamed");
  EXPECT_EQ(ApplyText(Renamed(), true).differences_size(), 0);
}

TEST_F(OrganisationTest, ReadsBackWhatItShowsAndKeepsTheSecretsThatItDidNotShow) {
  const std::string shown = Get().yaml();
  const v1::ApplyOrganisationResponse response = ApplyText(shown, true);
  EXPECT_EQ(response.problems_size(), 0) << response.ShortDebugString();
  EXPECT_EQ(response.differences_size(), 0) << response.ShortDebugString();
  const v1::ApplyOrganisationResponse applied = ApplyText(shown);
  EXPECT_EQ(applied.version(), Get().version());
  EXPECT_EQ(applied.version(), 1U) << "what is in force already makes no version";
  EXPECT_EQ(ApplyText(OrganisationYaml()).version(), 1U);
  engine_->ReadResponderAndWait([](const Responder& responder, const Now&) {
    EXPECT_EQ(responder.state().organisation->twilio.auth_token, kTwilioToken);
    EXPECT_EQ(responder.state().organisation->smtp.password, kSmtpPassword);
  });
}

TEST_F(OrganisationTest, KeepsTheSecretsThroughAnExportWithAChangeOfSomethingElse) {
  std::string shown = Get().yaml();
  shown.replace(shown.find("api-test"), 8, "renamed");
  ASSERT_GT(ApplyText(shown).sequence(), 0U);
  EXPECT_EQ(Get().organisation().name(), "renamed");
  engine_->ReadResponderAndWait([](const Responder& responder, const Now&) {
    EXPECT_EQ(responder.state().organisation->twilio.auth_token, kTwilioToken);
    EXPECT_EQ(responder.state().organisation->users[0].contact_methods[0].secret, kHookSecret);
  });
}

TEST_F(OrganisationTest, ListsItsVersionsAndShowsWhatEachChanged) {
  ASSERT_EQ(ApplyText(Renamed()).version(), 2U);
  v1::ListVersionsResponse list;
  ASSERT_TRUE(Call("OrganisationService/ListVersions", v1::ListVersionsRequest(), list).ok());
  ASSERT_EQ(list.entries_size(), 2);
  EXPECT_EQ(list.entries(0).version().id(), 2U);
  EXPECT_EQ(list.entries(0).version().author(), "user:admin");
  EXPECT_TRUE(list.entries(0).in_force());
  EXPECT_FALSE(list.entries(1).in_force());
  EXPECT_FALSE(list.entries(0).version().has_organisation());
  EXPECT_NE(list.entries(0).hash(), list.entries(1).hash());
  v1::GetVersionRequest request;
  request.set_id(2);
  v1::GetVersionResponse version;
  ASSERT_TRUE(Call("OrganisationService/GetVersion", request, version).ok());
  EXPECT_EQ(version.against(), 1U);
  EXPECT_THAT(version.differences(), ::testing::ElementsAre("~ name: api-test -> renamed"));
  EXPECT_EQ(version.yaml(), Get().yaml());
  request.set_id(7);
  EXPECT_THAT(Message(Call("OrganisationService/GetVersion", request, version)), HasSubstr("tocsin versions"));
}

TEST_F(OrganisationTest, RollsBackToTheSameBytesHashAndSecrets) {
  const v1::GetOrganisationResponse before = Get();
  std::string changed = Renamed();
  changed.replace(changed.find(kSmtpPassword), kSmtpPassword.size(), "another-password");
  ASSERT_EQ(ApplyText(changed).version(), 2U);
  EXPECT_NE(Get().hash(), before.hash());
  v1::RollBackRequest request;
  request.set_version(1);
  request.set_dry_run(true);
  v1::ApplyOrganisationResponse response;
  ASSERT_TRUE(Call("OrganisationService/RollBack", request, response).ok());
  EXPECT_THAT(response.differences(), Contains("~ name: renamed -> api-test"));
  EXPECT_EQ(Get().version(), 2U);
  request.set_dry_run(false);
  request.set_reason("it paged everybody");
  ASSERT_TRUE(Call("OrganisationService/RollBack", request, response).ok());
  EXPECT_EQ(response.version(), 3U);
  EXPECT_EQ(Get().yaml(), before.yaml());
  EXPECT_EQ(Get().hash(), before.hash());
  EXPECT_EQ(Get().organisation().SerializeAsString(), before.organisation().SerializeAsString());
  engine_->ReadResponderAndWait([](const Responder& responder, const Now&) {
    EXPECT_EQ(responder.state().organisation->smtp.password, kSmtpPassword);
  });
  v1::ListVersionsResponse list;
  ASSERT_TRUE(Call("OrganisationService/ListVersions", v1::ListVersionsRequest(), list).ok());
  EXPECT_EQ(list.entries(0).version().repeats(), 1U);
  EXPECT_EQ(list.entries(0).version().reason(), "it paged everybody");
  EXPECT_EQ(list.entries(0).hash(), list.entries(2).hash());
}

TEST_F(OrganisationTest, RefusesWhoeverLookedAtAnOlderVersion) {
  ASSERT_EQ(ApplyText(Renamed()).version(), 2U);
  v1::RollBackRequest request;
  request.set_version(1);
  request.set_expected_version(1);
  v1::ApplyOrganisationResponse response;
  EXPECT_THAT(Message(Call("OrganisationService/RollBack", request, response)), HasSubstr("aborted: version 1"));
  EXPECT_EQ(Get().version(), 2U);
}

TEST_F(OrganisationTest, WritesEveryChangeIntoTheAuditLog) {
  const std::uint64_t group = FireGroup("Disk");
  v1::GroupCommand acknowledge;
  acknowledge.set_id(group);
  v1::CommandResponse done;
  ASSERT_TRUE(Call("GroupService/AcknowledgeGroup", acknowledge, done).ok());
  v1::ListAuditRequest request;
  v1::ListAuditResponse all;
  ASSERT_TRUE(Call("AuditService/ListAudit", request, all).ok());
  ASSERT_EQ(all.entries_size(), 2);
  EXPECT_EQ(all.entries(0).action(), "AcknowledgeGroup");
  EXPECT_EQ(all.entries(0).actor(), "user:admin");
  EXPECT_EQ(all.entries(0).origin(), "http 127.0.0.1");
  EXPECT_EQ(all.entries(1).action(), "ApplyOrganisation");
  EXPECT_EQ(all.entries(1).after(), "version 1");
  request.set_object(absl::StrFormat("G%d", group));
  ASSERT_TRUE(Call("AuditService/ListAudit", request, all).ok());
  EXPECT_EQ(all.entries_size(), 1);
  request.set_actor("user:nobody");
  ASSERT_TRUE(Call("AuditService/ListAudit", request, all).ok());
  EXPECT_EQ(all.entries_size(), 0);
  EXPECT_EQ(all.next_cursor(), "");
}

TEST_F(OrganisationTest, ReadsNeitherTheServersFilesNorItsEnvironment) {
  for (const std::string& reference :
       {"password_file: " + folder_ + "/admin.token", std::string("password_env: HOME")}) {
    std::string text = OrganisationYaml();
    const std::string password = "password: " + std::string(kSmtpPassword);
    text.replace(text.find(password), password.size(), reference);
    const v1::ApplyOrganisationResponse response = ApplyText(text);
    EXPECT_GT(response.problems_size(), 0) << reference;
    EXPECT_THAT(response.ShortDebugString(), Not(HasSubstr(token_)));
  }
}

// Asks everything that there is to ask, about objects that hold secrets.
TEST_F(OrganisationTest, NeverShowsASecretOrALinkThatActs) {
  const std::uint64_t id = FireGroup("Disk");
  const std::string link = LinkOf(id);
  std::string shown = shown_;
  for (const Method& method : Methods()) {
    const std::string name =
        std::string(method.service.substr(std::string_view("tocsin.v1.").size())) + "/" + std::string(method.name);
    shown += Post(name, "{}").body;
    shown += Post(name, "", "application/proto").body;
  }
  v1::GetGroupRequest request;
  request.set_id(id);
  v1::GetGroupResponse group;
  ASSERT_TRUE(Call("GroupService/GetGroup", request, group).ok());
  ASSERT_GT(group.notifications_size(), 0);
  for (const v1::Page& page : group.pages())
    shown += Post("PageService/GetPage", absl::StrFormat("{\"id\": %d}", page.id())).body;
  shown += Post("ExplainService/Explain", absl::StrFormat("{\"group\": %d}", id)).body;
  std::string changed = OrganisationYaml();
  for (const std::string_view secret : {kHookSecret, kSmtpPassword, kTwilioToken})
    changed.insert(changed.find(secret), "new-");
  shown += ApplyText(changed, true).ShortDebugString();
  shown += shown_;
  EXPECT_THAT(shown, HasSubstr("ann")) << "something was shown";
  for (const std::string_view secret :
       {kHookSecret, kStreamKey, kSmtpPassword, kTwilioToken, std::string_view(token_), std::string_view(link)}) {
    EXPECT_EQ(shown.find(secret), std::string::npos)
        << secret << " in ..." << shown.substr(shown.find(secret) < 200 ? 0 : shown.find(secret) - 200, 300);
  }
}

}  // namespace
}  // namespace tocsin
