// Between the responder's rows and proto/tocsin/v1/response.proto. Rules: model/codec/common_proto.h.
//
// ToProto copies everything, contact methods' secrets and acknowledge links included: that is what the disk needs. Before a
// message is shown, Redact takes them out.
#pragma once

#include "absl/status/status.h"

#include "model/codec/common_proto.h"
#include "model/codec/organisation_proto.h"
#include "model/report.h"
#include "model/response.h"
#include "model/schedule_edition.h"
#include "model/silence.h"
#include "model/timeline.h"
#include "tocsin/v1/reach.pb.h"
#include "tocsin/v1/response.pb.h"

namespace tocsin {

v1::Group::State ToProto(Group::State from);
v1::Escalation::State ToProto(Escalation::State from);
v1::Page::State ToProto(Page::State from);
v1::Escalation::Wait ToProto(Escalation::Wait from);
v1::Page::Until ToProto(Page::Until from);
absl::Status FromProto(v1::Escalation::Wait from, Escalation::Wait& to);
absl::Status FromProto(v1::Page::Until from, Page::Until& to);
v1::Notification::State ToProto(Notification::State from);
v1::Notification::Lane ToProto(Notification::Lane from);
v1::Notification::Purpose ToProto(Notification::Purpose from);
v1::Incident::State ToProto(Incident::State from);
v1::Timer::Kind ToProto(Timer::Kind from);
v1::TimelineEntry::Kind ToProto(TimelineEntry::Kind from);
v1::ScheduleChange::State ToProto(ScheduleChange::State from);
absl::Status FromProto(v1::Group::State from, Group::State& to);
absl::Status FromProto(v1::Escalation::State from, Escalation::State& to);
absl::Status FromProto(v1::Page::State from, Page::State& to);
absl::Status FromProto(v1::Notification::State from, Notification::State& to);
absl::Status FromProto(v1::Notification::Lane from, Notification::Lane& to);
absl::Status FromProto(v1::Notification::Purpose from, Notification::Purpose& to);
absl::Status FromProto(v1::Incident::State from, Incident::State& to);
absl::Status FromProto(v1::Timer::Kind from, Timer::Kind& to);
absl::Status FromProto(v1::TimelineEntry::Kind from, TimelineEntry::Kind& to);
absl::Status FromProto(v1::ScheduleChange::State from, ScheduleChange::State& to);

void ToProto(const AlertSummary& from, v1::AlertSummary& to);
void ToProto(const Group& from, v1::Group& to);
void ToProto(const Escalation& from, v1::Escalation& to);
void ToProto(const Page& from, v1::Page& to);
void ToProto(const Notification& from, v1::Notification& to);
void ToProto(const Incident& from, v1::Incident& to);
void ToProto(const Silence& from, v1::Silence& to);
void ToProto(const Timer& from, v1::Timer& to);
void ToProto(const Throttle& from, v1::Throttle& to);
void ToProto(const Round& from, v1::Round& to);
void ToProto(const ScheduleEdition& from, v1::ScheduleEdition& to);
void ToProto(const ScheduleChange& from, v1::ScheduleChange& to);
void ToProto(const ScheduleWatch& from, v1::ScheduleWatch& to);
void ToProto(const ChangeEvent& from, v1::ChangeEvent& to);
void ToProto(const Heartbeat& from, v1::Heartbeat& to);
void ToProto(const OpsgenieAlert& from, v1::OpsgenieAlert& to);
void ToProto(const OpsgenieRequest& from, v1::OpsgenieRequest& to);
void ToProto(const ContactReach& from, v1::ContactReach& to);
void ToProto(const TimelineEntry& from, v1::TimelineEntry& to);
absl::Status FromProto(const v1::AlertSummary& from, AlertSummary& to);
absl::Status FromProto(const v1::Group& from, Group& to);
absl::Status FromProto(const v1::Escalation& from, Escalation& to);
absl::Status FromProto(const v1::Page& from, Page& to);
absl::Status FromProto(const v1::Notification& from, Notification& to);
absl::Status FromProto(const v1::Incident& from, Incident& to);
absl::Status FromProto(const v1::Silence& from, Silence& to);
absl::Status FromProto(const v1::Timer& from, Timer& to);
absl::Status FromProto(const v1::Throttle& from, Throttle& to);
absl::Status FromProto(const v1::Round& from, Round& to);
absl::Status FromProto(const v1::ScheduleEdition& from, ScheduleEdition& to);
absl::Status FromProto(const v1::ScheduleChange& from, ScheduleChange& to);
absl::Status FromProto(const v1::ScheduleWatch& from, ScheduleWatch& to);
absl::Status FromProto(const v1::ChangeEvent& from, ChangeEvent& to);
absl::Status FromProto(const v1::Heartbeat& from, Heartbeat& to);
absl::Status FromProto(const v1::OpsgenieAlert& from, OpsgenieAlert& to);
absl::Status FromProto(const v1::OpsgenieRequest& from, OpsgenieRequest& to);
absl::Status FromProto(const v1::ContactReach& from, ContactReach& to);
absl::Status FromProto(const v1::TimelineEntry& from, TimelineEntry& to);

// Takes out what would let a reader act for somebody: the method's secret, the acknowledge link.
void Redact(v1::Notification& notification);

}  // namespace tocsin
