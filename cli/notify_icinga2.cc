// Icinga 2's NotificationCommand (POST URL/v1/integrations/KEY; the source icinga2 reads it). Icinga gives what the command's definition
// names, as arguments or in the environment; we use the names of its own mail scripts:
//
//   {"NOTIFICATIONTYPE":"PROBLEM", "HOSTNAME":"app-11", "HOSTDISPLAYNAME":"app-11", "HOSTADDRESS":"192.0.2.111",
//    "SERVICEDESC":"http", "SERVICESTATE":"CRITICAL", "SERVICEOUTPUT":"503", "NOTIFICATIONAUTHORNAME":"...",
//    "NOTIFICATIONCOMMENT":"...", "ICINGAWEB2URL":"https://...", "TIMET":"1700000000", ...}
//
// The environment is preferred: an argument that begins with a dash, or is longer than 128 KiB, does not survive argv.
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "base/status.h"
#include "cli/commands.h"
#include "cli/notify.h"

namespace tocsin {
namespace {

constexpr std::string_view kVariables[] = {
    "HOSTACTIONURL",
    "HOSTADDRESS",
    "HOSTADDRESS6",
    "HOSTALIAS",
    "HOSTDISPLAYNAME",
    "HOSTGROUPNAMES",
    "HOSTNAME",
    "HOSTNOTESURL",
    "HOSTOUTPUT",
    "HOSTSTATE",
    "ICINGAWEB2URL",
    "LONGDATETIME",
    "NOTIFICATIONCOMMENT",
    "NOTIFICATIONTYPE",
    "NOTIFICATIONAUTHORNAME",
    "SERVICEACTIONURL",
    "SERVICEDISPLAYNAME",
    "SERVICEDESC",
    "SERVICENAME",
    "SERVICEGROUPNAMES",
    "SERVICENOTESURL",
    "SERVICEOUTPUT",
    "SERVICESTATE",
    "TIMET",
    "USEREMAIL",
};

// An option and the variable it stands for: with a service, and for a host alone.
struct VariableOption {
  std::string_view option, of_service, of_host;
};
constexpr VariableOption kVariableOptions[] = {
    {"type",            "NOTIFICATIONTYPE",       "NOTIFICATIONTYPE"      },
    {"host",            "HOSTNAME",               "HOSTNAME"              },
    {"host-display",    "HOSTDISPLAYNAME",        "HOSTDISPLAYNAME"       },
    {"address",         "HOSTADDRESS",            "HOSTADDRESS"           },
    {"address6",        "HOSTADDRESS6",           "HOSTADDRESS6"          },
    {"service",         "SERVICEDESC",            "SERVICEDESC"           },
    {"service-display", "SERVICEDISPLAYNAME",     "SERVICEDISPLAYNAME"    },
    {"state",           "SERVICESTATE",           "HOSTSTATE"             },
    {"output",          "SERVICEOUTPUT",          "HOSTOUTPUT"            },
    {"author",          "NOTIFICATIONAUTHORNAME", "NOTIFICATIONAUTHORNAME"},
    {"comment",         "NOTIFICATIONCOMMENT",    "NOTIFICATIONCOMMENT"   },
    {"notes-url",       "SERVICENOTESURL",        "HOSTNOTESURL"          },
    {"icingaweb",       "ICINGAWEB2URL",          "ICINGAWEB2URL"         },
    {"time",            "TIMET",                  "TIMET"                 },
};

constexpr OptionSpec kOptions[] = {
    {"type",            't', true, "TYPE",       "$notification.type$: PROBLEM, RECOVERY, ACKNOWLEDGEMENT, ..."             },
    {"host",            'H', true, "HOST",       "$host.name$"                                                              },
    {"host-display",    0,   true, "TEXT",       "$host.display_name$"                                                      },
    {"address",         'A', true, "ADDRESS",    "$address$"                                                                },
    {"address6",        0,   true, "ADDRESS",    "$address6$"                                                               },
    {"service",         's', true, "SERVICE",    "$service.name$; without it the event is about the host"                   },
    {"service-display", 0,   true, "TEXT",       "$service.display_name$"                                                   },
    {"state",           'S', true, "STATE",      "$service.state$ or $host.state$"                                          },
    {"output",          'o', true, "TEXT",       "$service.output$ or $host.output$"                                        },
    {"author",          'a', true, "NAME",       "$notification.author$"                                                    },
    {"comment",         'c', true, "TEXT",       "$notification.comment$"                                                   },
    {"notes-url",       'n', true, "URL",        "$service.notes_url$ or $host.notes_url$"                                  },
    {"icingaweb",       0,   true, "URL",        "Icinga Web's address, for links"                                          },
    {"time",            'T', true, "SECONDS",    "$icinga.timet$ (default: now)"                                            },
    {"field",           'f', true, "NAME=VALUE", "a custom variable, e.g. _SERVICETEAM=$service.vars.team$; may be repeated"},
};

absl::StatusOr<std::string> ReadNotification(const Arguments& arguments) {
  VendorFields fields;
  const bool about_service = !arguments.get("service").empty() || !EnvironmentValue("SERVICEDESC").empty() ||
                             !EnvironmentValue("SERVICENAME").empty();
  for (const VariableOption& option : kVariableOptions) {
    fields.Keep(about_service ? option.of_service : option.of_host, arguments.get(option.option));
  }
  for (const std::string& field : arguments.all("field")) {
    const std::size_t equals = field.find('=');
    if (equals == 0 || equals == std::string::npos) return Invalid("--field needs NAME=VALUE: %s", field);
    fields.Keep(std::string_view(field).substr(0, equals), std::string_view(field).substr(equals + 1));
  }
  // HOSTNAME is also what shells call this machine: the argument knows better.
  const std::string host = arguments.get("host");
  for (const std::string_view name : kVariables)
    fields.Keep(name, EnvironmentValue(std::string(name)));
  if (!host.empty()) fields.Keep("HOSTNAME", host);
  if (!fields.Has("SERVICEDESC")) fields.Keep("SERVICEDESC", fields.Get("SERVICENAME"));
  if (!fields.Has("HOSTNAME")) return Invalid("no host: give -H $host.name$, or HOSTNAME in `env`");
  if (!fields.Has("NOTIFICATIONTYPE")) return Invalid("no type: give -t $notification.type$");
  // It may be sent much later.
  if (!fields.Has("TIMET")) fields.Keep("TIMET", absl::StrCat(absl::ToUnixSeconds(absl::Now())));
  return fields.ToJson();
}

}  // namespace

int RunNotifyIcinga2(std::span<const std::string> arguments) {
  return RunNotify({.name = "notify-icinga2", .own = kOptions, .read = ReadNotification, .key_variable = "USERPAGER"},
                   arguments);
}

}  // namespace tocsin
