// Inhibition in shards: what is held back, what is told of it, and what a restart makes of it.
#include "engine/inhibition.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/inhibition_sources.h"
#include "tests/engine/shard_world.h"

namespace tocsin::shard_test {
namespace {

const AlertEvent kDown = Firing({
    {"alertname", "ClusterDown"},
    {"cluster",   "a"          },
    {"severity",  "critical"   }
});
const AlertEvent kSlow = Firing({
    {"alertname", "Slow"   },
    {"cluster",   "a"      },
    {"severity",  "warning"}
});
const AlertEvent kElsewhere = Firing({
    {"alertname", "Slow"   },
    {"cluster",   "b"      },
    {"severity",  "warning"}
});

OrganisationPtr WithRules(std::vector<std::string_view> ids = {"cluster-down"}) {
  auto organisation = std::make_shared<Organisation>(SampleOrganisation());
  for (const std::string_view id : ids) {
    InhibitionRule& rule = organisation->inhibition_rules.emplace_back();
    rule.id = InhibitionRuleId(id);
    rule.source_matchers = {
        {"alertname", MatchOp::kEqual, "ClusterDown"}
    };
    rule.target_matchers = {
        {"severity", MatchOp::kEqual, "warning"}
    };
    rule.equal = {"cluster"};
  }
  return organisation;
}

// Two shards and the responder's part between them.
class TwoShards {
 public:
  TwoShards() { Apply(WithRules()); }

  void Apply(OrganisationPtr organisation) {
    organisation_ = std::move(organisation);
    all_.Begin(Inhibitions(organisation_->inhibition_rules, kSeed).fingerprint());
    Publish();
  }
  void SetSilences(std::vector<Silence> silences) {
    silences_ = std::move(silences);
    Publish();
  }
  Outcome Fire(std::size_t shard, const AlertEvent& event) { return Do(shard, event, EventKind::kTrigger); }
  void Resolve(std::size_t shard, const AlertEvent& event) { Do(shard, event, EventKind::kResolve); }
  // Everything that the shards have to say is heard, and what follows from it.
  void Settle() {
    for (int round = 0; round < 5; ++round) {
      bool changed = false;
      for (std::uint32_t shard = 0; shard < 2; ++shard) {
        while (shards_[shard].Work(now_, now_.engine, 100)) {
        }
        Seal(shard);
        if (const auto report = shards_[shard].TakeSources()) changed |= all_.Observe(shard, *report);
      }
      if (!changed) return;
      Publish();
    }
    FAIL() << "it does not come to rest";
  }
  // The first one is told of, but not heard.
  void Crash() {
    for (std::uint32_t shard = 0; shard < 2; ++shard) {
      Seal(shard);
      shards_[shard] = Fresh();
      for (const std::string& body : journal_[shard])
        ASSERT_TRUE(shards_[shard].Fold(body).ok());
    }
    all_ = AllSources(2);
    all_.Begin(Inhibitions(organisation_->inhibition_rules, kSeed).fingerprint());
    Publish();
  }
  AlertRecord Find(std::size_t shard, const AlertEvent& event) { return *shards_[shard].Find(KeyOfEvent(event, 0)); }
  std::vector<GroupReport> Reports(std::size_t shard) {
    std::vector<GroupReport> reports;
    shards_[shard].TakeReports(reports);
    return reports;
  }
  void ReportAll(std::size_t shard) { shards_[shard].ReportAll(); }
  void Work(std::size_t shard) { shards_[shard].Work(now_, now_.engine, 100); }

 private:
  static Shard Fresh() { return Shard(ShardWorld::DefaultOptions()); }
  Outcome Do(std::size_t shard, AlertEvent event, EventKind kind) {
    event.kind = kind;
    EventBatch batch(kSeed, 0);
    EXPECT_TRUE(batch.Append(event).ok());
    return shards_[shard].Apply(batch.at(0), now_);
  }
  void Seal(std::size_t shard) {
    shards_[shard].Seal([&](std::string_view body) { journal_[shard].emplace_back(body); });
  }
  void Publish() {
    auto rules = std::make_shared<Rules>();
    rules->version = RulesVersion(++version_);
    rules->organisation = organisation_;
    rules->silences = silences_;
    rules->inhibition = all_.snapshot();
    for (Shard& shard : shards_)
      shard.SetRules(rules, SampleIntegrations(), now_);
  }

