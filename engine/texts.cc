#include "engine/texts.h"

#include <algorithm>
#include <cstring>

#include "base/hash.h"
#include "base/status.h"
#include "engine/body.h"

namespace tocsin {
namespace {

// Shorter strings are not longer inline than a number would be.
constexpr std::size_t kShortestInterned = 4;
constexpr std::size_t kSeenPlaces = 1U << 16;
// An event's text is bounded by kEventBytes; every string of it may need a varint.
constexpr std::size_t kScratchBytes = 2 * limits::kEventBytes;
static_assert(limits::kEventBytes + 2 * 10 + (2 * std::tuple_size_v<TextBuffer> + 2) * 10 < kScratchBytes,
              "the longest event fits with a varint for each of its strings");

}  // namespace

// Walks the strings of an encoded text. Stops at damage: ok() is false then, and strings read as empty.
class TextStore::Cursor {
 public:
  explicit Cursor(std::string_view encoded) : reader_(encoded) {
    labels_ = reader_.Bounded(limits::kLabelsPerAlert);
    annotations_ = reader_.Bounded(limits::kAnnotationsPerAlert);
  }
  std::size_t labels() const { return labels_; }
  std::size_t annotations() const { return annotations_; }
  std::size_t strings() const { return 2 * (labels_ + annotations_) + 2; }

  struct String {
    std::uint32_t number = kNoSlot;  // kNoSlot: inline
    std::string_view bytes;
  };
  String Next() {
    const std::uint64_t head = reader_.Varint();
    if ((head & 1U) == 0) return {kNoSlot, reader_.Bytes(head >> 1U)};
    if (head >> 1U >= kMaxInterned) reader_.Fail();
    return {static_cast<std::uint32_t>(reader_.ok() ? head >> 1U : 0), {}};
  }
  bool ok() const { return reader_.ok(); }
  bool done() const { return reader_.done(); }

