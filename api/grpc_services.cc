#include "api/grpc_services.h"

#include <string>

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/support/server_callback.h>

#include "base/status.h"
#include "base/strings.h"
#include "net/http.h"

namespace tocsin {
namespace {

grpc::Status ToGrpc(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), Message(status)};
}

std::string Bytes(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return {};
  std::string bytes;
  bytes.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices)
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

std::vector<std::string_view> MetadataOf(const grpc::CallbackServerContext& context, const char* name) {
  std::vector<std::string_view> values;
  const auto [begin, end] = context.client_metadata().equal_range(name);
  for (auto each = begin; each != end; ++each)
    values.emplace_back(each->second.data(), each->second.size());
  return values;
}

// "ipv4:127.0.0.1:5433" and "ipv6:[::1]:5433" without brackets and ports, which say nothing tomorrow; who is behind a front of ours.
std::string OriginOf(const grpc::CallbackServerContext& context, const TrustedProxies& proxies) {
  std::string peer = PercentDecode(context.peer(), /*plus_is_space=*/false);
  if (peer.starts_with("ipv4:") || peer.starts_with("ipv6:")) peer = peer.substr(5, peer.rfind(':') - 5);
  const bool is_bracketed = peer.size() > 2 && peer.starts_with('[') && peer.ends_with(']');
  if (const std::string bare = is_bracketed ? peer.substr(1, peer.size() - 2) : peer; proxies.Trusts(bare))
    peer = proxies.ClientOf(bare, {MetadataOf(context, "x-forwarded-for"), MetadataOf(context, "forwarded")});
  return "grpc " + peer;
}

absl::StatusOr<Caller> CallerOf(const grpc::CallbackServerContext& context, const Auth& auth, std::string origin) {
  const auto found = context.client_metadata().find("authorization");
  const bool given = found != context.client_metadata().end();
  TOCSIN_ASSIGN(Caller caller,
                auth.Check(given ? std::string_view(found->second.data(), found->second.size()) : std::string_view()));
  caller.origin = std::move(origin);
  return caller;
}

// One service of the table. Every method is unary and raw: bytes in, bytes out, decoded by the table's own functions.
class TableService final : public grpc::Service {
 public:
  TableService(std::string_view name, Api& api, const Auth& auth, Workers& workers)
      : api_(api), auth_(auth), workers_(workers) {
    int index = 0;
    for (const Method& method : Methods()) {
      if (method.service != name) continue;
      paths_.push_back(
          std::make_unique<std::string>("/" + std::string(method.service) + "/" + std::string(method.name)));
      AddMethod(
          new grpc::internal::RpcServiceMethod(paths_.back()->c_str(), grpc::internal::RpcMethod::NORMAL_RPC, nullptr));
      MarkMethodRawCallback(index++, new grpc::internal::CallbackUnaryHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
                                         [this, &method](grpc::CallbackServerContext* context,
                                                         const grpc::ByteBuffer* request, grpc::ByteBuffer* response) {
                                           return Answer(method, *context, *request, *response);
                                         }));
    }
  }

 private:
  grpc::ServerUnaryReactor* Answer(const Method& method,
                                   grpc::CallbackServerContext& context,
                                   const grpc::ByteBuffer& request,
                                   grpc::ByteBuffer& response) {
    grpc::ServerUnaryReactor* reactor = context.DefaultReactor();
    std::string origin = OriginOf(context, api_.proxies);
    const absl::StatusOr<Caller> caller =
        method.open ? Nobody(std::move(origin)) : CallerOf(context, auth_, std::move(origin));
    if (!caller.ok()) {
      reactor->Finish(ToGrpc(caller.status()));
      return reactor;
    }
    if (!method.open && api_.vouch) api_.vouch(context.peer());
    std::string bytes = Bytes(request);
    absl::StatusOr<PlaceInLine> line = Admit(api_, method, *caller, bytes, Encoding::kProtobuf);
    if (!line.ok()) {
      reactor->Finish(ToGrpc(line.status()));
      return reactor;
    }
    const bool taken = workers_.Post(line->lane, [this, &method, reactor, &response, caller = *caller,
                                                  bytes = std::move(bytes), place = std::move(line->place)] {
      const absl::StatusOr<std::string> answer = Invoke(api_, method, caller, bytes, Encoding::kProtobuf);
      if (!answer.ok()) return reactor->Finish(ToGrpc(answer.status()));
      const grpc::Slice slice(answer->data(), answer->size());
      response = grpc::ByteBuffer(&slice, 1);
      reactor->Finish(grpc::Status::OK);
    });
    if (!taken) {
      reactor->Finish({grpc::StatusCode::RESOURCE_EXHAUSTED, "too many calls are waiting; try again in a second"});
    }
    return reactor;
  }

  Api& api_;
  const Auth& auth_;
  Workers& workers_;
  std::vector<std::unique_ptr<std::string>> paths_;  // gRPC keeps pointers into them
};

}  // namespace

std::vector<std::unique_ptr<grpc::Service>> MakeGrpcServices(Api& api, const Auth& auth, Workers& workers) {
  std::vector<std::unique_ptr<grpc::Service>> services;
  std::string_view last;
  for (const Method& method : Methods()) {
    if (method.service == last) continue;
    last = method.service;
    services.push_back(std::make_unique<TableService>(last, api, auth, workers));
  }
  return services;
}

}  // namespace tocsin
