#include "server/instruments.h"

#include <algorithm>
#include <array>
#include <atomic>

#include "absl/strings/str_format.h"

#include "base/mutex.h"
#include "base/version.h"
#include "engine/channel_health.h"
#include "model/canary.h"
#include "model/reach.h"
#include "server/alertmanager_metrics.h"

namespace tocsin {
namespace {

using Kind = MetricRegistry::Kind;

// Counts over the responder's rows, taken together once a scrape.
struct ResponderCounts {
  std::uint64_t groups[4] = {};  // by Group::State
  std::uint64_t incidents_open = 0;
  std::uint64_t notifications[9] = {};  // by Notification::State
  std::uint64_t timers = 0;
  std::uint64_t heartbeats_alive = 0;
  std::uint64_t heartbeats_expired = 0;
  double oldest_undelivered_seconds = 0;
  std::array<double, kContactKinds> channel_failing_seconds = {};
  std::array<std::array<double, 2>, kContactKinds> channel_lost_seconds = {};  // of the first and the second provider
  ChannelScores channel_scores = {};
  AuditRound audit;
  std::array<std::uint64_t, 3> silences = {};                        // active, pending, expired
  std::array<std::uint64_t, kReachStates + 1> contact_methods = {};  // by ReachState
  ConfigurationId configuration;
};

// There are rows only of those to which anything was ever sent.
void CountContactMethods(const ResponderState& state, ResponderCounts& counts) {
  if (state.organisation == nullptr) return;
  std::uint64_t declared = 0;
  for (const User& user : state.organisation->users)
    declared += user.contact_methods.size();
  for (const auto& [id, reach] : state.reaches)
    ++counts.contact_methods[static_cast<std::size_t>(StateOf(reach))];
  auto& unverified = counts.contact_methods[static_cast<std::size_t>(ReachState::kUnverified)];
  unverified += declared - std::min<std::uint64_t>(declared, state.reaches.size());
}

ResponderCounts Count(const Responder& responder, const Now& now) {
  ResponderCounts counts;
  const ResponderState& state = responder.state();
  for (const auto& [id, group] : state.groups)
    ++counts.groups[static_cast<std::size_t>(group.state)];
  for (const auto& [id, incident] : state.incidents) {
    counts.incidents_open += incident.state != Incident::State::kResolved ? 1U : 0U;
  }
  for (const auto& [id, notification] : state.notifications) {
    if (IsCanary(notification)) continue;
    ++counts.notifications[static_cast<std::size_t>(notification.state)];
    const bool undelivered = notification.state == Notification::State::kPending ||
                             notification.state == Notification::State::kLeased ||
                             (notification.state == Notification::State::kHeld && !notification.bundle.set());
    // What has failed once is late, also while it waits for its next attempt.
    if (!undelivered || (notification.due > now.engine && notification.attempt == 0)) continue;
    counts.oldest_undelivered_seconds =
        std::max(counts.oldest_undelivered_seconds, absl::ToDoubleSeconds(now.wall - notification.created_at));
  }
  counts.timers = state.timers.size();
  counts.audit = responder.last_audit();
  for (const auto& [id, silence] : state.silences) {
    if (!silence.maintenance) ++counts.silences[now.wall < silence.starts_at ? 1 : now.wall >= silence.ends_at ? 2 : 0];
  }
  counts.configuration = state.counters.configuration;
  CountContactMethods(state, counts);
  for (const ChannelHealth& health : HealthOfChannels(state)) {
    const auto kind = static_cast<std::size_t>(health.kind);
    const auto since = [&](absl::Time at) { return std::max(0.0, absl::ToDoubleSeconds(now.wall - at)); };
    counts.channel_scores[kind] = {health.score, health.second};
    for (const std::size_t provider : {0U, 1U}) {
      const ChannelScore& score = counts.channel_scores[kind][provider];
      if (score.delivers_nothing()) counts.channel_lost_seconds[kind][provider] = since(score.lost_since);
    }
    if (health.is_failing()) counts.channel_failing_seconds[kind] = since(health.failing_since);
  }
  for (const auto& [name, id] : state.heartbeat_of)
    ++(IsExpired(state.heartbeats.at(id)) ? counts.heartbeats_expired : counts.heartbeats_alive);
  return counts;
}

}  // namespace

class Instruments::Impl {
 public:
  Impl(Engine& engine, Readers readers) : engine_(engine), readers_(std::move(readers)) {
    AddEngine();
    AddGateways();
    AddIngest();
    AddHttp();
    AddShards();
    AddResponder();
    AddNotifier();
    AddAlertmanagerMetrics(registry_, alertmanager_, engine_.store().store_id());
    registry_
        .AddGauge("tocsin_build_info", "1, with the version as a label.",
                  {
                      {"version", std::string(kVersion)}
    })
        .Set(1);
  }

