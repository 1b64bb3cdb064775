// The responder's rows: groups, escalations, pages, notifications, incidents, timers. Each is one RocksDB value and one
// field of a journalled Change; a row image is absolute, so folding it twice is harmless.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"

#include "base/clock.h"
#include "model/access.h"
#include "model/change_event.h"
#include "model/heartbeat.h"
#include "model/ids.h"
#include "model/opsgenie.h"
#include "model/organisation.h"
#include "model/reach.h"
#include "model/report.h"
#include "model/schedule_edition.h"
#include "model/silence.h"
#include "model/timeline.h"

namespace tocsin {

// Events that came at about the same time.
struct EventCount {
  EngineTime at;  // of the first
  std::uint64_t count = 0;
  friend bool operator==(const EventCount&, const EventCount&) = default;
};

// How often an alert of a group had begun to fire in a shard in which some of them still do. A shard counts from when the group's
// first alert came to it, and forgets the count with the last one.
struct FiredIn {
  GroupKey key;  // the group's own, or that of a part
  std::uint32_t shard = 0;
  std::uint64_t total = 0;
  friend bool operator==(const FiredIn&, const FiredIn&) = default;
};

struct Group {
  enum class State : std::uint8_t {
    kOpen = 1,
    kAcknowledged = 2,
    kResolved = 3,
    kMerged = 4  // part of another group, which is handled for both
  };
  GroupId id;
  GroupKey key;
  Generation generation;
  State state = State::kOpen;
  Route route;  // as it was when the group opened, without children: pinned
  ServiceId service;
  Labels labels;
  Urgency urgency = Urgency::kHigh;
  absl::Time opened_at;
  EngineTime opened_engine;
  absl::Time acknowledged_at;  // meaningful in kAcknowledged
  std::string acknowledged_by;
  absl::Time resolved_at;  // meaningful in kResolved
  std::string resolved_by;
  // The last that was decided on; reports change the live counts, decisions change these.
  std::uint32_t firing = 0;
  std::uint32_t suppressed = 0;
  Severity highest = Severity::kUnknown;  // once resolved: the peak
  Severity peak = Severity::kUnknown;  // the highest of this episode: an acknowledgement is undone only by a higher one
  std::uint64_t fired_total = 0;
  std::uint64_t resolved_total = 0;
  std::vector<FiredIn> fired;  // what there was to be decided on: whatever fires beyond it is new
  std::vector<AlertSummary> exemplars;
  bool flushed = false;  // group_wait is over: the group has been handed to policy and receiver
  // What the route's receiver was last told: Alertmanager's notification log (specs: wire-compat 1.9).
  absl::Time last_notified_at;
  EngineTime notified_engine;  // repeat_interval counts from here; meaningful once last_notified_at is set
  std::uint64_t notified_fired_total = 0;
  std::uint64_t notified_resolved_total = 0;
  std::string held_by;  // what holds back the whole group: maintenance of its service, its route's time intervals, a
                        // dependency; empty: nothing does
  std::string quiet_reason;  // why nobody is being paged although the group is open; empty: somebody is, or will be
  EscalationId escalation;   // the running or last one
  std::vector<IncidentId> incidents;
  std::vector<IncidentRuleId> fired_rules;  // a rule fires once in an episode
  // Episodes: when it fires again within its route's reopen_window, the next one begins under the same number.
  std::uint32_t episode = 1;
  std::uint64_t episode_from = 0;          // rows with ids from here on belong to this episode
  std::uint32_t most_firing = 0;           // at one time, in this episode
  EngineTime resolved_engine;              // meaningful in kResolved
  absl::Time acknowledged_until;           // when the acknowledgement is expected to end; unset: with the group
  bool snoozed = false;                    // the person who acknowledged said until when
  GroupId merged_into;                     // meaningful in kMerged
  std::vector<GroupId> merged;             // the groups that are parts of this one
  std::vector<EngineTime> changes;         // between firing and not firing, those of the flapping window, oldest first
  bool flapping = false;                   // paged once and held: further changes page nobody
  absl::Time flapping_since;               // meaningful while it flaps
  std::uint32_t flaps = 0;                 // changes since it flaps, those that made it flap included
  bool below_threshold = false;            // nobody is told as yet
  std::vector<EventCount> events;          // lately, for the threshold
  std::vector<std::string> values;         // known ones of the labels that break through: "region=eu"
  std::optional<EscalationPolicy> policy;  // the route's, as it was when the group opened or was rerouted
  friend bool operator==(const Group&, const Group&) = default;
};

struct Escalation {
  enum class State : std::uint8_t {
    kRunning = 1,
    kExhausted = 2,
    kStopped = 3
  };
  EscalationId id;
  Subject subject;  // a group or an incident
  Generation generation;
  State state = State::kRunning;
  EscalationPolicy policy;  // pinned
  Urgency urgency = Urgency::kHigh;
  std::int32_t next_step = 0;  // index into policy.steps
  std::int32_t pass = 0;       // 0 is the first
  EngineTime next_at;          // when next_step is due; Infinite when none is
  absl::Time started_at;
  std::string stop_reason;
  std::vector<PageId> pages;
  bool reached_anybody = false;  // in this pass
  // What the next step waits for besides its time.
  enum class Wait : std::uint8_t {
    kTime = 0,
    kHours = 1,    // its hours, or the next shift: a timer of wall time
    kRate = 2,     // more alerts
    kNothing = 3,  // there is no next step: low urgency, or given to certain people
  };
  Wait wait = Wait::kTime;
  bool stays = false;             // given to certain people: nobody follows by itself once one of them is reached
  bool answered = false;          // acknowledged: only steps that go on until it is resolved are executed
  EngineTime pass_began;          // what delays from the beginning count from
  std::int32_t last_step = -1;    // executed last in this pass; -1: none
  std::vector<UserId> unreached;  // whom the pass before has asked and could not reach
  friend bool operator==(const Escalation&, const Escalation&) = default;
};

struct Page {
  enum class State : std::uint8_t {
    kActive = 1,
    kDone = 2,
    kCancelled = 3,
    kUnreachable = 4
  };
  PageId id;
  EscalationId escalation;  // none for test pages
  Subject subject;
  UserId user;
  State state = State::kActive;
  Urgency urgency = Urgency::kHigh;
  std::int32_t step = 0;
  std::int32_t pass = 0;  // of the escalation; a later pass pages again
  std::string reason;     // "step 1: schedule db-primary: layer weekly" ; "test page"
  absl::Time started_at;
  EngineTime started_engine;
  std::vector<NotificationRule> rules;  // pinned; sorted by delay
  std::int32_t next_rule = 0;
  std::vector<NotificationId> notifications;
  bool important = false;
  // Who ends it by acknowledging.
  enum class Until : std::uint8_t {
    kAnybody = 0,
    kOwn = 1,      // the person who is paged
    kResolved = 2  // nobody
  };
  Until until = Until::kAnybody;
  bool waits = false;  // low urgency: for the end of the person's night, or for its rule's hours
  friend bool operator==(const Page&, const Page&) = default;
};

// What a bundle tells: a notification that was held back, and what that is about.
struct BundleMember {
  NotificationId notification;
  Subject subject;
  friend bool operator==(const BundleMember&, const BundleMember&) = default;
};

// pending -> leased -> accepted -> delivered; side exits: back to pending (retry, ambiguous), failed, cancelled, dead.
// Held is what its contact method's limits keep back: it becomes pending again, or shares the fate of the bundle it is in.
struct Notification {
  enum class State : std::uint8_t {
    kPending = 1,    // due at `due`
    kLeased = 2,     // journalled intent: an attempt may be under way until `lease_until`
    kAccepted = 3,   // the provider took it
    kDelivered = 4,  // a receipt says so
    kFailed = 5,     // permanently; the person's next method is used
    kCancelled = 6,  // acknowledged, resolved, ... before it was sent
    kDead = 7,       // given up after all retries; counted and shown
    kHeld = 8,       // waits for its contact method's turn, or is told by `bundle`
  };
  enum class Lane : std::uint8_t {
    kCritical = 0,
    kNormal = 1,
    kRest = 2
  };
  enum class Purpose : std::uint8_t {
    kPage = 1,
    kResolved = 2,
    kTest = 3,
    kGroupUpdate = 4,
    kFallback = 5,
    kNotice = 6  // about a schedule: nothing that could be acknowledged
  };
  NotificationId id;
  PageId page;  // none for notify-only routes
  Subject subject;
  UserId user;  // none for receivers
  ReceiverId receiver;
  ContactMethod method;  // pinned
  Purpose purpose = Purpose::kPage;
  Lane lane = Lane::kNormal;
  State state = State::kPending;
  EngineTime due;
  EngineTime lease_until;
  std::int32_t attempt = 0;     // of the attempt under way or last made; 1 is the first
  bool repeat = false;          // an earlier attempt's outcome is unknown: the text says "(repeat)"
  std::string idempotency_key;  // the same for all attempts
  std::string provider_id;      // the provider's own id, once accepted
  std::string last_error;
  std::string end_reason;  // of kFailed, kCancelled, kDead
  absl::Time created_at;
  absl::Time accepted_at;
  // What the message says, fixed when it is queued; channels render it.
  std::string title;
  std::string body;
  std::string acknowledge_url;        // signed link, empty where nothing can be acknowledged
  NotificationId bundle;              // in kHeld: the one that tells this together with others; none: it waits
  std::vector<BundleMember> members;  // what a bundle tells; empty: it is none
  bool goes_on = false;               // wanted although somebody has acknowledged, as its page's `until` says
  std::string rewrites;     // the provider's id of the message that this one takes the place of; empty: it is a new one
  absl::Time delivered_at;  // a receipt said so; unset: none did
  bool unconfirmed = false;     // no receipt came in time; the person's next method was used
  std::uint32_t provider = 0;   // of the attempt under way or last made: 0 the first of its kind, 1 the second
  std::uint32_t failed_by = 0;  // providers with whom an attempt has failed, or had an unknown outcome: bit 0 the first
  friend bool operator==(const Notification&, const Notification&) = default;
};

struct Incident {
  enum class State : std::uint8_t {
    kOpen = 1,
    kAcknowledged = 2,
    kResolved = 3
  };
  IncidentId id;
  Generation generation;
  State state = State::kOpen;
  std::string title;
  std::uint8_t severity = 3;  // SEV1 .. SEV5
  ServiceId service;
  IncidentRuleId rule;   // none: opened by a person
  std::string join_key;  // later groups with this key join while the window lasts
  EngineTime join_until;
  std::string opened_reason;  // which rule, which values crossed which thresholds
  std::string opened_by;
  absl::Time opened_at;
  absl::Time acknowledged_at;
  std::string acknowledged_by;
  absl::Time resolved_at;
  std::string resolved_by;
  std::vector<GroupId> groups;
  EscalationId escalation;
  friend bool operator==(const Incident&, const Incident&) = default;
};

// A durable timer. Dropped when its subject's generation has moved on.
struct Timer {
  enum class Kind : std::uint8_t {
    kGroupFlush = 1,  // group_wait, then group_interval
    kEscalationStep = 2,
    kPageRule = 3,            // the person's next notification rule
    kNotification = 4,        // a pending notification is due, or a lease has run out
    kAcknowledgeTimeout = 5,  // of an acknowledgement or a snooze
    kIncidentCheck = 6,       // a rule's "unacknowledged for T" comes true
    kSilenceEdge = 7,         // wall time: a silence starts or ends
    kRetention = 8,           // a closed row may be dropped from memory
    kHoldEdge = 9,            // wall time: a group's route begins or ceases to be muted
    kStable = 10,             // a flapping group has not changed for long enough
    kThrottle = 11,           // something that was held back may be sent
    kStepHours = 12,          // wall time: a step waits for its hours, or for the next shift
    kHandoff = 13,            // wall time: the people of the step that was executed last may have changed
    kPageHours = 14,          // wall time: a page waits for the person's morning, or for its rule's hours
    kSupportHours = 15,       // wall time: the hours of a group's service begin or end
    kScheduleNews = 16,       // wall time: people of a schedule are to be told of a handoff or a gap
    kHeartbeat = 17,          // a heartbeat may have expired, or its alert has to be told again
    kOutlived = 18,           // wall time: the oldest row of a table may go; the subject is the table
    kFollow = 19,             // alerts of the Opsgenie API follow a group; subject 0: they follow the routes
    kSelfTests = 20,          // wall time: self-tests are due; the subject is the number of the person to go on with
    kReachReport = 21,  // wall time: of methods that may not reach their people, those who answer for them are told
  };
  TimerId id;
  Kind kind = Kind::kGroupFlush;
  EngineTime due;             // all kinds but those of wall time
  absl::Time due_wall;        // of wall time
  std::uint64_t subject = 0;  // id of the row that the kind names
  Generation generation;
  friend bool operator==(const Timer&, const Timer&) = default;
};

// By wall time: schedules of people, not durations.
inline bool IsOfWallTime(Timer::Kind kind) {
  using Kind = Timer::Kind;
  return kind == Kind::kSilenceEdge || kind == Kind::kHoldEdge || kind == Kind::kStepHours || kind == Kind::kHandoff ||
         kind == Kind::kPageHours || kind == Kind::kSupportHours || kind == Kind::kScheduleNews ||
         kind == Kind::kOutlived || kind == Kind::kSelfTests || kind == Kind::kReachReport;
}

// The counters from which ids are given out, and other singletons.
struct Counters {
  std::uint64_t next_id = 1;  // one sequence for all kinds
  RulesVersion rules;
  ConfigurationId configuration;  // the version that is in force
  friend bool operator==(const Counters&, const Counters&) = default;
};

// What a command with a request id was answered, so that its repeat, after a restart too, answers the same and does
// nothing. Only successes are kept: a refusal changed nothing. Bounded; the oldest are removed.
struct Answer {
  AnswerId id;
  std::string request_id;
  std::string actor;
  std::uint64_t made = 0;  // CommandResult::id
  friend bool operator==(const Answer&, const Answer&) = default;
};

// What one contact method was sent lately, whoever's it is; what is held back for it are the notifications in kHeld.
struct Throttle {
  struct Sent {
    EngineTime at;
    Notification::Lane lane = Notification::Lane::kNormal;
    std::string topic;  // a service, or what stands for one; empty: several at once
    NotificationId notification;
    friend bool operator==(const Sent&, const Sent&) = default;
  };
  ThrottleId id;
  ContactMethod::Kind kind = ContactMethod::Kind::kEmail;
  std::string address;
  std::vector<Sent> sent;  // oldest first; what no limit looks at any more is dropped
  friend bool operator==(const Throttle&, const Throttle&) = default;
};

// Whose turn it was last at a step that takes one person after the other. Outlives runs and versions of the policy.
struct Round {
  RoundId id;
  PolicyId policy;
  std::int32_t step = 0;  // its index in the policy
  UserId last;
  friend bool operator==(const Round&, const Round&) = default;
};

using Row = std::variant<Group,
                         Escalation,
                         Page,
                         Notification,
                         Incident,
                         Silence,
                         Timer,
                         Counters,
                         OrganisationPtr,
                         Answer,
                         ConfigurationVersion,
                         AccessToken,
                         AuditEntry,
                         Throttle,
                         Round,
                         ScheduleEdition,
                         ScheduleChange,
                         ScheduleWatch,
                         ChangeEvent,
                         Heartbeat,
                         OpsgenieAlert,
                         OpsgenieRequest,
                         Account,
                         ContactReach>;

// Which row: the variant's index above and the id (0 for the singletons).
struct RowKey {
  std::uint8_t table = 0;
  std::uint64_t id = 0;
  friend auto operator<=>(const RowKey&, const RowKey&) = default;
};
RowKey KeyOf(const Row& row);

// One journalled decision of the responder: the facts, and the rows as they are after it.
struct Change {
  Now now;
  std::vector<TimelineEntry> entries;
  std::vector<Row> rows;
  std::vector<RowKey> removed;
  bool empty() const { return entries.empty() && rows.empty() && removed.empty(); }
};

}  // namespace tocsin
