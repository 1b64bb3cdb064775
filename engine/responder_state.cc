#include "engine/responder_state.h"

#include <type_traits>
#include <variant>

#include "absl/strings/str_cat.h"

#include "base/strings.h"

namespace tocsin {
namespace {

template <typename Map, typename Id>
auto* FindRow(Map& rows, Id id) {
  const auto found = rows.find(id);
  return found == rows.end() ? nullptr : &found->second;
}

bool IsTest(const Page& page) {
  return page.subject.kind == SubjectKind::kUser;
}

// The number of the table that has rows like T: their place in Row. Known without making one, which takes a thousand instructions.
template <typename T, typename Of>
struct TableIn;
template <typename T, typename... Rows>
struct TableIn<T, std::variant<Rows...>> {
  static constexpr std::uint8_t Count() {
    std::uint8_t before = 0;
    ((!std::is_same_v<T, Rows> && (++before, true)) && ...);
    return before;
  }
};
template <typename T>
constexpr std::uint8_t kTableOf = TableIn<T, Row>::Count();

}  // namespace

Notification::Lane LaneOf(const Group& group) {
  return group.peak == Severity::kCritical ? Notification::Lane::kCritical : Notification::Lane::kNormal;
}

// SEV1 and SEV2 are the major ones.
Notification::Lane LaneOf(const Incident& incident) {
  return incident.severity <= 2 ? Notification::Lane::kCritical : Notification::Lane::kNormal;
}

Notification::Lane LaneOf(const ResponderState& state, const Subject& subject) {
  if (subject.kind == SubjectKind::kGroup) {
    if (const Group* group = FindRow(state.groups, GroupId(subject.id))) return LaneOf(*group);
  } else if (subject.kind == SubjectKind::kIncident) {
    if (const Incident* incident = FindRow(state.incidents, IncidentId(subject.id))) return LaneOf(*incident);
  }
  return Notification::Lane::kRest;
}

std::string AnswerKey(std::string_view actor, std::string_view request_id) {
  return absl::StrCat(ToAbsl(actor), "\n", ToAbsl(request_id));
}

// Puts rows in and takes them out, each time with the indexes that follow from them. Ids rise, so a new row belongs at the end: in a
// storm it is put there without a search.
struct RowIndex {
  ResponderState& state;
  std::vector<RowKey> forgotten = {};  // by Forget and ForgetAbout

  void Put(const Group& row) {
    state.groups.insert_or_assign(state.groups.end(), row.id, row);
    if (row.state == Group::State::kResolved) {
      Close(row);
    } else {
      state.open_groups.insert(state.open_groups.end(), row.id);
      if (row.service.set()) state.open_of[row.service].insert(row.id);
    }
    GroupId& current = state.current_group[row.key];
    if (current <= row.id) current = row.id;  // ids are in sequence: the newer episode
  }
  void Put(const Escalation& row) {
    state.escalations.insert_or_assign(state.escalations.end(), row.id, row);
    state.about[row.subject].escalations.insert(row.id);
  }
  void Put(const Page& row) {
    state.pages.insert_or_assign(state.pages.end(), row.id, row);
    state.about[row.subject].pages.insert(row.id);
  }
  void Put(const Notification& row) {
    if (const Notification* before = FindRow(state.notifications, row.id)) Unhold(*before);
    state.notifications.insert_or_assign(state.notifications.end(), row.id, row);
    if (Waits(row)) state.held[ThrottleKeyOf(row.method)].insert({row.lane, row.id});
    state.about[row.subject].notifications.insert(row.id);
    if (!row.provider_id.empty()) state.accepted[row.provider_id] = row.id;
  }
  void Put(const Incident& row) {
    state.incidents.insert_or_assign(row.id, row);
    if (!row.rule.set() || row.join_key.empty()) return;
    const JoinIndexKey key(row.rule, row.join_key);
    const auto found = state.joinable.find(key);
    if (row.state != Incident::State::kResolved) {
      if (found == state.joinable.end() || found->second < row.id) state.joinable[key] = row.id;
    } else if (found != state.joinable.end() && found->second == row.id) {
      state.joinable.erase(found);
    }
  }
  void Put(const Silence& row) {
    Remove(row.id);
    state.silences.emplace(row.id, row);
    if (row.service.set()) state.windows_of[row.service].insert(row.id);
  }
  void Put(const Timer& row) {
    Remove(row.id);
    state.timers.emplace_hint(state.timers.end(), row.id, row);
    state.timer_of[{row.kind, row.subject}] = row.id;
    if (IsOfWallTime(row.kind)) {
      state.due_wall.emplace(row.due_wall, row.id);
    } else {
      state.due.Arm({row.due, static_cast<std::uint8_t>(LaneOf(row)), row.id});
    }
  }
  void Put(const Throttle& row) {
    state.throttles.insert_or_assign(row.id, row);
    state.throttle_of[{row.kind, row.address}] = row.id;
  }
  void Put(const Round& row) {
    state.rounds.insert_or_assign(row.id, row);
    state.round_of[{row.policy, row.step}] = row.id;
  }
  void Put(const Counters& row) { state.counters = row; }
  void Put(const OrganisationPtr& row) { state.organisation = row; }
  void Put(const Answer& row) {
    state.answers.insert_or_assign(row.id, row);
    state.answer_of[AnswerKey(row.actor, row.request_id)] = row.id;
  }

