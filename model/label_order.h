// The order of label names, fast: most names differ in their first eight bytes, which are compared as one number.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "model/labels.h"

namespace tocsin {

// The first bytes of `name` as a number that orders as the name does, as far as it goes; missing bytes are zero.
inline std::uint64_t NamePrefix(std::string_view name) {
  const char* at = name.data();
  const std::size_t size = name.size();
  if (size >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    return __builtin_bswap64(word);
  }
  if (size >= 4) {  // two words that overlap; of the second only what the first does not have
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    std::memcpy(&first, at, 4);
    std::memcpy(&last, at + size - 4, 4);
    const std::uint64_t rest = std::uint64_t{__builtin_bswap32(last)} << (8 * (8 - size));
    return std::uint64_t{__builtin_bswap32(first)} << 32U | (rest & 0xFFFF'FFFF);
  }
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < size; ++i)
    word |= std::uint64_t{static_cast<unsigned char>(at[i])} << (56 - 8 * i);
  return word;
}

inline bool NamePrecedes(std::string_view a, std::string_view b) {
  const std::uint64_t first = NamePrefix(a);
  const std::uint64_t second = NamePrefix(b);
  return first != second ? first < second : a < b;
}

// Stable, and best for the few, mostly sorted labels of real senders.
inline void InsertionSortByName(std::span<LabelView> texts) {
  for (std::size_t i = 1; i < texts.size(); ++i) {
    if (!NamePrecedes(texts[i].name, texts[i - 1].name)) continue;
    const LabelView moved = texts[i];
    std::size_t j = i;
    for (; j > 0 && NamePrecedes(moved.name, texts[j - 1].name); --j)
      texts[j] = texts[j - 1];
    texts[j] = moved;
  }
}

}  // namespace tocsin
