#include "engine/responder_turn.h"

#include <algorithm>
#include <iterator>

#include "base/limits.h"

namespace tocsin {
namespace {

// Answers to commands that are remembered; a client that repeats does so within seconds.
constexpr std::size_t kAnswers = 4096;

void AddLive(const ResponderState& state, GroupKey key, LiveGroup& live) {
  const auto found = state.live.find(key);
  if (found == state.live.end()) return;
  for (const auto& [shard, report] : found->second) {
    live.firing += report.firing;
    live.suppressed += report.suppressed;
    live.acknowledged += report.acknowledged;
    live.fired_total += report.fired_total;
    live.resolved_total += report.resolved_total;
    live.counted |= report.counted;
    live.values.insert(report.values.begin(), report.values.end());
    if (live.last_end.empty()) live.last_end = report.last_end;
    if (report.firing > 0) {
      live.highest = std::max(live.highest, report.highest);
      live.oldest_start = std::min(live.oldest_start, report.oldest_start);
    }
    if (report.suppressed > 0 && !report.held_by.empty()) live.held_by = report.held_by;
    if (live.any == nullptr || report.firing > 0) live.any = &report;
  }
}

std::vector<AlertSummary> ExemplarsOf(const ResponderState& state, std::span<const GroupKey> keys) {
  std::vector<const AlertSummary*> all;
  for (const GroupKey key : keys) {
    const auto found = state.live.find(key);
    if (found == state.live.end()) continue;
    for (const auto& [shard, report] : found->second)
      for (const AlertSummary& alert : report.exemplars)
        if (alert.firing) all.push_back(&alert);
  }
  if (all.size() > 1) {
    std::ranges::stable_sort(all, [](const AlertSummary* a, const AlertSummary* b) {
      return std::tuple(b->severity, a->fired_at) < std::tuple(a->severity, b->fired_at);
    });
  }
  if (all.size() > limits::kExemplarsPerGroup) all.resize(limits::kExemplarsPerGroup);
  std::vector<AlertSummary> copies;
  copies.reserve(all.size());
  for (const AlertSummary* alert : all)
    copies.push_back(*alert);
  return copies;
}

}  // namespace

Turn::Turn(const TurnContext& context, const Now& now)
    : context_(context), now_(now), counters_(context.state->counters) {}

std::vector<Person> Turn::Resolve(std::span<const Target> targets) const {
  if (context_.roster == nullptr) return {};
  std::vector<Person> people = context_.roster->Resolve(targets, now_.wall);
  // A change may name somebody who has just been removed, and has not ended yet.
  std::erase_if(people,
                [&](const Person& person) { return index() == nullptr || index()->Find(person.user) == nullptr; });
  return people;
}

Group& Turn::CreateGroup(GroupKey key) {
  Group& group = Create<Group>();
  group.key = key;
  current_group_[key] = group.id;
  return group;
}

std::optional<GroupId> Turn::CurrentGroup(GroupKey key) const {
  const auto created = current_group_.find(key);
  if (created != current_group_.end()) return created->second;
  const auto found = state().current_group.find(key);
  if (found == state().current_group.end()) return std::nullopt;
  return found->second;
}

RowsAbout Turn::About(const Subject& subject) const {
  const auto found = state().about.find(subject);
  const SubjectRows* kept = found == state().about.end() ? nullptr : &found->second;
  const auto created = about_.find(subject);
  const SubjectRows* made = created == about_.end() ? nullptr : &created->second;
  return {{kept ? &kept->escalations : nullptr, made ? &made->escalations : nullptr},
          {kept ? &kept->pages : nullptr, made ? &made->pages : nullptr},
          {kept ? &kept->notifications : nullptr, made ? &made->notifications : nullptr}};
}

std::vector<GroupKey> Turn::KeysOf(const Group& group) const {
  std::vector<GroupKey> keys = {group.key};
  for (const GroupId id : group.merged) {
    if (const Group* part = Find<Group>(id)) keys.push_back(part->key);
  }
  return keys;
}

const Throttle* Turn::FindThrottle(const ContactMethod& method) const {
  const ThrottleKey key = ThrottleKeyOf(method);
  if (const auto made = throttle_of_.find(key); made != throttle_of_.end()) return Find<Throttle>(made->second);
  const auto found = state().throttle_of.find(key);
  return found == state().throttle_of.end() ? nullptr : Find<Throttle>(found->second);
}

Throttle& Turn::ThrottleFor(const ContactMethod& method) {
  if (const Throttle* row = FindThrottle(method)) return Edit<Throttle>(row->id);
  Throttle& row = Create<Throttle>();
  row.kind = method.kind;
  row.address = method.address;
  throttle_of_[ThrottleKeyOf(method)] = row.id;
  return row;
}

const Round* Turn::FindRound(const PolicyId& policy, std::int32_t step) const {
  const RoundKey key(policy, step);
  if (const auto made = round_of_.find(key); made != round_of_.end()) return Find<Round>(made->second);
  const auto found = state().round_of.find(key);
  return found == state().round_of.end() ? nullptr : Find<Round>(found->second);
}

Round& Turn::RoundFor(const PolicyId& policy, std::int32_t step) {
  if (const Round* row = FindRound(policy, step)) return Edit<Round>(row->id);
  Round& row = Create<Round>();
  row.policy = policy;
  row.step = step;
  round_of_[{policy, step}] = row.id;
  return row;
}

std::set<HeldKey> Turn::HeldFor(const ThrottleKey& key) const {
  std::set<HeldKey> held;
  if (const auto found = state().held.find(key); found != state().held.end()) held = found->second;
  if (const auto made = held_.find(key); made != held_.end()) held.insert(made->second.begin(), made->second.end());
  return held;
}

LiveGroup Turn::Live(GroupKey key) const {
  LiveGroup live;
  AddLive(state(), key, live);
  live.fresh_events += context_.fresh_events->Of(key);
  return live;
}

LiveGroup Turn::Live(const Group& group) const {
  LiveGroup live;
  for (const GroupKey key : KeysOf(group)) {
    AddLive(state(), key, live);
    live.fresh_events += context_.fresh_events->Of(key);
  }
  return live;
}

std::vector<AlertSummary> Turn::LiveExemplars(GroupKey key) const {
  return ExemplarsOf(state(), std::span(&key, 1));
}

std::vector<AlertSummary> Turn::LiveExemplars(const Group& group) const {
  return ExemplarsOf(state(), KeysOf(group));
}

bool Turn::AllShardsReported() const {
  return state().shards_reported.size() >= options().shard_count;
}

std::optional<IncidentId> Turn::OpenedIncident(const IncidentRuleId& rule, const std::string& join_key) const {
  const auto found = opened_.find({rule, join_key});
  if (found == opened_.end()) return std::nullopt;
  return found->second;
}

const Timer* Turn::FindTimer(TimerKey key) const {
  const auto armed = armed_.find(key);
  if (armed != armed_.end()) return Find<Timer>(armed->second);
  const auto found = state().timer_of.find(key);
  return found == state().timer_of.end() ? nullptr : Find<Timer>(found->second);
}

Timer& Turn::TimerFor(TimerKey key) {
  if (const Timer* timer = FindTimer(key)) return Edit<Timer>(timer->id);
  Timer& timer = Create<Timer>();
  timer.kind = key.kind;
  timer.subject = key.subject;
  armed_[key] = timer.id;
  return timer;
}

void Turn::Arm(TimerKey key, EngineTime due, Generation generation) {
  Timer& timer = TimerFor(key);
  timer.due = due;
  timer.generation = generation;
}

void Turn::ArmWall(TimerKey key, absl::Time due) {
  Timer& timer = TimerFor(key);
  timer.due_wall = due;
  timer.generation = Generation(counters_.rules.value());
}

bool Turn::IsOutOfDate(TimerKey key) const {
  const Timer* timer = FindTimer(key);
  return timer != nullptr && timer->generation != Generation(counters_.rules.value());
}

void Turn::Disarm(TimerKey key) {
  if (const Timer* timer = FindTimer(key)) Remove<Timer>(timer->id);
}

TimelineEntry& Turn::Note(TimelineEntry::Kind kind, const Subject& subject, std::string text) {
  TimelineEntry entry;
  entry.kind = kind;
  entry.subject = subject;
  entry.at = now_.wall;
  entry.actor = actor_;
  entry.text = std::move(text);
  return entries_.emplace_back(std::move(entry));
}

void Turn::PublishRules() {
  if (publish_) return;
  publish_ = true;
  counters_.rules = RulesVersion(counters_.rules.value() + 1);
}

ConfigurationId Turn::SetOrganisation(ConfigurationVersion version) {
  counters_.configuration = ConfigurationId(counters_.configuration.value() + 1);
  version.id = counters_.configuration;
  version.at = now_.wall;
  applied_ = version.organisation;
  archived_.emplace_back(std::move(version));
  publish_access_ = true;
  return counters_.configuration;
}

void Turn::Record(AuditEntry entry) {
  entry.id = NewId<AuditId>();
  entry.at = now_.wall;
  archived_.emplace_back(std::move(entry));
}

void Turn::RememberAnswer(std::string_view actor, std::string_view request_id, std::uint64_t made) {
  Answer& answer = Create<Answer>();
  answer.request_id = request_id;
  answer.actor = actor;
  answer.made = made;
  const auto& answers = state().answers;
  if (answers.size() >= kAnswers) Remove<Answer>(answers.begin()->first);
}

template <typename T>
void Turn::Collect(Change& change) {
  for (auto& [id, row] : std::get<Overlay<T>>(overlays_)) {
    const auto& table = Table<T>();
    const auto before = table.find(id);
    if (row) {
      if (before == table.end() || before->second != *row) change.rows.emplace_back(std::move(*row));
    } else if (before != table.end()) {
      change.removed.push_back(KeyFor<T>(id));
    }
  }
}

// What goes with the retention timers that this turn has taken away. FoldInto would forget it anyway; the views are told.
std::vector<RowKey> Turn::LeavingMemory() const {
  std::vector<RowKey> leaving;
  const auto leave = [&]<typename T>(const T* row) {
    if (row != nullptr) leaving.push_back(KeyFor<T>(row->id));
  };
  const auto leave_with = [&](const Subject& subject) {
    const RowsAbout rows = About(subject);
    for (const EscalationId id : rows.escalations)
      leave(Find<Escalation>(id));
    for (const PageId id : rows.pages)
      leave(Find<Page>(id));
    for (const NotificationId id : rows.notifications)
      leave(Find<Notification>(id));
  };
  for (const auto& [id, row] : std::get<Overlay<Timer>>(overlays_)) {
    const auto before = Table<Timer>().find(id);
    if (row || before == Table<Timer>().end() || before->second.kind != Timer::Kind::kRetention) continue;
    const std::uint64_t subject = before->second.subject;
    const Page* page = Find<Page>(PageId(subject));
    if (const Group* group = Find<Group>(GroupId(subject))) {
      if (group->state != Group::State::kResolved) continue;  // it has been opened again
      leave_with(SubjectOf(group->id));
      leave(group);
    } else if (const Incident* incident = Find<Incident>(IncidentId(subject))) {
      leave_with(SubjectOf(incident->id));
      leave(incident);
    } else if (page != nullptr) {
      for (const NotificationId notification : page->notifications)
        leave(Find<Notification>(notification));
      leave(page);
    } else {
      leave(Find<Silence>(SilenceId(subject)));
    }
  }
  return leaving;
}

Turn::Result Turn::Finish() && {
  Result result;
  result.change.now = now_;
  const std::vector<RowKey> leaving = LeavingMemory();
  // Rows are large: a vector that grows would move each of them several times.
  const auto edited = std::apply([](const auto&... overlay) { return (overlay.size() + ...); }, overlays_);
  result.change.rows.reserve(edited + archived_.size() + 2);
  Collect<Group>(result.change);
  Collect<Escalation>(result.change);
  Collect<Page>(result.change);
  Collect<Notification>(result.change);
  Collect<Incident>(result.change);
  Collect<Silence>(result.change);
  Collect<Timer>(result.change);
  Collect<Answer>(result.change);
  Collect<AccessToken>(result.change);
  Collect<Account>(result.change);
  Collect<Throttle>(result.change);
  Collect<Round>(result.change);
  Collect<ScheduleEdition>(result.change);
  Collect<ScheduleChange>(result.change);
  Collect<ScheduleWatch>(result.change);
  Collect<ChangeEvent>(result.change);
  Collect<Heartbeat>(result.change);
  Collect<OpsgenieAlert>(result.change);
  Collect<OpsgenieRequest>(result.change);
  Collect<ContactReach>(result.change);
  result.change.removed.insert(result.change.removed.end(), leaving.begin(), leaving.end());
  if (counters_ != state().counters) result.change.rows.emplace_back(counters_);
  std::ranges::move(archived_, std::back_inserter(result.change.rows));
  if (applied_ != nullptr) {
    result.change.rows.emplace_back(std::move(applied_));
    const std::uint64_t newest = counters_.configuration.value();
    if (newest > limits::kConfigurationVersions) {
      constexpr std::size_t kTable = 10;
      static_assert(std::is_same_v<std::variant_alternative_t<kTable, Row>, ConfigurationVersion>);
      result.change.removed.push_back({kTable, newest - limits::kConfigurationVersions});
    }
  }
  result.change.entries = std::move(entries_);
  result.closes = std::move(closes_);
  result.starts = std::move(starts_);
  result.reviews = std::move(reviews_);
  result.incident_reviews = std::move(incident_reviews_);
  result.publish = publish_;
  result.publish_access = publish_access_;
  result.raises = std::move(raises_);
  return result;
}

}  // namespace tocsin
