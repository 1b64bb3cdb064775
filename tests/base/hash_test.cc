#include "base/hash.h"

#include <string>

#include <gtest/gtest.h>

#include "base/random.h"

namespace tocsin {
namespace {

std::string RandomBytes(Random& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& c : bytes)
    c = static_cast<char>(static_cast<unsigned char>(random.Below(256)));
  return bytes;
}

// Bit by bit from the polynomial: slow and obvious.
std::uint32_t NaiveCrc32c(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82F63B78U : 0U);
  }
  return ~crc;
}

TEST(Crc32cTest, AgreesWithTheVectorsOfRfc3720) {
  std::string ascending;
  for (char c = 0; c < 32; ++c)
    ascending += c;
  const std::string descending(ascending.rbegin(), ascending.rend());
  struct Case {
    std::string_view name;
    std::string bytes;
    std::uint32_t crc;
  };
  const Case cases[] = {
      {"nothing",   "",             0x00000000 },
      {"digits",    "123456789",    0xE3069283 },
      {"zeros",     std::string(32, '\0'),       0x8A9136AA},
      {"ones",           std::string(32,                    '\xFF'),       0x62A8AB43},
      {"ascending", ascending,               0x46DD794E         },
      {"descending", descending, 0x113FDB5C},
  };
  for (const Case& c : cases)
    EXPECT_EQ(Crc32c(c.bytes), c.crc) << c.name;
}

TEST(Crc32cTest, AgreesWithTheDefinitionAtEveryLengthAndAlignment) {
  Random random(1);
  const std::string bytes = RandomBytes(random, 80);
  for (std::size_t start = 0; start < 9; ++start) {
    for (std::size_t size = 0; size + start <= bytes.size(); ++size) {
      const std::string_view part = std::string_view(bytes).substr(start, size);
      ASSERT_EQ(Crc32c(part), NaiveCrc32c(part)) << start << " " << size;
    }
  }
}

TEST(Crc32cTest, GoesOnFromAPart) {
  const std::string_view text = "the quick brown fox jumps over the lazy dog";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(Crc32c(text.substr(cut), Crc32c(text.substr(0, cut))), Crc32c(text));
  }
}

TEST(HashTest, IsTheSameOnEveryHostAndVersion) {
  // Journalled keys depend on these values; a change of library must not change them (XXH3's own test vectors).
  EXPECT_EQ(Hash64(""), 0x2D06800538D394C2);
  EXPECT_EQ(HashTo128(""), (Hash128{0x99AA06D3014798D8, 0x6001C324468D497F}));
  EXPECT_EQ(Hash64("tocsin", 7), Hash64(std::string("tocsin"), 7));
}

TEST(HashTest, IsTheLibrarysOwnOfAnyLength) {
  std::string text(600, '\0');
  for (std::size_t i = 0; i < text.size(); ++i)
    text[i] = static_cast<char>(i * i + 7 * i);
  std::uint64_t narrow = 0;
  Hash128 wide;
  for (std::size_t size = 0; size <= text.size(); ++size) {
    const std::string_view part = std::string_view(text).substr(0, size);
    narrow = Hash64(part, narrow + size);
    const Hash128 hash = HashTo128(part, wide.low + size);
    wide = {wide.high ^ hash.high, wide.low ^ hash.low};
  }
  EXPECT_EQ(narrow, 0xE89A02E1A290C43F);
  EXPECT_EQ(wide, (Hash128{0x358E5872EBFBAA1C, 0x76486FAD76DACB79}));
}

TEST(HashTest, DependsOnSeedAndEveryByte) {
  Random random(2);
  const std::string bytes = RandomBytes(random, 300);
  EXPECT_NE(Hash64(bytes, 1), Hash64(bytes, 2));
  EXPECT_NE(HashTo128(bytes, 1), HashTo128(bytes, 2));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    ASSERT_NE(Hash64(changed), Hash64(bytes));
    ASSERT_NE(HashTo128(changed), HashTo128(bytes));
  }
}

}  // namespace
}  // namespace tocsin
