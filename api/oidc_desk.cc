#include "api/oidc_desk.h"

#include <algorithm>

namespace tocsin {

OidcDesk::OidcDesk(PeerRules peers, oidc::Provider::Fetch fetch) : peers_(std::move(peers)), fetch_(std::move(fetch)) {}

void OidcDesk::Set(oidc::SignInFile file) {
  auto wanted = std::make_shared<Providers>();
  const std::shared_ptr<const Providers> present = providers();
  for (oidc::Settings& settings : file.providers) {
    const auto same = std::ranges::find_if(
        *present, [&](const std::shared_ptr<oidc::Provider>& each) { return each->settings() == settings; });
    if (same != present->end()) {
      wanted->push_back(*same);
      continue;
    }
    wanted->push_back(std::make_shared<oidc::Provider>(
        std::move(settings),
        [this](const sockaddr& address, socklen_t length) { return peers_.Permits(address, length); }, fetch_));
  }
  const MutexLock lock(mutex_);
  providers_ = std::move(wanted);
  break_glass_ = std::move(file.break_glass);
}

std::shared_ptr<const OidcDesk::Providers> OidcDesk::providers() const {
  const MutexLock lock(mutex_);
  return providers_;
}

std::shared_ptr<oidc::Provider> OidcDesk::Find(std::string_view name) const {
  const std::shared_ptr<const Providers> all = providers();
  const auto found = std::ranges::find_if(
      *all, [&](const std::shared_ptr<oidc::Provider>& each) { return each->settings().name == name; });
  return found == all->end() ? nullptr : *found;
}

std::string OidcDesk::InsteadOfPassword(const UserId& user, std::span<const Identity> identities) const {
  const MutexLock lock(mutex_);
  if (std::ranges::count(break_glass_, user) > 0) return "";
  for (const std::shared_ptr<oidc::Provider>& provider : *providers_) {
    const oidc::Settings& settings = provider->settings();
    if (!settings.passwords && std::ranges::count(identities, settings.issuer, &Identity::issuer) > 0) {
      return settings.Label();
    }
  }
  return "";
}

}  // namespace tocsin
