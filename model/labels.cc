#include "model/labels.h"

#include <algorithm>

#include "base/strings.h"

namespace tocsin {
namespace {

template <typename L>
std::string_view FindIn(std::span<const L> labels, std::string_view name) {
  const auto found = std::ranges::find_if(labels, [&](const L& label) { return std::string_view(label.name) == name; });
  return found == labels.end() ? std::string_view() : std::string_view(found->value);
}

}  // namespace

void Normalise(Labels& labels) {
  std::ranges::stable_sort(labels, {}, &Label::name);
  Labels kept;
  kept.reserve(labels.size());
  for (Label& label : labels) {
    if (!kept.empty() && kept.back().name == label.name) kept.pop_back();
    kept.push_back(std::move(label));
  }
  std::erase_if(kept, [](const Label& label) { return label.value.empty(); });
  labels = std::move(kept);
}

std::string_view Find(std::span<const Label> labels, std::string_view name) {
  return FindIn(labels, name);
}
std::string_view Find(std::span<const LabelView> labels, std::string_view name) {
  return FindIn(labels, name);
}

std::string Format(std::span<const Label> labels) {
  std::string out = "{";
  for (const Label& label : labels) {
    if (out.size() > 1) out += ", ";
    out += label.name;
    out += '=';
    out += GoQuote(label.value);
  }
  out += '}';
  return out;
}

std::uint64_t Fingerprint(std::span<const LabelView> labels) {
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto mix = [&hash](std::string_view bytes) {
    for (const char c : bytes)
      hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    hash = (hash ^ 0xFFU) * 0x100000001b3;
  };
  for (const LabelView& label : labels) {
    mix(label.name);
    mix(label.value);
  }
  return hash;
}

}  // namespace tocsin
