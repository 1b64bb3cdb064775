// One turn of the responder: a decision in the making. An overlay over the state: rows that are read come from the state,
// rows that are edited are copied first and seen by every later read of the same turn. Nothing is altered until the turn
// is finished: it yields the Change, which Fold applies to the state, and the effects that follow from it.
//
//   Turn turn(context, now);
//   Group& group = turn.Edit<Group>(id);       // valid until the turn ends, unless the row is removed
//   group.state = Group::State::kAcknowledged;
//   turn.Note(...);                            // why
//   turn.Finish() -> Change, effects
//
// A pointer from Find does not see edits that come after it: find again.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/status.h"
#include "engine/joined_ids.h"
#include "engine/organisation_index.h"
#include "engine/responder.h"
#include "engine/responder_state.h"
#include "escalation/roster.h"
#include "incident/rate_window.h"

namespace tocsin {

// What a turn may look at besides the rows. `index` and `roster` are null without an organisation.
struct TurnContext {
  const ResponderState* state = nullptr;
  const Responder::Options* options = nullptr;
  const OrganisationIndex* index = nullptr;
  const Roster* roster = nullptr;
  const RateWindows* rates = nullptr;
  const FreshEvents* fresh_events = nullptr;  // of the reports of this turn
  const Router* router = nullptr;             // with `index`
  EngineTime listening_since;                 // until now, without a break, whatever was sent could come in
};

// What the shards say of one group together; zeros when they say nothing.
struct LiveGroup {
  std::uint32_t firing = 0;
  std::uint32_t suppressed = 0;
  std::uint32_t acknowledged = 0;
  std::uint64_t fired_total = 0;
  std::uint64_t resolved_total = 0;
  Severity highest = Severity::kUnknown;
  absl::Time oldest_start = absl::InfiniteFuture();
  std::string held_by;               // what holds back some of `suppressed`
  bool counted = false;              // the shards count events for a threshold
  std::uint64_t fresh_events = 0;    // of these, the ones that this turn is the first to hear of
  std::set<std::string> values;      // of labels that break through: "region=eu"
  std::string_view last_end;         // of the alert that was resolved last, as one of the shards says
  const GroupReport* any = nullptr;  // for what all shards agree on: route and labels
};

// What there is about a subject; good until the turn ends.
struct RowsAbout {
  JoinedIds<EscalationId> escalations;
  JoinedIds<PageId> pages;
  JoinedIds<NotificationId> notifications;
};

class Turn {
  template <typename T>
  using Overlay = std::map<decltype(T::id), std::optional<T>>;

 public:
  Turn(const TurnContext& context, const Now& now);

  const Now& now() const { return now_; }
  const ResponderState& state() const { return *context_.state; }
  const Responder::Options& options() const { return *context_.options; }
  const OrganisationIndex* index() const { return context_.index; }
  const RateWindows& rates() const { return *context_.rates; }
  const Router* router() const { return context_.router; }
  EngineTime listening_since() const { return context_.listening_since; }
  const Organisation* organisation() const { return context_.index ? &context_.index->organisation() : nullptr; }
  const Roster* roster() const { return context_.roster; }
  std::vector<Person> Resolve(std::span<const Target> targets) const;

  // Rows. T is Group, Escalation, Page, Notification, Incident, Silence, Timer, AccessToken ...
  template <typename T>
  const T* Find(decltype(T::id) id) const;
  template <typename T>
  T& Edit(decltype(T::id) id);  // the row exists
  template <typename T>
  T& Create();                                                // with a new id
  std::uint64_t NextId() const { return counters_.next_id; }  // of the row that is created next
  // A page or notification about `subject`.
  template <typename T>
  T& Create(const Subject& subject);
  Group& CreateGroup(GroupKey key);  // the current episode from now on
  // A row with an id of its own choosing, in place of what is there.
  template <typename T>
  void Put(T row) {
    std::get<Overlay<T>>(overlays_)[row.id] = std::move(row);
  }
  template <typename T>
  void Remove(decltype(T::id) id);
  // What this turn has edited or created.
  template <typename T>
  std::vector<decltype(T::id)> Edited() const {
    std::vector<decltype(T::id)> ids;
    for (const auto& [id, row] : std::get<Overlay<T>>(overlays_))
      if (row) ids.push_back(id);
    return ids;
  }

