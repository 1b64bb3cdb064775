#include "client/stream.h"

#include <utility>

#include "base/limits.h"
#include "base/mutex.h"
#include "base/tsan.h"
#include "tocsin/v1/ingest.grpc.pb.h"

namespace tocsin {
namespace {

constexpr std::string_view kTls = "https://";
constexpr std::size_t kMostAnswers = 4096;  // a server that sends more than was asked is none of ours
constexpr int kKeepaliveMs = 20'000;
constexpr int kKeepalivePatienceMs = 10'000;

// A channel of its own, whose pauses are ours: gRPC shares what it knows of a dead server between channels.
std::shared_ptr<grpc::Channel> MakeChannel(const SenderOptions& options, const std::string& server) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepalivePatienceMs);
  arguments.SetMaxReceiveMessageSize(static_cast<int>(limits::kBatchBytes));
  if (!server.starts_with(kTls)) {
    return grpc::CreateCustomChannel(server, grpc::InsecureChannelCredentials(), arguments);
  }
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = options.root_certificates;
  tls.pem_cert_chain = options.certificate;
  tls.pem_private_key = options.private_key;
  return grpc::CreateCustomChannel(server.substr(kTls.size()), grpc::SslCredentials(tls), arguments);
}

}  // namespace

// gRPC calls OnReadDone, OnWriteDone and, once, OnDone. The hold is what lets writes begin outside of them; it is given back when
// reads are over, after which nothing is begun any more.
class Stream::Reactor final : public grpc::ClientBidiReactor<v1::IngestRequest, v1::IngestResponse> {
 public:
  Reactor(const SenderOptions& options, const std::string& server, std::function<void()> wake)
      : wake_(std::move(wake)), stub_(v1::IngestService::NewStub(MakeChannel(options, server))) {
    context_.AddMetadata("authorization", "Bearer " + options.key);
    stub_->async()->Stream(&context_, this);
    AddHold();
    StartRead(&answer_);
    StartCall();
  }

  bool CanWrite() const {
    const MutexLock lock(mutex_);
    return !writing_ && !reads_over_;
  }

  bool TryWrite(v1::IngestRequest request) {
    const MutexLock lock(mutex_);
    if (writing_ || reads_over_) return false;
    writing_ = true;
    request_ = std::move(request);
    StartWrite(&request_);
    return true;
  }

  void Cancel() { context_.TryCancel(); }

  std::vector<v1::IngestResponse> TakeAnswers() {
    const MutexLock lock(mutex_);
    return std::exchange(answers_, {});
  }

  std::optional<grpc::Status> Ended() const {
    const MutexLock lock(mutex_);
    return ended_;
  }

  void AwaitEnd() {
    const MutexLock lock(mutex_);
    over_.Wait(mutex_, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return ended_.has_value(); });
  }

  void OnReadDone(bool ok) override {
    const OrderedByGrpc ordered(this);
    bool flooded = false;
    {
      const MutexLock lock(mutex_);
      if (ok) {
        answers_.push_back(std::move(answer_));
        answer_.Clear();
        flooded = answers_.size() > kMostAnswers;
      } else {
        reads_over_ = true;
      }
    }
    if (ok) {
      if (flooded) Cancel();
      StartRead(&answer_);
      wake_();
    } else {
      RemoveHold();
    }
  }

  void OnWriteDone(bool) override {
    const OrderedByGrpc ordered(this);
    {
      const MutexLock lock(mutex_);
      writing_ = false;
    }
    wake_();
  }

  void OnDone(const grpc::Status& status) override {
    const OrderedByGrpc ordered(this);
    const MutexLock lock(mutex_);  // to the end: whoever waits for it destroys us
    ended_ = status;
    wake_();
    over_.NotifyAll();
  }

 private:
  const std::function<void()> wake_;
  const std::unique_ptr<v1::IngestService::Stub> stub_;
  grpc::ClientContext context_;
  v1::IngestResponse answer_;  // gRPC's until OnReadDone

  mutable Mutex mutex_;
  ConditionVariable over_;
  v1::IngestRequest request_ ABSL_GUARDED_BY(mutex_);  // gRPC's until OnWriteDone
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool reads_over_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<v1::IngestResponse> answers_ ABSL_GUARDED_BY(mutex_);
  std::optional<grpc::Status> ended_ ABSL_GUARDED_BY(mutex_);
};

Stream::Stream(const SenderOptions& options, const std::string& server, std::function<void()> wake)
    : reactor_(std::make_unique<Reactor>(options, server, std::move(wake))) {}

Stream::~Stream() {
  reactor_->Cancel();
  reactor_->AwaitEnd();
}

bool Stream::CanWrite() const {
  return reactor_->CanWrite();
}

bool Stream::TryWrite(v1::IngestRequest request) {
  return reactor_->TryWrite(std::move(request));
}

void Stream::Cancel() {
  reactor_->Cancel();
}

std::vector<v1::IngestResponse> Stream::TakeAnswers() {
  return reactor_->TakeAnswers();
}

std::optional<grpc::Status> Stream::Ended() const {
  return reactor_->Ended();
}

}  // namespace tocsin
