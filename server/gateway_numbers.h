// What operators look at of a gateway itself: /-/gateway/metrics for Prometheus, /-/healthy and /-/ready for supervisors and load
// balancers. The engine's own /metrics are forwarded like everything else.
#pragma once

#include <functional>
#include <memory>

#include "base/metrics.h"
#include "gateway/inlet.h"
#include "ingest/doors.h"
#include "ingest/grpc_ingest.h"
#include "net/http_router.h"

namespace tocsin {

class GatewayNumbers {
 public:
  // All outlive it.
  GatewayNumbers(const GatewayInlet& inlet, const IngestDoors& doors, const GrpcIngest& streams);
  ~GatewayNumbers();

  MetricRegistry& registry();
  // It is ready while an engine is attached that has an organisation, which is what `is_ready` says.
  void AddRoutes(HttpRouter& router, std::function<bool()> is_ready);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin
