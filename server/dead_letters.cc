#include "server/dead_letters.h"

#include "absl/strings/str_format.h"

#include "base/log.h"
#include "base/status.h"
#include "model/command.h"
#include "model/rules.h"

namespace tocsin {
namespace {

constexpr std::string_view kActor = "tocsin";

absl::Status Tell(Engine& engine, const Organisation& organisation, const DeadLetter& letter) {
  const std::uint64_t entry = letter.sequence.value();
  OpenIncident open;
  open.title = absl::StrFormat("Journal entry %d could not be applied and was put aside", entry);
  open.severity = 1;
  open.responders = {UserTarget{organisation.fallback_user}};
  // By the request's id a repeat, after a crash before the number was noted, is answered with the same incident.
  const CommandResult opened =
      engine.ExecuteAndWait({absl::StrFormat("dead-letter-%d", entry), std::string(kActor), open, "start"});
  TOCSIN_TRY(opened.status);
  const std::string note = absl::StrFormat(
      "%s. Everything else goes on; what this one entry of %s said is not in force: %s. `tocsin dead-letter show %d` "
      "has its bytes; "
      "report them. When you have seen to it: tocsin dead-letter drop %d -m REASON",
      letter.why, absl::FormatTime(absl::RFC3339_sec, letter.now.wall, absl::UTCTimeZone()),
      letter.kind == EntryKind::kShard
          ? "alerts that fire come again from their senders, look at what had been resolved"
          : "an acknowledgement, a silence or a step of an escalation may have to be made again",
      entry, entry);
  const CommandResult noted = engine.ExecuteAndWait({
      absl::StrFormat("dead-letter-note-%d", entry), std::string(kActor),
      AddNote{SubjectOf(IncidentId(opened.id)), note},
      "start"
  });
  TOCSIN_TRY(noted.status);
  return engine.store().dead_letters().SetIncident(letter.sequence, opened.id);
}

}  // namespace

bool TellOfDeadLetters(Engine& engine) {
  const absl::StatusOr<std::vector<DeadLetter>> letters = engine.store().dead_letters().Read();
  if (!letters.ok()) {
    LogError("the dead letters cannot be read", {
                                                    {"error", letters.status()}
    });
    return false;
  }
  const RulesPtr rules = engine.rules();
  bool all = true;
  for (const DeadLetter& letter : *letters) {
    if (letter.incident != 0 || !letter.settled.empty()) continue;
    if (rules == nullptr || rules->organisation == nullptr) return false;  // nobody is there to be told yet
    const absl::Status told = Tell(engine, *rules->organisation, letter);
    if (told.ok()) continue;
    LogError("nobody could be told of a journal entry that was put aside; it is tried again",
             {
                 {"entry", letter.sequence.value()},
                 {"error", told                   }
    });
    all = false;
  }
  return all;
}

}  // namespace tocsin
