#include "cli/completion.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <vector>

#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"
#include "import/import.h"

namespace tocsin {
namespace {

using Words = std::vector<std::string>;

constexpr absl::Duration kPatience = absl::Seconds(2);  // longer, and people think that the shell hangs

constexpr std::string_view kBash = R"(# source <(tocsin completion bash)
_tocsin() {
  local IFS=$'\n'
  COMPREPLY=($(tocsin __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _tocsin tocsin
)";
constexpr std::string_view kZsh = R"(#compdef tocsin
# source <(tocsin completion zsh), after compinit
_tocsin() {
  local -a candidates
  candidates=("${(@f)$(tocsin __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "${candidates[*]}" ]]; then compadd -a candidates; else _files; fi
}
compdef _tocsin tocsin
)";
constexpr std::string_view kFish = R"(# tocsin completion fish > ~/.config/fish/completions/tocsin.fish
complete -c tocsin -a '(tocsin __complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
)";

// What stands where a word stands.
enum class Kind : std::uint8_t {
  kNothing,
  kGroup,
  kGroupOrIncident,
  kSubject,  // of explain
  kIncident,
  kSilence,
  kWindow,
  kUser,
  kTeam,
  kSchedule,
  kPolicy,
  kService,
  kShell,
  kCommand,
  kTimelineKind,
  kImportSource,
  kIntegration,
};

struct Place {
  std::string_view word;  // a command, or an option without dashes
  Kind kind;
};
constexpr Place kArguments[] = {
    {"ack",        Kind::kGroupOrIncident},
    {"resolve",    Kind::kGroupOrIncident},
    {"note",       Kind::kGroupOrIncident},
    {"events",     Kind::kGroupOrIncident},
    {"explain",    Kind::kSubject        },
    {"groups",     Kind::kGroup          },
    {"snooze",     Kind::kGroup          },
    {"unack",      Kind::kGroup          },
    {"merge",      Kind::kGroup          },
    {"split",      Kind::kGroup          },
    {"reroute",    Kind::kGroup          },
    {"reassign",   Kind::kGroup          },
    {"ask",        Kind::kGroupOrIncident},
    {"escalate",   Kind::kGroup          },
    {"oncall",     Kind::kSchedule       },
    {"contacts",   Kind::kUser           },
    {"completion", Kind::kShell          },
    {"import",     Kind::kImportSource   },
    {"help",       Kind::kCommand        },
};
constexpr Place kOptions[] = {
    {"group",   Kind::kGroup       },
    {"into",    Kind::kGroup       },
    {"user",    Kind::kUser        },
    {"whose",   Kind::kUser        },
    {"assign",  Kind::kUser        },
    {"add",     Kind::kUser        },
    {"remove",  Kind::kUser        },
    {"of",      Kind::kUser        },
    {"test",    Kind::kUser        },
    {"why-not", Kind::kUser        },
    {"team",    Kind::kTeam        },
    {"service", Kind::kService     },
    {"policy",  Kind::kPolicy      },
    {"kind",    Kind::kTimelineKind},
};

struct Verbs {
  std::string_view command;
  std::string_view verbs;
  std::string_view verb;  // after which something else comes ...
  Kind then;              // ... namely this
};
constexpr Verbs kVerbs[] = {
    {"silence",      "add preview list expire",                                                "expire",   Kind::kSilence    },
    {"maintenance",  "add list end",                                                           "end",      Kind::kWindow     },
    {"changes",      "list record",                                                            "",         Kind::kNothing    },
    {"heartbeats",   "list show ping",                                                         "",         Kind::kNothing    },
    {"incident",     "list show open",                                                         "show",     Kind::kIncident   },
    {"policy",       "simulate",                                                               "simulate", Kind::kPolicy     },
    {"integrations", "list show sources",                                                      "show",     Kind::kIntegration},
    {"user",         "invite accept password lock unlock list",                                "invite",   Kind::kUser       },
    {"archive",      "list prune",                                                             "",         Kind::kNothing    },
    {"token",        "create list revoke show",                                                "",         Kind::kNothing    },
    {"schedule",     "show gaps fairness next diff link from-ical override swap take history", "show",     Kind::kSchedule   },
};
struct Fixed {
  std::string_view option;
  std::string_view values;
};
constexpr Fixed kFixed[] = {
    {"output",         "table json"                                },
    {"color",          "auto always never"                         },
    {"state",          "active firing suppressed resolved any"     },
    {"severity",       "critical high warning low info"            },
    {"role",           "viewer responder manager admin integration"},
    {"schedules-from", "now next-handoff full-rotation"            },
};

Words Split(std::string_view text) {
  Words words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

Words CommandNames() {
  Words names = {"serve", "gateway", "help", "version"};
  for (const CommandSpec& command : Commands())
    names.emplace_back(command.name);
  return names;
}

// Asking the server; nothing when it does not answer.
class Server {
 public:
  explicit Server(const Client& client) : client_(client) {}

  Words Groups() const {
    v1::ListGroupsRequest request;
    request.set_page_size(1000);
    Words words;
    if (const auto response = client_.Call<v1::GroupService>(&v1::GroupService::Stub::ListGroups, request);
        response.ok()) {
      for (const v1::Group& group : response->groups())
        words.push_back(absl::StrCat("G", group.id()));
    }
    return words;
  }
  Words Incidents() const {
    Words words;
    const auto response =
        client_.Call<v1::IncidentService>(&v1::IncidentService::Stub::ListIncidents, v1::ListIncidentsRequest());
    if (!response.ok()) return words;
    for (const v1::Incident& incident : response->incidents())
      words.push_back(absl::StrCat("I", incident.id()));
    return words;
  }
  Words Silences() const {
    Words words;
    const auto response =
        client_.Call<v1::SilenceService>(&v1::SilenceService::Stub::ListSilences, v1::ListSilencesRequest());
    if (!response.ok()) return words;
    for (const v1::Silence& silence : response->silences())
      words.push_back(absl::StrCat("S", silence.id()));
    return words;
  }
  Words Windows() const {
    Words words;
    const auto response = client_.Call<v1::MaintenanceService>(&v1::MaintenanceService::Stub::ListMaintenance,
                                                               v1::ListMaintenanceRequest());
    if (!response.ok()) return words;
    for (const v1::Silence& window : response->windows())
      words.push_back(absl::StrCat("M", window.id()));
    return words;
  }
  v1::ListNamesResponse Names() const {
    const auto response =
        client_.Call<v1::OrganisationService>(&v1::OrganisationService::Stub::ListNames, v1::ListNamesRequest());
    return response.ok() ? *response : v1::ListNamesResponse();
  }

 private:
  const Client& client_;
};

Words Join(Words a, const Words& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Words ToWords(const google::protobuf::RepeatedPtrField<std::string>& names) {
  return {names.begin(), names.end()};
}

Words TimelineKinds() {
  Words words;
  for (int i = 1; i <= v1::TimelineEntry::Kind_MAX; ++i) {
    if (v1::TimelineEntry::Kind_IsValid(i)) {
      words.push_back(EnumWord(v1::TimelineEntry::Kind_Name(static_cast<v1::TimelineEntry::Kind>(i)), "KIND_"));
    }
  }
  return words;
}

Words ImportSources() {
  Words words;
  for (const import::Source& source : import::Sources())
    words.emplace_back(source.name);
  return words;
}

Words Ask(const Server& server, Kind kind) {
  switch (kind) {
    case Kind::kNothing:
    case Kind::kShell:
    case Kind::kCommand:
    case Kind::kImportSource:
    case Kind::kTimelineKind: return {};
    case Kind::kGroup: return server.Groups();
    case Kind::kGroupOrIncident: return Join(server.Groups(), server.Incidents());
    case Kind::kSubject: return Join(Join(server.Groups(), server.Incidents()), {"user"});
    case Kind::kIncident: return server.Incidents();
    case Kind::kSilence: return server.Silences();
    case Kind::kWindow: return server.Windows();
    case Kind::kUser: return ToWords(server.Names().users());
    case Kind::kTeam: return ToWords(server.Names().teams());
    case Kind::kSchedule: return ToWords(server.Names().schedules());
    case Kind::kPolicy: return ToWords(server.Names().policies());
    case Kind::kService: return ToWords(server.Names().services());
    case Kind::kIntegration: return ToWords(server.Names().integrations());
  }
  return {};
}

Words Candidates(Kind kind) {
  if (kind == Kind::kShell) return {"bash", "zsh", "fish"};
  if (kind == Kind::kCommand) return CommandNames();
  if (kind == Kind::kTimelineKind) return TimelineKinds();
  if (kind == Kind::kImportSource) return ImportSources();
  const absl::StatusOr<Arguments> none = Arguments::Parse({}, {});
  absl::StatusOr<Client> client = Client::Make(*none);
  if (!client.ok() || kind == Kind::kNothing) return {};
  client->set_patience(kPatience);
  return Ask(Server(*client), kind);
}

// After an option that takes a value; `known` says whether it was one of ours.
Words AfterOption(std::string_view option, bool& known) {
  known = true;
  const std::string_view name = option == "-o" ? "output" : option.substr(std::min<std::size_t>(2, option.size()));
  const auto* const fixed = std::ranges::find(kFixed, name, &Fixed::option);
  if (fixed != std::end(kFixed)) return Split(fixed->values);
  const auto* const place = std::ranges::find(kOptions, name, &Place::word);
  if (place != std::end(kOptions)) return Candidates(place->kind);
  known = false;
  return {};
}

// What follows `schedule VERB`.
Words OfSchedule(std::string_view verb) {
  if (verb == "swap") return Split("request list offer take accept withdraw");
  return Join(Candidates(Kind::kSchedule), verb == "override" ? Split("list end") : Words());
}

Words Positional(std::span<const std::string> words) {
  const std::string& command = words.front();
  const auto* const verbs = std::ranges::find(kVerbs, command, &Verbs::command);
  if (verbs != std::end(kVerbs)) {
    if (words.size() == 2) return Split(verbs->verbs);
    if (command == "schedule" && words.size() == 3) return OfSchedule(words[1]);
    return words[1] == verbs->verb ? Candidates(verbs->then) : Words();
  }
  if (command == "explain" && words.size() == 3 && words[1] == "user") return Candidates(Kind::kUser);
  if (command == "import" && words.size() > 2) return {};  // files, which the shell knows
  const auto* const place = std::ranges::find(kArguments, command, &Place::word);
  return place == std::end(kArguments) ? Words() : Candidates(place->kind);
}

}  // namespace

int RunComplete(std::span<const std::string> words) {
  if (words.empty()) return 0;
  const std::string& prefix = words.back();
  Words candidates;
  if (words.size() == 1) {
    candidates = CommandNames();
  } else if (prefix.starts_with("-")) {
    const auto commands = Commands();
    const auto command = std::ranges::find(commands, words.front(), &CommandSpec::name);
    const std::string list[] = {std::string(kListOptions), prefix};
    if (command == commands.end()) return 0;
    return command->run(std::span<const std::string>(list));
  } else {
    bool known = false;
    if (words.size() > 2 && words[words.size() - 2].starts_with("-"))
      candidates = AfterOption(words[words.size() - 2], known);
    if (!known) candidates = Positional(words);
  }
  for (const std::string& candidate : candidates) {
    if (candidate.starts_with(prefix)) std::printf("%s\n", Printable(candidate).c_str());
  }
  return 0;
}

int RunCompletion(std::span<const std::string> arguments) {
  return WithArguments("completion", arguments, {}, [](const Arguments& parsed) -> absl::Status {
    const std::string shell = parsed.positional().size() == 1 ? parsed.positional()[0] : "";
    const std::string_view script = shell == "bash" ? kBash : shell == "zsh" ? kZsh : shell == "fish" ? kFish : "";
    if (script.empty()) return Invalid("for which shell? bash, zsh or fish");
    std::fwrite(script.data(), 1, script.size(), stdout);
    return absl::OkStatus();
  });
}

}  // namespace tocsin
