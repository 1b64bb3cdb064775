// Commands of people: generations, refusals in words, answers that are given once; silences; audit; health.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "tests/responder/world.h"

namespace tocsin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using Code = absl::StatusCode;
using Kind = TimelineEntry::Kind;

constexpr absl::Duration kWait = absl::Seconds(30);

std::string Text(const absl::Status& status) {
  return std::string(status.message());
}

TEST(CommandTest, AcknowledgementOfAnOldGenerationSaysWhatTheGroupIsNow) {
  World world;
  world.Observe({});
  const GroupId id = world.Current()->id;
  const Generation seen = world.Current()->generation;
  ASSERT_TRUE(world.Do(AcknowledgeGroup{id, seen}, "user:bob").status.ok());
  const absl::Status status = world.Do(AcknowledgeGroup{id, seen}, "user:carol").status;
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_THAT(Text(status),
              HasSubstr("was acknowledged by user:bob at 2024-01-01 12:00 UTC (generation 2), you saw generation 1"));
  EXPECT_TRUE(world.Acknowledge(id, "user:carol").ok())
      << "without a generation: it is acknowledged, which is what was asked";
  EXPECT_EQ(world.Current()->acknowledged_by, "user:bob");
}

TEST(CommandTest, RefusalsNameTheObjectAndChangeNothing) {
  World world;
  world.Observe({});
  const GroupId id = world.Current()->id;
  ASSERT_TRUE(world.Do(ResolveGroup{id, std::nullopt}).status.ok());
  const std::uint64_t before = world.responder().StateHash();
  const struct {
    Command::Body body;
    Code code;
    std::string_view words;
  } cases[] = {
      {AcknowledgeGroup{GroupId(999), {}},                Code::kNotFound,           "group G999"       },
      {AcknowledgeGroup{id, {}},                          Code::kFailedPrecondition, "was resolved by"  },
      {ResolveGroup{id, {}},                              Code::kFailedPrecondition, "it is a new group"},
      {EscalateGroup{id},                                 Code::kFailedPrecondition, "nothing is left"  },
      {AcknowledgeIncident{IncidentId(7), {}},            Code::kNotFound,           "incident I7"      },
      {ResolveIncident{IncidentId(7), {}},                Code::kNotFound,           "incident I7"      },
      {OpenIncident{},                                    Code::kInvalidArgument,    "needs a title"    },
      {OpenIncident{"x", 9, {}, {}, {}},                  Code::kInvalidArgument,    "severity is 9"    },
      {OpenIncident{"x", 3, ServiceId("no"), {}, {}},     Code::kNotFound,           "service \"no\""   },
      {OpenIncident{"x", 3, {}, PolicyId("no"), {}},      Code::kNotFound,           "policy \"no\""    },
      {OpenIncident{"x", 3, {}, {}, {GroupId(9)}},        Code::kNotFound,           "group G9"         },
      {AddNote{SubjectOf(GroupId(999)), "hi"},            Code::kNotFound,           "G999"             },
      {AddNote{SubjectOf(id), "  "},                      Code::kInvalidArgument,    "is empty"         },
      {AddNote{SubjectOf(id), "\xFF"},                    Code::kInvalidArgument,    "UTF-8"            },
      {AddNote{SubjectOf(id), std::string(1 << 20, 'x')}, Code::kInvalidArgument,    "at most"          },
      {ExpireSilence{SilenceId(3)},                       Code::kNotFound,           "silence S3"       },
      {ApplyOrganisation{},                               Code::kInvalidArgument,    "no organisation"  },
  };
  for (const auto& c : cases) {
    const CommandResult result = world.Do(c.body);
    EXPECT_EQ(result.status.code(), c.code) << result.status;
    EXPECT_THAT(Text(result.status), HasSubstr(std::string(c.words)));
    EXPECT_EQ(world.responder().StateHash(), before) << result.status;
  }
}

TEST(CommandTest, RepeatOfARequestIsAnsweredAsTheFirstAndDoesNothingAfterARestartToo) {
  World world;
  CreateSilence create;
  create.silence.matchers = {
      {"alertname", MatchOp::kEqual, "X"}
  };
  create.silence.ends_at = world.now().wall + absl::Hours(1);
  const CommandResult first = world.Do(create, "user:alice", "r1");
  ASSERT_TRUE(first.status.ok()) << first.status;
  EXPECT_EQ(world.Do(create, "user:alice", "r1").id, first.id);
  world.Crash();
  EXPECT_EQ(world.Do(create, "user:alice", "r1").id, first.id);
  EXPECT_THAT(world.state().silences, SizeIs(1));
  EXPECT_NE(world.Do(create, "user:bob", "r1").id, first.id) << "another person's request";
  EXPECT_NE(world.Do(create, "user:alice", "r2").id, first.id);
  EXPECT_NE(world.Do(create, "user:alice", "").id, first.id) << "without an id each is new";
}

TEST(CommandTest, RefusedRequestMayBeTriedAgainUnderTheSameId) {
  World world;
  EXPECT_FALSE(world.Do(AcknowledgeGroup{GroupId(2), {}}, "user:alice", "r1").status.ok());
  for (int i = 0; world.Current() == nullptr; ++i)
    world.Observe({});
  EXPECT_TRUE(world.Do(AcknowledgeGroup{world.Current()->id, {}}, "user:alice", "r1").status.ok());
}

TEST(CommandTest, AnswersAreBounded) {
  World world;
  world.Observe({});
  for (int i = 0; i < 5000; ++i) {
    ASSERT_TRUE(
        world.Do(AddNote{SubjectOf(world.Current()->id), "x"}, "user:alice", "r" + std::to_string(i)).status.ok());
  }
  EXPECT_LE(world.state().answers.size(), 4096U);
  EXPECT_EQ(world.state().answers.size(), world.state().answer_of.size());
  EXPECT_EQ(world.Do(AddNote{SubjectOf(world.Current()->id), "x"}, "user:alice", std::string(300, 'r')).status.code(),
            Code::kInvalidArgument);
}

TEST(CommandTest, NotesStandOnTheTimelineWithTheirAuthor) {
  World world;
  world.Observe({});
  ASSERT_TRUE(world.Do(AddNote{SubjectOf(world.Current()->id), "restarted it"}, "user:bob").status.ok());
  const TimelineEntry& entry = world.timeline().back();
  EXPECT_EQ(entry.kind, Kind::kNote);
  EXPECT_EQ(entry.actor, "user:bob");
  EXPECT_EQ(entry.text, "restarted it");
}

TEST(CommandTest, EscalateNeedsAPolicyAndNoSilence) {
  World world;
  world.Observe({});
  world.Observe({.firing = 0, .suppressed = 1});
  EXPECT_THAT(Text(world.Do(EscalateGroup{world.Current()->id}).status), HasSubstr("silenced by S5: end that first"));
}

TEST(CommandTest, EscalateHandsAWaitingGroupToItsPolicyAndAnExhaustedOneBack) {
  World world;
  world.Observe({});
  ASSERT_TRUE(world.Do(EscalateGroup{world.Current()->id}).status.ok());
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
  world.Pass(absl::Hours(1));
  ASSERT_EQ(world.EscalationOf()->state, Escalation::State::kExhausted);
  world.Forget();
  ASSERT_TRUE(world.Do(EscalateGroup{world.Current()->id}).status.ok());
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice"));
  EXPECT_EQ(world.Current()->quiet_reason, "");
}

// Organisations.

TEST(OrganisationTest, BrokenOneIsRefusedAsAWhole) {
  World world;
  const RulesVersion before = world.state().counters.rules;
  Organisation broken = SampleOrganisation();
  broken.schedules[0].time_zone = "Mars/Olympus";
  EXPECT_EQ(world.Do(ApplyOrganisation{std::make_shared<const Organisation>(broken), ""}).status.code(),
            Code::kInvalidArgument);
  Organisation regex = SampleOrganisation();
  Service service;
  service.id = ServiceId("s");
  service.matchers = {
      {"a", MatchOp::kRegex, "("}
  };
  regex.services = {service};
  EXPECT_THAT(Text(world.Do(ApplyOrganisation{std::make_shared<const Organisation>(regex), ""}).status),
              HasSubstr("service \"s\""));
  EXPECT_EQ(world.state().counters.rules, before);
}

// Silences.

CreateSilence SilenceOf(absl::Time from, absl::Time to) {
  CreateSilence create;
  create.silence.matchers = {
      {"alertname", MatchOp::kEqual, "DatabaseDown"}
  };
  create.silence.starts_at = from;
  create.silence.ends_at = to;
  return create;
}

TEST(SilenceTest, IsPublishedAtItsStartAndTakenBackAtItsEnd) {
  World world;
  const absl::Time start = Noon() + absl::Hours(1);
  ASSERT_TRUE(world.Do(SilenceOf(start, start + absl::Hours(1))).status.ok());
  EXPECT_THAT(world.rules()->silences, IsEmpty());
  world.Pass(absl::Hours(1) - absl::Milliseconds(1));
  EXPECT_THAT(world.rules()->silences, IsEmpty());
  world.Pass(absl::Milliseconds(1));
  EXPECT_THAT(world.rules()->silences, SizeIs(1));
  const RulesVersion version = world.rules()->version;
  world.Pass(absl::Hours(1) - absl::Milliseconds(1));
  EXPECT_EQ(world.rules()->version, version);
  world.Pass(absl::Milliseconds(1));
  EXPECT_THAT(world.rules()->silences, IsEmpty());
  EXPECT_THAT(world.Told(Kind::kSilenceEnded), HasSubstr("has run out"));
}

TEST(SilenceTest, OneThatHasEndedDoesNotComeBackWhenTheClockJumpsBack) {
  World world;
  ASSERT_TRUE(world.Do(SilenceOf(Noon(), Noon() + absl::Hours(1))).status.ok());
  EXPECT_THAT(world.rules()->silences, SizeIs(1));
  world.Pass(absl::Hours(1));
  Now back = world.now();
  back.wall -= absl::Hours(2);
  Command command;
  command.actor = "user:alice";
  command.body = SilenceOf(back.wall, back.wall + absl::Hours(1));
  const Decision decision = world.responder().Handle(command, back);
  ASSERT_TRUE(decision.result.status.ok());
  const auto& rules = std::get<PublishRules>(decision.effects.back()).rules;
  ASSERT_THAT(rules->silences, SizeIs(1));
  EXPECT_EQ(rules->silences[0].id, SilenceId(decision.result.id));
}

TEST(SilenceTest, RegularExpressionsOfAllTogetherAreBounded) {
  World world;
  CreateSilence create = SilenceOf(Noon(), Noon() + absl::Hours(1));
  create.silence.matchers = {
      {"instance", MatchOp::kRegex, std::string(limits::kRegexBytes, 'a')}
  };
  constexpr std::size_t kFit = limits::kSilenceRegexBytes / limits::kRegexBytes;
  SilenceId last;
  for (std::size_t i = 0; i < kFit; ++i) {
    const CommandResult made = world.Do(create);
    ASSERT_TRUE(made.status.ok()) << made.status;
    last = SilenceId(made.id);
  }
  EXPECT_THAT(Text(world.Do(create).status), HasSubstr("would have 266240 bytes, at most 262144; end some"));
  CreateSilence same = create;
  same.silence.id = last;
  EXPECT_TRUE(world.Do(same).status.ok()) << "replacing one takes no more room";
  ASSERT_TRUE(world.Do(ExpireSilence{last}).status.ok());
  EXPECT_TRUE(world.Do(create).status.ok());
}

TEST(SilenceTest, EndedByAPersonAndThenNotAgain) {
  World world;
  const SilenceId id(world.Do(SilenceOf(Noon(), Noon() + absl::Hours(1))).id);
  world.Pass(absl::Minutes(1));
  ASSERT_TRUE(world.Do(ExpireSilence{id}, "user:bob").status.ok());
  EXPECT_THAT(world.rules()->silences, IsEmpty());
  EXPECT_EQ(world.state().silences.at(id).ends_at, world.now().wall);
  EXPECT_THAT(Text(world.Do(ExpireSilence{id}).status), HasSubstr("ended at 2024-01-01 12:01 UTC: make a new one"));
}

