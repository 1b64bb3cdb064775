// Receivers that are told exactly when Alertmanager would tell them (Receiver::drop_resolved_when_held, as_alertmanager in
// YAML; specs: wire-compat 1.9).
//
//   alerts come ──group_wait──▶ flush ──group_interval──▶ flush ──▶ ... ──▶ the first flush at which nothing fires
//
// Nothing is told between two flushes, that all has resolved neither: the flushes of a group go on until it has been told,
// and an alert that fires again before then is the same group's. At a flush its receiver is told of each alert by itself:
// shards list all of them in the reports of such groups (see Shard::Impl::ReportOf). What is silenced, inhibited or muted at
// a flush is not there.
//
// The log of what is known is the last message: a webhook's body names each alert. It is a row, so that a restart forgets
// nothing. Receivers without webhooks are taken to know all that fired before they were last told.
#pragma once

#include <string_view>

#include "engine/responder_turn.h"

namespace tocsin {

bool IsToldByFlush(const Organisation* organisation, const ReceiverId& receiver);
inline bool IsToldByFlush(const Turn& turn, const Group& group) {
  return IsToldByFlush(turn.organisation(), group.route.receiver);
}

// Receivers of tocsin's own kind: told what has changed since they were told last, and at once when all has resolved.
// `pressing`: why it is told now whatever its log says; empty: as its log says.
void TellReceiver(Turn& turn, Group& group, std::string_view pressing);

// After a start: whether a flush that is due now would not know what to tell.
bool WaitsForShards(const Turn& turn, const Group& group);
// A flush, whatever the state of the group: tells its receiver what the log says.
void TellByFlush(Turn& turn, Group& group);

// Whether a flush of the group is still to come.
bool HasFlushAhead(const Turn& turn, GroupId id);

}  // namespace tocsin
