// People who log in: invitations, passwords, sessions, and what they may do; by JSON, by the browser's cookie.
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "model/integration_key.h"
#include "tests/api/world.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kPeople = R"(
name: people
fallback_user: dave
users:
  - {id: ann, contact_methods: [{id: desk, kind: terminal, address: ann}]}
  - {id: bob, role: responder, contact_methods: [{id: desk, kind: terminal, address: bob}]}
  - {id: mia, role: manager, contact_methods: [{id: desk, kind: terminal, address: mia}]}
  - {id: root, role: admin, contact_methods: [{id: desk, kind: terminal, address: root}]}
  - {id: dave, contact_methods: [{id: desk, kind: terminal, address: dave}]}
  - {id: carl, contact_methods: [{id: desk, kind: terminal, address: carl}]}
teams:
  - {id: web, members: [ann]}
  - {id: db, members: [dave, carl], managers: [bob], viewers: [dave]}
policies:
  - {id: web, team: web, steps: [{delay: 10m, targets: [{user: ann}]}]}
  - {id: db, team: db, steps: [{delay: 10m, targets: [{user: dave}]}]}
integrations: [{id: stream, source: stream, key: stream-key-which-nobody-may-see}]
route: {policy: web, group_by: [alertname], group_wait: 0s, routes: [{id: db, matchers: ['service="db"'], policy: db}]}
)";
constexpr std::string_view kPassword = "correct horse battery";

class SignInTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    ApplySample(std::string(kPeople));
    admin_ = token_;
  }
  absl::Status Apply(std::string_view from, std::string_view to) {
    std::string text(kPeople);
    text.replace(text.find(from), from.size(), to);
    v1::ApplyOrganisationRequest request;
    auto& file = *request.add_files();
    file.set_name("o.yaml");
    file.set_text(text);
    v1::ApplyOrganisationResponse response;
    const absl::Status status = Call("OrganisationService/ApplyOrganisation", request, response);
    EXPECT_EQ(response.problems_size(), 0) << response.ShortDebugString();
    return status;
  }
  absl::StatusOr<std::string> Invite(const std::string& user, bool reset = false) {
    v1::InviteUserRequest request;
    request.set_user(user);
    request.set_reset(reset);
    v1::InviteUserResponse response;
    TOCSIN_TRY(Call("SignInService/InviteUser", request, response));
    return response.invitation();
  }
  absl::Status Accept(const std::string& invitation, std::string_view password = kPassword) {
    v1::AcceptInvitationRequest request;
    request.set_invitation(invitation);
    request.set_password(std::string(password));
    v1::AcceptInvitationResponse response;
    return Call("SignInService/AcceptInvitation", request, response);
  }
  absl::StatusOr<std::string> SignIn(const std::string& user, std::string_view password = kPassword) {
    v1::SignInRequest request;
    request.set_user(user);
    request.set_password(std::string(password));
    v1::SignInResponse response;
    TOCSIN_TRY(Call("SignInService/SignIn", request, response));
    return response.token();
  }
  // With a password from the start; returns a session's token.
  std::string Join(const std::string& user) {
    const std::string caller = std::exchange(token_, admin_);
    const absl::StatusOr<std::string> code = Invite(user);
    EXPECT_TRUE(code.ok()) << code.status();
    EXPECT_TRUE(Accept(code.value_or("")).ok());
    const absl::StatusOr<std::string> token = SignIn(user);
    EXPECT_TRUE(token.ok()) << token.status();
    token_ = caller;
    return token.value_or("");
  }
  v1::WhoAmIResponse Me(const std::string& token) {
    const std::string caller = std::exchange(token_, token);
    v1::WhoAmIResponse me;
    EXPECT_TRUE(Call("AccessService/WhoAmI", v1::WhoAmIRequest(), me).ok());
    token_ = caller;
    return me;
  }
  bool Opens(const std::string& token) {
    return Http("POST", "/tocsin.v1.AccessService/WhoAmI",
                {{"Content-Type", "application/json"}, {"Authorization", "Bearer " + token}}, "{}")
               .status == 200;
  }
  absl::Status Lock(const std::string& user, bool unlock = false) {
    v1::LockUserRequest request;
    request.set_user(user);
    request.set_unlock(unlock);
    v1::CommandResponse response;
    return Call("SignInService/LockUser", request, response);
  }

  std::string admin_;
};

