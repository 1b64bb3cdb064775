#include "ingest/grpc_ingest.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include <grpcpp/grpcpp.h>

#include "base/limits.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/tsan.h"
#include "ingest/pieces.h"
#include "ingest/wire_decoder.h"
#include "model/codec/common_proto.h"
#include "tocsin/v1/ingest.grpc.pb.h"

namespace tocsin {
namespace {

struct Counts {
  std::atomic<std::uint64_t> streams{0};
  std::atomic<std::uint64_t> batches{0};
  std::atomic<std::uint64_t> rejected_events{0};
  std::atomic<std::uint64_t> malformed{0};
  std::atomic<std::uint64_t> unknown_keys{0};
  std::atomic<std::uint64_t> over_credit{0};
};

// What every call needs; outlives them.
struct Shared {
  Inlet& inlet;
  const KeyRing& keys;
  const Clock& clock;
  ExplainTakenAlerts explain;
  Counts counts;
  Refusals refusals;

  void NoteRefusal(Refusals::Reason reason, std::string_view text) { refusals.Note(clock.Read().wall, reason, text); }
};

constexpr std::string_view kSource = "stream";

// The integration that a call's key opens, or the status to end it with.
grpc::Status Authenticate(const grpc::CallbackServerContext& context, Shared& shared, OpenDoor& door) {
  if (!shared.keys.ready()) return {grpc::StatusCode::UNAVAILABLE, "no organisation is loaded yet; call again"};
  const auto found = context.client_metadata().find("authorization");
  std::string key;
  if (found != context.client_metadata().end()) {
    key = KeyOfAuthorization(std::string_view(found->second.data(), found->second.size()));
  }
  const std::optional<OpenDoor> open = key.empty() ? std::nullopt : shared.keys.Find(key);
  if (!open || open->integration == nullptr) {
    shared.counts.unknown_keys.fetch_add(1, std::memory_order_relaxed);
    shared.NoteRefusal(Refusals::Reason::kUnknownKey, "a key that no integration has, from " + context.peer());
    return {grpc::StatusCode::UNAUTHENTICATED,
            "no integration has this key; send the metadata `authorization: Bearer <key of an integration>`"};
  }
  if (open->integration->source != kSource) {
    return {grpc::StatusCode::PERMISSION_DENIED, "integration " + open->integration->id.value() +
                                                     " reads webhooks of " + open->integration->source +
                                                     "; the stream needs one with `source: stream`"};
  }
  door = *open;
  return grpc::Status::OK;
}

grpc::Status LostStatus() {
  return {grpc::StatusCode::UNAVAILABLE, "the engine went away: what of this was taken is not known, send it again"};
}

v1::IngestResponse::Outcome ToProto(Outcome outcome) {
  return static_cast<v1::IngestResponse::Outcome>(static_cast<int>(outcome) + 1);
}
static_assert(static_cast<int>(Outcome::kRejected) + 1 == v1::IngestResponse::OUTCOME_REJECTED);

constexpr std::size_t kBatchSlack = 64 * 1024;  // what a batch has beside its alerts

// One message: decoded, then submitted. The response is complete but for what only the receipt knows.
class Message {
 public:
  // OK: `response` holds what is known; `submitted` tells whether a receipt will come to `done`.
  grpc::Status Take(Shared& shared,
                    const OpenDoor& door,
                    Intake& intake,
                    WireDecoder& decoder,
                    std::span<const std::string_view> pieces,
                    Inlet::Done done,
                    v1::IngestResponse& response,
                    bool& submitted) {
    submitted = false;
    std::size_t bytes = 0;
    for (const std::string_view piece : pieces)
      bytes += piece.size();
    if (bytes > limits::kBatchBytes + kBatchSlack) {
      shared.counts.malformed.fetch_add(1, std::memory_order_relaxed);
      return {grpc::StatusCode::RESOURCE_EXHAUSTED,
              absl::StrFormat("a batch of %d bytes, at most %d", bytes, limits::kBatchBytes)};
    }
    intake.Begin(door.index, &door.integration->labels, shared.clock.Read().wall, Intake::Manner::kStrict);
    const absl::StatusOr<WireRequest> request = decoder.Decode(pieces, intake);
    if (!request.ok()) {
      shared.counts.malformed.fetch_add(1, std::memory_order_relaxed);
      shared.NoteRefusal(Refusals::Reason::kUnreadable,
                         "integration " + door.integration->id.value() + ": " + tocsin::Message(request.status()));
      return {grpc::StatusCode::INVALID_ARGUMENT, tocsin::Message(request.status())};
    }
    shared.counts.batches.fetch_add(1, std::memory_order_relaxed);
    response.set_batch_id(request->batch_id);
    for (const Refused& each : intake.refused()) {
      auto& rejection = *response.add_rejections();
      rejection.set_index(each.index);
      rejection.set_reason(each.reason);
    }
    want_outcomes = request->want_outcomes;
    seen = intake.seen();
    refused = intake.refused();
    accepted = static_cast<std::uint32_t>(intake.batch().count());
    if (!refused.empty()) NoteFirstRefused(shared, door);
    if (request->want_explanations && shared.explain) AskAbout(intake.batch());
    if (intake.batch().empty()) {
      shared.counts.rejected_events.fetch_add(intake.rejected(), std::memory_order_relaxed);
      Complete(Receipt(), response);
      return grpc::Status::OK;
    }
    const std::size_t rejected = intake.rejected();
    const Admission admission = shared.inlet.Submit(intake.batch(), want_outcomes, std::move(done));
    if (admission == Admission::kAccepted) {
      shared.counts.rejected_events.fetch_add(rejected, std::memory_order_relaxed);
      submitted = true;
      return grpc::Status::OK;
    }
    if (admission == Admission::kStopping)
      return {grpc::StatusCode::UNAVAILABLE, "the server is stopping; connect again"};
    if (admission == Admission::kTooLarge) {
      return {grpc::StatusCode::INVALID_ARGUMENT, "the batch is too large; send at most 500 alerts a message"};
    }
    response.clear_rejections();
    shared.NoteRefusal(Refusals::Reason::kComeAgain,
                       absl::StrFormat("integration %s: a batch of %d alerts: we are at a limit",
                                       door.integration->id.value(), accepted));
    const absl::Duration wait = shared.inlet.RetryAfter();
    response.mutable_retry_after()->set_seconds(absl::ToInt64Seconds(wait));
    response.mutable_retry_after()->set_nanos(
        static_cast<std::int32_t>(absl::ToInt64Nanoseconds(wait) % 1'000'000'000));
    return grpc::Status::OK;
  }

  // Adds what the receipt knows.
  void Complete(const Receipt& receipt, v1::IngestResponse& response) const {
    response.set_accepted(accepted);
    response.set_sequence(receipt.sequence);
    if (!want_outcomes) return;
    for (const Outcome outcome : Intake::Merge(receipt, refused, seen))
      response.add_outcomes(ToProto(outcome));
  }

  // What was asked for about the first of them.
  void Explain(const std::vector<TakenAlert>& told, v1::IngestResponse& response) const {
    std::uint32_t index = 0;
    auto next_refused = refused.begin();
    for (const TakenAlert& alert : told) {
      for (; next_refused != refused.end() && next_refused->index == index; ++next_refused)
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

  bool want_outcomes = false;
  std::uint32_t seen = 0;
  std::uint32_t accepted = 0;
  std::vector<Refused> refused;
  std::vector<AlertKey> asked;  // about these; none: nothing was asked

 private:
  void NoteFirstRefused(Shared& shared, const OpenDoor& door) const {
    shared.NoteRefusal(Refusals::Reason::kRejected,
                       absl::StrFormat("integration %s: alert %d of %d: %s", door.integration->id.value(),
                                       refused.front().index + 1, seen, refused.front().reason));
  }
  void AskAbout(const EventBatch& batch) {
    for (std::size_t i = 0; i < std::min(batch.count(), kAlertsExplained); ++i)
      asked.push_back(batch.at(i).header().key);
  }
};

grpc::ByteBuffer ToBuffer(const v1::IngestResponse& response) {
  const grpc::Slice slice(response.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

// --- the stream ---

// One stream. gRPC calls OnReadDone and OnWriteDone; the committer calls Answer. Whoever comes last deletes nothing: gRPC
// owns the reactor until OnDone, receipts that come after it find the link cut.
class StreamReactor final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  StreamReactor(grpc::CallbackServerContext& context, Shared& shared)
      : context_(context),
        shared_(shared),
        intake_(shared.inlet.KeySeed()),
        decoder_(shared.inlet.TakesRepeats() ? &repeats_ : nullptr),
        link_(std::make_shared<Link>()) {
    const OrderedByGrpc ordered(this);
    shared_.counts.streams.fetch_add(1, std::memory_order_relaxed);
    link_->reactor = this;
    if (const grpc::Status status = Authenticate(context, shared, door_); !status.ok()) {
      finished_ = true;
      Finish(status);
      return;
    }
    v1::IngestResponse hello;
    hello.set_credit(kStreamCredit);
    {
      MutexLock lock(mutex_);
      pending_.push_back({Message(), hello, true});
      Pump();
    }
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    const OrderedByGrpc ordered(this);
    if (!ok) {
      MutexLock lock(mutex_);
      reads_over_ = true;
      if (context_.IsCancelled()) return End(grpc::Status::CANCELLED);
      return Pump();
    }
    if (const grpc::Status status = Take(); !status.ok()) {
      MutexLock lock(mutex_);
      return End(status);
    }
    MutexLock lock(mutex_);
    if (!finished_) StartRead(&request_);
  }

  void OnWriteDone(bool ok) override {
    const OrderedByGrpc ordered(this);
    MutexLock lock(mutex_);
    writing_ = false;
    response_.Clear();
    pending_.pop_front();
    if (!ok) return End(grpc::Status::CANCELLED);
    Pump();
  }

  // The client has gone or the server stops: receipts that are outstanding keep nothing alive.
  void OnCancel() override {
    MutexLock lock(mutex_);
    End(grpc::Status::CANCELLED);
  }

  void OnDone() override {
    {
      const OrderedByGrpc ordered(this);
      MutexLock lock(link_->mutex);
      link_->reactor = nullptr;
    }
    delete this;
  }

 private:
  // What receipts hold on to: it outlives the reactor.
  struct Link {
    Mutex mutex;
    StreamReactor* reactor ABSL_GUARDED_BY(mutex) = nullptr;
  };
  struct Pending {
    Message message;
    v1::IngestResponse response;
    bool ready = false;
  };

  grpc::Status Take() {
    Pending* pending = nullptr;
    {
      MutexLock lock(mutex_);
      if (pending_.size() >= kStreamCredit + (writing_ ? 1U : 0U)) {
        shared_.counts.over_credit.fetch_add(1, std::memory_order_relaxed);
        shared_.NoteRefusal(Refusals::Reason::kOverCredit,
                            "a stream of integration " + door_.integration->id.value() + " did not wait for answers");
        return {grpc::StatusCode::RESOURCE_EXHAUSTED, "more batches are unanswered than the stream's credit allows"};
      }
      pending_.emplace_back();  // a deque's elements stay where they are
      pending = &pending_.back();
    }
    const std::span<const std::string_view> pieces = pieces_.Of(request_);
    bool submitted = false;
    // Until its receipt, which comes through Answer and the mutex, only this thread touches the new element.
    const grpc::Status status = pending->message.Take(
        shared_, door_, intake_, decoder_, pieces,
        // Repeats are read from what came, with the labels of the integration that they came by.
        [link = link_, pending, came = pieces_.Give(), rules = door_.rules](const Receipt& receipt) {
          MutexLock lock(link->mutex);
          if (link->reactor != nullptr) link->reactor->Answer(*pending, receipt);
        },
        pending->response, submitted);
    request_.Clear();  // the stream may say nothing more, and holds no memory of what it has said then
    intake_.Rest();
    if (!status.ok()) return status;
    // A receipt may have come already, and the element gone with it.
    if (submitted) return grpc::Status::OK;
    MutexLock lock(mutex_);
    pending->ready = true;
    Pump();
    return grpc::Status::OK;
  }

  // The committer's thread.
  void Answer(Pending& pending, const Receipt& receipt) {
    MutexLock lock(mutex_);
    if (finished_) return;
    if (receipt.lost) return End(LostStatus());
    pending.message.Complete(receipt, pending.response);
    // Whoever asked waits for what another thread finds out, and so does what is answered after it.
    if (!pending.message.asked.empty() && Ask(pending)) return;
    pending.ready = true;
    Pump();
  }

  // False: too many ask, and it is answered without.
  bool Ask(Pending& pending) {
    return shared_.explain(std::exchange(pending.message.asked, {}),
                           [link = link_, &pending](const std::vector<TakenAlert>& told) {
                             MutexLock lock(link->mutex);
                             if (link->reactor != nullptr) link->reactor->Tell(pending, told);
                           });
  }

  // A worker's thread.
  void Tell(Pending& pending, const std::vector<TakenAlert>& told) {
    MutexLock lock(mutex_);
    if (finished_) return;
    pending.message.Explain(told, pending.response);
    pending.ready = true;
    Pump();
  }

  // Writes the next response when it is there and nothing is being written; ends the stream when all is said.
  void Pump() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (finished_ || writing_) return;
    if (pending_.empty()) {
      if (reads_over_) End(grpc::Status::OK);
      return;
    }
    if (!pending_.front().ready) return;
    writing_ = true;
    response_ = ToBuffer(pending_.front().response);
    StartWrite(&response_);
  }

  void End(const grpc::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (finished_) return;
    finished_ = true;
    Finish(status);
  }

  grpc::CallbackServerContext& context_;
  Shared& shared_;
  OpenDoor door_;
  // The reading thread's.
  Intake intake_;
  Repeats repeats_;
  WireDecoder decoder_;
  grpc::ByteBuffer request_;
  Pieces pieces_;
  const std::shared_ptr<Link> link_;

  Mutex mutex_;
  std::deque<Pending> pending_ ABSL_GUARDED_BY(mutex_);  // in the order of the batches
  grpc::ByteBuffer response_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool reads_over_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

// --- the unary call ---

struct UnaryCall {
  Message message;
  v1::IngestResponse response;
};

void AnswerUnary(grpc::ServerUnaryReactor* reactor, grpc::ByteBuffer* out, const v1::IngestResponse& response) {
  *out = ToBuffer(response);
  reactor->Finish(grpc::Status::OK);
}

// Whoever calls with one alert at a time has the same names in each: they stay known.
Intake& IntakeOfThread(std::uint64_t key_seed) {
  thread_local std::optional<Intake> intake;
  if (!intake || intake->batch().seed() != key_seed) intake.emplace(key_seed);
  return *intake;
}

using RawService = v1::IngestService::WithRawCallbackMethod_Stream<
    v1::IngestService::WithRawCallbackMethod_Ingest<v1::IngestService::Service>>;

class IngestService final : public RawService {
 public:
  explicit IngestService(Shared& shared) : shared_(shared) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Stream(grpc::CallbackServerContext* context) override {
    return new StreamReactor(*context, shared_);  // deletes itself in OnDone, as gRPC asks
  }

  grpc::ServerUnaryReactor* Ingest(grpc::CallbackServerContext* context,
                                   const grpc::ByteBuffer* request,
                                   grpc::ByteBuffer* response) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    OpenDoor door;
    if (const grpc::Status status = Authenticate(*context, shared_, door); !status.ok()) {
      reactor->Finish(status);
      return reactor;
    }
    thread_local WireDecoder decoder;
    Intake& intake = IntakeOfThread(shared_.inlet.KeySeed());
    const auto call = std::make_shared<UnaryCall>();
    Pieces pieces;
    bool submitted = false;
    // The receipt may come before Take returns; it alone completes the answer then.
    const grpc::Status status = call->message.Take(
        shared_, door, intake, decoder, pieces.Of(*request),
        [call, reactor, response, &shared = shared_](const Receipt& receipt) {
          if (receipt.lost) return reactor->Finish(LostStatus());
          call->message.Complete(receipt, call->response);
          const auto tell = [call, reactor, response](const std::vector<TakenAlert>& told) {
            call->message.Explain(told, call->response);
            AnswerUnary(reactor, response, call->response);
          };
          if (call->message.asked.empty() || !shared.explain(std::exchange(call->message.asked, {}), tell)) tell({});
        },
        call->response, submitted);
    intake.Rest();
    if (!status.ok()) {
      reactor->Finish(status);
    } else if (!submitted) {
      AnswerUnary(reactor, response, call->response);
    }
    return reactor;
  }

 private:
  Shared& shared_;
};

}  // namespace

class GrpcIngest::Impl {
 public:
  Impl(Inlet& inlet, const KeyRing& keys, const Clock& clock, ExplainTakenAlerts explain)
      : shared_{inlet, keys, clock, std::move(explain), {}, {}}, service_(shared_) {}

  Shared shared_;
  IngestService service_;
};

GrpcIngest::GrpcIngest(Inlet& inlet, const KeyRing& keys, const Clock& clock, ExplainTakenAlerts explain)
    : impl_(std::make_unique<Impl>(inlet, keys, clock, std::move(explain))) {}
GrpcIngest::~GrpcIngest() = default;

grpc::Service* GrpcIngest::service() {
  return &impl_->service_;
}

GrpcIngest::Statistics GrpcIngest::ReadStatistics() const {
  const Counts& counts = impl_->shared_.counts;
  return {counts.streams.load(),   counts.batches.load(),      counts.rejected_events.load(),
          counts.malformed.load(), counts.unknown_keys.load(), counts.over_credit.load()};
}

std::vector<Refusals::Refusal> GrpcIngest::ReadRefusals() const {
  return impl_->shared_.refusals.Read();
}

}  // namespace tocsin
