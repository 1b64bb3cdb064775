// PagerDuty's services: which alerts go to which policy, how loudly, and when not at all.
#include <algorithm>

#include "absl/strings/str_format.h"

#include "base/strings.h"
#include "config/text.h"
#include "import/intervals.h"
#include "import/keys.h"
#include "import/layers.h"
#include "import/pagerduty.h"

namespace tocsin::import {
namespace {

// What a rule of urgency says: high, low, or nothing, which is by the alert's severity.
std::optional<Urgency> UrgencyOf(const Item& rule) {
  const std::string urgency = rule.Text("urgency");
  if (urgency == "low") return Urgency::kLow;
  if (urgency == "severity_based") return std::nullopt;
  return Urgency::kHigh;
}

std::vector<Restriction> HoursOfDays(const Item& hours) {
  std::vector<Restriction> windows;
  if (!hours.present()) return windows;
  const std::int32_t start = hours.TimeOfDay("start_time").value_or(0) % 1440;
  const std::int32_t end = hours.TimeOfDay("end_time").value_or(0);
  for (const Item& day : hours.Items("days_of_week")) {
    const absl::StatusOr<std::int32_t> named = ParseWeekday(day.Text());
    Restriction window;
    window.type = Restriction::Type::kWeekly;
    const std::string text = day.Text();
    const bool number = text.size() == 1 && text[0] >= '1' && text[0] <= '7';
    if (!number && !named.ok()) {
      day.Problem("is no day of the week, 1 (Monday) to 7");
      continue;
    }
    window.start_day_of_week = number ? text[0] - '0' : *named;
    window.start_minute = start;
    window.duration_minutes = (end - start + 1440 - 1) % 1440 + 1;
    windows.push_back(window);
  }
  return windows;
}

// Inside and outside of the support hours: the route says what holds where the hours do not say otherwise, and outside of
// them it is at most what they say.
void ReadSupportHours(const Item& item, Service& service, Route& route, Draft& draft) {
  const Item rule = item["incident_urgency_rule"];
  const Item hours = item["support_hours"];
  const std::optional<Urgency> during = UrgencyOf(rule["during_support_hours"]);
  const std::optional<Urgency> outside = UrgencyOf(rule["outside_support_hours"]);
  const std::vector<Restriction> windows = HoursOfDays(hours);
  if (windows.empty()) {
    item.Lose(Grade::kHow, "the urgency goes by support hours, which are not in the export",
              "it is that of the support hours at all times; export the service by itself");
    route.urgency = during;
    return;
  }
  const auto interval = HoursOf(hours, service.name + " support hours", windows, draft.Zone(hours, "time_zone"), draft);
  if (!interval) return;
  service.support_hours.time_intervals = {*interval};
  service.support_hours.during = during;
  service.support_hours.outside = outside.value_or(Urgency::kHigh);
  route.urgency = outside;
  if (outside == Urgency::kHigh && !during) {
    route.urgency = std::nullopt;
    item.Lose(Grade::kHow, "by severity in its support hours, and high outside of them", "by severity at all times");
  }
  const bool raises = std::ranges::any_of(item.Items("scheduled_actions"), [](const Item& action) {
    return action.Text("type") == "urgency_change" && action.Text("to_urgency") == "high";
  });
  if (!raises && outside == Urgency::kLow && during != Urgency::kLow) {
    item.Lose(Grade::kHow, "what began outside of its support hours stays at low urgency when they begin",
              "what is still open then is raised");
  }
}

void ReadUrgency(const Item& item, Service& service, Route& route, Draft& draft) {
  const Item rule = item["incident_urgency_rule"];
  if (rule["during_support_hours"].present()) {
    ReadSupportHours(item, service, route, draft);
  } else {
    route.urgency = UrgencyOf(rule);
  }
}

// Without grouping each alert opens an incident of its own.
void ReadGrouping(const Item& item, Route& route) {
  const Item parameters = item["alert_grouping_parameters"];
  const std::string type = parameters.present() ? parameters.Text("type") : item.Text("alert_grouping");
  if (type.empty()) return;
  route.group_by_all = false;
  route.group_by = {"service"};
  item.Lose(Grade::kHow, absl::StrFormat("its alerts are grouped (%s)", TruncateUtf8(type, 60)),
            "all that fire at a time are one group: say group_by in its route by which labels they are");
}

void ReadServiceTimes(const Item& item, Route& route) {
  const std::int64_t acknowledged = item.Number("acknowledgement_timeout", 0, 100'000'000, 0);
  route.acknowledgement.timeout = std::min(absl::Seconds(acknowledged), absl::Hours(24 * 7));
  const std::int64_t resolved = item.Number("auto_resolve_timeout", 0, 100'000'000, 0);
  route.auto_close = std::min(absl::Seconds(resolved), absl::Hours(24 * 365));
  if (resolved > 0) {
    item.Lose(Grade::kHow, absl::StrFormat("incidents are resolved %s after they were opened", Span(resolved)),
              "they are closed when no alert has renewed them for so long");
  }
}

// Whatever product an integration is named after, its sender speaks PagerDuty's Events API with its key.
void ReadIntegrations(const Item& item, const ServiceId& service, Draft& draft) {
  for (const Item& integration : item.Items("integrations")) {
    const std::string name = item.Text("name") + "-" + integration.FirstText({"name", "summary"});
    PutKey(integration, name, integration.Text("integration_key"), "pagerduty", service, draft);
  }
}

}  // namespace

void ReadService(const Item& item, Draft& draft) {
  item.Expect("services", {"status", "escalation_policy", "teams", "integrations", "addons", "created_at",
                           "acknowledgement_timeout", "auto_resolve_timeout", "incident_urgency_rule", "support_hours",
                           "scheduled_actions", "alert_creation", "alert_grouping", "alert_grouping_timeout",
                           "alert_grouping_parameters", "last_incident_timestamp", "response_play",
                           "auto_pause_notifications_parameters"});
  const ServiceId id(draft.services.Known(item.Text("id"), item.FirstText({"name", "summary"})));
  const std::vector<Matcher> matchers = {
      {"service", MatchOp::kEqual, id.value()}
  };
  Service service;
  service.id = id;
  service.name = Line(item.FirstText({"name", "summary"}), id.value());
  service.team = OwnerOf(item, draft);
  service.matchers = matchers;
  ReadIntegrations(item, id, draft);
  if (item["auto_pause_notifications_parameters"].Flag("enabled")) {
    item.Lose(Grade::kHow, "alerts that come and go are not told for a while",
              "they are: say flapping or group_wait in its route");
  }
  const std::string* policy = draft.policies.Find(item["escalation_policy"].Text("id"));
  if (policy == nullptr) {
    item.Lose(Grade::kWho, "its escalation policy, which is not in the export", "its alerts go where all others go");
    draft.organisation().services.push_back(std::move(service));
    return;
  }
  Route& route = draft.AddRoute(id, matchers, PolicyId(*policy));
  ReadUrgency(item, service, route, draft);
  ReadServiceTimes(item, route);
  ReadGrouping(item, route);
  // A disabled service opens no incidents; one here tells nobody of them.
  if (item.Text("status") == "disabled") {
    if (const auto always = Always(item, draft)) route.mute_time_intervals = {*always};
    item.Lose(Grade::kCosmetic, "it is disabled: nothing becomes of its alerts",
              "they are listed and muted: take the interval away from its route to enable it");
  }
  draft.organisation().services.push_back(std::move(service));
}

void ReadMaintenance(const Item& item, Draft& draft) {
  item.Expect("maintenance windows",
              {"start_time", "end_time", "services", "teams", "created_by", "sequence_number", "actions_sets"});
  const auto stretch = StretchOf(item, "start_time", "end_time");
  if (!stretch || stretch->end <= draft.options().now) return;  // it is over
  for (const Item& reference : item.Items("services")) {
    const std::string* service = draft.services.Find(reference.Text("id"));
    if (service == nullptr) {
      reference.Lose(Grade::kWho, "the maintenance of a service that is not in the export", "left out");
      continue;
    }
    MaintenanceWindow window;
    window.id = MaintenanceId(draft.maintenance.Claim(*service + "-" + item.Text("id")));
    window.service = ServiceId(*service);
    window.starts_at = stretch->start;
    window.ends_at = stretch->end;
    window.comment = Line(item.FirstText({"description", "summary"}), "imported from PagerDuty");
    draft.organisation().maintenance.push_back(std::move(window));
  }
}

}  // namespace tocsin::import
