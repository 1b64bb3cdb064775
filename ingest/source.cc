#include "ingest/source.h"

#include <algorithm>

namespace tocsin {
namespace {

constexpr Source kSources[] = {
    {"alertmanager", ParseAlertmanager,
     R"({"version":"4","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"DiskFull"}}]})"                         },
    {"datadog",      ParseDatadog,
     R"({"alert_id":"$ALERT_ID","alert_transition":"$ALERT_TRANSITION","alert_scope":"$ALERT_SCOPE","title":"$EVENT_TITLE"})"        },
    {"generic",      ParseGeneric,
     R"({"status":"firing","dedup_key":"db1/disk","title":"disk full on db1","severity":"critical"})"                                },
    {"grafana",      ParseGrafana,
     R"({"version":"1","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"DiskFull"},"fingerprint":"57c6d929"}]})"},
    {"nagios",       ParseNagios,
     R"({"NOTIFICATIONTYPE":"PROBLEM","HOSTNAME":"db1","SERVICEDESC":"disk","SERVICESTATE":"CRITICAL"})"                             },
    {"prometheus",   ParsePrometheus,   R"([{"labels":{"alertname":"DiskFull","instance":"db1"}}])"                                  },
};

}  // namespace

std::span<const Source> SourceTable() {
  return kSources;
}

const Source* FindSource(std::string_view name) {
  const auto* found = std::ranges::find(kSources, name, &Source::name);
  return found == std::end(kSources) ? nullptr : found;
}

}  // namespace tocsin
