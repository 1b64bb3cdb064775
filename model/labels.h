// Label sets: what an alert is about, and what groups are made of.
//
// Invariant of a Labels value that has been through Normalise: sorted by the bytes of the name, names unique, no empty
// value (a missing label and an empty one are the same thing everywhere in tocsin, as in Alertmanager).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin {

struct Label {
  std::string name;
  std::string value;
  friend auto operator<=>(const Label&, const Label&) = default;
};
using Labels = std::vector<Label>;

// A label whose text lives elsewhere: in a ring, in an alert table.
struct LabelView {
  std::string_view name;
  std::string_view value;
  friend auto operator<=>(const LabelView&, const LabelView&) = default;
};

// Sorts, keeps the last of equal names, drops empty values.
void Normalise(Labels& labels);

// The value of `name`, or "" when absent.
std::string_view Find(std::span<const Label> labels, std::string_view name);
std::string_view Find(std::span<const LabelView> labels, std::string_view name);

// {a="1", b="2"} with GoQuote's escapes, as Alertmanager prints group labels.
std::string Format(std::span<const Label> labels);

// Alertmanager's fingerprint: 64-bit FNV-1a over name 0xFF value 0xFF (specs/wire-compat.md 1.4).
std::uint64_t Fingerprint(std::span<const LabelView> labels);

}  // namespace tocsin
