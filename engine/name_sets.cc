#include "engine/name_sets.h"

namespace tocsin {

NameSets::Set NameSets::Seek(const EventText& text) {
  std::size_t mixed = text.labels.size() * 31 + text.annotations.size();
  for (const std::span<const LabelView> pairs : {text.labels, text.annotations}) {
    for (const LabelView& pair : pairs)
      mixed = mixed * 31 + pair.name.size() + static_cast<unsigned char>(*pair.name.data());
  }
  const auto place = static_cast<std::uint32_t>(mixed * 0x9E3779B97F4A7C15U >> 61U);
  static_assert(kSets == std::size_t{1} << (64 - 61));
  Known& known = known_[place];
  if (known.number == 0 || !Are(known, text)) {
    known.number = 0;
    if (!Learn(known, text)) return {};
    known.number = ++numbers_;
  }
  last_ = place;
  return {known.number, place};
}

bool NameSets::Learn(Known& known, const EventText& text) {
  known.labels = known.annotations = 0;
  if (text.labels.size() + text.annotations.size() > kNames) return false;
  Name* to = known.names.data();
  for (const std::span<const LabelView> pairs : {text.labels, text.annotations}) {
    for (const LabelView& pair : pairs) {
      if (pair.name.size() > kBlock) return false;
      std::array<char, kBlock> bytes{};
      std::array<unsigned char, kBlock> mask{};
      std::memcpy(bytes.data(), pair.name.data(), pair.name.size());
      std::memset(mask.data(), 0xFF, pair.name.size());
      std::memcpy(&to->bytes, bytes.data(), kBlock);
      std::memcpy(&to->mask, mask.data(), kBlock);
      to->size = pair.name.size();
      ++to;
    }
  }
  known.labels = text.labels.size();
  known.annotations = text.annotations.size();
  return true;
}

}  // namespace tocsin
