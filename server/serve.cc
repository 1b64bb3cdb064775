#include "server/serve.h"

#include <atomic>
#include <cstdio>
#include <thread>

#include "absl/strings/str_format.h"

#include "api/auth.h"
#include "api/compat/event_door.h"
#include "api/declare.h"
#include "api/explain_taken.h"
#include "api/grpc_services.h"
#include "api/grpc_standard.h"
#include "api/may_apply.h"
#include "api/workers.h"
#include "base/log.h"
#include "base/status.h"
#include "base/version.h"
#include "config/load.h"
#include "config/sample.h"
#include "config/seal.h"
#include "config/secrets.h"
#include "config/warn.h"
#include "engine/pipeline.h"
#include "engine/responder_schedules.h"
#include "escalation/roster.h"
#include "ingest/doors.h"
#include "ingest/grpc_ingest.h"
#include "ingest/mail_door.h"
#include "ingest/wire_decoder.h"
#include "net/grpc_server.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/smtp_server.h"
#include "server/archiving.h"
#include "server/audit_witness.h"
#include "server/before_start.h"
#include "server/dead_letters.h"
#include "server/declared.h"
#include "server/gateways.h"
#include "server/greeting.h"
#include "server/grpc_door.h"
#include "server/http_doors.h"
#include "server/instruments.h"
#include "server/outgoing.h"
#include "server/outside.h"
#include "server/process.h"
#include "server/sealing.h"
#include "server/sign_in.h"
#include "server/tls.h"
#include "server/watch.h"
#include "storage/format_file.h"
#include "storage/store.h"

namespace tocsin {
namespace {

constexpr std::size_t kApiThreads = 4;
constexpr std::size_t kApiWaiting = 1024;
constexpr int kHttpThreads = 2;
constexpr absl::Duration kGrace = absl::Seconds(5);
constexpr absl::Duration kFetch = absl::Seconds(10);  // a certificate, or the confirmation of a subscription
constexpr std::size_t kFetchBytes = 64 * 1024;

// Everything of a running server. Members are in the order of construction; Stop takes them down so that what is under way
// is finished first.
class Server {
 public:
  explicit Server(ServeOptions options) : options_(std::move(options)) {}
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() { Stop(); }

  absl::Status Start();
  void Stop();
  // Once a second, from the main thread.
  void Tick();
  // SIGHUP.
  void ReadAgain() {
    ReloadTls(tls_.get(), clock_->Read().wall);
    ReadSignInFile(options_.sign_in, secrets_, *api_->oidc);
    watch_->ReadAgain();
  }
  const ServeOptions& options() const { return options_; }
  bool HasSample() const;

 private:
  absl::Status OpenFolder();
  absl::Status OpenStore();
  absl::Status StartEngine();
  // What the files of --config say.
  absl::StatusOr<OrganisationPtr> LoadConfig() const;
  absl::Status Declare(const OrganisationPtr& wanted);
  // As `caller`, who must be one who may; null: as whoever has started the server.
  absl::Status Apply(const OrganisationPtr& wanted, std::string_view reason, const Caller* caller = nullptr);
  // POST /-/reload: --config once more. Without it what is applied is in force already.
  absl::Status Reload(const Caller& caller);
  absl::Status MakeDoors();
  absl::Status StartHttp();
  void StartGrpc();
  absl::Status StartSmtp();
  OrganisationPtr organisation() const;
  void StartAttempt(const Notification& notification, absl::Duration deadline, std::shared_ptr<Gate> gate);

