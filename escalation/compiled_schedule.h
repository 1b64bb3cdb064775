// An organisation's schedules in the form in which they are evaluated: names are numbers, zones are clocks, windows are
// masks, overrides are indexed. Built once from checked values (escalation/schedule_check.h), then immutable.
//
// A schedule that has been edited is several, one for each edition: an instant belongs to exactly one of them.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"

#include "base/limits.h"
#include "escalation/holiday_days.h"
#include "escalation/interval_index.h"
#include "escalation/occurrences.h"
#include "escalation/rotation.h"
#include "escalation/schedule_record.h"
#include "escalation/seconds.h"
#include "escalation/week.h"
#include "escalation/zone_clock.h"
#include "model/organisation.h"

namespace tocsin {

// A target by number. Users before teams before schedules: the plainest reason comes first.
struct Ref {
  enum class Kind : std::uint8_t {
    kUser,
    kTeam,
    kSchedule
  };
  Kind kind = Kind::kUser;
  std::uint32_t number = 0;
  friend constexpr auto operator<=>(const Ref&, const Ref&) = default;
};
using Crew = absl::InlinedVector<Ref, 2>;  // sorted, each once

// Turn after turn without a pause.
struct CompiledRotation {
  Turns turns;
  bool hands_over = false;  // false: every slot is the same, the ends of turns change nothing
};
// Shift after shift with pauses.
struct CompiledRecurrence {
  Occurrences occurrences;
  bool elapsed = false;  // what a shift's length is measured on
  std::int64_t shifts_per_turn = 1;
};
// What fixed shifts come to: stretches with one crew each.
struct Tile {
  Instant start;
  Instant end;
  std::uint32_t slot = 0;
};
struct CompiledShifts {
  std::vector<Tile> tiles;  // ascending, disjoint
};

// On which days a layer is on.
struct HolidayMask {
  std::shared_ptr<const HolidayDays> days;  // nullptr: every day
  bool holidays_only = false;

  bool Inside(WallTime reading) const { return days == nullptr || days->Contains(reading) == holidays_only; }
};

struct CompiledLayer {
  std::uint32_t source = 0;  // position in Schedule::layers
  std::int32_t priority = 0;
  std::uint32_t zone = 0;
  Instant since;
  Instant until;
  WeekMask mask;
  HolidayMask holidays;
  std::variant<CompiledRotation, CompiledRecurrence, CompiledShifts> pattern;
  std::int64_t start_index = 0;
  std::vector<Crew> slots;  // in turn order; none: the layer never has anybody of its own

  // `slots` is not empty.
  const Crew& SlotOf(std::int64_t turn) const {
    const auto slots_count = static_cast<std::int64_t>(slots.size());
    return slots[static_cast<std::size_t>(FloorMod(turn + start_index, slots_count))];
  }
  bool Inside(WallTime reading) const { return mask.Inside(reading) && holidays.Inside(reading); }
};

// Positions in CompiledSchedule::layers.
class LayerSet {
 public:
  static constexpr LayerSet All() {
    LayerSet all;
    all.words_.fill(~std::uint64_t{0});
    return all;
  }
  void Set(std::size_t position, bool value = true) {
    const std::uint64_t bit = std::uint64_t{1} << (position % kWord);
    words_[position / kWord] = value ? words_[position / kWord] | bit : words_[position / kWord] & ~bit;
  }
  void Clear() { words_.fill(0); }
  bool Has(std::size_t position) const { return ((words_[position / kWord] >> (position % kWord)) & 1) != 0; }
  void Add(const LayerSet& others) {
    for (std::size_t i = 0; i < kWords; ++i)
      words_[i] |= others.words_[i];
  }

  // use(position) for each, ascending, until it returns false.
  template <typename Use>
  void ForEach(const Use& use) const {
    for (std::size_t i = 0; i < kWords; ++i) {
      for (std::uint64_t word = words_[i]; word != 0; word &= word - 1) {
        if (!use(i * kWord + static_cast<std::size_t>(std::countr_zero(word)))) return;
      }
    }
  }

