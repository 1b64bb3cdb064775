#include "engine/responder_fired.h"

#include <algorithm>

namespace tocsin {
namespace {

const GroupReport* ReportOf(const Turn& turn, GroupKey key, std::uint32_t shard) {
  const auto found = turn.state().live.find(key);
  if (found == turn.state().live.end()) return nullptr;
  const auto report = found->second.find(shard);
  return report == found->second.end() ? nullptr : &report->second;
}

bool Holds(const GroupReport& report) {
  return report.firing > 0 || report.suppressed > 0;
}

const FiredIn* Remembered(const Group& group, const GroupReport& report) {
  const auto found = std::ranges::find_if(
      group.fired, [&](const FiredIn& each) { return each.key == report.key && each.shard == report.shard; });
  return found == group.fired.end() ? nullptr : &*found;
}

template <typename Visit>
void VisitReports(const Turn& turn, GroupKey key, const Visit& visit) {
  const auto found = turn.state().live.find(key);
  if (found == turn.state().live.end()) return;
  for (const auto& [shard, report] : found->second)
    visit(report);
}

template <typename Visit>
void VisitReports(const Turn& turn, const Group& group, const Visit& visit) {
  VisitReports(turn, group.key, visit);
  if (group.state == Group::State::kResolved) return;
  for (const GroupId id : group.merged) {
    if (const Group* part = turn.Find<Group>(id)) VisitReports(turn, part->key, visit);
  }
}

}  // namespace

std::vector<FiredIn> FiredNow(const Turn& turn, const Group& group) {
  std::vector<FiredIn> fired;
  VisitReports(turn, group, [&](const GroupReport& report) {
    if (Holds(report)) fired.push_back({report.key, report.shard, report.fired_total});
  });
  return fired;
}

bool FiresAnew(const Turn& turn, const Group& group) {
  std::uint64_t total = 0;
  bool anew = false;
  VisitReports(turn, group, [&](const GroupReport& report) {
    total += report.fired_total;
    const FiredIn* known = Remembered(group, report);
    // A total below the remembered one: the shard's table began anew.
    anew |= report.firing > 0 && (known == nullptr || known->total != report.fired_total);
  });
  // Decided on before shards were remembered.
  if (group.fired.empty() && group.firing + group.suppressed > 0) return total > group.fired_total;
  return anew;
}

void ForgetRecovered(Turn& turn, GroupId id) {
  const auto recovered = [&](const FiredIn& each) {
    const GroupReport* report = ReportOf(turn, each.key, each.shard);
    return report == nullptr || !Holds(*report);
  };
  if (std::ranges::any_of(turn.Find<Group>(id)->fired, recovered)) std::erase_if(turn.Edit<Group>(id).fired, recovered);
}

}  // namespace tocsin
