// The rows and facts that a storm writes, straight to the wire: what ToProto and a serialised message would give, without the message
// (model/codec/wire.h). Private to model/codec.
#pragma once

#include "model/codec/wire.h"
#include "model/organisation.h"
#include "model/response.h"
#include "model/timeline.h"

namespace tocsin {

void Write(WireWriter& to, const Label& from);
void Write(WireWriter& to, const Matcher& from);
void Write(WireWriter& to, const Subject& from);
void Write(WireWriter& to, const Target& from);

void Write(WireWriter& to, const MessageLimit& from);
void Write(WireWriter& to, const ContactMethod& from);
void Write(WireWriter& to, const NotificationRule& from);
void Write(WireWriter& to, const Threshold& from);
void Write(WireWriter& to, const FlappingRule& from);
void Write(WireWriter& to, const BreakThrough& from);
void Write(WireWriter& to, const AcknowledgementRule& from);
void Write(WireWriter& to, const Route& from);
void Write(WireWriter& to, const PolicyStep& from);
void Write(WireWriter& to, const EscalationPolicy& from);

void Write(WireWriter& to, const AlertSummary& from);
void Write(WireWriter& to, const EventCount& from);
void Write(WireWriter& to, const FiredIn& from);
void Write(WireWriter& to, const BundleMember& from);
void Write(WireWriter& to, const Throttle::Sent& from);
void Write(WireWriter& to, const Group& from);
void Write(WireWriter& to, const Escalation& from);
void Write(WireWriter& to, const Page& from);
void Write(WireWriter& to, const Notification& from);
void Write(WireWriter& to, const Timer& from);
void Write(WireWriter& to, const Throttle& from);
void Write(WireWriter& to, const TimelineEntry& from);

}  // namespace tocsin
