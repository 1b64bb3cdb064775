// A schedule's people over time: walks from boundary to boundary, where a boundary is an instant at which something
// that matters may change: the end of a turn, the edge of a window, an effective range, an override or a temporary
// schedule, an edition, of the schedule or of one nested in it. Between boundaries nothing changes.
//
// Cost per boundary: the layers it belongs to, and one merge of what the layers offer. No allocation after the start
// unless many people are on.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "escalation/compiled_schedule.h"
#include "escalation/people.h"
#include "escalation/schedule.h"
#include "escalation/seconds.h"

namespace tocsin {

class Sweep {
 public:
  // `organisation` must outlive the sweep.
  Sweep(const CompiledOrganisation& organisation, std::uint32_t schedule, Instant from);
  Sweep(const Sweep&) = delete;  // cursors point into offers_
  Sweep& operator=(const Sweep&) = delete;

  // Where the sweep stands, and who is on call from here to `next()`.
  Instant at() const { return at_; }
  const PeopleSet& people() const { return people_; }

  // The next boundary, or kNever.
  Instant next() const { return next_; }
  // Goes there. `next()` is not kNever.
  void Advance();

  // Goes on to the first boundary before `limit` at which other people are on call; false, standing at the last
  // boundary before `limit`, when there is none.
  bool AdvanceToChange(Instant limit);

 private:
  struct LayerCursor {
    const CompiledLayer* layer = nullptr;
    Offer* offer = nullptr;  // in offers_; nullptr for layers of nested schedules
  };
  struct EdgeCursor {
    const Edge* next = nullptr;
    const Edge* end = nullptr;
  };
  void Begin();  // at at_, with the editions that count there
  // What the layer offers at at_. Returns the next boundary of it.
  Instant Refresh(const LayerCursor& cursor);
  void Pass(const Edge& edge);  // of the schedule itself
  void Settle();                // everything that follows from at_

  const CompiledOrganisation& organisation_;
  std::uint32_t number_;
  Instant at_;
  Instant next_ = kNever;
  const CompiledSchedule* schedule_ = nullptr;  // its edition at at_
  Instant edition_end_ = kNever;                // where it, or a nested one, is another
  std::vector<LayerCursor> layers_;             // of the schedule itself, in order, then of those nested in it
  std::vector<Instant> nexts_;                  // the next boundary of each of them
  std::vector<EdgeCursor> edges_;               // of the schedule itself, then of those nested in it
  std::vector<Offer> offers_;                   // of the schedule's own layers
  LayerSet on_;                                 // which of those offer anybody
  std::optional<PeopleSet> of_layers_;          // what those come to; nullopt: not asked since it changed
  IntervalIndex::Hits overrides_;               // of the schedule itself, those that are on
  PeopleSet people_;
};

}  // namespace tocsin
