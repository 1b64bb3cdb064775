// People's accounts and sessions: who may set which password, and what ends what.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "tests/responder/world.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const std::string kCode(64, 'c');
const std::string kOther(64, 'd');

CommandResult Invite(World& world, std::string_view user, const std::string& code = kCode, bool reset = false) {
  return world.Do(InviteUser{UserId(user), code, world.now().wall + absl::Hours(24), reset}, "user:admin");
}
absl::Status Accept(World& world, const std::string& code = kCode, const std::string& password = "$argon2id$one") {
  return world.Do(SetPassword{{}, password, code}, "user:alice").status;
}
CommandResult LogIn(World& world, std::string_view user, char digit, const std::string& password = "$argon2id$one") {
  SignIn command;
  command.session.user = UserId(user);
  command.session.hash = std::string(64, digit);
  command.session.name = "laptop";
  command.password = password;
  return world.Do(std::move(command), "user:" + std::string(user));
}
std::vector<AuditEntry> Entries(const World& world) {
  std::vector<AuditEntry> entries;
  for (const Change& change : world.journal()) {
    for (const Row& row : change.rows) {
      if (const auto* entry = std::get_if<AuditEntry>(&row)) entries.push_back(*entry);
    }
  }
  return entries;
}

TEST(AccountTest, AnInvitationSetsOnePasswordOnceAndRunsOut) {
  World world;
  ASSERT_TRUE(Invite(world, "alice").status.ok());
  EXPECT_TRUE(absl::IsPermissionDenied(Accept(world, kOther))) << "another code";
  world.Crash();
  ASSERT_TRUE(Accept(world).ok());
  EXPECT_TRUE(absl::IsPermissionDenied(Accept(world))) << "once";
  world.Crash();
  ASSERT_THAT(world.state().accounts, SizeIs(1));
  EXPECT_EQ(world.state().accounts.begin()->second.password, "$argon2id$one");
  ASSERT_TRUE(Invite(world, "bob").status.ok());
  world.Pass(absl::Hours(24));
  EXPECT_TRUE(absl::IsPermissionDenied(Accept(world))) << "too late";
}

TEST(AccountTest, ANewInvitationReplacesTheOneBefore) {
  World world;
  ASSERT_TRUE(Invite(world, "alice").status.ok());
  ASSERT_TRUE(Invite(world, "alice", kOther).status.ok());
  EXPECT_TRUE(absl::IsPermissionDenied(Accept(world, kCode)));
  EXPECT_TRUE(Accept(world, kOther).ok());
}

TEST(AccountTest, WhoHasAPasswordIsInvitedByAResetOnlyWhichEndsIt) {
  World world;
  ASSERT_TRUE(Invite(world, "alice").status.ok());
  ASSERT_TRUE(Accept(world).ok());
  ASSERT_TRUE(LogIn(world, "alice", 'a').status.ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(Invite(world, "alice").status));
  EXPECT_THAT(world.state().tokens, SizeIs(1)) << "a refusal ends nothing";
  ASSERT_TRUE(Invite(world, "alice", kOther, /*reset=*/true).status.ok());
  EXPECT_THAT(world.state().tokens, IsEmpty());
  EXPECT_TRUE(absl::IsAborted(LogIn(world, "alice", 'b').status));
  EXPECT_TRUE(absl::IsAborted(LogIn(world, "alice", 'b', "").status)) << "no password is no password";
}

TEST(AccountTest, APasswordIsChangedByWhoeverHasTheFormerOneAndEndsOtherSessions) {
  World world;
  ASSERT_TRUE(Invite(world, "alice").status.ok());
  ASSERT_TRUE(Accept(world).ok());
  const TokenId keep(LogIn(world, "alice", 'a').id);
  ASSERT_TRUE(LogIn(world, "alice", 'b').status.ok());
  EXPECT_TRUE(
      absl::IsAborted(world.Do(SetPassword{UserId("alice"), "$argon2id$two", "", "$argon2id$no", keep}).status));
  ASSERT_TRUE(world.Do(SetPassword{UserId("alice"), "$argon2id$two", "", "$argon2id$one", keep}).status.ok());
  ASSERT_THAT(world.state().tokens, SizeIs(1));
  EXPECT_EQ(world.state().tokens.begin()->first, keep);
  EXPECT_TRUE(absl::IsAborted(LogIn(world, "alice", 'c').status)) << "verified against what was there before";
}

