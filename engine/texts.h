// The text of alerts and groups, compact: each is one block of a slab, in which strings that repeat are numbers.
//
// A string is interned when it is seen for the second time, so that unique values (instance ids, descriptions) stay inline.
// Interned strings are counted by the texts that use them; the last use frees the number, which may then come to mean
// another string. Numbers are defined in the journal before their use (docs/alert-bodies.md).
//
// The encoded form, which is also the journal's:
//   varint label count, varint annotation count, then the strings: name, value ... of labels, then of annotations, then
//   dedup key, then link. A string is varint(number << 1 | 1), or varint(length << 1) and its bytes.
//
// A group's text has the route's id in the place of the dedup key. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "engine/segmented.h"
#include "engine/slab.h"
#include "engine/slot_index.h"
#include "model/labels.h"

namespace tocsin {

// Where a text lies.
struct TextRef {
  std::uint32_t block = kNoSlot;
  std::uint32_t bytes = 0;
};

// A text, readable. The views stay good until the store is changed.
struct TextView {
  std::span<const LabelView> labels;
  std::span<const LabelView> annotations;
  std::string_view dedup_key;
  std::string_view link;
};

// Room for one TextView's labels and annotations.
using TextBuffer = std::array<LabelView, limits::kLabelsPerAlert + limits::kAnnotationsPerAlert>;

class TextStore {
 public:
  // Numbers are below kMaxInterned whatever the options say, so that a damaged body cannot ask for much memory.
  static constexpr std::uint32_t kMaxInterned = 1U << 26;

  TextStore(std::uint64_t max_interned, std::uint64_t seed);

  // kFirst: strings may be interned. kAgain: another text for what has one already, so its strings being seen a second time
  // means nothing; only numbers that are there are used.
  enum class Sighting {
    kFirst,
    kAgain
  };
  TextRef Store(const TextView& text, Sighting sighting);
  void Drop(TextRef ref);
  TextView Read(TextRef ref, TextBuffer& buffer) const;
  std::string_view Encoded(TextRef ref) const { return {slab_.At(ref.block), ref.bytes}; }

  // Numbers defined since the last call, for the journal; those that are no longer used are left out.
  template <typename Visit>
  void TakeDefinitions(Visit visit) {
    for (const std::uint32_t number : defined_) {
      if (interned_[number].uses > 0) visit(number, String(number));
    }
    defined_.clear();
  }
  std::uint32_t interned_end() const { return interned_end_; }
  // The string of a number that is in use, else nothing is visited.
  template <typename Visit>
  void VisitDefinition(std::uint32_t number, Visit visit) const {
    if (interned_.Has(number) && interned_[number].uses > 0) visit(number, String(number));
  }

  // Recovery. Define and Adopt take what the journal says, in any order; uses are counted afterwards, between BeginCount
  // and EndCount. Adopt returns nothing when `encoded` is not a text.
  void Define(std::uint32_t number, std::string_view string);
  bool IsText(std::string_view encoded) const;
  TextRef Adopt(std::string_view encoded);
  void DropUncounted(TextRef ref) { slab_.Free(ref.block, ref.bytes); }
  void BeginCount();
  void Count(TextRef ref);
  void EndCount();

  std::size_t interned() const { return count_; }
  std::size_t bytes() const;

 private:
  struct Interned {
    std::uint32_t block = kNoSlot;  // kNoSlot: not defined; an empty string is never interned
    std::uint32_t bytes = 0;
    std::uint32_t uses = 0;
    std::uint32_t hash = 0;
  };
  class Cursor;

  std::string_view String(std::uint32_t number) const {
    return {slab_.At(interned_[number].block), interned_[number].bytes};
  }
  // The number of `string`, one use added; kNoSlot: write it inline.
  std::uint32_t Use(std::string_view string, Sighting sighting);
  void Release(std::uint32_t number);
  void Forget(std::uint32_t number);
  char* WriteString(char* to, std::string_view string, Sighting sighting, std::size_t place);

  Slab slab_;
  std::uint64_t max_interned_;
  std::uint64_t seed_;
  Segmented<Interned, 12> interned_;
  std::uint32_t interned_end_ = 0;
  std::size_t count_ = 0;
  SlotIndex by_hash_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> defined_;
  // Tags of strings, each at its own place; later strings push out earlier ones. Small, so that it stays in the cache: a
  // string that comes less often than once in some ten thousand alerts is not worth a number.
  std::vector<std::uint16_t> seen_once_;
  std::unique_ptr<char[]> scratch_;
  // The number last used at each place of a text: alerts that come together resemble each other, and comparing is cheaper
  // than hashing. Guesses only.
  std::array<std::uint32_t, 2 * std::tuple_size_v<TextBuffer> + 2> guesses_;
};

}  // namespace tocsin
