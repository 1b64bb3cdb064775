// The shard against its sequential model, on random worlds: events of all kinds, time, silences, other organisations,
// crashes, checkpoints.
#include <algorithm>
#include <map>
#include <numeric>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/limits.h"
#include "tests/engine/random_world.h"
#include "tests/engine/shard_model.h"
#include "tests/engine/shard_world.h"

namespace tocsin::shard_test {
namespace {

class RandomWorld {
 public:
  explicit RandomWorld(std::uint64_t seed) : random_(seed), shard_(options_), model_(options_) {
    SetRules(true);
    Work();
  }

  void Step() {
    const std::uint64_t kind = random_.Below(100);
    if (kind < 80) {
      Apply();
    } else if (kind < 90) {
      Pass();
      Work();
    } else if (kind < 93) {
      SetRules(random_.OneIn(3));
    } else if (kind < 97) {
      Seal();
    } else if (kind < 98) {
      Checkpoint();
    } else if (random_.OneIn(4)) {
      Crash();
    }
  }

  void Apply() {
    AlertEvent event;
    event.labels = RandomLabels(random_);
    if (random_.OneIn(3)) event.labels.push_back({"severity", random_.OneIn(2) ? "critical" : "warn"});
    Normalise(event.labels);
    const auto integration = static_cast<IntegrationIndex>(random_.Below(3));
    if (integration == 1 && random_.OneIn(2)) event.dedup_key = RandomValue(random_);
    if (random_.OneIn(3))
      event.annotations = {
          {"summary", RandomValue(random_) + " of the usual text"}
      };
    if (random_.OneIn(9)) event.link = "http://example.com/" + RandomValue(random_);
    if (random_.OneIn(5)) event.severity = static_cast<Severity>(random_.Below(6));
    event.kind = random_.OneIn(6)   ? EventKind::kResolve
                 : random_.OneIn(9) ? EventKind::kAcknowledge
                                    : EventKind::kTrigger;
    if (random_.OneIn(2)) event.starts_at = now_.wall - absl::Seconds(random_.Between(-30, 600)) / 7;
    if (random_.OneIn(4)) event.starts_at = kStart;
    if (random_.OneIn(2)) event.ends_at = now_.wall + absl::Seconds(random_.Between(-200, 400)) / 3;
    // With the tiny budget, what is kept would depend on the order in which leases of one tick run out: it has none.
    if (integration == 2 && event.ends_at > now_.wall) event.ends_at.reset();
    // Records keep milliseconds.
    if (event.starts_at) event.starts_at = absl::FromUnixMillis(absl::ToUnixMillis(*event.starts_at));
    if (event.ends_at) event.ends_at = absl::FromUnixMillis(absl::ToUnixMillis(*event.ends_at));
    EventBatch batch(kSeed, integration);
    ASSERT_TRUE(batch.Append(event).ok());
    keys_[ModelKey(event, integration)] = batch.at(0).header().key;
    const Outcome expected = model_.Apply(event, integration, now_);
    ASSERT_EQ(Name(shard_.Apply(batch.at(0), now_)), Name(expected)) << Format(event.labels);
    ++events_;
  }
  void Pass() {
    const absl::Duration passed = absl::Milliseconds(random_.Between(0, random_.OneIn(4) ? 90'000 : 4'000));
    now_.wall += passed;
    now_.engine = now_.engine + passed;
    if (random_.OneIn(5)) refused_ += passed;
  }
  void Work() {
    const EngineTime taken_in = now_.engine - refused_;
    model_.Work(now_, taken_in);
    while (shard_.Work(now_, taken_in, 1 + random_.Below(9))) {
    }
  }
  void SetRules(bool new_organisation) {
    if (new_organisation) {
      Organisation organisation = SampleOrganisation();
      organisation.route = RandomRoute(random_, "r", 2);
      organisation.integrations[2].active_alerts = static_cast<std::uint32_t>(random_.Between(3, 12));
      organisation_ = std::make_shared<const Organisation>(std::move(organisation));
    }
    if (random_.OneIn(2)) silences_ = RandomSilences(random_);
    if (version_ > 0) Work();  // what is due comes before what is judged again
    GiveRules();
    Work();
  }
  void GiveRules() {
    const RulesPtr rules = RulesOf(++version_, organisation_, silences_);
    shard_.SetRules(rules, SampleIntegrations(), now_);
    model_.SetRules(rules);
  }
  void Seal() {
    if (shard_.Seal([this](std::string_view body) { Keep(body); })) model_.Seal();
  }
  void Keep(std::string_view body) {
    ASSERT_LT(body.size(), limits::kJournalEntryBytes);
    journal_.emplace_back(body);
    if (checkpointed_) since_image_.emplace_back(body);
  }
  // A whole checkpoint, with events, time and seals between its slices.
  void Checkpoint() {
    shard_.BeginCheckpoint();
    image_.clear();
    since_image_.clear();
    checkpointed_ = true;
    while (shard_.CheckpointSlice(1 + random_.Below(8), [this](std::string_view body) { image_.emplace_back(body); })) {
      for (std::uint64_t i = random_.Below(6); i > 0; --i)
        Apply();
      if (random_.OneIn(6)) Pass();
      if (random_.OneIn(6)) Work();
      if (random_.OneIn(3)) Seal();
    }
  }
  Shard Recovered(bool from_image) {
    Shard recovered(options_);
    for (const std::string& body : from_image ? image_ : std::vector<std::string>())
      EXPECT_TRUE(recovered.Fold(body).ok());
    for (const std::string& body : from_image ? since_image_ : journal_)
      EXPECT_TRUE(recovered.Fold(body).ok());
    return recovered;
  }
  // Durable up to now, then dead, then back from the journal or from the checkpoint and the journal after it.
  void Crash() {
    Seal();
    const std::vector<GroupReport> before = AllReports();
    shard_ = Recovered(checkpointed_ && random_.OneIn(2));
    events_ = 0;
    model_.Crash();
    GiveRules();
    EXPECT_EQ(AllReports(), before) << "the responder hears the same, exemplars and their order included";
    Work();
  }
  std::vector<GroupReport> AllReports() {
    shard_.ReportAll();
    std::vector<GroupReport> reports;
    shard_.TakeReports(reports);
    return reports;
  }

