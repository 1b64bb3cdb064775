#include "escalation/schedule_edit.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "escalation/layer_succession.h"

namespace tocsin {
namespace {

constexpr std::size_t kLinesPerEdition = 20;
constexpr std::size_t kLineBytes = 300;

// Whatever targets name in a schedule that counts at or after `from`.
template <typename Use>
void ForEachTarget(const Schedule& schedule, const Use& use) {
  const auto each = [&](const std::vector<Target>& targets) {
    for (const Target& target : targets)
      use(target);
  };
  for (const Layer& layer : schedule.layers)
    ForEachCrew(layer, each);
  for (const Override& change : schedule.overrides) {
    each(change.users);
    if (change.from_user.set()) use(Target(UserTarget{change.from_user}));
    if (change.to_user.set()) use(Target(UserTarget{change.to_user}));
  }
  for (const TemporarySchedule& temporary : schedule.temporary_schedules) {
    for (const FixedShift& shift : temporary.shifts)
      each(shift.members);
  }
}

// The order in which layers, overrides and temporary schedules are written means nothing.
void Sort(Schedule& schedule) {
  std::ranges::stable_sort(schedule.layers, {}, &Layer::id);
  std::ranges::stable_sort(schedule.overrides, {}, &Override::seq);
  std::ranges::stable_sort(schedule.temporary_schedules, {}, &TemporarySchedule::start);
}

// A schedule as it is evaluated, with all that it rests on.
struct Evaluated {
  Schedule schedule;
  std::vector<Team> teams;
  std::vector<HolidayCalendar> holidays;

  // What was over before `since` makes no difference any more.
  static Evaluated Of(const Organisation& organisation, Schedule schedule, absl::Time since) {
    Evaluated out;
    std::erase_if(schedule.overrides, [&](const Override& change) { return change.end <= since; });
    std::erase_if(schedule.temporary_schedules, [&](const TemporarySchedule& each) { return each.end <= since; });
    Sort(schedule);
    std::set<TeamId> teams;
    ForEachTarget(schedule, [&](const Target& target) {
      if (const auto* team = std::get_if<TeamTarget>(&target)) teams.insert(team->team);
    });
    for (const TeamId& id : teams) {
      if (const Team* team = organisation.Find(id)) out.teams.push_back(*team);
    }
    std::set<HolidaysId> calendars;
    for (const Layer& layer : schedule.layers)
      calendars.insert(layer.holidays.holidays);
    for (const HolidayCalendar& calendar : organisation.holidays) {
      if (calendars.contains(calendar.id)) out.holidays.push_back(calendar);
    }
    out.schedule = std::move(schedule);
    return out;
  }

