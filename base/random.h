// Seeded randomness, an argument like time. One stream per component; split, never share.
#pragma once

#include <cstdint>

namespace tocsin {

__extension__ using Wide = unsigned __int128;

// SplitMix64 (Steele, Lea, Flood 2014): small, passes BigCrush, and any seed is a good seed.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t Next() {
    state_ += 0x9E3779B97F4A7C15;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EB;
    return z ^ (z >> 31U);
  }
  // Uniform in [0, bound); bound > 0.
  std::uint64_t Below(std::uint64_t bound) {
    return static_cast<std::uint64_t>((static_cast<Wide>(Next()) * bound) >> 64U);
  }
  // Uniform in [low, high].
  std::int64_t Between(std::int64_t low, std::int64_t high) {
    const std::uint64_t span = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
    const std::uint64_t offset = span == UINT64_MAX ? Next() : Below(span + 1);
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + offset);
  }
  // True once in `one_in` draws on average.
  bool OneIn(std::uint64_t one_in) { return Below(one_in) == 0; }
  Random Split() { return Random(Next()); }

 private:
  std::uint64_t state_;
};

}  // namespace tocsin
