#include "model/name_order.h"

#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace tocsin {
namespace {

// What a map does: the last of equal names counts, and names come in their order.
std::vector<LabelView> LikeAMap(const std::vector<LabelView>& texts) {
  std::map<std::string_view, std::string_view> map;
  for (const LabelView& text : texts)
    map[text.name] = text.value;
  std::vector<LabelView> out;
  for (const auto& [name, value] : map)
    out.push_back({name, value});
  return out;
}

std::vector<LabelView> SortedBy(NameOrder& order, std::vector<LabelView> texts) {
  const std::span<LabelView> kept = order.Sort(texts);
  return {kept.begin(), kept.end()};
}

// Alerts of one sender with `names` different names: few, as many as are remembered, and far more.
class NameOrderTest : public testing::TestWithParam<int> {};

TEST_P(NameOrderTest, IsAMapsOrderWhateverTheSenderUsedBefore) {
  Random random(static_cast<std::uint64_t>(GetParam()));
  NameOrder order;
  std::vector<std::string> names;
  for (int i = 0; i < GetParam(); ++i) {
    std::string name(random.Below(12) == 0 ? random.Below(100) : 1 + random.Below(9), 'x');
    for (char& c : name)
      c = static_cast<char>(random.Below(8) == 0 ? random.Below(256) : 'a' + random.Below(3));
    names.push_back(name);
  }
  for (int round = 0; round < 5'000; ++round) {
    std::vector<LabelView> texts;
    for (std::uint64_t n = random.Below(random.Below(20) == 0 ? 300 : 20); n > 0; --n)
      texts.push_back({names[random.Below(names.size())], names[random.Below(names.size())]});
    ASSERT_EQ(SortedBy(order, texts), LikeAMap(texts));
  }
}

INSTANTIATE_TEST_SUITE_P(Names, NameOrderTest, testing::Values(1, 2, 10, 64, 65, 200, 5'000));

TEST(NameOrderTest, NoTextsAreInOrder) {
  NameOrder order;
  EXPECT_THAT(SortedBy(order, {}), testing::IsEmpty());
}

}  // namespace
}  // namespace tocsin
