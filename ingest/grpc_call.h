// Private to ingest: what a stream and a unary call of gRPC have in common: the key that opens an integration, and one message on
// its way from bytes to an answer.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "base/clock.h"
#include "ingest/intake.h"
#include "ingest/keys.h"
#include "ingest/refusals.h"
#include "ingest/taken.h"
#include "ingest/wire_decoder.h"
#include "model/inlet.h"
#include "tocsin/v1/ingest.pb.h"

namespace tocsin {

// What every call needs; outlives them. Any thread.
struct IngestCalls {
  struct Counts {
    std::atomic<std::uint64_t> streams{0};
    std::atomic<std::uint64_t> batches{0};
    std::atomic<std::uint64_t> rejected_events{0};
    std::atomic<std::uint64_t> malformed{0};
    std::atomic<std::uint64_t> unknown_keys{0};
    std::atomic<std::uint64_t> over_credit{0};
  };

  Inlet& inlet;
  const KeyRing& keys;
  const Clock& clock;
  ExplainTakenAlerts explain;
  Counts counts;
  Refusals refusals;

  void NoteRefusal(Refusals::Reason reason, std::string_view text) { refusals.Note(clock.Read().wall, reason, text); }
};

// The integration that the key ("": none) opens now, or the status to end its call with.
absl::StatusOr<OpenDoor> Open(const std::string& key, std::string_view peer, IngestCalls& calls);
// For whoever waits for a receipt that will not come.
absl::Status LostStatus();
// For whoever has more to say.
absl::Status StoppingStatus();

// One message: decoded, then submitted. The response is complete but for what only the receipt knows. One thread at a time.
class IngestMessage {
 public:
  // OK: `response` holds what is known; `submitted` tells whether a receipt will come to `done`.
  absl::Status Take(IngestCalls& calls,
                    const OpenDoor& door,
                    Intake& intake,
                    WireDecoder& decoder,
                    std::span<const std::string_view> pieces,
                    Inlet::Done done,
                    v1::IngestResponse& response,
                    bool& submitted);
  // Adds what the receipt knows.
  void Complete(const Receipt& receipt, v1::IngestResponse& response) const;
  // What was asked for about the first of them.
  void Explain(const std::vector<TakenAlert>& told, v1::IngestResponse& response) const;

  std::vector<AlertKey> asked;  // about these; none: nothing was asked

 private:
  absl::Status Submit(IngestCalls& calls,
                      const OpenDoor& door,
                      const Intake& intake,
                      Inlet::Done done,
                      v1::IngestResponse& response,
                      bool& submitted);
  void NoteFirstRefused(IngestCalls& calls, const OpenDoor& door) const;
  void AskAbout(const EventBatch& batch);

  bool want_outcomes_ = false;
  std::uint32_t seen_ = 0;
  std::uint32_t accepted_ = 0;
  std::vector<Refused> refused_;
};

}  // namespace tocsin
