// Two real shards and a real responder, every seal durable at once, providers that take everything: for stories that begin
// with alerts. The alert "App" pages carol, its cause "Infra" pages dave.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "engine/responder.h"
#include "engine/shard.h"
#include "tests/responder/world.h"

namespace tocsin {

inline constexpr std::uint64_t kKeySeed = 7;

inline EscalationPolicy PolicyOf(std::string_view id, std::string_view user) {
  EscalationPolicy policy;
  policy.id = PolicyId(id);
  policy.steps = {StepOf(absl::Hours(100), {To(user)})};
  policy.acknowledge_timeout = absl::Hours(1);
  return policy;
}

inline RecurringTime FromTo(std::int32_t start_hour, std::int32_t end_hour) {
  RecurringTime time;
  time.times = {
      {start_hour * 60, end_hour * 60}
  };
  return time;
}

// Everything a row needs is declared; what a row does not use matches nothing. It is noon in the beginning.
inline Organisation TableOrganisation() {
  Organisation organisation = SampleOrganisation();
  organisation.policies = {PolicyOf("app", "carol"), PolicyOf("infra", "dave")};
  organisation.services = {
      {ServiceId("infra"),     "infra", TeamId(), {{"alertname", MatchOp::kEqual, "Infra"}}},
      {ServiceId("dependent"),
       "dependent",                     TeamId(),
       {{"kind", MatchOp::kEqual, "dependent"}},
       {ServiceId("infra")},
       true},
      {ServiceId("app"),                   "app",                          TeamId(),                   {{"alertname", MatchOp::kEqual, "App"}}                                    },
  };
  Integration stream;
  stream.id = IntegrationId("stream");
  stream.source = "stream";
  organisation.integrations = {stream};
  organisation.time_intervals = {
      {TimeIntervalId("one-to-two"),     {FromTo(13, 14)}               },
      {TimeIntervalId("not-one-to-two"), {FromTo(0, 13), FromTo(14, 24)}}
  };
  InhibitionRule rule;
  rule.id = InhibitionRuleId("infra-explains");
  rule.source_matchers = {
      {"alertname", MatchOp::kEqual, "Infra"}
  };
  rule.target_matchers = {
      {"kind", MatchOp::kEqual, "inhibited"}
  };
  rule.equal = {"cluster"};
  organisation.inhibition_rules = {rule};
  Route& root = organisation.route;
  root = Route();
  root.id = RouteId("root");
  root.policy = PolicyId("app");
  root.group_by = {"alertname"};
  root.group_wait = absl::ZeroDuration();
  const auto child = [&](std::string_view name, std::string_view value) -> Route& {
    Route& route = root.children.emplace_back(root);
    route.children.clear();
    route.id = RouteId(value);
    route.matchers = {
        {std::string(name), MatchOp::kEqual, std::string(value)}
    };
    return route;
  };
  child("alertname", "Infra").policy = PolicyId("infra");
  child("kind", "muted").mute_time_intervals = {TimeIntervalId("one-to-two")};
  child("kind", "inactive").active_time_intervals = {TimeIntervalId("not-one-to-two")};
  return organisation;
}

class WholeWorld {
 public:
  explicit WholeWorld(Organisation organisation = TableOrganisation())
      : now_{Noon(), EngineTime(absl::ToInt64Nanoseconds(absl::Hours(1)))},
        responder_(std::make_unique<Responder>(Options())) {
    for (std::uint32_t i = 0; i < kShards; ++i)
      shards_.push_back(FreshShard(i));
    Perform(responder_->Start(now_));
    for (std::uint32_t i = 0; i < kShards; ++i)
      Perform(responder_->ShardReported(i, now_));
    EXPECT_TRUE(Do(ApplyOrganisation{std::make_shared<const Organisation>(std::move(organisation)), ""}).status.ok());
  }

