#include "api/compat/pagerduty_door.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include "api/compat/pagerduty_body.h"
#include "base/status.h"
#include "base/strings.h"

namespace tocsin {
namespace {

// PagerDuty says 512 KiB; Alertmanager cuts itself at 512,000 bytes, others count characters.
constexpr std::size_t kBodyBytes = 640 * 1024;
constexpr std::string_view kThrottled =
    R"({"status":"throttle exceeded","message":"Requests for this service are arriving too quickly.  Please retry later."})";

// What the two versions do not share.
struct Version {
  PagerDutyEvent (*read)(std::string_view body, std::string_view fresh_key);
  int accepted;
  int throttled;  // pdagent backs off for ever when it gets v1's 403, and drops what gets another 4xx
  std::string_view key_name;
  const std::string_view& example;
};
constexpr Version kV2 = {ReadPagerDutyV2, 202, 429, "dedup_key", kPagerDutyV2Example};
constexpr Version kV1 = {ReadPagerDutyV1, 200, 403, "incident_key", kPagerDutyV1Example};

std::string QuotedList(const std::vector<std::string>& texts) {
  return absl::StrJoin(texts, ",", [](std::string* out, const std::string& text) { *out += JsonQuote(text); });
}

HttpResponse Invalid(const PagerDutyFault& fault, std::string_view example) {
  if (!fault.recognised) {
    return JsonResponse(400, absl::StrFormat(R"({"status":"Unrecognized object","message":"Event object format is )"
                                             R"(unrecognized","errors":["JSON parse error"],"example":%s})",
                                             example));
  }
  return JsonResponse(400, absl::StrFormat(R"({"status":"invalid event","message":"Event object is invalid",)"
                                           R"("errors":[%s],"example":%s})",
                                           QuotedList(fault.errors), example));
}

HttpResponse ComeAgain(int status, std::string body, absl::Duration after) {
  HttpResponse response = JsonResponse(status, std::move(body));
  response.headers.push_back({"Retry-After", RetryAfterSeconds(after)});
  return response;
}

HttpResponse OurTrouble(std::string_view why, absl::Duration after) {
  return ComeAgain(
      503, absl::StrFormat(R"({"status":"unavailable","message":%s,"errors":[%s]})", JsonQuote(why), JsonQuote(why)),
      after);
}

HttpResponse NotReady() {
  return OurTrouble(
      "no organisation is loaded yet: nothing of this was taken, send it again later (`tocsin apply FILE...` declares "
      "one)",
      absl::Seconds(1));
}

// An event under way: what its answer needs.
struct Sent {
  Version version;
  EventKind kind = EventKind::kTrigger;
  std::string dedup_key;
  IntegrationId integration;
};

class PagerDutyDoor : public std::enable_shared_from_this<PagerDutyDoor> {
 public:
  PagerDutyDoor(EventDoor& events, ExecuteCommand execute) : events_(events), execute_(std::move(execute)) {}

  void Post(const Version& version, const HttpRequest& request, HttpResponder responder) {
    events_.CountRequest();
    if (!events_.ready()) return std::move(responder).Send(NotReady());
    PagerDutyEvent read = version.read(request.body, RandomUuid());
    const std::optional<OpenDoor> door = FindDoor(read.routing_key, read.fault, request);
    if (!door) return std::move(responder).Send(Invalid(read.fault, version.example));
    Sent sent{version, read.event.kind, read.dedup_key, door->integration->id};
    const auto owed = std::make_shared<HttpResponder>(std::move(responder));
    events_.Submit(*door, {&read.event, 1},
                   [self = shared_from_this(), owed, sent = std::move(sent)](const EventDoor::Fate& fate) {
                     std::move(*owed).Send(self->Answer(sent, fate));
                   });
  }

  // A change is a row, not an alert: nobody is told of it, it is shown beside alerts.
  void PostChange(const HttpRequest& request, HttpResponder responder) {
    events_.CountRequest();
    if (!events_.ready()) return std::move(responder).Send(NotReady());
    PagerDutyChange read = ReadPagerDutyChange(request.body);
    const std::optional<OpenDoor> door = FindDoor(read.routing_key, read.fault, request);
    if (!door) return std::move(responder).Send(Invalid(read.fault, kPagerDutyChangeExample));
    ChangeEvent& change = read.change;
    change.integration = door->integration->id;
    change.labels = door->integration->labels;
    const absl::Time now = events_.Read().wall;
    change.at = change.at == absl::Time() ? now : std::min(change.at, now);
    Command command{
        .request_id = {}, .actor = "integration:" + change.integration.value(), .body = RecordChange{change}};
    command.origin = "http " + request.peer;
    const auto owed = std::make_shared<HttpResponder>(std::move(responder));
    execute_(std::move(command), [self = shared_from_this(), owed](const CommandResult& result) {
      std::move(*owed).Send(self->AnswerChange(result));
    });
  }