TEST(SilenceTest, ReplacingKeepsTheStartOfOneThatHasBegun) {
  World world;
  const SilenceId id(world.Do(SilenceOf(Noon(), Noon() + absl::Hours(1))).id);
  world.Pass(absl::Minutes(30));
  CreateSilence longer = SilenceOf(world.now().wall, Noon() + absl::Hours(5));
  longer.silence.id = id;
  longer.silence.matchers[0].value = "Other";
  ASSERT_TRUE(world.Do(longer).status.ok());
  ASSERT_THAT(world.rules()->silences, SizeIs(1));
  EXPECT_EQ(world.rules()->silences[0].matchers[0].value, "Other");
  EXPECT_EQ(world.rules()->silences[0].starts_at, Noon());
  world.Pass(absl::Hours(4));
  EXPECT_THAT(world.rules()->silences, SizeIs(1)) << "the old end is no edge any more";
}

TEST(SilenceTest, EndThatPassedWhileNobodyWasThereIsSeenAtTheStart) {
  World world;
  ASSERT_TRUE(world.Do(SilenceOf(Noon(), Noon() + absl::Hours(1))).status.ok());
  Now later = world.now();
  later.wall += absl::Hours(2);
  Responder recovered(World::Options());
  for (const Change& change : world.journal())
    recovered.Fold(change);
  const Decision decision = recovered.Start(later);
  EXPECT_THAT(std::get<PublishRules>(decision.effects.back()).rules->silences, IsEmpty());
}

TEST(SilenceTest, RefusesWhatCannotBeMeant) {
  World world;
  const auto matcher = [](MatchOp op, std::string_view value) {
    return std::vector<Matcher>{
        {"a", op, std::string(value)}
    };
  };
  const struct {
    std::string_view name;
    std::vector<Matcher> matchers;
    absl::Duration from;
    absl::Duration to;
    std::string_view words;
  } cases[] = {
      {"none",                      {},      absl::ZeroDuration(), absl::Hours(1),  "at least one matcher"    },
      { "empty equal",    matcher(MatchOp::kEqual,     ""), absl::ZeroDuration(),  absl::Hours(1), "would silence everything"},
      { "regex all",    matcher(MatchOp::kRegex,   ".*"), absl::ZeroDuration(),  absl::Hours(1), "would silence everything"},
      { "not equal", matcher(MatchOp::kNotEqual,    "x"), absl::ZeroDuration(),  absl::Hours(1), "would silence everything"},
      { "bad regex",    matcher(MatchOp::kRegex,    "("), absl::ZeroDuration(),  absl::Hours(1),        "missing closing )"},
      { "backwards",    matcher(MatchOp::kEqual,    "x"),       absl::Hours(2),  absl::Hours(1),       "which is not after"},
      { "past",    matcher(MatchOp::kEqual,    "x"),      absl::Hours(-2), absl::Hours(-1),      "not after its start"},
      { "not UTF-8",    matcher(MatchOp::kEqual, "\xFF"), absl::ZeroDuration(),  absl::Hours(1),                "not UTF-8"},
  };
  for (const auto& c : cases) {
    CreateSilence create;
    create.silence.matchers = c.matchers;
    create.silence.starts_at = Noon() + c.from;
    create.silence.ends_at = Noon() + c.to;
    const absl::Status status = world.Do(create).status;
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << c.name;
    EXPECT_THAT(Text(status), HasSubstr(std::string(c.words))) << c.name;
  }
  CreateSilence many = SilenceOf(Noon(), Noon() + absl::Hours(1));
  many.silence.matchers.assign(limits::kMatchersPerSilence + 1, many.silence.matchers[0]);
  EXPECT_THAT(Text(world.Do(many).status), HasSubstr("at most 32"));
}

// Auditor and health.

