// What an alert's groups come to, in one sentence: an alert goes to a group for each route that takes it, and what people ask
// is whether anybody is paged for any of them.
#pragma once

#include <string>
#include <vector>

#include "model/response.h"

namespace tocsin {

// Those by which most is done first: paging, then taken by somebody, then waiting or held, then told only, then over.
void SortByWhatIsDone(std::vector<Group>& groups);

// "it is part of group G7, which is open, and people are being paged ...; it is part of G3 too, which ..." `groups` is sorted
// and not empty.
std::string DescribeMembership(const std::vector<Group>& groups);

}  // namespace tocsin
