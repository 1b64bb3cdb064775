// Private to api/compat: what Opsgenie's search language can ask of an alert, field by field. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

#include "model/opsgenie.h"

namespace tocsin::opsgenie_query {

using Texts = std::vector<std::string_view>;

// What is looked for: a word or a phrase, perhaps with more to follow. Case never matters.
struct Wanted {
  std::string text;
  std::string lower;
  std::vector<std::string> words;
  bool open_end = false;  // a trailing *

  static Wanted Of(std::string_view text, bool quoted);
  bool IsWhole(std::string_view value) const;
  bool IsWithin(std::string_view value) const;  // its words stand in `value`, one after the other
};

enum class Kind : std::uint8_t {
  kText,  // by words
  kWhole,
  kNumber,
  kTime,
  kFlag
};
struct Field {
  std::string_view name;  // in lower case
  Kind kind = Kind::kWhole;
  void (*texts)(const OpsgenieAlert&, Texts&) = nullptr;
  std::int64_t (*number)(const OpsgenieAlert&) = nullptr;
  absl::Time (*time)(const OpsgenieAlert&) = nullptr;
  bool (*flag)(const OpsgenieAlert&) = nullptr;
};
// nullptr: there is none of this name.
const Field* FindField(std::string_view name);

// A word without a field.
bool MatchAnywhere(const Wanted& wanted, const OpsgenieAlert& alert);

// [first, last): an instant has no length to speak of, a day has one.
struct Span {
  absl::Time first;
  absl::Time last;
};
std::optional<Span> ReadSpan(std::string_view text);

}  // namespace tocsin::opsgenie_query
