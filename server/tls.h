// What a process does with the certificate of its doors: measures it, and reads it again.
#pragma once

#include <memory>

#include "absl/time/time.h"

#include "base/metrics.h"
#include "net/tls.h"

namespace tocsin {

void AddTlsMetrics(MetricRegistry& registry, const std::shared_ptr<const TlsKeeper>& keeper);

// What SIGHUP asks for. The log says what came of it.
void ReloadTls(TlsKeeper* keeper, absl::Time now);

}  // namespace tocsin
