// Whether anybody has changed the audit log, by the API.
#pragma once

#include "absl/status/status.h"

#include "api/methods.h"
#include "storage/audit_verify.h"
#include "tocsin/v1/audit.pb.h"

namespace tocsin {

absl::Status VerifyAudit(Api& api,
                         const Caller& caller,
                         const v1::VerifyAuditRequest& request,
                         v1::VerifyAuditResponse& response);

}  // namespace tocsin
