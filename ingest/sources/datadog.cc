// Datadog's webhooks. The body is whatever the user's template says, so members are found by aliases, in JSON or as a form.
//
// Identity, the first that is there: $ALERT_CYCLE_KEY, $AGGREG_KEY, $ALERT_ID with $ALERT_SCOPE, the title without its
// "[P2] [Triggered on {host:web-03}]" with that scope. Never $ID: a recovery has another.
// State: $ALERT_TRANSITION, else the title's bracket, else $ALERT_TYPE success. $ALERT_STATUS is prose.
#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "base/status.h"
#include "base/strings.h"
#include "ingest/fields.h"
#include "ingest/source.h"
#include "ingest/timestamps.h"

namespace tocsin {
namespace {

struct Title {
  std::string text;   // without brackets
  std::string state;  // "triggered on", "recovered"
  std::string scope;  // host:web-03,env:prod
  std::string priority;
};

// "[P2] [Triggered on {host:web-03}] CPU high" -> CPU high, P2, triggered on, host:web-03.
Title ParseTitle(std::string_view raw) {
  Title title;
  raw = Trim(raw);
  while (raw.starts_with('[')) {
    const std::size_t end = raw.find(']');
    if (end == std::string_view::npos) break;
    std::string_view inside = raw.substr(1, end - 1);
    if (inside.size() == 2 && inside[0] == 'P' && inside[1] >= '1' && inside[1] <= '5') {
      title.priority = inside;
    } else {
      const std::size_t brace = std::min(inside.find('{'), inside.size());
      title.state = ToLower(Trim(inside.substr(0, brace)));
      if (brace < inside.size()) title.scope = inside.substr(brace + 1, inside.find('}') - brace - 1);
    }
    raw = Trim(raw.substr(end + 1));
  }
  title.text = raw;
  return title;
}

std::vector<std::string> SortedParts(std::string_view list) {
  std::vector<std::string> parts;
  for (const std::string& part : std::vector<std::string>(absl::StrSplit(ToAbsl(list), ',', absl::SkipWhitespace()))) {
    parts.emplace_back(Trim(part));
  }
  std::ranges::sort(parts);
  parts.erase(std::unique(parts.begin(), parts.end()), parts.end());
  return parts;
}

EventKind KindOf(const Fields& fields, const Title& title) {
  const auto is_recovery = [](std::string_view word) {
    const std::string lower = ToLower(word);
    return lower.starts_with("recover") || lower.starts_with("resolve") || lower == "ok";
  };
  const std::string_view transition = fields.Get({"alerttransition", "transition"});
  if (!transition.empty()) return is_recovery(transition) ? EventKind::kResolve : EventKind::kTrigger;
  if (!title.state.empty()) return is_recovery(title.state) ? EventKind::kResolve : EventKind::kTrigger;
  const bool success = absl::EqualsIgnoreCase(ToAbsl(fields.Get({"alerttype"})), "success");
  return success ? EventKind::kResolve : EventKind::kTrigger;
}

Severity SeverityOf(const Fields& fields, const Title& title) {
  const std::string_view priority = fields.Get({"alertpriority", "severity"});
  if (const Severity severity = ParseSeverity(priority); severity != Severity::kUnknown) return severity;
  if (const Severity severity = ParseSeverity(title.priority); severity != Severity::kUnknown) return severity;
  const std::string type = ToLower(fields.Get({"alerttype"}));
  if (type == "error") return Severity::kHigh;
  if (type == "warning") return Severity::kWarning;
  if (type == "info") return Severity::kInfo;
  return Severity::kUnknown;
}

std::string IdentityOf(const Fields& fields, const Title& title, std::string_view scope) {
  if (const auto key = fields.Get({"alertcyclekey", "cyclekey"}); !key.empty())
    return absl::StrCat("cycle:", ToAbsl(key));
  if (const auto key = fields.Get({"aggregkey", "aggregationkey"}); !key.empty())
    return absl::StrCat("aggreg:", ToAbsl(key));
  const std::string sorted_scope = absl::StrJoin(SortedParts(scope), ",");
  if (const auto id = fields.Get({"alertid", "monitorid"}); !id.empty()) {
    return absl::StrCat("monitor:", ToAbsl(id), ":", sorted_scope);
  }
  if (title.text.empty()) return "";
  return absl::StrCat("title:", title.text, ":", sorted_scope, ":", ToAbsl(fields.Get({"org.id", "orgid"})));
}

// "env:prod,host:a,host:b,monitor" -> env=prod, host=a,b; the bare ones are given back.
std::string AddTagLabels(std::string_view tags, std::map<std::string, std::string>& labels) {
  std::vector<std::string> bare;
  for (const std::string& tag : SortedParts(tags)) {
    const std::size_t colon = tag.find(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == tag.size()) {
      bare.push_back(tag);
      continue;
    }
    std::string& value = labels[tag.substr(0, colon)];
    const std::string more = tag.substr(colon + 1);
    const std::vector<std::string> known = absl::StrSplit(value, ',');
    if (std::ranges::find(known, more) != known.end()) continue;
    value += value.empty() ? more : "," + more;
  }
  return absl::StrJoin(bare, ",");
}

// Datadog fences its markdown in %%%.
std::string WithoutFences(std::string_view body) {
  body = Trim(body);
  if (body.starts_with("%%%")) body.remove_prefix(3);
  if (body.ends_with("%%%")) body.remove_suffix(3);
  return std::string(Trim(body));
}

constexpr std::size_t kMostTagLabels = 48;  // of 64; the rest of a very long tag list is for people

Labels LabelsOf(const Fields& fields, const Title& title, std::string_view scope, Labels& annotations) {
  std::map<std::string, std::string> named;
  const std::string_view tags = fields.Get({"tags", "eventtags", "alerttags"});
  std::string rest = AddTagLabels(tags, named);
  AddTagLabels(scope, named);
  Labels labels;
  for (auto& [name, value] : named) {
    if (labels.size() < kMostTagLabels) labels.push_back({name, value});
  }
  if (labels.size() < named.size()) rest = tags;
  if (!rest.empty()) annotations.push_back({"tags", rest});
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) labels.push_back({std::string(name), std::string(TruncateUtf8(value, 4096))});
  };
  const std::string_view metric = fields.Get({"alertmetric", "metric"});
  add("alertname", title.text.empty() ? (metric.empty() ? std::string_view("Datadog monitor") : metric) : title.text);
  add("monitor_id", fields.Get({"alertid", "monitorid"}));
  if (!named.contains("host")) add("host", fields.Get({"hostname", "host"}));
  return labels;
}

