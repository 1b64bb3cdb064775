#include "escalation/schedule.h"

#include <algorithm>

namespace tocsin {

Instant EndOf(const CompiledRecurrence& recurrence, WallTime start, const ZoneClock& clock) {
  const std::int64_t length_s = recurrence.occurrences.length_s();
  return recurrence.elapsed ? clock.FirstAt(start) + length_s : clock.FirstAt(start + length_s);
}

std::vector<Tile>::const_iterator TileFrom(const CompiledShifts& shifts, Instant at) {
  return std::upper_bound(shifts.tiles.begin(), shifts.tiles.end(), at,
                          [](Instant t, const Tile& tile) { return t < tile.end; });
}

namespace {

Offer OfferOf(const CompiledLayer& layer,
              const CompiledRecurrence& recurrence,
              const ZoneClock& clock,
              Instant at,
              WallTime water) {
  const std::optional<Occurrences::Occurrence> last = recurrence.occurrences.Last(water);
  if (!last) return {};
  const bool over = recurrence.elapsed ? at >= EndOf(recurrence, last->start, clock)
                                       : water - last->start >= recurrence.occurrences.length_s();
  if (over) return {};
  const std::int64_t turn = FloorDiv(last->number, recurrence.shifts_per_turn);
  return {.crew = &layer.SlotOf(turn), .turn = turn};
}

Offer OfferOf(const CompiledLayer& layer, const CompiledShifts& shifts, Instant at) {
  const auto tile = TileFrom(shifts, at);
  if (tile == shifts.tiles.end() || at < tile->start) return {};
  return {.crew = &layer.slots[tile->slot], .turn = tile - shifts.tiles.begin()};
}

}  // namespace

Offer OfferOf(const CompiledLayer& layer, const ZoneClock& clock, Instant at, WallTime water) {
  return layer.Inside(water) ? OfferInside(layer, clock, at, water) : Offer();
}

Offer OfferInside(const CompiledLayer& layer, const ZoneClock& clock, Instant at, WallTime water) {
  if (at < layer.since || at >= layer.until || layer.slots.empty()) return {};
  if (const auto* rotation = std::get_if<CompiledRotation>(&layer.pattern)) {
    const std::int64_t turn = rotation->turns.At(at, water);
    return {.crew = &layer.SlotOf(turn), .turn = turn};
  }
  if (const auto* recurrence = std::get_if<CompiledRecurrence>(&layer.pattern)) {
    return OfferOf(layer, *recurrence, clock, at, water);
  }
  return OfferOf(layer, std::get<CompiledShifts>(layer.pattern), at);
}

const CompiledTemporary* TemporaryAt(const CompiledSchedule& schedule, Instant at) {
  const auto after =
      std::upper_bound(schedule.temporaries.begin(), schedule.temporaries.end(), at,
                       [](Instant t, const CompiledTemporary& temporary) { return t < temporary.start; });
  if (after == schedule.temporaries.begin()) return nullptr;
  const CompiledTemporary& last = *(after - 1);
  return at < last.end ? &last : nullptr;
}

WallTime Evaluation::Water(std::uint32_t zone) {
  for (const auto& [known, water] : waters_) {
    if (known == zone) return water;
  }
  const WallTime water = organisation_.zones[zone].HighWater(at_);
  waters_.emplace_back(zone, water);
  return water;
}

void Evaluation::AddRef(const Ref& ref, std::int32_t via, PeopleSet& into) {
  switch (ref.kind) {
    case Ref::Kind::kUser: into.Add({.user = ref.number, .cause = via}); return;
    case Ref::Kind::kTeam: {
      const std::int32_t cause = AddCause({.kind = Cause::Kind::kTeam, .item = ref.number, .via = via});
      for (const std::uint32_t member : organisation_.members[ref.number])
        into.Add({.user = member, .cause = cause});
      return;
    }
    case Ref::Kind::kSchedule: AddSchedule(organisation_.EditionAt(ref.number, at_), via, into); return;
  }
}

void Evaluation::AddCrew(const Crew& crew, std::int32_t cause, PeopleSet& into) {
  for (const Ref& ref : crew) {
    if (ref.kind == Ref::Kind::kUser) {
      into.Add({.user = ref.number, .cause = cause});
    } else {
      AddRef(ref, cause, into);
    }
  }
}

void Evaluation::AddShifts(const CompiledSchedule& schedule,
                           const CompiledTemporary& temporary,
                           std::int32_t via,
                           PeopleSet& into) {
  const auto item = static_cast<std::uint32_t>(&temporary - schedule.temporaries.data());
  const std::int32_t cause =
      AddCause({.kind = Cause::Kind::kTemporary, .schedule = &schedule, .item = item, .via = via});
  for (const std::uint32_t shift : temporary.shifts.At(at_))
    AddCrew(temporary.crews[shift], cause, into);
}

void Evaluation::Apply(const CompiledSchedule& schedule,
                       const CompiledOverride& change,
                       std::int32_t via,
                       PeopleSet& people) {
  const std::int32_t cause =
      AddCause({.kind = Cause::Kind::kOverride, .schedule = &schedule, .item = change.source, .via = via});
  switch (change.type) {
    case Override::Type::kAssign:
      people.Clear();
      AddCrew(change.crew, cause, people);
      return;
    case Override::Type::kAdd: AddCrew(change.crew, cause, people); return;
    case Override::Type::kRemove: {
      PeopleSet leaving;
      AddCrew(change.crew, cause, leaving);
      for (const Member& member : leaving)
        people.Remove(member.user);
      return;
    }
    case Override::Type::kSwap:
      if (people.Remove(change.from)) people.Add({.user = change.to, .cause = cause});
      return;
  }
}

// `on`: at least the layers that offer anybody; offer_at(position) is asked about these and those that are overridden.
template <typename OfferAt>
void Evaluation::AddLayers(const CompiledSchedule& schedule,
                           const LayerSet& on,
                           std::span<const std::uint32_t> overrides,
                           std::int32_t via,
                           const OfferAt& offer_at,
                           PeopleSet& into) {
  LayerSet overridden;
  for (const std::uint32_t number : overrides)
    overridden.Add(schedule.overrides[number].layers);
  LayerSet which = on;
  which.Add(overridden);
  const std::span layers(schedule.layers);
  std::int32_t priority = 0;
  which.ForEach([&](std::size_t own) {
    if (own >= layers.size()) return false;
    const CompiledLayer& layer = layers[own];
    if (layer.priority != priority && !into.empty()) return false;
    priority = layer.priority;
    const Offer offer = offer_at(own);
    const bool is_overridden = overridden.Has(own);
    if (offer.crew == nullptr && !is_overridden) return true;
    const std::int32_t cause = AddCause(
        {.kind = Cause::Kind::kLayer, .schedule = &schedule, .item = layer.source, .turn = offer.turn, .via = via});
    if (is_overridden) {
      into.Add(Overridden(schedule, overrides, own, offer, cause, via));
    } else {
      AddCrew(*offer.crew, cause, into);
    }
    return true;
  });
}

// Those of one layer, with the overrides that are meant for it.
PeopleSet Evaluation::Overridden(const CompiledSchedule& schedule,
                                 std::span<const std::uint32_t> overrides,
                                 std::size_t layer,
                                 const Offer& offer,
                                 std::int32_t cause,
                                 std::int32_t via) {
  PeopleSet people;
  if (offer.crew != nullptr) AddCrew(*offer.crew, cause, people);
  for (const std::uint32_t number : overrides) {
    const CompiledOverride& change = schedule.overrides[number];
    if (change.layers.Has(layer)) Apply(schedule, change, via, people);
  }
  return people;
}

template <typename Below>
PeopleSet Evaluation::Combine(const CompiledSchedule& schedule,
                              std::span<const std::uint32_t> overrides,
                              std::int32_t via,
                              const Below& add_layers) {
  PeopleSet people;
  // An assignment of the whole schedule makes everything before it irrelevant.
  std::size_t first = overrides.size();
  while (first > 0) {
    const CompiledOverride& change = schedule.overrides[overrides[first - 1]];
    if (!change.scoped && change.type == Override::Type::kAssign) break;
    --first;
  }
  if (first == 0) {
    add_layers(people);
  } else {
    --first;
  }
  for (std::size_t i = first; i < overrides.size(); ++i) {
    const CompiledOverride& change = schedule.overrides[overrides[i]];
    if (!change.scoped) Apply(schedule, change, via, people);
  }
  return people;
}

PeopleSet Evaluation::OnCall(const CompiledSchedule& schedule,
                             std::span<const Offer> offers,
                             const LayerSet& on,
                             std::span<const std::uint32_t> overrides,
                             std::optional<PeopleSet>& of_layers) {
  PeopleSet people;
  if (const CompiledTemporary* temporary = TemporaryAt(schedule, at_)) {
    AddShifts(schedule, *temporary, -1, people);
    return people;
  }
  const auto offer_at = [&](std::size_t position) { return offers[position]; };
  return Combine(schedule, overrides, -1, [&](PeopleSet& into) {
    if (std::ranges::any_of(overrides, [&](std::uint32_t number) { return schedule.overrides[number].scoped; })) {
      AddLayers(schedule, on, overrides, -1, offer_at, into);
      return;
    }
    if (!of_layers) AddLayers(schedule, on, {}, -1, offer_at, of_layers.emplace());
    into = *of_layers;
  });
}

void Evaluation::AddSchedule(const CompiledSchedule& schedule, std::int32_t via, PeopleSet& into) {
  if (const CompiledTemporary* temporary = TemporaryAt(schedule, at_)) {
    AddShifts(schedule, *temporary, via, into);
    return;
  }
  const IntervalIndex::Hits overrides = schedule.override_index.At(at_);
  const auto offer_at = [&](std::size_t position) {
    const CompiledLayer& layer = schedule.layers[position];
    return OfferOf(layer, organisation_.zones[layer.zone], at_, Water(layer.zone));
  };
  into.Add(Combine(schedule, overrides, via,
                   [&](PeopleSet& people) { AddLayers(schedule, LayerSet::All(), overrides, via, offer_at, people); }));
}

}  // namespace tocsin
