// The notification command of Nagios and what is like it (POST URL/v1/integrations/KEY; ingest/sources/nagios.cc reads it): the macros
// that are not empty, by their Nagios names:
//
//   {"NOTIFICATIONTYPE":"PROBLEM", "HOSTNAME":"db-1", "HOSTADDRESS":"192.0.2.1", "SERVICEDESC":"Disk /var",
//    "SERVICESTATE":"CRITICAL", "SERVICEOUTPUT":"99% full", "LONGSERVICEOUTPUT":"...", "NOTIFICATIONAUTHOR":"...",
//    "NOTIFICATIONCOMMENT":"...", "TIMET":"1700000000", "SERVICENOTESURL":"...", "_SERVICETEAM":"db", ...}
//
// Macros in the environment (enable_environment_macros=1) are preferred: there Nagios strips nothing from outputs.
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "base/status.h"
#include "base/strings.h"
#include "cli/commands.h"
#include "cli/notify.h"

namespace tocsin {
namespace {

constexpr std::size_t kCustomMacros = 32;
constexpr std::string_view kPrefix = "NAGIOS_";

constexpr std::string_view kMacros[] = {
    "HOSTACTIONURL",      "HOSTADDRESS",      "HOSTALIAS",         "HOSTGROUPNAMES",     "HOSTNAME",
    "HOSTNOTESURL",       "HOSTOUTPUT",       "HOSTPROBLEMID",     "HOSTSTATE",          "LASTSERVICEPROBLEMID",
    "LONGDATETIME",       "LONGHOSTOUTPUT",   "LONGSERVICEOUTPUT", "NOTIFICATIONAUTHOR", "NOTIFICATIONCOMMENT",
    "NOTIFICATIONNUMBER", "NOTIFICATIONTYPE", "SERVICEACTIONURL",  "SERVICEDESC",        "SERVICEGROUPNAMES",
    "SERVICENOTESURL",    "SERVICEOUTPUT",    "SERVICEPROBLEMID",  "SERVICESTATE",       "TIMET",
};

// An option and the macro it stands for: with a service, and for a host alone.
struct MacroOption {
  std::string_view option, service_macro, host_macro;
};
constexpr MacroOption kMacroOptions[] = {
    {"type",        "NOTIFICATIONTYPE",    "NOTIFICATIONTYPE"   },
    {"host",        "HOSTNAME",            "HOSTNAME"           },
    {"address",     "HOSTADDRESS",         "HOSTADDRESS"        },
    {"service",     "SERVICEDESC",         "SERVICEDESC"        },
    {"state",       "SERVICESTATE",        "HOSTSTATE"          },
    {"output",      "SERVICEOUTPUT",       "HOSTOUTPUT"         },
    {"long-output", "LONGSERVICEOUTPUT",   "LONGHOSTOUTPUT"     },
    {"author",      "NOTIFICATIONAUTHOR",  "NOTIFICATIONAUTHOR" },
    {"comment",     "NOTIFICATIONCOMMENT", "NOTIFICATIONCOMMENT"},
    {"notes-url",   "SERVICENOTESURL",     "HOSTNOTESURL"       },
    {"time",        "TIMET",               "TIMET"              },
};

constexpr OptionSpec kOptions[] = {
    {"type",        't', true, "TYPE",       "$NOTIFICATIONTYPE$: PROBLEM, RECOVERY, ACKNOWLEDGEMENT, ..."},
    {"host",        'H', true, "HOST",       "$HOSTNAME$"                                                 },
    {"address",     'A', true, "ADDRESS",    "$HOSTADDRESS$"                                              },
    {"service",     's', true, "SERVICE",    "$SERVICEDESC$; without it the event is about the host"      },
    {"state",       'S', true, "STATE",      "$SERVICESTATE$ or $HOSTSTATE$"                              },
    {"output",      'o', true, "TEXT",       "$SERVICEOUTPUT$ or $HOSTOUTPUT$"                            },
    {"long-output", 'l', true, "TEXT",       "$LONGSERVICEOUTPUT$ or $LONGHOSTOUTPUT$"                    },
    {"author",      'a', true, "NAME",       "$NOTIFICATIONAUTHOR$"                                       },
    {"comment",     'c', true, "TEXT",       "$NOTIFICATIONCOMMENT$"                                      },
    {"notes-url",   'n', true, "URL",        "$SERVICENOTESURL$ or $HOSTNOTESURL$"                        },
    {"time",        'T', true, "SECONDS",    "$TIMET$ (default: now)"                                     },
    {"field",       'f', true, "NAME=VALUE", "any other macro; may be repeated"                           },
};

absl::Status TakeArguments(const Arguments& arguments, VendorFields& macros) {
  const bool about_service = !arguments.get("service").empty() || macros.Has("SERVICEDESC");
  for (const MacroOption& option : kMacroOptions) {
    macros.Keep(about_service ? option.service_macro : option.host_macro, arguments.get(option.option));
  }
  for (const std::string& field : arguments.all("field")) {
    const std::size_t equals = field.find('=');
    if (equals == 0 || equals == std::string::npos) return Invalid("--field needs NAME=VALUE: %s", field);
    macros.Keep(std::string_view(field).substr(0, equals), std::string_view(field).substr(equals + 1));
  }
  return absl::OkStatus();
}

// All macros of ours that Nagios has put there, and custom variables (NAGIOS__HOSTTEAM).
void TakeEnvironment(VendorFields& macros) {
  for (const std::string_view name : kMacros)
    macros.Keep(name, EnvironmentValue(absl::StrCat(ToAbsl(kPrefix), ToAbsl(name))));
  std::size_t custom = 0;
  for (const auto& [name, value] : EnvironmentWith(kPrefix)) {
    if (!name.starts_with("_HOST") && !name.starts_with("_SERVICE")) continue;
    if (custom++ < kCustomMacros) macros.Keep(name, value);
  }
}

absl::StatusOr<std::string> ReadMacros(const Arguments& arguments) {
  // Icinga's words for what Nagios calls otherwise.
  static constexpr std::pair<std::string_view, std::string_view> kSynonyms[] = {
      {"FLAPPINGEND",     "FLAPPINGSTOP"     },
      {"DOWNTIMEREMOVED", "DOWNTIMECANCELLED"},
  };
  VendorFields macros;
  macros.Keep("SERVICEDESC", EnvironmentValue("NAGIOS_SERVICEDESC"));
  TOCSIN_TRY(TakeArguments(arguments, macros));
  TakeEnvironment(macros);
  if (!macros.Has("HOSTNAME")) return Invalid("no host: give -H $HOSTNAME$, or set enable_environment_macros=1");
  if (!macros.Has("NOTIFICATIONTYPE")) return Invalid("no type: give -t $NOTIFICATIONTYPE$");
  for (const auto& [icinga, nagios] : kSynonyms) {
    if (macros.Get("NOTIFICATIONTYPE") == icinga) macros.Keep("NOTIFICATIONTYPE", nagios);
  }
  // It may be sent much later.
  if (!macros.Has("TIMET")) macros.Keep("TIMET", absl::StrCat(absl::ToUnixSeconds(absl::Now())));
  return macros.ToJson();
}

}  // namespace

int RunNotifyNagios(std::span<const std::string> arguments) {
  return RunNotify({.name = "notify-nagios",
                    .own = kOptions,
                    .read = ReadMacros,
                    .key_variable = "NAGIOS_CONTACTPAGER",
                    .may_drain = true},
                   arguments);
}

}  // namespace tocsin