Reading ReadOne(const Fields& fields) {
  const Title title = ParseTitle(fields.Get({"alerttitle", "title", "eventtitle"}));
  std::string_view scope = fields.Get({"alertscope", "scope", "scopes"});
  if (scope.empty()) scope = title.scope;
  AlertEvent event;
  event.dedup_key = IdentityOf(fields, title, scope);
  if (event.dedup_key.empty()) {
    return Reading::Rejected("neither alert_cycle_key, aggreg_key, alert_id nor title has a value");
  }
  event.kind = KindOf(fields, title);
  event.severity = SeverityOf(fields, title);
  event.labels = LabelsOf(fields, title, scope, event.annotations);
  const auto annotate = [&](std::string_view name, std::string_view text) {
    if (!text.empty()) event.annotations.push_back({std::string(name), std::string(text)});
  };
  annotate("summary", title.text);
  annotate("description", WithoutFences(fields.Get({"body", "eventmsg", "textonlymsg", "message"})));
  annotate("transition", fields.Get({"alerttransition", "transition"}));
  annotate("status", fields.Get({"alertstatus"}));
  annotate("query", fields.Get({"alertquery", "query"}));
  annotate("snapshot", fields.Get({"snapshot"}));
  const std::string_view date = fields.Get({"date", "dateposix", "lastupdated"});
  (event.kind == EventKind::kResolve ? event.ends_at : event.starts_at) = ParseAnyTime(date);
  event.link = fields.Get({"link", "url"});
  return Reading::Of(std::move(event));
}

absl::StatusOr<Readings> Parse(const SourceRequest& request, const Now&) {
  return ReadEachFields(request, /*with_lines=*/false, ReadOne);
}

}  // namespace

const Source kDatadogSource = {
    .name = "datadog",
    .product = "Datadog",
    .parse = Parse,
    .example =
        R"({"alert_id":"4711","alert_transition":"Triggered","alert_scope":"host:db1","title":"disk full on db1"})",
    .setup =
        R"(Integrations > Webhooks > New: this URL, this payload; then add @webhook-NAME to the messages of your monitors.

URL      {url}
Payload  {"alert_cycle_key": "$ALERT_CYCLE_KEY", "alert_id": "$ALERT_ID", "alert_transition": "$ALERT_TRANSITION",
          "alert_scope": "$ALERT_SCOPE", "alert_priority": "$ALERT_PRIORITY", "alert_type": "$ALERT_TYPE",
          "title": "$EVENT_TITLE", "body": "$EVENT_MSG", "tags": "$TAGS", "hostname": "$HOSTNAME", "date": "$DATE",
          "link": "$LINK", "snapshot": "$SNAPSHOT", "org": {"id": "$ORG_ID"}})",
};

}  // namespace tocsin
