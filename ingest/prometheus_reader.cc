#include "ingest/prometheus_reader.h"

#include "absl/strings/str_format.h"

#include "base/strings.h"
#include "ingest/label_list.h"
#include "ingest/timestamps.h"
#include "model/severity.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;
using dom::element_type;

constexpr int kMissing = 602;  // go-openapi's code for a required member

PrometheusRefusal ParseRefusal(std::string_view why) {
  return {400, 400, absl::StrFormat(R"(parsing alerts body from "" failed, because %s)", why)};
}

PrometheusRefusal TypeRefusal(dom::element value, std::string_view where, std::string_view wanted) {
  return ParseRefusal(
      absl::StrFormat("json: cannot unmarshal %s into Go %s of type %s", JsonTypeName(value), where, wanted));
}

// One alert's members, as views into the document. Reused from alert to alert.
struct AlertScratch {
  LabelList labels;
  LabelList annotations;
  std::string_view link;
  std::optional<absl::Time> starts_at;
  std::optional<absl::Time> ends_at;
  bool has_labels = false;

  void Clear() {
    labels.Clear();
    annotations.Clear();
    link = {};
    starts_at.reset();
    ends_at.reset();
    has_labels = false;
  }
};

std::optional<PrometheusRefusal> ReadStrings(dom::element value, std::string_view field, LabelList& out) {
  out.Clear();  // the last of two members of one name counts, as a whole
  if (IsNull(value)) return std::nullopt;
  if (!value.is_object()) return TypeRefusal(value, absl::StrFormat("struct field Alert.%s", field), "models.LabelSet");
  for (const dom::key_value_pair& member : dom::object(value)) {
    if (IsNull(member.value)) {
      out.Add({member.key, ""});
    } else if (!member.value.is_string()) {
      return TypeRefusal(member.value, absl::StrFormat("struct field Alert.%s", field), "string");
    } else {
      out.Add({member.key, std::string_view(member.value)});
    }
  }
  return std::nullopt;
}

std::optional<PrometheusRefusal> ReadTime(dom::element value, std::string_view field, std::optional<absl::Time>& out) {
  out.reset();
  if (IsNull(value)) return std::nullopt;
  if (!value.is_string()) return TypeRefusal(value, absl::StrFormat("struct field .%s", field), "string");
  const std::string_view text(value);
  const absl::StatusOr<std::optional<absl::Time>> time = ParseTimestamp(text);
  if (!time.ok()) {
    const std::string_view quoted = TruncateUtf8(text, 64);
    return ParseRefusal(
        absl::StrFormat(R"(parsing time "%s" as "2006-01-02 15:04:05": cannot parse "%s" as "2006")", quoted, quoted));
  }
  out = *time;
  return std::nullopt;
}

std::optional<PrometheusRefusal> ReadAlert(dom::element value, AlertScratch& alert) {
  alert.Clear();
  if (!value.is_object()) return TypeRefusal(value, "value", "models.PostableAlert");
  for (const dom::key_value_pair& member : dom::object(value)) {
    std::optional<PrometheusRefusal> refusal;
    if (member.key == "labels") {
      alert.has_labels = !IsNull(member.value);
      refusal = ReadStrings(member.value, "labels", alert.labels);
    } else if (member.key == "annotations") {
      refusal = ReadStrings(member.value, "annotations", alert.annotations);
    } else if (member.key == "startsAt") {
      refusal = ReadTime(member.value, "startsAt", alert.starts_at);
    } else if (member.key == "endsAt") {
      refusal = ReadTime(member.value, "endsAt", alert.ends_at);
    } else if (member.key == "generatorURL") {
      if (!member.value.is_string() && !IsNull(member.value)) {
        refusal = TypeRefusal(member.value, "struct field Alert.generatorURL", "strfmt.URI");
      } else {
        alert.link = IsNull(member.value) ? std::string_view() : std::string_view(member.value);
      }
    }
    if (refusal) return refusal;
  }
  return std::nullopt;
}

void Deliver(AlertScratch& alert, Intake& intake) {
  bool has_value = false;
  for (const LabelView& label : alert.labels.all()) {
    if (label.name.empty()) return intake.Refuse(R"(invalid label set: invalid name "")");
    has_value = has_value || !label.value.empty();
  }
  if (!has_value) return intake.Refuse("at least one label pair required");
  // Inverted, but this is what Alertmanager says.
  if (alert.starts_at && alert.ends_at && *alert.ends_at < *alert.starts_at) {
    return intake.Refuse("start time must be before end time");
  }
  EventHeader prototype;
  if (alert.starts_at) prototype.starts_at_ns = ToEventNs(*alert.starts_at);
  if (alert.ends_at) prototype.ends_at_ns = ToEventNs(*alert.ends_at);
  intake.Add(prototype, alert.labels, alert.annotations, /*dedup_key=*/"", alert.link);
}

}  // namespace

std::optional<PrometheusRefusal> ReadPrometheus(JsonReader& reader, std::string_view body, Intake& intake) {
  if (Trim(body).empty()) return PrometheusRefusal{422, kMissing, "alerts in body is required"};
  const absl::StatusOr<dom::element> document = reader.Read(body, JsonReader::Manner::kStrict);
  if (!document.ok()) return ParseRefusal(reader.fault().reason);
  if (IsNull(*document)) return PrometheusRefusal{422, kMissing, "alerts in body is required"};
  if (!document->is_array()) return TypeRefusal(*document, "value", "models.PostableAlerts");

  std::optional<PrometheusRefusal> incomplete;  // a later parse error outranks it
  AlertScratch alert;
  std::uint32_t index = 0;
  for (const dom::element& value : dom::array(*document)) {
    if (std::optional<PrometheusRefusal> refusal = ReadAlert(value, alert)) return refusal;
    if (!alert.has_labels && !incomplete) {
      incomplete = PrometheusRefusal{422, kMissing, absl::StrFormat("%d.labels in body is required", index)};
    }
    if (!incomplete) Deliver(alert, intake);
    ++index;
  }
  return incomplete;
}

}  // namespace tocsin
