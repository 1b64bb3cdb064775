// The gRPC stream on loopback, in front of an engine that remembers what it was given.
#pragma once

#include <chrono>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "base/status.h"
#include "ingest/grpc_ingest.h"
#include "model/integration_key.h"
#include "net/grpc_server.h"
#include "tests/ingest/fake_inlet.h"
#include "tocsin/v1/ingest.grpc.pb.h"

namespace tocsin {

// A hang ends a test with DEADLINE_EXCEEDED; nothing is asserted about how long anything takes.
inline constexpr std::chrono::seconds kPatience(120);

class FixedStreamClock final : public Clock {
 public:
  Now Read() const override { return {.wall = absl::FromUnixSeconds(1'795'289'000), .engine = EngineTime(0)}; }
};

inline v1::IngestRequest Batch(std::uint64_t id, std::initializer_list<std::string> names) {
  v1::IngestRequest request;
  request.set_batch_id(id);
  for (const std::string& name : names) {
    v1::Alert& alert = *request.add_alerts();
    if (!name.empty()) (*alert.mutable_labels())["alertname"] = name;
  }
  return request;
}

inline grpc::ByteBuffer BufferOf(std::string_view bytes) {
  const grpc::Slice slice(bytes.data(), bytes.size());
  return grpc::ByteBuffer(&slice, 1);
}

inline void Prepare(grpc::ClientContext& context, std::string_view key) {
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  if (!key.empty()) context.AddMetadata("authorization", "Bearer " + std::string(key));
}

// A client's side of one stream.
class StreamClient {
 public:
  StreamClient(v1::IngestService::Stub& stub, std::string_view key) {
    Prepare(context_, key);
    stream_ = stub.Stream(&context_);
  }
  bool Send(const v1::IngestRequest& request) { return stream_->Write(request); }
  // An answer without batch_id: the stream has ended.
  v1::IngestResponse Receive() {
    v1::IngestResponse response;
    if (!stream_->Read(&response)) response.Clear();
    return response;
  }
  void HalfClose() { stream_->WritesDone(); }
  void Cancel() { context_.TryCancel(); }
  grpc::Status End() {
    v1::IngestResponse rest;
    while (stream_->Read(&rest)) {
    }
    return stream_->Finish();
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::IngestRequest, v1::IngestResponse>> stream_;
};

class GrpcIngestTest : public ::testing::Test {
 protected:
  void SetUp() override {
    SetRules(RulesOf({Door("hooks", "generic", "hooks-key"), Door("stream", "stream", "stream-key")}));
    server_ = Serve(ingest_, {.port = port_});
    port_ = server_->port();
    channel_ = grpc::CreateChannel(absl::StrFormat("127.0.0.1:%d", port_), grpc::InsecureChannelCredentials());
    stub_ = v1::IngestService::NewStub(channel_);
  }
  void TearDown() override {
    Shutdown();
    CompleteAll();
  }

  static std::unique_ptr<GrpcServer> Serve(GrpcIngest& ingest, GrpcServer::Options options = {}) {
    absl::StatusOr<std::unique_ptr<GrpcServer>> server = GrpcServer::Listen(std::move(options));
    TOCSIN_CHECK(server.ok(), Message(server.status()));
    GrpcRouter router;
    ingest.AddMethods(router);
    (*server)->Begin(std::move(router));
    return *std::move(server);
  }
  static Integration Door(std::string_view id, std::string_view source, std::string_view key) {
    Integration door;
    door.id = IntegrationId(id);
    door.source = source;
    door.key_hash = HashKey(key);
    return door;
  }

  // Waits, without an opinion about how long it takes.
  template <typename Predicate>
  static ::testing::AssertionResult Eventually(Predicate holds) {
    const absl::Time end = absl::Now() + absl::FromChrono(kPatience);
    while (absl::Now() < end) {
      if (holds()) return ::testing::AssertionSuccess();
      absl::SleepFor(absl::Milliseconds(2));
    }
    return ::testing::AssertionFailure() << "not within " << absl::FromChrono(kPatience);
  }
  static RulesPtr RulesOf(std::vector<Integration> doors) {
    auto organisation = std::make_shared<Organisation>();
    organisation->integrations = std::move(doors);
    auto rules = std::make_shared<Rules>();
    rules->organisation = std::move(organisation);
    return rules;
  }

  // As the server does: at once, whatever is under way.
  void Shutdown() {
    if (server_) server_->Stop(absl::ZeroDuration());
    server_.reset();
  }
  void CompleteAll() {
    while (inlet_.Complete()) {
    }
  }

  grpc::Status Ingest(const v1::IngestRequest& request, v1::IngestResponse& response, std::string_view key) {
    grpc::ClientContext context;
    Prepare(context, key);
    return stub_->Ingest(&context, request, &response);
  }
  grpc::Status IngestBytes(std::string_view bytes) {
    grpc::ClientContext context;
    Prepare(context, "stream-key");
    grpc::ByteBuffer response;
    const grpc::internal::RpcMethod method("/tocsin.v1.IngestService/Ingest", grpc::internal::RpcMethod::NORMAL_RPC);
    return grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer, grpc::ByteBuffer, grpc::ByteBuffer>(
        channel_.get(), method, &context, BufferOf(bytes), &response);
  }

  void SetRules(RulesPtr rules) {
    const MutexLock lock(mutex_);
    rules_ = std::move(rules);
  }

  Mutex mutex_;
  RulesPtr rules_ ABSL_GUARDED_BY(mutex_);
  FakeInlet inlet_;
  FixedStreamClock clock_;
  KeyRing keys_{
      [this] {
        const MutexLock lock(mutex_);
        return rules_;
      },
      [](const IntegrationId& id) -> std::optional<IntegrationIndex> { return id.value() == "stream" ? 1 : 0; }};
  ExplainTakenAlerts explain_;  // set by tests
  GrpcIngest ingest_{inlet_, keys_, clock_, [this](std::vector<AlertKey> keys, TellTaken told) {
                       return explain_ && explain_(std::move(keys), std::move(told));
                     }};
  std::uint16_t port_ = 0;  // any free one
  std::unique_ptr<GrpcServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::IngestService::Stub> stub_;
};

}  // namespace tocsin
