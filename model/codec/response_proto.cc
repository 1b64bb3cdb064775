#include "model/codec/response_proto.h"

#include <limits>

#include "model/codec/decode.h"
#include "model/codec/enum_proto.h"

namespace tocsin {
namespace {

using IdList = google::protobuf::RepeatedField<std::uint64_t>;

template <typename Tag>
void IdsToProto(const std::vector<StrongId<Tag>>& from, IdList& to) {
  for (const StrongId<Tag> each : from)
    to.Add(each.value());
}

template <typename Tag>
void IdsFromProto(const IdList& from, std::vector<StrongId<Tag>>& to) {
  to.clear();
  for (const std::uint64_t each : from)
    to.emplace_back(each);
}

}  // namespace

TOCSIN_ENUM_PROTO(Group::State, v1::Group::State, 0, 1, Group::State::kMerged, v1::Group::State_MAX);
TOCSIN_ENUM_PROTO(
    Escalation::State, v1::Escalation::State, 0, 1, Escalation::State::kStopped, v1::Escalation::State_MAX);
TOCSIN_ENUM_PROTO(Page::State, v1::Page::State, 0, 1, Page::State::kUnreachable, v1::Page::State_MAX);
TOCSIN_ENUM_PROTO(Escalation::Wait, v1::Escalation::Wait, 0, 0, Escalation::Wait::kNothing, v1::Escalation::Wait_MAX);
TOCSIN_ENUM_PROTO(Page::Until, v1::Page::Until, 0, 0, Page::Until::kResolved, v1::Page::Until_MAX);
TOCSIN_ENUM_PROTO(Incident::State, v1::Incident::State, 0, 1, Incident::State::kResolved, v1::Incident::State_MAX);
TOCSIN_ENUM_PROTO(Timer::Kind, v1::Timer::Kind, 0, 1, Timer::Kind::kReachReport, v1::Timer::Kind_MAX);
TOCSIN_ENUM_PROTO(TimelineEntry::Kind,
                  v1::TimelineEntry::Kind,
                  0,
                  1,
                  TimelineEntry::Kind::kUrgencyRaised,
                  v1::TimelineEntry::Kind_MAX);

void ToProto(const AlertSummary& from, v1::AlertSummary& to) {
  to.set_key(ToHex(from.key));
  to.set_integration(Utf8(from.integration.value()));
  to.set_severity(ToProto(from.severity));
  ToProtoList(from.labels, *to.mutable_labels());
  ToProtoList(from.annotations, *to.mutable_annotations());
  to.set_link(Utf8(from.link));
  PutTime(from.fired_at, to, &v1::AlertSummary::mutable_fired_at);
  PutTime(from.starts_at, to, &v1::AlertSummary::mutable_starts_at);
  to.set_firing(from.firing);
}

absl::Status FromProto(const v1::AlertSummary& from, AlertSummary& to) {
  Decode decode;
  const std::optional<AlertKey> key = AlertKeyFromHex(from.key());
  if (!key) decode.Fail("key", "not 32 hex digits");
  to.key = key.value_or(AlertKey());
  to.integration = IntegrationId(from.integration());
  decode.Take("severity", from.severity(), to.severity);
  decode.List("labels", from.labels(), to.labels);
  decode.List("annotations", from.annotations(), to.annotations);
  to.link = from.link();
  decode.Take("fired_at", from.fired_at(), to.fired_at);
  decode.Take("starts_at", from.starts_at(), to.starts_at);
  to.firing = from.firing();
  return decode.status();
}

static void ToProto(const EventCount& from, v1::EventCount& to) {
  to.set_at_engine_ns(from.at.ns());
  to.set_count(from.count);
}

static absl::Status FromProto(const v1::EventCount& from, EventCount& to) {
  to.at = EngineTime(from.at_engine_ns());
  to.count = from.count();
  return absl::OkStatus();
}

static void ToProto(const FiredIn& from, v1::FiredIn& to) {
  to.set_key(from.key.value());
  to.set_shard(from.shard);
  to.set_total(from.total);
}

static absl::Status FromProto(const v1::FiredIn& from, FiredIn& to) {
  to.key = GroupKey(from.key());
  to.shard = from.shard();
  to.total = from.total();
  return absl::OkStatus();
}

// The part of a group's row that is about more than open and resolved.
static void LifeToProto(const Group& from, v1::Group& to) {
  to.set_episode(from.episode);
  to.set_episode_from(from.episode_from);
  to.set_most_firing(from.most_firing);
  to.set_resolved_engine_ns(from.resolved_engine.ns());
  PutTime(from.acknowledged_until, to, &v1::Group::mutable_acknowledged_until);
  to.set_snoozed(from.snoozed);
  to.set_merged_into(from.merged_into.value());
  IdsToProto(from.merged, *to.mutable_merged());
  for (const EngineTime change : from.changes)
    to.add_changes_engine_ns(change.ns());
  to.set_flapping(from.flapping);
  PutTime(from.flapping_since, to, &v1::Group::mutable_flapping_since);
  to.set_flaps(from.flaps);
  to.set_below_threshold(from.below_threshold);
  ToProtoList(from.events, *to.mutable_events());
  ToProto(from.values, *to.mutable_values());
  if (from.policy) ToProto(*from.policy, *to.mutable_policy());
  ToProtoList(from.fired, *to.mutable_fired());
}

static absl::Status LifeFromProto(const v1::Group& from, Group& to) {
  Decode decode;
  to.episode = from.episode() == 0 ? 1 : from.episode();  // rows of before there were episodes
  to.episode_from = from.episode_from();
  to.most_firing = from.most_firing();
  to.resolved_engine = EngineTime(from.resolved_engine_ns());
  decode.Take("acknowledged_until", from.acknowledged_until(), to.acknowledged_until);
  to.snoozed = from.snoozed();
  to.merged_into = GroupId(from.merged_into());
  IdsFromProto(from.merged(), to.merged);
  to.changes.clear();
  for (const std::int64_t change : from.changes_engine_ns())
    to.changes.emplace_back(change);
  to.flapping = from.flapping();
  decode.Take("flapping_since", from.flapping_since(), to.flapping_since);
  to.flaps = from.flaps();
  to.below_threshold = from.below_threshold();
  decode.List("events", from.events(), to.events);
  FromProto(from.values(), to.values);
  if (from.has_policy()) decode.Take("policy", from.policy(), to.policy.emplace());
  decode.List("fired", from.fired(), to.fired);
  return decode.status();
}

void ToProto(const Group& from, v1::Group& to) {
  to.set_id(from.id.value());
  to.set_key(from.key.value());
  to.set_generation(from.generation.value());
  to.set_state(ToProto(from.state));
  ToProto(from.route, *to.mutable_route());
  to.set_service(Utf8(from.service.value()));
  ToProtoList(from.labels, *to.mutable_labels());
  to.set_urgency(ToProto(from.urgency));
  PutTime(from.opened_at, to, &v1::Group::mutable_opened_at);
  to.set_opened_engine_ns(from.opened_engine.ns());
  PutTime(from.acknowledged_at, to, &v1::Group::mutable_acknowledged_at);
  to.set_acknowledged_by(Utf8(from.acknowledged_by));
  PutTime(from.resolved_at, to, &v1::Group::mutable_resolved_at);
  to.set_resolved_by(Utf8(from.resolved_by));
  to.set_firing(from.firing);
  to.set_suppressed(from.suppressed);
  to.set_highest(ToProto(from.highest));
  to.set_peak(ToProto(from.peak));
  to.set_fired_total(from.fired_total);
  to.set_resolved_total(from.resolved_total);
  ToProtoList(from.exemplars, *to.mutable_exemplars());
  to.set_flushed(from.flushed);
  PutTime(from.last_notified_at, to, &v1::Group::mutable_last_notified_at);
  to.set_notified_engine_ns(from.notified_engine.ns());
  to.set_notified_fired_total(from.notified_fired_total);
  to.set_notified_resolved_total(from.notified_resolved_total);
  to.set_quiet_reason(Utf8(from.quiet_reason));
  to.set_escalation(from.escalation.value());
  IdsToProto(from.incidents, *to.mutable_incidents());
  ToProto(from.fired_rules, *to.mutable_fired_rules());
  to.set_held_by(Utf8(from.held_by));
  LifeToProto(from, to);
}

absl::Status FromProto(const v1::Group& from, Group& to) {
  Decode decode;
  decode.Require("id", from.id() != 0);
  to.id = GroupId(from.id());
  to.key = GroupKey(from.key());
  to.generation = Generation(from.generation());
  decode.Take("state", from.state(), to.state);
  decode.Require("route", from.has_route());
  decode.Take("route", from.route(), to.route);
  to.service = ServiceId(from.service());
  decode.List("labels", from.labels(), to.labels);
  decode.Take("urgency", from.urgency(), to.urgency);
  decode.Take("opened_at", from.opened_at(), to.opened_at);
  to.opened_engine = EngineTime(from.opened_engine_ns());
  decode.Take("acknowledged_at", from.acknowledged_at(), to.acknowledged_at);
  to.acknowledged_by = from.acknowledged_by();
  decode.Take("resolved_at", from.resolved_at(), to.resolved_at);
  to.resolved_by = from.resolved_by();
  to.firing = from.firing();
  to.suppressed = from.suppressed();
  decode.Take("highest", from.highest(), to.highest);
  decode.Take("peak", from.peak(), to.peak);
  to.fired_total = from.fired_total();
  to.resolved_total = from.resolved_total();
  decode.List("exemplars", from.exemplars(), to.exemplars);
  to.flushed = from.flushed();
  decode.Take("last_notified_at", from.last_notified_at(), to.last_notified_at);
  to.notified_engine = EngineTime(from.notified_engine_ns());
  to.notified_fired_total = from.notified_fired_total();
  to.notified_resolved_total = from.notified_resolved_total();
  to.quiet_reason = from.quiet_reason();
  to.escalation = EscalationId(from.escalation());
  IdsFromProto(from.incidents(), to.incidents);
  FromProto(from.fired_rules(), to.fired_rules);
  to.held_by = from.held_by();
  TOCSIN_TRY(decode.status());
  return LifeFromProto(from, to);
}

void ToProto(const Escalation& from, v1::Escalation& to) {
  to.set_id(from.id.value());
  ToProto(from.subject, *to.mutable_subject());
  to.set_generation(from.generation.value());
  to.set_state(ToProto(from.state));
  ToProto(from.policy, *to.mutable_policy());
  to.set_urgency(ToProto(from.urgency));
  to.set_next_step(from.next_step);
  to.set_pass(from.pass);
  to.set_next_at_engine_ns(from.next_at.ns());
  PutTime(from.started_at, to, &v1::Escalation::mutable_started_at);
  to.set_stop_reason(Utf8(from.stop_reason));
  IdsToProto(from.pages, *to.mutable_pages());
  to.set_reached_anybody(from.reached_anybody);
  to.set_wait(ToProto(from.wait));
  to.set_answered(from.answered);
  to.set_stays(from.stays);
  to.set_pass_began_engine_ns(from.pass_began.ns());
  to.set_last_step_number(from.last_step + 1);
  ToProto(from.unreached, *to.mutable_unreached());
}

absl::Status FromProto(const v1::Escalation& from, Escalation& to) {
  Decode decode;
  decode.Require("id", from.id() != 0);
  to.id = EscalationId(from.id());
  decode.Take("subject", from.subject(), to.subject);
  to.generation = Generation(from.generation());
  decode.Take("state", from.state(), to.state);
  decode.Require("policy", from.has_policy());
  decode.Take("policy", from.policy(), to.policy);
  decode.Take("urgency", from.urgency(), to.urgency);
  to.next_step = from.next_step();
  to.pass = from.pass();
  to.next_at = EngineTime(from.next_at_engine_ns());
  decode.Take("started_at", from.started_at(), to.started_at);
  to.stop_reason = from.stop_reason();
  IdsFromProto(from.pages(), to.pages);
  to.reached_anybody = from.reached_anybody();
  decode.Take("wait", from.wait(), to.wait);
  to.answered = from.answered();
  to.stays = from.stays();
  to.pass_began = EngineTime(from.pass_began_engine_ns());
  to.last_step = from.last_step_number() - 1;
  FromProto(from.unreached(), to.unreached);
  return decode.status();
}

void ToProto(const Page& from, v1::Page& to) {
  to.set_id(from.id.value());
  to.set_escalation(from.escalation.value());
  ToProto(from.subject, *to.mutable_subject());
  to.set_user(Utf8(from.user.value()));
  to.set_state(ToProto(from.state));
  to.set_urgency(ToProto(from.urgency));
  to.set_step(from.step);
  to.set_pass(from.pass);
  to.set_reason(Utf8(from.reason));
  PutTime(from.started_at, to, &v1::Page::mutable_started_at);
  to.set_started_engine_ns(from.started_engine.ns());
  ToProtoList(from.rules, *to.mutable_rules());
  to.set_next_rule(from.next_rule);
  to.set_important(from.important);
  to.set_until(ToProto(from.until));
  to.set_waits(from.waits);
  IdsToProto(from.notifications, *to.mutable_notifications());
}

absl::Status FromProto(const v1::Page& from, Page& to) {
  Decode decode;
  decode.Require("id", from.id() != 0);
  to.id = PageId(from.id());
  to.escalation = EscalationId(from.escalation());
  decode.Take("subject", from.subject(), to.subject);
  to.user = UserId(from.user());
  decode.Take("state", from.state(), to.state);
  decode.Take("urgency", from.urgency(), to.urgency);
  to.step = from.step();
  to.pass = from.pass();
  to.reason = from.reason();
  decode.Take("started_at", from.started_at(), to.started_at);
  to.started_engine = EngineTime(from.started_engine_ns());
  decode.List("rules", from.rules(), to.rules);
  to.next_rule = from.next_rule();
  to.important = from.important();
  decode.Take("until", from.until(), to.until);
  to.waits = from.waits();
  IdsFromProto(from.notifications(), to.notifications);
  return decode.status();
}

void ToProto(const Incident& from, v1::Incident& to) {
  to.set_id(from.id.value());
  to.set_generation(from.generation.value());
  to.set_state(ToProto(from.state));
  to.set_title(Utf8(from.title));
  to.set_severity(from.severity);
  to.set_service(Utf8(from.service.value()));
  to.set_rule(Utf8(from.rule.value()));
  to.set_join_key(Utf8(from.join_key));
  to.set_join_until_engine_ns(from.join_until.ns());
  to.set_opened_reason(Utf8(from.opened_reason));
  to.set_opened_by(Utf8(from.opened_by));
  PutTime(from.opened_at, to, &v1::Incident::mutable_opened_at);
  PutTime(from.acknowledged_at, to, &v1::Incident::mutable_acknowledged_at);
  to.set_acknowledged_by(Utf8(from.acknowledged_by));
  PutTime(from.resolved_at, to, &v1::Incident::mutable_resolved_at);
  to.set_resolved_by(Utf8(from.resolved_by));
  IdsToProto(from.groups, *to.mutable_groups());
  to.set_escalation(from.escalation.value());
}

absl::Status FromProto(const v1::Incident& from, Incident& to) {
  Decode decode;
  decode.Require("id", from.id() != 0);
  to.id = IncidentId(from.id());
  to.generation = Generation(from.generation());
  decode.Take("state", from.state(), to.state);
  to.title = from.title();
  if (from.severity() > std::numeric_limits<std::uint8_t>::max()) decode.Fail("severity", "not 1 to 5");
  to.severity = static_cast<std::uint8_t>(from.severity());
  to.service = ServiceId(from.service());
  to.rule = IncidentRuleId(from.rule());
  to.join_key = from.join_key();
  to.join_until = EngineTime(from.join_until_engine_ns());
  to.opened_reason = from.opened_reason();
  to.opened_by = from.opened_by();
  decode.Take("opened_at", from.opened_at(), to.opened_at);
  decode.Take("acknowledged_at", from.acknowledged_at(), to.acknowledged_at);
  to.acknowledged_by = from.acknowledged_by();
  decode.Take("resolved_at", from.resolved_at(), to.resolved_at);
  to.resolved_by = from.resolved_by();
  IdsFromProto(from.groups(), to.groups);
  to.escalation = EscalationId(from.escalation());
  return decode.status();
}

void ToProto(const Silence& from, v1::Silence& to) {
  to.set_id(from.id.value());
  ToProtoList(from.matchers, *to.mutable_matchers());
  PutTime(from.starts_at, to, &v1::Silence::mutable_starts_at);
  PutTime(from.ends_at, to, &v1::Silence::mutable_ends_at);
  to.set_created_by(Utf8(from.created_by));
  to.set_comment(Utf8(from.comment));
  PutTime(from.updated_at, to, &v1::Silence::mutable_updated_at);
  to.set_maintenance(from.maintenance);
  to.set_service(Utf8(from.service.value()));
  ToProtoList(from.recurrence, *to.mutable_recurrence());
  to.set_declared(Utf8(from.declared.value()));
  to.set_in_effect(from.in_effect);
}

absl::Status FromProto(const v1::Silence& from, Silence& to) {
  Decode decode;
  decode.Require("id", from.id() != 0);
  to.id = SilenceId(from.id());
  decode.List("matchers", from.matchers(), to.matchers);
  decode.Take("starts_at", from.starts_at(), to.starts_at);
  decode.Take("ends_at", from.ends_at(), to.ends_at);
  to.created_by = from.created_by();
  to.comment = from.comment();
  decode.Take("updated_at", from.updated_at(), to.updated_at);
  to.maintenance = from.maintenance();
  to.service = ServiceId(from.service());
  decode.List("recurrence", from.recurrence(), to.recurrence);
  to.declared = MaintenanceId(from.declared());
  to.in_effect = from.in_effect();
  return decode.status();
}

void ToProto(const Timer& from, v1::Timer& to) {
  to.set_id(from.id.value());
  to.set_kind(ToProto(from.kind));
  to.set_due_engine_ns(from.due.ns());
  PutTime(from.due_wall, to, &v1::Timer::mutable_due_wall);
  to.set_subject(from.subject);
  to.set_generation(from.generation.value());
}

absl::Status FromProto(const v1::Timer& from, Timer& to) {
  Decode decode;
  decode.Require("id", from.id() != 0);
  to.id = TimerId(from.id());
  decode.Take("kind", from.kind(), to.kind);
  to.due = EngineTime(from.due_engine_ns());
  decode.Take("due_wall", from.due_wall(), to.due_wall);
  to.subject = from.subject();
  to.generation = Generation(from.generation());
  return decode.status();
}

void ToProto(const TimelineEntry& from, v1::TimelineEntry& to) {
  to.set_kind(ToProto(from.kind));
  ToProto(from.subject, *to.mutable_subject());
  PutTime(from.at, to, &v1::TimelineEntry::mutable_at);
  to.set_actor(Utf8(from.actor));
  to.set_text(Utf8(from.text));
  to.set_escalation(from.escalation.value());
  to.set_page(from.page.value());
  to.set_notification(from.notification.value());
  to.set_user(Utf8(from.user.value()));
}

absl::Status FromProto(const v1::TimelineEntry& from, TimelineEntry& to) {
  Decode decode;
  decode.Take("kind", from.kind(), to.kind);
  decode.Take("subject", from.subject(), to.subject);
  decode.Take("at", from.at(), to.at);
  to.actor = from.actor();
  to.text = from.text();
  to.escalation = EscalationId(from.escalation());
  to.page = PageId(from.page());
  to.notification = NotificationId(from.notification());
  to.user = UserId(from.user());
  return decode.status();
}

}  // namespace tocsin
