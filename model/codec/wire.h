// Protobuf's wire format, written without messages: for rows that are written by the hundred thousand in a storm. What is written is
// what the generated classes would write, byte for byte; tests/codec compares the two.
//
// From the end to the front: what a part consists of is written before its length, so one pass does. Fields therefore come in the
// falling order of their numbers, and the last of a list first. As in proto3, what is zero or empty is absent. Private to
// model/codec; one thread.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/time/time.h"

#include "base/strings.h"
#include "base/strong_id.h"
#include "model/codec/common_proto.h"

namespace tocsin {

// As Timestamp and Duration have them.
struct WireTime {
  std::int64_t seconds = 0;
  std::int32_t nanos = 0;
};
WireTime ToWire(absl::Time time);
WireTime ToWire(absl::Duration duration);

class WireWriter {
 public:
  std::size_t size() const { return capacity_ - front_; }
  std::string_view bytes() const { return {bytes_.get() + front_, size()}; }
  // Forgets what was written; keeps a moderate buffer for what comes next.
  void Clear() {
    constexpr std::size_t kKept = 1 << 20;
    if (capacity_ > kKept) {
      bytes_.reset();
      capacity_ = 0;
    }
    front_ = capacity_;
  }

  // The `length` bytes before what has been written so far.
  [[gnu::always_inline]] char* Prepend(std::size_t length) {
    if (length > front_) [[unlikely]]
      Grow(length);
    front_ -= length;
    return bytes_.get() + front_;
  }

  template <typename T>
  void Number(int field, T value) {
    if (value == T{}) return;
    Varint(Widen(value));
    Tag(field, kVarint);
  }
  template <typename Kind>
  void Number(int field, StrongId<Kind> value) {
    Number(field, value.value());
  }
  void Fixed64(int field, std::uint64_t value) {
    if (value == 0) return;
    char* to = Prepend(sizeof value);
    for (std::size_t i = 0; i < sizeof value; ++i)
      to[i] = static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
    Tag(field, kFixed64);
  }
  void Text(int field, std::string_view text) {
    if (!text.empty()) Element(field, text);
  }
  template <typename Kind>
  void Text(int field, const StrongName<Kind>& name) {
    Text(field, name.value());
  }
  // Of a oneof: present, also when it is empty.
  template <typename Kind>
  void PresentText(int field, const StrongName<Kind>& name) {
    Element(field, name.value());
  }
  template <typename T>
  void Texts(int field, const std::vector<T>& list) {
    for (const T& each : std::views::reverse(list)) {
      if constexpr (std::is_same_v<T, std::string>) {
        Element(field, each);
      } else {
        Element(field, each.value());
      }
    }
  }
  // Packed, as proto3 has lists of numbers.
  template <typename T, typename Value>
  void Numbers(int field, const std::vector<T>& list, Value value) {
    if (list.empty()) return;
    const std::size_t end = size();
    for (const T& each : std::views::reverse(list))
      Varint(Widen(value(each)));
    Close(field, end);
  }
  template <typename Kind>
  void Ids(int field, const std::vector<StrongId<Kind>>& list) {
    Numbers(field, list, [](StrongId<Kind> id) { return id.value(); });
  }
  // Absent for absl::Time(), as with PutTime.
  void Time(int field, absl::Time time) {
    if (time != absl::Time()) PresentTime(field, time);
  }
  void PresentTime(int field, absl::Time time) { Put(field, ToWire(time)); }
  void Duration(int field, absl::Duration duration) {
    if (duration != absl::ZeroDuration()) PresentDuration(field, duration);
  }
  void PresentDuration(int field, absl::Duration duration) { Put(field, ToWire(duration)); }
  // A message within: present however empty it is. Write(WireWriter&, const T&) is found beside T.
  template <typename T>
  void Part(int field, const T& part) {
    const std::size_t end = size();
    Write(*this, part);
    Close(field, end);
  }
  template <typename T>
  void PartUnlessDefault(int field, const T& part) {
    if (part != T()) Part(field, part);
  }
  template <typename T>
  void Parts(int field, const std::vector<T>& parts) {
    for (const T& part : std::views::reverse(parts))
      Part(field, part);
  }
  // What has been written since size() was `end` becomes the content of a field.
  void Close(int field, std::size_t end) {
    Varint(size() - end);
    Tag(field, kLengthPrefixed);
  }

 private:
  static constexpr std::uint32_t kVarint = 0;
  static constexpr std::uint32_t kFixed64 = 1;
  static constexpr std::uint32_t kLengthPrefixed = 2;

  // Signed ones are extended to 64 bits, enumerations included.
  template <typename T>
  static std::uint64_t Widen(T value) {
    if constexpr (std::is_enum_v<T> || std::is_signed_v<T>) {
      return static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
    } else {
      return value;
    }
  }
  // Nearly all tags, lengths and enumerations have one byte or two.
  [[gnu::always_inline]] void Varint(std::uint64_t value) {
    if (value < 0x80) {
      *Prepend(1) = static_cast<char>(value);
    } else if (value < 0x4000) {
      char* to = Prepend(2);
      to[0] = static_cast<char>(static_cast<unsigned char>(value | 0x80U));
      to[1] = static_cast<char>(static_cast<unsigned char>(value >> 7U));
    } else {
      LongVarint(value);
    }
  }
  [[gnu::noinline]] void LongVarint(std::uint64_t value) {
    const auto length = static_cast<std::size_t>(std::bit_width(value) + 6) / 7;
    char* to = Prepend(length);
    for (; value >= 0x80; value >>= 7U)
      *to++ = static_cast<char>(static_cast<unsigned char>(value | 0x80U));
    *to = static_cast<char>(value);
  }
  [[gnu::always_inline]] void Tag(int field, std::uint32_t type) {
    Varint(static_cast<std::uint32_t>(field) << 3U | type);
  }
  void Element(int field, std::string_view text) {
    const std::size_t end = size();
    if (IsValidUtf8(text)) {
      Raw(text);
    } else {
      Raw(Utf8(text));
    }
    Close(field, end);
  }
  void Raw(std::string_view text) {
    char* to = Prepend(text.size());
    if (!text.empty()) std::memcpy(to, text.data(), text.size());
  }
  void Put(int field, WireTime time) {
    const std::size_t end = size();
    Number(google::protobuf::Timestamp::kNanosFieldNumber, time.nanos);
    Number(google::protobuf::Timestamp::kSecondsFieldNumber, time.seconds);
    Close(field, end);
  }
  [[gnu::noinline]] void Grow(std::size_t length) {
    const std::size_t written = size();
    std::size_t larger = capacity_ == 0 ? 16 << 10 : 2 * capacity_;
    while (larger < written + length)
      larger *= 2;
    std::unique_ptr<char[]> bytes(new char[larger]);  // not zeroed
    if (written > 0) std::memcpy(bytes.get() + larger - written, bytes_.get() + front_, written);
    bytes_ = std::move(bytes);
    capacity_ = larger;
    front_ = larger - written;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t front_ = 0;  // of what has been written
};

}  // namespace tocsin
