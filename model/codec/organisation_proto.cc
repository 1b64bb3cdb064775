#include "model/codec/organisation_proto.h"

#include <limits>

#include "model/codec/decode.h"
#include "model/codec/enum_proto.h"

namespace tocsin {

TOCSIN_ENUM_PROTO(
    ContactMethod::Kind, v1::ContactMethod::Kind, 1, 1, ContactMethod::Kind::kSlack, v1::ContactMethod::Kind_MAX);
TOCSIN_ENUM_PROTO(IncidentCondition::Kind,
                  v1::IncidentCondition::Kind,
                  1,
                  1,
                  IncidentCondition::Kind::kMatchers,
                  v1::IncidentCondition::Kind_MAX);

TOCSIN_ENUM_PROTO(AcknowledgementRule::Then,
                  v1::Route::Acknowledgement::Then,
                  0,
                  0,
                  AcknowledgementRule::Then::kRestart,
                  v1::Route::Acknowledgement::Then_MAX);
TOCSIN_ENUM_PROTO(AcknowledgementRule::AskAgain,
                  v1::Route::Acknowledgement::AskAgain,
                  0,
                  0,
                  AcknowledgementRule::AskAgain::kNothing,
                  v1::Route::Acknowledgement::AskAgain_MAX);

TOCSIN_ENUM_PROTO(Role, v1::Role, 0, 1, Role::kAdmin, v1::Role_MAX);

static void ToProto(const MessageLimit& from, v1::MessageLimit& to) {
  to.set_messages(from.messages);
  to.set_critical(from.critical);
  PutDuration(from.window, to, &v1::MessageLimit::mutable_window);
}

static absl::Status FromProto(const v1::MessageLimit& from, MessageLimit& to) {
  Decode decode;
  to.messages = from.messages();
  to.critical = from.critical();
  decode.Take("window", from.window(), to.window);
  return decode.status();
}

void ToProto(const ContactMethod& from, v1::ContactMethod& to) {
  to.set_id(Utf8(from.id.value()));
  to.set_kind(ToProto(from.kind));
  to.set_address(Utf8(from.address));
  to.set_secret(Utf8(from.secret));
  ToProtoList(from.limits, *to.mutable_limits());
}

absl::Status FromProto(const v1::ContactMethod& from, ContactMethod& to) {
  Decode decode;
  to.id = ContactMethodId(from.id());
  decode.Take("kind", from.kind(), to.kind);
  to.address = from.address();
  to.secret = from.secret();
  decode.List("limits", from.limits(), to.limits);
  return decode.status();
}

void ToProto(const Team& from, v1::Team& to) {
  to.set_id(Utf8(from.id.value()));
  to.set_name(Utf8(from.name));
  ToProto(from.members, *to.mutable_members());
  ToProto(from.managers, *to.mutable_managers());
  ToProto(from.viewers, *to.mutable_viewers());
}

absl::Status FromProto(const v1::Team& from, Team& to) {
  to.id = TeamId(from.id());
  to.name = from.name();
  FromProto(from.members(), to.members);
  FromProto(from.managers(), to.managers);
  FromProto(from.viewers(), to.viewers);
  return absl::OkStatus();
}

void ToProto(const Service& from, v1::Service& to) {
  to.set_id(Utf8(from.id.value()));
  to.set_name(Utf8(from.name));
  to.set_team(Utf8(from.team.value()));
  ToProtoList(from.matchers, *to.mutable_matchers());
  ToProto(from.depends_on, *to.mutable_depends_on());
  to.set_hold_back(from.hold_back);
  if (from.support_hours != SupportHours()) ToProto(from.support_hours, *to.mutable_support_hours());
}

absl::Status FromProto(const v1::Service& from, Service& to) {
  Decode decode;
  to.id = ServiceId(from.id());
  to.name = from.name();
  to.team = TeamId(from.team());
  decode.List("matchers", from.matchers(), to.matchers);
  FromProto(from.depends_on(), to.depends_on);
  to.hold_back = from.hold_back();
  decode.Take("support_hours", from.support_hours(), to.support_hours);
  return decode.status();
}

void ToProto(const Receiver& from, v1::Receiver& to) {
  to.set_id(Utf8(from.id.value()));
  ToProtoList(from.targets, *to.mutable_targets());
  to.set_send_resolved(from.send_resolved);
  to.set_drop_resolved_when_held(from.drop_resolved_when_held);
}

absl::Status FromProto(const v1::Receiver& from, Receiver& to) {
  Decode decode;
  to.id = ReceiverId(from.id());
  decode.List("targets", from.targets(), to.targets);
  to.send_resolved = from.send_resolved();
  to.drop_resolved_when_held = from.drop_resolved_when_held();
  return decode.status();
}

static void ToProto(const Threshold& from, v1::Route::Threshold& to) {
  to.set_count(from.count);
  PutDuration(from.window, to, &v1::Route::Threshold::mutable_window);
}

static absl::Status FromProto(const v1::Route::Threshold& from, Threshold& to) {
  to.count = from.count();
  return Annotate(FromProto(from.window(), to.window), "window");
}

static void ToProto(const FlappingRule& from, v1::Route::Flapping& to) {
  to.set_changes(from.changes);
  PutDuration(from.window, to, &v1::Route::Flapping::mutable_window);
  PutDuration(from.stable_for, to, &v1::Route::Flapping::mutable_stable_for);
}

static absl::Status FromProto(const v1::Route::Flapping& from, FlappingRule& to) {
  Decode decode;
  to.changes = from.changes();
  decode.Take("window", from.window(), to.window);
  decode.Take("stable_for", from.stable_for(), to.stable_for);
  return decode.status();
}

static void ToProto(const BreakThrough& from, v1::Route::BreakThrough& to) {
  to.set_severity(from.severity);
  ToProto(from.labels, *to.mutable_labels());
}

static absl::Status FromProto(const v1::Route::BreakThrough& from, BreakThrough& to) {
  to.severity = from.severity();
  FromProto(from.labels(), to.labels);
  return absl::OkStatus();
}

static void ToProto(const AcknowledgementRule& from, v1::Route::Acknowledgement& to) {
  if (from.timeout) ToProto(*from.timeout, *to.mutable_timeout());
  to.set_then(ToProto(from.then));
  to.set_ask_again(ToProto(from.ask_again));
}

static absl::Status FromProto(const v1::Route::Acknowledgement& from, AcknowledgementRule& to) {
  Decode decode;
  to.timeout.reset();
  if (from.has_timeout()) decode.Take("timeout", from.timeout(), to.timeout.emplace());
  decode.Take("then", from.then(), to.then);
  decode.Take("ask_again", from.ask_again(), to.ask_again);
  return decode.status();
}

void ToProto(const Route& from, v1::Route& to) {
  to.set_id(Utf8(from.id.value()));
  ToProtoList(from.matchers, *to.mutable_matchers());
  to.set_continue_matching(from.continue_matching);
  ToProto(from.group_by, *to.mutable_group_by());
  to.set_group_by_all(from.group_by_all);
  PutDuration(from.group_wait, to, &v1::Route::mutable_group_wait);
  PutDuration(from.group_interval, to, &v1::Route::mutable_group_interval);
  PutDuration(from.repeat_interval, to, &v1::Route::mutable_repeat_interval);
  to.set_policy(Utf8(from.policy.value()));
  to.set_receiver(Utf8(from.receiver.value()));
  to.set_service(Utf8(from.service.value()));
  if (from.urgency) to.set_urgency(ToProto(*from.urgency));
  if (from.threshold != Threshold()) ToProto(from.threshold, *to.mutable_threshold());
  if (from.flapping != FlappingRule()) ToProto(from.flapping, *to.mutable_flapping());
  if (from.break_through != BreakThrough()) ToProto(from.break_through, *to.mutable_break_through());
  if (from.acknowledgement != AcknowledgementRule()) ToProto(from.acknowledgement, *to.mutable_acknowledgement());
  PutDuration(from.reopen_window, to, &v1::Route::mutable_reopen_window);
  PutDuration(from.auto_close, to, &v1::Route::mutable_auto_close);
  ToProtoList(from.children, *to.mutable_children());
  ToProto(from.mute_time_intervals, *to.mutable_mute_time_intervals());
  ToProto(from.active_time_intervals, *to.mutable_active_time_intervals());
}

absl::Status FromProto(const v1::Route& from, Route& to) {
  Decode decode;
  to.id = RouteId(from.id());
  decode.List("matchers", from.matchers(), to.matchers);
  to.continue_matching = from.continue_matching();
  FromProto(from.group_by(), to.group_by);
  to.group_by_all = from.group_by_all();
  decode.Take("group_wait", from.group_wait(), to.group_wait);
  decode.Take("group_interval", from.group_interval(), to.group_interval);
  decode.Take("repeat_interval", from.repeat_interval(), to.repeat_interval);
  to.policy = PolicyId(from.policy());
  to.receiver = ReceiverId(from.receiver());
  to.service = ServiceId(from.service());
  to.urgency.reset();
  if (from.urgency() != v1::URGENCY_UNSPECIFIED) decode.Take("urgency", from.urgency(), to.urgency.emplace());
  decode.Take("threshold", from.threshold(), to.threshold);
  decode.Take("flapping", from.flapping(), to.flapping);
  decode.Take("break_through", from.break_through(), to.break_through);
  decode.Take("acknowledgement", from.acknowledgement(), to.acknowledgement);
  decode.Take("reopen_window", from.reopen_window(), to.reopen_window);
  decode.Take("auto_close", from.auto_close(), to.auto_close);
  decode.List("children", from.children(), to.children);
  FromProto(from.mute_time_intervals(), to.mute_time_intervals);
  FromProto(from.active_time_intervals(), to.active_time_intervals);
  return decode.status();
}

void ToProto(const IncidentCondition& from, v1::IncidentCondition& to) {
  to.set_kind(ToProto(from.kind));
  ToProtoList(from.operands, *to.mutable_operands());
  to.set_count(from.count);
  PutDuration(from.window, to, &v1::IncidentCondition::mutable_window);
  to.set_severity(ToProto(from.severity));
  ToProtoList(from.matchers, *to.mutable_matchers());
}

absl::Status FromProto(const v1::IncidentCondition& from, IncidentCondition& to) {
  Decode decode;
  decode.Take("kind", from.kind(), to.kind);
  decode.List("operands", from.operands(), to.operands);
  to.count = from.count();
  decode.Take("window", from.window(), to.window);
  decode.Take("severity", from.severity(), to.severity);
  decode.List("matchers", from.matchers(), to.matchers);
  return decode.status();
}

void ToProto(const IncidentRule& from, v1::IncidentRule& to) {
  to.set_id(Utf8(from.id.value()));
  ToProto(from.condition, *to.mutable_condition());
  to.set_incident_severity(from.incident_severity);
  to.set_title(Utf8(from.title));
  to.set_policy(Utf8(from.policy.value()));
  PutDuration(from.join_window, to, &v1::IncidentRule::mutable_join_window);
  ToProto(from.join_by, *to.mutable_join_by());
}

absl::Status FromProto(const v1::IncidentRule& from, IncidentRule& to) {
  Decode decode;
  to.id = IncidentRuleId(from.id());
  decode.Require("condition", from.has_condition());
  decode.Take("condition", from.condition(), to.condition);
  if (from.incident_severity() > std::numeric_limits<std::uint8_t>::max()) {
    decode.Fail("incident_severity", "not 1 to 5");
  }
  to.incident_severity = static_cast<std::uint8_t>(from.incident_severity());
  to.title = from.title();
  to.policy = PolicyId(from.policy());
  decode.Take("join_window", from.join_window(), to.join_window);
  FromProto(from.join_by(), to.join_by);
  return decode.status();
}

void ToProto(const Smtp& from, v1::Smtp& to) {
  to.set_url(Utf8(from.url));
  to.set_from(Utf8(from.from));
  to.set_username(Utf8(from.username));
  to.set_password(Utf8(from.password));
  to.set_require_tls(from.require_tls);
  to.set_ca_file(Utf8(from.ca_file));
}

absl::Status FromProto(const v1::Smtp& from, Smtp& to) {
  to.url = from.url();
  to.from = from.from();
  to.username = from.username();
  to.password = from.password();
  to.require_tls = from.require_tls();
  to.ca_file = from.ca_file();
  return absl::OkStatus();
}

void ToProto(const Twilio& from, v1::Twilio& to) {
  to.set_url(Utf8(from.url));
  to.set_account_sid(Utf8(from.account_sid));
  to.set_auth_token(Utf8(from.auth_token));
  to.set_from(Utf8(from.from));
  to.set_receipts(from.receipts);
  // What an organisation does not say is not written: older ones stay as they are, byte for byte.
  if (from.receipt_timeout != Twilio().receipt_timeout) ToProto(from.receipt_timeout, *to.mutable_receipt_timeout());
}

absl::Status FromProto(const v1::Twilio& from, Twilio& to) {
  to.url = from.url();
  to.account_sid = from.account_sid();
  to.auth_token = from.auth_token();
  to.from = from.from();
  to.receipts = from.receipts();
  to.receipt_timeout = Twilio().receipt_timeout;
  Decode decode;
  if (from.has_receipt_timeout()) decode.Take("receipt_timeout", from.receipt_timeout(), to.receipt_timeout);
  return decode.status();
}

void ToProto(const Slack& from, v1::Slack& to) {
  to.set_url(Utf8(from.url));
  to.set_token(Utf8(from.token));
}

absl::Status FromProto(const v1::Slack& from, Slack& to) {
  to.url = from.url();
  to.token = from.token();
  return absl::OkStatus();
}

void ToProto(const DeadMan& from, v1::DeadMan& to) {
  to.set_url(Utf8(from.url));
  PutDuration(from.interval, to, &v1::DeadMan::mutable_interval);
}

absl::Status FromProto(const v1::DeadMan& from, DeadMan& to) {
  Decode decode;
  to.url = from.url();
  decode.Take("interval", from.interval(), to.interval);
  return decode.status();
}

static void ToProto(const KindLimits& from, v1::MessageLimits::OfKind& to) {
  to.set_kind(ToProto(from.kind));
  ToProtoList(from.limits, *to.mutable_limits());
}

static absl::Status FromProto(const v1::MessageLimits::OfKind& from, KindLimits& to) {
  Decode decode;
  decode.Take("kind", from.kind(), to.kind);
  decode.List("limits", from.limits(), to.limits);
  return decode.status();
}

void ToProto(const MessageLimits& from, v1::MessageLimits& to) {
  PutDuration(from.bundle_window, to, &v1::MessageLimits::mutable_bundle_window);
  ToProtoList(from.kinds, *to.mutable_kinds());
}

absl::Status FromProto(const v1::MessageLimits& from, MessageLimits& to) {
  Decode decode;
  to.bundle_window = absl::ZeroDuration();
  if (from.has_bundle_window()) decode.Take("bundle_window", from.bundle_window(), to.bundle_window);
  decode.List("kinds", from.kinds(), to.kinds);
  return decode.status();
}

void ToProto(const Organisation& from, v1::Organisation& to) {
  to.set_name(Utf8(from.name));
  to.set_public_url(Utf8(from.public_url));
  ToProtoList(from.users, *to.mutable_users());
  ToProtoList(from.teams, *to.mutable_teams());
  ToProtoList(from.holidays, *to.mutable_holidays());
  ToProtoList(from.schedules, *to.mutable_schedules());
  ToProtoList(from.policies, *to.mutable_policies());
  ToProtoList(from.services, *to.mutable_services());
  ToProtoList(from.integrations, *to.mutable_integrations());
  ToProtoList(from.heartbeats, *to.mutable_heartbeats());
  ToProtoList(from.receivers, *to.mutable_receivers());
  ToProto(from.route, *to.mutable_route());
  ToProtoList(from.incident_rules, *to.mutable_incident_rules());
  ToProtoList(from.inhibition_rules, *to.mutable_inhibition_rules());
  ToProtoList(from.time_intervals, *to.mutable_time_intervals());
  ToProtoList(from.maintenance, *to.mutable_maintenance());
  to.set_fallback_user(Utf8(from.fallback_user.value()));
  ToProto(from.smtp, *to.mutable_smtp());
  ToProto(from.twilio, *to.mutable_twilio());
  ToProto(from.dead_man, *to.mutable_dead_man());
  ToProto(from.limits, *to.mutable_limits());
  ToProto(from.slack, *to.mutable_slack());
  if (from.self_tests != SelfTests()) ToProto(from.self_tests, *to.mutable_self_tests());
  if (from.second_twilio != Twilio()) ToProto(from.second_twilio, *to.mutable_second_twilio());
  if (from.second_smtp != Smtp()) ToProto(from.second_smtp, *to.mutable_second_smtp());
}

absl::Status FromProto(const v1::Organisation& from, Organisation& to) {
  Decode decode;
  to = Organisation();
  to.name = from.name();
  to.public_url = from.public_url();
  decode.List("users", from.users(), to.users);
  decode.List("teams", from.teams(), to.teams);
  decode.List("holidays", from.holidays(), to.holidays);
  decode.List("schedules", from.schedules(), to.schedules);
  decode.List("policies", from.policies(), to.policies);
  decode.List("services", from.services(), to.services);
  decode.List("integrations", from.integrations(), to.integrations);
  decode.List("heartbeats", from.heartbeats(), to.heartbeats);
  decode.List("receivers", from.receivers(), to.receivers);
  decode.Require("route", from.has_route());
  decode.Take("route", from.route(), to.route);
  decode.List("incident_rules", from.incident_rules(), to.incident_rules);
  decode.List("inhibition_rules", from.inhibition_rules(), to.inhibition_rules);
  decode.List("time_intervals", from.time_intervals(), to.time_intervals);
  decode.List("maintenance", from.maintenance(), to.maintenance);
  to.fallback_user = UserId(from.fallback_user());
  if (from.has_smtp()) decode.Take("smtp", from.smtp(), to.smtp);
  if (from.has_twilio()) decode.Take("twilio", from.twilio(), to.twilio);
  if (from.has_dead_man()) decode.Take("dead_man", from.dead_man(), to.dead_man);
  if (from.has_limits()) decode.Take("limits", from.limits(), to.limits);
  if (from.has_slack()) decode.Take("slack", from.slack(), to.slack);
  if (from.has_self_tests()) decode.Take("self_tests", from.self_tests(), to.self_tests);
  if (from.has_second_twilio()) decode.Take("second_twilio", from.second_twilio(), to.second_twilio);
  if (from.has_second_smtp()) decode.Take("second_smtp", from.second_smtp(), to.second_smtp);
  return decode.status();
}

}  // namespace tocsin
