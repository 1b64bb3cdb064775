// Our gRPC server with gRPC's own client at the other end.
#include "net/grpc_server.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "tests/net/self_signed.h"

namespace tocsin {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kMost = 8U << 20U;

grpc::ByteBuffer BufferOf(std::string_view bytes) {
  const grpc::Slice slice(bytes.data(), bytes.size());
  return grpc::ByteBuffer(&slice, 1);
}
std::string TextOf(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(buffer.Dump(&slices).ok());
  std::string text;
  for (const grpc::Slice& slice : slices)
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return text;
}

// Says each message again, from another thread; counts those that live.
class EchoStream final : public GrpcHandler {
 public:
  EchoStream(std::shared_ptr<GrpcCall> call, std::atomic<int>& living) : call_(std::move(call)), living_(living) {
    ++living_;
  }
  ~EchoStream() override { --living_; }
  void OnMessage(const GrpcMessage& message) override {
    std::thread([call = call_, text = message.Copy()] { call->Write(text); }).join();
  }
  void OnHalfClose() override { call_->Finish(absl::OkStatus()); }

 private:
  const std::shared_ptr<GrpcCall> call_;
  std::atomic<int>& living_;
};

class GrpcServerTest : public ::testing::Test {
 protected:
  void SetUp() override { Start({}); }

  void Start(GrpcServer::Options options) {
    tls_ = options.tls != nullptr;
    auto server = GrpcServer::Listen(std::move(options));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    server_->Begin(Router());
    channel_.reset();
  }

  GrpcRouter Router() {
    GrpcRouter router;
    router.AddUnary("/test/Echo", kMost, [](const GrpcHead& head) -> absl::StatusOr<GrpcRouter::Unary> {
      if (head.value("x-refuse") == "yes") return absl::PermissionDeniedError("not you: é, 100 %");
      return [](const GrpcMessage& message, const std::shared_ptr<GrpcCall>& call) { call->Answer(message.Copy()); };
    });
    router.AddUnary("/test/Fail", kMost, [](const GrpcHead&) -> absl::StatusOr<GrpcRouter::Unary> {
      return [](const GrpcMessage&, const std::shared_ptr<GrpcCall>& call) {
        call->Answer(absl::NotFoundError("no such thing"));
      };
    });
    router.AddUnary("/test/Peer", kMost, [](const GrpcHead& head) -> absl::StatusOr<GrpcRouter::Unary> {
      return [peer = std::string(head.peer)](const GrpcMessage&, const std::shared_ptr<GrpcCall>& call) {
        call->Answer(peer);
      };
    });
    router.AddUnary("/test/Never", kMost, [this](const GrpcHead&) -> absl::StatusOr<GrpcRouter::Unary> {
      return [this](const GrpcMessage&, const std::shared_ptr<GrpcCall>& call) {
        const MutexLock lock(mutex_);
        held_.push_back(call);
      };
    });
    router.Add("/test/Stream",
               {.begin = [this](const GrpcHead&,
                                std::shared_ptr<GrpcCall> call) -> absl::StatusOr<std::unique_ptr<GrpcHandler>> {
                  return std::make_unique<EchoStream>(std::move(call), living_);
                },
                .max_message = kMost,
                .keeps = true});
    return router;
  }

  std::shared_ptr<grpc::Channel> Channel() {
    if (!channel_) {
      grpc::ChannelArguments arguments;
      arguments.SetMaxReceiveMessageSize(-1);
      channel_ = grpc::CreateCustomChannel(absl::StrFormat("127.0.0.1:%d", server_->port()),
                                           grpc::InsecureChannelCredentials(), arguments);
    }
    return channel_;
  }

