// What a shard does with many events, nearly all of which are repeats: most of what one costs in a large table is waiting for memory,
// and which lines those are is known in advance.
#include <algorithm>
#include <array>

#include "engine/shard_impl.h"

namespace tocsin {
namespace {

// So many events ahead the place in the index is asked for, then the record, then the text: between one and the next memory has the time
// to answer.
constexpr std::uint32_t kPlaceAhead = 12;
constexpr std::uint32_t kRecordAhead = 8;
constexpr std::uint32_t kTextAhead = 4;
// The records lie one behind the other, and where the next one begins is only known when this one has come: so many bytes ahead they are
// asked for.
constexpr std::size_t kBytesAhead = 4096;
constexpr std::size_t kLine = 64;

// One that comes soon.
struct Near {
  const std::byte* record;
  std::uint32_t guess;  // its alert's slot, as it was when the record was asked for
};
constexpr std::uint32_t kNear = 16;
static_assert(kNear > kPlaceAhead && (kNear & (kNear - 1)) == 0);

}  // namespace

bool Shard::Impl::ApplyAll(const std::byte* events,
                           std::uint32_t count,
                           const Now& now,
                           absl::FunctionRef<std::optional<Outcome>(EventView)> read,
                           absl::FunctionRef<void(std::uint32_t, Outcome)> tell) {
  Settle();
  clock_.Begin(now);
  const Instant at(now);
  wall_ms_ = at.wall_ms;
  std::array<Near, kNear> near;
  for (std::uint32_t lead = 0; lead < count + kPlaceAhead; ++lead) {
    if (lead < count) {
      const EventHeader& header = EventView(events).header();
      near[lead % kNear].record = events;
      for (std::size_t line = 0; line < header.size; line += kLine)
        __builtin_prefetch(events + kBytesAhead + line);
      events += header.size;
      alerts_.Prefetch(header.key);
    }
    const auto soon = [&](std::uint32_t ahead) -> Near* {
      const std::uint32_t number = lead - (kPlaceAhead - ahead);  // far above all of them where it would be below 0
      return number < count ? &near[number % kNear] : nullptr;
    };
    if (Near* const next = soon(kRecordAhead)) {
      const EventHeader& header = EventView(next->record).header();
      next->guess = alerts_.Guess(header.key);
      if (next->guess != kNoSlot) {
        alerts_.PrefetchHot(next->guess);
        if (header.form == EventHeader::Form::kWhole) alerts_.PrefetchCold(next->guess);
      }
    }
    if (const Near* const next = soon(kTextAhead)) {
      const bool whole = EventView(next->record).header().form == EventHeader::Form::kWhole;
      if (whole && next->guess != kNoSlot) texts_.Prefetch(alerts_.cold(next->guess).text());
    }
    const Near* const next = soon(0);
    if (next == nullptr) continue;
    const EventView event(next->record);
    std::optional<Outcome> outcome;
    if (event.header().form == EventHeader::Form::kWhole) {
      outcome = ApplyAt(event, next->guess, at);
    } else if (outcome = RepeatAt(event.header(), next->guess, at); !outcome) {
      outcome = read(event);
    }
    if (!outcome) return false;
    tell(lead - kPlaceAhead, *outcome);
  }
  return true;
}

std::optional<Outcome> Shard::Impl::Repeat(const EventHeader& header, const Now& now) {
  Settle();
  clock_.Begin(now);
  const Instant at(now);
  wall_ms_ = at.wall_ms;
  return RepeatAt(header, kNoSlot, at);
}

std::optional<Outcome> Shard::Impl::RepeatAt(const EventHeader& header, std::uint32_t guess, const Instant& at) {
  if (header.kind != EventKind::kTrigger || (HasEnd(header) && header.ends_at_ns <= at.wall_ns)) return std::nullopt;
  const std::uint32_t slot = alerts_.Find(header.key, header.integration, guess);
  if (slot == kNoSlot) return std::nullopt;
  StoredAlert& alert = alerts_.at(slot);
  if (!alert.firing || alert.content != header.content) return std::nullopt;
  Seen(alert, at);
  MergeTimes(slot, header, at, false);
  if (alert.watched || marks_wait()) News(slot, at);
  ++outcomes_[static_cast<std::size_t>(Outcome::kDuplicate)];
  return Outcome::kDuplicate;
}

// The lease, starts_at and ends_at after a trigger for a firing alert, as Alertmanager merges them (specs/wire-compat.md
// 1.2): intervals that overlap keep the earlier start; a later end stays unless it was only a timeout.
void Shard::Impl::MergeTimes(std::uint32_t slot, const EventHeader& header, const Instant& at, bool ended) {
  StoredAlert& alert = alerts_.at(slot);
  Unsealed change = Unsealed::kTouch;
  if (HasStart(header) && FloorMs(header.starts_at_ns) != alert.starts_at()) {
    const std::int64_t start = FloorMs(header.starts_at_ns);
    const bool overlaps = start > alert.starts_at() && (!alert.explicit_end || start < alert.ends_at());
    if (!overlaps || !alert.starts_given) {
      alert.set_starts_at(start);
      alert.starts_given = true;
      change = Unsealed::kState;
      groups_.MarkGroupsChanged(slot);
    }
  }
  const Door& door = doors_.at(alert.integration);
  const bool explicit_end = HasEnd(header) && !ended;
  std::uint32_t until = StoredAlert::kNever;
  if (explicit_end) {
    until = clock_.TickAfter(at.now, header.ends_at_ns - at.wall_ns);
  } else if (door.lease_ns > 0) {
    until = clock_.TickAfter(at.now, door.lease_ns);
  }
  if (alert.looked_ended != ended) change = Unsealed::kState;
  alert.looked_ended = ended;
  const bool old_end_stays = alert.explicit_end && !ended && alert.until > until;
  if (!old_end_stays) {
    if (alert.explicit_end != explicit_end) change = Unsealed::kState;
    alert.explicit_end = explicit_end;
    alert.until = until;
    alert.set_ends_at(HasEnd(header) ? FloorMs(header.ends_at_ns) : kNoTime);
  }
  alerts_.Mark(slot, change);
  Arm(slot);
}

}  // namespace tocsin
