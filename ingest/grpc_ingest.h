// proto/tocsin/v1/ingest.proto over gRPC: the stream with its credit, and the unary call.
//
// The callback API with raw byte buffers: messages are decoded where they arrive, on gRPC's threads, by the wire decoder. What
// is per message takes a mutex; what is per alert takes none. Memory is bounded: a stream has at most kStreamCredit
// batches under way, a batch at most limits::kBatchBytes, a connection at most so many streams (ConfigureGrpc).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "ingest/keys.h"
#include "ingest/refusals.h"
#include "ingest/taken.h"
#include "model/inlet.h"

namespace grpc {
class Service;
class ServerBuilder;
}  // namespace grpc

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

  // All outlive this; this outlives the server that its service is registered with. `explain` absent: nothing is explained.
  GrpcIngest(Inlet& inlet, const KeyRing& keys, const Clock& clock, ExplainTakenAlerts explain = {});
  ~GrpcIngest();

  // Told of the other end of each connection by which somebody has shown a key that opens an integration. Before calls come.
  void set_vouch(std::function<void(std::string_view peer)> vouch);
  grpc::Service* service();
  Statistics ReadStatistics() const;
  std::vector<Refusals::Refusal> ReadRefusals() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Limits that protect the process from clients: sizes of messages and headers, streams per connection, pings, idle
// connections (specs: reliability D5).
void ConfigureGrpc(grpc::ServerBuilder& builder);

}  // namespace tocsin
