// How one version of a layer takes over from another: when, and with whose turn. Part of escalation/schedule_edit.h.
#pragma once

#include <string>
#include <vector>

#include "escalation/seconds.h"
#include "model/schedule_edition.h"

namespace tocsin {

// The versions of one layer in the order in which they count, zones written out, and what is to be said of it.
struct Succession {
  std::vector<Layer> versions;
  std::string line;
};

// `versions` is not empty.
class LayerEdit {
 public:
  LayerEdit(const std::vector<Layer>& versions, Instant now, const ScheduleTransition& transition);

  // When the version that counts now would hand over, or whatever else the transition asks for; `now` for one that has not
  // begun, has ended or has no turns.
  Instant At() const { return at_; }

  // `declared` takes over. `keep_order`: it says by itself who begins.
  Succession TakeOver(Layer declared, bool keep_order) const;
  Succession End() const;

 private:
  const Layer* VersionAt(Instant at) const;
  Instant FullRotation(const Layer& version) const;
  std::vector<Layer> CutAt(Instant at) const;
  void KeepTurn(Instant at, Layer& declared) const;
  std::string Describe(const Layer& declared, Instant at) const;

  const std::vector<Layer>& versions_;
  Instant now_;
  const ScheduleTransition& transition_;
  Instant at_;
};

// Takes out whom nobody knows any more; a slot that is empty by that is the next one's in the order.
// `known(target)` says whether there still is such a target.
template <typename Known>
bool TakeOut(Layer& layer, const Known& known) {
  bool any = false;
  std::vector<bool> emptied(layer.participants.size());
  for (std::size_t i = 0; i < layer.participants.size(); ++i) {
    std::vector<Target>& members = layer.participants[i].members;
    const bool had = !members.empty();
    any |= std::erase_if(members, [&](const Target& target) { return !known(target); }) > 0;
    emptied[i] = had && members.empty();
  }
  const std::vector<Participant> before = layer.participants;
  for (std::size_t i = 0; i < before.size(); ++i) {
    for (std::size_t step = 1; emptied[i] && step < before.size(); ++step) {
      const std::size_t next = (i + step) % before.size();
      if (emptied[next]) continue;
      layer.participants[i] = before[next];
      break;
    }
  }
  if (auto* fixed = std::get_if<FixedShifts>(&layer.pattern)) {
    for (FixedShift& shift : fixed->shifts)
      any |= std::erase_if(shift.members, [&](const Target& target) { return !known(target); }) > 0;
  }
  return any;
}

// "2026-11-23 09:00 Europe/Zurich".
std::string LocalText(Instant at, const std::string& zone);

}  // namespace tocsin
