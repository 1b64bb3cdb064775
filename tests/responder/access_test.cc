// Versions of the configuration, the audit log, access tokens: what the responder writes down about changes.
#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "engine/responder_access.h"
#include "tests/responder/world.h"

namespace tocsin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// All rows of a kind that were ever written, oldest first.
template <typename T>
std::vector<T> Written(const World& world) {
  std::vector<T> all;
  for (const Change& change : world.journal()) {
    for (const Row& row : change.rows) {
      if (const T* found = std::get_if<T>(&row)) all.push_back(*found);
    }
  }
  return all;
}

AuditEntry LastEntry(const World& world) {
  const std::vector<AuditEntry> all = Written<AuditEntry>(world);
  return all.empty() ? AuditEntry() : all.back();
}

Organisation Renamed(std::string_view name) {
  Organisation organisation = SampleOrganisation();
  organisation.name = name;
  return organisation;
}

ApplyOrganisation ApplyOf(const Organisation& organisation, std::string reason = "") {
  return {std::make_shared<const Organisation>(organisation), std::move(reason)};
}

TEST(ConfigurationVersionTest, EachApplyMakesTheNextWithAuthorReasonAndTime) {
  World world;
  world.Pass(absl::Minutes(3));
  const CommandResult result = world.Do(ApplyOf(Renamed("two"), "because"), "user:anna");
  EXPECT_EQ(result.id, 2);
  const std::vector<ConfigurationVersion> all = Written<ConfigurationVersion>(world);
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].id, ConfigurationId(1));
  EXPECT_EQ(all[1].id, ConfigurationId(2));
  EXPECT_EQ(all[1].author, "user:anna");
  EXPECT_EQ(all[1].reason, "because");
  EXPECT_EQ(all[1].at, Noon() + absl::Minutes(3));
  EXPECT_EQ(*all[1].organisation, Renamed("two"));
  EXPECT_EQ(world.state().counters.configuration, ConfigurationId(2));
  world.Crash();
  EXPECT_EQ(world.state().counters.configuration, ConfigurationId(2));
}

TEST(ConfigurationVersionTest, ApplyingPublishesTheNextRulesVersion) {
  World world;
  const RulesVersion before = world.rules()->version;
  world.Apply(Renamed("another"));
  EXPECT_EQ(world.rules()->version.value(), before.value() + 1);
  EXPECT_EQ(world.rules()->organisation, world.state().organisation);
  EXPECT_EQ(world.Count(TimelineEntry::Kind::kOrganisationApplied), 2);
}

TEST(ConfigurationVersionTest, WhatIsInForceAlreadyChangesNothingAtAll) {
  World world;
  const std::uint64_t hash = world.responder_hash();
  const RulesVersion rules = world.rules()->version;
  const CommandResult result = world.Do(ApplyOf(SampleOrganisation(), "again"));
  EXPECT_TRUE(result.status.ok()) << result.status;
  EXPECT_EQ(result.id, 1) << "the version that is in force";
  EXPECT_EQ(world.responder_hash(), hash);
  EXPECT_EQ(world.rules()->version, rules);
}

TEST(ConfigurationVersionTest, GoingBackIsANewVersionEqualToTheOldOne) {
  World world;
  ASSERT_TRUE(world.Do(ApplyOf(Renamed("two"))).status.ok());
  ApplyOrganisation back = ApplyOf(SampleOrganisation(), "two was bad");
  back.repeats = ConfigurationId(1);
  EXPECT_EQ(world.Do(back).id, 3);
  EXPECT_EQ(*world.state().organisation, SampleOrganisation());
  const std::vector<ConfigurationVersion> all = Written<ConfigurationVersion>(world);
  EXPECT_EQ(all.back().repeats, ConfigurationId(1));
  EXPECT_EQ(*all.back().organisation, *all.front().organisation);
  EXPECT_EQ(LastEntry(world).action, "RollBack");
  EXPECT_EQ(LastEntry(world).before, "version 2");
  EXPECT_EQ(LastEntry(world).after, "version 3");
  EXPECT_THAT(LastEntry(world).text, HasSubstr("the same as version 1: two was bad"));
}

