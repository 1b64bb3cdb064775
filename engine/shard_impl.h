// The inside of engine/shard.h. Nine files share it: shard.cc (events), shard_record.cc (many of them at once), shard_work.cc (what is not caused by
// events), shard_holds.cc (what holds back), shard_seal.cc, shard_fold.cc and shard_follow.cc (bodies, checkpoints, recovery,
// replay), shard_reads.cc (reports and look-ups) and shard_list.cc (lists).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "base/arena.h"
#include "base/limits.h"
#include "engine/alert_table.h"
#include "engine/body.h"
#include "engine/doors.h"
#include "engine/group_table.h"
#include "engine/group_watch.h"
#include "engine/inhibition.h"
#include "engine/inhibition_sources.h"
#include "engine/lease_wheel.h"
#include "engine/name_sets.h"
#include "engine/route_memory.h"
#include "engine/router.h"
#include "engine/shard.h"
#include "engine/suppressor.h"
#include "engine/taken_in.h"
#include "engine/texts.h"
#include "model/event_text.h"

namespace tocsin {

inline std::int64_t FloorMs(std::int64_t ns) {
  return ns / 1'000'000 - (ns % 1'000'000 < 0 ? 1 : 0);
}
inline bool HasStart(const EventHeader& header) {
  return header.starts_at_ns != EventHeader::kAbsent;
}
inline bool HasEnd(const EventHeader& header) {
  return header.ends_at_ns != EventHeader::kAbsent;
}

// An instant in the units that records are kept in.
struct Instant {
  explicit Instant(const Now& at)
      : now(at), wall_ns(absl::ToUnixNanos(at.wall)), wall_ms(absl::ToUnixMillis(at.wall)) {}
  Now now;
  std::int64_t wall_ns;
  std::int64_t wall_ms;
};

class Shard::Impl {
 public:
  explicit Impl(Options options);

  void SetRules(RulesPtr rules, std::vector<IntegrationId> integrations, const Now& now);
  Outcome Apply(EventView event, const Now& now);
  std::optional<Outcome> Repeat(const EventHeader& header, const Now& now);
  bool ApplyAll(const std::byte* events,
                std::uint32_t count,
                const Now& now,
                absl::FunctionRef<std::optional<Outcome>(EventView)> read,
                absl::FunctionRef<void(std::uint32_t, Outcome)> tell);
  bool Work(const Now& now, EngineTime taken_in, std::size_t budget);
  EngineTime NextExpiry() const;

  bool Seal(absl::FunctionRef<void(std::string_view body)> out);
  // Of each alert that the body speaks of: its slot, and its record as it was before.
  using Changed = absl::FunctionRef<void(std::uint32_t slot, const AlertImage& before)>;
  absl::Status Fold(std::string_view body);
  absl::Status Fold(std::string_view body, Changed changed);
  absl::Status Follow(std::string_view body, absl::FunctionRef<void(const RecordedEvent&)> tell);
  EngineTime LeaseClock() const { return EngineTime(clock_.ns()); }
  void BeginCheckpoint();
  bool CheckpointSlice(std::size_t budget, absl::FunctionRef<void(std::string_view body)> out);
  std::uint64_t StateHash() const;
  // Makes all that follows from folded bodies: index, lists, counts, wheel. Every public method but Fold begins with it.
  void Settle();

  void TakeReports(std::vector<GroupReport>& out, Reports which);
  std::optional<SourceReport> TakeSources();
  void ReportAll();
  std::uint64_t List(std::uint64_t cursor,
                     std::size_t scan,
                     const AlertFilter& filter,
                     absl::FunctionRef<bool(const AlertRecord&)> visit) const;
  std::optional<AlertRecord> Find(const AlertKey& key) const;
  std::vector<AlertRecord> ListGroup(GroupKey group, std::size_t limit) const;
  ShardStatistics Statistics() const;

 private:
  class BodyBuilder;
  class Folder;

  // Many events, and repeats (shard_record.cc).
  std::optional<Outcome> RepeatAt(const EventHeader& header, std::uint32_t guess, const Instant& at);
  void MergeTimes(std::uint32_t slot, const EventHeader& header, const Instant& at, bool ended);

