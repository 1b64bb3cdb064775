// The organisation and the silences in force as Alertmanager's clients know them: whom a route tells, what mutes it, which
// silences an alert matches, which alert inhibits it. Compiled once for each version of the rules; immutable, any thread.
//
// The receiver of a route without one is its policy's name; of a route that leads nowhere, "none".
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/inhibition.h"
#include "engine/matcher_index.h"
#include "escalation/time_intervals.h"
#include "model/rules.h"

namespace tocsin::alertmanager {

inline constexpr std::string_view kNoReceiver = "none";

// What a route's notifications go under.
std::string_view ReceiverOf(const Route& route);
// All receivers, those that are declared first, then the names of policies that stand for one, in the order of the tree.
std::vector<std::string> ReceiversOf(const Organisation& organisation);

class ClientRules {
 public:
  // `seed` is the store's: it makes the keys of inhibition.
  ClientRules(const Rules& rules, std::uint64_t seed);

  // The route's name itself when the organisation has no such route any more.
  std::string_view ReceiverOf(const RouteId& route) const;
  // The time intervals that mute a route's groups at `now`.
  std::vector<std::string> MutedBy(const RouteId& route, absl::Time now) const;
  // The labels that make the alert's group on the route.
  Labels GroupLabels(const RouteId& route, const Labels& labels) const;
  // In order of their numbers.
  std::vector<SilenceId> SilencesOf(std::span<const LabelView> labels) const;
  const Inhibitions& inhibitions() const { return inhibitions_; }

 private:
  struct RouteRules {
    std::string receiver;
    std::vector<std::string> group_by;
    bool group_by_all = false;
    std::vector<TimeIntervalId> muted_in;
    std::vector<TimeIntervalId> active_in;
  };
  void Add(const Route& route);
  bool Contains(const TimeIntervalId& id, absl::Time now) const;

  std::unordered_map<RouteId, RouteRules> routes_;
  std::unordered_map<TimeIntervalId, TimeIntervals> intervals_;
  std::vector<SilenceId> silences_;  // by number in the index
  MatcherIndex silence_index_;
  Inhibitions inhibitions_;
};

}  // namespace tocsin::alertmanager
