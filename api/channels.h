// How the ways to people do, by the API.
#pragma once

#include "absl/status/status.h"

#include "api/methods.h"
#include "tocsin/v1/channels.pb.h"

namespace tocsin {

absl::Status ListChannels(Api& api,
                          const Caller& caller,
                          const v1::ListChannelsRequest& request,
                          v1::ListChannelsResponse& response);

}  // namespace tocsin
