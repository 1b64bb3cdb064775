#include "api/connect.h"

#include "api/session_door.h"
#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

struct ConnectCode {
  absl::StatusCode code;
  std::string_view name;
  int http_status;
};

// connectrpc.com/docs/protocol#error-codes
constexpr ConnectCode kCodes[] = {
    {absl::StatusCode::kCancelled,          "canceled",            499},
    {absl::StatusCode::kInvalidArgument,    "invalid_argument",    400},
    {absl::StatusCode::kDeadlineExceeded,   "deadline_exceeded",   504},
    {absl::StatusCode::kNotFound,           "not_found",           404},
    {absl::StatusCode::kAlreadyExists,      "already_exists",      409},
    {absl::StatusCode::kPermissionDenied,   "permission_denied",   403},
    {absl::StatusCode::kResourceExhausted,  "resource_exhausted",  429},
    {absl::StatusCode::kFailedPrecondition, "failed_precondition", 400},
    {absl::StatusCode::kAborted,            "aborted",             409},
    {absl::StatusCode::kOutOfRange,         "out_of_range",        400},
    {absl::StatusCode::kUnimplemented,      "unimplemented",       501},
    {absl::StatusCode::kInternal,           "internal",            500},
    {absl::StatusCode::kUnavailable,        "unavailable",         503},
    {absl::StatusCode::kDataLoss,           "data_loss",           500},
    {absl::StatusCode::kUnauthenticated,    "unauthenticated",     401},
};

HttpResponse ErrorResponse(const absl::Status& status) {
  std::string_view name = "unknown";
  int http_status = 500;
  for (const ConnectCode& code : kCodes) {
    if (code.code != status.code()) continue;
    name = code.name;
    http_status = code.http_status;
  }
  return JsonResponse(http_status,
                      "{\"code\":\"" + std::string(name) + "\",\"message\":" + JsonQuote(Message(status)) + "}");
}

std::optional<Encoding> EncodingOf(const HttpRequest& request) {
  const std::string type =
      ToLower(Trim(request.header("content-type").substr(0, request.header("content-type").find(';'))));
  if (type == "application/json") return Encoding::kJson;
  if (type == "application/proto") return Encoding::kProtobuf;
  return std::nullopt;
}

void AnswerCall(
    Api& api, const Auth& auth, Workers& workers, const Method& method, HttpRequest request, HttpResponder responder) {
  const std::string origin = "http " + request.peer;
  absl::StatusOr<Caller> caller = method.open ? Nobody(origin) : CallerOf(api, auth, request);
  if (!caller.ok()) return std::move(responder).Send(ErrorResponse(caller.status()));
  caller->origin = origin;
  const std::optional<Encoding> encoding = EncodingOf(request);
  if (!encoding) {
    return std::move(responder).Send({415,
                                      {{"Accept-Post", "application/json, application/proto"}},
                                      "only application/json or application/proto\n"});
  }
  absl::StatusOr<PlaceInLine> line = Admit(api, method, *caller, request.body, *encoding);
  if (!line.ok()) return std::move(responder).Send(ErrorResponse(line.status()));
  auto held = std::make_shared<HttpResponder>(std::move(responder));
  const bool taken = workers.Post(line->lane, [&api, &method, caller = *caller, encoding = *encoding,
                                               body = std::move(request.body), held, place = std::move(line->place)] {
    absl::StatusOr<std::string> answer = Invoke(api, method, caller, body, encoding);
    if (!answer.ok()) return std::move(*held).Send(ErrorResponse(answer.status()));
    if (encoding == Encoding::kJson) return std::move(*held).Send(JsonResponse(200, *std::move(answer)));
    std::move(*held).Send({200, {{"Content-Type", "application/proto"}}, *std::move(answer)});
  });
  if (!taken) std::move(*held).Send(ErrorResponse(Exhausted("too many calls are waiting; try again in a second")));
}

}  // namespace

void AddConnectRoutes(HttpRouter& router, Api& api, const Auth& auth, Workers& workers) {
  for (const Method& method : Methods()) {
    const std::string path = "/" + std::string(method.service) + "/" + std::string(method.name);
    router.Add(HttpMethod::kPost, path, [&api, &auth, &workers, &method](HttpRequest request, HttpResponder responder) {
      AnswerCall(api, auth, workers, method, std::move(request), std::move(responder));
    });
  }
}

}  // namespace tocsin