 private:
  static constexpr std::size_t kWord = 64;
  static constexpr std::size_t kWords = (limits::kLayerVersionsPerSchedule + kWord - 1) / kWord;
  std::array<std::uint64_t, kWords> words_ = {};
};

struct CompiledOverride {
  std::uint32_t source = 0;  // position in Schedule::overrides
  Override::Type type = Override::Type::kAssign;
  bool scoped = false;  // to `layers`, which are none when they are gone; else to the whole schedule
  LayerSet layers;
  Crew crew;               // assign, add, remove
  std::uint32_t from = 0;  // swap
  std::uint32_t to = 0;
};

struct CompiledTemporary {
  Instant start;
  Instant end;
  std::vector<Crew> crews;  // of the shifts
  IntervalIndex shifts;
};

// An instant at which something other than a layer begins or ends.
struct Edge {
  static constexpr std::uint32_t kTemporary = UINT32_MAX;
  Instant at;
  std::uint32_t number = kTemporary;  // of the override; kTemporary: a temporary schedule, or a shift of one
  bool begins = false;
};

struct CompiledSchedule {
  const Schedule* source = nullptr;  // with whatever came on top of what is declared
  Instant since = kFirstInstant;     // of this edition
  Instant until = kNever;
  std::uint32_t zone = 0;
  std::vector<CompiledLayer> layers;        // highest priority first
  std::vector<CompiledOverride> overrides;  // in the order in which they apply
  IntervalIndex override_index;
  std::vector<CompiledTemporary> temporaries;  // ascending, disjoint
  std::vector<Edge> edges;                     // of overrides and temporary schedules, ascending
  std::vector<std::uint32_t> nested;           // numbers of the schedules that this one names
};

struct CompiledOrganisation {
  OrganisationPtr source;
  std::vector<const User*> users;                   // by number: sorted by id
  std::vector<const Team*> teams;                   // by number
  std::vector<std::vector<std::uint32_t>> members;  // of each team: user numbers, ascending
  std::vector<ZoneClock> zones;
  std::vector<CompiledSchedule> schedules;            // by number: as they are now, those that are declared first
  std::vector<std::vector<CompiledSchedule>> former;  // by number: the editions that are over, ascending
  std::vector<std::uint32_t> user_zones;              // by user: zone number; kNoZone: none given, or unknown
  std::vector<std::shared_ptr<const HolidayDays>> user_holidays;  // by user; nullptr: none
  absl::flat_hash_map<UserId, std::uint32_t> user_numbers;
  absl::flat_hash_map<TeamId, std::uint32_t> team_numbers;
  absl::flat_hash_map<ScheduleId, std::uint32_t> schedule_numbers;

  static constexpr std::uint32_t kNoZone = UINT32_MAX;

  // What the above points to and the organisation does not have.
  std::deque<Schedule> own_schedules;
  std::deque<User> own_users;
  std::deque<Team> own_teams;
  CompiledOrganisation() = default;
  CompiledOrganisation(const CompiledOrganisation&) = delete;  // it points into itself
  CompiledOrganisation& operator=(const CompiledOrganisation&) = delete;
  CompiledOrganisation(CompiledOrganisation&&) = default;
  CompiledOrganisation& operator=(CompiledOrganisation&&) = default;

  // The edition that counts at `at`: before the first that is known, that one.
  const CompiledSchedule& EditionAt(std::uint32_t schedule, Instant at) const {
    const CompiledSchedule& present = schedules[schedule];
    return at >= present.since ? present : FormerAt(schedule, at);
  }

  // nullopt: deleted, or never there, or nobody who could be meant at one instant alone (another turn, a policy).
  std::optional<Ref> Find(const Target& target) const;

 private:
  const CompiledSchedule& FormerAt(std::uint32_t schedule, Instant at) const;
};

// `organisation` has no problems (FindScheduleProblems is empty). Editions that cannot be read any more, because a zone has
// left the database, say that nobody was on call.
CompiledOrganisation CompileOrganisation(OrganisationPtr organisation, const ScheduleRecord& record);

}  // namespace tocsin
