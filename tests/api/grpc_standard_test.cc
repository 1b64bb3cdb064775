// Health and reflection, asked by gRPC's own client.
#include "api/grpc_standard.h"

#include <atomic>
#include <map>
#include <thread>

#include "absl/strings/str_format.h"
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/sync_stream.h>
#include <gtest/gtest.h>

#include "grpc/health/v1/health.pb.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "grpc/reflection/v1alpha/reflection.pb.h"
#include "net/grpc_server.h"
#include "tocsin/v1/api.pb.h"

namespace tocsin {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Asked = grpc::health::v1::HealthCheckRequest;
using Health = grpc::health::v1::HealthCheckResponse;
namespace alpha = grpc::reflection::v1alpha;
namespace one = grpc::reflection::v1;

// Stands until the next second is set; the server's threads read it.
class SecondsClock final : public Clock {
 public:
  Now Read() const override {
    return {.wall = absl::UnixEpoch(), .engine = EngineTime() + absl::Seconds(second.load())};
  }
  std::atomic<int> second{0};
};

class GrpcStandardTest : public ::testing::Test {
 protected:
  void SetUp() override {
    server_ = *GrpcServer::Listen({});
    GrpcRouter router;
    for (const char* path : {"/tocsin.v1.GroupService/ListGroups", "/tocsin.v1.StatusService/GetStatus"})
      router.AddUnary(path, 0, [](const GrpcHead&) { return absl::InternalError("nobody calls it here"); });
    AddHealth(router);
    AddReflection(router, clock_);
    server_->Begin(std::move(router));
    channel_ =
        grpc::CreateChannel(absl::StrFormat("127.0.0.1:%d", server_->port()), grpc::InsecureChannelCredentials());
    v1::ListGroupsRequest();  // its file is linked
  }

  grpc::Status Check(const std::string& service, Health& health) {
    grpc::ClientContext context;
    Asked asked;
    asked.set_service(service);
    const grpc::internal::RpcMethod method("/grpc.health.v1.Health/Check", grpc::internal::RpcMethod::NORMAL_RPC);
    return grpc::internal::BlockingUnaryCall<Asked, Health, grpc::protobuf::MessageLite, grpc::protobuf::MessageLite>(
        channel_.get(), method, &context, asked, &health);
  }

  SecondsClock clock_;
  std::unique_ptr<GrpcServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

// A stream of questions, of one of the two versions.
template <typename Request, typename Response>
class Talk {
 public:
  Talk(const std::shared_ptr<grpc::Channel>& channel, const std::string& service)
      : path_("/" + service + "/ServerReflectionInfo"),
        method_(path_.c_str(), grpc::internal::RpcMethod::BIDI_STREAMING),
        stream_(
            grpc::internal::ClientReaderWriterFactory<Request, Response>::Create(channel.get(), method_, &context_)) {}

  // Nothing is set in it once the stream has ended.
  Response Ask(const Request& request) {
    Response response;
    if (!stream_->Write(request) || !stream_->Read(&response)) response.Clear();
    return response;
  }
  Response AskForSymbol(const std::string& symbol) {
    Request request;
    request.set_file_containing_symbol(symbol);
    return Ask(request);
  }
  grpc::Status End() {
    stream_->WritesDone();
    Response rest;
    while (stream_->Read(&rest)) {
    }
    return stream_->Finish();
  }

