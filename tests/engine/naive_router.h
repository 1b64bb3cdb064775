// The routing tree as its rules say it, without cleverness: the oracle of engine/router.h, and part of the shard's.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/labels.h"
#include "model/organisation.h"
#include "re2/re2.h"

namespace tocsin::shard_test {

// Few patterns, asked for a million times.
inline bool NaiveFullMatch(const std::string& value, const std::string& pattern) {
  static std::map<std::string, std::unique_ptr<re2::RE2>> known;
  std::unique_ptr<re2::RE2>& regex = known[pattern];
  if (regex == nullptr) regex = std::make_unique<re2::RE2>(pattern);
  return re2::RE2::FullMatch(value, *regex);
}

inline bool NaiveMatch(const std::vector<Matcher>& matchers, const Labels& labels) {
  return std::ranges::all_of(matchers, [&](const Matcher& matcher) {
    std::string value;
    for (const Label& label : labels) {
      if (label.name == matcher.name) value = label.value;
    }
    switch (matcher.op) {
      case MatchOp::kEqual: return value == matcher.value;
      case MatchOp::kNotEqual: return value != matcher.value;
      case MatchOp::kRegex: return NaiveFullMatch(value, matcher.value);
      case MatchOp::kNotRegex: return !NaiveFullMatch(value, matcher.value);
    }
    return false;
  });
}

// "A child that matches ends the sibling scan unless it says continue; a node with no matching child is itself the match."
inline std::vector<const Route*> NaiveRoutes(const Route& node, const Labels& labels, bool root = true) {
  if (!root && !NaiveMatch(node.matchers, labels)) return {};
  std::vector<const Route*> found;
  bool ended = false;
  for (const Route& child : node.children) {
    if (ended) continue;
    const std::vector<const Route*> below = NaiveRoutes(child, labels, false);
    found.insert(found.end(), below.begin(), below.end());
    ended = !below.empty() && !child.continue_matching;
  }
  if (found.empty()) found.push_back(&node);
  return found;
}

inline Labels NaiveGroupLabels(const Route& route, const Labels& labels) {
  Labels group;
  for (const Label& label : labels) {
    if (route.group_by_all || std::ranges::find(route.group_by, label.name) != route.group_by.end())
      group.push_back(label);
  }
  return group;
}

}  // namespace tocsin::shard_test
