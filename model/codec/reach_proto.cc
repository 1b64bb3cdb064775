// Which contact methods reach their people, and how that is found out.
#include "model/codec/decode.h"
#include "model/codec/organisation_proto.h"
#include "model/codec/response_proto.h"

namespace tocsin {

void ToProto(const SelfTests& from, v1::SelfTests& to) {
  to.set_enabled(from.enabled);
  PutDuration(from.interval, to, &v1::SelfTests::mutable_interval);
  to.set_at_creation(from.at_creation);
  to.set_at_shift_start(from.at_shift_start);
  to.set_widen_steps(from.widen_steps);
}

absl::Status FromProto(const v1::SelfTests& from, SelfTests& to) {
  Decode decode;
  to.enabled = from.enabled();
  to.interval = absl::ZeroDuration();
  if (from.has_interval()) decode.Take("interval", from.interval(), to.interval);
  to.at_creation = from.at_creation();
  to.at_shift_start = from.at_shift_start();
  to.widen_steps = from.widen_steps();
  return decode.status();
}

void ToProto(const ContactReach& from, v1::ContactReach& to) {
  to.set_id(from.id.value());
  to.set_user(Utf8(from.user.value()));
  to.set_method(Utf8(from.method.value()));
  to.set_kind(ToProto(from.kind));
  PutTime(from.tried_at, to, &v1::ContactReach::mutable_tried_at);
  PutTime(from.accepted_at, to, &v1::ContactReach::mutable_accepted_at);
  PutTime(from.delivered_at, to, &v1::ContactReach::mutable_delivered_at);
  PutTime(from.confirmed_at, to, &v1::ContactReach::mutable_confirmed_at);
  PutTime(from.failed_at, to, &v1::ContactReach::mutable_failed_at);
  to.set_failure(Utf8(from.failure));
  to.set_failing(from.failing);
  to.set_undelivered(from.undelivered);
  PutTime(from.asked_at, to, &v1::ContactReach::mutable_asked_at);
  to.set_unconfirmed(from.unconfirmed);
  to.set_reported(from.reported);
  PutTime(from.since, to, &v1::ContactReach::mutable_since);
}

absl::Status FromProto(const v1::ContactReach& from, ContactReach& to) {
  Decode decode;
  decode.Require("id", from.id() != 0);
  to.id = ContactReachId(from.id());
  to.user = UserId(from.user());
  to.method = ContactMethodId(from.method());
  decode.Take("kind", from.kind(), to.kind);
  decode.Take("tried_at", from.tried_at(), to.tried_at);
  decode.Take("accepted_at", from.accepted_at(), to.accepted_at);
  decode.Take("delivered_at", from.delivered_at(), to.delivered_at);
  decode.Take("confirmed_at", from.confirmed_at(), to.confirmed_at);
  decode.Take("failed_at", from.failed_at(), to.failed_at);
  to.failure = from.failure();
  to.failing = from.failing();
  to.undelivered = from.undelivered();
  decode.Take("asked_at", from.asked_at(), to.asked_at);
  to.unconfirmed = from.unconfirmed();
  to.reported = from.reported();
  decode.Take("since", from.since(), to.since);
  return decode.status();
}

}  // namespace tocsin