  // Takes one look at everything, then renders: the samples read what was taken.
  std::string Render() {
    MutexLock lock(mutex_);
    statistics_ = engine_.ReadStatistics();
    engine_.ReadResponderAndWait(
        [this](const Responder& responder, const Now& now) { counts_ = Count(responder, now); });
    notified_ = readers_.notifier();
    http_ingest_ = readers_.http_ingest();
    mail_ = readers_.mail();
    grpc_ingest_ = readers_.grpc_ingest();
    http_ = readers_.http();
    TakeAlertmanager();
    return registry_.RenderText() + RenderNotificationLatency(notified_);
  }

  Engine& engine_;
  MetricRegistry registry_;
  std::atomic<std::uint64_t> waiting_letters_ = 0;  // dead letters, as Tick has seen them

 private:
  template <typename Read>
  void Add(Kind kind, std::string_view name, std::string_view help, Read read, MetricLabels labels = {}) {
    registry_.AddSampled(
        kind, name, help, [read] { return static_cast<double>(read()); }, std::move(labels));
  }

  void AddEngine() {
    Add(Kind::kCounter, "tocsin_ingest_batches_total", "Batches taken in.",
        [this] { return statistics_.submitted_batches; });
    Add(Kind::kCounter, "tocsin_ingest_events_total", "Events taken in.",
        [this] { return statistics_.submitted_events; });
    for (const Admission why :
         {Admission::kOverloaded, Admission::kDiskLow, Admission::kTooLarge, Admission::kStopping}) {
      Add(Kind::kCounter, "tocsin_ingest_refused_batches_total", "Batches refused with a retry hint, by reason.",
          [this, why] {
            return statistics_.refused[static_cast<std::size_t>(why)];
      },
          {{"reason", std::string(Name(why))}});
    }
    Add(Kind::kGauge, "tocsin_ingest_ring_bytes", "Bytes taken in and not yet applied.",
        [this] { return statistics_.ring_bytes_used; });
    Add(Kind::kCounter, "tocsin_journal_commits_total", "Commits: one write and one fsync each.",
        [this] { return statistics_.commits; });
    Add(Kind::kCounter, "tocsin_journal_bytes_total", "Bytes of entries written.",
        [this] { return statistics_.committed_bytes; });
    const Engine::Histograms& histograms = engine_.histograms();
    registry_.AddObserved("tocsin_journal_commit_seconds", "Commits: one write and one fsync each.",
                          histograms.commit_seconds);
    registry_.AddObserved("tocsin_ingest_seconds", "Batches, from taken in to durable, when the sender is answered.",
                          histograms.ingest_seconds);
    registry_.AddObserved("tocsin_attempt_start_seconds",
                          "Notifications, from the decision to page to the start of the first attempt.",
                          histograms.attempt_start_seconds);
    Add(Kind::kGauge, "tocsin_journal_sequence", "The last durable entry.",
        [this] { return statistics_.committed_sequence; });
    Add(Kind::kCounter, "tocsin_auditor_findings_total",
        "Groups and incidents that the auditor had to repair; anything but 0 is a bug.",
        [this] { return statistics_.auditor_findings; });
    AddAuditor();
    Add(Kind::kGauge, "tocsin_dead_letters",
        "Journal entries that could not be applied, were put aside, and wait for somebody; anything but 0 is a bug.",
        [this] { return engine_.store().dead_letters().Waiting(); });
    Add(Kind::kGauge, "tocsin_paging_possible", "1 while pages can really go out.",
        [this] { return engine_.WhyNotPaging().empty() ? 1U : 0U; });
  }

