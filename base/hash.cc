#include "base/hash.h"

#include <cstring>

#define XXH_DISPATCH_DISABLE_REPLACE
#include <xxh_x86dispatch.h>  // *_dispatch: the widest registers that the processor has
#define XXH_INLINE_ALL
#include <xxhash.h>  // of short texts the call would cost as much as the hash

namespace tocsin {
namespace {

constexpr std::size_t kShort = XXH3_MIDSIZE_MAX;  // no register is wide enough to make these faster

}  // namespace

std::uint64_t Hash64(std::string_view bytes, std::uint64_t seed) {
  if (bytes.size() <= kShort) return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
  return XXH3_64bits_withSeed_dispatch(bytes.data(), bytes.size(), seed);
}

Hash128 HashTo128(std::string_view bytes, std::uint64_t seed) {
  if (bytes.size() <= kShort) {
    const auto hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
    return {hash.high64, hash.low64};
  }
  const auto hash = XXH3_128bits_withSeed_dispatch(bytes.data(), bytes.size(), seed);
  return {hash.high64, hash.low64};
}

// x86-64-v2 and the sanitizer builds differ in what they may assume, so the SSE4.2 instruction is asked for here only.
__attribute__((target("sse4.2"))) std::uint32_t Crc32c(std::string_view bytes, std::uint32_t seed) {
  std::uint64_t crc = ~seed;
  const char* p = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, p += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, p, 8);
    crc = __builtin_ia32_crc32di(crc, word);
  }
  auto crc32 = static_cast<std::uint32_t>(crc);
  for (; left > 0; --left, ++p)
    crc32 = __builtin_ia32_crc32qi(crc32, static_cast<unsigned char>(*p));
  return ~crc32;
}

}  // namespace tocsin
