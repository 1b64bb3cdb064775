#include "ingest/grpc_call.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_format.h"

#include "base/status.h"
#include "model/codec/common_proto.h"

namespace tocsin {
namespace {

constexpr std::string_view kSource = "stream";

v1::IngestResponse::Outcome ToProto(Outcome outcome) {
  return static_cast<v1::IngestResponse::Outcome>(static_cast<int>(outcome) + 1);
}
static_assert(static_cast<int>(Outcome::kRejected) + 1 == v1::IngestResponse::OUTCOME_REJECTED);

}  // namespace

absl::StatusOr<OpenDoor> Open(const std::string& key, std::string_view peer, IngestCalls& calls) {
  if (!calls.keys.ready()) return absl::UnavailableError("no organisation is loaded yet; call again");
  std::optional<OpenDoor> open = key.empty() ? std::nullopt : calls.keys.Find(key);
  if (!open || open->integration == nullptr) {
    calls.counts.unknown_keys.fetch_add(1, std::memory_order_relaxed);
    calls.NoteRefusal(Refusals::Reason::kUnknownKey, absl::StrFormat("a key that no integration has, from %s", peer));
    return absl::UnauthenticatedError(
        "no integration has this key; send the metadata `authorization: Bearer <key of an integration>`");
  }
  if (open->integration->source != kSource) {
    return absl::PermissionDeniedError(
        absl::StrFormat("integration %s reads webhooks of %s; the stream needs one with `source: stream`",
                        open->integration->id.value(), open->integration->source));
  }
  return *std::move(open);
}

absl::Status LostStatus() {
  return absl::UnavailableError("the engine went away: what of this was taken is not known, send it again");
}

absl::Status StoppingStatus() {
  return absl::UnavailableError("the server is stopping; connect again");
}

absl::Status IngestMessage::Take(IngestCalls& calls,
                                 const OpenDoor& door,
                                 Intake& intake,
                                 WireDecoder& decoder,
                                 std::span<const std::string_view> pieces,
                                 Inlet::Done done,
                                 v1::IngestResponse& response,
                                 bool& submitted) {
  submitted = false;
  intake.Begin(door.index, &door.integration->labels, calls.clock.Read().wall, Intake::Manner::kStrict);
  const absl::StatusOr<WireRequest> request = decoder.Decode(pieces, intake);
  if (!request.ok()) {
    calls.counts.malformed.fetch_add(1, std::memory_order_relaxed);
    calls.NoteRefusal(Refusals::Reason::kUnreadable,
                      "integration " + door.integration->id.value() + ": " + Message(request.status()));
    return request.status();
  }
  calls.counts.batches.fetch_add(1, std::memory_order_relaxed);
  response.set_batch_id(request->batch_id);
  for (const Refused& each : intake.refused()) {
    auto& rejection = *response.add_rejections();
    rejection.set_index(each.index);
    rejection.set_reason(each.reason);
  }
  want_outcomes_ = request->want_outcomes;
  seen_ = intake.seen();
  refused_ = intake.refused();
  accepted_ = static_cast<std::uint32_t>(intake.batch().count());
  if (!refused_.empty()) NoteFirstRefused(calls, door);
  if (request->want_explanations && calls.explain) AskAbout(intake.batch());
  return Submit(calls, door, intake, std::move(done), response, submitted);
}

absl::Status IngestMessage::Submit(IngestCalls& calls,
                                   const OpenDoor& door,
                                   const Intake& intake,
                                   Inlet::Done done,
                                   v1::IngestResponse& response,
                                   bool& submitted) {
  const std::size_t rejected = intake.rejected();
  if (intake.batch().empty()) {
    calls.counts.rejected_events.fetch_add(rejected, std::memory_order_relaxed);
    Complete(Receipt(), response);
    return absl::OkStatus();
  }
  const Admission admission = calls.inlet.Submit(intake.batch(), want_outcomes_, std::move(done));
  if (admission == Admission::kAccepted) {
    // The receipt may have come already, and `this` and `response` may be gone with it.
    calls.counts.rejected_events.fetch_add(rejected, std::memory_order_relaxed);
    submitted = true;
    return absl::OkStatus();
  }
  if (admission == Admission::kStopping) return StoppingStatus();
  if (admission == Admission::kTooLarge) {
    return absl::InvalidArgumentError("the batch is too large; send at most 500 alerts a message");
  }
  response.clear_rejections();
  calls.NoteRefusal(Refusals::Reason::kComeAgain,
                    absl::StrFormat("integration %s: a batch of %d alerts: we are at a limit",
                                    door.integration->id.value(), accepted_));
  const absl::Duration wait = calls.inlet.RetryAfter();
  response.mutable_retry_after()->set_seconds(absl::ToInt64Seconds(wait));
  response.mutable_retry_after()->set_nanos(static_cast<std::int32_t>(absl::ToInt64Nanoseconds(wait) % 1'000'000'000));
  return absl::OkStatus();
}

void IngestMessage::Complete(const Receipt& receipt, v1::IngestResponse& response) const {
  response.set_accepted(accepted_);
  response.set_sequence(receipt.sequence);
  if (!want_outcomes_) return;
  for (const Outcome outcome : Intake::Merge(receipt, refused_, seen_))
    response.add_outcomes(ToProto(outcome));
}

void IngestMessage::Explain(const std::vector<TakenAlert>& told, v1::IngestResponse& response) const {
  std::uint32_t index = 0;
  auto next_refused = refused_.begin();
  for (const TakenAlert& alert : told) {
    for (; next_refused != refused_.end() && next_refused->index == index; ++next_refused)
      ++index;
    v1::IngestResponse::Explanation& to = *response.add_explanations();
    to.set_index(index++);
    to.set_key(ToHex(alert.key));
    to.set_firing(alert.firing);
    to.set_severity(alert.severity);
    to.set_rules_version(alert.rules_version);
    to.mutable_routes()->Assign(alert.routes.begin(), alert.routes.end());
    to.mutable_groups()->Assign(alert.groups.begin(), alert.groups.end());
    to.set_held_by(alert.held_by);
    to.set_text(alert.text);
  }
}

void IngestMessage::NoteFirstRefused(IngestCalls& calls, const OpenDoor& door) const {
  calls.NoteRefusal(Refusals::Reason::kRejected,
                    absl::StrFormat("integration %s: alert %d of %d: %s", door.integration->id.value(),
                                    refused_.front().index + 1, seen_, refused_.front().reason));
}

void IngestMessage::AskAbout(const EventBatch& batch) {
  for (std::size_t i = 0; i < std::min(batch.count(), kAlertsExplained); ++i)
    asked.push_back(batch.at(i).header().key);
}

}  // namespace tocsin
