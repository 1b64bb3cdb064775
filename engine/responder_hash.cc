// A hash over all rows of the responder: equal for equal rows, however they came to be.
#include <absl/time/time.h>

#include "base/hash.h"
#include "engine/responder_state.h"

namespace tocsin {
namespace {

// Feeds the fields of a row, in order, into one hash. Lengths are mixed in, so that neighbours cannot be confused.
class Mixer {
 public:
  std::uint64_t hash() const { return hash_; }

  template <typename... Fields>
  void All(const Fields&... fields) {
    (Mix(fields), ...);
  }

  void Mix(std::uint64_t value) {
    hash_ ^= value + 0x9E3779B97F4A7C15;
    hash_ *= 0xBF58476D1CE4E5B9;
    hash_ ^= hash_ >> 31U;
  }
  void Mix(std::int32_t value) { Mix(static_cast<std::uint64_t>(value)); }
  void Mix(std::uint32_t value) { Mix(static_cast<std::uint64_t>(value)); }
  void Mix(std::uint8_t value) { Mix(static_cast<std::uint64_t>(value)); }
  void Mix(bool value) { Mix(static_cast<std::uint64_t>(value)); }
  template <typename E>
  requires std::is_enum_v<E>
  void Mix(E value) { Mix(static_cast<std::uint64_t>(value)); }
  void Mix(const std::string& text) { Mix(Hash64(text)); }
  template <class Tag>
  void Mix(StrongId<Tag> id) {
    Mix(id.value());
  }
  template <class Tag>
  void Mix(const StrongName<Tag>& name) {
    Mix(name.value());
  }
  void Mix(EngineTime time) { Mix(static_cast<std::uint64_t>(time.ns())); }
  void Mix(absl::Duration duration) { Mix(absl::FormatDuration(duration)); }
  void Mix(absl::Time time) { Mix(time - absl::UnixEpoch()); }
  void Mix(const Subject& subject) { All(subject.kind, subject.id); }
  void Mix(const EventCount& count) { All(count.at, count.count); }
  void Mix(const FiredIn& fired) { All(fired.key, fired.shard, fired.total); }
  void Mix(const Label& label) { All(label.name, label.value); }
  void Mix(const Matcher& matcher) { All(matcher.name, matcher.op, matcher.value); }
  void Mix(const Hash128& hash) { All(hash.high, hash.low); }
  template <typename T>
  void Mix(const std::vector<T>& all) {
    Mix(all.size());
    for (const T& one : all)
      Mix(one);
  }
  template <typename T>
  void Mix(const std::optional<T>& value) {
    Mix(value.has_value());
    if (value) Mix(*value);
  }
  void Mix(const UserTarget& t) { Mix(t.user); }
  void Mix(const TeamTarget& t) { Mix(t.team); }
  void Mix(const ScheduleTarget& t) { All(t.schedule, t.turn); }
  void Mix(const PolicyTarget& t) { Mix(t.policy); }
  void Mix(const Target& target) {
    Mix(target.index());
    std::visit([this](const auto& t) { Mix(t); }, target);
  }
  void Mix(const Threshold& t) { All(t.count, t.window); }
  void Mix(const PolicyStep& s) {
    All(s.delay, s.delay_from, s.unless, s.only_during, s.outside, s.min_rate, s.targets, s.receivers, s.strategy,
        s.on_empty, s.each_acknowledges, s.page_at_handoff, s.important);
  }
  void Mix(const EscalationPolicy& p) {
    All(p.id, p.name, p.team, p.steps, p.repeats, p.repeat_interval, p.acknowledge_timeout, p.repeats_page_again,
        p.resolve_when_exhausted, p.catch_up, p.low_urgency, p.low_urgency_escalates);
  }
  void Mix(const MessageLimit& l) { All(l.messages, l.critical, l.window); }
  void Mix(const KindLimits& l) { All(l.kind, l.limits); }
  void Mix(const ContactMethod& m) { All(m.id, m.kind, m.address, m.secret, m.limits); }
  void Mix(const NotificationRule& r) { All(r.urgency, r.delay, r.method, r.important, r.only_during); }
  void Mix(const Route& r) {
    All(r.id, r.matchers, r.continue_matching, r.group_by, r.group_by_all, r.group_wait, r.group_interval,
        r.repeat_interval, r.policy, r.receiver, r.service, r.urgency, r.children, r.mute_time_intervals,
        r.active_time_intervals);
    All(r.threshold, r.flapping.changes, r.flapping.window, r.flapping.stable_for);
    All(r.break_through.severity, r.break_through.labels, r.acknowledgement.timeout, r.acknowledgement.then,
        r.acknowledgement.ask_again, r.reopen_window, r.auto_close);
  }
  void Mix(const TimeRange& r) { All(r.start_minute, r.end_minute); }
  void Mix(const NumberRange& r) { All(r.first, r.last); }
  void Mix(const RecurringTime& t) { All(t.times, t.weekdays, t.days_of_month, t.months, t.years, t.location); }
  void Mix(const AlertSummary& a) {
    All(a.key, a.integration, a.severity, a.labels, a.annotations, a.link, a.fired_at, a.starts_at, a.firing);
  }

