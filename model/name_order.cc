#include "model/name_order.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::size_t kFew = 32;

// Stable. The few labels of real senders are best inserted; a hostile sender's many are not.
void StableSort(std::span<LabelView> texts) {
  if (texts.size() > kFew) {
    std::ranges::stable_sort(texts, {}, &LabelView::name);
    return;
  }
  for (std::size_t i = 1; i < texts.size(); ++i) {
    const LabelView moved = texts[i];
    std::size_t j = i;
    for (; j > 0 && moved.name < texts[j - 1].name; --j)
      texts[j] = texts[j - 1];
    texts[j] = moved;
  }
}

template <typename Word>
Word Load(const char* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

}  // namespace

NameOrder::Head NameOrder::HeadOf(std::string_view name) {
  const char* const at = name.data();
  const std::size_t size = name.size();
  if (size >= kBlock) return {Load<std::uint64_t>(at), Load<std::uint64_t>(at + 8), size};
  if (size > 8) return {Load<std::uint64_t>(at), Load<std::uint64_t>(at + size - 8) >> 8 * (16 - size), size};
  if (size >= 4) {
    return {Load<std::uint32_t>(at) | std::uint64_t{Load<std::uint32_t>(at + size - 4)} << 8 * (size - 4), 0, size};
  }
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < size; ++i)
    all |= std::uint64_t{Load<std::uint8_t>(at + i)} << 8 * i;
  return {all, 0, size};
}

NameOrder::Rank NameOrder::FindOn(Head head) const {
  for (std::size_t bucket = BucketOf(head);; bucket = (bucket + 1) % kBuckets) {
    const Rank rank = table_[bucket];
    if (rank == kNone || known_[rank] == head) return rank;
  }
}

NameOrder::Rank NameOrder::FindLong(std::string_view name) const {
  const Head head = HeadOf(name);
  for (std::size_t bucket = BucketOf(head);; bucket = (bucket + 1) % kBuckets) {
    const Rank rank = table_[bucket];
    if (rank == kNone || (known_[rank] == head && NameAt(rank) == name)) return rank;
  }
}

std::size_t NameOrder::SortKnown(std::span<LabelView> texts) {
  std::uint64_t seen = 0;
  std::uint64_t behind = 0;  // not zero: one came after another that it should precede, or equals
  for (const LabelView& text : texts) {
    const Rank rank = FindAny(text.name);
    if (rank == kNone) return 0;
    behind |= seen >> rank;
    seen |= std::uint64_t{1} << rank;
    places_[rank] = text;
  }
  if (behind == 0) return texts.size();
  LabelView* to = texts.data();
  for (; seen != 0; seen &= seen - 1)
    *to++ = places_[static_cast<std::size_t>(std::countr_zero(seen))];
  return static_cast<std::size_t>(to - texts.data());
}

std::span<LabelView> NameOrder::SortUnknown(std::span<LabelView> texts) {
  Learn(texts);
  StableSort(texts);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const bool superseded = i + 1 < texts.size() && texts[i + 1].name == texts[i].name;
    if (!superseded) texts[kept++] = texts[i];
  }
  return texts.first(kept);
}

// Learning costs microseconds. A sender with more names than are kept pays that only now and then.
void NameOrder::Learn(std::span<const LabelView> texts) {
  if (count_known_ == kNames) {
    if (++unknown_ < kPatience) return;
    unknown_ = 0;
    count_known_ = 0;
    table_.fill(kNone);
  }
  std::vector<std::string> names;
  for (const LabelView& text : texts) {
    if (count_known_ + names.size() == kNames) break;
    const bool worth_it = !text.name.empty() && text.name.size() <= kNameBytes && IsValidUtf8(text.name);
    if (!worth_it || FindAny(text.name) != kNone) continue;
    if (std::ranges::find(names, text.name) == names.end()) names.emplace_back(text.name);
  }
  if (names.empty()) return;
  for (std::size_t rank = 0; rank < count_known_; ++rank)
    names.emplace_back(NameAt(rank));
  std::ranges::sort(names);
  count_known_ = names.size();
  table_.fill(kNone);
  for (std::size_t rank = 0; rank < count_known_; ++rank) {
    names_[rank].fill('\0');
    std::ranges::copy(names[rank], names_[rank].begin());
    const Head head = HeadOf(names[rank]);
    known_[rank] = head;
    std::size_t bucket = BucketOf(head);
    while (table_[bucket] != kNone)
      bucket = (bucket + 1) % kBuckets;
    table_[bucket] = static_cast<Rank>(rank);
  }
}

}  // namespace tocsin
