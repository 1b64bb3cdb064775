// The responder stage: commands, reports and timers in; decisions out; effects when they are durable.
#include <algorithm>
#include <iterator>

#include "base/log.h"
#include "base/status.h"
#include "engine/pipeline_stages.h"
#include "model/canary.h"
#include "model/codec/response_codec.h"
#include "storage/change_parts.h"

namespace tocsin {
namespace {

constexpr std::size_t kCommandsWaiting = 10'000;  // more are refused: whoever sends so many must wait
// They keep one decision small, and a step: after it what has become durable is performed, and what has become critical is heard.
constexpr std::size_t kReportsPerDecision = 6;
constexpr std::size_t kResultsPerDecision = 32;
constexpr std::size_t kDecisionsPerStep = 16;
constexpr std::size_t kTimersPerDecision = 32;
constexpr std::size_t kAuditSlice = 200;  // a fraction of a millisecond: whoever is to be paged waits for no more
constexpr absl::Duration kPagingTolerance = absl::Seconds(60);
// We look at least every second; after such a gap the machine slept, stood still, or its clock has jumped.
constexpr absl::Duration kStoodStill = absl::Seconds(30);

ServiceId ServiceOf(const ResponderState& state, const Subject& subject) {
  if (subject.kind == SubjectKind::kGroup) {
    const auto group = state.groups.find(GroupId(subject.id));
    if (group != state.groups.end()) return group->second.service;
  } else if (subject.kind == SubjectKind::kIncident) {
    const auto incident = state.incidents.find(IncidentId(subject.id));
    if (incident != state.incidents.end()) return incident->second.service;
  }
  return {};
}

}  // namespace

ResponderStage::ResponderStage(Responder responder,
                               std::vector<IntegrationId> integrations,
                               const Engine::Options& options,
                               Store& store,
                               const Clock& clock,
                               ViewsStage& views,
                               Hooks hooks)
    : responder_(std::move(responder)),
      integrations_(std::move(integrations)),
      options_(options),
      store_(store),
      clock_(clock),
      views_(views),
      hooks_(std::move(hooks)),
      out_(kDecidedInFlight),
      durable_(kDecidedInFlight) {}

void ResponderStage::Came() {
  has_come_.store(true, std::memory_order_release);
  wakeup_.Notify();
}

bool ResponderStage::Push(Command command, CommandDone& done) {
  {
    MutexLock lock(mutex_);
    if (inbox_.commands.size() >= kCommandsWaiting) return false;
    inbox_.commands.emplace_back(std::move(command), std::move(done));
  }
  Came();
  return true;
}

void ResponderStage::Post(absl::AnyInvocable<void(Responder&, const Now&)> task) {
  {
    MutexLock lock(mutex_);
    inbox_.tasks.push_back(std::move(task));
  }
  Came();
}

void ResponderStage::Post(std::shared_ptr<StatePoint> point) {
  {
    MutexLock lock(mutex_);
    inbox_.point = std::move(point);
  }
  Came();
}

void ResponderStage::Ask(absl::AnyInvocable<Decision(Responder&, const Now&)> decide, std::function<void()> passed) {
  {
    MutexLock lock(mutex_);
    inbox_.asked.emplace_back(std::move(decide), std::move(passed));
  }
  Came();
}

void ResponderStage::Push(const AttemptResult& result) {
  {
    MutexLock lock(mutex_);
    results_.push_back(result);
  }
  Came();
}

void ResponderStage::PushReports(Sealed& sealed) {
  if (sealed.reports.empty() && !sealed.sources && !sealed.reported_all) return;
  {
    MutexLock lock(mutex_);
    for (GroupReport& report : sealed.reports)
      reports_.Add(sealed.shard, std::move(report));
    if (sealed.reported_all) reports_.AddEnd(sealed.shard);
    if (sealed.sources) {
      const auto [at, inserted] = inbox_.sources.try_emplace(sealed.shard, std::move(*sealed.sources));
      if (!inserted) at->second.Merge(*std::move(sealed.sources));
    }
  }
  sealed.reports.clear();
  sealed.sources.reset();
  Came();
}

std::string ResponderStage::WhyNotPaging() const {
  MutexLock lock(mutex_);
  return why_not_paging_;
}

void ResponderStage::Start() {
  const Now now = clock_.Read();
  next_audit_ = now.engine + options_.audit_interval;
  Decide(responder_.Start(now), nullptr);
}

void ResponderStage::Journal(Decision decision, std::function<void()> passed) {
  auto decided = std::make_unique<Decided>();
  decided->encoded = EncodeChange(decision.change);
  decided->bodies = CutChange(decided->encoded);
  decided->change = std::move(decision.change);
  decided->effects = std::move(decision.effects);
  decided->passed = std::move(passed);
  undelivered_.push_back(std::move(decided));
}

// Hands a decision to the committer.
void ResponderStage::Decide(Decision decision, CommandDone done) {
  if (decision.change.empty() && decision.effects.empty() && !done) return;
  trouble_log_.Tell(decision.change);
  auto decided = std::make_unique<Decided>();
  if (!decision.change.empty()) {
    decided->encoded = EncodeChange(decision.change);
    decided->bodies = CutChange(decided->encoded);
  }
  decided->change = std::move(decision.change);
  decided->effects = std::move(decision.effects);
  decided->result = std::move(decision.result);
  decided->done = std::move(done);
  undelivered_.push_back(std::move(decided));
}

ResponderStage::Some ResponderStage::TakeReports() {
  MutexLock lock(mutex_);
  Some some{reports_.Take(kReportsPerDecision), {}};
  some.shards_reported = reports_.TakeEnds();
  return some;
}

std::vector<AttemptResult> ResponderStage::TakeResults() {
  std::vector<AttemptResult> some;
  {
    MutexLock lock(mutex_);
    const auto end = results_.begin() + static_cast<std::ptrdiff_t>(std::min(results_.size(), kResultsPerDecision));
    some.assign(std::move_iterator(results_.begin()), std::move_iterator(end));
    results_.erase(results_.begin(), end);
  }
  // What has been reported cannot be stopped any more.
  for (const AttemptResult& result : some) {
    const auto found = gates_.find(result.notification);
    if (found != gates_.end() && found->second.attempt == result.attempt) gates_.erase(found);
  }
  return some;
}

// A part of what shards and attempts have to tell, in turns.
bool ResponderStage::Observe(const Now& now) {
  bool any = false;
  for (std::size_t i = 0; i < kDecisionsPerStep; ++i) {
    Some some = TakeReports();
    const std::vector<AttemptResult> results = TakeResults();
    if (some.reports.empty() && some.shards_reported.empty() && results.empty()) return any;
    any = true;
    if (!some.reports.empty()) Decide(responder_.Observe(std::move(some.reports), now), nullptr);
    for (const std::uint32_t shard : some.shards_reported)
      Decide(responder_.ShardReported(shard, now), nullptr);
    if (!results.empty()) Decide(responder_.HandleResults(results, now), nullptr);
  }
  has_come_.store(true, std::memory_order_relaxed);  // the rest
  return any;
}

bool ResponderStage::TakeInbox(const Now& now) {
  if (!has_come_.load(std::memory_order_relaxed)) return false;  // mostly
  has_come_.exchange(false, std::memory_order_acq_rel);
  Inbox taken;
  {
    MutexLock lock(mutex_);
    std::swap(taken, inbox_);
  }
  for (auto& [command, done] : taken.commands)
    Decide(responder_.Handle(command, now), std::move(done));
  const bool observed = Observe(now);
  if (!taken.sources.empty()) Decide(responder_.ObserveSources(taken.sources, now), nullptr);
  for (auto& task : taken.tasks)
    task(responder_, now);
  for (auto& [decide, passed] : taken.asked)
    Journal(decide(responder_, now), std::move(passed));
  if (taken.point) {
    undelivered_.push_back(std::make_unique<Decided>());
    undelivered_.back()->point = taken.point;
    taken.point->AddResponder(responder_.StateHash(), Hash64(EncodeIntegrations(integrations_)));
  }
  return observed || !taken.commands.empty() || !taken.sources.empty() || !taken.tasks.empty() ||
         !taken.asked.empty() || taken.point;
}

bool ResponderStage::FireTimers(const Now& now) {
  if (!more_timers_ && responder_.NextTimer() > now.engine && responder_.NextWallTimer() > now.wall) return false;
  Decide(responder_.FireTimers(now, kTimersPerDecision, more_timers_), nullptr);
  return true;
}

bool ResponderStage::Audit(const Now& now) {
  if (now.engine < next_audit_ && !responder_.in_audit()) return false;
  const bool begins = !responder_.in_audit();
  if (begins) next_audit_ = now.engine + options_.audit_interval;
  // With nothing of ours under way all that is committed so far is in the views: the journal need not be kept for them.
  if (begins && in_flight_.empty() && undelivered_.empty() && views_.backlog() == 0)
    store_.ApplyChange(Change(), hooks_.committed()).IgnoreError();
  std::vector<std::string> findings;
  Decide(responder_.Audit(now, kAuditSlice, findings), nullptr);
  for (const std::string& finding : findings)
    LogError("the auditor repaired an escalation: people are paged about it from now on; this is a mistake of tocsin's",
             {
                 {"finding", finding}
    });
  findings_.fetch_add(findings.size(), std::memory_order_relaxed);
  std::string why_not;
  const bool can_page = responder_.CanPage(now, kPagingTolerance, why_not);
  MutexLock lock(mutex_);
  why_not_paging_ = can_page ? std::string() : why_not;
  return true;
}

void ResponderStage::Perform(const CloseGates& effect) {
  for (const NotificationId id : effect.notifications) {
    const auto found = gates_.find(id);
    if (found == gates_.end()) continue;
    found->second.gate->Close();
    gates_.erase(found);
  }
}

void ResponderStage::Perform(const StartAttempt& effect) {
  auto gate = std::make_shared<Gate>();
  gates_[effect.notification.id] = {effect.notification.attempt, gate};
  if (effect.notification.attempt == 1 && !IsCanary(effect.notification)) {
    hooks_.attempt_started(std::max(absl::ZeroDuration(), clock_.Read().wall - effect.notification.created_at));
  }
  hooks_.start_attempt(effect.notification, effect.deadline, std::move(gate));
}

// Events name integrations by number, so a new name is journalled before any event can carry it. The answer to whoever
// declared it waits for that: after an OK its key opens.
void ResponderStage::Publish(const RulesPtr& rules, Decided& by) {
  published_ = rules;
  bool grown = false;
  for (const Integration& integration : rules->organisation->integrations) {
    if (std::ranges::find(integrations_, integration.id) != integrations_.end()) continue;
    integrations_.push_back(integration.id);
    grown = true;
  }
  if (!grown) {
    hooks_.publish_rules(rules, integrations_);
    return;
  }
  auto decided = std::make_unique<Decided>();
  decided->kind = EntryKind::kIntegrations;
  decided->encoded = EncodeIntegrations(integrations_);
  decided->bodies = {decided->encoded};
  decided->integrations = integrations_;
  decided->effects.emplace_back(PublishRules{rules});
  decided->result = by.result;
  decided->done = std::exchange(by.done, nullptr);
  undelivered_.push_back(std::move(decided));
}

// The integration of our own alerts gets its number when the first of them is raised. Until that is durable nothing can
// carry it: then the effect comes again.
void ResponderStage::Raise(const RaiseAlert& effect) {
  const IntegrationId own{kHeartbeatIntegration};
  if (std::ranges::find(integrations_, own) != integrations_.end()) {
    hooks_.raise(effect);
    return;
  }
  if (published_ == nullptr) return;  // it is told again
  integrations_.push_back(own);
  auto decided = std::make_unique<Decided>();
  decided->kind = EntryKind::kIntegrations;
  decided->encoded = EncodeIntegrations(integrations_);
  decided->bodies = {decided->encoded};
  decided->integrations = integrations_;
  decided->effects.emplace_back(PublishRules{published_});
  decided->effects.emplace_back(effect);
  undelivered_.push_back(std::move(decided));
}

// Signals that could not come in are not missing.
void ResponderStage::Listen(const Now& now) {
  if (last_step_ && now.engine - *last_step_ > kStoodStill) responder_.ListensSince(now.engine);
  last_step_ = now.engine;
  responder_.ListensSince(hooks_.listening_since());
}

// Looked up while what is told of them is in memory; empty where there are none.
std::vector<ServiceId> ResponderStage::ServicesOf(const Change& change) const {
  std::vector<ServiceId> services;
  Subject last;  // entries about one thing follow each other
  ServiceId service;
  for (std::size_t i = 0; i < change.entries.size(); ++i) {
    const Subject& subject = change.entries[i].subject;
    if (subject != last) service = ServiceOf(responder_.state(), subject);
    last = subject;
    if (service.set() && services.empty()) services.resize(change.entries.size());
    if (service.set()) services[i] = service;
  }
  return services;
}

// Gates close before the answer is given: an OK to an acknowledgement means that no further send will start.
void ResponderStage::Perform(Decided& decided) {
  for (const Effect& effect : decided.effects) {
    if (const auto* close = std::get_if<CloseGates>(&effect)) Perform(*close);
    if (const auto* publish = std::get_if<PublishRules>(&effect)) Publish(publish->rules, decided);
    if (const auto* access = std::get_if<PublishAccess>(&effect)) hooks_.publish_access(access->access);
  }
  for (const Effect& effect : decided.effects) {
    if (const auto* start = std::get_if<StartAttempt>(&effect)) Perform(*start);
    if (const auto* raise = std::get_if<RaiseAlert>(&effect)) Raise(*raise);
  }
  decided.services = ServicesOf(decided.change);
  decided.result.sequence = decided.sequence.value();
}

bool ResponderStage::Finish() {
  bool any = false;
  while (const std::optional<Decided*> durable = durable_.TryPop()) {
    TOCSIN_CHECK(*durable == in_flight_.front().get(), "decisions come back in their order");
    std::unique_ptr<Decided> decided = std::move(in_flight_.front());
    in_flight_.pop_front();
    Perform(*decided);
    if (decided->passed) decided->passed();
    views_.Push(std::move(decided));
    any = true;
  }
  // Whoever drives the stages by hand drives this one with the responder's.
  if (!options_.threads) views_.Step(nullptr);
  return any;
}

bool ResponderStage::Step(Wakeup& committer) {
  bool busy = Finish();
  const Now now = clock_.Read();
  Listen(now);
  // With the way to the disk full, deciding on would only pile up: reports coalesce in the inbox meanwhile.
  if (undelivered_.size() < kDecidedInFlight && views_.backlog() < kViewsBacklog) {
    busy = TakeInbox(now) || busy;
    busy = FireTimers(now) || busy;
    busy = Audit(now) || busy;
  }
  std::size_t delivered = 0;
  while (delivered < undelivered_.size() && in_flight_.size() < kDecidedInFlight &&
         out_.TryPush(undelivered_[delivered].get())) {
    in_flight_.push_back(std::move(undelivered_[delivered]));
    ++delivered;
  }
  undelivered_.erase(undelivered_.begin(), undelivered_.begin() + static_cast<std::ptrdiff_t>(delivered));
  if (delivered > 0) committer.Notify();
  return busy || delivered > 0;
}

absl::Duration ResponderStage::IdleFor() const {
  if (more_timers_) return absl::ZeroDuration();
  const Now now = clock_.Read();
  absl::Duration idle = responder_.in_audit() ? absl::ZeroDuration() : next_audit_ - now.engine;
  if (responder_.NextTimer() != EngineTime::Infinite()) idle = std::min(idle, responder_.NextTimer() - now.engine);
  idle = std::min(idle, responder_.NextWallTimer() - now.wall);
  return std::clamp(idle, absl::ZeroDuration(), absl::Seconds(1));
}

}  // namespace tocsin
