#include "api/compat/pagerduty_body.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "base/limits.h"
#include "base/strings.h"
#include "ingest/event_builder.h"
#include "ingest/json.h"
#include "ingest/timestamps.h"

namespace tocsin {

const std::string_view kPagerDutyV2Example =
    R"({"routing_key":"<the integration's key>","event_action":"trigger","dedup_key":"web-3/disk","payload":)"
    R"({"summary":"disk is full","source":"web-3","severity":"critical"}})";
const std::string_view kPagerDutyV1Example =
    R"({"service_key":"<the integration's key>","event_type":"trigger","incident_key":"web-3/disk",)"
    R"("description":"disk is full"})";
const std::string_view kPagerDutyChangeExample =
    R"({"routing_key":"<the integration's key>","payload":{"summary":"web 1.2 is live","source":"ci"}})";

namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kSummaryChars = 1024;
constexpr std::size_t kAlertnameBytes = 256;
constexpr std::size_t kMostDetails = 40;  // of 64 annotations; the rest goes into one
constexpr std::size_t kMostLinks = 10;

std::optional<dom::object> ReadObject(std::string_view body) {
  const absl::StatusOr<dom::element> document = ThreadJsonReader().Read(body, JsonReader::Manner::kLenient);
  if (!document.ok() || !document->is_object()) return std::nullopt;
  return dom::object(*document);
}

std::optional<dom::object> MemberObject(std::optional<dom::object> object, std::string_view name) {
  const std::optional<dom::element> value = object ? Member(*object, name) : std::nullopt;
  if (!value || !value->is_object()) return std::nullopt;
  return dom::object(*value);
}

std::string TextOf(std::optional<dom::object> object, std::string_view name) {
  return object ? std::string(Trim(MemberText(*object, name))) : "";
}

// The first `chars` code points.
std::string_view CutChars(std::string_view text, std::size_t chars) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < chars && end < text.size(); ++i)
    end += FirstCodePoint(text.substr(end)).bytes;
  return text.substr(0, end);
}

void CheckKey(std::string_view name, std::string_view key, std::vector<std::string>& errors) {
  if (key.size() != kPagerDutyKeyBytes) {
    errors.push_back(absl::StrCat("Length of '", ToAbsl(name), "' is incorrect (should be 32 characters)"));
  } else if (!std::ranges::all_of(key, [](char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); })) {
    errors.push_back(absl::StrCat("'", ToAbsl(name), "' cannot contain non-alphanumeric characters."));
  }
}

std::optional<EventKind> KindOf(std::string_view action) {
  if (action == "trigger") return EventKind::kTrigger;
  if (action == "acknowledge") return EventKind::kAcknowledge;
  if (action == "resolve") return EventKind::kResolve;
  return std::nullopt;
}

Severity SeverityOf(std::string_view word) {
  return word == "error" ? Severity::kHigh : ParseSeverity(word);
}

// Details in any form: an object's members by their names, else all of it as one text.
void Annotate(std::optional<dom::element> details, std::string_view name, EventBuilder& builder) {
  if (!details) return;
  if (!details->is_object()) {
    builder.Annotation(name, JsonText(*details));
    return;
  }
  std::size_t count = 0;
  for (const dom::key_value_pair& member : dom::object(*details)) {
    if (++count > kMostDetails) {
      builder.Annotation(name, JsonText(*details));
      return;
    }
    builder.Annotation(member.key, JsonText(member.value));
  }
}

std::string Numbered(std::string_view name, std::size_t number) {
  return number == 1 ? std::string(name) : absl::StrCat(ToAbsl(name), "_", number);
}

// Calls `take` with each object of the list, at most so many.
template <typename Take>
void EachObject(std::optional<dom::element> list, Take take) {
  if (!list || !list->is_array()) return;
  std::size_t count = 0;
  for (const dom::element each : dom::array(*list)) {
    if (each.is_object() && ++count <= kMostLinks) take(dom::object(each), count);
  }
}

std::string Titled(std::string_view address, std::string_view title) {
  return title.empty() ? std::string(address) : absl::StrCat(ToAbsl(title), ": ", ToAbsl(address));
}

