#include "escalation/compiled_schedule.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"

#include "base/status.h"

namespace tocsin {
namespace {

class Compiler {
 public:
  Compiler(OrganisationPtr organisation, const ScheduleRecord& record) : record_(record) {
    out_.source = std::move(organisation);
  }

  CompiledOrganisation Run() {
    NumberPeople();
    NumberSchedules();
    for (const ScheduleId& id : schedules_)
      CompileFormer(id);
    for (const ScheduleId& id : schedules_) {
      CompiledSchedule& present = out_.schedules.emplace_back(Compile(Present(id)));
      const std::vector<CompiledSchedule>& former = out_.former[out_.schedules.size() - 1];
      if (!former.empty()) present.since = former.back().until;
    }
    for (const User* user : out_.users) {
      out_.user_zones.push_back(UserZone(*user));
      out_.user_holidays.push_back(Days(user->holidays));
    }
    return std::move(out_);
  }

 private:
  void NumberPeople() {
    absl::flat_hash_set<UserId> known;
    for (const User& user : out_.source->users) {
      known.insert(user.id);
      out_.users.push_back(&user);
    }
    AddFormerPeople(known);
    std::sort(out_.users.begin(), out_.users.end(), [](const User* a, const User* b) { return a->id < b->id; });
    for (std::uint32_t i = 0; i < out_.users.size(); ++i)
      out_.user_numbers.emplace(out_.users[i]->id, i);
    for (const Team& team : out_.source->teams)
      out_.team_numbers.emplace(team.id, AddTeam(team));
  }

  // Who is gone and still named by the past, as he was last.
  void AddFormerPeople(absl::flat_hash_set<UserId>& known) {
    const auto add = [&](const FormerPerson& person) {
      if (!person.id.set() || !known.insert(person.id).second) return;
      User& user = out_.own_users.emplace_back();
      user.id = person.id;
      user.name = person.name;
      user.time_zone = person.time_zone;
      out_.users.push_back(&user);
    };
    for (auto edition = record_.editions.rbegin(); edition != record_.editions.rend(); ++edition) {
      for (const FormerPerson& person : (*edition)->people)
        add(person);
    }
    for (const ScheduleChange* change : record_.changes) {
      for (const Target& target : change->change.users) {
        if (const auto* user = std::get_if<UserTarget>(&target)) add({user->user, "", ""});
      }
      add({change->change.from_user, "", ""});
      add({change->change.to_user, "", ""});
    }
  }

  // Those that are declared, then those that have only a past.
  void NumberSchedules() {
    const auto add = [&](const ScheduleId& id) {
      if (out_.schedule_numbers.emplace(id, static_cast<std::uint32_t>(schedules_.size())).second)
        schedules_.push_back(id);
    };
    for (const Schedule& schedule : out_.source->schedules)
      add(schedule.id);
    for (const ScheduleEdition* edition : record_.editions)
      add(edition->schedule.id);
  }

  const Schedule& Own(Schedule schedule) { return out_.own_schedules.emplace_back(std::move(schedule)); }

  const Schedule& Present(const ScheduleId& id) {
    const Schedule* declared = out_.source->Find(id);
    if (declared == nullptr) {
      Schedule nothing;
      nothing.id = id;
      nothing.time_zone = "UTC";
      return Own(std::move(nothing));
    }
    const bool changed =
        record_.InForce(id) != nullptr ||
        std::ranges::any_of(record_.changes, [&](const ScheduleChange* change) { return change->schedule == id; });
    return changed ? Own(EffectiveSchedule(*declared, record_)) : *declared;
  }

  void CompileFormer(const ScheduleId& id) {
    std::vector<CompiledSchedule>& former = out_.former.emplace_back();
    for (const ScheduleEdition* edition : record_.Former(id)) {
      Schedule schedule = edition->schedule;
      for (const ScheduleChange* change : record_.changes) {
        const bool counts = change->schedule == id && change->state == ScheduleChange::State::kInForce &&
                            change->change.start < edition->until && change->change.end > edition->since;
        if (counts) schedule.overrides.push_back(OverrideOf(*change));
      }
      former_ = edition;
      former_teams_.clear();
      former_holidays_.clear();
      for (const Team& team : edition->teams)
        former_teams_.emplace(team.id, AddTeam(out_.own_teams.emplace_back(team)));
      CompiledSchedule& compiled = former.emplace_back(Compile(Own(std::move(schedule))));
      compiled.since = ToInstant(edition->since);
      compiled.until = ToInstant(edition->until);
      former_ = nullptr;
    }
  }

