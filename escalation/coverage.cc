#include "escalation/coverage.h"

#include <memory>
#include <utility>

#include "base/status.h"

namespace tocsin {
namespace {

void DropChanges(Organisation& organisation) {
  for (Schedule& schedule : organisation.schedules) {
    schedule.overrides.clear();
    schedule.temporary_schedules.clear();
  }
}

// Puts `somebody` wherever a layer has anybody or nobody.
void FillSlots(Organisation& organisation, const UserId& somebody) {
  const std::vector<Target> on = {UserTarget{somebody}};
  for (Schedule& schedule : organisation.schedules) {
    for (Layer& layer : schedule.layers) {
      if (!layer.participants.empty()) layer.participants = {Participant{on}};
      if (auto* rotation = std::get_if<Rotation>(&layer.pattern)) rotation->start_index = 0;
      if (auto* recurrence = std::get_if<Recurrence>(&layer.pattern)) recurrence->start_index = 0;
      if (auto* fixed = std::get_if<FixedShifts>(&layer.pattern)) {
        for (FixedShift& shift : fixed->shifts)
          shift.members = on;
      }
    }
  }
}

// "layer weekly, turn 12" of "schedule db: layer weekly, turn 12".
std::string WithoutSchedule(const std::string& reason) {
  const std::size_t colon = reason.find(": ");
  return colon == std::string::npos ? reason : reason.substr(colon + 2);
}

}  // namespace

absl::Status Coverage::Prepare() {
  if (as_declared_) return absl::OkStatus();
  auto declared = std::make_shared<Organisation>(roster_.organisation());
  DropChanges(*declared);
  TOCSIN_ASSIGN(as_declared_, Roster::Compile(declared));
  auto filled = std::make_shared<Organisation>(*declared);
  if (!filled->users.empty()) FillSlots(*filled, filled->users.front().id);
  TOCSIN_ASSIGN(never_empty_, Roster::Compile(filled));
  return absl::OkStatus();
}

Gap Coverage::Silenced(const ScheduleId& id, const Shift& stretch) const {
  Gap gap{stretch.start, stretch.end, Gap::Cause::kSilenced, ""};
  const Schedule* schedule = roster_.organisation().Find(id);
  for (const TemporarySchedule& each : schedule->temporary_schedules) {
    if (each.start <= stretch.start && stretch.start < each.end) gap.why = "a temporary schedule";
  }
  for (const Override& each : schedule->overrides) {
    if (each.start > stretch.start || stretch.start >= each.end || gap.why.starts_with("a temporary")) continue;
    gap.why += (gap.why.empty() ? "override " : ", ") + each.id;
  }
  if (gap.why.empty()) gap.why = "an override";
  gap.why += " instead of";
  for (const UserId& user : stretch.users)
    gap.why += (user == stretch.users.front() ? " " : ", ") + user.value();
  return gap;
}

Gap Coverage::EmptySlot(const ScheduleId& id, const Shift& stretch) const {
  const Target target = ScheduleTarget{id};
  const std::vector<Person> people = never_empty_->Resolve({&target, 1}, stretch.start);
  const std::string layer = people.empty() ? "a layer" : WithoutSchedule(people.front().reason);
  return {stretch.start, stretch.end, Gap::Cause::kEmptySlot, layer + ": nobody's turn"};
}

absl::Status Coverage::TakeApart(const ScheduleId& schedule, const Shift& gap, std::vector<Gap>& gaps) const {
  TOCSIN_ASSIGN(const std::vector<Shift> declared, as_declared_->FinalSchedule(schedule, gap.start, gap.end));
  for (const Shift& stretch : declared) {
    if (!stretch.users.empty()) {
      gaps.push_back(Silenced(schedule, stretch));
      continue;
    }
    TOCSIN_ASSIGN(const std::vector<Shift> layers, never_empty_->FinalSchedule(schedule, stretch.start, stretch.end));
    for (const Shift& part : layers) {
      gaps.push_back(part.users.empty() ? Gap{part.start, part.end, Gap::Cause::kNoLayer, "no layer is on"}
                                        : EmptySlot(schedule, part));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Gap>> Coverage::Gaps(const ScheduleId& schedule,
                                                absl::Time since,
                                                absl::Time until,
                                                std::size_t most) {
  TOCSIN_ASSIGN(std::vector<Shift> stretches, roster_.Gaps(schedule, since, until));
  std::vector<Gap> gaps;
  if (stretches.empty()) return gaps;
  if (stretches.size() > most) stretches.resize(most);
  TOCSIN_TRY(Prepare());
  for (const Shift& stretch : stretches)
    TOCSIN_TRY(TakeApart(schedule, stretch, gaps));
  return gaps;
}

}  // namespace tocsin
