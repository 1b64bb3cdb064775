// The senders that we understand by webhook. A source is a pure function from a request to events; a new one is a file in sources/,
// a line at the end of this file and one in source.cc.
//
// Nothing that a sender with a valid key posts is dropped in silence: what its source cannot make sense of becomes an alert that
// says so and shows what came (ReadPayload), because most senders never look at an answer and some give up on a door that says no.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

#include "base/clock.h"
#include "ingest/intake.h"
#include "model/event.h"
#include "model/organisation.h"
#include "net/http.h"

namespace tocsin {

struct SourceRequest {
  std::string_view body;
  std::string_view content_type = {};  // may lie: parsers look at the body first
  std::string_view query = {};         // raw, without '?'; some senders put everything there
  std::span<const HttpHeader> headers = {};
  std::string_view path =
      {};  // what follows the integration's key, percent-decoded, without a leading slash; mostly nothing
  HttpMethod method = HttpMethod::kPost;
};

// What became of one alert of a payload, in the payload's order: an event, or why there is none.
struct Reading {
  std::optional<AlertEvent> event;
  Refused::Kind kind = Refused::Kind::kRejected;  // when there is none
  std::string reason;                             // of an event: what its sender should know of it
  bool stands_in = false;                         // the event tells people of what could not be read

  static Reading Of(AlertEvent event) { return {.event = std::move(event), .kind = {}, .reason = {}}; }
  // Not understood, although it seems to be about an alert: it will be shown to people as it came.
  static Reading Rejected(std::string reason) {
    return {.event = std::nullopt, .kind = Refused::Kind::kRejected, .reason = std::move(reason)};
  }
  // Understood, and nothing to tell: a comment, a downtime that begins, a test of the connection.
  static Reading Ignored(std::string reason) {
    return {.event = std::nullopt, .kind = Refused::Kind::kIgnored, .reason = std::move(reason)};
  }
};
using Readings = std::vector<Reading>;

// An error: the payload as a whole makes no sense; it names the byte or the field.
using SourceParser = absl::StatusOr<Readings> (*)(const SourceRequest& request, const Now& received);

// Whether the request was made by somebody who has `secret`, over its bytes as they came. The error says what is missing or wrong,
// and nothing that would help to forge it.
using SignatureCheck = absl::Status (*)(const SourceRequest& request, std::string_view secret, absl::Time received);

struct Source {
  std::string_view name;       // what Integration::source says
  std::string_view also = {};  // other names for it, with blanks between
  std::string_view product;    // as people call it: "Datadog"
  SourceParser parse = nullptr;
  SignatureCheck verify = nullptr;  // absent: this sender signs nothing
  bool takes_paths = false;         // what follows the key means something to it
  std::string_view example;         // a minimal valid body, shown with errors
  // What to do and to paste at the sender, in plain text; {url} is the address of the integration's door with its key, {base} the
  // server's, {key} the key.
  std::string_view setup;
};

// Whether what comes in for it must prove where it is from: by a signature, or by Amazon's topics. A door that can look at neither
// refuses it.
bool WantsProof(const Integration& integration);

// Sorted by name.
std::span<const Source* const> SourceTable();
// By its name or one of its others; nullptr when there is none.
const Source* FindSource(std::string_view name);

// What `source` makes of a request, never nothing: an alert of its own stands for what could not be read, at most one for a payload.
// Its dedup key is the same each time, so that a sender gone wrong makes one alert a door, which is over an hour after the last.
Readings ReadPayload(const Source& source, const SourceRequest& request, const Now& received);
// The same for whoever has parsed it already.
Readings WithStandIns(const Source& source,
                      const SourceRequest& request,
                      absl::StatusOr<Readings> readings,
                      const Now& received);
inline constexpr std::string_view kUnreadablePayload = "UnreadablePayload";  // its alertname

// What each understands stands at the top of its file.
extern const Source kAlertmanagerSource;
extern const Source kAnsibletowerSource;
extern const Source kAppdynamicsSource;
extern const Source kAxiomSource;
extern const Source kAzureMonitorSource;
extern const Source kBigpandaSource;
extern const Source kChecklySource;
extern const Source kCheckmkSource;
extern const Source kCloudeventsSource;
extern const Source kCloudwatchSnsSource;
extern const Source kCoralogixSource;
extern const Source kDash0Source;
extern const Source kDatadogSource;
extern const Source kDynatraceSource;
extern const Source kElasticSource;
extern const Source kEventbridgeSource;
extern const Source kFreshpingSource;
extern const Source kFreshstatusSource;
extern const Source kGcpMonitoringSource;
extern const Source kGenericSource;
extern const Source kGithubSource;
extern const Source kGitlabSource;
extern const Source kGrafanaSource;
extern const Source kGraylogSource;
extern const Source kHealthchecksSource;
extern const Source kHoneybadgerSource;
extern const Source kHoneycombSource;
extern const Source kIcinga2Source;
extern const Source kJiraSource;
extern const Source kLibratoSource;
extern const Source kLibrenmsSource;
extern const Source kLogicmonitorSource;
extern const Source kNagiosSource;
extern const Source kNetdataSource;
extern const Source kNewrelicSource;
extern const Source kOpsgenieSource;
extern const Source kOpsgenieWebhooksSource;
extern const Source kOtlpLogsSource;
extern const Source kPagerdutySource;
extern const Source kPagerdutyWebhooksSource;
extern const Source kPapertrailSource;
extern const Source kPingdomSource;
extern const Source kPrometheusSource;
extern const Source kPrtgSource;
extern const Source kRackspaceSource;
extern const Source kRaygunSource;
extern const Source kRiemannSource;
extern const Source kRollbarSource;
extern const Source kSensuSource;
extern const Source kSentrySource;
extern const Source kSite24x7Source;
extern const Source kSlackSource;
extern const Source kSplunkSource;
extern const Source kStatuspageSource;
extern const Source kSumologicSource;
extern const Source kThousandeyesSource;
extern const Source kUpdownSource;
extern const Source kUptimekumaSource;
extern const Source kUptimerobotSource;
extern const Source kVrealizeSource;
extern const Source kWazuhSource;
extern const Source kZabbixSource;

}  // namespace tocsin