  void Put(const AccessToken& row) { state.tokens.insert_or_assign(row.id, row); }
  void Put(const Account& row) {
    Remove(row.id);
    state.accounts.emplace(row.id, row);
    state.account_of[row.user] = row.id;
    if (!row.invitation.empty()) state.invited[row.invitation] = row.id;
  }
  void Put(const ScheduleEdition& row) { state.editions.insert_or_assign(row.id, row); }
  void Put(const ScheduleChange& row) { state.schedule_changes.insert_or_assign(row.id, row); }
  void Put(const ScheduleWatch& row) {
    state.schedule_watches.insert_or_assign(row.id, row);
    state.watch_of[row.schedule] = row.id;
  }
  void Put(const ChangeEvent& row) {
    Remove(row.id);
    state.changes.emplace(row.id, row);
    state.changes_by_time.emplace(row.at, row.id);
  }
  void Put(const Heartbeat& row) {
    state.heartbeats.insert_or_assign(row.id, row);
    if (!row.removed) {
      state.heartbeat_of[row.rule.id] = row.id;
    } else {
      Unname(row);
    }
  }
  void Put(const OpsgenieAlert& row) {
    Remove(row.id);
    state.opsgenie_alerts.emplace(row.id, row);
    state.opsgenie_of_uuid[row.uuid] = row.id;
    if (row.closed) {
      state.opsgenie_closed.emplace(row.closed_at, row.id);
      return;
    }
    state.opsgenie_of_alias[row.alias] = row.id;
    for (const GroupKey group : row.groups)
      state.opsgenie_in[group].insert(row.id);
  }
  void Put(const OpsgenieRequest& row) {
    state.opsgenie_requests.insert_or_assign(row.id, row);
    state.opsgenie_request_of[row.request] = row.id;
  }
  void Put(const ContactReach& row) { state.reaches.insert_or_assign(row.id, row); }
  void Put(const ConfigurationVersion& /*row*/) {}  // archived: read from disk only
  void Put(const AuditEntry& /*row*/) {}