  // Whether both have the same people on call at every instant.
  bool Means(const Evaluated& other) const {
    const auto bare = [](const Evaluated& from) {
      Evaluated out = from;
      out.schedule.name.clear();
      out.schedule.team = TeamId();
      out.schedule.time_zone.clear();  // written out in the layers
      for (Layer& layer : out.schedule.layers)
        layer.name.clear();
      for (Team& team : out.teams) {
        team.name.clear();
        std::ranges::sort(team.members);
      }
      return out;
    };
    const Evaluated a = bare(*this);
    const Evaluated b = bare(other);
    return a.schedule == b.schedule && a.teams == b.teams && a.holidays == b.holidays;
  }
};

std::vector<Layer> WithZones(std::vector<Layer> layers, const std::string& zone) {
  for (Layer& layer : layers) {
    if (layer.time_zone.empty()) layer.time_zone = zone;
  }
  return layers;
}

bool SameMeaning(Layer a, Layer b) {
  a.name.clear();
  b.name.clear();
  return a == b;
}

std::optional<std::int32_t> StartIndexOf(const Layer& layer) {
  if (const auto* rotation = std::get_if<Rotation>(&layer.pattern)) return rotation->start_index;
  if (const auto* recurrence = std::get_if<Recurrence>(&layer.pattern)) return recurrence->start_index;
  return std::nullopt;
}

// More than an upper bound of what the row will take on the disk.
std::size_t RoughBytes(const ScheduleEdition& edition) {
  std::size_t bytes = 4096;
  const auto add = [&](const auto&... texts) { ((bytes += texts.size() + 24), ...); };
  ForEachTarget(edition.schedule, [&](const Target& target) {
    if (const auto* user = std::get_if<UserTarget>(&target)) add(user->user.value());
    if (const auto* team = std::get_if<TeamTarget>(&target)) add(team->team.value());
    if (const auto* schedule = std::get_if<ScheduleTarget>(&target)) add(schedule->schedule.value());
  });
  for (const Layer& layer : edition.schedule.layers) {
    add(layer.id.value(), layer.name, layer.time_zone);
    bytes += 200 + 24 * (layer.participants.size() + layer.restrictions.size());
    if (const auto* fixed = std::get_if<FixedShifts>(&layer.pattern)) bytes += 48 * fixed->shifts.size();
    if (const auto* recurrence = std::get_if<Recurrence>(&layer.pattern)) {
      add(recurrence->rule);
      bytes += 24 * (recurrence->except.size() + recurrence->also.size());
    }
  }
  for (const Override& change : edition.schedule.overrides) {
    add(change.id, change.created_by, change.reason);
    bytes += 80;
    for (const LayerId& layer : change.layers)
      add(layer.value());
  }
  for (const TemporarySchedule& temporary : edition.schedule.temporary_schedules)
    bytes += 48 + 48 * temporary.shifts.size();
  for (const Team& team : edition.teams) {
    add(team.id.value(), team.name);
    for (const UserId& member : team.members)
      add(member.value());
  }
  for (const HolidayCalendar& calendar : edition.holidays) {
    for (const Holiday& day : calendar.days)
      add(day.name);
  }
  for (const FormerPerson& person : edition.people)
    add(person.id.value(), person.name, person.time_zone);
  return bytes;
}

class Editor {
 public:
  Editor(const Organisation& before,
         const Organisation& after,
         const ScheduleRecord& record,
         absl::Time now,
         const ScheduleTransition& transition)
      : before_(before), after_(after), record_(record), now_(ToTime(ToInstant(now))), transition_(transition) {
    for (const User& user : after.users)
      users_.insert(user.id);
    for (const Team& team : after.teams)
      teams_.insert(team.id);
    for (const Schedule& schedule : after.schedules)
      schedules_.insert(schedule.id);
  }

  absl::StatusOr<ScheduleEdit> Run() {
    for (const Schedule& schedule : before_.schedules)
      TOCSIN_TRY(Annotate(Edit(&schedule, after_.Find(schedule.id)), "schedule " + schedule.id.value()));
    for (const Schedule& schedule : after_.schedules) {
      if (before_.Find(schedule.id) == nullptr)
        TOCSIN_TRY(Annotate(Edit(nullptr, &schedule), "schedule " + schedule.id.value()));
    }
    Forget();
    return std::move(out_);
  }

 private:
  bool Known(const Target& target) const {
    if (const auto* user = std::get_if<UserTarget>(&target)) return users_.contains(user->user);
    if (const auto* team = std::get_if<TeamTarget>(&target)) return teams_.contains(team->team);
    const auto* schedule = std::get_if<ScheduleTarget>(&target);
    return schedule != nullptr && schedules_.contains(schedule->schedule);
  }

  // As it is declared, but with the layers as they are evaluated.
  Schedule InForce(const Schedule& declared) const {
    Schedule out = declared;
    const ScheduleEdition* edition = record_.InForce(declared.id);
    if (edition != nullptr) out.layers = edition->schedule.layers;
    out.layers = WithZones(std::move(out.layers), declared.time_zone);
    return out;
  }

  absl::Status Edit(const Schedule* before, const Schedule* after) {
    const ScheduleId& id = before != nullptr ? before->id : after->id;
    lines_.clear();
    const std::vector<const ScheduleEdition*> former = record_.Former(id);
    const absl::Time since = former.empty() ? absl::InfinitePast() : former.back()->until;
    Schedule was;
    was.id = id;
    was.time_zone = after != nullptr ? after->time_zone : before->time_zone;
    Schedule is = was;
    if (before != nullptr) was = InForce(*before);
    if (after != nullptr) {
      is = *after;
      is.layers = before != nullptr ? Layers(*before, was.layers, *after) : WithZones(after->layers, after->time_zone);
    }
    if (before == nullptr) lines_.push_back("is new: from now on");
    if (after == nullptr) lines_.push_back("ends now");
    const Evaluated old_one = Evaluated::Of(before_, was, since);
    if (!old_one.Means(Evaluated::Of(after_, is, since)) && since < now_) TOCSIN_TRY(Close(old_one, since));
    for (const std::string& line : lines_)
      out_.lines.push_back(absl::StrCat("schedule ", id.value(), ": ", line));
    return Open(is, after);
  }

  // The layers in force after the edit: of each those of its versions that are still to count.
  std::vector<Layer> Layers(const Schedule& before, const std::vector<Layer>& in_force, const Schedule& after) {
    std::map<LayerId, std::vector<Layer>> versions;
    for (const Layer& layer : in_force)
      versions[layer.id].push_back(layer);
    std::map<LayerId, Layer> declared_before;
    for (const Layer& layer : WithZones(before.layers, before.time_zone))
      declared_before.emplace(layer.id, layer);
    const std::vector<Layer> declared = WithZones(after.layers, after.time_zone);
    std::vector<Layer> out;
    Instant first = kNever;  // of the layers that change
    const auto add = [&](Succession succession) {
      lines_.push_back(std::move(succession.line));
      std::ranges::move(succession.versions, std::back_inserter(out));
    };
    for (const Layer& layer : declared) {
      const auto found = versions.find(layer.id);
      if (found == versions.end()) continue;
      const auto old = declared_before.find(layer.id);
      if (old != declared_before.end() && SameMeaning(old->second, layer)) {
        Keep(found->second, layer.name, out);
        continue;
      }
      const LayerEdit edit(found->second, ToInstant(now_), transition_);
      first = std::min(first, edit.At());
      add(edit.TakeOver(layer, old != declared_before.end() && StartIndexOf(old->second) != StartIndexOf(layer)));
    }
    for (const auto& [id, former] : versions) {
      if (std::ranges::find(declared, id, &Layer::id) != declared.end()) continue;
      const LayerEdit edit(former, ToInstant(now_), transition_);
      first = std::min(first, edit.At());
      add(edit.End());
    }
    for (const Layer& layer : declared) {
      if (!versions.contains(layer.id)) add(Begin(layer, first));
    }
    for (Layer& layer : out)
      Heal(layer);
    std::ranges::stable_sort(out, {}, [&](const Layer& layer) {
      return std::ranges::find(declared, layer.id, &Layer::id) - declared.begin();
    });
    return out;
  }

  // One that was not there before.
  Succession Begin(Layer layer, Instant first) const {
    Instant at = ToInstant(now_);
    if (transition_.from == ScheduleTransition::From::kTime) {
      at = std::max(at, ToInstant(transition_.at));
    } else if (transition_.from != ScheduleTransition::From::kNow && first != kNever) {
      at = first;
    }
    const bool later = at > ToInstant(now_);
    std::string line = absl::StrCat("layer ", layer.id.value(), " is new: from ",
                                    later ? LocalText(at, layer.time_zone) : std::string("now"), " on");
    const bool over = layer.effective_until && ToInstant(*layer.effective_until) <= at;
    if (later && !over && (!layer.effective_since || ToInstant(*layer.effective_since) < at))
      layer.effective_since = ToTime(at);
    return {{std::move(layer)}, std::move(line)};
  }

  void Keep(const std::vector<Layer>& versions, const std::string& name, std::vector<Layer>& out) const {
    for (const Layer& version : versions) {
      const bool over = version.effective_until && *version.effective_until <= now_;
      if (over && versions.size() > 1) continue;
      out.push_back(version);
      out.back().name = name;
    }
  }

  // A version that goes on for a while may name people who are gone.
  void Heal(Layer& layer) {
    if (TakeOut(layer, [&](const Target& target) { return Known(target); })) {
      lines_.push_back(
          absl::StrCat("layer ", layer.id.value(), ": whoever is gone is followed by the next in its order"));
    }
  }

  absl::Status Close(const Evaluated& was, absl::Time since) {
    ScheduleEdition edition;
    edition.schedule = was.schedule;
    std::erase_if(edition.schedule.overrides, [&](const Override& change) { return change.start >= now_; });
    std::erase_if(edition.schedule.temporary_schedules, [&](const auto& each) { return each.start >= now_; });
    edition.since = since;
    edition.until = now_;
    edition.teams = was.teams;
    edition.holidays = was.holidays;
    AddPeople(edition);
    edition.changes = lines_;
    if (edition.changes.empty()) edition.changes.push_back("overrides, teams or holidays have changed");
    if (edition.changes.size() > kLinesPerEdition) edition.changes.resize(kLinesPerEdition);
    for (std::string& line : edition.changes)
      line.resize(std::min(line.size(), kLineBytes));
    TOCSIN_TRY(CheckSize(edition));
    out_.editions.push_back(std::move(edition));
    return absl::OkStatus();
  }

