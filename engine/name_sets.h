// Which names a text has. Senders say the same few names in alert after alert, so whether all of them are those of an alert before is
// found out at once, and what follows from names alone (where the severity stands, which numbers they have, what the routes ask
// about) is looked up once for each set of names.
//
// Names are compared, not hashed: sets of the same number are the same. A few sets are remembered; others push out earlier ones. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/short_strings.h"
#include "model/event_text.h"

namespace tocsin {

class NameSets {
 public:
  static constexpr std::size_t kSets = 8;
  static constexpr std::size_t kNames = 32;  // texts with more of them, and longer ones than a block, are not known

  // The names of a text, in order: of labels, then of annotations.
  struct Set {
    std::uint64_t number = 0;  // 0: it is not known; never used again for other names
    std::uint32_t place = 0;   // for those who remember something of each set, below kSets
  };

  // `end`: so far the memory can be read in which `text` lies.
  Set Of(const EventText& text, const char* end) {
    if (!AreReadable(text, end)) return {};
    if (!Are(known_[last_], text)) return Seek(text);
    return {known_[last_].number, last_};
  }

 private:
  static constexpr std::size_t kBlock = 16;
  struct Name {
    __m128i bytes;  // zeros follow
    __m128i mask;
    std::size_t size;
  };
  struct Known {
    std::uint64_t number = 0;
    std::size_t labels = 0;
    std::size_t annotations = 0;
    std::array<Name, kNames> names;
  };

  // The names stand in the order of their addresses, so that it is enough to look at the last one.
  static bool AreReadable(const EventText& text, const char* end) {
    const std::span<const LabelView> last = text.annotations.empty() ? text.labels : text.annotations;
    return !last.empty() && end - last.back().name.data() >= static_cast<std::ptrdiff_t>(kBlock);
  }
  static bool Are(const Known& known, const EventText& text) {
    if (known.labels != text.labels.size() || known.annotations != text.annotations.size()) return false;
    const Name* name = known.names.data();
    __m128i differ = _mm_setzero_si128();
    std::size_t sizes_differ = 0;
    const auto compare = [&](std::span<const LabelView> pairs) {
      for (const LabelView& pair : pairs) {
        const __m128i bytes = _mm_and_si128(short_strings::LoadBlock(pair.name.data()), name->mask);
        differ = _mm_or_si128(differ, _mm_xor_si128(bytes, name->bytes));
        sizes_differ |= pair.name.size() ^ name->size;
        ++name;
      }
    };
    compare(text.labels);
    compare(text.annotations);
    return sizes_differ == 0 && _mm_movemask_epi8(_mm_cmpeq_epi8(differ, _mm_setzero_si128())) == 0xFFFF;
  }
  Set Seek(const EventText& text);
  static bool Learn(Known& known, const EventText& text);

  std::array<Known, kSets> known_;
  std::uint32_t last_ = 0;
  std::uint64_t numbers_ = 0;
};

}  // namespace tocsin