  std::optional<GroupId> CurrentGroup(GroupKey key) const;
  // What there is about `subject`, the rows of this turn included.
  RowsAbout About(const Subject& subject) const;
  // The row of a contact method, made when it has none.
  Throttle& ThrottleFor(const ContactMethod& method);
  const Throttle* FindThrottle(const ContactMethod& method) const;
  // Of a step that takes one person after the other, made when it has none.
  Round& RoundFor(const PolicyId& policy, std::int32_t step);
  const Round* FindRound(const PolicyId& policy, std::int32_t step) const;
  // Notifications that may wait for this contact method's turn; those of this turn included. Look at their states.
  std::set<HeldKey> HeldFor(const ThrottleKey& key) const;
  void RememberHeld(const Notification& row) { held_[ThrottleKeyOf(row.method)].insert({row.lane, row.id}); }
  LiveGroup Live(GroupKey key) const;
  // With the groups that are merged into it.
  LiveGroup Live(const Group& group) const;
  // The most severe, then oldest, of all shards.
  std::vector<AlertSummary> LiveExemplars(GroupKey key) const;
  std::vector<AlertSummary> LiveExemplars(const Group& group) const;
  bool AllShardsReported() const;
  // Incidents of a rule that this turn has opened.
  void RememberIncident(const IncidentRuleId& rule, const std::string& join_key, IncidentId id) {
    opened_[{rule, join_key}] = id;
  }
  std::optional<IncidentId> OpenedIncident(const IncidentRuleId& rule, const std::string& join_key) const;

  // Timers: one for each kind and subject.
  void Arm(TimerKey key, EngineTime due, Generation generation = {});
  void ArmWall(TimerKey key, absl::Time due);
  // Whether a timer of wall time was armed by rules that are not those of now: its instant may be another one.
  bool IsOutOfDate(TimerKey key) const;
  void Disarm(TimerKey key);
  const Timer* FindTimer(TimerKey key) const;

  // A fact for the timeline. The entry may be filled in further.
  TimelineEntry& Note(TimelineEntry::Kind kind, const Subject& subject, std::string text);
  // Who acts: the actor of the entries that follow.
  void SetActor(std::string actor) { actor_ = std::move(actor); }
  const std::string& actor() const { return actor_; }

  // Effects.
  void StartAttempt(NotificationId id) { starts_.push_back(id); }
  void CloseGate(NotificationId id) { closes_.push_back(id); }
  void PublishRules();  // the rules have changed: a new version
  // The group, or the incident, is reviewed soon, in a turn of its own.
  void ReviewLater(GroupKey key) { reviews_.push_back(key); }
  void ReviewLater(IncidentId id) { incident_reviews_.push_back(id); }
  void RememberAnswer(std::string_view actor, std::string_view request_id, std::uint64_t made);
  // The organisation that is applied by this turn: the next version. `version` comes without number and time.
  ConfigurationId SetOrganisation(ConfigurationVersion version);
  // An entry of the audit log. It comes without number and time.
  void Record(AuditEntry entry);
  // Whether anything has been done so far that is worth an entry of the audit log.
  bool HasFacts() const { return !entries_.empty() || publish_access_ || is_fact_; }
  void MakeFact() { is_fact_ = true; }              // although no timeline tells of it
  void PublishAccess() { publish_access_ = true; }  // tokens have changed
  void Raise(RaiseAlert raise) { raises_.push_back(std::move(raise)); }

  struct Result {
    Change change;
    std::vector<NotificationId> closes;
    std::vector<NotificationId> starts;
    std::vector<GroupKey> reviews;
    std::vector<IncidentId> incident_reviews;
    bool publish = false;
    bool publish_access = false;
    std::vector<RaiseAlert> raises;
  };
  Result Finish() &&;

 private:
  template <typename T>
  const std::map<decltype(T::id), T>& Table() const;
  template <typename T>
  void Collect(Change& change);
  std::vector<RowKey> LeavingMemory() const;
  template <typename Id>
  Id NewId() {
    return Id(counters_.next_id++);
  }
  Timer& TimerFor(TimerKey key);
  // The keys of the group and of those that are merged into it.
  std::vector<GroupKey> KeysOf(const Group& group) const;