  void AddPeople(ScheduleEdition& edition) const {
    std::set<UserId> named;
    ForEachTarget(edition.schedule, [&](const Target& target) {
      if (const auto* user = std::get_if<UserTarget>(&target)) named.insert(user->user);
    });
    for (const Team& team : edition.teams)
      named.insert(team.members.begin(), team.members.end());
    for (const User& user : before_.users) {
      if (named.contains(user.id)) edition.people.push_back({user.id, user.name, user.time_zone});
    }
  }

  static absl::Status CheckSize(const ScheduleEdition& edition) {
    const std::size_t bytes = RoughBytes(edition);
    if (bytes <= limits::kEditionBytes) return absl::OkStatus();
    return Exhausted("would need about %d bytes to be remembered as it was, at most %d: make two schedules of it",
                     bytes, limits::kEditionBytes);
  }

  // A row for what is evaluated otherwise than it is declared.
  absl::Status Open(const Schedule& is, const Schedule* declared) {
    const ScheduleEdition* present = record_.InForce(is.id);
    const bool as_declared = declared == nullptr || is.layers == WithZones(declared->layers, declared->time_zone);
    if (as_declared) {
      if (present != nullptr) out_.removed.push_back(present->id);
      return absl::OkStatus();
    }
    if (is.layers.size() > limits::kLayerVersionsPerSchedule) {
      return Exhausted(
          "would have %d versions of layers under way, at most %d are possible: let some of them end first",
          is.layers.size(), limits::kLayerVersionsPerSchedule);
    }
    ScheduleEdition edition;
    if (present != nullptr) edition = *present;
    edition.schedule = Schedule();
    edition.schedule.id = is.id;
    edition.schedule.layers = is.layers;
    if (present == nullptr || !(present->schedule == edition.schedule)) edition.since = now_;
    edition.until = absl::InfiniteFuture();
    TOCSIN_TRY(CheckSize(edition));
    if (present == nullptr || !(*present == edition)) out_.editions.push_back(std::move(edition));
    return absl::OkStatus();
  }

  // The oldest go: by age, then by number.
  void Forget() {
    std::vector<const ScheduleEdition*> over;
    std::map<ScheduleId, std::size_t> count;
    for (const ScheduleEdition* edition : record_.editions) {
      if (edition->InForce()) continue;
      over.push_back(edition);
      ++count[edition->schedule.id];
    }
    std::size_t all = over.size();
    for (const ScheduleEdition& edition : out_.editions) {
      if (edition.InForce()) continue;
      ++all;
      ++count[edition.schedule.id];
    }
    std::ranges::stable_sort(over, {}, &ScheduleEdition::until);
    const absl::Time before = now_ - absl::Hours(24) * limits::kEditionDays;
    for (const ScheduleEdition* edition : over) {
      std::size_t& own = count[edition->schedule.id];
      if (edition->until >= before && all <= limits::kScheduleEditions && own <= limits::kEditionsPerSchedule) continue;
      out_.removed.push_back(edition->id);
      --all;
      --own;
    }
  }

  const Organisation& before_;
  const Organisation& after_;
  const ScheduleRecord& record_;
  const absl::Time now_;
  const ScheduleTransition& transition_;
  std::set<UserId> users_;
  std::set<TeamId> teams_;
  std::set<ScheduleId> schedules_;
  std::vector<std::string> lines_;  // of the schedule at hand
  ScheduleEdit out_;
};

}  // namespace

absl::StatusOr<ScheduleEdit> EditSchedules(const Organisation& before,
                                           const Organisation& after,
                                           const ScheduleRecord& record,
                                           absl::Time now,
                                           const ScheduleTransition& transition) {
  return Editor(before, after, record, now, transition).Run();
}

ScheduleRecord Edited(const ScheduleRecord& record, const ScheduleEdit& edit) {
  ScheduleRecord out;
  out.changes = record.changes;
  for (const ScheduleEdition* edition : record.editions) {
    const bool gone = std::ranges::find(edit.removed, edition->id) != edit.removed.end();
    const bool replaced = std::ranges::find(edit.editions, edition->id, &ScheduleEdition::id) != edit.editions.end();
    if (!gone && !replaced) out.editions.push_back(edition);
  }
  for (const ScheduleEdition& edition : edit.editions)
    out.editions.push_back(&edition);
  return out;
}

}  // namespace tocsin