TEST(AccountTest, WhoIsLockedIsOutAndStaysOut) {
  World world;
  ASSERT_TRUE(Invite(world, "alice").status.ok());
  ASSERT_TRUE(Accept(world).ok());
  ASSERT_TRUE(LogIn(world, "alice", 'a').status.ok());
  ASSERT_TRUE(world.Do(LockUser{UserId("alice"), true}, "user:admin").status.ok());
  EXPECT_THAT(world.state().tokens, IsEmpty());
  world.Crash();
  EXPECT_TRUE(absl::IsAborted(LogIn(world, "alice", 'b').status));
  EXPECT_TRUE(absl::IsFailedPrecondition(Invite(world, "alice", kOther, true).status));
  EXPECT_TRUE(
      absl::IsAborted(world.Do(SetPassword{UserId("alice"), "$argon2id$two", "", "$argon2id$one", TokenId()}).status));
  ASSERT_TRUE(world.Do(LockUser{UserId("alice"), false}, "user:admin").status.ok());
  EXPECT_TRUE(LogIn(world, "alice", 'b').status.ok());
}

TEST(AccountTest, WhatALockedPersonHasGivenOutLetsNobodyIn) {
  World world;
  const auto invite = [&](std::string_view user, const std::string& code, std::string_view by) {
    return world.Do(InviteUser{UserId(user), code, world.now().wall + absl::Hours(24), false}, by).status;
  };
  ASSERT_TRUE(invite("bob", kCode, "user:alice").ok());
  ASSERT_TRUE(invite("carol", kOther, "user:admin").ok());
  ASSERT_TRUE(world.Do(LockUser{UserId("alice"), true}, "user:admin").status.ok());
  EXPECT_TRUE(absl::IsPermissionDenied(Accept(world, kCode)));
  world.Crash();
  EXPECT_TRUE(absl::IsPermissionDenied(Accept(world, kCode)));
  EXPECT_TRUE(Accept(world, kOther).ok()) << "others' go on";
}

TEST(AccountTest, WhoIsLockedBeforeTheirFirstPasswordSetsNone) {
  World world;
  ASSERT_TRUE(Invite(world, "alice").status.ok());
  ASSERT_TRUE(world.Do(LockUser{UserId("alice"), true}, "user:admin").status.ok());
  EXPECT_TRUE(absl::IsPermissionDenied(Accept(world)));
}

TEST(AccountTest, WhoLeavesTheOrganisationLeavesNothingForTheNextOfThatName) {
  World world;
  const Organisation without = *world.state().organisation;
  Organisation with = without;
  with.users.push_back(without.users.front());
  with.users.back().id = UserId("zora");  // in no schedule, and so free to go
  world.Apply(with);
  ASSERT_TRUE(Invite(world, "zora").status.ok());
  ASSERT_TRUE(Accept(world).ok());
  ASSERT_TRUE(LogIn(world, "zora", 'a').status.ok());
  AccessToken laptop;
  laptop.user = UserId("zora");
  laptop.name = "laptop";
  laptop.hash = std::string(64, 'e');
  ASSERT_TRUE(world.Do(CreateToken{laptop}, "user:admin").status.ok());
  world.Apply(without);
  EXPECT_THAT(world.state().accounts, IsEmpty());
  EXPECT_THAT(world.state().tokens, IsEmpty());
  world.Apply(with);
  EXPECT_TRUE(absl::IsAborted(LogIn(world, "zora", 'b').status));
}

