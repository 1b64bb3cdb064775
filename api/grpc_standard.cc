#include "api/grpc_standard.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include "base/mutex.h"
#include "base/status.h"
#include "grpc/health/v1/health.pb.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "grpc/reflection/v1alpha/reflection.pb.h"

namespace tocsin {
namespace {

namespace health = ::grpc::health::v1;

constexpr std::size_t kMostBytes = 16 * 1024;  // of a question
constexpr const char* kStopping = "the server is stopping; connect again";

using Names = std::set<std::string, std::less<>>;

Names ServicesOf(const GrpcRouter& router) {
  Names services;
  for (const std::string& path : router.Paths())
    services.insert(path.substr(1, path.rfind('/') - 1));
  return services;
}

// --- health ---

using ServingStatus = health::HealthCheckResponse::ServingStatus;

std::string HealthOf(ServingStatus status) {
  health::HealthCheckResponse response;
  response.set_status(status);
  return response.SerializeAsString();
}

// The service that is asked for.
absl::StatusOr<std::string> AskedOf(const GrpcMessage& message) {
  health::HealthCheckRequest request;
  if (!request.ParseFromString(message.Copy())) return Invalid("not a HealthCheckRequest");
  return request.service();
}

// Says how a service does, and then nothing more until the server stops: it does not change.
class HealthWatch final : public GrpcHandler {
 public:
  HealthWatch(std::shared_ptr<GrpcCall> call, std::shared_ptr<const Names> services)
      : call_(std::move(call)), services_(std::move(services)) {}

  void OnMessage(const GrpcMessage& message) override {
    if (is_refused_) return;
    if (std::exchange(has_asked_, true)) {
      is_refused_ = true;
      return call_->Finish(absl::InvalidArgumentError("a second message of a call that takes one"));
    }
    const absl::StatusOr<std::string> service = AskedOf(message);
    if (!service.ok()) return call_->Finish(service.status());
    call_->Write(HealthOf(services_->contains(*service) ? health::HealthCheckResponse::SERVING
                                                        : health::HealthCheckResponse::SERVICE_UNKNOWN));
  }
  void OnHalfClose() override {
    if (!has_asked_) call_->Finish(absl::InvalidArgumentError("a call without a message"));
  }
  void OnDrain() override {
    call_->Write(HealthOf(health::HealthCheckResponse::NOT_SERVING));
    call_->Finish(absl::UnavailableError(kStopping));
  }

 private:
  const std::shared_ptr<GrpcCall> call_;
  const std::shared_ptr<const Names> services_;
  bool has_asked_ = false;
  bool is_refused_ = false;
};

// --- reflection ---

// What there is to be told.
struct Schema {
  explicit Schema(Names names) : services(std::move(names)) {
    for (const std::string& name : services) {
      if (const auto* service = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name))
        Add(*service->file());
    }
  }
  // With all that it imports.
  void Add(const google::protobuf::FileDescriptor& file) {
    const auto [added, is_new] = files.try_emplace(&file);
    if (!is_new) return;
    google::protobuf::FileDescriptorProto proto;
    file.CopyTo(&proto);
    added->second = proto.SerializeAsString();
    for (int i = 0; i < file.dependency_count(); ++i)
      Add(*file.dependency(i));
  }

  const Names services;
  std::unordered_map<const google::protobuf::FileDescriptor*, std::string> files;  // as FileDescriptorProto
};

// Anybody may ask, and a question of thirty bytes has an answer of tens of thousands, which the asker may leave lying. What is told in all in a second
// is bounded, and with it what can lie about.
class Allowance {
 public:
  explicit Allowance(const Clock& clock) : clock_(clock) {}

  // Any thread. Whether anything is left of this second.
  bool IsLeft() {
    const EngineTime now = clock_.Read().engine;
    const MutexLock lock(mutex_);
    if (now - began_ >= absl::Seconds(1)) {
      began_ = now;
      used_ = 0;
    }
    return used_ < kMostReflected;
  }
  void Use(std::size_t bytes) {
    const MutexLock lock(mutex_);
    used_ += bytes;
  }

 private:
  const Clock& clock_;
  Mutex mutex_;
  EngineTime began_ ABSL_GUARDED_BY(mutex_);
  std::size_t used_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Of v1 or of v1alpha.
template <typename Request, typename Response>
class Reflection final : public GrpcHandler {
 public:
  Reflection(std::shared_ptr<GrpcCall> call, std::shared_ptr<const Schema> schema, std::shared_ptr<Allowance> allowance)
      : call_(std::move(call)), schema_(std::move(schema)), allowance_(std::move(allowance)) {}

  void OnMessage(const GrpcMessage& message) override {
    if (is_over_) return;
    Request request;
    if (!request.ParseFromString(message.Copy())) return End(Invalid("not a ServerReflectionRequest"));
    if (!allowance_->IsLeft()) return End(Exhausted("too many ask for the schema; try again in a second"));
    Response response;
    response.set_valid_host(request.host());
    *response.mutable_original_request() = request;
    Answer(request, response);
    std::string bytes = response.SerializeAsString();
    allowance_->Use(bytes.size());
    call_->Write(std::move(bytes));
  }
  void OnHalfClose() override { End(absl::OkStatus()); }
  void OnDrain() override { End(absl::UnavailableError(kStopping)); }

