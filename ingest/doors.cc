#include "ingest/doors.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "ingest/alertmanager_counts.h"
#include "ingest/answers.h"
#include "ingest/mapping.h"
#include "ingest/other_site.h"
#include "ingest/prometheus_reader.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

constexpr std::string_view kAlertmanagerPath = "api/v2/alerts";
constexpr std::string_view kSnsSource = "cloudwatch_sns";
constexpr std::size_t kWarningBytes = 4096;  // of an answer

// Whoever asks whether events may be delivered is told yes, without a limit: https://github.com/cloudevents/spec, http-webhook.md, 4. The
// key is looked at when they come.
HttpResponse CloudEventsHandshake(const HttpRequest& request) {
  HttpResponse response{.status = 204, .headers = {{"Allow", "POST, PUT, GET, OPTIONS"}}};
  const std::string_view origin = request.header("WebHook-Request-Origin");
  if (origin.empty()) return response;
  response.status = 200;
  response.headers.push_back({"WebHook-Allowed-Origin", std::string(origin)});
  response.headers.push_back({"WebHook-Allowed-Rate", "*"});
  return response;
}

// The media type without its parameters.
std::string MediaType(std::string_view content_type) {
  return ToLower(Trim(content_type.substr(0, content_type.find(';'))));
}

// The buffers of one I/O thread; a message is read and submitted without leaving it.
Intake& ThreadIntake(std::uint64_t key_seed) {
  thread_local std::optional<std::pair<std::uint64_t, Intake>> mine;
  if (!mine || mine->first != key_seed) mine.emplace(key_seed, Intake(key_seed));
  return mine->second;
}

}  // namespace

