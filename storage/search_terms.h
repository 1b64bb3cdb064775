// By what groups and incidents are found again: terms, a hash each, made of a row and its timeline. Pure. The index writes them
// when a row leaves memory; what is in memory is matched by the same terms, so both answer alike.
//
//   label    name and value, exact: the group's, and those of the alerts that it shows
//   service  its id
//   person   who was paged, acknowledged, resolved, wrote: user ids
//   word     of titles, label values, annotations and notes: letters and digits in a row, two or more, ASCII in lower case
//   kind     group or incident
//
// At most kTermsPerDocument terms: the rest of an endless timeline's words is not found.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

#include "model/response.h"
#include "model/timeline.h"

namespace tocsin {

using Term = std::uint64_t;

inline constexpr std::size_t kTermsPerDocument = 1000;

Term LabelTerm(std::string_view name, std::string_view value);
Term ServiceTerm(std::string_view service);
Term PersonTerm(std::string_view user);
Term WordTerm(std::string_view word);  // as Words gives it
Term KindTerm(std::uint8_t table);
Term AnyTerm();  // every document has it

// The words of a text, in order, with repeats.
std::vector<std::string> Words(std::string_view text);

// A group or an incident as search sees it.
struct Document {
  absl::Time opened_at;
  std::vector<Term> terms;  // sorted, no repeats
  bool Has(Term term) const;
};
// nullopt: rows of this table are not searched. Without a timeline the terms are those that the row alone gives.
std::optional<Document> DocumentOf(const Row& row, std::span<const TimelineEntry> timeline);

// The place of a document in the order of results: newest opened first, then the highest number.
struct DocumentPlace {
  absl::Time opened_at;
  RowKey key;
  // Less is before in the results.
  friend std::strong_ordering operator<=>(const DocumentPlace& a, const DocumentPlace& b) {
    if (a.opened_at != b.opened_at) {
      return a.opened_at > b.opened_at ? std::strong_ordering::less : std::strong_ordering::greater;
    }
    if (a.key.id != b.key.id) return b.key.id <=> a.key.id;
    return a.key.table <=> b.key.table;
  }
  friend bool operator==(const DocumentPlace&, const DocumentPlace&) = default;
  // The first place after this one that a document can have.
  DocumentPlace Next() const { return {opened_at, {static_cast<std::uint8_t>(key.table + 1), key.id}}; }
};

}  // namespace tocsin