  grpc::Status Call(const char* path, std::string_view message, std::string& answer, bool refused = false) {
    grpc::ClientContext context;
    if (refused) context.AddMetadata("x-refuse", "yes");
    const grpc::internal::RpcMethod method(path, grpc::internal::RpcMethod::NORMAL_RPC);
    grpc::ByteBuffer buffer;
    const grpc::Status status =
        grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer, grpc::ByteBuffer, grpc::ByteBuffer>(
            Channel().get(), method, &context, BufferOf(message), &buffer);
    if (status.ok()) answer = TextOf(buffer);
    return status;
  }
  template <typename Predicate>
  static bool Eventually(Predicate holds) {
    for (int i = 0; i < 12'000; ++i) {
      if (holds()) return true;
      absl::SleepFor(absl::Milliseconds(10));
    }
    return false;
  }

  bool tls_ = false;
  Mutex mutex_;
  std::vector<std::shared_ptr<GrpcCall>> held_ ABSL_GUARDED_BY(mutex_);
  std::atomic<int> living_{0};
  std::unique_ptr<GrpcServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

// A stream driven by hand.
class Conversation {
 public:
  Conversation(const std::shared_ptr<grpc::Channel>& channel, const std::string& path) : stub_(channel) {
    stream_ = stub_.PrepareCall(&context_, path, &queue_);
    stream_->StartCall(this);
    Next();
  }
  bool Send(std::string_view text) {
    stream_->Write(BufferOf(text), this);
    return Next();
  }
  std::optional<std::string> Receive() {
    grpc::ByteBuffer buffer;
    stream_->Read(&buffer, this);
    if (!Next()) return std::nullopt;
    return TextOf(buffer);
  }
  void HalfClose() {
    stream_->WritesDone(this);
    Next();
  }
  grpc::Status End() {
    grpc::Status status;
    stream_->Finish(&status, this);
    Next();
    return status;
  }
  void Cancel() { context_.TryCancel(); }

