#include "engine/name_sets.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "base/random.h"
#include "engine/route_memory.h"
#include "engine/router.h"
#include "engine/texts.h"

namespace tocsin {
namespace {

using Names = std::pair<std::vector<std::string>, std::vector<std::string>>;  // of labels, of annotations

// A text of these names as events have it: all strings in one piece of memory, in order, with nothing behind the last one.
class Said {
 public:
  Said(const Names& names, Random& random) {
    std::vector<std::size_t> ends;
    const auto add = [&](const std::string& string) {
      bytes_ += string;
      ends.push_back(bytes_.size());
    };
    for (const std::vector<std::string>* of : {&names.first, &names.second}) {
      for (const std::string& name : *of) {
        add(name);
        add(std::string(random.Below(20), 'v') + std::to_string(random.Below(3)));
      }
    }
    bytes_.shrink_to_fit();
    std::size_t at = 0;
    const auto next = [&](std::size_t number) {
      const std::string_view string = std::string_view(bytes_).substr(at, ends[number] - at);
      at = ends[number];
      return string;
    };
    for (std::size_t i = 0; i < ends.size(); i += 2) {
      const std::string_view name = next(i);
      pairs_.push_back({name, next(i + 1)});
    }
    const std::span<const LabelView> pairs(pairs_);
    text_.labels = pairs.first(names.first.size());
    text_.annotations = pairs.subspan(names.first.size());
  }
  Said(const Said&) = delete;
  Said& operator=(const Said&) = delete;
  const TextView& text() const { return text_; }
  NameSets::Set In(NameSets& sets) const { return sets.Of(text_, bytes_.data() + bytes_.size()); }

 private:
  std::string bytes_;
  std::vector<LabelView> pairs_;
  TextView text_;
};

// Few names that are much alike, so that most sets differ in one of them, in how many are labels, or not at all.
Names RandomNames(Random& random) {
  const std::string words[] = {
      "alertname", "alertnamE",         "env", "job", "jobs", "a", "instance_of_host", "instance_of_hosT", "severity",
      "team",      std::string(17, 'x')};
  Names names;
  for (std::vector<std::string>* of : {&names.first, &names.second}) {
    for (std::uint64_t i = random.Below(random.OneIn(50) ? 40 : 4); i > 0; --i)
      of->push_back(words[random.Below(random.OneIn(20) ? 11 : 10)]);
  }
  return names;
}

TEST(NameSetsTest, TheSameNumberMeansTheSameNames) {
  Random random(1);
  NameSets sets;
  std::vector<Names> some;
  for (int i = 0; i < 200; ++i)
    some.push_back(RandomNames(random));
  std::map<std::uint64_t, Names> known;
  std::size_t again = 0;
  for (int step = 0; step < 100'000; ++step) {
    const Names& names = some[random.Below(random.OneIn(10) ? some.size() : 10)];
    const NameSets::Set set = Said(names, random).In(sets);
    if (set.number == 0) continue;
    ASSERT_LT(set.place, NameSets::kSets);
    const auto [found, is_new] = known.try_emplace(set.number, names);
    ASSERT_EQ(found->second, names) << "step " << step;
    again += is_new ? 0 : 1;
  }
  EXPECT_GT(again, 10'000U) << "what has come before is known";
}

// Texts, interned names and all, with sets of names that come and go: beside a store that knows nothing of sets.
TEST(NameSetsTest, ATextIsTheSameWhetherItsNamesAreKnownOrNot) {
  Random random(2);
  NameSets sets;
  TextStore with(1000, 1);
  TextStore without(1000, 1);
  std::vector<Names> some;
  for (int i = 0; i < 20; ++i)
    some.push_back(RandomNames(random));
  std::vector<std::pair<TextRef, TextRef>> kept;
  TextBuffer buffer;
  const auto expect = [&](const TextStore& store, TextRef ref, const TextView& said) {
    const TextView read = store.Read(ref, buffer);
    ASSERT_TRUE(std::ranges::equal(read.labels, said.labels) && std::ranges::equal(read.annotations, said.annotations));
  };
  for (int step = 0; step < 30'000; ++step) {
    // Now and then everything is dropped, so that numbers come to mean other strings.
    for (const bool all = random.OneIn(500); !kept.empty() && (all || kept.size() > 30); kept.pop_back()) {
      with.Drop(kept.back().first);
      without.Drop(kept.back().second);
    }
    const Said said(some[random.Below(some.size())], random);
    const TextStore::Stored one = with.Store(said.text(), TextStore::Sighting::kFirst, said.In(sets));
    const TextStore::Stored other = without.Store(said.text(), TextStore::Sighting::kFirst);
    ASSERT_EQ(one.signature, other.signature);
    expect(with, one.ref, said.text());
    expect(without, other.ref, said.text());
    kept.emplace_back(one.ref, other.ref);
    std::swap(kept.back(), kept[random.Below(kept.size())]);
  }
  EXPECT_GT(with.interned(), 0U);
  for (const auto& [one, other] : kept)
    with.Drop(one);
  EXPECT_EQ(with.interned(), 0U) << "every use has been counted and let go";
}

TEST(NameSetsTest, RoutesAreTheSameWhetherNamesAreKnownOrNot) {
  Random random(3);
  Route root;
  root.id = RouteId("r");
  root.group_by = {"env", "severity"};
  Route child = root;
  child.id = RouteId("r/0");
  child.matchers = {
      {"team", MatchOp::kNotEqual, ""  },
      {"job",  MatchOp::kEqual,    "v0"}
  };
  root.children = {child};
  const Router router(root, 1);
  RouteMemory memory(router, 1);
  NameSets sets;
  TextStore texts(1000, 1);
  std::vector<TextRef> kept;
  std::vector<std::uint32_t> nodes;
  for (int step = 0; step < 20'000; ++step) {
    for (const bool all = random.OneIn(200); !kept.empty() && (all || kept.size() > 30); kept.pop_back())
      texts.Drop(kept.back());
    Names names = RandomNames(random);
    std::ranges::sort(names.first);
    names.first.erase(std::ranges::unique(names.first).begin(), names.first.end());
    const Said said(names, random);
    router.Match(said.text().labels, nodes);
    const NameSets::Set set = said.In(sets);
    kept.push_back(texts.Store(said.text(), TextStore::Sighting::kFirst, set).ref);
    std::swap(kept.back(), kept[random.Below(kept.size())]);
    const std::span<const RouteMemory::Target> targets = memory.Find(said.text().labels, set, texts);
    ASSERT_EQ(targets.size(), nodes.size());
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      std::array<LabelView, limits::kLabelsPerAlert> room;
      const Router::Node& node = router.node(nodes[i]);
      ASSERT_EQ(targets[i].group, router.KeyOf(node, router.GroupLabels(node, said.text().labels, room)));
    }
  }
}

}  // namespace
}  // namespace tocsin
