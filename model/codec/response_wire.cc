#include "model/codec/response_wire.h"

#include "model/codec/response_proto.h"

namespace tocsin {
namespace {

// The part of a group's row that is about more than open and resolved.
void WriteLife(WireWriter& to, const Group& from) {
  using F = v1::Group;
  to.Parts(F::kFiredFieldNumber, from.fired);
  if (from.policy) to.Part(F::kPolicyFieldNumber, *from.policy);
  to.Texts(F::kValuesFieldNumber, from.values);
  to.Parts(F::kEventsFieldNumber, from.events);
  to.Number(F::kBelowThresholdFieldNumber, from.below_threshold);
  to.Number(F::kFlapsFieldNumber, from.flaps);
  to.Time(F::kFlappingSinceFieldNumber, from.flapping_since);
  to.Number(F::kFlappingFieldNumber, from.flapping);
  to.Numbers(F::kChangesEngineNsFieldNumber, from.changes, [](EngineTime at) { return at.ns(); });
  to.Ids(F::kMergedFieldNumber, from.merged);
  to.Number(F::kMergedIntoFieldNumber, from.merged_into);
  to.Number(F::kSnoozedFieldNumber, from.snoozed);
  to.Time(F::kAcknowledgedUntilFieldNumber, from.acknowledged_until);
  to.Number(F::kResolvedEngineNsFieldNumber, from.resolved_engine.ns());
  to.Number(F::kMostFiringFieldNumber, from.most_firing);
  to.Number(F::kEpisodeFromFieldNumber, from.episode_from);
  to.Number(F::kEpisodeFieldNumber, from.episode);
}

}  // namespace

void Write(WireWriter& to, const AlertSummary& from) {
  using F = v1::AlertSummary;
  to.Number(F::kFiringFieldNumber, from.firing);
  to.Time(F::kStartsAtFieldNumber, from.starts_at);
  to.Time(F::kFiredAtFieldNumber, from.fired_at);
  to.Text(F::kLinkFieldNumber, from.link);
  to.Parts(F::kAnnotationsFieldNumber, from.annotations);
  to.Parts(F::kLabelsFieldNumber, from.labels);
  to.Number(F::kSeverityFieldNumber, ToProto(from.severity));
  to.Text(F::kIntegrationFieldNumber, from.integration);
  to.Text(F::kKeyFieldNumber, ToHex(from.key));
}

void Write(WireWriter& to, const EventCount& from) {
  using F = v1::EventCount;
  to.Number(F::kCountFieldNumber, from.count);
  to.Number(F::kAtEngineNsFieldNumber, from.at.ns());
}

void Write(WireWriter& to, const FiredIn& from) {
  using F = v1::FiredIn;
  to.Number(F::kTotalFieldNumber, from.total);
  to.Number(F::kShardFieldNumber, from.shard);
  to.Fixed64(F::kKeyFieldNumber, from.key.value());
}

void Write(WireWriter& to, const BundleMember& from) {
  using F = v1::BundleMember;
  to.Part(F::kSubjectFieldNumber, from.subject);
  to.Number(F::kNotificationFieldNumber, from.notification);
}

void Write(WireWriter& to, const Throttle::Sent& from) {
  using F = v1::Throttle::Sent;
  to.Number(F::kNotificationFieldNumber, from.notification);
  to.Text(F::kTopicFieldNumber, from.topic);
  to.Number(F::kLaneFieldNumber, ToProto(from.lane));
  to.Number(F::kAtEngineNsFieldNumber, from.at.ns());
}

void Write(WireWriter& to, const Group& from) {
  using F = v1::Group;
  WriteLife(to, from);
  to.Text(F::kHeldByFieldNumber, from.held_by);
  to.Texts(F::kFiredRulesFieldNumber, from.fired_rules);
  to.Ids(F::kIncidentsFieldNumber, from.incidents);
  to.Number(F::kEscalationFieldNumber, from.escalation);
  to.Text(F::kQuietReasonFieldNumber, from.quiet_reason);
  to.Number(F::kNotifiedResolvedTotalFieldNumber, from.notified_resolved_total);
  to.Number(F::kNotifiedFiredTotalFieldNumber, from.notified_fired_total);
  to.Number(F::kNotifiedEngineNsFieldNumber, from.notified_engine.ns());
  to.Time(F::kLastNotifiedAtFieldNumber, from.last_notified_at);
  to.Number(F::kFlushedFieldNumber, from.flushed);
  to.Parts(F::kExemplarsFieldNumber, from.exemplars);
  to.Number(F::kResolvedTotalFieldNumber, from.resolved_total);
  to.Number(F::kFiredTotalFieldNumber, from.fired_total);
  to.Number(F::kPeakFieldNumber, ToProto(from.peak));
  to.Number(F::kHighestFieldNumber, ToProto(from.highest));
  to.Number(F::kSuppressedFieldNumber, from.suppressed);
  to.Number(F::kFiringFieldNumber, from.firing);
  to.Text(F::kResolvedByFieldNumber, from.resolved_by);
  to.Time(F::kResolvedAtFieldNumber, from.resolved_at);
  to.Text(F::kAcknowledgedByFieldNumber, from.acknowledged_by);
  to.Time(F::kAcknowledgedAtFieldNumber, from.acknowledged_at);
  to.Number(F::kOpenedEngineNsFieldNumber, from.opened_engine.ns());
  to.Time(F::kOpenedAtFieldNumber, from.opened_at);
  to.Number(F::kUrgencyFieldNumber, ToProto(from.urgency));
  to.Parts(F::kLabelsFieldNumber, from.labels);
  to.Text(F::kServiceFieldNumber, from.service);
  to.Part(F::kRouteFieldNumber, from.route);
  to.Number(F::kStateFieldNumber, ToProto(from.state));
  to.Number(F::kGenerationFieldNumber, from.generation);
  to.Fixed64(F::kKeyFieldNumber, from.key.value());
  to.Number(F::kIdFieldNumber, from.id);
}

void Write(WireWriter& to, const Escalation& from) {
  using F = v1::Escalation;
  to.Texts(F::kUnreachedFieldNumber, from.unreached);
  to.Number(F::kStaysFieldNumber, from.stays);
  to.Number(F::kLastStepNumberFieldNumber, from.last_step + 1);
  to.Number(F::kPassBeganEngineNsFieldNumber, from.pass_began.ns());
  to.Number(F::kAnsweredFieldNumber, from.answered);
  to.Number(F::kWaitFieldNumber, ToProto(from.wait));
  to.Number(F::kReachedAnybodyFieldNumber, from.reached_anybody);
  to.Ids(F::kPagesFieldNumber, from.pages);
  to.Text(F::kStopReasonFieldNumber, from.stop_reason);
  to.Time(F::kStartedAtFieldNumber, from.started_at);
  to.Number(F::kNextAtEngineNsFieldNumber, from.next_at.ns());
  to.Number(F::kPassFieldNumber, from.pass);
  to.Number(F::kNextStepFieldNumber, from.next_step);
  to.Number(F::kUrgencyFieldNumber, ToProto(from.urgency));
  to.Part(F::kPolicyFieldNumber, from.policy);
  to.Number(F::kStateFieldNumber, ToProto(from.state));
  to.Number(F::kGenerationFieldNumber, from.generation);
  to.Part(F::kSubjectFieldNumber, from.subject);
  to.Number(F::kIdFieldNumber, from.id);
}

void Write(WireWriter& to, const Page& from) {
  using F = v1::Page;
  to.Number(F::kWaitsFieldNumber, from.waits);
  to.Number(F::kUntilFieldNumber, ToProto(from.until));
  to.Number(F::kImportantFieldNumber, from.important);
  to.Ids(F::kNotificationsFieldNumber, from.notifications);
  to.Number(F::kNextRuleFieldNumber, from.next_rule);
  to.Parts(F::kRulesFieldNumber, from.rules);
  to.Number(F::kStartedEngineNsFieldNumber, from.started_engine.ns());
  to.Time(F::kStartedAtFieldNumber, from.started_at);
  to.Text(F::kReasonFieldNumber, from.reason);
  to.Number(F::kPassFieldNumber, from.pass);
  to.Number(F::kStepFieldNumber, from.step);
  to.Number(F::kUrgencyFieldNumber, ToProto(from.urgency));
  to.Number(F::kStateFieldNumber, ToProto(from.state));
  to.Text(F::kUserFieldNumber, from.user);
  to.Part(F::kSubjectFieldNumber, from.subject);
  to.Number(F::kEscalationFieldNumber, from.escalation);
  to.Number(F::kIdFieldNumber, from.id);
}

void Write(WireWriter& to, const Notification& from) {
  using F = v1::Notification;
  to.Number(F::kFailedByFieldNumber, from.failed_by);
  to.Number(F::kProviderFieldNumber, from.provider);
  to.Number(F::kUnconfirmedFieldNumber, from.unconfirmed);
  to.Time(F::kDeliveredAtFieldNumber, from.delivered_at);
  to.Number(F::kGoesOnFieldNumber, from.goes_on);
  to.Text(F::kRewritesFieldNumber, from.rewrites);
  to.Parts(F::kMembersFieldNumber, from.members);
  to.Number(F::kBundleFieldNumber, from.bundle);
  to.Text(F::kAcknowledgeUrlFieldNumber, from.acknowledge_url);
  to.Text(F::kBodyFieldNumber, from.body);
  to.Text(F::kTitleFieldNumber, from.title);
  to.Time(F::kAcceptedAtFieldNumber, from.accepted_at);
  to.Time(F::kCreatedAtFieldNumber, from.created_at);
  to.Text(F::kEndReasonFieldNumber, from.end_reason);
  to.Text(F::kLastErrorFieldNumber, from.last_error);
  to.Text(F::kProviderIdFieldNumber, from.provider_id);
  to.Text(F::kIdempotencyKeyFieldNumber, from.idempotency_key);
  to.Number(F::kRepeatFieldNumber, from.repeat);
  to.Number(F::kAttemptFieldNumber, from.attempt);
  to.Number(F::kLeaseUntilEngineNsFieldNumber, from.lease_until.ns());
  to.Number(F::kDueEngineNsFieldNumber, from.due.ns());
  to.Number(F::kStateFieldNumber, ToProto(from.state));
  to.Number(F::kLaneFieldNumber, ToProto(from.lane));
  to.Number(F::kPurposeFieldNumber, ToProto(from.purpose));
  to.Part(F::kMethodFieldNumber, from.method);
  to.Text(F::kReceiverFieldNumber, from.receiver);
  to.Text(F::kUserFieldNumber, from.user);
  to.Part(F::kSubjectFieldNumber, from.subject);
  to.Number(F::kPageFieldNumber, from.page);
  to.Number(F::kIdFieldNumber, from.id);
}

void Write(WireWriter& to, const Timer& from) {
  using F = v1::Timer;
  to.Number(F::kGenerationFieldNumber, from.generation);
  to.Number(F::kSubjectFieldNumber, from.subject);
  to.Time(F::kDueWallFieldNumber, from.due_wall);
  to.Number(F::kDueEngineNsFieldNumber, from.due.ns());
  to.Number(F::kKindFieldNumber, ToProto(from.kind));
  to.Number(F::kIdFieldNumber, from.id);
}

void Write(WireWriter& to, const Throttle& from) {
  using F = v1::Throttle;
  to.Parts(F::kSentFieldNumber, from.sent);
  to.Text(F::kAddressFieldNumber, from.address);
  to.Number(F::kKindFieldNumber, ToProto(from.kind));
  to.Number(F::kIdFieldNumber, from.id);
}

void Write(WireWriter& to, const TimelineEntry& from) {
  using F = v1::TimelineEntry;
  to.Text(F::kUserFieldNumber, from.user);
  to.Number(F::kNotificationFieldNumber, from.notification);
  to.Number(F::kPageFieldNumber, from.page);
  to.Number(F::kEscalationFieldNumber, from.escalation);
  to.Text(F::kTextFieldNumber, from.text);
  to.Text(F::kActorFieldNumber, from.actor);
  to.Time(F::kAtFieldNumber, from.at);
  to.Part(F::kSubjectFieldNumber, from.subject);
  to.Number(F::kKindFieldNumber, ToProto(from.kind));
}

}  // namespace tocsin