 private:
  bool Next() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
};

TEST_F(GrpcServerTest, AnswersACall) {
  std::string answer;
  ASSERT_TRUE(Call("/test/Echo", "hello", answer).ok());
  EXPECT_EQ(answer, "hello");
  ASSERT_TRUE(Call("/test/Echo", "", answer).ok());
  EXPECT_EQ(answer, "");
  ASSERT_TRUE(Call("/test/Peer", "", answer).ok());
  EXPECT_EQ(answer, "127.0.0.1");
}

TEST_F(GrpcServerTest, CarriesLongMessagesBothWays) {
  for (const std::size_t size : {std::size_t{1} << 14U, (std::size_t{1} << 14U) + 1, std::size_t{300'000}, kMost}) {
    std::string message(size, 'x');
    for (std::size_t i = 0; i < size; i += 997)
      message[i] = static_cast<char>('a' + i % 26);
    std::string answer;
    const grpc::Status status = Call("/test/Echo", message, answer);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(answer, message);
  }
}

TEST_F(GrpcServerTest, TellsHowACallEnded) {
  std::string answer;
  grpc::Status status = Call("/test/Fail", "x", answer);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "no such thing");
  status = Call("/test/Echo", "x", answer, /*refused=*/true);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(status.error_message(), "not you: é, 100 %");
  status = Call("/test/Nothing", "x", answer);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(status.error_message(), "no method /test/Nothing");
  // Refused by its headers, with megabytes to come.
  status = Call("/test/Echo", std::string(kMost, 'x'), answer, /*refused=*/true);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  ASSERT_TRUE(Call("/test/Echo", "the connection goes on", answer).ok());
  EXPECT_EQ(server_->ReadStatistics().gate.accepted, 1);
}

TEST_F(GrpcServerTest, RefusesWhatIsTooLong) {
  std::string answer;
  const grpc::Status status = Call("/test/Echo", std::string(kMost + 1, 'x'), answer);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(status.error_message(), "a message of 8388609 bytes, at most 8388608");
}

TEST_F(GrpcServerTest, CarriesAStreamInOrder) {
  Conversation talk(Channel(), "/test/Stream");
  for (int i = 0; i < 100; ++i) {
    const std::string text = std::to_string(i) + std::string(static_cast<std::size_t>(i) * 1000, '.');
    ASSERT_TRUE(talk.Send(text));
    EXPECT_EQ(talk.Receive(), text);
  }
  talk.HalfClose();
  EXPECT_EQ(talk.Receive(), std::nullopt);
  EXPECT_TRUE(talk.End().ok());
  EXPECT_TRUE(Eventually([&] { return living_ == 0; }));
}

TEST_F(GrpcServerTest, LetsGoOfACallThatWasGivenUp) {
  Conversation talk(Channel(), "/test/Stream");
  ASSERT_TRUE(talk.Send("x"));
  EXPECT_EQ(talk.Receive(), "x");
  EXPECT_EQ(living_, 1);
  talk.Cancel();
  EXPECT_EQ(talk.End().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(Eventually([&] { return living_ == 0; }));
}

TEST_F(GrpcServerTest, ManyThreadsManyCalls) {
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  Channel();  // made before there are threads
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const std::string text = absl::StrFormat("%d/%d", t, i);
        std::string answer;
        grpc::ClientContext context;
        const grpc::internal::RpcMethod method("/test/Echo", grpc::internal::RpcMethod::NORMAL_RPC);
        grpc::ByteBuffer buffer;
        const grpc::Status status =
            grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer, grpc::ByteBuffer, grpc::ByteBuffer>(
                Channel().get(), method, &context, BufferOf(text), &buffer);
        if (status.ok() && TextOf(buffer) == text) ++right;
      }
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(right, 1600);
}

TEST_F(GrpcServerTest, AnswersThatComeAfterTheEndAreDropped) {
  {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(50));
    const grpc::internal::RpcMethod method("/test/Never", grpc::internal::RpcMethod::NORMAL_RPC);
    grpc::ByteBuffer buffer;
    const grpc::Status status =
        grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer, grpc::ByteBuffer, grpc::ByteBuffer>(
            Channel().get(), method, &context, BufferOf("x"), &buffer);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  }
  server_->Stop(absl::ZeroDuration());
  const MutexLock lock(mutex_);
  for (const auto& call : held_)
    call->Answer("too late");
}

TEST_F(GrpcServerTest, SaysWhyItCannotListen) {
  const auto second = GrpcServer::Listen({.port = server_->port()});
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("in use"));
}

TEST_F(GrpcServerTest, StoppingWaitsForCallsUnderWay) {
  std::string answer;
  grpc::Status status;
  std::thread caller([&] { status = Call("/test/Never", "x", answer); });
  std::shared_ptr<GrpcCall> call;
  ASSERT_TRUE(Eventually([&] {
    const MutexLock lock(mutex_);
    if (!held_.empty()) call = held_.front();
    return !held_.empty();
  }));
  std::thread stopper([&] { server_->Stop(absl::Minutes(2)); });
  std::string refused;
  EXPECT_TRUE(Eventually([&] { return server_->ReadStatistics().gate.open == 1; }));
  call->Answer("in time");
  stopper.join();
  caller.join();
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(answer, "in time");
}

TEST_F(GrpcServerTest, SpeaksTls) {
  const std::filesystem::path folder =
      std::filesystem::path(::testing::TempDir()) / absl::StrFormat("grpc-tls-%d", getpid());
  std::filesystem::create_directories(folder);
  const SelfSigned pair = MakeSelfSigned();
  std::ofstream(folder / "certificate.pem") << pair.certificate;
  std::ofstream(folder / "key.pem") << pair.key;
  auto keeper = TlsKeeper::Open({.certificate = folder / "certificate.pem", .key = folder / "key.pem"}, absl::Now());
  ASSERT_TRUE(keeper.ok()) << keeper.status();
  server_.reset();
  Start({.tls = *keeper});
  grpc::SslCredentialsOptions trust;
  trust.pem_root_certs = pair.certificate;
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  channel_ = grpc::CreateCustomChannel(absl::StrFormat("127.0.0.1:%d", server_->port()), grpc::SslCredentials(trust),
                                       arguments);
  for (const std::size_t size : {std::size_t{0}, std::size_t{5}, std::size_t{100'000}, kMost}) {
    const std::string message(size, 'x');
    std::string answer = "nothing";
    const grpc::Status status = Call("/test/Echo", message, answer);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(answer, message);
  }
  server_.reset();
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace tocsin
