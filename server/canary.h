// The canary (model/canary.h): goes in where alerts do, through the journal and the outbox, and out by a socket to a provider of its own in
// this process. Only what has arrived proves that pages could.
#pragma once

#include <memory>

#include "absl/status/statusor.h"

#include "net/http_server.h"
#include "server/canary_round.h"

namespace tocsin {

class Canary {
 public:
  // Its provider listens on a loopback port that the system chooses. The engine outlives the last Tick of its round.
  static absl::StatusOr<std::unique_ptr<Canary>> Start(Engine& engine, const Clock& clock);

  CanaryRound& round() { return round_; }
  const CanaryRound& round() const { return round_; }

 private:
  Canary(Engine& engine, const Clock& clock);

  CanaryRound round_;
  std::unique_ptr<HttpServer> provider_;
};

}  // namespace tocsin
