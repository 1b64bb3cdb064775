// Integrations and heartbeats.
#include "model/codec/decode.h"
#include "model/codec/enum_proto.h"
#include "model/codec/organisation_proto.h"

namespace tocsin {
TOCSIN_ENUM_PROTO(MailRule::Action, v1::MailRule::Action, 1, 1, MailRule::Action::kIgnore, v1::MailRule::IGNORE);

void ToProto(const FieldMapping& from, v1::FieldMapping& to) {
  to.set_each(Utf8(from.each));
  to.set_key(Utf8(from.key));
  to.set_status(Utf8(from.status));
  to.set_severity(Utf8(from.severity));
  to.set_title(Utf8(from.title));
  to.set_description(Utf8(from.description));
  to.set_link(Utf8(from.link));
  to.set_starts_at(Utf8(from.starts_at));
  to.set_ends_at(Utf8(from.ends_at));
  ToProtoList(from.labels, *to.mutable_labels());
  ToProtoList(from.annotations, *to.mutable_annotations());
  ToProto(from.firing_when, *to.mutable_firing_when());
  ToProto(from.resolved_when, *to.mutable_resolved_when());
  ToProto(from.acknowledged_when, *to.mutable_acknowledged_when());
  ToProto(from.ignored_when, *to.mutable_ignored_when());
  ToProtoList(from.severities, *to.mutable_severities());
}

absl::Status FromProto(const v1::FieldMapping& from, FieldMapping& to) {
  Decode decode;
  to.each = from.each();
  to.key = from.key();
  to.status = from.status();
  to.severity = from.severity();
  to.title = from.title();
  to.description = from.description();
  to.link = from.link();
  to.starts_at = from.starts_at();
  to.ends_at = from.ends_at();
  decode.List("labels", from.labels(), to.labels);
  decode.List("annotations", from.annotations(), to.annotations);
  FromProto(from.firing_when(), to.firing_when);
  FromProto(from.resolved_when(), to.resolved_when);
  FromProto(from.acknowledged_when(), to.acknowledged_when);
  FromProto(from.ignored_when(), to.ignored_when);
  decode.List("severities", from.severities(), to.severities);
  return decode.status();
}

void ToProto(const MailRule& from, v1::MailRule& to) {
  to.set_from(Utf8(from.from));
  to.set_subject(Utf8(from.subject));
  to.set_body(Utf8(from.body));
  to.set_action(ToProto(from.action));
  to.set_key(Utf8(from.key));
  to.set_severity(Utf8(from.severity));
  ToProtoList(from.labels, *to.mutable_labels());
}

absl::Status FromProto(const v1::MailRule& from, MailRule& to) {
  Decode decode;
  to.from = from.from();
  to.subject = from.subject();
  to.body = from.body();
  decode.Take("action", from.action(), to.action);
  to.key = from.key();
  to.severity = from.severity();
  decode.List("labels", from.labels(), to.labels);
  return decode.status();
}

void ToProto(const Integration& from, v1::Integration& to) {
  to.set_id(Utf8(from.id.value()));
  to.set_source(Utf8(from.source));
  to.set_key_hash(Utf8(from.key_hash));
  ToProtoList(from.labels, *to.mutable_labels());
  PutDuration(from.lease, to, &v1::Integration::mutable_lease);
  to.set_active_alerts(from.active_alerts);
  to.set_signing_secret(Utf8(from.signing_secret));
  ToProto(from.topics, *to.mutable_topics());
  if (from.mapping) ToProto(*from.mapping, *to.mutable_mapping());
  ToProtoList(from.mail_rules, *to.mutable_mail_rules());
}

absl::Status FromProto(const v1::Integration& from, Integration& to) {
  Decode decode;
  to.id = IntegrationId(from.id());
  to.source = from.source();
  to.key_hash = from.key_hash();
  decode.List("labels", from.labels(), to.labels);
  decode.Take("lease", from.lease(), to.lease);
  to.active_alerts = from.active_alerts();
  to.signing_secret = from.signing_secret();
  FromProto(from.topics(), to.topics);
  if (from.has_mapping()) decode.Take("mapping", from.mapping(), to.mapping.emplace());
  decode.List("mail_rules", from.mail_rules(), to.mail_rules);
  return decode.status();
}

void ToProto(const HeartbeatRule& from, v1::HeartbeatRule& to) {
  to.set_id(Utf8(from.id.value()));
  to.set_description(Utf8(from.description));
  PutDuration(from.interval, to, &v1::HeartbeatRule::mutable_interval);
  PutDuration(from.grace, to, &v1::HeartbeatRule::mutable_grace);
  ToProtoList(from.labels, *to.mutable_labels());
  to.set_severity(ToProto(from.severity));
  to.set_summary(Utf8(from.summary));
  to.set_team(Utf8(from.team.value()));
  to.set_enabled(from.enabled);
}

absl::Status FromProto(const v1::HeartbeatRule& from, HeartbeatRule& to) {
  Decode decode;
  to.id = HeartbeatName(from.id());
  to.description = from.description();
  decode.Take("interval", from.interval(), to.interval);
  decode.Take("grace", from.grace(), to.grace);
  decode.List("labels", from.labels(), to.labels);
  decode.Take("severity", from.severity(), to.severity);
  to.summary = from.summary();
  to.team = TeamId(from.team());
  to.enabled = from.enabled();
  return decode.status();
}

}  // namespace tocsin
