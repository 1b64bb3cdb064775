// What lets somebody in as somebody else, or lets them pass for somebody else, is given by those who may do as much.
#include "absl/strings/str_replace.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "tests/api/world.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;

// bob manages db, mia manages everything.
constexpr std::string_view kPeople = R"(
name: people
fallback_user: dave
users:
  - {id: bob, contact_methods: [{id: desk, kind: terminal, address: bob}]}
  - {id: mia, role: manager, contact_methods: [{id: desk, kind: terminal, address: mia}]}
  - {id: root, role: admin, contact_methods: [{id: desk, kind: terminal, address: root}]}
  - {id: dave, contact_methods: [{id: desk, kind: terminal, address: dave}]}
  - {id: carl, contact_methods: [{id: desk, kind: terminal, address: carl}]}
teams: [{id: db, members: [dave, carl], managers: [bob]}]
policies: [{id: db, team: db, steps: [{delay: 10m, targets: [{user: dave}]}]}]
integrations: [{id: stream, source: stream, key: stream-key-which-nobody-may-see}]
route: {policy: db, group_by: [alertname], group_wait: 0s}
)";

class RightsTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    ApplySample(std::string(kPeople));
    admin_ = token_;
  }
  absl::Status Apply(const std::string& text) {
    v1::ApplyOrganisationRequest request;
    auto& file = *request.add_files();
    file.set_name("o.yaml");
    file.set_text(text);
    v1::ApplyOrganisationResponse response;
    const absl::Status status = Call("OrganisationService/ApplyOrganisation", request, response);
    EXPECT_EQ(response.problems_size(), 0) << response.ShortDebugString();
    return status;
  }
  absl::Status Change(std::string_view from, std::string_view to) {
    return Apply(absl::StrReplaceAll(std::string(kPeople), {{std::string(from), std::string(to)}}));
  }
  // Of a session.
  std::string Token(const std::string& user) {
    const std::string caller = std::exchange(token_, admin_);
    v1::InviteUserRequest invite;
    invite.set_user(user);
    v1::InviteUserResponse invited;
    EXPECT_TRUE(Call("SignInService/InviteUser", invite, invited).ok());
    v1::AcceptInvitationRequest accept;
    accept.set_invitation(invited.invitation());
    accept.set_password("correct horse battery");
    v1::AcceptInvitationResponse accepted;
    EXPECT_TRUE(Call("SignInService/AcceptInvitation", accept, accepted).ok());
    v1::SignInRequest sign_in;
    sign_in.set_user(user);
    sign_in.set_password(accept.password());
    v1::SignInResponse session;
    EXPECT_TRUE(Call("SignInService/SignIn", sign_in, session).ok());
    token_ = caller;
    return session.token();
  }
  v1::WhoAmIResponse Me(const std::string& token) {
    const std::string caller = std::exchange(token_, token);
    v1::WhoAmIResponse me;
    EXPECT_TRUE(Call("AccessService/WhoAmI", v1::WhoAmIRequest(), me).ok());
    token_ = caller;
    return me;
  }
  bool Opens(const std::string& token) {
    const std::string caller = std::exchange(token_, token);
    const HttpResponse answer = Post("AccessService/WhoAmI", "{}");
    token_ = caller;
    return answer.status == 200;
  }

  std::string admin_;
};

