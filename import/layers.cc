#include "import/layers.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_format.h"

#include "base/limits.h"
#include "base/strings.h"

namespace tocsin::import {

Participant Nobody() {
  return {};
}

Participant One(Target target) {
  return {{std::move(target)}};
}

Rotation TurnOf(const Item& item, std::int64_t seconds, absl::CivilMinute start) {
  constexpr std::int64_t kHour = 3600;
  constexpr std::int64_t kDay = 24 * kHour;
  constexpr std::int64_t kWeek = 7 * kDay;
  Rotation rotation;
  rotation.start = start;
  if (seconds % kWeek == 0) {
    rotation.type = Rotation::Type::kWeekly;
    rotation.length = static_cast<std::int32_t>(seconds / kWeek);
  } else if (seconds % kDay == 0) {
    rotation.type = Rotation::Type::kDaily;
    rotation.length = static_cast<std::int32_t>(seconds / kDay);
  } else {
    rotation.type = Rotation::Type::kHourly;
    const std::int64_t hours = std::max<std::int64_t>(1, (seconds + kHour / 2) / kHour);
    if (hours * kHour != seconds) {
      item.Lose(Grade::kWho, absl::StrFormat("turns of %s, which is no whole number of hours", Span(seconds)),
                absl::StrFormat("turns of %dh", hours));
    }
    rotation.length = static_cast<std::int32_t>(hours);
    const bool shows = 24 % hours == 0;  // at the same times each day
    rotation.count = shows ? Rotation::Count::kWall : Rotation::Count::kElapsed;
  }
  return rotation;
}

absl::TimeZone ZoneNamed(const std::string& zone) {
  absl::TimeZone loaded;
  if (!absl::LoadTimeZone(zone, &loaded)) return absl::UTCTimeZone();
  return loaded;
}

absl::CivilMinute LocalMinute(absl::Time time, const std::string& zone) {
  return absl::ToCivilMinute(time, ZoneNamed(zone));
}

LayerId LayerIds::Claim(std::string_view name) {
  return LayerId(book_.Claim(name));
}

std::optional<Stretch> StretchOf(const Item& item,
                                 std::string_view start,
                                 std::string_view end,
                                 const absl::TimeZone& zone) {
  const std::optional<absl::Time> from = item.NeedInstant(start, zone);
  const std::optional<absl::Time> to = item.NeedInstant(end, zone);
  if (!from || !to) return std::nullopt;
  const Stretch stretch{WholeMinute(*from), WholeMinute(*to)};
  if (stretch.start >= stretch.end) {
    item.Lose(Grade::kCosmetic, absl::StrFormat("it lasts from %s to %s: no whole minute", Show(*from), Show(*to)),
              "left out");
    return std::nullopt;
  }
  return stretch;
}

void Render(Draft& draft, const ScheduleId& schedule, std::string said_by, std::vector<Entry> entries) {
  std::erase_if(entries, [](const Entry& entry) { return entry.start >= entry.end; });
  if (entries.empty()) return;
  Rendering rendering{schedule, std::move(said_by), entries.front().start, entries.front().end, {}};
  for (Entry& entry : entries) {
    entry.start = WholeMinute(entry.start);
    entry.end = WholeMinute(entry.end);
    rendering.since = std::min(rendering.since, entry.start);
    rendering.until = std::max(rendering.until, entry.end);
  }
  rendering.since = WholeMinute(rendering.since);
  rendering.until = WholeMinute(rendering.until);
  rendering.entries = std::move(entries);
  draft.renderings.push_back(std::move(rendering));
}

std::size_t Overlaps(const Schedule& schedule) {
  std::vector<std::pair<absl::Time, absl::Time>> ranges;
  for (const Override& change : schedule.overrides)
    ranges.emplace_back(change.start, change.end);
  std::ranges::sort(ranges);
  std::size_t overlaps = 0;
  absl::Time reached = absl::InfinitePast();
  for (const auto& [start, end] : ranges) {
    if (start < reached) ++overlaps;
    reached = std::max(reached, end);
  }
  return overlaps;
}

}  // namespace tocsin::import
