// What has happened to a group, an incident or a person, in order, for ever: the facts that `explain` answers from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "base/clock.h"
#include "model/ids.h"

namespace tocsin {

enum class SubjectKind : std::uint8_t {
  kNone = 0,
  kGroup = 1,
  kIncident = 2,
  kSilence = 3,
  kOrganisation = 4,
  kUser = 5,
  kBundle = 6
};

struct Subject {
  SubjectKind kind = SubjectKind::kNone;
  std::uint64_t id = 0;  // of the kind; for kUser a hash of the name; for kBundle the notification's
  friend auto operator<=>(const Subject&, const Subject&) = default;
};
Subject SubjectOf(GroupId id);
Subject SubjectOf(IncidentId id);
Subject SubjectOf(SilenceId id);
Subject BundleSubject(NotificationId id);

struct TimelineEntry {
  // A closed list: tools may rely on it.
  enum class Kind : std::uint8_t {
    kOpened = 1,
    kAlertsChanged = 2,
    kAcknowledged = 3,
    kUnacknowledged = 4,
    kResolved = 5,
    kReopened = 6,
    kSuppressed = 7,
    kUnsuppressed = 8,
    kEscalationStarted = 9,
    kStepExecuted = 10,
    kStepSkipped = 11,
    kEscalationExhausted = 12,
    kEscalationStopped = 13,
    kPaged = 14,
    kNotificationQueued = 15,
    kNotificationStarted = 16,
    kNotificationAccepted = 17,
    kNotificationRetry = 18,
    kNotificationAmbiguous = 19,
    kNotificationFailed = 20,
    kNotificationCancelled = 21,
    kReceipt = 22,
    kIncidentOpened = 23,
    kIncidentJoined = 24,
    kNote = 25,
    kSilenceCreated = 26,
    kSilenceEnded = 27,
    kOrganisationApplied = 28,
    kUnreachable = 29,
    kFallback = 30,
    kAuditorRepaired = 31,
    kThresholdNotMet = 32,
    kThresholdMet = 33,
    kSnoozed = 34,
    kMerged = 35,
    kSplit = 36,
    kFlapping = 37,
    kStable = 38,
    kNotificationHeld = 39,
    kNotificationBundled = 40,
    kRerouted = 41,
    kReassigned = 42,
    kRespondersAdded = 43,
    kStepWaits = 44,
    kUrgencyRaised = 45,
  };
  Kind kind = Kind::kNote;
  Subject subject;
  absl::Time at;
  std::string actor;  // "user:alice", "rule:big-outage", "shard", "timer", "link:alice", "source"
  std::string text;   // one sentence for people: what and why, with rule, version and values
  EscalationId escalation;
  PageId page;
  NotificationId notification;
  UserId user;
  friend bool operator==(const TimelineEntry&, const TimelineEntry&) = default;
};
std::string_view Name(TimelineEntry::Kind kind);

}  // namespace tocsin
