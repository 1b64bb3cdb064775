// The responder: owns groups, their timers, escalations, pages, notifications, incidents and silences. Deterministic.
//
// Pure: no thread, lock, clock, randomness or I/O. Every method takes `now`; randomness (jitter) comes from a seed kept in
// the state. One thread calls it: engine/pipeline in the server, World in the simulation.
//
//   Decide, journal, then do. Each input yields a Decision: a Change (facts for the timeline and the rows as they are
//   afterwards), and Effects. The Change is folded into the state at once by Fold, the only function that alters it. The
//   caller journals the Change; only when that is durable does it perform the Effects. If the journal fails the process
//   ends: memory is ahead of the disk by at most one commit, and recovery is the repair.
//
// Level-triggered: shards report what is, not what happened. Counts from reports are volatile and come again after a
// start; what was decided on them is in the rows. Until every shard has reported, nothing is taken to be resolved.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"

#include "base/clock.h"
#include "engine/fresh_events.h"
#include "engine/inhibition_sources.h"
#include "engine/organisation_index.h"
#include "engine/responder_state.h"
#include "engine/router.h"
#include "escalation/roster.h"
#include "escalation/schedule_edit.h"
#include "incident/rate_window.h"
#include "model/command.h"
#include "model/event.h"
#include "model/response.h"
#include "model/rules.h"

namespace tocsin {

// What the shell does once the decision is durable, in order.
struct CloseGates {  // first: no attempt of these may start any more
  std::vector<NotificationId> notifications;
};
struct StartAttempt {
  Notification notification;  // leased, attempt counted
  absl::Duration deadline;    // shorter than the lease
};
struct PublishRules {
  RulesPtr rules;
};
struct PublishAccess {
  AccessPtr access;
};
// An event of the integration `kHeartbeatIntegration`, for the alert table. Once it is durable there: HeartbeatTold.
struct RaiseAlert {
  AlertEvent event;
  HeartbeatId heartbeat;
  std::uint64_t turn = 0;
};
using Effect = std::variant<CloseGates, StartAttempt, PublishRules, PublishAccess, RaiseAlert>;

struct Decision {
  Change change;
  std::vector<Effect> effects;
  CommandResult result;  // for commands
};

// What the auditor saw of all that is open, in one round.
struct AuditRound {
  std::uint64_t number = 0;  // of the round; 0: none has come to its end since the start
  absl::Time ended;
  std::uint64_t groups = 0;
  std::uint64_t incidents = 0;
  std::uint64_t findings = 0;
  absl::Duration oldest_timer;    // how long the timer is overdue that is overdue longest
  absl::Duration oldest_message;  // the same of messages that no attempt was made of, or that wait for another one
  absl::Duration oldest_attempt;  // since when the attempt is under way that is not answered longest
};

class Turn;

class Responder {
 public:
  struct Options {
    std::uint32_t shard_count = 1;
    std::uint64_t seed = 1;      // of the retry jitter
    std::uint64_t key_seed = 0;  // the store's: by it shards name sources of inhibition
    std::string link_key;        // signs acknowledge links; empty: no links
    absl::Duration attempt_deadline = absl::Seconds(20);
    absl::Duration lease = absl::Seconds(45);      // > attempt_deadline, checked
    absl::Duration keep_closed = absl::Hours(24);  // closed rows stay in memory that long, then only in RocksDB
    // Then the person's next method is tried as well, at once; and when there is none left, the policy's next step runs.
    std::int32_t max_attempts = 6;
    std::int32_t last_attempt = 120;  // then kDead: two hours, one a minute. Late beats lost
  };
  explicit Responder(Options options);

  // Recovery: rows from RocksDB, then the Changes after them.
  void Restore(std::vector<Row> rows);
  void Fold(const Change& change);
  // After recovery, once: compiles the roster, turns leases that were under way into ambiguous attempts, publishes the
  // rules, and lets rows that were closed long ago leave memory. Without an organisation it waits for ApplyOrganisation.
  //
  // The order: Restore, Fold for each Change after the rows, Start, then everything else.
  Decision Start(const Now& now);

