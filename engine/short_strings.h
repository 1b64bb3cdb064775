// Comparing and hashing the strings that alerts are made of. Nearly all are short, and there are twenty to an alert: a call
// of the C library for each costs more than what it does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <emmintrin.h>

#include "base/hash.h"

namespace tocsin {

namespace short_strings {
template <typename Word>
std::uint64_t Load(const char* from) {
  Word word = 0;
  std::memcpy(&word, from, sizeof word);
  return word;
}
inline __m128i LoadBlock(const char* from) {
  __m128i block;
  std::memcpy(&block, from, sizeof block);
  return block;
}
}  // namespace short_strings

// Whether `size` bytes are the same. Words at both ends, which may overlap, need no loop over single bytes.
inline bool SameBytes(const char* a, const char* b, std::size_t size) {
  using short_strings::Load;
  const auto differ = [a, b]<typename Word>(Word, std::size_t at) { return Load<Word>(a + at) ^ Load<Word>(b + at); };
  constexpr std::uint64_t k64 = 0;
  constexpr std::uint32_t k32 = 0;
  constexpr std::uint8_t k8 = 0;
  if (size > 16) {
    const auto same = [a, b](std::size_t at) {
      return _mm_cmpeq_epi8(short_strings::LoadBlock(a + at), short_strings::LoadBlock(b + at));
    };
    __m128i all = same(size - 16);
    for (std::size_t at = 0; at < size - 16; at += 16)
      all = _mm_and_si128(all, same(at));
    return _mm_movemask_epi8(all) == 0xFFFF;
  }
  if (size >= 8) return (differ(k64, 0) | differ(k64, size - 8)) == 0;
  if (size >= 4) return (differ(k32, 0) | differ(k32, size - 4)) == 0;
  return size == 0 || (differ(k8, 0) | differ(k8, size / 2) | differ(k8, size - 1)) == 0;
}
inline bool SameString(std::string_view a, std::string_view b) {
  return a.size() == b.size() && SameBytes(a.data(), b.data(), a.size());
}

// Copies `size` bytes, which do not overlap; returns the end.
inline char* CopyBytes(char* to, const char* from, std::size_t size) {
  const auto copy = [to, from]<typename Word>(Word word, std::size_t at) {
    std::memcpy(&word, from + at, sizeof word);
    std::memcpy(to + at, &word, sizeof word);
  };
  if (size > 16) {
    std::memcpy(to, from, size);
  } else if (size >= 8) {
    copy(std::uint64_t{}, 0);
    copy(std::uint64_t{}, size - 8);
  } else if (size >= 4) {
    copy(std::uint32_t{}, 0);
    copy(std::uint32_t{}, size - 4);
  } else if (size > 0) {
    to[0] = from[0];
    to[size / 2] = from[size / 2];
    to[size - 1] = from[size - 1];
  }
  return to + size;
}

// The same in whole blocks, of which nearly all strings (an empty one too) need one: up to kBlockSlack bytes are read behind `from` and written behind what is
// copied, so that there must be room.
inline constexpr std::size_t kBlockSlack = 16;
inline char* CopyBlocks(char* to, const char* from, std::size_t size) {
  for (std::size_t at = 0;;) {
    const __m128i block = short_strings::LoadBlock(from + at);
    std::memcpy(to + at, &block, sizeof block);
    at += sizeof block;
    if (at >= size) return to + size;
  }
}

// A hash for tables in memory, in the manner of wyhash: two multiplications for what has up to 16 bytes. What is multiplied is hidden by
// secrets, so that nobody who does not know the seed can choose strings that meet. Never on disk: it may change.
class StringHasher {
 public:
  explicit StringHasher(std::uint64_t seed)
      : first_(Hash64("first", seed)), second_(Hash64("second", seed)), third_(Hash64("third", seed)) {}

  std::uint64_t operator()(std::string_view string) const {
    using short_strings::Load;
    const char* at = string.data();
    std::size_t left = string.size();
    std::uint64_t state = third_;
    for (; left > 16; left -= 16, at += 16)
      state = Mix(Load<std::uint64_t>(at) ^ first_, Load<std::uint64_t>(at + 8) ^ second_ ^ state);
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    if (left >= 8) {
      low = Load<std::uint64_t>(at);
      high = Load<std::uint64_t>(at + left - 8);
    } else if (left >= 4) {
      low = Load<std::uint32_t>(at);
      high = Load<std::uint32_t>(at + left - 4);
    } else if (left > 0) {
      low = Load<std::uint8_t>(at) | Load<std::uint8_t>(at + left / 2) << 8U;
      high = Load<std::uint8_t>(at + left - 1);
    }
    return Mix(Mix(low ^ first_, high ^ second_ ^ state), third_ ^ string.size());
  }

 private:
  __extension__ using Wide = unsigned __int128;
  static std::uint64_t Mix(std::uint64_t a, std::uint64_t b) {
    const Wide product = Wide{a} * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
  }

  std::uint64_t first_;
  std::uint64_t second_;
  std::uint64_t third_;
};

}  // namespace tocsin
