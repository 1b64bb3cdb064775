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

// CRC-32C (Castagnoli), hardware where the processor has it.
std::uint32_t Crc32c(std::string_view bytes, std::uint32_t seed = 0);

}  // namespace tocsin
