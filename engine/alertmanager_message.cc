#include "engine/alertmanager_message.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"

#include "base/strings.h"

namespace tocsin {
namespace {

constexpr std::string_view kFiring = "firing";
constexpr std::string_view kResolved = "resolved";
// What Go prints for an instant that was never set: the end of an alert that fires.
constexpr std::string_view kNever = "0001-01-01T00:00:00Z";
// Each alert begins with its identity, so that a body can be read back without parsing what strangers wrote.
constexpr std::string_view kAlerts = "{\"version\":\"4\",\"alerts\":[";
constexpr std::string_view kFingerprint = "{\"fingerprint\":\"";
constexpr std::string_view kStatus = "\",\"status\":\"";
constexpr std::size_t kHexDigits = 16;

std::uint64_t FingerprintOf(const AlertSummary& alert) {
  std::vector<LabelView> views;
  for (const Label& label : alert.labels)
    views.push_back({label.name, label.value});
  return Fingerprint(views);
}

std::string Time(absl::Time at) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", at, absl::UTCTimeZone());
}

std::string Object(const Labels& labels) {
  std::string out = "{";
  for (const Label& label : labels)
    absl::StrAppend(&out, out.size() > 1 ? "," : "", JsonQuote(label.name), ":", JsonQuote(label.value));
  return out + "}";
}

std::string AlertObject(const AlertSummary& alert) {
  return absl::StrCat(ToAbsl(kFingerprint), absl::StrFormat("%016x", FingerprintOf(alert)), ToAbsl(kStatus),
                      ToAbsl(alert.firing ? kFiring : kResolved), "\",\"labels\":", Object(alert.labels),
                      ",\"annotations\":", Object(alert.annotations), ",\"startsAt\":\"", Time(alert.starts_at),
                      "\",\"endsAt\":\"", alert.firing ? std::string(kNever) : Time(alert.fired_at),
                      "\",\"generatorURL\":", JsonQuote(alert.link), "}");
}

// Those that all have, with the same value.
Labels Common(std::span<const AlertSummary> alerts, Labels AlertSummary::*labels) {
  Labels common = alerts.front().*labels;
  for (const AlertSummary& alert : alerts.subspan(1)) {
    const Labels& own = alert.*labels;
    std::erase_if(common, [&](const Label& label) { return std::ranges::find(own, label) == own.end(); });
  }
  return common;
}

// The matchers of the routes from the root to `id`; false: it is not below `route`.
bool FindWay(const Route& route, const RouteId& id, std::vector<std::string>& way) {
  std::vector<Matcher> matchers = route.matchers;
  std::ranges::sort(matchers, {}, [](const Matcher& m) { return std::tie(m.name, m.value, m.op); });
  way.push_back(Format(matchers));
  if (route.id == id) return true;
  for (const Route& child : route.children)
    if (FindWay(child, id, way)) return true;
  way.pop_back();
  return false;
}

// Alerts with the label stand before those without.
int CompareBy(std::string_view name, const AlertSummary& a, const AlertSummary& b) {
  const std::string_view of_a = Find(a.labels, name);
  const std::string_view of_b = Find(b.labels, name);
  if (of_a.empty() != of_b.empty()) return of_a.empty() ? 1 : -1;
  return of_a.compare(of_b);
}

bool ComesBefore(const AlertSummary& a, const AlertSummary& b) {
  for (const std::string_view name : {"job", "instance"}) {
    if (const int order = CompareBy(name, a, b); order != 0) return order < 0;
  }
  if (a.labels.size() != b.labels.size()) return a.labels.size() < b.labels.size();
  return a.labels < b.labels;
}

// Past the JSON value that `text` begins with; npos when there is none. Values are ours: only strings are looked into.
std::size_t SkipObject(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{') {
      ++depth;
    } else if (c == '}' && --depth == 0) {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

void Sort(Standing& standing) {
  std::ranges::sort(standing.firing);
  std::ranges::sort(standing.resolved);
}

}  // namespace

void SortMembers(std::vector<AlertSummary>& alerts) {
  std::ranges::sort(alerts, ComesBefore);
  if (alerts.size() > kMembersTold) alerts.resize(kMembersTold);
}

std::string AlertmanagerGroupKey(const Organisation& organisation, const Group& group) {
  std::vector<std::string> way;
  std::string key;
  if (FindWay(organisation.route, group.route.id, way)) {
    for (const std::string& step : way)
      absl::StrAppend(&key, key.empty() ? "" : "/", step);
  } else {  // the route is gone: what it was stands in the group
    key = absl::StrCat("{}/", Format(group.route.matchers));
  }
  return absl::StrCat(key, ":", Format(group.labels));
}

std::string AlertmanagerBody(const Organisation& organisation,
                             const Group& group,
                             std::span<const AlertSummary> alerts) {
  std::string list;
  std::size_t listed = 0;
  for (; listed < alerts.size(); ++listed) {
    const std::string alert = AlertObject(alerts[listed]);
    if (listed > 0 && list.size() + alert.size() > kAlertmanagerBodyBytes) break;
    absl::StrAppend(&list, listed > 0 ? "," : "", alert);
  }
  const std::span<const AlertSummary> told = alerts.first(listed);
  const bool firing = std::ranges::any_of(told, &AlertSummary::firing);
  return absl::StrCat(ToAbsl(kAlerts), list, "],\"receiver\":", JsonQuote(group.route.receiver.value()),
                      ",\"status\":\"", ToAbsl(firing ? kFiring : kResolved),
                      "\",\"groupLabels\":", Object(group.labels),
                      ",\"commonLabels\":", Object(Common(told, &AlertSummary::labels)),
                      ",\"commonAnnotations\":", Object(Common(told, &AlertSummary::annotations)),
                      ",\"externalURL\":", JsonQuote(organisation.public_url),
                      ",\"groupKey\":", JsonQuote(AlertmanagerGroupKey(organisation, group)),
                      ",\"truncatedAlerts\":", alerts.size() - listed, "}");
}

Standing StandingOf(std::span<const AlertSummary> alerts) {
  Standing standing;
  for (const AlertSummary& alert : alerts)
    (alert.firing ? standing.firing : standing.resolved).push_back(FingerprintOf(alert));
  Sort(standing);
  return standing;
}

std::optional<Standing> StandingIn(std::string_view body) {
  if (!body.starts_with(kAlerts)) return std::nullopt;
  body.remove_prefix(kAlerts.size());
  Standing standing;
  while (body.starts_with(kFingerprint)) {
    const std::size_t size = SkipObject(body);
    std::uint64_t fingerprint = 0;
    if (size == std::string_view::npos ||
        !absl::SimpleHexAtoi(ToAbsl(body.substr(kFingerprint.size(), kHexDigits)), &fingerprint)) {
      return std::nullopt;
    }
    const std::string_view status = body.substr(kFingerprint.size() + kHexDigits + kStatus.size());
    (status.starts_with(kFiring) ? standing.firing : standing.resolved).push_back(fingerprint);
    body.remove_prefix(size);
    if (body.starts_with(',')) body.remove_prefix(1);
  }
  Sort(standing);
  return standing;
}

}  // namespace tocsin
