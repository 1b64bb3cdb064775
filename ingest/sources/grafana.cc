// Grafana's webhook contact point: unified alerting (version "1", Grafana 8 and later), and the classic alerting before it.
// https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
//
// Unified: shaped like Alertmanager's. Each alert has its own status; the group's, and `state`, say nothing about its members.
// Identity: the fingerprint, else the label set. Texts (title, message) hold "firing" and "resolved" and are no identity.
// Alerts beyond the contact point's maximum are absent, which is not a recovery.
//
// Signature: the hex HMAC-SHA256 of the body, or of "TIME:BODY" where the contact point names a header for the time. People choose the
// names of both headers, so all that look like one are tried.
//
// Classic: one rule a POST, no time stamp. Identity: organisation and rule, with the host of its address, since numbers collide
// between Grafanas. `pending` is no alert yet.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/json_view.h"
#include "ingest/signature.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"

namespace tocsin {
namespace {

namespace dom = simdjson::dom;

bool IsAbsolute(std::string_view url) {
  return url.starts_with("https://") || url.starts_with("http://");
}

// Links may be relative, and are empty where there is nothing to show: the nearest to what somebody wants to look at.
std::string LinkOf(dom::object alert, const std::string& external_url) {
  for (const std::string_view name : {"panelURL", "dashboardURL", "generatorURL"}) {
    std::string url = MemberText(alert, name);
    if (IsAbsolute(url)) return url;
  }
  return IsAbsolute(external_url) ? external_url : "";
}

void Annotate(AlertEvent& event, std::string_view name, std::string value) {
  if (!value.empty() && Find(event.annotations, name).empty())
    event.annotations.push_back({std::string(name), std::move(value)});
}

// What all alerts of a notification have in common.
struct Notice {
  std::string status;
  std::string external_url;
  std::string truncated;  // how many alerts were cut off; empty: none
};

Reading ReadAlert(dom::element value, const Notice& notice) {
  if (!value.is_object())
    return Reading::Rejected(absl::StrFormat("expected an object, found %s", JsonTypeName(value)));
  const dom::object alert(value);
  AlertEvent event;
  event.labels = MemberTexts(alert, "labels");
  event.annotations = MemberTexts(alert, "annotations");
  event.dedup_key = MemberText(alert, "fingerprint");
  if (event.labels.empty() && event.dedup_key.empty()) return Reading::Rejected("labels: missing or empty");
  std::string status = ToLower(MemberText(alert, "status"));
  if (status.empty()) status = notice.status;
  event.kind = status == "resolved" || status == "ok" ? EventKind::kResolve : EventKind::kTrigger;
  if (event.kind == EventKind::kTrigger && !status.empty() && status != "firing") Annotate(event, "status", status);
  event.starts_at = ParseAnyTime(MemberText(alert, "startsAt"));
  if (event.kind == EventKind::kResolve) event.ends_at = ParseAnyTime(MemberText(alert, "endsAt"));
  event.link = LinkOf(alert, notice.external_url);
  Annotate(event, "value", MemberText(alert, "valueString"));
  Annotate(event, "value", MemberText(alert, "values"));
  Annotate(event, "silence_url", MemberText(alert, "silenceURL"));
  Annotate(event, "image_url", MemberText(alert, "imageURL"));
  if (!notice.truncated.empty()) {
    Annotate(
        event, "truncated_alerts",
        absl::StrFormat("%s more alerts of this group were cut off by the contact point's maximum", notice.truncated));
  }
  return Reading::Of(std::move(event));
}

Readings ReadUnified(dom::object body, dom::array alerts) {
  Notice notice{
      .status = ToLower(MemberText(body, "status")), .external_url = MemberText(body, "externalURL"), .truncated = {}};
  if (const std::string truncated = MemberText(body, "truncatedAlerts"); !truncated.empty() && truncated[0] > '0') {
    notice.truncated = truncated;
  }
  Readings readings;
  for (const dom::element& alert : alerts)
    readings.push_back(ReadAlert(alert, notice));
  if (readings.empty()) readings.push_back(Reading::Ignored("alerts: empty"));
  return readings;
}

std::string HostOf(std::string_view url) {
  const std::size_t start = url.find("://");
  if (start == std::string_view::npos) return "";
  url.remove_prefix(start + 3);
  return ToLower(url.substr(0, url.find_first_of("/?#")));
}

// What names the rule: its number, else what people call it.
std::string RuleOf(const JsonView& body) {
  std::string rule = body.Text("ruleId");
  return rule.empty() ? body.Text("ruleName") : rule;
}

Reading ReadClassic(dom::object body, const JsonView& view) {
  const std::string state = ToLower(MemberText(body, "state"));
  if (state == "pending") return Reading::Ignored("state pending: the rule has not fired yet");
  AlertEvent event;
  event.kind = state == "ok" || state == "paused" ? EventKind::kResolve : EventKind::kTrigger;
  const std::string url = MemberText(body, "ruleUrl");
  event.dedup_key = absl::StrCat(HostOf(url), "/", view.Text("orgId"), "/", RuleOf(view));
  event.labels = MemberTexts(body, "tags");
  std::erase_if(event.labels, [](const Label& label) { return label.name == "alertname"; });
  std::string name = MemberText(body, "ruleName");
  if (name.empty()) name = MemberText(body, "title");
  event.labels.push_back({"alertname", name.empty() ? "rule " + RuleOf(view) : name});
  event.link = IsAbsolute(url) ? url : "";
  Annotate(event, "title", MemberText(body, "title"));
  Annotate(event, "message", MemberText(body, "message"));
  Annotate(event, "image_url", MemberText(body, "imageUrl"));
  if (event.kind == EventKind::kTrigger) {
    Annotate(event, "state", state);
    if (const std::optional<dom::element> matches = Member(body, "evalMatches"); matches && matches->is_array()) {
      if (dom::array(*matches).size() > 0) Annotate(event, "value", JsonText(*matches));
    }
  }
  return Reading::Of(std::move(event));
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  if (Trim(request.body).empty()) return Invalid("the body is empty");
  TOCSIN_ASSIGN(const dom::element document, ThreadJsonReader().Read(request.body, JsonReader::Manner::kLenient));
  if (!document.is_object()) return Invalid("expected an object, found %s", JsonTypeName(document));
  const dom::object body(document);
  const std::optional<dom::element> alerts = Member(body, "alerts");
  if (alerts && !alerts->is_array()) return Invalid("alerts: expected an array, found %s", JsonTypeName(*alerts));
  if (alerts) return ReadUnified(body, dom::array(*alerts));
  if (const JsonView view(document); !RuleOf(view).empty()) return Readings{ReadClassic(body, view)};
  return Invalid(
      "alerts: missing; a contact point with a payload template of its own goes to an integration of source generic");
}

// ---- signatures ----

constexpr std::string_view kSignatureHeader = "X-Grafana-Alerting-Signature";
constexpr absl::Duration kTolerance = absl::Minutes(5);

bool IsUnixTime(std::string_view text) {
  return text.size() == 10 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool IsSha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

constexpr std::size_t kMostCandidates = 4;  // of each kind: a MAC over a large body is not free

absl::Status VerifyWith(const SourceRequest& request,
                        std::string_view header,
                        std::string_view secret,
                        absl::Time received) {
  const absl::Status status = CheckHmac(request, {.name = header}, secret);
  if (status.ok()) return status;
  std::size_t tried = 0;
  for (const HttpHeader& time : request.headers) {
    if (!IsUnixTime(time.value) || ++tried > kMostCandidates) continue;
    const std::string text = absl::StrCat(time.value, ":", ToAbsl(request.body));
    if (!CheckHmac(request, {.name = header}, secret, text).ok()) continue;
    return CheckSignedAt(time.name, time.value, received, kTolerance);
  }
  return status;
}

absl::Status Verify(const SourceRequest& request, std::string_view secret, absl::Time received) {
  const absl::Status status = VerifyWith(request, kSignatureHeader, secret, received);
  if (status.ok() || !FindHeader(request.headers, kSignatureHeader).empty()) return status;
  std::size_t tried = 0;
  for (const HttpHeader& header : request.headers) {
    if (!IsSha256(header.value) || ++tried > kMostCandidates) continue;
    if (VerifyWith(request, header.name, secret, received).ok()) return absl::OkStatus();
  }
  return status;
}

}  // namespace

const Source kGrafanaSource = {
    .name = "grafana",
    .also = "grafana_legacy",
    .product = "Grafana",
    .parse = Parse,
    .verify = Verify,
    .example =
        R"({"version":"1","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"DiskFull"},"fingerprint":"57c6d929"}]})",
    .setup =
        R"(Alerting > Contact points > Add: type Webhook, URL as here, method POST, "Disable resolved message" off. Or by provisioning:

apiVersion: 1
contactPoints:
  - name: tocsin
    receivers:
      - uid: tocsin
        type: webhook
        settings:
          url: {url}
          httpMethod: POST
          hmacConfig: {secret: A-RANDOM-WORD}   # if the integration has a secret: the same word)",
};

}  // namespace tocsin