  void Mix(const Group& g) {
    All(g.id, g.key, g.generation, g.state, g.route, g.service, g.labels, g.urgency, g.opened_at, g.opened_engine);
    All(g.acknowledged_at, g.acknowledged_by, g.resolved_at, g.resolved_by, g.firing, g.suppressed, g.highest, g.peak);
    All(g.fired_total, g.resolved_total, g.exemplars, g.flushed, g.last_notified_at, g.notified_engine);
    All(g.notified_fired_total, g.notified_resolved_total, g.quiet_reason, g.escalation, g.incidents, g.fired_rules,
        g.held_by);
    All(g.episode, g.episode_from, g.most_firing, g.resolved_engine, g.acknowledged_until, g.snoozed, g.merged_into);
    All(g.merged, g.changes, g.flapping, g.flapping_since, g.flaps, g.below_threshold, g.events, g.policy, g.values);
    All(g.fired);
  }
  void Mix(const Escalation& e) {
    All(e.id, e.subject, e.generation, e.state, e.policy, e.urgency, e.next_step, e.pass, e.next_at, e.started_at,
        e.stop_reason, e.pages, e.reached_anybody, e.wait, e.stays, e.answered, e.pass_began, e.last_step, e.unreached);
  }
  void Mix(const Page& p) {
    All(p.id, p.escalation, p.subject, p.user, p.state, p.urgency, p.step, p.pass, p.reason, p.started_at,
        p.started_engine, p.rules, p.next_rule, p.notifications, p.important, p.until, p.waits);
  }
  void Mix(const BundleMember& m) { All(m.notification, m.subject); }
  void Mix(const Notification& n) {
    All(n.id, n.page, n.subject, n.user, n.receiver, n.method, n.purpose, n.lane, n.state, n.due, n.lease_until);
    All(n.attempt, n.repeat, n.idempotency_key, n.provider_id, n.last_error, n.end_reason, n.created_at, n.accepted_at);
    All(n.title, n.body, n.acknowledge_url, n.bundle, n.members, n.rewrites, n.goes_on);
    All(n.delivered_at, n.unconfirmed, n.provider, n.failed_by);
  }
  void Mix(const Incident& i) {
    All(i.id, i.generation, i.state, i.title, i.severity, i.service, i.rule, i.join_key, i.join_until, i.opened_reason);
    All(i.opened_by, i.opened_at, i.acknowledged_at, i.acknowledged_by, i.resolved_at, i.resolved_by, i.groups);
    All(i.escalation);
  }
  void Mix(const Silence& s) {
    All(s.id, s.matchers, s.starts_at, s.ends_at, s.created_by, s.comment, s.updated_at);
    All(s.maintenance, s.service, s.recurrence, s.declared, s.in_effect);
  }
  void Mix(const Timer& t) { All(t.id, t.kind, t.due, t.due_wall, t.subject, t.generation); }
  void Mix(const Throttle::Sent& s) { All(s.at, s.lane, s.topic, s.notification); }
  void Mix(const Throttle& t) { All(t.id, t.kind, t.address, t.sent); }
  void Mix(const Round& r) { All(r.id, r.policy, r.step, r.last); }
  void Mix(absl::CivilMinute minute) { Mix(absl::FormatCivilTime(minute)); }
  void Mix(const Participant& p) { Mix(p.members); }
  void Mix(const Restriction& r) { All(r.type, r.start_minute, r.start_day_of_week, r.duration_minutes); }
  void Mix(const Rotation& r) { All(r.type, r.length, r.start, r.count, r.month_overflow, r.start_index); }
  void Mix(const Recurrence& r) {
    All(r.start, r.end, r.rule, r.except, r.also, r.count, r.shifts_per_participant, r.start_index);
  }
  void Mix(const FixedShift& s) { All(s.start, s.end, s.members); }
  void Mix(const FixedShifts& f) { Mix(f.shifts); }
  void Mix(const Layer& l) {
    All(l.id, l.name, l.priority, l.time_zone, l.effective_since, l.effective_until, l.participants, l.restrictions);
    All(l.holidays.on, l.holidays.holidays, l.pattern.index());
    std::visit([this](const auto& pattern) { Mix(pattern); }, l.pattern);
  }
  void Mix(const Override& o) {
    All(o.id, o.seq, o.start, o.end, o.type, o.users, o.from_user, o.to_user, o.layers, o.created_by, o.reason);
  }
  void Mix(const TemporarySchedule& t) { All(t.start, t.end, t.shifts); }
  void Mix(const Team& t) { All(t.id, t.name, t.members); }
  void Mix(const Holiday& h) { All(h.year, h.month, h.day, h.name); }
  void Mix(const HolidayCalendar& c) { All(c.id, c.name, c.days); }
  void Mix(const FormerPerson& p) { All(p.id, p.name, p.time_zone); }
  void Mix(const HandoffNotices& h) { All(h.when, h.ahead); }
  void Mix(const Schedule& s) {
    All(s.id, s.name, s.team, s.time_zone, s.layers, s.overrides, s.temporary_schedules, s.gaps, s.gap_notice,
        s.handoff_notices);
  }
  void Mix(const ScheduleEdition& e) {
    All(e.id, e.schedule, e.since, e.until, e.teams, e.holidays, e.people, e.ended_by, e.ended_actor, e.changes);
  }
  void Mix(const ScheduleChange& c) {
    All(c.id, c.schedule, c.state, c.change, c.asked, c.of, c.volunteers, c.created_at, c.settled_at, c.settled_by);
  }
  void Mix(const ScheduleWatch::ToldGap& g) { All(g.start, g.end); }
  void Mix(const ScheduleWatch& w) { All(w.id, w.schedule, w.seen, w.gaps_told); }
  void Mix(const ChangeLink& l) { All(l.href, l.text); }
  void Mix(const ChangeEvent& c) {
    All(c.id, c.at, c.received, c.integration, c.summary, c.source, c.service, c.labels, c.details, c.links);
  }
  void Mix(const HeartbeatRule& r) {
    All(r.id, r.description, r.interval, r.grace, r.labels, r.severity, r.summary, r.team, r.enabled);
  }
  void Mix(const Heartbeat& h) {
    All(h.id, h.rule, h.declared, h.tags, h.priority, h.made_at, h.last_ping, h.heard, h.awaited, h.listened);
    All(h.checked, h.expired_at, h.turns, h.told, h.removed);
  }
  void Mix(const OpsgenieResponder& r) { All(r.type, r.id, r.name); }
  void Mix(const OpsgenieNote& n) { All(n.at, n.owner, n.text, n.offset); }
  void Mix(const OpsgenieAlert& a) {
    All(a.id, a.uuid, a.alias, a.message, a.description, a.tags, a.details, a.entity, a.source, a.user, a.priority);
    All(a.responders, a.visible_to, a.actions, a.notes, a.log, a.notes_made, a.logged, a.count, a.created_at);
    All(a.updated_at, a.last_occurred_at, a.occurred, a.owner, a.owner_team, a.seen, a.acknowledged, a.acknowledged_at);
    All(a.acknowledged_by, a.by_group, a.snoozed, a.snoozed_until, a.closed, a.closed_at, a.closed_by, a.integration);
    All(a.labels, a.groups);
  }
  void Mix(const OpsgenieRequest& r) {
    All(r.id, r.request, r.integration, r.action, r.success, r.status, r.alert, r.alias, r.at);
  }
  void Mix(const Answer& a) { All(a.id, a.request_id, a.actor, a.made); }
  void Mix(const AccessToken& t) {
    All(t.id, t.hash, t.user, t.name, t.role, t.teams, t.integration, t.created_at, t.created_by, t.expires_at);
    if (t.session) All(std::string("session"));
    if (t.voucher) Mix(*t.voucher);
  }
  void Mix(const Account& a) {
    All(a.id, a.user, a.password, a.password_at, a.invitation, a.invitation_expires_at, a.invited_by, a.locked);
    if (!a.identities.empty()) Mix(a.identities);
  }
  void Mix(const ContactReach& r) {
    All(r.id, r.user, r.method, r.kind, r.since, r.tried_at, r.accepted_at, r.delivered_at, r.confirmed_at,
        r.failed_at);
    All(r.failure, r.failing, r.undelivered, r.asked_at, r.unconfirmed, r.reported);
  }
  void Mix(const Identity& i) { All(i.issuer, i.subject); }
  void Mix(const Rights::InTeam& r) { All(r.team, r.role); }
  void Mix(const Voucher& v) { All(v.provider, v.identity, v.session, v.granted.everywhere, v.granted.teams); }
  // By what it declares, not by all it says: an organisation is one row, checked by its own equality.
  void Mix(const Organisation& o) {
    All(o.name, o.public_url, o.fallback_user, o.route, o.policies, o.limits.bundle_window, o.limits.kinds);
    for (const User& user : o.users)
      All(user.id, user.contact_methods, user.notification_rules);
    for (const Team& team : o.teams)
      All(team.id, team.members);
    for (const Schedule& schedule : o.schedules)
      All(schedule.id, schedule.layers.size(), schedule.overrides.size());
    for (const Service& service : o.services)
      All(service.id, service.matchers);
    for (const IncidentRule& rule : o.incident_rules)
      All(rule.id, rule.title, rule.policy, rule.join_by);
  }

