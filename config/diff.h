// What a new organisation changes, for people: `tocsin apply --dry-run`, and the record of an apply.
#pragma once

#include <string>
#include <vector>

#include "model/organisation.h"

namespace tocsin {

struct Difference {
  std::string
      path;  // users[alice].time_zone: things with an id are named by it, so that order and insertions do not matter
  std::string before;  // empty: it is new
  std::string after;   // empty: it is gone
  friend bool operator==(const Difference&, const Difference&) = default;
};

// In the order of the organisation's parts. Secrets are only said to differ.
std::vector<Difference> Differences(const Organisation& before, const Organisation& after);

// One line each: `+ users[zoe]`, `- teams[db].members: ann`, `~ policies[db].repeats: 1 -> 2`. Under what is new follows what
// is in it (`+ users[zoe].name: Zoe`), in a few hundred lines at most, and not where everything is new.
std::vector<std::string> Diff(const Organisation& before, const Organisation& after);

}  // namespace tocsin
