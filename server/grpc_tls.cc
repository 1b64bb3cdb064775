#include "server/grpc_tls.h"

#include <string>
#include <string_view>
#include <utility>

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include "base/log.h"
#include "base/mutex.h"

namespace tocsin {
namespace {

// What gRPC calls back into; it lives as long as one of gRPC's objects knows it.
class Source {
 public:
  explicit Source(std::shared_ptr<TlsKeeper> keeper) : keeper_(std::move(keeper)) {}

  // Before each handshake, by any thread.
  static grpc_ssl_certificate_config_reload_status Fetch(void* self, grpc_ssl_server_certificate_config** config) {
    return static_cast<Source*>(self)->Fetch(config);
  }

  // For each call: a certificate may have been revoked since its connection began.
  static void Judge(void* self,
                    grpc_auth_context* peer,
                    const grpc_metadata*,
                    std::size_t,
                    grpc_process_auth_metadata_done_cb done,
                    void* call) {
    const bool is_revoked = static_cast<const Source*>(self)->IsRevoked(*peer);
    done(call, nullptr, 0, nullptr, 0, is_revoked ? GRPC_STATUS_UNAUTHENTICATED : GRPC_STATUS_OK,
         is_revoked ? "the certificate of this client was revoked" : nullptr);
  }

  bool asks_clients() const { return keeper_->current()->asks_clients(); }

 private:
  grpc_ssl_certificate_config_reload_status Fetch(grpc_ssl_server_certificate_config** config) {
    const std::shared_ptr<const TlsIdentity> current = keeper_->current();
    const MutexLock lock(mutex_);
    if (current == given_) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    const TlsTexts& texts = current->texts();
    const grpc_ssl_pem_key_cert_pair pair{texts.key.c_str(), texts.certificate.c_str()};
    // gRPC insists on authorities also when it asks no client for a certificate; then nobody looks at them.
    const std::string& authorities = texts.client_ca.empty() ? texts.certificate : texts.client_ca;
    *config = grpc_ssl_server_certificate_config_create(authorities.c_str(), &pair, 1);
    given_ = current;
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  bool IsRevoked(const grpc_auth_context& peer) const {
    grpc_auth_property_iterator at = grpc_auth_context_find_properties_by_name(&peer, GRPC_X509_PEM_CERT_PROPERTY_NAME);
    const grpc_auth_property* const found = grpc_auth_property_iterator_next(&at);
    return found == nullptr || keeper_->current()->IsRevoked(std::string_view(found->value, found->value_length));
  }

  const std::shared_ptr<TlsKeeper> keeper_;
  Mutex mutex_;
  std::shared_ptr<const TlsIdentity> given_ ABSL_GUARDED_BY(mutex_);
};

// gRPC's C++ interface offers credentials that are fixed, or that gRPC reads from files by itself, unchecked and when it likes. Its C
// interface asks before each handshake, which is what we want; this hands one of the latter to the former.
class AskingCredentials final : public grpc::ServerCredentials {
 public:
  explicit AskingCredentials(std::shared_ptr<TlsKeeper> keeper) : source_(std::move(keeper)) {
    const grpc_ssl_client_certificate_request_type request =
        source_.asks_clients() ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                               : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE;
    credentials_ = grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(request, &Source::Fetch, &source_));
    if (source_.asks_clients()) {
      grpc_server_credentials_set_auth_metadata_processor(credentials_, {&Source::Judge, [](void*) {}, &source_});
    }
  }
  ~AskingCredentials() override { grpc_server_credentials_release(credentials_); }

  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {
  }  // nobody of ours calls it

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  Source source_;
  grpc_server_credentials* credentials_ = nullptr;
};

}  // namespace

std::shared_ptr<grpc::ServerCredentials> MakeGrpcCredentials(std::shared_ptr<TlsKeeper> keeper) {
  if (!keeper) return grpc::InsecureServerCredentials();
  return std::make_shared<AskingCredentials>(std::move(keeper));
}

void AddTlsMetrics(MetricRegistry& registry, const std::shared_ptr<const TlsKeeper>& keeper) {
  using Kind = MetricRegistry::Kind;
  registry.AddSampled(
      Kind::kGauge, "tocsin_tls_certificate_not_after_seconds", "Unix time at which the certificate in use runs out.",
      [keeper] { return absl::ToDoubleSeconds(keeper->ReadStatistics().valid_until - absl::UnixEpoch()); });
  registry.AddSampled(Kind::kGauge, "tocsin_tls_reload_refused",
                      "1 while what stands in the certificate's files is refused and an older pair is in use.",
                      [keeper] { return keeper->ReadStatistics().refuses ? 1.0 : 0.0; });
  constexpr std::string_view kReloads = "tocsin_tls_reloads_total";
  constexpr std::string_view kHelp = "Changes of the certificate's files, by what came of them.";
  registry.AddSampled(Kind::kCounter, kReloads, kHelp,
                      [keeper] {
                        return static_cast<double>(keeper->ReadStatistics().taken);
  },
                      {{"result", "taken"}});
  registry.AddSampled(Kind::kCounter, kReloads, kHelp,
                      [keeper] {
                        return static_cast<double>(keeper->ReadStatistics().refused);
  },
                      {{"result", "refused"}});
}

void ReloadTls(TlsKeeper* keeper, absl::Time now) {
  if (keeper == nullptr) {
    LogInfo(
        "SIGHUP: there is no certificate to read again; a changed configuration is applied by `tocsin apply` or "
        "/-/reload",
        {});
  } else if (keeper->Reload(now).ok()) {
    LogInfo("SIGHUP: the files of the certificate are in use as they are now", {});
  }
}

}  // namespace tocsin