  void AddAuditor() {
    Add(Kind::kCounter, "tocsin_auditor_rounds_total",
        "Rounds of the auditor over all that is open, one in ten seconds; when it stands still, so does the responder.",
        [this] { return counts_.audit.number; });
    Add(Kind::kGauge, "tocsin_auditor_open", "Open groups and incidents that the last round looked at.",
        [this] { return counts_.audit.groups + counts_.audit.incidents; });
    const auto age = [this](std::string_view name, std::string_view help, absl::Duration AuditRound::*field) {
      Add(Kind::kGauge, name, help, [this, field] { return absl::ToDoubleSeconds(counts_.audit.*field); });
    };
    age("tocsin_auditor_oldest_timer_seconds", "How long the longest overdue timer was overdue in the last round.",
        &AuditRound::oldest_timer);
    age("tocsin_auditor_oldest_message_seconds",
        "How long the longest overdue message about something open waited for an attempt in the last round.",
        &AuditRound::oldest_message);
    age("tocsin_auditor_oldest_attempt_seconds",
        "Since when the attempt was under way that was not answered longest in the last round.",
        &AuditRound::oldest_attempt);
  }

  void AddGateways() {
    using Gateways = Engine::Statistics::Gateways;
    const auto add = [this](Kind kind, std::string_view name, std::string_view help, std::uint64_t Gateways::*field) {
      Add(kind, name, help, [this, field] { return statistics_.gateways.*field; });
    };
    add(Kind::kGauge, "tocsin_gateways_attached", "Gateways that are attached now.", &Gateways::attached);
    add(Kind::kCounter, "tocsin_gateways_attachments_total",
        "Gateways that have attached; more than were started: some died or were cut off.", &Gateways::attachments);
    add(Kind::kCounter, "tocsin_gateways_batches_total", "Batches taken from gateways; counted as taken in, too.",
        &Gateways::batches);
    add(Kind::kCounter, "tocsin_gateways_events_total", "Events taken from gateways; counted as taken in, too.",
        &Gateways::events);
    add(Kind::kCounter, "tocsin_gateways_dropped_completions_total",
        "Answers that a gateway did not take: its senders send again.", &Gateways::dropped_completions);
    add(Kind::kCounter, "tocsin_gateways_broken_total",
        "Gateways cut off because they stood still or wrote what no gateway writes; the log says which.",
        &Gateways::broken);
  }

  // What never becomes a batch: told to the sender, counted here, so that a silent loss shows.
  void AddIngest() {
    Add(Kind::kCounter, "tocsin_ingest_http_requests_total", "Requests at the HTTP doors for alerts.",
        [this] { return http_ingest_.requests; });
    Add(Kind::kCounter, "tocsin_ingest_streams_total", "gRPC streams opened.", [this] { return grpc_ingest_.streams; });
    Add(Kind::kCounter, "tocsin_ingest_ignored_events_total", "Events that say nothing about an alert's state.",
        [this] { return http_ingest_.ignored_events; });
    const struct {
      std::string_view door;
      const std::uint64_t& count;
    } rejected[] = {
        {"http", http_ingest_.rejected_events},
        {"grpc", grpc_ingest_.rejected_events},
        {"mail", mail_.rejected              }
    };
    for (const auto& [door, count] : rejected) {
      Add(
          Kind::kCounter, "tocsin_ingest_rejected_events_total",
          "Events that were not well formed; the answer names each.", [&count] { return count; },
          MetricLabels(1, {"door", std::string(door)}));
    }
    const struct {
      std::string_view door;
      std::string_view reason;
      const std::uint64_t& count;
    } refused[] = {
        {"http", "unreadable",    http_ingest_.unreadable_bodies},
        {"http", "unknown_key",   http_ingest_.unknown_keys     },
        {"http", "bad_signature", http_ingest_.bad_signatures   },
        {"grpc", "unreadable",    grpc_ingest_.malformed        },
        {"grpc", "unknown_key",   grpc_ingest_.unknown_keys     },
        {"grpc", "over_credit",   grpc_ingest_.over_credit      },
        {"mail", "unreadable",    mail_.unreadable              },
        {"mail", "unknown_key",   mail_.unknown_recipients      },
        {"mail", "overloaded",    mail_.refused                 }
    };
    for (const auto& [door, reason, count] : refused) {
      MetricLabels labels = {
          {"door",   std::string(door)  },
          {"reason", std::string(reason)}
      };
      Add(
          Kind::kCounter, "tocsin_ingest_refused_requests_total",
          "Messages of which nothing was taken, by door and reason.", [&count] { return count; }, std::move(labels));
    }
  }

