// Which contact methods reach their people, by the API; and the words for it.
#pragma once

#include <string>

#include "absl/status/status.h"

#include "api/methods.h"
#include "model/reach.h"
#include "tocsin/v1/reach.pb.h"

namespace tocsin {

absl::Status ListContactMethods(Api& api,
                                const Caller& caller,
                                const v1::ListContactMethodsRequest& request,
                                v1::ListContactMethodsResponse& response);

// "confirmed at 2026-11-21 10:00 UTC", "nobody has confirmed that it works". `reach`: nullptr when nothing was ever sent.
std::string DescribeReach(ContactMethod::Kind kind, const ContactReach* reach);

}  // namespace tocsin
