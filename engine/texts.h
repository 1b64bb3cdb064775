// The text of alerts and groups, compact: each is one block of a slab, in which strings that repeat are numbers, and of
// strings that are alike only what tells them apart stands (engine/frames.h).
//
// A string is interned when it is seen for the second time, so that unique values (instance ids, descriptions) stay inline.
// Interned strings are counted by the texts that use them; the last use frees the number, which may then come to mean
// another string. Numbers are defined in the journal before their use (docs/alert-bodies.md), frames are unknown to it.
//
// A text in memory:
//   varint label count, varint annotation count, then the strings: name, value ... of labels, then of annotations, then
//   dedup key, then link. A string is varint(number << 1 | 1); or varint(length << 2) and its bytes; or
//   varint(frame << 2 | 2), varint length, and the bytes between the frame's two parts.
// In the journal: the same, with varint(length << 1) and all the bytes of a string that is not interned.
//
// A group's text has the route's id in the place of the dedup key. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "engine/frames.h"
#include "engine/name_sets.h"
#include "engine/segmented.h"
#include "engine/short_strings.h"
#include "engine/signature.h"
#include "engine/slab.h"
#include "engine/slot_index.h"
#include "model/event_text.h"
#include "model/labels.h"

namespace tocsin {

// Where a text lies.
struct TextRef {
  std::uint32_t block = kNoSlot;
  std::uint32_t bytes = 0;
};

// A text, readable. The views stay good until the store is changed or their buffer is used again. The same as an event's: to copy it just
// after it was written makes the processor wait for all writes before.
using TextView = EventText;
// The same of an event whose names may be known.
struct NamedText : TextView {
  NameSets::Set names;
};

// Room for what one text is read into.
class TextBuffer {
 public:
  static constexpr std::size_t kPairs = limits::kLabelsPerAlert + limits::kAnnotationsPerAlert;

 private:
  friend class TextStore;
  char* Room(std::size_t bytes);

  std::array<LabelView, kPairs> pairs_;
  // Strings that had to be put together.
  std::array<char, 1024> near_;
  std::size_t used_ = 0;
  std::vector<std::unique_ptr<char[]>> far_;
};

class TextStore {
 public:
  // Numbers are below kMaxInterned whatever the options say, so that a damaged body cannot ask for much memory.
  static constexpr std::uint32_t kMaxInterned = SlotIndex::kMaxValues;

  TextStore(std::uint64_t max_interned, std::uint64_t seed, Arena* arena = nullptr);

  // kFirst: strings may be interned. kAgain: another text for what has one already, so its strings being seen a second time
  // means nothing; only numbers that are there are used.
  enum class Sighting {
    kFirst,
    kAgain
  };
  struct Stored {
    TextRef ref;
    Signature signature = 0;  // of the labels
  };
  // `names`: those of the text, where that is known.
  Stored Store(const TextView& text, Sighting sighting, NameSets::Set names = {});
  // Which of the interned strings the value of a label of the text is that was stored last; null where it is none. The same one is the same
  // string as long as forgotten() is the same.
  const void* ValueOf(std::size_t label) const { return guesses_[2 * label + 1].current; }
  std::uint64_t forgotten() const { return forgotten_; }
  // Another text in the place of `old`, which is dropped; of the same labels, which are not looked at but for their number.
  // What is the same in both stays as it lies, so that one changed annotation costs little more than that annotation.
  TextRef Replace(TextRef old, const TextView& text);
  void Drop(TextRef ref) { Drop(ref, /*counted=*/true); }
  TextView Read(TextRef ref, TextBuffer& buffer) const;
  std::span<const LabelView> ReadLabels(TextRef ref, TextBuffer& buffer) const;
  // Asks the processor for a text that will soon be read; a text of two lines is nearly all of most. Inlined always: a call of what has no
  // effect is left out, as GCC sees it.
  [[gnu::always_inline]] void Prefetch(TextRef ref) const {
    if (ref.block == kNoSlot) return;
    const char* const text = slab_.At(ref.block);
    __builtin_prefetch(text);
    __builtin_prefetch(text + 64);
  }
  // As the journal has it, to where there is room for kMostEncoded bytes. Returns its end.
  static constexpr std::size_t kMostEncoded = 2 * limits::kEventBytes;
  char* Encode(TextRef ref, char* to) const;
  // That of every text with this label has its bits.
  Signature SignatureOfLabel(std::string_view name, std::string_view value) const {
    return SignatureOf(HashOf(name), HashOf(value));
  }

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
  // and EndCount. Adopt returns nullopt for what is no text. The signature is that of what its numbers mean now: whatever
  // stands when recovery is over was said after them (see shard_fold.cc).
  void Define(std::uint32_t number, std::string_view string);
  std::optional<Stored> Adopt(std::string_view encoded);
  void DropUncounted(TextRef ref) { Drop(ref, /*counted=*/false); }
  void BeginCount();
  void Count(TextRef ref);
  void EndCount();

  std::size_t interned() const { return count_; }
  std::size_t bytes() const;

 private:
  struct Interned {
    const char* text = nullptr;     // in its block
    std::uint32_t block = kNoSlot;  // kNoSlot: not defined; an empty string is never interned
    std::uint32_t bytes = 0;
    std::uint32_t uses = 0;
    std::uint32_t hash = 0;
  };
  // An interned string that is likely to come again, and its number as texts have it. A guess only: the entry may have come to be
  // another string's, or nobody's.
  struct Likely {
    Interned* entry = nullptr;
    std::array<char, 4> head{};
    std::uint32_t head_bytes = 0;

