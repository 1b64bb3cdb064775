#include "cli/commands.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "absl/strings/str_format.h"

#include "base/version.h"
#include "cli/arguments.h"
#include "cli/completion.h"
#include "cli/help.h"

namespace tocsin {
namespace {

constexpr CommandSpec kCommands[] = {
    {"apply",          "FILE... [--dry-run]",                 "check and apply the organisation in these YAML files",          &RunApply        },
    {"export",         "",                                    "print the running organisation as YAML",                        &RunExport       },
    {"diff",           "FILE... [--replay 24h]",              "what these files would change; who would have been paged",      &RunDiff         },
    {"versions",       "[N [M]]",                             "what was applied when, by whom and why; what N changed",        &RunVersions     },
    {"rollback",       "N [--dry-run]",                       "apply a former version again, as it was",                       &RunRollback     },
    {"audit",          "[--actor WHO] | verify [--heads F]",  "who changed what; whether the log is whole",                    &RunAudit        },
    {"token",          "create | list | revoke T3 | show",    "tokens: who may call, with which role, for which teams",        &RunToken        },
    {"login",          "[USER]",                              "log in by a password: commands act as you from then on",        &RunLogin        },
    {"logout",         "",                                    "end this session",                                              &RunLogout       },
    {"user",           "invite | accept | lock | list ...",   "people's passwords: invitations, locks, who can log in",        &RunUser         },
    {"status",         "",                                    "what the server is doing, and whether pages can go out",        &RunStatus       },
    {"alerts",         "[MATCHER...] [--all | --state S]",    "list alerts",                                                   &RunAlerts       },
    {"groups",         "[G17] [--all]",                       "list groups, or show one with its pages and history",           &RunGroups       },
    {"search",         "[QUERY] [--from T] [--to T]",         "find groups and incidents again, also closed ones",             &RunSearch       },
    {"explain",        "G17 | P9 | N12 | KEY | user NAME",    "why somebody was paged, or nobody, and what happens next",
     &RunExplain                                                                                                                                },
    {"events",         "[G17] [--follow]",                    "what happens in the whole organisation, as it happens",         &RunEvents       },
    {"top",            "[--once]",                            "what goes through and what waits, each second",                 &RunTop          },
    {"completion",     "bash | zsh | fish",                   "a script that teaches your shell to complete tocsin",           &RunCompletion   },
    {"ack",            "G17 | I3",                            "take a group or an incident: nobody else is paged for it",      &RunAcknowledge  },
    {"snooze",         "G17 [--for 2h | --until TIME]",       "take it for a while; what fires then is paged again",           &RunSnooze       },
    {"unack",          "G17",                                 "give it back: its escalation goes on",                          &RunUnacknowledge},
    {"merge",          "G18 G19 --into G17",                  "handle some groups as parts of another",                        &RunMerge        },
    {"split",          "G18",                                 "make a merged group one of its own again",                      &RunSplit        },
    {"reroute",        "G17 [--policy NAME]",                 "by the configuration as it is now, or to another policy",       &RunReroute      },
    {"reassign",       "G17 alice | team:db ...",             "give it to certain people; nobody else follows by itself",      &RunReassign     },
    {"ask",            "G17 | I3 alice | team:db ...",        "page people besides, whoever has acknowledged",                 &RunAsk          },
    {"resolve",        "G17 | I3",                            "close a group or an incident",                                  &RunResolve      },
    {"escalate",       "G17",                                 "run the next step of its policy now",                           &RunEscalate     },
    {"note",           "G17 | I3 TEXT",                       "write on a timeline",                                           &RunNote         },
    {"silence",        "add | preview | list | expire",       "keep matching alerts quiet for a while",                        &RunSilence      },
    {"maintenance",    "add | list | end M5",                 "plan maintenance: of a service or matchers, once or recurring",
     &RunMaintenance                                                                                                                            },
    {"changes",        "list | record TEXT [LABEL=VALUE...]", "deploys and the like, shown beside alerts",                     &RunChanges      },
    {"heartbeats",     "list | show NAME | ping NAME",        "signals that are expected, and which stay away",                &RunHeartbeats   },
    {"oncall",         "[SCHEDULE] [--at T] [--days N]",      "who is on call",                                                &RunOnCall       },
    {"contacts",       "[USER] [--on-call] [--doubtful]",     "which contact methods reach their people, and which may not",
     &RunContacts                                                                                                                               },
    {"schedule",       "show | gaps | ... | override | swap", "who is on when; gaps, fairness; standing in, swaps, history",
     &RunSchedule                                                                                                                               },
    {"policy",         "simulate NAME [--at T]",              "who would be paged when, and why",                              &RunPolicy       },
    {"incident",       "list | show I3 | open TITLE",         "incidents",                                                     &RunIncident     },
    {"page",           "alice | team:db ... --title TEXT",    "page people now, about something that no alert has told",       &RunPage         },
    {"send",           "LABEL=VALUE... --key KEY",            "send one alert, and wait until it is durable",                  &RunSend         },
    {"integrations",   "list | show NAME | sources",          "the doors, and what to paste into their senders",               &RunIntegrations },
    {"import",         "SOURCE FILE... [--out ORG.yaml]",     "PagerDuty, Opsgenie, Alertmanager ... as an organisation",
     &RunImport                                                                                                                                 },
    {"parse",          "--source NAME FILE...",               "show the events that payloads would become; no server",         &RunParse        },
    {"notify-nagios",  "--url URL --key KEY ...",             "the notification command of Nagios",                            &RunNotifyNagios },
    {"notify-icinga2", "--url URL --key KEY ...",             "the notification command of Icinga 2",                          &RunNotifyIcinga2},
    {"notify-checkmk", "--url URL --key KEY",                 "Checkmk's notification script",                                 &RunNotifyCheckmk},
    {"notify-zabbix",  "KEY SUBJECT MESSAGE --url URL",       "Zabbix' alert script",                                          &RunNotifyZabbix },
    {"notify-netdata", "ROLES HOST ... --url URL --key KEY",  "what Netdata runs on an alarm",                                 &RunNotifyNetdata},
    {"drain-spool",    "[DIR] [--follow]",                    "send what these could not, in order",                           &RunDrainSpool   },
    {"demo",           "",                                    "play an outage against a sample server",                        &RunDemo         },
    {"backup",         "FOLDER [--data DIR]",                 "copy the running server's store, or a stopped one's",           &RunBackup       },
    {"restore",        "[BACKUP] DATA [--archive DIR]",       "make a store of a backup, as of any point in time",             &RunRestore      },
    {"archive",        "list DIR | prune DIR --before B",     "the journal's archive: what can be restored from it",           &RunArchive      },
    {"verify",         "[BACKUP | --data D | --archive D]",   "read a store, a backup, an archive: check every byte",          &RunVerify       },
    {"dead-letter",    "[list | show N | drop N -m REASON]",  "journal entries that nobody could apply and were put aside",
     &RunDeadLetter                                                                                                                             },
    {"secrets",        "rotate [--master] [--data DIR]",      "new keys for what is encrypted on the disk",                    &RunSecrets      },
    {"recover",        "--accept-loss [--data DIR]",          "cut a damaged journal at the damage and say what is lost",      &RunRecover      },
};

}  // namespace

std::span<const CommandSpec> Commands() {
  return kCommands;
}

int RunCommandLine(std::span<const std::string> arguments) {
  if (arguments.empty()) {
    std::fputs(GeneralHelp().c_str(), stderr);
    return 2;
  }
  const std::string& name = arguments[0];
  if (name == "__complete") return RunComplete(arguments.subspan(1));
  if (name == "help" && arguments.size() > 1) {
    const std::string wanted[] = {arguments[1], "--help"};
    return RunCommandLine(wanted);
  }
  if (name == "help" || name == "--help" || name == "-h") {
    std::fputs(GeneralHelp().c_str(), stdout);
    return 0;
  }
  if (name == "version" || name == "--version") {
    std::printf("tocsin %.*s\n", static_cast<int>(kVersion.size()), kVersion.data());
    return 0;
  }
  const auto* found = std::ranges::find(kCommands, std::string_view(name), &CommandSpec::name);
  if (found == std::end(kCommands)) {
    std::vector<std::string_view> names;
    for (const CommandSpec& command : kCommands)
      names.push_back(command.name);
    const std::string_view nearest = Nearest(name, names);
    const std::string meant = nearest.empty() ? "" : absl::StrFormat("; did you mean `tocsin %s`?", nearest);
    std::fprintf(stderr, "tocsin: there is no command %s%s (`tocsin help` lists them)\n", name.c_str(), meant.c_str());
    return 2;
  }
  return found->run(arguments.subspan(1));
}

}  // namespace tocsin