 private:
  grpc::ClientContext context_;
  const std::string path_;
  const grpc::internal::RpcMethod method_;
  const std::unique_ptr<grpc::ClientReaderWriter<Request, Response>> stream_;
};
using V1 = Talk<one::ServerReflectionRequest, one::ServerReflectionResponse>;
using V1Alpha = Talk<alpha::ServerReflectionRequest, alpha::ServerReflectionResponse>;
constexpr const char* kV1 = "grpc.reflection.v1.ServerReflection";
constexpr const char* kV1Alpha = "grpc.reflection.v1alpha.ServerReflection";

template <typename Response>
std::map<std::string, google::protobuf::FileDescriptorProto> FilesOf(const Response& response) {
  std::map<std::string, google::protobuf::FileDescriptorProto> files;
  for (const std::string& bytes : response.file_descriptor_response().file_descriptor_proto()) {
    google::protobuf::FileDescriptorProto file;
    EXPECT_TRUE(file.ParseFromString(bytes));
    files.emplace(file.name(), file);
  }
  return files;
}

TEST_F(GrpcStandardTest, EverythingThatIsHereServes) {
  Health health;
  for (const char* service : {"", "tocsin.v1.GroupService", "tocsin.v1.StatusService", "grpc.health.v1.Health"}) {
    health.Clear();
    ASSERT_TRUE(Check(service, health).ok()) << service;
    EXPECT_EQ(health.status(), Health::SERVING) << service;
  }
  EXPECT_EQ(Check("tocsin.v1.NoService", health).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(GrpcStandardTest, WhoWatchesIsToldOnceAndTheCallStaysOpen) {
  const std::map<std::string, Health::ServingStatus> cases = {
      {"",                       Health::SERVING        },
      {"tocsin.v1.GroupService", Health::SERVING        },
      {"tocsin.v1.NoService",    Health::SERVICE_UNKNOWN}
  };
  const grpc::internal::RpcMethod method("/grpc.health.v1.Health/Watch", grpc::internal::RpcMethod::SERVER_STREAMING);
  for (const auto& [service, status] : cases) {
    grpc::ClientContext context;
    Asked asked;
    asked.set_service(service);
    const std::unique_ptr<grpc::ClientReader<Health>> watch(
        grpc::internal::ClientReaderFactory<Health>::Create(channel_.get(), method, &context, asked));
    Health health;
    ASSERT_TRUE(watch->Read(&health)) << service;
    EXPECT_EQ(health.status(), status) << service;
    context.TryCancel();
    EXPECT_FALSE(watch->Read(&health));
    EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::CANCELLED) << "it had not ended";
  }
}

TEST_F(GrpcStandardTest, WhoWatchesIsToldWhenTheServerStops) {
  const grpc::internal::RpcMethod method("/grpc.health.v1.Health/Watch", grpc::internal::RpcMethod::SERVER_STREAMING);
  grpc::ClientContext context;
  const std::unique_ptr<grpc::ClientReader<Health>> watch(
      grpc::internal::ClientReaderFactory<Health>::Create(channel_.get(), method, &context, Asked()));
  Health health;
  ASSERT_TRUE(watch->Read(&health));
  EXPECT_EQ(health.status(), Health::SERVING);
  std::thread stopper([&] { server_->Stop(absl::Minutes(2)); });
  ASSERT_TRUE(watch->Read(&health));
  EXPECT_EQ(health.status(), Health::NOT_SERVING);
  EXPECT_FALSE(watch->Read(&health));
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  stopper.join();
}

TEST_F(GrpcStandardTest, ListsEveryService) {
  one::ServerReflectionRequest request;
  request.set_host("somewhere");
  request.set_list_services("*");
  V1 talk(channel_, kV1);
  const one::ServerReflectionResponse response = talk.Ask(request);
  EXPECT_EQ(response.original_request().SerializeAsString(), request.SerializeAsString());
  EXPECT_EQ(response.valid_host(), "somewhere");
  std::vector<std::string> names;
  for (const one::ServiceResponse& service : response.list_services_response().service())
    names.push_back(service.name());
  EXPECT_THAT(names,
              ElementsAre("grpc.health.v1.Health", kV1, kV1Alpha, "tocsin.v1.GroupService", "tocsin.v1.StatusService"));
  EXPECT_TRUE(talk.End().ok());
}

// As tools do it: what is listed, with all that it needs, makes a schema from nothing.
TEST_F(GrpcStandardTest, ToldToAStrangerTheSchemaIsWhole) {
  V1Alpha talk(channel_, kV1Alpha);
  alpha::ServerReflectionRequest list;
  list.set_list_services("");
  google::protobuf::DescriptorPool learned;
  std::map<std::string, google::protobuf::FileDescriptorProto> files;
  const alpha::ServerReflectionResponse listed = talk.Ask(list);
  ASSERT_EQ(listed.list_services_response().service_size(), 5);
  for (const alpha::ServiceResponse& service : listed.list_services_response().service())
    files.merge(FilesOf(talk.AskForSymbol(service.name())));
  std::function<void(const std::string&)> build = [&](const std::string& name) {
    if (learned.FindFileByName(name) != nullptr) return;
    ASSERT_TRUE(files.contains(name)) << name;
    for (const std::string& each : files[name].dependency())
      build(each);
    EXPECT_NE(learned.BuildFile(files[name]), nullptr) << name;
  };
  for (const auto& [name, file] : files)
    build(name);
  for (const alpha::ServiceResponse& service : listed.list_services_response().service())
    EXPECT_NE(learned.FindServiceByName(service.name()), nullptr) << service.name();
  EXPECT_NE(learned.FindMethodByName("tocsin.v1.GroupService.ListGroups"), nullptr);
  EXPECT_TRUE(talk.End().ok());
}

TEST_F(GrpcStandardTest, GivesAStreamWhatAFileImportsOnce) {
  V1 talk(channel_, kV1);
  const auto first = FilesOf(talk.AskForSymbol("tocsin.v1.GroupService.ListGroups"));
  EXPECT_TRUE(first.contains("tocsin/v1/api.proto"));
  EXPECT_TRUE(first.contains("google/protobuf/timestamp.proto"));
  const auto second = FilesOf(talk.AskForSymbol("tocsin.v1.StatusService"));
  EXPECT_EQ(second.size(), 1U) << "what it asks for, and nothing that it has";
  EXPECT_TRUE(second.contains("tocsin/v1/api.proto"));
  one::ServerReflectionRequest by_name;
  by_name.set_file_by_filename("google/protobuf/timestamp.proto");
  EXPECT_TRUE(FilesOf(talk.Ask(by_name)).contains("google/protobuf/timestamp.proto"));
}

TEST_F(GrpcStandardTest, SaysWhatItDoesNotHaveAndGoesOn) {
  V1 talk(channel_, kV1);
  std::vector<one::ServerReflectionRequest> questions(5);
  questions[0].set_file_by_filename("no/such.proto");
  questions[1].set_file_containing_symbol("no.Such");
  questions[2].mutable_file_containing_extension()->set_containing_type("tocsin.v1.Group");
  questions[3].set_all_extension_numbers_of_type("tocsin.v1.Group");
  // What the program knows and no service speaks of is nobody's business.
  questions[4].set_file_containing_symbol("google.protobuf.FileDescriptorProto");
  for (const one::ServerReflectionRequest& question : questions)
    EXPECT_EQ(talk.Ask(question).error_response().error_code(), grpc::StatusCode::NOT_FOUND)
        << question.ShortDebugString();
  EXPECT_EQ(talk.Ask({}).error_response().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(talk.AskForSymbol("tocsin.v1.GroupService").file_descriptor_response().file_descriptor_proto_size() > 0,
            true);
  EXPECT_TRUE(talk.End().ok());
}

// A question of thirty bytes has an answer of tens of thousands, and needs no token.
TEST_F(GrpcStandardTest, TellsAllAskersTogetherSoMuchASecond) {
  std::size_t told = 0;
  const auto ask_until_refused = [&] {
    V1 talk(channel_, kV1);
    while (const std::size_t bytes = talk.AskForSymbol("tocsin.v1.GroupService").ByteSizeLong()) {
      told += bytes;
      if (told > 2 * kMostReflected) break;
    }
    return talk.End();
  };
  const grpc::Status status = ask_until_refused();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("try again in a second"));
  EXPECT_GE(told, kMostReflected);
  EXPECT_LT(told, kMostReflected + (std::size_t{1} << 18U)) << "at most one answer more";
  told = 0;
  EXPECT_EQ(ask_until_refused().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(told, 0U) << "it is that of all streams";
  clock_.second = 1;
  V1 talk(channel_, kV1);
  EXPECT_GT(talk.AskForSymbol("tocsin.v1.GroupService").ByteSizeLong(), 0U);
  EXPECT_TRUE(talk.End().ok());
}

TEST_F(GrpcStandardTest, TakesNoLongQuestions) {
  Health health;
  EXPECT_EQ(Check(std::string(20'000, 's'), health).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

}  // namespace
}  // namespace tocsin
