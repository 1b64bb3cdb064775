// Whether targets could ever reach a person, whatever the time: teams have members, schedules have participants, and
// somebody among them has a notification rule for the urgency.
#pragma once

#include <map>
#include <set>
#include <span>
#include <utility>

#include "model/organisation.h"
#include "model/place_index.h"

namespace tocsin {

class Reach {
 public:
  explicit Reach(const Organisation& organisation) : organisation_(organisation) {
    users_.Build(organisation.users);
    policies_.Build(organisation.policies);
  }

  bool Reaches(const UserId& user, Urgency urgency) const;
  bool Reaches(std::span<const Target> targets, Urgency urgency);
  bool Reaches(const EscalationPolicy& policy, Urgency urgency);

 private:
  bool ReachesTarget(const Target& target, Urgency urgency);
  bool ReachesTeam(const TeamId& team, Urgency urgency) const;
  bool ReachesSchedule(const ScheduleId& id, Urgency urgency);
  bool Search(const Schedule& schedule, Urgency urgency);

  const Organisation& organisation_;
  PlaceIndex users_;
  PlaceIndex policies_;
  std::set<PolicyId> entered_;  // policies that are being searched: a cycle reaches nobody new
  std::map<std::pair<ScheduleId, Urgency>, bool>
      known_;  // false while it is being searched: a cycle reaches nobody new
};

}  // namespace tocsin
