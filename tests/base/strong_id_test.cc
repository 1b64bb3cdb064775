#include "base/strong_id.h"

#include <type_traits>
#include <unordered_set>

#include "absl/container/flat_hash_map.h"
#include <gtest/gtest.h>

namespace tocsin {
namespace {

using AppleId = StrongId<struct AppleTag>;
using PearId = StrongId<struct PearTag>;
using AppleName = StrongName<struct AppleTag>;

static_assert(!std::is_convertible_v<AppleId, PearId> && !std::is_convertible_v<AppleId, std::uint64_t>);
static_assert(!std::is_convertible_v<std::uint64_t, AppleId>);
static_assert(!std::is_convertible_v<std::string, AppleName> && !std::is_convertible_v<AppleName, std::string>);

TEST(StrongIdTest, ZeroAndEmptyMeanNone) {
  EXPECT_FALSE(AppleId().set());
  EXPECT_TRUE(AppleId(1).set());
  EXPECT_FALSE(AppleName().set());
  EXPECT_TRUE(AppleName("golden").set());
}

TEST(StrongIdTest, OrdersAndHashesByValue) {
  EXPECT_LT(AppleId(1), AppleId(2));
  EXPECT_LT(AppleName("a"), AppleName("b"));
  const absl::flat_hash_map<AppleId, int> by_id = {
      {AppleId(1), 10},
      {AppleId(2), 20}
  };
  EXPECT_EQ(by_id.at(AppleId(2)), 20);
  const absl::flat_hash_map<AppleName, int> by_name = {
      {AppleName("a"), 1}
  };
  EXPECT_TRUE(by_name.contains(AppleName(std::string("a"))));
  const std::unordered_set<AppleName> names = {AppleName("a"), AppleName("a"), AppleName("b")};
  EXPECT_EQ(names.size(), 2U);
}

}  // namespace
}  // namespace tocsin
