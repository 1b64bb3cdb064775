// The subcommands of `tocsin` but for `serve` and `gateway`. Each takes what follows its name and returns the process's exit code: 0 done,
// 1 refused or failed (the reason is on standard error), 2 wrong usage.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tocsin {

struct CommandSpec {
  std::string_view name;
  std::string_view usage;    // what follows the name
  std::string_view summary;  // one line
  int (*run)(std::span<const std::string> arguments);
};

// In the order in which `tocsin help` lists them.
std::span<const CommandSpec> Commands();

// Runs `tocsin ARGUMENTS...` (without the program's name).
int RunCommandLine(std::span<const std::string> arguments);

int RunAlerts(std::span<const std::string> arguments);
int RunGroups(std::span<const std::string> arguments);
int RunAcknowledge(std::span<const std::string> arguments);
int RunReassign(std::span<const std::string> arguments);
int RunAsk(std::span<const std::string> arguments);
int RunPolicy(std::span<const std::string> arguments);
int RunReroute(std::span<const std::string> arguments);
int RunSnooze(std::span<const std::string> arguments);
int RunUnacknowledge(std::span<const std::string> arguments);
int RunMerge(std::span<const std::string> arguments);
int RunSplit(std::span<const std::string> arguments);
int RunResolve(std::span<const std::string> arguments);
int RunEscalate(std::span<const std::string> arguments);
int RunNote(std::span<const std::string> arguments);
int RunSilence(std::span<const std::string> arguments);
int RunMaintenance(std::span<const std::string> arguments);
int RunChanges(std::span<const std::string> arguments);
int RunHeartbeats(std::span<const std::string> arguments);
int RunOnCall(std::span<const std::string> arguments);
int RunContacts(std::span<const std::string> arguments);
int RunSchedule(std::span<const std::string> arguments);
int RunImport(std::span<const std::string> arguments);
int RunDeadLetter(std::span<const std::string> arguments);
int RunIncident(std::span<const std::string> arguments);
int RunPage(std::span<const std::string> arguments);
int RunSearch(std::span<const std::string> arguments);
int RunIntegrations(std::span<const std::string> arguments);
int RunSend(std::span<const std::string> arguments);
int RunEvents(std::span<const std::string> arguments);
int RunTop(std::span<const std::string> arguments);
int RunCompletion(std::span<const std::string> arguments);
int RunExplain(std::span<const std::string> arguments);
int RunApply(std::span<const std::string> arguments);
int RunDiff(std::span<const std::string> arguments);
int RunExport(std::span<const std::string> arguments);
int RunVersions(std::span<const std::string> arguments);
int RunRollback(std::span<const std::string> arguments);
int RunToken(std::span<const std::string> arguments);
int RunLogin(std::span<const std::string> arguments);
int RunLogout(std::span<const std::string> arguments);
int RunUser(std::span<const std::string> arguments);
int RunArchive(std::span<const std::string> arguments);
int RunAudit(std::span<const std::string> arguments);
int RunSecrets(std::span<const std::string> arguments);
int RunStatus(std::span<const std::string> arguments);
int RunParse(std::span<const std::string> arguments);
int RunNotifyNagios(std::span<const std::string> arguments);
int RunNotifyIcinga2(std::span<const std::string> arguments);
int RunNotifyCheckmk(std::span<const std::string> arguments);
int RunNotifyNetdata(std::span<const std::string> arguments);
int RunNotifyZabbix(std::span<const std::string> arguments);
int RunDrainSpool(std::span<const std::string> arguments);
int RunDemo(std::span<const std::string> arguments);
int RunBackup(std::span<const std::string> arguments);
int RunRestore(std::span<const std::string> arguments);
int RunVerify(std::span<const std::string> arguments);
int RunRecover(std::span<const std::string> arguments);

}  // namespace tocsin
