#include "engine/router.h"

#include <array>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "engine/route_memory.h"
#include "engine/suppressor.h"
#include "tests/engine/naive_router.h"
#include "tests/engine/random_world.h"

namespace tocsin::shard_test {
namespace {

using testing::ElementsAre;

std::vector<LabelView> ViewsOf(const Labels& labels) {
  std::vector<LabelView> views;
  for (const Label& label : labels)
    views.push_back({label.name, label.value});
  return views;
}

std::vector<std::string> IdsOf(const Router& router, const Labels& labels) {
  std::vector<std::uint32_t> nodes;
  router.Match(ViewsOf(labels), nodes);
  std::vector<std::string> ids;
  for (const std::uint32_t node : nodes)
    ids.push_back(router.node(node).id.value());
  return ids;
}

// Many siblings: those with an equality matcher are found by label, and yet the first that matches wins.
TEST(RouterTest, AgreesWithANaiveWalkOnTreesOfManySiblings) {
  constexpr int kTrees = 200;
  constexpr int kAlertsPerTree = 500;
  for (std::uint64_t seed = 1; seed <= kTrees; ++seed) {
    Random random(seed);
    Route root = RandomRoute(random, "r", 0);
    root.children.clear();
    for (int i = 0; i < 40; ++i)
      root.children.push_back(RandomRoute(random, "r/" + std::to_string(i), 1));
    const Router router(root, kSeed);
    std::vector<std::uint32_t> nodes;
    for (int i = 0; i < kAlertsPerTree; ++i) {
      const Labels labels = RandomLabels(random);
      const std::vector<const Route*> expected = NaiveRoutes(root, labels);
      router.Match(ViewsOf(labels), nodes);
      ASSERT_EQ(nodes.size(), expected.size()) << "seed " << seed << " " << Format(labels);
      for (std::size_t n = 0; n < nodes.size(); ++n)
        ASSERT_EQ(router.node(nodes[n]).id, expected[n]->id) << "seed " << seed << " " << Format(labels);
    }
  }
}

TEST(RouterTest, AgreesWithANaiveWalkOnManyRandomTrees) {
  constexpr int kTrees = 1000;
  constexpr int kAlertsPerTree = 1000;
  for (std::uint64_t seed = 1; seed <= kTrees; ++seed) {
    Random random(seed);
    const Route root = RandomRoute(random, "r", 3);
    const Router router(root, kSeed);
    std::vector<std::uint32_t> nodes;
    for (int i = 0; i < kAlertsPerTree; ++i) {
      const Labels labels = RandomLabels(random);
      const std::vector<const Route*> expected = NaiveRoutes(root, labels);
      router.Match(ViewsOf(labels), nodes);
      ASSERT_EQ(nodes.size(), expected.size()) << "seed " << seed << " " << Format(labels);
      for (std::size_t n = 0; n < nodes.size(); ++n) {
        const Router::Node& node = router.node(nodes[n]);
        ASSERT_EQ(node.id, expected[n]->id) << "seed " << seed << " " << Format(labels);
        std::vector<LabelView> buffer(64);
        const std::vector<LabelView> views = ViewsOf(labels);
        const std::span<const LabelView> group = router.GroupLabels(node, views, buffer);
        ASSERT_EQ(std::vector<LabelView>(group.begin(), group.end()), ViewsOf(NaiveGroupLabels(*expected[n], labels)));
      }
    }
  }
}

TEST(RouterTest, TheFirstMatchingChildEndsTheScanUnlessItContinues) {
  Route root = RouteOf("root", {}, {});
  root.children.push_back(RouteOf("team-any", {Matcher{"team", MatchOp::kRegex, ".+"}}, {}));
  root.children.push_back(RouteOf("db", {Matcher{"team", MatchOp::kEqual, "db"}}, {}));
  root.children.push_back(RouteOf("web", {Matcher{"team", MatchOp::kEqual, "web"}}, {}));
  EXPECT_THAT(IdsOf(Router(root, 0), {{"team", "db"}}), ElementsAre("team-any"));
  root.children[0].continue_matching = true;
  EXPECT_THAT(IdsOf(Router(root, 0), {{"team", "db"}}), ElementsAre("team-any", "db"));
  EXPECT_THAT(IdsOf(Router(root, 0), {{"alertname", "x"}}), ElementsAre("root"));
}

TEST(RouterTest, AGroupByLabelThatTheAlertLacksIsNotInItsGroup) {
  const Router router(RouteOf("root", {}, {"cluster", "alertname"}), kSeed);
  const std::vector<LabelView> labels = {{"alertname", "A"}, {"zone", "z"}};
  std::vector<LabelView> buffer(8);
  EXPECT_THAT(router.GroupLabels(router.root(), labels, buffer), ElementsAre(LabelView{"alertname", "A"}));
}

TEST(RouterTest, GroupKeysTellRouteNamesAndValuesApart) {
  std::set<std::uint64_t> keys;
  for (const char* id : {"root", "roo"}) {
    const Router router(RouteOf(id, {}, {}), kSeed);
    std::vector<Labels> groups(5);  // the first has no labels
    groups[1].push_back({"ab", "c"});
    groups[2].push_back({"a", "bc"});
    groups[3] = groups[1];
    groups[3].push_back({"d", "e"});
    groups[4].push_back({"ab", "cde"});
    for (const Labels& labels : groups) {
      keys.insert(router.KeyOf(router.root(), ViewsOf(labels)).value());
      keys.insert(router.KeyOf(router.root(), ViewsOf(labels), Router::Kind::kOwn).value());
    }
  }
  EXPECT_EQ(keys.size(), 2 * 5 * 2);
  EXPECT_FALSE(keys.contains(0));
}

// Each label set is asked about more than once, so that what is remembered is what is told, whatever pushed it out between.
TEST(RouteMemoryTest, SaysWhatTheRouterSays) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Random random(seed);
    Route root = RandomRoute(random, "r", 3);
    if (random.OneIn(2)) root.group_by_all = false;
    const Router router(root, kSeed);
    RouteMemory memory(router, kSeed);
    std::vector<std::uint32_t> nodes;
    std::array<LabelView, limits::kLabelsPerAlert> room;
    for (int i = 0; i < 1000; ++i) {
      Labels labels = RandomLabels(random);
      labels.push_back({"unasked", std::to_string(i)});
      const std::vector<LabelView> views = ViewsOf(labels);
      router.Match(views, nodes);
      const std::span<const RouteMemory::Target> targets = memory.Find(views);
      ASSERT_EQ(targets.size(), nodes.size()) << "seed " << seed << " " << Format(labels);
      for (std::size_t n = 0; n < nodes.size(); ++n) {
        const Router::Node& node = router.node(nodes[n]);
        ASSERT_EQ(targets[n].node, nodes[n]) << "seed " << seed << " " << Format(labels);
        ASSERT_EQ(targets[n].group, router.KeyOf(node, router.GroupLabels(node, views, room))) << "seed " << seed;
      }
    }
  }
}

