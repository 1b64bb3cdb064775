// Messages to people: notifications, what a bundle names, what their limits count.
#include "absl/strings/str_replace.h"

#include "model/codec/decode.h"
#include "model/codec/enum_proto.h"
#include "model/codec/response_proto.h"

namespace tocsin {

TOCSIN_ENUM_PROTO(
    Notification::State, v1::Notification::State, 0, 1, Notification::State::kHeld, v1::Notification::State_MAX);
TOCSIN_ENUM_PROTO(
    Notification::Lane, v1::Notification::Lane, 1, 1, Notification::Lane::kRest, v1::Notification::Lane_MAX);
TOCSIN_ENUM_PROTO(Notification::Purpose,
                  v1::Notification::Purpose,
                  0,
                  1,
                  Notification::Purpose::kNotice,
                  v1::Notification::Purpose_MAX);

static void ToProto(const BundleMember& from, v1::BundleMember& to) {
  to.set_notification(from.notification.value());
  ToProto(from.subject, *to.mutable_subject());
}

static absl::Status FromProto(const v1::BundleMember& from, BundleMember& to) {
  Decode decode;
  to.notification = NotificationId(from.notification());
  decode.Take("subject", from.subject(), to.subject);
  return decode.status();
}

void ToProto(const Notification& from, v1::Notification& to) {
  to.set_id(from.id.value());
  to.set_page(from.page.value());
  ToProto(from.subject, *to.mutable_subject());
  to.set_user(Utf8(from.user.value()));
  to.set_receiver(Utf8(from.receiver.value()));
  ToProto(from.method, *to.mutable_method());
  to.set_purpose(ToProto(from.purpose));
  to.set_lane(ToProto(from.lane));
  to.set_state(ToProto(from.state));
  to.set_due_engine_ns(from.due.ns());
  to.set_lease_until_engine_ns(from.lease_until.ns());
  to.set_attempt(from.attempt);
  to.set_repeat(from.repeat);
  to.set_idempotency_key(Utf8(from.idempotency_key));
  to.set_provider_id(Utf8(from.provider_id));
  to.set_last_error(Utf8(from.last_error));
  to.set_end_reason(Utf8(from.end_reason));
  PutTime(from.created_at, to, &v1::Notification::mutable_created_at);
  PutTime(from.accepted_at, to, &v1::Notification::mutable_accepted_at);
  to.set_title(Utf8(from.title));
  to.set_body(Utf8(from.body));
  to.set_acknowledge_url(Utf8(from.acknowledge_url));
  to.set_bundle(from.bundle.value());
  ToProtoList(from.members, *to.mutable_members());
  to.set_rewrites(Utf8(from.rewrites));
  to.set_goes_on(from.goes_on);
  PutTime(from.delivered_at, to, &v1::Notification::mutable_delivered_at);
  to.set_unconfirmed(from.unconfirmed);
  to.set_provider(from.provider);
  to.set_failed_by(from.failed_by);
}

absl::Status FromProto(const v1::Notification& from, Notification& to) {
  Decode decode;
  decode.Require("id", from.id() != 0);
  to.id = NotificationId(from.id());
  to.page = PageId(from.page());
  decode.Take("subject", from.subject(), to.subject);
  to.user = UserId(from.user());
  to.receiver = ReceiverId(from.receiver());
  decode.Require("method", from.has_method());
  decode.Take("method", from.method(), to.method);
  decode.Take("purpose", from.purpose(), to.purpose);
  decode.Take("lane", from.lane(), to.lane);
  decode.Take("state", from.state(), to.state);
  to.due = EngineTime(from.due_engine_ns());
  to.lease_until = EngineTime(from.lease_until_engine_ns());
  to.attempt = from.attempt();
  to.repeat = from.repeat();
  to.idempotency_key = from.idempotency_key();
  to.provider_id = from.provider_id();
  to.last_error = from.last_error();
  to.end_reason = from.end_reason();
  decode.Take("created_at", from.created_at(), to.created_at);
  decode.Take("accepted_at", from.accepted_at(), to.accepted_at);
  to.title = from.title();
  to.body = from.body();
  to.acknowledge_url = from.acknowledge_url();
  to.bundle = NotificationId(from.bundle());
  decode.List("members", from.members(), to.members);
  to.rewrites = from.rewrites();
  to.goes_on = from.goes_on();
  decode.Take("delivered_at", from.delivered_at(), to.delivered_at);
  to.unconfirmed = from.unconfirmed();
  to.provider = from.provider();
  to.failed_by = from.failed_by();
  return decode.status();
}
static void ToProto(const Throttle::Sent& from, v1::Throttle::Sent& to) {
  to.set_at_engine_ns(from.at.ns());
  to.set_lane(ToProto(from.lane));
  to.set_topic(Utf8(from.topic));
  to.set_notification(from.notification.value());
}

static absl::Status FromProto(const v1::Throttle::Sent& from, Throttle::Sent& to) {
  Decode decode;
  to.at = EngineTime(from.at_engine_ns());
  decode.Take("lane", from.lane(), to.lane);
  to.topic = from.topic();
  to.notification = NotificationId(from.notification());
  return decode.status();
}

void ToProto(const Round& from, v1::Round& to) {
  to.set_id(from.id.value());
  to.set_policy(Utf8(from.policy.value()));
  to.set_step(from.step);
  to.set_last(Utf8(from.last.value()));
}

absl::Status FromProto(const v1::Round& from, Round& to) {
  Decode decode;
  decode.Require("id", from.id() != 0);
  to.id = RoundId(from.id());
  to.policy = PolicyId(from.policy());
  to.step = from.step();
  to.last = UserId(from.last());
  return decode.status();
}

void ToProto(const Throttle& from, v1::Throttle& to) {
  to.set_id(from.id.value());
  to.set_kind(ToProto(from.kind));
  to.set_address(Utf8(from.address));
  ToProtoList(from.sent, *to.mutable_sent());
}

absl::Status FromProto(const v1::Throttle& from, Throttle& to) {
  Decode decode;
  decode.Require("id", from.id() != 0);
  to.id = ThrottleId(from.id());
  decode.Take("kind", from.kind(), to.kind);
  to.address = from.address();
  decode.List("sent", from.sent(), to.sent);
  return decode.status();
}
void Redact(v1::Notification& notification) {
  notification.mutable_method()->clear_secret();
  // The text has the link, too; a provider's answer may repeat the text.
  if (const std::string& link = notification.acknowledge_url(); !link.empty()) {
    for (std::string* text :
         {notification.mutable_title(), notification.mutable_body(), notification.mutable_last_error()})
      absl::StrReplaceAll(
          {
              {link, "(link)"}
      },
          text);
  }
  notification.clear_acknowledge_url();
}

}  // namespace tocsin
