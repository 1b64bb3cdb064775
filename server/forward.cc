#include "server/forward.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "absl/strings/match.h"

#include "base/log.h"
#include "base/status.h"
#include "base/strings.h"
#include "net/http_client.h"
#include "net/http_server.h"

namespace tocsin {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(30);
constexpr std::size_t kMostAnswered = std::size_t{64} << 20U;

// What is about one connection, or says how a body came that has been read and inflated meanwhile; net adds what is needed anew. And
// what only a gateway may say.
constexpr std::array kOwnToAHop = {"Connection", "Keep-Alive", "Proxy-Connection",        "TE",
                                   "Trailer",    "Upgrade",    "Transfer-Encoding",       "Content-Length",
                                   "Date",       "Expect",     kForwardedForHeader.data()};

HttpHeaders ToForward(const HttpHeaders& headers, bool is_request) {
  HttpHeaders kept;
  for (const HttpHeader& header : headers) {
    const auto is_it = [&](std::string_view name) { return absl::EqualsIgnoreCase(ToAbsl(header.name), ToAbsl(name)); };
    const bool was_inflated = is_request && is_it("Content-Encoding");
    if (!was_inflated && std::ranges::none_of(kOwnToAHop, is_it)) kept.push_back(header);
  }
  return kept;
}

HttpResponse Away(std::string_view why) {
  HttpResponse response = JsonResponse(503, absl::StrFormat(R"({"code":503,"message":%s})", JsonQuote(why)));
  response.headers.push_back({"Retry-After", "1"});
  return response;
}

HttpResponse Ask(const HttpRequest& request, const std::string& engine) {
  HttpCall call{.method = request.method_name,
                .url = "http://engine" + (request.raw_path.empty() ? "/" : request.raw_path) +
                       (request.query.empty() ? "" : "?" + request.query),
                .headers = ToForward(request.headers, true),
                .body = request.body,
                .timeout = kTimeout,
                .max_response_bytes = kMostAnswered,
                .unix_socket = engine};
  call.headers.push_back({std::string(kForwardedForHeader), request.peer});
  absl::StatusOr<HttpResponse> answer = Perform(call);
  if (!answer.ok()) {
    LogWarning("the engine did not answer what was forwarded to it",
               {
                   {"path",  request.path   },
                   {"error", answer.status()}
    });
    return Away("the engine did not answer; try again");
  }
  answer->headers = ToForward(answer->headers, false);
  return *std::move(answer);
}

}  // namespace

void Forwarder::SetEngine(std::string unix_socket) {
  const MutexLock lock(mutex_);
  engine_ = std::move(unix_socket);
}

std::string Forwarder::engine() const {
  const MutexLock lock(mutex_);
  return engine_;
}

void Forwarder::Forward(HttpRequest request, HttpResponder responder) {
  std::string engine = this->engine();
  if (engine.empty()) return std::move(responder).Send(Away("the engine is away; try again"));
  const bool asks = request.method == HttpMethod::kGet || request.method == HttpMethod::kHead;
  const auto owed = std::make_shared<HttpResponder>(std::move(responder));
  const bool taken = workers_.Post(asks ? Workers::Lane::kAsking : Workers::Lane::kDoing,
                                   [owed, request = std::move(request), engine = std::move(engine)] {
                                     std::move(*owed).Send(Ask(request, engine));
                                   });
  if (!taken) std::move(*owed).Send(Away("too many requests wait for the engine; try again"));
}

void Forwarder::AddRoutes(HttpRouter& router) {
  const HttpHandler forward = [this](HttpRequest request, HttpResponder responder) {
    Forward(std::move(request), std::move(responder));
  };
  for (std::size_t i = 0; i < kHttpMethods; ++i) {
    const auto method = static_cast<HttpMethod>(i);
    router.AddPrefix(method, "/", forward);
    // An exact path answers for all methods; of these the gateway itself takes but one.
    if (method == HttpMethod::kPost) continue;
    router.Add(method, "/api/v2/alerts", forward);
    router.Add(method, "/api/v1/alerts", forward);
  }
}

}  // namespace tocsin