  void CheckAlerts() {
    std::size_t listed = 0;
    std::uint64_t cursor = 0;
    do {
      cursor = shard_.List(cursor, 10, [&](const AlertRecord&) { return ++listed > 0; });
    } while (cursor != 0);
    ASSERT_EQ(listed, model_.alerts().size());
    for (const auto& [key, expected] : model_.alerts()) {
      const std::optional<AlertRecord> record = shard_.Find(keys_.at(key));
      ASSERT_TRUE(record.has_value()) << key;
      CheckAlert(key, expected, *record);
    }
  }
  static void CheckAlert(const std::string& key, const ShardModel::Alert& expected, const AlertRecord& record) {
    SCOPED_TRACE(key);
    EXPECT_EQ(record.summary.firing, expected.firing);
    EXPECT_EQ(record.summary.labels, expected.event.labels);
    EXPECT_EQ(record.summary.annotations, expected.event.annotations);
    EXPECT_EQ(record.summary.link, expected.event.link);
    EXPECT_EQ(record.summary.severity, expected.severity);
    EXPECT_EQ(record.summary.starts_at, expected.starts_at);
    if (expected.fired) {
      EXPECT_EQ(record.summary.fired_at, expected.fired_at);
      EXPECT_EQ(record.acknowledged, expected.acknowledged);
    }
    EXPECT_EQ(record.last_seen_at, expected.last_seen_at);
    EXPECT_EQ(record.received, expected.received);
    EXPECT_EQ(record.hold, Hold(expected.silence));
    EXPECT_EQ(record.resolved_reason, expected.firing ? "" : expected.resolved_reason);
    if (!expected.firing) {
      EXPECT_EQ(record.resolved_at, expected.resolved_at);
      EXPECT_EQ(record.lease_until == EngineTime::Infinite(), expected.firing && !expected.until_s);
    }
    ASSERT_EQ(record.routes.size(), expected.groups.size());
    for (std::size_t i = 0; i < record.routes.size(); ++i)
      EXPECT_EQ(record.routes[i].value(), expected.groups[i].first);
  }

