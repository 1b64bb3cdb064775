// Declaring the organisation: all or nothing, and its secrets stay inside.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/api/world.h"

namespace tocsin {
namespace {

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
  ASSERT_GT(ApplyText(shown).sequence(), 0U);
  engine_->ReadResponderAndWait([](const Responder& responder, const Now&) {
    EXPECT_EQ(responder.state().organisation->twilio.auth_token, kTwilioToken);
    EXPECT_EQ(responder.state().organisation->smtp.password, kSmtpPassword);
  });
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