  template <typename Id, typename T>
  void Mix(const std::map<Id, T>& table) {
    Mix(table.size());
    for (const auto& [id, row] : table)
      Mix(row);
  }

 private:
  std::uint64_t hash_ = 0;
};

}  // namespace

std::uint64_t HashRows(const ResponderState& state) {
  Mixer mixer;
  mixer.All(state.groups, state.escalations, state.pages, state.notifications, state.incidents, state.silences,
            state.timers, state.answers, state.tokens, state.throttles, state.rounds, state.counters.next_id,
            state.counters.rules, state.counters.configuration, state.editions, state.schedule_changes,
            state.schedule_watches);
  // Stores without any of them hash as they did before there were such tables.
  const auto mix_some = [&](std::string_view table, const auto& rows) {
    if (!rows.empty()) mixer.All(std::string(table), rows);
  };
  mix_some("changes", state.changes);
  mix_some("heartbeats", state.heartbeats);
  mix_some("opsgenie alerts", state.opsgenie_alerts);
  mix_some("opsgenie requests", state.opsgenie_requests);
  mix_some("accounts", state.accounts);
  mix_some("reaches", state.reaches);
  if (state.organisation != nullptr) mixer.Mix(*state.organisation);
  return mixer.hash();
}

}  // namespace tocsin
