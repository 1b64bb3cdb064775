// What people did in the recorded course of events, done again in a replay to what is about the same there.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/response.h"
#include "replay/told.h"
#include "replay/world.h"

namespace tocsin::replay {

class Actions {
 public:
  // All outlive this. `recorded` has folded every change before it is given to Repeat.
  Actions(const ResponderState& recorded, World& world, const Told& replayed)
      : recorded_(recorded), world_(world), replayed_(replayed) {}

  // Does what people did in `change`.
  void Repeat(const Change& change);

  std::uint64_t done() const { return done_; }
  // What could not be done again, by name, and how often.
  const std::map<std::string, std::uint64_t>& left_out() const { return left_out_; }

 private:
  void Repeat(const AuditEntry& entry, const Change& change);
  void OnGroups(const AuditEntry& entry, GroupId recorded);
  void Merge(const AuditEntry& entry, const std::vector<GroupId>& into);
  // The groups of the replay that are about the same.
  std::vector<GroupId> Like(const Group& recorded) const;
  void OnAcknowledged(AuditEntry entry, const Change& change);
  void OnIncident(const AuditEntry& entry, IncidentId recorded);
  void OnSilence(const AuditEntry& entry, SilenceId recorded, const Change& change);
  void OnSchedule(const AuditEntry& entry, ScheduleChangeId recorded, const Change& change);
  void Open(const AuditEntry& entry, IncidentId recorded);
  CommandResult Do(const AuditEntry& entry, Command::Body body);

  const ResponderState& recorded_;
  World& world_;
  const Told& replayed_;
  std::map<SilenceId, SilenceId> silences_;  // made since the replay began: recorded, replayed
  std::map<IncidentId, IncidentId> incidents_;
  std::map<ScheduleChangeId, ScheduleChangeId> schedule_changes_;
  std::uint64_t done_ = 0;
  std::map<std::string, std::uint64_t> left_out_;
};

}  // namespace tocsin::replay
