// Whose turn it is in one layer, and from when to when, whatever its windows and overrides say. For edits of schedules, which
// happen between turns or in the middle of one.
#pragma once

#include <cstddef>
#include <optional>
#include <variant>

#include "escalation/occurrences.h"
#include "escalation/rotation.h"
#include "escalation/zone_clock.h"
#include "model/schedule.h"

namespace tocsin {

class LayerTurns {
 public:
  struct Turn {
    std::int64_t number = 0;
    Instant start;
    Instant end;  // kNever: without
  };

  // `layer` is a checked one that has its zone written out. nullopt: it has no turns, or its zone is not known.
  static std::optional<LayerTurns> Of(const Layer& layer);

  // The one that holds `at`; between two shifts of a recurrence, that of the shift before. nullopt before the first.
  std::optional<Turn> At(Instant at) const;
  // Which participant has it; the layer has some.
  std::size_t Slot(std::int64_t turn) const;

 private:
  struct Shifts {
    Occurrences occurrences;
    std::int64_t per_turn = 1;
  };
  LayerTurns(ZoneClock clock, std::variant<Turns, Shifts> pattern)
      : clock_(std::move(clock)), pattern_(std::move(pattern)) {}

  ZoneClock clock_;
  std::variant<Turns, Shifts> pattern_;
  std::int64_t start_index_ = 0;
  std::int64_t participants_ = 1;
};

// When the layer begins to count: as it says, else when its pattern does. Its zone is written out.
Instant BeginningOf(const Layer& layer);

}  // namespace tocsin
