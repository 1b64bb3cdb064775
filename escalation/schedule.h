// Who is on call at an instant. The order of things (specs oncall 3.2, rules R7 to R11):
//
//   a temporary schedule, if one is on, and nothing else; otherwise
//   each layer's offer            inside its effective range and windows: the people in the slot whose turn it is
//   overrides of that layer       by sequence
//   the highest priority that has anyone: the union of its layers; an empty slot lets lower layers show through
//   overrides of the schedule     by sequence
//
// A target inside a slot, an override or a shift means the people behind it at that instant: the members of a team,
// those on call in a nested schedule. So a nested schedule on which nobody is on call is as transparent as an empty
// slot, and a swap finds a person who is on through a team.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "absl/container/inlined_vector.h"

#include "escalation/compiled_schedule.h"
#include "escalation/people.h"
#include "escalation/seconds.h"

namespace tocsin {

// What one layer has to offer at an instant.
struct Offer {
  const Crew* crew = nullptr;  // nullptr: outside its range or windows, or it has no participants
  std::int64_t turn = 0;       // of fixed shifts: the stretch
};
// `clock` is that of the layer's zone, `water` its high water at `at`.
Offer OfferOf(const CompiledLayer& layer, const ZoneClock& clock, Instant at, WallTime water);
// The same where `water` is known to lie inside the layer's windows and on its days.
Offer OfferInside(const CompiledLayer& layer, const ZoneClock& clock, Instant at, WallTime water);

// The end of a recurrence's shift that began at `start` on the wall clock.
Instant EndOf(const CompiledRecurrence& recurrence, WallTime start, const ZoneClock& clock);
// The stretch of fixed shifts that holds `at` or, if none does, the next one; or the end.
std::vector<Tile>::const_iterator TileFrom(const CompiledShifts& shifts, Instant at);

// Answers for one instant. Cheap to make, and without allocation unless many people are on; not shared.
class Evaluation {
 public:
  // Members' causes are positions in `causes`; without it, when reasons are not wanted, they are -1.
  Evaluation(const CompiledOrganisation& organisation, Instant at, Causes* causes)
      : organisation_(organisation), at_(at), causes_(causes) {}

  // Everybody behind `ref`.
  void AddTarget(const Ref& ref, PeopleSet& into) { AddRef(ref, -1, into); }

  // The same for a schedule of which it is known already what its layers offer (in the order of
  // CompiledSchedule::layers), which of them offer anybody, and which overrides are on (in the order in which they apply).
  // `of_layers` is what the layers come to without overrides: it is made when it is needed and nullopt, and stays good
  // until a layer offers others.
  PeopleSet OnCall(const CompiledSchedule& schedule,
                   std::span<const Offer> offers,
                   const LayerSet& on,
                   std::span<const std::uint32_t> overrides,
                   std::optional<PeopleSet>& of_layers);

 private:
  // add_layers(people) adds what the layers come to, overrides of single layers included.
  template <typename Below>
  PeopleSet Combine(const CompiledSchedule& schedule,
                    std::span<const std::uint32_t> overrides,
                    std::int32_t via,
                    const Below& add_layers);
  template <typename OfferAt>
  void AddLayers(const CompiledSchedule& schedule,
                 const LayerSet& on,
                 std::span<const std::uint32_t> overrides,
                 std::int32_t via,
                 const OfferAt& offer_at,
                 PeopleSet& into);
  PeopleSet Overridden(const CompiledSchedule& schedule,
                       std::span<const std::uint32_t> overrides,
                       std::size_t layer,
                       const Offer& offer,
                       std::int32_t cause,
                       std::int32_t via);
  void AddShifts(const CompiledSchedule& schedule,
                 const CompiledTemporary& temporary,
                 std::int32_t via,
                 PeopleSet& into);
  void AddSchedule(const CompiledSchedule& schedule, std::int32_t via, PeopleSet& into);
  void AddRef(const Ref& ref, std::int32_t via, PeopleSet& into);
  void AddCrew(const Crew& crew, std::int32_t cause, PeopleSet& into);
  void Apply(const CompiledSchedule& schedule, const CompiledOverride& change, std::int32_t via, PeopleSet& people);
  std::int32_t AddCause(const Cause& cause) {
    if (causes_ == nullptr) return -1;
    causes_->push_back(cause);
    return static_cast<std::int32_t>(causes_->size() - 1);
  }
  WallTime Water(std::uint32_t zone);

  const CompiledOrganisation& organisation_;
  Instant at_;
  Causes* causes_;
  absl::InlinedVector<std::pair<std::uint32_t, WallTime>, 4> waters_;  // by zone, as far as they have been asked
};

// The temporary schedule that is on at `at`, or nullptr.
const CompiledTemporary* TemporaryAt(const CompiledSchedule& schedule, Instant at);

}  // namespace tocsin
