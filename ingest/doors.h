// The doors on HTTP by which alerts come in.
//
//   POST /api/v2/alerts                    Alertmanager's; Prometheus, vmalert and others post here
//   POST /api/v1/alerts                    its first version's: the same alerts, other words
//   POST /v1/integrations/KEY              webhooks; the integration's source, or its own mapping, says how a body is read. PUT is the
//                                          same; so is GET with a query, for senders that can do no better
//   OPTIONS /v1/integrations/KEY           the handshake of CloudEvents
//   POST /v1/integrations                  the same with `Authorization: Bearer KEY` (or Basic, the key as password)
//   POST /v1/integrations/KEY/api/v2/alerts  Alertmanager's door of one integration: the target for a Prometheus' path_prefix
//
// An answer that says yes (200, 202) is given only after the alerts are in the fsynced journal. Refusals carry Retry-After.
// Webhooks answer what was accepted and refused; with `?outcomes=1` also the first fate of each alert, with `?explain=1` where each
// of the first hundred went and what holds it back. Alertmanager's door answers nothing, as Alertmanager does, but for `?explain=1`.
// Whoever asks waits for it, nobody else does.
//
// Where an integration has a signing secret, what its sender has not signed is refused (401); of Amazon SNS see ingest/sns_gate.h.
//
// Without a key Alertmanager's door belongs to the integration Options::default_integration; unless that has a key, it is open to
// loopback only. A request that a proxy on this machine forwarded does not count as loopback.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "ingest/keys.h"
#include "ingest/refusals.h"
#include "ingest/sns_gate.h"
#include "ingest/taken.h"
#include "model/inlet.h"
#include "net/http_router.h"

namespace tocsin {

class IngestDoors {
 public:
  struct Options {
    IntegrationId default_integration{"default"};
    ExplainTakenAlerts explain = {};  // absent: `?explain=1` is told nothing
    FetchUrl fetch = {};              // absent: no certificate is fetched, no subscription confirmed
    // What senders sign with, as it is; absent: signing_secret is.
    std::function<absl::StatusOr<std::string>(const Integration&)> signing_secret = {};
  };
  struct Statistics {
    std::uint64_t requests = 0;
    std::uint64_t accepted_events = 0;  // durable
    std::uint64_t rejected_events = 0;  // not well formed, each named in an answer
    std::uint64_t ignored_events = 0;   // say nothing about a state
    std::uint64_t unreadable_bodies = 0;
    std::uint64_t unknown_keys = 0;
    std::uint64_t bad_signatures = 0;
    std::uint64_t refused_batches[5] = {};  // by Admission
    // At Alertmanager's doors, as it counts them, by the version of its API less one.
    struct Alertmanager {
      std::uint64_t firing = 0;
      std::uint64_t resolved = 0;
      std::uint64_t invalid = 0;
    };
    Alertmanager alertmanager[2] = {};
  };

  // All outlive this; this outlives the server that the router is given to.
  IngestDoors(Inlet& inlet, const KeyRing& keys, const Clock& clock, Options options);
  ~IngestDoors();

  void Register(HttpRouter& router);
  // Any thread.
  Statistics ReadStatistics() const;
  std::vector<Refusals::Refusal> ReadRefusals() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

// How Alertmanager's API speaks outside its handlers: errors, CORS, Vary. For whoever adds routes under `prefix`.
HttpSubtree AlertmanagerSubtree(std::string_view prefix);

}  // namespace tocsin
