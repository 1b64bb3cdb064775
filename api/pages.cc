#include "api/handlers.h"
#include "api/paging.h"
#include "api/records.h"
#include "base/status.h"
#include "model/canary.h"
#include "model/codec/response_proto.h"

namespace tocsin {
namespace {

void Show(const Notification& from, v1::Notification& to) {
  ToProto(from, to);
  Redact(to);
}

}  // namespace

absl::Status RunTestPage(Api& api,
                         const Caller& caller,
                         const v1::TestPageRequest& request,
                         v1::CommandResponse& response) {
  return Run(api, caller, request.request_id(), TestPage{UserId(request.user())}, response);
}

absl::Status RunAcknowledgeBundle(Api& api,
                                  const Caller& caller,
                                  const v1::AcknowledgeBundleRequest& request,
                                  v1::CommandResponse& response) {
  return Run(api, caller, request.request_id(), AcknowledgeBundle{NotificationId(request.id())}, response);
}

absl::Status GetPage(Api& api, const Caller&, const v1::GetPageRequest& request, v1::GetPageResponse& response) {
  TOCSIN_ASSIGN(const Page page, FindPage(api, PageId(request.id())));
  ToProto(page, *response.mutable_page());
  for (const NotificationId id : page.notifications) {
    Notification probe;
    probe.id = id;
    TOCSIN_ASSIGN(const std::optional<Row> row, api.engine.store().ReadRow(KeyOf(Row(probe))));
    if (row) Show(std::get<Notification>(*row), *response.add_notifications());
  }
  return absl::OkStatus();
}

absl::Status ListNotifications(Api& api,
                               const Caller&,
                               const v1::ListNotificationsRequest& request,
                               v1::ListNotificationsResponse& response) {
  TOCSIN_ASSIGN(const Cursor cursor, ParseCursor(request.cursor()));
  const std::size_t page = PageSize(request.page_size());
  const std::uint8_t table = KeyOf(Row(Notification())).table;
  std::uint64_t before = cursor.first;
  while (static_cast<std::size_t>(response.notifications_size()) < page) {
    TOCSIN_ASSIGN(const std::vector<Row> rows, api.engine.store().ListRows(table, before, page));
    if (rows.empty()) return absl::OkStatus();
    for (const Row& row : rows) {
      const auto& notification = std::get<Notification>(row);
      if (static_cast<std::size_t>(response.notifications_size()) >= page) break;
      before = notification.id.value();
      if (IsCanary(notification)) continue;
      if (request.user().empty() || notification.user.value() == request.user()) {
        Show(notification, *response.add_notifications());
      }
    }
  }
  response.set_next_cursor(FormatCursor({before, 0}));
  return absl::OkStatus();
}

}  // namespace tocsin
