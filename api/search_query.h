// What people type to find groups and incidents again:
//
//   service=db label:instance=web-1 person:alice since:7d text:"disk full"
//
// All of it must be so. Pure: `now` is what spans count back from.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "storage/search_terms.h"

namespace tocsin {

struct SearchQuery {
  std::vector<Term> of_row;       // labels, service, kind: a row has them or not, whatever its timeline says
  std::vector<Term> of_timeline;  // people, words: a row may have them, or its timeline
  std::optional<bool> open;
  absl::Time from = absl::InfinitePast();  // opened at or after
  absl::Time until = absl::InfiniteFuture();
};

// InvalidArgument says which part is wrong, and what there is instead.
absl::StatusOr<SearchQuery> ParseSearchQuery(std::string_view text, absl::Time now);

}  // namespace tocsin
