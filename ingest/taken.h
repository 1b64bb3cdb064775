// Where an alert went that has just been taken in, for a sender who asked. The doors ask and render it; the server says who
// answers (api/explain_taken.h), because doors know nothing of groups.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"

#include "model/event.h"

namespace tocsin {

struct TakenAlert {
  AlertKey key;
  bool kept = false;  // false: it was over when it came, or is beyond its integration's budget; only `text` is set then
  bool firing = false;
  std::string severity;
  std::uint64_t rules_version = 0;
  std::vector<std::string> routes;  // in tree order
  std::vector<std::string> groups;  // beside them: "G17"; empty while the group is being made
  std::string held_by;              // "silenced by S5"; empty: nothing
  std::string text;                 // all of it in a sentence
};

// `told` is called on another thread, with one for each key, in order. False: too many ask, and nothing will be told. Must not
// block.
using TellTaken = absl::AnyInvocable<void(std::vector<TakenAlert>)>;
using ExplainTakenAlerts = std::function<bool(std::vector<AlertKey> keys, TellTaken told)>;

// Of one message; the rest is taken and not told of.
inline constexpr std::size_t kAlertsExplained = 100;

}  // namespace tocsin
