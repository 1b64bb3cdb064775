// The bytes of an export as a tree: JSON or YAML, whatever the source writes.
//
// Hostile input: exports are files that somebody found. Bytes, values and nesting are bounded, what cannot be read is an
// error with its line, and no input crashes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace tocsin::import {

// Of one import, all files together.
inline constexpr std::size_t kBytes = std::size_t{32} * 1024 * 1024;
inline constexpr std::size_t kFiles = 20'000;
inline constexpr std::size_t kValues = 4'000'000;
inline constexpr int kDepth = 64;

struct Field;

struct Value {
  enum class Kind : std::uint8_t {
    kNull,
    kText,  // numbers and truth values, too, as they are written
    kList,
    kMap
  };
  Kind kind = Kind::kNull;
  std::string text;
  std::vector<Value> items;
  std::vector<Field> fields;  // as written

  // The last field of that name; nullptr when there is none, or this is no map.
  const Value* Find(std::string_view name) const;
};

struct Field {
  std::string name;
  Value value;
};

// `values` is how many there may still be; what is read is taken off.
absl::StatusOr<Value> ParseJson(std::string_view text, std::size_t& values);
// The first document of the text.
absl::StatusOr<Value> ParseYamlText(const std::string& file, std::string_view text);

}  // namespace tocsin::import
