// What the responder knows: all rows in memory, and the indexes that decisions and reads need.
//
// The rows are folded from Changes and change in no other way. The indexes follow from the rows and are kept by the same
// functions; a timer's rank is that of its subject when the timer was put in. Only `live` and `shards_reported` are
// volatile: what the shards last said, and will say again after a start.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "engine/timer_queue.h"
#include "model/report.h"
#include "model/response.h"

namespace tocsin {

// There is at most one timer for each: arming it again replaces it.
struct TimerKey {
  Timer::Kind kind = Timer::Kind::kGroupFlush;
  std::uint64_t subject = 0;
  friend auto operator<=>(const TimerKey&, const TimerKey&) = default;
};

// A contact method, whoever's it is.
using ThrottleKey = std::pair<ContactMethod::Kind, std::string>;
inline ThrottleKey ThrottleKeyOf(const ContactMethod& method) {
  return {method.kind, method.address};
}
// A step of a policy, by its index.
using RoundKey = std::pair<PolicyId, std::int32_t>;
// What waits for a contact method's turn, the more urgent first.
using HeldKey = std::pair<Notification::Lane, NotificationId>;

// What is kept in memory about a group, an incident or a person who was sent a test page.
struct SubjectRows {
  std::set<EscalationId> escalations;
  std::set<PageId> pages;
  std::set<NotificationId> notifications;
  bool empty() const { return escalations.empty() && pages.empty() && notifications.empty(); }
};

// An incident that later groups may join: its rule and join key.
using JoinIndexKey = std::pair<IncidentRuleId, std::string>;

struct ResponderState {
  std::map<GroupId, Group> groups;
  std::map<EscalationId, Escalation> escalations;
  std::map<PageId, Page> pages;
  std::map<NotificationId, Notification> notifications;
  std::map<IncidentId, Incident> incidents;
  std::map<SilenceId, Silence> silences;
  std::map<TimerId, Timer> timers;
  std::map<AnswerId, Answer> answers;
  std::map<TokenId, AccessToken> tokens;
  std::map<AccountId, Account> accounts;
  std::map<ThrottleId, Throttle> throttles;
  std::map<RoundId, Round> rounds;
  std::map<ScheduleEditionId, ScheduleEdition> editions;
  std::map<ScheduleChangeId, ScheduleChange> schedule_changes;
  std::map<ScheduleWatchId, ScheduleWatch> schedule_watches;
  std::map<ChangeEventId, ChangeEvent> changes;
  std::map<HeartbeatId, Heartbeat> heartbeats;  // those that are on their way out included
  std::map<OpsgenieAlertId, OpsgenieAlert> opsgenie_alerts;
  std::map<OpsgenieRequestId, OpsgenieRequest> opsgenie_requests;
  std::map<ContactReachId, ContactReach> reaches;
  Counters counters;
  OrganisationPtr organisation;

  std::unordered_map<GroupKey, GroupId> current_group;  // the unresolved episode, or the last one kept in memory
  std::set<GroupId> open_groups;                        // all that are not resolved
  std::map<ServiceId, std::set<GroupId>> open_of;       // of these, the ones of a service
  std::map<ServiceId, std::set<SilenceId>> windows_of;  // maintenance windows of a service
  TimerQueue due;                                       // engine timers
  std::set<std::pair<absl::Time, TimerId>> due_wall;    // wall timers
  std::map<TimerKey, TimerId> timer_of;
  std::map<Subject, SubjectRows> about;
  std::map<JoinIndexKey, IncidentId> joinable;               // the newest unresolved incident with this key
  std::unordered_map<std::string, NotificationId> accepted;  // by the provider's id
  std::unordered_map<std::string, AnswerId> answer_of;       // by AnswerKey
  std::map<UserId, AccountId> account_of;
  std::unordered_map<std::string, AccountId> invited;  // by the invitation's hash
  std::map<ThrottleKey, ThrottleId> throttle_of;
  std::map<RoundKey, RoundId> round_of;
  std::map<ScheduleId, ScheduleWatchId> watch_of;
  std::map<ThrottleKey, std::set<HeldKey>> held;                   // held and in no bundle; no empty sets
  std::set<std::pair<absl::Time, ChangeEventId>> changes_by_time;  // of the change
  std::map<HeartbeatName, HeartbeatId> heartbeat_of;               // the one that is not on its way out
  std::unordered_map<std::string, OpsgenieAlertId> opsgenie_of_uuid;
  std::unordered_map<std::string, OpsgenieAlertId> opsgenie_of_alias;   // the open one
  std::unordered_map<GroupKey, std::set<OpsgenieAlertId>> opsgenie_in;  // open ones; no empty sets
  std::set<std::pair<absl::Time, OpsgenieAlertId>> opsgenie_closed;     // when
  std::unordered_map<std::string, OpsgenieRequestId> opsgenie_request_of;

  // Volatile: what the shards last said, by group key and shard.
  std::unordered_map<GroupKey, std::map<std::uint32_t, GroupReport>> live;
  std::set<std::uint32_t> shards_reported;

 private:
  friend void FoldInto(ResponderState& state, const Change& change);
  friend void RestoreInto(ResponderState& state, std::vector<Row> rows);
  friend struct RowIndex;
};

// Makes the rows what `change` says. Idempotent. When the change removes a retention timer, the closed rows that it stood
// for leave memory too: they stay in RocksDB, and recovery forgets them in the same way.
void FoldInto(ResponderState& state, const Change& change);

// Rows as RocksDB holds them, in any order, before any FoldInto.
void RestoreInto(ResponderState& state, std::vector<Row> rows);

// After a recovery: closed rows whose retention timer is gone are history, and leave memory as they did before the crash.
// Returns them: an older program did not journal that they left, so the views still have them among the rows in memory.
std::vector<RowKey> ForgetHistory(ResponderState& state);

template <typename T>
RowKey KeyFor(decltype(T::id) id) {
  T row;
  row.id = id;
  return KeyOf(Row(std::move(row)));
}

std::string AnswerKey(std::string_view actor, std::string_view request_id);

// The lane of pages about it, from its severity.
Notification::Lane LaneOf(const Group& group);
Notification::Lane LaneOf(const Incident& incident);
// kRest when the subject is neither or is not known.
Notification::Lane LaneOf(const ResponderState& state, const Subject& subject);

// Over all rows, independent of memory layout and of how they came to be.
std::uint64_t HashRows(const ResponderState& state);

}  // namespace tocsin
