#include "escalation/schedule_record.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace tocsin {
namespace {

// Declared overrides have lower ones.
constexpr std::uint64_t kFirstSeq = std::uint64_t{1} << 63U;

}  // namespace

const ScheduleEdition* ScheduleRecord::InForce(const ScheduleId& schedule) const {
  for (const ScheduleEdition* edition : editions) {
    if (edition->InForce() && edition->schedule.id == schedule) return edition;
  }
  return nullptr;
}

std::vector<const ScheduleEdition*> ScheduleRecord::Former(const ScheduleId& schedule) const {
  std::vector<const ScheduleEdition*> former;
  for (const ScheduleEdition* edition : editions) {
    if (!edition->InForce() && edition->schedule.id == schedule) former.push_back(edition);
  }
  std::ranges::sort(former, {}, &ScheduleEdition::since);
  return former;
}

Override OverrideOf(const ScheduleChange& change) {
  Override out = change.change;
  out.id = absl::StrCat("O", change.id.value());
  out.seq = kFirstSeq + change.id.value();
  return out;
}

Schedule EffectiveSchedule(const Schedule& declared, const ScheduleRecord& record) {
  Schedule out = declared;
  if (const ScheduleEdition* edition = record.InForce(declared.id)) out.layers = edition->schedule.layers;
  for (const ScheduleChange* change : record.changes) {
    if (change->schedule == declared.id && change->state == ScheduleChange::State::kInForce) {
      out.overrides.push_back(OverrideOf(*change));
    }
  }
  return out;
}

}  // namespace tocsin
