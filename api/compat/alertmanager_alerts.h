// GET /api/v2/alerts and GET /api/v2/alerts/groups: every alert that fires, as Alertmanager lists them.
//
// The shards are read a slice at a time between events; everything else happens on the caller's thread. What changes meanwhile is
// listed as it was when its slice was read. Blocks.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

#include "api/compat/alertmanager_rules.h"
#include "api/methods.h"
#include "model/matcher.h"

namespace tocsin::alertmanager {

// More are not put into one answer.
inline constexpr std::size_t kMostAlerts = 250'000;

struct AlertQuery {
  bool active = true;
  bool silenced = true;
  bool inhibited = true;
  bool muted = true;  // of groups
  CompiledMatchers filter;
  CompiledMatchers receiver;  // of a label set with the one label "receiver"

  bool Takes(std::string_view receiver_name) const;
};

// `query` is the request's. InvalidArgument in Alertmanager's words.
absl::StatusOr<AlertQuery> ReadAlertQuery(std::string_view query);

// The body of the answer. InvalidArgument: there are too many, which says what to do.
absl::StatusOr<std::string> ListAlerts(Api& api, const ClientRules& rules, const AlertQuery& query);
absl::StatusOr<std::string> ListAlertGroups(Api& api, const ClientRules& rules, const AlertQuery& query);

}  // namespace tocsin::alertmanager
