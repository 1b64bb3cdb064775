// What things are called. Numbers are given out by the engine, names by the organisation's YAML.
#pragma once

#include "base/hash.h"
#include "base/strong_id.h"

namespace tocsin {

// Given out by the responder, in sequence, never reused. People write them with a letter: G17, E4, P9, N23, I3, S5.
using GroupId = StrongId<struct GroupTag>;                // one episode of a group: opened, paged, resolved
using EscalationId = StrongId<struct EscalationTag>;      // one run of a policy
using PageId = StrongId<struct PageTag>;                  // one person to be reached because of one step
using NotificationId = StrongId<struct NotificationTag>;  // one message of a page on one contact method
using IncidentId = StrongId<struct IncidentTag>;
using SilenceId = StrongId<struct SilenceTag>;
using TimerId = StrongId<struct TimerTag>;
using ThrottleId = StrongId<struct ThrottleTag>;
using RoundId = StrongId<struct RoundTag>;
using AnswerId = StrongId<struct AnswerTag>;
using TokenId = StrongId<struct TokenTag>;  // T5
using AccountId = StrongId<struct AccountTag>;
using AuditId = StrongId<struct AuditTag>;
using ScheduleEditionId = StrongId<struct ScheduleEditionTag>;
using ScheduleChangeId = StrongId<struct ScheduleChangeTag>;  // O12
using ScheduleWatchId = StrongId<struct ScheduleWatchTag>;
using ChangeEventId = StrongId<struct ChangeEventTag>;
using HeartbeatId = StrongId<struct HeartbeatTag>;
using OpsgenieAlertId = StrongId<struct OpsgenieAlertTag>;  // its tiny id
using OpsgenieRequestId = StrongId<struct OpsgenieRequestTag>;
// Counts the organisations that were applied.
using ConfigurationId = StrongId<struct ConfigurationTag>;

// Hash of a route's name and the group's labels: the same group in every shard, episode and process. Never zero.
using GroupKey = StrongId<struct GroupKeyTag>;

// An entry's number in the journal; the first is 1.
using Sequence = StrongId<struct SequenceTag>;
// Counts the times somebody took the lead of the journal: one more at each start. A fencing token.
using Epoch = StrongId<struct EpochTag>;
// Counts the states of a group or an incident; a command or timer that carries an older one is stale.
using Generation = StrongId<struct GenerationTag>;
// Counts organisation and silence snapshots that the shards have been given.
using RulesVersion = StrongId<struct RulesVersionTag>;

using UserId = StrongName<struct UserTag>;
using TeamId = StrongName<struct TeamTag>;
using ScheduleId = StrongName<struct ScheduleTag>;
using LayerId = StrongName<struct LayerTag>;
using HolidaysId = StrongName<struct HolidaysTag>;  // of a calendar of holidays
using PolicyId = StrongName<struct PolicyTag>;
using ServiceId = StrongName<struct ServiceTag>;
using IntegrationId = StrongName<struct IntegrationTag>;
using HeartbeatName = StrongName<struct HeartbeatNameTag>;
using RouteId = StrongName<struct RouteTag>;  // a route's `id`, or its path in the tree: "root/1/0"
using ReceiverId = StrongName<struct ReceiverTag>;
using IncidentRuleId = StrongName<struct IncidentRuleTag>;
using InhibitionRuleId = StrongName<struct InhibitionRuleTag>;
using TimeIntervalId = StrongName<struct TimeIntervalTag>;
using MaintenanceId = StrongName<struct MaintenanceTag>;  // of a window that is declared in YAML
using ContactMethodId = StrongName<struct ContactMethodTag>;

// Identity of an alert: hash of the integration's scope and its dedup key (default: all labels). See model/event.h.
using AlertKey = Hash128;

}  // namespace tocsin
