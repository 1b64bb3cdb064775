// Checkmk's notification script (POST URL/v1/integrations/KEY; the source checkmk reads it). Checkmk hands everything over in the
// environment; we pass on what says something about the problem, by its own names:
//
//   {"NOTIFY_WHAT":"SERVICE", "NOTIFY_NOTIFICATIONTYPE":"PROBLEM", "NOTIFY_OMD_SITE":"prod", "NOTIFY_HOSTNAME":"mysrv01",
//    "NOTIFY_SERVICEDESC":"Filesystem /", "NOTIFY_SERVICESTATE":"WARNING", "NOTIFY_SERVICEOUTPUT":"82%", ...}
//
// Parameters of rules (NOTIFY_PARAMETER_*) and contacts' variables stay here: they hold secrets. Checkmk takes exit code 1 for "try
// again" and 2 for "never": what could be neither sent nor spooled is tried again.
#include <algorithm>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/notify.h"

namespace tocsin {
namespace {

constexpr std::string_view kPrefix = "NOTIFY_";
constexpr std::size_t kMostLabels = 64;

constexpr std::string_view kVariables[] = {
    "CONTACTNAME",
    "DATE",
    "HOSTADDRESS",
    "HOSTALIAS",
    "HOSTGROUPNAMES",
    "HOSTNAME",
    "HOSTNOTESURL",
    "HOSTOUTPUT",
    "HOSTPROBLEMID",
    "HOSTSHORTSTATE",
    "HOSTSTATE",
    "HOSTURL",
    "HOST_SL",
    "LASTHOSTPROBLEMID",
    "LASTHOSTSTATE",
    "LASTSERVICEPROBLEMID",
    "LASTSERVICESTATE",
    "LONGDATETIME",
    "LONGHOSTOUTPUT",
    "LONGSERVICEOUTPUT",
    "MICROTIME",
    "MONITORING_HOST",
    "NOTIFICATIONAUTHOR",
    "NOTIFICATIONCOMMENT",
    "NOTIFICATIONNUMBER",
    "NOTIFICATIONTYPE",
    "OMD_SITE",
    "PREVIOUSHOSTHARDSTATE",
    "PREVIOUSSERVICEHARDSTATE",
    "SERVICEDESC",
    "SERVICEGROUPNAMES",
    "SERVICENOTESURL",
    "SERVICEOUTPUT",
    "SERVICEPROBLEMID",
    "SERVICESHORTSTATE",
    "SERVICESTATE",
    "SERVICEURL",
    "SHORTDATETIME",
    "SVC_SL",
    "WHAT",
};
// What people route by: NOTIFY_HOSTLABEL_cmk/os_family=linux, NOTIFY_HOSTTAG_criticality=prod.
constexpr std::string_view kFamilies[] = {"HOSTLABEL_", "SERVICELABEL_", "HOSTTAG_", "SERVICETAG_"};

// In notifications about hosts Checkmk leaves `$SERVICEDESC$` as it is.
bool IsUnfilled(std::string_view value) {
  return value.size() > 2 && value.front() == '$' && value.back() == '$';
}

absl::StatusOr<std::string> ReadNotification(const Arguments&) {
  VendorFields fields;
  std::size_t labels = 0;
  for (const auto& [name, value] : EnvironmentWith(kPrefix)) {
    const bool known = std::ranges::find(kVariables, name) != std::end(kVariables);
    const bool label = std::ranges::any_of(
        kFamilies, [&name = name](std::string_view family) { return std::string_view(name).starts_with(family); });
    if (!known && !(label && ++labels <= kMostLabels)) continue;
    if (!IsUnfilled(value)) fields.Keep(absl::StrCat(ToAbsl(kPrefix), name), value);
  }
  if (!fields.Has("NOTIFY_HOSTNAME") || !fields.Has("NOTIFY_NOTIFICATIONTYPE")) {
    return Invalid(
        "NOTIFY_HOSTNAME and NOTIFY_NOTIFICATIONTYPE are not in the environment: Checkmk runs this command as a "
        "notification script, see deploy/checkmk");
  }
  return fields.ToJson();
}

}  // namespace

int RunNotifyCheckmk(std::span<const std::string> arguments) {
  return RunNotify(
      {.name = "notify-checkmk", .own = {}, .read = ReadNotification, .key_variable = "NOTIFY_PARAMETER_1"}, arguments);
}

}  // namespace tocsin