TEST(AccountTest, WhatWhoeverHasLeftHasGivenOutLetsNobodyIn) {
  World world;
  const Organisation without = *world.state().organisation;
  Organisation with = without;
  with.users.push_back(without.users.front());
  with.users.back().id = UserId("zora");
  world.Apply(with);
  const auto invite = [&](std::string_view user, const std::string& code, std::string_view by) {
    return world.Do(InviteUser{UserId(user), code, world.now().wall + absl::Hours(24), false}, by).status;
  };
  ASSERT_TRUE(invite("bob", kCode, "user:zora").ok());
  ASSERT_TRUE(invite("carol", kOther, "user:admin").ok());
  world.Apply(without);
  EXPECT_TRUE(absl::IsPermissionDenied(Accept(world, kCode)));
  EXPECT_TRUE(Accept(world, kOther).ok()) << "others' go on, those of the server's own token above all";
}

CommandResult ComeBy(
    World& world, std::string_view user, const Identity& identity, char digit, const Rights& granted = {}) {
  SignIn command;
  command.session.user = UserId(std::string(user));
  command.session.hash = std::string(64, digit);
  command.session.voucher = {"company", identity, "sid", granted};
  return world.Do(std::move(command), "user:" + std::string(user));
}
const Identity kAlices = {"https://sso.example.com", "s1"};

TEST(AccountTest, AnIdentityIsOnePersonsFromTheFirstLoginOn) {
  World world;
  const Rights granted = {Role::kResponder, {{TeamId("web"), Role::kManager}}};
  ASSERT_TRUE(ComeBy(world, "alice", kAlices, 'a', granted).status.ok()) << "without an invitation or a password";
  EXPECT_THAT(Entries(world).back().text, HasSubstr("by company, responder, manager for web"));
  world.Crash();
  ASSERT_THAT(world.state().accounts, SizeIs(1));
  EXPECT_EQ(world.state().accounts.begin()->second.identities, std::vector<Identity>{kAlices});
  ASSERT_THAT(world.state().tokens, SizeIs(1));
  EXPECT_EQ(world.state().tokens.begin()->second.voucher, (Voucher{"company", kAlices, "sid", granted}));
  ASSERT_TRUE(ComeBy(world, "alice", kAlices, 'b').status.ok());
  EXPECT_EQ(world.state().accounts.begin()->second.identities.size(), 1U);
  EXPECT_THAT(tocsin::Message(ComeBy(world, "bob", kAlices, 'c').status), HasSubstr("\"alice\"'s already"));
  EXPECT_THAT(tocsin::Message(ComeBy(world, "alice", {kAlices.issuer, "s2"}, 'c').status),
              HasSubstr("another identity"));
  EXPECT_TRUE(ComeBy(world, "alice", {"https://other.example.com", "s1"}, 'c').status.ok()) << "another issuer's";
  EXPECT_TRUE(ComeBy(world, "bob", {kAlices.issuer, "s2"}, 'd').status.ok());
  EXPECT_TRUE(absl::IsInvalidArgument(ComeBy(world, "alice", {kAlices.issuer, ""}, 'e').status));
  EXPECT_TRUE(absl::IsNotFound(ComeBy(world, "nobody", {kAlices.issuer, "s3"}, 'e').status));
  EXPECT_TRUE(absl::IsAborted(LogIn(world, "alice", 'e', "").status)) << "no password is no password";
}

TEST(AccountTest, ALockAndAResetEndWhatAProviderVouchesFor) {
  World world;
  ASSERT_TRUE(ComeBy(world, "alice", kAlices, 'a').status.ok());
  ASSERT_TRUE(world.Do(LockUser{UserId("alice"), true}, "user:admin").status.ok());
  EXPECT_THAT(world.state().tokens, IsEmpty());
  EXPECT_TRUE(absl::IsAborted(ComeBy(world, "alice", kAlices, 'b').status));
  ASSERT_TRUE(world.Do(LockUser{UserId("alice"), false}, "user:admin").status.ok());
  ASSERT_TRUE(ComeBy(world, "alice", kAlices, 'b').status.ok());
  ASSERT_TRUE(Invite(world, "alice", kOther, /*reset=*/true).status.ok());
  EXPECT_THAT(world.state().tokens, IsEmpty());
  world.Crash();
  EXPECT_TRUE(ComeBy(world, "alice", {kAlices.issuer, "s2"}, 'c').status.ok()) << "found anew";
}

