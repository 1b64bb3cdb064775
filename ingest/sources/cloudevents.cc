// CloudEvents 1.0: structured (one object), batch (a list of them) and binary (the attributes in ce- headers, the body is the data). Which it is,
// the headers and the body say; Content-Type is not asked.
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
//
// Identity: source and subject; without a subject the data's dedup_key, fingerprint or alert_id, else the type without its last word where that says the
// state (com.example.alert.firing). `id` is new for each event.
// State: the data's status or state, else that last word. Severity: the data's, else severitytext, severitynumber (17 is ERROR, 21 FATAL).
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/fields.h"
#include "ingest/json_scan.h"
#include "ingest/payload.h"
#include "ingest/source.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

constexpr std::string_view kHeaderPrefix = "ce-";

Severity SeverityOfNumber(std::string_view text) {
  int number = 0;
  if (!absl::SimpleAtoi(ToAbsl(text), &number) || number <= 0) return Severity::kUnknown;
  if (number >= 21) return Severity::kCritical;
  if (number >= 17) return Severity::kHigh;
  return number >= 13 ? Severity::kWarning : Severity::kInfo;
}

// What people say in the data without meaning a label.
bool IsText(std::string_view name) {
  constexpr std::string_view kTexts[] = {"status",      "state", "severity",  "summary", "title",     "message",
                                         "description", "url",   "link",      "value",   "dedup_key", "fingerprint",
                                         "alert_id",    "body",  "starts_at", "startsAt"};
  return std::ranges::find(kTexts, name) != std::end(kTexts);
}

// Texts of the data are labels, its numbers change.
void AddData(EventBuilder& event, const Payload& data) {
  AddTags(event, data.Find("labels"));
  AddTags(event, data.Find("tags"));
  for (const dom::key_value_pair& member : data.object()) {
    if (IsText(member.key)) continue;
    if (member.value.is_string() || member.value.is_bool()) event.Label(member.key, PayloadText(member.value));
    if (member.value.is_number()) event.Annotation(member.key, PayloadText(member.value));
  }
  if (const auto annotations = data.Object("annotations")) {
    for (const dom::key_value_pair& member : annotations->object())
      event.Annotation(member.key, PayloadText(member.value));
  }
}

// The attributes that an event must and may have; what else there is are extensions, which are labels.
void AddExtensions(EventBuilder& event, const Payload& attributes) {
  constexpr std::string_view kOwn[] = {"specversion", "id",          "source",          "type",
                                       "subject",     "time",        "datacontenttype", "dataschema",
                                       "data",        "data_base64", "severitytext",    "severitynumber"};
  for (const dom::key_value_pair& member : attributes.object()) {
    const bool is_own = std::ranges::find(kOwn, member.key) != std::end(kOwn);
    if (!is_own && !member.value.is_object() && !member.value.is_array()) {
      event.Label(member.key, PayloadText(member.value));
    }
  }
}

Reading ReadEvent(const Payload& attributes, const std::optional<Payload>& data, std::string_view text) {
  const std::string version = attributes.Text({"specversion"});
  if (version != "1.0" && version != "0.3") {
    return Reading::Rejected(
        absl::StrFormat("specversion: %s is neither 1.0 nor 0.3", JsonQuote(TruncateUtf8(version, 16))));
  }
  const auto of_data = [&](std::initializer_list<std::string_view> paths) { return data ? data->Text(paths) : ""; };
  const std::string type = attributes.Text({"type"});
  const std::string_view last = AfterLast(type, '.');
  const bool says_state = ParseStatusWord(last).has_value();
  const std::string stem =
      says_state && last.size() < type.size() ? type.substr(0, type.size() - last.size() - 1) : type;
  std::string what = attributes.Text({"subject"});
  if (what.empty()) what = of_data({"dedupkey", "fingerprint", "alertid"});
  if (what.empty()) what = stem;
  EventBuilder event;
  event.Key({attributes.Text({"source"}), what});
  std::string state = of_data({"status", "state", "alertstatus"});
  if (state.empty() && says_state) state = last;
  SetKind(event, state);
  std::string word = of_data({"severity", "level"});
  if (word.empty()) word = attributes.Text({"severitytext"});
  const Severity named = ParseSeverity(word);
  event.Severity(named == Severity::kUnknown ? SeverityOfNumber(attributes.Text({"severitynumber"})) : named);
  const std::string name = of_data({"alertname", "name", "title"});
  event.Label("alertname", name.empty() ? stem : name);
  event.Label("source", attributes.Text({"source"})).Label("subject", attributes.Text({"subject"}));
  if (data) AddData(event, *data);
  AddExtensions(event, attributes);
  event.Summary(of_data({"summary", "title", "message"})).Summary(text).Summary(absl::StrCat(stem, " ", what));
  event.Description(of_data({"description", "body", "message"})).Annotation("value", of_data({"value"}));
  event.Annotation("event_type", type);
  event.StartsAt(of_data({"startsat"}));
  if (!event.event().starts_at) event.StartsAt(attributes.Text({"time"}));
  event.Link(of_data({"url", "link"})).Link(attributes.Text({"dataschema"}));
  if (type.empty() && !attributes.Has({"source"})) event.Key({});
  return std::move(event).Finish("neither source nor type has a value");
}

// `data` is any JSON; a text may be JSON again; data_base64 is bytes.
Reading ReadStructured(const Payload& event) {
  std::optional<dom::element> data = event.Find("data");
  JsonReader reader;
  if (const std::string encoded = event.Text({"database64"}); !data && !encoded.empty()) {
    std::string bytes;
    if (!absl::Base64Unescape(encoded, &bytes)) return Reading::Rejected("data_base64: not base64");
    const absl::StatusOr<dom::element> inside = reader.Read(bytes, JsonReader::Manner::kLenient);
    if (!inside.ok()) return ReadEvent(event, std::nullopt, ReplaceInvalidUtf8(bytes));
    data = *inside;
  }
  JsonReader text_reader;
  const std::optional<Payload> object = OpenObject(text_reader, data);
  return ReadEvent(event, object, object || !data ? "" : PayloadText(*data));
}

// The attributes as JSON: header values are percent-encoded.
std::string HeadersAsJson(const SourceRequest& request) {
  std::string json = "{";
  for (const HttpHeader& header : request.headers) {
    const std::string name = ToLower(header.name);
    if (!name.starts_with(kHeaderPrefix)) continue;
    absl::StrAppend(&json, json.size() > 1 ? "," : "", JsonQuote(std::string_view(name).substr(kHeaderPrefix.size())),
                    ":", JsonQuote(ReplaceInvalidUtf8(PercentDecode(header.value, /*plus_is_space=*/false))));
  }
  return json + "}";
}

absl::StatusOr<Readings> ReadBinary(const SourceRequest& request) {
  JsonReader reader;
  TOCSIN_ASSIGN(const dom::element attributes, reader.Read(HeadersAsJson(request), JsonReader::Manner::kLenient));
  const Payload event{dom::object(attributes)};
  if (LooksLikeJson(request.body)) {
    TOCSIN_ASSIGN(const dom::element data, ThreadJsonReader().Read(request.body, JsonReader::Manner::kLenient));
    if (data.is_object()) return Readings{ReadEvent(event, Payload(dom::object(data)), "")};
  }
  return Readings{ReadEvent(event, std::nullopt, ReplaceInvalidUtf8(request.body))};
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  if (!FindHeader(request.headers, "ce-specversion").empty()) return ReadBinary(request);
  return ReadEach(request, ReadStructured);
}

}  // namespace

const Source kCloudeventsSource = {
    .name = "cloudevents",
    .product = "CloudEvents",
    .parse = Parse,
    .example =
        R"({"specversion":"1.0","id":"C234","source":"/monitoring/eu-1","type":"com.example.alert.firing","subject":"node-4/disk","data":{"alertname":"DiskFull","status":"firing","severity":"critical"}})",
    .setup =
        R"(Whatever sends CloudEvents over HTTP, in structured, batch or binary mode. The same source and subject with "status": "resolved" in the data, or
a type that ends in .resolved, ends what was firing:

curl -H 'Content-Type: application/cloudevents+json' {url} \
  -d '{"specversion": "1.0", "id": "1", "source": "/cron", "type": "com.example.alert.firing", "subject": "backup"}')",
};

}  // namespace tocsin
