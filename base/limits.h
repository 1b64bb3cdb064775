// Every bound that outsiders can run into, with its reason. Queues and buffers that are private to one file have theirs
// there.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace tocsin::limits {

// What one alert may carry (specs: reliability D2, D7).
inline constexpr std::size_t kLabelsPerAlert = 64;
inline constexpr std::size_t kAnnotationsPerAlert = 64;
inline constexpr std::size_t kLabelNameBytes = 256;
inline constexpr std::size_t kLabelValueBytes = 4096;
inline constexpr std::size_t kAnnotationBytes = 16 * 1024;
inline constexpr std::size_t kDedupKeyBytes = 1024;
inline constexpr std::size_t kEventBytes = 64 * 1024;  // all labels and annotations of one event together

// What one message may carry. gRPC's default receive cap is also 4 MiB.
inline constexpr std::size_t kBatchBytes = 4 * 1024 * 1024;
inline constexpr std::size_t kEventsPerBatch = 10'000;
inline constexpr std::size_t kBodyBytes = kBatchBytes;
inline constexpr std::size_t kHeaderBytes = 16 * 1024;
inline constexpr int kJsonDepth = 32;
inline constexpr int kInflateRatio = 100;

// A shard's ring: what has been taken from the network and not yet been folded. Refusal starts when it is full.
inline constexpr std::size_t kShardRingBytes = 64 * 1024 * 1024;
inline constexpr std::size_t kShardRingSlots = 1 << 14;
static_assert(std::has_single_bit(kShardRingBytes) && std::has_single_bit(kShardRingSlots), "rings mask, not divide");
static_assert(kShardRingBytes >= 8 * kBatchBytes, "one full batch must never be able to fill a ring");

// And the ring beside it, for integrations that have little under way: it is emptied first (model/shares.h).
inline constexpr std::size_t kQuickRingBytes = 8 * 1024 * 1024;
inline constexpr std::size_t kQuickRingSlots = 1 << 13;

// One journal entry's body; larger decisions are several entries of one commit, and together at most so many bytes.
inline constexpr std::size_t kJournalEntryBytes = 1024 * 1024;
inline constexpr std::size_t kChangeBytes = 256 * 1024 * 1024;

// Groups list at most so many of their alerts in a report, a page and a notification; the rest is a count.
inline constexpr std::size_t kExemplarsPerGroup = 10;

// Access tokens that are valid or have run out within the last month.
inline constexpr std::size_t kTokens = 10'000;

inline constexpr std::size_t kSilences = 10'000;
inline constexpr std::size_t kMatchersPerSilence = 32;
inline constexpr int kRegexBytes = 4096;
inline constexpr std::size_t kSilenceRegexBytes = 256 * 1024;  // of all silences together

// What else holds back. Every alert is looked at by all rules of inhibition, every muted group by its intervals.
inline constexpr std::size_t kInhibitionRules = 1000;
inline constexpr std::size_t kTimeIntervals = 1000;
inline constexpr std::size_t kRecurringTimes = 100;  // of one interval, and items of one field

// Schedules. A schedule may hold a schedule that holds a schedule ... so many times; and one answer may have to look at so
// many schedules in all, each counted as often as it is reached.
inline constexpr int kScheduleNesting = 4;
inline constexpr std::int64_t kScheduleVisits = 256;
inline constexpr std::size_t kLayersPerSchedule = 64;
inline constexpr std::size_t kParticipantsPerLayer = 1000;
inline constexpr std::size_t kRestrictionsPerLayer = 32;
inline constexpr std::size_t kTargetsPerParticipant = 256;
inline constexpr std::size_t kOverridesPerSchedule = 10'000;
inline constexpr std::size_t kFixedShiftsPerSchedule = 10'000;
inline constexpr std::int32_t kRotationLength = 10'000;
inline constexpr std::size_t kOccurrences = 200'000;         // of one recurrence that is not periodic
inline constexpr std::size_t kRecurrenceExceptions = 1'000;  // and as many additions
inline constexpr std::size_t kHolidaysPerCalendar = 1'000;
// What is kept beside the declared schedules. A layer's versions count as layers where one takes over from another later; how
// schedules were before they were edited, and overrides that are over, are kept so long and so many: the oldest go first.
inline constexpr std::size_t kLayerVersionsPerSchedule = 2 * kLayersPerSchedule;
inline constexpr std::size_t kScheduleEditions = 2'000;  // that are over, of all schedules
inline constexpr std::size_t kEditionsPerSchedule = 200;
inline constexpr int kEditionDays = 3 * 366;
inline constexpr std::size_t kEditionBytes = kJournalEntryBytes - 64 * 1024;  // an edition is one row
inline constexpr std::size_t kScheduleChanges = 10'000;
inline constexpr int kScheduleChangeDays = kEditionDays;
inline constexpr std::size_t kPeoplePerScheduleChange = 100;  // and as many volunteers
// What one question for a range may cost.
inline constexpr int kScheduleRangeDays = 10 * 366;
inline constexpr std::int64_t kScheduleBoundaries = 200'000;