    bool Is(std::string_view string) const {
      return entry != nullptr && SameString({entry->text, entry->bytes}, string);
    }
    // One use more.
    char* Write(char* to) const {
      ++entry->uses;
      std::memcpy(to, head.data(), head.size());
      return to + head_bytes;
    }
  };
  // What stood last at a place of a text: alerts that come together resemble each other, and comparing is cheaper than hashing.
  struct Guess {
    Likely likely;                      // the string that was interned last
    const Interned* current = nullptr;  // of the string that stood last, if it was interned
    std::uint32_t frame = kNoSlot;      // of the string that stood inline last; may be another one by now, or none
    std::uint32_t inlined = 0;          // counts those
    std::uint32_t misfits =
        0;  // so many of them, one after the other, did not fit into the frame of the last; at most kAlone
    std::uint32_t alone = 0;  // so many of them, one after the other, were not to be found; at most kAlone
  };
  // One string of a text in memory.
  struct Part {
    std::uint32_t number = kNoSlot;  // interned
    std::uint32_t frame = kNoSlot;
    std::string_view bytes;  // when neither, all of it; with a frame, what stands in it
  };
  // Of the names of a set: those that are interned. Good as long as no number is another string's.
  struct KnownNames {
    std::uint64_t set = 0;
    std::uint64_t forgotten = 0;
    std::array<Likely, NameSets::kNames> names;
  };
  class Parts;
  class Cursor;
  struct Written {
    char* end;
    std::uint32_t hash;
  };

  std::uint32_t HashOf(std::string_view string) const {
    return string.empty() ? 0 : static_cast<std::uint32_t>(hasher_(string) >> 32U);
  }
  // Whether a string that is not the one expected is nobody else's either, as far as can be said without a look.
  static bool IsAlone(const Guess& guess);
  std::string_view String(std::uint32_t number) const { return {interned_[number].text, interned_[number].bytes}; }
  bool IsDefined(std::uint32_t number) const { return interned_.Has(number) && interned_[number].text != nullptr; }
  bool Says(const Part& part, std::string_view string, bool fits) const;
  std::string_view StringOf(const Part& part, TextBuffer& buffer) const;
  std::span<const LabelView> ReadPairs(Parts& parts, std::size_t first, std::size_t count, TextBuffer& buffer) const;
  bool MayBeInterned(std::uint32_t hash) const {
    return (perhaps_interned_[hash >> 22U] >> (hash >> 16U & 63U) & 1U) != 0;
  }
  void Index(std::uint32_t number);
  // The number of `string`, one use added; kNoSlot: write it inline.
  std::uint32_t Use(std::string_view string, Sighting sighting, std::uint64_t wide);
  void Release(std::uint32_t number);
  void SetString(Interned& entry, std::string_view string, std::uint32_t hash);
  void Forget(std::uint32_t number);
  void Drop(TextRef ref, bool counted);
  char* WriteString(char* to, std::string_view string, Sighting sighting, std::size_t place);
  Written WriteHashed(char* to, std::string_view string, Sighting sighting, std::size_t place);
  Likely* KnownNamesOf(NameSets::Set names);  // nullptr: they are not known
  Written WriteName(char* to, std::string_view name, Sighting sighting, std::size_t place, Likely* known);
  char* WriteSought(char* to, std::string_view string, Sighting sighting, Guess& guess, std::uint64_t wide);
  char* WriteInline(char* to, std::string_view string, Guess& guess);
  char* WriteFramed(char* to, std::string_view string, std::uint32_t frame) const;
  TextRef Keep(std::string_view kept, const char* end);
  void LetGo(const Part& part, bool counted);
  char* scratch();

  Slab slab_;
  std::uint64_t max_interned_;
  StringHasher hasher_;
  Segmented<Interned, 12> interned_;
  std::uint32_t interned_end_ = 0;
  std::size_t count_ = 0;
  SlotIndex by_hash_;
  std::vector<std::uint32_t> free_;
  // A bit for each interned string by its hash, never taken back: what has none is not interned, which is quickly said of the
  // strings that nobody else has. Full when there are very many; then it says nothing.
  std::array<std::uint64_t, 1024> perhaps_interned_{};
  std::vector<std::uint32_t> defined_;
  Frames frames_;
  // Tags of strings, each at its own place; later strings push out earlier ones. Small, so that it stays in the cache: a
  // string that comes less often than once in some ten thousand alerts is not worth a number.
  std::vector<std::uint16_t> seen_once_;
  std::unique_ptr<char[]> scratch_;
  std::array<Guess, 2 * TextBuffer::kPairs + 2>
      guesses_;  // the library's checks of these three are gone round, twenty of them an alert
  // What was sought of late, by its hash: most values are one of some.
  static constexpr unsigned kRecentBits = 10;
  std::array<Likely, std::size_t{1} << kRecentBits> recent_;
  std::array<KnownNames, NameSets::kSets> known_names_;
  std::uint64_t forgotten_ = 0;  // counts the numbers that have ceased to be a string's
};

}  // namespace tocsin