TEST(ConfigurationVersionTest, WhoLookedAtAnOlderVersionIsRefused) {
  World world;
  ApplyOrganisation stale = ApplyOf(Renamed("mine"));
  stale.expected = ConfigurationId(1);
  ASSERT_TRUE(world.Do(ApplyOf(Renamed("theirs"))).status.ok());
  const absl::Status refused = world.Do(stale).status;
  EXPECT_TRUE(absl::IsAborted(refused)) << refused;
  EXPECT_THAT(refused.ToString(), HasSubstr("version 2"));
  EXPECT_EQ(world.state().organisation->name, "theirs");
  stale.expected = ConfigurationId(2);
  EXPECT_TRUE(world.Do(stale).status.ok());
}

TEST(ConfigurationVersionTest, OnlySoManyAreKept) {
  World world;
  for (std::uint64_t i = 2; i <= limits::kConfigurationVersions + 3; ++i)
    ASSERT_TRUE(world.Do(ApplyOf(Renamed(std::to_string(i)))).status.ok());
  const std::uint8_t table = KeyOf(Row(ConfigurationVersion())).table;
  std::vector<RowKey> removed;
  for (const Change& change : world.journal())
    removed.insert(removed.end(), change.removed.begin(), change.removed.end());
  std::erase_if(removed, [&](const RowKey& key) { return key.table != table; });
  EXPECT_THAT(removed, ElementsAre(RowKey{table, 1}, RowKey{table, 2}, RowKey{table, 3}));
}

TEST(ConfigurationVersionTest, AStoreFromBeforeThereWereVersionsBeginsWithWhatIsInForce) {
  Responder responder(World::Options());
  Change old;
  Counters counters;
  counters.next_id = 10;
  old.rows = {counters, std::make_shared<const Organisation>(SampleOrganisation())};
  responder.Fold(old);
  const Decision decision = responder.Start({Noon(), EngineTime(1)});
  EXPECT_EQ(responder.state().counters.configuration, ConfigurationId(1));
  bool found = false;
  for (const Row& row : decision.change.rows) {
    const auto* version = std::get_if<ConfigurationVersion>(&row);
    found = found || (version != nullptr && *version->organisation == SampleOrganisation());
  }
  EXPECT_TRUE(found);
}

TEST(ConfigurationVersionTest, ApplyingDisturbsNoTimer) {
  World world;
  world.Observe({});
  world.Observe({.name = "Disk"});
  world.Pass(absl::Seconds(20));
  const auto timers_of_groups = [&] {
    auto timers = world.state().timers;  // schedules are looked at again
    std::erase_if(timers, [](const auto& entry) { return entry.second.kind == Timer::Kind::kScheduleNews; });
    return timers;
  };
  const auto timers = timers_of_groups();
  ASSERT_FALSE(timers.empty());
  Organisation changed = SampleOrganisation();
  changed.route.group_wait = absl::Hours(1);
  changed.policies[0].steps[0].delay = absl::Seconds(1);
  ASSERT_TRUE(world.Do(ApplyOf(changed)).status.ok());
  EXPECT_EQ(timers_of_groups(), timers);
  world.Pass(absl::Seconds(10));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice", "sms alice")) << "by the group_wait that they began with";
}

TEST(AuditLogTest, AnEntryForEachChangeSaysWhoFromWhereWhatAndBeforeAndAfter) {
  World world;
  world.Observe({});
  world.Pass(absl::Minutes(1));
  const std::string group = "G" + std::to_string(world.Current()->id.value());
  Command command;
  command.actor = "user:anna";
  command.origin = "grpc 10.1.2.3";
  command.token = TokenId(77);
  command.body = AcknowledgeGroup{world.Current()->id, std::nullopt};
  ASSERT_TRUE(world.Take(world.responder().Handle(command, world.now())).result.status.ok());
  const AuditEntry entry = LastEntry(world);
  EXPECT_EQ(entry.actor, "user:anna");
  EXPECT_EQ(entry.token, TokenId(77));
  EXPECT_EQ(entry.origin, "grpc 10.1.2.3");
  EXPECT_EQ(entry.action, "AcknowledgeGroup");
  EXPECT_EQ(entry.object, group);
  EXPECT_THAT(entry.before, HasSubstr("open (generation 1)"));
  EXPECT_THAT(entry.after, HasSubstr("acknowledged by user:anna"));
  EXPECT_EQ(entry.at, world.now().wall);
}

