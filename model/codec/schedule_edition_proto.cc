// What has become of schedules: editions, what people have changed, and what they were told.
#include "model/codec/decode.h"
#include "model/codec/enum_proto.h"
#include "model/codec/response_proto.h"

namespace tocsin {

TOCSIN_ENUM_PROTO(ScheduleChange::State,
                  v1::ScheduleChange::State,
                  0,
                  1,
                  ScheduleChange::State::kWithdrawn,
                  v1::ScheduleChange::State_MAX);

static void ToProto(const FormerPerson& from, v1::FormerPerson& to) {
  to.set_id(Utf8(from.id.value()));
  to.set_name(Utf8(from.name));
  to.set_time_zone(Utf8(from.time_zone));
}

static absl::Status FromProto(const v1::FormerPerson& from, FormerPerson& to) {
  to.id = UserId(from.id());
  to.name = from.name();
  to.time_zone = from.time_zone();
  return absl::OkStatus();
}

void ToProto(const ScheduleEdition& from, v1::ScheduleEdition& to) {
  to.set_id(from.id.value());
  ToProto(from.schedule, *to.mutable_schedule());
  ToProto(from.since, *to.mutable_since());
  ToProto(from.until, *to.mutable_until());
  ToProtoList(from.teams, *to.mutable_teams());
  ToProtoList(from.holidays, *to.mutable_holidays());
  ToProtoList(from.people, *to.mutable_people());
  to.set_ended_by(from.ended_by.value());
  to.set_ended_actor(Utf8(from.ended_actor));
  ToProto(from.changes, *to.mutable_changes());
}

absl::Status FromProto(const v1::ScheduleEdition& from, ScheduleEdition& to) {
  Decode decode;
  decode.Require("id", from.id() != 0);
  to.id = ScheduleEditionId(from.id());
  decode.Require("since", from.has_since());
  decode.Require("until", from.has_until());
  decode.Take("schedule", from.schedule(), to.schedule);
  decode.Take("since", from.since(), to.since);
  decode.Take("until", from.until(), to.until);
  decode.List("teams", from.teams(), to.teams);
  decode.List("holidays", from.holidays(), to.holidays);
  decode.List("people", from.people(), to.people);
  to.ended_by = ConfigurationId(from.ended_by());
  to.ended_actor = from.ended_actor();
  FromProto(from.changes(), to.changes);
  return decode.status();
}

void ToProto(const ScheduleChange& from, v1::ScheduleChange& to) {
  to.set_id(from.id.value());
  to.set_schedule(Utf8(from.schedule.value()));
  to.set_state(ToProto(from.state));
  ToProto(from.change, *to.mutable_change());
  to.set_asked(from.asked);
  ToProto(from.of, *to.mutable_of());
  ToProto(from.volunteers, *to.mutable_volunteers());
  PutTime(from.created_at, to, &v1::ScheduleChange::mutable_created_at);
  PutTime(from.settled_at, to, &v1::ScheduleChange::mutable_settled_at);
  to.set_settled_by(Utf8(from.settled_by));
}

absl::Status FromProto(const v1::ScheduleChange& from, ScheduleChange& to) {
  Decode decode;
  decode.Require("id", from.id() != 0);
  to.id = ScheduleChangeId(from.id());
  to.schedule = ScheduleId(from.schedule());
  decode.Take("state", from.state(), to.state);
  decode.Take("change", from.change(), to.change);
  to.asked = from.asked();
  FromProto(from.of(), to.of);
  FromProto(from.volunteers(), to.volunteers);
  decode.Take("created_at", from.created_at(), to.created_at);
  decode.Take("settled_at", from.settled_at(), to.settled_at);
  to.settled_by = from.settled_by();
  return decode.status();
}

static void ToProto(const ScheduleWatch::ToldGap& from, v1::ScheduleWatch::ToldGap& to) {
  ToProto(from.start, *to.mutable_start());
  ToProto(from.end, *to.mutable_end());
}

static absl::Status FromProto(const v1::ScheduleWatch::ToldGap& from, ScheduleWatch::ToldGap& to) {
  Decode decode;
  decode.Require("start", from.has_start());
  decode.Require("end", from.has_end());
  decode.Take("start", from.start(), to.start);
  decode.Take("end", from.end(), to.end);
  return decode.status();
}

void ToProto(const ScheduleWatch& from, v1::ScheduleWatch& to) {
  to.set_id(from.id.value());
  to.set_schedule(Utf8(from.schedule.value()));
  PutTime(from.seen, to, &v1::ScheduleWatch::mutable_seen);
  ToProtoList(from.gaps_told, *to.mutable_gaps_told());
}

absl::Status FromProto(const v1::ScheduleWatch& from, ScheduleWatch& to) {
  Decode decode;
  decode.Require("id", from.id() != 0);
  to.id = ScheduleWatchId(from.id());
  to.schedule = ScheduleId(from.schedule());
  decode.Take("seen", from.seen(), to.seen);
  decode.List("gaps_told", from.gaps_told(), to.gaps_told);
  return decode.status();
}

}  // namespace tocsin
