// Private to model: texts written one after the other into a record, and what of them need not be looked at again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tocsin {

// A text of which whole blocks can be read, to where they can be written. Returns where the text ends there.
[[gnu::always_inline]] inline char* WriteBlocks(char* to, std::string_view text) {
  constexpr std::size_t kBlock = 16;
  for (std::size_t at = 0; at < text.size(); at += kBlock) {
    std::array<char, kBlock> block = {};
    std::memcpy(block.data(), text.data() + at, kBlock);
    std::memcpy(to + at, block.data(), kBlock);
  }
  return to + text.size();
}

// The caller sees to the room. Most texts have a few bytes, for which memcpy's call costs more than copying them: that is done
// in words that overlap.
class TextWriter {
 public:
  explicit TextWriter(std::byte* to) : to_(reinterpret_cast<char*>(to)) {}

  [[gnu::always_inline]] void Write(std::string_view text) {
    const char* const from = text.data();
    const std::size_t size = text.size();
    if (size >= sizeof(Block)) {
      const std::size_t last = size - sizeof(Block);
      for (std::size_t at = 0; at < last; at += sizeof(Block))
        blocks_ |= Copy<Block>(from, at);
      blocks_ |= Copy<Block>(from, last);
    } else if (size >= 8) {
      words_ |= Copy<std::uint64_t>(from, 0) | Copy<std::uint64_t>(from, size - 8);
    } else if (size >= 4) {
      words_ |= Copy<std::uint32_t>(from, 0) | Copy<std::uint32_t>(from, size - 4);
    } else if (size > 0) {
      words_ |= std::uint64_t{Copy<std::uint8_t>(from, 0)} | Copy<std::uint8_t>(from, size / 2);
      words_ |= Copy<std::uint8_t>(from, size - 1);
    }
    to_ += size;
  }

  std::byte* at() const { return reinterpret_cast<std::byte*>(to_); }
  // No byte of what was written has its high bit set, and so all is UTF-8.
  bool ascii() const { return ((blocks_[0] | blocks_[1] | words_) & 0x8080'8080'8080'8080) == 0; }

 private:
  using Block = std::uint64_t __attribute__((vector_size(16)));

  template <typename Word>
  Word Copy(const char* from, std::size_t at) {
    Word word;
    std::memcpy(&word, from + at, sizeof word);
    std::memcpy(to_ + at, &word, sizeof word);
    return word;
  }

  char* to_;
  Block blocks_ = {};
  std::uint64_t words_ = 0;
};

}  // namespace tocsin
