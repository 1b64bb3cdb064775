#include "api/handlers.h"
#include "api/paging.h"
#include "api/records.h"
#include "base/status.h"
#include "base/strings.h"
#include "model/codec/response_proto.h"

namespace tocsin {
namespace {

constexpr std::size_t kTimelineShown = 2000;
constexpr std::size_t kTitleBytes = 1024;

std::optional<Generation> SeenBy(const v1::IncidentCommand& request) {
  if (request.generation() == 0) return std::nullopt;
  return Generation(request.generation());
}

}  // namespace

absl::Status ListIncidents(Api& api,
                           const Caller&,
                           const v1::ListIncidentsRequest& request,
                           v1::ListIncidentsResponse& response) {
  TOCSIN_ASSIGN(const Cursor cursor, ParseCursor(request.cursor()));
  const std::size_t page = PageSize(request.page_size());
  const std::uint8_t table = KeyOf(Row(Incident())).table;
  std::uint64_t before = cursor.first;
  while (static_cast<std::size_t>(response.incidents_size()) < page) {
    TOCSIN_ASSIGN(const std::vector<Row> rows, api.engine.store().ListRows(table, before, page));
    if (rows.empty()) return absl::OkStatus();
    for (const Row& row : rows) {
      const auto& incident = std::get<Incident>(row);
      if (static_cast<std::size_t>(response.incidents_size()) >= page) break;
      before = incident.id.value();
      if (request.include_resolved() || incident.state != Incident::State::kResolved) {
        ToProto(incident, *response.add_incidents());
      }
    }
  }
  response.set_next_cursor(FormatCursor({before, 0}));
  return absl::OkStatus();
}

absl::Status GetIncident(Api& api,
                         const Caller&,
                         const v1::GetIncidentRequest& request,
                         v1::GetIncidentResponse& response) {
  TOCSIN_ASSIGN(const Incident incident, FindIncident(api, IncidentId(request.id())));
  ToProto(incident, *response.mutable_incident());
  for (const GroupId id : incident.groups) {
    if (const absl::StatusOr<Group> group = FindGroup(api, id); group.ok()) Tell(*group, *response.add_groups());
  }
  TOCSIN_ASSIGN(const std::vector<TimelineEntry> timeline, Timeline(api, SubjectOf(incident.id), kTimelineShown));
  for (const TimelineEntry& entry : timeline)
    ToProto(entry, *response.add_timeline());
  return absl::OkStatus();
}

absl::Status RunOpenIncident(Api& api,
                             const Caller& caller,
                             const v1::OpenIncidentRequest& request,
                             v1::CommandResponse& response) {
  if (Trim(request.title()).empty()) return Invalid("title: say in a few words what is interrupted");
  if (request.title().size() > kTitleBytes) return Invalid("title: at most %d bytes", kTitleBytes);
  if (request.severity() > 5) return Invalid("severity: SEV%d does not exist, SEV1 to SEV5 do", request.severity());
  OpenIncident open;
  open.title = request.title();
  open.severity = request.severity() == 0 ? std::uint8_t{3} : static_cast<std::uint8_t>(request.severity());
  open.service = ServiceId(request.service());
  open.policy = PolicyId(request.policy());
  for (const std::uint64_t group : request.groups())
    open.groups.emplace_back(group);
  TOCSIN_ASSIGN(open.responders, ReadTargets(request.responders()));
  return Run(api, caller, request.request_id(), std::move(open), response);
}

absl::Status RunAcknowledgeIncident(Api& api,
                                    const Caller& caller,
                                    const v1::IncidentCommand& request,
                                    v1::CommandResponse& response) {
  return Run(api, caller, request.request_id(), AcknowledgeIncident{IncidentId(request.id()), SeenBy(request)},
             response);
}

absl::Status RunResolveIncident(Api& api,
                                const Caller& caller,
                                const v1::IncidentCommand& request,
                                v1::CommandResponse& response) {
  return Run(api, caller, request.request_id(), ResolveIncident{IncidentId(request.id()), SeenBy(request)}, response);
}

}  // namespace tocsin
