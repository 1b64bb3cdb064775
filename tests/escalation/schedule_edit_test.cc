// Edits of schedules: the past stays, whose turn it is keeps it.
#include "escalation/schedule_edit.h"

#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/escalation/random_schedule.h"
#include "tests/escalation/sample.h"

namespace tocsin {
namespace {

using From = ScheduleTransition::From;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// An organisation with what its edits have left, as the responder keeps it.
class Edits {
 public:
  explicit Edits(Organisation organisation)
      : organisation_(std::make_shared<const Organisation>(std::move(organisation))) {}

  std::vector<std::string> Apply(Organisation after, absl::Time now, const ScheduleTransition& transition = {}) {
    auto next = std::make_shared<const Organisation>(std::move(after));
    const absl::StatusOr<ScheduleEdit> edit = EditSchedules(*organisation_, *next, Record(), now, transition);
    EXPECT_TRUE(edit.ok()) << edit.status();
    if (!edit.ok()) return {};
    for (const ScheduleEditionId id : edit->removed)
      rows_.erase(id);
    for (ScheduleEdition edition : edit->editions) {
      if (!edition.id.set()) edition.id = ScheduleEditionId(next_id_++);
      rows_[edition.id] = edition;
    }
    organisation_ = std::move(next);
    return edit->lines;
  }
  void Change(const char* schedule, Override change) {
    ScheduleChange row;
    row.id = ScheduleChangeId(next_id_++);
    row.schedule = ScheduleId(schedule);
    row.change = std::move(change);
    changes_[row.id] = row;
  }

  Roster roster() const {
    absl::StatusOr<Roster> roster = Roster::Compile(organisation_, Record());
    EXPECT_TRUE(roster.ok()) << roster.status();
    return *std::move(roster);
  }
  std::string OnCall(const char* schedule, const char* at) const { return tocsin::OnCall(roster(), schedule, At(at)); }
  const Organisation& organisation() const { return *organisation_; }
  std::size_t rows() const { return rows_.size(); }

 private:
  ScheduleRecord Record() const {
    ScheduleRecord record;
    for (const auto& [id, row] : rows_)
      record.editions.push_back(&row);
    for (const auto& [id, row] : changes_)
      record.changes.push_back(&row);
    return record;
  }