// client_url, links and images of v2 stand beside the payload; v1 has `contexts`.
void AddLinks(dom::object object, EventBuilder& builder) {
  builder.Annotation("client", MemberText(object, "client"));
  const std::string client_url = MemberText(object, "client_url");
  builder.Link(client_url).Annotation("client_url", client_url);
  EachObject(Member(object, "links"), [&](dom::object link, std::size_t number) {
    const std::string href = MemberText(link, "href");
    builder.Link(href).Annotation(Numbered("link", number), Titled(href, MemberText(link, "text")));
  });
  EachObject(Member(object, "images"), [&](dom::object image, std::size_t number) {
    builder.Annotation(Numbered("image", number), Titled(MemberText(image, "src"), MemberText(image, "alt")));
  });
  EachObject(Member(object, "contexts"), [&](dom::object context, std::size_t number) {
    const std::string href = MemberText(context, "href");
    builder.Link(href);
    if (MemberText(context, "type") == "image") {
      builder.Annotation(Numbered("image", number), Titled(MemberText(context, "src"), MemberText(context, "alt")));
    } else {
      builder.Annotation(Numbered("link", number), Titled(href, MemberText(context, "text")));
    }
  });
}

void AddSummary(std::string_view text, EventBuilder& builder) {
  const std::string_view cut = CutChars(text, kSummaryChars);
  builder.Summary(cut);
  if (cut.size() < text.size()) builder.Description(text);
}

// Details that only Netdata's notify script writes.
bool IsNetdata(std::optional<dom::object> details) {
  return details && !TextOf(details, "alarm_id").empty() && !TextOf(details, "chart").empty() &&
         !TextOf(details, "value_w_units").empty();
}

// "WARNING disk_space = 85% - nd1, var": the host stands before the family, which the details name too.
std::string NetdataHost(std::string_view description, std::string_view family) {
  const std::string end = absl::StrCat(", ", ToAbsl(family));
  if (!description.ends_with(end)) return "";
  description.remove_suffix(end.size());
  const std::size_t dash = description.rfind(" - ");
  return dash == std::string_view::npos ? "" : std::string(description.substr(dash + 3));
}

std::string NetdataKey(std::string_view host, std::string_view alarm) {
  return absl::StrCat("netdata:", ToAbsl(host), "/", ToAbsl(alarm));
}

void CheckPayload(std::optional<dom::object> payload, std::vector<std::string>& errors) {
  if (!payload) {
    errors.emplace_back("'payload' is missing or blank");
    return;
  }
  for (const std::string_view name : {"summary", "source"}) {
    if (TextOf(payload, name).empty())
      errors.push_back(absl::StrCat("'payload.", ToAbsl(name), "' is missing or blank"));
  }
  const std::string severity = TextOf(payload, "severity");
  if (severity.empty()) {
    errors.emplace_back("'payload.severity' is missing or blank");
  } else if (severity != "critical" && severity != "warning" && severity != "error" && severity != "info") {
    errors.emplace_back(
        "'payload.severity' is invalid (must be one of the following: 'critical', 'warning', 'error' or 'info')");
  }
}

AlertEvent EventOfV2(dom::object object, std::optional<dom::object> payload, EventKind kind, std::string_view key) {
  EventBuilder builder;
  builder.Kind(kind);
  AddLinks(object, builder);
  if (payload) {
    const std::string summary = TextOf(payload, "summary");
    const std::string name = TextOf(payload, "class");
    builder.Severity(SeverityOf(TextOf(payload, "severity")))
        .StartsAt(TextOf(payload, "timestamp"))
        .Label("alertname", name.empty() ? TruncateUtf8(summary, kAlertnameBytes) : std::string_view(name));
    for (const std::string_view label : {"source", "component", "group", "class"})
      builder.Label(label, TextOf(payload, label));
    AddSummary(summary, builder);
    Annotate(Member(*payload, "custom_details"), "custom_details", builder);
  }
  AlertEvent event = builder.event();
  event.dedup_key = key;
  const std::optional<dom::object> details = MemberObject(payload, "custom_details");
  if (IsNetdata(details)) event.dedup_key = NetdataKey(TextOf(payload, "source"), TextOf(details, "alarm_id"));
  return event;
}

