#include "server/tls.h"

#include <string_view>

#include "base/log.h"

namespace tocsin {

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
