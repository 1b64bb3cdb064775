// What people change of schedules while the server runs: overrides, and swaps that they ask each other for; and what an
// organisation that is applied makes of schedules. The rows that come of it are what the roster is compiled with, beside what
// is declared.
//
// The past stays: whatever is made counts from now on at the earliest, and what has begun can only be ended.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "engine/responder_turn.h"
#include "escalation/schedule_edit.h"
#include "model/command.h"

namespace tocsin {

// Points into `state`.
ScheduleRecord RecordOf(const ResponderState& state);

// What a command makes of a change: the row as it would be, without id when it would be new. Fails with what is wrong. For
// previews and for the command itself, so that both are judged alike. `body` is one of the commands below.
absl::StatusOr<ScheduleChange> PlanScheduleChange(const ResponderState& state,
                                                  const Roster& roster,
                                                  const Command::Body& body,
                                                  const std::string& actor,
                                                  absl::Time now);
// OverrideSchedule, EndOverride, RequestSwap, OfferSwap, TakeSwap, WithdrawSwap.
absl::StatusOr<ScheduleChangeId> ChangeScheduleBy(Turn& turn, const Command::Body& body);

// What is declared, as it takes over from what holds.
struct AppliedSchedules {
  ScheduleEdit edit;
  Roster roster;
};
absl::StatusOr<AppliedSchedules> SchedulesAfter(const ResponderState& state,
                                                const ApplyOrganisation& apply,
                                                absl::Time now);
// The rows of an edit. `edit` is of the organisation that this turn applies, as `version`.
void RecordScheduleEdit(Turn& turn, const ScheduleEdit& edit, ConfigurationId version);
// Changes that name people or schedules which `after` does not have any more end now.
void EndChangesOfTheGone(Turn& turn, const Organisation& after);

// Everybody whom the schedule's layers name, by themselves, as members of a team or through a nested schedule.
std::set<UserId> PeopleOf(const Organisation& organisation, const ScheduleId& schedule);

// "swap: bob for alice on db-primary from 2026-11-23T09:00:00Z to ...".
std::string Describe(const ScheduleChange& change);
// What was done to it: "made", "taken", "ended". `before`: nullptr for a new one.
std::string_view HowOf(const ScheduleChange* before, const ScheduleChange& after, absl::Time now);
// waits, running, over, withdrawn; of a swap that was asked for: open, past due, taken, withdrawn.
std::string_view StateOf(const ScheduleChange& change, absl::Time now);

}  // namespace tocsin