  // What does not get as far as a door: floods, slow peers, what is not HTTP.
  void AddHttp() {
    Add(Kind::kCounter, "tocsin_http_connections_total", "Connections to the HTTP port.",
        [this] { return http_.connections_accepted; });
    Add(Kind::kGauge, "tocsin_http_connections_open", "Connections that are open now.",
        [this] { return http_.connections_open; });
    Add(Kind::kCounter, "tocsin_http_connections_refused_total", "Connections over the limit, answered with 503.",
        [this] { return http_.connections_refused; });
    Add(Kind::kCounter, "tocsin_http_timeouts_total", "Connections cut off because the peer was too slow.",
        [this] { return http_.timeouts; });
    Add(Kind::kCounter, "tocsin_http_malformed_total", "Requests that were not proper HTTP.",
        [this] { return http_.malformed; });
    constexpr std::string_view kCodes[] = {"", "1xx", "2xx", "3xx", "4xx", "5xx"};
    for (std::size_t i = 2; i < 6; ++i) {
      Add(Kind::kCounter, "tocsin_http_responses_total", "Answers of the HTTP port, by class of status.",
          [this, i] {
            return http_.responses[i];
      },
          {{"code", std::string(kCodes[i])}});
    }
  }

  void TakeAlertmanager() {
    if (alertmanager_.configuration != counts_.configuration.value()) {
      ConfigurationVersion probe;
      probe.id = counts_.configuration;
      const absl::StatusOr<std::optional<Row>> row = engine_.store().ReadRow(KeyOf(Row(probe)));
      if (row.ok() && row->has_value())
        alertmanager_.applied_at_seconds =
            absl::ToDoubleSeconds(std::get<ConfigurationVersion>(**row).at - absl::UnixEpoch());
    }
    alertmanager_.active = Sum(&ShardStatistics::firing);
    alertmanager_.suppressed = Sum(&ShardStatistics::suppressed);
    alertmanager_.silences = counts_.silences;
    alertmanager_.configuration = counts_.configuration.value();
    alertmanager_.notified = notified_;
    alertmanager_.doors = http_ingest_;
  }

  std::uint64_t Sum(std::uint64_t ShardStatistics::*field) const {
    std::uint64_t sum = 0;
    for (const ShardStatistics& shard : statistics_.shards)
      sum += shard.*field;
    return sum;
  }

  void AddShards() {
    const auto gauge = [this](std::string_view name, std::string_view help, std::uint64_t ShardStatistics::*field) {
      Add(Kind::kGauge, name, help, [this, field] { return Sum(field); });
    };
    gauge("tocsin_alerts_firing", "Alerts that fire and are not held back.", &ShardStatistics::firing);
    gauge("tocsin_alerts_suppressed", "Alerts that fire and are held back: silenced, in maintenance or inhibited.",
          &ShardStatistics::suppressed);
    gauge("tocsin_alerts_resolved_kept", "Resolved alerts still in memory.", &ShardStatistics::resolved_kept);
    gauge("tocsin_alert_table_bytes", "Memory of the alert table.", &ShardStatistics::table_bytes);
    gauge("tocsin_interned_strings", "Strings kept once for all alerts.", &ShardStatistics::interned_strings);
    for (std::size_t i = 0; i < kOutcomes; ++i) {
      Add(Kind::kCounter, "tocsin_events_total", "Events by their first fate; the sum is every event applied.",
          [this, i] {
            std::uint64_t sum = 0;
            for (const ShardStatistics& shard : statistics_.shards)
              sum += shard.outcomes[i];
            return sum;
      },
          {{"outcome", std::string(Name(static_cast<Outcome>(i)))}});
    }
  }