 private:
  void Answer(const Request& request, Response& response) {
    const auto& pool = *google::protobuf::DescriptorPool::generated_pool();
    switch (request.message_request_case()) {
      case Request::kFileByFilename:
        return AnswerFile(pool.FindFileByName(request.file_by_filename()), request.file_by_filename(), response);
      case Request::kFileContainingSymbol:
        return AnswerFile(pool.FindFileContainingSymbol(request.file_containing_symbol()),
                          request.file_containing_symbol(), response);
      case Request::kFileContainingExtension:
        return Refuse(absl::StatusCode::kNotFound,
                      absl::StrCat(request.file_containing_extension().containing_type(), " has no extensions"),
                      response);
      case Request::kAllExtensionNumbersOfType:
        return Refuse(absl::StatusCode::kNotFound,
                      absl::StrCat(request.all_extension_numbers_of_type(), " has no extensions"), response);
      case Request::kListServices:
        for (const std::string& service : schema_->services)
          response.mutable_list_services_response()->add_service()->set_name(service);
        return;
      case Request::MESSAGE_REQUEST_NOT_SET: break;
    }
    Refuse(absl::StatusCode::kInvalidArgument, "it asks for nothing", response);
  }
  void AnswerFile(const google::protobuf::FileDescriptor* file, const std::string& asked, Response& response) {
    if (file == nullptr || !schema_->files.contains(file))
      return Refuse(absl::StatusCode::kNotFound, "there is no " + asked + " here", response);
    Add(*file, *response.mutable_file_descriptor_response());
  }
  // With what it imports, unless the stream has been given that.
  template <typename Files>
  void Add(const google::protobuf::FileDescriptor& file, Files& to) {
    given_.insert(&file);
    to.add_file_descriptor_proto(schema_->files.at(&file));
    for (int i = 0; i < file.dependency_count(); ++i) {
      if (!given_.contains(file.dependency(i))) Add(*file.dependency(i), to);
    }
  }
  static void Refuse(absl::StatusCode code, const std::string& message, Response& response) {
    response.mutable_error_response()->set_error_code(static_cast<int>(code));
    response.mutable_error_response()->set_error_message(message);
  }
  void End(absl::Status status) {
    if (!std::exchange(is_over_, true)) call_->Finish(std::move(status));
  }

  const std::shared_ptr<GrpcCall> call_;
  const std::shared_ptr<const Schema> schema_;
  const std::shared_ptr<Allowance> allowance_;
  std::unordered_set<const google::protobuf::FileDescriptor*> given_;
  bool is_over_ = false;
};

using V1 =
    Reflection<::grpc::reflection::v1::ServerReflectionRequest, ::grpc::reflection::v1::ServerReflectionResponse>;
using V1Alpha = Reflection<::grpc::reflection::v1alpha::ServerReflectionRequest,
                           ::grpc::reflection::v1alpha::ServerReflectionResponse>;

template <typename Handler>
GrpcMethod Reflecting(const std::shared_ptr<const Schema>& schema, const std::shared_ptr<Allowance>& allowance) {
  return {.begin = [schema, allowance](const GrpcHead&,
                                       std::shared_ptr<GrpcCall> call) -> absl::StatusOr<std::unique_ptr<GrpcHandler>> {
            return std::make_unique<Handler>(std::move(call), schema, allowance);
          },
          .max_message = kMostBytes};
}

}  // namespace

void AddHealth(GrpcRouter& router) {
  Names names = ServicesOf(router);
  names.insert({"", "grpc.health.v1.Health"});
  const auto services = std::make_shared<const Names>(std::move(names));
  router.AddUnary("/grpc.health.v1.Health/Check", kMostBytes,
                  [services](const GrpcHead&) -> absl::StatusOr<GrpcRouter::Unary> {
                    return [services](const GrpcMessage& message, const std::shared_ptr<GrpcCall>& call) {
                      const absl::StatusOr<std::string> service = AskedOf(message);
                      if (!service.ok()) return call->Finish(service.status());
                      if (!services->contains(*service)) return call->Finish(NotFound("no service %s here", *service));
                      call->Answer(HealthOf(health::HealthCheckResponse::SERVING));
                    };
                  });
  router.Add("/grpc.health.v1.Health/Watch",
             {.begin = [services](const GrpcHead&,
                                  std::shared_ptr<GrpcCall> call) -> absl::StatusOr<std::unique_ptr<GrpcHandler>> {
                return std::make_unique<HealthWatch>(std::move(call), services);
              },
              .max_message = kMostBytes});
}

void AddReflection(GrpcRouter& router, const Clock& clock) {
  Names services = ServicesOf(router);
  services.insert({"grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"});
  const auto schema = std::make_shared<const Schema>(std::move(services));
  const auto allowance = std::make_shared<Allowance>(clock);
  router.Add("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Reflecting<V1>(schema, allowance));
  router.Add("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Reflecting<V1Alpha>(schema, allowance));
}

}  // namespace tocsin
