// Private to api/compat: what Opsgenie's search language can ask of an alert, field by field. Pure.
#pragma once

#include <cstdint>
#include <map>
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

// A row while one query is matched with it: however many terms look at a text, it is put in lower case and split only once. The row
// outlives it.
class Reading {
 public:
  explicit Reading(const OpsgenieAlert& alert) : alert_(alert) {}

  const OpsgenieAlert& alert() const { return alert_; }
  // The words stand in one of the field's texts, one after the other.
  bool IsWithin(const Wanted& wanted, const Field* field);
  // A word without a field.
  bool IsAnywhere(const Wanted& wanted);

 private:
  struct Split {
    Texts texts;
    std::string lower;                    // all of them
    std::vector<std::string_view> words;  // of `lower`; an empty one after each text, so that no phrase goes beyond it
  };
  const Split& SplitOf(const Field* field);  // nullptr: all texts that a word without a field may stand in
  const Texts& Names();

  const OpsgenieAlert& alert_;
  std::string tiny_;
  std::map<const Field*, Split> splits_;
  Texts names_;  // what a word without a field may be
};

// [first, last): an instant has no length to speak of, a day has one.
struct Span {
  absl::Time first;
  absl::Time last;
};
std::optional<Span> ReadSpan(std::string_view text);

}  // namespace tocsin::opsgenie_query
