// proto/tocsin/v1/ingest.proto over gRPC: the stream with its credit, and the unary call.
//
// Messages are decoded where they arrive, on the I/O threads, by the wire decoder. What is per message takes a mutex; what is per alert takes
// none. Memory is bounded: a stream has at most kStreamCredit batches under way, a batch at most limits::kBatchBytes, a connection at most so
// many streams (GrpcServer::Options). Whose a call is is judged by its headers, before there is memory for more of it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "ingest/keys.h"
#include "ingest/refusals.h"
#include "ingest/taken.h"
#include "model/inlet.h"
#include "net/grpc_router.h"

namespace tocsin {

inline constexpr std::uint32_t kStreamCredit = 16;

class GrpcIngest {
 public:
  struct Statistics {
    std::uint64_t streams = 0;          // opened
    std::uint64_t batches = 0;          // decoded
    std::uint64_t rejected_events = 0;  // not well formed
    std::uint64_t malformed = 0;        // messages that are no IngestRequest
    std::uint64_t unknown_keys = 0;
    std::uint64_t over_credit = 0;  // streams ended because the client sent beyond its credit
  };

  // All outlive this. `explain` absent: nothing is explained.
  GrpcIngest(Inlet& inlet, const KeyRing& keys, const Clock& clock, ExplainTakenAlerts explain = {});
  ~GrpcIngest();

  // This outlives whoever calls them, and every receipt that is still to come.
  void AddMethods(GrpcRouter& router);
  Statistics ReadStatistics() const;
  std::vector<Refusals::Refusal> ReadRefusals() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin
