// Private to ingest: protobuf's wire format, field by field, without generated classes.
// protobuf.dev/programming-guides/encoding
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tocsin {

inline constexpr int kWireDepth = 100;        // protobuf's own limit of messages and groups in each other
inline constexpr unsigned kWireTagBytes = 5;  // what the generated classes take, of sizes too
inline constexpr unsigned kWireNumberBytes = 10;
inline constexpr std::uint64_t kWireLargestSize = INT32_MAX - 16;  // theirs

enum class WireType : std::uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kStartGroup = 3,
  kEndGroup = 4,
  kFixed32 = 5
};

struct Tag {
  std::uint32_t field = 0;
  WireType type = WireType::kVarint;
};

// A cursor over the wire bytes of a message that lies in `depth` others. After a failure every read fails and at() is where
// it happened.
class WireCursor {
 public:
  WireCursor(std::string_view bytes, int depth)
      : begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()), depth_(depth) {}

  bool done() const { return at_ == end_ || failed_; }
  bool failed() const { return failed_; }
  std::size_t at() const { return static_cast<std::size_t>(at_ - begin_); }

  bool ReadTag(Tag& tag) {
    std::uint64_t number = 0;
    if (!ReadVarint(number, kWireTagBytes)) return false;
    // 29 bits of field number and three of type; what is beyond them is cut, as generated code does.
    const auto raw = static_cast<std::uint32_t>(number);
    if ((raw >> 3U) == 0 || (raw & 7U) > 5) return Fail();
    tag = {raw >> 3U, static_cast<WireType>(raw & 7U)};
    return true;
  }

  bool ReadVarint(std::uint64_t& value, unsigned most_bytes = kWireNumberBytes) {
    if (at_ != end_ && (static_cast<std::uint8_t>(*at_) & 0x80U) == 0) [[likely]] {
      value = static_cast<std::uint8_t>(*at_++);
      return true;
    }
    value = 0;
    for (unsigned shift = 0; shift < 7 * most_bytes; shift += 7) {
      if (at_ == end_) return Fail();
      const auto byte = static_cast<std::uint8_t>(*at_++);
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if ((byte & 0x80U) == 0) return true;
    }
    return Fail();
  }

  bool ReadBytes(std::string_view& bytes) {
    std::uint64_t size = 0;
    if (!ReadVarint(size, kWireTagBytes) || size > kWireLargestSize || size > static_cast<std::uint64_t>(end_ - at_)) {
      return Fail();
    }
    bytes = {at_, static_cast<std::size_t>(size)};
    at_ += size;
    return true;
  }

  bool ReadFixed64(std::uint64_t& value) {
    if (end_ - at_ < 8) return Fail();
    std::memcpy(&value, at_, 8);  // little endian, as this machine is
    at_ += 8;
    return true;
  }

  // The field after `tag`, whatever it is. Groups are skipped without recursion.
  bool Skip(Tag tag) {
    if (tag.type != WireType::kStartGroup) return SkipScalar(tag.type);
    std::uint32_t open[kWireDepth];
    int depth = 0;
    open[depth++] = tag.field;
    while (depth > 0) {
      if (!ReadTag(tag)) return false;
      if (tag.type == WireType::kStartGroup) {
        if (depth == kWireDepth - depth_) return Fail();
        open[depth++] = tag.field;
      } else if (tag.type == WireType::kEndGroup) {
        if (open[--depth] != tag.field) return Fail();
      } else if (!SkipScalar(tag.type)) {
        return false;
      }
    }
    return true;
  }

 private:
  bool SkipScalar(WireType type) {
    std::uint64_t number = 0;
    std::string_view bytes;
    switch (type) {
      case WireType::kVarint: return ReadVarint(number);
      case WireType::kFixed64: return Advance(8);
      case WireType::kBytes: return ReadBytes(bytes);
      case WireType::kFixed32: return Advance(4);
      case WireType::kStartGroup:
      case WireType::kEndGroup: break;
    }
    return Fail();
  }
  bool Advance(std::ptrdiff_t bytes) {
    if (end_ - at_ < bytes) return Fail();
    at_ += bytes;
    return true;
  }
  bool Fail() {
    failed_ = true;
    return false;
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  int depth_;
  bool failed_ = false;
};

inline bool Is(const Tag& tag, std::uint32_t field, WireType type) {
  return tag.field == field && tag.type == type;
}

}  // namespace tocsin