TEST_F(SignInTest, AnInvitedPersonSetsAPasswordOnceAndLogsIn) {
  const std::string code = Invite("ann").value();
  EXPECT_THAT(Message(Accept(code, "short")), HasSubstr("12 characters")) << "the code is still good";
  ASSERT_TRUE(Accept(code).ok());
  EXPECT_THAT(Message(Accept(code)), HasSubstr("was used"));
  EXPECT_THAT(Message(Invite("ann").status()), HasSubstr("has a password already"));
  const std::string token = SignIn("ann").value();
  const v1::WhoAmIResponse me = Me(token);
  EXPECT_EQ(me.name(), "user:ann");
  EXPECT_TRUE(me.session());
  EXPECT_EQ(me.role(), v1::ROLE_VIEWER);
  ASSERT_EQ(me.team_roles_size(), 1);
  EXPECT_EQ(me.team_roles(0).team(), "web");
  EXPECT_EQ(me.team_roles(0).role(), v1::ROLE_RESPONDER);
  token_ = token;
  v1::CommandResponse done;
  ASSERT_TRUE(Call("SignInService/SignOut", v1::SignOutRequest(), done).ok());
  EXPECT_FALSE(Opens(token));
  token_ = admin_;
  EXPECT_THAT(Message(Call("SignInService/SignOut", v1::SignOutRequest(), done)), HasSubstr("no session"));
}

TEST_F(SignInTest, WhoeverMayNotComeInHearsTheSameWhateverTheReason) {
  Join("ann");
  Join("bob");
  ASSERT_TRUE(Lock("bob").ok());
  std::set<std::string> answers;
  for (const auto& [user, password] :
       std::vector<std::pair<std::string, std::string>>{{"ann", "the wrong password"},
                                                        {"bob", std::string(kPassword)},     // locked
                                                        {"mia", std::string(kPassword)},     // was never invited
                                                        {"nobody", std::string(kPassword)},  // is not there
                                                        {"", ""},
                                                        {"ann", ""},
                                                        {"ann", std::string(4096, 'x')}}) {
    const HttpResponse answer =
        Post("SignInService/SignIn", absl::StrFormat(R"({"user":"%s","password":"%s"})", user, password));
    EXPECT_EQ(answer.status, 401);
    answers.insert(answer.body);
    EXPECT_EQ(answer.body.find("xxxx"), std::string::npos);
  }
  EXPECT_EQ(answers.size(), 1U);
}

TEST_F(SignInTest, GuessingIsDelayedForAnyNameAlike) {
  Join("ann");
  for (const std::string user : {"ann", "nobody"}) {
    // The delay doubles: however long a guess takes here, the next one soon comes too early.
    absl::Status status;
    for (int i = 0; i < 12 && !absl::StrContains(Message(status), "resource_exhausted"); ++i)
      status = SignIn(user, "a wrong password").status();
    EXPECT_THAT(Message(status), HasSubstr("resource_exhausted: too many attempts failed: try again in")) << user;
  }
}

TEST_F(SignInTest, ASessionMayWhatTheOrganisationSaysAtTheMomentOfTheCall) {
  const std::string bob = Join("bob");
  token_ = bob;
  const HttpResponse before = Post("OrganisationService/GetOrganisation", "{}");
  EXPECT_EQ(before.status, 200) << "bob manages db";
  EXPECT_THAT(Message(Apply("{id: web, team: web, steps: [{delay: 10m", "{id: web, team: web, steps: [{delay: 9m")),
              HasSubstr("permission_denied"));
  EXPECT_TRUE(Apply("{id: db, team: db, steps: [{delay: 10m", "{id: db, team: db, steps: [{delay: 9m").ok());
  token_ = admin_;
  ASSERT_TRUE(Apply("managers: [bob], ", "").ok());
  token_ = bob;
  EXPECT_EQ(Post("OrganisationService/GetOrganisation", "{}").status, 403) << "at once";
  EXPECT_EQ(Me(bob).role(), v1::ROLE_RESPONDER);
  token_ = admin_;
  ASSERT_TRUE(Apply("{id: bob, role: responder", "{id: bob, role: admin").ok());
  token_ = bob;
  EXPECT_EQ(Post("BackupService/HashState", "{}").status, 200);
}

