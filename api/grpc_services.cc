#include "api/grpc_services.h"

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"

#include "base/limits.h"
#include "base/status.h"

namespace tocsin {
namespace {

constexpr std::size_t kSlack = 64 * 1024;
// An organisation's text is the longest message.
constexpr std::size_t kMostBytes = limits::kConfigurationBytes + kSlack;
// Who has shown nothing says a name, a password and the like.
constexpr std::size_t kMostOfStrangers = kSlack;

// Who is behind a front of ours; without the port, which says nothing tomorrow.
std::string OriginOf(const GrpcHead& head, const TrustedProxies& proxies) {
  if (!proxies.Trusts(head.peer)) return absl::StrFormat("grpc %s", head.peer);
  return "grpc " + proxies.ClientOf(head.peer, {head.values("x-forwarded-for"), head.values("forwarded")});
}

absl::StatusOr<Caller> CallerOf(const GrpcHead& head, const Method& method, const Api& api, const Auth& auth) {
  std::string origin = OriginOf(head, api.proxies);
  if (method.open) return Nobody(std::move(origin));
  TOCSIN_ASSIGN(Caller caller, auth.Check(head.value("authorization")));
  caller.origin = std::move(origin);
  head.vouch();
  return caller;
}

void Work(const Method& method,
          const Caller& caller,
          std::string request,
          const std::shared_ptr<GrpcCall>& call,
          Api& api,
          Workers& workers) {
  absl::StatusOr<PlaceInLine> line = Admit(api, method, caller, request, Encoding::kProtobuf);
  if (!line.ok()) return call->Finish(line.status());
  const bool taken = workers.Post(
      line->lane, [&api, &method, call, caller, request = std::move(request), place = std::move(line->place)] {
        call->Answer(Invoke(api, method, caller, request, Encoding::kProtobuf));
      });
  if (!taken) call->Finish(absl::ResourceExhaustedError("too many calls are waiting; try again in a second"));
}

}  // namespace

void AddGrpcMethods(GrpcRouter& router, Api& api, const Auth& auth, Workers& workers) {
  for (const Method& method : Methods()) {
    router.AddUnary(absl::StrFormat("/%s/%s", method.service, method.name), method.open ? kMostOfStrangers : kMostBytes,
                    [&method, &api, &auth, &workers](const GrpcHead& head) -> absl::StatusOr<GrpcRouter::Unary> {
                      TOCSIN_ASSIGN(Caller caller, CallerOf(head, method, api, auth));
                      return [&method, &api, &workers, caller = std::move(caller)](
                                 const GrpcMessage& message, const std::shared_ptr<GrpcCall>& call) {
                        Work(method, caller, message.Copy(), call, api, workers);
                      };
                    });
  }
}

}  // namespace tocsin
