// Random stories: reports, commands, providers with bad days, crashes and clock jumps, over many seeds. What must hold is
// checked after every step; World checks each decision as well.
#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "engine/responder_outbox.h"
#include "tests/responder/random_policies.h"
#include "tests/responder/world.h"

namespace tocsin {
namespace {

using Result = AttemptResult::Kind;

constexpr std::uint64_t kSeeds = 600;
constexpr int kSteps = 120;

Organisation StoryOrganisation(Random& random) {
  Organisation organisation = SampleOrganisation();
  organisation.policies[0].repeats = static_cast<std::int32_t>(random.Below(3));
  organisation.policies[0].repeat_interval = absl::Minutes(random.Below(20));
  if (random.OneIn(2)) organisation.policies[0].acknowledge_timeout = absl::Minutes(15);
  if (random.OneIn(3))
    organisation.policies[0].steps.insert(organisation.policies[0].steps.begin(),
                                          StepOf(absl::Minutes(3), {OnCall("nobody")}));
  if (random.OneIn(4)) organisation.policies[0].steps = {StepOf(absl::Minutes(3), {OnCall("nobody"), To("mute")})};
  Receiver receiver;
  receiver.id = ReceiverId("chat");
  ContactMethod hook;
  hook.id = ContactMethodId("hook");
  hook.kind = ContactMethod::Kind::kWebhook;
  hook.address = "https://chat.example.com/hook";
  receiver.targets = {hook};
  organisation.receivers = {receiver};
  if (random.OneIn(2)) organisation.route.receiver = receiver.id;
  IncidentRule rule;
  rule.id = IncidentRuleId("size");
  rule.join_by = {"cluster", "alertname"};
  IncidentCondition size;
  size.kind = IncidentCondition::Kind::kGroupSize;
  size.count = 5;
  IncidentCondition slow;
  slow.kind = IncidentCondition::Kind::kUnacknowledged;
  slow.window = absl::Minutes(7);
  rule.condition.kind = IncidentCondition::Kind::kAny;
  rule.condition.operands = {size, slow};
  if (random.OneIn(2)) rule.policy = PolicyId("db");
  organisation.incident_rules = {rule};
  if (random.OneIn(2)) {
    organisation.limits.bundle_window = absl::Minutes(random.Below(3));
    for (KindLimits& kind : organisation.limits.kinds)
      kind.limits = {
          {static_cast<std::int32_t>(random.Between(2, 5)), 1, absl::Minutes(random.Between(1, 15))}
      };
  }
  if (random.OneIn(2)) {
    organisation.slack.token = "xoxb";
    organisation.users[1].contact_methods[0].kind = ContactMethod::Kind::kSlack;
  }
  if (random.OneIn(2)) VaryPolicies(random, organisation);
  return organisation;
}

class Story {
 public:
  explicit Story(std::uint64_t seed) : random_(seed), world_(StoryOrganisation(random_), Options(seed)) {
    world_.SetProvider([this](const Notification& row) { return Answer(row); });
  }

  void Run() {
    for (int step = 0; step < kSteps; ++step) {
      SCOPED_TRACE(absl::StrCat("step ", step));
      Step();
      Check();
      if (testing::Test::HasFailure()) return;
    }
  }

  // When the trouble ends: providers work, nobody acknowledges any more.
  void ExpectThatNothingIsForgotten() {
    weather_ = 0;
    world_.Pass(absl::Hours(2));
    for (const auto& [id, row] : world_.state().notifications) {
      if (row.created_at > world_.now().wall - absl::Hours(1)) continue;  // policies go on
      EXPECT_FALSE(IsOpen(row)) << "N" << id.value() << " is still on its way two hours after the trouble";
    }
    for (const GroupId id : world_.state().open_groups) {
      const Group& group = world_.state().groups.at(id);
      if (group.state != Group::State::kOpen || group.firing == 0) continue;
      const bool told =
          std::ranges::any_of(world_.state().about.at(SubjectOf(id)).notifications,
                              [&](NotificationId n) { return WasTold(world_.state().notifications.at(n)); });
      EXPECT_TRUE(told || !group.quiet_reason.empty() || IsWaiting(group)) << "nobody was told of G" << id.value();
    }
    EXPECT_THAT(world_.Audit(), testing::IsEmpty());
  }