AlertEvent EventOfV1(dom::object object, EventKind kind, std::string_view key) {
  const std::string description = TextOf(object, "description");
  const std::optional<dom::object> details = MemberObject(object, "details");
  EventBuilder builder;
  builder.Kind(kind);
  AddLinks(object, builder);
  for (const std::string_view word : {"severity", "status"}) {
    if (const Severity severity = ParseSeverity(TextOf(details, word)); severity != Severity::kUnknown) {
      builder.Severity(severity);
      break;
    }
  }
  builder.Label("alertname", TruncateUtf8(description, kAlertnameBytes));
  AddSummary(description, builder);
  Annotate(Member(object, "details"), "details", builder);
  AlertEvent event = builder.event();
  event.dedup_key = key;
  if (IsNetdata(details)) {
    const std::string host = NetdataHost(description, TextOf(details, "family"));
    if (!host.empty()) event.dedup_key = NetdataKey(host, TextOf(details, "alarm_id"));
  }
  return event;
}

}  // namespace

PagerDutyEvent ReadPagerDutyV2(std::string_view body, std::string_view fresh_key) {
  PagerDutyEvent read;
  const std::optional<dom::object> object = ReadObject(body);
  if (!object) {
    read.fault.recognised = false;
    return read;
  }
  std::vector<std::string>& errors = read.fault.errors;
  read.routing_key = TextOf(object, "routing_key");
  read.dedup_key = TextOf(object, "dedup_key");
  CheckKey("routing_key", read.routing_key, errors);
  const std::string action = TextOf(object, "event_action");
  const std::optional<EventKind> kind = KindOf(action);
  if (action.empty()) {
    errors.emplace_back("'event_action' is missing or blank");
  } else if (!kind) {
    errors.emplace_back(
        "'event_action' is invalid (must be one of the following: 'trigger', 'acknowledge' or 'resolve')");
  }
  const std::optional<dom::object> payload = MemberObject(object, "payload");
  if (kind == EventKind::kTrigger) {
    CheckPayload(payload, errors);
    if (read.dedup_key.empty()) read.dedup_key = fresh_key;
  } else if (kind && read.dedup_key.empty()) {
    errors.emplace_back("'dedup_key' is missing or blank");
  }
  if (errors.empty()) read.event = EventOfV2(*object, payload, *kind, read.dedup_key);
  return read;
}

PagerDutyEvent ReadPagerDutyV1(std::string_view body, std::string_view fresh_key) {
  PagerDutyEvent read;
  const std::optional<dom::object> object = ReadObject(body);
  if (!object) {
    read.fault.recognised = false;
    return read;
  }
  std::vector<std::string>& errors = read.fault.errors;
  read.routing_key = TextOf(object, "service_key");
  read.dedup_key = TextOf(object, "incident_key");
  CheckKey("service_key", read.routing_key, errors);
  const std::optional<EventKind> kind = KindOf(TextOf(object, "event_type"));
  if (!kind) errors.emplace_back("event_type is invalid (must be one of: trigger acknowledge resolve)");
  if (kind == EventKind::kTrigger) {
    if (TextOf(object, "description").empty()) errors.emplace_back("description is missing or blank");
    if (read.dedup_key.empty()) read.dedup_key = fresh_key;
  } else if (kind && read.dedup_key.empty()) {
    errors.emplace_back("incident_key is missing or blank");
  }
  if (errors.empty()) read.event = EventOfV1(*object, *kind, read.dedup_key);
  return read;
}

PagerDutyChange ReadPagerDutyChange(std::string_view body) {
  PagerDutyChange read;
  const std::optional<dom::object> object = ReadObject(body);
  if (!object) {
    read.fault.recognised = false;
    return read;
  }
  std::vector<std::string>& errors = read.fault.errors;
  read.routing_key = TextOf(object, "routing_key");
  CheckKey("routing_key", read.routing_key, errors);
  const std::optional<dom::object> payload = MemberObject(object, "payload");
  if (!payload) {
    errors.emplace_back("'payload' is missing or blank");
    return read;
  }
  ChangeEvent& change = read.change;
  change.summary = CutChars(TextOf(payload, "summary"), kSummaryChars);
  if (change.summary.empty()) errors.emplace_back("'payload.summary' is missing or blank");
  change.source = TextOf(payload, "source");
  change.at = ParseAnyTime(TextOf(payload, "timestamp")).value_or(absl::Time());
  const std::optional<dom::object> details = MemberObject(payload, "custom_details");
  change.service = ServiceId(TextOf(details, "service"));
  if (const std::optional<dom::element> all = Member(*payload, "custom_details")) change.details = JsonText(*all);
  EachObject(Member(*object, "links"), [&](dom::object link, std::size_t) {
    change.links.push_back({MemberText(link, "href"), MemberText(link, "text")});
  });
  Bound(change);
  return read;
}

}  // namespace tocsin