  Now now_{kStart, EngineTime(1'000'000'000)};
  OrganisationPtr organisation_;
  std::vector<Silence> silences_;
  std::uint64_t version_ = 0;
  Shard shards_[2] = {Fresh(), Fresh()};
  std::vector<std::string> journal_[2];
  AllSources all_{2};
};

TEST(InhibitionTest, ASourceInAnotherShardHoldsBackWhatFiresNowAndWhatFiredBefore) {
  TwoShards world;
  world.Settle();
  world.Fire(1, kSlow);
  world.Fire(1, kElsewhere);
  world.Fire(0, kDown);
  world.Settle();
  EXPECT_EQ(world.Find(1, kSlow).held_by,
            "inhibited by rule cluster-down: {alertname=\"ClusterDown\", cluster=\"a\", severity=\"critical\"} fires");
  EXPECT_FALSE(world.Find(1, kElsewhere).hold.set()) << "another cluster";
  EXPECT_FALSE(world.Find(0, kDown).hold.set());
  const std::vector<GroupReport> reports = world.Reports(1);
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].firing, 1U);
  EXPECT_EQ(reports[0].suppressed, 1U);
  EXPECT_THAT(reports[0].held_by, testing::StartsWith("inhibited by rule cluster-down: "));

  world.Resolve(1, kSlow);
  EXPECT_EQ(world.Fire(1, kSlow), Outcome::kSilenced) << "at once, now that the source is known";
  world.Resolve(0, kDown);
  world.Settle();
  EXPECT_FALSE(world.Find(1, kSlow).hold.set());
  EXPECT_EQ(world.Find(1, kSlow).held_by, "");
}

TEST(InhibitionTest, TheLastOfManySourcesEndsIt) {
  TwoShards world;
  world.Fire(1, kSlow);
  std::vector<AlertEvent> sources;
  for (int i = 0; i < 4; ++i) {
    AlertEvent& source = sources.emplace_back(kDown);
    source.labels.push_back({"zone", std::to_string(i)});
    world.Fire(static_cast<std::size_t>(i % 2), source);
  }
  for (std::size_t i = 0; i < sources.size(); ++i) {
    world.Settle();
    EXPECT_TRUE(world.Find(1, kSlow).hold.set()) << i;
    EXPECT_THAT(world.Find(1, kSlow).held_by, testing::HasSubstr("ClusterDown"));
    world.Resolve(i % 2, sources[i]);
  }
  world.Settle();
  EXPECT_FALSE(world.Find(1, kSlow).hold.set());
}

TEST(InhibitionTest, AfterARestartItComesToTheSameStateAndLetsNothingSlipThroughMeanwhile) {
  TwoShards world;
  world.Fire(0, kDown);
  world.Fire(1, kSlow);
  world.Settle();
  ASSERT_TRUE(world.Find(1, kSlow).hold.set());
  world.Crash();
  world.Work(1);  // judged again before any source is known
  EXPECT_TRUE(world.Find(1, kSlow).hold.set());
  EXPECT_EQ(world.Reports(1).at(0).suppressed, 1U);
  world.Settle();
  EXPECT_THAT(world.Find(1, kSlow).held_by, testing::HasSubstr("ClusterDown"));
  world.Resolve(0, kDown);
  world.Settle();
  EXPECT_FALSE(world.Find(1, kSlow).hold.set()) << "counted again after the restart, so taken out, too";
}

TEST(InhibitionTest, AfterARestartTheReasonIsToldAsSoonAsItIsKnown) {
  TwoShards world;
  world.Fire(0, kDown);
  world.Fire(1, kSlow);
  world.Settle();
  const std::string reason = world.Reports(1).at(0).held_by;
  EXPECT_THAT(reason, testing::HasSubstr("cluster-down"));
  world.Crash();
  world.ReportAll(1);
  EXPECT_EQ(world.Reports(1).at(0).held_by, "") << "nobody has counted as yet";
  EXPECT_THAT(world.Find(1, kSlow).held_by, testing::HasSubstr("being counted"));
  world.Settle();
  const std::vector<GroupReport> reports = world.Reports(1);
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].held_by, reason);
}

