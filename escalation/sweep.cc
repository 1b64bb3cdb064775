#include "escalation/sweep.h"

#include <algorithm>

namespace tocsin {
namespace {

// The first instant after `at` at which what `layer` offers may change, given what it offers now.
Instant NextBoundary(
    const CompiledLayer& layer, const ZoneClock& clock, Instant at, WallTime water, const Offer& offer) {
  if (at >= layer.until || layer.slots.empty()) return kNever;
  if (at < layer.since) return layer.since;
  Instant next = layer.until;
  const auto consider = [&](std::optional<WallTime> edge) {
    if (edge) next = std::min(next, clock.FirstAt(*edge));
  };
  consider(layer.mask.NextEdge(water));
  if (layer.holidays.days != nullptr) consider(layer.holidays.days->NextEdge(water));
  // Outside its windows a layer's turns change nothing.
  if (!layer.Inside(water)) return next;
  if (const auto* rotation = std::get_if<CompiledRotation>(&layer.pattern)) {
    if (rotation->hands_over) next = std::min(next, rotation->turns.Start(offer.turn + 1, clock));
  } else if (const auto* recurrence = std::get_if<CompiledRecurrence>(&layer.pattern)) {
    consider(recurrence->occurrences.Next(water));
    if (offer.crew != nullptr) {
      next = std::min(next, EndOf(*recurrence, recurrence->occurrences.Last(water)->start, clock));
    }
  } else {
    const auto& shifts = std::get<CompiledShifts>(layer.pattern);
    const auto tile = TileFrom(shifts, at);
    if (tile != shifts.tiles.end()) next = std::min(next, at < tile->start ? tile->start : tile->end);
  }
  return next;
}

}  // namespace

Sweep::Sweep(const CompiledOrganisation& organisation, std::uint32_t schedule, Instant from)
    : organisation_(organisation), number_(schedule), at_(from) {
  Begin();
}

void Sweep::Begin() {
  schedule_ = &organisation_.EditionAt(number_, at_);
  edition_end_ = kNever;
  layers_.clear();
  edges_.clear();
  offers_.assign(schedule_->layers.size(), Offer());
  std::vector<std::uint32_t> reach = {number_};
  for (std::size_t i = 0; i < reach.size(); ++i) {
    const CompiledSchedule& reached = organisation_.EditionAt(reach[i], at_);
    edition_end_ = std::min(edition_end_, reached.until);
    for (const std::uint32_t nested : reached.nested) {
      if (std::find(reach.begin(), reach.end(), nested) == reach.end()) reach.push_back(nested);
    }
    for (const CompiledLayer& layer : reached.layers) {
      const bool own = layers_.size() < offers_.size();
      layers_.push_back({.layer = &layer, .next = at_, .offer = own ? &offers_[layers_.size()] : nullptr});
    }
    // What begins or ends here is already in the answer for here.
    const auto first = std::upper_bound(reached.edges.begin(), reached.edges.end(), at_,
                                        [](Instant at, const Edge& edge) { return at < edge.at; });
    const Edge* const edges = reached.edges.data();
    edges_.push_back({.next = edges + (first - reached.edges.begin()), .end = edges + reached.edges.size()});
  }
  overrides_ = schedule_->override_index.At(at_);
  Settle();
}

void Sweep::Refresh(LayerCursor& cursor) {
  const ZoneClock& clock = organisation_.zones[cursor.layer->zone];
  const WallTime water = clock.HighWater(at_);
  const Offer offer = OfferOf(*cursor.layer, clock, at_, water);
  cursor.next = NextBoundary(*cursor.layer, clock, at_, water, offer);
  if (cursor.offer != nullptr) *cursor.offer = offer;
}

void Sweep::Pass(const Edge& edge) {
  if (edge.number == Edge::kTemporary) return;
  const auto place = std::lower_bound(overrides_.begin(), overrides_.end(), edge.number);
  if (edge.begins) {
    overrides_.insert(place, edge.number);
  } else {
    overrides_.erase(place);
  }
}

void Sweep::Settle() {
  Instant next = kNever;
  for (LayerCursor& cursor : layers_) {
    if (cursor.next <= at_) Refresh(cursor);
    next = std::min(next, cursor.next);
  }
  bool own = true;
  for (EdgeCursor& cursor : edges_) {
    for (; cursor.next != cursor.end && cursor.next->at <= at_; ++cursor.next) {
      if (own) Pass(*cursor.next);
    }
    if (cursor.next != cursor.end) next = std::min(next, cursor.next->at);
    own = false;
  }
  next_ = std::min(next, edition_end_);
  people_ = Evaluation(organisation_, at_, nullptr).OnCall(*schedule_, offers_, overrides_);
}

void Sweep::Advance() {
  at_ = next_;
  if (at_ == edition_end_) {
    Begin();
  } else {
    Settle();
  }
}

bool Sweep::AdvanceToChange(Instant limit) {
  const PeopleSet before = people_;
  while (next_ < limit) {
    Advance();
    if (!people_.SamePeople(before)) return true;
  }
  return false;
}

}  // namespace tocsin
