#include "ingest/grpc_ingest.h"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/mutex.h"
#include "base/status.h"
#include "ingest/grpc_call.h"
#include "ingest/wire_decoder.h"

namespace tocsin {
namespace {

constexpr std::size_t kBatchSlack = 64 * 1024;  // what a batch has beside its alerts
constexpr std::size_t kMostBytes = limits::kBatchBytes + kBatchSlack;

// --- the stream ---

// What is owed to a stream's client, in the order of its batches. Receipts hold it: those that come after the stream's end find a call that
// takes nothing any more.
class StreamAnswers final : public std::enable_shared_from_this<StreamAnswers> {
 public:
  struct Owed {
    IngestMessage message;
    v1::IngestResponse response;
    bool is_ready = false;
  };

  StreamAnswers(std::shared_ptr<GrpcCall> call, IngestCalls& calls) : call_(std::move(call)), calls_(calls) {
    v1::IngestResponse hello;
    hello.set_credit(kStreamCredit);
    call_->Write(hello.SerializeAsString());
  }

  // Null: the client did not wait for answers as its credit asks. Until its receipt comes, or it is settled, what was added is the caller's.
  Owed* Add() {
    const MutexLock lock(mutex_);
    if (owed_.size() >= kStreamCredit) return nullptr;
    return &owed_.emplace_back();  // a deque's elements stay where they are
  }
  void Settle(Owed& owed) {
    const MutexLock lock(mutex_);
    SettleLocked(owed);
  }
  // The committer's thread.
  void Complete(Owed& owed, const Receipt& receipt) {
    const MutexLock lock(mutex_);
    if (has_ended_) return;
    if (receipt.lost) return EndLocked(LostStatus());
    owed.message.Complete(receipt, owed.response);
    // Whoever asked waits for what another thread finds out, and so does what is answered after it.
    if (owed.message.asked.empty() || !Ask(owed)) SettleLocked(owed);
  }
  // Once all is answered, and nothing more is added.
  void EndWhenAnswered(const absl::Status& status) {
    const MutexLock lock(mutex_);
    if (!last_) last_ = status;
    WriteReady();
  }
  void End(const absl::Status& status) {
    const MutexLock lock(mutex_);
    EndLocked(status);
  }

 private:
  // False: too many ask, and it is answered without.
  bool Ask(Owed& owed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return calls_.explain(std::exchange(owed.message.asked, {}),
                          [self = shared_from_this(), &owed](const std::vector<TakenAlert>& told) {
                            const MutexLock lock(self->mutex_);
                            owed.message.Explain(told, owed.response);
                            self->SettleLocked(owed);
                          });
  }
  void SettleLocked(Owed& owed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    owed.is_ready = true;
    WriteReady();
  }
  void WriteReady() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (has_ended_) return;
    for (; !owed_.empty() && owed_.front().is_ready; owed_.pop_front())
      call_->Write(owed_.front().response.SerializeAsString());
    if (last_ && owed_.empty()) EndLocked(*last_);
  }
  void EndLocked(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!std::exchange(has_ended_, true)) call_->Finish(status);
  }

  const std::shared_ptr<GrpcCall> call_;
  IngestCalls& calls_;
  Mutex mutex_;
  std::deque<Owed> owed_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> last_ ABSL_GUARDED_BY(mutex_);
  bool has_ended_ ABSL_GUARDED_BY(mutex_) = false;  // nothing is written, and what is owed stays where it is
};

class StreamHandler final : public GrpcHandler {
 public:
  StreamHandler(
      std::string key, OpenDoor door, std::string_view peer, std::shared_ptr<GrpcCall> call, IngestCalls& calls)
      : calls_(calls),
        key_(std::move(key)),
        peer_(peer),
        door_(std::move(door)),
        answers_(std::make_shared<StreamAnswers>(std::move(call), calls)) {
    calls_.counts.streams.fetch_add(1, std::memory_order_relaxed);
  }

  void OnMessage(const GrpcMessage& message) override {
    if (is_over_) return;
    if (!reading_) reading_ = std::make_unique<Reading>(calls_.inlet);
    const absl::Status status = Take(message);
    reading_->intake.Rest();  // the stream may say nothing more, and holds no memory of what it has said then
    if (status.ok()) return;
    is_over_ = true;
    answers_->End(status);
  }
  void OnHalfClose() override { answers_->EndWhenAnswered(absl::OkStatus()); }
  void OnDrain() override {
    is_over_ = true;
    answers_->EndWhenAnswered(StoppingStatus());
  }

 private:
  // What it takes to read messages: tens of kilobytes, which a stream that says nothing has not.
  struct Reading {
    explicit Reading(const Inlet& inlet)
        : intake(inlet.KeySeed()), decoder(inlet.TakesRepeats() ? &repeats : nullptr) {}
    Intake intake;
    Repeats repeats;
    WireDecoder decoder;
  };

