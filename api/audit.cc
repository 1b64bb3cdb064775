#include "api/handlers.h"
#include "api/paging.h"
#include "base/status.h"
#include "model/codec/access_proto.h"
#include "model/codec/common_proto.h"

namespace tocsin {
namespace {

constexpr std::size_t kLookedAt = 20'000;  // in one call, however few of them are wanted
constexpr std::size_t kAtOnce = 1000;

struct Wanted {
  const v1::ListAuditRequest& request;
  absl::Time since = absl::InfinitePast();
  absl::Time until = absl::InfiniteFuture();

  bool Has(const AuditEntry& entry) const {
    const auto fits = [](const std::string& wanted, const std::string& is) { return wanted.empty() || wanted == is; };
    return fits(request.actor(), entry.actor) && fits(request.object(), entry.object) &&
           fits(request.action(), entry.action) && entry.at >= since && entry.at < until;
  }
};

}  // namespace

absl::Status ListAudit(Api& api, const Caller&, const v1::ListAuditRequest& request, v1::ListAuditResponse& response) {
  TOCSIN_ASSIGN(const Cursor cursor, ParseCursor(request.cursor()));
  const std::size_t page = PageSize(request.page_size());
  Wanted wanted{request};
  if (request.has_since()) TOCSIN_TRY(Annotate(FromProto(request.since(), wanted.since), "since"));
  if (request.has_until()) TOCSIN_TRY(Annotate(FromProto(request.until(), wanted.until), "until"));
  const std::uint8_t table = KeyOf(Row(AuditEntry())).table;
  std::uint64_t before = cursor.first;
  for (std::size_t looked_at = 0; looked_at < kLookedAt; looked_at += kAtOnce) {
    TOCSIN_ASSIGN(const std::vector<Row> rows, api.engine.store().ListRows(table, before, kAtOnce));
    if (rows.empty()) return absl::OkStatus();
    for (const Row& row : rows) {
      const auto& entry = std::get<AuditEntry>(row);
      if (entry.at < wanted.since) return absl::OkStatus();  // all that follow are older
      before = entry.id.value();
      if (!wanted.Has(entry)) continue;
      ToProto(entry, *response.add_entries());
      if (static_cast<std::size_t>(response.entries_size()) < page) continue;
      response.set_next_cursor(FormatCursor({before, 0}));
      return absl::OkStatus();
    }
  }
  response.set_next_cursor(FormatCursor({before, 0}));
  return absl::OkStatus();
}

}  // namespace tocsin