  void AddResponder() {
    Add(Kind::kGauge, "tocsin_heartbeats", "Heartbeats, by state.",
        [this] {
          return counts_.heartbeats_alive;
    },
        {{"state", "alive"}});
    Add(Kind::kGauge, "tocsin_heartbeats", "Heartbeats, by state.",
        [this] {
          return counts_.heartbeats_expired;
    },
        {{"state", "expired"}});
    Add(Kind::kCounter, "tocsin_heartbeat_pings_total", "Signals of heartbeats that came in.",
        [this] { return statistics_.heartbeat_pings; });
    constexpr std::string_view kGroupStates[] = {"", "open", "acknowledged", "resolved"};
    for (std::size_t i = 1; i < 4; ++i) {
      Add(Kind::kGauge, "tocsin_groups", "Groups in memory, by state.",
          [this, i] {
            return counts_.groups[i];
      },
          {{"state", std::string(kGroupStates[i])}});
    }
    constexpr std::string_view kStates[] = {"",       "pending",   "leased", "accepted", "delivered",
                                            "failed", "cancelled", "dead",   "held"};
    for (std::size_t i = 1; i < std::size(kStates); ++i) {
      Add(Kind::kGauge, "tocsin_notifications", "Notifications in memory, by state.",
          [this, i] {
            return counts_.notifications[i];
      },
          {{"state", std::string(kStates[i])}});
    }
    for (const ReachState state : {ReachState::kUnverified, ReachState::kVerified, ReachState::kFailing}) {
      Add(Kind::kGauge, "tocsin_contact_methods", "Contact methods of people, by whether they are known to reach them.",
          [this, state] {
            return counts_.contact_methods[static_cast<std::size_t>(state)];
      },
          {{"state", std::string(Name(state))}});
    }
    Add(Kind::kGauge, "tocsin_incidents_open", "Incidents that are not resolved.",
        [this] { return counts_.incidents_open; });
    Add(Kind::kGauge, "tocsin_timers", "Armed timers.", [this] { return counts_.timers; });
    Add(Kind::kGauge, "tocsin_oldest_undelivered_seconds",
        "Age of the oldest notification that is due and not delivered.",
        [this] { return counts_.oldest_undelivered_seconds; });
  }

  void AddChannelScores() {
    for (std::size_t method = 0; method < kContactKinds; ++method)
      for (const std::size_t provider : {0U, 1U})
        AddChannelScore(method, provider);
  }

  void AddChannelScore(std::size_t method, std::size_t provider) {
    const MetricLabels labels = {
        {"method",   std::string(Name(static_cast<ContactMethod::Kind>(method)))},
        {"provider", provider == 0 ? "first" : "second"                         }
    };
    const auto share = [](std::uint32_t part, std::uint32_t whole) { return whole == 0 ? 1.0 : 1.0 * part / whole; };
    const auto score = [this, method, provider]() -> const ChannelScore& {
      return counts_.channel_scores[method][provider];
    };
    Add(
        Kind::kGauge, "tocsin_channel_undelivered_seconds",
        "For how long the provider has taken messages and delivered none, as receipts tell, by contact method; 0: it "
        "delivers, or no receipts are given.",
        [this, method, provider] { return counts_.channel_lost_seconds[method][provider]; }, labels);
    Add(
        Kind::kGauge, "tocsin_channel_taken_ratio",
        "Share of the newest messages to people that the provider took, by contact method; 1 where none was sent.",
        [score, share] { return share(score().taken, score().tried); }, labels);
    Add(
        Kind::kGauge, "tocsin_channel_delivered_ratio",
        "Share of the newest messages taken that arrived, of those of which a receipt came or should have; 1 where "
        "there are none.",
        [score, share] { return share(score().delivered, score().awaited); }, labels);
    Add(
        Kind::kGauge, "tocsin_channel_receipt_p95_seconds",
        "How long 95 of 100 receipts of the newest messages took at most; 0 where none came.",
        [score] { return absl::ToDoubleSeconds(score().receipt_p95); }, labels);
  }