TEST(AuditTest, FindsAndRepairsAGroupThatNobodyWouldBePagedFor) {
  World world;
  world.Observe({});
  world.Pass(kWait);
  EXPECT_THAT(world.Audit(), IsEmpty());
  // Its step timer is lost, as no bug of ours could do it.
  const Escalation escalation = *world.EscalationOf();
  Change change;
  change.now = world.now();
  change.removed = {KeyOf(
      Row(world.state().timers.at(world.state().timer_of.at({Timer::Kind::kEscalationStep, escalation.id.value()}))))};
  world.Damage(change);
  world.Forget();
  EXPECT_THAT(world.Audit(), ElementsAre(HasSubstr("runs without a timer")));
  EXPECT_THAT(world.Sent(), ElementsAre("sms alice")) << "it began again";
  std::string why;
  EXPECT_FALSE(world.responder().CanPage(world.now(), absl::Minutes(1), why));
  EXPECT_THAT(why, HasSubstr("auditor"));
  EXPECT_THAT(world.Audit(), IsEmpty());
  EXPECT_TRUE(world.responder().CanPage(world.now(), absl::Minutes(1), why)) << why;
}

TEST(AuditTest, FindsEachKindOfDamage) {
  const struct {
    std::string_view name;
    std::function<void(Group&, Change&, const World&)> damage;
    std::string_view finding;
  } cases[] = {
      {"escalation gone",           [](Group& group, Change&,        const World&) { group.escalation = EscalationId(); },
       "nobody is paged"                                                                                                                                       },
      {"escalation stopped",
       [](Group&,                                    Change& change, const World& world) {
         Escalation row = *world.EscalationOf();
         row.state = Escalation::State::kStopped;
         change.rows.emplace_back(row);
         Page page = world.state().pages.at(row.pages[0]);
         page.state = Page::State::kDone;
         change.rows.emplace_back(page);
       },                                                      "nobody is paged"           },
      {"message stranded",
       [](Group&,                                    Change& change, const World& world) {
         Notification row = world.state().notifications.begin()->second;
         row.state = Notification::State::kPending;
         change.rows.emplace_back(row);
       },                                                      "on its way without a timer"},
      {"not flushed",               [](Group& group, Change&,        const World&) { group.flushed = false; },                     "waits to be handed"        },
      {"paged though acknowledged",
       [](Group& group,                              Change&,        const World&) { group.state = Group::State::kAcknowledged; },
       "runs although the group is acknowledged"                                                                                                               },
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    Organisation organisation = SampleOrganisation();
    organisation.users[0].notification_rules = {
        {Urgency::kHigh, absl::ZeroDuration(), ContactMethodId("sms")}
    };
    World world(organisation);
    world.Observe({});
    world.Pass(kWait);
    Group group = *world.Current();
    Change change;
    change.now = world.now();
    c.damage(group, change, world);
    change.rows.emplace_back(group);
    world.Damage(change);
    EXPECT_THAT(world.Audit(), ElementsAre(HasSubstr(std::string(c.finding))));
    world.Pass(absl::Seconds(1));
    EXPECT_THAT(world.Audit(), IsEmpty()) << "repaired";
  }
}

TEST(AuditTest, GoesRoundInSlices) {
  World world;
  for (int i = 0; i < 10; ++i)
    world.Observe({.name = "Alert" + std::to_string(i)});
  for (auto copy = world.state().timers; const auto& [id, timer] : copy) {
    if (timer.kind != Timer::Kind::kGroupFlush) continue;
    Change change;
    change.now = world.now();
    change.removed = {KeyOf(Row(timer))};
    world.Damage(change);
  }
  std::vector<std::string> findings;
  for (int i = 0; i < 4; ++i) {
    const std::size_t before = findings.size();
    world.Take(world.responder().Audit(world.now(), 3, findings));
    EXPECT_LE(findings.size() - before, 3U);
  }
  EXPECT_THAT(findings, SizeIs(10));
}

TEST(HealthTest, OverdueCriticalTimerMeansThatPagesDoNotGoOut) {
  World world;
  std::string why;
  EXPECT_TRUE(world.responder().CanPage(world.now(), absl::Minutes(1), why)) << why;
  world.Observe({});
  Now later = world.now();
  later.engine = later.engine + kWait + absl::Minutes(1);
  EXPECT_TRUE(world.responder().CanPage(later, absl::Minutes(1), why)) << why;
  later.engine = later.engine + absl::Seconds(1);
  EXPECT_FALSE(world.responder().CanPage(later, absl::Minutes(1), why));
  EXPECT_EQ(why, "a critical timer is overdue by 1m1s");
  Responder empty(World::Options());
  EXPECT_FALSE(empty.CanPage(later, absl::Minutes(1), why));
  EXPECT_EQ(why, "no organisation has been applied");
}