  void Remove(GroupId id) {
    const Group* row = FindRow(state.groups, id);
    if (row == nullptr) return;
    const auto current = state.current_group.find(row->key);
    if (current != state.current_group.end() && current->second == id) state.current_group.erase(current);
    Close(*row);
    state.groups.erase(id);
  }
  void Remove(EscalationId id) {
    if (const Escalation* row = FindRow(state.escalations, id)) {
      const Subject subject = row->subject;
      state.about[subject].escalations.erase(id);
      DropEmpty(subject);
    }
    state.escalations.erase(id);
  }
  void Remove(PageId id) {
    if (const Page* row = FindRow(state.pages, id)) {
      const Subject subject = row->subject;
      state.about[subject].pages.erase(id);
      DropEmpty(subject);
    }
    state.pages.erase(id);
  }
  void Remove(NotificationId id) {
    if (const Notification* row = FindRow(state.notifications, id)) {
      Unhold(*row);
      const auto accepted = state.accepted.find(row->provider_id);
      if (accepted != state.accepted.end() && accepted->second == id) state.accepted.erase(accepted);
      const Subject subject = row->subject;
      state.about[subject].notifications.erase(id);
      DropEmpty(subject);
    }
    state.notifications.erase(id);
  }
  void Remove(IncidentId id) {
    if (const Incident* row = FindRow(state.incidents, id)) {
      const auto found = state.joinable.find({row->rule, row->join_key});
      if (found != state.joinable.end() && found->second == id) state.joinable.erase(found);
    }
    state.incidents.erase(id);
  }
  void Remove(SilenceId id) {
    const Silence* row = FindRow(state.silences, id);
    if (row == nullptr) return;
    if (const auto of = state.windows_of.find(row->service); of != state.windows_of.end()) {
      of->second.erase(id);
      if (of->second.empty()) state.windows_of.erase(of);
    }
    state.silences.erase(id);
  }
  void Remove(TimerId id) {
    const Timer* row = FindRow(state.timers, id);
    if (row == nullptr) return;
    const auto of = state.timer_of.find({row->kind, row->subject});
    if (of != state.timer_of.end() && of->second == id) state.timer_of.erase(of);
    state.due_wall.erase({row->due_wall, id});
    state.due.Cancel(id);
    state.timers.erase(id);
  }
  void Remove(ThrottleId id) {
    const Throttle* row = FindRow(state.throttles, id);
    if (row == nullptr) return;
    const auto of = state.throttle_of.find({row->kind, row->address});
    if (of != state.throttle_of.end() && of->second == id) state.throttle_of.erase(of);
    state.throttles.erase(id);
  }
  void Remove(RoundId id) {
    const Round* row = FindRow(state.rounds, id);
    if (row == nullptr) return;
    state.round_of.erase({row->policy, row->step});
    state.rounds.erase(id);
  }
  void Remove(AnswerId id) {
    if (const Answer* row = FindRow(state.answers, id)) state.answer_of.erase(AnswerKey(row->actor, row->request_id));
    state.answers.erase(id);
  }
  void Remove(TokenId id) { state.tokens.erase(id); }
  void Remove(AccountId id) {
    if (const Account* row = FindRow(state.accounts, id)) {
      EraseIf(state.account_of, row->user, id);
      EraseIf(state.invited, row->invitation, id);
    }
    state.accounts.erase(id);
  }
  void Remove(ScheduleEditionId id) { state.editions.erase(id); }
  void Remove(ScheduleChangeId id) { state.schedule_changes.erase(id); }
  void Remove(ScheduleWatchId id) {
    const ScheduleWatch* row = FindRow(state.schedule_watches, id);
    if (row == nullptr) return;
    state.watch_of.erase(row->schedule);
    state.schedule_watches.erase(id);
  }
  void Remove(ChangeEventId id) {
    const ChangeEvent* row = FindRow(state.changes, id);
    if (row == nullptr) return;
    state.changes_by_time.erase({row->at, id});
    state.changes.erase(id);
  }
  void Remove(HeartbeatId id) {
    if (const Heartbeat* row = FindRow(state.heartbeats, id)) Unname(*row);
    state.heartbeats.erase(id);
  }
  void Remove(OpsgenieAlertId id) {
    const OpsgenieAlert* row = FindRow(state.opsgenie_alerts, id);
    if (row == nullptr) return;
    EraseIf(state.opsgenie_of_uuid, row->uuid, id);
    EraseIf(state.opsgenie_of_alias, row->alias, id);
    state.opsgenie_closed.erase({row->closed_at, id});
    for (const GroupKey group : row->groups) {
      const auto of = state.opsgenie_in.find(group);
      if (of == state.opsgenie_in.end()) continue;
      of->second.erase(id);
      if (of->second.empty()) state.opsgenie_in.erase(of);
    }
    state.opsgenie_alerts.erase(id);
  }
  void Remove(OpsgenieRequestId id) {
    if (const OpsgenieRequest* row = FindRow(state.opsgenie_requests, id))
      EraseIf(state.opsgenie_request_of, row->request, id);
    state.opsgenie_requests.erase(id);
  }

