// The notification command of Nagios and Icinga. Whatever happens to the server, the event is on this host's disk before
// anything else is tried; Nagios does not try again.
//
// What the server is sent (POST URL/v1/integrations/KEY; ingest/sources/nagios.cc reads it) is a JSON object of the
// macros that are not empty, by their Nagios names:
//
//   {"NOTIFICATIONTYPE":"PROBLEM", "HOSTNAME":"db-1", "HOSTADDRESS":"192.0.2.1", "SERVICEDESC":"Disk /var",
//    "SERVICESTATE":"CRITICAL", "SERVICEOUTPUT":"99% full", "LONGSERVICEOUTPUT":"...", "NOTIFICATIONAUTHOR":"...",
//    "NOTIFICATIONCOMMENT":"...", "TIMET":"1700000000", "SERVICENOTESURL":"...", "_SERVICETEAM":"db", ...}
//
// Macros in the environment (enable_environment_macros=1) are preferred: there Nagios strips nothing from outputs.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include <sys/types.h>
#include <unistd.h>

#include "base/status.h"
#include "base/strings.h"
#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/spool.h"
#include "net/http_client.h"

namespace tocsin {
namespace {

using Macros = std::map<std::string, std::string>;

constexpr std::size_t kValueBytes = 8 * 1024;  // of one macro; Icinga's may be 115 KB
constexpr std::size_t kCustomMacros = 32;
constexpr std::string_view kEnvironmentPrefix = "NAGIOS_";

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
    {"url",         0,   true,  "URL",        "the server's HTTP address (default: $TOCSIN_URL or http://127.0.0.1:8911)"    },
    {"key",         0,   true,  "KEY",        "the integration's key (default: $TOCSIN_INTEGRATION_KEY, then $CONTACTPAGER$)"},
    {"key-file",    0,   true,  "FILE",       "reads the key from a file; other users cannot see it in the process list"     },
    {"spool",       0,   true,  "DIR",        "where events wait (default /var/spool/tocsin)"                                },
    {"timeout",     0,   true,  "SPAN",       "how long to try before leaving the rest to the next call (default 5s)"        },
    {"type",        't', true,  "TYPE",       "$NOTIFICATIONTYPE$: PROBLEM, RECOVERY, ACKNOWLEDGEMENT, ..."                  },
    {"host",        'H', true,  "HOST",       "$HOSTNAME$"                                                                   },
    {"address",     'A', true,  "ADDRESS",    "$HOSTADDRESS$"                                                                },
    {"service",     's', true,  "SERVICE",    "$SERVICEDESC$; without it the event is about the host"                        },
    {"state",       'S', true,  "STATE",      "$SERVICESTATE$ or $HOSTSTATE$"                                                },
    {"output",      'o', true,  "TEXT",       "$SERVICEOUTPUT$ or $HOSTOUTPUT$"                                              },
    {"long-output", 'l', true,  "TEXT",       "$LONGSERVICEOUTPUT$ or $LONGHOSTOUTPUT$"                                      },
    {"author",      'a', true,  "NAME",       "$NOTIFICATIONAUTHOR$"                                                         },
    {"comment",     'c', true,  "TEXT",       "$NOTIFICATIONCOMMENT$"                                                        },
    {"notes-url",   'n', true,  "URL",        "$SERVICENOTESURL$ or $HOSTNOTESURL$"                                          },
    {"time",        'T', true,  "SECONDS",    "$TIMET$ (default: now)"                                                       },
    {"field",       'f', true,  "NAME=VALUE", "any other macro; may be repeated"                                             },
    {"drain",       0,   false, "",           "only sends what waits in the spool"                                           },
    {"follow",      0,   false, "",           "with --drain: goes on for ever"                                               },
};

std::string Environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? "" : value;
}

void Keep(Macros& macros, std::string_view name, std::string_view value) {
  if (!value.empty()) macros[std::string(name)] = TruncateUtf8(value, kValueBytes);
}

absl::Status TakeArguments(const Arguments& arguments, Macros& macros) {
  const bool about_service = !arguments.get("service").empty() || !macros["SERVICEDESC"].empty();
  for (const MacroOption& option : kMacroOptions) {
    Keep(macros, about_service ? option.service_macro : option.host_macro, arguments.get(option.option));
  }
  for (const std::string& field : arguments.all("field")) {
    const std::size_t equals = field.find('=');
    if (equals == 0 || equals == std::string::npos) return Invalid("--field needs NAME=VALUE: %s", field);
    Keep(macros, std::string_view(field).substr(0, equals), std::string_view(field).substr(equals + 1));
  }
  return absl::OkStatus();
}

