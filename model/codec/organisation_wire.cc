// What rows pin of the organisation, and the smallest values.
#include "model/codec/organisation_proto.h"
#include "model/codec/response_wire.h"

namespace tocsin {

void Write(WireWriter& to, const Label& from) {
  using F = v1::Label;
  to.Text(F::kValueFieldNumber, from.value);
  to.Text(F::kNameFieldNumber, from.name);
}

void Write(WireWriter& to, const Matcher& from) {
  using F = v1::Matcher;
  to.Text(F::kValueFieldNumber, from.value);
  to.Number(F::kOpFieldNumber, ToProto(from.op));
  to.Text(F::kNameFieldNumber, from.name);
}

void Write(WireWriter& to, const Subject& from) {
  using F = v1::Subject;
  to.Number(F::kIdFieldNumber, from.id);
  to.Number(F::kKindFieldNumber, ToProto(from.kind));
}

// Of a oneof what is set is present, also when it is empty.
void Write(WireWriter& to, const Target& from) {
  using F = v1::Target;
  if (const auto* user = std::get_if<UserTarget>(&from)) to.PresentText(F::kUserFieldNumber, user->user);
  if (const auto* team = std::get_if<TeamTarget>(&from)) to.PresentText(F::kTeamFieldNumber, team->team);
  if (const auto* policy = std::get_if<PolicyTarget>(&from)) to.PresentText(F::kPolicyFieldNumber, policy->policy);
  const auto* schedule = std::get_if<ScheduleTarget>(&from);
  if (schedule == nullptr) return;
  switch (schedule->turn) {
    case ScheduleTarget::Turn::kPresent: to.PresentText(F::kScheduleFieldNumber, schedule->schedule); return;
    case ScheduleTarget::Turn::kNext: to.PresentText(F::kNextInScheduleFieldNumber, schedule->schedule); return;
    case ScheduleTarget::Turn::kPrevious: to.PresentText(F::kPreviousInScheduleFieldNumber, schedule->schedule); return;
  }
}

void Write(WireWriter& to, const MessageLimit& from) {
  using F = v1::MessageLimit;
  to.Duration(F::kWindowFieldNumber, from.window);
  to.Number(F::kCriticalFieldNumber, from.critical);
  to.Number(F::kMessagesFieldNumber, from.messages);
}

void Write(WireWriter& to, const ContactMethod& from) {
  using F = v1::ContactMethod;
  to.Parts(F::kLimitsFieldNumber, from.limits);
  to.Text(F::kSecretFieldNumber, from.secret);
  to.Text(F::kAddressFieldNumber, from.address);
  to.Number(F::kKindFieldNumber, ToProto(from.kind));
  to.Text(F::kIdFieldNumber, from.id);
}

void Write(WireWriter& to, const NotificationRule& from) {
  using F = v1::NotificationRule;
  to.Texts(F::kOnlyDuringFieldNumber, from.only_during);
  to.Number(F::kImportantFieldNumber, from.important);
  to.Text(F::kMethodFieldNumber, from.method);
  to.Duration(F::kDelayFieldNumber, from.delay);
  to.Number(F::kUrgencyFieldNumber, ToProto(from.urgency));
}

// A route's threshold and a step's rate are alike.
void Write(WireWriter& to, const Threshold& from) {
  using F = v1::Route::Threshold;
  to.Duration(F::kWindowFieldNumber, from.window);
  to.Number(F::kCountFieldNumber, from.count);
}
static_assert(int{v1::Route::Threshold::kCountFieldNumber} == int{v1::PolicyStep::Rate::kCountFieldNumber} &&
              int{v1::Route::Threshold::kWindowFieldNumber} == int{v1::PolicyStep::Rate::kWindowFieldNumber});

void Write(WireWriter& to, const FlappingRule& from) {
  using F = v1::Route::Flapping;
  to.Duration(F::kStableForFieldNumber, from.stable_for);
  to.Duration(F::kWindowFieldNumber, from.window);
  to.Number(F::kChangesFieldNumber, from.changes);
}

void Write(WireWriter& to, const BreakThrough& from) {
  using F = v1::Route::BreakThrough;
  to.Texts(F::kLabelsFieldNumber, from.labels);
  to.Number(F::kSeverityFieldNumber, from.severity);
}

void Write(WireWriter& to, const AcknowledgementRule& from) {
  using F = v1::Route::Acknowledgement;
  to.Number(F::kAskAgainFieldNumber, ToProto(from.ask_again));
  to.Number(F::kThenFieldNumber, ToProto(from.then));
  if (from.timeout) to.PresentDuration(F::kTimeoutFieldNumber, *from.timeout);
}

void Write(WireWriter& to, const Route& from) {
  using F = v1::Route;
  to.Duration(F::kAutoCloseFieldNumber, from.auto_close);
  to.Duration(F::kReopenWindowFieldNumber, from.reopen_window);
  to.PartUnlessDefault(F::kAcknowledgementFieldNumber, from.acknowledgement);
  to.PartUnlessDefault(F::kBreakThroughFieldNumber, from.break_through);
  to.PartUnlessDefault(F::kFlappingFieldNumber, from.flapping);
  to.PartUnlessDefault(F::kThresholdFieldNumber, from.threshold);
  to.Texts(F::kActiveTimeIntervalsFieldNumber, from.active_time_intervals);
  to.Texts(F::kMuteTimeIntervalsFieldNumber, from.mute_time_intervals);
  to.Parts(F::kChildrenFieldNumber, from.children);
  if (from.urgency) to.Number(F::kUrgencyFieldNumber, ToProto(*from.urgency));
  to.Text(F::kServiceFieldNumber, from.service);
  to.Text(F::kReceiverFieldNumber, from.receiver);
  to.Text(F::kPolicyFieldNumber, from.policy);
  to.Duration(F::kRepeatIntervalFieldNumber, from.repeat_interval);
  to.Duration(F::kGroupIntervalFieldNumber, from.group_interval);
  to.Duration(F::kGroupWaitFieldNumber, from.group_wait);
  to.Number(F::kGroupByAllFieldNumber, from.group_by_all);
  to.Texts(F::kGroupByFieldNumber, from.group_by);
  to.Number(F::kContinueMatchingFieldNumber, from.continue_matching);
  to.Parts(F::kMatchersFieldNumber, from.matchers);
  to.Text(F::kIdFieldNumber, from.id);
}

void Write(WireWriter& to, const PolicyStep& from) {
  using F = v1::PolicyStep;
  to.Number(F::kImportantFieldNumber, from.important);
  to.Number(F::kPageAtHandoffFieldNumber, from.page_at_handoff);
  to.Number(F::kEachAcknowledgesFieldNumber, from.each_acknowledges);
  to.Number(F::kOnEmptyFieldNumber, ToProto(from.on_empty));
  to.Number(F::kStrategyFieldNumber, ToProto(from.strategy));
  to.Texts(F::kReceiversFieldNumber, from.receivers);
  to.PartUnlessDefault(F::kMinRateFieldNumber, from.min_rate);
  to.Number(F::kOutsideFieldNumber, ToProto(from.outside));
  to.Texts(F::kOnlyDuringFieldNumber, from.only_during);
  to.Number(F::kUnlessFieldNumber, ToProto(from.unless));
  to.Number(F::kDelayFromFieldNumber, ToProto(from.delay_from));
  to.Parts(F::kTargetsFieldNumber, from.targets);
  to.Duration(F::kDelayFieldNumber, from.delay);
}

void Write(WireWriter& to, const EscalationPolicy& from) {
  using F = v1::EscalationPolicy;
  to.Number(F::kLowUrgencyEscalatesFieldNumber, from.low_urgency_escalates);
  to.Number(F::kLowUrgencyFieldNumber, ToProto(from.low_urgency));
  to.Number(F::kCatchUpFieldNumber, ToProto(from.catch_up));
  to.Number(F::kResolveWhenExhaustedFieldNumber, from.resolve_when_exhausted);
  to.Number(F::kRepeatsSpareToldFieldNumber, !from.repeats_page_again);
  to.Duration(F::kAcknowledgeTimeoutFieldNumber, from.acknowledge_timeout);
  to.Duration(F::kRepeatIntervalFieldNumber, from.repeat_interval);
  to.Number(F::kRepeatsFieldNumber, from.repeats);
  to.Parts(F::kStepsFieldNumber, from.steps);
  to.Text(F::kTeamFieldNumber, from.team);
  to.Text(F::kNameFieldNumber, from.name);
  to.Text(F::kIdFieldNumber, from.id);
}

}  // namespace tocsin
