// Private to texts.cc: how the strings of a text are walked over, in memory and as the journal has them.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "engine/body.h"
#include "engine/texts.h"

namespace tocsin {

inline std::uint64_t TakeVarint(const char*& at) {
  auto byte = static_cast<std::uint8_t>(*at++);
  std::uint64_t value = byte & 0x7FU;
  for (unsigned shift = 7; byte >= 0x80; shift += 7) {
    byte = static_cast<std::uint8_t>(*at++);
    value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
  }
  return value;
}

// Walks the strings of a text in memory, which is our own and undamaged.
class TextStore::Parts {
 public:
  explicit Parts(const char* at) : at_(at), labels_(TakeVarint(at_)), annotations_(TakeVarint(at_)) {}
  std::size_t labels() const { return labels_; }
  std::size_t annotations() const { return annotations_; }
  std::size_t strings() const { return 2 * (labels_ + annotations_) + 2; }
  const char* at() const { return at_; }
  // Passes over what is the same in memory and in the journal: numbers and empty strings. False: there was nothing else among
  // the next `strings`, of which those remain that come after.
  bool PassNumbers(std::size_t& strings) {
    while (strings > 0) {
      const HeadsAhead heads(at_);
      const std::uint32_t numbers = heads.begin & ((heads.others & (0U - heads.others)) - 1);
      const auto count = static_cast<std::size_t>(std::popcount(numbers));
      if (count >= strings) break;
      if (heads.others != 0) {
        at_ += std::countr_zero(heads.others);
        strings -= count;
        return true;
      }
      at_ += std::bit_width(numbers) - 1;  // to the last one, which may go on beyond the block; it is not the only one
      strings -= count - 1;
    }
    for (; strings > 0; --strings) {
      while (static_cast<std::uint8_t>(*at_++) >= 0x80) {
      }
    }
    return false;
  }
  // Passes over an empty string, if it is one.
  bool PassEmpty() {
    if (*at_ != 0) return false;
    ++at_;
    return true;
  }
  void Pass(std::size_t strings) {
    for (; PassNumbers(strings); --strings)
      Next();
  }
  Part Next() {
    const std::uint64_t head = TakeVarint(at_);
    if ((head & 1U) != 0) return {static_cast<std::uint32_t>(head >> 1U), kNoSlot, {}};
    const bool framed = (head & 2U) != 0;
    const std::size_t length = framed ? TakeVarint(at_) : head >> 2U;
    at_ += length;
    return {
        kNoSlot, framed ? static_cast<std::uint32_t>(head >> 2U) : kNoSlot, {at_ - length, length}
    };
  }

 private:
  // In the next 16 bytes, a bit for each, as if there were nothing but numbers: where strings begin, and where one that is none.
  struct HeadsAhead {
    explicit HeadsAhead(const char* at) {
      const __m128i block = short_strings::LoadBlock(at);
      const auto goes_on = static_cast<std::uint32_t>(_mm_movemask_epi8(block));
      const auto odd = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_slli_epi64(block, 7)));
      const auto zero = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_setzero_si128())));
      begin = ~(goes_on << 1U) & 0xFFFFU;
      others = begin & ~odd & ~zero;
    }
    std::uint32_t begin;
    std::uint32_t others;
  };

  const char* at_;
  std::size_t labels_;
  std::size_t annotations_;
};

// Walks the strings of a text of the journal. Stops at damage: ok() is false then, and strings read as empty.
class TextStore::Cursor {
 public:
  explicit Cursor(std::string_view encoded) : reader_(encoded) {
    labels_ = reader_.Bounded(limits::kLabelsPerAlert);
    annotations_ = reader_.Bounded(limits::kAnnotationsPerAlert);
  }
  std::size_t labels() const { return labels_; }
  std::size_t annotations() const { return annotations_; }
  std::size_t strings() const { return 2 * (labels_ + annotations_) + 2; }

  const char* at() const { return reader_.at(); }
  Part Next() {
    const std::uint64_t head = reader_.Varint();
    if ((head & 1U) == 0) return {kNoSlot, kNoSlot, reader_.Bytes(head >> 1U)};
    if (head >> 1U >= kMaxInterned) reader_.Fail();
    return {static_cast<std::uint32_t>(reader_.ok() ? head >> 1U : 0), kNoSlot, {}};
  }
  bool ok() const { return reader_.ok(); }
  bool done() const { return reader_.done(); }

 private:
  BodyReader reader_;
  std::size_t labels_ = 0;
  std::size_t annotations_ = 0;
};

}  // namespace tocsin
