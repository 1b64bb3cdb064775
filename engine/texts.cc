#include "engine/texts.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/status.h"
#include "engine/body.h"
#include "engine/text_walk.h"

namespace tocsin {
namespace {

// A place of a text where so many strings in a row were nobody else's (an instance, a description) is one of such strings: from then on
// only one of so many is looked for. What has a fellow all the same costs some bytes.
constexpr std::uint32_t kAlone = 32;
constexpr std::uint32_t kSoughtOf = 16;
// Shorter strings are not longer inline than a number would be.
constexpr std::size_t kShortestInterned = 3;
constexpr std::size_t kSeenPlaces = 1U << 16;
// An event's text is bounded by kEventBytes; every string of it may need a varint.
constexpr std::size_t kScratchBytes = TextStore::kMostEncoded;
static_assert(limits::kEventBytes + 2 * 10 + (2 * TextBuffer::kPairs + 2) * 10 < kScratchBytes,
              "the longest event fits with a varint for each of its strings");
static_assert(Slab::kReadBehind >= kBlockSlack && Frames::kMostBytes + kBlockSlack <= 1024,
              "what is put together has room in a TextBuffer");

}  // namespace

char* TextBuffer::Room(std::size_t bytes) {
  if (bytes <= near_.size() - used_) return near_.data() + std::exchange(used_, used_ + bytes);
  return far_.emplace_back(std::make_unique_for_overwrite<char[]>(bytes)).get();
}

TextStore::TextStore(std::uint64_t max_interned, std::uint64_t seed, Arena* arena)
    : slab_(arena),
      max_interned_(std::min<std::uint64_t>(max_interned, kMaxInterned)),
      hasher_(seed),
      seen_once_(kSeenPlaces) {}

char* TextStore::scratch() {
  if (scratch_ == nullptr) scratch_ = std::make_unique_for_overwrite<char[]>(kScratchBytes);
  return scratch_.get();
}

std::uint32_t TextStore::Use(std::string_view string, Sighting sighting, std::uint64_t wide) {
  if (string.size() < kShortestInterned) return kNoSlot;
  const auto hash = static_cast<std::uint32_t>(wide >> 32U);
  const std::uint32_t known = !MayBeInterned(hash) ? kNoSlot : by_hash_.Find(hash, [&](std::uint32_t number) {
    return interned_[number].hash == hash && SameString(String(number), string);
  });
  if (known != kNoSlot) {
    ++interned_[known].uses;
    return known;
  }
  if (sighting == Sighting::kAgain || count_ >= max_interned_) return kNoSlot;
  std::uint16_t& seen = seen_once_[wide % kSeenPlaces];
  const auto tag = static_cast<std::uint16_t>(hash | 1U);  // never that of an empty place
  if (seen != tag) {
    seen = tag;
    return kNoSlot;
  }
  std::uint32_t number = interned_end_;
  if (free_.empty()) {
    ++interned_end_;
  } else {
    number = free_.back();
    free_.pop_back();
  }
  Interned& entry = interned_.Ensure(number);
  SetString(entry, string, hash);
  entry.uses = 1;
  Index(number);
  ++count_;
  defined_.push_back(number);
  return number;
}

void TextStore::Index(std::uint32_t number) {
  const std::uint32_t hash = interned_[number].hash;
  by_hash_.Insert(hash, number, [this](std::uint32_t of) { return interned_[of].hash; });
  perhaps_interned_[hash >> 22U] |= std::uint64_t{1} << (hash >> 16U & 63U);
}

void TextStore::SetString(Interned& entry, std::string_view string, std::uint32_t hash) {
  const std::uint32_t block = slab_.Allocate(string.size());
  std::memcpy(slab_.At(block), string.data(), string.size());
  entry = {slab_.At(block), block, static_cast<std::uint32_t>(string.size()), 0, hash};
}

void TextStore::Forget(std::uint32_t number) {
  Interned& entry = interned_[number];
  by_hash_.Erase(entry.hash, number, [this](std::uint32_t of) { return interned_[of].hash; });
  slab_.Free(entry.block, entry.bytes);
  entry = {};
  free_.push_back(number);
  --count_;
  ++forgotten_;
}

void TextStore::Release(std::uint32_t number) {
  if (!interned_.Has(number) || interned_[number].uses == 0) return;  // only after damage
  if (--interned_[number].uses == 0) Forget(number);
}

char* TextStore::WriteFramed(char* to, std::string_view string, std::uint32_t frame) const {
  const std::size_t before = frames_.before(frame).size();
  const std::size_t bytes = string.size() - before - frames_.after(frame).size();
  to = WriteVarint(to, std::uint64_t{frame} << 2U | 2U);
  to = WriteVarint(to, bytes);
  return CopyBytes(to, string.data() + before, bytes);
}

// The frame of the last one fits nearly always. Now and then the one that Use gives is taken, which may have become better; where many
// did not fit into the last one's, it is asked only then: to look for a frame each time is a line of memory that nobody has looked at
// lately, and so is the frame when it is read.
char* TextStore::WriteInline(char* to, std::string_view string, Guess& guess) {
  guess.current = nullptr;
  const bool anew = ++guess.inlined % kSoughtOf == 0;
  if (anew) {
    guess.frame = frames_.Use(string);
  } else if (frames_.UseAgain(guess.frame, string)) {
    guess.misfits = 0;
  } else {
    guess.misfits = std::min(guess.misfits + 1, kAlone);
    guess.frame = guess.misfits < kAlone ? frames_.Use(string) : kNoSlot;
  }
  if (guess.frame != kNoSlot) return WriteFramed(to, string, guess.frame);
  to = WriteVarint(to, string.size() << 2U);
  return CopyBytes(to, string.data(), string.size());
}

inline bool TextStore::IsAlone(const Guess& guess) {
  return guess.alone == kAlone && guess.inlined % kSoughtOf != 0;
}

char* TextStore::WriteSought(char* to, std::string_view string, Sighting sighting, Guess& guess, std::uint64_t wide) {
  Likely& recent = recent_.data()[wide >> 22U & (recent_.size() - 1)];
  if (recent.Is(string)) {
    guess.alone = 0;
    guess.likely = recent;
    guess.current = recent.entry;
    return recent.Write(to);
  }
  const std::uint32_t number = Use(string, sighting, wide);
  if (number == kNoSlot) {
    guess.alone = std::min(guess.alone + 1, kAlone);
    return WriteInline(to, string, guess);
  }
  static_assert(kMaxInterned <= 1U << 27, "a number and its mark fit into four bytes of seven bits");
  guess.alone = 0;
  guess.current = guess.likely.entry = &interned_[number];
  std::array<char, 4>& head = guess.likely.head;
  const char* const end = WriteVarint(head.data(), std::uint64_t{number} << 1U | 1U);
  guess.likely.head_bytes = static_cast<std::uint32_t>(end - head.data());
  recent = guess.likely;
  std::memcpy(to, head.data(), head.size());
  return to + guess.likely.head_bytes;
}

char* TextStore::WriteString(char* to, std::string_view string, Sighting sighting, std::size_t place) {
  if (string.empty()) return WriteVarint(to, 0);
  Guess& guess = guesses_.data()[place];
  if (guess.likely.Is(string)) return guess.likely.Write(to);
  return IsAlone(guess) ? WriteInline(to, string, guess) : WriteSought(to, string, sighting, guess, hasher_(string));
}

inline TextStore::Written TextStore::WriteHashed(char* to,
                                                 std::string_view string,
                                                 Sighting sighting,
                                                 std::size_t place) {
  Guess& guess = guesses_.data()[place];
  if (guess.likely.Is(string)) {
    guess.current = guess.likely.entry;
    return {guess.likely.Write(to), guess.likely.entry->hash};
  }
  if (string.empty()) {
    guess.current = nullptr;
    return {WriteVarint(to, 0), 0};
  }
  const std::uint64_t wide = hasher_(string);
  char* const end = IsAlone(guess) ? WriteInline(to, string, guess) : WriteSought(to, string, sighting, guess, wide);
  return {end, static_cast<std::uint32_t>(wide >> 32U)};
}

inline TextStore::Likely* TextStore::KnownNamesOf(NameSets::Set names) {
  if (names.number == 0) return nullptr;
  KnownNames& known = known_names_.data()[names.place];
  if (known.set != names.number || known.forgotten != forgotten_) [[unlikely]] {
    known.set = names.number;
    known.forgotten = forgotten_;
    known.names.fill({});
  }
  return known.names.data();
}

inline TextStore::Written TextStore::WriteName(
    char* to, std::string_view name, Sighting sighting, std::size_t place, Likely* known) {
  if (known != nullptr && known->entry != nullptr) [[likely]]
    return {known->Write(to), known->entry->hash};
  const Written written = WriteHashed(to, name, sighting, place);
  if (known != nullptr && guesses_.data()[place].likely.Is(name)) *known = guesses_.data()[place].likely;
  return written;
}

TextStore::Stored TextStore::Store(const TextView& text, Sighting sighting, NameSets::Set names) {
  char* to = WriteVarint(scratch(), text.labels.size());
  to = WriteVarint(to, text.annotations.size());
  std::size_t place = 0;
  Stored stored;
  Likely* known = KnownNamesOf(names);
  const auto name_of = [&](const LabelView& pair) {
    return WriteName(to, pair.name, sighting, place++, known == nullptr ? nullptr : known++);
  };
  for (const LabelView& pair : text.labels) {
    const Written name = name_of(pair);
    const Written value = WriteHashed(name.end, pair.value, sighting, place++);
    stored.signature |= SignatureOf(name.hash, value.hash);
    to = value.end;
  }
  for (const LabelView& pair : text.annotations) {
    to = name_of(pair).end;
    to = WriteString(to, pair.value, sighting, place++);
  }
  to = WriteString(to, text.dedup_key, sighting, place++);
  to = WriteString(to, text.link, sighting, place++);
  stored.ref = Keep({}, to);
  return stored;
}

// `kept` and what lies in the scratch up to `end`, as a text.
TextRef TextStore::Keep(std::string_view kept, const char* end) {
  const auto bytes = static_cast<std::size_t>(end - scratch_.get());
  const TextRef ref{slab_.Allocate(kept.size() + bytes), static_cast<std::uint32_t>(kept.size() + bytes)};
  char* const to = CopyBytes(slab_.At(ref.block), kept.data(), kept.size());
  std::memcpy(to, scratch_.get(), bytes);
  return ref;
}

// Whether a string of a text is `string`, of one in a frame that `string` fits into.
inline bool TextStore::Says(const Part& part, std::string_view string, bool fits) const {
  if (part.number != kNoSlot) return IsDefined(part.number) && SameString(String(part.number), string);
  if (part.frame == kNoSlot) return SameString(part.bytes, string);
  const std::size_t around = frames_.before(part.frame).size() + frames_.after(part.frame).size();
  return fits && string.size() == around + part.bytes.size() &&
         SameBytes(string.data() + frames_.before(part.frame).size(), part.bytes.data(), part.bytes.size());
}

TextRef TextStore::Replace(TextRef old, const TextView& text) {
  char* const begin = slab_.At(old.block);
  Parts parts(begin);
  if (parts.labels() != text.labels.size() || parts.annotations() != text.annotations.size()) {
    const TextRef stored = Store(text, Sighting::kAgain).ref;
    Drop(old);
    return stored;
  }
  std::size_t place = 2 * parts.labels();
  parts.Pass(place);
  std::size_t kept = 0;        // so much lies before the first change
  const char* same = nullptr;  // after the last change
  char* to = scratch();
  const auto replace = [&](std::string_view string) {
    const char* const at = parts.at();
    const std::size_t number = place++;
    if (string.empty() && parts.PassEmpty()) return;
    const Part part = parts.Next();
    const bool fits = part.frame != kNoSlot && frames_.Fits(part.frame, string);
    if (Says(part, string, fits)) return;
    if (same == nullptr) {
      kept = static_cast<std::size_t>(at - begin);
    } else {
      to = CopyBlocks(to, same, static_cast<std::size_t>(at - same));
    }
    same = parts.at();
    if (fits) {  // it stays in its frame
      to = WriteFramed(to, string, part.frame);
    } else {
      to = WriteString(to, string, Sighting::kAgain, number);
      LetGo(part, /*counted=*/true);
    }
  };
  for (const LabelView& pair : text.annotations) {
    replace(pair.name);
    replace(pair.value);
  }
  replace(text.dedup_key);
  replace(text.link);
  if (same == nullptr) return old;
  to = CopyBlocks(to, same, static_cast<std::size_t>(parts.at() - same));
  const auto changed = static_cast<std::size_t>(to - scratch());
  if (!Slab::SameClass(kept + changed, old.bytes)) {
    const TextRef moved = Keep({begin, kept}, to);
    slab_.Free(old.block, old.bytes);
    return moved;
  }
  std::memcpy(begin + kept, scratch(), changed);
  return {old.block, static_cast<std::uint32_t>(kept + changed)};
}

void TextStore::LetGo(const Part& part, bool counted) {
  if (part.frame != kNoSlot) frames_.Release(part.frame);
  if (part.number != kNoSlot && counted) Release(part.number);
}

void TextStore::Drop(TextRef ref, bool counted) {
  Parts parts(slab_.At(ref.block));
  for (std::size_t i = parts.strings(); i > 0; --i)
    LetGo(parts.Next(), counted);
  slab_.Free(ref.block, ref.bytes);
}

std::string_view TextStore::StringOf(const Part& part, TextBuffer& buffer) const {
  if (part.number != kNoSlot) return IsDefined(part.number) ? String(part.number) : std::string_view();  // else damage
  if (part.frame == kNoSlot) return part.bytes;
  const std::string_view pieces[] = {frames_.before(part.frame), part.bytes, frames_.after(part.frame)};
  char* const begin = buffer.Room(pieces[0].size() + pieces[1].size() + pieces[2].size() + kBlockSlack);
  char* to = begin;
  for (const std::string_view piece : pieces)
    to = CopyBlocks(to, piece.data(), piece.size());
  return {begin, static_cast<std::size_t>(to - begin)};
}

std::span<const LabelView> TextStore::ReadPairs(Parts& parts,
                                                std::size_t first,
                                                std::size_t count,
                                                TextBuffer& buffer) const {
  for (std::size_t i = first; i < first + count; ++i) {
    buffer.pairs_[i].name = StringOf(parts.Next(), buffer);
    buffer.pairs_[i].value = StringOf(parts.Next(), buffer);
  }
  return {buffer.pairs_.data() + first, count};
}

std::span<const LabelView> TextStore::ReadLabels(TextRef ref, TextBuffer& buffer) const {
  buffer.used_ = 0;
  buffer.far_.clear();
  Parts parts(slab_.At(ref.block));
  return ReadPairs(parts, 0, parts.labels(), buffer);
}

TextView TextStore::Read(TextRef ref, TextBuffer& buffer) const {
  buffer.used_ = 0;
  buffer.far_.clear();
  Parts parts(slab_.At(ref.block));
  TextView text;
  text.labels = ReadPairs(parts, 0, parts.labels(), buffer);
  text.annotations = ReadPairs(parts, parts.labels(), parts.annotations(), buffer);
  text.dedup_key = StringOf(parts.Next(), buffer);
  text.link = StringOf(parts.Next(), buffer);
  return text;
}

// Most of it is the same in both forms, and is copied as it lies.
char* TextStore::Encode(TextRef ref, char* to) const {
  const char* same = slab_.At(ref.block);
  Parts parts(same);
  const auto append = [&to](std::string_view bytes) { to = CopyBlocks(to, bytes.data(), bytes.size()); };
  for (std::size_t left = parts.strings(); parts.PassNumbers(left); --left) {
    append({same, parts.at()});
    const Part part = parts.Next();
    same = parts.at();
    if (part.frame == kNoSlot) {
      to = WriteVarint(to, part.bytes.size() << 1U);
      append(part.bytes);
      continue;
    }
    const std::string_view before = frames_.before(part.frame);
    const std::string_view after = frames_.after(part.frame);
    to = WriteVarint(to, (before.size() + part.bytes.size() + after.size()) << 1U);
    append(before);
    append(part.bytes);
    append(after);
  }
  append({same, parts.at()});
  return to;
}

std::optional<TextStore::Stored> TextStore::Adopt(std::string_view encoded) {
  Cursor cursor(encoded);
  // What was written with a head for each length of up to 63 bytes may have one byte more for each string here.
  if (!cursor.ok() || encoded.size() > kScratchBytes - cursor.strings()) return std::nullopt;
  char* to = WriteVarint(scratch(), cursor.labels());
  to = WriteVarint(to, cursor.annotations());
  Stored stored;
  const std::size_t of_labels = 2 * cursor.labels();
  std::uint32_t name = 0;
  for (std::size_t i = 0; i < cursor.strings(); ++i) {
    const char* const at = cursor.at();
    const Part part = cursor.Next();
    if (part.number != kNoSlot) {
      to = CopyBytes(to, at, static_cast<std::size_t>(cursor.at() - at));
    } else {
      to = WriteInline(to, part.bytes, guesses_[i]);
    }
    if (i >= of_labels) continue;
    const std::uint32_t hash = part.number == kNoSlot   ? HashOf(part.bytes)
                               : IsDefined(part.number) ? interned_[part.number].hash
                                                        : 0;
    if (i % 2 == 0) {
      name = hash;
    } else {
      stored.signature |= SignatureOf(name, hash);
    }
  }
  if (!cursor.ok() || !cursor.done()) return std::nullopt;  // its uses of frames stay: who recovers gives up here
  stored.ref = Keep({}, to);
  return stored;
}

void TextStore::Define(std::uint32_t number, std::string_view string) {
  TOCSIN_CHECK(number < kMaxInterned && !string.empty(), "checked by the caller");
  Interned& entry = interned_.Ensure(number);
  if (entry.text != nullptr) slab_.Free(entry.block, entry.bytes);
  ++forgotten_;
  SetString(entry, string, HashOf(string));
  interned_end_ = std::max(interned_end_, number + 1);
}

void TextStore::BeginCount() {
  by_hash_.Clear();
  free_.clear();
  defined_.clear();
  count_ = 0;
  interned_.ForEach(interned_end_, [](std::uint32_t, Interned& entry) { entry.uses = 0; });
}

void TextStore::Count(TextRef ref) {
  Parts parts(slab_.At(ref.block));
  for (std::size_t i = parts.strings(); i > 0; --i) {
    const std::uint32_t number = parts.Next().number;
    if (number != kNoSlot && IsDefined(number)) ++interned_[number].uses;
  }
}

void TextStore::EndCount() {
  // A gap so wide that a segment is missing is not worth its memory: those numbers stay unused.
  interned_.ForEach(interned_end_, [this](std::uint32_t number, Interned& entry) {
    if (entry.text == nullptr) {
      free_.push_back(number);
      return;
    }
    ++count_;
    Index(number);
    if (entry.uses == 0) Forget(number);
  });
}

std::size_t TextStore::bytes() const {
  return slab_.bytes() + interned_.bytes() + by_hash_.bytes() + frames_.bytes() +
         (free_.capacity() + defined_.capacity()) * sizeof(std::uint32_t) +
         seen_once_.capacity() * sizeof(seen_once_[0]) + (scratch_ == nullptr ? 0 : kScratchBytes);
}

}  // namespace tocsin