  void AddNotifier() {
    Add(Kind::kGauge, "tocsin_attempts_in_flight", "Attempts under way.", [this] { return notified_.in_flight; });
    Add(Kind::kCounter, "tocsin_attempts_by_last_good_address_total",
        "Exchanges with a provider whose name did not resolve, by the address at which it was last reached.",
        [this] { return notified_.by_known_address; });
    for (std::size_t method = 0; method < kContactKinds; ++method) {
      Add(Kind::kGauge, "tocsin_channel_failing_seconds",
          "For how long nothing was taken of what was tried for people, by contact method; 0: it is taken, or nothing "
          "was tried.",
          [this, method] {
            return counts_.channel_failing_seconds[method];
      },
          {{"method", std::string(Name(static_cast<ContactMethod::Kind>(method)))}});
    }
    AddChannelScores();
    constexpr std::string_view kLanes[] = {"critical", "normal", "rest"};
    for (std::size_t i = 0; i < 3; ++i) {
      Add(Kind::kGauge, "tocsin_attempts_queued", "Attempts waiting for a connection, by lane.",
          [this, i] {
            return notified_.queued[i];
      },
          {{"lane", std::string(kLanes[i])}});
    }
    constexpr std::string_view kResults[] = {"", "accepted", "retry_later", "rejected", "ambiguous", "not_started"};
    for (std::size_t method = 0; method < kContactKinds; ++method) {
      for (std::size_t result = 1; result < 6; ++result) {
        Add(Kind::kCounter, "tocsin_attempts_total", "Attempts by contact method and result.",
            [this, method, result] {
              return notified_.results[method][result];
        },
            {{"method", std::string(Name(static_cast<ContactMethod::Kind>(method)))},
             {"result", std::string(kResults[result])}});
      }
    }
  }

  const Readers readers_;
  Mutex mutex_;
  // Written under mutex_ before RenderText reads them in the same call.
  Engine::Statistics statistics_;
  ResponderCounts counts_;
  Notifier::Statistics notified_;
  IngestDoors::Statistics http_ingest_;
  MailDoor::Statistics mail_;
  GrpcIngest::Statistics grpc_ingest_;
  HttpServer::Statistics http_;
  AlertmanagerNumbers alertmanager_;
};

Instruments::Instruments(Engine& engine, Readers readers) : impl_(std::make_unique<Impl>(engine, std::move(readers))) {}
Instruments::~Instruments() = default;

MetricRegistry& Instruments::registry() {
  return impl_->registry_;
}

void Instruments::Tick() {
  impl_->waiting_letters_.store(impl_->engine_.store().dead_letters().Waiting(), std::memory_order_relaxed);
}

void Instruments::AddRoutes(HttpRouter& router, Workers& workers) {
  router.Add(HttpMethod::kGet, "/metrics", [this, &workers](const HttpRequest&, HttpResponder responder) {
    auto held = std::make_shared<HttpResponder>(std::move(responder));
    const bool taken = workers.Post(Workers::Lane::kDoing, [this, held] {
      std::move(*held).Send({200, {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}}, impl_->Render()});
    });
    if (!taken) std::move(*held).Send({503, {}, "too many calls are waiting\n"});
  });
  const auto ok = [this](const HttpRequest&, HttpResponder responder) {
    const std::uint64_t letters = impl_->waiting_letters_.load(std::memory_order_relaxed);
    const std::string text = letters == 0
                                 ? "OK"
                                 : absl::StrFormat(
                                       "OK; journal entries that were put aside and wait for somebody: %d (`tocsin "
                                       "dead-letter list`)\n",
                                       letters);
    std::move(responder).Send({200, {{"Content-Type", "text/plain; charset=utf-8"}}, text});
  };
  router.Add(HttpMethod::kGet, "/-/healthy", ok);
  router.Add(HttpMethod::kGet, "/-/ready", [this, ok](const HttpRequest& request, HttpResponder responder) {
    if (impl_->engine_.rules()) return ok(request, std::move(responder));
    std::move(responder).Send({503, {}, "no organisation is declared; `tocsin apply FILE...` declares one\n"});
  });
}

}  // namespace tocsin