class IngestDoors::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(Inlet& inlet, const KeyRing& keys, const Clock& clock, Options options)
      : inlet_(inlet),
        keys_(keys),
        clock_(clock),
        options_(std::move(options)),
        sns_(std::make_shared<SnsGate>(options_.fetch)) {}

  // POST /api/v2/alerts, and the same of the first version.
  void PostAlerts(const HttpRequest& request, AlertmanagerVersion version, HttpResponder responder) {
    counters_.requests.fetch_add(1, std::memory_order_relaxed);
    if (!keys_.ready()) return std::move(responder).Send(NotReady());
    const std::string key = KeyOfAuthorization(request.header("Authorization"));
    const std::optional<OpenDoor> door =
        key.empty() ? keys_.FindById(options_.default_integration) : FindKey(key, request);
    if (!door) {
      if (!key.empty()) return std::move(responder).Send(Unauthorised("unknown integration key"));
      return std::move(responder).Send(
          Problem(404, absl::StrFormat("integration %s, which this door belongs to, is not declared",
                                       options_.default_integration.value())));
    }
    const bool needs_key = door->integration != nullptr && !door->integration->key_hash.empty();
    if (key.empty() && needs_key) {
      return std::move(responder).Send(
          Unauthorised("this door wants the integration's key (Bearer, or the password of Basic)"));
    }
    if (key.empty() && !request.is_loopback) {
      return std::move(responder).Send(Problem(
          403, absl::StrFormat(
                   "integration %s has no key, so this door is open to this machine only: give it one, or post to "
                   "/v1/integrations/KEY/api/v2/alerts of another integration",
                   options_.default_integration.value())));
    }
    if (key.empty() && IsOfAnotherSite(request)) return std::move(responder).Send(Problem(403, kForProgramsHere));
    TakeAlerts(request, *door, version, std::move(responder));
  }

  // POST, PUT and GET /v1/integrations/...
  void PostWebhook(HttpRequest request, HttpResponder responder) {
    counters_.requests.fetch_add(1, std::memory_order_relaxed);
    if (!keys_.ready()) return std::move(responder).Send(NotReady());
    std::string_view rest = request.rest;
    std::string key(rest.substr(0, rest.find('/')));
    rest.remove_prefix(std::min(key.size() + 1, rest.size()));
    const bool is_in_path = !key.empty();
    if (!is_in_path) key = KeyOfAuthorization(request.header("Authorization"));
    if (key.empty()) {
      return std::move(responder).Send(
          Unauthorised("no key: post to /v1/integrations/KEY, or send the header `Authorization: Bearer KEY`"));
    }
    const std::optional<OpenDoor> door = is_in_path ? FindInPath(key, request) : FindKey(key, request);
    if (!door) {
      constexpr std::string_view kAdvice =
          "unknown integration key: compare it with the one shown when the integration was made; a lost key is "
          "replaced, not found again";
      return std::move(responder).Send(is_in_path ? Problem(404, kAdvice) : Unauthorised(kAdvice));
    }
    if (rest == kAlertmanagerPath) {
      return TakeAlerts(request, *door, AlertmanagerVersion::kSecond, std::move(responder));
    }
    const std::string path(rest);
    AdmitWebhook(std::make_shared<HttpRequest>(std::move(request)), *door, path, std::move(responder));
  }

  const Refusals& refusals() const { return refusals_; }
  Statistics ReadStatistics() const {
    const auto read = [](const std::atomic<std::uint64_t>& counter) { return counter.load(std::memory_order_relaxed); };
    Statistics statistics{
        .requests = read(counters_.requests),
        .accepted_events = read(counters_.accepted_events),
        .rejected_events = read(counters_.rejected_events),
        .ignored_events = read(counters_.ignored_events),
        .unreadable_bodies = read(counters_.unreadable_bodies),
        .unknown_keys = read(counters_.unknown_keys),
        .bad_signatures = read(counters_.bad_signatures),
    };
    for (std::size_t i = 0; i < std::size(statistics.refused_batches); ++i) {
      statistics.refused_batches[i] = read(counters_.refused_batches[i]);
    }
    alertmanager_.Read(statistics);
    return statistics;
  }

 private:
  struct Counters {
    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> accepted_events{0};
    std::atomic<std::uint64_t> rejected_events{0};
    std::atomic<std::uint64_t> ignored_events{0};
    std::atomic<std::uint64_t> unreadable_bodies{0};
    std::atomic<std::uint64_t> unknown_keys{0};
    std::atomic<std::uint64_t> bad_signatures{0};
    std::atomic<std::uint64_t> refused_batches[5]{};
  };

  std::optional<OpenDoor> FindKey(std::string_view key, const HttpRequest& request) {
    std::optional<OpenDoor> door = keys_.Find(key);
    if (!door) {
      counters_.unknown_keys.fetch_add(1, std::memory_order_relaxed);
      NoteRefusal(Refusals::Reason::kUnknownKey,
                  absl::StrFormat("a key that no integration has, from %s", request.peer));
    }
    return door;
  }

  void NoteRefusal(Refusals::Reason reason, std::string_view text) { refusals_.Note(clock_.Read().wall, reason, text); }

  // What stands in the path is a key, or the integration's name where a header has its key or token.
  std::optional<OpenDoor> FindInPath(std::string_view key_or_name, const HttpRequest& request) {
    if (const std::string key = KeyOfAuthorization(request.header("Authorization")); !key.empty()) {
      const std::optional<OpenDoor> door = keys_.Find(key);
      if (door && door->integration != nullptr && door->integration->id.value() == key_or_name) return door;
    }
    return FindKey(key_or_name, request);
  }

  Intake& Begin(const OpenDoor& door, absl::Time received) {
    Intake& intake = ThreadIntake(inlet_.KeySeed());
    const Labels* labels = door.integration != nullptr ? &door.integration->labels : nullptr;
    intake.Begin(door.index, labels, received, Intake::Manner::kLenient);
    return intake;
  }

  void CountRefused(const Intake& intake, const OpenDoor& door) {
    if (intake.refused().empty()) return;
    const std::size_t rejected = intake.rejected();
    counters_.rejected_events.fetch_add(rejected, std::memory_order_relaxed);
    counters_.ignored_events.fetch_add(intake.refused().size() - rejected, std::memory_order_relaxed);
    for (const Refused::Kind kind :
         {Refused::Kind::kRejected, Refused::Kind::kIgnored}) {  // the first of each is enough
      const auto first = std::ranges::find(intake.refused(), kind, &Refused::kind);
      if (first == intake.refused().end()) continue;
      NoteRefusal(
          kind == Refused::Kind::kRejected ? Refusals::Reason::kRejected : Refusals::Reason::kIgnored,
          absl::StrFormat("%s: alert %d of %d: %s", NameOf(door), first->index + 1, intake.seen(), first->reason));
    }
  }

  std::string NameOf(const OpenDoor& door) const {
    return absl::StrFormat("integration %s", door.integration != nullptr ? door.integration->id.value()
                                                                         : options_.default_integration.value());
  }

  void TakeAlerts(const HttpRequest& request,
                  const OpenDoor& door,
                  AlertmanagerVersion version,
                  HttpResponder responder) {
    const bool first = version == AlertmanagerVersion::kFirst;
    if (door.integration != nullptr && WantsProof(*door.integration)) {
      return std::move(responder).Send(BadSignature(
          door, 403, "only what is signed is taken for this integration, and it comes in at /v1/integrations/KEY"));
    }
    if (const std::string type = MediaType(request.header("Content-Type"));
        !first && !request.body.empty() && type != "application/json") {
      const std::string_view shown = type.empty() ? std::string_view("application/octet-stream") : type;
      return std::move(responder).Send(
          Problem(415, absl::StrFormat("unsupported media type \"%s\", only [application/json] are allowed", shown)));
    }
    const absl::Time now = clock_.Read().wall;
    Intake& intake = Begin(door, now);
    if (const auto refusal = ReadPrometheus(ThreadJsonReader(), request.body, intake)) {
      counters_.unreadable_bodies.fetch_add(1, std::memory_order_relaxed);
      NoteRefusal(Refusals::Reason::kUnreadable, absl::StrFormat("%s: %s", NameOf(door), refusal->message));
      return std::move(responder).Send(first ? BadData(refusal->message) : CodedProblem(*refusal));
    }
    CountRefused(intake, door);
    alertmanager_.Add(version, intake, now);
    if (WantsExplanation(request)) return ExplainAlerts(intake, std::move(responder));
    HttpResponse answer = first ? JsonResponse(200, R"({"status":"success"})") : HttpResponse();
    if (!intake.refused().empty()) {
      const std::string reasons =
          absl::StrJoin(intake.refused(), "; ", [](std::string* out, const Refused& one) { *out += one.reason; });
      answer = first ? BadData(reasons) : ErrorString(400, reasons);
    }
    Submit(intake, /*want_outcomes=*/false, std::move(responder), /*overload_status=*/503,
           [answer = std::move(answer)](const Receipt&, HttpResponder owed) mutable {
             std::move(owed).Send(std::move(answer));
           });
  }

  bool WantsExplanation(const HttpRequest& request) const {
    return !request.query.empty() && QueryValue(request.query, "explain").value_or("0") == "1";
  }

  // As Alertmanager's door would take them, but with an answer to read.
  void ExplainAlerts(const Intake& intake, HttpResponder responder) {
    const int status = intake.refused().empty() ? 200 : 400;
    Submit(intake, /*want_outcomes=*/false, std::move(responder), /*overload_status=*/503,
           [self = shared_from_this(), status, summary = SummaryOf(intake), asked = KeysToExplain(intake)](
               const Receipt& receipt, HttpResponder owed) mutable {
             self->ExplainThenSend(status, std::move(summary), receipt, {}, std::move(asked), std::move(owed));
           });
  }

  // Whoever has the key may still have to show a signature.
  void AdmitWebhook(std::shared_ptr<const HttpRequest> request,
                    OpenDoor door,
                    const std::string& path,
                    HttpResponder responder) {
    const Integration& integration = *door.integration;
    const Source* source = FindSource(integration.source);
    if (source == nullptr) {
      return std::move(responder).Send(
          Problem(409, absl::StrFormat("integration %s is of source %s, which does not come in by HTTP",
                                       integration.id.value(), integration.source)));
    }
    if (!path.empty() && !source->takes_paths)
      return std::move(responder).Send(Problem(404, "there is nothing below an integration's key but /api/v2/alerts"));
    const bool asks = request->method == HttpMethod::kGet && request->query.empty() && !source->takes_paths;
    if (asks || request->method == HttpMethod::kHead) return std::move(responder).Send(HowTo(integration, *source));
    const absl::Time received = clock_.Read().wall;
    if (!integration.signing_secret.empty() && source->verify != nullptr) {
      const absl::StatusOr<std::string> secret =
          options_.signing_secret ? options_.signing_secret(integration) : integration.signing_secret;
      if (!secret.ok()) return std::move(responder).Send(BadSignature(door, 503, Message(secret.status())));
      const absl::Status status = source->verify(Of(*request, path), *secret, received);
      if (!status.ok()) return std::move(responder).Send(BadSignature(door, 401, Message(status)));
    }
    if (source->name != kSnsSource) return TakeWebhook(*request, door, *source, path, std::move(responder));
    const auto owed = std::make_shared<HttpResponder>(std::move(responder));
    sns_->Judge(
        request, integration.topics, received,
        [self = shared_from_this(), request, door, source, path, owed](absl::StatusOr<SnsGate::Verdict> verdict) {
          if (!verdict.ok()) {
            const int status = absl::IsUnavailable(verdict.status()) ? 503 : 403;
            return std::move(*owed).Send(self->BadSignature(door, status, Message(verdict.status())));
          }
          if (*verdict == SnsGate::Verdict::kConfirmed)
            return std::move(*owed).Send(JsonResponse(200, "{\"confirmed\":true}\n"));
          self->TakeWebhook(*request, door, *source, path, std::move(*owed));
        });
  }

  static SourceRequest Of(const HttpRequest& request, std::string_view path) {
    return {.body = request.body,
            .content_type = request.header("Content-Type"),
            .query = request.query,
            .headers = request.headers,
            .path = path,
            .method = request.method};
  }

  // For whoever opens the address in a browser.
  static HttpResponse HowTo(const Integration& integration, const Source& source) {
    return JsonResponse(200, absl::StrFormat("{\"integration\":%s,\"source\":%s,\"how\":\"POST what %s sends to this "
                                             "address\",\"example\":%s}\n",
                                             JsonQuote(integration.id.value()), JsonQuote(source.name), source.product,
                                             JsonQuote(source.example)));
  }

  HttpResponse BadSignature(const OpenDoor& door, int status, std::string_view why) {
    if (status != 503) counters_.bad_signatures.fetch_add(1, std::memory_order_relaxed);
    NoteRefusal(Refusals::Reason::kUnreadable, absl::StrFormat("%s: not taken: %s", NameOf(door), why));
    HttpResponse refusal = Problem(status, why);
    return status == 503 ? WithRetryAfter(std::move(refusal), absl::Seconds(10)) : refusal;
  }

  void TakeWebhook(const HttpRequest& request,
                   const OpenDoor& door,
                   const Source& source,
                   std::string_view path,
                   HttpResponder responder) {
    const Now now = clock_.Read();
    const SourceRequest source_request = Of(request, path);
    const std::optional<FieldMapping>& mapping = door.integration->mapping;
    Readings readings = mapping ? ReadMapped(*mapping, source_request, now) : ReadPayload(source, source_request, now);
    Intake& intake = Begin(door, now.wall);
    std::string warnings;
    std::string_view example;
    for (std::size_t i = 0; i < readings.size(); ++i) {
      Reading& reading = readings[i];
      if (reading.event) {
        intake.Add(*reading.event);
        if (reading.stands_in) {
          NoteUnreadable(door, source, reading.reason);
          if (!mapping) example = source.example;
        }
        if (reading.reason.empty() || warnings.size() > kWarningBytes) continue;
        absl::StrAppendFormat(&warnings, R"(%s{"index":%d,"reason":%s})", warnings.empty() ? "" : ",", i,
                              JsonQuote(reading.reason));
      } else {
        intake.Refuse(std::move(reading.reason), reading.kind);
      }
    }
    CountRefused(intake, door);
    AnswerWebhook(request, intake, std::move(warnings), example, std::move(responder));
  }

  void NoteUnreadable(const OpenDoor& door, const Source& source, std::string_view reason) {
    counters_.unreadable_bodies.fetch_add(1, std::memory_order_relaxed);
    NoteRefusal(Refusals::Reason::kUnreadable, absl::StrFormat("%s: source %s: %s", NameOf(door), source.name, reason));
  }

  void AnswerWebhook(const HttpRequest& request,
                     const Intake& intake,
                     std::string warnings,
                     std::string_view example,
                     HttpResponder responder) {
    Summary summary = SummaryOf(intake);
    summary.warning_list = std::move(warnings);
    summary.example = example;
    const bool want_outcomes = QueryValue(request.query, "outcomes").value_or("0") == "1";
    // Where accepted and refused alerts stand in the message, for the outcomes.
    std::vector<Refused> places = want_outcomes ? intake.refused() : std::vector<Refused>();
    const std::uint32_t seen = intake.seen();
    std::vector<AlertKey> asked = WantsExplanation(request) ? KeysToExplain(intake) : std::vector<AlertKey>();
    Submit(intake, want_outcomes, std::move(responder), /*overload_status=*/429,
           [self = shared_from_this(), summary = std::move(summary), places = std::move(places), want_outcomes, seen,
            asked = std::move(asked)](const Receipt& receipt, HttpResponder owed) mutable {
             const auto outcomes = want_outcomes ? Intake::Merge(receipt, places, seen) : std::vector<Outcome>();
             const int status = summary.accepted == 0 && summary.rejected > 0 ? 400 : 202;
             self->ExplainThenSend(status, std::move(summary), receipt, outcomes, std::move(asked), std::move(owed));
           });
  }

  static Summary SummaryOf(const Intake& intake) {
    return {.accepted = intake.batch().count(),
            .rejected = intake.rejected(),
            .rejected_list = RefusedList(intake.refused(), Refused::Kind::kRejected),
            .ignored_list = RefusedList(intake.refused(), Refused::Kind::kIgnored)};
  }

  std::vector<AlertKey> KeysToExplain(const Intake& intake) const {
    std::vector<AlertKey> keys;
    const std::size_t count = options_.explain ? std::min(intake.batch().count(), kAlertsExplained) : 0;
    for (std::size_t i = 0; i < count; ++i)
      keys.push_back(intake.batch().at(i).header().key);
    return keys;
  }

  // On an engine thread: when there are keys, somebody else looks, and answers. When too many ask, what was taken is answered
  // without.
  void ExplainThenSend(int status,
                       Summary summary,
                       const Receipt& receipt,
                       const std::vector<Outcome>& outcomes,
                       std::vector<AlertKey> keys,
                       HttpResponder responder) {
    if (keys.empty()) return std::move(responder).Send(JsonResponse(status, WebhookAnswer(summary, receipt, outcomes)));
    Receipt kept;
    kept.sequence = receipt.sequence;
    const auto owed = std::make_shared<HttpResponder>(std::move(responder));
    const auto send = [owed, status, summary = std::move(summary), kept,
                       outcomes](const std::vector<TakenAlert>& told) {
      std::move(*owed).Send(JsonResponse(status, WebhookAnswer(summary, kept, outcomes, told)));
    };
    if (!options_.explain(std::move(keys), send)) send({});
  }

  // Hands the batch over; `answer` is called once it is durable, or at once when there is nothing to store, and must send.
  void Submit(const Intake& intake,
              bool want_outcomes,
              HttpResponder responder,
              int overload_status,
              absl::AnyInvocable<void(const Receipt&, HttpResponder)> answer) {
    if (intake.batch().empty()) return answer(Receipt(), std::move(responder));
    const std::size_t events = intake.batch().count();
    // Shared, because a refused batch takes its callback with it and the refusal has to be told.
    const auto owed = std::make_shared<HttpResponder>(std::move(responder));
    const Admission admission = inlet_.Submit(
        intake.batch(), want_outcomes,
        [self = shared_from_this(), owed, events, answer = std::move(answer)](const Receipt& receipt) mutable {
          if (receipt.lost) return std::move(*owed).Send(WithRetryAfter(Lost(), self->inlet_.RetryAfter()));
          self->counters_.accepted_events.fetch_add(events, std::memory_order_relaxed);
          answer(receipt, std::move(*owed));
        });
    if (admission == Admission::kAccepted) return;
    counters_.refused_batches[static_cast<std::size_t>(admission)].fetch_add(1, std::memory_order_relaxed);
    NoteRefusal(Refusals::Reason::kComeAgain, absl::StrFormat("%d alerts: %s", events, RefusalText(admission)));
    const int status = admission == Admission::kTooLarge     ? 413
                       : admission == Admission::kOverloaded ? overload_status
                                                             : 503;
    HttpResponse refusal = Problem(status, RefusalText(admission));
    if (status != 413) refusal = WithRetryAfter(std::move(refusal), inlet_.RetryAfter());
    std::move(*owed).Send(std::move(refusal));
  }

  Inlet& inlet_;
  const KeyRing& keys_;
  const Clock& clock_;
  const Options options_;
  Counters counters_;
  AlertmanagerCounts alertmanager_;
  Refusals refusals_;
  const std::shared_ptr<SnsGate> sns_;
};

IngestDoors::IngestDoors(Inlet& inlet, const KeyRing& keys, const Clock& clock, Options options)
    : impl_(std::make_shared<Impl>(inlet, keys, clock, std::move(options))) {}
IngestDoors::~IngestDoors() = default;

void IngestDoors::Register(HttpRouter& router) {
  router.AddSubtree(AlertmanagerSubtree("/api/v2"));
  router.Add(HttpMethod::kPost, "/api/v2/alerts", [impl = impl_](const HttpRequest& request, HttpResponder responder) {
    impl->PostAlerts(request, AlertmanagerVersion::kSecond, std::move(responder));
  });
  // What Prometheus before 2.26 sends unless told otherwise. Alertmanager 0.27 has nothing there any more: we still do.
  router.Add(HttpMethod::kPost, "/api/v1/alerts", [impl = impl_](const HttpRequest& request, HttpResponder responder) {
    impl->PostAlerts(request, AlertmanagerVersion::kFirst, std::move(responder));
  });
  const HttpHandler webhook = [impl = impl_](HttpRequest request, HttpResponder responder) {
    impl->PostWebhook(std::move(request), std::move(responder));
  };
  for (const HttpMethod method : {HttpMethod::kPost, HttpMethod::kPut, HttpMethod::kGet})
    router.AddPrefix(method, "/v1/integrations", webhook);
  router.AddPrefix(HttpMethod::kOptions, "/v1/integrations", [](const HttpRequest& request, HttpResponder responder) {
    std::move(responder).Send(CloudEventsHandshake(request));
  });
}

IngestDoors::Statistics IngestDoors::ReadStatistics() const {
  return impl_->ReadStatistics();
}

std::vector<Refusals::Refusal> IngestDoors::ReadRefusals() const {
  return impl_->refusals().Read();
}

HttpSubtree AlertmanagerSubtree(std::string_view prefix) {
  return {
      .prefix = std::string(prefix),
      .problem = {},  // net's own words are Alertmanager's
      .finish =
          [](const HttpRequest& request, HttpResponse& response) {
            response.headers.push_back({"Vary", "Origin"});
            response.headers.push_back({"Cache-Control", "no-store"});
            if (!request.header("Origin").empty()) response.headers.push_back({"Access-Control-Allow-Origin", "*"});
          },
      .options =
          [](const HttpRequest& request) {
            HttpResponse response;
            const std::string_view method = request.header("Access-Control-Request-Method");
            const std::string_view headers = request.header("Access-Control-Request-Headers");
            if (!method.empty()) response.headers.push_back({"Access-Control-Allow-Methods", std::string(method)});
            if (!headers.empty()) response.headers.push_back({"Access-Control-Allow-Headers", "Content-Type"});
            return response;
          },
      .head = false,
  };
}

}  // namespace tocsin
