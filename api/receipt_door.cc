#include "api/receipt_door.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "base/strings.h"
#include "config/seal.h"
#include "notify/receipts.h"

namespace tocsin {
namespace {

constexpr std::size_t kReportBytes = 16 * 1024;

HttpResponse Refusal(const absl::Status& status) {
  const int code = absl::IsPermissionDenied(status)  ? 403
                   : absl::IsInvalidArgument(status) ? 400
                   : absl::IsNotFound(status)        ? 404
                                                     : 503;
  return JsonResponse(code, absl::StrCat("{\"message\":", JsonQuote(Message(status)), "}"));
}

// What reports are judged by, with the accounts' secrets open, and nothing else of the organisation.
Organisation AccountsOf(const Organisation& organisation, const Vault* vault) {
  Organisation accounts;
  accounts.public_url = organisation.public_url;
  accounts.twilio = organisation.twilio;
  accounts.second_twilio = organisation.second_twilio;
  return Opened(accounts, vault);
}

void TakeReport(Api& api, const HttpRequest& request, HttpResponder responder) {
  const AccessPtr access = api.engine.access();
  if (access->organisation == nullptr) return std::move(responder).Send(Refusal(absl::UnavailableError("not ready")));
  absl::StatusOr<std::optional<ProviderReceipt>> report = notify::ReadReceipt(
      AccountsOf(*access->organisation, api.vault), request.rest, request.body, request.header("x-twilio-signature"));
  if (!report.ok()) return std::move(responder).Send(Refusal(report.status()));
  if (!report->has_value()) return std::move(responder).Send({.status = 204});
  auto held = std::make_shared<HttpResponder>(std::move(responder));
  api.engine.Execute({"", "notify", **std::move(report), "receipt " + request.peer},
                     [held](const CommandResult& result) {
                       std::move(*held).Send(result.status.ok() ? HttpResponse{.status = 204} : Refusal(result.status));
                     });
}

}  // namespace

void AddReceiptRoutes(HttpRouter& router, Api& api) {
  router.AddPrefix(
      HttpMethod::kPost, "/receipts",
      [&api](const HttpRequest& request, HttpResponder responder) { TakeReport(api, request, std::move(responder)); },
      {.max_body_bytes = kReportBytes});
}

}  // namespace tocsin
