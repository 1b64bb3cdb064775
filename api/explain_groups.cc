#include "api/explain_groups.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_format.h"

#include "api/explain.h"

namespace tocsin {
namespace {

constexpr std::size_t kGroupsNamed = 4;

int Rank(const Group& group) {
  switch (group.state) {
    case Group::State::kAcknowledged: return 1;
    case Group::State::kMerged: return 2;
    case Group::State::kResolved: return 5;
    case Group::State::kOpen: break;
  }
  if (!group.route.policy.set()) return 4;
  return group.flushed && group.quiet_reason.empty() ? 0 : 3;
}

}  // namespace

void SortByWhatIsDone(std::vector<Group>& groups) {
  std::ranges::stable_sort(groups, {}, Rank);
}

std::string DescribeMembership(const std::vector<Group>& groups) {
  std::string text;
  for (std::size_t i = 0; i < groups.size() && i < kGroupsNamed; ++i) {
    absl::StrAppendFormat(&text,
                          i == 0 ? "it is part of group G%d, which is %s" : "; it is part of G%d too, which is %s",
                          groups[i].id.value(), DescribeState(groups[i]));
  }
  if (groups.size() > kGroupsNamed) absl::StrAppendFormat(&text, "; and of %d more", groups.size() - kGroupsNamed);
  return text;
}

}  // namespace tocsin
