// The body of Alertmanager's webhook, version 4 (specs: wire-compat 1.13), so that whatever reads Alertmanager's reads ours;
// and what such a body says was told, which is our notification log. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/receiver_log.h"
#include "model/organisation.h"
#include "model/response.h"

namespace tocsin {

// A message that lists more would be read by nobody; and a body is a row in the journal. What does not fit is counted in
// truncatedAlerts.
inline constexpr std::size_t kMembersTold = 1000;
inline constexpr std::size_t kAlertmanagerBodyBytes = 256 * 1024;

// Alerts in Alertmanager's order: by job, by instance, then by labels; at most kMembersTold.
void SortMembers(std::vector<AlertSummary>& alerts);

// `alerts`: in order, at least one; of those that do not fire `fired_at` says when they ended.
std::string AlertmanagerBody(const Organisation& organisation,
                             const Group& group,
                             std::span<const AlertSummary> alerts);

// {}/{team="db"}:{alertname="DiskFull", cluster="c1"}: the route's way from the root, and the group's labels.
std::string AlertmanagerGroupKey(const Organisation& organisation, const Group& group);

// Of alerts as they stand now, and of those that a body of AlertmanagerBody names; nullopt: it is none.
Standing StandingOf(std::span<const AlertSummary> alerts);
std::optional<Standing> StandingIn(std::string_view body);

}  // namespace tocsin
