// Writing and reading the bodies of a shard's journal entries: varints over a flat buffer. The layout is described in
// docs/alert-bodies.md; this file knows only its grains.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/limits.h"

namespace tocsin {

constexpr std::uint64_t ZigZag(std::int64_t value) {
  return static_cast<std::uint64_t>(value) << 1U ^ static_cast<std::uint64_t>(value >> 63U);
}
constexpr std::int64_t UnZigZag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1U ^ (~(value & 1U) + 1));
}
// a - b and a + b where either may come from a damaged body: they wrap, and the caller checks the range.
constexpr std::int64_t WrappingDifference(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
constexpr std::int64_t WrappingSum(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

// Writes varint to `to`, which has room for 10 bytes; returns its end.
inline char* WriteVarint(char* to, std::uint64_t value) {
  while (value >= 0x80) {
    *to++ = static_cast<char>(value | 0x80U);
    value >>= 7U;
  }
  *to++ = static_cast<char>(value);
  return to;
}

inline char* WriteFixed64(char* to, std::uint64_t value) {
  std::memcpy(to, &value, sizeof value);
  return to + sizeof value;
}

inline std::size_t VarintBytes(std::uint64_t value) {
  std::size_t bytes = 1;
  for (; value >= 0x80; value >>= 7U)
    ++bytes;
  return bytes;
}

// A buffer of one body. The caller keeps an eye on room(): writing past the end is a broken invariant.
class BodyWriter {
 public:
  BodyWriter() : buffer_(std::make_unique_for_overwrite<char[]>(kCapacity)), to_(buffer_.get()) {}
  void Byte(std::uint8_t value) { *to_++ = static_cast<char>(value); }
  void Varint(std::uint64_t value) {
    if (value < 0x80) [[likely]] {
      *to_++ = static_cast<char>(value);
    } else {
      to_ = WriteVarint(to_, value);
    }
  }
  void Signed(std::int64_t value) { Varint(ZigZag(value)); }
  void Fixed64(std::uint64_t value) { to_ = WriteFixed64(to_, value); }
  void Bytes(std::string_view bytes) {
    if (!bytes.empty()) std::memcpy(to_, bytes.data(), bytes.size());
    to_ += bytes.size();
  }
  // What `write(to)` writes, which returns its end: many numbers in one go, without a look at where this one stands after each.
  template <typename Write>
  void Together(Write write) {
    to_ = write(to_);
  }
  // The same behind its size.
  template <typename Write>
  void Sized(Write write) {
    char* const usual = to_ + 2;  // where it begins when its size takes two bytes, as most do
    const auto size = static_cast<std::size_t>(write(usual) - usual);
    const std::size_t head = VarintBytes(size);
    if (head != 2) std::memmove(to_ + head, usual, size);
    to_ = WriteVarint(to_, size) + size;
  }
  void Clear() { to_ = buffer_.get(); }
  std::size_t size() const { return static_cast<std::size_t>(to_ - buffer_.get()); }
  std::size_t room() const { return kCapacity - size(); }
  std::string_view view() const { return {buffer_.get(), size()}; }

 private:
  static constexpr std::size_t kCapacity = limits::kJournalEntryBytes - 1;
  std::unique_ptr<char[]> buffer_;
  char* to_;
};

// Reads what may be damaged. After the first error everything reads as zero and ok() is false.
class BodyReader {
 public:
  explicit BodyReader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}
  std::uint8_t Byte() { return at_ == end_ ? static_cast<std::uint8_t>(Fail()) : static_cast<std::uint8_t>(*at_++); }
  std::uint64_t Varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) return Fail();
      const auto byte = static_cast<std::uint8_t>(*at_++);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80) return shift == 63 && byte > 1 ? Fail() : value;
    }
    return Fail();
  }
  std::int64_t Signed() { return UnZigZag(Varint()); }
  // A varint of at most `limit`.
  std::uint64_t Bounded(std::uint64_t limit) {
    const std::uint64_t value = Varint();
    return value <= limit ? value : Fail();
  }
  std::uint32_t Bounded32(std::uint32_t limit) { return static_cast<std::uint32_t>(Bounded(limit)); }
  std::uint64_t Fixed64() {
    if (static_cast<std::size_t>(end_ - at_) < sizeof(std::uint64_t)) return Fail();
    std::uint64_t value = 0;
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  std::string_view Bytes(std::size_t size) {
    if (static_cast<std::size_t>(end_ - at_) < size) {
      Fail();
      return {};
    }
    const char* bytes = at_;
    at_ += size;
    return {bytes, size};
  }
  std::uint64_t Fail() {
    ok_ = false;
    at_ = end_;
    return 0;
  }
  bool ok() const { return ok_; }
  bool done() const { return at_ == end_; }
  const char* at() const { return at_; }

 private:
  const char* at_;
  const char* end_;
  bool ok_ = true;
};

}  // namespace tocsin