  OrganisationPtr organisation_;
  std::map<ScheduleEditionId, ScheduleEdition> rows_;
  std::map<ScheduleChangeId, ScheduleChange> changes_;
  std::uint64_t next_id_ = 1;
};

// Weekly from Monday, 2024-01-01 09:00 Zurich: alice, bob, carol. 2024-01-10 is in bob's turn, the 15th is carol's.
Organisation Weekly() {
  return MakeOrganisation({MakeSchedule("db", "Europe/Zurich",
                                        {MakeLayer("weekly", Rotation::Type::kWeekly, "2024-01-01T09:00",
                                                   {ToUser("alice"), ToUser("bob"), ToUser("carol")})})});
}
Layer& LayerOf(Organisation& organisation) {
  return organisation.schedules[0].layers[0];
}
void SetOrder(Organisation& organisation, std::initializer_list<const char*> users) {
  LayerOf(organisation).participants.clear();
  for (const char* user : users)
    LayerOf(organisation).participants.push_back({{ToUser(user)}});
}
constexpr const char* kNow = "2024-01-10T12:00Z";

TEST(ScheduleEditTest, EqualAndMerelyRewrittenSchedulesHaveNoNewVersion) {
  Edits edits(Weekly());
  Organisation renamed = Weekly();
  LayerOf(renamed).name = "The week";
  renamed.schedules[0].name = "Databases";
  std::ranges::reverse(renamed.teams[0].members);
  EXPECT_THAT(edits.Apply(Weekly(), At(kNow)), IsEmpty());
  EXPECT_THAT(edits.Apply(renamed, At(kNow)), IsEmpty());
  EXPECT_EQ(edits.rows(), 0U);
}

// Bugs 19 and 21: one more person must not change whose turn it is.
TEST(ScheduleEditTest, WhoeverHasTheTurnKeepsItWhenSomebodyIsAdded) {
  Edits edits(Weekly());
  Organisation after = Weekly();
  SetOrder(after, {"dave", "alice", "bob", "carol"});
  EXPECT_THAT(
      edits.Apply(after, At(kNow)),
      ElementsAre(
          "schedule db: layer weekly: new version from now; bob stays on until 2024-01-15 09:00 Europe/Zurich"));
  EXPECT_EQ(edits.OnCall("db", kNow), "bob");
  EXPECT_EQ(edits.OnCall("db", "2024-01-15T08:00Z"), "carol");
  EXPECT_EQ(edits.OnCall("db", "2024-01-22T08:00Z"), "dave");
  EXPECT_EQ(edits.OnCall("db", "2024-01-03T12:00Z"), "alice") << "the past";
}

TEST(ScheduleEditTest, TheNextOfTheOldOrderFollowsWhoIsGone) {
  Edits edits(Weekly());
  Organisation after = Weekly();
  SetOrder(after, {"dave", "carol", "alice"});
  std::erase_if(after.users, [](const User& user) { return user.id == UserId("bob"); });
  EXPECT_THAT(edits.Apply(after, At(kNow)),
              ElementsAre(HasSubstr("carol is on until 2024-01-15 09:00 Europe/Zurich, after bob")));
  EXPECT_EQ(edits.OnCall("db", kNow), "carol");
  EXPECT_EQ(edits.OnCall("db", "2024-01-10T11:59Z"), "bob") << "the past still names whoever is gone";
  EXPECT_EQ(edits.OnCall("db", "2024-01-15T08:00Z"), "alice");
}

// Whoever has the turn of a recurrence is on in its shifts only.
TEST(ScheduleEditTest, OfShiftsThatRecurItSaysWhoseTurnComesNext) {
  const auto weekends = [](std::initializer_list<const char*> users) {
    Organisation organisation = Weekly();
    organisation.schedules[0].layers[0].pattern = Recurrence{.start = absl::CivilMinute(2024, 1, 6, 8, 0),
                                                             .end = absl::CivilMinute(2024, 1, 8, 8, 0),
                                                             .rule = "FREQ=WEEKLY;BYDAY=SA"};
    SetOrder(organisation, users);
    return organisation;
  };
  Edits edits(weekends({"alice", "bob"}));
  EXPECT_THAT(edits.Apply(weekends({"alice", "carol", "bob"}), At(kNow)),
              ElementsAre("schedule db: layer weekly: new version from now; it is the turn of alice, then from "
                          "2024-01-13 08:00 Europe/Zurich of carol"));
}

// Bug 20.
TEST(ScheduleEditTest, AnEditCanWaitForTheNextHandoff) {
  Edits edits(Weekly());
  Organisation after = Weekly();
  SetOrder(after, {"alice", "dave"});
  EXPECT_THAT(edits.Apply(after, At(kNow), {.from = From::kNextHandoff}),
              ElementsAre(HasSubstr("new version from 2024-01-15 09:00 Europe/Zurich; alice is on until")));
  EXPECT_EQ(edits.OnCall("db", "2024-01-15T07:59Z"), "bob");
  EXPECT_EQ(edits.OnCall("db", "2024-01-15T08:00Z"), "alice") << "carol would have been next, and alice after her";
  EXPECT_EQ(edits.OnCall("db", "2024-01-22T08:00Z"), "dave");
  const Target target = ToSchedule("db");
  EXPECT_EQ(edits.roster().Resolve({&target, 1}, At("2024-01-14T12:00Z"))[0].reason,
            "schedule db: layer weekly (until 2024-01-15T08:00Z), turn 1");
}

TEST(ScheduleEditTest, AnEditCanWaitForTheWholeRotationOrATime) {
  Edits full(Weekly());
  Organisation after = Weekly();
  SetOrder(after, {"alice", "dave"});
  full.Apply(after, At(kNow), {.from = From::kFullRotation});
  EXPECT_EQ(full.OnCall("db", "2024-01-16T12:00Z"), "carol");
  EXPECT_EQ(full.OnCall("db", "2024-01-22T08:00Z"), "alice");
  EXPECT_EQ(full.OnCall("db", "2024-01-29T08:00Z"), "dave");
  Edits timed(Weekly());
  timed.Apply(after, At(kNow), {.from = From::kTime, .at = At("2024-01-17T00:00Z")});
  EXPECT_EQ(timed.OnCall("db", "2024-01-16T23:59Z"), "carol");
  EXPECT_EQ(timed.OnCall("db", "2024-01-17T00:00Z"), "alice") << "carol is gone from the order, alice came after her";
}

TEST(ScheduleEditTest, TheDeclaredOrderCountsWhenItIsAskedFor) {
  Organisation after = Weekly();
  SetOrder(after, {"dave", "alice", "bob", "carol"});
  Edits let_go(Weekly());
  let_go.Apply(after, At(kNow), {.keep_holder = false});
  EXPECT_EQ(let_go.OnCall("db", kNow), "alice") << "turn 1 of four";
  Organisation shifted = Weekly();
  std::get<Rotation>(LayerOf(shifted).pattern).start_index = 1;
  Edits by_index(Weekly());
  by_index.Apply(shifted, At(kNow));
  EXPECT_EQ(by_index.OnCall("db", kNow), "carol") << "a changed start_index says by itself whose turn it is";
}

TEST(ScheduleEditTest, AStartInTheFutureLeavesTheVersionSoFarUntilThen) {
  Edits edits(Weekly());
  Organisation after = Weekly();
  SetOrder(after, {"dave", "eva"});
  std::get<Rotation>(LayerOf(after).pattern).start = Civil("2024-01-18T09:00");
  edits.Apply(after, At(kNow));
  EXPECT_EQ(edits.OnCall("db", "2024-01-18T07:59Z"), "carol");
  EXPECT_EQ(edits.OnCall("db", "2024-01-18T08:00Z"), "dave");
}

// Bug 22: what is past is not evaluated by what is declared now, be it a team, a zone, a nested or a removed schedule.
TEST(ScheduleEditTest, ThePastKeepsItsTeamsZonesOverridesAndSchedules) {
  Organisation before = Weekly();
  before.schedules.push_back(MakeSchedule(
      "all", "UTC", {MakeLayer("both", Rotation::Type::kDaily, "2024-01-01T00:00", {ToSchedule("db"), ToTeam("db")})}));
  Override gone;
  gone.id = "o1";
  gone.start = At("2024-01-09T00:00Z");
  gone.end = At("2024-01-12T00:00Z");
  gone.users = {ToUser("eva")};
  before.schedules[0].overrides.push_back(gone);
  Edits edits(before);
  Organisation after = before;
  after.schedules[0].overrides.clear();
  after.schedules[0].time_zone = "America/New_York";
  after.teams[0].members = {UserId("alice")};
  edits.Apply(after, At(kNow));
  EXPECT_EQ(edits.OnCall("db", "2024-01-10T11:00Z"), "eva");
  EXPECT_EQ(edits.OnCall("db", "2024-01-10T13:00Z"), "bob") << "the override has ended now";
  EXPECT_EQ(edits.OnCall("db", "2024-01-08T08:30Z"), "bob") << "handoffs were by Zurich's clock";
  EXPECT_EQ(edits.OnCall("db", "2024-01-15T13:59Z"), "bob") << "and are by New York's";
  EXPECT_EQ(edits.OnCall("all", "2024-01-08T12:00Z"), "carol dave");
  EXPECT_EQ(edits.OnCall("all", "2024-01-12T12:00Z"), "alice");
  Organisation without = after;
  without.schedules.pop_back();
  edits.Apply(without, At("2024-01-11T12:00Z"));
  EXPECT_EQ(edits.OnCall("all", "2024-01-11T11:00Z"), "bob");
  EXPECT_EQ(edits.OnCall("all", "2024-01-11T13:00Z"), "");
  edits.Apply(after, At("2024-01-20T12:00Z"));
  EXPECT_EQ(edits.OnCall("all", "2024-01-15T12:00Z"), "") << "what comes back was not there in between";
}

TEST(ScheduleEditTest, AnOverrideOfALayerMeetsEachOfItsVersionsAndNothingWhenTheLayerIsGone) {
  Edits edits(Weekly());
  Organisation after = Weekly();
  SetOrder(after, {"alice", "bob"});
  edits.Apply(after, At(kNow), {.from = From::kNextHandoff});
  Override change;
  change.start = At("2024-01-14T00:00Z");
  change.end = At("2024-01-24T00:00Z");
  change.users = {ToUser("eva")};
  change.layers = {LayerId("weekly")};
  edits.Change("db", change);
  EXPECT_EQ(edits.OnCall("db", "2024-01-14T12:00Z"), "eva");
  EXPECT_EQ(edits.OnCall("db", "2024-01-16T12:00Z"), "eva");
  Organisation other = after;
  LayerOf(other).id = LayerId("another");
  edits.Apply(other, At("2024-01-17T12:00Z"));
  EXPECT_EQ(edits.OnCall("db", "2024-01-16T12:00Z"), "eva");
  EXPECT_EQ(edits.OnCall("db", "2024-01-18T12:00Z"), "alice") << "not the whole schedule's";
}

// A handoff at another time: who would have had a few minutes of a turn waits for his own.
TEST(ScheduleEditTest, AHandoffThatMovesALittleLeavesTheTurnToWhoHasItThatMuchLonger) {
  Edits edits(Weekly());
  Organisation after = Weekly();
  std::get<Rotation>(LayerOf(after).pattern).start = Civil("2024-01-01T10:00");
  edits.Apply(after, At(kNow), {.from = From::kNextHandoff});
  EXPECT_EQ(edits.OnCall("db", "2024-01-15T08:30Z"), "bob");
  EXPECT_EQ(edits.OnCall("db", "2024-01-15T09:00Z"), "carol");
  EXPECT_EQ(edits.OnCall("db", "2024-01-22T09:00Z"), "alice");
}

TEST(ScheduleEditTest, EditsUponEditsLeaveOneVersionAtEachInstant) {
  Edits edits(Weekly());
  Organisation second = Weekly();
  SetOrder(second, {"dave", "eva"});
  edits.Apply(second, At(kNow), {.from = From::kNextHandoff});
  Organisation third = Weekly();
  SetOrder(third, {"alice", "bob"});
  edits.Apply(third, At("2024-01-11T12:00Z"));
  EXPECT_EQ(edits.OnCall("db", "2024-01-11T12:00Z"), "bob");
  EXPECT_EQ(edits.OnCall("db", "2024-01-16T12:00Z"), "alice") << "the version that was to come never does";
}

TEST(ScheduleEditTest, ALayersPendingVersionDoesNotPageWhoIsGone) {
  Edits edits(Weekly());
  Organisation after = Weekly();
  SetOrder(after, {"alice", "carol"});
  std::erase_if(after.users, [](const User& user) { return user.id == UserId("bob"); });
  edits.Apply(after, At(kNow), {.from = From::kNextHandoff});
  EXPECT_EQ(edits.OnCall("db", "2024-01-10T11:00Z"), "bob");
  EXPECT_EQ(edits.OnCall("db", "2024-01-10T13:00Z"), "carol");
}

TEST(ScheduleEditTest, RecurrencesKeepTheirTurnsToo) {
  Organisation before = Weekly();
  Recurrence recurrence;
  recurrence.start = Civil("2024-01-01T09:00");
  recurrence.end = Civil("2024-01-01T17:00");
  recurrence.rule = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR";
  recurrence.shifts_per_participant = 5;
  LayerOf(before).pattern = recurrence;
  Edits edits(before);
  ASSERT_EQ(edits.OnCall("db", kNow), "bob");
  Organisation after = before;
  SetOrder(after, {"eva", "alice", "bob", "carol"});
  edits.Apply(after, At(kNow));
  EXPECT_EQ(edits.OnCall("db", "2024-01-12T12:00Z"), "bob");
  EXPECT_EQ(edits.OnCall("db", "2024-01-12T17:00Z"), "");
  EXPECT_EQ(edits.OnCall("db", "2024-01-15T12:00Z"), "carol");
}

// Takes a person out of everything.
void Remove(Organisation& organisation,
            UserId user) {  // NOLINT(performance-unnecessary-value-param): it may be in there
  const auto drop = [&](std::vector<Target>& targets) { std::erase(targets, Target(UserTarget{user})); };
  std::erase_if(organisation.users, [&](const User& each) { return each.id == user; });
  for (Team& team : organisation.teams)
    std::erase(team.members, user);
  for (Schedule& schedule : organisation.schedules) {
    for (Layer& layer : schedule.layers) {
      for (Participant& participant : layer.participants)
        drop(participant.members);
      if (auto* fixed = std::get_if<FixedShifts>(&layer.pattern)) {
        for (FixedShift& shift : fixed->shifts)
          drop(shift.members);
      }
    }
    for (Override& change : schedule.overrides)
      drop(change.users);
    std::erase_if(schedule.overrides, [&](const Override& change) {
      return change.from_user == user || change.to_user == user ||
             (change.users.empty() && (change.type == Override::Type::kAdd || change.type == Override::Type::kRemove));
    });
    for (TemporarySchedule& temporary : schedule.temporary_schedules) {
      for (FixedShift& shift : temporary.shifts)
        drop(shift.members);
    }
  }
}

Organisation RandomEdit(Random& random, const Organisation& before, const Organisation& fresh) {
  Organisation after = before;
  const std::size_t at = random.Below(after.schedules.size());
  Schedule& schedule = after.schedules[at];
  switch (random.Below(9)) {
    case 0: Remove(after, after.users[random.Below(after.users.size())].id); break;
    case 1: after.teams[0].members = {after.users[random.Below(after.users.size())].id}; break;
    case 2: schedule.time_zone = fresh.schedules[0].time_zone; break;
    case 3: schedule.overrides.clear(); break;
    case 4: schedule.temporary_schedules.clear(); break;
    case 5: after.holidays = fresh.holidays; break;
    case 6:
      if (schedule.id == ScheduleId("outer")) after.schedules.pop_back();
      break;
    case 7:
      if (!schedule.layers.empty()) std::ranges::reverse(schedule.layers[0].participants);
      break;
    default:
      if (after.users.size() == fresh.users.size() && after.schedules.size() == fresh.schedules.size())
        schedule = fresh.schedules[at];
      break;
  }
  return after;
}

ScheduleTransition RandomTransition(Random& random, absl::Time now) {
  ScheduleTransition transition;
  transition.from = static_cast<From>(random.Below(4));
  transition.at = now + absl::Minutes(random.Between(-1000, 5000));
  transition.keep_holder = !random.OneIn(4);
  return transition;
}

// Whatever is edited, removed or comes back: nothing that was answered about the past is ever answered otherwise; and the
// final schedule says the same as each instant does.
TEST(ScheduleEditPropertyTest, ThePastNeverChanges) {
  const std::vector<std::string> zones = {"Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"};
  const absl::Time around = At("2024-10-30T12:00Z");
  constexpr const char* kSchedules[] = {"inner", "middle", "outer"};
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Edits edits(RandomOrganisation(random, zones[random.Below(4)], zones, around));
    std::map<std::pair<absl::Time, std::string>, std::string> known;
    absl::Time now = around - absl::Hours(96);
    for (int step = 0; step < 12; ++step) {
      const Roster before = edits.roster();
      for (int i = 0; i < 25; ++i) {
        const absl::Time at = now - absl::Seconds(random.Between(1, random.OneIn(3) ? 3600 : 10 * 86400));
        for (const char* schedule : kSchedules)
          known[{at, schedule}] = OnCall(before, schedule, at);
      }
      const Organisation fresh = RandomOrganisation(random, zones[random.Below(4)], zones, around);
      edits.Apply(RandomEdit(random, edits.organisation(), fresh), now, RandomTransition(random, now));
      if (HasFailure()) return;
      const Roster after = edits.roster();
      for (const auto& [question, answer] : known)
        ASSERT_EQ(OnCall(after, question.second.c_str(), question.first), answer)
            << question.second << " at " << question.first << ", edit " << step << " at " << now;
      const auto shifts = after.FinalSchedule(ScheduleId("inner"), now - absl::Hours(200), now + absl::Hours(200));
      ASSERT_TRUE(shifts.ok()) << shifts.status();
      for (const Shift& shift : *shifts) {
        const absl::Time inside = shift.start + (shift.end - shift.start) * random.Below(1000) / 1000;
        ASSERT_EQ(Names(shift.users), OnCall(after, "inner", inside)) << inside << ", edit " << step;
      }
      now += absl::Seconds(random.Between(0, 86400));
    }
  }
}

// On a layer that is always on: whoever is on stays on over an edit of the order, as long as he is listed.
TEST(ScheduleEditPropertyTest, WhoeverIsOnAndListedStaysOn) {
  constexpr const char* kUsers[] = {"alice", "bob", "carol", "dave", "eva"};
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const auto order = [&] {
      std::vector<Target> targets;
      for (std::int64_t n = random.Between(1, 5); n > 0; --n)
        targets.push_back(ToUser(kUsers[random.Below(5)]));
      return targets;
    };
    const auto make = [&] {
      Layer layer = MakeLayer("l", static_cast<Rotation::Type>(random.Below(4)), "2023-12-31T09:00", order());
      auto& rotation = std::get<Rotation>(layer.pattern);
      rotation.start += random.Between(0, 1000) * 60;
      rotation.length = static_cast<std::int32_t>(random.Between(1, 3));
      return MakeOrganisation({MakeSchedule("s", random.OneIn(2) ? "Europe/Zurich" : "America/New_York", {layer})});
    };
    Edits edits(make());
    for (absl::Time now = At("2024-03-05T12:00Z"); now < At("2024-04-05T00:00Z"); now += absl::Hours(37)) {
      const std::string before = OnCall(edits.roster(), "s", now);
      const Organisation after = make();
      std::set<std::string> listed;
      for (const Participant& participant : after.schedules[0].layers[0].participants)
        listed.insert(std::get<UserTarget>(participant.members[0]).user.value());
      edits.Apply(after, now);
      const std::string on = OnCall(edits.roster(), "s", now);
      if (listed.contains(before)) {
        ASSERT_EQ(on, before) << now;
      }
      ASSERT_TRUE(listed.contains(on)) << on;
    }
  }
}

}  // namespace
}  // namespace tocsin
