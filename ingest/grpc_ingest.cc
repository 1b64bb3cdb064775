#include "ingest/grpc_ingest.h"

#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "base/mutex.h"
#include "base/tsan.h"
#include "ingest/grpc_call.h"
#include "ingest/pieces.h"
#include "ingest/wire_decoder.h"
#include "tocsin/v1/ingest.grpc.pb.h"

namespace tocsin {
namespace {

grpc::ByteBuffer ToBuffer(const v1::IngestResponse& response) {
  const grpc::Slice slice(response.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

// --- the stream ---

// One stream. gRPC calls OnReadDone and OnWriteDone; the committer calls Answer. Whoever comes last deletes nothing: gRPC
// owns the reactor until OnDone, receipts that come after it find the link cut.
class StreamReactor final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  StreamReactor(grpc::CallbackServerContext& context, IngestCalls& calls)
      : context_(context),
        calls_(calls),
        key_(KeyOf(context)),
        intake_(calls.inlet.KeySeed()),
        decoder_(calls.inlet.TakesRepeats() ? &repeats_ : nullptr),
        link_(std::make_shared<Link>()) {
    const OrderedByGrpc ordered(this);
    calls_.counts.streams.fetch_add(1, std::memory_order_relaxed);
    link_->reactor = this;
    if (const grpc::Status status = Open(key_, context, calls, door_); !status.ok()) {
      finished_ = true;
      Finish(status);
      return;
    }
    v1::IngestResponse hello;
    hello.set_credit(kStreamCredit);
    {
      MutexLock lock(mutex_);
      pending_.push_back({IngestMessage(), hello, true});
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
    IngestMessage message;
    v1::IngestResponse response;
    bool ready = false;
  };

  // A stream is open for weeks: since the message before, its key may have been revoked, or its integration changed.
  grpc::Status OpenAgain() {
    OpenDoor now;
    if (const grpc::Status status = Open(key_, context_, calls_, now); !status.ok()) return status;
    if (now.rules == door_.rules && now.integration == door_.integration) return grpc::Status::OK;
    // What is known of earlier alerts was made with the integration's labels.
    if (now.index != door_.index || now.integration->labels != door_.integration->labels) repeats_.Forget();
    door_ = std::move(now);
    return grpc::Status::OK;
  }

  grpc::Status Take() {
    if (const grpc::Status status = OpenAgain(); !status.ok()) return status;
    Pending* pending = nullptr;
    {
      MutexLock lock(mutex_);
      if (pending_.size() >= kStreamCredit + (writing_ ? 1U : 0U)) {
        calls_.counts.over_credit.fetch_add(1, std::memory_order_relaxed);
        calls_.NoteRefusal(Refusals::Reason::kOverCredit,
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
        calls_, door_, intake_, decoder_, pieces,
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
    return calls_.explain(std::exchange(pending.message.asked, {}),
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
  IngestCalls& calls_;
  const std::string key_;
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
  IngestMessage message;
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
  explicit IngestService(IngestCalls& calls) : calls_(calls) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Stream(grpc::CallbackServerContext* context) override {
    return new StreamReactor(*context, calls_);  // deletes itself in OnDone, as gRPC asks
  }

  grpc::ServerUnaryReactor* Ingest(grpc::CallbackServerContext* context,
                                   const grpc::ByteBuffer* request,
                                   grpc::ByteBuffer* response) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    OpenDoor door;
    if (const grpc::Status status = Open(KeyOf(*context), *context, calls_, door); !status.ok()) {
      reactor->Finish(status);
      return reactor;
    }
    thread_local WireDecoder decoder;
    Intake& intake = IntakeOfThread(calls_.inlet.KeySeed());
    const auto call = std::make_shared<UnaryCall>();
    Pieces pieces;
    bool submitted = false;
    // The receipt may come before Take returns; it alone completes the answer then.
    const grpc::Status status = call->message.Take(
        calls_, door, intake, decoder, pieces.Of(*request),
        [call, reactor, response, &calls = calls_](const Receipt& receipt) {
          if (receipt.lost) return reactor->Finish(LostStatus());
          call->message.Complete(receipt, call->response);
          const auto tell = [call, reactor, response](const std::vector<TakenAlert>& told) {
            call->message.Explain(told, call->response);
            AnswerUnary(reactor, response, call->response);
          };
          if (call->message.asked.empty() || !calls.explain(std::exchange(call->message.asked, {}), tell)) tell({});
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
  IngestCalls& calls_;
};

}  // namespace

class GrpcIngest::Impl {
 public:
  Impl(Inlet& inlet, const KeyRing& keys, const Clock& clock, ExplainTakenAlerts explain)
      : calls_{inlet, keys, clock, std::move(explain), {}, {}, {}}, service_(calls_) {}

  IngestCalls calls_;
  IngestService service_;
};

GrpcIngest::GrpcIngest(Inlet& inlet, const KeyRing& keys, const Clock& clock, ExplainTakenAlerts explain)
    : impl_(std::make_unique<Impl>(inlet, keys, clock, std::move(explain))) {}
GrpcIngest::~GrpcIngest() = default;

void GrpcIngest::set_vouch(std::function<void(std::string_view peer)> vouch) {
  impl_->calls_.vouch = std::move(vouch);
}
grpc::Service* GrpcIngest::service() {
  return &impl_->service_;
}

GrpcIngest::Statistics GrpcIngest::ReadStatistics() const {
  const IngestCalls::Counts& counts = impl_->calls_.counts;
  return {counts.streams.load(),   counts.batches.load(),      counts.rejected_events.load(),
          counts.malformed.load(), counts.unknown_keys.load(), counts.over_credit.load()};
}

std::vector<Refusals::Refusal> GrpcIngest::ReadRefusals() const {
  return impl_->calls_.refusals.Read();
}

}  // namespace tocsin
