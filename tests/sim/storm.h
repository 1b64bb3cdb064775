// A storm as it is played in the simulation (storm_test.cc) and against the clock (bench/storm_bench.cc): the alerts, the
// organisation that they strike, and a log of what its people were sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "base/clock.h"
#include "model/event.h"
#include "model/ids.h"
#include "model/organisation.h"
#include "model/response.h"

namespace tocsin::sim {

inline constexpr std::size_t kStormServices = 500;
inline constexpr std::size_t kStormPeople = 8;

std::string StormService(std::size_t service);
// Who is on call for it.
UserId StormPerson(std::size_t service);

// Eight people with SMS, e-mail and a telephone under the default limits; each is on call for every eighth service. A group
// for each service and severity, without group_wait.
Organisation StormOrganisation();

// The alert number `i` of `count`: services come as they would, all mixed. For the first third nothing is critical, so that
// everybody's limits are used up when the first critical one comes.
AlertEvent StormEvent(std::size_t i, std::size_t count);
std::size_t StormServiceOf(std::size_t i);
bool StormIsCritical(std::size_t i, std::size_t count);

// What went out, by contact method.
class StormLog {
 public:
  void Started(const Notification& notification, EngineTime at);

  // Empty, or what was sent beyond the limits of some contact method.
  std::string Excess(const Organisation& organisation) const;
  // When the first message that tells of something critical was begun for each person.
  const std::map<UserId, EngineTime>& first_critical() const { return first_critical_; }
  std::size_t messages() const;
  std::size_t most_messages() const;  // on one contact method
  std::size_t bundles() const { return bundles_; }
  // Groups that a person was told of, alone or in a bundle.
  const std::map<UserId, std::set<std::uint64_t>>& told() const { return told_; }

 private:
  std::map<std::pair<ContactMethod::Kind, std::string>, std::vector<EngineTime>> sent_;
  std::map<UserId, EngineTime> first_critical_;
  std::map<UserId, std::set<std::uint64_t>> told_;
  std::size_t bundles_ = 0;
};

}  // namespace tocsin::sim
