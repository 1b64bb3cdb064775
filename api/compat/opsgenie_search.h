// Private to api/compat: which rows a query means. The responder pages, so all that it does is copy a few rows at a time; whoever asks
// matches them.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"

#include "api/compat/opsgenie_query.h"
#include "model/opsgenie.h"

namespace tocsin {

// What one visit of the responder brings.
struct OpsgenieSlice {
  static constexpr std::size_t kMostBytes = 256 * 1024;  // or a single row
  std::vector<OpsgenieAlert> rows;      // what a query can ask of them and a list shows; without notes, logs and labels
  std::size_t bytes = 0;                // that were copied
  std::optional<OpsgenieAlertId> next;  // absent: these are the last
};
OpsgenieSlice CopyOpsgenieSlice(const std::map<OpsgenieAlertId, OpsgenieAlert>& rows, OpsgenieAlertId from);

// Calls `visit` with each row that matches. False when `goes_on`, which is asked before each row, has said no.
bool EachOpsgenieMatch(const OpsgenieQuery& query,
                       absl::FunctionRef<OpsgenieSlice(OpsgenieAlertId from)> copy,
                       absl::FunctionRef<bool()> goes_on,
                       absl::FunctionRef<void(OpsgenieAlert)> visit);

// Without what only a single one shows, and may be large.
OpsgenieAlert AsListed(OpsgenieAlert alert);

}  // namespace tocsin