  // Events (shard.cc). What is inlined always is called there alone: a call with its frame costs as much as half of what it does.
  // Into scratch: good until the next call of either.
  TextView Decode(EventView event) { return ReadText(event, labels_, annotations_); }
  [[gnu::always_inline]] inline NamedText DecodeNamed(EventView event);
  // `guess` is the slot that its alert probably has, or kNoSlot.
  Outcome ApplyAt(EventView event, std::uint32_t guess, const Instant& at);
  [[gnu::always_inline]] inline Outcome Trigger(EventView event, std::uint32_t guess, const Instant& at);
  [[gnu::always_inline]] inline Outcome First(EventView event, const Instant& at, bool ended);
  [[gnu::always_inline]] inline Outcome Renew(std::uint32_t slot, EventView event, const Instant& at, bool ended);
  Outcome Again(std::uint32_t slot, EventView event, const Instant& at, bool ended);
  Outcome Acknowledge(EventView event, const Instant& at);
  Outcome ResolveEvent(EventView event, const Instant& at);
  [[gnu::always_inline]] inline std::uint32_t Create(EventView event, const NamedText& text, const Instant& at);
  // `is_new`: it comes from Create, and is not counted anywhere as yet.
  Outcome Fire(
      std::uint32_t slot, const EventHeader& header, const NamedText& text, const Instant& at, bool ended, bool is_new);
  Outcome Reject(Door& door, const Instant& at);
  [[gnu::always_inline]] inline void Update(std::uint32_t slot, const EventHeader& header, const TextView& text);
  [[gnu::always_inline]] inline void StoreText(std::uint32_t slot, const NamedText& text, TextStore::Sighting sighting);
  std::span<const LabelView> LabelsOf(std::uint32_t slot, TextBuffer& buffer) const {
    return texts_.ReadLabels(alerts_.cold(slot).text(), buffer);
  }
  void TakeLastWords(std::uint32_t slot, EventView event);
  void Seen(StoredAlert& alert, const Instant& at) {
    alert.set_last_seen_at(at.wall_ms);
    if (alert.received < UINT32_MAX) ++alert.received;
  }
  // After a start and new rules it takes a while until each alert has its mark.
  bool marks_wait() const { return scan_.all_left > 0 && !watches_.empty(); }
  // A trigger for a firing alert in a group that is or may be watched.
  void News(std::uint32_t slot, const Instant& at);

  // Transitions (shard_work.cc). Every change of an alert's standing goes through one of these.
  void Resolve(std::uint32_t slot, ResolvedBy by, const Instant& at);
  void Forget(std::uint32_t slot);
  std::uint32_t OverflowGroupOf(const Router::Node& node);
  // Returns whether any of its routes leads somewhere. `names`: where its text was stored last, and they are known.
  bool Route(std::uint32_t slot, std::span<const LabelView> labels, NameSets::Set names = {});
  // Changes severity or hold of a firing alert, moving it between the lists of its groups where need be.
  void Restand(std::uint32_t slot, Severity severity, Hold hold);
  void CountStanding(std::uint32_t slot, std::int32_t by);
  void Arm(std::uint32_t slot) {
    StoredAlert& alert = alerts_.at(slot);
    if (alert.until == StoredAlert::kNever) return;
    if (alert.wheel_tick != 0 && alert.wheel_tick <= alert.until) return;  // it will come up early, and be put back
    alert.wheel_tick = wheel_.Add(slot, alert.until);
  }
  void ComeDue(std::uint32_t slot, const Instant& at);

  // What holds alerts back (shard_holds.cc).
  // `present` is what does so now.
  Hold HoldFor(Hold present, std::span<const LabelView> labels) const {
    return suppressor_.empty() && inhibitions_.empty() ? Hold() : HoldByRules(present, labels);
  }
  Hold HoldByRules(Hold present, std::span<const LabelView> labels) const;
  // By what, in words. Empty as long as the shard does not know: right after a start it knows neither rules nor sources.
  std::string WhyHeld(Hold hold, std::span<const LabelView> labels) const;
  // The same for whoever asks now: as much as is known.
  std::string WordsFor(Hold hold, std::span<const LabelView> labels) const;
  // The groups whose reports could not say why are reported again.
  void ExplainHolds();
  // Counts a firing alert among the sources of inhibition; takes it out before it ceases to fire or its labels change.
  void CountSource(std::uint32_t slot, std::span<const LabelView> labels) {
    if (alerts_.at(slot).inhibition_epoch != inhibition_epoch_) CountSourceAnew(slot, labels);
  }
  void CountSourceAnew(std::uint32_t slot, std::span<const LabelView> labels);
  void DropSource(std::uint32_t slot);
  void SetInhibitions(const OrganisationPtr& organisation);
  bool JudgeAgain(const Instant& at, std::size_t& budget);
  // Groups that are watched: by the present routes, and which alerts are in them.
  void WatchGroups();
  void WatchAlert(std::uint32_t slot, std::span<const LabelView> labels, const Instant& at);
  std::int64_t AutoCloseOf(std::uint32_t slot) const;  // the shortest of its groups, ns; 0: none
  void CloseWithoutNews(std::uint32_t slot, std::int64_t after_ns, const Instant& at);
  ResolvedBy EndOf(std::uint32_t slot, const Instant& at);
  void CheckBudget(Door& door);

