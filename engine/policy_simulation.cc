#include "engine/policy_simulation.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/status.h"
#include "base/strings.h"
#include "engine/responder.h"
#include "engine/responder_steps.h"

namespace tocsin {
namespace {

constexpr std::size_t kTimersAtOnce = 64;

// The organisation with one route, which leads to the policy at once.
OrganisationPtr OnlyThisPolicy(const Organisation& organisation, const PolicySimulation& what) {
  auto copy = std::make_shared<Organisation>(organisation);
  Route route;
  route.id = RouteId("simulated");
  route.policy = what.policy;
  route.service = what.service;
  route.urgency = what.urgency;
  route.group_wait = absl::ZeroDuration();
  copy->route = std::move(route);
  copy->incident_rules.clear();
  copy->maintenance.clear();
  copy->heartbeats.clear();
  copy->public_url.clear();  // no links are signed
  copy->self_tests = SelfTests();
  return copy;
}

// One group, one shard, and providers that take whatever they are given.
class World {
 public:
  World(OrganisationPtr organisation, std::vector<Row> rows, const PolicySimulation& what)
      : what_(what), now_{what.at, EngineTime(1)}, end_(now_.engine + what.length), responder_(Responder::Options()) {
    rows.emplace_back(std::move(organisation));
    Counters counters;
    counters.next_id = 1;
    for (const Row& row : rows)
      counters.next_id = std::max(counters.next_id, KeyOf(row).id + 1);
    rows.emplace_back(counters);
    responder_.Restore(std::move(rows));
    Take(responder_.Start(now_));
    Take(responder_.ShardReported(0, now_));
  }

  absl::StatusOr<SimulatedTimeline> Run() {
    Observe();
    while (status_.ok()) {
      const absl::Duration wall = std::max(responder_.NextWallTimer() - now_.wall, absl::ZeroDuration());
      const EngineTime next = std::max(now_.engine, std::min(responder_.NextTimer(), now_.engine + wall));
      const EngineTime answer =
          what_.answered_after && !answered_ ? EngineTime(1) + *what_.answered_after : EngineTime::Infinite();
      if (std::min(next, answer) > end_) break;
      GoTo(std::min(next, answer));
      if (answer <= next) {
        Acknowledge();
        continue;
      }
      for (bool more = true; more && status_.ok();)
        Take(responder_.FireTimers(now_, kTimersAtOnce, more));
    }
    TOCSIN_TRY(status_);
    timeline_.unfinished = Unfinished();
    return std::move(timeline_);
  }

 private:
  void GoTo(EngineTime at) {
    now_.wall += at - now_.engine;
    now_.engine = at;
  }

  void Observe() {
    GroupReport report;
    report.key = what_.key;
    report.route = RouteId("simulated");
    report.labels = {
        {"alertname", "Simulated"}
    };
    report.firing = 1;
    report.fired_total = 1;
    report.highest = what_.severity;
    report.oldest_start = now_.wall;
    Take(responder_.Observe({std::move(report)}, now_));
  }

  void Acknowledge() {
    answered_ = true;
    const auto& groups = responder_.state().open_groups;
    if (groups.empty()) return;
    Command command;
    command.actor = "user:somebody";
    command.body = AcknowledgeGroup{*groups.begin(), std::nullopt};
    Take(responder_.Handle(command, now_));
  }

  void Take(const Decision& decision) {
    for (const TimelineEntry& entry : decision.change.entries) {
      if (entry.subject.kind == SubjectKind::kGroup) timeline_.entries.push_back(entry);
    }
    if (timeline_.entries.size() > kMostSimulatedEntries) {
      status_ = Exhausted("policy %s does more than %d things in that time: simulate a shorter one",
                          JsonQuote(what_.policy.value()), kMostSimulatedEntries);
      return;
    }
    for (const Effect& effect : decision.effects) {
      const auto* start = std::get_if<StartAttempt>(&effect);
      if (start == nullptr) continue;
      Command command;
      command.actor = "notify";
      AttemptResult result;
      result.notification = start->notification.id;
      result.attempt = start->notification.attempt;
      command.body = result;
      Take(responder_.Handle(command, now_));
    }
  }

  std::string Unfinished() const {
    for (const GroupId id : responder_.state().open_groups) {
      const auto found = responder_.state().escalations.find(responder_.state().groups.at(id).escalation);
      if (found != responder_.state().escalations.end()) return DescribeNext(found->second, now_);
    }
    return "";
  }

  const PolicySimulation& what_;
  Now now_;
  EngineTime end_;
  Responder responder_;
  SimulatedTimeline timeline_;
  absl::Status status_;
  bool answered_ = false;
};

}  // namespace

absl::StatusOr<SimulatedTimeline> Simulate(const OrganisationPtr& organisation,
                                           std::vector<Row> rows,
                                           const PolicySimulation& what) {
  if (organisation == nullptr || organisation->Find(what.policy) == nullptr) {
    return NotFound("policy %s does not exist", JsonQuote(what.policy.value()));
  }
  if (what.service.set() && organisation->Find(what.service) == nullptr) {
    return NotFound("service %s does not exist", JsonQuote(what.service.value()));
  }
  if (what.length <= absl::ZeroDuration() || what.length > kLongestSimulation) {
    return Invalid("a simulation lasts more than 0s and at most 31 days");
  }
  if (what.answered_after && *what.answered_after < absl::ZeroDuration()) {
    return Invalid("nobody acknowledges before it has begun");
  }
  return World(OnlyThisPolicy(*organisation, what), std::move(rows), what).Run();
}

}  // namespace tocsin
