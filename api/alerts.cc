#include "api/handlers.h"
#include "api/paging.h"
#include "api/records.h"
#include "base/status.h"
#include "model/codec/response_proto.h"
#include "model/matcher.h"

namespace tocsin {
namespace {

AlertFilter::Standing StandingOf(v1::ListAlertsRequest::State state) {
  using Standing = AlertFilter::Standing;
  if (state == v1::ListAlertsRequest::STATE_FIRING) return Standing::kFiring;
  if (state == v1::ListAlertsRequest::STATE_SUPPRESSED) return Standing::kSuppressed;
  if (state == v1::ListAlertsRequest::STATE_RESOLVED) return Standing::kResolved;
  if (state == v1::ListAlertsRequest::STATE_ACTIVE) return Standing::kActive;
  return Standing::kAny;
}

// The key of a group's episode in memory; unset when there is no such group.
GroupKey KeyOfGroup(Api& api, GroupId id) {
  GroupKey key;
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    const auto found = responder.state().groups.find(id);
    if (found != responder.state().groups.end()) key = found->second.key;
  });
  return key;
}

}  // namespace

absl::Status ListAlerts(Api& api,
                        const Caller&,
                        const v1::ListAlertsRequest& request,
                        v1::ListAlertsResponse& response) {
  std::vector<Matcher> matchers;
  for (const std::string& text : request.matchers()) {
    TOCSIN_ASSIGN(Matcher matcher, ParseMatcher(text));
    matchers.push_back(std::move(matcher));
  }
  TOCSIN_TRY(CheckMatcherCount(matchers));
  TOCSIN_ASSIGN(const CompiledMatchers compiled, CompiledMatchers::Compile(matchers));
  TOCSIN_ASSIGN(Cursor cursor, ParseCursor(request.cursor()));
  const std::size_t page = PageSize(request.page_size());
  GroupKey group;
  if (request.group() != 0) {
    group = KeyOfGroup(api, GroupId(request.group()));
    if (!group.set())
      return NotFound("group G%d is not in memory; `tocsin groups` lists those that are", request.group());
  }

  const AlertFilter filter{&compiled, StandingOf(request.state()), group};
  std::vector<AlertRecord> found;
  while (cursor.first < api.engine.shard_count() && found.size() < page) {
    do {
      api.engine.ReadShardAndWait(static_cast<std::uint32_t>(cursor.first), [&](const Shard& shard) {
        cursor.second = shard.List(cursor.second, kReadSlice, filter, [&](const AlertRecord& alert) {
          found.push_back(alert);
          return found.size() < page;
        });
      });
    } while (cursor.second != 0 && found.size() < page);
    if (cursor.second == 0) cursor = {cursor.first + 1, 0};
  }
  ToProto(api, found, *response.mutable_alerts());
  if (cursor.first < api.engine.shard_count()) response.set_next_cursor(FormatCursor(cursor));
  return absl::OkStatus();
}

}  // namespace tocsin
