// The life of an incident as values: open -> acknowledged -> resolved, by whom and when, its title, and which later groups
// join it. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"

#include "base/clock.h"
#include "model/labels.h"
#include "model/organisation.h"
#include "model/response.h"

namespace tocsin {

// What an incident is opened about.
struct IncidentContext {
  std::span<const Label> labels;  // the group's
  std::string_view group;         // `G17`
  std::string_view service;
  std::string_view about;  // what the group is about in a word, for a group without a service
};

// `rule.title` with {{labels.NAME}}, {{group}} and {{service}} filled in; where there is no service, what the group is about
// stands for it. Unknown placeholders stay as they are. Without a
// title: the rule's name and the labels. Control characters become spaces; at most 512 bytes.
std::string IncidentTitle(const IncidentRule& rule, const IncidentContext& context);

// Groups with equal keys belong together: the values of join_by, or the service. Empty: nothing joins.
std::string JoinKey(const IncidentRule& rule, const IncidentContext& context);

// Both change nothing and say why in words when the present state does not permit it. Acknowledging twice is harmless.
absl::Status Acknowledge(Incident& incident, std::string_view actor, const Now& now);
absl::Status Resolve(Incident& incident, std::string_view actor, const Now& now);

// "is open", "was acknowledged by user:alice at 2024-01-01T00:00:00Z (generation 2)".
std::string Describe(const Incident& incident);

}  // namespace tocsin