TEST(HealthTest, AGroupOfWhichNobodyCanBeToldForLongMeansThatPagesDoNotGoOut) {
  World world;
  bool away = true;
  world.SetProvider(
      [&](const Notification&) { return away ? AttemptResult::Kind::kRetryLater : AttemptResult::Kind::kAccepted; });
  const auto can_page = [&](std::string& why) {
    for (int round = 0; round < 2; ++round)
      world.Audit();
    return world.responder().CanPage(world.now(), absl::Minutes(1), why);
  };
  world.Observe({});
  world.Pass(kWait + absl::Seconds(90));
  std::string why;
  EXPECT_TRUE(can_page(why)) << "a provider's short trouble is its own: " << why;
  world.Pass(absl::Seconds(150));
  EXPECT_FALSE(can_page(why));
  EXPECT_THAT(why, HasSubstr("no provider has taken a page since 2024-01-01 12:00"));
  world.Pass(absl::Minutes(2));
  EXPECT_FALSE(can_page(why));
  EXPECT_THAT(why, HasSubstr("no provider has taken a page for 6m"));
  EXPECT_THAT(why, HasSubstr("the last was email to dave: status 500"));
  away = false;
  world.Pass(absl::Minutes(6));
  EXPECT_TRUE(can_page(why)) << why;
}

TEST(RetentionTest, ClosedRowsLeaveMemoryAfterADayAndStayInTheJournal) {
  World world;
  world.Observe({});
  world.Pass(kWait);
  const GroupId id = world.Current()->id;
  world.Observe({.firing = 0});
  ASSERT_TRUE(world.Do(TestPage{UserId("bob")}).status.ok());
  const SilenceId silence(world.Do(SilenceOf(Noon(), Noon() + absl::Hours(1))).id);
  world.Pass(absl::Hours(24) - absl::Seconds(1));
  EXPECT_TRUE(world.state().groups.contains(id));
  world.Pass(absl::Hours(2));
  EXPECT_THAT(world.state().groups, IsEmpty());
  EXPECT_THAT(world.state().escalations, IsEmpty());
  EXPECT_THAT(world.state().pages, IsEmpty());
  EXPECT_THAT(world.state().notifications, IsEmpty());
  EXPECT_THAT(world.state().about, IsEmpty());
  EXPECT_THAT(world.state().current_group, IsEmpty());
  EXPECT_FALSE(world.state().silences.contains(silence));
  EXPECT_TRUE(std::ranges::all_of(world.state().timers, [](const auto& entry) {
    return entry.second.kind == Timer::Kind::kScheduleNews;  // of its schedules
  }));
  // What left is named, so that RocksDB moves it to the history.
  std::vector<RowKey> left;
  for (const Change& change : world.journal())
    left.insert(left.end(), change.removed.begin(), change.removed.end());
  EXPECT_THAT(left, testing::IsSupersetOf({KeyFor<Group>(id), KeyFor<Silence>(silence)}));
  EXPECT_THAT(Text(world.Acknowledge(id)), HasSubstr("is not known, or was resolved more than 24h ago"));
}

TEST(RetentionTest, HistoryThatRocksDbHandsBackIsForgottenAgainAtTheStart) {
  World world;
  world.Observe({});
  world.Pass(kWait);
  world.Observe({.firing = 0});
  std::vector<Row> history;
  for (const auto& [id, row] : world.state().groups)
    history.emplace_back(row);
  for (const auto& [id, row] : world.state().escalations)
    history.emplace_back(row);
  for (const auto& [id, row] : world.state().pages)
    history.emplace_back(row);
  for (const auto& [id, row] : world.state().notifications)
    history.emplace_back(row);
  Responder recovered(World::Options());
  recovered.Restore(history);
  recovered.Start(world.now());
  EXPECT_THAT(recovered.state().groups, IsEmpty());
  EXPECT_THAT(recovered.state().escalations, IsEmpty());
  EXPECT_THAT(recovered.state().pages, IsEmpty());
  EXPECT_THAT(recovered.state().notifications, IsEmpty());
}

}  // namespace
}  // namespace tocsin