TEST_F(SignInTest, NobodyGivesOrTakesARoleThatTheyDoNotHave) {
  const std::string mia = Join("mia");
  const std::string bob = Join("bob");
  token_ = mia;
  EXPECT_THAT(Message(Apply("{id: mia, role: manager", "{id: mia, role: admin")), HasSubstr("users[mia].role"));
  EXPECT_THAT(Message(Apply("{id: root, role: admin", "{id: root")), HasSubstr("users[root].role"));
  EXPECT_TRUE(Apply("{id: carl,", "{id: carl, role: manager,").ok());
  token_ = admin_;
  ASSERT_TRUE(Apply("people", "people").ok());
  token_ = bob;  // manages db: carl is of that team alone
  EXPECT_THAT(Message(Apply("{id: carl,", "{id: carl, role: responder,")), HasSubstr("users[carl].role"));
  // By going back to a version in which they had more, neither.
  token_ = admin_;
  ASSERT_TRUE(Apply("{id: mia, role: manager", "{id: mia, role: admin").ok());
  ASSERT_TRUE(Apply("people", "people").ok());
  token_ = mia;
  v1::ListVersionsResponse versions;
  ASSERT_TRUE(Call("OrganisationService/ListVersions", v1::ListVersionsRequest(), versions).ok());
  v1::RollBackRequest back;
  back.set_version(versions.entries(1).version().id());
  v1::ApplyOrganisationResponse response;
  EXPECT_THAT(Message(Call("OrganisationService/RollBack", back, response)), HasSubstr("users[mia].role"));
}

TEST_F(SignInTest, APersonIsInvitedByThoseWhoMayAsMuchAndResetByAdmins) {
  const std::string mia = Join("mia");
  const std::string bob = Join("bob");
  const std::string ann = Join("ann");
  token_ = mia;
  EXPECT_THAT(Message(Invite("root").status()), HasSubstr("permission_denied"));
  EXPECT_TRUE(Invite("dave").ok());
  EXPECT_THAT(Message(Invite("ann", true).status()), HasSubstr("taken away by admins"));
  EXPECT_THAT(Message(Lock("ann")), HasSubstr("needs the role admin"));
  token_ = bob;
  EXPECT_TRUE(Invite("dave").ok()) << "of the team that bob manages";
  EXPECT_THAT(Message(Invite("ann").status()), HasSubstr("permission_denied"));
  EXPECT_THAT(Message(Invite("root").status()), HasSubstr("permission_denied"));
  token_ = ann;
  EXPECT_THAT(Message(Invite("dave").status()), HasSubstr("permission_denied"));
  token_ = admin_;
  const std::string again = Invite("ann", true).value();
  EXPECT_FALSE(Opens(ann)) << "her sessions are ended";
  EXPECT_THAT(Message(SignIn("ann").status()), HasSubstr("unauthenticated"));
  ASSERT_TRUE(Accept(again, "another long password").ok());
  EXPECT_TRUE(SignIn("ann", "another long password").ok());
}

TEST_F(SignInTest, SessionsEndWithThePasswordTheLockAndThePerson) {
  const std::string first = Join("ann");
  const std::string second = SignIn("ann").value();
  token_ = first;
  v1::ChangePasswordRequest change;
  change.set_former("not the former one");
  change.set_password("another long password");
  v1::CommandResponse done;
  EXPECT_THAT(Message(Call("SignInService/ChangePassword", change, done)), HasSubstr("former password is wrong"));
  EXPECT_TRUE(Opens(second));
  change.set_former(std::string(kPassword));
  ASSERT_TRUE(Call("SignInService/ChangePassword", change, done).ok());
  EXPECT_TRUE(Opens(first)) << "the one that changed it goes on";
  EXPECT_FALSE(Opens(second));
  token_ = admin_;
  ASSERT_TRUE(Lock("ann").ok());
  EXPECT_FALSE(Opens(first));
  ASSERT_TRUE(Lock("ann", /*unlock=*/true).ok());
  const std::string third = SignIn("ann", "another long password").value();
  EXPECT_TRUE(Opens(third));
  const std::string gone = absl::StrReplaceAll(
      std::string(kPeople), {{"id: ann,", "id: zoe,"}, {"[ann]", "[zoe]"}, {"user: ann", "user: zoe"}});
  ApplySample(gone);
  EXPECT_FALSE(Opens(third));
  ApplySample(std::string(kPeople));
  EXPECT_FALSE(Opens(third)) << "who comes back, or comes by that name, begins anew";
  EXPECT_THAT(Message(SignIn("ann", "another long password").status()), HasSubstr("unauthenticated"));
}