  void Remove(ContactReachId id) { state.reaches.erase(id); }

  void Remove(const RowKey& key);
  // The closed row with this number, whatever its kind, and what belongs to it.
  void Forget(std::uint64_t id);
  void ForgetAbout(const Subject& subject);
  template <typename T>
  void Forget(decltype(T::id) id);

 private:
  void Close(const Group& row) {
    state.open_groups.erase(row.id);
    const auto of = state.open_of.find(row.service);
    if (of == state.open_of.end()) return;
    of->second.erase(row.id);
    if (of->second.empty()) state.open_of.erase(of);
  }
  template <typename Index, typename Key, typename Id>
  static void EraseIf(Index& index, const Key& key, Id id) {
    const auto found = index.find(key);
    if (found != index.end() && found->second == id) index.erase(found);
  }
  void Unname(const Heartbeat& row) { EraseIf(state.heartbeat_of, row.rule.id, row.id); }
  static bool Waits(const Notification& row) { return row.state == Notification::State::kHeld && !row.bundle.set(); }
  void Unhold(const Notification& row) {
    const auto found = state.held.find(ThrottleKeyOf(row.method));
    if (!Waits(row) || found == state.held.end()) return;
    found->second.erase({row.lane, row.id});
    if (found->second.empty()) state.held.erase(found);
  }
  void DropEmpty(const Subject& subject) {
    const auto found = state.about.find(subject);
    if (found != state.about.end() && found->second.empty()) state.about.erase(found);
  }
  Notification::Lane LaneOf(const Timer& timer) const;
};

// A timer's rank among those due at the same instant.
Notification::Lane RowIndex::LaneOf(const Timer& timer) const {
  using Kind = Timer::Kind;
  switch (timer.kind) {
    case Kind::kGroupFlush:
    case Kind::kAcknowledgeTimeout:
    case Kind::kStable:
    case Kind::kIncidentCheck: return tocsin::LaneOf(state, SubjectOf(GroupId(timer.subject)));
    case Kind::kEscalationStep: {
      const Escalation* row = FindRow(state.escalations, EscalationId(timer.subject));
      return row != nullptr ? tocsin::LaneOf(state, row->subject) : Notification::Lane::kRest;
    }
    case Kind::kPageRule: {
      const Page* row = FindRow(state.pages, PageId(timer.subject));
      return row != nullptr ? tocsin::LaneOf(state, row->subject) : Notification::Lane::kRest;
    }
    case Kind::kNotification: {
      const Notification* row = FindRow(state.notifications, NotificationId(timer.subject));
      return row != nullptr ? row->lane : Notification::Lane::kRest;
    }
    case Kind::kThrottle: {
      const Throttle* row = FindRow(state.throttles, ThrottleId(timer.subject));
      const auto held = row != nullptr ? state.held.find({row->kind, row->address}) : state.held.end();
      return held != state.held.end() ? held->second.begin()->first : Notification::Lane::kRest;
    }
    case Kind::kSilenceEdge:
    case Kind::kHoldEdge:
    case Kind::kStepHours:
    case Kind::kHandoff:
    case Kind::kPageHours:
    case Kind::kSupportHours:
    case Kind::kScheduleNews:
    case Kind::kHeartbeat:
    case Kind::kOutlived:
    case Kind::kFollow:
    case Kind::kSelfTests:
    case Kind::kReachReport:
    case Kind::kRetention: return Notification::Lane::kRest;
  }
  return Notification::Lane::kRest;
}

void RowIndex::Remove(const RowKey& key) {
  if (key.table == kTableOf<Timer>) {
    const Timer* timer = FindRow(state.timers, TimerId(key.id));
    const bool retention = timer != nullptr && timer->kind == Timer::Kind::kRetention;
    const std::uint64_t subject = retention ? timer->subject : 0;
    Remove(TimerId(key.id));
    if (retention) Forget(subject);
    return;
  }
  const auto remove = [&]<typename... Rows>() {
    ((key.table == kTableOf<Rows> ? Remove(decltype(Rows::id)(key.id)) : void()), ...);
  };
  remove.template operator()<Group, Escalation, Page, Notification, Incident, Silence, Answer, AccessToken, Account,
                             Throttle, Round, ScheduleEdition, ScheduleChange, ScheduleWatch, ChangeEvent, Heartbeat,
                             OpsgenieAlert, OpsgenieRequest, ContactReach>();
}

template <typename T>
void RowIndex::Forget(decltype(T::id) id) {
  forgotten.push_back({kTableOf<T>, id.value()});
  Remove(id);
}

void RowIndex::ForgetAbout(const Subject& subject) {
  const auto found = state.about.find(subject);
  if (found == state.about.end()) return;
  const SubjectRows rows = found->second;
  for (const EscalationId id : rows.escalations)
    Forget<Escalation>(id);
  for (const PageId id : rows.pages)
    Forget<Page>(id);
  for (const NotificationId id : rows.notifications)
    Forget<Notification>(id);
}

void RowIndex::Forget(std::uint64_t id) {
  if (const Group* group = FindRow(state.groups, GroupId(id))) {
    if (group->state != Group::State::kResolved) return;  // it has been opened again
    ForgetAbout(SubjectOf(GroupId(id)));
    Forget<Group>(GroupId(id));
  } else if (state.incidents.contains(IncidentId(id))) {
    ForgetAbout(SubjectOf(IncidentId(id)));
    Forget<Incident>(IncidentId(id));
  } else if (const Page* page = FindRow(state.pages, PageId(id))) {
    const std::vector<NotificationId> notifications = page->notifications;
    for (const NotificationId notification : notifications)
      Forget<Notification>(notification);
    Forget<Page>(PageId(id));
  } else {
    Forget<Silence>(SilenceId(id));
  }
}

void FoldInto(ResponderState& state, const Change& change) {
  RowIndex index{state};
  // Timers last: their rank follows from the rows that they stand for.
  for (const Row& row : change.rows) {
    if (!std::holds_alternative<Timer>(row)) std::visit([&](const auto& value) { index.Put(value); }, row);
  }
  for (const Row& row : change.rows) {
    if (const Timer* timer = std::get_if<Timer>(&row)) index.Put(*timer);
  }
  for (const RowKey& key : change.removed)
    index.Remove(key);
}

void RestoreInto(ResponderState& state, std::vector<Row> rows) {
  Change change;
  change.rows = std::move(rows);
  FoldInto(state, change);
}

std::vector<RowKey> ForgetHistory(ResponderState& state) {
  RowIndex index{state};
  const auto kept = [&](std::uint64_t id) {
    return state.timer_of.contains({Timer::Kind::kRetention, id}) ||
           state.timer_of.contains({Timer::Kind::kSilenceEdge, id});
  };
  std::vector<std::uint64_t> closed;
  for (const auto& [id, row] : state.groups) {
    if (row.state == Group::State::kResolved && !kept(id.value())) closed.push_back(id.value());
  }
  for (const auto& [id, row] : state.incidents) {
    if (row.state == Incident::State::kResolved && !kept(id.value())) closed.push_back(id.value());
  }
  for (const auto& [id, row] : state.silences) {
    if (!kept(id.value())) closed.push_back(id.value());
  }
  for (const auto& [id, row] : state.pages) {
    if (IsTest(row) && row.state != Page::State::kActive && !kept(id.value())) closed.push_back(id.value());
  }
  for (const std::uint64_t id : closed)
    index.Forget(id);

  std::vector<Subject> orphans;
  for (const auto& [subject, rows] : state.about) {
    const bool known = subject.kind == SubjectKind::kGroup      ? state.groups.contains(GroupId(subject.id))
                       : subject.kind == SubjectKind::kIncident ? state.incidents.contains(IncidentId(subject.id))
                                                                : true;
    if (!known) orphans.push_back(subject);
  }
  for (const Subject& subject : orphans)
    index.ForgetAbout(subject);
  // A test page's messages go with it.
  std::vector<NotificationId> strays;
  for (const auto& [id, row] : state.notifications) {
    if (row.page.set() && !state.pages.contains(row.page)) strays.push_back(id);
  }
  for (const NotificationId id : strays)
    index.Forget<Notification>(id);
  return std::move(index.forgotten);
}

}  // namespace tocsin
