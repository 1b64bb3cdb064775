// What other systems export, as an organisation of tocsin's own: users, teams, schedules, policies, services, routes.
//
// Pure: bytes in, a result out; no network, no clock. An export is untrusted, and no two systems mean the same by everything.
// So the result says three things beside the organisation:
//
//   problems   what cannot be read. There is no organisation then.
//   losses     what could not be carried over, and what was done instead; graded by what it does to people.
//   renderings what the export itself says about who is on call when: import/compare.h holds it against the schedules that
//              came of it.
//
// specs oncall 3.3 has the mapping; docs/migrating.md tells it to users.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "model/organisation.h"

namespace tocsin::import {

struct File {
  std::string name;  // with its folder, as the export tool named it: some exports say what they hold by this alone
  std::string text;
  bool only_rendered = false;  // of what it holds, only who is on call when, to check the others by
};

enum class Grade : std::uint8_t {
  kWho,      // somebody else is paged, or nobody
  kHow,      // the same people, at another time or on another way
  kCosmetic  // nobody will notice by a page
};
std::string_view Name(Grade grade);

struct Loss {
  Grade grade = Grade::kCosmetic;
  std::string object;   // at the source: pd.json: schedules[2] "Primary"
  std::string lost;     // what could not be carried over
  std::string instead;  // what was done
  friend bool operator==(const Loss&, const Loss&) = default;
};

// Somebody is on call in [start, end), as the source says.
struct Entry {
  absl::Time start;
  absl::Time end;
  std::vector<UserId> users;
};
// All entries that hold an instant of [since, until) are on at once; none: nobody is.
struct Rendering {
  ScheduleId schedule;
  std::string said_by;  // "final_schedule"
  absl::Time since;
  absl::Time until;
  std::vector<Entry> entries;
};

struct Options {
  absl::Time now;  // when the export was made, as far as it matters: positions of stateful rotations
  // Where the export does not say who is on call in this time, some sources' rules are worked out a second way. Zero: not.
  absl::Time check_since = {};
  absl::Duration check_span = absl::ZeroDuration();
  Organisation present = {};  // users with the same e-mail address keep their ids and are not declared again
};

struct Imported {
  Organisation organisation;
  std::vector<std::string> problems;  // pd.json: schedules[2].time_zone: ...
  std::vector<Loss> losses;           // those that change who is paged first
  std::vector<Rendering> renderings;
  std::vector<std::string> remaining;  // what has to be said beside before it can be applied: how e-mail leaves ...
  bool ok() const { return problems.empty(); }
};

struct Source {
  std::string_view name;
  std::string_view summary;
};
// "pagerduty", "opsgenie" ...
std::span<const Source> Sources();

// Fails on an unknown source only.
absl::StatusOr<Imported> Import(std::string_view source, std::span<const File> files, const Options& options);

}  // namespace tocsin::import