  absl::Status Take(const GrpcMessage& message) {
    if (absl::Status status = OpenAgain(); !status.ok()) return status;
    StreamAnswers::Owed* const owed = answers_->Add();
    if (owed == nullptr) {
      calls_.counts.over_credit.fetch_add(1, std::memory_order_relaxed);
      calls_.NoteRefusal(Refusals::Reason::kOverCredit,
                         "a stream of integration " + door_.integration->id.value() + " did not wait for answers");
      return absl::ResourceExhaustedError("more batches are unanswered than the stream's credit allows");
    }
    bool submitted = false;
    absl::Status status = owed->message.Take(
        calls_, door_, reading_->intake, reading_->decoder, message.pieces(),
        // Repeats are read from what came, with the labels of the integration that they came by.
        [answers = answers_, owed, came = message.Keep(), rules = door_.rules](const Receipt& receipt) {
          answers->Complete(*owed, receipt);
        },
        owed->response, submitted);
    // When it was submitted, a receipt may have come already, and what is owed gone with it.
    if (status.ok() && !submitted) answers_->Settle(*owed);
    return status;
  }

  // A stream is open for weeks: since the message before, its key may have been revoked, or its integration changed.
  absl::Status OpenAgain() {
    absl::StatusOr<OpenDoor> now = Open(key_, peer_, calls_);
    if (!now.ok()) return now.status();
    if (now->rules == door_.rules && now->integration == door_.integration) return absl::OkStatus();
    // What is known of earlier alerts was made with the integration's labels.
    if (now->index != door_.index || now->integration->labels != door_.integration->labels) reading_->repeats.Forget();
    door_ = *std::move(now);
    return absl::OkStatus();
  }

  IngestCalls& calls_;
  const std::string key_;
  const std::string peer_;
  OpenDoor door_;
  std::unique_ptr<Reading> reading_;  // from the first message on
  bool is_over_ = false;
  const std::shared_ptr<StreamAnswers> answers_;
};

// --- the unary call ---

// What its receipt completes.
struct UnaryAnswer {
  IngestMessage message;
  v1::IngestResponse response;
  std::shared_ptr<GrpcCall> call;

  void Give() const { call->Answer(response.SerializeAsString()); }
};

void Complete(const std::shared_ptr<UnaryAnswer>& answer, const Receipt& receipt, const IngestCalls& calls) {
  if (receipt.lost) return answer->call->Finish(LostStatus());
  answer->message.Complete(receipt, answer->response);
  const auto tell = [answer](const std::vector<TakenAlert>& told) {
    answer->message.Explain(told, answer->response);
    answer->Give();
  };
  if (answer->message.asked.empty() || !calls.explain(std::exchange(answer->message.asked, {}), tell)) tell({});
}

// Whoever calls with one alert at a time has the same names in each: they stay known.
Intake& IntakeOfThread(std::uint64_t key_seed) {
  thread_local std::optional<Intake> intake;
  if (!intake || intake->batch().seed() != key_seed) intake.emplace(key_seed);
  return *intake;
}

void TakeUnary(const GrpcMessage& message, const OpenDoor& door, std::shared_ptr<GrpcCall> call, IngestCalls& calls) {
  thread_local WireDecoder decoder;
  Intake& intake = IntakeOfThread(calls.inlet.KeySeed());
  const auto answer = std::make_shared<UnaryAnswer>();
  answer->call = std::move(call);
  bool submitted = false;
  // The receipt may come before Take returns; it alone completes the answer then.
  const absl::Status status = answer->message.Take(
      calls, door, intake, decoder, message.pieces(),
      [answer, &calls](const Receipt& receipt) { Complete(answer, receipt, calls); }, answer->response, submitted);
  intake.Rest();
  if (!status.ok()) {
    answer->call->Finish(status);
  } else if (!submitted) {
    answer->Give();
  }
}

}  // namespace

class GrpcIngest::Impl {
 public:
  Impl(Inlet& inlet, const KeyRing& keys, const Clock& clock, ExplainTakenAlerts explain)
      : calls_{inlet, keys, clock, std::move(explain), {}, {}} {}

  absl::StatusOr<std::unique_ptr<GrpcHandler>> OpenStream(const GrpcHead& head, std::shared_ptr<GrpcCall> call) {
    std::string key = KeyOfAuthorization(head.value("authorization"));
    TOCSIN_ASSIGN(OpenDoor door, Open(key, head.peer, calls_));
    head.vouch();
    return std::make_unique<StreamHandler>(std::move(key), std::move(door), head.peer, std::move(call), calls_);
  }
  absl::StatusOr<GrpcRouter::Unary> OpenCall(const GrpcHead& head) {
    TOCSIN_ASSIGN(OpenDoor door, Open(KeyOfAuthorization(head.value("authorization")), head.peer, calls_));
    head.vouch();
    return [this, door = std::move(door)](const GrpcMessage& message, std::shared_ptr<GrpcCall> call) {
      TakeUnary(message, door, std::move(call), calls_);
    };
  }

  IngestCalls calls_;
};

GrpcIngest::GrpcIngest(Inlet& inlet, const KeyRing& keys, const Clock& clock, ExplainTakenAlerts explain)
    : impl_(std::make_unique<Impl>(inlet, keys, clock, std::move(explain))) {}
GrpcIngest::~GrpcIngest() = default;

void GrpcIngest::AddMethods(GrpcRouter& router) {
  Impl* const impl = impl_.get();
  router.Add("/tocsin.v1.IngestService/Stream",
             {.begin = [impl](const GrpcHead& head,
                              std::shared_ptr<GrpcCall> call) { return impl->OpenStream(head, std::move(call)); },
              .max_message = kMostBytes,
              .keeps = true});
  router.AddUnary("/tocsin.v1.IngestService/Ingest", kMostBytes,
                  [impl](const GrpcHead& head) { return impl->OpenCall(head); });
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