  Decision Handle(const Command& command, const Now& now);
  // What came of some attempts, as Handle of each.
  Decision HandleResults(std::span<const AttemptResult> results, const Now& now);
  Decision Observe(std::vector<GroupReport> reports, const Now& now);
  // What shards say of their sources of inhibition; the shards get the whole when it has changed.
  Decision ObserveSources(const std::map<std::uint32_t, SourceReport>& reports, const Now& now);
  Decision ShardReported(std::uint32_t shard, const Now& now);  // it has reported all it holds
  // At most `limit` due timers, in order of due time, then severity, then id. `more` tells whether others are due, or
  // work of the start is left over: a decision stays small however much there is to be done.
  Decision FireTimers(const Now& now, std::size_t limit, bool& more);
  // Not everything that was sent before `since` could come in: commands were refused, or nobody ran. Start says so itself.
  void ListensSince(EngineTime since) { listening_since_ = std::max(listening_since_, since); }
  EngineTime listening_since() const { return listening_since_; }
  EngineTime NextTimer() const;
  absl::Time NextWallTimer() const;

  // The auditor: every open, unacknowledged group has a live timer, a running page or a stated reason, and every incident's run has its
  // timer. Checks a slice; what it finds broken it repairs (starts the escalation again), reports, and tells the fallback user.
  Decision Audit(const Now& now, std::size_t limit, std::vector<std::string>& findings);
  bool in_audit() const { return audit_.begun; }                // a round is under way: a slice is left
  const AuditRound& last_audit() const { return audit_.last; }  // the last whole round
  // A message to `url` that goes the way of a page and tells nobody (model/canary.h).
  Decision StartCanary(const std::string& url, const std::string& key, const Now& now);
  // Whether pages could really go out now: nothing critical overdue by more than `tolerance`, the auditor content, no open
  // group of which nobody could be told for long.
  bool CanPage(const Now& now, absl::Duration tolerance, std::string& why_not) const;

  const ResponderState& state() const { return state_; }
  const Roster* roster() const { return roster_ ? &*roster_ : nullptr; }
  // Over all rows, layout-independent.
  std::uint64_t StateHash() const;

 private:
  // Folds what the turn decided and makes the effects that follow from it.
  Decision Commit(Turn&& turn);
  Turn Begin(const Now& now) const;
  Decision Apply(const Command& command, const Now& now);
  // Compiles what is to be applied; what it makes of schedules. nullopt when it is in force already.
  absl::StatusOr<std::optional<ScheduleEdit>> Compile(const ApplyOrganisation& apply, const Now& now);
  // Compiles the organisation in the state; without one, or when it does not compile, there is none to decide by.
  void Compile();
  void CompileRoster();
  // Work that may be too much for one decision: done in slices, by the calls that fire timers.
  void ReviewEverything();
  void ReviewLater(GroupKey key);
  std::vector<ServiceId> ServicesThatTurn(const Change& change) const;
  // Groups of services that the change of this one holds back or lets go.
  void ReviewDependents(const ServiceId& service);
  std::size_t WorkOffBacklog(Turn& turn, std::size_t limit);
  void RecordRates(const std::vector<GroupKey>& keys, const Now& now);
  void DropSettledReports(const std::vector<GroupKey>& keys);

  RulesPtr CurrentRules() const;
  void EndAudit(const Now& now);

  Options options_;
  ResponderState state_;
  std::optional<Roster> roster_;
  std::optional<OrganisationIndex> index_;
  std::optional<Router> router_;  // with index_
  EngineTime listening_since_;
  std::string compile_error_;
  RateWindows rates_;
  FreshEvents fresh_events_;
  AllSources sources_;
  std::deque<GroupKey>
      to_review_;                 // after all shards have reported, most severe first; and what follows from decisions
  std::set<GroupKey> reviewing_;  // those in to_review_
  std::set<IncidentId> incidents_to_review_;
  std::deque<std::pair<NotificationId, std::int32_t>> to_take_back_;  // leases of before the start, and their attempts
  // The auditor's round: where it goes on, what it has seen so far and what it saw in the last one.
  struct AuditState {
    bool begun = false;
    GroupId group;
    IncidentId incident;
    AuditRound now;
    AuditRound last;
    std::string unreached;  // one of the round's and of the last round's; empty: none
    std::string last_unreached;
    std::string finding;
    std::string last_finding;
  } audit_;
  std::vector<RowKey> stale_;  // have left memory, and the views do not know it yet: a slice with each audit
};

}  // namespace tocsin