 private:
  HttpResponse AnswerChange(const CommandResult& result) const {
    if (result.status.ok()) return JsonResponse(202, R"({"status":"success","message":"Change event processed"})");
    if (absl::IsResourceExhausted(result.status)) return ComeAgain(429, std::string(kThrottled), events_.RetryAfter());
    if (!absl::IsInvalidArgument(result.status)) return OurTrouble(Message(result.status), events_.RetryAfter());
    return Invalid({.recognised = true, .errors = {Message(result.status)}}, kPagerDutyChangeExample);
  }

  HttpResponse Answer(const Sent& sent, const EventDoor::Fate& fate) const {
    if (fate.admission == Admission::kOverloaded)
      return ComeAgain(sent.version.throttled, std::string(kThrottled), events_.RetryAfter());
    if (fate.admission != Admission::kAccepted)
      return OurTrouble(absl::StrCat(ToAbsl(Name(fate.admission)), ": nothing of this was taken, send it again later"),
                        events_.RetryAfter());
    if (!fate.reason.empty()) return Invalid({.recognised = true, .errors = {fate.reason}}, sent.version.example);
    if (sent.kind != EventKind::kTrigger && fate.outcome == Outcome::kAlreadyResolved)
      events_.NoteIgnored(absl::StrFormat("integration %s: %s of %s, which is not open", sent.integration.value(),
                                          Name(sent.kind), JsonQuote(sent.dedup_key)));
    return JsonResponse(sent.version.accepted,
                        absl::StrFormat(R"({"status":"success","message":"Event processed","%s":%s})",
                                        sent.version.key_name, JsonQuote(sent.dedup_key)));
  }

  // Absent: `fault` says why. PagerDuty's rule for keys is told only to those whose key nobody has.
  std::optional<OpenDoor> FindDoor(const std::string& key, PagerDutyFault& fault, const HttpRequest& request) {
    const bool is_well_formed = !fault.any();
    std::optional<OpenDoor> door;
    if (fault.recognised) door = events_.Find({kPagerDutyIntegrations}, key, request.peer);
    if (fault.recognised && !door && !fault.key.empty()) {
      fault.errors.insert(fault.errors.begin(), fault.key);
    } else if (is_well_formed && !door) {
      fault.errors.emplace_back("Invalid routing key");
    }
    if (is_well_formed) return door;
    events_.NoteUnreadable(absl::StrFormat("%s from %s: %s", request.path, request.peer,
                                           fault.recognised ? absl::StrJoin(fault.errors, "; ") : "no JSON object"));
    return std::nullopt;
  }

  EventDoor& events_;
  const ExecuteCommand execute_;
};

// What the router itself says no to, in PagerDuty's words.
HttpSubtree SubtreeAt(std::string_view prefix) {
  return {.prefix = std::string(prefix), .problem = [](const HttpProblem& problem) {
            return JsonResponse(problem.status,
                                absl::StrFormat(R"({"status":"invalid event","message":%s,"errors":[%s]})",
                                                JsonQuote(problem.message), JsonQuote(problem.message)));
          }};
}

}  // namespace

void AddPagerDutyRoutes(HttpRouter& router, EventDoor& events, ExecuteCommand execute) {
  const auto door = std::make_shared<PagerDutyDoor>(events, std::move(execute));
  const HttpRouteOptions options{.max_body_bytes = kBodyBytes};
  for (const std::string_view prefix : {"/v2/enqueue", "/v2/change", "/generic"})
    router.AddSubtree(SubtreeAt(prefix));
  router.Add(
      HttpMethod::kPost, "/v2/enqueue",
      [door](const HttpRequest& request, HttpResponder responder) { door->Post(kV2, request, std::move(responder)); },
      options);
  router.Add(
      HttpMethod::kPost, "/generic/2010-04-15/create_event.json",
      [door](const HttpRequest& request, HttpResponder responder) { door->Post(kV1, request, std::move(responder)); },
      options);
  router.Add(
      HttpMethod::kPost, "/v2/change/enqueue",
      [door](const HttpRequest& request, HttpResponder responder) { door->PostChange(request, std::move(responder)); },
      options);
  router.Add(
      HttpMethod::kPost, "/agent/2014-03-14/heartbeat",
      [](const HttpRequest&, HttpResponder responder) {
        std::move(responder).Send(JsonResponse(200, R"({"heartbeat_interval_secs":3600})"));
      },
      options);
}

}  // namespace tocsin