  // For the hours of a step or of a person, or for more alerts: as its policy says.
  bool IsWaiting(const Group& group) const {
    const Escalation& escalation = world_.state().escalations.at(group.escalation);
    // A step may be a pause.
    const auto last = static_cast<std::size_t>(std::max(escalation.last_step, 0));
    if (escalation.policy.steps[last].on_empty == PolicyStep::OnEmpty::kWait) return true;
    return escalation.wait == Escalation::Wait::kHours || escalation.wait == Escalation::Wait::kRate ||
           std::ranges::any_of(escalation.pages, [&](PageId id) { return world_.state().pages.at(id).waits; });
  }

  std::uint64_t Trace() const {
    std::uint64_t trace = world_.responder_hash();
    for (const TimelineEntry& entry : world_.timeline())
      trace = trace * 31 + Hash(entry.text);
    return trace;
  }

 private:
  static Responder::Options Options(std::uint64_t seed) {
    Responder::Options options = World::Options();
    options.shard_count = 2;
    options.seed = seed;
    options.keep_closed = absl::Minutes(90);
    return options;
  }
  static std::uint64_t Hash(std::string_view text) {
    std::uint64_t hash = 7;
    for (const char c : text)
      hash = hash * 131 + static_cast<unsigned char>(c);
    return hash;
  }

  std::optional<Result> Answer(const Notification& row) {
    attempts_.push_back(row);
    if (weather_ == 0 || !random_.OneIn(weather_ == 1 ? 4 : 2)) return Result::kAccepted;
    switch (random_.Below(5)) {
      case 0: return Result::kRetryLater;
      case 1: return Result::kRejected;
      case 2: return Result::kAmbiguous;
      case 3: return Result::kNotStarted;
      default: return std::nullopt;  // no answer: the lease runs out
    }
  }

  std::string SomeName() { return names_[random_.Below(names_.size())]; }
  GroupId SomeGroup() {
    const Group* group = world_.Current(SomeName());
    return group != nullptr ? group->id : GroupId(random_.Below(50));
  }

  void Report() {
    const auto firing = static_cast<std::uint32_t>(random_.OneIn(3) ? 0 : random_.Below(9));
    const std::string name = SomeName();
    world_.Observe({
        .name = name,
        .firing = firing,
        .suppressed = static_cast<std::uint32_t>(random_.OneIn(4) ? random_.Below(3) : 0),
        .severity = static_cast<Severity>(random_.Below(6)),
        .acknowledged = random_.OneIn(8) ? firing : 0,
        .shard = static_cast<std::uint32_t>(random_.Below(2)),
        .age = absl::Seconds(random_.Below(60)),
    });
  }

  void Command() {
    const std::string actor = random_.OneIn(2) ? "user:alice" : "link:carol";
    const std::string request = absl::StrCat("r", random_.Below(20));
    switch (random_.Below(11)) {
      case 0:
      case 1: world_.Do(AcknowledgeGroup{SomeGroup(), std::nullopt}, actor); break;
      case 2: world_.Do(ResolveGroup{SomeGroup(), std::nullopt}, actor, request); break;
      case 3: world_.Do(EscalateGroup{SomeGroup()}, actor); break;
      case 4:
        if (!attempts_.empty() && random_.OneIn(2)) {
          world_.Do(AcknowledgeBundle{attempts_[random_.Below(attempts_.size())].id}, actor);
        } else {
          world_.Do(TestPage{UserId("alice")}, actor, request);
        }
        break;
      case 5: {
        if (world_.state().incidents.empty()) break;
        const IncidentId id = world_.state().incidents.rbegin()->first;
        if (random_.OneIn(2))
          world_.Do(AcknowledgeIncident{id, std::nullopt}, actor);
        else
          world_.Do(ResolveIncident{id, std::nullopt}, actor);
        break;
      }
      case 6: {
        CreateSilence create;
        create.silence.matchers = {
            {"alertname", MatchOp::kEqual, SomeName()}
        };
        create.silence.starts_at = world_.now().wall + absl::Minutes(random_.Below(10));
        create.silence.ends_at = create.silence.starts_at + absl::Minutes(1 + random_.Below(30));
        world_.Do(create, actor, request);
        break;
      }
      case 7:
        world_.Do(ReassignGroup{SomeGroup(), std::nullopt, {To(random_.OneIn(2) ? "carol" : "mute")}}, actor);
        break;
      case 8:
        world_.Do(
            AddResponders{
                SubjectOf(SomeGroup()), {To("bob"), OnCall("primary")},
                 "help"
        },
            actor);
        break;
      case 9: world_.Do(UnacknowledgeGroup{SomeGroup(), std::nullopt}, actor); break;
      default: world_.Apply(StoryOrganisation(random_)); break;
    }
  }

