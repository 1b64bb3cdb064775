#include "model/name_order.h"

#include <algorithm>

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

}  // namespace

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
  if (names_.size() == kNames) {
    if (++unknown_ < kPatience) return;
    unknown_ = 0;
    names_.clear();
    table_.fill(kNone);
  }
  const std::size_t before = names_.size();
  for (const LabelView& text : texts) {
    if (names_.size() == kNames) break;
    const bool worth_it = !text.name.empty() && text.name.size() <= kNameBytes;
    if (worth_it && std::ranges::find(names_, text.name) == names_.end()) names_.emplace_back(text.name);
  }
  if (names_.size() == before) return;
  std::ranges::sort(names_);
  table_.fill(kNone);
  for (std::size_t rank = 0; rank < names_.size(); ++rank) {
    std::size_t bucket = BucketOf(names_[rank]);
    while (table_[bucket] != kNone)
      bucket = (bucket + 1) % kBuckets;
    table_[bucket] = static_cast<Rank>(rank);
  }
}

}  // namespace tocsin
