#include "server/gateway.h"

#include <cstdio>
#include <memory>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_format.h"

#include "api/grpc_standard.h"
#include "api/workers.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/wakeup.h"
#include "gateway/attachment.h"
#include "gateway/inlet.h"
#include "ingest/doors.h"
#include "ingest/grpc_ingest.h"
#include "model/integration_key.h"
#include "net/grpc_server.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "server/forward.h"
#include "server/gateway_numbers.h"
#include "server/grpc_door.h"
#include "server/process.h"
#include "server/supervisor.h"
#include "server/tls.h"
#include "server/watchdog.h"

namespace tocsin {
namespace {

constexpr std::size_t kThreads = 8;  // that wait for the engine's answers
constexpr std::size_t kWaiting = 1024;
constexpr int kHttpThreads = 2;
constexpr absl::Duration kFirstRules = absl::Seconds(1);
constexpr absl::Duration kGrace = absl::Seconds(5);
constexpr absl::Duration kFetch = absl::Seconds(10);
constexpr absl::Duration kProbe = absl::Seconds(5);
constexpr std::size_t kFetchBytes = 64 * 1024;

// What the engine has told of the organisation, as the doors ask for it. Empty while no engine is there: then nobody is told that his
// key is wrong.
class KnownRules {
 public:
  explicit KnownRules(const Clock& clock) : clock_(clock) {}

  void Set(GatewayRules told) {
    auto known = std::make_shared<Known>();
    auto rules = std::make_shared<Rules>();
    rules->organisation = told.organisation;
    known->rules = std::move(rules);
    for (std::size_t i = 0; i < told.integrations.size(); ++i)
      known->indexes.emplace(told.integrations[i], static_cast<IntegrationIndex>(i));
    for (AccessToken& token : told.tokens)
      known->tokens.emplace(token.hash, std::move(token));
    {
      const MutexLock lock(mutex_);
      known_ = std::move(known);
    }
    told_.Notify();
  }
  // Until the first rules have come, or `at_most` is over. One thread.
  void Await(absl::Duration at_most) {
    if (!rules()) told_.Wait(at_most);
  }
  void Forget() {
    const MutexLock lock(mutex_);
    known_ = nullptr;
  }

  RulesPtr rules() const {
    const auto known = this->known();
    return known ? known->rules : nullptr;
  }
  std::optional<IntegrationIndex> IndexOf(const IntegrationId& id) const {
    const auto known = this->known();
    if (!known) return std::nullopt;
    const auto found = known->indexes.find(id);
    return found == known->indexes.end() ? std::nullopt : std::optional(found->second);
  }
  std::optional<IntegrationId> IntegrationOf(std::string_view token) const {
    const auto known = this->known();
    if (!known) return std::nullopt;
    // What is looked up is a hash of it: how long that takes says nothing about any token.
    const auto found = known->tokens.find(HashKey(token));
    if (found == known->tokens.end() || found->second.ExpiredAt(clock_.Read().wall)) return std::nullopt;
    return found->second.integration;
  }

 private:
  struct Known {
    RulesPtr rules;
    std::unordered_map<IntegrationId, IntegrationIndex> indexes;
    std::unordered_map<std::string, AccessToken> tokens;  // by hash
  };
  std::shared_ptr<const Known> known() const {
    const MutexLock lock(mutex_);
    return known_;
  }

  const Clock& clock_;
  Wakeup told_;
  mutable Mutex mutex_;
  std::shared_ptr<const Known> known_ ABSL_GUARDED_BY(mutex_);
};

// Everything of a running gateway, in the order of construction.
class Gateway {
 public:
  explicit Gateway(GatewayOptions options) : options_(std::move(options)) {}
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;
  ~Gateway() { Stop(); }

  absl::Status Start();
  // Once a second, from the main thread.
  void Tick() {
    if (tls_) tls_->Look(clock_.Read().wall);
    watchdog_.Tick(clock_.Read().engine);
  }
  void Reload() { ReloadTls(tls_.get(), clock_.Read().wall); }
  const GatewayOptions& options() const { return options_; }

 private:
  void MakeDoors();
  void Attach();
  absl::Status StartHttp();
  void StartGrpc();
  void Stop();
  HttpRouter MakeRouter();
  bool AnswersItself() const;