// Change events: at most 150 MB in memory if all were as large as they may be, a few MB as they are.
inline constexpr std::size_t kChangeEvents = 10'000;
inline constexpr int kChangeEventDays = 90;
inline constexpr std::size_t kChangeSummaryBytes = 1024;  // PagerDuty's
inline constexpr std::size_t kChangeSourceBytes = 256;
inline constexpr std::size_t kChangeDetailBytes = 4096;
inline constexpr std::size_t kChangeLabels = 32;
inline constexpr std::size_t kChangeLabelBytes = 256;  // of a name, and of a value
inline constexpr std::size_t kChangeLinks = 10;
inline constexpr std::size_t kChangeLinkBytes = 1024;

// Heartbeats, and what the Opsgenie API lets one carry.
inline constexpr std::size_t kHeartbeats = 10'000;
inline constexpr std::size_t kHeartbeatNameBytes = 200;
inline constexpr std::size_t kHeartbeatDescriptionBytes = 10'000;
inline constexpr std::size_t kHeartbeatTextBytes = 1024;  // its alert's summary, and all its tags
inline constexpr std::size_t kHeartbeatLabels = 32;
inline constexpr int kHeartbeatDays = 366;  // the longest interval, and the longest grace

// Alerts of the Opsgenie API. What an alert carries is what that API documents; of notes the newest are kept, of the log
// the first entries. Closed ones go after a month, or when there are too many: the oldest first.
inline constexpr std::size_t kOpsgenieAlerts = 10'000;
inline constexpr std::size_t kOpsgenieOpen = 50'000;  // while none is closed
inline constexpr int kOpsgenieClosedDays = 30;
inline constexpr std::size_t kOpsgenieRequests = 4096;
inline constexpr std::size_t kOpsgenieRequestBytes = 128;  // the id of one
inline constexpr std::size_t kOpsgenieMessageBytes = 130;
inline constexpr std::size_t kOpsgenieAliasBytes = 512;
inline constexpr std::size_t kOpsgenieDescriptionBytes = 15'000;
inline constexpr std::size_t kOpsgenieTags = 20;
inline constexpr std::size_t kOpsgenieTagBytes = 50;
inline constexpr std::size_t kOpsgenieDetailBytes = 8000;  // all names and values
inline constexpr std::size_t kOpsgenieResponders = 50;
inline constexpr std::size_t kOpsgenieActions = 10;
inline constexpr std::size_t kOpsgenieEntityBytes = 512;
inline constexpr std::size_t kOpsgenieNameBytes = 100;  // sources, users, names of responders
inline constexpr std::size_t kOpsgenieNoteBytes = 25'000;
inline constexpr std::size_t kOpsgenieNotesBytes = 4 * kOpsgenieNoteBytes;  // of all that are kept, but the newest is
inline constexpr std::size_t kOpsgenieNotes = 100;
inline constexpr std::size_t kOpsgenieLog = 100;
inline constexpr std::size_t kOpsgenieLogBytes = 256;

// Configuration: room for an organisation of a hundred thousand people, each with a policy and a route of their own, twice over
// (docs/adr/0006-large-organisations.md). A change that applies one holds it twice: as what is in force, and as a version.
inline constexpr std::size_t kConfigurationBytes = 64 * 1024 * 1024;
inline constexpr std::size_t kConfigurationNodes = 8'000'000;  // aliases expanded
inline constexpr int kConfigurationDepth = 64;
inline constexpr std::size_t kOrganisationBytes = 64 * 1024 * 1024;
static_assert(kChangeBytes >= 3 * kOrganisationBytes, "two organisations, and the facts of the change beside them");
// Versions that can be rolled back to; at most as many times kOrganisationBytes on disk, compressed.
inline constexpr std::uint64_t kConfigurationVersions = 200;
inline constexpr std::size_t kRoutes = 250'000;
inline constexpr std::size_t kRoutesWithoutKey =
    10'000;  // without an equality matcher: tried against alert after alert
inline constexpr int kRouteDepth = 16;
inline constexpr int kConditionDepth = 8;
inline constexpr std::size_t kMatchersPerRoute = 32;

}  // namespace tocsin::limits
