#include "server/gateway_numbers.h"

#include <utility>

#include "base/metrics.h"
#include "base/mutex.h"
#include "base/version.h"

namespace tocsin {

class GatewayNumbers::Impl {
 public:
  Impl(const GatewayInlet& inlet, const IngestDoors& doors, const GrpcIngest& streams)
      : inlet_(inlet), doors_(doors), streams_(streams) {
    using Kind = MetricRegistry::Kind;
    const auto add = [this](Kind kind, std::string_view name, std::string_view help, auto read,
                            MetricLabels labels = {}) {
      registry_.AddSampled(
          kind, name, help, [read] { return static_cast<double>(read()); }, std::move(labels));
    };
    add(Kind::kGauge, "tocsin_gateway_attached", "1 while an engine is attached.",
        [this] { return taken_.attached ? 1U : 0U; });
    add(Kind::kCounter, "tocsin_gateway_batches_total", "Batches handed to the engine.",
        [this] { return taken_.batches; });
    add(Kind::kCounter, "tocsin_gateway_events_total", "Events handed to the engine.",
        [this] { return taken_.events; });
    add(Kind::kCounter, "tocsin_gateway_lost_batches_total",
        "Batches of which the engine did not say what became of them: their senders were told to send them again.",
        [this] { return taken_.lost_batches; });
    for (const Admission why :
         {Admission::kOverloaded, Admission::kDiskLow, Admission::kTooLarge, Admission::kStopping}) {
      add(Kind::kCounter, "tocsin_gateway_refused_batches_total",
          "Batches refused with a retry hint, by reason; stopping: no engine is attached.",
          [this, why] {
            return taken_.refused[static_cast<std::size_t>(why)];
      },
          {{"reason", std::string(Name(why))}});
    }
    registry_.AddObserved("tocsin_gateway_ingest_seconds",
                          "Batches, from handed over to durable, when the sender is answered.", inlet_.seconds());
    add(Kind::kCounter, "tocsin_gateway_http_requests_total", "Requests at the HTTP doors for alerts.",
        [this] { return http_.requests; });
    add(Kind::kCounter, "tocsin_gateway_streams_total", "gRPC streams opened.", [this] { return grpc_.streams; });
    const struct {
      std::string_view door;
      std::string_view reason;
      const std::uint64_t& count;
    } refused[] = {
        {"http", "unreadable",    http_.unreadable_bodies},
        {"http", "unknown_key",   http_.unknown_keys     },
        {"http", "bad_signature", http_.bad_signatures   },
        {"http", "rejected",      http_.rejected_events  },
        {"grpc", "unreadable",    grpc_.malformed        },
        {"grpc", "unknown_key",   grpc_.unknown_keys     },
        {"grpc", "over_credit",   grpc_.over_credit      },
        {"grpc", "rejected",      grpc_.rejected_events  },
    };
    for (const auto& [door, reason, count] : refused) {
      add(Kind::kCounter, "tocsin_gateway_not_taken_total",
          "Messages, and of those that were read events, that were not taken, by door and reason.",
          [&count] {
            return count;
      },
          {{"door", std::string(door)}, {"reason", std::string(reason)}});
    }
    registry_
        .AddGauge("tocsin_build_info", "1, with the version as a label.",
                  {
                      {"version", std::string(kVersion)}
    })
        .Set(1);
  }

  MetricRegistry& registry() { return registry_; }

  std::string Render() {
    const MutexLock lock(mutex_);
    taken_ = inlet_.ReadStatistics();
    http_ = doors_.ReadStatistics();
    grpc_ = streams_.ReadStatistics();
    return registry_.RenderText();
  }

 private:
  const GatewayInlet& inlet_;
  const IngestDoors& doors_;
  const GrpcIngest& streams_;
  MetricRegistry registry_;
  Mutex mutex_;
  // Written under mutex_ before RenderText reads them in the same call.
  GatewayInlet::Statistics taken_;
  IngestDoors::Statistics http_;
  GrpcIngest::Statistics grpc_;
};

GatewayNumbers::GatewayNumbers(const GatewayInlet& inlet, const IngestDoors& doors, const GrpcIngest& streams)
    : impl_(std::make_unique<Impl>(inlet, doors, streams)) {}
GatewayNumbers::~GatewayNumbers() = default;
MetricRegistry& GatewayNumbers::registry() {
  return impl_->registry();
}

void GatewayNumbers::AddRoutes(HttpRouter& router, std::function<bool()> is_ready) {
  router.Add(HttpMethod::kGet, "/-/gateway/metrics", [this](const HttpRequest&, HttpResponder responder) {
    std::move(responder).Send({200, {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}}, impl_->Render()});
  });
  const auto ok = [](const HttpRequest&, HttpResponder responder) {
    std::move(responder).Send({200, {{"Content-Type", "text/plain; charset=utf-8"}}, "OK"});
  };
  router.Add(HttpMethod::kGet, "/-/healthy", ok);
  router.Add(HttpMethod::kGet, "/-/ready",
             [ok, is_ready = std::move(is_ready)](const HttpRequest& request, HttpResponder responder) {
               if (is_ready()) return ok(request, std::move(responder));
               std::move(responder).Send({503, {}, "no engine is attached that has an organisation\n"});
             });
}

}  // namespace tocsin