TEST(AuditLogTest, NamesSilencesAndMaintenanceAsListsDo) {
  World world;
  CreateSilence create;
  create.silence.matchers = {
      {"alertname", MatchOp::kEqual, "App"}
  };
  create.silence.starts_at = world.now().wall;
  create.silence.ends_at = world.now().wall + absl::Hours(1);
  const CommandResult silence = world.Do(create);
  EXPECT_EQ(LastEntry(world).object, absl::StrCat("S", silence.id));
  create.silence.maintenance = true;
  const CommandResult window = world.Do(create);
  EXPECT_EQ(LastEntry(world).object, absl::StrCat("M", window.id));
  ASSERT_TRUE(world.Do(ExpireSilence{SilenceId(window.id), /*maintenance=*/true}).status.ok());
  EXPECT_EQ(LastEntry(world).object, absl::StrCat("M", window.id));
}

TEST(AuditLogTest, HasNoEntryForARefusalARepeatOrWhatChangesNothing) {
  World world;
  world.Observe({});
  world.Pass(absl::Minutes(1));
  const GroupId group = world.Current()->id;
  ASSERT_TRUE(world.Do(AcknowledgeGroup{group, std::nullopt}, "user:anna", "once").status.ok());
  const std::size_t before = Written<AuditEntry>(world).size();
  EXPECT_TRUE(world.Do(AcknowledgeGroup{group, std::nullopt}, "user:anna", "once").status.ok());
  EXPECT_TRUE(world.Do(AcknowledgeGroup{group, std::nullopt}, "user:bob").status.ok()) << "it is already";
  EXPECT_FALSE(world.Do(AcknowledgeGroup{GroupId(999), std::nullopt}).status.ok());
  EXPECT_FALSE(world.Do(RevokeToken{TokenId(999)}).status.ok());
  EXPECT_THAT(Written<AuditEntry>(world), SizeIs(before));
}

AccessToken TokenOf(std::string_view user, char digit = 'a') {
  AccessToken token;
  token.hash = std::string(64, digit);
  token.user = UserId(user);
  token.name = "laptop";
  token.role = Role::kResponder;
  return token;
}

TEST(AccessTokenTest, IsMadeKeptThroughACrashAndRevoked) {
  World world;
  const CommandResult made = world.Do(CreateToken{TokenOf("alice")}, "user:admin");
  ASSERT_TRUE(made.status.ok()) << made.status;
  const TokenId id(made.id);
  EXPECT_EQ(LastEntry(world).object, "T" + std::to_string(made.id));
  EXPECT_EQ(LastEntry(world).text.find("aaaa"), std::string::npos) << "not even the hash";
  world.Crash();
  ASSERT_TRUE(world.state().tokens.contains(id));
  EXPECT_EQ(world.state().tokens.at(id).created_by, "user:admin");
  EXPECT_EQ(world.state().tokens.at(id).created_at, Noon());
  ASSERT_TRUE(world.Do(RevokeToken{id}, "user:admin").status.ok());
  EXPECT_THAT(world.state().tokens, IsEmpty());
  EXPECT_EQ(LastEntry(world).after, "revoked");
  world.Crash();
  EXPECT_THAT(world.state().tokens, IsEmpty());
}

TEST(AccessTokenTest, IsRefusedWhenItIsNotOne) {
  World world;
  AccessToken short_hash = TokenOf("alice");
  short_hash.hash = "abc";
  EXPECT_TRUE(absl::IsInvalidArgument(world.Do(CreateToken{short_hash}).status));
  AccessToken past = TokenOf("alice");
  past.expires_at = Noon();
  EXPECT_TRUE(absl::IsInvalidArgument(world.Do(CreateToken{past}).status));
  ASSERT_TRUE(world.Do(CreateToken{TokenOf("alice")}).status.ok());
  EXPECT_TRUE(absl::IsAlreadyExists(world.Do(CreateToken{TokenOf("alice", 'b')}).status)) << "by person and name";
  EXPECT_TRUE(world.Do(CreateToken{TokenOf("bob", 'c')}).status.ok());
}

TEST(AccessTokenTest, ThoseThatRanOutLongAgoMakeRoom) {
  World world;
  AccessToken brief = TokenOf("alice");
  brief.expires_at = Noon() + absl::Hours(1);
  const TokenId id(world.Do(CreateToken{brief}).id);
  world.Pass(absl::Hours(24 * 29));
  ASSERT_TRUE(world.Do(CreateToken{TokenOf("alice", 'b')}).status.ok()) << "its name is free when it has run out";
  EXPECT_TRUE(world.state().tokens.contains(id)) << "a month, so that people see why it does not work";
  world.Pass(absl::Hours(24 * 3));
  ASSERT_TRUE(world.Do(CreateToken{TokenOf("bob", 'c')}).status.ok());
  EXPECT_FALSE(world.state().tokens.contains(id));
}

}  // namespace
}  // namespace tocsin
