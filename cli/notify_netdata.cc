// Netdata's alarms (POST URL/v1/integrations/KEY; the source netdata reads it): the arguments that Netdata gives to alarm-notify.sh, in
// its order. Up to about 1.37 the chart's family is the ninth; later it is not there. From custom_sender() of
// health_alarm_notify.conf (deploy/netdata), or as `script to execute on alarm` itself.
//
// What is sent are the agent's names, and beside them Netdata Cloud's for the same things, so that an alarm is read alike whichever
// way it comes:
//
//   {"host":"nd1", "name":"disk_space", "alert":"disk_space", "chart":"disk.var", "family":"var", "status":"CRITICAL",
//    "severity":"critical", "old_status":"CLEAR", "value":"95", "units":"%", "info":"...", "when":"1795289900", ...}
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "base/status.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/notify.h"

namespace tocsin {
namespace {

constexpr std::string_view kStatuses[] = {"REMOVED", "UNINITIALIZED", "UNDEFINED", "CLEAR", "WARNING", "CRITICAL"};

// As Opsgenie's part of alarm-notify.sh calls them.
constexpr std::string_view kNames[] = {
    "roles",
    "host",
    "unique_id",
    "alarmId",
    "eventId",
    "when",
    "name",
    "chart",
    "status",
    "old_status",
    "value",
    "old_value",
    "src",
    "duration",
    "non_clear_duration",
    "units",
    "info",
    "value_string",
    "old_value_string",
    "calc_expression",
    "calc_param_values",
    "total_warnings",
    "total_critical",
    "total_warn_alarms",
    "total_crit_alarms",
    "classification",
    "edit_command_line",
    "machine_guid",
    "transition_id",
    "summary",
    "context",
    "component",
    "type",
};
constexpr std::size_t kFamilyAt = 8;  // where old versions have the family
constexpr std::size_t kFewest = 12;   // up to the old value
constexpr std::string_view kUnused[] = {"edit_command_line", "transition_id", "type"};

bool IsStatus(std::string_view text) {
  return std::ranges::find(kStatuses, text) != std::end(kStatuses);
}

// Two statuses stand side by side: where they begin tells the versions apart. A family may be called WARNING; a value is not.
std::optional<bool> HasFamily(const std::vector<std::string>& vector) {
  const auto pair_at = [&](std::size_t i) {
    return i + 1 < vector.size() && IsStatus(vector[i]) && IsStatus(vector[i + 1]);
  };
  if (pair_at(kFamilyAt + 1)) return true;
  if (pair_at(kFamilyAt)) return false;
  return std::nullopt;
}

absl::StatusOr<std::string> ReadAlarm(const Arguments& arguments) {
  std::vector<std::string> vector = arguments.positional();
  const std::optional<bool> has_family = HasFamily(vector);
  if (vector.size() < kFewest || !has_family) {
    return Invalid(
        "%d arguments are not what Netdata gives to alarm-notify.sh: roles host unique_id alarm_id event_id when name "
        "chart [family] status old_status value old_value ...; deploy/netdata shows the call",
        vector.size());
  }
  VendorFields fields;
  if (*has_family) {
    fields.Keep("family", vector[kFamilyAt]);
    vector.erase(vector.begin() + kFamilyAt);
  }
  for (std::size_t i = 0; i < std::min(vector.size(), std::size(kNames)); ++i) {
    if (std::ranges::find(kUnused, kNames[i]) == std::end(kUnused)) fields.Keep(kNames[i], vector[i]);
  }
  for (const char* name : {"host", "name", "chart"}) {
    if (!fields.Has(name)) return Invalid("%s: empty", name);
  }
  const std::string status = fields.Get("status");
  // Netdata itself tells nobody of the others: an alarm that is being set up or taken away.
  if (status != "CLEAR" && status != "WARNING" && status != "CRITICAL") return "";
  fields.Keep("alert", fields.Get("name"));
  fields.Keep("severity", ToLower(status));
  fields.Keep("message", absl::StrCat(fields.Get("name"), " on ", fields.Get("host"), " is ", ToLower(status)));
  std::int64_t when = 0;
  if (absl::SimpleAtoi(fields.Get("when"), &when)) {
    fields.Keep("date", absl::FormatTime(absl::RFC3339_sec, absl::FromUnixSeconds(when), absl::UTCTimeZone()));
  }
  return fields.ToJson();
}

}  // namespace

int RunNotifyNetdata(std::span<const std::string> arguments) {
  return RunNotify({.name = "notify-netdata", .own = {}, .read = ReadAlarm}, arguments);
}

}  // namespace tocsin
