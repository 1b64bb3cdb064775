// Where people come in by whom a provider vouches for (OpenID Connect): who the providers are, what is under way with them, and threads
// of its own, since a provider may hang and nothing else should wait for it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/methods.h"
#include "api/workers.h"
#include "base/mutex.h"
#include "notify/peer_rules.h"
#include "oidc/pending.h"
#include "oidc/provider.h"
#include "oidc/settings.h"

namespace tocsin {

// Any thread.
class OidcDesk {
 public:
  using Providers = std::vector<std::shared_ptr<oidc::Provider>>;  // in the order of the file

  // `peers`: what providers' documents may lead us to, beside the issuers' own hosts. `fetch`: Perform, but for tests.
  explicit OidcDesk(PeerRules peers, oidc::Provider::Fetch fetch = Perform);
  // From now on. A provider of which nothing was changed keeps what it knows.
  void Set(oidc::SignInFile file);

  std::shared_ptr<const Providers> providers() const;
  // Null: there is none of this name.
  std::shared_ptr<oidc::Provider> Find(std::string_view name) const;
  // Whether `user`, who has these identities, is to come by a provider and not by a password; its label then, or "".
  std::string InsteadOfPassword(const UserId& user, std::span<const Identity> identities) const;

  // False: too many wait.
  bool Post(absl::AnyInvocable<void()> task) { return workers_.Post(Workers::Lane::kAsking, std::move(task)); }
  void Stop() { workers_.Stop(); }

  const oidc::Seal& seal() const { return seal_; }
  oidc::ComeBack& come_back() { return come_back_; }
  oidc::Codes& codes() { return codes_; }

 private:
  static constexpr std::size_t kThreads = 4;
  static constexpr std::size_t kWaiting = 64;

  const PeerRules peers_;
  const oidc::Provider::Fetch fetch_;
  const oidc::Seal seal_;
  oidc::ComeBack come_back_;
  oidc::Codes codes_;
  mutable Mutex mutex_;
  std::shared_ptr<const Providers> providers_ ABSL_GUARDED_BY(mutex_) = std::make_shared<const Providers>();
  std::vector<UserId> break_glass_ ABSL_GUARDED_BY(mutex_);
  Workers workers_{kThreads, kWaiting};  // last: its threads use what stands above
};

}  // namespace tocsin