  GatewayOptions options_;
  SystemClock clock_;
  std::shared_ptr<TlsKeeper> tls_;  // null: no TLS
  KnownRules known_{clock_};
  Workers workers_{kThreads, kWaiting};
  Forwarder forwarder_{workers_};
  GatewayInlet inlet_{clock_};
  std::unique_ptr<KeyRing> keys_;
  std::unique_ptr<IngestDoors> doors_;
  std::unique_ptr<GrpcIngest> grpc_ingest_;
  std::unique_ptr<GrpcServer> grpc_;
  std::unique_ptr<GatewayNumbers> numbers_;
  std::unique_ptr<GatewayAttachment> attachment_;
  std::unique_ptr<HttpServer> http_;
  Supervisor supervisor_ = Supervisor::OfProcess();
  Watchdog watchdog_{
      Supervisor::WatchdogOfProcess(),
      {.name = "its workers or its HTTP door",
                             .probe =
           [this](std::function<void()> passed) {
             workers_.Post(Workers::Lane::kAsking, [this, passed = std::move(passed)] {
               if (AnswersItself()) passed();
             });
           }, .may_be_lost = true},
      [this] { return supervisor_.Tell("WATCHDOG=1");                   }
  };
};

// Whether the engine is there is no question of it: a gateway waits for it. With TLS the door might ask for a certificate that we do
// not have: then the workers stand for the rest.
bool Gateway::AnswersItself() const {
  if (tls_ != nullptr) return true;
  std::string address = options_.http;
  if (address.starts_with("0.0.0.0:")) address.replace(0, 7, "127.0.0.1");
  if (address.starts_with("[::]:")) address.replace(0, 4, "[::1]");
  const absl::StatusOr<HttpResponse> answer = Perform({.url = "http://" + address + "/-/healthy", .timeout = kProbe});
  return answer.ok() && answer->status == 200;
}

void Gateway::MakeDoors() {
  keys_ = std::make_unique<KeyRing>([this] { return known_.rules(); },
                                    [this](const IntegrationId& id) { return known_.IndexOf(id); },
                                    [this](std::string_view token) { return known_.IntegrationOf(token); });
  IngestDoors::Options options;
  options.default_integration = IntegrationId(options_.default_integration);
  options.fetch = [this](std::string url, absl::AnyInvocable<void(absl::StatusOr<HttpResponse>)> done) {
    return workers_.Post(Workers::Lane::kAsking, [url = std::move(url), done = std::move(done)]() mutable {
      done(Perform({.url = std::move(url), .timeout = kFetch, .max_response_bytes = kFetchBytes}));
    });
  };
  doors_ = std::make_unique<IngestDoors>(inlet_, *keys_, clock_, std::move(options));
  grpc_ingest_ = std::make_unique<GrpcIngest>(inlet_, *keys_, clock_);
  numbers_ = std::make_unique<GatewayNumbers>(inlet_, *doors_, *grpc_ingest_);
}

void Gateway::Attach() {
  attachment_ = std::make_unique<GatewayAttachment>(
      options_.engine, GatewayAttachment::Hooks{.attached =
                                                    [this](GatewayMemory memory, std::string http_path) {
                                                      inlet_.Attach(std::move(memory));
                                                      forwarder_.SetEngine(std::move(http_path));
                                                    },
                                                .rules = [this](GatewayRules rules) { known_.Set(std::move(rules)); },
                                                .detached =
                                                    [this] {
                                                      known_.Forget();
                                                      forwarder_.SetEngine("");
                                                      inlet_.Detach();
                                                    }});
}

// The doors' own routes; what asks where its alerts went is the engine's to answer, and so is all the rest.
HttpRouter Gateway::MakeRouter() {
  const auto doors = std::make_shared<HttpRouter>();
  doors_->Register(*doors);
  HttpRouter router;
  forwarder_.AddRoutes(router);
  const HttpHandler take = [this, doors](HttpRequest request, HttpResponder responder) {
    if (QueryValue(request.query, "explain").value_or("0") == "1") {
      return forwarder_.Forward(std::move(request), std::move(responder));
    }
    HttpRouter::Match match = doors->Find(request);
    if (match.handler == nullptr) return std::move(responder).Send(std::move(match.response));
    (*match.handler)(std::move(request), std::move(responder));
  };
  router.Add(HttpMethod::kPost, "/api/v2/alerts", take);
  router.Add(HttpMethod::kPost, "/api/v1/alerts", take);
  for (std::size_t i = 0; i < kHttpMethods; ++i)
    router.AddPrefix(static_cast<HttpMethod>(i), "/v1/integrations", take);
  HttpSubtree alertmanager = AlertmanagerSubtree("/api/v2");
  alertmanager.finish = [finish = alertmanager.finish](const HttpRequest& request, HttpResponse& response) {
    // The engine has finished what it answered.
    if (FindHeader(response.headers, "Cache-Control").empty()) finish(request, response);
  };
  router.AddSubtree(std::move(alertmanager));
  numbers_->AddRoutes(router, [this] { return keys_->ready(); });
  return router;
}

absl::Status Gateway::StartHttp() {
  TOCSIN_ASSIGN(const Address address, ParseAddress("http", options_.http));
  HttpServer::Options http;
  http.max_connections = MostHttpConnections();
  http.address = address.host;
  http.port = address.port;
  http.threads = kHttpThreads;
  http.tls = tls_;
  http.proxies = options_.proxies;
  TOCSIN_ASSIGN(http_, HttpServer::Start(http, MakeRouter()));
  options_.http = address.host + ":" + std::to_string(http_->port());
  return absl::OkStatus();
}

void Gateway::StartGrpc() {
  GrpcRouter router;
  grpc_ingest_->AddMethods(router);
  AddHealth(router);
  router.set_unknown([](std::string_view path) {
    return absl::StrFormat(
        "%s is not here: this is a gateway, which takes alerts; call the engine (--grpc of `tocsin serve`), or the "
        "same "
        "method as JSON over this gateway's HTTP port",
        path);
  });
  grpc_->Begin(std::move(router));
}

absl::Status Gateway::Start() {
  if (!options_.tls.certificate.empty()) {
    TOCSIN_ASSIGN(tls_, TlsKeeper::Open(options_.tls, clock_.Read().wall));
  }
  MakeDoors();
  if (tls_) AddTlsMetrics(numbers_->registry(), tls_);
  static_assert(GrpcServer::kBlockBytes == kGatewayBlockBytes);
  TOCSIN_ASSIGN(grpc_, ListenForGrpc(options_.grpc, tls_, options_.proxies, [this] { return inlet_.TakeBlock(); }));
  AddGrpcMetrics(numbers_->registry(), *grpc_);
  Attach();
  known_.Await(kFirstRules);  // who comes in the first moment need not be sent away
  TOCSIN_TRY(StartHttp());
  StartGrpc();
  supervisor_.TellStatus("takes alerts");
  supervisor_.Tell("READY=1");
  return absl::OkStatus();
}

// Who waits for the engine is told to come again: nothing of it is lost.
void Gateway::Stop() {
  supervisor_.Tell("STOPPING=1");
  attachment_.reset();
  if (grpc_) grpc_->Stop(kGrace);
  if (http_) http_->Stop(kGrace);
  workers_.Stop();
}

}  // namespace

int RunGateway(const GatewayOptions& options) {
  const ProcessSignals signals;
  if (!StartProcess(options.log_level)) return 1;
  Gateway gateway(options);
  if (const absl::Status status = gateway.Start(); !status.ok()) {
    std::fprintf(stderr, "tocsin gateway: not started: %s\n", Message(status).c_str());
    return 1;
  }
  LogInfo(
      "a gateway takes alerts",
      {
          {"http",   gateway.options().http  },
          {"grpc",   gateway.options().grpc  },
          {"engine", gateway.options().engine}
  });
  for (auto asked = ProcessSignals::Asked::kNothing; asked != ProcessSignals::Asked::kEnd;
       asked = signals.WaitASecond()) {
    asked == ProcessSignals::Asked::kReload ? gateway.Reload() : gateway.Tick();
  }
  LogInfo("stopping: who waits for an answer is told to come again", {});
  return 0;
}

}  // namespace tocsin
