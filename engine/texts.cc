#include "engine/texts.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/hash.h"
#include "base/status.h"
#include "engine/body.h"

namespace tocsin {
namespace {

// Shorter strings are not longer inline than a number would be.
constexpr std::size_t kShortestInterned = 3;
constexpr std::size_t kSeenPlaces = 1U << 16;
// An event's text is bounded by kEventBytes; every string of it may need a varint.
constexpr std::size_t kScratchBytes = 2 * limits::kEventBytes;
static_assert(limits::kEventBytes + 2 * 10 + (2 * TextBuffer::kPairs + 2) * 10 < kScratchBytes,
              "the longest event fits with a varint for each of its strings");
static_assert(Frames::kMostBytes <= 1024, "what is put together has room in a TextBuffer");

std::uint64_t TakeVarint(const char*& at) {
  auto byte = static_cast<std::uint8_t>(*at++);
  std::uint64_t value = byte & 0x7FU;
  for (unsigned shift = 7; byte >= 0x80; shift += 7) {
    byte = static_cast<std::uint8_t>(*at++);
    value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
  }
  return value;
}

}  // namespace

// Walks the strings of a text in memory, which is our own and undamaged.
class TextStore::Parts {
 public:
  explicit Parts(const char* at) : at_(at), labels_(TakeVarint(at_)), annotations_(TakeVarint(at_)) {}
  std::size_t labels() const { return labels_; }
  std::size_t annotations() const { return annotations_; }
  std::size_t strings() const { return 2 * (labels_ + annotations_) + 2; }
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

char* TextBuffer::Room(std::size_t bytes) {
  if (bytes <= near_.size() - used_) return near_.data() + std::exchange(used_, used_ + bytes);
  return far_.emplace_back(std::make_unique_for_overwrite<char[]>(bytes)).get();
}

TextStore::TextStore(std::uint64_t max_interned, std::uint64_t seed)
    : max_interned_(std::min<std::uint64_t>(max_interned, kMaxInterned)), seed_(seed), seen_once_(kSeenPlaces) {
  guesses_.fill(kNoSlot);
}

char* TextStore::scratch() {
  if (scratch_ == nullptr) scratch_ = std::make_unique_for_overwrite<char[]>(kScratchBytes);
  return scratch_.get();
}

std::uint32_t TextStore::HashOf(std::string_view string) const {
  return string.empty() ? 0 : static_cast<std::uint32_t>(Hash64(string, seed_) >> 32U);
}

std::uint32_t TextStore::Use(std::string_view string, Sighting sighting, std::uint64_t wide) {
  if (string.size() < kShortestInterned) return kNoSlot;
  const auto hash = static_cast<std::uint32_t>(wide >> 32U);
  const std::uint32_t known = by_hash_.Find(
      hash, [&](std::uint32_t number) { return interned_[number].hash == hash && String(number) == string; });
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
  entry = {slab_.Allocate(string.size()), static_cast<std::uint32_t>(string.size()), 1, hash};
  std::memcpy(slab_.At(entry.block), string.data(), string.size());
  by_hash_.Insert(hash, number, [this](std::uint32_t of) { return interned_[of].hash; });
  ++count_;
  defined_.push_back(number);
  return number;
}

void TextStore::Forget(std::uint32_t number) {
  Interned& entry = interned_[number];
  by_hash_.Erase(entry.hash, number, [this](std::uint32_t of) { return interned_[of].hash; });
  slab_.Free(entry.block, entry.bytes);
  entry = {};
  free_.push_back(number);
  --count_;
}

void TextStore::Release(std::uint32_t number) {
  if (!interned_.Has(number) || interned_[number].uses == 0) return;  // only after damage
  if (--interned_[number].uses == 0) Forget(number);
}

char* TextStore::WriteInline(char* to, std::string_view string) {
  const std::uint32_t frame = frames_.Use(string);
  if (frame != kNoSlot) {
    to = WriteVarint(to, std::uint64_t{frame} << 2U | 2U);
    string.remove_prefix(frames_.before(frame).size());
    string.remove_suffix(frames_.after(frame).size());
    to = WriteVarint(to, string.size());
  } else {
    to = WriteVarint(to, string.size() << 2U);
  }
  if (!string.empty()) std::memcpy(to, string.data(), string.size());
  return to + string.size();
}

TextStore::Written TextStore::WriteString(char* to, std::string_view string, Sighting sighting, std::size_t place) {
  std::uint32_t number = guesses_[place];
  if (number != kNoSlot && interned_[number].uses > 0 && String(number) == string) {
    ++interned_[number].uses;
    return {WriteVarint(to, std::uint64_t{number} << 1U | 1U), interned_[number].hash};
  }
  if (string.empty()) return {WriteVarint(to, 0), 0};
  const std::uint64_t wide = Hash64(string, seed_);
  number = Use(string, sighting, wide);
  if (number != kNoSlot) {
    guesses_[place] = number;
    to = WriteVarint(to, std::uint64_t{number} << 1U | 1U);
  } else {
    to = WriteInline(to, string);
  }
  return {to, static_cast<std::uint32_t>(wide >> 32U)};
}

TextStore::Stored TextStore::Store(const TextView& text, Sighting sighting) {
  char* to = WriteVarint(scratch(), text.labels.size());
  to = WriteVarint(to, text.annotations.size());
  std::size_t place = 0;
  const auto write = [&](std::string_view string) {
    const Written written = WriteString(to, string, sighting, place++);
    to = written.end;
    return written.hash;
  };
  Stored stored;
  for (const LabelView& pair : text.labels) {
    const std::uint32_t name = write(pair.name);
    stored.signature |= SignatureOf(name, write(pair.value));
  }
  for (const LabelView& pair : text.annotations) {
    write(pair.name);
    write(pair.value);
  }
  write(text.dedup_key);
  write(text.link);
  stored.ref = Keep(to);
  return stored;
}

// What lies in the scratch up to `end`, as a text.
TextRef TextStore::Keep(const char* end) {
  const auto bytes = static_cast<std::size_t>(end - scratch_.get());
  const TextRef ref{slab_.Allocate(bytes), static_cast<std::uint32_t>(bytes)};
  std::memcpy(slab_.At(ref.block), scratch_.get(), bytes);
  return ref;
}

void TextStore::Drop(TextRef ref, bool counted) {
  Parts parts(slab_.At(ref.block));
  for (std::size_t i = parts.strings(); i > 0; --i) {
    const Part part = parts.Next();
    if (part.frame != kNoSlot) frames_.Release(part.frame);
    if (part.number != kNoSlot && counted) Release(part.number);
  }
  slab_.Free(ref.block, ref.bytes);
}

std::string_view TextStore::StringOf(const Part& part, TextBuffer& buffer) const {
  if (part.number != kNoSlot) {
    const bool defined = interned_.Has(part.number) && interned_[part.number].block != kNoSlot;  // not so after damage
    return defined ? String(part.number) : std::string_view();
  }
  if (part.frame == kNoSlot) return part.bytes;
  const std::string_view pieces[] = {frames_.before(part.frame), part.bytes, frames_.after(part.frame)};
  char* const begin = buffer.Room(pieces[0].size() + pieces[1].size() + pieces[2].size());
  char* to = begin;
  for (const std::string_view piece : pieces)
    to = std::ranges::copy(piece, to).out;
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

std::string_view TextStore::Encoded(TextRef ref) {
  Parts parts(slab_.At(ref.block));
  char* const begin = scratch();
  char* to = WriteVarint(begin, parts.labels());
  to = WriteVarint(to, parts.annotations());
  for (std::size_t i = parts.strings(); i > 0; --i) {
    const Part part = parts.Next();
    if (part.number != kNoSlot) {
      to = WriteVarint(to, std::uint64_t{part.number} << 1U | 1U);
      continue;
    }
    const bool framed = part.frame != kNoSlot;
    const std::string_view before = framed ? frames_.before(part.frame) : std::string_view();
    const std::string_view after = framed ? frames_.after(part.frame) : std::string_view();
    to = WriteVarint(to, (before.size() + part.bytes.size() + after.size()) << 1U);
    for (const std::string_view piece : {before, part.bytes, after})
      to = std::ranges::copy(piece, to).out;
  }
  return {begin, static_cast<std::size_t>(to - begin)};
}

bool TextStore::IsText(std::string_view encoded) const {
  Cursor cursor(encoded);
  for (std::size_t i = cursor.strings(); i > 0 && cursor.ok(); --i)
    cursor.Next();
  // What was written with a head for each length of up to 63 bytes may have one byte more for each string here.
  return cursor.ok() && cursor.done() && encoded.size() <= kScratchBytes - cursor.strings();
}

TextRef TextStore::Adopt(std::string_view encoded) {
  Cursor cursor(encoded);
  char* to = WriteVarint(scratch(), cursor.labels());
  to = WriteVarint(to, cursor.annotations());
  for (std::size_t i = cursor.strings(); i > 0; --i) {
    const Part part = cursor.Next();
    to = part.number == kNoSlot ? WriteInline(to, part.bytes) : WriteVarint(to, std::uint64_t{part.number} << 1U | 1U);
  }
  return Keep(to);
}

void TextStore::Define(std::uint32_t number, std::string_view string) {
  TOCSIN_CHECK(number < kMaxInterned && !string.empty(), "checked by the caller");
  Interned& entry = interned_.Ensure(number);
  if (entry.block != kNoSlot) slab_.Free(entry.block, entry.bytes);
  entry = {slab_.Allocate(string.size()), static_cast<std::uint32_t>(string.size()), 0, HashOf(string)};
  std::memcpy(slab_.At(entry.block), string.data(), string.size());
  interned_end_ = std::max(interned_end_, number + 1);
}

void TextStore::BeginCount() {
  by_hash_.Clear();
  free_.clear();
  defined_.clear();
  count_ = 0;
  interned_.ForEach(interned_end_, [](std::uint32_t, Interned& entry) { entry.uses = 0; });
}

Signature TextStore::Count(TextRef ref, TextBuffer& buffer) {
  Parts parts(slab_.At(ref.block));
  buffer.used_ = 0;
  buffer.far_.clear();
  const auto hash_of = [&](const Part& part) {
    if (part.number == kNoSlot) return HashOf(StringOf(part, buffer));
    if (!interned_.Has(part.number) || interned_[part.number].block == kNoSlot) return std::uint32_t{0};
    return interned_[part.number].hash;
  };
  Signature signature = 0;
  const std::size_t of_labels = 2 * parts.labels();
  std::uint32_t name = 0;
  for (std::size_t i = 0; i < parts.strings(); ++i) {
    const Part part = parts.Next();
    if (part.number != kNoSlot && interned_.Has(part.number) && interned_[part.number].block != kNoSlot)
      ++interned_[part.number].uses;
    if (i >= of_labels) continue;
    if (i % 2 == 0) {
      name = hash_of(part);
    } else {
      signature |= SignatureOf(name, hash_of(part));
    }
  }
  return signature;
}

void TextStore::EndCount() {
  // A gap so wide that a segment is missing is not worth its memory: those numbers stay unused.
  interned_.ForEach(interned_end_, [this](std::uint32_t number, Interned& entry) {
    if (entry.block == kNoSlot) {
      free_.push_back(number);
      return;
    }
    ++count_;
    by_hash_.Insert(entry.hash, number, [this](std::uint32_t of) { return interned_[of].hash; });
    if (entry.uses == 0) Forget(number);
  });
}

std::size_t TextStore::bytes() const {
  return slab_.bytes() + interned_.bytes() + by_hash_.bytes() + frames_.bytes() +
         (free_.capacity() + defined_.capacity()) * sizeof(std::uint32_t) +
         seen_once_.capacity() * sizeof(seen_once_[0]) + (scratch_ == nullptr ? 0 : kScratchBytes);
}

}  // namespace tocsin