TEST(AccountTest, NoSecretIsInTheAuditLog) {
  World world;
  ASSERT_TRUE(Invite(world, "alice").status.ok());
  ASSERT_TRUE(Accept(world).ok());
  ASSERT_TRUE(LogIn(world, "alice", 'a').status.ok());
  ASSERT_TRUE(world.Do(LockUser{UserId("alice"), true}, "user:admin").status.ok());
  std::vector<std::string> actions;
  for (const AuditEntry& entry : Entries(world)) {
    actions.push_back(entry.action);
    for (const std::string& text : {entry.object, entry.before, entry.after, entry.text})
      EXPECT_THAT(text, Not(testing::AnyOf(HasSubstr("argon2"), HasSubstr("cccc"), HasSubstr("aaaa"))));
  }
  ASSERT_GE(actions.size(), 4U);
  actions.erase(actions.begin(), actions.end() - 4);
  EXPECT_THAT(actions, testing::ElementsAre("InviteUser", "AcceptInvitation", "SignIn", "LockUser"));
}

TEST(SessionTest, MovesOnWhileItIsUsedAndEndsAfterAWeekAnyhow) {
  World world;
  ASSERT_TRUE(Invite(world, "alice").status.ok());
  ASSERT_TRUE(Accept(world).ok());
  const TokenId id(LogIn(world, "alice", 'a').id);
  const absl::Time began = world.now().wall;
  EXPECT_EQ(world.state().tokens.at(id).expires_at, began + kSessionIdle);
  const std::size_t entries = Entries(world).size();
  for (int i = 0; i < 14; ++i) {
    world.Pass(absl::Hours(11));
    ASSERT_TRUE(world.Do(RenewSession{id}, "session").status.ok()) << i;
    EXPECT_EQ(world.state().tokens.at(id).expires_at, std::min(world.now().wall + kSessionIdle, began + kSessionLife));
  }
  world.Pass(absl::Hours(11));
  EXPECT_TRUE(world.Do(RenewSession{id}, "session").status.ok());
  EXPECT_EQ(world.state().tokens.at(id).expires_at, began + kSessionLife);
  world.Pass(absl::Hours(14));
  ASSERT_LE(began + kSessionLife, world.now().wall);
  EXPECT_TRUE(absl::IsNotFound(world.Do(RenewSession{id}, "session").status)) << "what has ended does not come back";
  EXPECT_THAT(Entries(world), SizeIs(entries)) << "use is no change";
}

TEST(SessionTest, OnePersonHasSoManyAndThoseOfATokenListAreNoTokens) {
  World world;
  ASSERT_TRUE(Invite(world, "alice").status.ok());
  ASSERT_TRUE(Accept(world).ok());
  std::vector<TokenId> ids;
  for (int i = 0; i < 12; ++i) {
    const CommandResult made = LogIn(world, "alice", static_cast<char>('a' + i));
    ASSERT_TRUE(made.status.ok()) << made.status;
    ids.emplace_back(made.id);
    world.Pass(absl::Minutes(1));
  }
  EXPECT_THAT(world.state().tokens, SizeIs(10));
  EXPECT_FALSE(world.state().tokens.contains(ids[0])) << "the one that was used least lately goes";
  EXPECT_FALSE(world.state().tokens.contains(ids[1]));
  AccessToken token;
  token.hash = std::string(64, 'z');
  token.user = UserId("alice");
  token.name = "laptop";
  EXPECT_TRUE(world.Do(CreateToken{token}).status.ok()) << "a session's name is no token's";
  EXPECT_TRUE(absl::IsNotFound(world.Do(RenewSession{TokenId(world.state().tokens.rbegin()->first)}).status));
}

}  // namespace
}  // namespace tocsin
