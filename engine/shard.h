// One shard: the alert table of a part of the key space, and the groups its alerts belong to. Hot.
//
// Pure: no thread, lock, clock or I/O; the shell (engine/pipeline) calls it from one thread with `now` as an argument, and
// so does the simulation. A duplicate costs a hash look-up and one touched record; nothing is allocated for it.
//
// Decide, journal, then do: Apply changes the table and remembers what changed. Seal hands out the changes as journal
// bodies, absolute and coalesced: however often an alert was repeated since the last seal, it is one touch of at most 24
// bytes. Fold does to a table what a body says, and is idempotent: it is recovery, and later the standby.
//
// Reports to the responder are absolute too (model/report.h) and may only be passed on once the bodies sealed with them
// are durable.
//
// Handles: an alert is known by its slot number in the table; bodies name alerts by slot. Strings that repeat are
// interned: the table of interned strings is defined in bodies before its use, counted and bounded; a string is
// interned when it is seen for the second time (unique values such as instance ids stay inline).
//
// Leases: a trigger renews its alert's lease. The lease ends at `ends_at` (as a distance from our receipt) or after the
// integration's lease; when it has run out the alert is resolved with the reason "expired". Expiry is judged against
// `taken_in`, engine time less the time in which we refused or caught up, so our own trouble never looks like a recovery.
//
// A sender's wrong clock never suppresses a first page: an alert that looks already ended is remembered as resolved, and
// when it is repeated with the same startsAt and a later endsAt it is firing, with the integration's lease (a resolved
// alert that is re-sent keeps its endsAt; a firing one's moves on).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

#include "base/clock.h"
#include "model/event.h"
#include "model/hold.h"
#include "model/inlet.h"
#include "model/matcher.h"
#include "model/report.h"
#include "model/rules.h"

namespace tocsin {

// What `explain`, lists and search see of one alert.
struct AlertRecord {
  AlertSummary summary;
  bool acknowledged = false;  // at its source
  absl::Time last_seen_at;
  absl::Time resolved_at;        // when not firing
  std::string resolved_reason;   // "event", "ends_at", "expired", "no news"
  std::uint64_t received = 0;    // events merged into this alert, the first included
  EngineTime lease_until;        // when firing
  Hold hold;                     // that holds it back now
  std::string held_by;           // what that is, in words; empty for nothing
  RulesVersion rules;            // by which it was last judged
  std::vector<GroupKey> groups;  // and the routes that led there, in tree order
  std::vector<RouteId> routes;
  std::uint64_t fingerprint = 0;  // Alertmanager's
};

// Which alerts a list asks for: those for which all of this is true.
struct AlertFilter {
  enum class Standing : std::uint8_t {
    kAny,
    kActive,      // it fires, held back or not
    kFiring,      // and is not held back
    kSuppressed,  // it fires and is held back
    kResolved
  };
  const CompiledMatchers* matchers = nullptr;  // of its labels
  Standing standing = Standing::kAny;
  GroupKey group;  // unset: any, or none
};

// What came in, as far as a body tells of it: see Shard::Follow.
struct RecordedEvent {
  EventKind kind = EventKind::kTrigger;
  Severity severity = Severity::kUnknown;  // beyond what the labels say
  std::int64_t starts_at_ns = EventHeader::kAbsent;
  std::int64_t ends_at_ns = EventHeader::kAbsent;
  IntegrationIndex integration = 0;
  AlertKey key;
  // Good until the call returns.
  std::span<const LabelView> labels;
  std::span<const LabelView> annotations;
  std::string_view dedup_key;
  std::string_view link;
  std::uint64_t events = 0;  // so many were merged into it
  bool begins = false;       // the alert began to fire
};

struct ShardStatistics {
  std::uint64_t firing = 0;
  std::uint64_t suppressed = 0;
  std::uint64_t resolved_kept = 0;  // resolved, kept a while for explain and re-fires
  std::uint64_t groups = 0;
  std::uint64_t interned_strings = 0;
  std::uint64_t table_bytes = 0;  // resident, all of it
  std::uint64_t outcomes[kOutcomes] = {};
  std::vector<std::pair<Hold, std::uint64_t>> held;  // how many of `suppressed` each hold holds back
};

// The alert that stands for all alerts that were rejected because their integration is over its budget: the only member of
// a group of the shard's own, on the root route, with the label `integration`. It fires while the integration is over.
inline constexpr std::string_view kOverBudgetAlert = "TocsinIntegrationOverBudget";

// A label of the group that takes in the alerts of a route which would have made a group too many. It is an ordinary group
// of the route: it pages once, names the worst of its alerts, counts all of them, and ends when the last of them does.
inline constexpr std::string_view kTooManyGroupsAlert = "TocsinTooManyGroups";

// Of Shard::List: about a tenth of a millisecond in which the shard takes in nothing.
inline constexpr std::size_t kReadSlice = 512;

class Shard {
 public:
  struct Options {
    std::uint32_t index = 0;
    std::uint32_t shard_count = 1;  // an integration's budget is shared out among so many
    std::uint64_t key_seed = 0;
    std::uint64_t max_interned = 1'000'000;
    std::size_t max_groups = 10'000;  // further alerts join their route's overflow group
    absl::Duration keep_resolved = absl::Minutes(30);
    absl::Duration default_lease = absl::Minutes(5);  // for sources that resend (engine/doors.h ResendLease)
  };
  explicit Shard(Options options);
  ~Shard();
  Shard(Shard&&) noexcept;
  Shard& operator=(Shard&&) noexcept;

