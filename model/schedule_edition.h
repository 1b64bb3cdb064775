// What has become of the schedules beside what is declared: the editions in which a schedule was evaluated before it was
// edited, and what people have changed since.
//
// The past of a schedule is never worked out from what is declared today: whoever was on call stays so, whatever is edited,
// removed or renamed later.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"

#include "model/ids.h"
#include "model/organisation.h"
#include "model/schedule.h"

namespace tocsin {

// A person as a schedule's past names him.
struct FormerPerson {
  UserId id;
  std::string name;
  std::string time_zone;
  friend bool operator==(const FormerPerson&, const FormerPerson&) = default;
};

// How a schedule is evaluated in [since, until): from one edit to the next. What people have changed meanwhile (below) is
// not in it, it comes on top.
struct ScheduleEdition {
  ScheduleEditionId id;
  // Its layers as they are evaluated: zones are written out, and of several with one id each takes over when the one before
  // it ends. Of the edition that is in force nothing but its id and layers counts: the rest is as declared.
  Schedule schedule;
  absl::Time since;  // InfinitePast: as far back as anybody asks
  absl::Time until;  // InfiniteFuture: in force; otherwise it never changes again
  // What its layers name, as it was. None of these in the edition that is in force.
  std::vector<Team> teams;
  std::vector<HolidayCalendar> holidays;
  std::vector<FormerPerson> people;
  // What ended it.
  ConfigurationId ended_by;
  std::string ended_actor;
  std::vector<std::string> changes;  // in words: "layer weekly: new version; alice stays on"
  friend bool operator==(const ScheduleEdition&, const ScheduleEdition&) = default;

  bool InForce() const { return until == absl::InfiniteFuture(); }
};

// What a person has changed while the server runs: an override, or a swap that somebody has asked for.
struct ScheduleChange {
  enum class State : std::uint8_t {
    kInForce = 1,   // it counts in its stretch of time: an override, or a swap that was taken
    kOpen = 2,      // a swap that nobody has taken; once its end is past, nobody can
    kWithdrawn = 3  // never counts: taken back before it began
  };
  ScheduleChangeId id;  // also the order in which changes apply, after all that are declared
  ScheduleId schedule;
  State state = State::kInForce;
  // Without id and seq. Its users are people, never teams or schedules. Of an open swap `to_user` is not set.
  Override change;
  bool asked = false;              // a swap: somebody asked for it
  std::vector<UserId> of;          // whom; none: everybody whom the schedule names
  std::vector<UserId> volunteers;  // who have offered themselves, in order
  absl::Time created_at;
  absl::Time settled_at;  // taken, withdrawn or ended early; unset: none of it
  std::string settled_by;
  friend bool operator==(const ScheduleChange&, const ScheduleChange&) = default;
};

// What the people of a schedule have been told about it, so that nobody is told twice.
struct ScheduleWatch {
  struct ToldGap {
    absl::Time start;
    absl::Time end;
    friend bool operator==(const ToldGap&, const ToldGap&) = default;
  };
  ScheduleWatchId id;
  ScheduleId schedule;
  absl::Time seen;                 // handoffs until then are told
  std::vector<ToldGap> gaps_told;  // those that are not over
  friend bool operator==(const ScheduleWatch&, const ScheduleWatch&) = default;
};

// From when on the layers of an edited schedule go by what is declared now, and whether who is on call stays on.
struct ScheduleTransition {
  enum class From : std::uint8_t {
    kNow = 0,
    kNextHandoff = 1,   // each layer when its present turn ends
    kFullRotation = 2,  // each layer when everybody of the present order has had his turn
    kTime = 3           // `at`
  };
  From from = From::kNow;
  absl::Time at;
  bool keep_holder = true;  // whose turn it is keeps it; if gone, the next of the old order who is still there
  friend bool operator==(const ScheduleTransition&, const ScheduleTransition&) = default;
};

}  // namespace tocsin