  std::uint32_t AddTeam(const Team& team) {
    out_.teams.push_back(&team);
    std::vector<std::uint32_t>& members = out_.members.emplace_back();
    for (const UserId& id : team.members) {
      const auto user = out_.user_numbers.find(id);
      if (user != out_.user_numbers.end()) members.push_back(user->second);
    }
    std::sort(members.begin(), members.end());
    return static_cast<std::uint32_t>(out_.teams.size() - 1);
  }

  // nullopt: the database of zones does not know it (any more).
  std::optional<std::uint32_t> Zone(const std::string& name) {
    const auto known = zone_numbers_.find(name);
    if (known != zone_numbers_.end()) return known->second;
    absl::StatusOr<ZoneClock> clock = ZoneClock::Load(name);
    if (!clock.ok()) return std::nullopt;
    out_.zones.push_back(*std::move(clock));
    return zone_numbers_[name] = static_cast<std::uint32_t>(out_.zones.size() - 1);
  }

  // nullptr for no calendar.
  std::shared_ptr<const HolidayDays> Days(const HolidaysId& id) {
    auto& cache = former_ != nullptr ? former_holidays_ : holidays_;
    const auto [known, is_new] = cache.try_emplace(id);
    if (is_new) {
      for (const HolidayCalendar& calendar : former_ != nullptr ? former_->holidays : out_.source->holidays) {
        if (calendar.id == id) known->second = std::make_shared<const HolidayDays>(calendar);
      }
    }
    return known->second;
  }

  std::uint32_t UserZone(const User& user) { return Zone(user.time_zone).value_or(CompiledOrganisation::kNoZone); }

  // A former edition names teams as they were.
  std::optional<Ref> Find(const Target& target) const {
    const auto* team = std::get_if<TeamTarget>(&target);
    if (former_ == nullptr || team == nullptr) return out_.Find(target);
    const auto found = former_teams_.find(team->team);
    if (found == former_teams_.end()) return std::nullopt;
    return Ref{.kind = Ref::Kind::kTeam, .number = found->second};
  }

  Crew MakeCrew(const std::vector<Target>& targets) const {
    Crew crew;
    for (const Target& target : targets) {
      if (const std::optional<Ref> ref = Find(target)) crew.push_back(*ref);
    }
    std::sort(crew.begin(), crew.end());
    crew.erase(std::unique(crew.begin(), crew.end()), crew.end());
    return crew;
  }

  // What fixed shifts come to: where they begin and end, who is on changes.
  CompiledShifts MakeTiles(const FixedShifts& fixed, std::vector<Crew>& slots) const {
    std::vector<Instant> edges;
    std::vector<Interval> intervals;
    for (const FixedShift& shift : fixed.shifts) {
      intervals.push_back({.start = ToInstant(shift.start), .end = ToInstant(shift.end)});
      edges.push_back(intervals.back().start);
      edges.push_back(intervals.back().end);
    }
    std::sort(edges.begin(), edges.end());
    edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
    const IntervalIndex index(intervals);
    CompiledShifts out;
    for (std::size_t i = 1; i < edges.size(); ++i) {
      std::vector<Target> together;
      for (const std::uint32_t shift : index.At(edges[i - 1])) {
        const std::vector<Target>& members = fixed.shifts[shift].members;
        together.insert(together.end(), members.begin(), members.end());
      }
      if (together.empty()) continue;
      Crew crew = MakeCrew(together);
      const auto known = std::find(slots.begin(), slots.end(), crew);
      const auto slot = static_cast<std::uint32_t>(known - slots.begin());
      if (known == slots.end()) slots.push_back(std::move(crew));
      out.tiles.push_back({.start = edges[i - 1], .end = edges[i], .slot = slot});
    }
    return out;
  }

  void Compile(const Rotation& rotation, const Layer& layer, const ZoneClock& clock, CompiledLayer& out) const {
    out.since = clock.FirstAt(ToWallTime(absl::CivilSecond(rotation.start)));
    out.start_index = rotation.start_index;
    const bool differ =
        std::any_of(out.slots.begin(), out.slots.end(), [&](const Crew& c) { return c != out.slots[0]; });
    out.pattern =
        CompiledRotation{.turns = Turns(rotation, WindowsOfWeek(layer.restrictions), clock), .hands_over = differ};
  }