  // Judges new and changed alerts by `rules` from now on. Alerts that are there are judged again as to what holds them back,
  // in slices, by Work; their groups stay. `integrations` maps IntegrationIndex to the organisation's integration.
  void SetRules(RulesPtr rules, std::vector<IntegrationId> integrations, const Now& now);

  // One event. Never fails: what the edge let through is well formed.
  Outcome Apply(EventView event, const Now& now);

  // A repeat (model/event.h), by its header alone: what Apply would do with the event. Nullopt, and nothing done, when the event must
  // be read for that: its alert does not fire, or says something else by now.
  std::optional<Outcome> Repeat(const EventHeader& header, const Now& now);

  // The events of a record, one after the other in memory: each as by Apply or Repeat, the quickest way, since what they will need is
  // fetched ahead. `read` applies a repeat that must be read, or has nothing: then the rest is left, and it returns false. `tell` hears
  // what became of each, by its number.
  bool ApplyAll(const std::byte* events,
                std::uint32_t count,
                const Now& now,
                absl::FunctionRef<std::optional<Outcome>(EventView)> read,
                absl::FunctionRef<void(std::uint32_t, Outcome)> tell);

  // A bounded slice of work that is not caused by events: expired leases, judging again, forgetting resolved alerts.
  // Returns true when there is more to do at once.
  bool Work(const Now& now, EngineTime taken_in, std::size_t budget);
  // When Work has something to do next, in taken-in time; Infinite when nothing is armed.
  EngineTime NextExpiry() const;

  // Hands out all changes since the last seal as bodies below limits::kJournalEntryBytes, and clears them. Returns
  // whether there were any.
  bool Seal(absl::FunctionRef<void(std::string_view body)> out);
  // The groups that changed since the last call, most severe first; absolute.
  void TakeReports(std::vector<GroupReport>& out) { TakeReports(out, Reports::kAll); }
  // Under load a group may change with every seal; only what cannot wait need be reported each time: a group that opens,
  // gets worse than reported, or ends. The rest stays marked until kAll is asked for.
  enum class Reports : std::uint8_t {
    kAll,
    kUrgent
  };
  void TakeReports(std::vector<GroupReport>& out, Reports which);
  // The sources of inhibition that have changed since the last call; nullopt when none have. Absolute too, and never late:
  // what a source holds back should not page first.
  std::optional<SourceReport> TakeSources();
  // Marks every group as changed: after recovery.
  void ReportAll();

  // Recovery: the bodies of checkpoint and journal, in order. Then SetRules, then ReportAll. DataLoss when a body cannot
  // have been written by Seal or Checkpoint.
  absl::Status Fold(std::string_view body);
  // As Fold, for bodies in the order of the journal after a checkpoint was complete; and tells what must have come in for
  // the table to become so. Of what a commit has merged, the last word is told. An alert whose time ran out is not told
  // of: that is no event. The table is for nothing else but folding.
  absl::Status Follow(std::string_view body, absl::FunctionRef<void(const RecordedEvent&)> tell);

  // Taken-in time by which leases are judged, as it was at the last Work or as the last body says.
  EngineTime LeaseClock() const;

  // Writes the table as bodies that Fold understands, a slice at a time, while events go on: a fuzzy copy. It is complete
  // when folded together with every body sealed since BeginCheckpoint. Returns false when done.
  void BeginCheckpoint();
  bool CheckpointSlice(std::size_t budget, absl::FunctionRef<void(std::string_view body)> out);

  // Reads, in bounded slices: so much work as looking at `scan` alerts, kReadSlice being a good number. `cursor` 0 begins;
  // returns the cursor to go on from, 0 when done. What a filter's equality matchers rule out costs next to nothing.
  std::uint64_t List(std::uint64_t cursor,
                     std::size_t scan,
                     const AlertFilter& filter,
                     absl::FunctionRef<bool(const AlertRecord&)> visit) const;
  std::uint64_t List(std::uint64_t cursor, std::size_t scan, absl::FunctionRef<bool(const AlertRecord&)> visit) const {
    return List(cursor, scan, AlertFilter(), visit);
  }
  std::optional<AlertRecord> Find(const AlertKey& key) const;
  // Alerts of one group, at most `limit`.
  std::vector<AlertRecord> ListGroup(GroupKey group, std::size_t limit) const;

  ShardStatistics Statistics() const;
  // A hash over everything that Fold restores, independent of memory layout: equal for a table and its recovery.
  std::uint64_t StateHash() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin
