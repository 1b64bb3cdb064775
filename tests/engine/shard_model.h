// A shard as its header describes it, in plain code: maps, whole alerts, nothing incremental. The oracle of the real one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/shard.h"
#include "model/rules.h"

namespace tocsin::shard_test {

class ShardModel {
 public:
  struct Alert {
    AlertEvent event;  // the content that was last taken
    IntegrationIndex integration = 0;
    Severity severity = Severity::kUnknown;
    bool firing = false;
    bool fired = false;
    bool acknowledged = false;
    bool looked_ended = false;
    bool explicit_end = false;
    absl::Time fired_at;
    absl::Time starts_at;
    bool starts_given = false;
    std::optional<absl::Time> ends_at;
    absl::Time last_seen_at;
    absl::Time resolved_at;
    std::string resolved_reason;
    std::uint64_t received = 0;
    std::optional<std::int64_t> until_s;  // of taken-in time: the lease's end, or when it is forgotten
    SilenceId silence;
    bool counted = false;                                     // this firing is in its groups' totals
    std::vector<std::pair<std::string, std::string>> groups;  // route and labels
  };
  struct Group {
    std::uint64_t fired_total = 0;
    std::uint64_t resolved_total = 0;
  };

  explicit ShardModel(Shard::Options options) : options_(options) {}

  void SetRules(RulesPtr rules);
  Outcome Apply(const AlertEvent& event, IntegrationIndex integration, const Now& now);
  void Work(const Now& now, EngineTime taken_in);
  void Seal() { sealed_ns_ = taken_ns_; }
  // The process died and came back with what was sealed: time in between does not count.
  void Crash();

  // What TakeReports says after ReportAll, by route and labels; keys, shard and overflow groups left out.
  std::map<std::pair<std::string, std::string>, GroupReport> Reports() const;
  const std::map<std::string, Alert>& alerts() const { return alerts_; }
  bool over(IntegrationIndex integration) const { return over_.contains(integration) && over_.at(integration); }

 private:
  std::int64_t TakenNs(const Now& now) const;
  std::int64_t SecondsAfter(const Now& now, absl::Duration distance) const;
  std::uint32_t Active(IntegrationIndex integration) const;
  std::uint32_t Kept(IntegrationIndex integration) const;
  std::uint32_t Budget(IntegrationIndex integration) const;
  absl::Duration Lease(IntegrationIndex integration) const;
  SilenceId Judge(const Labels& labels) const;
  void SetSilence(Alert& alert, SilenceId silence);
  Alert Heard(const AlertEvent& event, IntegrationIndex integration, const Now& now) const;
  Outcome Trigger(
      Alert* alert, const std::string& key, const AlertEvent& event, IntegrationIndex integration, const Now& now);
  Outcome Fire(Alert& alert, const AlertEvent& event, const Now& now, bool ended);
  void Merge(Alert& alert, const AlertEvent& event, const Now& now, bool ended);
  void Resolve(Alert& alert, const std::string& reason, const Now& now);
  void TakeLastWords(Alert& alert, const AlertEvent& event);
  void Take(Alert& alert, const AlertEvent& event);
  void CheckBudget(IntegrationIndex integration);
  void DropEmptyGroups();

  Shard::Options options_;
  RulesPtr rules_;
  std::map<std::string, Alert> alerts_;
  std::map<std::pair<std::string, std::string>, Group> groups_;
  std::map<IntegrationIndex, bool> over_;
  std::int64_t taken_ns_ = 0;
  std::int64_t sealed_ns_ = 0;
  std::optional<EngineTime> engine_;
  std::optional<EngineTime> taken_in_;
};

// How the model knows an alert.
std::string ModelKey(const AlertEvent& event, IntegrationIndex integration);

}  // namespace tocsin::shard_test
