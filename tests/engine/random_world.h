// Random trees, labels and silences over a small alphabet, so that things meet.
#pragma once

#include <string>
#include <vector>

#include "base/random.h"
#include "model/organisation.h"
#include "tests/engine/shard_world.h"

namespace tocsin::shard_test {

inline std::string RandomName(Random& random) {
  return std::string("n") + static_cast<char>('a' + random.Below(5));
}
inline std::string RandomValue(Random& random) {
  return std::string(1 + random.Below(2), static_cast<char>('a' + random.Below(3)));
}

inline Labels RandomLabels(Random& random) {
  Labels labels = {
      {"alertname", RandomValue(random)}
  };
  for (std::uint64_t i = random.Below(5); i > 0; --i)
    labels.push_back({RandomName(random), RandomValue(random)});
  Normalise(labels);
  return labels;
}

inline Matcher RandomMatcher(Random& random) {
  const char* regexes[] = {"a.*", "a|bb", ".+", "", "[ab]+", ".*c"};
  const auto op = static_cast<MatchOp>(random.Below(4));
  const bool regex = op == MatchOp::kRegex || op == MatchOp::kNotRegex;
  const std::string name = random.OneIn(4) ? "alertname" : RandomName(random);
  return {name, op, regex ? regexes[random.Below(6)] : random.OneIn(6) ? "" : RandomValue(random)};
}

inline Route RandomRoute(Random& random, const std::string& id, int depth) {
  Route route;
  route.id = RouteId(id);
  if (id != "r") {
    for (std::uint64_t i = 1 + random.Below(2); i > 0; --i)
      route.matchers.push_back(RandomMatcher(random));
  }
  route.continue_matching = random.OneIn(3);
  route.group_by_all = random.OneIn(6);
  for (std::uint64_t i = random.Below(4); i > 0; --i) {
    route.group_by.push_back(random.OneIn(2) ? "alertname" : RandomName(random));
  }
  if (!random.OneIn(3)) route.policy = PolicyId("p");
  if (random.OneIn(4)) route.receiver = ReceiverId("r");
  const std::uint64_t children = depth == 0 ? 0 : random.Below(5);
  for (std::uint64_t i = 0; i < children; ++i) {
    route.children.push_back(RandomRoute(random, id + "/" + std::to_string(i), depth - 1));
  }
  return route;
}

inline std::vector<Silence> RandomSilences(Random& random) {
  std::vector<Silence> silences;
  for (std::uint64_t i = random.Below(4); i > 0; --i) {
    std::vector<Matcher> matchers = {RandomMatcher(random)};
    if (random.OneIn(2)) matchers.push_back(RandomMatcher(random));
    silences.push_back(SilenceOf(1 + random.Below(1000), matchers));
  }
  return silences;
}

}  // namespace tocsin::shard_test
