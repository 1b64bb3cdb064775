// What happens, for those who follow along.
#include <algorithm>
#include <deque>

#include "api/handlers.h"
#include "api/paging.h"
#include "base/status.h"
#include "model/codec/response_proto.h"

namespace tocsin {
namespace {

using Item = TimelineTail::Item;
using ItemPtr = TimelineTail::ItemPtr;

constexpr std::size_t kSlice = 512;  // copied at a time, so that nobody is held up

bool IsWanted(const v1::ListRecentRequest& request, const Item& item) {
  const TimelineEntry& entry = item.entry;
  if (request.group() != 0 && entry.subject != SubjectOf(GroupId(request.group()))) return false;
  if (request.incident() != 0 && entry.subject != SubjectOf(IncidentId(request.incident()))) return false;
  if (!request.service().empty() && item.service.value() != request.service()) return false;
  if (!request.user().empty() && entry.user.value() != request.user() && entry.actor != "user:" + request.user()) {
    return false;
  }
  return request.kinds().empty() ||
         std::ranges::any_of(request.kinds(), [&](int kind) { return kind == static_cast<int>(ToProto(entry.kind)); });
}

// What is wanted from `from` on, until there are `page` of them; the number to go on from.
std::uint64_t Forward(const TimelineTail& tail,
                      const v1::ListRecentRequest& request,
                      std::uint64_t from,
                      std::size_t page,
                      std::deque<ItemPtr>& found) {
  for (;;) {
    const TimelineTail::Slice slice = tail.Read(from, kSlice);
    if (slice.items.empty()) return slice.end;
    from = slice.first;
    for (const ItemPtr& item : slice.items) {
      if (found.size() >= page) return from;
      ++from;
      if (IsWanted(request, *item)) found.push_back(item);
    }
  }
}

// The last `page` that are wanted.
std::uint64_t Latest(const TimelineTail& tail,
                     const v1::ListRecentRequest& request,
                     std::size_t page,
                     std::deque<ItemPtr>& found) {
  std::uint64_t from = 0;
  for (;;) {
    const TimelineTail::Slice slice = tail.Read(from, kSlice);
    if (slice.items.empty()) return slice.end;
    for (const ItemPtr& item : slice.items) {
      if (!IsWanted(request, *item)) continue;
      found.push_back(item);
      if (found.size() > page) found.pop_front();
    }
    from = slice.first + slice.items.size();
  }
}

}  // namespace

absl::Status ListRecent(Api& api,
                        const Caller&,
                        const v1::ListRecentRequest& request,
                        v1::ListRecentResponse& response) {
  TOCSIN_ASSIGN(const Cursor cursor, ParseCursor(request.cursor()));
  const std::size_t page = PageSize(request.page_size());
  const TimelineTail& tail = api.engine.timeline_tail();
  std::deque<ItemPtr> found;
  std::uint64_t next = 0;
  if (request.cursor().empty()) {
    next = Latest(tail, request, page, found);
  } else {
    // Numbers of another run of the server mean nothing: all that is kept has come since.
    const bool same_run = cursor.first == tail.run();
    const std::uint64_t from = same_run ? cursor.second : 0;
    response.set_restarted(!same_run);
    const std::uint64_t oldest = tail.Read(from, 0).first;
    response.set_missed(oldest > from ? oldest - from : 0);
    next = Forward(tail, request, from, page, found);
  }
  for (const ItemPtr& item : found) {
    auto& shown = *response.add_entries();
    ToProto(item->entry, *shown.mutable_entry());
    shown.set_service(item->service.value());
  }
  response.set_next_cursor(FormatCursor({tail.run(), next}));
  response.set_more(next < tail.Read(next, 0).end);
  return absl::OkStatus();
}

}  // namespace tocsin