  void Step() {
    switch (random_.Below(12)) {
      case 0:
      case 1:
      case 2:
      case 3: Report(); break;
      case 4:
      case 5: Command(); break;
      case 6:
      case 7: world_.Pass(absl::Seconds(random_.Below(300))); break;
      case 8: world_.Sleep(absl::Minutes(random_.Below(40))); break;
      case 9: world_.Crash(); break;
      case 10: weather_ = static_cast<int>(random_.Below(3)); break;
      default:  // a late word about some attempt of the past
        if (!attempts_.empty()) {
          const Notification& old = attempts_[random_.Below(attempts_.size())];
          world_.Answer(old, static_cast<Result>(1 + random_.Below(5)));
        }
        break;
    }
  }

  // It waits for its method's turn, or its bundle is on its way.
  void CheckHeld(const Notification& row) const {
    const ResponderState& state = world_.state();
    if (row.bundle.set()) {
      EXPECT_TRUE(IsOpen(state.notifications.at(row.bundle))) << "N" << row.id.value();
      return;
    }
    const ThrottleKey key = ThrottleKeyOf(row.method);
    EXPECT_TRUE(state.held.at(key).contains({row.lane, row.id}));
    EXPECT_TRUE(state.timer_of.contains({Timer::Kind::kThrottle, state.throttle_of.at(key).value()}));
  }

  void Check() {
    const ResponderState& state = world_.state();
    for (const GroupId id : state.open_groups)
      EXPECT_NE(state.groups.at(id).state, Group::State::kResolved);
    std::set<GroupKey> open;
    for (const auto& [id, group] : state.groups) {
      if (group.state == Group::State::kResolved) continue;
      EXPECT_TRUE(open.insert(group.key).second) << "two open episodes of one group";
      EXPECT_EQ(state.current_group.at(group.key), id);
    }
    for (const auto& [id, row] : state.notifications) {
      const bool timed = state.timer_of.contains({Timer::Kind::kNotification, id.value()});
      const bool held = row.state == Notification::State::kHeld;
      EXPECT_EQ(timed, IsOpen(row) && !held) << "N" << id.value();
      if (held) CheckHeld(row);
      if (!row.rewrites.empty()) continue;  // says what is, whatever that is
      if (!IsOpen(row) || row.purpose == Notification::Purpose::kResolved ||
          row.purpose == Notification::Purpose::kTest) {
        continue;
      }
      if (row.subject.kind == SubjectKind::kGroup && !row.goes_on) {
        EXPECT_EQ(state.groups.at(GroupId(row.subject.id)).state, Group::State::kOpen)
            << "after an acknowledgement nothing stays on its way: N" << id.value();
      }
    }
    std::map<std::string, const Notification*> keys;
    for (const auto& [id, row] : state.notifications) {
      const auto [first, fresh] = keys.emplace(row.idempotency_key, &row);
      EXPECT_TRUE(fresh) << "two messages under one key: N" << first->second->id.value() << " and N" << id.value()
                         << " " << Describe(row) << ", " << row.title << ", rewrites " << row.rewrites;
    }
    EXPECT_THAT(world_.Audit(), testing::IsEmpty());
  }

  Random random_;
  World world_;
  std::vector<std::string> names_ = {"Disk", "Memory", "Network", "Power", "Queue"};
  std::vector<Notification> attempts_;
  int weather_ = 0;  // 0 fine, 1 bad, 2 storm
};

TEST(RandomStoryTest, E25WhatMustHoldHoldsAfterEveryStepAndNobodyIsForgottenInTheEnd) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Story story(seed);
    story.Run();
    if (!HasFailure()) story.ExpectThatNothingIsForgotten();
    ASSERT_FALSE(HasFailure());
  }
}

TEST(RandomStoryTest, SameSeedSameStory) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Story one(seed);
    Story two(seed);
    one.Run();
    two.Run();
    EXPECT_EQ(one.Trace(), two.Trace()) << seed;
  }
}

}  // namespace
}  // namespace tocsin