// All macros of ours that Nagios has put there, and custom variables (NAGIOS__HOSTTEAM).
void TakeEnvironment(Macros& macros) {
  for (const std::string_view name : kMacros)
    Keep(macros, name, Environment(absl::StrCat(ToAbsl(kEnvironmentPrefix), ToAbsl(name))));
  std::size_t custom = 0;
  for (char** entry = environ; *entry != nullptr && custom < kCustomMacros; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    if (equals == std::string_view::npos) continue;
    if (!name.starts_with("NAGIOS__HOST") && !name.starts_with("NAGIOS__SERVICE")) continue;
    Keep(macros, name.substr(kEnvironmentPrefix.size()), text.substr(equals + 1));
    ++custom;
  }
}

absl::StatusOr<Macros> ReadMacros(const Arguments& arguments) {
  // Icinga's words for what Nagios calls otherwise.
  static constexpr std::pair<std::string_view, std::string_view> kSynonyms[] = {
      {"FLAPPINGEND",     "FLAPPINGSTOP"     },
      {"DOWNTIMEREMOVED", "DOWNTIMECANCELLED"},
  };
  Macros macros;
  Keep(macros, "SERVICEDESC", Environment("NAGIOS_SERVICEDESC"));
  TOCSIN_TRY(TakeArguments(arguments, macros));
  TakeEnvironment(macros);
  std::erase_if(macros, [](const auto& macro) { return macro.second.empty(); });
  if (!macros.contains("HOSTNAME")) return Invalid("no host: give -H $HOSTNAME$, or set enable_environment_macros=1");
  if (!macros.contains("NOTIFICATIONTYPE")) return Invalid("no type: give -t $NOTIFICATIONTYPE$");
  for (const auto& [icinga, nagios] : kSynonyms) {
    if (macros["NOTIFICATIONTYPE"] == icinga) macros["NOTIFICATIONTYPE"] = nagios;
  }
  // It may be sent much later.
  if (!macros.contains("TIMET")) macros["TIMET"] = absl::StrCat(absl::ToUnixSeconds(absl::Now()));
  return macros;
}

std::string ToJson(const Macros& macros) {
  std::string json = "{";
  for (const auto& [name, value] : macros) {
    absl::StrAppend(&json, json.size() > 1 ? "," : "", JsonQuote(name), ":", JsonQuote(value));
  }
  return json + "}";
}

absl::StatusOr<std::string> ReadKey(const Arguments& arguments) {
  std::string key = arguments.get("key");
  if (const std::string path = arguments.get("key-file"); key.empty() && !path.empty()) {
    std::ifstream file(path);
    if (!std::getline(file, key)) return Unavailable("read the key from %s: it cannot be read or is empty", path);
  }
  if (key.empty()) key = Environment("TOCSIN_INTEGRATION_KEY");
  if (key.empty()) key = Environment("NAGIOS_CONTACTPAGER");
  key = std::string(Trim(key));
  const bool plain = std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
  if (key.empty() || !plain) return Invalid("no integration key: give --key, --key-file or $TOCSIN_INTEGRATION_KEY");
  return key;
}

std::string ReadUrl(const Arguments& arguments) {
  std::string url = arguments.get("url", Environment("TOCSIN_URL"));
  if (url.empty()) url = "http://127.0.0.1:8911";
  while (url.ends_with('/'))
    url.pop_back();
  return url;
}

// Time as it passes, whatever the wall clock does.
class Patience {
 public:
  explicit Patience(absl::Duration patience)
      : ends_(std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(std::min(patience, absl::Hours(24)))) {}
  absl::Duration left() const { return absl::FromChrono(ends_ - std::chrono::steady_clock::now()); }

 private:
  std::chrono::steady_clock::time_point ends_;
};

SendResult Send(const SpooledEvent& event, absl::Duration patience) {
  constexpr int kPermanent[] = {400, 401, 403, 404, 405, 410, 413, 415, 422};
  HttpCall call;
  call.method = "POST";
  call.url = absl::StrCat(event.url, "/v1/integrations/", event.key);
  call.headers.push_back({"Content-Type", "application/json"});
  call.body = event.body;
  call.timeout = std::clamp(patience, absl::Milliseconds(100), absl::Seconds(10));
  call.connect_timeout = std::min(call.timeout, absl::Seconds(2));
  const absl::StatusOr<HttpResponse> response = Perform(call);
  if (!response.ok()) {
    // Its words begin with the URL, which ends in the key; Nagios logs what we print.
    std::string reason = Message(response.status());
    if (reason.starts_with(call.url)) reason.replace(0, call.url.size(), event.url);
    return {SendResult::Kind::kLater, reason};
  }
  if (response->status / 100 == 2) return {SendResult::Kind::kSent, ""};
  const bool permanent = std::ranges::find(kPermanent, response->status) != std::end(kPermanent);
  return {permanent ? SendResult::Kind::kRejected : SendResult::Kind::kLater,
          absl::StrCat("the server answered with status ", response->status, ": ",
                       GoQuote(TruncateUtf8(Trim(response->body), 200)))};
}

