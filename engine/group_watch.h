// What a shard keeps of groups whose routes ask for more than counts: events for a threshold, values of the labels that break
// through, and after how long without news an alert is over.
//
// Beside the group table, because hardly any group needs it: an alert in such a group has a mark, and only for those is
// anything done with a duplicate. Volatile: counts begin anew with the process, which the responder, who keeps what it has
// been told, takes into account. One thread.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "model/labels.h"
#include "model/organisation.h"
#include "model/response.h"

namespace tocsin {

// The part of a route that asks for it.
struct WatchRule {
  explicit WatchRule(const Route& route);
  WatchRule() = default;
  bool any() const { return threshold.count > 1 || !labels.empty() || auto_close_ns > 0; }

  Threshold threshold;
  std::vector<std::string> labels;
  std::int64_t auto_close_ns = 0;
  friend bool operator==(const WatchRule&, const WatchRule&) = default;
};

struct GroupWatch {
  WatchRule rule;
  std::uint64_t events = 0;
  std::vector<EventCount> lately;
  std::set<std::string> values;  // "region=eu", of all members that there have been since nothing fired
};

class GroupWatches {
 public:
  bool empty() const { return watches_.empty(); }
  // nullptr: nothing is asked for of this group.
  const GroupWatch* Find(std::uint32_t group) const;

  // A group with this number is new.
  void Begin(std::uint32_t group, const WatchRule& rule);
  // The rules have changed; true when they have for this group.
  bool Change(std::uint32_t group, const WatchRule& rule);

  void AddValues(std::uint32_t group, std::span<const LabelView> labels);
  void ForgetValues(std::uint32_t group);
  // An event of an alert of the group. True while the responder should be told at once: the count is not far past the
  // threshold, so that each crossing is seen whatever else is reported when.
  bool Count(std::uint32_t group, EngineTime now);

  std::size_t bytes() const;

 private:
  std::unordered_map<std::uint32_t, GroupWatch> watches_;
};

}  // namespace tocsin
