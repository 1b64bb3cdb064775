#include "escalation/nesting.h"

#include <algorithm>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_format.h"

#include "base/limits.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::size_t kNone = SIZE_MAX;

struct Node {
  std::vector<std::size_t> inner;  // schedules that this one holds, each once
  std::vector<std::size_t> outer;  // schedules that hold this one
  std::size_t unsettled = 0;       // of `inner`
  bool settled = false;            // all below is known, and ends
  int depth = 0;                   // longest chain below
  std::int64_t visits = 1;         // saturates above the limit
};

std::vector<Node> MakeGraph(const Organisation& organisation) {
  absl::flat_hash_map<ScheduleId, std::size_t> numbers;
  for (const Schedule& schedule : organisation.schedules)
    numbers.emplace(schedule.id, numbers.size());
  std::vector<Node> graph(organisation.schedules.size());
  const auto add = [&](std::size_t outer, const std::vector<Target>& targets) {
    for (const Target& target : targets) {
      const auto* nested = std::get_if<ScheduleTarget>(&target);
      if (nested == nullptr) continue;
      const auto found = numbers.find(nested->schedule);
      if (found != numbers.end()) graph[outer].inner.push_back(found->second);
    }
  };
  for (std::size_t i = 0; i < graph.size(); ++i) {
    const Schedule& schedule = organisation.schedules[i];
    for (const Layer& layer : schedule.layers) {
      ForEachCrew(layer, [&](const std::vector<Target>& crew) { add(i, crew); });
    }
    for (const Override& change : schedule.overrides)
      add(i, change.users);
    for (const TemporarySchedule& temporary : schedule.temporary_schedules) {
      for (const FixedShift& shift : temporary.shifts)
        add(i, shift.members);
    }
    std::vector<std::size_t>& inner = graph[i].inner;
    std::sort(inner.begin(), inner.end());
    inner.erase(std::unique(inner.begin(), inner.end()), inner.end());
    graph[i].unsettled = inner.size();
    for (const std::size_t n : inner)
      graph[n].outer.push_back(i);
  }
  return graph;
}

// From the schedules that hold none outwards. What stays unsettled is in a cycle or holds one.
void Settle(std::vector<Node>& graph) {
  std::vector<std::size_t> ready;
  for (std::size_t i = 0; i < graph.size(); ++i) {
    if (graph[i].unsettled == 0) ready.push_back(i);
  }
  while (!ready.empty()) {
    Node& node = graph[ready.back()];
    ready.pop_back();
    node.settled = true;
    for (const std::size_t n : node.inner) {
      node.depth = std::max(node.depth, graph[n].depth + 1);
      node.visits = std::min(node.visits + graph[n].visits, limits::kScheduleVisits + 1);
    }
    for (const std::size_t n : node.outer) {
      if (--graph[n].unsettled == 0) ready.push_back(n);
    }
  }
}

// Follows unsettled schedules from `start` until one comes again; every unsettled one holds another. Schedules seen on
// an earlier walk end the walk without a cycle: theirs has been reported.
std::vector<std::size_t> CycleFrom(std::size_t start,
                                   const std::vector<Node>& graph,
                                   std::vector<std::size_t>& walk_of) {
  std::vector<std::size_t> path;
  for (std::size_t at = start; walk_of[at] == kNone;) {
    walk_of[at] = start;
    path.push_back(at);
    const std::vector<std::size_t>& inner = graph[at].inner;
    at = *std::find_if(inner.begin(), inner.end(), [&](std::size_t n) { return !graph[n].settled; });
    if (walk_of[at] == start) {
      path.erase(path.begin(), std::find(path.begin(), path.end(), at));
      return path;
    }
  }
  return {};
}

std::string Describe(const std::vector<std::size_t>& cycle, const Organisation& organisation) {
  std::string text = "nests itself: ";
  for (const std::size_t n : cycle)
    text += JsonQuote(organisation.schedules[n].id.value()) + " -> ";
  return text + JsonQuote(organisation.schedules[cycle.front()].id.value());
}

}  // namespace

std::vector<NestingProblem> FindNestingProblems(const Organisation& organisation) {
  std::vector<Node> graph = MakeGraph(organisation);
  Settle(graph);
  std::vector<NestingProblem> problems;
  std::vector<std::size_t> walk_of(graph.size(), kNone);
  for (std::size_t i = 0; i < graph.size(); ++i) {
    const Node& node = graph[i];
    if (!node.settled) {
      const std::vector<std::size_t> cycle = CycleFrom(i, graph, walk_of);
      if (!cycle.empty()) problems.push_back({.schedule = cycle.front(), .text = Describe(cycle, organisation)});
    } else if (node.depth > limits::kScheduleNesting) {
      problems.push_back({.schedule = i,
                          .text = absl::StrFormat("schedules are nested %d deep, at most %d are possible", node.depth,
                                                  limits::kScheduleNesting)});
    } else if (node.visits > limits::kScheduleVisits) {
      problems.push_back({.schedule = i,
                          .text = absl::StrFormat("to say who is on call takes more than %d nested schedules",
                                                  limits::kScheduleVisits)});
    }
  }
  return problems;
}

}  // namespace tocsin