  CompiledLayer Compile(const Layer& layer, const CompiledSchedule& schedule, std::uint32_t source) {
    const std::optional<std::uint32_t> known = layer.time_zone.empty() ? schedule.zone : Zone(layer.time_zone);
    const std::uint32_t zone = known.value_or(schedule.zone);
    const ZoneClock& clock = out_.zones[zone];
    CompiledLayer out = {
        .source = source,
        .priority = layer.priority,
        .zone = zone,
        .since = kFirstInstant,
        .until = layer.effective_until ? ToInstant(*layer.effective_until) : kNever,
        .mask = WeekMask(WindowsOfWeek(layer.restrictions)),
        .holidays = {.days = Days(layer.holidays.holidays),
                     .holidays_only = layer.holidays.on == HolidayRule::On::kHolidaysOnly},
        .pattern = CompiledShifts(),
        .start_index = 0,
        .slots = {                                     }
    };
    for (const Participant& participant : layer.participants)
      out.slots.push_back(MakeCrew(participant.members));
    if (const auto* rotation = std::get_if<Rotation>(&layer.pattern)) {
      Compile(*rotation, layer, clock, out);
    } else if (const auto* recurrence = std::get_if<Recurrence>(&layer.pattern)) {
      absl::StatusOr<Occurrences> occurrences = Occurrences::Make(*recurrence, clock);
      if (!occurrences.ok()) {  // checked once, and impossible since its zone changed
        out.slots.clear();
        return out;
      }
      out.start_index = recurrence->start_index;
      out.pattern = CompiledRecurrence{.occurrences = *std::move(occurrences),
                                       .elapsed = recurrence->count == Rotation::Count::kElapsed,
                                       .shifts_per_turn = recurrence->shifts_per_participant};
    } else {
      out.pattern = MakeTiles(std::get<FixedShifts>(layer.pattern), out.slots);
    }
    if (layer.effective_since) out.since = ToInstant(*layer.effective_since);
    if (!known) out.slots.clear();
    return out;
  }

  void CompileLayers(const Schedule& schedule, CompiledSchedule& out) {
    for (std::uint32_t i = 0; i < schedule.layers.size(); ++i) {
      out.layers.push_back(Compile(schedule.layers[i], out, i));
    }
    std::stable_sort(out.layers.begin(), out.layers.end(),
                     [](const CompiledLayer& a, const CompiledLayer& b) { return a.priority > b.priority; });
  }

  void CompileOverrides(const Schedule& schedule, CompiledSchedule& out) const {
    std::vector<std::uint32_t> order;
    for (std::uint32_t i = 0; i < schedule.overrides.size(); ++i)
      order.push_back(i);
    std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
      return schedule.overrides[a].seq < schedule.overrides[b].seq;
    });
    std::vector<Interval> intervals;
    for (const std::uint32_t source : order) {
      const Override& from = schedule.overrides[source];
      CompiledOverride& to = out.overrides.emplace_back();
      to.source = source;
      to.type = from.type;
      to.scoped = !from.layers.empty();
      for (std::size_t i = 0; i < out.layers.size(); ++i) {
        const LayerId& id = schedule.layers[out.layers[i].source].id;
        if (std::find(from.layers.begin(), from.layers.end(), id) != from.layers.end()) to.layers.Set(i);
      }
      to.crew = MakeCrew(from.users);
      if (from.type == Override::Type::kSwap) {
        to.from = out_.user_numbers.at(from.from_user);
        to.to = out_.user_numbers.at(from.to_user);
      }
      intervals.push_back({.start = ToInstant(from.start), .end = ToInstant(from.end)});
    }
    out.override_index = IntervalIndex(intervals);
    for (std::uint32_t i = 0; i < intervals.size(); ++i) {
      AddEdges(intervals[i], i, out.edges);
    }
  }