  void Fire(const Labels& labels) { Send(labels, EventKind::kTrigger); }
  void Resolve(const Labels& labels) { Send(labels, EventKind::kResolve); }
  CommandResult Do(Command::Body body, std::string_view actor = "user:carol") {
    Command command;
    command.actor = actor;
    command.body = std::move(body);
    Decision decision = responder_->Handle(command, now_);
    CommandResult result = decision.result;
    Perform(std::move(decision));
    Settle();
    return result;
  }
  void Pass(absl::Duration duration) {
    const Now end{now_.wall + duration, now_.engine + duration};
    while (now_.engine < end.engine) {
      const absl::Duration step = std::min(absl::Minutes(1), end.engine - now_.engine);
      now_ = {now_.wall + step, now_.engine + step};
      Settle();
    }
  }
  // The process dies and comes back. As in the engine, shards report what they hold before they have heard of any rules.
  void Restart() {
    std::vector<GroupReport> reports;
    for (std::uint32_t i = 0; i < kShards; ++i) {
      shards_[i] = FreshShard(i);
      for (const std::string& body : bodies_[i])
        EXPECT_TRUE(shards_[i].Fold(body).ok());
      shards_[i].ReportAll();
      shards_[i].TakeReports(reports);
    }
    responder_ = std::make_unique<Responder>(Options());
    for (const Change& change : changes_)
      responder_->Fold(change);
    Perform(responder_->Start(now_));
    Perform(responder_->Observe(std::move(reports), now_));
    for (std::uint32_t i = 0; i < kShards; ++i)
      Perform(responder_->ShardReported(i, now_));
    Settle();
  }
  // What was written to timelines, oldest first.
  std::vector<std::string> Written(TimelineEntry::Kind kind) const {
    std::vector<std::string> texts;
    for (const Change& change : changes_) {
      for (const TimelineEntry& entry : change.entries)
        if (entry.kind == kind) texts.push_back(entry.text);
    }
    return texts;
  }
  // What was sent about groups of this alertname since the last call: "page carol", "resolved carol".
  std::vector<std::string> Told(std::string_view alertname = "App") {
    std::vector<std::string> told;
    for (const auto& [name, what] : std::exchange(sent_, {})) {
      if (name == alertname) told.push_back(what);
    }
    return told;
  }
  const Group* Current(std::string_view alertname = "App") const {
    const Group* found = nullptr;
    for (const auto& [id, group] : responder_->state().groups) {
      if (Find(group.labels, "alertname") == alertname) found = &group;
    }
    return found;
  }
  std::string HeldBy(const Labels& labels) {
    for (const Shard& shard : shards_) {
      if (const auto alert = shard.Find(KeyOf(labels))) return alert->held_by;
    }
    return "(unknown)";
  }
  const Now& now() const { return now_; }
  Responder& responder() { return *responder_; }

 private:
  static constexpr std::uint32_t kShards = 2;

  static Responder::Options Options() {
    Responder::Options options = World::Options();
    options.shard_count = kShards;
    options.key_seed = kKeySeed;
    return options;
  }
  static Shard FreshShard(std::uint32_t index) {
    Shard::Options options;
    options.index = index;
    options.shard_count = kShards;
    options.key_seed = kKeySeed;
    return Shard(options);
  }
  static AlertKey KeyOf(const Labels& labels) { return BatchOf(labels, EventKind::kTrigger).at(0).header().key; }
  static EventBatch BatchOf(Labels labels, EventKind kind) {
    AlertEvent event;
    event.kind = kind;
    event.severity = Severity::kCritical;
    event.labels = std::move(labels);
    Normalise(event.labels);
    EventBatch batch(kKeySeed, 0);
    EXPECT_TRUE(batch.Append(event).ok());
    return batch;
  }
  void Send(const Labels& labels, EventKind kind) {
    const EventBatch batch = BatchOf(labels, kind);
    shards_[batch.at(0).header().key.low % kShards].Apply(batch.at(0), now_);
    Settle();
  }
  void Settle() {
    for (bool busy = true; busy;) {
      busy = false;
      for (std::uint32_t i = 0; i < kShards; ++i) {
        while (shards_[i].Work(now_, now_.engine, 100)) {
        }
        shards_[i].Seal([&](std::string_view body) { bodies_[i].emplace_back(body); });
        std::vector<GroupReport> reports;
        shards_[i].TakeReports(reports);
        const auto sources = shards_[i].TakeSources();
        busy = busy || !reports.empty() || sources;
        if (!reports.empty()) Perform(responder_->Observe(std::move(reports), now_));
        if (sources)
          Perform(responder_->ObserveSources(
              {
                  {i, *sources}
          },
              now_));
      }
      for (bool more = true; more;) {
        Decision decision = responder_->FireTimers(now_, 32, more);
        busy = busy || !decision.change.empty();
        Perform(std::move(decision));
      }
    }
  }
  void Perform(Decision decision) {
    changes_.push_back(decision.change);
    for (const Effect& effect : decision.effects) {
      if (const auto* rules = std::get_if<PublishRules>(&effect)) {
        for (Shard& shard : shards_)
          shard.SetRules(rules->rules, {IntegrationId("stream")}, now_);
      }
      if (const auto* start = std::get_if<StartAttempt>(&effect)) {
        const Notification& row = start->notification;
        const char* what = row.purpose == Notification::Purpose::kResolved ? "resolved " : "page ";
        if (row.purpose != Notification::Purpose::kNotice) {
          const Group& group = responder_->state().groups.at(GroupId(row.subject.id));
          sent_.emplace_back(Find(group.labels, "alertname"),
                             absl::StrCat(what, row.user.set() ? row.user.value() : row.receiver.value()));
        }
        AttemptResult result;
        result.notification = row.id;
        result.attempt = row.attempt;
        Command command;
        command.actor = "notify";
        command.body = result;
        Perform(responder_->Handle(command, now_));
      }
    }
  }

  Now now_;
  std::unique_ptr<Responder> responder_;
  std::vector<Shard> shards_;
  std::vector<Change> changes_;  // the journal
  std::vector<std::string> bodies_[kShards];
  std::vector<std::pair<std::string, std::string>> sent_;
};

}  // namespace tocsin
