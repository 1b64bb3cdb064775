#include "escalation/layer_turns.h"

#include <utility>

#include "escalation/week.h"

namespace tocsin {

std::optional<LayerTurns> LayerTurns::Of(const Layer& layer) {
  absl::StatusOr<ZoneClock> clock = ZoneClock::Load(layer.time_zone);
  if (!clock.ok() || layer.participants.empty()) return std::nullopt;
  if (const auto* rotation = std::get_if<Rotation>(&layer.pattern)) {
    Turns turns(*rotation, WindowsOfWeek(layer.restrictions), *clock);
    LayerTurns out(*std::move(clock), std::move(turns));
    out.start_index_ = rotation->start_index;
    out.participants_ = static_cast<std::int64_t>(layer.participants.size());
    return out;
  }
  const auto* recurrence = std::get_if<Recurrence>(&layer.pattern);
  if (recurrence == nullptr) return std::nullopt;
  absl::StatusOr<Occurrences> occurrences = Occurrences::Make(*recurrence, *clock);
  if (!occurrences.ok()) return std::nullopt;
  LayerTurns out(*std::move(clock), Shifts{*std::move(occurrences), recurrence->shifts_per_participant});
  out.start_index_ = recurrence->start_index;
  out.participants_ = static_cast<std::int64_t>(layer.participants.size());
  return out;
}

std::optional<LayerTurns::Turn> LayerTurns::At(Instant at) const {
  const WallTime water = clock_.HighWater(at);
  if (const auto* turns = std::get_if<Turns>(&pattern_)) {
    const std::int64_t number = turns->At(at, water);
    return Turn{number, turns->Start(number, clock_), turns->Start(number + 1, clock_)};
  }
  const auto& [occurrences, per_turn] = std::get<Shifts>(pattern_);
  const std::optional<Occurrences::Occurrence> last = occurrences.Last(water);
  if (!last) return std::nullopt;
  const std::int64_t number = FloorDiv(last->number, per_turn);
  Turn turn{number, clock_.FirstAt(last->start), kNever};
  // The shifts of a turn that are to come, one by one: at most as many as it has.
  WallTime from = last->start;
  for (std::int64_t left = (number + 1) * per_turn - last->number; left > 0; --left) {
    const std::optional<WallTime> next = occurrences.Next(from);
    if (!next) return turn;
    from = *next;
  }
  turn.end = clock_.FirstAt(from);
  return turn;
}

std::size_t LayerTurns::Slot(std::int64_t turn) const {
  return static_cast<std::size_t>(FloorMod(turn + start_index_, participants_));
}

Instant BeginningOf(const Layer& layer) {
  if (layer.effective_since) return ToInstant(*layer.effective_since);
  const absl::StatusOr<ZoneClock> clock = ZoneClock::Load(layer.time_zone);
  const auto* rotation = std::get_if<Rotation>(&layer.pattern);
  if (!clock.ok() || rotation == nullptr) return kFirstInstant;
  return clock->FirstAt(ToWallTime(absl::CivilSecond(rotation->start)));
}

}  // namespace tocsin