TEST_F(SignInTest, TheTokensOfALockedPersonOpenNothingUntilItIsUnlocked) {
  const std::string session = Join("ann");
  v1::CreateTokenRequest request;
  request.set_user("ann");
  request.set_name("laptop");
  request.set_role(v1::ROLE_VIEWER);
  v1::CreateTokenResponse made;
  ASSERT_TRUE(Call("AccessService/CreateToken", request, made).ok());
  ASSERT_TRUE(Opens(made.token()));
  ASSERT_TRUE(Lock("ann").ok());
  const HttpResponse refused =
      Http("POST", "/tocsin.v1.AccessService/WhoAmI",
           {{"Content-Type", "application/json"}, {"Authorization", "Bearer " + made.token()}}, "{}");
  EXPECT_EQ(refused.status, 401);
  EXPECT_THAT(refused.body, HasSubstr("tocsin user unlock ann"));
  ASSERT_TRUE(Lock("ann", /*unlock=*/true).ok());
  EXPECT_TRUE(Opens(made.token()));
  EXPECT_FALSE(Opens(session)) << "sessions are over";
}

TEST_F(SignInTest, ASessionEndsWhenItIsIdleByTheClockOfTheDoors) {
  const std::string token = Join("ann");
  const auto set_clock = [this](absl::Time now) {
    const MutexLock lock(wall_mutex_);
    wall_ = now;
  };
  std::vector<TokenId> renewed;
  auth_->set_renew([&](TokenId id) { renewed.push_back(id); });
  const absl::Time now = clock_.Read().wall;
  EXPECT_TRUE(Opens(token));
  EXPECT_TRUE(renewed.empty()) << "it has just begun";
  set_clock(now + absl::Hours(11));
  EXPECT_TRUE(Opens(token));
  EXPECT_TRUE(Opens(token));
  EXPECT_EQ(renewed.size(), 1U) << "once a minute at most";
  set_clock(now + absl::Hours(13));
  const HttpResponse late = Http("POST", "/tocsin.v1.AccessService/WhoAmI",
                                 {{"Content-Type", "application/json"}, {"Authorization", "Bearer " + token}}, "{}");
  EXPECT_EQ(late.status, 401);
  EXPECT_THAT(late.body, HasSubstr("log in again"));
}

TEST_F(SignInTest, ListsShowWhoCanLogInAndNoSecret) {
  const std::string token = Join("ann");
  const std::string code = Invite("bob").value();
  ASSERT_TRUE(Lock("mia").ok());
  v1::ListUsersResponse users;
  ASSERT_TRUE(Call("SignInService/ListUsers", v1::ListUsersRequest(), users).ok());
  std::map<std::string, v1::ListUsersResponse::Entry> by;
  for (const auto& entry : users.entries())
    by[entry.user()] = entry;
  EXPECT_TRUE(by["ann"].has_password());
  EXPECT_EQ(by["ann"].sessions(), 1U);
  EXPECT_TRUE(by["bob"].has_invited_until());
  EXPECT_EQ(by["bob"].role(), v1::ROLE_RESPONDER);
  ASSERT_EQ(by["bob"].team_roles_size(), 1);
  EXPECT_EQ(by["bob"].team_roles(0).role(), v1::ROLE_MANAGER);
  EXPECT_TRUE(by["mia"].locked());
  EXPECT_EQ(by["dave"].team_roles_size(), 0) << "a member who only sees";
  v1::ListTokensResponse tokens;
  ASSERT_TRUE(Call("AccessService/ListTokens", v1::ListTokensRequest(), tokens).ok());
  ASSERT_EQ(tokens.entries_size(), 1);
  EXPECT_TRUE(tokens.entries(0).token().session());
  EXPECT_EQ(tokens.entries(0).token().hash(), "");
  v1::ListAuditResponse audit;
  ASSERT_TRUE(Call("AuditService/ListAudit", v1::ListAuditRequest(), audit).ok());
  const std::string shown = users.ShortDebugString() + tokens.ShortDebugString() + audit.ShortDebugString();
  for (const std::string& secret :
       {token, code, HashKey(token), HashKey(code), std::string("argon2"), std::string(kPassword)})
    EXPECT_THAT(shown, Not(HasSubstr(secret)));
}

