// OpenTelemetry's logs over HTTP, in JSON or protobuf, from any SDK or collector (which appends /v1/logs to the address).
// https://opentelemetry.io/docs/specs/otlp/#otlphttp
//
// Logs have no alerts in them but by convention: a record is one when it has attributes alert.* (id, name, state, severity ...), is the
// event "alert", or is at least an ERROR. Other records are ignored.
//
// Identity: alert.id (or alert.key, fingerprint, dedup_key) of the service; without it, service, scope and the exception's type, the event's name,
// or the text with its numbers taken out.
// State: alert.state, alert.status. Severity: alert.severity, else severityNumber (17 is ERROR, 21 FATAL; also as SEVERITY_NUMBER_ERROR).
#include <array>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/limits.h"
#include "base/status.h"
#include "base/strings.h"
#include "ingest/fields.h"
#include "ingest/otlp_wire.h"
#include "ingest/payload.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

constexpr int kFirstError = 17;
constexpr std::size_t kIdentityBytes = 200;  // of a text

// An AnyValue as text; lists and maps as JSON.
std::string ValueText(const Payload& holder, std::string_view path) {
  const std::optional<Payload> value = holder.Object(path);
  if (!value) return holder.Text({path});
  return value->Text(
      {"stringvalue", "intvalue", "doublevalue", "boolvalue", "arrayvalue", "kvlistvalue", "bytesvalue"});
}

struct Attribute {
  std::string name;
  std::string text;
  bool is_text = false;
};

std::vector<Attribute> AttributesOf(const Payload& holder) {
  std::vector<Attribute> attributes;
  for (const dom::element& element : holder.List("attributes")) {
    if (!element.is_object()) continue;
    const Payload pair{dom::object(element)};
    attributes.push_back({pair.Text({"key"}), ValueText(pair, "value"), pair.Find("value.stringvalue").has_value()});
  }
  return attributes;
}

std::string TextOf(const std::vector<Attribute>& attributes, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    for (const Attribute& attribute : attributes) {
      if (attribute.name == name && !attribute.text.empty()) return attribute.text;
    }
  }
  return "";
}

// 17, "17", "SEVERITY_NUMBER_ERROR2"; 0 when there is none.
int SeverityNumber(std::string_view text) {
  int number = 0;
  if (absl::SimpleAtoi(ToAbsl(text), &number)) return number;
  std::string word = ToLower(text);
  if (word.starts_with("severity_number_")) word.erase(0, 16);
  int step = 0;
  if (!word.empty() && word.back() >= '2' && word.back() <= '4') {
    step = word.back() - '1';
    word.pop_back();
  }
  constexpr std::array<std::string_view, 6> kWords = {"trace", "debug", "info", "warn", "error", "fatal"};
  for (std::size_t i = 0; i < kWords.size(); ++i) {
    if (word == kWords[i]) return static_cast<int>(4 * i) + 1 + step;
  }
  return 0;
}

Severity SeverityOf(int number) {
  if (number >= 21) return Severity::kCritical;
  if (number >= kFirstError) return Severity::kHigh;
  if (number >= 13) return Severity::kWarning;
  return number > 0 ? Severity::kInfo : Severity::kUnknown;
}

std::optional<absl::Time> TimeOf(const Payload& record) {
  for (const std::string_view name : {"timeunixnano", "observedtimeunixnano"}) {
    std::int64_t ns = 0;
    const std::string text = record.Text({name});
    if (absl::SimpleAtoi(text, &ns) && ns > 0) return absl::FromUnixNanos(ns);
    if (const std::optional<absl::Time> time = ParseAnyTime(text)) return time;
  }
  return std::nullopt;
}

// "timeout after 531 ms" and "timeout after 17 ms" are one alert.
std::string WithoutNumbers(std::string_view text) {
  std::string plain;
  for (const char c : TruncateUtf8(text, kIdentityBytes)) {
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit) {
      plain += c;
    } else if (!plain.ends_with('#')) {
      plain += '#';
    }
  }
  return plain;
}

// What all records of a resource have in common.
struct Origin {
  std::vector<Attribute> resource;
  std::string scope;
};

bool IsConventional(std::string_view name) {
  return name.starts_with("alert.") || name == "alertname" || name == "dedup_key" || name == "fingerprint";
}

struct Record {
  std::vector<Attribute> attributes;
  std::string text;
  std::string event_name;
  int severity = 0;
  bool is_alert = false;
};

Record ReadRecord(const Payload& log) {
  Record record;
  record.attributes = AttributesOf(log);
  record.text = ValueText(log, "body");
  record.event_name = log.Text({"eventname"});
  if (record.event_name.empty()) record.event_name = TextOf(record.attributes, {"event.name"});
  record.severity = SeverityNumber(log.Text({"severitynumber"}));
  if (record.severity == 0) record.severity = SeverityNumber(log.Text({"severitytext"}));
  record.is_alert = record.severity >= kFirstError || ToLower(record.event_name) == "alert";
  for (const Attribute& attribute : record.attributes)
    record.is_alert = record.is_alert || IsConventional(attribute.name);
  return record;
}

void SetIdentity(EventBuilder& event, const Record& record, const Origin& origin) {
  const std::string service = TextOf(origin.resource, {"service.name"});
  const std::string id = TextOf(record.attributes, {"alert.id", "alert.key", "dedup_key", "fingerprint"});
  if (!id.empty()) {
    event.Key({service, id});
    return;
  }
  std::string what = TextOf(record.attributes, {"alert.name", "alertname", "exception.type"});
  if (what.empty() && ToLower(record.event_name) != "alert") what = record.event_name;
  if (what.empty()) what = WithoutNumbers(record.text);
  event.Key({service, TextOf(origin.resource, {"host.name", "k8s.pod.name"}), origin.scope, what});
  if (what.empty()) event.Key({});
}

void AddLabelsOf(EventBuilder& event, const Record& record, const Origin& origin) {
  std::string name = TextOf(record.attributes, {"alert.name", "alertname", "exception.type"});
  if (name.empty() && ToLower(record.event_name) != "alert") name = record.event_name;
  if (name.empty()) name = TextOf(record.attributes, {"alert.id", "alert.key"});
  event.Label("alertname", name.empty() ? TruncateUtf8(record.text, kIdentityBytes) : std::string_view(name));
  event.Label("service", TextOf(origin.resource, {"service.name"}));
  event.Label("host", TextOf(origin.resource, {"host.name"}));
  for (const Attribute& attribute : origin.resource) {
    if (attribute.name != "service.name" && attribute.name != "host.name") event.Label(attribute.name, attribute.text);
  }
  for (const Attribute& attribute : record.attributes) {
    const bool is_ours = IsConventional(attribute.name);
    if (is_ours && !attribute.name.starts_with("alert.label.")) continue;
    const std::string_view label = is_ours ? std::string_view(attribute.name).substr(12) : attribute.name;
    attribute.is_text ? event.Label(label, attribute.text) : event.Annotation(label, attribute.text);
  }
}

Reading ReadLog(const Payload& log, const Origin& origin) {
  const Record record = ReadRecord(log);
  if (!record.is_alert) {
    return Reading::Ignored("a log record below ERROR without alert.* attributes is no alert");
  }
  EventBuilder event;
  SetIdentity(event, record, origin);
  SetKind(event, TextOf(record.attributes, {"alert.state", "alert.status"}));
  const Severity named = ParseSeverity(TextOf(record.attributes, {"alert.severity"}));
  event.Severity(named == Severity::kUnknown ? SeverityOf(record.severity) : named);
  AddLabelsOf(event, record, origin);
  event.Summary(TextOf(record.attributes, {"alert.summary"})).Summary(record.text);
  event.Description(TextOf(record.attributes, {"alert.description", "exception.message"}));
  event.Annotation("stacktrace", TextOf(record.attributes, {"exception.stacktrace"}));
  event.Annotation("runbook_url", TextOf(record.attributes, {"alert.runbook_url", "alert.runbook"}));
  event.Annotation("trace_id", log.Text({"traceid"})).Annotation("span_id", log.Text({"spanid"}));
  event.StartsAt(TimeOf(log));
  event.Link(TextOf(record.attributes, {"alert.url", "alert.link"}));
  return std::move(event).Finish("neither alert.id nor a body has a value");
}

absl::Status ReadScope(const Payload& scope_logs, Origin& origin, Readings& readings) {
  origin.scope = scope_logs.Text({"scope.name", "instrumentationlibrary.name"});
  for (const dom::element& log : scope_logs.List("logrecords")) {
    if (readings.size() > limits::kEventsPerBatch) break;  // WithStandIns says so
    readings.push_back(log.is_object() ? ReadLog(Payload(dom::object(log)), origin)
                                       : Reading::Rejected("logRecords: expected a list of objects"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Readings> ReadRequest(const Payload& body) {
  if (!body.Find("resourcelogs")) return Invalid("resourceLogs: missing; this is no export of logs");
  Readings readings;
  for (const dom::element& element : body.List("resourcelogs")) {
    if (!element.is_object()) return Invalid("resourceLogs: expected a list of objects");
    const Payload resource_logs{dom::object(element)};
    Origin origin;
    if (const auto resource = resource_logs.Object("resource")) origin.resource = AttributesOf(*resource);
    for (const std::string_view path : {"scopelogs", "instrumentationlibrarylogs"}) {
      for (const dom::element& scope : resource_logs.List(path)) {
        if (scope.is_object()) TOCSIN_TRY(ReadScope(Payload(dom::object(scope)), origin, readings));
      }
    }
  }
  return readings;
}

// Protobuf begins with a line break, the tag of its first field, and the length after it may be a brace.
absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  const bool maybe_json = request.body.empty() || LooksLikeJson(request.body);
  if (maybe_json && !request.body.starts_with('\n')) return ReadEachOfMany(request, ReadRequest);
  const absl::StatusOr<std::string> json = OtlpLogsAsJson(request.body);
  if (json.ok()) return ReadEachOfMany({.body = *json}, ReadRequest);
  if (maybe_json) return ReadEachOfMany(request, ReadRequest);
  return json.status();
}

}  // namespace

const Source kOtlpLogsSource = {
    .name = "otlp_logs",
    .also = "otlp opentelemetry",
    .product = "OpenTelemetry logs",
    .parse = Parse,
    .takes_paths = true,
    .example =
        R"({"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"checkout"}}]},"scopeLogs":[{"logRecords":[{"severityNumber":17,"body":{"stringValue":"5xx above 7%"},"attributes":[{"key":"alert.id","value":{"stringValue":"checkout-5xx"}},{"key":"alert.state","value":{"stringValue":"firing"}}]}]}]}]})",
    .setup =
        R"(A collector, which should send nothing but what is worth an alert:

processors:
  filter/alerts:
    logs:
      log_record: ['severity_number < SEVERITY_NUMBER_ERROR and attributes["alert.id"] == nil']
exporters:
  otlphttp/tocsin:
    logs_endpoint: {url}/v1/logs
service:
  pipelines:
    logs/alerts: {receivers: [otlp], processors: [filter/alerts], exporters: [otlphttp/tocsin]}

Or from an SDK: OTEL_EXPORTER_OTLP_LOGS_ENDPOINT={url}/v1/logs. A record with alert.id and alert.state=resolved ends what one with
alert.state=firing has begun.)",
};

}  // namespace tocsin