 private:
  BodyReader reader_;
  std::size_t labels_ = 0;
  std::size_t annotations_ = 0;
};

TextStore::TextStore(std::uint64_t max_interned, std::uint64_t seed)
    : max_interned_(std::min<std::uint64_t>(max_interned, kMaxInterned)), seed_(seed), seen_once_(kSeenPlaces) {
  guesses_.fill(kNoSlot);
}

std::uint32_t TextStore::Use(std::string_view string, Sighting sighting) {
  if (string.size() < kShortestInterned) return kNoSlot;
  const std::uint64_t wide = Hash64(string, seed_);
  const auto hash = static_cast<std::uint32_t>(wide >> 32U);
  const std::uint32_t known = by_hash_.Find(hash, [&](std::uint32_t number) { return String(number) == string; });
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
  by_hash_.Insert(hash, number);
  ++count_;
  defined_.push_back(number);
  return number;
}

void TextStore::Forget(std::uint32_t number) {
  Interned& entry = interned_[number];
  by_hash_.Erase(entry.hash, number);
  slab_.Free(entry.block, entry.bytes);
  entry = {};
  free_.push_back(number);
  --count_;
}

void TextStore::Release(std::uint32_t number) {
  if (!interned_.Has(number) || interned_[number].uses == 0) return;  // only after damage
  if (--interned_[number].uses == 0) Forget(number);
}

char* TextStore::WriteString(char* to, std::string_view string, Sighting sighting, std::size_t place) {
  std::uint32_t number = guesses_[place];
  if (number != kNoSlot && interned_[number].uses > 0 && String(number) == string) {
    ++interned_[number].uses;
  } else {
    number = Use(string, sighting);
    if (number != kNoSlot) guesses_[place] = number;
  }
  if (number != kNoSlot) return WriteVarint(to, std::uint64_t{number} << 1U | 1U);
  to = WriteVarint(to, string.size() << 1U);
  if (!string.empty()) std::memcpy(to, string.data(), string.size());
  return to + string.size();
}

TextRef TextStore::Store(const TextView& text, Sighting sighting) {
  if (scratch_ == nullptr) scratch_ = std::make_unique_for_overwrite<char[]>(kScratchBytes);
  char* to = WriteVarint(scratch_.get(), text.labels.size());
  to = WriteVarint(to, text.annotations.size());
  std::size_t place = 0;
  for (const std::span<const LabelView> pairs : {text.labels, text.annotations}) {
    for (const LabelView& pair : pairs) {
      to = WriteString(to, pair.name, sighting, place++);
      to = WriteString(to, pair.value, sighting, place++);
    }
  }
  to = WriteString(to, text.dedup_key, sighting, place++);
  to = WriteString(to, text.link, sighting, place);
  return Adopt({scratch_.get(), static_cast<std::size_t>(to - scratch_.get())});
}

void TextStore::Drop(TextRef ref) {
  Cursor cursor(Encoded(ref));
  for (std::size_t i = cursor.strings(); i > 0; --i) {
    const Cursor::String string = cursor.Next();
    if (string.number != kNoSlot) Release(string.number);
  }
  slab_.Free(ref.block, ref.bytes);
}

TextView TextStore::Read(TextRef ref, TextBuffer& buffer) const {
  Cursor cursor(Encoded(ref));
  const auto next = [&]() -> std::string_view {
    const Cursor::String string = cursor.Next();
    if (string.number == kNoSlot) return string.bytes;
    const bool defined = interned_.Has(string.number) && interned_[string.number].block != kNoSlot;
    return defined ? String(string.number) : std::string_view();
  };
  const std::size_t pairs = cursor.labels() + cursor.annotations();
  for (std::size_t i = 0; i < pairs; ++i) {
    buffer[i].name = next();
    buffer[i].value = next();
  }
  TextView text;
  text.labels = {buffer.data(), cursor.labels()};
  text.annotations = {buffer.data() + cursor.labels(), cursor.annotations()};
  text.dedup_key = next();
  text.link = next();
  return text;
}

bool TextStore::IsText(std::string_view encoded) const {
  Cursor cursor(encoded);
  for (std::size_t i = cursor.strings(); i > 0 && cursor.ok(); --i)
    cursor.Next();
  return cursor.ok() && cursor.done() && encoded.size() <= kScratchBytes;
}

TextRef TextStore::Adopt(std::string_view encoded) {
  const TextRef ref{slab_.Allocate(encoded.size()), static_cast<std::uint32_t>(encoded.size())};
  std::memcpy(slab_.At(ref.block), encoded.data(), encoded.size());
  return ref;
}

void TextStore::Define(std::uint32_t number, std::string_view string) {
  TOCSIN_CHECK(number < kMaxInterned && !string.empty(), "checked by the caller");
  Interned& entry = interned_.Ensure(number);
  if (entry.block != kNoSlot) slab_.Free(entry.block, entry.bytes);
  const auto hash = static_cast<std::uint32_t>(Hash64(string, seed_) >> 32U);
  entry = {slab_.Allocate(string.size()), static_cast<std::uint32_t>(string.size()), 0, hash};
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

void TextStore::Count(TextRef ref) {
  Cursor cursor(Encoded(ref));
  for (std::size_t i = cursor.strings(); i > 0; --i) {
    const Cursor::String string = cursor.Next();
    if (string.number == kNoSlot || !interned_.Has(string.number)) continue;
    Interned& entry = interned_[string.number];
    if (entry.block != kNoSlot) ++entry.uses;
  }
}

void TextStore::EndCount() {
  // A gap so wide that a segment is missing is not worth its memory: those numbers stay unused.
  interned_.ForEach(interned_end_, [this](std::uint32_t number, Interned& entry) {
    if (entry.block == kNoSlot) {
      free_.push_back(number);
      return;
    }
    ++count_;
    by_hash_.Insert(entry.hash, number);
    if (entry.uses == 0) Forget(number);
  });
}

std::size_t TextStore::bytes() const {
  return slab_.bytes() + interned_.bytes() + by_hash_.bytes() +
         (free_.capacity() + defined_.capacity()) * sizeof(std::uint32_t) +
         seen_once_.capacity() * sizeof(seen_once_[0]) + (scratch_ == nullptr ? 0 : kScratchBytes);
}

}  // namespace tocsin