  TurnContext context_;
  Now now_;
  std::string actor_;
  std::tuple<Overlay<Group>,
             Overlay<Escalation>,
             Overlay<Page>,
             Overlay<Notification>,
             Overlay<Incident>,
             Overlay<Silence>,
             Overlay<Timer>,
             Overlay<Answer>,
             Overlay<AccessToken>,
             Overlay<Account>,
             Overlay<Throttle>,
             Overlay<Round>,
             Overlay<ScheduleEdition>,
             Overlay<ScheduleChange>,
             Overlay<ScheduleWatch>,
             Overlay<ChangeEvent>,
             Overlay<Heartbeat>,
             Overlay<OpsgenieAlert>,
             Overlay<OpsgenieRequest>,
             Overlay<ContactReach>>
      overlays_;
  Counters counters_;
  OrganisationPtr applied_;
  std::vector<Row> archived_;  // versions and audit entries: written, never held in memory
  // What this turn has made, as the state's indexes have the rest.
  std::map<TimerKey, TimerId> armed_;
  std::map<GroupKey, GroupId> current_group_;
  std::map<Subject, SubjectRows> about_;
  std::map<ThrottleKey, ThrottleId> throttle_of_;
  std::map<RoundKey, RoundId> round_of_;
  std::map<ThrottleKey, std::set<HeldKey>> held_;
  std::map<JoinIndexKey, IncidentId> opened_;
  std::vector<TimelineEntry> entries_;
  std::vector<NotificationId> closes_;
  std::vector<NotificationId> starts_;
  std::vector<GroupKey> reviews_;
  std::vector<IncidentId> incident_reviews_;
  bool publish_ = false;
  bool publish_access_ = false;
  bool is_fact_ = false;
  std::vector<RaiseAlert> raises_;
};

template <typename T>
const std::map<decltype(T::id), T>& Turn::Table() const {
  if constexpr (std::is_same_v<T, Group>)
    return state().groups;
  else if constexpr (std::is_same_v<T, Escalation>)
    return state().escalations;
  else if constexpr (std::is_same_v<T, Page>)
    return state().pages;
  else if constexpr (std::is_same_v<T, Notification>)
    return state().notifications;
  else if constexpr (std::is_same_v<T, Incident>)
    return state().incidents;
  else if constexpr (std::is_same_v<T, Silence>)
    return state().silences;
  else if constexpr (std::is_same_v<T, Timer>)
    return state().timers;
  else if constexpr (std::is_same_v<T, Throttle>)
    return state().throttles;
  else if constexpr (std::is_same_v<T, Round>)
    return state().rounds;
  else if constexpr (std::is_same_v<T, ScheduleEdition>)
    return state().editions;
  else if constexpr (std::is_same_v<T, ScheduleWatch>)
    return state().schedule_watches;
  else if constexpr (std::is_same_v<T, ChangeEvent>)
    return state().changes;
  else if constexpr (std::is_same_v<T, Heartbeat>)
    return state().heartbeats;
  else if constexpr (std::is_same_v<T, OpsgenieAlert>)
    return state().opsgenie_alerts;
  else if constexpr (std::is_same_v<T, OpsgenieRequest>)
    return state().opsgenie_requests;
  else if constexpr (std::is_same_v<T, ContactReach>)
    return state().reaches;
  else if constexpr (std::is_same_v<T, ScheduleChange>)
    return state().schedule_changes;
  else if constexpr (std::is_same_v<T, Answer>)
    return state().answers;
  else if constexpr (std::is_same_v<T, Account>)
    return state().accounts;
  else
    return state().tokens;
}

template <typename T>
const T* Turn::Find(decltype(T::id) id) const {
  const auto& overlay = std::get<Overlay<T>>(overlays_);
  if (const auto edited = overlay.find(id); edited != overlay.end()) {
    return edited->second ? &*edited->second : nullptr;
  }
  const auto& table = Table<T>();
  const auto found = table.find(id);
  return found == table.end() ? nullptr : &found->second;
}

template <typename T>
T& Turn::Edit(decltype(T::id) id) {
  auto& overlay = std::get<Overlay<T>>(overlays_);
  auto edited = overlay.find(id);
  if (edited == overlay.end()) {
    const T* row = Find<T>(id);
    TOCSIN_CHECK(row != nullptr, "a row that exists is edited");
    edited = overlay.emplace(id, *row).first;
  }
  TOCSIN_CHECK(edited->second.has_value(), "a removed row is not edited");
  return *edited->second;
}

template <typename T>
T& Turn::Create() {
  T row;
  row.id = NewId<decltype(T::id)>();
  return *std::get<Overlay<T>>(overlays_).emplace(row.id, std::move(row)).first->second;
}

template <typename T>
void Turn::Remove(decltype(T::id) id) {
  std::get<Overlay<T>>(overlays_)[id] = std::nullopt;
}

template <typename T>
T& Turn::Create(const Subject& subject) {
  T& row = Create<T>();
  row.subject = subject;
  if constexpr (std::is_same_v<T, Page>) {
    about_[subject].pages.insert(row.id);
  } else if constexpr (std::is_same_v<T, Notification>) {
    about_[subject].notifications.insert(row.id);
  } else {
    about_[subject].escalations.insert(row.id);
  }
  return row;
}

}  // namespace tocsin
