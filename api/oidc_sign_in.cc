// Logging in by a provider, at a terminal: the command line makes a secret, the browser signs in for its challenge, and the person
// carries a code from the one to the other.
#include "api/handlers.h"
#include "api/oidc_desk.h"
#include "api/oidc_door.h"
#include "api/oidc_people.h"
#include "base/log.h"
#include "base/status.h"

namespace tocsin {

absl::Status ListProviders(Api& api,
                           const Caller&,
                           const v1::ListProvidersRequest&,
                           v1::ListProvidersResponse& response) {
  if (api.oidc == nullptr) return absl::OkStatus();
  for (const std::shared_ptr<oidc::Provider>& provider : *api.oidc->providers()) {
    auto& entry = *response.add_providers();
    entry.set_name(provider->settings().name);
    entry.set_label(provider->settings().Label());
    entry.set_url(StartUrl(api, provider->settings().name));
  }
  return absl::OkStatus();
}

absl::Status RunFinishSignIn(Api& api,
                             const Caller& caller,
                             const v1::FinishSignInRequest& request,
                             v1::SignInResponse& response) {
  if (api.oidc == nullptr) return Precondition("no provider is configured (--sign_in)");
  const EngineTime now = api.engine.Read().engine;
  TOCSIN_TRY(api.attempts->Begin("", AddressOf(caller), now));
  const absl::StatusOr<oidc::Codes::Ready> ready = api.oidc->codes().Take(request.code(), request.verifier(), now);
  if (!ready.ok()) {
    LogWarning("a code of a provider's sign-in was refused",
               {
                   {"origin", caller.origin          },
                   {"reason", Message(ready.status())}
    });
    return absl::PermissionDeniedError(ready.status().message());
  }
  TOCSIN_TRY(SignInVouched(api, caller.origin, {ready->user, ready->voucher}, request.name(), response));
  api.attempts->Succeed("", AddressOf(caller));
  return absl::OkStatus();
}

}  // namespace tocsin
