#include "engine/responder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "engine/message.h"
#include "engine/responder_access.h"
#include "engine/responder_audit.h"
#include "engine/responder_bundles.h"
#include "engine/responder_canary.h"
#include "engine/responder_commands.h"
#include "engine/responder_episode.h"
#include "engine/responder_escalations.h"
#include "engine/responder_groups.h"
#include "engine/responder_heartbeats.h"
#include "engine/responder_holds.h"
#include "engine/responder_identity.h"
#include "engine/responder_opsgenie.h"
#include "engine/responder_outbox.h"
#include "engine/responder_reach.h"
#include "engine/responder_rewrites.h"
#include "engine/responder_schedules.h"
#include "engine/responder_self_tests.h"
#include "engine/responder_silences.h"
#include "engine/responder_steps.h"
#include "engine/responder_timers.h"
#include "engine/responder_turn.h"
#include "engine/responder_watches.h"

namespace tocsin {
namespace {

// Of the work that a start or a first organisation brings, in one decision.
constexpr std::size_t kSlice = 64;
constexpr std::size_t kReasonBytes = 500;

// Of its rules of inhibition: shards count their sources by it.
std::uint64_t FingerprintOf(const Organisation& organisation, std::uint64_t seed) {
  return Inhibitions(organisation.inhibition_rules, seed).fingerprint();
}

// What the roster is compiled with, beside the organisation.
bool ChangesSchedules(const Change& change) {
  static const std::size_t edition = Row(ScheduleEdition()).index();
  static const std::size_t planned = Row(ScheduleChange()).index();
  const auto is_one = [](std::size_t table) { return table == edition || table == planned; };
  return std::ranges::any_of(change.rows, [&](const Row& row) { return is_one(row.index()); }) ||
         std::ranges::any_of(change.removed, [&](const RowKey& key) { return is_one(key.table); });
}

}  // namespace

Responder::Responder(Options options) : options_(std::move(options)), sources_(options_.shard_count) {
  TOCSIN_CHECK(options_.shard_count > 0, "at least one shard");
  TOCSIN_CHECK(options_.lease > options_.attempt_deadline, "a lease must outlast the attempt that it is for");
  TOCSIN_CHECK(options_.max_attempts > 0, "at least one attempt");
  TOCSIN_CHECK(options_.last_attempt >= options_.max_attempts, "the last attempt is not before the next method");
}

void Responder::Restore(std::vector<Row> rows) {
  RestoreInto(state_, std::move(rows));
}

void Responder::Fold(const Change& change) {
  FoldInto(state_, change);
}

std::uint64_t Responder::StateHash() const {
  return HashRows(state_);
}

Turn Responder::Begin(const Now& now) const {
  TurnContext context;
  context.state = &state_;
  context.options = &options_;
  context.index = index_ ? &*index_ : nullptr;
  context.roster = roster();
  context.rates = &rates_;
  context.fresh_events = &fresh_events_;
  context.router = router_ ? &*router_ : nullptr;
  context.listening_since = listening_since_;
  return Turn(context, now);
}

void Responder::Compile() {
  roster_.reset();
  index_.reset();
  router_.reset();
  compile_error_.clear();
  if (state_.organisation == nullptr) return;
  absl::StatusOr<OrganisationIndex> index = OrganisationIndex::Compile(state_.organisation);
  if (index.ok()) {
    index_ = *std::move(index);
    router_.emplace(state_.organisation->route, options_.key_seed);
    rates_.SetLongest(index_->LongestRateWindow());
  } else {
    compile_error_ = Message(index.status());
  }
  CompileRoster();
}

void Responder::CompileRoster() {
  absl::StatusOr<Roster> roster = Roster::Compile(state_.organisation, RecordOf(state_));
  if (roster.ok()) {
    roster_ = *std::move(roster);
  } else {
    compile_error_ = Message(roster.status());
  }
}

// Services of which a group begins or ceases to hold others back by this change, which is not folded yet.
std::vector<ServiceId> Responder::ServicesThatTurn(const Change& change) const {
  std::vector<ServiceId> services;
  for (const Row& row : change.rows) {
    const Group* group = std::get_if<Group>(&row);
    if (group == nullptr || !group->service.set() || !index_) continue;
    const auto before = state_.groups.find(group->id);
    const bool was = before != state_.groups.end() && Breaks(before->second);
    if (was != Breaks(*group)) services.push_back(group->service);
  }
  return services;
}

void Responder::ReviewDependents(const ServiceId& service) {
  for (const ServiceId& dependent : index_->HeldBackBy(service)) {
    for (const GroupKey key : OpenGroupsOf(state_, dependent))
      ReviewLater(key);
  }
}

void Responder::ReviewLater(GroupKey key) {
  if (reviewing_.insert(key).second) to_review_.push_back(key);
}

Decision Responder::Commit(Turn&& turn) {
  RewriteMessages(turn);
  FollowGroups(turn);
  Turn::Result result = std::move(turn).Finish();
  Decision decision;
  decision.change = std::move(result.change);
  const std::vector<ServiceId> turned = ServicesThatTurn(decision.change);
  FoldInto(state_, decision.change);
  const bool applied = std::ranges::any_of(decision.change.rows,
                                           [](const Row& row) { return std::holds_alternative<OrganisationPtr>(row); });
  if (ChangesSchedules(decision.change) && state_.organisation != nullptr) CompileRoster();
  if (applied) sources_.Begin(FingerprintOf(*state_.organisation, options_.key_seed));
  for (const GroupKey key : result.reviews)
    ReviewLater(key);
  incidents_to_review_.insert(result.incident_reviews.begin(), result.incident_reviews.end());
  for (const ServiceId& service : turned)
    ReviewDependents(service);

  if (!result.closes.empty()) decision.effects.emplace_back(CloseGates{std::move(result.closes)});
  std::vector<const Notification*> starts;
  for (const NotificationId id : result.starts) {
    const auto found = state_.notifications.find(id);
    const bool leased = found != state_.notifications.end() && found->second.state == Notification::State::kLeased;
    if (leased) starts.push_back(&found->second);
  }
  std::ranges::stable_sort(starts, {}, &Notification::lane);
  for (const Notification* row : starts)
    decision.effects.emplace_back(StartAttempt{*row, options_.attempt_deadline});
  for (RaiseAlert& raise : result.raises)
    decision.effects.emplace_back(std::move(raise));
  if (result.publish_access) decision.effects.emplace_back(PublishAccess{AccessOf(state_)});
  if (result.publish && state_.organisation != nullptr) {
    decision.effects.emplace_back(PublishRules{CurrentRules()});
  }
  return decision;
}

RulesPtr Responder::CurrentRules() const {
  Rules rules;
  rules.version = state_.counters.rules;
  rules.organisation = state_.organisation;
  rules.silences = SilencesInEffect(state_);
  rules.inhibition = sources_.snapshot();
  return std::make_shared<const Rules>(std::move(rules));
}

Decision Responder::Start(const Now& now) {
  stale_ = ForgetHistory(state_);
  ListensSince(now.engine);
  Compile();
  if (state_.organisation != nullptr) sources_.Begin(FingerprintOf(*state_.organisation, options_.key_seed));
  Turn turn = Begin(now);
  turn.SetActor("start");
  std::vector<const Notification*> leased;
  for (const auto& [id, row] : state_.notifications) {
    if (row.state == Notification::State::kLeased) leased.push_back(&row);
  }
  std::ranges::stable_sort(leased, {}, &Notification::lane);
  for (const Notification* row : leased)
    to_take_back_.emplace_back(row->id, row->attempt);
  WorkOffBacklog(turn, kSlice);
  // Silences that ended while nobody was there must not hold back the first alert.
  const auto due_walls = state_.due_wall;
  for (const auto& [due, id] : due_walls) {
    const Timer& timer = state_.timers.at(id);
    if (due <= now.wall && timer.kind == Timer::Kind::kSilenceEdge) FireTimer(turn, timer);
  }
  KeepWatches(turn, /*again=*/false);
  KeepSelfTests(turn, /*again=*/false);
  TellHeartbeatsAgain(turn);
  turn.PublishRules();
  turn.PublishAccess();
  // Of a store from before there were versions: what is in force is the first.
  if (state_.organisation != nullptr && !state_.counters.configuration.set()) {
    turn.SetOrganisation({{}, {}, "start", "in force before versions were kept", {}, state_.organisation});
  }
  return Commit(std::move(turn));
}

Decision Responder::Handle(const Command& command, const Now& now) {
  if (std::optional<CommandResult> before = AnsweredBefore(state_, command)) {
    Decision decision;
    decision.change.now = now;
    decision.result = *std::move(before);
    return decision;
  }
  if (absl::Status status = CheckRequest(command); !status.ok()) {
    Decision decision;
    decision.change.now = now;
    decision.result.status = std::move(status);
    return decision;
  }
  if (std::holds_alternative<ApplyOrganisation>(command.body)) return Apply(command, now);
  Turn turn = Begin(now);
  CommandResult result = Execute(turn, command);
  Decision decision;
  if (result.status.ok()) {
    decision = Commit(std::move(turn));
  } else {
    decision.change.now = now;  // a refusal changes nothing
  }
  decision.result = std::move(result);
  return decision;
}

Decision Responder::HandleResults(std::span<const AttemptResult> results, const Now& now) {
  Turn turn = Begin(now);
  turn.SetActor("notify");
  for (const AttemptResult& result : results)
    HandleResult(turn, result).IgnoreError();  // of what has left memory: nothing to be done
  return Commit(std::move(turn));
}

Decision Responder::StartCanary(const std::string& url, const std::string& key, const Now& now) {
  Turn turn = Begin(now);
  tocsin::StartCanary(turn, url, key);
  return Commit(std::move(turn));
}

absl::StatusOr<std::optional<ScheduleEdit>> Responder::Compile(const ApplyOrganisation& apply, const Now& now) {
  if (apply.organisation == nullptr) return Invalid("no organisation is given");
  const ConfigurationId present = state_.counters.configuration;
  if (apply.expected && *apply.expected != present) {
    return absl::AbortedError(
        absl::StrFormat("version %d was expected to be in force, but it is version %d: look again",
                        apply.expected->value(), present.value()));
  }
  if (state_.organisation != nullptr && *state_.organisation == *apply.organisation) return std::nullopt;
  TOCSIN_TRY(Annotate(Roster::Compile(apply.organisation).status(), "nothing is applied"));
  absl::StatusOr<AppliedSchedules> schedules = SchedulesAfter(state_, apply, now.wall);
  TOCSIN_TRY(Annotate(schedules.status(), "nothing is applied"));
  absl::StatusOr<OrganisationIndex> index = OrganisationIndex::Compile(apply.organisation);
  TOCSIN_TRY(Annotate(index.status(), "nothing is applied"));
  roster_ = std::move(schedules->roster);
  index_ = *std::move(index);
  router_.emplace(apply.organisation->route, options_.key_seed);
  compile_error_.clear();
  rates_.SetLongest(index_->LongestRateWindow());
  return std::move(schedules->edit);
}

Decision Responder::Apply(const Command& command, const Now& now) {
  const auto& apply = std::get<ApplyOrganisation>(command.body);
  const bool first = !index_;
  const absl::StatusOr<std::optional<ScheduleEdit>> compiled = Compile(apply, now);
  if (!compiled.ok() || !*compiled) {  // refused, or it is in force already
    Decision unchanged;
    unchanged.change.now = now;
    unchanged.result.status = compiled.status();
    unchanged.result.id = state_.counters.configuration.value();
    return unchanged;
  }

  const OrganisationPtr former = state_.organisation;
  Turn turn = Begin(now);
  turn.SetActor(command.actor);
  const std::string reason = OneLine(apply.reason, kReasonBytes);
  CommandResult result;
  result.id = turn.SetOrganisation({{}, {}, command.actor, reason, apply.repeats, apply.organisation}).value();
  RecordScheduleEdit(turn, **compiled, ConfigurationId(result.id));
  EndChangesOfTheGone(turn, *apply.organisation);
  EndAccountsOfTheGone(turn, former.get(), *apply.organisation);
  ApplyDeclaredMaintenance(turn);
  ApplyDeclaredHeartbeats(turn, apply.organisation->heartbeats);
  FollowRoutes(turn);
  ForgetRounds(turn, *apply.organisation);
  KeepWatches(turn, /*again=*/true);
  ForgetGoneMethods(turn, *apply.organisation);
  KeepSelfTests(turn, /*again=*/true);
  turn.PublishRules();
  turn.Note(TimelineEntry::Kind::kOrganisationApplied, {SubjectKind::kOrganisation, 0},
            absl::StrCat("configuration version ", result.id, " of ", OneLine(apply.organisation->name, 100),
                         apply.repeats.set() ? absl::StrCat(", the same as version ", apply.repeats.value()) : "",
                         ", is rules version ", state_.counters.rules.value() + 1, reason.empty() ? "" : ": ", reason));
  RecordCommand(turn, command, result);
  if (!command.request_id.empty()) turn.RememberAnswer(command.actor, command.request_id, result.id);
  for (const GroupId id : state_.open_groups)  // other intervals, other dependencies
    turn.ReviewLater(state_.groups.at(id).key);
  for (const auto& [id, incident] : state_.incidents)
    if (incident.state == Incident::State::kOpen) ReviewWaits(turn, incident.escalation);
  ReviewHeld(turn);
  if (first) {  // alerts that came in before there was an organisation to judge them by
    ReviewEverything();
    WorkOffBacklog(turn, kSlice);
  }
  Decision decision = Commit(std::move(turn));
  decision.result = std::move(result);
  return decision;
}

void Responder::ReviewEverything() {
  const std::vector<GroupKey> keys = MostSevereFirst(Begin(Now()), AllKeys(state_));
  to_review_.assign(keys.begin(), keys.end());
  reviewing_ = {keys.begin(), keys.end()};
  for (const auto& [id, incident] : state_.incidents)
    if (incident.state == Incident::State::kOpen) incidents_to_review_.insert(id);
}

std::size_t Responder::WorkOffBacklog(Turn& turn, std::size_t limit) {
  std::size_t done = 0;
  for (; done < limit && !to_take_back_.empty(); ++done) {
    const auto [id, attempt] = to_take_back_.front();
    to_take_back_.pop_front();
    const Notification* row = turn.Find<Notification>(id);
    if (row == nullptr || row->state != Notification::State::kLeased || row->attempt != attempt) continue;
    turn.SetActor("start");
    TakeBackLease(turn, id);
  }
  for (; done < limit && !to_review_.empty() && index_; ++done) {
    ReviewGroup(turn, to_review_.front());
    reviewing_.erase(to_review_.front());
    to_review_.pop_front();
  }
  for (; done < limit && !incidents_to_review_.empty() && index_; ++done) {
    const Incident* incident = turn.Find<Incident>(*incidents_to_review_.begin());
    incidents_to_review_.erase(incidents_to_review_.begin());
    if (incident == nullptr) continue;
    turn.SetActor("schedules");  // nothing but who is on call has changed
    ReviewWaits(turn, incident->escalation);
  }
  return done;
}

void Responder::RecordRates(const std::vector<GroupKey>& keys, const Now& now) {
  if (!index_ || index_->LongestRateWindow() <= absl::ZeroDuration()) return;
  const bool all_reported = state_.shards_reported.size() >= options_.shard_count;
  const Turn turn = Begin(now);
  for (const GroupKey key : keys) {
    const std::uint64_t total = turn.Live(key).fired_total;
    if (!all_reported) {  // what fired before we listened is not known to be recent
      rates_.Forget(key);
      rates_.Record(key, now.engine, total, total);
      continue;
    }
    std::uint64_t before = 0;
    if (const auto current = turn.CurrentGroup(key)) {
      const std::uint64_t last = turn.Find<Group>(*current)->fired_total;
      before = last <= total ? last : 0;
    }
    rates_.Record(key, now.engine, total, before);
  }
}

void Responder::DropSettledReports(const std::vector<GroupKey>& keys) {
  for (const GroupKey key : keys) {
    const auto live = state_.live.find(key);
    if (live == state_.live.end()) continue;
    const bool silent = std::ranges::all_of(
        live->second, [](const auto& entry) { return entry.second.firing == 0 && entry.second.suppressed == 0; });
    const auto current = state_.current_group.find(key);
    const bool open = current != state_.current_group.end() && state_.open_groups.contains(current->second);
    if (!silent || open) continue;
    if (current != state_.current_group.end() && state_.timer_of.contains(FlushTimer(current->second))) continue;
    state_.live.erase(live);
    rates_.Forget(key);
  }
}

// Whether it tells only of the past: of alerts that have recovered in an episode whose reports were dropped. Its totals would
// count as of this one. A receiver that is told by flush hears of what has just recovered: such a report names it.
static bool IsHistory(const ResponderState& state, std::uint32_t shard_count, const GroupReport& report) {
  const bool told = report.firing > 0 || report.suppressed > 0 || !report.exemplars.empty();
  if (told || state.shards_reported.size() < shard_count) return false;
  const auto live = state.live.find(report.key);
  return live == state.live.end() || !live->second.contains(report.shard);
}

Decision Responder::Observe(std::vector<GroupReport> reports, const Now& now) {
  std::vector<GroupKey> keys;
  for (GroupReport& report : reports) {
    keys.push_back(report.key);
    fresh_events_.Take(report);
    if (!IsHistory(state_, options_.shard_count, report)) state_.live[report.key][report.shard] = std::move(report);
  }
  std::ranges::sort(keys);
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  RecordRates(keys, now);
  Turn turn = Begin(now);
  for (const GroupKey key : index_ ? MostSevereFirst(turn, keys) : std::vector<GroupKey>())
    ReviewGroup(turn, key);
  Decision decision = Commit(std::move(turn));
  fresh_events_.Clear();
  fresh_events_.Tidy([this](GroupKey key) { return state_.current_group.contains(key); });
  DropSettledReports(keys);
  return decision;
}

// Nothing is decided by it that would have to be journalled: after a start the shards say all of it again.
Decision Responder::ObserveSources(const std::map<std::uint32_t, SourceReport>& reports, const Now& now) {
  Decision decision;
  decision.change.now = now;
  bool changed = false;
  for (const auto& [shard, report] : reports)
    changed |= sources_.Observe(shard, report);
  if (changed && state_.organisation != nullptr) decision.effects.emplace_back(PublishRules{CurrentRules()});
  return decision;
}

Decision Responder::ShardReported(std::uint32_t shard, const Now& now) {
  const bool before = state_.shards_reported.size() >= options_.shard_count;
  if (shard < options_.shard_count) state_.shards_reported.insert(shard);
  Turn turn = Begin(now);
  const bool all = state_.shards_reported.size() >= options_.shard_count;
  if (!before && all && index_) {
    ReviewEverything();
    WorkOffBacklog(turn, kSlice);
  }
  return Commit(std::move(turn));
}

Decision Responder::FireTimers(const Now& now, std::size_t limit, bool& more) {
  Turn turn = Begin(now);
  // Half of it at most is for what is left of a start: people who are to be paged now wait for no review of others.
  std::size_t fired = WorkOffBacklog(turn, std::max<std::size_t>(1, limit / 2));
  for (auto due = state_.due_wall.begin(); due != state_.due_wall.end() && due->first <= now.wall && fired < limit;
       ++due) {
    FireTimer(turn, state_.timers.at(due->second));
    ++fired;
  }
  if (fired < limit) {
    state_.due.ForEachDue(now.engine, [&](const DueTimer& due) {
      // An earlier one of this turn may have removed it, or armed it for later.
      const Timer* timer = turn.Find<Timer>(due.id);
      if (timer == nullptr || timer->due > now.engine) return true;
      FireTimer(turn, Timer(*timer));
      return ++fired < limit;
    });
  }
  Decision decision = Commit(std::move(turn));
  more = NextTimer() <= now.engine || NextWallTimer() <= now.wall;
  return decision;
}

EngineTime Responder::NextTimer() const {
  if (!to_take_back_.empty() || !to_review_.empty() || !incidents_to_review_.empty()) return EngineTime();
  return state_.due.empty() ? EngineTime::Infinite() : state_.due.First().due;
}

absl::Time Responder::NextWallTimer() const {
  return state_.due_wall.empty() ? absl::InfiniteFuture() : state_.due_wall.begin()->first;
}

}  // namespace tocsin