// By an e-mail address a provider finds people: an address of one's own there is a login as that person.
TEST_F(RightsTest, NobodyGivesAnEmailAddressToWhomTheyCouldNotInvite) {
  const std::string bob = Token("bob");  // manages db
  const std::string mia = Token("mia");  // manages everything
  const auto with = [](std::string_view user, std::string_view address) {
    return std::pair(absl::StrFormat("address: %s}", user),
                     absl::StrFormat("address: %s}, {id: mail, kind: email, address: %s}", user, address));
  };
  const auto root_in_db = [](std::string text) {
    return absl::StrReplaceAll(text, {{"members: [dave, carl]", "members: [dave, carl, root]"}});
  };
  const std::string base = root_in_db(std::string(kPeople)) +
                           "smtp: {url: 'smtp://127.0.0.1:1', from: 'tocsin@example.com', require_tls: false}\n";
  ASSERT_TRUE(Apply(base).ok());
  for (const std::string& caller : {bob, mia}) {
    token_ = caller;
    EXPECT_THAT(Message(Apply(absl::StrReplaceAll(base, {with("root", "bob@example.com")}))),
                HasSubstr("users[root].contact_methods: by an e-mail address"));
    EXPECT_TRUE(Apply(absl::StrReplaceAll(base, {with("carl", "carl@example.com")})).ok());
    EXPECT_TRUE(Apply(base).ok()) << "taking one away lets nobody in";
  }
  // Nor by changing one, nor by going back to a version that had another.
  token_ = admin_;
  ASSERT_TRUE(Apply(absl::StrReplaceAll(base, {with("root", "root@example.com")})).ok());
  ASSERT_TRUE(Apply(absl::StrReplaceAll(base, {with("root", "new@example.com")})).ok());
  token_ = bob;
  EXPECT_TRUE(Apply(absl::StrReplaceAll(base, {with("root", "NEW@example.com")})).ok()) << "the same, but for case";
  EXPECT_THAT(Message(Apply(absl::StrReplaceAll(base, {with("root", "bob@example.com")}))), HasSubstr("users[root]"));
}

TEST_F(RightsTest, OnlyAdminsGiveNamesAsWhichTheServerActs) {
  const std::string mia = Token("mia");
  token_ = mia;
  constexpr std::string_view kCarl = "{id: carl, contact_methods: [{id: desk, kind: terminal, address: carl}]}";
  EXPECT_THAT(Message(Change(kCarl, std::string(kCarl) + "\n  - {id: Admin}")),
              HasSubstr("users[Admin]: the server's own token"));
  token_ = admin_;
  EXPECT_TRUE(Change(kCarl, std::string(kCarl) + "\n  - {id: admin}").ok());
  token_ = mia;
  EXPECT_TRUE(Change(kCarl, std::string(kCarl) + "\n  - {id: admin, name: One who was here}").ok());
}

TEST_F(RightsTest, ATokenInSomebodysNameIsMadeByThoseWhoMayAsMuchAndEndsItselfAlone) {
  ASSERT_TRUE(Change("members: [dave, carl]", "members: [dave, carl, root]").ok());
  const std::string bob = Token("bob");  // manages db
  const std::string root = Token("root");
  const auto make = [&](const std::string& user, absl::Status& status) {
    v1::CreateTokenRequest request;
    request.set_user(user);
    request.set_name("made for " + user);
    request.set_role(v1::ROLE_VIEWER);
    request.add_teams("db");
    v1::CreateTokenResponse made;
    status = Call("AccessService/CreateToken", request, made);
    return made.token();
  };
  absl::Status status;
  token_ = bob;
  EXPECT_EQ(make("root", status), "");
  EXPECT_THAT(Message(status), HasSubstr("may do what user:bob may not"));
  EXPECT_NE(make("carl", status), "") << status;
  // One that was made for her, by whoever may, is good for what it is and not for ending what else she has.
  token_ = admin_;
  const std::string given = make("root", status);
  ASSERT_TRUE(status.ok()) << status;
  token_ = given;
  v1::ListTokensResponse list;
  ASSERT_TRUE(Call("AccessService/ListTokens", v1::ListTokensRequest(), list).ok());
  ASSERT_EQ(list.entries_size(), 1) << "itself";
  v1::RevokeTokenRequest revoke;
  revoke.set_id(Me(root).token());
  v1::CommandResponse done;
  EXPECT_THAT(Message(Call("AccessService/RevokeToken", revoke, done)), HasSubstr("not_found"));
  EXPECT_TRUE(Opens(root));
  token_ = root;
  ASSERT_TRUE(Call("AccessService/ListTokens", v1::ListTokensRequest(), list).ok());
  EXPECT_GE(list.entries_size(), 2) << "whoever has logged in has all of their own";
  revoke.set_id(Me(given).token());
  EXPECT_TRUE(Call("AccessService/RevokeToken", revoke, done).ok());
  EXPECT_FALSE(Opens(given));
}

}  // namespace
}  // namespace tocsin
