// The API's gRPC face: what it decides by a call's headers, and how much it reads of whom.
#include <gmock/gmock.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <gtest/gtest.h>

#include "tests/api/world.h"

namespace tocsin {
namespace {

class GrpcServicesTest : public ApiTest {
 protected:
  grpc::Status Rpc(const char* path, std::size_t bytes, const std::string& token) {
    grpc::ClientContext context;
    if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
    const grpc::internal::RpcMethod method(path, grpc::internal::RpcMethod::NORMAL_RPC);
    const grpc::Slice slice(std::string(bytes, '\0'));  // no message of ours
    grpc::ByteBuffer ignored;
    return grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer, grpc::ByteBuffer, grpc::ByteBuffer>(
        channel_.get(), method, &context, grpc::ByteBuffer(&slice, 1), &ignored);
  }
  static constexpr std::size_t kMost = limits::kConfigurationBytes + 64 * 1024;
};

TEST_F(GrpcServicesTest, RefusesWhoeverHasNoTokenBeforeItReadsWhatHeSays) {
  const std::uint64_t refused = grpc_->ReadStatistics().refused;
  EXPECT_EQ(Rpc("/tocsin.v1.GroupService/ListGroups", kMost + 1, "wrong").error_code(),
            grpc::StatusCode::UNAUTHENTICATED)
      << "and not that it is too long";
  EXPECT_EQ(Rpc("/tocsin.v1.GroupService/NoMethod", 0, token_).error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(grpc_->ReadStatistics().refused, refused + 2);
}

TEST_F(GrpcServicesTest, ReadsAsMuchAsAnOrganisationMayHaveOfWhoeverHasAToken) {
  EXPECT_EQ(Rpc("/tocsin.v1.OrganisationService/ApplyOrganisation", kMost, token_).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT)
      << "it was read";
  EXPECT_EQ(Rpc("/tocsin.v1.OrganisationService/ApplyOrganisation", kMost + 1, token_).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(GrpcServicesTest, ReadsLittleOfWhoeverLogsIn) {
  EXPECT_EQ(Rpc("/tocsin.v1.SignInService/SignIn", 64 * 1024, "").error_code(), grpc::StatusCode::INVALID_ARGUMENT)
      << "it was read";
  EXPECT_EQ(Rpc("/tocsin.v1.SignInService/SignIn", 64 * 1024 + 1, "").error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
}

}  // namespace
}  // namespace tocsin
