#include "api/compat/opsgenie_search.h"

#include <utility>

namespace tocsin {
namespace {

std::size_t BytesOf(const OpsgenieAlert& row) {
  std::size_t bytes = sizeof(row) + row.uuid.size() + row.alias.size() + row.message.size() + row.description.size() +
                      row.entity.size() + row.source.size() + row.owner.size() + row.owner_team.size() +
                      row.acknowledged_by.size() + row.closed_by.size() + row.integration.value().size();
  for (const std::string& tag : row.tags)
    bytes += sizeof(tag) + tag.size();
  for (const std::string& action : row.actions)
    bytes += sizeof(action) + action.size();
  for (const Label& detail : row.details)
    bytes += sizeof(detail) + detail.name.size() + detail.value.size();
  for (const OpsgenieResponder& each : row.responders)
    bytes += sizeof(each) + each.type.size() + each.id.size() + each.name.size();
  return bytes;
}

OpsgenieAlert CopyOf(const OpsgenieAlert& row) {
  OpsgenieAlert copy;
  copy.id = row.id;
  copy.uuid = row.uuid;
  copy.alias = row.alias;
  copy.message = row.message;
  copy.description = row.description;
  copy.tags = row.tags;
  copy.details = row.details;
  copy.entity = row.entity;
  copy.source = row.source;
  copy.priority = row.priority;
  copy.responders = row.responders;
  copy.actions = row.actions;
  copy.count = row.count;
  copy.created_at = row.created_at;
  copy.updated_at = row.updated_at;
  copy.last_occurred_at = row.last_occurred_at;
  copy.owner = row.owner;
  copy.owner_team = row.owner_team;
  copy.seen = row.seen;
  copy.acknowledged = row.acknowledged;
  copy.acknowledged_at = row.acknowledged_at;
  copy.acknowledged_by = row.acknowledged_by;
  copy.snoozed = row.snoozed;
  copy.snoozed_until = row.snoozed_until;
  copy.closed = row.closed;
  copy.closed_at = row.closed_at;
  copy.closed_by = row.closed_by;
  copy.integration = row.integration;
  return copy;
}

}  // namespace

OpsgenieSlice CopyOpsgenieSlice(const std::map<OpsgenieAlertId, OpsgenieAlert>& rows, OpsgenieAlertId from) {
  OpsgenieSlice slice;
  for (auto at = rows.lower_bound(from); at != rows.end(); ++at) {
    const std::size_t bytes = BytesOf(at->second);
    if (!slice.rows.empty() && slice.bytes + bytes > OpsgenieSlice::kMostBytes) {
      slice.next = at->first;
      break;
    }
    slice.rows.push_back(CopyOf(at->second));
    slice.bytes += bytes;
  }
  return slice;
}

bool EachOpsgenieMatch(const OpsgenieQuery& query,
                       absl::FunctionRef<OpsgenieSlice(OpsgenieAlertId from)> copy,
                       absl::FunctionRef<bool()> goes_on,
                       absl::FunctionRef<void(OpsgenieAlert)> visit) {
  for (std::optional<OpsgenieAlertId> next = OpsgenieAlertId(); next;) {
    OpsgenieSlice slice = copy(*next);
    for (OpsgenieAlert& row : slice.rows) {
      if (!goes_on()) return false;
      if (query.Match(row)) visit(std::move(row));
    }
    next = slice.next;
  }
  return true;
}

OpsgenieAlert AsListed(OpsgenieAlert alert) {
  alert.description = {};
  alert.details = {};
  alert.entity = {};
  alert.actions = {};
  return alert;
}

}  // namespace tocsin
