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
  if (const std::optional<WallTime> edge = layer.mask.NextEdge(water)) next = std::min(next, clock.FirstAt(*edge));
  // Outside its windows a layer's turns change nothing.
  if (offer.crew != nullptr && layer.hands_over) next = std::min(next, layer.turns.Start(offer.turn + 1, clock));
  return next;
}

}  // namespace

Sweep::Sweep(const CompiledOrganisation& organisation, std::uint32_t schedule, Instant from)
    : organisation_(organisation), schedule_(organisation.schedules[schedule]), at_(from) {
  for (const std::uint32_t number : schedule_.reach) {
    const CompiledSchedule& reached = organisation.schedules[number];
    for (const CompiledLayer& layer : reached.layers) {
      layers_.push_back({.layer = &layer, .next = from, .offer = {}});
    }
    const auto first = std::lower_bound(reached.edges.begin(), reached.edges.end(), from);
    edges_.push_back({.edges = &reached.edges, .next = static_cast<std::size_t>(first - reached.edges.begin())});
  }
  offers_.resize(schedule_.layers.size());
  overrides_ = schedule_.override_index.At(at_);
  Settle();
}

void Sweep::Refresh(LayerCursor& cursor) {
  const ZoneClock& clock = organisation_.zones[cursor.layer->zone];
  const WallTime water = clock.HighWater(at_);
  cursor.offer = OfferOf(*cursor.layer, at_, water);
  cursor.next = NextBoundary(*cursor.layer, clock, at_, water, cursor.offer);
}

void Sweep::Settle() {
  next_ = kNever;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    LayerCursor& cursor = layers_[i];
    if (cursor.next <= at_) {
      Refresh(cursor);
      if (i < offers_.size()) offers_[i] = cursor.offer;
    }
    next_ = std::min(next_, cursor.next);
  }
  for (std::size_t i = 0; i < edges_.size(); ++i) {
    EdgeCursor& cursor = edges_[i];
    if (cursor.next < cursor.edges->size() && (*cursor.edges)[cursor.next] <= at_) {
      ++cursor.next;
      if (i == 0) overrides_ = schedule_.override_index.At(at_);
    }
    if (cursor.next < cursor.edges->size()) next_ = std::min(next_, (*cursor.edges)[cursor.next]);
  }
  people_ = Evaluation(organisation_, at_).OnCall(schedule_, offers_, overrides_);
}

void Sweep::Advance() {
  at_ = next_;
  Settle();
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