// One round of at most `patience`.
absl::StatusOr<Spool::Drained> DrainOnce(const Spool& spool, absl::Duration patience) {
  const Patience time(patience);
  return spool.Drain([&](const SpooledEvent& event) { return Send(event, time.left()); },
                     [&] { return time.left() > absl::ZeroDuration(); });
}

absl::Status ReportRejected(const Spool::Drained& drained) {
  if (drained.rejected.empty()) return absl::OkStatus();
  return Precondition("%d events will never be taken and lie in the spool's folder \"rejected\": %s",
                      drained.rejected.size(), drained.rejected.front());
}

absl::Status DrainForEver(const Spool& spool) {
  constexpr absl::Duration kPoll = absl::Seconds(1);
  constexpr absl::Duration kLongest = absl::Minutes(1);
  absl::Duration pause = kPoll;
  std::string said;
  while (true) {
    TOCSIN_ASSIGN(const Spool::Drained drained, DrainOnce(spool, absl::Minutes(1)));
    if (const absl::Status rejected = ReportRejected(drained); !rejected.ok()) {
      std::fprintf(stderr, "tocsin notify-nagios: %s\n", Message(rejected).c_str());
    }
    if (!drained.trouble.empty() && drained.trouble != said) {
      std::fprintf(stderr, "tocsin notify-nagios: %zu events wait: %s\n", drained.left, drained.trouble.c_str());
    }
    said = drained.trouble;
    pause = drained.trouble.empty() ? kPoll : std::min(pause * 2, kLongest);
    absl::SleepFor(pause);
  }
}

absl::Status DrainOnly(const Arguments& arguments, const Spool& spool) {
  if (arguments.has("follow")) return DrainForEver(spool);
  TOCSIN_ASSIGN(const Spool::Drained drained, DrainOnce(spool, absl::Hours(1)));
  std::printf("sent %zu, rejected %zu, waiting %zu\n", drained.sent, drained.rejected.size(), drained.left);
  TOCSIN_TRY(ReportRejected(drained));
  if (!drained.trouble.empty()) return Unavailable("%d events wait: %s", drained.left, drained.trouble);
  return absl::OkStatus();
}

absl::Status Notify(const Arguments& arguments) {
  absl::Duration patience = absl::Seconds(5);
  if (arguments.has("timeout")) {
    TOCSIN_ASSIGN(patience, ParseSpan(arguments.get("timeout")));
  }
  const absl::StatusOr<Spool> spool = Spool::Open(arguments.get("spool", "/var/spool/tocsin"));
  if (arguments.has("drain")) {
    TOCSIN_TRY(spool.status());
    return DrainOnly(arguments, *spool);
  }
  SpooledEvent event{.url = ReadUrl(arguments), .key = {}, .body = {}};
  TOCSIN_ASSIGN(event.key, ReadKey(arguments));
  TOCSIN_ASSIGN(const Macros macros, ReadMacros(arguments));
  event.body = ToJson(macros);

  const absl::Status spooled = spool.ok() ? spool->Put(event, absl::Now()) : spool.status();
  if (!spooled.ok()) {
    // No disk: all that is left is to send it now.
    const SendResult result = Send(event, patience);
    if (result.kind == SendResult::Kind::kSent) return absl::OkStatus();
    return Annotate(spooled, absl::StrCat("the event is lost: neither sent (", result.reason, ") nor spooled"));
  }
  const absl::StatusOr<Spool::Drained> drained = DrainOnce(*spool, patience);
  if (!drained.ok()) {
    std::fprintf(stderr, "tocsin notify-nagios: spooled, not sent: %s\n", Message(drained.status()).c_str());
    return absl::OkStatus();
  }
  if (!drained->trouble.empty()) {
    std::fprintf(stderr, "tocsin notify-nagios: spooled, %zu wait: %s\n", drained->left, drained->trouble.c_str());
  }
  return ReportRejected(*drained);
}

}  // namespace

int RunNotifyNagios(std::span<const std::string> arguments) {
  return WithArguments("notify-nagios", arguments, kOptions, Notify);
}

}  // namespace tocsin
