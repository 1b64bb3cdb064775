#include "net/gzip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;

TEST(GzipTest, GivesBackWhatWentIn) {
  Random random(1);
  for (const std::size_t size : {0U, 1U, 100U, 65'536U, 65'537U, 1'000'000U}) {
    std::string plain(size, '\0');
    for (char& c : plain)
      c = static_cast<char>('a' + random.Below(16));
    const absl::StatusOr<std::string> back = Gunzip(Gzip(plain), {});
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(*back, plain);
  }
}

TEST(GzipTest, UnderstandsSeveralMembers) {
  EXPECT_EQ(Gunzip(Gzip("one ") + Gzip("two"), {}).value(), "one two");
}

TEST(GzipTest, StopsAtTheAbsoluteAndTheRelativeCap) {
  const std::string bomb = Gzip(std::string(10'000'000, '0'));
  EXPECT_EQ(Gunzip(bomb, {.max_bytes = 1 << 20, .max_ratio = 1'000'000}).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Gunzip(bomb, {.max_bytes = 1 << 30, .max_ratio = 100}).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(Gunzip(bomb, {.max_bytes = 10'000'000, .max_ratio = 2000}).ok());
  EXPECT_TRUE(Gunzip(Gzip(std::string(60'000, '0')), {.max_ratio = 1}).ok())
      << "small bodies may be as regular as they like";
}

TEST(GzipTest, NoticesEveryCutAndAllDamage) {
  const std::string text = "the quick brown fox jumps over the lazy dog";
  const std::string whole = Gzip(text);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(Gunzip(std::string_view(whole).substr(0, size), {}).ok()) << size;
  }
  for (std::size_t at = 10; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    // A few bits between the data and the checksum mean nothing.
    const absl::StatusOr<std::string> plain = Gunzip(damaged, {});
    EXPECT_TRUE(!plain.ok() || *plain == text) << at;
  }
  EXPECT_THAT(std::string(Gunzip(whole + "x", {}).status().message()), HasSubstr("gzip"));
}

}  // namespace
}  // namespace tocsin
