#include "import/compare.h"

#include <algorithm>
#include <set>

#include "base/status.h"

namespace tocsin::import {
namespace {

// What begins or ends somewhere, and who.
struct Edge {
  absl::Time at;
  bool begins = false;
  const Entry* entry = nullptr;
};

// The rendering as stretches with the people of each, tiling [since, until).
std::vector<Shift> Tiles(const Rendering& rendering, absl::Time since, absl::Time until) {
  std::vector<Edge> edges;
  for (const Entry& entry : rendering.entries) {
    if (entry.start >= entry.end) continue;
    edges.push_back({entry.start, true, &entry});
    edges.push_back({entry.end, false, &entry});
  }
  std::ranges::sort(edges, {}, &Edge::at);
  std::multiset<UserId> on;
  std::vector<Shift> tiles;
  absl::Time from = since;
  const auto put = [&](absl::Time to) {
    to = std::min(to, until);
    if (to <= from) return;
    std::vector<UserId> users(on.begin(), on.end());
    users.erase(std::unique(users.begin(), users.end()), users.end());
    tiles.push_back({from, to, std::move(users)});
    from = to;
  };
  for (const Edge& edge : edges) {
    put(edge.at);
    for (const UserId& user : edge.entry->users) {
      if (edge.begins) {
        on.insert(user);
      } else {
        on.erase(on.find(user));
      }
    }
  }
  put(until);
  return tiles;
}

void Put(std::vector<Difference>& differences, Difference difference) {
  if (!differences.empty()) {
    Difference& last = differences.back();
    if (last.end == difference.start && last.before == difference.before && last.after == difference.after) {
      last.end = difference.end;
      return;
    }
  }
  differences.push_back(std::move(difference));
}

std::int64_t HoursWithout(const std::vector<Difference>& differences, absl::Time since, std::int64_t hours) {
  std::int64_t agreeing = hours;
  std::int64_t counted = -1;  // the last hour that is known to differ
  for (const Difference& difference : differences) {
    const std::int64_t first = std::max(counted + 1, (difference.start - since) / absl::Hours(1));
    const std::int64_t last = std::min(hours - 1, (difference.end - since - absl::Nanoseconds(1)) / absl::Hours(1));
    if (last < first) continue;
    agreeing -= last - first + 1;
    counted = last;
  }
  return agreeing;
}

}  // namespace

absl::StatusOr<Comparison> Compare(const Roster& roster,
                                   const Rendering& rendering,
                                   absl::Time since,
                                   absl::Time until) {
  Comparison comparison;
  comparison.schedule = rendering.schedule;
  comparison.said_by = rendering.said_by;
  comparison.since = std::max(since, rendering.since);
  comparison.until = std::max(comparison.since, std::min(until, rendering.until));
  if (comparison.since >= comparison.until) return comparison;
  TOCSIN_ASSIGN(const std::vector<Shift> after,
                roster.FinalSchedule(rendering.schedule, comparison.since, comparison.until));
  const std::vector<Shift> before = Tiles(rendering, comparison.since, comparison.until);
  std::size_t i = 0;
  std::size_t k = 0;
  absl::Time at = comparison.since;
  while (i < before.size() && k < after.size()) {
    const absl::Time end = std::min(before[i].end, after[k].end);
    if (before[i].users != after[k].users) {
      Put(comparison.differences, {at, end, before[i].users, after[k].users});
    }
    if (before[i].end == end) ++i;
    if (after[k].end == end) ++k;
    at = end;
  }
  comparison.hours = (comparison.until - comparison.since + absl::Hours(1) - absl::Nanoseconds(1)) / absl::Hours(1);
  comparison.agreeing = HoursWithout(comparison.differences, comparison.since, comparison.hours);
  return comparison;
}

}  // namespace tocsin::import
