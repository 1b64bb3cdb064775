// Inhibition against its definition: random rules and alerts over several shards, which say what has changed, in any order,
// and now and then start anew; every verdict against one that looks at every rule and every alert that fires.
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "engine/inhibition.h"
#include "engine/inhibition_sources.h"
#include "tests/engine/naive_router.h"
#include "tests/engine/random_world.h"

namespace tocsin::shard_test {
namespace {

std::vector<LabelView> ViewsOf(const Labels& labels) {
  std::vector<LabelView> views;
  for (const Label& label : labels)
    views.push_back({label.name, label.value});
  return views;
}

std::vector<Matcher> RandomSide(Random& random) {
  std::vector<Matcher> side = {RandomMatcher(random)};
  if (random.OneIn(2)) side.push_back(RandomMatcher(random));
  return side;
}

std::vector<InhibitionRule> RandomRules(Random& random) {
  std::vector<InhibitionRule> rules;
  for (std::uint64_t i = 1 + random.Below(4); i > 0; --i) {
    InhibitionRule& rule = rules.emplace_back();
    rule.id = InhibitionRuleId("rule" + std::to_string(i));
    rule.source_matchers = RandomSide(random);
    rule.target_matchers = random.OneIn(4) ? rule.source_matchers : RandomSide(random);
    for (std::uint64_t k = random.Below(3); k > 0; --k)
      rule.equal.push_back(random.OneIn(4) ? "alertname" : RandomName(random));
  }
  return rules;
}

// Which sides of which rules an alert matches, asked once and naively.
struct Sided {
  Labels labels;
  std::vector<bool> source;
  std::vector<bool> target;
};

Sided SidedOf(const std::vector<InhibitionRule>& rules, Labels labels) {
  Sided sided{std::move(labels), {}, {}};
  for (const InhibitionRule& rule : rules) {
    sided.source.push_back(NaiveMatch(rule.source_matchers, sided.labels));
    sided.target.push_back(NaiveMatch(rule.target_matchers, sided.labels));
  }
  return sided;
}

class Cluster {
 public:
  explicit Cluster(Random& random) : random_(random), rules_(RandomRules(random)), inhibitions_(rules_, kSeed) {
    Restart();
  }

  // An alert begins or ceases to fire somewhere, and its shard may or may not say so at once.
  void Change() {
    const auto shard = static_cast<std::uint32_t>(random_.Below(kShards));
    const auto slot = static_cast<std::uint32_t>(random_.Below(kSlots));
    const std::pair<std::uint32_t, std::uint32_t> place(shard, slot);
    if (const auto found = firing_.find(place); found != firing_.end()) {
      shards_[shard].Remove(slot, KeysOf(found->second.labels));
      firing_.erase(found);
    } else {
      const Sided& fired = firing_.emplace(place, SidedOf(rules_, RandomLabels(random_))).first->second;
      shards_[shard].Add(slot, KeysOf(fired.labels));
    }
    if (random_.OneIn(2)) Tell(shard);
  }
  void TellAll() {
    for (std::uint32_t shard = 0; shard < kShards; ++shard)
      Tell(shard);
  }
  // The process starts anew: everything is counted and told again.
  void Restart() {
    all_ = AllSources(kShards);
    all_.Begin(inhibitions_.fingerprint());
    EXPECT_FALSE(all_.snapshot()->complete);
    shards_.assign(kShards, ShardSources());
    for (ShardSources& shard : shards_)
      shard.Begin(inhibitions_.fingerprint());
    for (const auto& [place, alert] : firing_)
      shards_[place.first].Add(place.second, KeysOf(alert.labels));
    for (ShardSources& shard : shards_)
      shard.CountedAll();
    TellAll();
    EXPECT_TRUE(all_.snapshot()->complete);
  }

  void Judge(const Labels& labels) {
    const Sided target = SidedOf(rules_, labels);
    const std::optional<std::size_t> expected = FirstThatInhibits(target);
    const Inhibitions::Verdict verdict = inhibitions_.Judge(ViewsOf(labels), all_.snapshot()->sources);
    ASSERT_EQ(verdict.hold.set(), expected.has_value()) << Format(labels);
    ASSERT_EQ(inhibitions_.IsTarget(ViewsOf(labels)), std::ranges::find(target.target, true) != target.target.end());
    if (!expected) return;
    ++inhibited;
    ASSERT_EQ(verdict.rule->id, rules_[*expected].id) << Format(labels);
    ASSERT_EQ(inhibitions_.Find(verdict.hold), verdict.rule);
    const bool named = std::ranges::any_of(firing_, [&](const auto& entry) {
      return Format(entry.second.labels) == verdict.sources->example && Inhibits(*expected, entry.second, target);
    });
    ASSERT_TRUE(named) << verdict.sources->example << " does not inhibit " << Format(labels);
  }
  void JudgeSome() {
    for (const auto& [place, alert] : firing_)
      Judge(alert.labels);
    for (int i = 0; i < 20; ++i)
      Judge(RandomLabels(random_));
    judged += firing_.size() + 20;
    ASSERT_LE(all_.snapshot()->sources.size(), firing_.size() * rules_.size());
  }

  static inline std::uint64_t judged = 0;
  static inline std::uint64_t inhibited = 0;

 private:
  static constexpr std::uint32_t kShards = 3;
  static constexpr std::uint32_t kSlots = 6;

  std::vector<Inhibitions::Source> KeysOf(const Labels& labels) const {
    std::vector<Inhibitions::Source> keys;
    inhibitions_.SourcesOf(ViewsOf(labels), keys);
    return keys;
  }
  void Tell(std::uint32_t shard) {
    if (!shards_[shard].changed()) return;
    all_.Observe(shard, shards_[shard].Take([&](std::uint32_t slot) {
      return Format(firing_.at({shard, slot}).labels);
    }));
  }
  bool Inhibits(std::size_t rule, const Sided& source, const Sided& target) const {
    if (!target.target[rule] || !source.source[rule]) return false;
    if (target.source[rule] && source.target[rule]) return false;
    return std::ranges::all_of(rules_[rule].equal, [&](const std::string& name) {
      return Find(source.labels, name) == Find(target.labels, name);
    });
  }
  std::optional<std::size_t> FirstThatInhibits(const Sided& target) const {
    for (std::size_t rule = 0; rule < rules_.size(); ++rule) {
      for (const auto& [place, source] : firing_)
        if (Inhibits(rule, source, target)) return rule;
    }
    return std::nullopt;
  }

  Random& random_;
  std::vector<InhibitionRule> rules_;
  Inhibitions inhibitions_;
  std::vector<ShardSources> shards_;
  AllSources all_{kShards};
  std::map<std::pair<std::uint32_t, std::uint32_t>, Sided> firing_;  // by shard and slot
};

TEST(InhibitionOracleTest, AMillionVerdictsAgreeWithLookingAtEveryRuleAndEveryAlert) {
  for (std::uint64_t seed = 1; Cluster::judged < 1'000'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Cluster cluster(random);
    for (int round = 0; round < 40; ++round) {
      for (std::uint64_t i = 1 + random.Below(6); i > 0; --i)
        cluster.Change();
      if (random.OneIn(10)) cluster.Restart();
      cluster.TellAll();
      cluster.JudgeSome();
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(Cluster::inhibited, 100'000U);
  EXPECT_LT(Cluster::inhibited, 900'000U);
}

}  // namespace
}  // namespace tocsin::shard_test
