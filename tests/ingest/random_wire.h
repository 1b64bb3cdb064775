// Wire bytes of requests in forms that no library writes: numbers longer than need be, fields out of order or unknown,
// groups, damage.
#pragma once

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "base/random.h"

namespace tocsin::wire {

inline std::string Varint(std::uint64_t value, std::size_t least_bytes = 1) {
  std::string out;
  while (value >= 0x80 || out.size() + 1 < least_bytes) {
    out += static_cast<char>(0x80U | (value & 0x7FU));
    value >>= 7U;
  }
  return out + static_cast<char>(value);
}
inline std::string Key(std::uint32_t field, std::uint32_t type, std::size_t least_bytes = 1) {
  return Varint(std::uint64_t{field} << 3U | type, least_bytes);
}
inline std::string Number(std::uint32_t field, std::uint64_t value) {
  return Key(field, 0) + Varint(value);
}
inline std::string Bytes(std::uint32_t field, std::string_view bytes) {
  return Key(field, 2) + Varint(bytes.size()) + std::string(bytes);
}
inline std::string Entry(std::string_view name, std::string_view value) {
  return Bytes(1, name) + Bytes(2, value);
}
inline std::string Groups(std::uint32_t field, int depth) {
  std::string out;
  for (int i = 0; i < depth; ++i)
    out += Key(field, 3);
  for (int i = 0; i < depth; ++i)
    out += Key(field, 4);
  return out;
}
inline std::string Request(std::string_view alert) {
  return Bytes(2, alert);
}

// Requests that follow from a seed.
class RandomWire {
 public:
  explicit RandomWire(std::uint64_t seed) : random_(seed) {}

  std::string Request() {
    std::string out;
    const std::uint64_t fields = random_.Below(6);
    for (std::uint64_t i = 0; i < fields; ++i) {
      switch (random_.Below(6)) {
        case 0: out += RandomKey(1, 0) + RandomVarint(); break;
        case 1: out += RandomKey(random_.Below(2) == 0 ? 3 : 4, 0) + RandomVarint(); break;
        case 2: out += AnyField(); break;
        default: out += Delimited(2, Alert());
      }
    }
    return out;
  }

  std::string Mutated(std::string bytes) {
    const std::uint64_t times = 1 + random_.Below(3);
    for (std::uint64_t i = 0; i < times; ++i) {
      const std::size_t at = random_.Below(bytes.size() + 1);
      switch (random_.Below(5)) {
        case 0: bytes.resize(at); break;
        case 1: bytes.insert(at, 1, static_cast<char>(random_.Below(256))); break;
        case 2: bytes.erase(at, 1 + random_.Below(3)); break;
        case 3: bytes += bytes.substr(at, random_.Below(8)); break;
        default:
          if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << random_.Below(8)));
      }
    }
    return bytes;
  }

 private:
  std::uint64_t RandomNumber() {
    switch (random_.Below(5)) {
      case 0: return random_.Below(4);
      case 1: return 0 - random_.Below(3);
      case 2: return random_.Next();
      case 3: return std::uint64_t{1} << random_.Below(64);
      default: return random_.Below(1000);
    }
  }
  // Sometimes longer than need be, seldom longer than may be.
  std::string RandomVarint() { return Varint(RandomNumber(), random_.OneIn(4) ? random_.Below(13) : 1); }
  std::string RandomKey(std::uint32_t field, std::uint32_t type) {
    return Key(field, type, random_.OneIn(8) ? random_.Below(8) : 1);
  }
  std::string Delimited(std::uint32_t field, std::string_view bytes) {
    return RandomKey(field, 2) + Varint(bytes.size(), random_.OneIn(8) ? random_.Below(8) : 1) + std::string(bytes);
  }
  std::string Text() {
    constexpr const char* kTexts[] = {"", "a", "b", "c", "severity", "critical", "é", "1", "0123456789"};
    if (random_.OneIn(40)) return std::string("\xFF", 1);
    if (random_.OneIn(60)) return std::string(limits::kLabelNameBytes + random_.Below(2), 'n');
    if (random_.OneIn(400)) return std::string(limits::kLabelValueBytes + random_.Below(2), 'v');
    return kTexts[random_.Below(std::size(kTexts))];
  }
  // A field that may or may not be known, of any wire type.
  std::string AnyField() {
    const auto field = static_cast<std::uint32_t>(random_.OneIn(10) ? random_.Next() & 0x1FFFFFFFU : random_.Below(20));
    switch (random_.Below(7)) {
      case 0: return RandomKey(field, 0) + RandomVarint();
      case 1: return RandomKey(field, 1) + std::string(8, 'x');
      case 2: return RandomKey(field, 5) + std::string(4, 'x');
      case 3: return RandomKey(field, 3) + (random_.OneIn(2) ? AnyField() : "") + RandomKey(field, 4);
      case 4: return Groups(1 + field, static_cast<int>(random_.OneIn(8) ? 97 + random_.Below(6) : random_.Below(4)));
      case 5: return RandomKey(field, static_cast<std::uint32_t>(random_.Below(8)));
      default: return Delimited(field, Text());
    }
  }
  std::string MapEntry() {
    if (!random_.OneIn(3)) return Entry(Text(), Text());
    std::string out;
    const std::uint64_t fields = random_.Below(4);
    for (std::uint64_t i = 0; i < fields; ++i)
      out += random_.OneIn(6) ? AnyField() : Delimited(random_.OneIn(2) ? 1 : 2, Text());
    return out;
  }
  std::string Timestamp() {
    constexpr std::int64_t kSeconds[] = {0,
                                         1'795'289'000,
                                         1'795'289'001,
                                         -62'135'596'800,
                                         -62'135'596'801,
                                         -62'135'596'799,
                                         253'402'300'799,
                                         253'402'300'800,
                                         9'223'372'036,
                                         -9'223'372'037};
    std::string out;
    const std::uint64_t fields = random_.Below(4);
    for (std::uint64_t i = 0; i < fields; ++i) {
      switch (random_.Below(6)) {
        case 0: out += AnyField(); break;
        case 1: out += RandomKey(2, 0) + RandomVarint(); break;
        case 2: out += RandomKey(2, 0) + Varint(999'999'999 + random_.Below(2)); break;
        default:
          out += RandomKey(1, 0) + Varint(static_cast<std::uint64_t>(kSeconds[random_.Below(std::size(kSeconds))]));
      }
    }
    return out;
  }
  std::string Alert() {
    std::string out;
    const std::uint64_t fields = random_.Below(10);
    for (std::uint64_t i = 0; i < fields; ++i) {
      const auto field = static_cast<std::uint32_t>(1 + random_.Below(9));
      switch (field) {
        case 1: out += RandomKey(1, 0) + (random_.OneIn(8) ? RandomVarint() : Varint(random_.Below(3))); break;
        case 2:
        case 3: out += Delimited(field, MapEntry()); break;
        case 6:
        case 7: out += Delimited(field, Timestamp()); break;
        case 9: out += random_.OneIn(3) ? AnyField() : Delimited(2, MapEntry()); break;
        default: out += Delimited(field, Text());
      }
    }
    return out;
  }

  Random random_;
};

}  // namespace tocsin::wire
