// Alerts and requests of the Opsgenie API.
#include <limits>

#include "model/codec/decode.h"
#include "model/codec/response_proto.h"

namespace tocsin {

static void ToProto(const OpsgenieResponder& from, v1::OpsgenieAlert::Responder& to) {
  to.set_type(Utf8(from.type));
  to.set_id(Utf8(from.id));
  to.set_name(Utf8(from.name));
}

static absl::Status FromProto(const v1::OpsgenieAlert::Responder& from, OpsgenieResponder& to) {
  to.type = from.type();
  to.id = from.id();
  to.name = from.name();
  return absl::OkStatus();
}

static void ToProto(const OpsgenieNote& from, v1::OpsgenieAlert::Note& to) {
  PutTime(from.at, to, &v1::OpsgenieAlert::Note::mutable_at);
  to.set_owner(Utf8(from.owner));
  to.set_text(Utf8(from.text));
  to.set_offset(from.offset);
}

static absl::Status FromProto(const v1::OpsgenieAlert::Note& from, OpsgenieNote& to) {
  Decode decode;
  decode.Take("at", from.at(), to.at);
  to.owner = from.owner();
  to.text = from.text();
  to.offset = from.offset();
  return decode.status();
}

static void PutContent(const OpsgenieAlert& from, v1::OpsgenieAlert& to) {
  to.set_id(from.id.value());
  to.set_uuid(Utf8(from.uuid));
  to.set_alias(Utf8(from.alias));
  to.set_message(Utf8(from.message));
  to.set_description(Utf8(from.description));
  ToProto(from.tags, *to.mutable_tags());
  ToProtoList(from.details, *to.mutable_details());
  to.set_entity(Utf8(from.entity));
  to.set_source(Utf8(from.source));
  to.set_user(Utf8(from.user));
  to.set_priority(from.priority);
  ToProtoList(from.responders, *to.mutable_responders());
  ToProtoList(from.visible_to, *to.mutable_visible_to());
  ToProto(from.actions, *to.mutable_actions());
  ToProtoList(from.notes, *to.mutable_notes());
  ToProtoList(from.log, *to.mutable_log());
  to.set_notes_made(from.notes_made);
  to.set_logged(from.logged);
  to.set_integration(Utf8(from.integration.value()));
  ToProtoList(from.labels, *to.mutable_labels());
  for (const GroupKey group : from.groups)
    to.add_groups(group.value());
}

void ToProto(const OpsgenieAlert& from, v1::OpsgenieAlert& to) {
  PutContent(from, to);
  to.set_count(from.count);
  PutTime(from.created_at, to, &v1::OpsgenieAlert::mutable_created_at);
  PutTime(from.updated_at, to, &v1::OpsgenieAlert::mutable_updated_at);
  PutTime(from.last_occurred_at, to, &v1::OpsgenieAlert::mutable_last_occurred_at);
  to.set_occurred_engine_ns(from.occurred.ns());
  to.set_owner(Utf8(from.owner));
  to.set_owner_team(Utf8(from.owner_team));
  to.set_seen(from.seen);
  to.set_acknowledged(from.acknowledged);
  PutTime(from.acknowledged_at, to, &v1::OpsgenieAlert::mutable_acknowledged_at);
  to.set_acknowledged_by(Utf8(from.acknowledged_by));
  to.set_by_group(from.by_group);
  to.set_snoozed(from.snoozed);
  PutTime(from.snoozed_until, to, &v1::OpsgenieAlert::mutable_snoozed_until);
  to.set_closed(from.closed);
  PutTime(from.closed_at, to, &v1::OpsgenieAlert::mutable_closed_at);
  to.set_closed_by(Utf8(from.closed_by));
}

static void TakeContent(Decode& decode, const v1::OpsgenieAlert& from, OpsgenieAlert& to) {
  to.id = OpsgenieAlertId(from.id());
  to.uuid = from.uuid();
  to.alias = from.alias();
  to.message = from.message();
  to.description = from.description();
  FromProto(from.tags(), to.tags);
  decode.List("details", from.details(), to.details);
  to.entity = from.entity();
  to.source = from.source();
  to.user = from.user();
  if (from.priority() > std::numeric_limits<std::uint8_t>::max()) decode.Fail("priority", "not 1 to 5");
  to.priority = static_cast<std::uint8_t>(from.priority());
  decode.List("responders", from.responders(), to.responders);
  decode.List("visible_to", from.visible_to(), to.visible_to);
  FromProto(from.actions(), to.actions);
  decode.List("notes", from.notes(), to.notes);
  decode.List("log", from.log(), to.log);
  to.notes_made = from.notes_made();
  to.logged = from.logged();
  to.integration = IntegrationId(from.integration());
  decode.List("labels", from.labels(), to.labels);
  to.groups.clear();
  for (const std::uint64_t group : from.groups())
    to.groups.emplace_back(group);
}

absl::Status FromProto(const v1::OpsgenieAlert& from, OpsgenieAlert& to) {
  Decode decode;
  TakeContent(decode, from, to);
  to.count = from.count();
  decode.Take("created_at", from.created_at(), to.created_at);
  decode.Take("updated_at", from.updated_at(), to.updated_at);
  decode.Take("last_occurred_at", from.last_occurred_at(), to.last_occurred_at);
  to.occurred = EngineTime(from.occurred_engine_ns());
  to.owner = from.owner();
  to.owner_team = from.owner_team();
  to.seen = from.seen();
  to.acknowledged = from.acknowledged();
  decode.Take("acknowledged_at", from.acknowledged_at(), to.acknowledged_at);
  to.acknowledged_by = from.acknowledged_by();
  to.by_group = from.by_group();
  to.snoozed = from.snoozed();
  decode.Take("snoozed_until", from.snoozed_until(), to.snoozed_until);
  to.closed = from.closed();
  decode.Take("closed_at", from.closed_at(), to.closed_at);
  to.closed_by = from.closed_by();
  return decode.status();
}

void ToProto(const OpsgenieRequest& from, v1::OpsgenieRequest& to) {
  to.set_id(from.id.value());
  to.set_request(Utf8(from.request));
  to.set_integration(Utf8(from.integration.value()));
  to.set_action(Utf8(from.action));
  to.set_success(from.success);
  to.set_status(Utf8(from.status));
  to.set_alert(Utf8(from.alert));
  to.set_alias(Utf8(from.alias));
  PutTime(from.at, to, &v1::OpsgenieRequest::mutable_at);
}

absl::Status FromProto(const v1::OpsgenieRequest& from, OpsgenieRequest& to) {
  Decode decode;
  to.id = OpsgenieRequestId(from.id());
  to.request = from.request();
  to.integration = IntegrationId(from.integration());
  to.action = from.action();
  to.success = from.success();
  to.status = from.status();
  to.alert = from.alert();
  to.alias = from.alias();
  decode.Take("at", from.at(), to.at);
  return decode.status();
}

}  // namespace tocsin
