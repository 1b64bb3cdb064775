// Signals that are expected.
#include "model/codec/decode.h"
#include "model/codec/response_proto.h"

namespace tocsin {

void ToProto(const Heartbeat& from, v1::Heartbeat& to) {
  to.set_id(from.id.value());
  ToProto(from.rule, *to.mutable_rule());
  to.set_declared(from.declared);
  ToProto(from.tags, *to.mutable_tags());
  to.set_priority(Utf8(from.priority));
  PutTime(from.made_at, to, &v1::Heartbeat::mutable_made_at);
  PutTime(from.last_ping, to, &v1::Heartbeat::mutable_last_ping);
  to.set_heard_engine_ns(from.heard.ns());
  to.set_awaited(from.awaited);
  PutDuration(from.listened, to, &v1::Heartbeat::mutable_listened);
  to.set_checked_engine_ns(from.checked.ns());
  PutTime(from.expired_at, to, &v1::Heartbeat::mutable_expired_at);
  to.set_turns(from.turns);
  to.set_told(from.told);
  to.set_removed(from.removed);
}

absl::Status FromProto(const v1::Heartbeat& from, Heartbeat& to) {
  Decode decode;
  to.id = HeartbeatId(from.id());
  decode.Take("rule", from.rule(), to.rule);
  to.declared = from.declared();
  FromProto(from.tags(), to.tags);
  to.priority = from.priority();
  decode.Take("made_at", from.made_at(), to.made_at);
  decode.Take("last_ping", from.last_ping(), to.last_ping);
  to.heard = EngineTime(from.heard_engine_ns());
  to.awaited = from.awaited();
  decode.Take("listened", from.listened(), to.listened);
  to.checked = EngineTime(from.checked_engine_ns());
  decode.Take("expired_at", from.expired_at(), to.expired_at);
  to.turns = from.turns();
  to.told = from.told();
  to.removed = from.removed();
  return decode.status();
}

}  // namespace tocsin
