#include "api/audit_chain.h"

#include "api/auth.h"
#include "base/status.h"
#include "base/strings.h"
#include "config/vault.h"
#include "storage/store.h"

namespace tocsin {
namespace {

constexpr std::size_t kHeads = 10'000;  // are compared
constexpr std::uint32_t kLongestKept = 36'500;

}  // namespace

absl::Status VerifyAudit(Api& api,
                         const Caller&,
                         const v1::VerifyAuditRequest& request,
                         v1::VerifyAuditResponse& response) {
  if (request.kept_days() > kLongestKept)
    return Invalid("kept_days: %d is not in 1..%d", request.kept_days(), kLongestKept);
  const Store& store = api.engine.store();
  std::string own;
  std::vector<std::string> keys(request.keys().begin(), request.keys().end());
  if (!api.data_folder.empty()) {
    TOCSIN_ASSIGN(const std::string seed, api.vault == nullptr
                                              ? ReadOrMakeSecret(api.data_folder + "/audit.key")
                                              : ReadOrMakeSealed(*api.vault, api.data_folder, "audit.key"));
    own = AuditSigner(seed).public_key();
    keys.push_back(own);
  }
  const NotedHeads noted = ReadHeads(request.heads(), store.store_id(), keys, kHeads);
  AuditQuestion question{
      .heads = noted.heads, .now = api.engine.Read().wall, .kept = absl::Hours(24) * request.kept_days()};
  TOCSIN_ASSIGN(AuditReport report, store.VerifyAudit(question));
  Add(noted, report);
  PutReport(report, response);
  response.set_key(own);
  return absl::OkStatus();
}

}  // namespace tocsin
