// XXH3, seeded. Not cryptographic: for tables, keys and checksums of our own bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tocsin {

struct Hash128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend constexpr auto operator<=>(const Hash128&, const Hash128&) = default;
};

std::uint64_t Hash64(std::string_view bytes, std::uint64_t seed = 0);
Hash128 HashTo128(std::string_view bytes, std::uint64_t seed = 0);

// CRC-32C (Castagnoli) by the processor's instruction (SSE4.2, which x86-64-v2 implies). Goes on from a part's value:
// Crc32c(b, Crc32c(a)) == Crc32c(ab).
std::uint32_t Crc32c(std::string_view bytes, std::uint32_t seed = 0);

}  // namespace tocsin
