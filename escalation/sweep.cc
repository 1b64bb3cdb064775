#include "escalation/sweep.h"

#include <algorithm>

namespace tocsin {
namespace {

// What a layer offers, and until when that cannot change.
struct Outlook {
  Offer offer;
  Instant next;
};

Outlook Look(const CompiledLayer& layer, const ZoneClock& clock, Instant at) {
  if (at >= layer.until || layer.slots.empty()) return {.offer = {}, .next = kNever};
  if (at < layer.since) return {.offer = {}, .next = layer.since};
  const WallTime water = clock.HighWater(at);
  Instant next = layer.until;
  const auto consider = [&](std::optional<WallTime> edge) {
    if (edge) next = std::min(next, clock.FirstAt(*edge));
  };
  const WeekMask::Place place = layer.mask.At(water);
  consider(place.next_edge);
  if (layer.holidays.days != nullptr) consider(layer.holidays.days->NextEdge(water));
  // Outside its windows a layer's turns change nothing.
  if (!place.inside || !layer.holidays.Inside(water)) return {.offer = {}, .next = next};
  const Offer offer = OfferInside(layer, clock, at, water);
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
  return {.offer = offer, .next = next};
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
  on_.Clear();
  of_layers_.reset();
  std::vector<std::uint32_t> reach = {number_};
  for (std::size_t i = 0; i < reach.size(); ++i) {
    const CompiledSchedule& reached = organisation_.EditionAt(reach[i], at_);
    edition_end_ = std::min(edition_end_, reached.until);
    for (const std::uint32_t nested : reached.nested) {
      if (std::find(reach.begin(), reach.end(), nested) == reach.end()) reach.push_back(nested);
    }
    for (const CompiledLayer& layer : reached.layers) {
      const bool own = layers_.size() < offers_.size();
      layers_.push_back({.layer = &layer, .offer = own ? &offers_[layers_.size()] : nullptr});
    }
    // What begins or ends here is already in the answer for here.
    const auto first = std::upper_bound(reached.edges.begin(), reached.edges.end(), at_,
                                        [](Instant at, const Edge& edge) { return at < edge.at; });
    const Edge* const edges = reached.edges.data();
    edges_.push_back({.next = edges + (first - reached.edges.begin()), .end = edges + reached.edges.size()});
  }
  nexts_.assign(layers_.size(), at_);
  overrides_ = schedule_->override_index.At(at_);
  Settle();
}

Instant Sweep::Refresh(const LayerCursor& cursor) {
  const Outlook outlook = Look(*cursor.layer, organisation_.zones[cursor.layer->zone], at_);
  if (cursor.offer != nullptr) {
    if (cursor.offer->crew != outlook.offer.crew) of_layers_.reset();
    *cursor.offer = outlook.offer;
    on_.Set(static_cast<std::size_t>(cursor.offer - offers_.data()), outlook.offer.crew != nullptr);
  }
  return outlook.next;
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
  const LayerCursor* layer = layers_.data();
  for (Instant& next_of_layer : nexts_) {
    if (next_of_layer <= at_) next_of_layer = Refresh(*layer);
    if (next_of_layer < next) next = next_of_layer;
    ++layer;
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
  const bool has_nested = edges_.size() > 1;
  if (has_nested) of_layers_.reset();  // whoever is on may be a schedule, in which others are on now
  people_ = Evaluation(organisation_, at_, nullptr).OnCall(*schedule_, offers_, on_, overrides_, of_layers_);
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