// Values that read the same when they are put one behind the other, and one that is too long to be remembered.
TEST(RouteMemoryTest, TellsAlikeValuesApart) {
  Route root;
  root.id = RouteId("r");
  root.group_by = {"a", "b"};
  const Router router(root, kSeed);
  RouteMemory memory(router, kSeed);
  std::set<std::uint64_t> groups;
  const std::vector<Labels> all = {
      {{"a", "xy"}, {"b", "z"}},
      {{"a", "x"}, {"b", "yz"}},
      {{"a", "xyz"}},
      {{"b", "xyz"}},
      {},
      {{"a", std::string(1000, 'x')}, {"b", "y"}},
      {{"a", std::string(1000, 'x')}, {"b", "z"}},
      {{"a", std::string(256, 'x')}},
      {{"a", "x"}, {"b", std::string(253, 'x')}},
  };
  for (int round = 0; round < 2; ++round) {
    for (const Labels& labels : all) {
      const std::span<const RouteMemory::Target> targets = memory.Find(ViewsOf(labels));
      ASSERT_EQ(targets.size(), 1);
      groups.insert(targets[0].group.value());
    }
  }
  EXPECT_EQ(groups.size(), all.size());
}

// A tree that asks about more labels than are kept track of is asked itself.
TEST(RouteMemoryTest, ATreeOfManyNamesIsAskedEachTime) {
  Route root;
  root.id = RouteId("r");
  for (int i = 0; i < 100; ++i) {
    Route child;
    child.id = RouteId("r/" + std::to_string(i));
    child.matchers = {{"n" + std::to_string(i), MatchOp::kEqual, "yes"}};
    root.children.push_back(child);
  }
  const Router router(root, kSeed);
  RouteMemory memory(router, kSeed);
  for (const std::uint32_t i : {7U, 93U, 7U}) {
    const Labels labels = {{"n" + std::to_string(i), "yes"}};
    const std::span<const RouteMemory::Target> targets = memory.Find(ViewsOf(labels));
    ASSERT_EQ(targets.size(), 1);
    EXPECT_EQ(targets[0].node, i + 1);
  }
}

TEST(SuppressorTest, AgreesWithTryingEverySilence) {
  int matched = 0;
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    Random random(seed);
    const std::vector<Silence> silences = RandomSilences(random);
    const Suppressor suppressor(silences);
    for (int i = 0; i < 1000; ++i) {
      const Labels labels = RandomLabels(random);
      const auto expected =
          std::ranges::find_if(silences, [&](const Silence& silence) { return NaiveMatch(silence.matchers, labels); });
      ASSERT_EQ(suppressor.Judge(ViewsOf(labels)), expected == silences.end() ? SilenceId() : expected->id) << seed;
      matched += expected == silences.end() ? 0 : 1;
    }
  }
  EXPECT_GT(matched, 1000);
}

}  // namespace
}  // namespace tocsin::shard_test