  // Reports and look-ups (shard_reads.cc, shard_list.cc).
  Signature AskedBy(const CompiledMatchers* matchers) const;
  GroupReport ReportOf(std::uint32_t group) const;
  GroupReport OverflowReportOf(const Door& door) const;
  AlertSummary SummaryOf(std::uint32_t slot, TextBuffer& buffer) const;
  AlertRecord RecordOf(std::uint32_t slot) const;
  const tocsin::Route* TellsOfEach(const RouteId& id) const;
  void ListMembers(std::uint32_t group, absl::Duration lately, std::vector<AlertSummary>& members) const;
  IntegrationId NameOf(IntegrationIndex integration) const;

  std::uint32_t rules_version() const {
    return rules_ == nullptr ? 0 : static_cast<std::uint32_t>(rules_->version.value());
  }

  Options options_;
  Arena arena_;  // of what there is for each alert
  TextStore texts_;
  AlertTable alerts_;
  GroupTable groups_;
  GroupWatches watches_;
  LeaseWheel wheel_;
  TakenInClock clock_;
  Doors doors_;

  RulesPtr rules_;
  std::optional<Router> router_;
  std::optional<RouteMemory> routed_;  // while there is a router
  Suppressor suppressor_;
  Inhibitions inhibitions_;
  std::uint32_t inhibition_epoch_ = 0;  // counts the sets of inhibition rules; 0: there were none yet
  ShardSources sources_;
  // Looking at all slots again, round and round.
  struct Scan {
    std::uint32_t next = 0;            // the slot to be looked at next
    std::uint32_t left = 0;            // slots still to be looked at
    std::uint32_t all_left = 0;        // of these, whatever is in them; behind them targets of inhibition only
    std::uint32_t uncounted_left = 0;  // that may hold a source which has not been counted by the present rules
    void Passed() {
      --left;
      all_left -= all_left > 0 ? 1 : 0;
      uncounted_left -= uncounted_left > 0 ? 1 : 0;
    }
  };
  Scan scan_;
  std::uint32_t unrouted_ = 0;  // firing alerts without a group: they came before there were rules

  std::uint64_t order_ = 0;  // of the last alert that entered its lists
  std::uint64_t firing_ = 0;
  std::uint64_t suppressed_ = 0;
  absl::flat_hash_map<std::uint64_t, std::uint64_t> held_;  // of these, by Hold::value; no zeros
  std::uint64_t kept_ = 0;
  std::array<std::uint64_t, kOutcomes> outcomes_{};

  std::int64_t wall_ms_ = 0;  // of the last event or Work
  bool doors_unsealed_ = false;
  std::int64_t sealed_clock_ns_ = 0;
  bool folded_ = false;  // bodies were folded that have not been settled
  enum class Phase : std::uint8_t {
    kNone,
    kStrings,
    kGroups,
    kDoors,
    kAlerts
  };
  Phase checkpoint_ = Phase::kNone;
  std::uint32_t checkpoint_next_ = 0;
  BodyWriter writer_;

  NameSets name_sets_;
  std::size_t severity_at_ = 0;  // among the labels of the last alert

  // Scratch, kept because clearing such arrays would cost more than what is done with them.
  std::array<LabelView, limits::kLabelsPerAlert> labels_;
  std::array<LabelView, limits::kAnnotationsPerAlert> annotations_;
  std::array<LabelView, limits::kLabelsPerAlert> group_labels_;
};

}  // namespace tocsin
