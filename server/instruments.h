// What operators look at: /metrics for Prometheus, /-/healthy and /-/ready for supervisors and load balancers.
#pragma once

#include <functional>
#include <memory>

#include "api/workers.h"
#include "base/metrics.h"
#include "engine/pipeline.h"
#include "ingest/doors.h"
#include "ingest/grpc_ingest.h"
#include "ingest/mail_door.h"
#include "net/http_router.h"
#include "net/http_server.h"
#include "notify/notifier.h"

namespace tocsin {

class Instruments {
 public:
  // What is counted elsewhere; read together, once a scrape, as long as this lives.
  struct Readers {
    std::function<Notifier::Statistics()> notifier;
    std::function<IngestDoors::Statistics()> http_ingest;
    std::function<MailDoor::Statistics()> mail;
    std::function<GrpcIngest::Statistics()> grpc_ingest;
    std::function<HttpServer::Statistics()> http;
  };

  // The engine outlives it.
  Instruments(Engine& engine, Readers readers);
  ~Instruments();

  MetricRegistry& registry();
  // About once a second: what doors may not wait for a disk to learn.
  void Tick();
  void AddRoutes(HttpRouter& router, Workers& workers);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin
