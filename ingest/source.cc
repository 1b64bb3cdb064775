#include "ingest/source.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "ingest/json_scan.h"

namespace tocsin {
namespace {

constexpr const Source* kSources[] = {
    &kAlertmanagerSource,       //
    &kAnsibletowerSource,       //
    &kAppdynamicsSource,        //
    &kAxiomSource,              //
    &kAzureMonitorSource,       //
    &kBigpandaSource,           //
    &kChecklySource,            //
    &kCheckmkSource,            //
    &kCloudeventsSource,        //
    &kCloudwatchSnsSource,      //
    &kCoralogixSource,          //
    &kDash0Source,              //
    &kDatadogSource,            //
    &kDynatraceSource,          //
    &kElasticSource,            //
    &kEventbridgeSource,        //
    &kFreshpingSource,          //
    &kFreshstatusSource,        //
    &kGcpMonitoringSource,      //
    &kGenericSource,            //
    &kGithubSource,             //
    &kGitlabSource,             //
    &kGrafanaSource,            //
    &kGraylogSource,            //
    &kHealthchecksSource,       //
    &kHoneybadgerSource,        //
    &kHoneycombSource,          //
    &kIcinga2Source,            //
    &kJiraSource,               //
    &kLibratoSource,            //
    &kLibrenmsSource,           //
    &kLogicmonitorSource,       //
    &kNagiosSource,             //
    &kNetdataSource,            //
    &kNewrelicSource,           //
    &kOpsgenieSource,           //
    &kOpsgenieWebhooksSource,   //
    &kOtlpLogsSource,           //
    &kPagerdutySource,          //
    &kPagerdutyWebhooksSource,  //
    &kPapertrailSource,         //
    &kPingdomSource,            //
    &kPrometheusSource,         //
    &kPrtgSource,               //
    &kRackspaceSource,          //
    &kRaygunSource,             //
    &kRiemannSource,            //
    &kRollbarSource,            //
    &kSensuSource,              //
    &kSentrySource,             //
    &kSite24x7Source,           //
    &kSlackSource,              //
    &kSplunkSource,             //
    &kStatuspageSource,         //
    &kSumologicSource,          //
    &kThousandeyesSource,       //
    &kUpdownSource,             //
    &kUptimekumaSource,         //
    &kUptimerobotSource,        //
    &kVrealizeSource,           //
    &kWazuhSource,              //
    &kZabbixSource,             //
};

constexpr std::size_t kRawBytes = 4 * 1024;  // of a payload that we do not understand
constexpr std::size_t kHeadBytes = 80;       // of it in one line
constexpr absl::Duration kUnreadableFor = absl::Hours(1);

AlertEvent Unreadable(const Source& source, const SourceRequest& request, std::string_view why, const Now& received) {
  const std::string_view raw = request.body.empty() ? request.query : request.body;
  const std::string head(TruncateUtf8(ReplaceInvalidUtf8(raw.substr(0, kHeadBytes)), kHeadBytes));
  AlertEvent event;
  event.dedup_key = "tocsin:unreadable";
  event.labels = {
      {"alertname", std::string(kUnreadablePayload)},
      {"source",    std::string(source.name)       }
  };
  event.annotations = {
      {"summary", absl::StrCat("something was sent that tocsin cannot read as ", ToAbsl(source.product), ": ",
       ToAbsl(why), head.empty() ? "; it was empty" : ": " + head)},
      {"payload",     ReplaceInvalidUtf8(raw.substr(0,                                                              kRawBytes))},
      {"description",
       "look at the payload, then change the sender or choose the integration's source to fit; try it with `tocsin "
       "parse`"                                                             }
  };
  event.ends_at = received.wall + kUnreadableFor;
  return event;
}

}  // namespace

bool WantsProof(const Integration& integration) {
  const Source* source = FindSource(integration.source);
  return !integration.topics.empty() ||
         (!integration.signing_secret.empty() && source != nullptr && source->verify != nullptr);
}

std::span<const Source* const> SourceTable() {
  return kSources;
}

const Source* FindSource(std::string_view name) {
  const auto answers_to = [&](const Source* source) {
    if (source->name == name) return true;
    const std::vector<std::string> others = absl::StrSplit(ToAbsl(source->also), ' ', absl::SkipEmpty());
    return std::ranges::find(others, name) != others.end();
  };
  const auto* found = std::ranges::find_if(kSources, answers_to);
  return found == std::end(kSources) ? nullptr : *found;
}

Readings ReadPayload(const Source& source, const SourceRequest& request, const Now& received) {
  return WithStandIns(source, request, source.parse(request, received), received);
}

Readings WithStandIns(const Source& source,
                      const SourceRequest& request,
                      absl::StatusOr<Readings> readings,
                      const Now& received) {
  const auto stand_in = [&](std::string_view why) {
    Reading reading = Reading::Of(Unreadable(source, request, why, received));
    reading.stands_in = true;
    reading.reason =
        absl::StrCat(ToAbsl(why), "; it was taken as an alert with alertname=", ToAbsl(kUnreadablePayload));
    return reading;
  };
  if (!readings.ok()) return Readings{stand_in(Message(readings.status()))};
  bool stands = readings->size() > limits::kEventsPerBatch;
  if (stands) {
    readings->resize(limits::kEventsPerBatch - 1);
    readings->push_back(stand_in(absl::StrCat("there are more than ", limits::kEventsPerBatch,
                                              " alerts in one message: those after the first ",
                                              limits::kEventsPerBatch - 1, " were not taken; send fewer at once")));
    return *std::move(readings);
  }
  for (Reading& reading : *readings) {
    if (reading.event || reading.kind != Refused::Kind::kRejected || stands) continue;
    reading = stand_in(reading.reason);
    stands = true;
  }
  return *std::move(readings);
}

}  // namespace tocsin
