// Which person of the organisation somebody is for whom a provider vouches, and their session.
#pragma once

#include "absl/status/statusor.h"

#include "api/methods.h"
#include "oidc/settings.h"
#include "oidc/token.h"
#include "tocsin/v1/api.pb.h"

namespace tocsin {

struct Vouched {
  UserId user;
  Voucher voucher;
};

// By the identity, once it is somebody's; else as the provider's settings say. PermissionDenied says, for whoever has just shown that
// they are who the claims say, why they may not come in.
absl::StatusOr<Vouched> FindPerson(Api& api,
                                   const oidc::Settings& settings,
                                   const oidc::Claims& claims,
                                   const std::string& origin);

// Makes the session. `response.token` is the secret, shown once.
absl::Status SignInVouched(
    Api& api, const std::string& origin, const Vouched& who, std::string name, v1::SignInResponse& response);

}  // namespace tocsin
