#include "model/inhibition.h"

namespace tocsin {

void SourceReport::Merge(SourceReport later) {
  if (later.rules != rules) {
    *this = std::move(later);
    return;
  }
  counted_all |= later.counted_all;
  for (auto& [key, sources] : later.changed)
    changed.insert_or_assign(key, std::move(sources));
}

void SourceSet::Set(std::span<const std::pair<SourceKey, Sources>> changes) {
  std::array<std::shared_ptr<Part>, kParts> copies;  // of the parts that change, each copied once
  for (const auto& [key, sources] : changes) {
    std::shared_ptr<Part>& copy = copies[PartOf(key)];
    if (copy == nullptr) {
      const std::shared_ptr<const Part>& part = parts_[PartOf(key)];
      copy = part == nullptr ? std::make_shared<Part>() : std::make_shared<Part>(*part);
    }
    if (sources.empty()) {
      copy->erase(key);
    } else {
      (*copy)[key] = sources;
    }
  }
  for (std::size_t i = 0; i < kParts; ++i)
    if (copies[i] != nullptr) parts_[i] = std::move(copies[i]);
}

std::size_t SourceSet::size() const {
  std::size_t size = 0;
  for (const std::shared_ptr<const Part>& part : parts_)
    size += part == nullptr ? 0 : part->size();
  return size;
}

}  // namespace tocsin