  void CompileTemporaries(const Schedule& schedule, CompiledSchedule& out) const {
    for (const TemporarySchedule& from : schedule.temporary_schedules) {
      CompiledTemporary& to = out.temporaries.emplace_back();
      to.start = ToInstant(from.start);
      to.end = ToInstant(from.end);
      AddEdges({.start = to.start, .end = to.end}, Edge::kTemporary, out.edges);
      std::vector<Interval> shifts;
      for (const FixedShift& shift : from.shifts) {
        to.crews.push_back(MakeCrew(shift.members));
        shifts.push_back({.start = ToInstant(shift.start), .end = ToInstant(shift.end)});
        AddEdges(shifts.back(), Edge::kTemporary, out.edges);
      }
      to.shifts = IntervalIndex(shifts);
    }
    std::sort(out.temporaries.begin(), out.temporaries.end(),
              [](const CompiledTemporary& a, const CompiledTemporary& b) { return a.start < b.start; });
  }

  static void AddEdges(const Interval& interval, std::uint32_t number, std::vector<Edge>& edges) {
    edges.push_back({.at = interval.start, .number = number, .begins = true});
    edges.push_back({.at = interval.end, .number = number, .begins = false});
  }

  // `schedule` stays where it is.
  CompiledSchedule Compile(const Schedule& schedule) {
    CompiledSchedule out;
    out.source = &schedule;
    out.zone = Zone(schedule.time_zone).value_or(0);
    CompileLayers(schedule, out);
    CompileOverrides(schedule, out);
    CompileTemporaries(schedule, out);
    std::sort(out.edges.begin(), out.edges.end(), [](const Edge& a, const Edge& b) { return a.at < b.at; });
    FindNested(out);
    return out;
  }

  static void AddNested(const Crew& crew, std::vector<std::uint32_t>& found) {
    for (const Ref& ref : crew) {
      const bool known = std::find(found.begin(), found.end(), ref.number) != found.end();
      if (ref.kind == Ref::Kind::kSchedule && !known) found.push_back(ref.number);
    }
  }

  static void FindNested(CompiledSchedule& schedule) {
    for (const CompiledLayer& layer : schedule.layers) {
      for (const Crew& slot : layer.slots)
        AddNested(slot, schedule.nested);
    }
    for (const CompiledOverride& override_ : schedule.overrides)
      AddNested(override_.crew, schedule.nested);
    for (const CompiledTemporary& temporary : schedule.temporaries) {
      for (const Crew& crew : temporary.crews)
        AddNested(crew, schedule.nested);
    }
  }

  const ScheduleRecord& record_;
  CompiledOrganisation out_;
  absl::flat_hash_map<std::string, std::uint32_t> zone_numbers_;
  absl::flat_hash_map<HolidaysId, std::shared_ptr<const HolidayDays>> holidays_;
  std::vector<ScheduleId> schedules_;  // by number
  // The edition that is being compiled, if it is over, and what it names.
  const ScheduleEdition* former_ = nullptr;
  absl::flat_hash_map<TeamId, std::uint32_t> former_teams_;
  absl::flat_hash_map<HolidaysId, std::shared_ptr<const HolidayDays>> former_holidays_;
};

}  // namespace

std::optional<Ref> CompiledOrganisation::Find(const Target& target) const {
  const auto find = [](const auto& numbers, const auto& id, Ref::Kind kind) -> std::optional<Ref> {
    const auto found = numbers.find(id);
    if (found == numbers.end()) return std::nullopt;
    return Ref{.kind = kind, .number = found->second};
  };
  if (const auto* user = std::get_if<UserTarget>(&target)) return find(user_numbers, user->user, Ref::Kind::kUser);
  if (const auto* team = std::get_if<TeamTarget>(&target)) return find(team_numbers, team->team, Ref::Kind::kTeam);
  const auto* schedule = std::get_if<ScheduleTarget>(&target);
  if (schedule == nullptr || schedule->turn != ScheduleTarget::Turn::kPresent) return std::nullopt;
  return find(schedule_numbers, schedule->schedule, Ref::Kind::kSchedule);
}

const CompiledSchedule& CompiledOrganisation::FormerAt(std::uint32_t schedule, Instant at) const {
  const std::vector<CompiledSchedule>& editions = former[schedule];
  const auto found = std::upper_bound(editions.begin(), editions.end(), at,
                                      [](Instant t, const CompiledSchedule& edition) { return t < edition.until; });
  return found == editions.end() ? schedules[schedule] : *found;
}

CompiledOrganisation CompileOrganisation(OrganisationPtr organisation, const ScheduleRecord& record) {
  return Compiler(std::move(organisation), record).Run();
}

}  // namespace tocsin
