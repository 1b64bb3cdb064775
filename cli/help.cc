#include "cli/help.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_format.h"

#include "base/version.h"
#include "cli/commands.h"

namespace tocsin {
namespace {

struct Task {
  std::string_view title;
  std::vector<std::string_view> commands;
};
// A command that is in none of them is listed at the end.
const Task kTasks[] = {
    {"Why was I paged, or nobody?", {"explain", "status", "events", "top"}                                         },
    {"What is going on",
     {"groups", "alerts", "incident", "search", "oncall", "contacts", "schedule", "changes", "heartbeats"}         },
    {"Answer a page",
     {"ack", "snooze", "unack", "resolve", "escalate", "note", "reassign", "ask", "reroute", "merge", "split"}     },
    {"Keep quiet",                  {"silence", "maintenance"}                                                     },
    {"Send and try out",            {"send", "page", "parse", "integrations", "demo"}                              },
    {"On monitoring hosts",
     {"notify-nagios", "notify-icinga2", "notify-checkmk", "notify-zabbix", "notify-netdata", "drain-spool"}       },
    {"Configure",                   {"apply", "diff", "export", "versions", "rollback", "import", "audit"}         },
    {"Who may",                     {"login", "logout", "user", "token"}                                           },
    {"The store",                   {"backup", "restore", "archive", "verify", "dead-letter", "secrets", "recover"}},
    {"This program",                {"completion"}                                                                 },
};

struct Examples {
  std::string_view command;
  std::string_view text;
};
constexpr Examples kExamples[] = {
    {"explain",
     "  tocsin explain G17                          why is somebody paged for it, or nobody; what comes next\n"
     "  tocsin explain G17 --why-not alice          why was Alice not paged for it\n"
     "  tocsin explain 'alertname=\"DiskFull\"'       what became of an alert; it may not have come in at all\n"
     "  tocsin explain user alice                   on call when, reachable how, paged for what\n"
     "  tocsin explain P9; tocsin explain N12       one person's page; one message of it\n"                              },
    {"groups",
     "  tocsin groups                               what is open\n"
     "  tocsin groups G17                           its alerts, who was told what, its history\n"
     "  tocsin groups --all -o json                 also resolved ones, for programs\n"                                  },
    {"alerts",
     "  tocsin alerts severity=critical             what fires and is critical\n"
     "  tocsin alerts --state suppressed            what is held back, and by what\n"
     "  tocsin alerts --group G17                   the alerts of one group\n"                                           },
    {"ack",
     "  tocsin ack G17                              nobody else is paged for it\n"
     "  tocsin ack G17 I3                           several at once\n"                                                   },
    {"snooze",
     "  tocsin snooze G17 --for 30m\n"
     "  tocsin snooze G17 --until '2026-11-21 09:00'\n"                                                                  },
    {"merge",          "  tocsin merge G18 G19 --into G17\n"                                                             },
    {"note",           "  tocsin note G17 'the disk is being replaced'\n"                                                },
    {"silence",
     "  tocsin silence add service=web --for 30m --comment 'deploying'\n"
     "  tocsin silence list\n"
     "  tocsin silence expire S5\n"
     "  tocsin silence preview service=web --since 7d       which pages would it have stopped?\n"                        },
    {"maintenance",
     "  tocsin maintenance add --service web --for 1h --comment patching\n"
     "  tocsin maintenance end M5\n"                                                                                     },
    {"oncall",
     "  tocsin oncall                               who is on call now, everywhere\n"
     "  tocsin oncall db-primary --days 14          the shifts of one schedule\n"
     "  tocsin oncall --at '2026-12-24 20:00'\n"                                                                         },
    {"contacts",
     "  tocsin contacts --on-call --doubtful        who is on call and may not be reached\n"
     "  tocsin contacts alice                       when what was last taken, confirmed, and has failed why\n"           },
    {"schedule",
     "  tocsin schedule show db-primary --weeks 6   days by weeks, gaps and overrides marked\n"
     "  tocsin schedule gaps                        when nobody is on call in the next 52 weeks, and why\n"
     "  tocsin schedule fairness db-primary         hours, nights, weekends, holidays of each person\n"
     "  tocsin schedule next --user alice           when she is on call next\n"
     "  tocsin schedule diff deploy/sample/*.yaml   who would be on call differently\n"
     "  tocsin schedule link db-primary             an address for calendars: Google, Outlook, Apple\n"
     "  tocsin schedule from-ical team.ics --schedule team --zone Europe/Berlin > team.yaml\n"
     "  tocsin schedule override db-primary --assign carol --for 8h -m 'alice is ill'\n"
     "  tocsin schedule override db-primary --swap alice=bob --until '2026-12-25 09:00' --dry-run\n"
     "  tocsin schedule override list; tocsin schedule override end O12\n"
     "  tocsin schedule take db-primary --from '2026-12-24 18:00' --for 12h       a shift, or a gap\n"
     "  tocsin schedule swap request db-primary --from '2026-12-24 00:00' --for 1d --of bob,carol\n"
     "  tocsin schedule swap list; tocsin schedule swap offer O12\n"
     "  tocsin schedule swap accept O12 --user bob; tocsin schedule swap take O12\n"
     "  tocsin schedule history db-primary          how it was before it was edited\n"                                   },
    {"incident",
     "  tocsin incident open 'checkout is down' --severity 1 --service checkout\n"
     "  tocsin incident show I3\n"                                                                                       },
    {"events",
     "  tocsin events --follow                      everything, as it happens\n"
     "  tocsin events -f --kind paged --kind acknowledged --service web\n"
     "  tocsin events G17 -o json                   what has happened to one group lately\n"                             },
    {"top",
     "  tocsin top                                  keys: q quits, s f a sort\n"
     "  tocsin top --once -o json                   for scripts\n"                                                       },
    {"import",
     "  tocsin import pagerduty export/             what would be lost, and whether the same people are on call\n"
     "  tocsin import opsgenie backup/ --out org.yaml --with senders.yaml\n"
     "  tocsin import alertmanager alertmanager.yml --strict --out org.yaml\n"
     "  tocsin import pagerduty export/ --check year.json --since '2026-01-01 00:00'\n"                                  },
    {"send",
     "  tocsin send alertname=Test severity=critical --key KEY --explain\n"
     "  tocsin send alertname=Test severity=critical --key KEY --resolve\n"
     "  tocsin send alertname=Backup --key KEY --spool ~/.cache/tocsin --server a:8912,b:8912\n"                         },
    {"integrations",
     "  tocsin integrations                         the doors\n"
     "  tocsin integrations show nagios --key KEY   the snippet for the sender, and a line to try it\n"
     "  tocsin integrations sources                 what `source:` may say\n"                                            },
    {"notify-zabbix",  "  tocsin notify-zabbix -- {ALERT.SENDTO} {ALERT.SUBJECT} {ALERT.MESSAGE}\n"                      },
    {"drain-spool",
     "  tocsin drain-spool                          what notification commands have left; exit code 1: something "
     "waits\n"
     "  tocsin drain-spool /var/spool/tocsin --follow\n"                                                                 },
    {"page",           "  tocsin page --test alice                    the whole way, on every contact method\n"          },
    {"apply",
     "  tocsin apply deploy/sample/*.yaml --dry-run check, and say what would change\n"
     "  tocsin apply deploy/sample/*.yaml --schedules-from next-handoff   whoever is on call finishes his turn\n"
     "  tocsin apply deploy/sample/*.yaml -m 'the database team has a schedule'\n"                                       },
    {"diff",
     "  tocsin diff deploy/sample/*.yaml            what would change, line by line\n"
     "  tocsin export | tocsin diff -               from standard input; a file and - may be given together\n"
     "  tocsin diff --replay 24h deploy/sample/*.yaml   who would have been paged by it, beside who was\n"
     "  tocsin diff --replay 24h --version 7        through a former version\n"                                          },
    {"export",
     "  tocsin export > organisation.yaml\n"
     "  tocsin export --version 7 | tocsin diff -\n"                                                                     },
    {"search",
     "  tocsin search 'service=db since:7d'         open and closed ones, newest first\n"
     "  tocsin search 'person:alice kind:incident state:closed' --from '2026-11-01 00:00'\n"
     "  tocsin search 'text:\"disk full\" label:instance=web-1' --limit 20\n"                                            },
    {"backup",
     "  tocsin backup /srv/backups/tocsin-monday                       of the running server\n"
     "  tocsin backup --data /var/lib/tocsin /srv/backups/tocsin-cold  of a stopped one\n"                               },
    {"restore",
     "  tocsin restore /srv/backups/tocsin-monday /var/lib/tocsin\n"
     "  tocsin restore /srv/backups/tocsin-monday /var/lib/tocsin --archive /mnt/archive --until '2026-11-23 14:05'\n"
     "  tocsin restore --archive /mnt/archive /var/lib/tocsin          when it reaches from the first entry\n"           },
    {"archive",
     "  tocsin archive list /mnt/archive            from when to when, and gaps\n"
     "  tocsin archive prune /mnt/archive --before /srv/backups/tocsin-monday\n"                                         },
    {"dead-letter",
     "  tocsin dead-letter list --data /var/lib/tocsin       what was put aside, and why\n"
     "  tocsin dead-letter show 42 --data /var/lib/tocsin    its bytes\n"
     "  tocsin dead-letter drop 42 -m 'reported, acknowledged again'\n"                                                  },
    {"verify",
     "  tocsin verify /srv/backups/tocsin-monday    a backup\n"
     "  tocsin verify --data /var/lib/tocsin        the store of a stopped server\n"
     "  tocsin verify --archive /mnt/archive        a journal's archive\n"                                               },
    {"secrets",
     "  tocsin secrets rotate --data /var/lib/tocsin            a new data key, from the next start on\n"
     "  tocsin secrets rotate --master --data /var/lib/tocsin   a new master key\n"                                      },
    {"recover",        "  tocsin recover --accept-loss --data /var/lib/tocsin   copy the folder first\n"                 },
    {"rollback",
     "  tocsin versions                             the numbers; `tocsin versions 7` what 7 changed\n"
     "  tocsin rollback 7 --dry-run                 what going back to it would change\n"
     "  tocsin rollback 7 -m 'the new routes page the wrong team'\n"                                                     },
    {"token",          "  tocsin token create --user bruno --role responder --team payments\n"                           },
    {"login",
     "  tocsin login alice                          asks for the password\n"
     "  tocsin login --oidc                         by a provider: prints an address to open in a browser\n"             },
    {"user",
     "  tocsin user invite alice                    prints a code, for her alone\n"
     "  tocsin user accept                          she: asks for the code and a new password\n"
     "  tocsin user password                        changes your own\n"
     "  tocsin user lock alice                      ends her sessions; unlock, or invite --reset\n"                      },
    {"audit",
     "  tocsin audit                                the newest entries\n"
     "  tocsin audit --actor user:alice --since 7d\n"
     "  tocsin audit verify --heads heads.log       whether anybody has changed the log\n"                               },
    {"status",
     "  tocsin status                               counts, whether pages can go out, how each channel does\n"
     "  tocsin status --silences-older 2d           silences of two days and more are called forgotten\n"
     "  tocsin status -o json                       for programs\n"                                                      },
    {"unack",          "  tocsin unack G17                            those who were not paged yet are, by its policy\n" },
    {"split",          "  tocsin split G18                            it was merged into another one by mistake\n"       },
    {"reroute",
     "  tocsin reroute G17                          after the routes were mended\n"
     "  tocsin reroute G17 --policy payments        to another team's policy\n"                                          },
    {"reassign",
     "  tocsin reassign G17 alice                   she is paged, and nobody else follows by itself\n"
     "  tocsin reassign G17 team:db schedule:web-primary\n"                                                              },
    {"ask",
     "  tocsin ask G17 bob --note 'knows the disks'\n"
     "  tocsin ask I3 team:db                       until each of them has acknowledged, too\n"                          },
    {"resolve",        "  tocsin resolve G17                          it opens again when an alert of it fires again\n"  },
    {"escalate",       "  tocsin escalate G17                         whoever comes next is paged now\n"                 },
    {"changes",
     "  tocsin changes record 'web 1.4.2 is out' --service web\n"
     "  tocsin changes list                         what was recorded lately\n"                                          },
    {"heartbeats",
     "  tocsin heartbeats                           when each signal came last, and which stay away\n"
     "  tocsin heartbeats show nightly-backup       what to put behind the job\n"
     "  tocsin heartbeats ping nightly-backup       a signal by hand\n"                                                  },
    {"policy",
     "  tocsin policy simulate payments             who would be paged now, and when\n"
     "  tocsin policy simulate payments --at '2026-12-25 03:00'\n"                                                       },
    {"versions",
     "  tocsin versions                             what was applied when, by whom and why\n"
     "  tocsin versions 7                           what 7 changed\n"
     "  tocsin versions 3 7                         what differs between the two\n"                                      },
    {"logout",         "  tocsin logout                               the token of this session opens nothing any more\n"},
    {"parse",
     "  tocsin parse --source datadog payload.json  what an integration of that source would make of it\n"
     "  curl -s https://example.com/hook.json | tocsin parse --source generic -\n"                                       },
    {"notify-nagios",
     "  tocsin notify-nagios --url http://HOST:8911 --key KEY -t PROBLEM -H db1 -s Disk -S CRITICAL -o 'full'\n"
     "  tocsin integrations show NAME --key KEY     the whole command definition for Nagios\n"                           },
    {"notify-icinga2", "  tocsin integrations show NAME --key KEY     the whole NotificationCommand for Icinga 2\n"      },
    {"notify-checkmk", "  tocsin integrations show NAME --key KEY     the script, and where Checkmk looks for it\n"      },
    {"notify-netdata", "  tocsin integrations show NAME --key KEY     what goes into health_alarm_notify.conf\n"         },
    {"demo",
     "  tocsin demo                                 against `tocsin serve --sample` on this machine\n"
     "  tocsin demo --http http://127.0.0.1:8921 --server 127.0.0.1:8922\n"                                              },
    {"completion",
     "  source <(tocsin completion bash)                                        # in ~/.bashrc\n"
     "  source <(tocsin completion zsh)                                         # in ~/.zshrc, after compinit\n"
     "  tocsin completion fish > ~/.config/fish/completions/tocsin.fish\n"                                               },
};

const CommandSpec* Find(std::string_view name) {
  const auto commands = Commands();
  const auto found = std::ranges::find(commands, name, &CommandSpec::name);
  return found == commands.end() ? nullptr : &*found;
}

void AddLine(std::string& text, const CommandSpec& command) {
  absl::StrAppendFormat(&text, "  %-14s %-35s %s\n", command.name, command.usage, command.summary);
}

}  // namespace

std::string GeneralHelp() {
  std::string text = absl::StrFormat(
      "tocsin %s: takes in every alert and pages the right person\n\n"
      "  %-14s %-35s %s\n"
      "  %-14s %-35s %s\n",
      kVersion, "serve", "[--sample] [--config FILES]", "run the server; --help lists its flags", "gateway",
      "--engine PATH", "take alerts in for it, in a process of its own");
  std::vector<std::string_view> listed;
  for (const Task& task : kTasks) {
    absl::StrAppendFormat(&text, "\n%s\n", task.title);
    for (const std::string_view name : task.commands) {
      listed.push_back(name);
      if (const CommandSpec* command = Find(name)) AddLine(text, *command);
    }
  }
  for (const CommandSpec& command : Commands()) {
    if (std::ranges::find(listed, command.name) == listed.end()) AddLine(text, command);
  }
  return text +
         "\n`tocsin COMMAND --help` says more, with examples. Commands find the server by --server or $TOCSIN_SERVER "
         "(default\n"
         "127.0.0.1:8912) and its token by --token-file or $TOCSIN_TOKEN (default ./data/admin.token). Those that "
         "print data\n"
         "take -o json. They end with 0: done; 1: refused or failed; 2: wrong usage.\n"
         "Nobody was paged? `tocsin explain 'alertname=\"DiskFull\"'` says why; the README has a section about it.\n";
}

std::string CommandHelp(std::string_view name, std::span<const OptionSpec> options) {
  std::string text;
  if (const CommandSpec* command = Find(name)) {
    absl::StrAppendFormat(&text, "tocsin %s %s\n\n%s\n\n", command->name, command->usage, command->summary);
  }
  text += DescribeOptions(options);
  const auto* const examples = std::ranges::find(kExamples, name, &Examples::command);
  if (examples != std::end(kExamples)) absl::StrAppendFormat(&text, "\nFor example\n%s", examples->text);
  return text;
}

}  // namespace tocsin
