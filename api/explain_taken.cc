#include "api/explain_taken.h"

#include "absl/strings/str_format.h"

#include "api/explain.h"
#include "api/explain_groups.h"
#include "api/records.h"
#include "model/severity.h"

namespace tocsin {
namespace {

// A group that an alert went to, as far as it is told of.
struct Destination {
  RouteId route;
  std::optional<Group> group;  // none: it is being made
};

std::vector<Destination> DestinationsOf(Api& api, const AlertRecord& alert) {
  std::vector<Destination> found;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    const ResponderState& state = responder.state();
    for (std::size_t i = 0; i < alert.groups.size(); ++i) {
      Destination one;
      if (i < alert.routes.size()) one.route = alert.routes[i];
      const auto current = state.current_group.find(alert.groups[i]);
      if (current != state.current_group.end()) one.group = state.groups.at(current->second);
      found.push_back(std::move(one));
    }
  });
  return found;
}

std::vector<Group> GroupsOf(const std::vector<Destination>& destinations) {
  std::vector<Group> groups;
  for (const Destination& one : destinations) {
    if (one.group) groups.push_back(*one.group);
  }
  SortByWhatIsDone(groups);
  return groups;
}

std::string Sentence(Api& api,
                     const AlertRecord& alert,
                     const std::vector<Destination>& destinations,
                     const std::vector<Group>& groups) {
  if (!alert.summary.firing) return "it is over: " + alert.resolved_reason;
  if (alert.hold.set()) return "nobody is paged for it: it is " + HeldClause(api, alert);
  if (destinations.empty()) return "nobody is paged for it: no route takes it";
  if (!groups.empty()) return DescribeMembership(groups);
  return absl::StrFormat("route %s takes it; its group is being made", destinations.front().route.value());
}

TakenAlert Tell(Api& api, const AlertKey& key) {
  TakenAlert told;
  told.key = ToldKey(key);
  std::optional<AlertRecord> alert;
  api.engine.ReadShardAndWait(api.engine.ShardOf(key), [&](const Shard& shard) { alert = shard.Find(key); });
  if (!alert) {
    told.text = "it is not kept: it was over when it came, or is beyond its integration's budget";
    return told;
  }
  const std::vector<Destination> destinations = DestinationsOf(api, *alert);
  told.kept = true;
  told.firing = alert->summary.firing;
  told.severity = Name(alert->summary.severity);
  told.rules_version = alert->rules.value();
  for (const Destination& one : destinations) {
    told.routes.push_back(one.route.value());
    told.groups.push_back(one.group ? absl::StrFormat("G%d", one.group->id.value()) : "");
  }
  const std::vector<Group> groups = GroupsOf(destinations);
  told.held_by = alert->held_by;
  // What holds the whole group back, as a muted route does.
  if (told.held_by.empty() && !groups.empty()) told.held_by = groups.front().held_by;
  told.text = Sentence(api, *alert, destinations, groups);
  return told;
}

}  // namespace

std::vector<TakenAlert> ExplainTaken(Api& api, std::span<const AlertKey> keys) {
  std::vector<TakenAlert> told;
  told.reserve(keys.size());
  for (const AlertKey& key : keys)
    told.push_back(Tell(api, key));
  return told;
}

}  // namespace tocsin
