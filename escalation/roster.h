// Who is meant, at an instant: users, teams and schedules resolved to people. The one evaluator for paging, API, CLI and
// simulation. Pure; immutable after Compile, so any thread may ask.
//
// The rule for local time (specs oncall 3.1): f(zone, L) = the first instant at which the wall clock of `zone` shows L or
// later. f is monotone, so windows that tile local time tile real time: no gap, no double cover.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "model/organisation.h"

namespace tocsin {

// Somebody who is meant, and why: `schedule db-primary: layer weekly, turn 812` or `team payments`.
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

class Roster {
 public:
  // Fails on unknown zones or references, cycles of nested schedules and nesting beyond limits::kScheduleNesting; the
  // message starts with the object's path. `organisation` must not be null; it is kept.
  static absl::StatusOr<Roster> Compile(OrganisationPtr organisation);

  // The people behind `targets` at `at`, each once, sorted by user; the first reason found wins. Users that no longer
  // exist are left out. Closed form: the cost does not depend on the age of a rotation.
  std::vector<Person> Resolve(std::span<const Target> targets, absl::Time at) const;

  // Who is on call, [since, until) tiled by shifts of which neighbours differ. Errors: unknown schedule, since >= until,
  // or a range of more than two years.
  absl::StatusOr<std::vector<Shift>> FinalSchedule(const ScheduleId& schedule, absl::Time since, absl::Time until) const;

  // The first instant after `at` at which the people on call differ; nullopt when there is none within 400 days.
  std::optional<absl::Time> NextChange(const ScheduleId& schedule, absl::Time at) const;

  const Organisation& organisation() const;

 private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace tocsin