TEST(InhibitionTest, ASilenceThatEndsRightAfterAStartLetsNothingThroughThatIsInhibitedToo) {
  TwoShards world;
  const Silence silence = SilenceOf(1, {
                                           {"severity", MatchOp::kEqual, "warning"}
  });
  world.SetSilences({silence});
  world.Fire(0, kDown);
  world.Fire(1, kSlow);
  world.Settle();
  ASSERT_EQ(world.Find(1, kSlow).hold.kind(), Hold::Kind::kSilence);
  world.Crash();
  world.SetSilences({});  // ran out while nobody was there
  world.Work(1);          // judged again before any source is known
  EXPECT_TRUE(world.Find(1, kSlow).hold.set());
  EXPECT_EQ(world.Reports(1).at(0).firing, 0U);
  world.Settle();
  EXPECT_EQ(world.Find(1, kSlow).hold.kind(), Hold::Kind::kInhibition);
  world.Resolve(0, kDown);
  world.Settle();
  EXPECT_FALSE(world.Find(1, kSlow).hold.set());
}

TEST(InhibitionTest, ASourceThatEndsWhileNobodyIsThereEndsItAfterTheStart) {
  TwoShards world;
  world.Fire(0, kDown);
  world.Fire(1, kSlow);
  world.Settle();
  world.Resolve(0, kDown);
  world.Crash();
  world.Settle();
  EXPECT_FALSE(world.Find(1, kSlow).hold.set());
}

TEST(InhibitionTest, OtherRulesCountAnewAndARuleThatIsGoneHoldsNothing) {
  TwoShards world;
  world.Fire(0, kDown);
  world.Fire(1, kSlow);
  world.Settle();
  world.Apply(WithRules({"cluster-down", "another"}));
  world.Work(1);
  EXPECT_TRUE(world.Find(1, kSlow).hold.set()) << "the rule is still there; its sources are being counted";
  world.Settle();
  EXPECT_TRUE(world.Find(1, kSlow).hold.set());
  world.Apply(WithRules({"another"}));
  world.Settle();
  EXPECT_THAT(world.Find(1, kSlow).held_by, testing::StartsWith("inhibited by rule another"));
  world.Apply(WithRules({}));
  world.Settle();
  EXPECT_FALSE(world.Find(1, kSlow).hold.set());
}

TEST(InhibitionTest, AlertsThatAreSourceAndTargetDoNotInhibitEachOther) {
  auto organisation = std::make_shared<Organisation>(*WithRules());
  organisation->inhibition_rules[0].source_matchers = organisation->inhibition_rules[0].target_matchers = {
      {"cluster", MatchOp::kEqual, "a"}
  };
  TwoShards world;
  world.Apply(organisation);
  world.Fire(0, kDown);
  world.Fire(1, kSlow);
  world.Settle();
  EXPECT_FALSE(world.Find(0, kDown).hold.set());
  EXPECT_FALSE(world.Find(1, kSlow).hold.set());
}

TEST(InhibitionTest, AnAlertWhoseLabelsChangeIsASourceByTheNewOnes) {
  TwoShards world;
  AlertEvent source = kDown;
  source.dedup_key = "one";
  world.Fire(0, source);
  world.Fire(1, kSlow);
  world.Fire(1, kElsewhere);
  world.Settle();
  EXPECT_TRUE(world.Find(1, kSlow).hold.set());
  source.labels = {
      {"alertname", "ClusterDown"},
      {"cluster",   "b"          }
  };
  world.Fire(0, source);
  world.Settle();
  EXPECT_FALSE(world.Find(1, kSlow).hold.set());
  EXPECT_TRUE(world.Find(1, kElsewhere).hold.set());
}

}  // namespace
}  // namespace tocsin::shard_test