  ServeOptions options_;
  std::shared_ptr<TlsKeeper> tls_;  // null: no TLS
  std::unique_ptr<Vault> vault_;
  Secrets secrets_ = WipingSecrets();
  std::unique_ptr<Store> store_;
  std::unique_ptr<SystemClock> clock_;
  std::unique_ptr<Auth> auth_;
  std::string link_key_;
  Reports reports_;
  std::unique_ptr<Outgoing> outgoing_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<Workers> workers_;
  std::unique_ptr<KeyRing> keys_;
  std::unique_ptr<IngestDoors> doors_;
  std::unique_ptr<EventDoor> peers_;
  std::unique_ptr<GrpcIngest> grpc_ingest_;
  std::unique_ptr<GrpcServer> grpc_;
  std::unique_ptr<Instruments> instruments_;
  std::unique_ptr<MailDoor> mail_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<SmtpServer> smtp_;
  std::unique_ptr<Gateways> gateways_;
  std::atomic<const HttpServer*> http_reader_{nullptr};  // http_ once it serves, for its own threads
  std::unique_ptr<Watch> watch_;
  bool told_of_dead_letters_ = false;
  std::unique_ptr<AuditWitness> audit_witness_;
  std::unique_ptr<Archiving> archiving_;  // null: without --archive
};

absl::Status Server::OpenFolder() {
  Store::Options options;
  options.folder = options_.data;
  options.low_water_bytes = options_.low_water_mib << 20U;
  options.history.age = absl::Hours(24) * options_.history_days;
  options.history.bytes = options_.history_mib << 20U;
  TOCSIN_ASSIGN(store_, Store::Open(PosixFileSystem(), options));
  CloseToOthers(options_.data);
  for (const std::string& note : store_->journal().recovery().notes)
    LogWarning("recovery: look at this", {
                                             {"note", note}
    });
  if (const std::optional<std::uint32_t> before = store_->upgraded_from()) {
    LogWarning(
        "the store was of an older format and is of this program's now; older programs refuse it, restore a backup to "
        "go back",
        {
            {"folder",     options_.data      },
            {"was_format", *before            },
            {"is_format",  kStoreFormatVersion}
    });
  }
  return absl::OkStatus();
}

absl::Status Server::OpenStore() {
  TOCSIN_TRY(OpenFolder());
  bool is_open = false;
  TOCSIN_ASSIGN(vault_, OpenVault(options_, store_->journal().recovery().last.set(), is_open));
  if (is_open) {
    store_.reset();  // rows are rewritten where they lie
    TOCSIN_TRY(SealStore(*vault_, options_));
    TOCSIN_TRY(OpenFolder());
  }
  clock_ = std::make_unique<SystemClock>(Engine::ResumeAt(*store_, absl::Now()));
  TOCSIN_ASSIGN(link_key_, ReadOrMakeSealed(*vault_, options_.data, "link.key"));
  return absl::OkStatus();
}

absl::Status Server::StartEngine() {
  Notifier::Options notifier;
  TOCSIN_ASSIGN(notifier.webhook_peers, PeerRules::Parse(options_.allow_webhooks_to));
  outgoing_ = std::make_unique<Outgoing>(std::move(notifier), reports_);
  Engine::Options engine;
  engine.shard_count = options_.shards;
  engine.shard.max_groups = options_.max_groups;
  engine.responder.link_key = link_key_;
  engine.retention = {absl::Hours(24) * options_.retain_days, absl::Hours(24) * options_.retain_incident_days,
                      absl::Hours(24) * options_.retain_audit_days, options_.retain_mib << 20U};
  engine.responder.seed = store_->key_seed();
  engine.read_again = ReadRepeatsAgain(store_->key_seed());
  TOCSIN_ASSIGN(
      engine_,
      Engine::Start(engine, *store_, *clock_,
                    {[this](const Notification& notification, absl::Duration deadline, std::shared_ptr<Gate> gate) {
                       StartAttempt(notification, deadline, std::move(gate));
                     },
                     [this](const OrganisationPtr& now) { outgoing_->SetOrganisation(OpenedForUse(*vault_, now)); }}));
  reports_.Connect(engine_.get());
  TOCSIN_ASSIGN(auth_,
                Auth::Open(
                    options_.data, [this] { return engine_->access(); }, [this] { return clock_->Read().wall; }));
  auth_->set_renew([this](TokenId session) {
    engine_->Execute({"", "session", RenewSession{session}, "session"}, [](const CommandResult&) {});
  });
  return absl::OkStatus();
}

bool Server::HasSample() const {
  const OrganisationPtr current = organisation();
  if (!current) return false;
  Organisation present = Opened(*current, vault_.get());
  const Organisation sample = Load(SampleOrganisation()).organisation;
  present.public_url = sample.public_url;  // wherever it listens
  return present == sample;
}

OrganisationPtr Server::organisation() const {
  const RulesPtr rules = engine_->rules();
  return rules ? rules->organisation : nullptr;
}

absl::Status Server::Apply(const OrganisationPtr& wanted, std::string_view reason, const Caller* caller) {
  ApplyOrganisation apply{wanted, std::string(reason), {}, {}};
  OrganisationPtr current;
  absl::StatusOr<AppliedSchedules> schedules = absl::UnknownError("");
  engine_->ReadResponderAndWait([&](const Responder& responder, const Now& now) {
    current = responder.state().organisation;
    if (caller != nullptr) apply.expected = responder.state().counters.configuration;  // against which they are judged
    schedules = SchedulesAfter(responder.state(), apply, now.wall);
  });
  TOCSIN_TRY(Annotate(schedules.status(), "the configuration is not applied"));
  const CoverageProof coverage = ProveCoverage(schedules->roster, clock_->Read().wall);
  apply.organisation = std::make_shared<const Organisation>(Sealed(*wanted, current.get(), vault_.get()));
  const Organisation before = current ? Opened(*current, vault_.get()) : Organisation();
  const bool in_force = current && before == *wanted;
  if (!in_force && caller != nullptr)
    TOCSIN_TRY(Annotate(MayApply(*caller, before, *wanted), "the files of --config are not what is in force"));
  std::string refusals;
  for (const Problem& refusal : coverage.refusals)
    refusals += "\n  " + Format(refusal);
  if (!refusals.empty() && !in_force) return Precondition("the configuration is not applied:%s", refusals);
  // What is in force stays so, whatever time has made of it.
  for (const std::vector<Problem>& problems : {coverage.refusals, coverage.warnings}) {
    for (const Problem& problem : problems)
      LogWarning("the configuration: look at this", {
                                                        {"warning", Format(problem)}
      });
  }
  if (in_force) return absl::OkStatus();
  if (caller != nullptr)
    return engine_->ExecuteAndWait({"", caller->name, apply, caller->origin, caller->token}).status;
  return engine_->ExecuteAndWait({"", "flag:config", apply, "flag " + std::string(reason)}).status;
}

absl::StatusOr<OrganisationPtr> Server::LoadConfig() const {
  TOCSIN_ASSIGN(const std::vector<SourceFile> files, ReadConfigFiles(options_.config));
  return LoadOrganisation(files, secrets_);
}

absl::Status Server::Declare(const OrganisationPtr& wanted) {
  if (wanted) return Apply(wanted, "--config");
  bool declared = false;
  engine_->ReadResponderAndWait(
      [&](const Responder& responder, const Now&) { declared = responder.state().organisation != nullptr; });
  if (options_.sample && !declared) {
    TOCSIN_ASSIGN(const OrganisationPtr sample, LoadOrganisation(SampleOrganisation(), secrets_));
    auto here = std::make_shared<Organisation>(*sample);
    // Links in its messages shall lead here, whichever port was chosen. Of a port that the system chooses nothing is known yet.
    if (!options_.http.ends_with(":0")) {
      here->public_url = (options_.tls.certificate.empty() ? "http://" : "https://") + Reachable(options_.http);
    }
    return Apply(here, "--sample");
  }
  if (!declared) {
    LogWarning("no organisation is declared: alerts are refused until `tocsin apply FILE...` declares one", {});
  }
  return absl::OkStatus();
}

void Server::StartAttempt(const Notification& notification, absl::Duration deadline, std::shared_ptr<Gate> gate) {
  absl::StatusOr<Notification> opened = OpenedFor(*vault_, notification);
  if (opened.ok()) return outgoing_->Start(*opened, deadline, std::move(gate));
  AttemptResult result;
  result.notification = notification.id;
  result.attempt = notification.attempt;
  result.kind = AttemptResult::Kind::kRejected;
  result.detail = Message(opened.status());
  reports_.Forward(result);
}

absl::Status Server::Reload(const Caller& caller) {
  ReadSignInFile(options_.sign_in, secrets_, *api_->oidc);
  if (options_.config.empty()) return absl::OkStatus();
  const absl::StatusOr<OrganisationPtr> wanted = LoadConfig();
  const absl::Status done = wanted.ok() ? Apply(*wanted, "--config", &caller) : wanted.status();
  return OfReload(caller, done);
}

absl::Status Server::MakeDoors() {
  TOCSIN_ASSIGN(PeerRules webhook_peers, PeerRules::Parse(options_.allow_webhooks_to));
  api_ = std::make_unique<Api>(Api{*engine_, std::string(kVersion), webhook_peers});
  api_->oidc = std::make_shared<OidcDesk>(std::move(webhook_peers));
  ReadSignInFile(options_.sign_in, secrets_, *api_->oidc);
  workers_ = std::make_unique<Workers>(kApiThreads, kApiWaiting);
  IngestDoors::Options door_options;
  door_options.default_integration = IntegrationId(options_.default_integration);
  door_options.signing_secret = [this](const Integration& integration) {
    return vault_->Unseal(integration.signing_secret, PlaceOfSigning(integration.id));
  };
  door_options.explain = [this](std::vector<AlertKey> keys, TellTaken told) {
    return workers_->Post(Workers::Lane::kAsking, [this, keys = std::move(keys), told = std::move(told)]() mutable {
      told(ExplainTaken(*api_, keys));
    });
  };
  door_options.fetch = [this](std::string url, absl::AnyInvocable<void(absl::StatusOr<HttpResponse>)> done) {
    return workers_->Post(Workers::Lane::kAsking, [url = std::move(url), done = std::move(done)]() mutable {
      done(Perform({.url = std::move(url), .timeout = kFetch, .max_response_bytes = kFetchBytes}));
    });
  };
  keys_ = std::make_unique<KeyRing>([this] { return engine_->rules(); },
                                    [this](const IntegrationId& id) { return engine_->IndexOf(id); },
                                    [this](std::string_view token) { return auth_->IntegrationOf(token); });
  doors_ = std::make_unique<IngestDoors>(*engine_, *keys_, *clock_, door_options);
  mail_ = std::make_unique<MailDoor>(*engine_, *keys_, *clock_);
  peers_ = std::make_unique<EventDoor>(*engine_, *keys_, *clock_);
  grpc_ingest_ = std::make_unique<GrpcIngest>(*engine_, *keys_, *clock_, door_options.explain);
  api_->proxies = options_.proxies;
  RememberLogins(*api_);
  api_->data_folder = options_.data;
  api_->vault = vault_.get();
  api_->tls = !options_.tls.certificate.empty();
  api_->outside = [this] { return ReadOutside(*doors_, *peers_, *grpc_ingest_, *mail_, outgoing_->Read()); };
  instruments_ = std::make_unique<Instruments>(
      *engine_,
      Instruments::Readers{.notifier = [this] { return outgoing_->Read(); },
                           .http_ingest = [this] { return Total(doors_->ReadStatistics(), peers_->ReadStatistics()); },
                           .mail = [this] { return mail_->ReadStatistics(); },
                           .grpc_ingest = [this] { return grpc_ingest_->ReadStatistics(); },
                           .http =
                               [this] {
                                 // Null while it starts: the first request may be faster than our assignment.
                                 const HttpServer* serving = http_reader_.load(std::memory_order_acquire);
                                 return serving == nullptr ? HttpServer::Statistics() : serving->ReadStatistics();
                               }});
  TOCSIN_ASSIGN(watch_, Watch::Start({absl::Seconds(options_.canary_seconds), options_.beats_file}, *engine_,
                                     *outgoing_, *clock_));
  watch_->AddMetrics(instruments_->registry());
  return absl::OkStatus();
}

absl::Status Server::StartHttp() {
  TOCSIN_ASSIGN(const Address http, ParseAddress("http", options_.http));
  HttpRouter router;
  AddHttpDoors(router, {
                           .engine = *engine_,
                           .api = *api_,
                           .auth = *auth_,
                           .keys = *keys_,
                           .workers = *workers_,
                           .ingest = *doors_,
                           .peers = *peers_,
                           .instruments = *instruments_,
                           .link_key = link_key_,
                           .alertmanager = {.default_integration = IntegrationId(options_.default_integration),
                                            .address = options_.http,
                                            .reload = [this](const Caller& caller) { return Reload(caller); }}
  });
  if (!options_.gateway_socket.empty()) {
    TOCSIN_ASSIGN(gateways_, Gateways::Start(options_.gateway_socket, *engine_, *vault_, router));
  }

  HttpServer::Options http_options;
  http_options.max_connections = MostHttpConnections();
  http_options.address = http.host;
  http_options.port = http.port;
  http_options.threads = kHttpThreads;
  http_options.tls = tls_;
  http_options.proxies = options_.proxies;
  absl::StatusOr<std::unique_ptr<HttpServer>> listening = HttpServer::Start(http_options, std::move(router));
  if (!listening.ok()) return CannotListen("http", options_.http, listening.status());
  http_ = *std::move(listening);
  http_reader_.store(http_.get(), std::memory_order_release);
  options_.http = http.host + ":" + std::to_string(http_->port());
  return absl::OkStatus();
}

absl::Status Server::StartSmtp() {
  if (options_.smtp.empty()) return absl::OkStatus();
  TOCSIN_ASSIGN(const Address address, ParseAddress("smtp", options_.smtp));
  TOCSIN_ASSIGN(smtp_,
                SmtpServer::Start(
                    {.address = address.host, .port = address.port},
                    [this](std::string_view to, bool is_loopback) { return mail_->CheckRecipient(to, is_loopback); },
                    [this](const SmtpMessage& message, absl::AnyInvocable<void(SmtpReply)> answer) {
                      mail_->Deliver(message, std::move(answer));
                    }));
  options_.smtp = address.host + ":" + std::to_string(smtp_->port());
  return absl::OkStatus();
}

void Server::StartGrpc() {
  GrpcRouter router;
  grpc_ingest_->AddMethods(router);
  AddGrpcMethods(router, *api_, *auth_, *workers_);
  AddHealth(router);
  AddReflection(router, *clock_);
  grpc_->Begin(std::move(router));
}

absl::Status Server::Start() {
  if (!options_.tls.certificate.empty()) {
    TOCSIN_ASSIGN(tls_, TlsKeeper::Open(options_.tls, absl::Now()));
  }
  OrganisationPtr declared;  // read before there is a store: a mistake in it leaves none behind
  if (!options_.config.empty()) {
    TOCSIN_ASSIGN(declared, LoadConfig());
  }
  TOCSIN_TRY(CheckBeforeStart(options_));
  TOCSIN_TRY(OpenStore());
  TOCSIN_TRY(StartEngine());
  TOCSIN_TRY(Declare(declared));
  TOCSIN_TRY(Reseal(*engine_, *vault_));
  TOCSIN_ASSIGN(const std::string audit_key, ReadOrMakeSealed(*vault_, options_.data, "audit.key"));
  TOCSIN_ASSIGN(audit_witness_, AuditWitness::Start([this] { return store_->ReadAuditHead(); }, AuditSigner(audit_key),
                                                    options_.audit_heads, options_.data));
  WarnOfSampleKeys(organisation());
  TOCSIN_TRY(MakeDoors());
  if (tls_) AddTlsMetrics(instruments_->registry(), tls_);
  TOCSIN_ASSIGN(archiving_, Archiving::Start(options_, *store_));
  if (archiving_) archiving_->AddMetrics(instruments_->registry());
  TOCSIN_ASSIGN(grpc_, ListenForGrpc(options_.grpc, tls_, options_.proxies));
  AddGrpcMetrics(instruments_->registry(), *grpc_);
  TOCSIN_TRY(StartHttp());
  TOCSIN_TRY(StartSmtp());
  StartGrpc();
  watch_->Begin();
  return absl::OkStatus();
}

void Server::Tick() {
  const Now now = clock_->Read();
  if (tls_) tls_->Look(now.wall);
  if (!told_of_dead_letters_) told_of_dead_letters_ = TellOfDeadLetters(*engine_);
  api_->backups->Tick(now, store_->FreeSpace(now) != Store::Space::kPlenty);
  if (archiving_) archiving_->Tick(now.wall);
  instruments_->Tick();
  watch_->Tick();
}

void Server::Stop() {
  if (!engine_) return;
  if (watch_) watch_->Stopping();
  gateways_.reset();
  if (grpc_) grpc_->Stop(kGrace);
  if (http_) http_->Stop(kGrace);
  smtp_.reset();
  if (api_ && api_->oidc) api_->oidc->Stop();
  if (workers_) workers_->Stop();  // its address stays good: the engine may still tell doors of what is durable
  if (api_ && api_->backups) api_->backups->Stop();
  outgoing_->Stop();  // attempts under way report before the engine goes
  reports_.Connect(nullptr);
  engine_.reset();
  audit_witness_.reset();  // tells how the log has ended
  archiving_.reset();
}

}  // namespace

int Serve(const ServeOptions& options) {
  const ProcessSignals signals;
  if (!StartProcess(options.log_level)) return 1;
  Server server(options);
  if (const absl::Status status = server.Start(); !status.ok()) {
    std::fprintf(stderr, "tocsin: not started: %s\n", Message(status).c_str());
    return 1;
  }
  Greet(server.options(), server.HasSample());
  for (auto asked = ProcessSignals::Asked::kNothing; asked != ProcessSignals::Asked::kEnd;
       asked = signals.WaitASecond()) {
    asked == ProcessSignals::Asked::kReload ? server.ReadAgain() : server.Tick();
  }
  LogInfo("stopping: what was taken is finished, the rest the next start does", {});
  server.Stop();
  return 0;
}

}  // namespace tocsin