class CookieTest : public SignInTest {
 protected:
  struct Browser {
    std::string cookie;
    std::string csrf;
  };
  HttpResponse PostLogin(HttpHeaders headers = {}, std::string_view password = kPassword) {
    headers.push_back({"Content-Type", "application/json"});
    return Http("POST", "/login", std::move(headers),
                absl::StrFormat(R"({"user":"ann","password":"%s"})", std::string(password)));
  }
  static std::string Field(const HttpResponse& response, const std::string& name) {
    google::protobuf::Struct body;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(response.body, &body).ok()) << response.body;
    return body.fields().contains(name) ? body.fields().at(name).string_value() : "";
  }
  Browser LogIn() {
    const HttpResponse answer = PostLogin();
    EXPECT_EQ(answer.status, 200) << answer.body;
    const std::string_view set = FindHeader(answer.headers, "set-cookie");
    return {std::string(set.substr(0, set.find(';'))), Field(answer, "csrf")};
  }
  int Ask(const HttpHeaders& headers) {
    HttpHeaders all = headers;
    all.push_back({"Content-Type", "application/json"});
    return Http("POST", "/tocsin.v1.AccessService/WhoAmI", all, "{}").status;
  }
};

TEST_F(CookieTest, OpensTheApiWithItsHeaderAndNotWithoutNorFromAnotherSite) {
  Join("ann");
  const Browser browser = LogIn();
  const HttpHeader cookie = {"Cookie", browser.cookie};
  const HttpHeader csrf = {"X-Tocsin-Csrf", browser.csrf};
  const std::string host = absl::StrFormat("127.0.0.1:%d", http_->port());
  EXPECT_EQ(Ask({cookie, csrf}), 200);
  EXPECT_EQ(Ask({{"Cookie", "theme=dark; " + browser.cookie + "; x=y"}, csrf}), 200);
  EXPECT_EQ(Ask({cookie, csrf, {"Origin", "http://" + host}, {"Sec-Fetch-Site", "same-origin"}}), 200);
  EXPECT_EQ(Ask({cookie}), 403);
  EXPECT_EQ(Ask({cookie, {"X-Tocsin-Csrf", ""}}), 403);
  EXPECT_EQ(Ask({cookie, {"X-Tocsin-Csrf", HashKey("another")}}), 403);
  EXPECT_EQ(Ask({cookie, csrf, {"Origin", "https://evil.example"}}), 403);
  EXPECT_EQ(Ask({cookie, csrf, {"Origin", "http://" + host + ".evil.example"}}), 403);
  EXPECT_EQ(Ask({cookie, csrf, {"Origin", "null"}}), 403);
  EXPECT_EQ(Ask({cookie, csrf, {"Sec-Fetch-Site", "cross-site"}}), 403);
  EXPECT_EQ(Ask({cookie, csrf, {"Sec-Fetch-Site", "same-site"}}), 403);
  EXPECT_EQ(Ask({csrf}), 401);
  EXPECT_EQ(Ask({{"Cookie", browser.cookie + "; " + browser.cookie}, csrf}), 401) << "somebody has set one of them";
  EXPECT_EQ(Ask({{"Cookie", "tocsin-session=" + admin_}, csrf}), 401) << "no session's";
  EXPECT_EQ(Ask({cookie, csrf, {"Authorization", "Bearer wrong"}}), 401) << "what is shown counts, and nothing else";
}

