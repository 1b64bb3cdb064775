#include "api/explain_taken.h"

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include "api/explain.h"
#include "base/strings.h"
#include "model/codec/common_proto.h"

namespace tocsin {
namespace {

// A group that an alert went to, as far as it is told of.
struct Destination {
  RouteId route;
  GroupId id;  // none: it is being made
  std::string verdict;
};

std::vector<Destination> DestinationsOf(Api& api, const AlertRecord& alert) {
  std::vector<Destination> found;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    const ResponderState& state = responder.state();
    for (std::size_t i = 0; i < alert.groups.size(); ++i) {
      Destination one;
      if (i < alert.routes.size()) one.route = alert.routes[i];
      const auto current = state.current_group.find(alert.groups[i]);
      if (current != state.current_group.end()) {
        one.id = current->second;
        one.verdict = DescribeState(state.groups.at(one.id));
      }
      found.push_back(std::move(one));
    }
  });
  return found;
}

std::string Sentence(const AlertRecord& alert, const std::vector<Destination>& destinations) {
  if (!alert.summary.firing) return "it is over: " + alert.resolved_reason;
  if (alert.hold.set()) return "nobody is paged for it: it is " + alert.held_by;
  if (destinations.empty()) return "nobody is paged for it: no route takes it";
  const Destination& first = destinations.front();
  if (!first.id.set()) return absl::StrFormat("route %s takes it; its group is being made", first.route.value());
  return absl::StrFormat("it is part of group G%d, which is %s", first.id.value(), first.verdict);
}

std::string Tell(Api& api, const AlertKey& key) {
  std::optional<AlertRecord> alert;
  api.engine.ReadShardAndWait(api.engine.ShardOf(key), [&](const Shard& shard) { alert = shard.Find(key); });
  if (!alert) {
    return absl::StrFormat(
        R"({"key":"%s","text":"it is not kept: it was over when it came, or is beyond its integration's budget"})",
        ToHex(key));
  }
  const std::vector<Destination> destinations = DestinationsOf(api, *alert);
  std::vector<std::string> routes;
  std::vector<std::string> groups;
  for (const Destination& one : destinations) {
    routes.push_back(JsonQuote(one.route.value()));
    groups.push_back(one.id.set() ? absl::StrFormat("\"G%d\"", one.id.value()) : "null");
  }
  return absl::StrFormat(
      R"({"key":"%s","firing":%s,"severity":"%s","rules_version":%d,"routes":[%s],"groups":[%s],"held_by":%s,"text":%s})",
      ToHex(key), alert->summary.firing ? "true" : "false", Name(alert->summary.severity), alert->rules.value(),
      absl::StrJoin(routes, ","), absl::StrJoin(groups, ","), JsonQuote(alert->held_by),
      JsonQuote(Sentence(*alert, destinations)));
}

}  // namespace

std::vector<std::string> ExplainTaken(Api& api, std::span<const AlertKey> keys) {
  std::vector<std::string> told;
  told.reserve(keys.size());
  for (const AlertKey& key : keys)
    told.push_back(Tell(api, key));
  return told;
}

}  // namespace tocsin
