// What operators look at: /metrics for Prometheus, /-/healthy and /-/ready for supervisors and load balancers.
#pragma once

#include <functional>
#include <memory>

#include "api/workers.h"
#include "base/metrics.h"
#include "engine/pipeline.h"
#include "net/http_router.h"
#include "notify/notifier.h"

namespace tocsin {

class Instruments {
 public:
  // The engine outlives it; `read_notifier` may be called as long as it lives.
  Instruments(Engine& engine, std::function<Notifier::Statistics()> read_notifier);
  ~Instruments();

  MetricRegistry& registry();
  void AddRoutes(HttpRouter& router, Workers& workers);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin
