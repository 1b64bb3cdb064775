// What happened is told for good (I15): timelines and the audit log have everything after each recovery that they had before it, and the
// log's chain goes on from where it was.
//
// It hears what those who follow along are told, which is durable, and which commands have answered OK; it looks into the store at each
// start and at the end.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/timeline.h"
#include "storage/audit_chain.h"
#include "storage/store.h"

namespace tocsin::sim {

class History {
 public:
  explicit History(std::function<void(std::string)> violate) : violate_(std::move(violate)) {}

  void Happened(const TimelineEntry& entry);
  // A command that leaves an entry of the audit log, by the origin that it gave.
  void Answered(std::string origin) { answered_.insert(std::move(origin)); }
  void Look(const Store& store);
  std::uint64_t checked() const { return checked_; }

 private:
  void LookAtTimelines(const Store& store);
  void LookAtAuditLog(const Store& store);
  void LookAtChain(const Store& store);

  const std::function<void(std::string)> violate_;
  std::map<Subject, std::vector<TimelineEntry>> happened_;  // since the last look
  std::set<std::string> answered_;                          // since then, too
  AuditHead head_;                                          // as it was told then
  std::uint64_t checked_ = 0;
};

}  // namespace tocsin::sim
