// What the doors of other systems' APIs share: a key that opens an integration of their source, one event at a time through the
// Inlet, and an account of what was not taken. The doors themselves know the paths, the words and the codes.
//
// Any thread.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"

#include "base/clock.h"
#include "ingest/doors.h"
#include "ingest/keys.h"
#include "model/event.h"
#include "model/inlet.h"

namespace tocsin {

class EventDoor {
 public:
  // What became of an event. When `admission` is kAccepted it is in the fsynced journal, unless `reason` says why it is not well
  // formed; else nothing of it was taken and its sender is to come again.
  struct Fate {
    Admission admission = Admission::kAccepted;
    Outcome outcome = Outcome::kRejected;
    std::string reason = {};
    bool taken() const { return admission == Admission::kAccepted && reason.empty(); }
  };
  using Told = absl::AnyInvocable<void(Fate)>;

  // All outlive this.
  EventDoor(Inlet& inlet, const KeyRing& keys, const Clock& clock);
  ~EventDoor();

  // False until an organisation is there: whoever comes before that is to come again.
  bool ready() const;
  // Absent, and counted, when no integration of one of `sources` has the key. `peer` is for the account; the key is not kept.
  std::optional<OpenDoor> Find(std::initializer_list<std::string_view> sources,
                               std::string_view key,
                               std::string_view peer);

  // All of them or none; the fate is the last one's. `told` is called once: at once when they are not taken or there are none, else
  // from an engine thread.
  void Submit(const OpenDoor& door, std::span<const AlertEvent> events, Told told);
  // The door of a declared integration, whatever its source.
  std::optional<OpenDoor> FindById(const IntegrationId& id) const;
  absl::Duration RetryAfter() const;
  Now Read() const;

  void CountRequest();
  // A message that is not what its door takes, an event that says nothing, an event that found nothing to do.
  void NoteUnreadable(std::string_view text);
  void NoteIgnored(std::string_view text);

  IngestDoors::Statistics ReadStatistics() const;
  std::vector<Refusals::Refusal> ReadRefusals() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

// What several kinds of doors have counted.
IngestDoors::Statistics Total(IngestDoors::Statistics all, const IngestDoors::Statistics& more);

// How many seconds a header Retry-After names; at least one.
std::string RetryAfterSeconds(absl::Duration after);
// Random, in the form of RFC 4122.
std::string RandomUuid();

}  // namespace tocsin
