#include <algorithm>

#include "api/handlers.h"
#include "api/records.h"
#include "base/limits.h"
#include "base/status.h"
#include "model/codec/common_proto.h"
#include "model/codec/response_proto.h"
#include "model/matcher.h"

namespace tocsin {
namespace {

constexpr std::size_t kShown = 50;
constexpr std::size_t kMost = 1000;

struct ChangeQuery {
  absl::Time since = absl::InfinitePast();
  absl::Time until = absl::InfiniteFuture();
  ServiceId service;
  CompiledMatchers matchers;
  std::size_t limit = kShown;

  bool Takes(const ChangeEvent& change) const {
    if (service.set() && change.service != service) return false;
    std::vector<LabelView> labels;
    for (const Label& label : change.labels)
      labels.push_back({label.name, label.value});
    return matchers.Match(labels);
  }
};

absl::StatusOr<ChangeQuery> Read(const v1::ListChangesRequest& request) {
  ChangeQuery query;
  if (request.has_since()) TOCSIN_TRY(Annotate(FromProto(request.since(), query.since), "since"));
  if (request.has_until()) TOCSIN_TRY(Annotate(FromProto(request.until(), query.until), "until"));
  query.service = ServiceId(request.service());
  TOCSIN_ASSIGN(const std::vector<Matcher> matchers, ReadMatchers(request.matchers()));
  TOCSIN_TRY(CheckMatcherCount(matchers));
  TOCSIN_ASSIGN(query.matchers, CompiledMatchers::Compile(matchers));
  if (request.limit() > 0) query.limit = std::min<std::size_t>(request.limit(), kMost);
  return query;
}

}  // namespace

absl::Status ListChanges(Api& api,
                         const Caller&,
                         const v1::ListChangesRequest& request,
                         v1::ListChangesResponse& response) {
  TOCSIN_ASSIGN(const ChangeQuery query, Read(request));
  api.engine.ReadResponderAndWait([&](const Responder& responder, const Now&) {
    const ResponderState& state = responder.state();
    auto at = state.changes_by_time.upper_bound({query.until, ChangeEventId(UINT64_MAX)});
    while (at != state.changes_by_time.begin()) {
      --at;
      if (at->first < query.since) break;
      const ChangeEvent& change = state.changes.at(at->second);
      if (!query.Takes(change)) continue;
      if (static_cast<std::size_t>(response.changes_size()) == query.limit) {
        response.set_truncated(true);
        break;
      }
      ToProto(change, *response.add_changes());
    }
  });
  return absl::OkStatus();
}

absl::Status RunRecordChange(Api& api,
                             const Caller& caller,
                             const v1::RecordChangeRequest& request,
                             v1::CommandResponse& response) {
  ChangeEvent change;
  TOCSIN_TRY(Annotate(FromProto(request.change(), change), "change"));
  change.id = ChangeEventId();
  change.integration = IntegrationId();
  if (change.source.empty()) change.source = caller.name;
  return Run(api, caller, request.request_id(), RecordChange{std::move(change)}, response);
}

}  // namespace tocsin
