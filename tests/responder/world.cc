#include "tests/responder/world.h"

#include <gtest/gtest.h>

#include "base/hash.h"

namespace tocsin {

absl::Time Noon() {
  return absl::FromCivil(absl::CivilSecond(2024, 1, 1, 12, 0, 0), absl::UTCTimeZone());
}

GroupKey KeyOf(std::string_view name) {
  return GroupKey(Hash64(name) | 1U);
}

User SampleUser(std::string_view name) {
  User user;
  user.id = UserId(name);
  user.name = name;
  user.time_zone = "UTC";
  ContactMethod email;
  email.id = ContactMethodId("mail");
  email.kind = ContactMethod::Kind::kEmail;
  email.address = std::string(name) + "@example.com";
  user.contact_methods.push_back(email);
  return user;
}

Schedule SampleSchedule(std::string_view name, std::vector<UserId> people) {
  Schedule schedule;
  schedule.id = ScheduleId(name);
  schedule.time_zone = "UTC";
  Layer layer;
  layer.id = LayerId("weekly");
  std::get<Rotation>(layer.pattern).start = absl::CivilMinute(2023, 1, 2, 9, 0);
  for (const UserId& user : people)
    layer.participants.push_back({{UserTarget{user}}});
  if (people.empty()) layer.participants.push_back({});
  schedule.layers.push_back(layer);
  return schedule;
}

PolicyStep StepOf(absl::Duration delay, std::vector<Target> targets) {
  PolicyStep step;
  step.delay = delay;
  step.targets = std::move(targets);
  return step;
}

Organisation SampleOrganisation() {
  Organisation organisation;
  organisation.name = "sample";
  organisation.public_url = "https://tocsin.example.com/";
  User alice = SampleUser("alice");
  ContactMethod sms;
  sms.id = ContactMethodId("sms");
  sms.kind = ContactMethod::Kind::kSms;
  sms.address = "+491711234567";
  ContactMethod voice = sms;
  voice.id = ContactMethodId("voice");
  voice.kind = ContactMethod::Kind::kVoice;
  alice.contact_methods.push_back(sms);
  alice.contact_methods.push_back(voice);
  alice.notification_rules = {
      {Urgency::kHigh, absl::ZeroDuration(), sms.id                 },
      {Urgency::kHigh, absl::Minutes(5),     voice.id               },
      {Urgency::kLow,  absl::ZeroDuration(), ContactMethodId("mail")}
  };
  User mute;
  mute.id = UserId("mute");
  mute.time_zone = "UTC";
  organisation.users = {alice, SampleUser("bob"), SampleUser("carol"), SampleUser("dave"), mute};
  organisation.teams = {
      {TeamId("db"), "Databases", {UserId("carol")}}
  };
  organisation.schedules = {SampleSchedule("primary", {UserId("alice")}), SampleSchedule("nobody", {})};
  EscalationPolicy policy;
  policy.id = PolicyId("db");
  policy.team = TeamId("db");
  policy.steps = {StepOf(absl::Minutes(10), {OnCall("primary")}), StepOf(absl::Minutes(10), {To("bob")})};
  organisation.policies = {policy};
  organisation.fallback_user = UserId("dave");
  // Stories about one message at a time; those about many have the limits that they need.
  organisation.limits.bundle_window = absl::ZeroDuration();
  for (std::size_t kind = 0; kind < kContactKinds; ++kind)
    organisation.limits.kinds.push_back({static_cast<ContactMethod::Kind>(kind), {}});
  organisation.route.id = RouteId("root");
  organisation.route.policy = policy.id;
  return organisation;
}

Responder::Options World::Options() {
  Responder::Options options;
  options.last_attempt = options.max_attempts;
  options.link_key = "a key for links";
  return options;
}

World::World(Organisation organisation, Responder::Options options)
    : options_(std::move(options)),
      now_{Noon(), EngineTime(1'000'000'000)},
      responder_(std::make_unique<Responder>(options_)),
      provider_([](const Notification&) { return AttemptResult::Kind::kAccepted; }) {
  Take(responder_->Start(now_));
  for (std::uint32_t shard = 0; shard < options_.shard_count; ++shard)
    Take(responder_->ShardReported(shard, now_));
  Apply(std::move(organisation));
}

void World::Apply(Organisation organisation) {
  const CommandResult result =
      Do(ApplyOrganisation{std::make_shared<const Organisation>(std::move(organisation)), ""}, "user:admin");
  ASSERT_TRUE(result.status.ok()) << result.status;
}

void World::ObserveAll(const std::vector<Say>& all) {
  std::vector<GroupReport> reports;
  for (const Say& say : all) {
    GroupReport& report = shards_[{std::string(say.name), say.shard}];
    const std::uint64_t before = report.firing;
    report.key = KeyOf(say.name);
    report.shard = say.shard;
    report.route = RouteId(say.route);
    report.labels = {
        {"alertname", std::string(say.name)}
    };
    report.fired_total = say.fired_total.value_or(report.fired_total + (say.firing > before ? say.firing - before : 0));
    report.resolved_total += say.firing < before ? before - say.firing : 0;
    report.firing = say.firing;
    report.suppressed = say.suppressed;
    report.acknowledged = say.acknowledged;
    report.highest = say.firing > 0 ? say.severity : Severity::kUnknown;
    report.oldest_start = now_.wall - say.age;
    report.hold = say.suppressed > 0 ? Hold(SilenceId(say.silence)) : Hold();
    report.held_by = say.suppressed > 0 ? "silenced by S" + std::to_string(say.silence) : "";
    report.counted = say.events.has_value();
    report.events = say.events.value_or(0);
    report.values = say.values;
    report.last_end = say.last_end;
    report.exemplars.clear();
    for (std::uint32_t i = 0; i < std::min<std::uint32_t>(say.firing, 3); ++i) {
      AlertSummary alert;
      alert.key = {1, i};
      alert.severity = say.severity;
      alert.labels = {
          {"alertname", std::string(say.name)   },
          {"instance",  "db" + std::to_string(i)}
      };
      alert.annotations = {
          {"summary", "the disk is gone"}
      };
      alert.link = "https://prometheus.example.com/graph";
      alert.fired_at = now_.wall;
      report.exemplars.push_back(alert);
    }
    reports.push_back(report);
  }
  Take(responder_->Observe(std::move(reports), now_));
}

CommandResult World::Do(Command::Body body, std::string_view actor, std::string_view request_id) {
  Command command;
  command.request_id = request_id;
  command.actor = actor;
  command.body = std::move(body);
  return Take(responder_->Handle(command, now_)).result;
}

void World::Answer(const Notification& attempt, AttemptResult::Kind kind, absl::Duration retry_after) {
  AttemptResult result;
  result.notification = attempt.id;
  result.attempt = attempt.attempt;
  result.kind = kind;
  if (kind == AttemptResult::Kind::kAccepted) {
    result.provider_id = "SM" + std::to_string(attempt.id.value());
  } else {
    result.detail = "status 500";
  }
  result.retry_after = retry_after;
  // The attempt has ended: another may begin.
  const auto found = under_way_.find(attempt.id);
  if (found != under_way_.end() && found->second == attempt.attempt) under_way_.erase(found);
  Do(result, "notify");
}

void World::FireDue() {
  for (bool more = true; more;)
    Take(responder_->FireTimers(now_, 3, more));
}

void World::Pass(absl::Duration duration) {
  const EngineTime end = now_.engine + duration;
  for (;;) {
    const absl::Duration wall = responder_->NextWallTimer() - now_.wall;
    EngineTime next = std::min({end, responder_->NextTimer(), now_.engine + std::max(wall, absl::ZeroDuration())});
    next = std::max(next, now_.engine);
    now_.wall += next - now_.engine;
    now_.engine = next;
    FireDue();
    if (next >= end) return;
  }
}

void World::Sleep(absl::Duration duration) {
  now_.wall += duration;
  now_.engine = now_.engine + duration;
  FireDue();
}

void World::Crash(bool report_all, absl::Duration down) {
  const std::uint64_t before = responder_->StateHash();
  auto recovered = std::make_unique<Responder>(options_);
  // Half of the journal is in the rows already, and some of it is folded twice.
  Responder views(options_);
  const std::size_t half = journal_.size() / 2;
  for (std::size_t i = 0; i < half; ++i)
    views.Fold(journal_[i]);
  std::vector<Row> rows;
  const ResponderState& state = views.state();
  for (const auto& [id, row] : state.timers)
    rows.emplace_back(row);
  for (const auto& [id, row] : state.notifications)
    rows.emplace_back(row);
  for (const auto& [id, row] : state.groups)
    rows.emplace_back(row);
  for (const auto& [id, row] : state.escalations)
    rows.emplace_back(row);
  for (const auto& [id, row] : state.pages)
    rows.emplace_back(row);
  for (const auto& [id, row] : state.incidents)
    rows.emplace_back(row);
  for (const auto& [id, row] : state.silences)
    rows.emplace_back(row);
  for (const auto& [id, row] : state.answers)
    rows.emplace_back(row);
  for (const auto& [id, row] : state.tokens)
    rows.emplace_back(row);
  for (const auto& [id, row] : state.accounts)
    rows.emplace_back(row);
  for (const auto& [id, row] : state.throttles)
    rows.emplace_back(row);
  for (const auto& [id, row] : state.rounds)
    rows.emplace_back(row);
  for (const auto& [id, row] : state.editions)
    rows.emplace_back(row);
  for (const auto& [id, row] : state.schedule_changes)
    rows.emplace_back(row);
  for (const auto& [id, row] : state.schedule_watches)
    rows.emplace_back(row);
  for (const auto& [id, row] : state.changes)
    rows.emplace_back(row);
  for (const auto& [id, row] : state.heartbeats)
    rows.emplace_back(row);
  for (const auto& [id, row] : state.opsgenie_alerts)
    rows.emplace_back(row);
  for (const auto& [id, row] : state.opsgenie_requests)
    rows.emplace_back(row);
  for (const auto& [id, row] : state.reaches)
    rows.emplace_back(row);
  rows.emplace_back(state.counters);
  if (state.organisation != nullptr) rows.emplace_back(state.organisation);
  recovered->Restore(std::move(rows));
  for (std::size_t i = half; i < journal_.size(); ++i) {
    recovered->Fold(journal_[i]);
    recovered->Fold(journal_[i]);
  }
  EXPECT_EQ(recovered->StateHash(), before) << "the journal is not what the responder had";
  responder_ = std::move(recovered);
  under_way_.clear();
  now_ = {now_.wall + down, now_.engine + down};
  Take(responder_->Start(now_));
  for (auto& [key, report] : shards_)
    report.events = 0;  // shards count anew
  if (report_all) ReportAll();
}

void World::ReportAll() {
  for (std::uint32_t shard = 0; shard < options_.shard_count; ++shard) {
    std::vector<GroupReport> reports;
    for (const auto& [key, report] : shards_) {
      if (report.shard == shard) reports.push_back(report);
    }
    Take(responder_->Observe(reports, now_));
    Take(responder_->ShardReported(shard, now_));
  }
}

std::vector<std::string> World::Audit() {
  std::vector<std::string> findings;
  Take(responder_->Audit(now_, 1'000'000, findings));
  return findings;
}

void World::Damage(const Change& change) {
  responder_->Fold(change);
  journal_.push_back(change);
}

// Whoever is told this is asked for nothing.
static bool IsNews(Notification::Purpose purpose) {
  return purpose == Notification::Purpose::kResolved || purpose == Notification::Purpose::kTest ||
         purpose == Notification::Purpose::kNotice;
}

void World::CheckDecision(const Decision& decision) {
  EXPECT_EQ(decision.change.now, now_);
  for (const TimelineEntry& entry : decision.change.entries) {
    EXPECT_FALSE(entry.text.empty()) << Name(entry.kind);
    EXPECT_FALSE(entry.actor.empty()) << Name(entry.kind) << ": " << entry.text;
    EXPECT_EQ(entry.at, now_.wall);
  }
  bool started = false;
  for (const Effect& effect : decision.effects) {
    EXPECT_FALSE(started && std::holds_alternative<CloseGates>(effect)) << "gates are closed first";
    const auto* start = std::get_if<StartAttempt>(&effect);
    if (start == nullptr) continue;
    started = true;
    const Notification& row = start->notification;
    EXPECT_EQ(row.state, Notification::State::kLeased);
    EXPECT_GT(row.lease_until, now_.engine + start->deadline) << "the lease must outlast the attempt";
    EXPECT_FALSE(row.title.empty());
    EXPECT_FALSE(row.idempotency_key.empty());
    if (IsNews(row.purpose)) continue;
    if (!row.rewrites.empty() || row.goes_on) continue;
    if (row.members.empty()) {
      CheckOpen(row.subject, row.title);
      continue;
    }
    EXPECT_EQ(row.subject, BundleSubject(row.id));
    for (const BundleMember& member : row.members) {
      const Notification& told = state().notifications.at(member.notification);
      EXPECT_EQ(told.bundle, row.id);
      EXPECT_EQ(told.method.address, row.method.address);
      EXPECT_EQ(told.user, row.user);
      if (!IsNews(told.purpose) && !told.goes_on) CheckOpen(member.subject, row.title);
    }
  }
}

void World::CheckOpen(const Subject& subject, const std::string& title) const {
  if (subject.kind == SubjectKind::kGroup) {
    const Group& group = state().groups.at(GroupId(subject.id));
    EXPECT_EQ(group.state, Group::State::kOpen) << "a page about what is settled: " << title;
  } else {
    EXPECT_EQ(state().incidents.at(IncidentId(subject.id)).state, Incident::State::kOpen) << title;
  }
}

void World::Perform(const Decision& decision) {
  std::vector<Notification> attempts;
  std::vector<NotificationId> not_begun;
  std::vector<HeartbeatTold> told;
  for (const Effect& effect : decision.effects) {
    if (const auto* close = std::get_if<CloseGates>(&effect)) {
      for (const NotificationId id : close->notifications) {
        closed_.insert(id);
        if (under_way_.erase(id) > 0) not_begun.push_back(id);  // or its deadline has passed long since
      }
    } else if (const auto* start = std::get_if<StartAttempt>(&effect)) {
      const Notification& row = start->notification;
      EXPECT_TRUE(under_way_.emplace(row.id, row.attempt).second) << "two attempts under way: " << row.title;
      started_.push_back(row);
      attempts.push_back(row);
    } else if (const auto* publish = std::get_if<PublishRules>(&effect)) {
      rules_ = publish->rules;
    } else if (const auto* raise = std::get_if<RaiseAlert>(&effect)) {
      if (refuses_raised_) continue;
      const std::string_view name = Find(std::span<const Label>(raise->event.labels), "heartbeat");
      raised_.push_back(std::string(Name(raise->event.kind)) + " " + std::string(name));
      told.push_back({raise->heartbeat, raise->turn});
    }
  }
  for (const HeartbeatTold& one : told)
    Do(one, "heartbeats");
  for (const NotificationId id : not_begun) {
    const Notification row = state().notifications.at(id);
    if (row.state == Notification::State::kLeased) Answer(row, AttemptResult::Kind::kNotStarted);
  }
  for (const Notification& attempt : attempts) {
    const auto found = under_way_.find(attempt.id);
    if (found == under_way_.end() || found->second != attempt.attempt) continue;  // its gate was closed meanwhile
    if (const auto kind = provider_(attempt)) Answer(attempt, *kind);
  }
}

Decision World::Take(Decision decision) {
  CheckDecision(decision);
  journal_.push_back(decision.change);
  timeline_.insert(timeline_.end(), decision.change.entries.begin(), decision.change.entries.end());
  Perform(decision);
  return decision;
}

std::vector<std::string> World::Notices() const {
  std::vector<std::string> notices;
  for (const Notification& row : started_)
    if (row.purpose == Notification::Purpose::kNotice) notices.push_back(row.user.value() + ": " + row.title);
  return notices;
}

std::vector<std::string> World::Sent() const {
  std::vector<std::string> sent;
  for (const Notification& row : started_) {
    if (row.purpose == Notification::Purpose::kNotice) continue;
    std::string who = row.user.set() ? row.user.value() : row.receiver.value();
    std::string text = std::string(Name(row.method.kind)) + " " + who;
    if (row.purpose == Notification::Purpose::kResolved) text += " resolved";
    if (row.purpose == Notification::Purpose::kFallback) text += " fallback";
    if (row.purpose == Notification::Purpose::kTest) text += " test";
    if (row.purpose == Notification::Purpose::kGroupUpdate) text += " update";
    if (row.repeat) text += " (repeat)";
    sent.push_back(std::move(text));
  }
  return sent;
}

std::string World::Told(TimelineEntry::Kind kind, std::string_view part) const {
  for (const TimelineEntry& entry : timeline_) {
    if (entry.kind == kind && entry.text.find(part) != std::string::npos) return entry.text;
  }
  return "";
}

int World::Count(TimelineEntry::Kind kind) const {
  return static_cast<int>(std::ranges::count(timeline_, kind, &TimelineEntry::kind));
}

const Group* World::Current(std::string_view name) const {
  const auto found = state().current_group.find(KeyOf(name));
  return found == state().current_group.end() ? nullptr : &state().groups.at(found->second);
}

const Escalation* World::EscalationOf(std::string_view name) const {
  const Group* group = Current(name);
  if (group == nullptr || !group->escalation.set()) return nullptr;
  return &state().escalations.at(group->escalation);
}

}  // namespace tocsin
