#include "engine/suppressor.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

Silence Of(std::uint64_t id, std::string_view label, MatchOp op, std::string_view value) {
  Silence silence;
  silence.id = SilenceId(id);
  silence.matchers = {
      Matcher{std::string(label), op, std::string(value)}
  };
  return silence;
}

SilenceId Judge(const Suppressor& suppressor, std::string_view value) {
  const LabelView labels[] = {
      {"host", value}
  };
  return suppressor.Judge(labels);
}

TEST(SuppressorTest, TakesOverWhatIsUnchangedAndNothingElse) {
  const std::vector<Silence> first = {Of(1, "host", MatchOp::kRegex, "a.*"), Of(2, "host", MatchOp::kEqual, "bee"),
                                      Of(3, "host", MatchOp::kRegex, "c.*")};
  const Suppressor before(first);
  // 1 is kept, 2 has ended, 3 matches something else under its old id, 4 is new.
  const std::vector<Silence> second = {Of(1, "host", MatchOp::kRegex, "a.*"), Of(3, "host", MatchOp::kRegex, "d.*"),
                                       Of(4, "host", MatchOp::kEqual, "eel")};
  const Suppressor after(second, before);
  const Suppressor fresh(second);
  for (const std::string_view value : {"ant", "bee", "cat", "dog", "eel", ""})
    EXPECT_EQ(Judge(after, value), Judge(fresh, value)) << value;
  EXPECT_EQ(Judge(after, "ant"), SilenceId(1));
  EXPECT_FALSE(Judge(after, "bee").set());
  EXPECT_FALSE(Judge(after, "cat").set());
  EXPECT_EQ(Judge(after, "dog"), SilenceId(3));
  EXPECT_EQ(Judge(after, "eel"), SilenceId(4));
  EXPECT_EQ(after.unindexed(), 2U);
}

}  // namespace
}  // namespace tocsin