  // What a list by a random filter finds, in random slices, against every record looked at.
  static void CheckList(const Shard& shard, Random random) {
    std::vector<Matcher> matchers;
    for (std::uint64_t i = random.Below(4); i > 0; --i)
      matchers.push_back(RandomMatcher(random));
    const CompiledMatchers compiled = *CompiledMatchers::Compile(matchers);
    AlertFilter filter{.matchers = random.OneIn(5) ? nullptr : &compiled,
                       .standing = static_cast<AlertFilter::Standing>(random.Below(5))};
    std::vector<AlertRecord> all;
    shard.List(0, SIZE_MAX / 100, [&](const AlertRecord& alert) { return all.push_back(alert), true; });
    if (!all.empty() && random.OneIn(3)) {
      const AlertRecord& member = all[random.Below(all.size())];
      filter.group = member.groups.empty() ? GroupKey(1) : member.groups[0];
    }
    std::vector<AlertKey> expected;
    for (const AlertRecord& alert : all) {
      if (Takes(filter, alert)) expected.push_back(alert.summary.key);
    }
    std::vector<AlertKey> listed;
    std::uint64_t cursor = 0;
    do {
      std::uint64_t page = 1 + random.Below(5);
      cursor = shard.List(cursor, 1 + random.Below(20), filter,
                          [&](const AlertRecord& alert) { return listed.push_back(alert.summary.key), --page > 0; });
    } while (cursor != 0);
    EXPECT_EQ(listed, expected) << Format(matchers) << " of " << all.size();
  }
  static bool Takes(const AlertFilter& filter, const AlertRecord& alert) {
    using Standing = AlertFilter::Standing;
    const bool firing = alert.summary.firing;
    const std::map<Standing, bool> standings = {
        {Standing::kAny,        true                       },
        {Standing::kActive,     firing                     },
        {Standing::kFiring,     firing && !alert.hold.set()},
        {Standing::kSuppressed, firing && alert.hold.set() },
        {Standing::kResolved,   !firing                    },
    };
    return standings.at(filter.standing) &&
           (filter.matchers == nullptr || filter.matchers->Match(std::span<const Label>(alert.summary.labels))) &&
           (!filter.group.set() || std::ranges::count(alert.groups, filter.group) > 0);
  }
  void CheckLists() {
    const Shard recovered = Recovered(false);
    for (int i = 0; i < 20; ++i)
      CheckList(random_.OneIn(4) ? recovered : shard_, Random(random_.Next()));
  }

