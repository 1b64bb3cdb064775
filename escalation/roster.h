// Who is meant, at an instant: users, teams and schedules resolved to people. The one evaluator for paging, API, CLI
// and simulation. Pure; immutable after Compile, so any thread may ask.
//
// The rule for local time (specs oncall 3.1): f(zone, L) = the first instant at which the wall clock of `zone` shows L
// or later. f is monotone, so windows that tile local time tile real time: no gap, no double cover.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "escalation/schedule_record.h"
#include "model/organisation.h"

namespace tocsin {

struct CompiledOrganisation;

// Somebody who is meant, and why, in words for people. From the outside in:
//   named directly
//   team payments
//   schedule db-primary: layer weekly, turn 812                     (turn 0 began at the rotation's start)
//   schedule db-primary: override o7 by carol: swap for alice (dentist)
//   schedule db-primary: temporary schedule of 2026-12-24T00:00Z
//   schedule all: layer night, turn 3: schedule apac: layer daily, turn 90: team db
//   next in schedule db-primary: layer weekly, turn 813
//   policy managers, step 1: team managers
struct Person {
  UserId user;
  std::string reason;
  friend bool operator==(const Person&, const Person&) = default;
};

// A stretch of time with the same people on call, as a schedule's final answer. Half-open; empty `users` is a gap.
struct Shift {
  absl::Time start;
  absl::Time end;
  std::vector<UserId> users;  // sorted, no duplicates
  friend bool operator==(const Shift&, const Shift&) = default;
};

// What being on call has cost somebody. Real seconds: a night on which the clocks change has 7 or 9 hours.
struct Duty {
  absl::Duration total;
  absl::Duration night;             // 22:00 to 06:00 on the person's own wall clock
  absl::Duration weekend;           // Saturday and Sunday on the person's own wall clock
  absl::Duration holiday;           // days of the person's own calendar of holidays
  std::int32_t shifts = 0;          // stretches on call without a pause
  std::int32_t night_handoffs = 0;  // of those that began in the range, how many at night
  absl::Duration longest;           // of them, within the range
  friend bool operator==(const Duty&, const Duty&) = default;
};

class Roster {
 public:
  // Everything that Compile would refuse, one line each beginning with the object's path:
  // `schedule "db": layer "weekly": time zone "Mars/Olympus" is unknown`.
  static std::vector<std::string> Problems(const Organisation& organisation);

  // Fails on unknown zones or references, cycles of nested schedules and nesting beyond limits::kScheduleNesting; the
  // message starts with the object's path. `organisation` must not be null; it is kept. `record` says what came before and on
  // top of what is declared; what is needed of it is copied.
  static absl::StatusOr<Roster> Compile(OrganisationPtr organisation, const ScheduleRecord& record = {});

  // The people behind `targets` at `at`, each once, sorted by user; the first reason found wins. Users that no longer
  // exist are left out. Closed form: the cost does not depend on the age of a rotation.
  std::vector<Person> Resolve(std::span<const Target> targets, absl::Time at) const;

  // An instant at which those are on call who come next, or who were on call before: other people than at `at`, gaps
  // passed over. nullopt when there are none within 400 days. The present turn's is `at`.
  std::optional<absl::Time> TurnAt(const ScheduleTarget& target, absl::Time at) const;

  // The end of the person's quiet hours, when `at` lies inside of them. nullopt: it does not, or the person is unknown.
  std::optional<absl::Time> QuietUntil(const UserId& user, absl::Time at) const;

  // Who is on call in one schedule at `at`, sorted; nobody when there is no such schedule.
  std::vector<UserId> OnCall(const ScheduleId& schedule, absl::Time at) const;

  // Who is on call, [since, until) tiled by shifts of which neighbours differ. Errors: unknown schedule, since >=
  // until, a range of more than ten years or outside the years 1900 to 2400, or one that has too many boundaries
  // (limits::kScheduleBoundaries).
  absl::StatusOr<std::vector<Shift>> FinalSchedule(const ScheduleId& schedule,
                                                   absl::Time since,
                                                   absl::Time until) const;

  // The shifts of FinalSchedule in which nobody is on call.
  absl::StatusOr<std::vector<Shift>> Gaps(const ScheduleId& schedule, absl::Time since, absl::Time until) const;

  // Who has had how much of [since, until); people who have had nothing are left out. A person without a known zone
  // lives by the schedule's. Errors as FinalSchedule.
  absl::StatusOr<std::map<UserId, Duty>> Fairness(const ScheduleId& schedule, absl::Time since, absl::Time until) const;

  // How evenly duties are shared, in [0, 1]: for each two people the lesser total by the greater, on average. 1 for one
  // person, and for nobody.
  static double Balance(const std::map<UserId, Duty>& duties);

  // When `user` is on call, from the stretch that holds `since` or begins next: at most `count` of them, whose beginnings
  // lie before `since` + 400 days. A stretch ends where the person is off, whoever else comes and goes; one that goes on
  // beyond the horizon ends there. Errors as FinalSchedule.
  absl::StatusOr<std::vector<Shift>> ShiftsOf(const UserId& user,
                                              const ScheduleId& schedule,
                                              absl::Time since,
                                              std::size_t count) const;

  // The first instant after `at` at which the people on call differ; nullopt when there is none within 400 days.
  std::optional<absl::Time> NextChange(const ScheduleId& schedule, absl::Time at) const;

  // As declared.
  const Organisation& organisation() const;

 private:
  // `known`: the people behind policies that have been asked about already, each once for a question.
  using People = std::map<PolicyId, std::vector<Person>>;
  std::vector<Person> Resolve(std::span<const Target> targets, absl::Time at, People& known) const;
  void AddOthers(std::span<const Target> targets, absl::Time at, People& known, std::vector<Person>& people) const;
  const std::vector<Person>& PeopleBehind(const PolicyId& policy, absl::Time at, People& known) const;
  explicit Roster(std::shared_ptr<const CompiledOrganisation> compiled) : compiled_(std::move(compiled)) {}

  std::shared_ptr<const CompiledOrganisation> compiled_;
};

}  // namespace tocsin
