#include "engine/responder_changes.h"

#include <algorithm>

#include "base/limits.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::size_t kDroppedAtOnce = 100;
constexpr absl::Duration kKeepChanges = absl::Hours(24 * limits::kChangeEventDays);
constexpr absl::Duration kKeepClosed = absl::Hours(24 * limits::kOpsgenieClosedDays);
// What broke something was mostly done within hours; what is recorded right after is often the same deploy, told late.
constexpr absl::Duration kBeforeGroup = absl::Hours(3);
constexpr absl::Duration kAfterGroup = absl::Minutes(5);
constexpr std::size_t kChangesOfGroup = 10;
constexpr std::size_t kLookedAt = 2000;  // changes within that time

TimerKey OutlivedTimer(std::uint64_t table) {
  return {Timer::Kind::kOutlived, table};
}

// Labels that say what something is about. Others, as severity or job, have the same values everywhere.
bool Relates(std::string_view name) {
  constexpr std::string_view kTooCommon[] = {"severity", "priority", "alertname", "job", "prometheus", "monitor"};
  return std::ranges::find(kTooCommon, name) == std::end(kTooCommon);
}

bool Shares(const Labels& of_change, const Labels& labels) {
  return std::ranges::any_of(of_change, [&](const Label& label) {
    return Relates(label.name) && Find(std::span<const Label>(labels), label.name) == label.value;
  });
}

bool IsAbout(const ChangeEvent& change, const ServiceId& service, const Labels& labels) {
  if (change.service.set()) {
    if (change.service == service) return true;
    if (Find(std::span<const Label>(labels), "service") == change.service.value()) return true;
  }
  return Shares(change.labels, labels) ||
         (service.set() && Find(std::span<const Label>(change.labels), "service") == service.value());
}

template <typename IsMatch>
std::vector<const ChangeEvent*> Newest(
    const ResponderState& state, absl::Time from, absl::Time until, std::size_t limit, IsMatch matches) {
  std::vector<const ChangeEvent*> found;
  auto at = state.changes_by_time.upper_bound({until, ChangeEventId(UINT64_MAX)});
  for (std::size_t i = 0; i < kLookedAt && at != state.changes_by_time.begin() && found.size() < limit; ++i) {
    --at;
    if (at->first < from) break;
    const ChangeEvent& change = state.changes.at(at->second);
    if (matches(change)) found.push_back(&change);
  }
  return found;
}

}  // namespace

absl::StatusOr<ChangeEventId> RecordChangeBy(Turn& turn, const RecordChange& command) {
  ChangeEvent given = command.change;
  Bound(given);
  if (Trim(given.summary).empty()) return Invalid("summary: is missing");
  const auto& changes = turn.state().changes;
  if (changes.size() >= limits::kChangeEvents) turn.Remove<ChangeEvent>(changes.begin()->first);
  ChangeEvent& change = turn.Create<ChangeEvent>();
  given.id = change.id;
  given.received = turn.now().wall;
  if (given.at == absl::Time() || given.at > given.received) given.at = given.received;
  change = std::move(given);
  ExpectOutlived(turn, Row(ChangeEvent()).index(), change.received + kKeepChanges);
  return change.id;
}

void ExpectOutlived(Turn& turn, std::uint64_t table, absl::Time by) {
  if (turn.FindTimer(OutlivedTimer(table)) == nullptr) turn.ArmWall(OutlivedTimer(table), by);
}

void DropOutlived(Turn& turn, std::uint64_t table) {
  std::size_t dropped = 0;
  const auto drop = [&]<typename T>(const T* row, absl::Time by) {
    if (by > turn.now().wall || dropped == kDroppedAtOnce) {
      turn.ArmWall(OutlivedTimer(table), std::max(by, turn.now().wall));
      return false;
    }
    turn.Remove<T>(row->id);
    ++dropped;
    return true;
  };
  if (table == Row(ChangeEvent()).index()) {
    for (const auto& [id, change] : turn.state().changes)
      if (!drop(&change, change.received + kKeepChanges)) break;
  } else if (table == Row(OpsgenieAlert()).index()) {
    for (const auto& [closed_at, id] : turn.state().opsgenie_closed)
      if (!drop(turn.Find<OpsgenieAlert>(id), closed_at + kKeepClosed)) break;
  }
}

std::vector<const ChangeEvent*> ChangesAround(const ResponderState& state,
                                              const ServiceId& service,
                                              const Labels& labels,
                                              absl::Time at,
                                              absl::Duration before,
                                              absl::Duration after,
                                              std::size_t limit) {
  return Newest(state, at - before, at + after, limit,
                [&](const ChangeEvent& change) { return IsAbout(change, service, labels); });
}

std::vector<const ChangeEvent*> ChangesAround(const ResponderState& state, const Group& group) {
  return Newest(state, group.opened_at - kBeforeGroup, group.opened_at + kAfterGroup, kChangesOfGroup,
                [&](const ChangeEvent& change) {
                  if (IsAbout(change, group.service, group.labels)) return true;
                  return std::ranges::any_of(group.exemplars, [&](const AlertSummary& alert) {
                    return IsAbout(change, group.service, alert.labels);
                  });
                });
}

}  // namespace tocsin