  void CheckReports() {
    const std::vector<GroupReport> reports = AllReports();
    std::map<std::pair<std::string, std::string>, GroupReport> expected = model_.Reports();
    bool over = false;
    Severity last = Severity::kCritical;
    for (const GroupReport& report : reports) {
      EXPECT_LE(report.highest, last) << "most severe first";
      last = report.highest;
      if (!report.labels.empty() && report.labels[0].value == kOverBudgetAlert) {
        over = over || report.firing > 0;
        continue;
      }
      const auto found = expected.find({report.route.value(), Format(report.labels)});
      ASSERT_NE(found, expected.end()) << report.route.value() << Format(report.labels);
      CheckReport(found->second, report);
      expected.erase(found);
    }
    EXPECT_TRUE(expected.empty()) << expected.size() << " groups are missing";
    EXPECT_EQ(over, model_.over(0) || model_.over(1) || model_.over(2));
  }
  void CheckReport(const GroupReport& expected, const GroupReport& report) {
    SCOPED_TRACE(report.route.value() + Format(report.labels));
    EXPECT_EQ(report.firing, expected.firing);
    EXPECT_EQ(report.suppressed, expected.suppressed);
    EXPECT_EQ(report.acknowledged, expected.acknowledged);
    EXPECT_EQ(report.fired_total, expected.fired_total);
    EXPECT_EQ(report.resolved_total, expected.resolved_total);
    EXPECT_EQ(report.highest, expected.highest);
    EXPECT_EQ(report.hold.set(), expected.suppressed > 0);
    EXPECT_EQ(report.exemplars.size(), std::min<std::size_t>(expected.firing, limits::kExemplarsPerGroup));
    for (std::size_t i = 0; i < report.exemplars.size(); ++i) {
      EXPECT_TRUE(report.exemplars[i].firing);
      if (i > 0) {
        EXPECT_LE(report.exemplars[i].severity, report.exemplars[i - 1].severity);
      }
    }
    if (!report.exemplars.empty()) {
      EXPECT_EQ(report.exemplars[0].severity, report.highest);
      EXPECT_EQ(shard_.ListGroup(report.key, 100'000).size(), MembersOf(report));
    }
  }
  std::size_t MembersOf(const GroupReport& report) const {
    const std::pair<std::string, std::string> name(report.route.value(), Format(report.labels));
    return static_cast<std::size_t>(std::ranges::count_if(model_.alerts(), [&](const auto& entry) {
      return std::ranges::find(entry.second.groups, name) != entry.second.groups.end();
    }));
  }

  void CheckRecovery() {
    Seal();
    EXPECT_EQ(Recovered(false).StateHash(), shard_.StateHash()) << "from all bodies";
    if (checkpointed_) {
      EXPECT_EQ(Recovered(true).StateHash(), shard_.StateHash()) << "from the checkpoint";
    }
    Shard twice(options_);
    for (const std::string& body : journal_) {
      EXPECT_TRUE(twice.Fold(body).ok());
      EXPECT_TRUE(twice.Fold(body).ok());
    }
    EXPECT_EQ(twice.StateHash(), shard_.StateHash()) << "each body twice";
    const ShardStatistics statistics = shard_.Statistics();
    EXPECT_EQ(std::accumulate(std::begin(statistics.outcomes), std::end(statistics.outcomes), std::uint64_t{0}),
              events_);
  }

 private:
  Random random_;
  Shard::Options options_ = [] {
    Shard::Options options = ShardWorld::DefaultOptions();
    options.keep_resolved = absl::Seconds(100);
    options.default_lease = absl::Seconds(60);
    options.max_interned = 40;
    return options;
  }();
  Shard shard_;
  ShardModel model_;
  Now now_{kStart, EngineTime(3'000'000'000)};
  absl::Duration refused_;
  OrganisationPtr organisation_;
  std::vector<Silence> silences_;
  std::uint64_t version_ = 0;
  std::uint64_t events_ = 0;
  std::map<std::string, AlertKey> keys_;
  std::vector<std::string> journal_;
  std::vector<std::string> image_;
  std::vector<std::string> since_image_;
  bool checkpointed_ = false;
};

TEST(ShardOracleTest, DoesWhatTheSequentialModelDoes) {
  constexpr int kWorlds = 120;
  constexpr int kSteps = 400;
  for (std::uint64_t seed = 1; seed <= kWorlds; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    RandomWorld world(seed);
    for (int step = 1; step <= kSteps; ++step) {
      world.Step();
      if (step % 50 == 0) {
        world.Work();
        world.CheckAlerts();
        world.CheckReports();
        world.CheckLists();
      }
      if (step % 200 == 0) world.CheckRecovery();
      if (testing::Test::HasFailure()) {
        FAIL() << "at step " << step;
      }
    }
  }
}

}  // namespace
}  // namespace tocsin::shard_test