TEST_F(CookieTest, IsOutOfReachOfScriptsAndOfOtherSitesAndOfPlainHttpBehindTls) {
  Join("ann");
  const std::string plain(FindHeader(PostLogin().headers, "set-cookie"));
  EXPECT_THAT(plain, testing::StartsWith("tocsin-session=tocsin_"));
  for (const char* part : {"; Path=/", "; HttpOnly", "; SameSite=Strict", "; Max-Age=604800"})
    EXPECT_THAT(plain, HasSubstr(part));
  EXPECT_THAT(plain, Not(HasSubstr("Secure"))) << "it would not come back by http";
  ASSERT_TRUE(Apply("name: people", "name: people\npublic_url: https://tocsin.example.com").ok());
  const std::string secure(FindHeader(PostLogin().headers, "set-cookie"));
  EXPECT_THAT(secure, testing::StartsWith("__Host-tocsin=tocsin_"));
  EXPECT_THAT(secure, HasSubstr("; Secure"));
  EXPECT_THAT(secure, HasSubstr("; Path=/;"));
  EXPECT_THAT(secure, Not(HasSubstr("Domain"))) << "__Host- forbids it";
  const HttpResponse answer = Http("GET", "/session", {{"Cookie", plain.substr(0, plain.find(';'))}});
  EXPECT_EQ(answer.status, 401) << "a cookie that could have come by http opens nothing any more";
}

TEST_F(CookieTest, ALoginIsNewWhateverTheBrowserHadAndNoSecretStaysInCaches) {
  Join("ann");
  const Browser first = LogIn();
  const HttpResponse again = PostLogin({{"Cookie", first.cookie}});
  const std::string_view set = FindHeader(again.headers, "set-cookie");
  EXPECT_NE(set.substr(0, set.find(';')), first.cookie) << "a session that was slipped in is not what one logs in to";
  EXPECT_EQ(FindHeader(again.headers, "cache-control"), "no-store");
  const HttpResponse session = Http("GET", "/session", {{"Cookie", first.cookie}});
  EXPECT_EQ(session.status, 200);
  EXPECT_EQ(Field(session, "user"), "ann");
  EXPECT_EQ(Field(session, "csrf"), first.csrf);
  EXPECT_EQ(FindHeader(session.headers, "cache-control"), "no-store");
  EXPECT_THAT(session.body + again.body, Not(HasSubstr("tocsin_"))) << "the token itself is in the cookie only";
  EXPECT_EQ(Http("GET", "/session", {{"Cookie", first.cookie}, {"Sec-Fetch-Site", "cross-site"}}).status, 403);
}

TEST_F(CookieTest, PeopleLogInByJsonOnAPageOfThisServerOnly) {
  Join("ann");
  const std::string body = absl::StrFormat(R"({"user":"ann","password":"%s"})", std::string(kPassword));
  for (const std::string type : {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""})
    EXPECT_EQ(Http("POST", "/login", {{"Content-Type", type}}, body).status, 415) << type;
  EXPECT_EQ(PostLogin({{"Origin", "https://evil.example"}}).status, 403);
  EXPECT_EQ(PostLogin({{"Sec-Fetch-Site", "cross-site"}}).status, 403);
  EXPECT_EQ(PostLogin({}, "the wrong password").status, 401);
  EXPECT_EQ(Http("POST", "/login", {{"Content-Type", "application/json"}}, "{\"user\":").status, 400);
  EXPECT_EQ(Http("POST", "/login", {{"Content-Type", "application/json"}}, std::string(10'000, ' ')).status, 413);
  EXPECT_EQ(Http("GET", "/login").status, 405);
}

TEST_F(CookieTest, LoggingOutEndsTheSessionAndTakesTheHeaderToo) {
  Join("ann");
  const Browser browser = LogIn();
  EXPECT_EQ(Http("POST", "/logout", {{"Cookie", browser.cookie}}).status, 403);
  EXPECT_EQ(Ask({{"Cookie", browser.cookie}, {"X-Tocsin-Csrf", browser.csrf}}), 200);
  const HttpResponse out = Http("POST", "/logout", {{"Cookie", browser.cookie}, {"X-Tocsin-Csrf", browser.csrf}});
  EXPECT_EQ(out.status, 200) << out.body;
  EXPECT_THAT(std::string(FindHeader(out.headers, "set-cookie")), HasSubstr("Max-Age=0"));
  EXPECT_EQ(Ask({{"Cookie", browser.cookie}, {"X-Tocsin-Csrf", browser.csrf}}), 401);
  EXPECT_EQ(Http("POST", "/logout", {{"Cookie", browser.cookie}}).status, 200) << "it is ended already";
}

}  // namespace
}  // namespace tocsin
