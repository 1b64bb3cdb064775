#include "engine/short_strings.h"

#include <set>
#include <string>

#include "gtest/gtest.h"

#include "base/random.h"

namespace tocsin {
namespace {

std::string RandomBytes(Random& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes)
    byte = static_cast<char>(random.Below(256));
  return bytes;
}

TEST(ShortStringsTest, EveryLengthIsComparedAndCopiedWhole) {
  Random random(1);
  for (std::size_t size = 0; size < 100; ++size) {
    const std::string bytes = RandomBytes(random, size);
    const std::string same = bytes;
    EXPECT_TRUE(SameString(bytes, same));
    std::string copy(size + 1, '!');
    ASSERT_EQ(CopyBytes(copy.data(), bytes.data(), size), copy.data() + size);
    EXPECT_EQ(copy, bytes + "!");
    const std::string behind = bytes + std::string(kBlockSlack, '?');
    std::string blocks(size + kBlockSlack + 1, '!');
    ASSERT_EQ(CopyBlocks(blocks.data(), behind.data(), size), blocks.data() + size);
    EXPECT_EQ(blocks.substr(0, size), bytes);
    EXPECT_EQ(blocks.back(), '!') << "no more than a block's rest is written behind";
    for (std::size_t i = 0; i < size; ++i) {
      std::string other = bytes;
      other[i] = static_cast<char>(other[i] ^ 1);
      EXPECT_FALSE(SameString(bytes, other)) << size << " bytes, number " << i;
    }
    EXPECT_FALSE(SameString(bytes, bytes + "x"));
  }
}

TEST(ShortStringsTest, EveryBitOfAStringChangesItsHash) {
  Random random(2);
  const StringHasher hasher(7);
  std::set<std::uint64_t> hashes;
  std::size_t strings = 0;
  for (std::size_t size = 0; size < 80; ++size) {
    const std::string bytes = RandomBytes(random, size);
    hashes.insert(hasher(bytes));
    ++strings;
    for (std::size_t bit = 0; bit < size * 8; ++bit) {
      std::string other = bytes;
      other[bit / 8] = static_cast<char>(static_cast<unsigned char>(other[bit / 8]) ^ 1U << bit % 8);
      hashes.insert(hasher(other));
      ++strings;
    }
  }
  EXPECT_EQ(hashes.size(), strings);
}

TEST(ShortStringsTest, HashesFollowFromTheSeed) {
  const StringHasher hasher(7);
  const StringHasher same(7);
  const StringHasher other(8);
  for (const std::string& string : {std::string(), std::string("a"), std::string("db-17.example.com:9100")}) {
    EXPECT_EQ(hasher(string), same(string));
    EXPECT_NE(hasher(string), other(string));
  }
}

// What a byte more changes, another byte must not make up for.
TEST(ShortStringsTest, NoTwoShortStringsHaveTheSameHash) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const StringHasher hasher(seed);
    std::set<std::uint64_t> hashes;
    std::size_t strings = 0;
    for (std::size_t size = 0; size <= 6; ++size) {
      std::string string(size, 'a');
      for (std::size_t number = 0, end = std::size_t{1} << 2 * size; number < end; ++number) {
        for (std::size_t i = 0; i < size; ++i)
          string[i] = "ab12"[number >> 2 * i & 3U];
        hashes.insert(hasher(string));
        ++strings;
      }
    }
    EXPECT_EQ(hashes.size(), strings);
  }
}

// A table needs all bits of a hash to be worth something: as many different ones as chance would give.
TEST(ShortStringsTest, NamesThatCountUpAreSpreadEvenly) {
  const StringHasher hasher(9);
  constexpr std::size_t kNames = 1U << 16;
  std::set<std::uint64_t> low;
  std::set<std::uint64_t> high;
  for (std::size_t i = 0; i < kNames; ++i) {
    const std::uint64_t hash = hasher("instance-" + std::to_string(i));
    low.insert(hash % kNames);
    high.insert(hash >> 48U);
  }
  constexpr double kExpected = 0.632 * kNames;  // 1 - 1/e of the places are hit
  EXPECT_NEAR(static_cast<double>(low.size()), kExpected, 0.02 * kNames);
  EXPECT_NEAR(static_cast<double>(high.size()), kExpected, 0.02 * kNames);
}

}  // namespace
}  // namespace tocsin
