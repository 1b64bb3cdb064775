// What a line with a head of an audit log claims, whoever has signed it: to choose among many lines before signatures are looked at.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"

#include "storage/audit_head.h"

namespace tocsin {

struct ClaimedHead {
  AuditHead head;
  std::string_view text;  // of the line: the head alone
};
// The failures of ParseHead but DataLoss.
absl::StatusOr<ClaimedHead> ReadClaim(std::string_view line);

}  // namespace tocsin
