#include "server/canary.h"

#include <array>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include <sodium.h>

#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::string_view kPath = "/canary";

std::string NewKey() {
  std::array<unsigned char, 16> bytes{};
  randombytes_buf(bytes.data(), bytes.size());
  return absl::BytesToHexString(std::string(bytes.begin(), bytes.end()));
}

}  // namespace

Canary::Canary(Engine& engine, const Clock& clock) : round_(engine, clock, NewKey) {}

absl::StatusOr<std::unique_ptr<Canary>> Canary::Start(Engine& engine, const Clock& clock) {
  std::unique_ptr<Canary> canary(new Canary(engine, clock));
  HttpRouter router;
  router.Add(HttpMethod::kPost, kPath,
             [arrival = canary->round_.arrival()](const HttpRequest& request, HttpResponder responder) {
               arrival(request.header("Idempotency-Key"));
               std::move(responder).Send({200, {}, ""});
             });
  HttpServer::Options options;
  options.threads = 1;
  options.max_connections = 64;
  options.reserved_connections = 32;
  TOCSIN_ASSIGN(canary->provider_, HttpServer::Start(options, std::move(router)));
  canary->round_.SetUrl(absl::StrCat("http://127.0.0.1:", canary->provider_->port(), ToAbsl(kPath)));
  return canary;
}

}  // namespace tocsin
